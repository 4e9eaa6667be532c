"""COCO annotation files (instances, person_keypoints).

Specification: cocodataset.org/#format-data and cocoapi @ 8c9bcc3 (PythonAPI/pycocotools/coco.py,
mask.py, common/maskApi.c).

Convention: 0-based px, continuous edges, upright image (assumed: the specification does not say).
`bbox` is [x, y, width, height]: x1 = x, y1 = y, x2 = x + width, y2 = y + height, nothing clipped or
rounded. RLE is column-major.

Read: a record of `annotations` is a row; its shape is that of its `segmentation`, `iscrowd` is
`is_group` and the role ignore. Images and objects that several files of one source tell of are one
row each (see `shared`).

Lost on read: nothing. Masks, polygons, keypoints and unknown keys stay in the kept bytes and are
parsed from there when asked for. Captions have no box: they are left out of the table, with a note.

Written: what was read as COCO comes back with every key, number and order; only changed values
change. From other formats `instances.json` is made, and `results.json` of what detectors found:
annotation ids from 1, ignored objects and groups as `iscrowd`, columns that COCO has no key for in
`attributes`.

Lost on write: from other formats, each counted in the loss report: points, lines, tags, boxes
without class or corners, images whose labels are missing, and all further columns.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from curate.assembly import Fault, Gathered, assemble, source_name
from curate.dataset import Dataset
from curate.errors import Place, SourceError
from curate.formats.coco.annotations import read_annotations
from curate.formats.coco.derived import derive, extras, keypoints, outlines
from curate.formats.coco.results import read_results
from curate.formats.coco.rows import FileRows
from curate.formats.coco.several import document_of, put_together, stack, values_of
from curate.formats.coco.truth import read_truth
from curate.formats.declared import SIZES, Format
from curate.formats.json_document import JsonError, bulk, open_document
from curate.formats.reading import HEAD_BYTES, Files, Options, how_read
from curate.sources import Body
from curate.tree import open_tree

__all__ = [
    "FORMAT",
    "NAME",
    "RESULTS",
    "claims",
    "claims_results",
    "derive",
    "extras",
    "gather",
    "gather_results",
    "keypoints",
    "outlines",
    "read",
]

FORMAT = Format(
    images=(*SIZES, "licence", "source_id"),
    boxes=("is_group", "score", "declared_area", "attributes", "source_id"),
    shapes=("box", "polygon", "mask"),
    roles=("include", "ignore"),
    kept=("keypoints",),
    written=(
        "boxes",
        "class",
        "score",
        "polygons",
        "masks",
        "ignore regions",
        "attributes",
        "image size",
    ),
)


NAME = "coco"
RESULTS = "coco-results"
_TOP_KEYS = re.compile(rb'"(?:images|annotations|categories)"\s*:\s*\[')
# A list of tasks (Label Studio) may name image_id and score too, deeper down.
_TASKS = re.compile(rb'"data"\s*:\s*\{|"result"\s*:\s*\[')
_RESULT_KEYS = (re.compile(rb'"image_id"\s*:'), re.compile(rb'"(?:score|caption)"\s*:'))


def claims(files: Files) -> list[str]:
    """The .json files that are objects with a list `images`, `annotations` or `categories`."""
    return [file for file in _json_files(files) if _is_annotations(files, file)]


def claims_results(files: Files) -> list[str]:
    """The .json files that are lists of records with `image_id` and `score` (or `caption`)."""
    return [file for file in _json_files(files) if _is_results(files, file)]


def _json_files(files: Files) -> list[str]:
    return [file for file in files.files if file.lower().endswith(".json")]


def _is_annotations(files: Files, file: str) -> bool:
    head = files.head(file, HEAD_BYTES)
    if not _starts_with(head, b"{"):
        return False
    if _TOP_KEYS.search(head):
        return True
    if files.files[file] <= len(head) or not re.search(rb'"(?:info|licenses)"\s*:', head):
        return False
    # A long preamble hides the arrays: look at the whole top level.
    try:
        document = open_document(files.body(file), file)
    except JsonError:
        return False
    return document.has("images") or document.has("annotations")


def _is_results(files: Files, file: str) -> bool:
    head = files.head(file, HEAD_BYTES)
    has_keys = all(key.search(head) for key in _RESULT_KEYS)
    return _starts_with(head, b"[") and has_keys and not _TASKS.search(head)


def _starts_with(head: bytes, char: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == char


def read(path: Path, *, name: str | None = None, options: Options | None = None) -> Dataset:
    """The dataset of one COCO annotation file, or of all of them below a folder or in a zip.

    Raises
    ------
    SourceError
        When the path cannot be opened, or no file there is a readable COCO annotation file.
    """
    path = Path(path)
    files = open_tree(path)
    names = claims(files) or _json_files(files)
    if not names:
        raise SourceError(
            "holds no .json file", place=Place(str(path)), mend="give a COCO annotation file"
        )
    gathered = gather(files, names, options or Options())
    if not gathered.n_images and any(fault.code == "SRC-002" for fault in gathered.faults):
        first = next(fault for fault in gathered.faults if fault.code == "SRC-002")
        raise SourceError(first.message, place=Place(first.file, first.line), mend=first.mend)
    own_name = source_name(path, name)
    record = how_read(NAME, options or Options(), own_name, own_name)
    return assemble(own_name, gathered, options=record)


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The rows of COCO annotation files."""
    bodies: dict[str, Body] = {}
    gathered = Gathered(0, 0, {}, {}, files=bodies)
    parts = []
    for file in names:
        body = files.body(file)
        bodies[file] = body
        gathered.formats[file] = NAME
        with bulk():
            document = document_of(body, file, gathered)
            if document is not None and (document.has("images") or document.has("annotations")):
                parts.append(read_annotations(document, file))
            elif document is not None:
                _no_object(file, gathered)
    put_together(parts, gathered)
    return gathered


