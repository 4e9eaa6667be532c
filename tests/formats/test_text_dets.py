"""Text detections: what the numbers of a line are, and real sets in all their forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import ReadOptions
from curate import read as read_path
from curate.assembly import assemble
from curate.dataset import Dataset
from curate.errors import CurateError, FormatError, SourceError
from curate.formats import text_dets
from curate.formats.reading import Options
from curate.tree import open_tree
from tests.formats.label_files import EDGES, kept

# One box of a 640 x 480 image, at columns 100..199 and rows 50..249, in each form.
XYWH = "7 0.431418 100 50 100 200"
XYXY = "7 0.431418 100 50 200 250"
REL = "7 0.431418 0.234375 0.3125 0.15625 0.4166666666666667"
# Its right edge is left of its left one when read as corners.
ONLY_SIDES = "7 0.5 300 200 20 30"
# Sides that might be corners.
WIDE = "7 0.5 100 50 120 200"
FRUSTUM = "dataset/KITTI/image_2/000000.png 1 0.999559 718 141 807 311"
SIZE = (640, 480)


def gathered(files: Mapping[str, str | bytes], options: Options | None = None) -> Dataset:
    names = [name for name in files if name.endswith(".txt") and "classes" not in name]
    return assemble("yard", text_dets.gather(kept(files), names, options or Options()))


def one_file(*lines: str, **options: object) -> Dataset:
    return gathered({"a.txt": "".join(f"{line}\n" for line in lines)}, Options(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "line"), [("xywh", XYWH), ("xyxy", XYXY), ("rel-xywh", REL)])
def test_each_kind_gives_the_same_box(kind: str, line: str) -> None:
    boxes = one_file(line, kind=kind, size_wh=SIZE).boxes
    np.testing.assert_allclose(boxes[EDGES].to_numpy(), [[100, 50, 200, 250]], rtol=0, atol=1e-9)
    assert boxes["score"].tolist() == [0.431418]
    assert boxes["origin"].tolist() == ["detector"]
    assert (boxes["source_label"].tolist(), boxes["label"].tolist()) == (["7"], ["7"])


@pytest.mark.parametrize(
    ("lines", "x2"),
    [
        ([XYXY] * 10, 200),  # ten lines of corners
        ([ONLY_SIDES], 320),
        ([WIDE] * 3 + [ONLY_SIDES], 220),  # a quarter that are no corners
    ],
)
def test_numbers_that_prove_their_kind_need_no_word(lines: list[str], x2: float) -> None:
    assert one_file(*lines).boxes["x2"].iloc[0] == x2


@pytest.mark.parametrize(
    "lines", [[XYXY] * 9, [WIDE] * 9, [WIDE] * 4 + [ONLY_SIDES], ["0 0.5 0.1 0.1 0.9 0.9"]]
)
def test_numbers_that_prove_nothing_are_refused_with_what_to_say(lines: list[str]) -> None:
    with pytest.raises(FormatError) as error:
        one_file(*lines)
    assert error.value.mend is not None
    for kind in ("xywh", "xyxy", "rel-xywh"):
        assert f"text-dets-{kind}" in error.value.mend


def test_sides_that_leave_the_picture_are_corners() -> None:
    # 450 + 600 exceeds 640 px, 600 does not.
    assert one_file("0 0.5 450 50 600 300", size_wh=SIZE).boxes["x2"].tolist() == [600]
    with pytest.raises(FormatError):
        one_file("0 0.5 450 50 600 300", size_wh=(2000, 2000))


def test_fractions_without_sizes_are_refused() -> None:
    with pytest.raises(SourceError, match="fractions"):
        one_file(REL)


def test_fractions_set_the_size_of_their_image() -> None:
    images = one_file(REL, size_wh=SIZE).images
    assert images[["width", "height"]].to_numpy().tolist() == [[640, 480]]


def test_classes_are_named_by_the_list_beside_or_above() -> None:
    files = {"classes.txt": "person\r\ncar\n", "d/a.txt": f"1 0.5 {ONLY_SIDES[6:]}\n"}
    dataset = gathered(files)
    assert dataset.boxes["label"].tolist() == ["car"]
    assert dataset.boxes["source_label"].tolist() == ["1"]
    assert dataset.classes["label"].tolist() == ["person", "car"]
    assert dataset.sources.names() == ["classes.txt", "d/a.txt"]


def test_named_classes_stand_for_themselves() -> None:
    assert one_file(f"car{ONLY_SIDES[1:]}").boxes["label"].tolist() == ["car"]


@pytest.mark.parametrize(
    ("line", "code", "what"),
    [
        ("7 0.5 1 2 3", "SRC-001", "has 5 columns, should have 6: class score and four numbers"),
        ("7 x 1 2 3 4", "SRC-001", "has 'x' as score, should be a number"),
        ("7 0.5 1 2 1e400 4", "SRC-001", "has '1e400' as the third number, should be a number"),
        ("7 nan 1 2 3 4", "SRC-001", "has 'nan' as score, should be a number"),
        ("7 0.5 1_0 2 3 4", "SRC-001", "has '1_0' as the first number, should be a number"),
        ("9 0.5 1 2 3 4", "SRC-004", "class '9', should be one of 0 to 7"),
        ("van 0.5 1 2 3 4", "SRC-004", "class 'van', should be one of a, b, c, d, e, …"),
    ],
)
def test_wrong_line_is_a_finding_and_hides_no_other(line: str, code: str, what: str) -> None:
    dataset = one_file(XYWH, "", line, XYWH, kind="xywh", classes=tuple("abcdefgh"))
    found = dataset.findings[["check", "message", "file", "line"]].to_numpy().tolist()
    assert found == [[code, what, "a.txt", 3]]
    assert len(dataset.boxes) == 3
    assert dataset.boxes["x2"].tolist()[::2] == [200, 200]


@pytest.mark.parametrize("body", [b"\0", XYWH.encode("utf-16"), b"7 \xff"])
def test_file_that_is_no_text_keeps_its_image_as_unreadable(body: bytes) -> None:
    dataset = gathered({"d/a.txt": body, "d/b.txt": ONLY_SIDES, "d/c.txt": ""})
    assert dataset.images["label_state"].tolist() == ["unreadable", "present", "empty"]
    assert dataset.findings["check"].tolist() == ["SRC-002"]


def test_box_span_is_its_line() -> None:
    dataset = gathered({"a.txt": f"\ufeff{ONLY_SIDES}\r\n\r\n{XYWH}"})
    spans = zip(dataset.boxes["start"], dataset.boxes["end"], strict=True)
    read = [dataset.sources.span("a.txt", s, e).decode() for s, e in spans]
    assert read == [ONLY_SIDES, XYWH]
    assert dataset.boxes["source_id"].tolist() == ["1", "3"]


def test_frustum_lines_name_their_images() -> None:
    body = f"{FRUSTUM}\nimage_2\\b.png 9 .5 1 2 3 4\n{FRUSTUM}\n"
    dataset = gathered({"yolo.txt": body})
    assert dataset.images["image_key"].tolist() == ["yard/000000.png", "yard/b.png"]
    assert dataset.images["source_id"].iloc[0] == "dataset/KITTI/image_2/000000.png"
    assert dataset.boxes[EDGES].iloc[0].tolist() == [718, 141, 807, 311]
    labels = dataset.boxes["label"]
    assert (labels.iloc[0], labels.isna().tolist()) == ("Pedestrian", [False, True, False])
    assert json.loads(dataset.boxes["attributes"].iloc[0]) == {"detector": "yolo"}
    assert dataset.findings[["check", "line"]].to_numpy().tolist() == [["SRC-004", 2]]


def test_two_frustum_files_share_images_and_not_boxes() -> None:
    dataset = gathered({"a.txt": FRUSTUM, "b.txt": FRUSTUM})
    assert (len(dataset.images), len(dataset.boxes)) == (1, 2)
    assert dataset.boxes["box_id"].is_unique


@pytest.mark.parametrize(
    "body",
    [
        "",
        "0 0.5 0.5 0.25 0.25\n",  # YOLO
        "0 0.4 0.5 0.2 0.2 0.9\n",  # YOLO's prediction, which would lie in the image
        "0 0.9 0.1 0.5 0.6 0.2\n",  # would leave the image as a detection
        "1,1,10,20,30,40,0.9,-1,-1,-1\n",
        "0,2,298.4,161.8,454.9,293.2,16.0,1.9,1.8,4.4,-4.5,1.8,13.4,-2.1,-1.8\n",
        "Car 0.00 0 -1.58 10.50 5.25 30.00 20.75 1.50 1.60 4.00 -2.00 1.70 9.00 -1.80\n",
        "P0: 1 2 3 4 5\n",
        "some words of a plain note\n",
        "7 14 100 50 100 200\n",  # no score
    ],
)
def test_other_text_is_not_claimed(body: str) -> None:
    assert text_dets.claims(kept({"a.txt": body})) == []


def test_fractions_that_cannot_be_yolo_are_claimed_with_the_rest_of_their_folder() -> None:
    files = {"d/a.txt": REL, "d/b.txt": "", "d/c.txt": "7 0.5 1 2\n", "d/classes.txt": "a\n",
             "e/x.txt": ""}  # fmt: skip
    assert text_dets.claims(kept({**files, "d/f.txt": "0 0.9 0.5 0.5 0.9 0.9\n"})) == [
        "d/a.txt", "d/b.txt", "d/c.txt", "d/f.txt",
    ]  # fmt: skip


@given(st.lists(st.binary(max_size=60), max_size=4), st.sampled_from([None, *text_dets.KINDS]))
def test_any_bytes_are_read_or_refused(bodies: list[bytes], kind: str | None) -> None:
    files = {f"{index}.txt": body for index, body in enumerate(bodies)}
    try:
        dataset = gathered(files, Options(kind=kind, size_wh=SIZE))
    except CurateError:
        return
    assert dataset.sources.names() == sorted(files)


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 400), st.integers(1, 40),
                          st.integers(1, 80), st.floats(0, 1)), min_size=1))  # fmt: skip
def test_three_forms_of_one_set_agree(boxes: list[tuple[int, int, int, int, float]]) -> None:
    lines: dict[str, list[str]] = {"xywh": [], "xyxy": [], "rel-xywh": []}
    for x, y, w, h, score in boxes:
        lines["xywh"].append(f"0 {score!r} {x} {y} {w} {h}")
        lines["xyxy"].append(f"0 {score!r} {x} {y} {x + w} {y + h}")
        centre = ((x + w / 2) / 640, (y + h / 2) / 480, w / 640, h / 480)
        lines["rel-xywh"].append(f"0 {score!r} " + " ".join(map(repr, centre)))
    wanted = [[x, y, x + w, y + h] for x, y, w, h, _ in boxes]
    for kind, text in lines.items():
        found = one_file(*text, kind=kind, size_wh=SIZE).boxes
        np.testing.assert_allclose(found[EDGES].to_numpy(), wanted, rtol=0, atol=1e-9)
        assert found["score"].tolist() == [score for *_, score in boxes]


# Real files


def real_names(real_data: Path) -> tuple[str, ...]:
    return tuple((real_data / "rodm_multiformat" / "voc.names").read_text().split())


@pytest.mark.parametrize(
    ("folder", "tolerance_px"), [("abs_xywh", 0), ("abs_xyx2y2", 0), ("rel_xywh", 5e-4)]
)
def test_real_set_is_told_by_its_numbers_and_equals_its_coco_form(
    real_data: Path, folder: str, tolerance_px: float
) -> None:
    root = real_data / "rodm_multiformat"
    options = ReadOptions(
        name="s",
        classes=real_names(real_data),
        images=root / "images" if folder == "rel_xywh" else None,
    )
    dataset = read_path(root / "dets" / folder, options)
    assert dataset.format == "text-dets"
    assert (len(dataset.formats), len(dataset.boxes)) == (98, 452)
    coco = json.loads((root / "dets" / "coco_format" / "coco_dets.json").read_text())
    stems = {image["id"]: Path(image["file_name"]).stem for image in coco["images"]}
    names = {category["id"]: category["name"] for category in coco["categories"]}
    key_of = dict(zip(dataset.images["image_id"], dataset.images["image_key"], strict=True))
    keys = dataset.boxes["image_id"].map(key_of).str.removeprefix("s/")
    assert keys.tolist() == [stems[a["image_id"]] for a in coco["annotations"]]
    assert dataset.boxes["label"].tolist() == [names[a["category_id"]] for a in coco["annotations"]]
    xywh = np.array([a["bbox"] for a in coco["annotations"]])
    wanted = np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]])
    np.testing.assert_allclose(dataset.boxes[EDGES], wanted, rtol=0, atol=tolerance_px)
    # Scores to the digit of each line.
    texts = [line.split()[1] for path in sorted((root / "dets" / folder).glob("*.txt"))
             for line in path.read_text().splitlines()]  # fmt: skip
    assert dataset.boxes["score"].tolist() == [float(text) for text in texts]


def test_real_frustum_detections_fit_the_labels_of_their_frames(real_data: Path) -> None:
    root = real_data / "kitti_object6"
    dataset = read_path(root / "frustum_2d_detections")
    assert (len(dataset.images), len(dataset.boxes), len(dataset.findings)) == (6, 18, 0)
    assert dataset.boxes["score"].tolist()[:3] == [0.999559, 0.0100827, 0.994489]
    truth = read_path(root / "training" / "label_2")
    sure = dataset.boxes[dataset.boxes["score"] > 0.99].merge(dataset.images, on="image_id")
    for label, key, x1 in zip(sure["label"], sure["image_key"], sure["x1"], strict=True):
        frame = truth.images["image_key"].str.endswith(Path(key).stem)
        own = truth.boxes[truth.boxes["image_id"].isin(truth.images.loc[frame, "image_id"])]
        assert ((own["label"] == label) & ((own["x1"] - x1).abs() < 8)).any()


@pytest.mark.parametrize("folder", ["kitti_tracking", "mot", "coco_person_kp_yolo_val2017",
                                    "rodm_multiformat/gts", "kitti_object6/training",
                                    "kitti_object6/pointgnn_val_results"])  # fmt: skip
def test_real_text_of_other_formats_is_not_claimed(real_data: Path, folder: str) -> None:
    assert text_dets.claims(open_tree(real_data / folder)) == []
