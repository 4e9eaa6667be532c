"""Checks of the finished tables: what is wrong with a box, and with boxes of one image.

`CHECKS` maps a code to its check; those of a project's own join by `from_file`, those of packages
by the entry points of the group `curate.checks`. `run` gives the findings, `explain` a manual page,
`selected` the codes that `--select` and `--ignore` leave.
"""

from curate.checks.check import Check
from curate.checks.hits import DERIVED_COLUMNS, Hits
from curate.checks.own import from_file, installed
from curate.checks.registry import CHECKS, explain, run, selected

__all__ = [
    "CHECKS",
    "DERIVED_COLUMNS",
    "Check",
    "Hits",
    "explain",
    "from_file",
    "installed",
    "run",
    "selected",
]
