"""The inputs that are mutated: real files where they are at hand, and the project's fixtures."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from curate import formats
from curate.dataset import save
from tests.formats.coco_documents import SQUARE, annotation, document

REPOSITORY = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("CURATE_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
CASES = REPOSITORY / "tests" / "cases" / "formats"
# What a mutation costs grows with the file; what it finds does not.
MAX_SEED_BYTES = 20_000
MAX_FILES = 4
KEPT_RECORDS = 3


@dataclass(frozen=True)
class Seed:
    """One source: its files by name, as a file, folder or zip, and how it is to be read."""

    files: dict[str, bytes]
    kind: str
    format: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    truth: bytes | None = None


def _small(folder: str, pattern: str, limit: int = 12) -> list[Path]:
    """Small real files, evenly chosen; none when the real data is not at hand."""
    found = [p for p in sorted((REAL / folder).rglob(pattern)) if p.is_file()]
    found = [p for p in found if 0 < p.stat().st_size <= MAX_SEED_BYTES]
    return found[:: max(1, len(found) // limit)][:limit]


def _cut_coco(path: Path) -> bytes:
    """A COCO file of the first records only, with the images and classes that they name."""
    value = json.loads(path.read_bytes())
    if isinstance(value, list):
        return json.dumps(value[: 2 * KEPT_RECORDS]).encode()
    records = value.get("annotations", [])[:KEPT_RECORDS]
    wanted = {record.get("image_id") for record in records}
    images = [image for image in value["images"] if image["id"] in wanted]
    value |= {"annotations": records, "images": images or value["images"][:2]}
    value["categories"] = value.get("categories", [])[:5]
    return json.dumps(value, indent=1 if len(records) % 2 else None).encode()


def _coco_documents() -> list[bytes]:
    mask = {"size": [80, 100], "counts": [810, 5, 7185]}
    packed = {"size": [80, 100], "counts": "bn0250m0"}
    points = [15, 15, 2, 20, 20, 1, 0, 0, 0]
    many = document(
        annotation(1, segmentation=[SQUARE]),
        annotation(2, segmentation=mask, iscrowd=1),
        annotation(3, segmentation=packed, attributes={"occluded": True}),
        annotation(4, keypoints=points, num_keypoints=2, score=0.5, note="x"),
        annotation(5, bbox=None, segmentation=[SQUARE, SQUARE]),
        annotation(0, category_id=7, image_id=2),
        licenses=[{"id": 1, "name": "CC BY"}],
        info={"year": 2020},
    )
    captions = document({"id": 1, "image_id": 1, "caption": "a street"}, annotation(2))
    texts = [document(annotation(1)), many, captions, document()]
    return [json.dumps(text).encode() for text in texts] + [json.dumps(many, indent=2).encode()]


def coco() -> list[Seed]:
    """COCO annotation files."""
    bodies = _coco_documents()
    for folder in ("coco128", "coco_laptop_train2017", "coco_xyxy_bug", "coco_val2014_100"):
        paths = [p for p in sorted((REAL / folder).rglob("*.json")) if "results" not in p.name]
        bodies += [_cut_coco(p) for p in paths[:2] if p.read_bytes()[:1] == b"{"]
    makesense = _small("makesense_app", "*polygon_coco*/*.json") + _small(
        "makesense", "*coco*/*.json"
    )
    bodies += [_cut_coco(path) for path in makesense]
    seeds = [Seed({"instances.json": body}, "file", "coco") for body in bodies]
    two = {"train.json": bodies[1], "val/instances.json": bodies[0]}
    return [*seeds, Seed(two, "folder", "coco"), Seed(two, "zip", "coco")]


def coco_results() -> list[Seed]:
    """COCO results, over an annotation file and alone."""
    truth = _coco_documents()[1]
    box = {"image_id": 1, "category_id": 1, "bbox": [1.5, 2, 30, 40], "score": 0.9}
    mask = {"size": [80, 100], "counts": "bn0250m0"}
    lists: list[list[dict[str, Any]]] = [
        [box, box | {"category_id": 7, "score": 0.1}],
        [box | {"category_id": 0}, box | {"category_id": 1}],
        [{"image_id": 2, "category_id": 7, "segmentation": mask, "score": 1}, box],
        [{"image_id": 1, "category_id": 1, "keypoints": [1, 2, 1, 5, 6, 2], "score": 0.3}],
        [{"image_id": 1, "caption": "a street"}, box],
    ]
    bodies = [json.dumps(records).encode() for records in lists]
    real = [REAL / "coco128" / "yolov5s_predictions.json"]
    real += sorted((REAL / "coco_val2014_100").rglob("instances_*results*.json"))[:3]
    bodies += [_cut_coco(path) for path in real if path.is_file()]
    seeds = [Seed({"r.json": body}, "file", "coco-results") for body in bodies]
    for ids in ("own", "index"):
        told = {"class_ids": ids}
        seeds += [Seed({"r.json": b}, "file", "coco-results", told, truth) for b in bodies]
    two = {"a.json": bodies[0], "b.json": bodies[2]}
    return [*seeds, Seed(two, "folder", "coco-results", {}, truth)]


def _case_folders(format_: str) -> list[dict[str, bytes]]:
    folders = sorted((CASES / format_).glob("*/*/expected.json"))
    return [_files_below(path.parent, skip=("expected.json",)) for path in folders]


def _files_below(folder: Path, skip: tuple[str, ...] = ()) -> dict[str, bytes]:
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in skip]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


def voc() -> list[Seed]:
    """VOC files alone, in folders with sets, and in archives."""
    seeds = [Seed(files, "folder", "voc") for files in _case_folders("voc")]
    paths = [
        p for f in ("voc_raccoon", "voc_bccd", "voc_parts_sample") for p in _small(f, "*.xml", 6)
    ]
    paths += _small("rodm_multiformat/gts/pascalvoc_format", "*.xml", 6)
    seeds += [Seed({"a.xml": path.read_bytes()}, "file", "voc") for path in paths]
    whole = _files_below(CASES / "voc" / "good" / "devkit", skip=("expected.json",))
    xmls = [body for name, body in whole.items() if name.endswith(".xml")]
    seeds += [Seed({"a.xml": body}, "file", "voc") for body in xmls]
    return [*seeds, Seed(whole, "folder", "voc"), Seed(whole, "zip", "voc")]


def kitti() -> list[Seed]:
    """KITTI label files alone, in folders with split lists, and in archives."""
    seeds = [Seed(files, "folder", "kitti") for files in _case_folders("kitti")]
    paths = _small("kitti_object6", "label_2/*.txt") + _small(
        "kitti_object6/pointgnn_val_results", "*.txt"
    )
    seeds += [Seed({p.name: p.read_bytes()}, "file", "kitti") for p in paths]
    whole = _files_below(CASES / "kitti" / "good" / "devkit", skip=("expected.json",))
    labels = [body for name, body in whole.items() if name.startswith("label_2/")]
    sized = {"size_wh": (1242, 375)}
    seeds += [Seed({"000001.txt": body}, "file", "kitti", sized) for body in labels]
    return [*seeds, Seed(whole, "folder", "kitti"), Seed(whole, "zip", "kitti")]


def makesense(kind: str) -> list[Seed]:
    """Exports of Make Sense of one kind."""
    forms = {
        "rect-yolo": ("yolo", "zip"), "rect-voc": ("voc", "zip"), "rect-csv": ("rect_csv", "csv"),
        "point-csv": ("point_csv", "csv"), "line-csv": ("line_csv", "csv"),
        "vgg": ("polygon_vgg", "json"), "tag-csv": ("tag_csv", "csv"),
        "tag-json": ("tag_json", "json"),
    }  # fmt: skip
    form, ending = forms[kind]
    bodies = [p.read_bytes() for p in sorted((CASES / "makesense" / "app").glob(f"*/{form}.*"))]
    bodies += [p.read_bytes() for p in sorted(REAL.glob(f"makesense_app/*/{form}/*.{ending}"))]
    folders = {
        "rect-csv": "fifa*/**/*.csv",
        "point-csv": "points*/**/*.csv",
        "vgg": "vgg*/**/*.json",
    }
    if kind in folders:
        real = [p for p in sorted(REAL.glob(f"makesense/{folders[kind]}")) if p.is_file()]
        cut = _cut_vgg if kind == "vgg" else _cut_lines
        bodies += [cut(path) for path in real[:4]]
    format_ = f"makesense-{kind}" if ending == "csv" else "makesense"
    options = {"size_wh": (640, 480)} if kind == "rect-yolo" else {}
    seeds: list[Seed] = []
    for body in bodies:
        if ending != "zip":
            seeds.append(Seed({f"labels.{ending}": body}, "file", format_, options))
            continue
        members = _members(body)
        for way in ("zip", "folder") if members else ():
            seeds.append(Seed(members, way, format_, options))
    if kind == "rect-yolo":
        classes = options | {"classes": ("person", "car")}
        seeds += [Seed(seed.files, seed.kind, format_, classes) for seed in seeds[:4]]
    return seeds


def _members(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()[:MAX_FILES]}


def _cut_vgg(path: Path) -> bytes:
    entries = list(json.loads(path.read_bytes()).items())
    return json.dumps(dict(entries[:2])).encode()


def _cut_lines(path: Path) -> bytes:
    return b"".join(path.read_bytes().splitlines(keepends=True)[:40])


def archives() -> list[Seed]:
    """Archives, to be changed as such."""
    paths = [p for f in ("yolo", "voc") for p in (CASES / "makesense" / "app").glob(f"*/{f}.zip")]
    bodies = [path.read_bytes() for path in sorted(paths)]
    for way in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", way) as archive:
            archive.writestr("sub/instances.json", _coco_documents()[0])
            archive.writestr("readme.txt", b"x" * 3000)
        bodies.append(packed.getvalue())
    return [Seed({"a.zip": body}, "file", None, {"size_wh": (640, 480)}) for body in bodies]


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
    real = [p for p in _small("makesense_app/images", "*") if p.suffix.lower() in (".jpg", ".png")]
    real += _small("voc_raccoon", "*.jpg", 2)
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
    whole = _files_below(CASES / "voc" / "good" / "devkit", skip=("expected.json",))
    sources = [
        Seed({"instances.json": _coco_documents()[1]}, "file"),
        Seed(whole, "folder"),
        Seed({"vgg.json": (CASES / "makesense/app/od_main/polygon_vgg.json").read_bytes()}, "file"),
    ]
    seeds = []
    with tempfile.TemporaryDirectory() as folder:
        for number, source in enumerate(sources):
            path = place(source, Path(folder) / f"in{number}")
            out = Path(folder) / f"out{number}"
            save(formats.read(path), out)
            seeds.append(Seed(_files_below(out), "folder"))
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
    return {"street.json": _coco_documents()[0], "results.json": json.dumps(results).encode()}


def place(seed: Seed, folder: Path) -> Path:
    """The path of a source that was written below a new folder.

    Raises
    ------
    OSError, ValueError
        For a name that the file system does not take.
    """
    folder.mkdir(parents=True)
    if seed.kind == "zip":
        path = folder / "set.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, body in seed.files.items():
                archive.writestr(name, body)
        return path
    root = folder / "set" if seed.kind == "folder" else folder
    for name, body in seed.files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
    return root if seed.kind == "folder" else root / next(iter(seed.files))


MAKE_SENSE_KINDS = (
    "rect-yolo", "rect-voc", "rect-csv", "point-csv", "line-csv", "vgg", "tag-csv", "tag-json",
)  # fmt: skip


def _of_kind(kind: str) -> Callable[[], list[Seed]]:
    return lambda: makesense(kind)


# The readers of label formats, and the seeds of each.
LABELS: dict[str, Callable[[], list[Seed]]] = {
    "coco": coco,
    "coco-results": coco_results,
    **{f"makesense-{kind}": _of_kind(kind) for kind in MAKE_SENSE_KINDS},
    "zip": archives,
    "voc": voc,
    "kitti": kitti,
}
# What else takes bytes from outside.
OTHERS: dict[str, Callable[[], list[Seed]]] = {
    "pictures": pictures,
    "dataset": datasets,
    "project": projects,
}
