"""The box columns of a COCO annotation file, filled chunk by chunk."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from curate.formats.coco.lookup import Codes, Key, Numbers, floats
from curate.formats.coco.records import ABSENT, Annotation, attribute_text

_GET = {name: attrgetter(name) for name in Annotation.__struct_fields__}
_KINDS = {
    **dict.fromkeys(("x1", "y1", "x2", "y2"), np.float64),
    "source_id": np.int64,
    "class_code": np.int32,
    "outline": np.int8,
    "image_row": np.int64,
    "record": np.int64,
}
# Column to the field of the record; most files state only some of them.
_OPTIONAL = {"declared_area": "area", "crowd": "iscrowd", "score": "score"}
SHAPES = pa.array(["box", "polygon", "mask"], pa.large_string())
_ROLES = pa.array(["include", "ignore"], pa.large_string())
_ORIGINS = pa.array(["human", "detector"], pa.large_string())


class BoxColumns:
    """Columns of boxes, each one array that is made once and filled in place.

    Joining columns that were made chunk by chunk costs three times as much: most of it goes into
    fresh pages of memory.
    """

    def __init__(self, n_records: int) -> None:
        self.n_rows = 0
        self._n_records = n_records
        self._codes = Codes()
        self._arrays = {name: np.empty(n_records, kind) for name, kind in _KINDS.items()}
        self._id_texts: list[str | None] | None = None
        self._attributes: list[pa.Array] = []

    @property
    def class_ids(self) -> Sequence[Key]:
        """The class ids seen so far."""
        return list(self._codes)

    def fill(self, anns: Sequence[Any], **rows: np.ndarray[Any, Any]) -> None:
        """Appends Annotations; `rows` holds their outline, image_row and record columns."""
        n = len(anns)
        first, stop = self.n_rows, self.n_rows + n
        self.n_rows = stop
        xywh = np.fromiter(chain.from_iterable(map(_GET["bbox"], anns)), np.float64, 4 * n)
        x1, y1, width, height = xywh.reshape(n, 4).T
        with np.errstate(over="ignore", invalid="ignore"):  # of 1e308 the sum is infinite
            values = {"x1": x1, "y1": y1, "x2": x1 + width, "y2": y1 + height, **rows}
        values["class_code"] = self._codes.of(list(map(_GET["category_id"], anns)))
        for name, column in values.items():
            self._arrays[name][first:stop] = column
        self._fill_ids(list(map(_GET["id"], anns)), first, stop)
        for name, own in _OPTIONAL.items():
            self._fill_optional(name, list(map(_GET[own], anns)), first, stop)
        self._attributes.append(_attributes(list(map(_GET["attributes"], anns))))

    def _fill_ids(self, ids: list[Any], first: int, stop: int) -> None:
        # By type, not by trying: numpy would take the text "007" for the number 7.
        if self._id_texts is None and set(map(type, ids)) <= {int}:
            self._arrays["source_id"][first:stop] = ids
            return
        if self._id_texts is None:
            self._id_texts = list(map(str, self._arrays["source_id"][:first].tolist()))
        self._id_texts += [None if key is None else str(key) for key in ids]

    def _fill_optional(self, name: str, values: list[Any], first: int, stop: int) -> None:
        if name not in self._arrays:
            if values.count(None) == len(values):
                return
            self._arrays[name] = np.full(self._n_records, np.nan)
        self._arrays[name][first:stop] = floats(values)

    def odd_flags(self) -> dict[int, float]:
        """Row and value of each `iscrowd` that is neither 0 nor 1."""
        if "crowd" not in self._arrays:
            return {}
        crowd = self._arrays["crowd"][: self.n_rows]
        odd = np.flatnonzero((crowd != 0) & (crowd != 1) & ~np.isnan(crowd))
        return dict(zip(odd.tolist(), crowd[odd].tolist(), strict=True))

    def finished(self, class_name: dict[int | str, str]) -> dict[str, Any]:
        """The columns as `make_table` takes them, and `record`; class ids become words.

        `source_id` is an int64 array, or a list when some ids are texts or missing. A column that
        no record states is left out.
        """
        found: dict[str, Any] = {name: array[: self.n_rows] for name, array in self._arrays.items()}
        found["shape"] = words_of(SHAPES, found.pop("outline"))
        found |= {"role": "include", "origin": "human"}
        if "crowd" in found:
            crowd = found.pop("crowd")
            # pycocotools asks whether the flag is true, not whether it is 1 (cocoeval.py).
            is_crowd = (crowd != 0) & ~np.isnan(crowd)
            found["is_group"] = pd.arrays.BooleanArray(is_crowd, np.isnan(crowd))
            found["role"] = words_of(_ROLES, is_crowd.astype(np.int8))
        if "score" in found:
            found["origin"] = words_of(_ORIGINS, (~np.isnan(found["score"])).astype(np.int8))
        if any(part.null_count < len(part) for part in self._attributes):
            found["attributes"] = pa.concat_arrays(self._attributes)
        if self._id_texts is not None:
            found["source_id"] = self._id_texts
        return found | label_columns(self._codes, found.pop("class_code"), class_name)


def label_columns(
    keys: Collection[Key], codes: Numbers, class_name: dict[int | str, str]
) -> dict[str, pa.Array]:
    """The columns `label` and `source_label`, from the class ids that the codes stand for."""
    names = [None if key is None else class_name.get(key) for key in keys]
    stated = [
        name or (None if key is None else str(key)) for name, key in zip(names, keys, strict=True)
    ]
    places = pa.array(codes)
    label = pa.array(names, pa.large_string()).take(places)
    is_known = names == stated
    source = label if is_known else pa.array(stated, pa.large_string()).take(places)
    return {"label": label, "source_label": source}


def words_of(words: pa.Array, codes: np.ndarray[Any, Any]) -> Any:  # an Arrow array, or one word
    """(N,) the words that codes stand for; one word where all are the same."""
    if len(codes) and (codes == codes[0]).all():
        return words[int(codes[0])].as_py()
    return words.take(pa.array(codes))


def _attributes(raws: list[msgspec.Raw]) -> pa.Array:
    if raws.count(ABSENT) == len(raws):
        return pa.nulls(len(raws), pa.large_string())
    texts = [None if raw is ABSENT else attribute_text(raw) for raw in raws]
    return pa.array(texts, pa.large_string())
