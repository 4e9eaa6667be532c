r"""Rectangles, points and lines as CSV: a row per annotation, numbers rounded to whole px.

Make Sense quotes and escapes nothing, so commas and quotes stand in class and file names as they
are and no CSV reader fits. A row is what the expression
`^(.*?),(-?\d+,){n}(.*),(\d+),(\d+)$` finds: the shortest label that leaves n whole numbers, an
image name and its size (n is 4 for rectangles and lines, 2 for points, 0 for the tags of 1.6.0).
Where pictures are given, the reading whose image is among them is preferred.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from curate.errors import FormatError, Place, quote
from curate.formats.makesense.rows import Rows
from curate.formats.reading import Options, text_lines
from curate.formats.sizes import is_named

AMBIGUOUS = "rect-or-line-csv"
HEADERS = {
    "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height": (
        "rect-csv"
    ),
    # Only on a branch of Make Sense that was never released.
    "label_name,point_x,point_y,image_name,image_width,image_height": "point-csv",
}
N_NUMBERS = {"rect-csv": 4, "line-csv": 4, "point-csv": 2}
FORMS = {
    "rect-csv": "label,x,y,width,height,image,image width,image height",
    "line-csv": "label,x1,y1,x2,y2,image,image width,image height",
    "point-csv": "label,x,y,image,image width,image height",
}
# Each number is rounded by itself, so that x + width may exceed the image's width by 1.
ROUNDING_PX = 1
# So many readings of one row are tried against the pictures.
MAX_READINGS = 100

# Within these digits sizes are int64 and coordinates finite.
_SIZE = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,300}")
_PICTURE = re.compile(r".+\.[A-Za-z0-9]{2,5}", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """One row: label ("" for none), numbers in px, image name and its size in px, upright."""

    label: str
    numbers: tuple[float, ...]
    image: str
    size_wh: tuple[int, int]


@dataclass
class ImageRows:
    """The image rows of all tables of a source: one per image name and size.

    Two tables of one kind that name the same image record it twice; a table of another kind (the
    points beside the rectangles) adds to the record.
    """

    _files: dict[tuple[object, ...], list[str]] = field(default_factory=dict)
    _rows: dict[tuple[object, ...], int] = field(default_factory=dict)

    def row(self, rows: Rows, image: str, size_wh: tuple[int, int] | None, **place: object) -> int:
        """The number of the image's row, which is made when there is none; `place` has `kind`."""
        kind, file = place.pop("kind"), str(place["file"])
        files = self._files.setdefault((image, size_wh, kind), [])
        if file not in files:
            files.append(file)
        key = (image, size_wh, files.index(file))
        if key not in self._rows:
            width, height = size_wh or (None, None)
            self._rows[key] = rows.add_image(
                image,
                width=width,
                height=height,
                declared_width=width,
                declared_height=height,
                **place,
            )
        return self._rows[key]


def readings(text: str, n_numbers: int) -> Iterator[Row]:
    """All ways to read a row, the shortest label first."""
    fields = text.split(",")
    if len(fields) < n_numbers + 4 or not all(map(_SIZE.fullmatch, fields[-2:])):
        return
    size_wh = (int(fields[-2]), int(fields[-1]))
    is_number = [_NUMBER.fullmatch(text) is not None for text in fields]
    for label_end in range(1, len(fields) - n_numbers - 2):
        image_start = label_end + n_numbers
        if all(is_number[label_end:image_start]):
            numbers = tuple(map(float, fields[label_end:image_start]))
            image = ",".join(fields[image_start:-2])
            if image:
                yield Row(",".join(fields[:label_end]), numbers, image, size_wh)


def read_row(text: str, n_numbers: int, is_known: Callable[[str], bool] | None) -> Row | None:
    """One row; of several readings the first whose image is known, else the first of all."""
    first = next(readings(text, n_numbers), None)
    if is_known is None or first is None or is_known(first.image):
        return first
    others = islice(readings(text, n_numbers), 1, MAX_READINGS)
    return next((row for row in others if is_known(row.image)), first)


def row_kind(text: str) -> str | None:
    """The kind of table that a row is of; `AMBIGUOUS` for the form of rectangles and lines."""
    if text.endswith(']"') and ',"[' in text:
        return "tag-csv"
    # A row with 4 numbers is also one with 2, and so on: the most numbers are tried first.
    for kind, n_numbers in ((AMBIGUOUS, 4), ("point-csv", 2), ("tag-csv", 0)):
        row = next(readings(text, n_numbers), None)
        # Tables of other tools have such rows too, but with something else in the image's place.
        if row is not None and _PICTURE.fullmatch(row.image):
            return kind
    return None


def has_header(body: bytes) -> bool:
    """Whether the first line of a table is one of the headers that Make Sense writes."""
    first = body.partition(b"\n")[0].removesuffix(b"\r").removeprefix(b"\xef\xbb\xbf")
    return first.decode("utf-8", "replace") in HEADERS


