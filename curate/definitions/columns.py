"""The columns of boxes, made from a dataset's tables when an expression reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Floats, Rows, ioa_pairs, touching_pairs
from curate.dataset import Dataset
from curate.definitions.evaluation import Values, from_column, text_values
from curate.definitions.expressions import Name
from curate.definitions.records import IMAGE_PART
from curate.tables import box_hashes

Masks = npt.NDArray[np.bool_]

# Shapes with an inside: points, lines and tags are judged by no clause of boxes.
INSIDE = ("box", "rotated", "polygon", "mask")
EDGES = ("x1", "y1", "x2", "y2")
CHUNK_PAIRS = 1 << 16
# Of more equal boxes than this in one image so many are compared: pairs grow with the square.
MAX_COPIES = 16
# Of its area, what lies in a group's box is a member of it.
MEMBER_IOA = 0.9
_DERIVED = {"keypoint_x1": "kp_x1", "keypoint_y1": "kp_y1", "keypoint_x2": "kp_x2",
            "keypoint_y2": "kp_y2"}  # fmt: skip


def numbers(values: npt.NDArray[Any]) -> Values:  # of any numeric type
    """Numbers as values; NaN is unknown."""
    floats = values.astype(np.float64, copy=False)
    return Values(floats, ~np.isnan(floats))


def taken(values: Values, rows: Rows) -> Values:
    """The values of some rows; of row -1 unknown ones."""
    known = values.known[rows] & (rows >= 0)
    blank: Any = {"number": np.nan, "flag": False, "text": -1}[values.kind]
    return Values(np.where(known, values.values[rows], blank), known, values.words)


@dataclass
class BoxColumns(Mapping[str, Values]):
    """The columns of boxes, each made once when it is asked for.

    Parameters
    ----------
    dataset
        The tables.
    derived
        Measures of outlines and keypoints, one row per box (`curate.formats.derived`); None: none.
    own
        Columns that definitions add; they are read from the attributes unless they are set.
    given
        Columns that stand in the place of the table's: labels, roles and what else a mapping sets.
    """

    dataset: Dataset
    derived: pd.DataFrame | None = None
    own: Mapping[str, Name] = field(default_factory=dict)
    given: Mapping[str, Values] = field(default_factory=dict)
    _made: dict[str, Values] = field(default_factory=dict)

    @cached_property
    def n_rows(self) -> int:
        """Number of boxes."""
        return len(self.dataset.boxes)

    @cached_property
    def image_row(self) -> Rows:
        """(N,) int64, row of each box's image."""
        index = pd.Index(self.dataset.images["image_id"].to_numpy(np.int64))
        rows: Rows = index.get_indexer(self.dataset.boxes["image_id"].to_numpy(np.int64))
        return rows.astype(np.int64, copy=False)

    @cached_property
    def image(self) -> dict[str, Values]:
        """The columns of images that boxes share."""
        return image_part(self.dataset.images)

    @cached_property
    def has_inside(self) -> Masks:
        """(N,) whether the box's shape has an inside."""
        return self.dataset.boxes["shape"].isin(INSIDE).to_numpy(bool)

    @cached_property
    def is_surplus(self) -> Masks:
        """(N,) comparable boxes of which `MAX_COPIES` equal ones of lower ids are there already.

        Equal are boxes of one image, label and all edges: 20,000 of them would make 200 million
        pairs, and say no more than a few do.
        """
        surplus = np.zeros(self.n_rows, np.bool_)
        rows = np.flatnonzero(comparable(self))
        # Adding 0 makes -0.0 the 0.0 that it equals, so that equals have equal bits.
        mixed = box_hashes(self.image_row[rows], self["label"].values[rows].astype(np.int64))
        for edge in (self.edges[rows] + 0.0).T:
            mixed = box_hashes(mixed, np.ascontiguousarray(edge).view(np.int64))
        several = np.flatnonzero(pd.Series(mixed).duplicated(keep=False).to_numpy())
        ids = self.dataset.boxes["box_id"].to_numpy(np.int64)[rows[several]]
        several = several[np.argsort(ids)]
        ordinal = pd.Series(mixed[several]).groupby(mixed[several], sort=False).cumcount()
        surplus[rows[several[ordinal.to_numpy() >= MAX_COPIES]]] = True
        return surplus

    @cached_property
    def edges(self) -> Floats:
        """(N, 4) float64, px."""
        return np.column_stack([self[name].values for name in EDGES])

    def __iter__(self) -> Iterator[str]:
        yield from self._made

    def __len__(self) -> int:
        return len(self._made)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __getitem__(self, name: str) -> Values:
        if name not in self._made:
            self._made[name] = self._column(name)
        return self._made[name]

    def with_given(self, given: Mapping[str, Values]) -> BoxColumns:
        """The same columns but for some."""
        return BoxColumns(self.dataset, self.derived, self.own, {**self.given, **given})

    def _column(self, name: str) -> Values:
        if name in self.given:
            return self.given[name]
        if name in IMAGE_PART:
            return taken(self.image[name], self.image_row)
        if name in self.own:
            return self._attribute(name, self.own[name])
        if name in self.dataset.boxes:
            return from_column(self.dataset.boxes[name])
        if name == "decision":
            return text_values(np.full(self.n_rows, -1), ())
        measured = _DERIVED.get(name, name)
        if name in _MEASURED:
            return numbers(_MEASURED[name](self))
        if self.derived is None:
            return numbers(np.full(self.n_rows, np.nan))
        return numbers(self.derived[measured].to_numpy(np.float64))

    def _attribute(self, name: str, column: Name) -> Values:
        """A column from the attribute of its name; what is of another kind is unknown."""
        codes, words = self._attributes
        kinds: dict[str, Any] = {"number": int | float, "flag": bool, "text": str}
        said = [values.get(name) for values in words]
        fits = [
            isinstance(value, kinds[column.kind])
            and not (column.kind == "number" and isinstance(value, bool))
            and (column.words is None or value in column.words)
            for value in said
        ]
        clean = [value if ok else None for value, ok in zip(said, fits, strict=True)]
        dtypes = {"number": "float64", "flag": "boolean", "text": "str"}
        return taken(from_column(pd.Series([*clean, None], dtype=dtypes[column.kind])), codes)

    @cached_property
    def _attributes(self) -> tuple[Rows, list[dict[str, Any]]]:
        """The boxes' attributes: (N,) codes (-1: none), and the values that each stands for."""
        codes, texts = pd.factorize(self.dataset.boxes["attributes"])
        return codes.astype(np.int64), [_object_of(text) for text in texts]

    def numeric_attribute(self, name: str) -> Floats:
        """(N,) values of an attribute that are numbers; NaN elsewhere."""
        codes, words = self._attributes
        table = np.array([*(_number_of(values.get(name)) for values in words), np.nan])
        return table[codes]

    def attribute(self, name: str) -> npt.NDArray[np.object_]:
        """(N,) values of an attribute; None where there is none."""
        codes, words = self._attributes
        table = np.array([*(values.get(name) for values in words), None], object)
        return table[codes]


