"""Reading a record and querying it are two programs; they must say the same."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from isthmus.localorg.commitlog import CommitLog
from isthmus.localorg.demo import ADMIN_ID
from isthmus.localorg.records import Records
from isthmus.localorg.schema import Schema
from isthmus.localorg.soql import query
from isthmus.localorg.soql.cursors import Cursors
from isthmus.localorg.store import Store
from isthmus.localorg.switches import Switches

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
BASE = "/services/data/v59.0"


@pytest.mark.parametrize("name", [made.name for made in Schema.load().objects])
def test_a_record_and_a_query_of_all_its_fields(demo: Store, schema: Schema, name: str) -> None:
    sobject = schema.get(name)
    assert sobject is not None
    fields = ", ".join(field.name for field in sobject.fields)
    answer = query.run(
        f"SELECT {fields} FROM {name} LIMIT 40",
        schema=schema,
        store=demo,
        cursors=Cursors(),
        switches=Switches(),
        now=NOW,
        user=query.UserContext(ADMIN_ID),
        api_version=59.0,
        base_path=BASE,
    )
    found = orjson.loads(answer.body)["records"]
    assert found
    records = Records(schema, demo, CommitLog())
    for record in found:
        read = records.retrieve(name, record["Id"], base_path=BASE)
        assert orjson.loads(orjson.dumps(read)) == record
