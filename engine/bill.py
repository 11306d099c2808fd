"""What a query was predicted to cost, and what it did cost, per fragment and in all."""

from __future__ import annotations

from dataclasses import dataclass, field

from isthmus.connectors.contract import Bill, Fragment

__all__ = ["FragmentBill", "QueryBill"]


@dataclass(frozen=True)
class FragmentBill:
    """One fragment's two bills; it unpacks as ``fragment, actual``."""

    fragment: Fragment
    actual: Bill

    @property
    def estimated(self) -> Bill:
        """The bill as it was predicted."""
        return self.fragment.estimate

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter((self.fragment, self.actual))


@dataclass(frozen=True)
class QueryBill:
    """A query's bill.

    Attributes:
        fragments: one entry for each fragment that was sent, or would be.
        metadata: descriptions and counts fetched for this query; kept for the connection.
    """

    fragments: tuple[FragmentBill, ...] = ()
    metadata: Bill = field(default_factory=Bill)

    @property
    def estimated(self) -> Bill:
        """The predicted total."""
        return sum((f.estimated for f in self.fragments), Bill())

    @property
    def actual(self) -> Bill:
        """The actual total so far; seconds are those of the slowest fragment's side by side."""
        return sum((f.actual for f in self.fragments), Bill())

    def __str__(self) -> str:
        e, a = self.estimated, self.actual
        return (
            f"calls {a.calls} (predicted {e.calls}), rows {a.rows:,} (predicted {e.rows:,}), "
            f"bytes {a.bytes:,} (predicted {e.bytes:,})"
        )
