"""What else takes bytes from outside: pictures, dataset folders, project files."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from curate import formats
from curate.dataset import save
from tests.fuzz.seed import Seed, place
from tests.fuzz.seeds import CASES, coco_documents, files_below, small


def pictures() -> list[Seed]:
    """Pictures of every kind that is read, with EXIF where the kind has it."""
    seeds = []
    for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000", "MPO"):
        picture = Image.linear_gradient("L").resize((24, 16)).convert("RGB")
        exif = Image.Exif()
        exif[0x0112] = 6
        exif[0x010F] = "maker"
        packed = io.BytesIO()
        takes_exif = kind in ("JPEG", "PNG", "WEBP", "TIFF", "MPO")
        picture.save(packed, kind, **({"exif": exif} if takes_exif else {}))
        seeds.append(Seed({f"a.{kind.lower()}"[:6]: packed.getvalue()}, "file"))
    tiff = io.BytesIO()
    Image.new("1", (40, 30)).save(tiff, "TIFF", compression="tiff_lzw")
    seeds.append(Seed({"b.tif": tiff.getvalue()}, "file"))
    real = [p for p in small("makesense_app/images", "*") if p.suffix.lower() in (".jpg", ".png")]
    real += small("voc_raccoon", "*.jpg", 2)
    return seeds + [Seed({p.name: p.read_bytes()}, "file") for p in real]


def picture_folder(folder: Path) -> Path:
    """A new folder of pictures, among them such as the labels name, upright and turned."""
    names = ("a.jpg", "sub/b.jpg", "gate_1.jpg", "000007.png", "IMG_0001.jpg", "IMG_rot6.JPG")
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = Image.Exif()
        exif[0x0112] = 6 if "rot6" in name else 1
        Image.new("RGB", (100, 80)).save(path, exif=exif)
    return folder


def datasets() -> list[Seed]:
    """Dataset folders as `save` writes them."""
    whole = files_below(CASES / "voc" / "good" / "devkit", skip=("expected.json",))
    sources = [
        Seed({"instances.json": coco_documents()[1]}, "file"),
        Seed(whole, "folder"),
        Seed({"vgg.json": (CASES / "makesense/app/od_main/polygon_vgg.json").read_bytes()}, "file"),
    ]
    seeds = []
    with tempfile.TemporaryDirectory() as folder:
        for number, source in enumerate(sources):
            path = place(source, Path(folder) / f"in{number}")
            out = Path(folder) / f"out{number}"
            save(formats.read(path), out)
            seeds.append(Seed(files_below(out), "folder"))
    return seeds


_PROJECT: dict[str, Any] = {
    "version": 1,
    "sources": {
        "street": {"path": "street.json", "format": "coco", "size": [640, 480]},
        "more": {"path": "street.json", "images": "pictures", "classes": ["person", "car"]},
        "found": {"path": "results.json", "truth": "street.json"},
    },
    "select": ["BOX", "SRC-001", "image-missing"],
    "ignore": ["REL-004"],
    "fail-on": "warning",
    "checks": {"BOX-004": {"min_side_px": 4, "because": "smaller ones vanish"}},
}


def projects() -> list[Seed]:
    """Project files beside a source that they name."""
    minimal = "version: 1\nsources:\n  street:\n    path: street.json\nfail-on: error\n"
    anchors = "version: 1\nselect: &a [BOX, SRC]\nignore: *a\n# note\n"
    texts = [json.dumps(_PROJECT), json.dumps(_PROJECT, indent=1), minimal, anchors]
    return [Seed({"curate.yaml": text.encode()}, "folder") for text in texts]


def project_sources() -> dict[str, bytes]:
    """The files that the project files name."""
    results = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]
    return {"street.json": coco_documents()[0], "results.json": json.dumps(results).encode()}


# What else takes bytes from outside.
OTHERS: dict[str, Callable[[], list[Seed]]] = {
    "pictures": pictures,
    "dataset": datasets,
    "project": projects,
}
