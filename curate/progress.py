"""How far a long loop is, told to whoever listens; free when nobody does.

Loops over files, pictures and checks wrap what they run over in `track`; the command line listens
when it has a terminal to draw on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Listener(Protocol):
    """Hands on the items of a loop, in order, and counts them on the way."""

    def __call__(self, items: Iterable[T], total: int, what: str) -> Iterable[T]:
        """The same items; `total` is their number, `what` names them in the plural."""


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def track(items: Iterable[T], total: int, what: str) -> Iterable[T]:
    """The items as they are, counted by the listener if there is one.

    Examples
    --------
    >>> list(track(["a.xml", "b.xml"], 2, "label files"))
    ['a.xml', 'b.xml']
    """
    listener = _listener.get()
    return items if listener is None else listener(items, total, what)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within it, `track` tells this listener (in this thread and what inherits its context)."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
