"""Reading and writing labels: which reader takes what, and the way from a path to a dataset.

`READERS` and `WRITERS` are plain dicts from a format's name to its module's functions; modules
load when they are used.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from curate.assembly import Gathered, assemble, source_name
from curate.dataset import (
    Dataset,
    Findings,
    is_dataset_folder,
    load,
    refuse_loose_rows,
)
from curate.errors import Place, SourceError, UsageError, quote
from curate.folders import new_folder, refuse_overwrite, refuse_source
from curate.formats.combining import combine, joined, part_of, refuse_same_names
from curate.formats.exporting import (
    EXPORT,
    EXPORT_MARKER,
    is_kept,
    outlines,
    refuse_kind,
    write_report,
    written,
)
from curate.formats.ignored import IgnoredAs, treated, write_beside
from curate.formats.image_names import names_below_source
from curate.formats.options import DATASET, ReadOptions, refuse_idle, told_together
from curate.formats.reading import KeptFiles, Options, how_read, one_or_all, truth_files
from curate.formats.recognition import READERS, chosen, named, reader, recognise
from curate.formats.skipped import not_followed, skipped
from curate.formats.writing import Loss, LossReport
from curate.sources import Body
from curate.tree import Tree, open_tree

if TYPE_CHECKING:
    # Only named here: the picture library loads when pictures are asked for.
    from curate.images import Pictures

__all__ = [
    "EXPORT_MARKER",
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


WRITERS: dict[str, str] = {
    "coco": "curate.formats.coco.writer",
    "voc": "curate.formats.voc",
    "kitti": "curate.formats.kitti",
    "kitti-tracking": "curate.formats.kitti_tracking",
    "yolo": "curate.formats.yolo",
    "mot": "curate.formats.mot",
    "label-studio": "curate.formats.label_studio",
    "cvat": "curate.formats.cvat",
    "crowdhuman": "curate.formats.crowdhuman",
    "caltech": "curate.formats.caltech",
    "eurocity": "curate.formats.eurocity",
    "citypersons": "curate.formats.citypersons",
    "open-images": "curate.formats.open_images",
    "text-dets": "curate.formats.text_dets",
    "csv": "curate.formats.csv_table",
}


def read(
    source: Path | str | Sequence[Path | str],
    options: ReadOptions | None = None,
    *,
    images: Path | str | None = None,
) -> Dataset:
    """The dataset of a source: a dataset folder, or a file, folder or zip that a reader takes.

    A bad record is a row of `dataset.findings`; the rest loads.

    Parameters
    ----------
    source
        A path; or several, for one dataset of all of them: results files then predict over the
        one annotation file among them.
    options
        How to read it.
    images
        Folder of the pictures: short for that option.

    Raises
    ------
    SourceError
        When the path cannot be opened or nothing there can be read.
    FormatError
        When no reader, or more than one, fits.
    UsageError
        For an option that nothing in the source heeds.
    """
    options = options or ReadOptions()
    if images is not None:
        options = replace(options, images=Path(images))
    if not isinstance(source, Path | str):
        return read_all([Path(path) for path in source], options)
    found = _source(Path(source), options)
    refuse_idle([(options, found.format)])
    pictures = _pictures(options)
    return _with_pictures(_read_labels(found, options, pictures), options, pictures)


@dataclass(frozen=True)
class _Source:
    """A path and what is to be read there: its reader's name (or `dataset`), and the files."""

    path: Path
    format: str
    tree: Tree | None = None
    names: Sequence[str] = ()


def _source(path: Path, options: ReadOptions) -> _Source:
    if is_dataset_folder(path):
        return _Source(path, DATASET)
    tree = open_tree(path)
    name, names = chosen(tree, path, options.format, has_truth=options.truth is not None)
    return _Source(path, name, tree, names)


def _read_labels(source: _Source, options: ReadOptions, pictures: Pictures | None) -> Dataset:
    """As `read`, but the pictures only give the sizes that the labels lack."""
    path, name, names = source.path, source.format, source.names
    if source.tree is None:
        return _stored(path, options)
    taker = READERS[name]
    told = _options(options, name, names, pictures)
    gathered: Gathered = getattr(taker.load(), taker.gather)(source.tree, names, told)
    _refuse_unread(gathered, names)
    gathered.faults += skipped(source.tree.files, names, gathered.files)
    gathered.faults += not_followed(source.tree.left_out)
    own_name = source_name(path, options.name)
    image_source = own_name
    if name == "coco-results" and options.truth is not None:
        image_source = source_name(options.truth, options.truth_name)
    record = how_read(name, told, own_name, image_source)
    dataset = replace(assemble(image_source, gathered, options=record), name=own_name)
    return _with_size(dataset, options.size_wh)


