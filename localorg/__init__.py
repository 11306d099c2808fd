"""A Salesforce-compatible server for tests and demos. Knows nothing of the other rooms."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isthmus.localorg.inprocess import LocalOrg

__all__ = ["LocalOrg"]


def __getattr__(name: str) -> Any:
    # Late, so that a part of the org can be used without loading a server.
    if name == "LocalOrg":
        from isthmus.localorg.inprocess import LocalOrg

        return LocalOrg
    raise AttributeError(f"isthmus.localorg has no {name}")
