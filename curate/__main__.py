"""`python -m curate`."""

from __future__ import annotations

import sys


def run() -> None:
    """The console script: runs the command line and ends the process with its exit code."""
    try:
        # Here, so that Ctrl-C while it loads ends as it does later.
        from curate.cli import main

        code = main()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    run()