def _stored(path: Path, options: ReadOptions) -> Dataset:
    """A dataset folder; what only a reader of labels could heed is refused."""
    given = {
        "--from": options.format,
        "--size": options.size_wh,
        "--classes": options.classes,
        "--truth": options.truth,
        "--class-ids": None if options.class_ids == "own" else options.class_ids,
    }
    idle = [option for option, value in given.items() if value is not None]
    if idle:
        raise UsageError(
            f"is a dataset folder, which {' and '.join(idle)} cannot change",
            place=Place(str(path)),
            mend="give the labels themselves, or leave these options out",
        )
    dataset = load(path)
    return dataset if options.name is None else replace(dataset, name=options.name)


def read_all(
    paths: Sequence[Path],
    options: ReadOptions | Sequence[ReadOptions] | None = None,
    *,
    name: str | None = None,
) -> Dataset:
    """One dataset of several sources; results files predict over the one annotation file given.

    Parameters
    ----------
    paths
        The sources.
    options
        How to read all of them, with the name of the whole; or each by its own.
    name
        Name of the whole, where each has options of its own.

    Raises
    ------
    UsageError
        When sources have equal names, a results file could belong to several, or nothing in any
        source heeds an option.
    """
    if not paths:
        raise UsageError("no source is given", mend="name a file, folder or zip")
    if options is None or isinstance(options, ReadOptions):
        shared = options or ReadOptions()
        name = name or shared.name
        options = [shared if len(paths) == 1 else replace(shared, name=None)] * len(paths)
    if len(paths) == 1:
        return read(paths[0], replace(options[0], name=name or options[0].name))
    if name is not None and len(set(map(str, paths))) != len(paths):
        raise UsageError("a source is given twice", mend="give it once")
    sources = [_source(path, own) for path, own in zip(paths, options, strict=True)]
    told = [(own, source.format) for own, source in zip(options, sources, strict=True)]
    refuse_idle(told)
    return _joined(sources, told_together(paths, told), name)


def _joined(
    sources: Sequence[_Source], options: Sequence[ReadOptions], name: str | None
) -> Dataset:
    """One dataset of sources, each joined with its pictures.

    Sources of one folder of pictures are joined with it at once: a picture of one of them is no
    orphan of another.
    """
    opened: dict[Hashable, tuple[ReadOptions, Pictures | None]] = {}
    groups: dict[Hashable, list[Dataset]] = {}
    names = []
    for source, own in zip(sources, options, strict=True):
        place = (own.images, own.max_pixels)
        if place not in opened:
            opened[place] = (own, _pictures(own))
        part = _read_labels(source, own, opened[place][1])
        groups.setdefault(place, []).append(part)
        names.append(part.name)
    refuse_same_names(names)
    whole = name or "+".join(names)
    parts = [
        _with_pictures(combine(whole, group), *opened[place]) for place, group in groups.items()
    ]
    return parts[0] if len(parts) == 1 else joined(whole, parts, [""] * len(parts))


def _options(
    options: ReadOptions, name: str, names: Sequence[str], pictures: Pictures | None
) -> Options:
    truth = None
    if options.truth is not None and name == "coco-results":
        truth = _truth(options.truth, names)
    kind = None
    if options.format and options.format not in READERS:
        kind = named(options.format)[1]
    return Options(
        classes=options.classes,
        size_wh=options.size_wh,
        pictures=pictures,
        truth=truth,
        kind=kind,
        class_ids="index" if options.class_ids == "index" else "own",
    )


def _truth(path: Path, results: Sequence[str]) -> tuple[tuple[str, Body], ...]:
    """The COCO annotation files of a path, under names that no results file has."""
    tree = open_tree(path)
    is_one = tree.kind == "file"
    files = list(tree.files) if is_one else READERS["coco"].load().claims(tree)
    if not files:
        raise UsageError(
            "holds no COCO annotation file",
            place=Place(str(path)),
            mend="name the annotation file that the results were made over",
        )
    return tuple((f"truth/{f}" if f in results else f, tree.body(f)) for f in files)


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


def _with_size(dataset: Dataset, size_wh: tuple[int, int] | None) -> Dataset:
    """The dataset with this size in px for each side that is not known."""
    if size_wh is None:
        return dataset
    width, height = size_wh
    images = dataset.images.fillna({"width": width, "height": height})
    return dataset.with_tables(images=images)


