"""Ask generated queries three ways: ``python -m tests.differential.fuzz --count 20000 --seed 1``.

Queries run in blocks; each block has its own positions of the local org's switches, page size and
time zone. A difference is printed with its reproducer: the same seed with ``--only NUMBER``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from isthmus.errors import IsthmusError
from tests.differential.generator import Query, generate
from tests.differential.trial import Coverage, try_query
from tests.differential.world import Setting, World, random_setting, world

__all__ = ["Report", "main", "run_block"]

BLOCK = 250


@dataclass
class Report:
    """What a block of queries found."""

    asked: int = 0
    differences: list[str] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Counter)

    def add(self, other: Report) -> None:
        self.asked += other.asked
        self.differences += other.differences
        self.coverage.update(other.coverage)


def run_block(seed: int, numbers: Sequence[int]) -> Report:
    """Ask the queries of these numbers, all of one block."""
    setting = random_setting(seed, numbers[0] // BLOCK)
    report = Report()
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
                found.append(f"asked again: {try_query(w, query, Counter()) or 'no difference'}")
                report.differences.append(_words(seed, number, setting, query, found))
    return report


def _sent(w: World, query: Query) -> list[str]:
    """The SOQL texts of the last requests, and the texts that the plan says now."""
    log = [str(r["soql"]) for r in w.org.requests()[-8:] if r.get("soql")]
    try:
        return [*log, *(s.fragment.text for s in w.pushed.sql(query.sql, query.params).plan.scans)]
    except IsthmusError:
        return log


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


def _work(job: tuple[int, list[int]]) -> Report:
    return run_block(*job)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; returns 1 if there was a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="how many queries")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, nargs="*", default=[], help="numbers of queries")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    started, total = time.monotonic(), Report()
    jobs = [(given.seed, numbers) for numbers in _blocks(given.count, given.only)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(given.processes, len(jobs)), maxtasksperchild=8) as pool:
        for report in pool.imap_unordered(_work, jobs):
            total.add(report)
            for words in report.differences:
                print(words, flush=True)
            seconds = time.monotonic() - started
            print(
                f"{total.asked} queries, {len(total.differences)} differences, {seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    print_coverage(total)
    print(
        f"\nseed {given.seed}: {total.asked} queries, {len(total.differences)} differences, "
        f"{time.monotonic() - started:.0f} s"
    )
    return 1 if total.differences else 0


def print_coverage(report: Report) -> None:
    """How often each promise met each operator and type, and each shape of query was asked."""
    print("\ncoverage:")
    for what, times in sorted(report.coverage.items()):
        print(f"{times:8}  {what}")


if __name__ == "__main__":
    sys.exit(main())
