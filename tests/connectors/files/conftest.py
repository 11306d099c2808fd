from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus.connectors.contract import ReadContext, ScanRequest
from isthmus.connectors.files import Files
from isthmus.connectors.predicates import Predicate
from isthmus.connectors.testing import read

TEXTS = ("a", "A", "", "null", "NA", "ß", "İ", "quote ' \" \\", "line\nbreak", "%_", "😀", None)


def every_type(rows: int, seed: int) -> pa.Table:
    """A table with a column of each type that can be filtered on, and of some that can't."""
    draw = random.Random(seed)

    def column(kind: pa.DataType, make: Callable[[], Any]) -> pa.Array:
        return pa.array([None if draw.random() < 0.15 else make() for _ in range(rows)], kind)

    day = date(2024, 2, 28)
    noon = datetime(2024, 2, 28, 12, 0, 0, 123456)
    kinds: dict[str, tuple[pa.DataType, Callable[[], Any]]] = {
        "tiny": (pa.int8(), lambda: draw.randrange(-3, 4)),
        "big": (pa.int64(), lambda: draw.choice([2**53, 2**53 + 1, -(2**63), 2**63 - 1, 0])),
        "unsigned": (pa.uint64(), lambda: draw.choice([0, 1, 2**64 - 1])),
        "flag": (pa.bool_(), lambda: draw.random() < 0.5),
        "money": (pa.decimal128(18, 2), lambda: Decimal(draw.randrange(-300, 300)) / 100),
        "wide": (pa.decimal128(38, 10), lambda: Decimal(draw.randrange(10**20)).scaleb(-10)),
        "text": (pa.string(), lambda: draw.choice(TEXTS)),
        "long_text": (pa.large_string(), lambda: draw.choice(TEXTS)),
        "raw": (pa.binary(), lambda: draw.choice([b"", b"a", b"\x00\xff", b"b"])),
        "day": (pa.date32(), lambda: day + timedelta(days=draw.randrange(3))),
        "clock": (pa.time64("us"), lambda: time(draw.randrange(24), 0, 0, draw.randrange(2))),
        "wall": (pa.timestamp("us"), lambda: noon + timedelta(microseconds=draw.randrange(3))),
        "wall_ms": (pa.timestamp("ms"), lambda: datetime(2024, 1, 1 + draw.randrange(5))),
        "instant": (
            pa.timestamp("us", "UTC"),
            lambda: noon.replace(tzinfo=UTC) + timedelta(microseconds=draw.randrange(3)),
        ),
        "instant_berlin": (
            pa.timestamp("ms", "Europe/Berlin"),
            lambda: datetime(2024, 3, 31, draw.randrange(4), tzinfo=UTC),
        ),
        "ratio": (pa.float64(), lambda: draw.choice([0.0, -0.0, 1.5, float("nan"), float("inf")])),
        "list": (pa.list_(pa.int64()), lambda: [draw.randrange(3), None]),
        "pair": (pa.struct([("x", pa.int64())]), lambda: {"x": draw.randrange(3)}),
    }
    return pa.table({name: column(kind, make) for name, (kind, make) in kinds.items()})


@pytest.fixture(scope="session")
def types_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one Hive-partitioned table of every type, and the same rows in other formats."""
    root = tmp_path_factory.mktemp("types")
    for number, folder in enumerate(
        ("year=2023/day=2024-01-01", "year=2024/day=2024-01-02", "year=__HIVE_DEFAULT_PARTITION__")
    ):
        path = root / "every" / folder.replace("day=", "on=") / "x.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(every_type(40, number), path, row_group_size=16)
    with pa.ipc.new_file(root / "cooked.arrow", every_type(1, 0).schema) as file:
        for seed in range(3):
            file.write_table(every_type(20, seed))
    (root / "people.csv").write_text(
        'id,name,born,code,rate\n1,Ann,2000-01-01,007,1.5\n2,,,"",\n3,null,1999-12-31,NA,-0.25\n'
    )
    (root / "events.jsonl").write_text(
        '{"id": 1, "kind": "a", "at": "2024-01-01T00:00:00Z"}\n'
        '{"id": null, "kind": "null"}\n'
        '{"id": 3, "tags": ["x", null]}\n'
    )
    return root


Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def ask() -> Ask:
    """Read rows of one table: `ask(files, "orders", columns, *predicates, limit=None)`."""

    def rows(
        files: Files,
        name: str,
        columns: tuple[str, ...] | None = None,
        *predicates: Predicate,
        limit: int | None = None,
        context: ReadContext | None = None,
    ) -> list[dict[str, Any]]:
        table = files.describe(name)
        assert table is not None
        names = tuple(c.name for c in table.columns) if columns is None else columns
        fragment = files.plan(ScanRequest(table, names, predicates, limit))
        found: list[dict[str, Any]] = read(files, fragment, context).to_pylist()
        return found

    return rows
