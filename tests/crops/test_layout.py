from __future__ import annotations

import pytest

from curate.crops.layout import MAX_FILES, Layout


def path(counts, place, crop_id="ab12cd34ef567890") -> str:
    split, is_aside, word = place
    return Layout(counts, ".jpg").paths([split], [word], [is_aside], [crop_id])[0]


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        (("train", False, "person"), "train/person/ab12cd34ef567890.jpg"),
        (("train", True, "near"), "aside/train/near/ab12cd34ef567890.jpg"),
        (("", False, "person"), "unsplit/person/ab12cd34ef567890.jpg"),
        (("val", False, "a/b"), "val/a_b/ab12cd34ef567890.jpg"),
        (("val", False, "../x"), "val/_.._x/ab12cd34ef567890.jpg"),
        (("aside", False, "person"), "aside-2/person/ab12cd34ef567890.jpg"),
        (("crops.json", False, "person"), "crops.json-2/person/ab12cd34ef567890.jpg"),
        (("val", False, ""), "val/none/ab12cd34ef567890.jpg"),
        (("val", False, "con"), "val/_con/ab12cd34ef567890.jpg"),
    ],
)
def test_a_crop_stands_in_split_and_label(place, wanted) -> None:
    assert path({place: 1}, place) == wanted


def test_labels_that_differ_by_case_have_folders_of_their_own() -> None:
    counts = {("val", False, "Car"): 1, ("val", False, "car"): 1, ("val", False, "a/r"): 1}
    counts |= {("val", False, "a_r"): 1}
    folders = {path(counts, place).rsplit("/", 1)[0].casefold() for place in counts}
    assert len(folders) == 4


def test_a_large_folder_is_divided_by_two_digits_of_the_id() -> None:
    place = ("train", False, "person")
    assert path({place: MAX_FILES}, place) == "train/person/ab12cd34ef567890.jpg"
    assert path({place: MAX_FILES + 1}, place) == "train/person/ab/ab12cd34ef567890.jpg"
