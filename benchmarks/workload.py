"""Is the bill that `explain` prints the bill that comes? Fifty questions, predicted and asked.

    python -m benchmarks.workload --scale 20

Each question of `workload.sql` is explained, then asked of a connection that has asked nothing
before (`--warm`: of one that has asked all fifty). Predicted calls should be within 10 % of the
actual ones for nine questions of ten, and the actual ones always within the printed range.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import isthmus
from isthmus.connectors.contract import Bill
from isthmus.interfaces.demo.project import write_project
from isthmus.localorg import LocalOrg

NOW = datetime.now(UTC).replace(microsecond=0)  # `current_date` is the machine's


@dataclass(frozen=True)
class Taken:
    """One question's bill: calls to the org, as predicted and as they came."""

    words: str
    predicted: int
    low: int
    high: int | None
    actual: int

    @property
    def near(self) -> bool:
        return abs(self.predicted - self.actual) <= 0.1 * self.actual

    @property
    def within(self) -> bool:
        return self.low <= self.actual and (self.high is None or self.actual <= self.high)


def questions() -> Iterator[tuple[str, str]]:
    """The words and the text of each question."""
    words = ""
    for line in Path(__file__).with_name("workload.sql").read_text("utf-8").splitlines():
        if line.startswith("--"):
            words = line[2:].strip()
        elif line:
            yield words, line.rstrip(";")


def ask(con: isthmus.Connection, words: str, text: str) -> Taken:
    plan = con.explain(text)
    fragments = [s.fragment for s in plan.scans if s.fragment.source == "crm" and not s.fed]
    highs = [f.high.calls if f.high is not None else None for f in fragments]
    with con.sql(text) as result:
        result.arrow()
        bills = [b.actual for b in result.bill.fragments if b.fragment.source == "crm"]
    return Taken(
        words,
        sum(f.estimate.calls for f in fragments),
        sum(f.low.calls for f in fragments),
        None if None in highs else sum(h for h in highs if h is not None),
        sum(bills, Bill()).calls,
    )


def table(taken: list[Taken]) -> str:
    lines = ["| question | predicted | range | actual | |", "|---|---|---|---|---|"]
    for t in taken:
        high = "?" if t.high is None else t.high
        word = "outside" if not t.within else "" if t.near else "off"
        lines.append(f"| {t.words} | {t.predicted} | {t.low}-{high} | {t.actual} | {word} |")
    near, within = sum(t.near for t in taken), sum(t.within for t in taken)
    lines += ["", f"within 10 %: {near} of {len(taken)}; in range: {within} of {len(taken)}"]
    return "\n".join(lines)


def main() -> int:
    """Print the table; returns 1 if the marks are missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=20, help="thousands of accounts and deals")
    parser.add_argument("--warm", action="store_true", help="ask everything once before")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalOrg(scale=given.scale, now=NOW) as org,
    ):
        project = Path(folder)
        write_project(project, accounts=1000 * given.scale, today=NOW.date())
        (project / "org.json").write_text(json.dumps(org.ready))
        with isthmus.connect(project, time_zone="UTC", state=project / "state") as con:
            if given.warm:
                for words, text in questions():
                    ask(con, words, text)
            taken = [ask(con, words, text) for words, text in questions()]
    print(table(taken))
    near, within = sum(t.near for t in taken), sum(t.within for t in taken)
    return 0 if near >= 0.9 * len(taken) and within == len(taken) else 1


if __name__ == "__main__":
    sys.exit(main())
