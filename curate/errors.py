"""The exceptions that leave this package, and the place that each of them names.

CurateError
  SourceError      a source cannot be opened, is not safe to open, or holds nothing usable
    PictureError   one picture is missing, broken or too large; others may be well
  FormatError      no reader, or more than one, fits a source
  DatasetError     a dataset folder is broken or of another schema version
  TableError       a table breaks its contract (a fault of the program that built it)
  OutputError      a result cannot be written
  UsageError       options that clash, or a value that is not allowed
    ExpressionError  an expression of a definition cannot be read or has no sense

Wrong labels are findings (rows of a table), never exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass

QUOTE_CHARS = 80


@dataclass(frozen=True)
class Place:
    """Where something is: a file relative to its root, a line from 1, an id or JSON path."""

    file: str | None = None
    line: int | None = None
    id: str | None = None

    def __str__(self) -> str:
        text = self.file or ""
        if self.line is not None:
            text += f":{self.line}"
        if self.id is not None:
            text += f" [{self.id}]" if text else self.id
        return text


class CurateError(Exception):
    """Base of all errors: what is wrong, at which place, and the mend.

    Parameters
    ----------
    what
        What is, and what should be.
    place
        Where; None when the fault belongs to no place.
    mend
        What the reader of the message can do about it.
    """

    def __init__(self, what: str, *, place: Place | None = None, mend: str | None = None) -> None:
        self.what = what
        self.place = place
        self.mend = mend
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.place}: {self.what}" if self.place and str(self.place) else self.what
        return f"{text} - {self.mend}" if self.mend else text


class SourceError(CurateError):
    """Raised when a source cannot be opened, is unsafe to open, or holds nothing usable."""


class PictureError(SourceError):
    """Raised when one picture or video frame cannot be had: missing, broken, too large."""


class UnreachedError(PictureError):
    """Raised when the bytes of a picture cannot be had: at another time they perhaps can."""


class FormatError(CurateError):
    """Raised when no reader fits a source, or more than one does."""


class DatasetError(CurateError):
    """Raised when a dataset folder is broken or has another schema version."""


class TableError(CurateError):
    """Raised when a table breaks the contract of `curate.tables`."""


class OutputError(CurateError):
    """Raised when a result cannot be written."""


class UsageError(CurateError):
    """Raised for options that clash and values that are not allowed."""


class ExpressionError(UsageError):
    """Raised for an expression that cannot be read or has no sense.

    Parameters
    ----------
    what
        What is, and what should be.
    offset
        Where in the expression: characters from its start, from 0. The message counts columns
        from 1, as editors do.
    mend
        What the reader of the message can do about it.
    """

    def __init__(self, what: str, *, offset: int, mend: str | None = None) -> None:
        self.offset = offset
        super().__init__(f"column {offset + 1}: {what}", mend=mend)


def quote(value: object) -> str:
    """The value as it stands, in quotation marks, cut at 80 characters."""
    text = str(value)
    if len(text) > QUOTE_CHARS:
        text = text[: QUOTE_CHARS - 1] + "…"
    return repr(text)
