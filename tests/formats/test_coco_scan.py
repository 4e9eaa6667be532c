"""The compiled pass over polygons agrees with the plain one, or leaves the record to it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import masks
from curate.formats.coco.scan import measure_outlines

_NUMBERS = st.floats(-1e6, 1e6, allow_nan=False) | st.integers(-(10**20), 10**20)
_RINGS = st.lists(st.lists(_NUMBERS, max_size=9), max_size=3)
_OUTLINES = _RINGS | st.just({"size": [2, 2], "counts": [0, 4]}) | st.none() | st.just([[]])


def measure(texts: list[str]) -> tuple[Any, Any, Any]:
    body = ", ".join(texts).encode()
    ends = np.cumsum([len(text.encode()) + 2 for text in texts]) - 2
    starts = ends - [len(text.encode()) for text in texts]
    return measure_outlines(body, starts, ends)


@given(
    records=st.lists(
        st.fixed_dictionaries(
            {"segmentation": _OUTLINES},
            optional={
                "note": st.text(max_size=6),
                "nested": st.just({"segmentation": [[1, 2, 3, 4, 5, 6]]}),
                "id": st.integers(0, 9),
            },
        ).flatmap(lambda r: st.permutations(list(r.items())).map(dict)),
        min_size=1,
        max_size=4,
    ),
    indent=st.sampled_from([None, 1]),
)
def test_what_is_taken_is_measured_as_by_the_plain_code(
    records: list[dict[str, Any]], indent: int | None
) -> None:
    bounds, areas, taken = measure([json.dumps(record, indent=indent) for record in records])
    for row, record in enumerate(records):
        if not taken[row]:
            continue
        measured = masks.polygon_measure(record["segmentation"])
        assert measured is not None
        assert tuple(bounds[row]) == measured[0]
        assert areas[row] == pytest.approx(measured[1], rel=1e-9, abs=1e-6)


@given(st.lists(st.decimals(-9999, 9999, places=2).map(str), min_size=6, max_size=12))
def test_two_decimals_are_taken_and_exact(numbers: list[str]) -> None:
    even = numbers[: len(numbers) // 2 * 2]
    text = '{"segmentation": [[' + ", ".join(even) + "]]}"
    bounds, _, taken = measure([text])
    assert taken[0]
    x, y = [float(v) for v in even[::2]], [float(v) for v in even[1::2]]
    assert tuple(bounds[0]) == (min(x), min(y), max(x), max(y))


@pytest.mark.parametrize(
    "outline",
    ["[[1e3, 2, 3, 4]]", "[[1, 2, 3]]", "[[[1, 2]]]", "[]", "{}", "null", '"x"', "[1, 2]"],
)
def test_everything_else_is_left_alone(outline: str) -> None:
    assert not measure(['{"segmentation": ' + outline + "}"])[2][0]


def test_a_square_of_three_by_four_px() -> None:
    bounds, areas, taken = measure(['{"a": "]\\"[", "segmentation" : [[1,2,4,2,4,6,1,6]]}'])
    assert taken[0]
    assert bounds[0].tolist() == [1, 2, 4, 6]
    assert areas[0] == 12
