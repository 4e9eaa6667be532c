"""What the mix and thinning go by, over several blocks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from curate.crops.manifest import CROP_COLUMNS
from curate.crops.spec import CropSpec, Mix, Thin
from curate.crops.tally import Codes, Tally, Tallying
from curate.tables import make_table


def rows_of(*rows: tuple[int, str, str, str]) -> pd.DataFrame:
    """Rows of a plan from number, split, outcome and label; scores fall with the number."""
    number, split, outcome, label = zip(*rows, strict=True)
    values = {
        "crop_id": [f"{n:016x}" for n in number],
        "status": ["small" if one == "missed" else "made" for one in outcome],
        "outcome": list(outcome),
        "label": [word or None for word in label],
        "split": list(split),
        "origin": ["gt" if one in ("missed", "truth") else "detector" for one in outcome],
        "score": [1 - n / 100 for n in number],
        "spec": "0" * 12,
        "definition": "d@1",
        **{edge: [0.0] * len(rows) for edge in ("x1", "y1")},
        **{edge: [10.0] * len(rows) for edge in ("x2", "y2")},
    }
    return make_table(CROP_COLUMNS, len(rows), values)


def tally_of(*blocks: pd.DataFrame) -> Tally:
    tallying = Tallying()
    for block in blocks:
        tallying.add(block)
    return tallying.done()


CAT, DOG = (("matched", word) for word in ("cat", "dog"))
FALSE = ("background", "background")
FIRST = rows_of((1, "train", *CAT), (2, "train", *FALSE), (3, "train", *FALSE), (4, "val", *FALSE))
SECOND = rows_of((5, "train", *FALSE), (6, "train", "near", ""), (7, "train", "missed", "cat"))


def test_codes_are_by_first_sight_and_the_same_in_each_block() -> None:
    codes = Codes()
    assert codes.of(["b", "a", "b"], [1, 1, 1]).tolist() == [0, 1, 0]
    assert codes.of(["c", "a"], [1, 1]).tolist() == [2, 1]
    assert codes.of([], []).tolist() == []
    assert codes.rows == [("b", 1), ("a", 1), ("c", 1)]


def test_a_mix_takes_its_share_over_all_blocks_of_its_split() -> None:
    tally = tally_of(FIRST, SECOND)
    status = tally.status(CropSpec(mix=Mix(background_per_positive=2.0)), None)
    # One object in train, so two of its three false alarms; val and what is aside stay.
    assert (status == "left_out").sum() == 1
    assert status[(status == "left_out")].index[0] in (1, 2, 4)
    counts = tally.counts(status)
    assert counts == {
        ("train", False, "cat"): 1,
        ("train", False, "background"): 2,
        ("train", True, "near"): 1,
        ("val", False, "background"): 1,
    }


def test_priors_are_those_of_the_stream_and_of_the_mix() -> None:
    tally = tally_of(FIRST, SECOND)
    status = tally.status(CropSpec(mix=Mix(background_per_positive=1.0)), None)
    assert tally.priors(status) == {
        "train": {"natural": 1 / 4, "sampled": 1 / 2},
        "val": {"natural": 0.0, "sampled": 0.0},
    }


def test_alike_crops_are_thinned_across_blocks_within_label_and_split() -> None:
    tally = tally_of(FIRST, SECOND)
    crops = np.array([1, 2, 3, 4, 5, 6], np.uint64)
    hashes = np.array([0, 0, 0b111, 0, 0b1, 0], np.uint64)
    spec = CropSpec(thin=Thin(max_bits=1))
    status = tally.status(spec, {"crop": crops, "phash": hashes})
    # 2 has the best score of train's background; 5 differs in 1 bit, 3 in 3, 4 is of val.
    assert status[status.notna()].to_dict() == {4: "thinned"}


def test_a_crop_that_could_not_be_cut_is_not_thinned() -> None:
    tally = tally_of(rows_of((1, "train", *CAT), (2, "train", *CAT)))
    none = {"crop": np.zeros(0, np.uint64), "phash": np.zeros(0, np.uint64)}
    spec = CropSpec(thin=Thin(max_bits=32))
    assert tally.status(spec, none).isna().all()
    one = {"crop": np.array([2], np.uint64), "phash": np.array([0], np.uint64)}
    assert tally.status(spec, one).isna().all()


def test_thinning_comes_before_the_mix() -> None:
    tally = tally_of(rows_of((1, "train", *CAT), (2, "train", *CAT), (3, "train", *FALSE)),
                     rows_of((4, "train", *FALSE)))  # fmt: skip
    spec = CropSpec(thin=Thin(max_bits=0), mix=Mix(background_per_positive=1.0))
    found = {"crop": np.arange(1, 5, dtype=np.uint64), "phash": np.array([7, 7, 1, 2], np.uint64)}
    # One cat stays, so one false alarm does.
    assert tally.status(spec, found).value_counts().to_dict() == {"thinned": 1, "left_out": 1}
