"""Checks of the finished tables: what is wrong with a box, and with boxes of one image.

`CHECKS` maps a code to its check; checks from outside join by adding to it. `run` gives the
findings, `explain` a manual page, `selected` the codes that `--select` and `--ignore` leave.
"""

from curate.checks.check import Check
from curate.checks.hits import DERIVED_COLUMNS, Hits
from curate.checks.registry import CHECKS, explain, run, selected

__all__ = ["CHECKS", "DERIVED_COLUMNS", "Check", "Hits", "explain", "run", "selected"]