def _number_of(value: Any) -> float:  # a JSON value
    return float(value) if isinstance(value, int | float) and value is not True else np.nan


def _object_of(text: str) -> dict[str, Any]:  # JSON values
    values = json.loads(text)
    return values if isinstance(values, dict) else {}


def image_part(images: pd.DataFrame) -> dict[str, Values]:
    """The columns of images that every record can read."""
    frames = _frames(images)
    named = {name: from_column(images[name]) for name in ("source", "split", "device")}
    return named | {name: numbers(side) for name, side in frames.items()}


def _frames(images: pd.DataFrame) -> dict[str, Floats]:
    # Boxes stay in the stored frame only where the declared size is that of the stored picture.
    stored = (images["box_frame"] == "stored").to_numpy(bool)
    frames = {}
    for side in ("width", "height"):
        upright = images[side].to_numpy(np.float64, na_value=np.nan)
        declared = images[f"declared_{side}"].to_numpy(np.float64, na_value=np.nan)
        size = np.where(stored & np.isfinite(declared), declared, upright)
        frames[f"image_{side}"] = np.where(size > 0, size, np.nan)
    return frames


def _side(low: str, high: str) -> Callable[[BoxColumns], Floats]:
    def measure(boxes: BoxColumns) -> Floats:
        with np.errstate(invalid="ignore", over="ignore"):
            sides: Floats = boxes[high].values - boxes[low].values
        return sides

    return measure