def gather_results(files: Files, names: list[str], options: Options) -> Gathered:
    """The rows of COCO results files over the annotation files `options.truth`.

    Raises
    ------
    SourceError
        When no annotation file can be read.
    UsageError
        When the image ids of results fit several annotation files that differ in their images.
    """
    bodies: dict[str, Body] = {}
    gathered = Gathered(0, 0, {}, {}, files=bodies)
    truth = None
    if options.truth is not None:
        bodies |= dict(options.truth)
        truth = read_truth(options.truth, gathered)
    parts: list[FileRows] = []
    stems: list[str] = []
    for file in names:
        body = files.body(file)
        bodies[file] = body
        gathered.formats[file] = RESULTS
        with bulk():
            document = document_of(body, file, gathered)
            if document is not None:
                indices = options.class_ids == "index"
                parts.append(read_results(document, file, truth, ids_are_indices=indices))
                stems += [PurePosixPath(file).stem] * parts[-1].n_boxes
    stack(parts, gathered)
    if truth is not None:
        _share_images(parts, gathered)
    rows = values_of(gathered.boxes.get("source_id"), gathered.n_boxes)
    gathered.box_tokens = [f"{stem}:{row}" for stem, row in zip(stems, rows, strict=True)]
    return gathered


def _share_images(parts: list[FileRows], gathered: Gathered) -> None:
    # Several results files over one annotation file predict on the same images.
    if len(parts) > 1:
        n = parts[0].n_images
        gathered.boxes["image_row"] = [row % n for row in gathered.boxes["image_row"]]
        gathered.images, gathered.n_images = parts[0].images, n


def _no_object(file: str, gathered: Gathered) -> None:
    message = "the top level has neither `images` nor `annotations`, should have both"
    gathered.faults.append(Fault("SRC-002", message, "give a COCO annotation file", file))
