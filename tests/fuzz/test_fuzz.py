"""No mutation of a real input makes a reader raise anything but CurateError."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random

import pytest

from curate.formats import ReadOptions, read
from tests.fuzz import seeds
from tests.fuzz.fuzz_readers import READERS, fuzz, fuzz_apart
from tests.fuzz.mutations import mutate
from tests.fuzz.seed import place
from tests.fuzz.tally import Tally

QUICK = 100
THOROUGH = 10_000
KINDS = [name for name in READERS if name.startswith("makesense")]
OTHERS = [name for name in READERS if name not in KINDS]


def crashers(tally: Tally) -> str:
    """What failed, with the input that shows it."""
    return "\n".join(f"{key}: {found}" for key, found in tally.crashers.items())


@pytest.mark.parametrize("reader", READERS)
def test_mutations_are_read_or_refused(reader, tmp_path):
    # The kinds of Make Sense share most of their ways.
    count = QUICK // 3 if reader in KINDS else QUICK
    tally = fuzz(reader, count, keep=tmp_path)
    assert tally.accepted + tally.refused > count * 0.9
    assert tally.accepted
    assert not tally.crashers, crashers(tally)


@pytest.mark.slow
def test_ten_thousand_mutations_per_reader_are_read_or_refused(tmp_path):
    began = time.perf_counter()
    tallies = fuzz_apart(OTHERS, THOROUGH, seed=1, keep=tmp_path)
    # The kinds of Make Sense are one reader.
    tallies += fuzz_apart(KINDS, THOROUGH // len(KINDS), seed=1, keep=tmp_path)
    for tally in tallies:
        assert not tally.crashers, f"{tally.reader}: {crashers(tally)}"
    print(f"{sum(t.mutations for t in tallies)} mutations: {time.perf_counter() - began:.0f} s")


def test_a_mutation_is_the_same_each_time():
    body = seeds.coco()[1].files["instances.json"]
    twice = [[mutate("a.json", body, Random(n), body) for n in range(40)] for _ in range(2)]
    assert twice[0] == twice[1]
    assert len(set(twice[0])) > 30


@pytest.mark.parametrize("reader", seeds.LABELS)
def test_every_input_reads_as_long_as_it_is_not_changed(reader, tmp_path):
    for number, seed in enumerate(seeds.LABELS[reader]()):
        path = place(seed, tmp_path / str(number))
        options = ReadOptions(format=seed.format, **seed.options)
        if seed.truth is not None:
            options = replace(options, truth=tmp_path / f"truth{number}.json")
            options.truth.write_bytes(seed.truth)
        assert read(path, options) is not None
