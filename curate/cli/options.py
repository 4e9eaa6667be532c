"""Options that several commands share, and what they make of them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curate.cli import streams
from curate.errors import Place, UsageError, quote

if TYPE_CHECKING:
    from curate.formats import ReadOptions

MAX_PIXELS_HELP = "Refuse pictures of more pixels than this (default 400 million)."


class Level(StrEnum):
    """Levels of findings, for --fail-on."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


class ClassIds(StrEnum):
    """What the class ids of a results file are."""

    OWN = "own"
    INDEX = "index"


FORMATS_HELP = (
    "Format of the source; told by content otherwise. One of coco, coco-results, voc, kitti, "
    "kitti-tracking, mot, yolo, label-studio, cvat, open-images, crowdhuman, citypersons, "
    "eurocity, caltech, caltech-vbb, text-dets, csv, makesense; or, where a format looks alike in "
    "several kinds, its name and the kind: yolo-detect, -segment, -pose, -obb; text-dets-xywh, "
    "-xyxy, -rel-xywh, -frustum; csv-xyxy, -xywh, -cxcywh; mot-zero-based; makesense-rect, -line, "
    "-points, -tags, -rect-yolo, -rect-voc, -rect-csv, -point-csv, -line-csv, -vgg, -tag-csv, "
    "-tag-json."
)

_SOURCE_HELP = (
    "Dataset folder; file, folder or zip of labels; - for stdin; or a name in curate.yaml"
)
Source = Annotated[
    str | None, typer.Argument(help=f"{_SOURCE_HELP}, whose only source is taken otherwise.")
]
Sources = Annotated[
    list[str] | None,
    typer.Argument(help=f"One or more: {_SOURCE_HELP}, whose only source is taken otherwise."),
]
From = Annotated[str | None, typer.Option("--from", metavar="FORMAT", help=FORMATS_HELP)]
Name = Annotated[
    str | None, typer.Option(help="Name of the source; the file's or folder's own otherwise.")
]
Images = Annotated[Path | None, typer.Option(help="Folder of the pictures.")]
Size = Annotated[str | None, typer.Option(help="Size in px, WxH, of images without a known size.")]
Classes = Annotated[
    Path | None,
    typer.Option(help="Text file naming numbered classes, one per line, from 0; - for stdin."),
]
Truth = Annotated[
    Path | None,
    typer.Option(help="COCO annotations (file, folder, zip) of a results file; - for stdin."),
]
ClassIdsOption = Annotated[
    ClassIds | None,
    typer.Option(
        "--class-ids",
        help="Class ids of a results file: own, those of its annotation file (default), or index, "
        "their places in its list of categories, from 0.",
    ),
]
MaxPixels = Annotated[int | None, typer.Option(help=MAX_PIXELS_HELP)]
Definitions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DEFINITION",
        help="Definition that holds beside the checks: a file, or a shipped one such as person; "
        "may be repeated.",
    ),
]
Vocabulary = Annotated[
    str | None,
    typer.Option(
        help="Vocabulary of the definitions' mapping; otherwise the one that knows most classes."
    ),
]
DEFINITION = typer.Argument(
    metavar="DEFINITION",
    help="Path of a definition file, or the id of one that comes with curate: person, head, ...",
)
FailOn = Annotated[
    Level | None, typer.Option(help="Exit with 1 from this level on (default error).")
]
Force = Annotated[bool, typer.Option("--force", help="Replace what curate wrote before.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do all but write.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


def read_options(  # one parameter per option of the command line
    context: typer.Context,
    *,
    name: str | None,
    from_: str | None,
    images: Path | None,
    size: str | None,
    classes: Path | None = None,
    truth: Path | None = None,
    class_ids: ClassIds | None = None,
    max_pixels: int | None = None,
    size_option: str = "--size",
) -> ReadOptions:
    """The options as the library takes them; a class list or annotation file of `-` is stdin.

    Raises
    ------
    UsageError
        For a size that is not WxH, or an unreadable class list.
    SourceError
        For a stdin that cannot be read.
    """
    from curate.formats import ReadOptions

    return ReadOptions(
        name=name,
        format=from_,
        images=images,
        size_wh=None if size is None else parse_size(size, size_option),
        classes=None if classes is None else read_classes(streams.taken(context, classes)),
        truth=None if truth is None else streams.taken(context, truth),
        class_ids=None if class_ids is None else class_ids.value,
        max_pixels=max_pixels,
    )


def parse_size(text: str, option: str = "--size") -> tuple[int, int]:
    """Width and height in px of a text such as 1920x1080."""
    width, cross, height = text.lower().partition("x")
    if cross and width.isdecimal() and height.isdecimal() and int(width) and int(height):
        return int(width), int(height)
    raise UsageError(
        f"{option} is {quote(text)}, should be width x height in px", mend="write it as 1920x1080"
    )


def read_classes(path: Path) -> tuple[str, ...]:
    """The class names of a text file, one per line; blank lines at its end do not count."""
    place = Place(str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("is not UTF-8 text", place=place, mend="save it as UTF-8") from error
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", place=place, mend="check --classes"
        ) from error
    names = tuple(line.strip() for line in text.rstrip().splitlines())
    if not names or "" in names:
        raise UsageError(
            "a line without a class name, should hold one name per line",
            place=place,
            mend="remove blank lines: the line's number is the class id",
        )
    return names


def touched(sources: Iterable[tuple[Path, ReadOptions]]) -> list[Path | None]:
    """All files and folders that sources are read from: no output may lie there."""
    return [
        path
        for source, told in sources
        for path in (None if streams.is_dash(source) else source, told.images, told.truth)
    ]
