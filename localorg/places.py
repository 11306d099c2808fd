"""Which address the org calls itself by, towards one client."""

from __future__ import annotations

from isthmus.localorg.exchange import Request
from isthmus.localorg.org import Org


def instance_url(org: Org, request: Request) -> str:
    """The base URL to go on with: the host the client called, by the scheme it called with.

    A client that was led here in the name of a Salesforce login host is told the real address.
    """
    host = request.header("host")
    own = org.addresses.get(request.scheme)
    if own and (not host or host.partition(":")[0].endswith("salesforce.com")):
        return own
    return f"{request.scheme}://{host}"
