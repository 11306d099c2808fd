"""Two thousand generated queries, a block under each of eight settings.

`make fuzz N=100000` asks more of the same; its record is in `docs/exactness.md`.
"""

from __future__ import annotations

import pytest

from tests.differential.fuzz import BLOCK, run_block

SEED = 77
BLOCKS = 8
ASKED = 250


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_block_of_queries_has_one_answer_and_one_plan(block: int) -> None:
    report = run_block(SEED, range(block * BLOCK, block * BLOCK + ASKED))
    assert report.asked == ASKED
    assert not report.differences, "\n\n".join(report.differences)
    assert sum(n for what, n in report.coverage.items() if what.startswith("rule ")) > ASKED / 10
