"""`--log-file`: what a command did, as lines with their time (UTC), appended to a file.

A line that does not begin with a time belongs to the one above it.
"""

from __future__ import annotations

import logging
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from curate.errors import OutputError, Place, UsageError

LOG = logging.getLogger("curate")


class _Lines(logging.Formatter):
    """Time, level and text; further lines of the text are indented, so that none looks like one."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return "\n    ".join(super().format(record).splitlines())


@contextmanager
def closed_after() -> Iterator[None]:
    """Within it a log file may be opened; it is closed at the end."""
    # Without any handler, logging itself would print warnings on stderr.
    LOG.addHandler(logging.NullHandler())
    try:
        yield
    finally:
        for handler in list(LOG.handlers):
            LOG.removeHandler(handler)
            handler.close()


def opened(context: typer.Context, path: Path | None) -> Path | None:
    """Opens the log file and writes down the version and the words of the command line.

    Raises
    ------
    UsageError
        For `-`.
    OutputError
        When the file cannot be written.
    """
    if path is None:
        return None
    if str(path) == "-":
        raise UsageError("--log-file - is no file: stdout carries the result", mend="name a file")
    try:
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror}", place=Place(str(path)), mend="check --log-file"
        ) from error
    handler.setFormatter(_Lines("%(asctime)s %(levelname)s %(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    from curate import __version__

    words = context.obj if isinstance(context.obj, list) else sys.argv[1:]
    LOG.info("curate %s: %s", __version__, shlex.join(words))
    return path
