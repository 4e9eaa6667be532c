"""Columns of boxes that are made of others: expected values are hand sums."""

from __future__ import annotations

import numpy as np

from curate.assembly import Gathered, assemble
from curate.definitions.columns import BoxColumns


def test_a_whole_box_that_names_no_object_has_no_visible_one() -> None:
    # pytest makes an error of any warning: none of its missing name may come of it.
    gathered = Gathered(
        n_images=1,
        n_boxes=3,
        images={"image_name": ["a.jpg"], "width": 640, "height": 480, "label_state": "present"},
        boxes={
            "image_row": [0, 0, 0], "source_id": ["1", "2", "3"], "file": "labels.json",
            "label": "person", "extent": ["full", "full", "visible"],
            "attributes": ['{"object": 7}', None, '{"object": 7}'],
            "x1": [10.0, 300.0, 20.0], "y1": [10.0, 10.0, 10.0],
            "x2": [110.0, 400.0, 70.0], "y2": [210.0, 210.0, 210.0],
        },
    )  # fmt: skip
    columns = BoxColumns(assemble("set", gathered))
    assert columns["visible_x1"].values.tolist()[0] == 20
    # 50 x 200 of 100 x 200 px.
    assert columns["visible_share"].values.tolist()[0] == 0.5
    assert np.isnan(columns["visible_share"].values[1:]).all()
