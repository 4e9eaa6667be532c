"""Progress: whoever listens sees each item once, and nobody pays when nobody listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from PIL import Image

import curate
from curate.progress import listening, track


class Counter:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.seen: list[object] = []

    def __call__(self, items: Iterable, total: int, what: str) -> Iterable:
        self.told.append((what, total))
        for item in items:
            self.seen.append(item)
            yield item


def test_without_a_listener_the_items_themselves_come_back() -> None:
    items = ["a", "b"]
    assert track(items, 2, "files") is items


def test_a_listener_is_told_of_each_item_and_only_within_its_block() -> None:
    counter = Counter()
    with listening(counter):
        assert list(track(["a", "b"], 2, "files")) == ["a", "b"]
    assert list(track(["c"], 1, "files")) == ["c"]
    assert counter.told == [("files", 2)]
    assert counter.seen == ["a", "b"]


def test_the_outer_listener_hears_again_after_an_inner_one_failed() -> None:
    outer, inner = Counter(), Counter()
    with listening(outer):
        with pytest.raises(ZeroDivisionError), listening(inner):
            raise ZeroDivisionError
        list(track([1], 1, "files"))
    assert (outer.seen, inner.seen) == ([1], [])


def voc(folder: Path, stem: str) -> None:
    (folder / f"{stem}.xml").write_text(
        f"<annotation><filename>{stem}.png</filename><size><width>60</width><height>40</height>"
        "<depth>3</depth></size><object><name>car</name><bndbox><xmin>2</xmin><ymin>3</ymin>"
        "<xmax>20</xmax><ymax>30</ymax></bndbox></object></annotation>"
    )


def kitti(folder: Path, stem: str) -> None:
    numbers = "0.00 0 -1.57 1.00 2.00 20.00 30.00 1.50 1.60 3.90 1.00 1.00 60.00 -1.50"
    (folder / f"{stem}.txt").write_text(f"Car {numbers}\n")


def yolo(folder: Path, stem: str) -> None:
    (folder / f"{stem}.txt").write_text("0 0.5 0.5 0.25 0.25\n")


@pytest.mark.parametrize(
    ("label", "classes"),
    [(voc, None), (kitti, None), (yolo, ("car",))],
    ids=["voc", "kitti", "yolo"],
)
def test_reading_counts_label_files_and_pictures(
    tmp_path: Path, label: Callable[[Path, str], None], classes: tuple[str, ...] | None
) -> None:
    labels, pictures = tmp_path / "labels", tmp_path / "pictures"
    labels.mkdir()
    pictures.mkdir()
    for stem in ("a", "b", "c"):
        label(labels, stem)
        Image.new("RGB", (60, 40), (len(stem), 9, ord(stem))).save(pictures / f"{stem}.png")
    counter = Counter()
    with listening(counter):
        dataset = curate.read(labels, curate.ReadOptions(images=pictures, classes=classes))
    assert len(dataset.boxes) == 3
    assert ("label files", 3) in counter.told
    assert sum(n for what, n in counter.told if what == "pictures") == 3
    assert len(counter.seen) == sum(n for _, n in counter.told)


def test_an_audit_counts_its_checks_and_an_export_its_files(tmp_path: Path) -> None:
    voc(tmp_path, "a")
    voc(tmp_path, "b")
    counter = Counter()
    dataset = curate.read(tmp_path)
    with listening(counter):
        curate.audit(dataset, select=["BOX-002", "BOX-003"])
        curate.write(dataset, "kitti", tmp_path / "out")
    assert counter.told == [("checks", 2), ("files written", 2)]
