"""The examples of clauses, judged: a definition's own test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Dataset, empty_dataset
from curate.definitions.columns import BoxColumns
from curate.definitions.evaluation import Values, from_column
from curate.definitions.expressions import Name
from curate.definitions.judging import failing, judge
from curate.definitions.mapping import Mapped
from curate.definitions.model import Clause, Definition, Definitions, Scene
from curate.definitions.records import BOX, names_of
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS, box_hashes, key_hashes, make_table

SIZE_PX = (640, 480)
_DTYPES = {"number": "float64", "flag": "boolean", "text": "str"}


@dataclass(frozen=True)
class SceneFault:
    """An example that the clause does not take as its file says."""

    clause: Clause
    scene: Scene
    should_pass: bool

    def __str__(self) -> str:
        kind, wanted = ("example", "meet") if self.should_pass else ("counter-example", "fail")
        return (
            f"{self.clause.place}: {self.clause.id}: its {kind} {self.scene.note!r} should "
            f"{wanted} the clause, and does not - correct the clause or the {kind}"
        )


def scene_faults(definitions: Definitions) -> list[SceneFault]:
    """The examples of all clauses that do not come out as their files say.

    Those of clauses that a project has otherwise are of the definition's own parameters: they are
    passed over.
    """
    return [
        SceneFault(clause, scene, should_pass)
        for part in definitions.parts
        for clause in part.clauses
        if clause.overridden is None
        for scene, should_pass in _scenes(clause)
        if passes(clause, scene, part, definitions) != should_pass
    ]


def _scenes(clause: Clause) -> Iterator[tuple[Scene, bool]]:
    yield from ((scene, True) for scene in clause.examples)
    yield from ((scene, False) for scene in clause.counter_examples)


def passes(clause: Clause, scene: Scene, part: Definition, definitions: Definitions) -> bool:
    """Whether a scene meets a clause of a definition, as what it is not about does."""
    if not scene.boxes:
        names = names_of(clause.record, definitions.columns)
        values = _columns([{**_zeros(names), **scene.image, **scene.values}], names)
        fails, unknown, _ = failing(clause, values, 1)
        return not (fails | unknown).any()
    columns = _boxes(scene, part, definitions, is_prediction=clause.record == "prediction")
    alone = replace(definitions, parts=(replace(part, clauses=(clause,)),))
    outcome = judge(Mapped(columns, np.zeros(len(scene.boxes), np.int64), ()), alone)[0]
    return 0 not in outcome.members


def _zeros(names: Mapping[str, Name]) -> dict[str, Any]:
    blank = {"number": 0.0, "flag": False, "text": "example"}
    return {name: blank[n.kind] for name, n in names.items() if not n.nullable and n.words is None}


def _columns(rows: list[dict[str, Any]], names: Mapping[str, Name]) -> dict[str, Values]:
    return {name: _values([row.get(name) for row in rows], one) for name, one in names.items()}


def _values(said: list[Any], name: Name) -> Values:
    return from_column(pd.Series(said, dtype=_DTYPES[name.kind]))


def _boxes(
    scene: Scene, part: Definition, definitions: Definitions, *, is_prediction: bool
) -> BoxColumns:
    """The boxes of a scene as those of a dataset of one image."""
    width, height = (
        int(scene.image.get(f"image_{side}", size))
        for side, size in zip(("width", "height"), SIZE_PX, strict=True)
    )
    image_id = key_hashes(["example/image"])
    plain = {"role": "include", "shape": "box", "label": part.label or "object", "file": "example"}
    plain["origin"] = "detector" if is_prediction else "human"
    rows = [plain | dict(row) for row in scene.boxes]
    n = len(rows)
    ids = {"box_id": box_hashes(np.repeat(image_id, n), np.arange(n)),
           "image_id": np.repeat(image_id, n)}  # fmt: skip
    values: dict[str, Any] = {
        name: np.array([np.nan if row.get(name) is None else row[name] for row in rows], np.float64)
        if column.dtype == "float64"
        else [row.get(name) for row in rows]
        for name, column in BOX_COLUMNS.items()
        if name not in ids
    }
    dataset: Dataset = empty_dataset("example").with_tables(
        images=make_table(
            IMAGE_COLUMNS,
            1,
            {"image_id": image_id, "image_key": ["example/image"], "source": "example",
             "box_frame": "upright", "label_state": "present", "width": [width],
             "height": [height]},
        ),
        boxes=make_table(BOX_COLUMNS, n, values | ids),
    )  # fmt: skip
    legal = BOX | definitions.columns
    said = {name for row in scene.boxes for name in row if name not in BOX_COLUMNS}
    given = {name: _values([row.get(name) for row in rows], legal[name]) for name in sorted(said)}
    return BoxColumns(dataset, None, definitions.columns, given)
