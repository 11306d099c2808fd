"""How the parts of a write are sent: as suits each, or by fewer calls where budgets want that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from isthmus.connectors.writing import WriteFragment, Writer
from isthmus.engine.writes.parts import Part

__all__ = ["fragments_of"]


def fragments_of(
    parts: Sequence[tuple[Part, int]],
    writer: Writer,
    *,
    all_or_none: bool,
    calls_left: int | None,
) -> tuple[WriteFragment, ...]:
    """How each part is sent.

    While all together are predicted to need more calls than there are, one part after another is
    planned with what the others leave to it.

    Args:
        parts: the parts, and how many rows each has.
        writer: of their source.
        all_or_none: as in `WriteRequest`.
        calls_left: the calls that budgets leave for all of them; None: no bound.

    Raises:
        Refused: the source can't do it.
    """
    fragments = [writer.plan(part.request(rows, all_or_none=all_or_none)) for part, rows in parts]
    for i in range(len(fragments)):
        needed = sum(fragment.estimate.calls for fragment in fragments)
        if calls_left is None or needed <= calls_left:
            break
        left = max(calls_left - needed + fragments[i].estimate.calls, 0)
        fragments[i] = writer.plan(replace(fragments[i].request, calls_left=left))
    return tuple(fragments)
