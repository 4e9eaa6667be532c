"""The public names, as a user of Python meets them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import curate
from tests.formats.coco_documents import annotation, document, store


def test_public_names_are_listed_before_they_are_loaded() -> None:
    code = "import curate, sys; print(sorted(set(curate.__all__) - set(dir(curate)))); "
    code += "print('pandas' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["[]", "False"]


def test_several_sources_make_one_dataset(tmp_path: Path) -> None:
    truth = store(tmp_path, document(annotation(1)))
    dets = store(
        tmp_path,
        [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}],
        "dets.json",
    )
    dataset = curate.read([truth, dets])
    assert dataset.boxes["origin"].tolist() == ["human", "detector"]
    with pytest.raises(curate.CurateError, match="no source is given"):
        curate.read([])


def test_pictures_are_named_beside_the_source(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    Image.new("L", (100, 80)).save(tmp_path / "pictures" / "a.jpg")
    dataset = curate.read(store(tmp_path, document(annotation(1))), images=tmp_path / "pictures")
    assert dataset.images["path"].dropna().tolist() == ["a.jpg"]


def test_a_loss_report_shows_as_a_table(tmp_path: Path) -> None:
    dataset = curate.read(store(tmp_path, document(annotation(1, **{"<b>": 1}))))
    report = curate.write(dataset, "voc", tmp_path / "out")
    shown = report._repr_html_()
    assert "<td>1</td><td>annotation.&lt;b&gt;</td>" in shown
