"""`python -m curate`."""

from __future__ import annotations

import sys

from curate.cli import main


def run() -> None:
    """The console script: runs the command line and ends the process with its exit code."""
    sys.exit(main())


if __name__ == "__main__":
    run()