def line_or_rect(body: bytes) -> str | None:
    """`line-csv` or `rect-csv` for a table without header, None when its rows prove neither.

    Drawn lines end in the image, so a row with a number outside the image is no line. Drawn
    rectangles lie in the image, so a row whose x + width leaves it is no rectangle.
    """
    may_be_line = may_be_rect = True
    for _, _, _, line in text_lines(body):
        row = next(readings(line.decode("utf-8", "replace"), 4), None)
        if row is None:
            continue
        x, y, x2, y2 = row.numbers
        right, bottom = (side + ROUNDING_PX for side in row.size_wh)
        may_be_line &= all(-ROUNDING_PX <= v <= right for v in (x, x2))
        may_be_line &= all(-ROUNDING_PX <= v <= bottom for v in (y, y2))
        may_be_rect &= x2 >= 0 and y2 >= 0 and x + x2 <= right and y + y2 <= bottom
    if may_be_line == may_be_rect:
        return None
    return "line-csv" if may_be_line else "rect-csv"


def decided_kind(file: str, body: bytes, kind: str) -> str:
    """The kind of a table whose rows are those of rectangles and of lines.

    Raises
    ------
    FormatError
        When the rows prove neither.
    """
    if kind != AMBIGUOUS:
        return kind
    proven = line_or_rect(body)
    if proven is None:
        raise FormatError(
            "a table without header whose rows are rectangles (Make Sense up to 1.8.0) as well as "
            "lines",
            place=Place(file),
            mend="say which with --from makesense-rect or --from makesense-line",
        )
    return proven


def read_table(rows: Rows, file: str, kind: str, options: Options, image_rows: ImageRows) -> None:
    """Reads the table `file` of `rows.files` into `rows`.

    `kind` is a key of `N_NUMBERS`. Rows that do not fit are faults and no rows of the result.
    """
    is_known = is_named(options)
    blank: list[int] = []
    n_before, n_faults = rows.n_boxes, len(rows.faults)
    for number, start, end, line in text_lines(rows.files[file]):
        place = {"file": file, "line": number, "start": start, "end": end}
        text = decoded_line(rows, line, place)
        if text is None:
            continue
        if not text.strip():
            blank.append(number)
        elif number == 1 and text in HEADERS:
            continue
        else:
            row = read_row(text, N_NUMBERS[kind], is_known)
            if row is None:
                say_unfit(rows, text, FORMS[kind], place)
            else:
                _add(rows, row, kind, place, image_rows)
    # Since 1.9.0, which writes the header, rectangles without a class leave no line.
    if blank and not has_header(rows.files[file]):
        say_blank_lines(rows, file, blank)
    if rows.n_boxes == n_before and len(rows.faults) == n_faults:
        rows.nothing_annotated(file)


def decoded_line(rows: Rows, line: bytes, place: Mapping[str, object]) -> str | None:
    """A line's text; None when it is not UTF-8, which is a fault."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        rows.fault(
            "SRC-001",
            f"byte {error.start} of the line (0x{line[error.start]:02x}) is not UTF-8 text",
            "save the file as UTF-8",
            file=place["file"],
            line=place["line"],
            source_id=str(place["line"]),
        )
        return None


def say_unfit(rows: Rows, text: str, should: str, place: Mapping[str, object]) -> None:
    """Says that a row is not as it should be."""
    rows.fault(
        "SRC-001",
        f"{quote(text)}, should be {should}",
        "correct the line or export the table again",
        file=place["file"],
        line=place["line"],
        source_id=str(place["line"]),
    )


def _add(rows: Rows, row: Row, kind: str, place: dict[str, object], image_rows: ImageRows) -> None:
    image_row = image_rows.row(rows, row.image, row.size_wh, kind=kind, **place)
    label = row.label or None
    box = rows.add_box(
        image_row,
        source_label=label,
        label=label,
        source_id=str(place["line"]),
        **_geometry(kind, row.numbers),
        **place,
    )
    if label is None:
        say_no_class(rows, box)


def _geometry(kind: str, numbers: tuple[float, ...]) -> dict[str, object]:
    if kind == "rect-csv":
        x, y, width, height = numbers
        return {"shape": "box", "x1": x, "y1": y, "x2": x + width, "y2": y + height}
    shape = "line" if kind == "line-csv" else "point"
    x1, y1, x2, y2 = numbers if shape == "line" else numbers * 2
    return {"shape": shape, "x1": x1, "y1": y1, "x2": x2, "y2": y2}


def say_no_class(rows: Rows, box: int) -> None:
    """Says that a box row has no class."""
    rows.fault(
        "SRC-009",
        "the annotation has no label: its class was deleted after use, or never chosen",
        "give it a class in Make Sense and export again",
        file=rows.boxes["file"][box],
        line=rows.boxes["line"][box],
        source_id=rows.boxes["source_id"][box],
        images=(rows.boxes["image_row"][box],),
        boxes=(box,),
    )


def say_blank_lines(rows: Rows, file: str, blank: list[int]) -> None:
    """Says how many annotations of a table are lost: one per empty line."""
    rows.fault(
        "SRC-010",
        f"{len(blank)} empty lines, each in the place of an annotation without a class",
        "give every annotation a class in Make Sense and export again",
        file=file,
        line=blank[0],
        value=float(len(blank)),
        limit=0.0,
        unit="annotations",
    )
