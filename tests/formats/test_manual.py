"""The page of each format: what its reader fills and its writer gives back, found by running."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from curate import ReadOptions, formats, read
from curate.dataset import Dataset
from curate.errors import CurateError, FormatError, SourceError, UsageError
from curate.formats import READERS, WRITERS, manual
from curate.formats.declared import HELD
from tests.conftest import REPOSITORY
from tests.formats import person_files
from tests.formats.coco_documents import SQUARE, annotation, document, store
from tests.formats.label_files import table_set
from tests.fuzz import seeds
from tests.fuzz.seed import place

DOCS = REPOSITORY / "docs" / "formats"
PARTS = (
    "Specification", "Convention", "Recognised by", "Read options", "Read", "Lost on read",
    "Written",
)  # fmt: skip
# Every reader fills these; the pages say so once.
ALWAYS = {
    "images": {
        "image_id", "image_key", "box_frame", "source", "label_state", "file", "line", "start",
        "end",
    },
    "boxes": {
        "box_id", "image_id", "shape", "source_label", "label", "role", "x1", "y1", "x2", "y2",
        "origin", "file", "line", "start", "end",
    },
}  # fmt: skip
SIZE_WH = (640, 480)


@pytest.mark.parametrize("name", sorted({*READERS, *WRITERS}))
def test_each_reader_and_writer_has_a_page_with_all_parts(name: str) -> None:
    page = manual.page(name)
    headings = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    assert headings == [*PARTS, *["Lost on write"] * (name in WRITERS)]
    bodies = page.split("\n## ")[1:]
    assert all(body.partition("\n\n")[2].strip() for body in bodies)


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_convention_names_unit_edges_and_frame(name: str) -> None:
    unit, edges, frame = manual.convention(name).split(", ", 2)
    assert unit.split()[0] in ("0-based", "1-based", "Fractions", "Percent")
    assert edges.split()[0] in ("continuous", "inclusive", "half-open", "x2", "0")
    assert frame.startswith("upright image")


def test_the_pages_on_disk_are_those_of_the_code() -> None:
    # Mend: python docs/make_formats.py
    stored = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    stored.pop("losses.md", None)
    assert stored == manual.pages()


def test_an_unknown_format_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        manual.page("vco")
    assert caught.value.what.startswith("there is no format 'vco', should be one of caltech, ")
    assert caught.value.mend == "did you mean 'format:voc'?"


LICENSED = json.dumps(
    document(
        annotation(1),
        images=[{"id": 1, "file_name": "1.jpg", "width": 100, "height": 80, "license": 1}],
        licenses=[{"id": 1, "name": "CC BY"}],
    )
)
RESULTS = json.dumps([{"image_id": 1, "category_id": 1, "segmentation": [SQUARE], "score": 0.5}])
CSV = (
    "image,label,x1,y1,x2,y2,shape,role,is_group,occluded,truncated,annotator\n"
    "a.jpg,car,1,2,3,4,rotated,ignore,true,1,0.5,me\na.jpg,car,1,2,3,4,polygon,exclude,,,,\n"
    "a.jpg,car,1,2,3,4,mask,review,,,,\na.jpg,car,1,2,3,4,line,,,,,\n"
    "a.jpg,car,1,2,1,2,point,,,,,\na.jpg,car,,,,,tag,,,,,\n"
)
DEPICTED = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,"
    "IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n"
    "a,xclick,/m/01g317,1,0.1,0.2,0.3,0.4,0,0,0,1,0\n"
)
_SIDES = {"original_width": 100, "original_height": 80, "from_name": "l", "to_name": "i"}
_AT = {"x": 10, "y": 10, "width": 5, "keypointlabels": ["car"]}
_WAY = {"vertices": [{"id": "a", "x": 1, "y": 2}, {"id": "b", "x": 5, "y": 9}]}
TASKS = json.dumps(
    [
        {
            "id": 1,
            "data": {"image": "/data/upload/1/a.jpg"},
            "annotations": [
                {
                    "id": 1,
                    "was_cancelled": True,
                    "result": [
                        {"id": "a", "type": "keypointlabels", "value": _AT, **_SIDES},
                        {"id": "b", "type": "vector", "value": _WAY, **_SIDES},
                    ],
                }
            ],
        }
    ]
)
# What the fuzz run's inputs do not hold: name, text, and the truth of a results file.
MORE: dict[str, list[tuple[str, str, str | None]]] = {
    "coco": [("a.json", LICENSED, None)],
    "coco-results": [("a.json", RESULTS, LICENSED)],
    "csv": [("boxes.csv", CSV, None)],
    "open-images": [("train-annotations-bbox.csv", DEPICTED, None)],
    "yolo": [("run/labels/a.txt", "0 0.5 0.5 0.2 0.2 0.9\n", None)],
    "caltech-vbb": [("V000.txt", person_files.VBB.replace("'people'", "'ignore'"), None)],
    "eurocity": [(person_files.ECP_NAME, person_files.ECP.replace('"Orient"', '"score"'), None)],
    "label-studio": [("a.json", TASKS, None)],
}


def _inputs(name: str) -> Iterator[tuple[seeds.Seed, dict[str, Any]]]:
    """The fuzz run's inputs of a format, and what they lack, with how they are to be read."""
    for family, make in seeds.LABELS.items():
        if family == name or (name == "makesense" and family.startswith("makesense-")):
            for seed in make():
                yield seed, {"format": seed.format, **seed.options}
    for file, text, truth in MORE.get(name, ()):
        body = None if truth is None else truth.encode()
        yield seeds.Seed({file: text.encode()}, "folder", name, truth=body), {"format": name}


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_reader_fills_just_the_columns_that_its_page_names(name: str, tmp_path: Path) -> None:
    filled: dict[str, set[str]] = {"images": set(), "boxes": set(), "shapes": set(), "roles": set()}
    for number, (seed, told) in enumerate(_inputs(name)):
        path = place(seed, tmp_path / str(number))
        if seed.truth is not None:
            told["truth"] = tmp_path / f"{number}.json"
            told["truth"].write_bytes(seed.truth)
        # A size that is told is none that the format's files state.
        told["size_wh"] = SIZE_WH if manual.declared(name).is_relative else None
        try:
            dataset = read(path, ReadOptions(**told))
        except CurateError:
            continue
        for table in ("images", "boxes"):
            rows: pd.DataFrame = getattr(dataset, table)
            filled[table] |= set(rows.columns[rows.notna().any()]) - ALWAYS[table]
        filled["shapes"] |= set(dataset.boxes["shape"])
        filled["roles"] |= set(dataset.boxes["role"])
    own = manual.declared(name)
    if own.is_relative:
        filled["images"] -= {"width", "height"}
    if "tag" not in own.shapes:
        # A record that cannot be placed is one in any format.
        filled["shapes"] -= {"tag"}
    assert {part: set(getattr(own, part)) for part in filled} == filled


