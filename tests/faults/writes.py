"""Each fault at each request of each kind of write and sync: ``python -m tests.faults.writes``."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.faults.write_trials import FAULTS, KINDS, Place, trials
from tests.kill.orgs import Orgs


def main() -> None:
    """Make all trials and print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.writes", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--fault", action="append", choices=sorted(FAULTS))
    given = parser.parse_args()
    bad = 0
    with Orgs() as orgs, tempfile.TemporaryDirectory() as folder:
        for kind in given.kinds or KINDS:
            began = time.monotonic()
            place = Place(orgs, kind, Path(folder) / kind)
            struck = raised = 0
            wrong = list[str]()
            for fault in given.fault or FAULTS:
                for endless in (False, True):
                    for nth, met in trials(place, fault, endless=endless):
                        struck += 1
                        raised += met.raised
                        if met.wrong is not None:
                            where = "from" if endless else "at"
                            wrong.append(f"{fault} {where} request {nth}: {met.wrong}")
            print(
                f"{kind}: {struck} trials, {raised} broken off and gone on with, "
                f"{len(wrong)} wrong, {time.monotonic() - began:.0f} s",
                flush=True,
            )
            for line in wrong:
                print(f"  {line}", flush=True)
            bad += len(wrong)
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
