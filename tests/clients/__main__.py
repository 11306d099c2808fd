"""Run stock clients against a local org: `python -m tests.clients [CLIENT ...]`.

Their environments are made where they are missing. Prints how each check went and writes the table
in docs/local-org.md; the exit code is 1 when a check fails.
"""

from __future__ import annotations

import sys

from tests.clients import environments
from tests.clients.clients import CLIENTS
from tests.clients.matrix import keep
from tests.clients.run import Outcome, run


def main(names: list[str]) -> int:
    """Run the clients of these names, or all of them."""
    known = {client.name: client for client in CLIENTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no client {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    results: dict[str, list[Outcome]] = {}
    for name in names or known:
        client = known[name]
        print(f"{client.name} {client.version}", flush=True)
        environments.make(client)
        results[name] = run(client)
        for one in results[name]:
            print(f"  {one.result:8}{one.check}{': ' + one.why if one.why else ''}", flush=True)
        keep(results)
    failed = [one for outcomes in results.values() for one in outcomes if one.result == "fails"]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
