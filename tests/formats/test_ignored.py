"""Ignored objects in targets that have no word for them: refused, left out, listed, painted."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curate import ReadOptions, read, write
from curate.dataset import Dataset
from curate.errors import OutputError, SourceError, UsageError
from curate.formats import WRITERS
from curate.formats.ignored import CHOICES
from curate.formats.turned import corners_of
from tests.formats.label_files import EDGES, losses, table_set, with_values, written

SIZE = (60, 40)
PLACES = np.array([[2, 3, 12, 13], [20, 5, 30, 15], [40, 20, 50, 30]], np.float64)
PAINTED = "painted grey in the pictures, but where another object is"
HARD = "left out: a loader takes them for background, as hard negatives"


def three(names: tuple[str, ...] = ("a.jpg", "b.jpg"), **values: Any) -> Dataset:
    """An object, an ignored one and a group, all in the first image."""
    columns: dict[str, Any] = dict(zip(EDGES, PLACES.T, strict=True))
    columns |= {"label": "cat", "role": ["include", "ignore", "include"]}
    columns |= {"is_group": [None, None, True]}
    columns |= {"file": "c.json", "line": [7, 8, 9]}
    return table_set({**columns, **values}, 3, names, width=SIZE[0], height=SIZE[1])


def told(report: Any) -> list[tuple[str, int, str]]:
    found = [(loss.field, loss.count, loss.why) for loss in report.losses]
    return [row for row in found if "ignored" in row[0] + row[2] or row[0].startswith("pictures")]


@pytest.mark.parametrize("target", sorted(WRITERS))
def test_writer_says_truly_what_becomes_of_ignored_objects(tmp_path: Path, target: str) -> None:
    """`IGNORED_AS` against what the target's own reader makes of the written file."""
    import importlib

    dataset = three(("street/img1/000001.jpg",)).with_tables(images=_of_video())
    dataset = dataset.with_tables(boxes=dataset.boxes.iloc[:2])
    if target == "text-dets":
        dataset = dataset.with_tables(boxes=dataset.boxes.assign(score=0.5))
    kept_as = getattr(importlib.import_module(WRITERS[target]), "IGNORED_AS", "ignored")
    if kept_as == "nothing":
        with pytest.raises(UsageError):
            write(dataset, target, tmp_path / "out")
        return
    write(dataset, target, tmp_path / "out")
    sized = target in ("open-images",)
    form = {"text-dets": "text-dets-xyxy"}.get(target, target)
    options = ReadOptions(format=form, size_wh=SIZE if sized else None)
    boxes = read(tmp_path / "out", options).boxes
    assert sorted(boxes["role"]) == ["ignore" if kept_as == "ignored" else "include", "include"]


def _of_video() -> pd.DataFrame:
    images = three(("street/img1/000001.jpg",)).images.copy()
    images["group"], images["frame"] = "street", pd.array([1], "Int64")
    return images


