"""The three tables (images, boxes, findings): columns, types, units, ranges, meaning of null; ids.

Coordinates are float64 pixel edges `x1 y1 x2 y2`, 0-based and half-open: pixel i covers [i, i+1),
the whole image is (0, 0, width, height), a side is `x2 - x1`. Boxes lie in the upright image
(EXIF orientation applied) unless `images.box_frame` says `stored`.

Null means unknown, in every column; it is never written as 0 or "". A coordinate that a source
gives as NaN or not at all is null (NaN) here, and a finding says which.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import TableError
from curate.faults import LEVELS

Dtype = Literal["str", "Int64", "float64", "boolean", "ids"]

SHAPES = ("box", "rotated", "polygon", "mask", "line", "point", "tag")
ROLES = ("include", "ignore", "exclude", "review")
LABEL_STATES = ("present", "empty", "missing", "unreadable")
BOX_FRAMES = ("upright", "stored")


@dataclass(frozen=True)
class Column:
    """One column: its type, its meaning with unit and range, and what null says."""

    dtype: Dtype
    meaning: str
    null: str


IMAGE_COLUMNS: dict[str, Column] = {
    "image_id": Column("Int64", "63-bit hash of image_key", "never"),
    "image_key": Column("str", "<source name>/<relative path>, / separators, NFC", "never"),
    "path": Column("str", "picture, relative to the image folder", "no picture was joined"),
    "width": Column("Int64", "px, upright; measured, else declared", "unknown"),
    "height": Column("Int64", "px, upright; measured, else declared", "unknown"),
    "declared_width": Column("Int64", "px, as the label file says", "not declared"),
    "declared_height": Column("Int64", "px, as the label file says", "not declared"),
    "exif_orientation": Column("Int64", "1..8, of the picture", "not measured"),
    "box_frame": Column("str", "upright | stored: the frame that the boxes lie in", "never"),
    "source": Column("str", "name of the source", "never"),
    "split": Column("str", "train, val, test ... as the source says", "not stated"),
    "group": Column("str", "video, camera or site that pictures share", "unknown"),
    "frame": Column("Int64", "frame number in a video, as the source counts", "not a video"),
    "device": Column("str", "camera", "unknown"),
    "licence": Column("str", "name or id of the licence", "not stated"),
    "attribution": Column("str", "whom to name", "not stated"),
    "label_state": Column(
        "str", "present | empty (looked at, nothing there) | missing | unreadable", "never"
    ),
    "exhaustive": Column("str", "JSON list of the classes verified here", "not stated"),
    "source_id": Column("str", "the source's own id of the image", "none"),
    "file": Column("str", "label file, relative to the source", "no label file"),
    "line": Column("Int64", "line of the record in `file`, from 1", "no line"),
    "start": Column("Int64", "first byte of the record in `file`", "no record"),
    "end": Column("Int64", "byte after the record in `file`", "no record"),
}

BOX_COLUMNS: dict[str, Column] = {
    "box_id": Column("Int64", "63-bit hash of the box key", "never"),
    "image_id": Column("Int64", "the image it lies in", "never"),
    "shape": Column("str", " | ".join(SHAPES), "never"),
    "source_label": Column("str", "class as the source writes it", "no class given"),
    "label": Column("str", "class name", "no class, or an unknown one"),
    "role": Column("str", " | ".join(ROLES), "never"),
    "x1": Column("float64", "px, left edge; start of a line", "none or not a number"),
    "y1": Column("float64", "px, top edge; start of a line", "none or not a number"),
    "x2": Column("float64", "px, right edge; end of a line", "none or not a number"),
    "y2": Column("float64", "px, bottom edge; end of a line", "none or not a number"),
    "angle_deg": Column("float64", "degrees, clockwise", "not rotated"),
    "extent": Column("str", "visible | full | head", "not stated"),
    "score": Column("float64", "confidence as the source writes it", "not a prediction"),
    "origin": Column("str", "human | detector | import", "never"),
    "annotator": Column("str", "who drew it", "not stated"),
    "is_group": Column("boolean", "one box for several objects (COCO crowd)", "not stated"),
    "occluded": Column("float64", "grade as the source counts (VOC 0, 1; KITTI 0..3)", "unknown"),
    "truncated": Column("float64", "0..1, share outside the image or the flag", "unknown"),
    "difficult": Column("boolean", "VOC: not counted in an evaluation", "not stated"),
    "is_depiction": Column("boolean", "a drawing or photo of the thing", "not stated"),
    "is_reflection": Column("boolean", "a mirror image of the thing", "not stated"),
    "track_id": Column("str", "the same object over frames", "not tracked"),
    "declared_area": Column("float64", "px^2, area that the source states", "not stated"),
    "attributes": Column("str", "JSON object of further fields", "none"),
    "source_id": Column("str", "the source's own id", "none"),
    "file": Column("str", "label file, relative to the source", "never"),
    "line": Column("Int64", "line of the record in `file`, from 1", "unknown"),
    "start": Column("Int64", "first byte of the record in `file`", "no record"),
    "end": Column("Int64", "byte after the record in `file`", "no record"),
}

FINDING_COLUMNS: dict[str, Column] = {
    "finding_id": Column("Int64", "63-bit hash of check, image and boxes", "never"),
    "check": Column("str", "code, as BOX-002", "never"),
    "name": Column("str", "name of the check, as box-outside-image", "never"),
    "level": Column("str", "error | warning | info", "never"),
    "image_id": Column("Int64", "the image concerned", "several images, or none"),
    "box_id": Column("Int64", "the box concerned", "several boxes, or none"),
    "members": Column("ids", "box_id of all boxes of this cause, worst first", "none"),
    "places": Column(
        "str",
        "JSON list of {image, file, line, source_id}: members that are no boxes; where many faults "
        "are one finding with their message, and as {boxes, message} that of members",
        "none",
    ),
    "rank": Column("float64", "0 (worst) .. 1 within its check", "not ranked"),
    "value": Column("float64", "what was measured, in `unit`", "nothing measured"),
    "limit": Column("float64", "what is allowed, in `unit`", "no limit"),
    "unit": Column("str", "unit of value and limit", "no unit"),
    "message": Column("str", "what is, what should be", "never"),
    "mend": Column("str", "what to do about it", "nothing to be done"),
    "definition": Column("str", "id@version that it was judged by", "a fault of the file itself"),
    "source_id": Column("str", "the source's own id of the record", "none"),
    "file": Column("str", "label file, relative to the source", "no file"),
    "line": Column("Int64", "line in `file`, from 1", "no line"),
}

CLASS_COLUMNS: dict[str, Column] = {
    "file": Column("str", "file that lists the class", "never"),
    "source_id": Column("str", "the source's own id of the class", "none"),
    "label": Column("str", "class name", "never"),
    "supercategory": Column("str", "the class above", "none"),
}

_PANDAS = {
    "str": pd.StringDtype("pyarrow", na_value=np.nan),
    "Int64": pd.Int64Dtype(),
    "boolean": pd.BooleanDtype(),
}
_ARROW = {
    "str": pa.large_string(),
    "Int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "ids": pa.list_(pa.int64()),
}
_MASK_63 = np.uint64((1 << 63) - 1)


def make_table(
    columns: Mapping[str, Column], n_rows: int, values: Mapping[str, object]
) -> pd.DataFrame:
    """A table with exactly these columns, in their order and types.

    Parameters
    ----------
    columns
        The schema, such as `IMAGE_COLUMNS`.
    n_rows
        Number of rows.
    values
        Per column a sequence or array of `n_rows` values, or one value for all rows. Columns not
        named are null throughout.

    Raises
    ------
    TableError
        For a column that the schema does not know, or of another length.
    """
    unknown = set(values) - set(columns)
    if unknown:
        raise TableError(f"columns {sorted(unknown)} are not in the schema {list(columns)}")
    series = {
        name: _series(column.dtype, values.get(name), n_rows, name)
        for name, column in columns.items()
    }
    return pd.DataFrame(series, index=pd.RangeIndex(n_rows), copy=False)


def _series(dtype: Dtype, value: object, n_rows: int, name: str) -> pd.Series[Any]:
    if value is None or isinstance(value, str | int | float | bool | np.generic):
        return _constant(dtype, value, n_rows)
    n_values = len(value)  # type: ignore[arg-type]  # every other accepted value has a length
    if n_values != n_rows:
        raise TableError(f"column {name} has {n_values} values for {n_rows} rows")
    if dtype == "float64":
        return pd.Series(np.asarray(value, dtype=np.float64), copy=False)
    if dtype == "ids":
        return pd.Series(list(value), dtype="object")  # type: ignore[call-overload]  # a sequence of id lists
    if dtype == "str":
        return pd.Series(text_array(value))
    if dtype == "Int64" and isinstance(value, np.ndarray) and value.dtype == np.int64:
        return pd.Series(pd.arrays.IntegerArray(value, np.zeros(n_rows, np.bool_)))
    return pd.Series(pd.array(value, dtype=_PANDAS[dtype], copy=False))  # type: ignore[call-overload]  # as above


def _constant(dtype: Dtype, value: object, n_rows: int) -> pd.Series[Any]:
    if dtype == "float64":
        filled = np.nan if value is None else float(value)  # type: ignore[arg-type]  # a number by the schema
        return pd.Series(np.full(n_rows, filled))
    if dtype == "ids":
        return pd.Series([[] for _ in range(n_rows)], dtype=object)
    if dtype == "str":
        words = _no_words(n_rows) if value is None else _one_word(str(value), n_rows)
        return pd.Series(text_array(words))
    blank: np.ndarray[Any, Any] = np.zeros(n_rows, np.int64 if dtype == "Int64" else np.bool_)
    mask = np.full(n_rows, value is None)
    if value is not None:
        blank[:] = value
    array_type = pd.arrays.IntegerArray if dtype == "Int64" else pd.arrays.BooleanArray
    return pd.Series(array_type(blank, mask))


def _one_word(word: str, n_rows: int) -> pa.Array:
    # Laid out by hand: offsets and bytes, as Arrow's format demands of large_string.
    body = word.encode()
    offsets = np.arange(n_rows + 1, dtype=np.int64) * len(body)
    buffers = [pa.py_buffer(offsets), pa.py_buffer(body * n_rows)]
    return pa.LargeStringArray.from_buffers(n_rows, *buffers)


@lru_cache(maxsize=2)
def _no_words(n_rows: int) -> pa.Array:
    # Arrow arrays never change: all columns without words share one.
    return pa.nulls(n_rows, pa.large_string())


def text_array(values: Iterable[str | None] | pa.Array) -> pd.arrays.ArrowStringArray:
    """A pandas text column from words, or from an Arrow array without copying it word by word."""
    if isinstance(values, pa.Array):
        arrow = values
    elif isinstance(values, pd.Series | pd.api.extensions.ExtensionArray):
        words_of: pd.arrays.ArrowStringArray = pd.array(values, dtype=_PANDAS["str"])  # type: ignore[call-overload]  # by the dtype
        return words_of
    else:
        words = np.asarray(values).tolist() if isinstance(values, np.ndarray) else list(values)
        arrow = pa.array(words, pa.large_string())
    if not pa.types.is_large_string(arrow.type):
        arrow = arrow.cast(pa.large_string())
    return pd.arrays.ArrowStringArray(arrow, dtype=_PANDAS["str"])  # type: ignore[call-arg]  # pandas 3 takes a dtype


def check_table(table: pd.DataFrame, columns: Mapping[str, Column], what: str) -> None:
    """Refuses a table whose columns, order or types differ from the schema.

    Raises
    ------
    TableError
        Naming the first column that differs.
    """
    if list(table.columns) != list(columns):
        raise TableError(f"the {what} table has columns {list(table.columns)}, not {list(columns)}")
    for (name, column), dtype in zip(columns.items(), table.dtypes, strict=True):
        wanted = _PANDAS.get(column.dtype, np.dtype("O" if column.dtype == "ids" else "f8"))
        if dtype != wanted:
            raise TableError(f"column {name} of the {what} table is {dtype}, not {column.dtype}")


_WORDS = {
    "shape": SHAPES,
    "role": ROLES,
    "label_state": LABEL_STATES,
    "box_frame": BOX_FRAMES,
    "level": LEVELS,
}


def check_values(table: pd.DataFrame, columns: Mapping[str, Column], what: str) -> None:
    """Refuses nulls where null has no meaning, and words that are not of a column's closed set.

    Raises
    ------
    TableError
        Naming the first such column.
    """
    for name, column in columns.items():
        values = table[name]
        if column.null == "never" and values.isna().any():
            raise TableError(f"column {name} of the {what} table has nulls")
        if name in _WORDS and not values.dropna().isin(_WORDS[name]).all():
            raise TableError(f"column {name} of the {what} table has words beside {_WORDS[name]}")
    if "start" in columns and (table["start"].isna() != table["end"].isna()).any():
        raise TableError(f"a row of the {what} table has half a span")


def to_arrow(table: pd.DataFrame, columns: Mapping[str, Column]) -> pa.Table:
    """The table as Arrow, for Parquet; float NaN becomes null."""
    schema = pa.schema([(name, _ARROW[column.dtype]) for name, column in columns.items()])
    return pa.Table.from_pandas(
        table, schema=schema, preserve_index=False
    ).replace_schema_metadata()


def from_arrow(table: pa.Table, columns: Mapping[str, Column]) -> pd.DataFrame:
    """The table as pandas with the schema's types.

    Raises
    ------
    TableError
        When a column of the schema is not there or cannot be converted.
    """
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise TableError(f"columns {missing} are missing")
    values = {
        name: _from_arrow_column(table.column(name), column.dtype)
        for name, column in columns.items()
    }
    return make_table(columns, table.num_rows, values)


def _from_arrow_column(column: pa.ChunkedArray, dtype: Dtype) -> object:
    try:
        array = column.combine_chunks().cast(_ARROW[dtype])
    except pa.ArrowException as error:
        raise TableError(f"a column cannot be read as {dtype}: {error}") from error
    if dtype == "str":
        try:
            array.validate(full=True)
        except pa.ArrowException as error:
            raise TableError(f"a column holds no UTF-8 text: {error}") from error
        return text_array(array)
    if dtype == "ids":
        return [ids or [] for ids in array.to_pylist()]
    if dtype == "float64":
        return array.to_numpy(zero_copy_only=False)
    return array.to_pandas(types_mapper={_ARROW[dtype]: _PANDAS[dtype]}.get)


def frame_sides(images: pd.DataFrame) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """`frame_width` and `frame_height` of each image, px, of the frame that its boxes lie in.

    (N,) float64 each; NaN: unknown, which a size of 0 or less is too.
    """
    # Boxes stay in the stored frame only where the declared size is that of the stored picture.
    stored = (images["box_frame"] == "stored").to_numpy(bool)
    sides = {}
    for side in ("width", "height"):
        upright = images[side].to_numpy(np.float64, na_value=np.nan)
        declared = images[f"declared_{side}"].to_numpy(np.float64, na_value=np.nan)
        size = np.where(stored & np.isfinite(declared), declared, upright)
        sides[f"frame_{side}"] = np.where(size > 0, size, np.nan)
    return sides


def with_none(column: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """(N,) the values of a column as Python objects, null as None.

    Examples
    --------
    >>> with_none(pd.Series([1, None], dtype="Int64")).tolist()
    [1, None]
    """
    return column.astype(object).where(column.notna(), None).to_numpy(object, copy=True)


def normal_key(name: str) -> str:
    """A name as it stands in an image key: `/` separators, NFC, no leading `./`."""
    text = name.replace("\\", "/")
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).removeprefix("./")


def key_hashes(keys: Iterable[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(N,) int64: 63-bit BLAKE2b hashes of texts, the same everywhere and for ever."""
    digests = b"".join(
        hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for key in keys
    )
    return (np.frombuffer(digests, "<u8") & _MASK_63).astype(np.int64)


