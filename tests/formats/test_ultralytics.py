"""What Ultralytics' loader does without stopping; the expected values follow from its
`data/utils.py`, commit 00bfe34, as the manual pages tell it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import curate
from curate import ReadOptions
from curate.errors import UsageError

GOOD = "0 0.5 0.5 0.2 0.2"
NAMES = "train: images\nnames: [person, car]\n"
SIZE = (60, 40)


def put(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return folder


def picture(path: Path, size: tuple[int, int] = SIZE, **told: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (9, 90, 9)).save(path, **told)
    return path


def traps(folder: Path, **options: Any) -> list[tuple[str, str | None, int | None, int]]:
    """Code, file, line and number of boxes of each finding of the family."""
    told = ReadOptions(**{"size_wh": SIZE, "format": "yolo", **options})
    table = curate.audit(folder, told, select=["ULT"], loader="ultralytics").table
    rows = table[["check", "file", "line", "members"]].astype(object)
    rows = rows.where(rows.notna(), None)
    return [(c, f, n, len(members)) for c, f, n, members in rows.itertuples(index=False)]


def of_rows(folder: Path, *rows: str, yaml: str = NAMES, **options: Any) -> Any:
    """(code, line, number of boxes) for one label file of these rows."""
    body = "".join(f"{row}\n" for row in rows)
    put(folder, {"labels/a.txt": body, "labels/good.txt": f"{GOOD}\n", "data.yaml": yaml})
    found = traps(folder, **options)
    assert all(file == "labels/a.txt" for _, file, _, _ in found)
    return [(code, line, n) for code, _, line, n in found]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ((GOOD, "1 0.5 0.5 0.2 0.3"), []),
        ((GOOD, "1 0.5 0.5 1.01 0.2"), []),  # at the limit
        ((GOOD, "1 0.5 0.5 0.2 -0.01"), []),
        ((GOOD, "1 0.5 0.5 1.02 0.2"), [("ULT-001", 2, 1)]),
        ((GOOD, "1 -0.02 0.5 0.2 0.2", "1 0.5 0.5 7 0.2"), [("ULT-001", 2, 2)]),
        ((GOOD, "2 0.5 0.5 0.2 0.2"), [("ULT-002", 2, 1)]),
        ((GOOD, "-1 0.5 0.5 0.2 0.2"), [("ULT-002", 2, 1)]),
        # Each wrong row is told, though one is enough.
        (("2 0.5 0.5 0.2 0.2", "0 0.5 0.5 3 0.2"), [("ULT-001", 2, 1), ("ULT-002", 1, 1)]),
        ((f"{GOOD} 0.9", GOOD), [("ULT-003", 1, 1)]),
        ((GOOD, " \t", "1 0.5 0.5 0.2 0.3"), [("ULT-003", 1, 0)]),
        ((GOOD, "", "1 0.5 0.5 0.2 0.3"), []),
        ((GOOD, "1 0.5 x 0.2 0.2"), [("ULT-004", 2, 1)]),
        ((GOOD, "1 0.5 0.5 0.3 0.2", GOOD, "0 0.50 .5 2e-1 0.2"), [("ULT-007", 3, 2)]),
        # Equal to the loader, which has 24 bits: 0.2 and 0.200000001.
        ((GOOD, "0 0.5 0.5 0.2 0.200000001"), [("ULT-007", 2, 1)]),
    ],
)
def test_rows_of_boxes(tmp_path: Path, rows: tuple[str, ...], found: Any) -> None:
    assert of_rows(tmp_path, *rows) == found


TRIANGLE = "1 0.1 0.1 0.3 0.1 0.3 0.4"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ((TRIANGLE, "0 0.1 0.1 0.3 0.1 0.3 0.5"), []),
        ((TRIANGLE, GOOD), [("ULT-005", 2, 1)]),
        ((TRIANGLE, f"{TRIANGLE} 0.9"), [("ULT-003", 2, 1)]),
        # 1.2 is a point too far out, and the bounds 0.1 .. 1.2 have their middle inside and a
        # width of 1.1; 0.3 .. 1.2 have one of 0.9.
        ((TRIANGLE, "0 0.1 0.1 1.2 0.1 0.3 0.4"), [("ULT-001", 2, 1)]),
        ((TRIANGLE, "0 0.3 0.1 1.2 0.1 0.3 0.4"), []),
        # Another polygon of the same bounds.
        ((TRIANGLE, "1 0.1 0.1 0.3 0.1 0.1 0.4"), [("ULT-007", 2, 1)]),
    ],
)
def test_rows_of_polygons(tmp_path: Path, rows: tuple[str, ...], found: Any) -> None:
    assert of_rows(tmp_path, *rows, yaml=f"{NAMES}task: segment\n") == found


def test_prediction_with_score_and_track_is_read_as_a_triangle(tmp_path: Path) -> None:
    low = (f"{GOOD} 0.9 1", "1 0.4 0.5 0.2 0.2 0.8 1")
    yaml = f"{NAMES}task: detect\n"
    assert of_rows(tmp_path, *low, yaml=yaml) == [("ULT-006", 1, 2)]


def test_track_above_one_drops_the_image(tmp_path: Path) -> None:
    rows = (f"{GOOD} 0.9 1", "1 0.4 0.5 0.2 0.2 0.8 7")
    # The points (0.4, 0.5), (0.2, 0.2), (0.8, 7) have a height of 6.8.
    assert of_rows(tmp_path, *rows) == [("ULT-001", 2, 1)]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (("0 0.5 0.5 0.2 0.2 0.5 0.5 2",), []),
        (("0 0.5 0.5 1.5 0.2 0.5 0.5 2",), []),  # the box itself is not looked at
        (("0 0.5 0.5 0.2 0.2 1.5 0.5 2",), [("ULT-001", 1, 1)]),
        (("0 0.5 -0.5 0.2 0.2 0.5 0.5 2",), [("ULT-001", 1, 1)]),
        (("0 0.5 0.5 0.2 0.2",), [("ULT-003", 1, 1)]),
        (("0 0.5 0.5 0.2 0.2 0.5 0.5 2", "0 0.5 0.5 0.2 0.2 0.5 0.5 1"), []),
        (("0 0.5 0.5 0.2 0.2 0.5 0.5 2", "0 0.5 0.5 0.2 0.2 0.5 0.5 2.0"), [("ULT-007", 2, 1)]),
    ],
)
def test_rows_of_poses(tmp_path: Path, rows: tuple[str, ...], found: Any) -> None:
    put(tmp_path, {"labels/a.txt": "\n".join(rows), "data.yaml": f"{NAMES}kpt_shape: [1, 3]\n"})
    assert [(code, line, n) for code, _, line, n in traps(tmp_path)] == found


def test_poses_without_a_yaml_are_taken_for_what_their_flags_say(tmp_path: Path) -> None:
    pose = "0 0.5 0.5 0.2 0.2 0.4 0.4 2 0.6 0.6 1"
    put(tmp_path, {"labels/a.txt": f"{pose}\n", "labels/b.txt": pose.replace("0.6", "1.2")})
    assert traps(tmp_path) == [("ULT-001", "labels/b.txt", 1, 1)]


@pytest.mark.parametrize(
    "body", [b"\xef\xbb\xbf" + GOOD.encode(), b"0 0.5 0.5 0.2 0.2\n\xff\xff", b"\0\0"]
)
def test_file_that_is_no_plain_text(tmp_path: Path, body: bytes) -> None:
    put(tmp_path, {"labels/a.txt": body, "labels/b.txt": GOOD, "data.yaml": NAMES})
    assert [(code, file) for code, file, _, _ in traps(tmp_path)] == [("ULT-004", "labels/a.txt")]


def test_without_names_only_negative_classes_are_wrong(tmp_path: Path) -> None:
    put(tmp_path, {"labels/a.txt": "7 0.5 0.5 0.2 0.2\n", "labels/b.txt": "-1 0.5 0.5 0.2 0.2\n"})
    assert traps(tmp_path) == [("ULT-002", "labels/b.txt", 1, 1)]


def test_class_that_only_another_list_names_is_out_of_range(tmp_path: Path) -> None:
    put(tmp_path, {"labels/a.txt": "2 0.5 0.5 0.2 0.2\n", "data.yaml": NAMES})
    told = traps(tmp_path, classes=("a", "b", "c"))
    assert told == [("ULT-002", "labels/a.txt", 1, 1)]


def test_each_file_has_one_finding_with_all_its_wrong_rows(tmp_path: Path) -> None:
    rows = [GOOD, "0 0.5 0.5 1.2 0.2", "0 0.5 0.5 1.3 0.2"]
    files = {f"labels/{n}.txt": "\n".join(rows[: n + 1]) for n in range(3)}
    put(tmp_path, {**files, "data.yaml": NAMES})
    told = ReadOptions(size_wh=SIZE)
    findings = curate.audit(tmp_path, told, select="ULT", loader="ultralytics")
    assert findings.counts == {"ULT-001": 2}
    last = findings.table[findings.table["file"] == "labels/2.txt"].iloc[0]
    assert last["message"] == (
        "1.2 among its numbers, should be -0.01 to 1.01: the loader leaves out the whole image,"
        " 3 rows"
    )
    labels = findings.dataset.boxes.set_index("box_id")
    assert labels.loc[last["members"], "line"].tolist() == [2, 3]


def test_findings_are_those_of_each_source_of_several(tmp_path: Path) -> None:
    good = put(tmp_path / "good", {"labels/a.txt": "1 0.5 0.5 0.2 0.2", "data.yaml": NAMES})
    bad = {"labels/a.txt": "1 0.5 0.5 0.2 0.2", "data.yaml": "train: images\nnames: [a]\n"}
    dataset = curate.read([good, put(tmp_path / "bad", bad)], ReadOptions(size_wh=SIZE))
    findings = curate.audit(dataset, select="ULT", loader="ultralytics")
    assert findings.table["file"].tolist() == ["bad/labels/a.txt"]
    assert findings.counts == {"ULT-002": 1}


# Pictures


def of_pictures(folder: Path) -> list[tuple[str, str]]:
    """Code and image of each finding."""
    told = ReadOptions(images=folder / "images", format="yolo")
    findings = curate.audit(folder, told, select="ULT", loader="ultralytics")
    keys = findings.dataset.images.set_index("image_id")["image_key"]
    pairs = zip(findings.table["check"], findings.table["image_id"], strict=True)
    return [(code, keys[image_id].partition("/")[2]) for code, image_id in pairs]


def test_clean_set_with_pictures_has_no_finding(tmp_path: Path) -> None:
    put(tmp_path, {"labels/x/a.txt": GOOD, "labels/x/b.txt": "", "data.yaml": NAMES})
    picture(tmp_path / "images/x/a.jpg")
    picture(tmp_path / "images/x/b.png", (10, 10))
    assert of_pictures(tmp_path) == []


def test_pictures_that_the_loader_leaves_out_or_changes(tmp_path: Path) -> None:
    names = ("gif", "pgm", "small", "cut", "tail")
    put(tmp_path, {f"labels/{name}.txt": GOOD for name in names} | {"data.yaml": NAMES})
    picture(tmp_path / "images/gif.gif")
    picture(tmp_path / "images/pgm.ppm")
    picture(tmp_path / "images/small.png", (40, 9))
    whole = picture(tmp_path / "images/cut.jpg").read_bytes()
    (tmp_path / "images/cut.jpg").write_bytes(whole[:-2])
    (tmp_path / "images/tail.jpg").write_bytes(whole + b"\n")
    picture(tmp_path / "images/nobody.png")
    assert sorted(of_pictures(tmp_path)) == [
        ("ULT-008", "nobody.png"),
        ("ULT-009", "small"),
        ("ULT-011", "cut"),
        ("ULT-011", "tail"),
        ("ULT-012", "gif"),
        ("ULT-012", "pgm"),
    ]


@pytest.mark.parametrize(
    ("ending", "orientation", "is_found"),
    [
        ("jpg", 1, False), ("jpg", 3, False), ("jpg", 6, False), ("jpg", 8, False),
        ("jpg", 5, True), ("png", 6, True), ("png", 3, False),
    ],
)  # fmt: skip
def test_turn_that_the_loader_does_not_heed(
    tmp_path: Path, ending: str, orientation: int, is_found: bool
) -> None:
    put(tmp_path, {"labels/a.txt": GOOD, "data.yaml": NAMES})
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture(tmp_path / f"images/a.{ending}", exif=exif)
    assert of_pictures(tmp_path) == ([("ULT-010", "a")] if is_found else [])


@pytest.mark.parametrize(
    ("labels", "is_found"),
    [("labels/x/a.txt", False), ("annotations/x/a.txt", True), ("labels/a.txt", True)],
)
def test_labels_that_lie_elsewhere(tmp_path: Path, labels: str, is_found: bool) -> None:
    put(tmp_path, {labels: GOOD, "data.yaml": NAMES})
    picture(tmp_path / "images/x/a.jpg")
    assert of_pictures(tmp_path) == ([("ULT-013", Path(labels).with_suffix("").as_posix()
        .removeprefix("labels/"))] if is_found else [])  # fmt: skip


def test_picture_that_a_list_names_and_no_label_file_has_is_background(tmp_path: Path) -> None:
    yaml = "train: train.txt\nnames: [person]\n"
    files = {"labels/a.txt": GOOD, "train.txt": "./images/a.jpg\n./images/b.jpg\n"}
    put(tmp_path, {**files, "data.yaml": yaml})
    assert [code for code, *_ in traps(tmp_path)] == ["ULT-008"]


# Who is asked


def test_other_labels_and_loaders_are_refused(tmp_path: Path) -> None:
    put(tmp_path, {"labels/a.txt": GOOD, "data.yaml": NAMES})
    with pytest.raises(UsageError, match="--for 'darknet' is no loader, should be one of ultra"):
        curate.audit(tmp_path, ReadOptions(size_wh=SIZE), loader="darknet")
    (tmp_path / "t.csv").write_text("image,label,x1,y1,x2,y2\na.jpg,cat,1,1,5,5\n")
    with pytest.raises(UsageError, match="judges labels of the format yolo, these are csv"):
        curate.audit(tmp_path / "t.csv", loader="ultralytics")


def test_without_a_loader_nothing_is_said_of_it(tmp_path: Path) -> None:
    put(tmp_path, {"labels/a.txt": "0 0.5 0.5 1.02 0.2", "data.yaml": NAMES})
    findings = curate.audit(tmp_path, ReadOptions(size_wh=SIZE))
    assert not [code for code in findings.counts if code.startswith("ULT")]


def test_stored_dataset_says_the_same(tmp_path: Path) -> None:
    put(tmp_path / "set", {"labels/a.txt": "0 0.5 0.5 1.02 0.2", "data.yaml": NAMES})
    dataset = curate.read(tmp_path / "set", ReadOptions(size_wh=SIZE))
    curate.save(dataset, tmp_path / "stored")
    first, again = (
        curate.audit(source, loader="ultralytics").table[["finding_id", "check", "message"]]
        for source in (dataset, curate.load(tmp_path / "stored"))
    )
    assert first.equals(again)


# Against a slow evaluator

numbers = st.one_of(st.floats(-0.02, 0.0), st.floats(0, 1), st.floats(1, 1.02), st.just(0.5))
rows_of = st.lists(
    st.tuples(st.integers(-1, 2), st.lists(numbers, min_size=3, max_size=9)), min_size=1, max_size=3
)


def is_dropped(rows: list[tuple[int, list[float]]], n_classes: int) -> bool:
    """Whether the loader leaves out the image of these rows (class, numbers), row by row."""
    if any(len(own) > 5 for _, own in rows):
        if any(len(own) % 2 for _, own in rows):
            return True
        boxes = []
        for _, own in rows:
            points = np.array(own, np.float32).reshape(-1, 2)
            low, high = points.min(axis=0), points.max(axis=0)
            boxes.append([*((low + high) / 2), *(high - low)])
    else:
        if any(len(own) != 4 for _, own in rows):
            return True
        boxes = [[np.float32(value) for value in own] for _, own in rows]
    for (number, _), box in zip(rows, boxes, strict=True):
        if number < 0 or number >= n_classes:
            return True
        if any(value > np.float32(1.01) or value < np.float32(-0.01) for value in box):
            return True
    return False


@given(st.lists(rows_of, min_size=1, max_size=4))
def test_dropped_files_are_those_of_a_slow_evaluator(
    tmp_path_factory: Any, files: list[list[tuple[int, list[float]]]]
) -> None:
    folder = tmp_path_factory.mktemp("set")
    bodies = {
        f"labels/{number}.txt": "".join(
            f"{label} {' '.join(map(repr, own))}\n" for label, own in rows
        )
        for number, rows in enumerate(files)
    }
    # Rows of other files tell the reader what these are.
    good = f"{GOOD}\n" * 40
    put(folder, {**bodies, "labels/good.txt": good, "data.yaml": f"{NAMES}task: segment\n"})
    found = traps(folder)
    drops = {file for code, file, _, _ in found if code in ("ULT-001", "ULT-002", "ULT-003")}
    wanted = {f"labels/{n}.txt" for n, rows in enumerate(files) if is_dropped(rows, 2)}
    assert drops == wanted
