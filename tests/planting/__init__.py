"""Planted faults: what each check must find, at, just under and over its limit."""

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

__all__ = ["PLANTERS", "Bed", "Level", "Planter", "Unit"]