def box_hashes(
    image_ids: np.ndarray[Any, np.dtype[np.int64]], tokens: np.ndarray[Any, Any] | Sequence[str]
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(N,) int64: 63-bit hashes of box keys, each an image key and a token in it.

    Parameters
    ----------
    image_ids
        (N,) hashes of the image keys.
    tokens
        (N,) int64 source ids, or N texts. A text that is a plain integer hashes as that integer,
        so that both forms of one id give one hash.
    """
    numbers = tokens if isinstance(tokens, np.ndarray) else token_numbers(tokens)
    with np.errstate(over="ignore"):
        mixed = _splitmix(
            image_ids.astype(np.uint64) ^ _splitmix(numbers.astype(np.int64).astype(np.uint64))
        )
    return (mixed & _MASK_63).astype(np.int64)


def token_numbers(tokens: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(N,) int64: what `box_hashes` takes texts for; of different numbers the texts differ."""
    return np.fromiter((_token_number(t) for t in tokens), np.int64, len(tokens))


def _token_number(token: str) -> int:
    if token.isdecimal() and len(token) < 19 and (token == "0" or token[0] != "0"):
        return int(token)
    return int(key_hashes([token])[0])


def _splitmix(
    values: np.ndarray[Any, np.dtype[np.uint64]],
) -> np.ndarray[Any, np.dtype[np.uint64]]:
    # The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64 bits.
    z = values + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    z ^= z >> np.uint64(31)
    return z


def hex_id(value: int) -> str:
    """An id as it leaves Python: 16 hex digits."""
    return f"{value:016x}"


def hex_ids(
    ids: np.ndarray[Any, np.dtype[np.int64]], is_known: np.ndarray[Any, np.dtype[np.bool_]]
) -> pd.arrays.ArrowStringArray:
    """(N,) ids as they leave Python, all at once; null where they are not known.

    Examples
    --------
    >>> list(hex_ids(np.array([255, 0]), np.array([True, False])))
    ['00000000000000ff', nan]
    """
    digits = ids.astype(">u8").tobytes().hex().encode()
    offsets = np.arange(len(ids) + 1, dtype=np.int64) * 16
    buffers = [pa.py_buffer(offsets), pa.py_buffer(digits)]
    words = pa.LargeStringArray.from_buffers(len(ids), *buffers)
    return text_array(pc.if_else(pa.array(is_known), words, None))
