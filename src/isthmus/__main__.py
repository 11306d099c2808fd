"""`python -m isthmus` and the console script `isthmus`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from isthmus.interfaces.cli.app import main as run

        code = run()
    except KeyboardInterrupt:  # while modules are still being loaded
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
