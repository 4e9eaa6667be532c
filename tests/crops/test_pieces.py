"""One piece of work: pictures and rows of its images, and nothing of what it could not do."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from curate.crops.pieces import UNREACHED, ImageWork, Piece, work_off
from curate.crops.spec import Encoding
from curate.cutting import CropGeometry
from curate.stores import open_store
from tests.crops.sets import HEIGHT, WIDTH, picture

RECTANGLES = np.array([[0.0, 0.0, 32.0, 32.0], [64.0, 32.0, 96.0, 64.0]])
IDS = ["00000000000000aa", "00000000000000bb"]


def image_work(name: str | None, **values: object) -> ImageWork:
    plain = {
        "image_id": 7,
        "name": name,
        "why": None,
        "frame": None,
        "size_wh": (WIDTH, HEIGHT),
        "is_stored": False,
        "rectangles": RECTANGLES,
        "crops": IDS,
        "paths": [f"train/cat/{crop}.png" for crop in IDS],
        "labels": ["cat", "near"],
        "aside": [False, True],
        "work": b"w",
    }
    return ImageWork(**{**plain, **values})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "out").mkdir()
    picture(1).save(tmp_path / "images" / "a.png")
    return tmp_path


def piece_of(folder: Path, *images: ImageWork, **values: object) -> Piece:
    plain = {
        "images": images,
        "folder": str(folder / "out"),
        "results": str(folder / "results.parquet"),
        "store": open_store(folder / "images"),
        "geometry": CropGeometry(size_px=32),
        "encoding": Encoding(format="png"),
        "max_pixels": 10**6,
        "first_frame": 1,
    }
    return Piece(**{**plain, **values})


def rows_in(folder: Path) -> list[dict]:
    return pq.read_table(folder / "results.parquet").to_pylist()


def seen(number: int) -> bytes:
    """The pixels of a rectangle of 32 x 32 px, which a crop of that size shows as they are."""
    left, top, right, bottom = RECTANGLES[number].astype(int)
    return np.asarray(picture(1))[top:bottom, left:right].tobytes()


def test_each_crop_is_a_file_and_a_row_with_the_hash_of_its_pixels(folder: Path) -> None:
    done = work_off(piece_of(folder, image_work("a.png")))
    assert done.crops == 2
    for number, row in enumerate(rows_in(folder)):
        path = folder / "out" / "train" / "cat" / f"{IDS[number]}.png"
        with Image.open(path) as crop:
            assert crop.tobytes() == seen(number)
        assert row["sha256"] == hashlib.sha256(seen(number)).hexdigest()
        assert (row["crop_id"], row["n_bytes"]) == (IDS[number], path.stat().st_size)
        assert (row["offset"], row["phash"], row["reason"], row["work"]) == (None, None, None, b"w")
    left = sorted(p.name for p in folder.iterdir())
    assert left == ["images", "out", "results.parquet"]


def test_shards_part_what_is_trained_from_what_is_aside(folder: Path) -> None:
    shard = ("shards/train-0.tar", "shards/train-aside-0.tar")
    work_off(piece_of(folder, image_work("a.png"), shard=shard))
    for number, row in enumerate(rows_in(folder)):
        assert row["path"] == shard[number]
        body = (folder / "out" / row["path"]).read_bytes()[row["offset"] :][: row["n_bytes"]]
        with Image.open(io.BytesIO(body)) as crop:
            assert crop.tobytes() == seen(number)
        with tarfile.open(folder / "out" / row["path"]) as tar:
            assert tar.getnames() == [f"{IDS[number]}.png", f"{IDS[number]}.txt"]


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (image_work("a.png", size_wh=(80, 60)), r"a.png: is 160 x 120 px, the labels say 80 x 60"),
        (image_work(None, why="no picture of this name"), "no picture of this name"),
    ],
)
def test_what_is_no_picture_of_the_image_is_a_reason_in_each_row(
    folder: Path, work: ImageWork, says: str
) -> None:
    good = image_work("a.png", image_id=8, crops=["c" * 16, "d" * 16], paths=["c.png", "d.png"])
    assert work_off(piece_of(folder, work, good)).crops == 2
    rows = rows_in(folder)
    assert [says in (row["reason"] or "") for row in rows] == [True, True, False, False]
    assert [row["path"] for row in rows] == [None, None, "c.png", "d.png"]
    assert {row["work"] for row in rows} == {b"w"}


def test_a_picture_whose_bytes_are_not_had_is_marked_for_the_next_run(folder: Path) -> None:
    assert work_off(piece_of(folder, image_work("gone.png"))).crops == 0
    assert [row["work"] for row in rows_in(folder)] == [UNREACHED] * 2


def test_labels_of_the_stored_frame_turn_the_picture_to_it(folder: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    # A browser shows it 120 px wide; the labels say 160 x 120, as it is stored.
    picture(1).save(folder / "images" / "a.png", exif=exif)
    assert work_off(piece_of(folder, image_work("a.png"))).crops == 2
    assert rows_in(folder)[1]["sha256"] == hashlib.sha256(seen(1)).hexdigest()


def test_a_picture_of_the_set_in_use_is_replaced_and_not_written_over(folder: Path) -> None:
    path = folder / "out" / "train" / "cat" / f"{IDS[0]}.png"
    path.parent.mkdir(parents=True)
    (folder / "used").write_bytes(b"of the old set")
    path.hardlink_to(folder / "used")
    work_off(piece_of(folder, image_work("a.png")))
    assert (folder / "used").read_bytes() == b"of the old set"
    assert path.stat().st_size == rows_in(folder)[0]["n_bytes"]


def test_for_hashes_nothing_is_written_but_the_table(folder: Path) -> None:
    piece = piece_of(folder, image_work("a.png")).for_hashes(str(folder / "results.parquet"))
    work_off(piece)
    assert list((folder / "out").iterdir()) == []
    rows = rows_in(folder)
    assert all(row["phash"] is not None and row["path"] is None for row in rows)
