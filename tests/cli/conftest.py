"""The command line in a temporary folder: run it, and write small sources for it."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from curate.cli import main

KITTI = "Car 0.00 0 -1.57 1.00 2.00 20.00 30.00 1.50 1.60 3.90 1.00 1.00 60.00 -1.50\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def curate(here, capsys):
    """Runs a command line; gives exit code, stdout and stderr."""

    def run(*argv):
        capsys.readouterr()
        code = main([str(word) for word in argv])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.fixture
def coco(here):
    """Writes a COCO file with boxes (x, y, w, h) in one image of 60 x 40 px; gives its path."""

    def write(name="instances.json", boxes=((2, 3, 18, 27),), image="a.jpg", **changes):
        document = {
            "images": [{"id": 1, "file_name": image, "width": 60, "height": 40}],
            "annotations": [
                {"id": n, "image_id": 1, "category_id": 1, "bbox": list(box)}
                for n, box in enumerate(boxes, 1)
            ],
            "categories": [{"id": 1, "name": "car"}],
        } | changes
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
        return path

    return write


@pytest.fixture
def voc(here):
    """Writes a VOC file with one box; gives its path."""

    def write(name="labels/a.xml", image="a.jpg", box=(2, 3, 20, 30)):
        corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        body = (
            f"<annotation><filename>{image}</filename><size><width>60</width><height>40</height>"
            "<depth>3</depth></size><object><name>car</name><bndbox>"
            + "".join(f"<{tag}>{value}</{tag}>" for tag, value in corners)
            + "</bndbox></object></annotation>\n"
        )
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
        return path

    return write


@pytest.fixture
def picture(here):
    """Writes a picture of 60 x 40 px; gives its path."""

    def write(name="pictures/a.jpg", size=(60, 40)):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (9, len(name), 9)).save(path)
        return path

    return write


@pytest.fixture
def files(here):
    """All files below the folder, with their bytes."""

    def listed():
        below = sorted(here.rglob("*"))
        return {p.relative_to(here).as_posix(): p.read_bytes() for p in below if p.is_file()}

    return listed
