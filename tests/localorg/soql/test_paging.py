"""Locators: every record once, whatever the page and whatever happens in between."""

from __future__ import annotations

import copy
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from isthmus.localorg.errors import OrgError
from isthmus.localorg.schema import Schema
from isthmus.localorg.soql import blocks, cursors


@pytest.fixture
def many(org: Any) -> Any:
    org.add_many("Trap__c", 4500, '\'trap \' || n AS "Name", n % 7 AS "Int__c"')
    return org


def pages_of(org: Any, text: str, **options: Any) -> list[dict[str, Any]]:
    found = [json.loads(org.run(text, **options).body)]
    while not found[-1]["done"]:
        found.append(json.loads(org.more(found[-1]["nextRecordsUrl"]).body))
    return found


def test_three_pages(many: Any) -> None:
    first, second, third = pages_of(many, "SELECT Name FROM Trap__c")
    assert [len(page["records"]) for page in (first, second, third)] == [2000, 2000, 500]
    assert [page["done"] for page in (first, second, third)] == [False, False, True]
    assert {page["totalSize"] for page in (first, second, third)} == {4500}
    assert list(first) == ["totalSize", "done", "nextRecordsUrl", "records"]
    assert "nextRecordsUrl" not in third
    url = first["nextRecordsUrl"]
    assert url.startswith("/services/data/v59.0/query/01g") and url.endswith("-2000")
    assert second["nextRecordsUrl"] == url.replace("-2000", "-4000")


@pytest.mark.parametrize("order", ["", "ORDER BY Name", "ORDER BY Int__c DESC, Name"])
@pytest.mark.parametrize("where", ["", "WHERE Int__c IN (1, 2, 5)"])
def test_pages_together_are_the_whole(many: Any, where: str, order: str) -> None:
    text = f"SELECT Name, Int__c FROM Trap__c {where} {order}"
    whole = many.ask(text, switches={"page-size": 10_000})
    assert len(whole) == (4500 if not where else 1929)
    for size in (1000, 333):
        assert many.ask(text, switches={"page-size": size}) == whole


def test_any_offset_can_be_read_again(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 1500)
    whole = many.column("SELECT Name FROM Trap__c ORDER BY Name")
    first = json.loads(many.run("SELECT Name FROM Trap__c ORDER BY Name", batch_size=200).body)
    for offset in (4400, 200, 201, 0, 4499, 1500, 1501, 200):
        page = json.loads(many.more(first["nextRecordsUrl"].replace("-200", f"-{offset}")).body)
        names = [record["Name"] for record in page["records"]]
        assert names == whole[offset : offset + 200]
        assert page["done"] is (offset + 200 >= 4500)


def test_pages_read_at_once_by_several_threads(many: Any) -> None:
    whole = many.column("SELECT Name FROM Trap__c ORDER BY Name")
    url = json.loads(many.run("SELECT Name FROM Trap__c ORDER BY Name", batch_size=200).body)[
        "nextRecordsUrl"
    ]

    def read(offset: int) -> list[str]:
        body = json.loads(many.more(url.replace("-200", f"-{offset}")).body)
        return [record["Name"] for record in body["records"]]

    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(read, range(0, 4500, 200)))
    assert [name for part in parts for name in part] == whole


def test_the_result_is_that_of_the_first_moment(many: Any) -> None:
    first = json.loads(many.run("SELECT Name FROM Trap__c WHERE Int__c < 7").body)
    with many.store.writing() as cursor:
        cursor.execute('UPDATE "Trap__c" SET "Int__c" = 9, "IsDeleted" = ("Int__c" = 3)')
    many.add("Trap__c", Name="late", Int__c=1)
    rest = pages_after(many, first)
    names = [record["Name"] for page in [first, *rest] for record in page["records"]]
    assert names == [f"trap {n}" for n in range(4500)]


