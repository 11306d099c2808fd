"""A write or a sync that meets a fault, is gone on with if it must be, and is looked at then."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from isthmus.errors import IsthmusError
from isthmus.localorg import LocalOrg
from tests.kill.orgs import Orgs, aged, connected, rows, source
from tests.sync.org import Crm, accounts

__all__ = ["FAULTS", "KINDS", "Met", "Place", "trials"]

ROWS = 220  # two calls of Collections
KEY = "External_Id__c"
MOST_REQUESTS = 60
#: It strikes records, of which there are many. While it lasts, their outcomes say so.
LOCK = "row-lock"
_EVERY_RECORD = 37
#: What can happen to a request, and the fault's arguments.
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "drop-connection": {},
    "lost-answer": {},
    "lost-request": {},
    "server-unavailable": {},
    "expired-session": {},
    "malformed-json": {},
    "too-many-requests": {"retry_after": 0},
    LOCK: {},
}


@dataclass(frozen=True)
class Trial:
    """One thing that is done to an org.

    Attributes:
        act: does it, or goes on with it; raises IsthmusError where it is broken off.
        check: raises AssertionError if the org is not as it should be, or not what was told;
            given whether there were locks that did not end, so that rows may have met them.
    """

    act: Callable[[], Any]
    check: Callable[[bool], None]


@dataclass(frozen=True)
class Met:
    """How a trial went.

    Attributes:
        struck: whether there was a request for the fault to strike.
        raised: whether the first try was broken off.
        wrong: how it came out wrong; None if it did not.
    """

    struck: bool
    raised: bool
    wrong: str | None = None


class Place:
    """Where the trials of one kind are made: the org is set up anew for each."""

    def __init__(self, orgs: Orgs, kind: str, folder: Path) -> None:
        self._make, self._org = KINDS[kind](orgs)
        folder.mkdir()
        self._folder = folder
        self._number = itertools.count()

    def meet(self, fault: str, nth: int, *, endless: bool) -> Met:
        """Let a fault strike the nth request, and all later ones if endless."""
        org = self._org
        org.clear_faults()
        folder = self._folder / f"{next(self._number)}"
        folder.mkdir()
        trial = self._make(folder)
        if fault == LOCK:
            nth = 1 + (nth - 1) * _EVERY_RECORD
        org.set_fault(fault, nth=nth, count=0 if endless else 1, **FAULTS[fault])
        raised, wrong = False, None
        try:
            trial.act()
        except IsthmusError:
            raised = True
        struck = bool(org.org.faults.listed()[0]["struck"])
        org.clear_faults()
        try:
            if raised:
                trial.act()
            trial.check(fault == LOCK and endless)
        except (AssertionError, IsthmusError) as error:
            wrong = f"{type(error).__name__}: {error}"
        shutil.rmtree(folder)
        return Met(struck, raised, wrong)


def trials(place: Place, fault: str, *, endless: bool) -> Iterator[tuple[int, Met]]:
    """A trial for each request, until there is none left to strike."""
    for nth in range(1, MOST_REQUESTS):
        met = place.meet(fault, nth, endless=endless)
        if not met.struck:
            return
        yield nth, met


# --- what is done

Making = tuple[Callable[[Path], Trial], LocalOrg]


def _writes(mode: str, *, bulk: bool = False, keyed: bool = True) -> Callable[[Orgs], Making]:
    def making(orgs: Orgs) -> Making:
        org = orgs.demo

        def make(folder: Path) -> Trial:
            prefix = f"fault {mode} {bulk} {keyed} {folder.name}-"
            crm = source(org, folder)
            there = _there(org, crm, mode, prefix)
            given = _given(mode, prefix, there, keyed)
            told: list[pa.Table] = []

            def act() -> None:
                project = {"sources": {"crm": crm}}
                with connected(project, folder, allow_writes=True) as con:
                    result = con.write(
                        "crm.Account",
                        given,
                        mode=mode,
                        key=KEY if mode == "upsert" else None,
                        on_error="continue",
                        options=["bulk" if bulk else "collections"],
                        write_id="the-write",
                    )
                told.append(result.outcomes)

            def check(locks: bool) -> None:
                names = _names(mode, prefix, keyed)
                locked = _locked(told[-1])
                assert locks or not locked, f"{len(locked)} rows are told to be locked"
                _check_outcomes(told[-1], mode, len(there), locked)
                _check_records(org, prefix, _expected(mode, prefix, names, locked, len(there)))

            return Trial(act, check)

        return make, org

    return making


def _there(org: LocalOrg, crm: Mapping[str, Any], mode: str, prefix: str) -> list[str]:
    """The Ids of the records that are there before."""
    count = {"insert": 0, "upsert": ROWS // 2}.get(mode, ROWS)
    if not count:
        return []
    keys = [f"{prefix}{i}" for i in range(count)]
    with connected({"sources": {"crm": crm}}, None, allow_writes=True) as con:
        made = pa.table({KEY: keys, "Name": [f"old {key}" for key in keys]})
        ids: list[str] = con.write("crm.Account", made).outcomes["id"].to_pylist()
    aged(org, prefix)
    return ids


def _given(mode: str, prefix: str, there: list[str], keyed: bool) -> pa.Table:
    keys = [f"{prefix}{i}" for i in range(ROWS)]
    if mode == "delete":
        return pa.table({"Id": there})
    if not keyed:
        return pa.table({"Name": [f"new {key}" for key in keys[: ROWS // 2] * 2]})
    first = {"Id": there} if mode == "update" else {KEY: keys}
    return pa.table({**first, "Name": [f"new {key}" for key in keys]})


def _names(mode: str, prefix: str, keyed: bool) -> list[str]:
    """What each row sets."""
    names = [f"new {prefix}{i}" for i in range(ROWS)]
    return names if keyed else names[: ROWS // 2] * 2


def _locked(outcomes: pa.Table) -> frozenset[int]:
    """The rows that are told to have met a lock to the end."""
    codes = outcomes["error_code"].to_pylist()
    return frozenset(n for n, code in enumerate(codes) if code == "UNABLE_TO_LOCK_ROW")


def _expected(
    mode: str, prefix: str, names: list[str], locked: frozenset[int], there: int
) -> list[str]:
    """The names in the org, if the rows that are told to be locked were not written."""
    old = [f"old {prefix}{i}" for i in sorted(locked) if i < there]
    new = [] if mode == "delete" else [names[i] for i in range(ROWS) if i not in locked]
    return sorted(old + new)


def _check_records(org: LocalOrg, prefix: str, expected: list[str]) -> None:
    found = rows(
        org,
        f'SELECT "Name" FROM {org.store.table("Account")} WHERE NOT "IsDeleted" '
        f'AND (starts_with("{KEY}", ?) OR starts_with("Name", ?)) ORDER BY 1',
        prefix,
        f"new {prefix}",
    )
    assert [name for (name,) in found] == expected, f"{len(found)} records, not {len(expected)}"


def _check_outcomes(outcomes: pa.Table, mode: str, there: int, locked: frozenset[int]) -> None:
    assert outcomes["position"].to_pylist() == list(range(ROWS)), "an outcome for each row"
    good = [row for row in outcomes.to_pylist() if row["position"] not in locked]
    bad = [row for row in good if not row["success"]]
    assert not bad, f"{len(bad)} rows are told to have failed: {bad[0]}"
    if mode in ("insert", "upsert"):
        assert all(row["created"] == (row["position"] >= there) for row in good), "created is wrong"
    assert len({row["id"] for row in good}) == len(good), "two rows are told to be one record"


def _syncs_in(orgs: Orgs) -> Making:
    org = orgs.demo

    def make(folder: Path) -> Trial:
        prefix, lake = f"fault sync {folder.name}-", folder / "lake"
        lake.mkdir()
        sync = {
            "direction": "in",
            "query": f"SELECT key AS {KEY}, name AS Name FROM lake.shop",
            "to": "crm.Account",
            "key": KEY,
            "deletes": "apply",
        }
        files = {"kind": "files", "root": str(lake)}
        project = {"sources": {"crm": source(org, folder), "lake": files}, "syncs": {"shop": sync}}

        def put(numbers: range, word: str) -> None:
            keys = [f"{prefix}{i}" for i in numbers]
            table = pa.table({"key": keys, "name": [f"{word} {key}" for key in keys]})
            pq.write_table(table, lake / "shop.parquet")

        def act() -> None:
            with connected(project, folder / "state", allow_writes=True) as con:
                con.sync("shop")

        put(range(ROWS), "old")
        act()
        put(range(40, ROWS + 20), "new")

        def check(locks: bool) -> None:
            if locks:
                act()  # the next run tries them again
            found = rows(
                org,
                f'SELECT "Name", "IsDeleted" FROM {org.store.table("Account")} '
                f'WHERE starts_with("{KEY}", ?)',
                prefix,
            )
            live = sorted(name for name, deleted in found if not deleted)
            assert live == sorted(f"new {prefix}{i}" for i in range(40, ROWS + 20))
            assert len(found) == ROWS + 20, "a record was made twice"
            with connected(project, folder / "state", allow_writes=True) as con:
                again = con.sync("shop")
            assert (again.rows_out, again.deleted, again.failed) == (0, 0, 0), f"{again}"

        return Trial(act, check)

    return make, org


def _syncs_out(orgs: Orgs) -> Making:
    crm = orgs.copied

    def make(folder: Path) -> Trial:
        to = f"sqlite:{folder / 'copy'}#account"
        sync = {"table": "crm.Account", "to": to, "mode": "incremental", "rows_per_part": 200}
        project = {"sources": {"crm": source(crm.org, folder)}, "syncs": {"accounts": sync}}

        def act() -> None:
            with connected(project, folder / "state") as con:
                con.sync("accounts")

        _fill(crm)
        act()
        _change(crm)

        def check(locks: bool) -> None:
            with connected(project, folder / "state") as con:
                assert accounts(con, to) == crm.live(), "the copy differs"

        return Trial(act, check)

    return make, crm.org


def _fill(crm: Crm) -> None:
    """So many rows that an incremental run has two pages."""
    for number in range(230 - len(crm.live())):
        crm.create(Name=f"a{number}")
    crm.pass_time(60)


def _change(crm: Crm) -> None:
    """All rows change, one comes and some go."""
    now = crm.now.replace(tzinfo=None)
    table = crm.table()
    crm.sql(f"UPDATE {table} SET Name = ?, SystemModstamp = ?", [f"changed {now}", now])
    for id in sorted(crm.live())[::60]:
        crm.delete(id)
    crm.create(Name=f"new {now}")
    crm.pass_time(1)


KINDS: Mapping[str, Callable[[Orgs], Making]] = {
    "insert": _writes("insert"),
    "insert without a key": _writes("insert", keyed=False),
    "upsert": _writes("upsert"),
    "update": _writes("update"),
    "delete": _writes("delete"),
    "insert by Bulk": _writes("insert", bulk=True),
    "insert by Bulk without a key": _writes("insert", bulk=True, keyed=False),
    "upsert by Bulk": _writes("upsert", bulk=True),
    "update by Bulk": _writes("update", bulk=True),
    "delete by Bulk": _writes("delete", bulk=True),
    "sync out": _syncs_out,
    "sync in": _syncs_in,
}
