"""Deleted rows are in no table, unless the source says so."""

from __future__ import annotations

import json
from pathlib import Path

import isthmus
from isthmus.localorg import LocalOrg


def test_deleted_rows_come_only_where_the_project_says_so(tmp_path: Path) -> None:
    with LocalOrg(data="demo", scale=1, seed=7) as org:
        ready_file = tmp_path / "org.json"
        ready_file.write_text(json.dumps(org.ready))
        plain = {"kind": "salesforce", "ready_file": str(ready_file)}
        project = {"sources": {"crm": plain, "crm_all": plain | {"include_deleted": True}}}
        with isthmus.connect(project) as con:
            ask = "SELECT IsDeleted, count(*) FROM {}.Account GROUP BY ALL ORDER BY ALL"
            [(flag, live)] = con.sql(ask.format("crm")).fetchall()
            assert flag is False
            assert con.sql("FROM crm.Account WHERE IsDeleted = true").fetchall() == []
            everything = con.sql(ask.format("crm_all")).fetchall()
            assert everything[0] == (False, live) and everything[1][0] is True
            [deleted] = con.sql("SELECT Id FROM crm_all.Account WHERE IsDeleted LIMIT 1").fetchall()
            assert con.sql("FROM crm.Account WHERE Id = ?", [deleted[0]]).fetchall() == []
        assert "/queryAll" in {r["path"].rsplit("v62.0", 1)[-1] for r in org.requests()}
