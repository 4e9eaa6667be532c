"""Reading and writing labels: which reader takes what, and the way from a path to a dataset.

`READERS` and `WRITERS` are plain dicts from a format's name to its module's functions; modules
load when they are used.
"""

from __future__ import annotations

import difflib
import importlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pandas as pd

from curate.assembly import Gathered, assemble, source_name
from curate.dataset import (
    Dataset,
    Findings,
    is_dataset_folder,
    load,
    new_folder,
    refuse_overwrite,
)
from curate.errors import FormatError, Place, SourceError, UsageError, quote
from curate.formats.combining import combine, joined, part_of
from curate.formats.reading import Files, KeptFiles, Options
from curate.formats.writing import Loss, LossReport
from curate.tree import Tree, open_tree

if TYPE_CHECKING:
    # Only named here: the picture library loads when pictures are asked for.
    from curate.images import Pictures

__all__ = [
    "READERS",
    "WRITERS",
    "Findings",
    "Loss",
    "LossReport",
    "Options",
    "ReadOptions",
    "derived",
    "read",
    "read_all",
    "recognise",
    "write",
]


@dataclass(frozen=True)
class Reader:
    """A reader: the module that has it, and the names of its functions there."""

    module: str
    claims: str = "claims"
    gather: str = "gather"

    def load(self) -> ModuleType:
        """The module, imported now."""
        return importlib.import_module(self.module)


READERS: dict[str, Reader] = {
    "coco": Reader("curate.formats.coco"),
    "coco-results": Reader("curate.formats.coco", "claims_results", "gather_results"),
    "voc": Reader("curate.formats.voc"),
    "kitti": Reader("curate.formats.kitti"),
    "makesense": Reader("curate.formats.makesense"),
}
WRITERS: dict[str, str] = {
    "coco": "curate.formats.coco.writer",
    "voc": "curate.formats.voc",
    "kitti": "curate.formats.kitti",
    "csv": "curate.formats.csv_table",
}
# The loss report stands in the folder; its name ends in nothing that a loader would pick up.
EXPORT_MARKER = ".curate-export"
# Formats that hold the outlines of polygons and masks, so that these are no loss there.
_HOLDS_OUTLINES = {"coco"}


@dataclass(frozen=True)
class ReadOptions:
    """How a source is to be read.

    `format` is a name of `READERS`, or `makesense-<kind>` for exports that look alike (None:
    told by content). `images` is the folder of the pictures, `size_wh` the size in px of every
    image whose size is not known, `classes` names numbered classes in order, `truth` is the
    annotation file of a results file, `class_ids` says what a results file's class ids are: the
    annotation file's own, or the index into its categories.
    """

    name: str | None = None
    format: str | None = None
    images: Path | None = None
    size_wh: tuple[int, int] | None = None
    classes: tuple[str, ...] | None = None
    truth: Path | None = None
    class_ids: str = "own"
    max_pixels: int | None = None


def read(path: Path | str, options: ReadOptions | None = None) -> Dataset:
    """The dataset of a source: a dataset folder, or a file, folder or zip that a reader takes.

    A bad record is a row of `dataset.findings`; the rest loads.

    Raises
    ------
    SourceError
        When the path cannot be opened or nothing there can be read.
    FormatError
        When no reader, or more than one, fits.
    """
    options = options or ReadOptions()
    pictures = _pictures(options)
    return _with_pictures(_read_labels(Path(path), options, pictures), options, pictures)


def _read_labels(path: Path, options: ReadOptions, pictures: Pictures | None) -> Dataset:
    """As `read`, but the pictures only give the sizes that the labels lack."""
    if is_dataset_folder(path):
        return load(path)
    tree = open_tree(path)
    name, names = _chosen(tree, path, options)
    reader = READERS[name]
    told = _options(options, name, pictures)
    gathered: Gathered = getattr(reader.load(), reader.gather)(tree, names, told)
    _refuse_nothing(gathered, path)
    own_name = source_name(path, options.name)
    image_source = own_name
    if name == "coco-results" and options.truth is not None:
        image_source = source_name(options.truth, None)
    record = _record(name, told, own_name, image_source)
    dataset = replace(assemble(image_source, gathered, options=record), name=own_name)
    return _with_size(dataset, options)


