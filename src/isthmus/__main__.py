"""`python -m isthmus` and the console script `isthmus`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from isthmus.interfaces.cli.app import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
