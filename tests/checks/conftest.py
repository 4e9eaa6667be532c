"""What all tests of checks share: tables from literal rows, findings as short tuples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from curate import checks
from curate.assembly import Gathered, assemble
from curate.checks.listed import OF_SETS
from curate.dataset import Dataset
from curate.tables import FINDING_COLUMNS, check_table

SIZE = (640, 480)
Row = dict[str, Any]
_DERIVED = ("mask", "kp", "mask_area", "outline_state", "keypoint_state")
Summary = list[tuple[str, str, float]]


def box(name: str, *edges: float | None, **columns: Any) -> Row:
    """A row: its source id, four edges (none: null) and further columns.

    `image` is the image's name, `mask` and `kp` are bounds (x1, y1, x2, y2), `mask_area` px^2,
    `outline_state` and `keypoint_state` 0 none, 1 good, 2 broken.
    """
    x1, y1, x2, y2 = (np.nan if edge is None else edge for edge in edges or (None,) * 4)
    row = {"image": "a.jpg", "label": "car", "file": "labels.json", "source_label": "car"}
    return row | {"source_id": name, "x1": x1, "y1": y1, "x2": x2, "y2": y2} | columns


@dataclass(frozen=True)
class Made:
    """A dataset of literal rows, and its derived columns (None: no row has any)."""

    dataset: Dataset
    derived: pd.DataFrame | None


def make(
    rows: Iterable[Row],
    images: Mapping[str, Mapping[str, Any]] | None = None,
    classes: Iterable[tuple[str, str | None, str]] = (),
) -> Made:
    """The dataset of the rows; images not named are 640 x 480 px.

    `classes` are the listed ones: file, id, name.
    """
    rows = list(rows)
    names = list(dict.fromkeys([*(images or {}), *(row["image"] for row in rows)]))
    plain = {"width": SIZE[0], "height": SIZE[1], "label_state": "present"}
    records = [plain | dict((images or {}).get(name, {})) for name in names]
    columns = {key for row in rows for key in row} - {"image", *_DERIVED}
    gathered = Gathered(
        n_images=len(names),
        n_boxes=len(rows),
        images={"image_name": names}
        | {key: [r.get(key) for r in records] for key in {k for r in records for k in r}},
        classes=[dict(zip(("file", "source_id", "label"), row, strict=True)) for row in classes],
        boxes={"image_row": [names.index(row["image"]) for row in rows]}
        | {key: [row.get(key, _plain(key)) for row in rows] for key in columns},
    )
    if "source" in gathered.images:
        gathered.images["source"] = [s or "set" for s in gathered.images["source"]]
    if "box_frame" in gathered.images:
        gathered.images["box_frame"] = [f or "upright" for f in gathered.images["box_frame"]]
    return Made(assemble("set", gathered), _derived(rows))


def _plain(column: str) -> Any:
    blank = np.nan if column in ("declared_area", "angle_deg") else None
    return {"shape": "box", "role": "include", "origin": "human"}.get(column, blank)


def _derived(rows: list[Row]) -> pd.DataFrame | None:
    if not any(key in row for row in rows for key in _DERIVED):
        return None
    none = (np.nan,) * 4
    values = [
        [
            row.get("mask_area", np.nan),
            *row.get("mask", none),
            *row.get("kp", none),
            row.get("outline_state", 0),
            row.get("keypoint_state", 0),
        ]
        for row in rows
    ]
    return pd.DataFrame(values, columns=list(checks.DERIVED_COLUMNS), dtype=np.float64)


def names_of(made: Made, members: Iterable[int]) -> str:
    """The source ids of some boxes, in their order, with blanks between."""
    table = made.dataset.boxes
    ids = dict(zip(table["box_id"].tolist(), table["source_id"].tolist(), strict=True))
    return " ".join(ids[member] for member in members)


def findings(made: Made, **options: Any) -> pd.DataFrame:
    """The findings table of a run, after a look at its contract.

    Checks that ask how the rest of a set is run only when they are selected: a few literal rows
    are no set.
    """
    if "select" not in options:
        options["ignore"] = [*options.get("ignore", ()), *(check.code for check in OF_SETS)]
    table = checks.run(made.dataset, made.derived, **options)
    check_table(table, FINDING_COLUMNS, "findings")
    assert table["finding_id"].is_unique
    assert table["rank"].between(0, 1).all()
    return table


def summary(
    rows: Iterable[Row], *, images: Any = None, classes: Any = (), **options: Any
) -> Summary:
    """(check, names of the members, value) of each finding."""
    made = make(rows, images, classes)
    table = findings(made, **options)
    return [
        (check, names_of(made, members), round(value, 6))
        for check, members, value in zip(
            table["check"], table["members"], table["value"], strict=True
        )
    ]


@pytest.fixture(scope="session", name="box")
def _box() -> Callable[..., Row]:
    return box


@pytest.fixture(scope="session", name="make")
def _make() -> Callable[..., Made]:
    return make


@pytest.fixture(scope="session", name="findings")
def _findings() -> Callable[..., pd.DataFrame]:
    return findings


@pytest.fixture(scope="session", name="summary")
def _summary() -> Callable[..., Summary]:
    return summary


@pytest.fixture(scope="session", name="names_of")
def _names_of() -> Callable[..., str]:
    return names_of