def _area(boxes: BoxColumns) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        area: Floats = boxes["width"].values * boxes["height"].values
    return area


def _visible_rows(boxes: BoxColumns) -> Rows:
    """(N,) row of the visible box of the same object, for full boxes; -1: none."""
    found = np.full(boxes.n_rows, -1, np.int64)
    extents = boxes.dataset.boxes["extent"]
    is_full = (extents == "full").to_numpy(bool, na_value=False)
    is_visible = (extents == "visible").to_numpy(bool, na_value=False)
    if not (is_full.any() and is_visible.any()):
        return found
    keys = pd.Series(boxes.attribute("object"))
    named = keys.notna().to_numpy()
    table = pd.DataFrame({"image": boxes.image_row, "object": keys.astype("str")})
    codes = table.groupby(["image", "object"], sort=False).ngroup().to_numpy(np.int64)
    seen = np.flatnonzero(is_visible & named)
    of_code = np.full(codes.max(initial=-1) + 1, -1, np.int64)
    of_code[codes[seen]] = seen
    found[is_full & named] = of_code[codes[is_full & named]]
    return found


def _visible_edge(edge: str) -> Callable[[BoxColumns], Floats]:
    def measure(boxes: BoxColumns) -> Floats:
        rows = _visible_rows(boxes)
        return np.where(rows >= 0, boxes[edge].values[rows], np.nan)

    return measure


def _visible_share(boxes: BoxColumns) -> Floats:
    """Visible box over full box; else the share that the source states (`visibility` of MOT)."""
    rows = _visible_rows(boxes)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = np.where(rows >= 0, boxes["area"].values[rows] / boxes["area"].values, np.nan)
    stated = boxes.numeric_attribute("visibility")
    share = np.where(np.isnan(share), stated, share)
    return np.where(np.isfinite(share), share, np.nan)


def _n_inside(boxes: BoxColumns) -> Floats:
    count = np.zeros(boxes.n_rows)
    is_group = boxes["is_group"].values & boxes["is_group"].known
    if not is_group.any():
        return count
    label = boxes["label"].values
    usable = boxes.has_inside & comparable(boxes)
    # Only images with a group have pairs that matter.
    with_group = np.zeros(len(boxes.dataset.images), np.bool_)
    with_group[boxes.image_row[is_group]] = True
    rows = np.flatnonzero(usable & with_group[boxes.image_row])
    xyxy = boxes.edges[rows]
    for i, j in touching_pairs(boxes.image_row[rows], xyxy, CHUNK_PAIRS):
        for inner, outer in ((i, j), (j, i)):
            a, b = rows[inner], rows[outer]
            wanted = is_group[b] & ~is_group[a] & (label[a] == label[b])
            held = ioa_pairs(xyxy[inner[wanted]], xyxy[outer[wanted]]) >= MEMBER_IOA
            np.add.at(count, b[wanted][held], 1)
    return count


def comparable(boxes: BoxColumns) -> Masks:
    """(N,) whether a box can be compared with others: finite edges, positive sides, not turned."""
    with np.errstate(invalid="ignore"):
        positive = (boxes["width"].values > 0) & (boxes["height"].values > 0)
    turned = (boxes.dataset.boxes["shape"] == "rotated").to_numpy(bool)
    is_comparable: Masks = positive & np.isfinite(boxes.edges).all(axis=1) & ~turned
    return is_comparable & boxes.has_inside


_MEASURED: dict[str, Callable[[BoxColumns], Floats]] = {
    "width": _side("x1", "x2"),
    "height": _side("y1", "y2"),
    "area": _area,
    "visible_share": _visible_share,
    "n_inside": _n_inside,
    **{f"visible_{edge}": _visible_edge(edge) for edge in EDGES},
}
