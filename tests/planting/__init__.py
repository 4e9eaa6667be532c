"""Planted faults: what each check must find, at, just under and over its limit.

`PLANTERS` are the faults of tables and of clauses. What no table can hold is measured elsewhere:
`ELSEWHERE` says where, by the beginning of the code.
"""

from tests.planting import boxes, clauses, persons, relations, sets, spreads, tracks
from tests.planting.model import Bed, Level, Planter, Unit

PLANTERS: tuple[Planter, ...] = (
    *boxes.PLANTERS,
    *spreads.PLANTERS,
    *relations.PLANTERS,
    *sets.PLANTERS,
    *tracks.PLANTERS,
    *clauses.PLANTERS,
    *persons.PLANTERS,
)
ELSEWHERE = {
    "SRC": "tests/cases/formats (bad cases of each format) and tests/demo (planted in label files)",
    "IMG": "tests/test_images.py and tests/demo (planted in pictures and label files)",
    "ULT": "tests/formats/test_ultralytics.py",
    "CONV": "tests/checks/planted_conventions.py (mistakes of whole files, by recall and alarms)",
}

__all__ = ["ELSEWHERE", "PLANTERS", "Bed", "Level", "Planter", "Unit"]
