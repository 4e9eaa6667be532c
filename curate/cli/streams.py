"""`-` on the command line: a file from stdin, a file to stdout."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import typer

from curate.errors import CurateError, Place, SourceError, UsageError, quote

if TYPE_CHECKING:
    from curate.dataset import Dataset
    from curate.formats import LossReport

DASH = "-"
STDIN = "stdin"
# Formats that can be one file.
SINGLE_FILE = ("coco", "csv")
COPY_BYTES = 1 << 20
_USED = "curate.stdin"


def is_dash(path: Path | str | None) -> bool:
    """Whether a word of the command line means stdin or stdout."""
    return str(path) == DASH


def is_path(path: Path) -> bool:
    """Whether a word of the command line names a file or folder."""
    return not is_dash(path)


def taken(context: typer.Context, path: Path) -> Path:
    """The path itself; for `-` a file with what stdin holds, there until the command ends.

    It is called `stdin` with the ending that its first bytes suggest: readers know files by it.

    Raises
    ------
    UsageError
        When `-` is given a second time.
    SourceError
        When stdin cannot be read, or is larger than a member of a zip may be.
    """
    if not is_dash(path):
        return path
    if context.meta.get(_USED):
        raise UsageError("- is given twice, and stdin is one file", mend="name the other file")
    context.meta[_USED] = True
    return context.with_resource(_stdin_file())


@contextmanager
def _stdin_file() -> Iterator[Path]:
    # Windows does not remove a file that is still mapped.
    with tempfile.TemporaryDirectory(prefix="curate-", ignore_cleanup_errors=True) as folder:
        whole = Path(folder) / STDIN
        try:
            _copy(_stdin(), whole)
            path = whole.with_suffix(_ending(whole))
            whole.rename(path)
        except OSError as error:
            raise SourceError(
                f"cannot be read: {error.strerror or error}",
                place=Place(STDIN),
                mend="give a file, or pipe one in",
            ) from error
        try:
            yield path
        except CurateError as error:
            if error.place is not None and error.place.file == str(path):
                error.place = replace(error.place, file=STDIN)
            raise


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise SourceError("is closed", place=Place(STDIN), mend="give a file, or pipe one in")
    return sys.stdin.buffer


def _copy(stream: BinaryIO, path: Path) -> None:
    from curate.tree import MAX_ZIP_MEMBER_BYTES

    size = 0
    with path.open("wb") as out:
        while chunk := stream.read(COPY_BYTES):
            size += len(chunk)
            if size > MAX_ZIP_MEMBER_BYTES:
                raise SourceError(
                    f"holds more than {MAX_ZIP_MEMBER_BYTES} bytes",
                    place=Place(STDIN),
                    mend="save it as a file and give that",
                )
            out.write(chunk)


def _ending(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(1 << 12)
    text = head.decode("utf-8-sig", "replace").lstrip()
    known = {"{": ".json", "[": ".json", "<": ".xml"}.get(text[:1])
    # Tables have commas; the lines of KITTI and YOLO are parted by spaces.
    return known or (".csv" if "," in text.partition("\n")[0] else ".txt")


def refuse_unstreamed(to: str) -> None:
    """Refuses `-o -` for a format that is a folder of files.

    Raises
    ------
    UsageError
        Naming the formats that are one file.
    """
    if to not in SINGLE_FILE:
        raise UsageError(
            f"-o - takes formats of one file ({', '.join(SINGLE_FILE)}), not {quote(to)}",
            mend="give a folder with -o",
        )


def write_stdout(dataset: Dataset, to: str, *, dry_run: bool) -> LossReport:
    """Writes a dataset as one file to stdout; returns the loss report.

    Raises
    ------
    UsageError
        When it is more than one file, as labels and predictions of COCO are.
    """
    from curate.formats import EXPORT_MARKER, write

    with tempfile.TemporaryDirectory(prefix="curate-") as folder:
        target = Path(folder) / "export"
        report = write(dataset, to, target, dry_run=dry_run)
        written = [p for p in sorted(target.rglob("*")) if p.name != EXPORT_MARKER and p.is_file()]
        n_files = report.files if dry_run else len(written)
        if n_files > 1:
            raise UsageError(
                f"-o - takes one file, and this makes {n_files}", mend="give a folder with -o"
            )
        for path in written:
            with path.open("rb") as stream:
                shutil.copyfileobj(stream, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return report
