"""Pages are rendered before they are asked for; what nobody will ask for is given up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest

from isthmus.localorg.errors import OrgError
from isthmus.localorg.soql import blocks
from isthmus.localorg.soql.ahead import Ahead
from isthmus.localorg.soql.cursors import Page
from isthmus.localorg.soql.texts import Texts, Writing

NAME = "local-org-ahead"


@pytest.fixture
def many(org: Any) -> Any:
    org.add_many("Trap__c", 9000, "'trap ' || n AS \"Name\"")
    return org


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, int]]:
    """Whether each block was rendered ahead, and its rows."""
    seen: list[tuple[bool, int]] = []
    render = Writing.render

    def noted(self: Writing, store: Any, keys: pa.Array) -> Texts:
        seen.append((threading.current_thread().name == NAME, len(keys)))
        return render(self, store, keys)

    monkeypatch.setattr(Writing, "render", noted)
    return seen


class Gate:
    """Holds up pages that are put together ahead, until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pages = 0
        self.reached, self._open = threading.Event(), threading.Event()
        put_together = Texts.page

        def held(texts: Texts, start: int, stop: int) -> Page:
            if threading.current_thread().name == NAME:
                self.pages += 1
                self.reached.set()
                assert self._open.wait(10)
            return put_together(texts, start, stop)

        monkeypatch.setattr(Texts, "page", held)

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Open it when the block ends; by then work has come to it."""
        assert self.reached.wait(10)
        try:
            yield
        finally:
            self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def ended() -> bool:
    deadline = time.monotonic() + 10
    while running() and time.monotonic() < deadline:
        time.sleep(0.005)
    return not running()


def first(org: Any, **options: Any) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(org.run("SELECT Name FROM Trap__c", **options).body)
    return page


def following(org: Any, page: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(org.more(page["nextRecordsUrl"]).body)
    return found


def names(page: dict[str, Any]) -> list[str]:
    return [record["Name"] for record in page["records"]]


def test_the_next_block_is_there_before_it_is_asked_for(
    many: Any, rendered: list[tuple[bool, int]]
) -> None:
    page = first(many)
    many.cursors.ahead.wait()
    assert rendered == [(False, 2000), (True, 4000)]
    page = following(many, page)
    assert names(page) == [f"trap {n}" for n in range(2000, 4000)]
    assert rendered[2:] in ([], [(True, 3000)])


def test_blocks_grow_and_hold_every_row_once(many: Any, rendered: list[tuple[bool, int]]) -> None:
    page = first(many, batch_size=500)
    found = names(page)
    while not page["done"]:
        many.cursors.ahead.wait()
        page = following(many, page)
        found += names(page)
    assert found == [f"trap {n}" for n in range(9000)]
    assert rendered == [(False, 500), *((True, n) for n in (1000, 2000, 4000, 1500))]


@pytest.mark.parametrize("bound", ["BLOCK_ROWS", "BLOCK_BYTES"])
def test_blocks_stay_within_their_bounds(
    many: Any, rendered: list[tuple[bool, int]], monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    envelope = len('{"totalSize":1,"done":true,"records":[]}')
    record = len(many.run("SELECT Name FROM Trap__c LIMIT 1").body) - envelope
    monkeypatch.setattr(blocks, bound, 1100 * (1 if bound == "BLOCK_ROWS" else record + 8))
    del rendered[:]
    page = first(many, batch_size=200)
    while not page["done"]:
        many.cursors.ahead.wait()
        page = following(many, page)
    assert [rows for _, rows in rendered[:5]] == [200, 400, 800, 1000, 1000]
    assert sum(rows for _, rows in rendered) == 9000


def test_a_query_of_one_page_renders_nothing_ahead(many: Any, gate: Gate) -> None:
    assert many.run("SELECT Name FROM Trap__c LIMIT 2000").done
    assert many.run("SELECT Name FROM Trap__c LIMIT 2000 OFFSET 3").done
    assert ended() and gate.pages == 0


def test_pages_that_are_kept_are_not_rendered_again(
    many: Any, rendered: list[tuple[bool, int]]
) -> None:
    whole = many.column("SELECT Name FROM Trap__c")
    many.cursors.ahead.wait()
    before = len(rendered)
    assert many.column("SELECT Name FROM Trap__c") == whole
    many.cursors.ahead.wait()
    assert len(rendered) == before


def test_a_page_under_way_is_waited_for(many: Any, gate: Gate) -> None:
    page, found = first(many), []
    reader = threading.Thread(target=lambda: found.append(following(many, page)))
    with gate.shut():
        reader.start()
        time.sleep(0.05)
        assert not found
    reader.join(10)
    assert names(found[0]) == [f"trap {n}" for n in range(2000, 4000)]


def test_a_write_ends_it_and_is_seen(many: Any, gate: Gate) -> None:
    page = first(many, batch_size=500)
    with gate.shut(), many.store.writing() as cursor:
        cursor.execute('UPDATE "Trap__c" SET "Name" = \'new\'')
    assert ended()
    assert gate.pages == 1  # of the two of its block
    gate.pages = 0
    page = following(many, page)
    assert names(page) == ["new"] * 500


@pytest.mark.parametrize("all_of_them", [True, False])
def test_a_dropped_locator_ends_it(many: Any, gate: Gate, all_of_them: bool) -> None:
    page = first(many, batch_size=500)
    locator = page["nextRecordsUrl"].rpartition("/")[2]
    drop = threading.Thread(target=many.cursors.drop, args=(None if all_of_them else locator,))
    with gate.shut():
        drop.start()
        while len(many.cursors):
            time.sleep(0.001)
    drop.join(10)
    assert ended() and gate.pages == 1


def test_a_query_that_makes_room_for_others_ends_it(
    many: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    first(many, batch_size=500)
    monkeypatch.setattr("isthmus.localorg.soql.cursors.MAX_BYTES", 1)
    with gate.shut():
        many.run("SELECT Id FROM Trap__c", batch_size=500)
    many.cursors.ahead.wait()
    assert gate.pages == 1


def test_what_fails_ahead_is_told_to_who_asks(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page, tried = first(many), threading.Event()

    def fails(self: Writing, store: Any, keys: pa.Array) -> Texts:
        tried.set()
        raise OrgError(500, "UNKNOWN_EXCEPTION", "no")

    many.cursors.ahead.wait()
    with monkeypatch.context() as patch:
        patch.setattr(Writing, "render", fails)
        page = following(many, following(many, page))  # kept; the block after it is tried
        assert tried.wait(10)
        many.cursors.ahead.wait()
        with pytest.raises(OrgError, match="no"):
            following(many, page)
    assert names(following(many, page)) == [f"trap {n}" for n in range(6000, 8000)]


def test_no_more_threads_than_allowed() -> None:
    ahead, hold, ran = Ahead(most=2), threading.Event(), []

    def work() -> None:
        ran.append(1)
        assert hold.wait(10)

    tries: list[Callable[[], None]] = [work] * 5
    assert [ahead.begin(one) for one in tries] == [True, True, False, False, False]
    hold.set()
    ahead.wait()
    assert len(ran) == 2
    assert ahead.begin(lambda: None)
    ahead.wait()
    assert ended()
