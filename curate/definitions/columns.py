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

from curate.boxes import Floats, Rows, ioa_pairs
from curate.dataset import Dataset
from curate.definitions.evaluation import Values, from_column, text_values
from curate.definitions.expressions import Name
from curate.definitions.records import IMAGE_PART
from curate.tables import frame_sides

Masks = npt.NDArray[np.bool_]

# Shapes with an inside: points, lines and tags are judged by no clause of boxes.
INSIDE = ("box", "rotated", "polygon", "mask")
EDGES = ("x1", "y1", "x2", "y2")
CHUNK_PAIRS = 1 << 16
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
    def ids(self) -> Rows:
        """(N,) int64, box_id."""
        return self.dataset.boxes["box_id"].to_numpy(np.int64)

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
        other = BoxColumns(self.dataset, self.derived, self.own, {**self.given, **given})
        # What only the tables tell is not made twice: attributes of a million boxes take seconds.
        for name in self.__dict__.keys() & {
            "_attributes",
            "ids",
            "image_row",
            "image",
            "has_inside",
        }:
            other.__dict__[name] = self.__dict__[name]
        return other

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
        said = [values.get(name) for values in words]
        if column.kind == "number":
            return taken(numbers(np.array([*map(_number_of, said), np.nan])), codes)
        kind = bool if column.kind == "flag" else str
        clean = [
            value
            if isinstance(value, kind) and (column.words is None or value in column.words)
            else None
            for value in said
        ]
        dtype = "boolean" if column.kind == "flag" else "str"
        return taken(from_column(pd.Series([*clean, None], dtype=dtype)), codes)

    @cached_property
    def _attributes(self) -> tuple[Rows, list[dict[str, Any]]]:
        """The boxes' attributes: (N,) codes (-1: none), and the values that each stands for."""
        codes, texts = pd.factorize(self.dataset.boxes["attributes"])
        # One list is read some three times as fast as its entries one by one.
        values = json.loads(f"[{','.join(texts)}]")
        return codes.astype(np.int64), [one if isinstance(one, dict) else {} for one in values]

    def attribute(self, name: str) -> npt.NDArray[np.object_]:
        """(N,) values of an attribute; None where there is none."""
        codes, words = self._attributes
        table = np.empty(len(words) + 1, object)
        # One by one: numpy would take lists of one length for rows of an array.
        for number, values in enumerate(words):
            table[number] = values.get(name)
        return table[codes]

    def n_stated(self, name: str) -> int:
        """How many different values an attribute has."""
        _, words = self._attributes
        return len({json.dumps(values[name]) for values in words if values.get(name) is not None})

    def stated_number(self, name: str) -> Floats:
        """(N,) float64, an attribute that is a number; NaN where it is none."""
        codes, words = self._attributes
        return np.array([*(_number_of(values.get(name)) for values in words), np.nan])[codes]


def _number_of(value: Any) -> float:  # a JSON value
    """A JSON number; NaN for what is none, and for whole numbers beyond float64."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.nan


def image_part(images: pd.DataFrame) -> dict[str, Values]:
    """The columns of images that every record can read."""
    named = {name: from_column(images[name]) for name in ("source", "split", "device")}
    sides = frame_sides(images)
    return named | {f"image_{s}": numbers(sides[f"frame_{s}"]) for s in ("width", "height")}


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
    objects, _ = pd.factorize(keys.astype("str"))
    table = pd.DataFrame({"image": boxes.image_row, "object": objects})
    codes = table.groupby(["image", "object"], sort=False).ngroup().to_numpy(np.int64)
    seen = np.flatnonzero(is_visible & named)
    # Of two visible boxes the one of the higher id, in whatever order they stand.
    seen = seen[np.argsort(boxes.ids[seen])]
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
    stated = boxes.stated_number("visibility")
    is_share = np.isnan(share) & (stated >= 0) & (stated <= 1)
    share = np.where(is_share, stated, share)
    return np.where(np.isfinite(share), share, np.nan)


def _n_inside(boxes: BoxColumns) -> Floats:
    count = np.zeros(boxes.n_rows)
    is_group = boxes["is_group"].values
    if not is_group.any():
        return count
    label, role = boxes["label"], boxes["role"]
    excluded = (role.words or ()).index("exclude") if "exclude" in (role.words or ()) else -2
    usable = comparable(boxes) & label.known & ~is_predicted(boxes)
    groups = np.flatnonzero(usable & is_group)
    members = np.flatnonzero(usable & ~is_group & (role.values != excluded))
    xyxy = boxes.edges
    for group, member in _of_one_image(groups, members, boxes.image_row):
        same = label.values[group] == label.values[member]
        group, member = group[same], member[same]
        held = ioa_pairs(xyxy[member], xyxy[group]) >= MEMBER_IOA
        count += np.bincount(group[held], minlength=boxes.n_rows)
    return count


def _of_one_image(first: Rows, second: Rows, image_row: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Chunks of all pairs of a row of the first and one of the second that share an image."""
    second = second[np.argsort(image_row[second], kind="stable")]
    images = image_row[second]
    starts = np.searchsorted(images, image_row[first], "left")
    counts = np.searchsorted(images, image_row[first], "right") - starts
    before = np.append(0, np.cumsum(counts))
    start = 0
    while start < len(first):
        stop = int(np.searchsorted(before, before[start] + CHUNK_PAIRS, side="right")) - 1
        stop = max(stop, start + 1)
        n = counts[start:stop]
        places = np.arange(before[start], before[stop]) + np.repeat(
            starts[start:stop] - before[start:stop], n
        )
        yield np.repeat(first[start:stop], n), second[places]
        start = stop


def is_predicted(boxes: BoxColumns) -> Masks:
    """(N,) whether a detector found it: its raw output overlaps by nature, so it is in no pair."""
    of_detector = (boxes.dataset.boxes["origin"] == "detector").to_numpy(bool)
    is_one: Masks = of_detector | boxes["score"].known
    return is_one


def comparable(boxes: BoxColumns) -> Masks:
    """(N,) whether a box can be compared with others.

    That is one with finite edges, positive sides, an area that a float can hold, and not turned.
    """
    area = boxes["area"].values
    with np.errstate(invalid="ignore"):
        positive = (boxes["width"].values > 0) & (area > 0) & np.isfinite(area)
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
