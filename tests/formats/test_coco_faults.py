"""What the COCO reader tells of odd keys, texts, sizes and ids, each cause once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curate.formats import read
from tests.formats.coco_documents import annotation, document, store


def told(dataset: Any) -> list[tuple[str, str]]:
    return list(dataset.findings[["check", "message"]].itertuples(index=False, name=None))


def test_an_array_that_stands_twice_is_told(tmp_path: Path) -> None:
    text = json.dumps(document(annotation(1), info={"annotations": 1}))
    first = '{"annotations": [' + json.dumps(annotation(9)) + "], "
    dataset = read(store(tmp_path, (first + text[1:]).encode()))
    message = "the key `annotations` stands 2 times at the top level, should stand once"
    assert told(dataset) == [("SRC-001", message + ": only the last is read")]
    assert dataset.boxes["source_id"].tolist() == ["1"]


def test_a_like_named_key_elsewhere_is_no_second_array(tmp_path: Path) -> None:
    own = document(annotation(1), info={"annotations": 1, "images": "annotations"})
    assert told(read(store(tmp_path, own))) == []


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (b"\xff", "a byte that is no UTF-8 text"),
        (b"\\ud800", "an escape that is half a character (a lone surrogate)"),
    ],
)
@pytest.mark.parametrize(("old", "name"), [(b"a.jpg", "file_name"), (b"person", "name")])
def test_text_that_is_none_is_told_for_its_record_only(
    tmp_path: Path, bad: bytes, what: str, old: bytes, name: str
) -> None:
    text = json.dumps(document(annotation(1))).encode().replace(old, old + bad)
    dataset = read(store(tmp_path, text))
    assert told(dataset) == [("SRC-001", f"{name} holds {what}, should be plain text")]
    assert len(dataset.images) == 2
    assert len(dataset.boxes) == 1


@pytest.mark.parametrize("size", [0, -5, 2.5, "100", 2**40])
def test_a_size_that_is_none_is_told_and_null(tmp_path: Path, size: Any) -> None:
    own = document()
    own["images"][0]["width"] = size
    dataset = read(store(tmp_path, own))
    message = f"width is {str(size)!r}, should be a whole number of px above 0"
    assert told(dataset) == [("SRC-001", message)]
    assert dataset.images["width"].isna().tolist() == [True, False]
    assert dataset.images["height"].tolist() == [80, 80]


@pytest.mark.parametrize(
    ("name", "is_wrong"),
    [
        ("", True),
        ("/a.jpg", True),
        ("C:\\a.jpg", True),
        ("../a.jpg", True),
        ("x/../../a.jpg", True),
        ("x/../a.jpg", False),
        ("..a.jpg", False),
        (".x/a.jpg", False),
    ],
)
def test_a_file_name_that_is_no_path_below_its_root_is_told(
    tmp_path: Path, name: str, is_wrong: bool
) -> None:
    own = document()
    own["images"][0]["file_name"] = name
    dataset = read(store(tmp_path, own))
    assert [check for check, _ in told(dataset)] == ["SRC-001"] * is_wrong
    assert len(dataset.images) == 2


@pytest.mark.parametrize("image_id", [None, 1.5, [1]])
def test_an_image_id_that_cannot_be_read_is_one_finding(tmp_path: Path, image_id: Any) -> None:
    dataset = read(store(tmp_path, document(annotation(1), annotation(2, image_id=image_id))))
    assert [check for check, _ in told(dataset)] == ["SRC-001"]


def test_an_image_without_an_id_has_no_known_labels(tmp_path: Path) -> None:
    own = document(annotation(1))
    del own["images"][1]["id"]
    dataset = read(store(tmp_path, own))
    assert dataset.images["label_state"].tolist() == ["present", "missing"]


def test_an_id_beyond_64_bits_is_kept_as_text_and_said_so(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(2**63))))
    message = f"id '{2**63}' does not fit 64 bits; it is kept as text"
    assert told(dataset) == [("SRC-001", message)]
    assert dataset.boxes["source_id"].tolist() == [str(2**63)]


def test_a_flag_beyond_any_float_is_no_flag(tmp_path: Path) -> None:
    dataset = read(store(tmp_path, document(annotation(1, iscrowd=10**400), annotation(2))))
    assert dataset.boxes["is_group"].isna().tolist() == [True, False]


def test_a_list_of_images_alone_says_nothing_of_their_objects(tmp_path: Path) -> None:
    own = document()
    del own["annotations"]
    assert read(store(tmp_path, own)).images["label_state"].tolist() == ["missing", "missing"]


def test_captions_alone_make_no_negatives(tmp_path: Path) -> None:
    own = document({"id": 1, "image_id": 1, "caption": "a man"})
    assert read(store(tmp_path, own)).images["label_state"].tolist() == ["missing", "missing"]


def test_captions_beside_objects_leave_the_other_images_empty(tmp_path: Path) -> None:
    own = document(annotation(1), {"id": 2, "image_id": 1, "caption": "a man"})
    assert read(store(tmp_path, own)).images["label_state"].tolist() == ["present", "empty"]


def test_an_empty_list_of_objects_makes_negatives(tmp_path: Path) -> None:
    assert read(store(tmp_path, document())).images["label_state"].tolist() == ["empty", "empty"]


@pytest.mark.parametrize(("flag", "shown"), [(2, "2"), (-1, "-1"), (0.5, "0.5")])
def test_a_flag_that_is_not_0_is_a_crowd_and_told(tmp_path: Path, flag: Any, shown: str) -> None:
    dataset = read(store(tmp_path, document(annotation(1), annotation(2, iscrowd=flag))))
    assert dataset.boxes["is_group"].tolist() == [False, True]
    assert dataset.boxes["role"].tolist() == ["include", "ignore"]
    (finding,) = dataset.findings.to_dict("records")
    assert finding["check"] == "SRC-001"
    assert finding["message"].startswith(f"iscrowd is '{shown}', should be 0 or 1")
    assert (finding["source_id"], finding["box_id"]) == ("2", dataset.boxes["box_id"][1])


def test_images_without_id_and_name_are_not_one_image(tmp_path: Path) -> None:
    own = document(images=[{"width": 9, "height": 9}, {"width": 9, "height": 9}])
    assert {check for check, _ in told(read(store(tmp_path, own)))} == {"SRC-001"}


@pytest.mark.parametrize("outline", [[], [[]], [[[]]], [[], [[], []]]])
def test_an_outline_without_points_gives_no_box(tmp_path: Path, outline: object) -> None:
    path = store(tmp_path, document(annotation(1, bbox=None, segmentation=outline)))
    dataset = read(path)
    assert dataset.boxes["x1"].isna().all()
    assert "SRC-001" in dataset.findings["check"].tolist()
