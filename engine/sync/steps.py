"""From staged rows to parts for the target; the same staged rows give the same parts again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.targets.contract import Layout, Part, PartKind
from isthmus.engine.sync.shape import Shape
from isthmus.engine.sync.stage import Stage

__all__ = ["deletions", "flagged", "read_keys", "removals", "write_keys"]


def write_keys(path: Path, keys: pa.Array) -> None:
    """Stage the keys that a source says were deleted."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with pa.OSFile(str(new), "wb") as file:
        table = pa.table({"key": keys})
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    new.replace(path)


def read_keys(path: Path) -> pa.Array | None:
    """The keys that were staged; None: none were."""
    if not path.exists():
        return None
    with pa.OSFile(str(path), "rb") as file:
        return pa.ipc.open_file(file).read_all().column("key").combine_chunks()


def deletions(keys: pa.Array | None, changed: Stage, shape: Shape, rows: int) -> Iterator[pa.Table]:
    """Keys that were deleted and of which the changes do not tell: these were read later."""
    if keys is None or not len(keys):
        return
    keys = pc.unique(keys)
    for part in changed.parts():
        told = part.column(shape.key[0])
        keys = keys.filter(pc.invert(pc.is_in(keys, value_set=told.combine_chunks())))
    for at in range(0, len(keys), rows):
        yield pa.table([keys.slice(at, rows)], names=list(shape.key))


def flagged(part: pa.Table, shape: Shape, *, marks: bool) -> Iterator[Part]:
    """Changed rows: those that are there, and those that are deleted by their own word."""
    if shape.flag is None or marks or shape.flag not in part.schema.names:
        yield Part(PartKind.UPSERT, part)
        return
    deleted = pc.fill_null(part.column(shape.flag), False)
    for kind, chosen in ((PartKind.DELETE, deleted), (PartKind.UPSERT, pc.invert(deleted))):
        rows = part.filter(chosen)
        if rows.num_rows:
            yield Part(kind, rows.select(list(shape.key)) if kind is PartKind.DELETE else rows)


def removals(
    tables: Iterable[pa.Table], layout: Layout, shape: Shape, *, marks: bool
) -> Iterator[Part]:
    """Keys whose rows go, or are marked."""
    for keys in tables:
        if not keys.num_rows:
            continue
        if not marks:
            yield Part(PartKind.DELETE, keys)
            continue
        assert shape.flag is not None
        flag = layout.schema.field(shape.flag)
        yes = pa.array([True] * keys.num_rows, flag.type)
        yield Part(PartKind.PATCH, keys.append_column(flag.name, yes))
