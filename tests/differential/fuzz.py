"""Ask generated queries three ways: ``python -m tests.differential.fuzz --count 20000 --seed 1``.

Queries run in blocks; each block has its own positions of the local org's switches, page size and
time zone. A difference is printed with its reproducer: the same seed with ``--only NUMBER``. With
``--record FILE`` each block's findings are kept as it ends, and a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.differential.generator import Query, generate
from tests.differential.trial import Coverage, try_query
from tests.differential.world import Setting, World, random_setting, world

__all__ = ["Report", "main", "run_block"]

BLOCK = 500


@dataclass
class Report:
    """What a block of queries found, and the processor seconds it took."""

    asked: int = 0
    differences: list[str] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, other: Report) -> None:
        self.asked += other.asked
        self.differences += other.differences
        self.coverage.update(other.coverage)
        self.seconds += other.seconds


def run_block(seed: int, numbers: Sequence[int]) -> Report:
    """Ask the queries of these numbers, all of one block."""
    setting = random_setting(seed, numbers[0] // BLOCK)
    report, began = Report(), _processor()
    with world(setting) as w:
        for number in numbers:
            query = generate(w.relations, seed, number)
            try:
                found = try_query(w, query, report.coverage)
            except Exception:
                found = [traceback.format_exc(limit=-6)]
            report.asked += 1
            if found:
                found += [f"sent: {text}" for text in _sent(w, query)]
                found.append(f"asked again: {_again(w, query)}")
                report.differences.append(_words(seed, number, setting, query, found))
    report.seconds = _processor() - began
    return report


def _again(w: World, query: Query) -> str:
    try:
        return str(try_query(w, query, Counter()) or "no difference")
    except Exception as error:
        return repr(error)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _sent(w: World, query: Query) -> list[str]:
    """The SOQL texts of the last requests, and the texts that the plan says now."""
    log = [str(r["soql"]) for org in w.orgs.values() for r in org.requests()[-8:] if r.get("soql")]
    try:
        return [*log, *(s.fragment.text for s in w.pushed.sql(query.sql, query.params).plan.scans)]
    except Exception as error:  # whatever went wrong once goes wrong again
        return [*log, f"nothing: {error!r}"]


def _words(seed: int, number: int, setting: Setting, query: Query, found: list[str]) -> str:
    return "\n".join(
        [f"--- seed {seed}, query {number} ({query.shape}), {setting}", query.sql]
        + ([f"parameters: {query.params!r}"] if query.params else [])
        + found
    )


def _blocks(count: int, only: Sequence[int]) -> Iterator[list[int]]:
    if only:
        for number in only:
            yield [number]
        return
    for start in range(0, count, BLOCK):
        yield list(range(start, min(start + BLOCK, count)))


def _work(job: tuple[int, list[int]]) -> tuple[list[int], Report]:
    return job[1], run_block(*job)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; returns 1 if there was a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="how many queries")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, nargs="*", default=[], help="numbers of queries")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--record", type=Path, help="keep each block's findings here, and resume")
    given = parser.parse_args(arguments)
    started, total = time.monotonic(), Report()
    kept = read_record(given.record, given.seed)
    jobs = []
    for numbers in _blocks(given.count, given.only):
        if (numbers[0], len(numbers)) in kept:
            total.add(kept[numbers[0], len(numbers)])
        else:
            jobs.append((given.seed, numbers))
    context = multiprocessing.get_context("spawn")
    with context.Pool(max(min(given.processes, len(jobs)), 1), maxtasksperchild=8) as pool:
        for numbers, report in pool.imap_unordered(_work, jobs):
            total.add(report)
            if given.record is not None:
                write_record(given.record, given.seed, numbers, report)
            for words in report.differences:
                print(words, flush=True)
            seconds = time.monotonic() - started
            print(
                f"{total.asked} queries, {len(total.differences)} differences, {seconds:.0f} s, "
                f"{1000 * total.seconds / total.asked:.0f} ms of processor a query",
                file=sys.stderr,
                flush=True,
            )
    print_coverage(total)
    print(
        f"\nseed {given.seed}: {total.asked} queries, {len(total.differences)} differences, "
        f"{1000 * total.seconds / max(total.asked, 1):.1f} ms of processor a query"
    )
    return 1 if total.differences else 0


def read_record(path: Path | None, seed: int) -> dict[tuple[int, int], Report]:
    """The blocks of this seed that are done, by their first number and length."""
    kept = {}
    if path is not None and path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["seed"] == seed:
                report = Report(**entry["report"])
                report.coverage = Counter(report.coverage)
                kept[entry["first"], entry["count"]] = report
    return kept


def write_record(path: Path, seed: int, numbers: Sequence[int], report: Report) -> None:
    """Add one block, in a line of its own."""
    entry = {"seed": seed, "first": numbers[0], "count": len(numbers), "report": vars(report)}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def print_coverage(report: Report) -> None:
    """How often each rule fired, each promise met each operator and type, each shape was asked."""
    print("\ncoverage:")
    for what, times in sorted(report.coverage.items()):
        print(f"{times:8}  {what}")


if __name__ == "__main__":
    sys.exit(main())
