"""Large CSV files with a header, column by column, with the line of what cannot be taken.

Form: RFC 4180, UTF-8, commas. The file is read in one go by pyarrow; only for a message is it gone
through once more to find the line.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import Place, SourceError, quote

_TRUTHS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True)
class CsvColumns:
    """The columns of a file as texts; an empty field is null.

    Parameters
    ----------
    path
        The file.
    table
        A column of large_string per name of the header.
    """

    path: Path
    table: pa.Table

    @property
    def names(self) -> list[str]:
        """The names of the header."""
        return list(self.table.column_names)

    def texts(self, name: str) -> pa.Array:
        """The fields of a column."""
        return self.table.column(name).combine_chunks()

    def numbers(self, name: str) -> pa.Array:
        """A column as float64; null where the field is empty or says nan.

        Raises
        ------
        SourceError
            Naming the first line with a field that is no number.
        """
        texts = pc.utf8_trim_whitespace(self.texts(name))
        try:
            values = texts.cast(pa.float64())
        except pa.ArrowException:
            bad = next(n for n, text in enumerate(texts.to_pylist()) if not _is_number(text))
            what = f"{name} is {quote(texts[bad].as_py())}, should be a number"
            raise self.fault(bad, what, "correct it") from None
        return pc.if_else(pc.is_nan(values), None, values)

    def truths(self, name: str) -> pa.Array:
        """A column as truth values: true, false, 1 or 0 in any case; null where it is empty.

        Raises
        ------
        SourceError
            Naming the first line with another word.
        """
        texts = pc.utf8_lower(pc.utf8_trim_whitespace(self.texts(name)))
        legal = pc.or_kleene(pc.is_null(texts), pc.is_in(texts, pa.array(_TRUTHS, texts.type)))
        odd = np.flatnonzero(~legal.to_numpy(zero_copy_only=False))
        if len(odd):
            what = f"{name} is {quote(texts[int(odd[0])].as_py())}, should be true or false"
            raise self.fault(int(odd[0]), what, "correct it")
        true = pa.array([word for word, is_true in _TRUTHS.items() if is_true], texts.type)
        return pc.if_else(pc.is_null(texts), None, pc.is_in(texts, true))

    def fault(self, row: int, what: str, mend: str) -> SourceError:
        """The error of a row, counted from 0, with its line."""
        return SourceError(what, place=Place(str(self.path), _line_of(self.path, row)), mend=mend)


def _is_number(text: str | None) -> bool:
    if text is None:
        return True
    try:
        pa.scalar(text).cast(pa.float64())
    except pa.ArrowException:
        return False
    return True


def read_columns(path: Path, only: Collection[str] | None = None) -> CsvColumns:
    """The columns of a file; `only` those of these names, where it is given.

    Raises
    ------
    SourceError
        When it cannot be read, is no UTF-8, is empty, names a column twice, or has a line with
        another number of fields than the header, which is named.
    """
    import pyarrow.csv as pv

    place = Place(str(path))
    n_lines, header = _header(path)
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        what = f"has the column {quote(twice[0])} twice, should have it once"
        raise SourceError(what, place=Place(str(path), n_lines), mend="leave one out")
    ragged: list[int] = []

    def kept(row: pv.InvalidRow) -> str:
        ragged.append(row.actual_columns)
        return "skip"

    wanted = header if only is None else [name for name in header if name in only]
    schema = pa.schema([(name, pa.large_string()) for name in wanted])
    try:
        with path.open("rb") as stream:
            for _ in range(n_lines):
                stream.readline()
            body = stream.read()
        # pyarrow takes a body without any record for an error.
        if not body.strip():
            return CsvColumns(path, schema.empty_table())
        table = pv.read_csv(
            pa.BufferReader(body),
            read_options=pv.ReadOptions(column_names=header),
            parse_options=pv.ParseOptions(newlines_in_values=True, invalid_row_handler=kept),
            convert_options=pv.ConvertOptions(
                column_types=schema,
                include_columns=wanted,
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except (OSError, pa.ArrowException) as error:
        what = f"cannot be read as CSV: {error}"
        raise SourceError(what, place=place, mend="save it as CSV with commas, UTF-8") from error
    if ragged:
        line, n_fields = next(_ragged(path, len(header)), (None, ragged[0]))
        what = f"{n_fields} fields, the header has {len(header)}"
        raise SourceError(what, place=Place(str(path), line), mend="correct the line")
    return CsvColumns(path, table)


def _records(path: Path) -> Iterator[tuple[int, int, list[str]]]:
    """The records with first and last line, from 1, without blank lines, as pyarrow has them."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        line = 1
        for fields in reader:
            if fields:
                yield line, reader.line_num, fields
            line = reader.line_num + 1


def _header(path: Path) -> tuple[int, list[str]]:
    """The number of lines up to the end of the header, and its names."""
    place = Place(str(path))
    try:
        _, n_lines, names = next(_records(path), (1, 0, []))
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise SourceError(what, place=place, mend="check the path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        what = "cannot be read as CSV in UTF-8"
        raise SourceError(what, place=place, mend="save it as CSV with commas, UTF-8") from error
    if not names:
        raise SourceError("is empty, should have a header", place=place, mend="write it again")
    return n_lines, [name.strip() for name in names]


def _ragged(path: Path, n_columns: int) -> Iterator[tuple[int, int]]:
    """Lines and numbers of fields of the records that are not as long as the header."""
    # Python's reader refuses fields that pyarrow takes: then the message has no line.
    with contextlib.suppress(csv.Error):
        for line, _, fields in _records(path):
            if len(fields) != n_columns:
                yield line, len(fields)


def _line_of(path: Path, row: int) -> int | None:
    """The line of a record, counted from 0 after the header."""
    with contextlib.suppress(csv.Error):
        found = (line for number, (line, *_) in enumerate(_records(path)) if number == row + 1)
        return next(found, None)
    return None
