"""Leads Salesforce's login hosts to the local org, as an entry in a hosts file would.

Python loads this at start, before the client. LOCAL_ORG_HOSTS holds `HOST=IP:PORT,...`.
"""

from __future__ import annotations

import os
import socket
from typing import Any

_HOSTS = dict(pair.split("=") for pair in os.environ.get("LOCAL_ORG_HOSTS", "").split(",") if pair)
_looked_up = socket.getaddrinfo


def _getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if name in _HOSTS:
        host, port = _HOSTS[name].split(":")
    return _looked_up(host, port, *args, **kwargs)


if _HOSTS:
    socket.getaddrinfo = _getaddrinfo
