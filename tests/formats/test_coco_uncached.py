"""Compiled code where numba finds no place for its cache: a read-only install without a home."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import numpy as np
from numba.core.caching import CacheImpl

CacheImpl._locator_classes = []
from curate.formats.coco.scan import measure_outlines

body = b'{"id": 1, "segmentation": [[1, 2, 5, 2, 5, 4, 1, 4]]}'
bounds, areas, taken = measure_outlines(body, np.array([0]), np.array([len(body)]))
print(bounds.tolist(), areas.tolist(), taken.tolist())
"""


def test_outlines_are_measured_without_a_cache_on_disk() -> None:
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    # A rectangle of 4 x 2 px.
    assert run.stdout == "[[1.0, 2.0, 5.0, 4.0]] [8.0] [True]\n"
