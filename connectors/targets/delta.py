"""A copy as a Delta Lake table: each step is one commit, which carries the state.

Times of day are texts, for Delta has no such type.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from isthmus.catalog.targets import TargetConfig
from isthmus.connectors.targets.contract import (
    Change,
    ColumnChange,
    Layout,
    Part,
    PartKind,
    Target,
    foreign,
)
from isthmus.connectors.targets.evolving import evolved
from isthmus.connectors.targets.feeding import Feed
from isthmus.connectors.targets.keyed import demand_unique
from isthmus.connectors.targets.values import converted
from isthmus.errors import MissingExtra, TargetError, TargetUnavailable

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable

__all__ = ["Delta"]

#: The key of the state in a commit's metadata.
_STATE: Final = "isthmus.state"
#: The application whose transactions a commit with a state is; it outlives the commit's metadata.
_APPLICATION: Final = "isthmus"

_WIDER: Final = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.large_string(): pa.string(),
    pa.large_binary(): pa.binary(),
}
_PLAIN: Final = frozenset(
    {
        pa.bool_(),
        pa.int8(),
        pa.int16(),
        pa.int32(),
        pa.int64(),
        pa.float32(),
        pa.float64(),
        pa.string(),
        pa.binary(),
        pa.date32(),
    }
)


class Delta(Target):
    """A Delta table, in a folder or an object store."""

    def __init__(self, config: TargetConfig) -> None:
        super().__init__(config)
        self._path: str = config.options["path"]
        self._storage: dict[str, str] | None = config.options.get("storage_options")

    def stored(self, type: pa.DataType) -> pa.DataType | None:
        """Delta's types; unsigned numbers as the next wider signed one, times of day as text."""
        if type in _PLAIN or pa.types.is_decimal128(type):
            return type
        if pa.types.is_timestamp(type):
            return pa.timestamp("us", None if type.tz is None else "UTC")
        if pa.types.is_time(type):
            return pa.string()
        if pa.types.is_list(type):
            inner = self.stored(type.value_type)
            return None if inner is None else pa.list_(inner)
        if pa.types.is_struct(type):
            fields = [(f.name, self.stored(f.type)) for f in type]
            return None if any(t is None for _, t in fields) else pa.struct(fields)
        return _WIDER.get(type)

    def read_state(self) -> str | None:
        """As `Target.read_state`."""
        table = self._table()
        if table is None:
            return None
        with self._caught():
            for commit in table.history():
                if _STATE in commit:
                    return str(commit[_STATE])
            known = table.transaction_version(_APPLICATION)
        if known is None:
            raise foreign(self.name)
        raise TargetError(
            f"{self.name} no longer has the commit that says how far its copy has come",
            remedy="Make the copy anew: isthmus sync run NAME --full.",
        )

    def replace(self, layout: Layout, batches: Iterable[pa.RecordBatch], state: str) -> None:
        """As `Target.replace`: one commit removes all files and adds the new ones."""
        rows = (
            batch
            for given in map(demand_unique(layout, self.name), batches)
            for batch in self._converted(pa.Table.from_batches([given], layout.schema)).to_batches()
        )
        self._write(self._schema(layout), rows, "overwrite", state)

    def evolve(
        self, changes: Sequence[ColumnChange], before: Layout, after: Layout, state: str
    ) -> None:
        """As `Target.evolve`. A new column rewrites nothing; any other change rewrites all."""
        schema = self._schema(after)
        if all(change.change is Change.ADD for change in changes):
            self._write(schema, iter(()), "merge", state)
            return
        # delta-rs can't read while it writes, so the rows are spooled in between
        with tempfile.TemporaryFile(prefix="isthmus-delta-") as file:
            with pa.ipc.new_stream(file, schema) as spool:
                for batch in self.rows(before, before.columns):
                    spool.write_batch(evolved(batch, changes, schema))
            file.seek(0)
            self._write(schema, iter(pa.ipc.open_stream(file)), "overwrite", state)

    def apply(self, part: Part, layout: Layout, state: str) -> None:
        """As `Target.apply`: one merge, one commit."""
        table = self._table()
        if table is None:
            raise TargetError(f"{self.name} is gone", remedy="Make it anew: --full.")
        same = " AND ".join(f"t.{_name(k)} = s.{_name(k)}" for k in layout.key)
        with self._caught():
            merge = table.merge(
                self._converted(part.rows),
                same,
                source_alias="s",
                target_alias="t",
                commit_properties=self._commit(table, state),
            )
            names = {_name(n): f"s.{_name(n)}" for n in part.rows.schema.names}
            if part.kind is PartKind.DELETE:
                merge = merge.when_matched_delete()
            else:
                merge = merge.when_matched_update(names)
                if part.kind is PartKind.UPSERT:
                    merge = merge.when_not_matched_insert(names)
            merge.execute()
        if state not in self._last_commit():  # a merge that changes no row commits nothing
            self.save_state(state)

    def save_state(self, state: str) -> None:
        """As `Target.save_state`: a commit without rows."""
        table = self._table()
        assert table is not None  # a copy has been made
        schema = pa.schema(table.schema().to_arrow())
        self._write(schema, iter(()), "merge", state)

    def rows(self, layout: Layout, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """As `Target.rows`."""
        table = self._table()
        if table is None:
            return
        with self._caught():
            stored = self._schema(layout)
            schema = pa.schema([stored.field(name) for name in columns])
            dataset = table.to_pyarrow_dataset()
            for batch in dataset.to_batches(columns=list(columns)):
                yield from pa.Table.from_batches([batch]).cast(schema).to_batches()

    def _schema(self, layout: Layout) -> pa.Schema:
        return pa.schema([pa.field(f.name, self.stored(f.type)) for f in layout.schema])

    def _converted(self, rows: pa.Table) -> pa.Table:
        return converted(rows, self.stored, self.name)

    def _last_commit(self) -> str:
        table = self._table()
        if table is None:
            return ""
        [commit] = table.history(1)
        return str(commit.get(_STATE, ""))

    def _write(
        self, schema: pa.Schema, rows: Iterator[pa.RecordBatch], how: Any, state: str
    ) -> None:
        table, feed = self._table(), Feed(rows)
        with self._caught(), feed.keeping_errors():
            from deltalake import write_deltalake

            write_deltalake(
                self._path if table is None else table,
                pa.RecordBatchReader.from_batches(schema, iter(feed)),
                mode="overwrite" if how == "overwrite" else "append",
                schema_mode=how,
                storage_options=self._storage,
                commit_properties=self._commit(table, state),
            )

    def _commit(self, table: DeltaTable | None, state: str) -> CommitProperties:
        from deltalake import CommitProperties, Transaction

        before = None if table is None else table.transaction_version(_APPLICATION)
        return CommitProperties(
            custom_metadata={_STATE: state},
            app_transactions=[Transaction(_APPLICATION, (before or 0) + 1)],
        )

    def _table(self) -> DeltaTable | None:
        try:
            from deltalake import DeltaTable
        except ImportError as error:
            raise MissingExtra(
                "the package deltalake is not installed", remedy="pip install 'isthmus[delta]'"
            ) from error
        with self._caught():
            if not DeltaTable.is_deltatable(self._path, self._storage):
                return None
            return DeltaTable(self._path, storage_options=self._storage)

    @contextmanager
    def _caught(self) -> Iterator[None]:
        from deltalake.exceptions import CommitFailedError, DeltaError

        try:
            yield
        except CommitFailedError as error:
            raise TargetUnavailable(
                f"another has written to {self.name} at the same time: {error}",
                remedy="Run the sync again.",
            ) from error
        except (DeltaError, OSError) as error:
            raise TargetError(
                f"{self.name} can't be read or written: {error}", remedy="Look at the table."
            ) from error


def _name(column: str) -> str:
    return "`" + column.replace("`", "``") + "`"
