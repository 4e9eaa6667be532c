from __future__ import annotations

import threading
import time

import pytest

from curate.errors import UsageError
from curate.fanout import AHEAD, spread


def double(number: int) -> int:
    return 2 * number


def slow_if_even(number: int) -> int:
    if number % 2 == 0:
        time.sleep(0.01)
    return number


def refuse_three(number: int) -> int:
    if number == 3:
        raise OSError(28, "No space left on device")
    return number


@pytest.mark.parametrize("workers", [1, 4])
def test_every_piece_has_one_result_under_its_number(workers) -> None:
    done = dict(spread(double, range(50), workers=workers))
    assert done == {n: 2 * n for n in range(50)}


def test_results_come_as_they_are_done_with_their_numbers() -> None:
    done = list(spread(slow_if_even, range(20), workers=4))
    assert sorted(done) == [(n, n) for n in range(20)]


@pytest.mark.parametrize("workers", [1, 3])
def test_pieces_are_taken_only_as_workers_are_free(workers) -> None:
    taken = 0

    def pieces():
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    for done, _ in enumerate(spread(double, pieces(), workers=workers)):
        assert taken <= done + 1 + workers * AHEAD


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_of_a_piece_ends_the_work(workers) -> None:
    with pytest.raises(OSError, match="No space"):
        list(spread(refuse_three, range(10), workers=workers))
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


def test_no_pieces_are_no_results() -> None:
    assert list(spread(double, [], workers=2)) == []


def test_a_scheduler_that_is_not_there_is_told_with_the_mend(monkeypatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("curate.fanout.CONNECT_SECONDS", 1)
    with pytest.raises(UsageError, match=r"--scheduler tcp://127.0.0.1:9 cannot be reached.*dask"):
        list(spread(double, range(3), workers=1, scheduler="tcp://127.0.0.1:9"))
