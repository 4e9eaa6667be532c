"""KITTI object labels: reading, and real files there and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.assembly import assemble
from curate.dataset import Dataset
from curate.errors import SourceError
from curate.formats import kitti
from curate.formats.reading import Files, KeptFiles, Options
from curate.sources import MemorySources
from curate.tree import open_tree
from tests.formats.label_files import check_case, kept, read_file, write_back, written

CASES = Path(__file__).resolve().parents[1] / "cases" / "formats" / "kitti"
CAR = "Car 0.00 0 -1.58 10.50 5.25 30.00 20.75 1.50 1.60 4.00 -2.00 1.70 9.00 -1.80"
VAN = "Van 0.50 1  -1.58 1.00 2.00 3.00 4.00 1.50 1.60 4.00\t-2.00 1.70 9.00 -1.80"
DONT_CARE = "DontCare -1 -1 -10 1.00 2.00 3.00 4.00 -1 -1 -1 -1000 -1000 -1000 -10"
UNSET = "-1 -1 -10 {} -1 -1 -1 -1000 -1000 -1000 -10"


FILE = "000001.txt"


def read(files: Files, options: Options | None = None) -> Dataset:
    return assemble("yard", kitti.gather(files, kitti.claims(files), options or Options()))


def read_lines(*lines: str, newline: str = "\n") -> Dataset:
    return read_file(kitti, FILE, "".join(line + newline for line in lines))


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda case: case.name)
def test_case_gives_the_expected_rows_and_findings(case: Path) -> None:
    check_case(read(open_tree(case)), case)


@pytest.mark.parametrize("case", sorted(CASES.glob("*/*")), ids=lambda case: case.name)
def test_untouched_case_is_written_byte_for_byte(case: Path, tmp_path: Path) -> None:
    tree = open_tree(case)
    dataset = read(tree)
    report = write_back(kitti, dataset, tmp_path)
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


# Real files


@pytest.mark.parametrize(
    ("folder", "n_images", "n_boxes"),
    [
        ("kitti_object6/training", 6, 25),
        ("kitti_object6/pointgnn_val_results", 4, 6),
        # The results are predictions on four of the images.
        ("kitti_object6", 6, 31),
    ],
)
def test_real_set_comes_back_byte_for_byte(
    real_data: Path, tmp_path: Path, folder: str, n_images: int, n_boxes: int
) -> None:
    tree = open_tree(real_data / folder)
    dataset = read(tree)
    assert (len(dataset.images), len(dataset.boxes)) == (n_images, n_boxes)
    assert len(dataset.findings) == 0
    assert write_back(kitti, dataset, tmp_path).losses == ()
    bodies = written(tmp_path)
    assert len(bodies) == len(dataset.formats)
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