def test_ignored_objects_without_a_choice_are_refused_and_counted(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        write(three(), "yolo", tmp_path / "out")
    assert "2 ignored boxes in 1 image: yolo has no word for ignored" in str(error.value)
    assert all(f"{choice} (" in str(error.value) for choice in CHOICES)
    assert not (tmp_path / "out").exists()


def test_no_choice_is_needed_where_nothing_is_ignored(tmp_path: Path) -> None:
    report = write(three(role="include", is_group=None), "yolo", tmp_path / "out")
    assert report.boxes == 3
    assert told(report) == []


@pytest.mark.parametrize(
    ("target", "choice", "what"),
    [
        ("coco", "list", "--ignored list: coco has a word for ignored objects"),
        ("yolo", "drop", "--ignored is 'drop', should be one of keep-out, drop-image, paint, list"),
        ("yolo", "paint", "--ignored paint needs the pictures - add --images DIR"),
    ],
)
def test_choice_that_cannot_be_followed_is_refused(
    tmp_path: Path, target: str, choice: str, what: str
) -> None:
    with pytest.raises(UsageError) as error:
        write(three(), target, tmp_path / "out", ignored=choice)
    assert what in str(error.value)
    assert not (tmp_path / "out").exists()


def test_kept_out_objects_are_no_rows_and_declared(tmp_path: Path) -> None:
    report = write(three(), "yolo", tmp_path / "out", ignored="keep-out")
    # x 2 .. 12 of 60, y 3 .. 13 of 40.
    assert (
        written(tmp_path / "out")["labels/train/a.txt"]
        == b"0 0.116666666667 0.200000 0.166666666667 0.250000\n"
    )
    assert report.boxes == 1
    assert told(report) == [("boxes (ignored)", 2, f"in 1 image, {HARD}")]
    assert not {"boxes.role", "boxes.is_group"} & set(losses(report))


def test_list_names_each_object_that_is_left_out(tmp_path: Path) -> None:
    dataset = three(label=["cat", None, 'a "b", c'], x2=[12.0, np.nan, 50.0])
    report = write(dataset, "yolo", tmp_path / "out", ignored="list")
    assert told(report) == [("boxes (ignored)", 2, f"in 1 image, {HARD}")]
    files = written(tmp_path / "out")
    rows = list(csv.reader(io.StringIO(files["ignored.csv"].decode())))
    ids = [f"{box_id:016x}" for box_id in dataset.boxes["box_id"]]
    assert rows == [
        ["image", "box_id", "class", "x1_px", "y1_px", "x2_px", "y2_px", "source_file",
         "source_line"],
        ["yard/a.jpg", ids[1], "", "20.0", "5.0", "", "15.0", "c.json", "8"],
        ["yard/a.jpg", ids[2], 'a "b", c', "40.0", "20.0", "50.0", "30.0", "c.json", "9"],
    ]  # fmt: skip
    assert report.files == len(files) - 1  # the marker is no file of the export


def test_list_is_no_labels_to_a_reader(tmp_path: Path) -> None:
    write(three(), "yolo", tmp_path / "out", ignored="list")
    again = read(tmp_path / "out", ReadOptions(size_wh=SIZE))
    assert (again.format, len(again.boxes)) == ("yolo", 1)


def test_dropped_images_are_neither_written_nor_listed(tmp_path: Path) -> None:
    report = write(three(), "yolo", tmp_path / "out", ignored="drop-image")
    assert [n for n in written(tmp_path / "out") if n.endswith(".txt")] == ["labels/train/b.txt"]
    assert (report.images, report.boxes) == (1, 0)
    found = [(loss.field, loss.count) for loss in report.losses if "left out" in loss.why]
    assert found == [("images", 1), ("boxes", 3)]


def test_objects_of_a_target_that_shows_them_are_left_out_only_when_asked(tmp_path: Path) -> None:
    plain = write(three(), "cvat", tmp_path / "plain")
    assert plain.boxes == 3
    assert losses(plain)["boxes.role"] == 1
    # A group is an object to CVAT; only what is ignored is left out.
    report = write(three(), "cvat", tmp_path / "out", ignored="keep-out")
    assert report.boxes == 2
    assert told(report) == [("boxes (ignored)", 1, f"in 1 image, {HARD}")]


def test_row_of_a_kept_file_goes_when_its_object_is_ignored_now(tmp_path: Path) -> None:
    source = tmp_path / "set"
    (source / "labels").mkdir(parents=True)
    (source / "labels/a.txt").write_bytes(b"0 0.5 0.5  0.2 0.2\r\n1 0.25 0.5 0.1 0.1\r\n")
    (source / "data.yaml").write_text("train: images\nnames: [cat, dog]\n")
    dataset = with_values(read(source, ReadOptions(size_wh=SIZE)), 1, role="ignore")
    with pytest.raises(UsageError):
        write(dataset, "yolo", tmp_path / "refused")
    write(dataset, "yolo", tmp_path / "out", ignored="keep-out")
    assert (tmp_path / "out/labels/a.txt").read_bytes() == b"0 0.5 0.5  0.2 0.2\r\n"


# Painting


def opened(path: Path) -> Image.Image:
    """The picture, its file closed."""
    with Image.open(path) as image:
        image.load()
    return image


def noise(size_wh: tuple[int, int] = SIZE) -> np.ndarray[Any, Any]:
    """A picture in which no pixel is the grey."""
    width, height = size_wh
    return np.random.default_rng(3).integers(120, 250, (height, width, 3), np.uint8)


def pictured(
    folder: Path, ending: str = ".png", **values: Any
) -> tuple[Dataset, np.ndarray[Any, Any]]:
    """The set with its pictures in a folder."""
    pixels = noise()
    folder.mkdir()
    for name in ("a", "b"):
        Image.fromarray(pixels).save(folder / f"{name}{ending}")
    dataset = three((f"a{ending}", f"b{ending}"), **values)
    images = dataset.images.copy()
    images["path"] = [f"a{ending}", f"b{ending}"]
    return replace(dataset.with_tables(images=images), images_root=folder), pixels


def test_only_what_is_ignored_is_painted_and_the_rest_is_copied(tmp_path: Path) -> None:
    dataset, pixels = pictured(tmp_path / "pictures")
    before = written(tmp_path / "pictures")
    report = write(dataset, "yolo", tmp_path / "out", ignored="paint")
    files = written(tmp_path / "out")
    wanted = pixels.copy()
    wanted[5:15, 20:30] = wanted[20:30, 40:50] = 114
    painted = np.asarray(opened(tmp_path / "out/images/train/a.png"))
    assert np.array_equal(painted, wanted)
    assert files["images/train/b.png"] == before["b.png"]
    assert files["labels/train/a.txt"].count(b"\n") == 1
    assert written(tmp_path / "pictures") == before
    assert told(report) == [("boxes (ignored)", 2, PAINTED)]
    assert (report.files, report.boxes) == (len(files) - 1, 1)
    assert dataset.images_root is not None
    again = read(tmp_path / "out", images=tmp_path / "out/images")
    assert again.images[["width", "height"]].to_numpy().tolist() == [[60, 40], [60, 40]]


def test_object_that_overlaps_an_ignored_one_keeps_its_pixels(tmp_path: Path) -> None:
    dataset, pixels = pictured(tmp_path / "pictures", x2=[25.0, 30.0, 50.0], is_group=None)
    write(dataset, "yolo", tmp_path / "out", ignored="paint")
    wanted = pixels.copy()
    # The ignored box of x 20 .. 30, y 5 .. 15 without what lies in x 2 .. 25, y 3 .. 13.
    wanted[5:15, 25:30] = wanted[13:15, 20:30] = 114
    assert np.array_equal(np.asarray(opened(tmp_path / "out/images/train/a.png")), wanted)


def test_painted_jpeg_is_declared_and_grey_where_it_is_ignored(tmp_path: Path) -> None:
    dataset, _ = pictured(tmp_path / "pictures", ".jpg")
    dry = write(dataset, "yolo", tmp_path / "out", ignored="paint", dry_run=True)
    report = write(dataset, "yolo", tmp_path / "out", ignored="paint")
    assert report == dry
    assert losses(report)["pictures (JPEG)"] == 1
    painted = np.asarray(opened(tmp_path / "out/images/train/a.jpg"), np.int16)
    # Of noise, encoded with quality 95, the middle of the region is still grey.
    assert np.abs(painted[8:12, 23:27] - 114).max() <= 8


def test_turned_box_is_painted_by_its_corners(tmp_path: Path) -> None:
    # A square of side 10 * sqrt(2) turned by 30 degrees; the same as an outline of 45 degrees.
    dataset, pixels = pictured(tmp_path / "pictures", shape=["box", "rotated", "box"],
                               angle_deg=[None, 90.0, None], is_group=None)  # fmt: skip
    write(dataset, "yolo", tmp_path / "out", ignored="paint")
    wanted = pixels.copy()
    wanted[5:15, 20:30] = 114
    assert np.array_equal(np.asarray(opened(tmp_path / "out/images/train/a.png")), wanted)


def test_images_with_ignored_objects_and_no_picture_are_refused(tmp_path: Path) -> None:
    dataset, _ = pictured(tmp_path / "pictures")
    images = dataset.images.copy()
    images.loc[0, "path"] = None
    bare = dataset.with_tables(images=images)
    with pytest.raises(UsageError, match=r"1 images with ignored boxes have no readable picture"):
        write(bare, "yolo", tmp_path / "out", ignored="paint")


def test_picture_that_is_gone_or_broken_leaves_nothing_behind(tmp_path: Path) -> None:
    dataset, _ = pictured(tmp_path / "pictures")
    (tmp_path / "pictures/a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(SourceError, match="cannot be decoded"):
        write(dataset, "yolo", tmp_path / "out", ignored="paint")
    (tmp_path / "pictures/a.png").unlink()
    with pytest.raises(SourceError, match="is no longer there"):
        write(dataset, "yolo", tmp_path / "out", ignored="paint")
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_pictures_are_never_written_where_the_pictures_are(tmp_path: Path) -> None:
    dataset, _ = pictured(tmp_path / "pictures")
    with pytest.raises(OutputError, match="which is never changed"):
        write(dataset, "yolo", tmp_path / "pictures/out", ignored="paint")


# Corners of turned boxes


def turned(w: float, h: float, angle_deg: float) -> np.ndarray[Any, Any]:
    """The corners of a box about (30, 20), by complex numbers."""
    ends = np.array([-w - h * 1j, w - h * 1j, w + h * 1j, -w + h * 1j]) / 2
    found = ends * np.exp(1j * np.radians(angle_deg)) + (30 + 20j)
    return np.stack([found.real, found.imag], axis=1)


def bounds_of(corners: np.ndarray[Any, Any], angle_deg: float) -> pd.DataFrame:
    edges = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    columns = dict(zip(EDGES, edges, strict=True))
    return pd.DataFrame({**columns, "angle_deg": angle_deg, "box_id": 5}, index=[0])


@pytest.mark.parametrize("angle_deg", [0.0, 10.0, 30.0, 80.0, 90.0, 120.0, -20.0, 200.0])
def test_corners_follow_from_bounds_and_angle(angle_deg: float) -> None:
    wanted = turned(14.0, 6.0, angle_deg)
    (found,) = corners_of(bounds_of(wanted, angle_deg), {})
    np.testing.assert_allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize(("w", "h", "angle_deg"), [(14, 6, 45.0), (14, 6, 44.0), (14, 6, np.nan)])
def test_corners_that_bounds_do_not_tell_are_null(w: float, h: float, angle_deg: float) -> None:
    told_angle = angle_deg if np.isfinite(angle_deg) else 0.0
    boxes = bounds_of(turned(w, h, told_angle), angle_deg)
    assert np.isnan(corners_of(boxes, {})).all()
    ring = turned(w, h, told_angle).ravel().tolist()
    assert corners_of(boxes, {5: [ring]}).ravel().tolist() == ring


def test_bounds_that_no_box_of_the_angle_has_tell_no_corners() -> None:
    boxes = bounds_of(np.array([[0.0, 0.0], [30.0, 1.0]]), 30.0)
    assert np.isnan(corners_of(boxes, {})).all()
