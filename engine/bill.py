"""What a query was predicted to cost, and what it did cost, per fragment and in all."""

from __future__ import annotations

from dataclasses import dataclass, field

from isthmus.connectors.contract import Bill, Fragment
from isthmus.engine.display import spread

__all__ = ["FragmentBill", "QueryBill"]


@dataclass(frozen=True)
class FragmentBill:
    """One fragment's two bills; it unpacks as ``fragment, actual``."""

    fragment: Fragment
    actual: Bill

    @property
    def estimated(self) -> Bill:
        """The bill as it was predicted: the likeliest."""
        return self.fragment.estimate

    @property
    def low(self) -> Bill:
        """The least that was predicted, if it is read to its end."""
        return self.fragment.low

    @property
    def high(self) -> Bill | None:
        """The most that was predicted, if no request fails; None where nobody could tell."""
        return self.fragment.high

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
    def low(self) -> Bill:
        """The least that was predicted in all."""
        return sum((f.low for f in self.fragments), Bill())

    @property
    def high(self) -> Bill | None:
        """The most that was predicted in all; None where nobody could tell."""
        bills = [f.high for f in self.fragments]
        known = [b for b in bills if b is not None]
        return sum(known, Bill()) if len(known) == len(bills) else None

    @property
    def actual(self) -> Bill:
        """The actual total so far; seconds are those of the slowest fragment's side by side."""
        return sum((f.actual for f in self.fragments), Bill())

    def __str__(self) -> str:
        e, a = self.estimated, self.actual
        figures = (
            f"{name} {getattr(a, name):,} (predicted {getattr(e, name):,}{self._spread(name)})"
            for name in ("calls", "rows", "bytes")
        )
        return ", ".join(figures)

    def _spread(self, name: str) -> str:
        low, high = self.low, self.high
        if name == "bytes" or (high is None and low == Bill()):
            return ""
        most = None if high is None else getattr(high, name)
        found = spread(getattr(self.estimated, name), getattr(low, name), most)
        return f", {found[2:-1]}" if found else ""
