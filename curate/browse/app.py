"""FiftyOne's App on a port of this machine, opened with what curate built."""

from __future__ import annotations

import errno
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from curate.browse.building import Built
from curate.browse.database import fiftyone
from curate.errors import OutputError, Place, UsageError, quote

HOST = "127.0.0.1"
_TICK_S = 3600.0


@dataclass(frozen=True)
class Session:
    """The App that is open: its address, and FiftyOne's own session."""

    address: str
    session: Any  # FiftyOne's own

    def wait(self) -> None:
        """Returns never; Ctrl-C ends it."""
        while True:
            time.sleep(_TICK_S)


def refuse_port(port: int) -> None:
    """Refuses a port that is taken: FiftyOne would show what is there, be it another database's.

    Raises
    ------
    OutputError
        Naming the port.
    UsageError
        For a number that is no port.
    """
    if not 0 < port < 1 << 16:
        raise UsageError(f"--port is {port}, should be 1 to 65535", mend="leave it out for 5151")
    with socket.socket() as trial:
        # A port that was free a moment ago is no fault.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"is not free: {error}"
            raise OutputError(
                f"port {port} {why}",
                place=Place(id=HOST),
                mend="end the App that runs there, or choose another with --port",
            ) from error


@contextmanager
def opened(built: Built, port: int, view: str | None = None) -> Iterator[Session]:
    """The App that shows a dataset, until the block ends.

    Parameters
    ----------
    port
        On this machine alone; a free one.
    view
        Name of a saved view to begin with; None: everything.

    Raises
    ------
    UsageError
        For a view that there is not.
    OutputError
        For a port that is taken.
    """
    refuse_port(port)
    fo = fiftyone()
    if view is not None and view not in built.dataset.list_saved_views():
        near = ", ".join(sorted(built.dataset.list_saved_views()))
        raise UsageError(f"there is no saved view {quote(view)}", mend=f"use one of: {near}")
    start = None if view is None else built.dataset.load_saved_view(view)
    logging.getLogger("fiftyone.core.session.session").setLevel(logging.ERROR)
    session = fo.launch_app(
        built.dataset, view=start, remote=True, address=HOST, port=port, auto=False
    )
    try:
        yield Session(f"http://{HOST}:{port}/", session)
    finally:
        session.close()
        fo.close_app()
