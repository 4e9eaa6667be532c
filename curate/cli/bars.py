"""Progress bars on stderr, drawn only when it is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from curate.progress import listening

T = TypeVar("T")

# A loop that ends within this time shows no bar, and does not wait for rich to load.
WAIT_S = 0.5


@contextmanager
def on_terminal() -> Iterator[None]:
    """Within it, long loops draw a bar on stderr; in a pipe or a file they stay quiet."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    # An error leaves a loop's generator suspended: its bar is taken down here all the same.
    with ExitStack() as drawn:

        def drawing(items: Iterable[T], total: int, what: str) -> Iterator[T]:
            return _drawn(items, total, what, drawn)

        with listening(drawing):
            yield


def _drawn(items: Iterable[T], total: int, what: str, drawn: ExitStack) -> Iterator[T]:
    start = time.monotonic()
    rest = enumerate(items, 1)
    for _, item in rest:
        yield item
        if time.monotonic() - start >= WAIT_S:
            break
    else:
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    drawn.callback(bar.stop)
    bar.start()
    try:
        task = bar.add_task(what, total=total)
        for number, item in rest:
            bar.update(task, completed=number)
            yield item
    finally:
        bar.stop()
