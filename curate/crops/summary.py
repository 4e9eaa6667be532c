"""What `crops.json` says of a set: counts that add up, what was lost, and what it was made by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from curate.crops.assembling import SHOWN_LOST, Sums
from curate.crops.plan import Plan
from curate.crops.spec import CropSpec
from curate.crops.workfolder import SCHEMA


def counted(sums: Sums, plan: Plan) -> dict[str, Any]:
    """The counts of a set.

    `detections.given` is `below_floor` plus the detections in `outcomes`; `outcomes` are those of
    the rows of the manifest, `statuses` what became of them.
    """
    return {
        "detections": {
            "given": plan.detections["given"],
            "below_floor": plan.detections["below_floor"],
        },
        "outcomes": dict(sorted(sums.outcomes.items())),
        "statuses": dict(sorted(sums.statuses.items())),
        "missed_by_class": dict(sorted(sums.missed.items())),
        "crops": _nested(sums.crops),
        "lost": {
            "images": len(sums.lost_images),
            "detections": sums.n_lost_detections,
            "shown_images": dict(sorted(sums.lost_images.items())[:SHOWN_LOST]),
            "shown_detections": sums.lost_detections,
        },
    }


def _nested(crops: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = {}
    for (split, label), count in sorted(crops.items()):
        told.setdefault(split, {})[label] = count
    return told


def image_counts(images: pd.DataFrame) -> dict[str, Any]:
    """Number of images: in all, by split ("" where none is stated) and by group."""
    groups = images["group"].dropna().value_counts().sort_index()
    splits = images["split"].fillna("").value_counts().sort_index()
    return {
        "total": len(images),
        "by_split": {str(name): int(n) for name, n in splits.items()},
        "by_group": {str(name): int(n) for name, n in groups.items()},
    }


def document(
    spec: CropSpec,
    names: Mapping[str, Any],
    counts: Mapping[str, Any],
    plan: Plan,
    notes: Sequence[str],
) -> dict[str, Any]:
    """The document of a set; `names` are what it is called and made from."""
    return {
        "schema": SCHEMA,
        **names,
        "spec": {"hash": spec.digest, "values": asdict(spec)},
        "score_floor": spec.score_floor,
        **counts,
        "notes": list(notes),
        "priors": plan.priors,
        "jitter": {"measured_on": plan.n_pairs},
    }
