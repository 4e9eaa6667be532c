"""KITTI object labels: reading, and writing back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.errors import OutputError, SourceError
from curate.formats import kitti
from curate.formats.reading import KeptFiles, Options
from curate.formats.writing import LossReport
from curate.sources import MemorySources
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS, box_hashes, key_hashes, make_table
from curate.tree import open_tree

CASES = Path(__file__).resolve().parents[1] / "cases" / "formats" / "kitti"
CAR = "Car 0.00 0 -1.58 10.50 5.25 30.00 20.75 1.50 1.60 4.00 -2.00 1.70 9.00 -1.80"
VAN = "Van 0.50 1  -1.58 1.00 2.00 3.00 4.00 1.50 1.60 4.00\t-2.00 1.70 9.00 -1.80"
DONT_CARE = "DontCare -1 -1 -10 1.00 2.00 3.00 4.00 -1 -1 -1 -1000 -1000 -1000 -10"
UNSET = "-1 -1 -10 {} -1 -1 -1 -1000 -1000 -1000 -10"
EDGES = ["x1", "y1", "x2", "y2"]


def kept(files: Mapping[str, str | bytes]) -> KeptFiles:
    bodies = {name: b.encode() if isinstance(b, str) else b for name, b in files.items()}
    return KeptFiles(MemorySources(bodies))


def read(files: Any, options: Options | None = None) -> Dataset:
    return assemble("yard", kitti.gather(files, kitti.claims(files), options or Options()))


def read_lines(*lines: str, newline: str = "\n") -> Dataset:
    files = kept({"000001.txt": "".join(line + newline for line in lines)})
    return assemble("yard", kitti.gather(files, ["000001.txt"], Options()))


def write_back(dataset: Dataset, folder: Path) -> LossReport:
    names = sorted(dataset.formats)
    again = assemble("yard", kitti.gather(KeptFiles(dataset.sources), names, Options()))
    return kitti.write(dataset, folder, again)


def written(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def with_values(dataset: Dataset, row: int, **values: Any) -> Dataset:
    boxes = dataset.boxes.copy()
    for name, value in values.items():
        boxes.loc[row, name] = value
    return dataset.with_tables(boxes=boxes)


def added(dataset: Dataset, **values: Any) -> Dataset:
    image_id = int(dataset.images["image_id"].iloc[0])
    row = {"label": "Bus", "x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0, "box_id": 77} | values
    plain = {"shape": "box", "role": "include", "origin": "human", "file": "000001.txt"}
    new = make_table(BOX_COLUMNS, 1, {**row, **plain, "image_id": image_id})
    return dataset.with_tables(boxes=pd.concat([dataset.boxes, new]))


def losses(report: LossReport) -> dict[str, int]:
    return {loss.field: loss.count for loss in report.losses}


def same(value: object, wanted: object) -> bool:
    return bool(pd.isna(value)) if wanted is None else value == wanted  # type: ignore[call-overload]


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda case: case.name)
def test_case_gives_the_expected_rows_and_findings(case: Path) -> None:
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    dataset = read(open_tree(case))
    for table, rows in ((dataset.images, expected["images"]), (dataset.boxes, expected["boxes"])):
        assert len(table) == len(rows)
        for index, row in enumerate(rows):
            got = {name: table[name].iloc[index] for name in row}
            assert all(same(got[name], row[name]) for name in row), got
    found = dataset.findings[["check", "file", "line", "message"]].to_numpy().tolist()
    assert sorted(map(str, found)) == sorted(map(str, expected["findings"]))


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda case: case.name)
def test_untouched_case_is_written_byte_for_byte(case: Path, tmp_path: Path) -> None:
    tree = open_tree(case)
    dataset = read(tree)
    report = write_back(dataset, tmp_path)
    # A list that names an image without labels is none of KITTI's, and is left alone.
    others = {"expected.json", "ImageSets/test.txt"}
    assert written(tmp_path) == {n: tree.read(n) for n in tree.files if n not in others}
    assert report.losses == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_box_span_is_its_line_without_the_line_end(newline: str) -> None:
    dataset = read_lines(CAR, "", VAN, newline=newline)
    starts, ends = dataset.boxes["start"], dataset.boxes["end"]
    spans = [dataset.sources.span("000001.txt", s, e) for s, e in zip(starts, ends, strict=True)]
    assert spans == [CAR.encode(), VAN.encode()]
    assert dataset.boxes["source_id"].tolist() == ["1", "3"]


@pytest.mark.parametrize(
    ("line", "is_repaired"),
    [
        ("Car 0.00 -1.57 9.5 1 30 20 1.5 1.6 4.0 -2 1.7 9 -1.8", True),
        ("Car 0.00 -10 9.5 1 30 20 -1 -1 -1 -1000 -1000 -1000 -10", True),
        # Here the truncation could be the one that is missing.
        ("Car 0 -1.57 9.5 1 30 20 1.5 1.6 4.0 -2 1.7 9 -1.8", False),
        # Here rotation_y is missing.
        ("Car 0.00 0 -1.57 1 1 30 20 1.5 1.6 4.0 -2 1.7 0.5", False),
        # Here an edge of the box is missing.
        ("Car 0.00 0 -1.57 9.5 30 20 1.5 1.6 4.0 -2 1.7 9 -1.8", False),
        # Here alpha is missing.
        ("Car 0.00 0 9.5 1 30 20 1.5 1.6 4.0 -2 1.7 9 -1.8", False),
        ("Car 0.00 -1.57 9.5 1 30 20 1.5 1.6 4.0 -2 1.7 9 x", False),
    ],
)
def test_occlusion_is_repaired_only_when_types_prove_it(line: str, is_repaired: bool) -> None:
    dataset = read_lines(CAR, line)
    assert dataset.findings["check"].tolist() == ["SRC-003" if is_repaired else "SRC-001"]
    assert dataset.boxes["shape"].tolist() == ["box", "box" if is_repaired else "tag"]


def test_partly_unset_columns_keep_what_is_set() -> None:
    line = "Car -1 3 -10 1 2 3 4 1.5 -1 -1 +2 .5 9 -10"
    box = read_lines(line).boxes.iloc[0]
    assert json.loads(box["attributes"]) == {"dimensions": [1.5, -1, -1], "location": [2, 0.5, 9]}
    assert box["occluded"] == 3


def test_size_is_unknown_unless_it_is_given() -> None:
    files = kept({"a.txt": CAR})
    assert read(files).images["width"].isna().all()
    sized = read(files, Options(size_wh=(40, 30))).images
    assert sized[["width", "height"]].to_numpy().tolist() == [[40, 30]]


@pytest.mark.parametrize("body", [b"\0", CAR.encode("utf-16"), b"Car \xff"])
def test_file_that_is_no_text_keeps_its_image_as_unreadable(body: bytes) -> None:
    dataset = read(kept({"l/a.txt": body, "l/b.txt": CAR}))
    assert dataset.images["label_state"].tolist() == ["unreadable", "present"]
    assert dataset.findings["check"].tolist() == ["SRC-002"]


class Unreadable(KeptFiles):
    """Files of which one cannot be read."""

    def read(self, file: str) -> bytes:
        if file == "l/a.txt":
            raise SourceError("cannot be read: Input/output error", mend="check the disk")
        return super().read(file)

    def head(self, file: str, n_bytes: int | None) -> bytes:
        return self.read(file)[:n_bytes]


def test_file_that_cannot_be_read_keeps_its_image_and_no_bytes() -> None:
    files = Unreadable(MemorySources({"l/a.txt": CAR.encode(), "l/b.txt": CAR.encode()}))
    dataset = read(files)
    assert dataset.images["label_state"].tolist() == ["unreadable", "present"]
    assert dataset.findings["check"].tolist() == ["SRC-002"]
    assert dataset.sources.names() == ["l/b.txt"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "0 0.5 0.5 0.25 0.25\n",
        "P0: " + "7.07e+02 " * 12,
        "Tr_velo_to_cam: " + "7.07e+02 " * 12,
        "0 2 Car 0 0 -1.79 296.7 161.7 455.2 292.3 2.0 1.8 4.4 -4.5 1.8 13.4 -2.1\n",
        "0,2,298.4,161.8,454.9,293.2,16.0,1.9,1.8,4.4,-4.5,1.8,13.4,-2.1,-1.8\n",
        "training/000000.png 1 0.99 718 141 807 311\n",
        "person 0.9 10 20 30 40\n",
        f"A line looks like this:\n{CAR}\nand ends there.\n",
        "000001\n000002\n",
    ],
)
def test_other_text_is_not_claimed(body: str) -> None:
    assert kitti.claims(kept({"a.txt": body})) == []
    assert kitti.claims(kept({"other/a.txt": body, "label_2/b.txt": CAR})) == ["label_2/b.txt"]


def test_damaged_and_empty_files_beside_labels_are_claimed() -> None:
    files: dict[str, str | bytes] = {
        "label_2/1.txt": CAR,
        "label_2/2.txt": "\n\n",
        "label_2/3.txt": "Car 0.00 0 -1.58\n",
        "label_2/4.txt": b"\xff\xfe\0",
        "label_2/README.txt": "These are labels of 3 streets.\n",
    }
    assert kitti.claims(kept(files)) == [f"label_2/{n}.txt" for n in range(1, 5)]


def test_claims_reads_a_label_file_with_a_bad_first_line() -> None:
    assert kitti.claims(kept({"1.txt": f"Car 0.00\n{CAR}\n"})) == ["1.txt"]


# Writing back into the files that were read


def spliced(dataset: Dataset, folder: Path) -> tuple[str, LossReport]:
    report = write_back(dataset, folder)
    return (folder / "000001.txt").read_bytes().decode(), report


def test_changed_values_change_only_their_tokens(tmp_path: Path) -> None:
    dataset = with_values(
        read_lines(CAR, VAN + " "), 1, label="Truck", x1=1.5, y2=4.126, occluded=math.nan,
        truncated=0.125,
    )  # fmt: skip
    text, report = spliced(dataset, tmp_path)
    assert text == (
        f"{CAR}\nTruck 0.125 -1  -1.58 1.50 2.00 3.00 4.13 1.50 1.60 4.00\t-2.00 1.70 9.00 -1.80 \n"
    )
    assert report.losses == ()


def test_changed_edge_keeps_the_decimals_of_its_token(tmp_path: Path) -> None:
    dataset = with_values(read_lines(CAR.replace("10.50", "10.50000")), 0, x1=1.00125)
    assert spliced(dataset, tmp_path)[0] == CAR.replace("10.50", "1.00125") + "\n"


def test_score_is_added_changed_and_taken_away(tmp_path: Path) -> None:
    dataset = read_lines(CAR, CAR + "  0.5 ", CAR + "  0.25 ")
    for row, score in enumerate((0.75, math.nan, 1.0)):
        dataset = with_values(dataset, row, score=score)
    text, report = spliced(dataset, tmp_path)
    assert text == f"{CAR} 0.75\n{CAR} \n{CAR}  1.0 \n"
    assert report.losses == ()


def test_missing_occlusion_is_written_when_it_is_set(tmp_path: Path) -> None:
    line = CAR.replace("0.00 0 ", "0.00  ", 1)
    text, _ = spliced(with_values(read_lines(line), 0, occluded=2.0, x1=11.0), tmp_path)
    assert text == CAR.replace("0.00 0 ", "0.00 2  ", 1).replace("10.50", "11.00") + "\n"


def test_changed_attributes_change_their_columns(tmp_path: Path) -> None:
    changed = '{"alpha": -1.58, "dimensions": [1.50, 1.60, 4.25], "rotation_y": -1.80}'
    text, report = spliced(with_values(read_lines(CAR), 0, attributes=changed), tmp_path)
    wanted = CAR.replace("4.00 -2.00 1.70 9.00", "4.25 -1000 -1000 -1000")
    assert text == f"{wanted}\n"
    assert report.losses == ()


def test_object_that_is_ignored_becomes_dont_care_and_the_class_a_loss(tmp_path: Path) -> None:
    text, report = spliced(with_values(read_lines(CAR), 0, role="ignore"), tmp_path)
    assert text == CAR.replace("Car", "DontCare") + "\n"
    assert losses(report) == {"boxes.label": 1}


def test_change_that_kitti_cannot_hold_is_a_loss(tmp_path: Path) -> None:
    dataset = with_values(read_lines(CAR, "Car 1 2"), 0, difficult=True, x1=math.nan)
    text, report = spliced(with_values(dataset, 1, occluded=1.0), tmp_path)
    assert text == f"{CAR}\nCar 1 2\n"
    assert losses(report) == {"boxes.difficult": 1, "boxes.occluded": 1, "boxes.x1": 1}


@pytest.mark.parametrize("attributes", ["[", "[1]", '{"alpha": "x"}', '{"location": [1, 2]}'])
def test_attributes_that_are_no_columns_are_a_loss(tmp_path: Path, attributes: str) -> None:
    dataset = with_values(read_lines(DONT_CARE), 0, attributes=attributes)
    text, report = spliced(dataset, tmp_path)
    assert text == f"{DONT_CARE}\n"
    assert losses(report) == {"boxes.attributes": 1}


def test_unreadable_line_that_gets_a_box_is_written_anew(tmp_path: Path) -> None:
    edges = dict(zip(EDGES, (1.0, 2.0, 3.0, 4.0), strict=True))
    text, _ = spliced(with_values(read_lines("Car 1 2"), 0, shape="box", **edges), tmp_path)
    assert text == f"Car {UNSET.format('1.00 2.00 3.00 4.00')}\n"


def test_removed_line_is_cut_out(tmp_path: Path) -> None:
    dataset = read_lines(CAR, "", VAN, newline="\r\n")
    text, _ = spliced(dataset.with_tables(boxes=dataset.boxes.iloc[1:]), tmp_path)
    assert text == f"\r\n{VAN}\r\n"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"{CAR}\n", "{body}{line}\n"),
        (f"{CAR}\r\n", "{body}{line}\r\n"),
        (CAR, "{body}\n{line}"),
        ("", "{line}\n"),
        ("\n", "{body}{line}\n"),
        (f"{CAR} 0.5\n", "{body}{line} -1\n"),
    ],
)
def test_added_line_follows_in_the_file_s_own_manner(
    tmp_path: Path, body: str, wanted: str
) -> None:
    files = kept({"000001.txt": body})
    dataset = added(assemble("yard", kitti.gather(files, ["000001.txt"], Options())))
    line = f"Bus {UNSET.format('1.00 2.00 3.00 4.00')}"
    assert spliced(dataset, tmp_path)[0] == wanted.format(body=body, line=line)


def test_box_cannot_be_added_to_an_unreadable_file(tmp_path: Path) -> None:
    files = kept({"000001.txt": b"\0"})
    dataset = added(assemble("yard", kitti.gather(files, ["000001.txt"], Options())))
    text, report = spliced(dataset, tmp_path)
    assert text == "\0"
    assert losses(report)["boxes"] == 1


def test_removed_image_takes_its_file_and_list_lines_along(tmp_path: Path) -> None:
    files = {"label_2/1.txt": CAR, "label_2/2.txt": VAN, "ImageSets/train.txt": "2\r\n1\r\n"}
    dataset = read(kept(files))
    images = dataset.images.iloc[1:]
    boxes = dataset.boxes.iloc[1:]
    report = write_back(dataset.with_tables(images=images, boxes=boxes), tmp_path)
    assert written(tmp_path) == {
        "ImageSets/train.txt": b"2\r\n",
        "label_2/2.txt": VAN.encode(),
    }
    assert (report.images, report.boxes) == (1, 1)


def test_kept_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    dataset = assemble("yard", kitti.gather(kept({"../a.txt": CAR}), ["../a.txt"], Options()))
    with pytest.raises(OutputError, match="leads out of the output folder"):
        kitti.write(dataset, tmp_path, dataset)


# Writing from the columns


def table_set(boxes: dict[str, Any], n_boxes: int, names: tuple[str, ...] = ("a.jpg",)) -> Dataset:
    """A dataset without sources; all boxes lie in the first image."""
    keys = [f"yard/{name}" for name in names]
    ids = key_hashes(keys)
    images = make_table(
        IMAGE_COLUMNS,
        len(names),
        {"image_id": ids, "image_key": keys, "box_frame": "upright", "source": "yard",
         "label_state": "present"},
    )  # fmt: skip
    box_ids = box_hashes(np.repeat(ids[:1], n_boxes), np.arange(n_boxes))
    values = {"shape": "box", "role": "include", "origin": "human", "file": "x"} | boxes
    table = make_table(
        BOX_COLUMNS, n_boxes, {"box_id": box_ids, "image_id": [int(ids[0])] * n_boxes, **values}
    )
    return read(kept({})).with_tables(images=images, boxes=table)


def test_line_from_columns_has_placeholders_for_what_is_unknown(tmp_path: Path) -> None:
    edges = {"x1": 100.0, "y1": 50.0, "x2": 200.0, "y2": 250.004}
    report = kitti.write(table_set({"label": "car seat", **edges}, 1), tmp_path, None)
    line = f"car_seat {UNSET.format('100.00 50.00 200.00 250.00')}\n"
    assert written(tmp_path) == {"label_2/a.txt": line.encode()}
    assert losses(report) == {
        "images (ending of the name)": 1,
        "boxes.label": 1,
        "boxes.x1 y1 x2 y2": 1,
    }


def test_values_that_kitti_lacks_are_counted_losses(tmp_path: Path) -> None:
    values = {
        "label": ["car", "car", "car", None, "DontCare"],
        "shape": ["polygon", "box", "tag", "box", "box"],
        "role": ["include", "ignore", "include", "include", "ignore"],
        "x2": [5.0, 5.0, math.nan, 5.0, 5.0],
        "occluded": [0.5, 1.0, None, None, None],
        "score": [0.9, None, None, None, 0.25],
        "difficult": [True, None, None, None, None],
        "attributes": ['{"alpha": 1, "pose": "Left"}', None, None, None, None],
    }
    dataset = table_set({"x1": 0.0, "y1": 0.0, "y2": 5.0, **values}, 5)
    report = kitti.write(dataset, tmp_path, None)
    box = "0.00 0.00 5.00 5.00"
    assert written(tmp_path)["label_2/a.txt"].decode().splitlines() == [
        f"car {UNSET.format(box)} 0.9".replace("-10 ", "1 ", 1),
        f"DontCare {UNSET.format(box)} -1",
        f"DontCare {UNSET.format(box)} 0.25",
    ]
    assert losses(report) == {
        "images (ending of the name)": 1, "boxes (box)": 1, "boxes (tag)": 1,
        "polygon outline": 1, "boxes.difficult": 1, "boxes.label": 1, "boxes.occluded": 1,
        "boxes.attributes": 1, "boxes (further columns)": 1, "boxes.score": 1,
    }  # fmt: skip


def test_label_files_are_flat_and_of_their_own(tmp_path: Path) -> None:
    names = ("cam1/a.jpg", "cam2/a.jpg", "../A.png", "con")
    report = kitti.write(table_set({}, 0, names), tmp_path, None)
    assert sorted(written(tmp_path)) == [
        "label_2/A.txt", "label_2/_con.txt", "label_2/a.jpg-2.txt", "label_2/a.jpg.txt",
    ]  # fmt: skip
    assert losses(report)["images (folder of the name)"] == 3


def test_splits_are_written_as_lists(tmp_path: Path) -> None:
    edges = dict.fromkeys(EDGES, 1.0)
    dataset = table_set({"label": "car", **edges}, 1, ("b.jpg", "a.jpg"))
    images = dataset.images.assign(split="train")
    images["split"] = images["split"].astype(dataset.images["split"].dtype)
    kitti.write(dataset.with_tables(images=images), tmp_path, None)
    assert written(tmp_path)["ImageSets/train.txt"] == b"a\nb\n"
    assert read(open_tree(tmp_path)).images["split"].tolist() == ["train", "train"]


finite = st.floats(-1e6, 1e6)
triple = st.lists(st.floats(-900, 900), min_size=3, max_size=3)
box_values = st.tuples(
    st.text("abcXYZ-é道", min_size=1), finite, finite, finite, finite,
    st.none() | st.floats(0, 1), st.sampled_from([None, 0.0, 1.0, 2.0, 3.0]), triple,
)  # fmt: skip


def columns_of(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    names = ("label", *EDGES, "truncated", "occluded", "location")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    locations = columns.pop("location")
    return columns | {"attributes": [json.dumps({"location": three}) for three in locations]}


@given(st.lists(box_values, min_size=1, max_size=5), st.booleans())
def test_columns_survive_writing_and_reading(
    tmp_path_factory: Any, rows: list[Any], has_score: bool
) -> None:
    columns = columns_of(rows)
    columns["score"] = [float(row[1]) if has_score else None for row in rows]
    dataset = table_set(columns, len(rows))
    folder = tmp_path_factory.mktemp("kitti")
    kitti.write(dataset, folder, None)
    again = read(open_tree(folder))
    assert again.findings.empty
    exact = ["label", "truncated", "occluded", "score", "attributes"]
    pd.testing.assert_frame_equal(again.boxes[exact], dataset.boxes[exact])
    # The format's precision, and what the last bit of a float may add at 1e6.
    np.testing.assert_allclose(again.boxes[EDGES], dataset.boxes[EDGES], rtol=0, atol=0.005 + 1e-9)


@given(st.lists(box_values, min_size=2, max_size=2))
def test_changes_survive_splicing(tmp_path_factory: Any, rows: list[Any]) -> None:
    dataset = read_lines(CAR, VAN, DONT_CARE)
    boxes = dataset.boxes.copy()
    for name, values in columns_of(rows).items():
        dtype = boxes[name].dtype
        boxes[name] = pd.Series([*values, boxes[name].iloc[2]]).astype(dtype)
    folder = tmp_path_factory.mktemp("kitti")
    report = write_back(dataset.with_tables(boxes=boxes), folder)
    assert report.losses == ()
    again = read(open_tree(folder)).boxes
    exact = ["label", "truncated", "occluded"]
    pd.testing.assert_frame_equal(again[exact], boxes[exact])
    np.testing.assert_allclose(again[EDGES], boxes[EDGES], rtol=0, atol=0.005 + 1e-9)
    locations = [json.loads(text).get("location") for text in again["attributes"].iloc[:2]]
    assert locations == [json.loads(text)["location"] for text in boxes["attributes"].iloc[:2]]


# Real files


@pytest.mark.parametrize(
    ("folder", "n_images", "n_boxes"),
    [
        ("kitti_object6/training", 6, 25),
        ("kitti_object6/pointgnn_val_results", 4, 6),
        ("kitti_object6", 10, 31),
    ],
)
def test_real_set_comes_back_byte_for_byte(
    real_data: Path, tmp_path: Path, folder: str, n_images: int, n_boxes: int
) -> None:
    tree = open_tree(real_data / folder)
    dataset = read(tree)
    assert (len(dataset.images), len(dataset.boxes)) == (n_images, n_boxes)
    assert set(dataset.findings["check"]) <= {"IMG-006"}
    assert write_back(dataset, tmp_path).losses == ()
    bodies = written(tmp_path)
    assert len(bodies) == n_images
    assert all(tree.read(name) == body for name, body in bodies.items())


def test_real_results_are_predictions_with_empty_images(real_data: Path) -> None:
    dataset = read(open_tree(real_data / "kitti_object6" / "pointgnn_val_results"))
    assert set(dataset.boxes["origin"]) == {"detector"}
    assert dataset.boxes["score"].notna().all()
    assert dataset.images["label_state"].tolist() == ["present", "present", "present", "empty"]


@pytest.mark.parametrize("folder", ["kitti_tracking", "mot", "coco_person_kp_yolo_val2017",
                                    "rodm_multiformat", "kitti_object6/training/calib",
                                    "kitti_object6/frustum_2d_detections"])  # fmt: skip
def test_real_text_of_other_formats_is_not_claimed(real_data: Path, folder: str) -> None:
    assert kitti.claims(open_tree(real_data / folder)) == []