def read_all(paths: Sequence[Path], options: ReadOptions | None = None) -> Dataset:
    """One dataset of several sources; results files predict over the one annotation file given.

    Raises
    ------
    UsageError
        When sources have equal names, or a results file could belong to several.
    """
    options = options or ReadOptions()
    if len(paths) == 1:
        return read(paths[0], options)
    if options.name is not None and len(set(map(str, paths))) != len(paths):
        raise UsageError("a source is given twice", mend="give it once")
    kinds = {path: _format_of(path, options) for path in paths}
    truths = [path for path in paths if kinds[path] == "coco"]
    parts = []
    pictures = _pictures(options)
    for path in paths:
        own = replace(options, name=None)
        if kinds[path] == "coco-results" and options.truth is None and len(truths) == 1:
            own = replace(own, truth=truths[0])
        parts.append(_read_labels(path, own, pictures))
    name = options.name or "+".join(part.name for part in parts)
    # Joined once: a picture of one source is no orphan of another.
    return _with_pictures(combine(name, parts), options, pictures)


def _format_of(path: Path, options: ReadOptions) -> str:
    if is_dataset_folder(path):
        return "dataset"
    return _chosen(open_tree(path), path, options)[0]


def recognise(files: Files) -> dict[str, list[str]]:
    """The label files that each reader would take, by reader; those that take none are left out."""
    taken = {}
    for name, reader in READERS.items():
        claimed = getattr(reader.load(), reader.claims)(files)
        if claimed:
            taken[name] = claimed
    return taken


def _chosen(tree: Tree, path: Path, options: ReadOptions) -> tuple[str, list[str]]:
    """The reader's name and the files it is to read."""
    if options.format is not None:
        return _forced(tree, path, options.format)
    if tree.kind == "zip" and not tree.files:
        # Make Sense exports an archive without members when nothing is annotated.
        return "makesense", []
    taken = recognise(tree)
    place = Place(str(path))
    is_empty = not any(tree.files.values())
    # Only Make Sense writes files of 0 bytes on purpose: nothing was annotated.
    if not taken or (is_empty and "makesense" not in taken):
        what = "is empty" if is_empty else "is of no format that is known"
        raise FormatError(
            f"{what} ({_listing(list(tree.files))})",
            place=place,
            mend="give the path of the zip itself"
            if tree.kind == "folder" and any(name.lower().endswith(".zip") for name in tree.files)
            else f"name its format with --from: {', '.join(READERS)}",
        )
    kinds = _kinds(tree, taken)
    if len(kinds) > 1:
        found = "; ".join(f"{kind} ({_listing(names)})" for kind, names in kinds.items())
        raise FormatError(
            f"holds {len(kinds)} formats: {found}",
            place=place,
            mend="choose one with --from, or give the path of one of them",
        )
    return next(iter(taken.items()))


