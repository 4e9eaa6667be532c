"""Steps of an export: the target's files, what they lose, and the report beside them."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from curate.dataset import Dataset
from curate.errors import UsageError, quote
from curate.folders import Product, files_below
from curate.formats.recognition import reader
from curate.formats.writing import Loss, LossReport, refuse_nothing, without_positions

# The table that keeps the id of every box, so that it is the same box when it is read again.
_WITH_IDS = "csv"
# The loss report stands in the folder; its name ends in nothing that a loader would pick up.
EXPORT_MARKER = ".curate-export"
EXPORT = Product(EXPORT_MARKER, "curate.export/")
# Formats that hold the outlines of polygons and masks, so that these are no loss there.
_HOLDS_OUTLINES = {"coco", "yolo"}


def refuse_kind(kind: str | None, target: str, module: ModuleType) -> None:
    """Refuses a kind of rows that the target does not have."""
    kinds = getattr(module, "WRITTEN_KINDS", ())
    if kind is None or kind in kinds:
        return
    should = f"should be one of {', '.join(kinds)}" if kinds else f"and {target} has no kinds"
    raise UsageError(f"--kind is {quote(kind)}, {should}", mend="choose one, or leave it out")


def written(
    module: ModuleType,
    dataset: Dataset,
    told: tuple[str, str | None],
    folder: Path,
    original: Dataset | None,
) -> LossReport:
    """Writes the target's files; `told` are the target and the kind of its rows."""
    report: LossReport
    target, kind = told
    points = beside(dataset, "keypoints") if kind == "pose" else {}
    if original is not None:
        report = module.write(dataset, folder, original)
        refuse_nothing(report, dataset)
        return report
    if target != _WITH_IDS:
        dataset = without_positions(dataset)
    if kind is not None:
        rings = outlines(dataset)
        report = module.write(dataset, folder, None, rings, kind=kind, keypoints=points)
    elif target in _HOLDS_OUTLINES:
        report = module.write(dataset, folder, None, outlines(dataset))
    else:
        report = module.write(dataset, folder, None)
    refuse_nothing(report, dataset)
    extra = _extra_losses(dataset, target, report.losses, n_poses=len(points))
    return replace(report, losses=(*report.losses, *extra))


def is_kept(dataset: Dataset, target: str) -> bool:
    """Whether all label files of a dataset are of the target's own format."""
    kinds = set(dataset.formats.values())
    own = {"coco": {"coco", "coco-results"}}.get(target, {target})
    return bool(kinds) and kinds <= own


def outlines(dataset: Dataset) -> dict[int, Any]:  # COCO segmentations
    """The outlines that the kept bytes hold, by box_id."""
    return beside(dataset, "outlines")


def beside(dataset: Dataset, what: str) -> dict[int, Any]:  # COCO segmentations or keypoints
    """What the kept bytes hold beside the tables, by box_id, as the readers find it."""
    found: dict[int, Any] = {}  # as above
    for name in sorted({part["format"] for part in dataset.options.get("parts", [])}):
        own = getattr(reader(name).load(), what, None)
        if own is not None:
            found |= own(dataset)
    return found


def _extra_losses(
    dataset: Dataset, target: str, known: Sequence[Loss], *, n_poses: int
) -> list[Loss]:
    """What the source's records hold beside the tables, without what the writer counted itself.

    Of the keypoints of `n_poses` boxes it has counted what is lost.
    """
    counts: Counter[str] = Counter()
    for module in sorted({reader(name).module for name in dataset.formats.values()}):
        own: Counter[str] = importlib.import_module(module).extras(dataset)
        counts.update(own)
    counted = target in _HOLDS_OUTLINES or any(loss.field.endswith("outline") for loss in known)
    held = {"outline", "corners", "annotation.segmentation"} if counted else set()
    for name in ("keypoints", "annotation.keypoints", "annotation.num_keypoints"):
        counts[name] -= n_poses
    return [
        Loss(field, count, f"only in the kept bytes of the source; {target} was made from columns")
        for field, count in sorted((+counts).items())
        if field not in held
    ]


def write_report(report: LossReport, folder: Path) -> None:
    """Writes the loss report, and the list of what was written, into an export's folder."""
    document = report.to_json() | {"written": files_below(folder)}
    text = json.dumps(document, indent=1, ensure_ascii=False)
    # A lone surrogate, of a key in someone's JSON, stays the escape that it was.
    (folder / EXPORT_MARKER).write_bytes(text.encode("utf-8", "backslashreplace") + b"\n")
