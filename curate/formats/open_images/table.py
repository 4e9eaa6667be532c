"""One of Open Images' tables: its rows, and the plain names of its columns."""

from __future__ import annotations

from collections.abc import Iterable

from curate.assembly import Fault
from curate.errors import SourceError
from curate.formats.csv_header import plain
from curate.formats.csv_rows import Table, read_table
from curate.formats.reading import Files


def open_table(
    files: Files, name: str, wanted: Iterable[str], kept: dict[str, bytes], faults: list[Fault]
) -> tuple[Table, list[str]] | None:
    """The table of a file and the plain names of its columns.

    The bytes go to `kept`. None, with a fault in `faults`, for a file that cannot be read or that
    lacks one of the `wanted` columns.
    """
    try:
        body = files.read(name)
    except SourceError as error:
        faults.append(Fault("SRC-002", error.what, error.mend or "restore it", name, 1))
        return None
    kept[name] = body
    table = read_table(body)
    header = [plain(column) for column in table.header]
    missing = [column for column in wanted if column not in header]
    if missing:
        what = f"its header has no {', '.join(missing)}"
        faults.append(Fault("SRC-002", what, "download the table again", name, 1))
        return None
    return table, header
