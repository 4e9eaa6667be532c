"""Work in pieces over the threads of this machine, or over the workers of a Dask cluster.

What comes back is the same for any number of workers: results are handed on with the number of
their piece, and whoever joins them goes by that.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from curate.errors import UsageError

Piece = TypeVar("Piece")
Result = TypeVar("Result")

# Pieces that are under way or waiting at once, per worker: enough that none is idle, so few that
# memory does not grow with the number of pieces.
AHEAD = 3
# A worker may be ended this often while it has a piece, before that piece fails.
RETRIES = 5
CONNECT_SECONDS = 30


def spread(
    function: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    *,
    workers: int,
    scheduler: str | None = None,
) -> Iterator[tuple[int, Result]]:
    """The number, from 0, and the result of each piece, in the order in which they are done.

    Parameters
    ----------
    function
        Of a module's top level: the workers of a cluster import it.
    pieces
        Taken one by one, as workers are free.
    workers
        Threads on this machine; without `scheduler`.
    scheduler
        Address of a Dask scheduler (`tcp://host:port`). Its workers do the pieces; they need the
        same package and the same files. A piece of a worker that is ended is done again.

    Raises
    ------
    UsageError
        When Dask is not installed, or the scheduler cannot be reached or has no workers.
    """
    if scheduler is not None:
        yield from _on_cluster(function, pieces, scheduler)
    elif workers == 1:
        yield from enumerate(map(function, pieces))
    else:
        with ThreadPoolExecutor(workers) as pool:
            try:
                yield from _window(pool.submit, function, pieces, workers * AHEAD)
            finally:
                # An error, or a caller who wants no more: what has not begun is not begun.
                pool.shutdown(cancel_futures=True)


def _window(
    submit: Callable[..., Future[Result]],
    function: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    most: int,
) -> Iterator[tuple[int, Result]]:
    number_of: dict[Future[Result], int] = {}
    for number, piece in enumerate(pieces):
        number_of[submit(function, piece)] = number
        if len(number_of) >= most:
            yield from _done(number_of)
    while number_of:
        yield from _done(number_of)


def _done(number_of: dict[Future[Result], int]) -> Iterator[tuple[int, Result]]:
    done, _ = wait(number_of, return_when=FIRST_COMPLETED)
    for future in sorted(done, key=number_of.__getitem__):
        yield number_of.pop(future), future.result()


def _on_cluster(
    function: Callable[[Piece], Result], pieces: Iterable[Piece], scheduler: str
) -> Iterator[tuple[int, Result]]:
    try:
        distributed: Any = importlib.import_module("distributed")  # half of it is not annotated
    except ImportError as error:
        raise UsageError(
            "--scheduler needs Dask, which is not installed",
            mend='pip install "curate[dask]"',
        ) from error
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(
            f"--scheduler {scheduler} cannot be reached: {error}",
            mend="start one with `dask scheduler`, and give its address as tcp://host:port",
        ) from error
    with client:
        n_threads = sum(client.nthreads().values())
        if not n_threads:
            raise UsageError(
                f"--scheduler {scheduler} has no workers",
                mend=f"start some with `dask worker {scheduler}`",
            )
        queue = distributed.as_completed(with_results=True)
        number_of: dict[Any, int] = {}  # futures of an untyped package
        waiting = enumerate(pieces)
        for number, piece in waiting:
            # Not pure: a piece writes files, and is the same piece only by its number.
            future = client.submit(function, piece, pure=False, retries=RETRIES)
            number_of[future.key] = number
            queue.add(future)
            if len(number_of) >= n_threads * AHEAD:
                break
        for future, result in queue:
            yield number_of.pop(future.key), result
            for number, piece in waiting:
                new = client.submit(function, piece, pure=False, retries=RETRIES)
                number_of[new.key] = number
                queue.add(new)
                break
