from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from isthmus.localorg.commitlog import CommitLog
from isthmus.localorg.demo import ADMIN_ID, generate
from isthmus.localorg.records import Records
from isthmus.localorg.schema import Schema
from isthmus.localorg.store import Store

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema.load()


@pytest.fixture(scope="session")
def demo(schema: Schema) -> Iterator[Store]:
    """A demo org at scale 1 that tests only read."""
    store = Store(schema)
    generate(store, schema, 1, 7, NOW)
    yield store
    store.close()


@pytest.fixture
def store(schema: Schema) -> Iterator[Store]:
    """A demo org of its own, to write to."""
    made = Store(schema)
    generate(made, schema, 0.05, 7, NOW)
    yield made
    made.close()


@pytest.fixture
def log() -> CommitLog:
    return CommitLog()


@pytest.fixture
def records(schema: Schema, store: Store, log: CommitLog) -> Records:
    return Records(schema, store, log)


@pytest.fixture
def writer() -> dict[str, object]:
    return {"now": NOW, "user_id": ADMIN_ID}