def _kinds(tree: Tree, taken: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The files by what they are, exports of one tool that repeat each other told apart."""
    kinds: dict[str, list[str]] = {}
    for name, files in taken.items():
        kind_of = getattr(READERS[name].load(), "kind_of", None)
        for file in files:
            kind = kind_of(tree, file) if kind_of else None
            kinds.setdefault(f"{name}-{kind}" if kind else name, []).append(file)
    return kinds


def _forced(tree: Tree, path: Path, wanted: str) -> tuple[str, list[str]]:
    name, _, kind = wanted.partition("-") if wanted not in READERS else (wanted, "", "")
    if name not in READERS:
        raise _no_format(wanted, list(READERS))
    reader = READERS[name]
    module = reader.load()
    kinds = getattr(module, "KINDS", ())
    if kind and kind not in kinds:
        raise _no_format(wanted, [name, *(f"{name}-{k}" for k in kinds)])
    claimed = getattr(module, reader.claims)(tree)
    kind_of = getattr(module, "kind_of", None)
    if kind and kind_of:
        # Files that the reader cannot tell apart by itself are of the kind that was named.
        claimed = [f for f in claimed if kind_of(tree, f) in (None, kind)]
    if not claimed:
        claimed = list(tree.files) if tree.kind == "file" else []
    if not claimed:
        raise FormatError(
            f"no file in it can be read as {wanted} ({_listing(list(tree.files))})",
            place=Place(str(path)),
            mend="leave out --from, or give another path",
        )
    return name, claimed


def _no_format(wanted: str, legal: list[str]) -> UsageError:
    near = difflib.get_close_matches(wanted, legal, n=1)
    return UsageError(
        f"--from {quote(wanted)} is no format, should be one of {', '.join(legal)}",
        mend=f"did you mean {near[0]!r}?" if near else "leave out --from: content tells it",
    )


def _listing(files: Sequence[str]) -> str:
    shown = ", ".join(files[:3])
    return f"{shown}, … {len(files)} files" if len(files) > 3 else shown or "no files"


def _options(options: ReadOptions, name: str, pictures: Pictures | None) -> Options:
    truth = None
    if options.truth is not None and name == "coco-results":
        tree = open_tree(options.truth)
        if tree.kind != "file":
            raise UsageError(
                "is not a file", place=Place(str(options.truth)), mend="name one annotation file"
            )
        file = next(iter(tree.files))
        truth = (file, tree.read(file))
    kind = None
    if options.format and options.format not in READERS:
        kind = options.format.partition("-")[2]
    return Options(
        classes=options.classes,
        size_wh=options.size_wh,
        pictures=pictures,
        truth=truth,
        kind=kind,
        class_ids="index" if options.class_ids == "index" else "own",
    )


def _pictures(options: ReadOptions) -> Pictures | None:
    if options.images is None:
        return None
    from curate.images import open_pictures

    limit = {} if options.max_pixels is None else {"max_pixels": options.max_pixels}
    return open_pictures(options.images, **limit)


def _with_pictures(dataset: Dataset, options: ReadOptions, pictures: Pictures | None) -> Dataset:
    if pictures is None:
        return dataset
    from curate.formats.pictures import join_pictures

    root = Path(str(options.images)).absolute()
    return replace(join_pictures(dataset, pictures), images_root=root)


def _with_size(dataset: Dataset, options: ReadOptions) -> Dataset:
    if options.size_wh is None or not dataset.images["width"].isna().any():
        return dataset
    images = dataset.images.copy()
    unknown = images["width"].isna() | images["height"].isna()
    images.loc[unknown, ["width", "height"]] = options.size_wh
    return dataset.with_tables(images=images)


def _refuse_nothing(gathered: Gathered, path: Path) -> None:
    if gathered.n_images or gathered.n_boxes:
        return
    broken = [fault for fault in gathered.faults if fault.code == "SRC-002"]
    if broken:
        raise SourceError(
            broken[0].message, place=Place(broken[0].file, broken[0].line), mend=broken[0].mend
        )


def _record(name: str, told: Options, own_name: str, image_source: str) -> dict[str, Any]:
    """What is needed to read the kept bytes once more in the same way, as JSON values."""
    return {
        "parts": [
            {
                "name": own_name,
                "image_source": image_source,
                "format": name,
                "prefix": "",
                "classes": None if told.classes is None else list(told.classes),
                "size_wh": None if told.size_wh is None else list(told.size_wh),
                "kind": told.kind,
                "class_ids": told.class_ids,
                "truth": None if told.truth is None else told.truth[0],
            }
        ]
    }


def read_again(dataset: Dataset) -> Dataset:
    """The dataset as its kept source bytes say, before any change of the tables.

    Pictures are not joined again: columns that come from them are null.
    """
    kept = KeptFiles(dataset.sources)
    parts = []
    for part in dataset.options["parts"]:
        files = part_of(kept, part["prefix"])
        formats = {
            f.removeprefix(part["prefix"]): kind
            for f, kind in dataset.formats.items()
            if f.startswith(part["prefix"])
        }
        truth = part["truth"]
        told = Options(
            classes=None if part["classes"] is None else tuple(part["classes"]),
            size_wh=None if part["size_wh"] is None else tuple(part["size_wh"]),
            truth=None if truth is None else (truth, files.read(truth)),
            kind=part["kind"],
            class_ids=part["class_ids"],
        )
        reader = _reader(part["format"])
        names = [f for f, kind in formats.items() if kind == part["format"]]
        gathered = getattr(reader.load(), reader.gather)(files, names, told)
        one = assemble(part["image_source"], gathered, options={"parts": [part | {"prefix": ""}]})
        parts.append(replace(one, name=part["name"]))
    prefixes = [part["prefix"] for part in dataset.options["parts"]]
    return joined(dataset.name, parts, prefixes) if any(prefixes) else parts[0]


def _reader(name: str) -> Reader:
    if name not in READERS:
        raise FormatError(
            f"{quote(name)} is no reader of this version", mend="use the version that wrote it"
        )
    return READERS[name]


def derived(dataset: Dataset) -> pd.DataFrame | None:
    """Measures of masks and keypoints, one row per box; None when no record can have any.

    Columns: mask_area (px^2), mask_x1 .. mask_y2, kp_x1 .. kp_y2 (px); NaN where there is none.
    """
    files = [file for file, kind in dataset.formats.items() if kind.startswith("coco")]
    if not files:
        return None
    table: pd.DataFrame = READERS["coco"].load().derive(dataset, files)
    return table


def write(dataset: Dataset, target: str, folder: Path, *, force: bool = False) -> LossReport:
    """Writes a dataset in another format into a folder, whole or not at all.

    Records that are already in that format and unchanged are written byte for byte.

    Raises
    ------
    UsageError
        For a target that has no writer.
    OutputError
        When the folder exists and is not empty, or cannot be written.
    """
    if target not in WRITERS:
        raise UsageError(
            f"--to {quote(target)} has no writer, should be one of {', '.join(WRITERS)}",
            mend="choose one of them",
        )
    module = importlib.import_module(WRITERS[target])
    original = read_again(dataset) if _is_kept(dataset, target) else None
    refuse_overwrite(folder, force=force, marker=EXPORT_MARKER)
    with new_folder(folder) as part:
        if target == "coco":
            outlines = {} if original is not None else _outlines(dataset)
            report: LossReport = module.write(dataset, part, original, outlines)
        else:
            report = module.write(dataset, part, original)
        if original is None:
            extra = _extra_losses(dataset, target, report.losses)
            report = replace(report, losses=(*report.losses, *extra))
        _write_report(report, part)
    return report


def _is_kept(dataset: Dataset, target: str) -> bool:
    kinds = set(dataset.formats.values())
    own = {"coco": {"coco", "coco-results"}}.get(target, {target})
    return bool(kinds) and kinds <= own


def _outlines(dataset: Dataset) -> dict[int, Any]:
    outlines: dict[int, Any] = {}  # COCO segmentations
    for name in sorted({part["format"] for part in dataset.options.get("parts", [])}):
        own = getattr(_reader(name).load(), "outlines", None)
        if own is not None:
            outlines |= own(dataset)
    return outlines


def _extra_losses(dataset: Dataset, target: str, known: Sequence[Loss]) -> list[Loss]:
    """What the source's records hold beside the tables, without what the writer counted itself."""
    counts: Counter[str] = Counter()
    for module in sorted({_reader(name).module for name in dataset.formats.values()}):
        own: Counter[str] = importlib.import_module(module).extras(dataset)
        counts.update(own)
    counted = target in _HOLDS_OUTLINES or any(loss.field.endswith("outline") for loss in known)
    held = {"outline", "annotation.segmentation"} if counted else set()
    return [
        Loss(field, count, f"only in the kept bytes of the source; {target} was made from columns")
        for field, count in sorted(counts.items())
        if field not in held
    ]


def _write_report(report: LossReport, folder: Path) -> None:
    text = json.dumps(report.to_json(), indent=1, ensure_ascii=False)
    (folder / EXPORT_MARKER).write_text(text + "\n", encoding="utf-8")
