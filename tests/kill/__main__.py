"""Kill every scenario at every moment: ``python -m tests.kill [NAME ...] [--most 120]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.kill.harness import Killer, kill_everywhere, spread
from tests.kill.orgs import Orgs
from tests.kill.scenarios import SCENARIOS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--most", type=int, default=1_000_000, help="moments of each scenario")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    bad = 0
    with Orgs() as orgs, Killer() as killer:
        for name in given.names or SCENARIOS:
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                choice = spread(given.most, given.seed)
                found = kill_everywhere(killer, SCENARIOS[name](orgs), choice, Path(folder))
                print(
                    f"{name}: {len(found.moments)} moments, killed {found.killed} times, "
                    f"{len(found.wrong)} wrong, {time.monotonic() - began:.0f} s",
                    flush=True,
                )
                for moment, error in found.wrong:
                    print(f"  {moment}: {error}", flush=True)
                bad += len(found.wrong)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
