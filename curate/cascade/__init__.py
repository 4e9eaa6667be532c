"""The numbers of a cascade: what a detector finds at each threshold, and what a classifier keeps.

`measure(Path("crops"), Options(split="val"))` makes them; the result prints as a table.
"""

from curate.cascade.measuring import measure
from curate.cascade.options import Costs, Options
from curate.cascade.result import Cascade

__all__ = ["Cascade", "Costs", "Options", "measure"]