PROBES: dict[str, dict[str, Any]] = {
    "boxes": {},
    "class": {},
    "score": {"score": 0.5, "origin": "detector"},
    "rotation": {"shape": "rotated", "angle_deg": 30.0},
    "tracks": {"track_id": "7"},
    "ignore regions": {"role": "ignore"},
    "attributes": {"attributes": '{"colour": "red"}'},
    "image size": {},
}


def _probe(held: str, folder: Path) -> Dataset:
    """A dataset of one video frame of 640 x 480 px with one box that has just this."""
    if held not in ("polygons", "masks"):
        box = {"label": "Car", "x1": 10.0, "y1": 20.0, "x2": 30.0, "y2": 50.0, **PROBES[held]}
        place = {"group": "v", "frame": 1, "width": 640, "height": 480}
        return table_set(box, 1, ("v/000001.jpg",), **place)
    outlines = {"polygons": [SQUARE], "masks": {"size": [480, 640], "counts": [500, 20, 306_680]}}
    value = document(annotation(1, segmentation=outlines[held]))
    value["images"] = [{"id": 1, "file_name": "v/000001.jpg", "width": 640, "height": 480}]
    # With a table beside it nothing goes back to COCO byte for byte.
    beside = folder / "beside.csv"
    beside.write_text("image,label,x1,y1,x2,y2,width,height\nv/000002.jpg,,,,,,640,480\n")
    found = read([store(folder, value), beside])
    images = found.images.assign(group="v", frame=[1, 2])
    return found.with_tables(images=images.astype(found.images.dtypes))


def _read_made(folder: Path, target: str, size_wh: tuple[int, int] | None) -> Dataset:
    # A few lines of text detections tell of no kind.
    kind = "text-dets-xyxy" if target == "text-dets" else None
    options = ReadOptions(size_wh=size_wh, format=kind)
    if target != "coco":
        return read(folder, options)
    return read(sorted(folder.glob("*.json")), options)


def _outlines(dataset: Dataset, shape: str) -> bool:
    """Whether a box of this shape has its outline in the kept bytes."""
    own = getattr(READERS[dataset.format].load(), "outlines", None)
    ids = dataset.boxes.loc[dataset.boxes["shape"] == shape, "box_id"]
    return own is not None and bool(set(ids) & set(own(dataset)))


# What must be found when a file that was made from columns is read: a bool, of numpy or Python.
FOUND: dict[str, Callable[[Dataset], Any]] = {
    "boxes": lambda d: d.boxes["x2"].sub(d.boxes["x1"]).round(3).eq(20).any(),
    "class": lambda d: d.boxes["label"].eq("Car").any(),
    "score": lambda d: d.boxes["score"].eq(0.5).any(),
    "polygons": lambda d: _outlines(d, "polygon"),
    "masks": lambda d: _outlines(d, "mask"),
    "rotation": lambda d: d.boxes["angle_deg"].round(3).eq(30).any(),
    "tracks": lambda d: d.boxes["track_id"].eq("7").any(),
    "ignore regions": lambda d: d.boxes["role"].eq("ignore").any(),
    "attributes": lambda d: d.boxes["attributes"].str.contains("colour").any(),
    "image size": lambda d: d.images["width"].eq(640).any(),
}


@pytest.mark.parametrize("held", [held for held in HELD if held != "keypoints"])
@pytest.mark.parametrize("target", sorted(WRITERS))
def test_a_made_file_gives_back_what_the_table_says(target: str, held: str, tmp_path: Path) -> None:
    choice = "keep-out" if target == "yolo" else None
    probe = _probe(held, tmp_path)
    if target == "text-dets":
        # A detection has a score.
        probe = probe.with_tables(boxes=probe.boxes.assign(score=0.5))
    formats.write(probe, target, tmp_path / "out", ignored=choice)
    size = None if held == "image size" else SIZE_WH
    try:
        back = _read_made(tmp_path / "out", target, size)
    except (FormatError, SourceError):
        # Nothing was written, or fractions of a size that nothing states.
        assert held not in manual.declared(target).written
        return
    assert FOUND[held](back) == (held in manual.declared(target).written)