def _refuse_unread(gathered: Gathered, names: Sequence[str]) -> None:
    """Refuses a source of which nothing could be read: a lone label file, or all there are.

    Raises
    ------
    SourceError
        With the place and the mend of the first fault.
    """
    broken = [fault for fault in gathered.faults if fault.code == "SRC-002"]
    is_nothing = not gathered.n_images and not gathered.n_boxes
    if len(names) == 1 and not gathered.n_boxes:
        # What else there is stands for the file itself: its image, or those of the truth.
        is_nothing = any(fault.file == names[0] for fault in broken)
    if broken and is_nothing:
        raise SourceError(
            broken[0].message, place=Place(broken[0].file, broken[0].line), mend=broken[0].mend
        )


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
        truth = truth_files(part)
        own = [file.removeprefix(part["prefix"]) for file in truth]
        told = Options(
            classes=None if part["classes"] is None else tuple(part["classes"]),
            size_wh=None if part["size_wh"] is None else tuple(part["size_wh"]),
            truth=tuple(zip(own, map(kept.body, truth), strict=True)) or None,
            kind=part["kind"],
            class_ids=part["class_ids"],
            known_sizes=_known_sizes(dataset, part["image_source"]),
        )
        taker = reader(part["format"])
        names = [f for f, kind in formats.items() if kind == part["format"]]
        gathered = getattr(taker.load(), taker.gather)(files, names, told)
        one = assemble(part["image_source"], gathered, options=_alone(part, one_or_all(own)))
        parts.append(_with_size(replace(one, name=part["name"]), told.size_wh))
    prefixes = [part["prefix"] for part in dataset.options["parts"]]
    return joined(dataset.name, parts, prefixes) if any(prefixes) else parts[0]


def _known_sizes(dataset: Dataset, source: str) -> dict[str, tuple[int, int]]:
    """The sizes in px of a source's images, by name: normalised labels do not state them."""
    images = dataset.images[dataset.images["source"] == source].dropna(subset=["width", "height"])
    sizes = zip(images["width"].astype(int), images["height"].astype(int), strict=True)
    return dict(zip(names_below_source(images), sizes, strict=True))


def _alone(part: Mapping[str, Any], truth: str | list[str] | None) -> dict[str, Any]:
    """The options of one part, as of a dataset of its own."""
    return {"parts": [{**part, "prefix": "", "truth": truth}]}


def derived(dataset: Dataset) -> pd.DataFrame | None:
    """Measures of masks and keypoints, one row per box; None when no record can have any.

    Columns: mask_area (px^2), mask_x1 .. mask_y2, kp_x1 .. kp_y2 (px); NaN where there is none.
    """
    files = [file for file, kind in dataset.formats.items() if kind.startswith("coco")]
    if not files:
        return None
    table: pd.DataFrame = READERS["coco"].load().derive(dataset, files)
    return table


def write(
    dataset: Dataset,
    target: str,
    folder: Path | str,
    *,
    force: bool = False,
    dry_run: bool = False,
    ignored: str | None = None,
    kind: str | None = None,
) -> LossReport:
    """Writes a dataset in another format into a folder, whole or not at all.

    Records that are already in that format and unchanged are written byte for byte. `force`
    replaces an earlier export; with `dry_run` only the report is made.

    Parameters
    ----------
    ignored
        What is done with ignored objects where the target has no word for them (YOLO leaves them
        out): `keep-out` leaves them out, `list` leaves them out and lists them in `ignored.csv`,
        `drop-image` leaves out their images, `paint` copies the joined pictures with what is
        ignored painted grey. None: such a target is refused when there are any.
    kind
        What all rows of YOLO are made: `detect`, `segment`, `pose` or `obb`. They are then made
        from the columns, of YOLO's own files too. None: as they fit.

    Raises
    ------
    UsageError
        For a target that has no writer; where `ignored` has to be said, or says nothing to the
        target; for a kind that the target or the labels do not have.
    SourceError
        When a picture cannot be copied or painted.
    OutputError
        When the folder exists and is not empty, lies where the pictures are, or cannot be written;
        and when the target can hold no image and no box of those that are there.
    TableError
        When an id stands twice, or boxes lie on images that are not there.
    """
    folder = Path(folder)
    if target not in WRITERS:
        raise UsageError(
            f"--to {quote(target)} has no writer, should be one of {', '.join(WRITERS)}",
            mend="choose one of them",
        )
    module = importlib.import_module(WRITERS[target])
    refuse_loose_rows(dataset)
    refuse_kind(kind, target, module)
    refuse_overwrite(folder, EXPORT, force=force)
    kept_as: IgnoredAs = getattr(module, "IGNORED_AS", "ignored")
    done = treated(dataset, target, kept_as, ignored, lambda: outlines(dataset))
    if done.has_pictures:
        refuse_source(folder, [dataset.images_root])
    original = read_again(dataset) if kind is None and is_kept(dataset, target) else None
    told = (target, kind)
    if dry_run:
        with tempfile.TemporaryDirectory() as part:
            report = written(module, done.dataset, told, Path(part), original)
            report = write_beside(report, done, (Path(part), original), module, dry_run=True)
            return _by_definitions(report, dataset)
    with new_folder(folder) as part:
        report = written(module, done.dataset, told, part, original)
        report = write_beside(report, done, (part, original), module, dry_run=False)
        report = _by_definitions(report, dataset)
        write_report(report, part)
    return report


def _by_definitions(report: LossReport, dataset: Dataset) -> LossReport:
    return replace(report, definitions=tuple(dataset.options.get("definitions", ())))