def pages_after(org: Any, page: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    while not page["done"]:
        page = json.loads(org.more(page["nextRecordsUrl"]).body)
        found.append(page)
    return found


def test_a_lost_locator(many: Any) -> None:
    url = json.loads(many.run("SELECT Id FROM Trap__c").body)["nextRecordsUrl"]
    many.cursors.drop(url.rpartition("/")[2])
    for lost in (url, "01g000000000001AAA-2000", "nonsense", "01g-", url + "0000"):
        with pytest.raises(OrgError) as caught:
            many.more(lost)
        assert (caught.value.code, caught.value.message) == (
            "INVALID_QUERY_LOCATOR",
            "invalid query locator",
        )


def test_all_locators_lost(many: Any) -> None:
    url = json.loads(many.run("SELECT Id FROM Trap__c").body)["nextRecordsUrl"]
    many.cursors.drop()
    assert len(many.cursors) == 0
    with pytest.raises(OrgError, match="invalid query locator"):
        many.more(url)


def test_offset_gives_one_page_only(many: Any) -> None:
    (page,) = pages_of(many, "SELECT Name FROM Trap__c OFFSET 100")
    assert (page["totalSize"], len(page["records"])) == (2000, 2000)
    assert page["records"][0]["Name"] == "trap 100"
    (page,) = pages_of(many, "SELECT Name FROM Trap__c LIMIT 3 OFFSET 2000")
    assert [record["Name"] for record in page["records"]] == [
        f"trap {n}" for n in (2000, 2001, 2002)
    ]


def test_limit(many: Any) -> None:
    assert many.run("SELECT Id FROM Trap__c LIMIT 0").body == (
        b'{"totalSize":0,"done":true,"records":[]}'
    )
    sizes = [len(p["records"]) for p in pages_of(many, "SELECT Id FROM Trap__c LIMIT 2500")]
    assert sizes == [2000, 500]


def test_children_count_towards_a_page(org: Any) -> None:
    for name, count in (("a", 2), ("b", 0), ("c", 5), ("d", 1)):
        account = org.add("Account", Name=name)
        for n in range(count):
            org.add("Contact", LastName=f"{name}{n}", AccountId=account)
    text = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account"
    found = pages_of(org, text, switches={"page-size": 4})
    assert [[r["Name"] for r in page["records"]] for page in found] == [["a", "b"], ["c"], ["d"]]
    (record,) = found[1]["records"]
    assert record["Contacts"]["totalSize"] == 5
    assert record["Contacts"]["done"] is False
    assert [c["LastName"] for c in record["Contacts"]["records"]] == ["c0", "c1", "c2", "c3"]
    rest = json.loads(org.more(record["Contacts"]["nextRecordsUrl"]).body)
    assert (rest["totalSize"], rest["done"]) == (5, True)
    assert [c["LastName"] for c in rest["records"]] == ["c4"]
    assert rest["records"][0]["attributes"]["type"] == "Contact"


def test_how_many_children_are_shown_at_first_may_be_chosen(org: Any) -> None:
    account = org.add("Account", Name="a")
    for n in range(5):
        org.add("Contact", LastName=f"c{n}", AccountId=account)
    text = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account"
    (page,) = pages_of(org, text, switches={"child-page": 2})
    children = page["records"][0]["Contacts"]
    assert (children["totalSize"], children["done"]) == (5, False)
    seen = [[c["LastName"] for c in children["records"]]]
    while "nextRecordsUrl" in children:
        children = json.loads(org.more(children["nextRecordsUrl"]).body)
        seen.append([c["LastName"] for c in children["records"]])
    assert seen == [["c0", "c1"], ["c2", "c3"], ["c4"]]


def test_open_queries_stay_within_their_memory(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursors, "MAX_BYTES", 3 * 4500 * 8)
    urls = [json.loads(many.run("SELECT Id FROM Trap__c").body)["nextRecordsUrl"] for _ in range(5)]
    assert len(many.cursors) == 3
    assert len(json.loads(many.more(urls[-1]).body)["records"]) == 2000
    with pytest.raises(OrgError):
        many.more(urls[0])


def test_long_texts_make_small_pages(org: Any, tmp_path: Path) -> None:
    """Two or more custom long texts in a query bring its pages down to 200 records."""
    describe = copy.deepcopy(org.schema.get("Trap__c").raw)
    (long,) = [f for f in describe["fields"] if f["name"] == "Long_Text__c"]
    describe["fields"].append({**long, "name": "Longer_Text__c"})
    (tmp_path / "Trap__c.json").write_text(json.dumps(describe))
    bench = type(org)(Schema.load(tmp_path))
    bench.add_many("Trap__c", 250)
    assert bench.run("SELECT Id, Long_Text__c FROM Trap__c").rows == 250
    assert bench.run("SELECT Id, Long_Text__c, Longer_Text__c FROM Trap__c").rows == 200
    bench.close()
