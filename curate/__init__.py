"""curate: read, audit and convert detection labels without losing anything.

    import curate
    dataset = curate.read("labels/")
    findings = curate.audit(dataset)

Import rows: a module imports only from those above it; `formats`, `checks` and `report` never
import each other, and one format never imports another (tests/test_architecture.py).

    errors
    traps image_faults limits
    faults folders progress resources sources
    documents tree
    listing
    tables boxes masks matching stats cutting verdicts
    dataset fanout stores
    assembly relabeling baseline
    images decoding videos
    painting
    definitions
    formats checks report
    defining
    auditing doctor merging project demo waivers fixing review
    crops
    browse
    cascade
    walkthrough
    cli __init__ __main__
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curate.auditing import audit
    from curate.crops.making import make_crops
    from curate.dataset import Dataset, Findings, load, save
    from curate.errors import CurateError
    from curate.formats import ReadOptions, read, write
    from curate.merging import merge
    from curate.relabeling import relabel

__version__ = "0.1.0"
__all__ = [
    "CurateError",
    "Dataset",
    "Findings",
    "ReadOptions",
    "__version__",
    "audit",
    "load",
    "make_crops",
    "merge",
    "read",
    "relabel",
    "save",
    "write",
]

_HOME = {
    "CurateError": "curate.errors",
    "Dataset": "curate.dataset",
    "Findings": "curate.dataset",
    "ReadOptions": "curate.formats",
    "audit": "curate.auditing",
    "load": "curate.dataset",
    "make_crops": "curate.crops.making",
    "merge": "curate.merging",
    "read": "curate.formats",
    "relabel": "curate.relabeling",
    "save": "curate.dataset",
    "write": "curate.formats",
}


def __getattr__(name: str) -> object:
    # Names load on first use: `curate --help` must not wait for pandas.
    if name not in _HOME:
        raise AttributeError(f"module 'curate' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    # Names that are not loaded yet belong to what a user can complete.
    return sorted({*globals(), *__all__})
