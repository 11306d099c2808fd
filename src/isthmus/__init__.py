"""One SQL question over Salesforce and everything around it, answered live.

>>> import isthmus
>>> "connect" in isthmus.__all__
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isthmus.engine.connection import Connection, connect
    from isthmus.engine.jobs.model import Callback, Retry, SyncJob, WriteJob
    from isthmus.engine.result import Result
    from isthmus.errors import IsthmusError

__version__ = "0.1.0"
__all__ = [
    "Callback",
    "Connection",
    "IsthmusError",
    "Result",
    "Retry",
    "SyncJob",
    "WriteJob",
    "__version__",
    "connect",
]

# Names are loaded when first used: the local org and the error tree need neither DuckDB nor Arrow.
_HOMES = {
    "connect": "isthmus.engine.connection",
    "Connection": "isthmus.engine.connection",
    "Result": "isthmus.engine.result",
    "Callback": "isthmus.engine.jobs.model",
    "Retry": "isthmus.engine.jobs.model",
    "SyncJob": "isthmus.engine.jobs.model",
    "WriteJob": "isthmus.engine.jobs.model",
    "IsthmusError": "isthmus.errors",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'isthmus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
