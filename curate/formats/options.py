"""How a source is to be read: the options of `curate.read`, and what is refused of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from curate.assembly import source_name
from curate.errors import UsageError, quote
from curate.tree import real_path

# What stands for a format's name where the source is a dataset folder.
DATASET = "dataset"

_NOT_IN_NAME = "/\\\0\r\n"
# Option: the formats that heed it, what it is for, and the mend.
_HEEDED = {
    "--truth": (
        {"coco-results"},
        "names the annotation file of a COCO results file, and no source is a results file",
        "leave it out, or give the results file",
    ),
    "--class-ids index": (
        {"coco-results"},
        "says how a COCO results file numbers its classes, and no source is a results file",
        "leave it out, or give the results file",
    ),
    "--classes": (
        {"makesense", "text-dets", "csv", "yolo"},
        "names the classes of labels that only number them (YOLO text), and no source has such",
        "leave it out: these labels name their classes themselves",
    ),
}


@dataclass(frozen=True)
class ReadOptions:
    """How a source is to be read.

    `format` is a name of `READERS`, or `makesense-<kind>` for exports that look alike (None:
    told by content). `images` is the folder of the pictures, `size_wh` the size in px of every
    image whose size is not known, `classes` names numbered classes in order, `truth` is the
    annotation file of a results file, or a folder or zip of such, and `truth_name` the name of
    that source, which begins the keys of its images (None: by the file), `class_ids` says what a
    results file's class ids are: `own`, the annotation file's (None too), or `index` into its
    categories. `name` begins every image key otherwise.

    Raises
    ------
    UsageError
        For a value that no source could be read with.
    """

    name: str | None = None
    format: str | None = None
    images: Path | None = None
    size_wh: tuple[int, int] | None = None
    classes: tuple[str, ...] | None = None
    truth: Path | None = None
    truth_name: str | None = None
    class_ids: str | None = None
    max_pixels: int | None = None

    def __post_init__(self) -> None:
        """Refuses values that are not allowed."""
        if self.name is not None and _is_bad_name(self.name):
            raise UsageError(
                f"--name is {quote(self.name)}, should be a word without slashes and line breaks:"
                " every image key begins with it",
                mend="choose another name, such as street-2024",
            )
        if self.size_wh is not None and (len(self.size_wh) != 2 or min(self.size_wh) < 1):
            raise UsageError(
                f"--size is {quote(self.size_wh)}, should be width and height in px, both above 0",
                mend="give the size of the images, such as 1920x1080",
            )
        if self.max_pixels is not None and self.max_pixels < 1:
            raise UsageError(
                f"--max-pixels is {self.max_pixels}, should be a number of pixels above 0",
                mend="leave it out: the limit is then 400 million",
            )
        if self.class_ids not in (None, "own", "index"):
            raise UsageError(
                f"--class-ids is {quote(self.class_ids)}, should be own or index",
                mend="choose one of them",
            )


def _is_bad_name(name: str) -> bool:
    return not name.strip(" .") or any(char in name for char in _NOT_IN_NAME)


def refuse_idle(told: Sequence[tuple[ReadOptions, str]]) -> None:
    """Refuses an option of sources, given with their formats, that none of them heeds.

    Sources that have one value of an option have been given it together: one heeds it for all.

    Raises
    ------
    UsageError
        Naming the option, what it is for, and the mend.
    """
    if {own for _, own in told} == {DATASET}:
        # Refused where the folder is loaded, with its path.
        return
    formats: dict[tuple[str, object], set[str]] = defaultdict(set)
    for options, own in told:
        given = {
            "--truth": options.truth,
            "--class-ids index": options.class_ids == "index" or None,
            "--classes": options.classes,
        }
        for option, value in given.items():
            if value is not None:
                formats[option, value].add(own)
    for (option, _), own_formats in formats.items():
        heeding, what, mend = _HEEDED[option]
        if not heeding & own_formats:
            raise UsageError(f"{option} {what}", mend=mend)


def heeding(name: str) -> dict[str, str]:
    """The options that a format heeds and not all do, and what each is for."""
    own = {option: what for option, (formats, what, _) in _HEEDED.items() if name in formats}
    return {option: what.partition(", and no source")[0] for option, what in own.items()}


def shared_out(told: Sequence[tuple[ReadOptions, str]]) -> list[ReadOptions]:
    """The options of sources that were given them together: each keeps what its format heeds.

    Raises
    ------
    UsageError
        For an option that none of them heeds.
    """
    refuse_idle(told)
    result = []
    for options, own in told:
        heeded = heeding(own)
        result.append(
            replace(
                options if own != DATASET else replace(options, size_wh=None),
                classes=options.classes if "--classes" in heeded else None,
                truth=options.truth if "--truth" in heeded else None,
                class_ids=options.class_ids if "--class-ids index" in heeded else None,
            )
        )
    return result


def told_together(
    paths: Sequence[Path], told: Sequence[tuple[ReadOptions, str]]
) -> list[ReadOptions]:
    """The options of sources, given with their formats, when they are read as one.

    A results file predicts over the one annotation file among them; one whose annotation file is
    among them has the name and the pictures of that. A dataset folder leaves to the labels what
    only these can heed.
    """
    truths = {
        real_path(path): (path, options)
        for path, (options, own) in zip(paths, told, strict=True)
        if own == "coco"
    }
    is_mixed = len({own == DATASET for _, own in told}) > 1
    result = []
    for given, own in told:
        options = given
        if own == "coco-results":
            if options.truth is None and len(truths) == 1:
                options = replace(options, truth=next(iter(truths)))
            if options.truth is not None and real_path(options.truth) in truths:
                path, truth = truths[real_path(options.truth)]
                name, images = source_name(path, truth.name), options.images or truth.images
                options = replace(options, truth_name=name, images=images)
        elif own == DATASET and is_mixed:
            options = _without_label_options(options)
        result.append(options)
    return result


def _without_label_options(options: ReadOptions) -> ReadOptions:
    """The options without those that only a reader of labels can heed."""
    return replace(
        options,
        format=None,
        size_wh=None,
        classes=None,
        truth=None,
        truth_name=None,
        class_ids=None,
    )
