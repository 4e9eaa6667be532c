"""What was measured of a cascade, as text, CSV and JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from curate.cascade.options import Options
from curate.stats import CONFIDENCE, REPLICATES

SHOWN_ROWS = 12
# Of the table in words: column of the sweep, head, decimals.
_DETECTOR = (
    ("threshold", "score", 3),
    ("recall", "recall", 3),
    ("recall_low", "low", 3),
    ("recall_high", "high", 3),
    ("with_crop", "with crop", 3),
    ("precision", "precision", 3),
    ("background_share", "background", 3),
    ("proposals_per_image", "per image", 2),
    ("cost_per_image", "cost", 3),
    ("speed_up", "speed-up", 2),
)
_BOTH = (
    ("threshold", "score", 3),
    ("recall", "recall", 3),
    ("proposals_per_image", "per image", 2),
    ("end_recall", "end recall", 3),
    ("end_recall_low", "low", 3),
    ("end_recall_high", "high", 3),
    ("end_precision", "precision", 3),
    ("false_per_image", "false/image", 4),
    ("cost_per_image", "cost", 3),
    ("speed_up", "speed-up", 2),
    ("ask_share", "asked", 3),
)


@dataclass(frozen=True)
class Recommended:
    """An operating point and what it is best at.

    Parameters
    ----------
    name
        most-recall, best-f1, or within-limit: the most recall under the limit of false alarms.
    point
        threshold, accept, recall, precision, false_per_image, crops_per_image, cost_per_image and
        speed_up; None: does not apply.
    """

    name: str
    point: Mapping[str, float | None]


@dataclass(frozen=True)
class Cascade:
    """The numbers of a cascade.

    Parameters
    ----------
    manifest
        The manifest as it was given.
    options
        How it was measured.
    n_images, n_objects, n_groups
        Images that the detector ran on, objects of the class that counts, groups (1: none stated).
    outcomes
        Number of proposals by outcome, and of missed objects.
    score_floor
        The least score that the set took, as `crops.json` states it; None: not stated.
    sweep
        A row per threshold: `detector_sweep`, with a classifier also `end_to_end` and, with a
        limit of false alarms, `with_bands`.
    front
        The points that no other beats; None: there is no classifier.
    recommended
        The best points.
    notes
        What a reader of the numbers should know.
    """

    manifest: str
    options: Options
    n_images: int
    n_objects: int
    n_groups: int
    outcomes: Mapping[str, int]
    score_floor: float | None
    sweep: pd.DataFrame
    front: pd.DataFrame | None
    recommended: tuple[Recommended, ...]
    notes: tuple[str, ...]

    @property
    def keeps_limit(self) -> bool:
        """Whether a point with some recall keeps to the limit of false alarms; true without one."""
        limit = self.options.max_false_per_image
        return limit is None or any(best.name == "within-limit" for best in self.recommended)

    def shown_rows(self) -> pd.DataFrame:
        """About a dozen rows of the sweep: evenly spaced, and those that were asked for."""
        thresholds = self.sweep["threshold"].to_numpy(np.float64)
        wanted = [*self.options.at, *(best.point["threshold"] for best in self.recommended)]
        chosen = np.flatnonzero(np.isin(thresholds, np.array(wanted, np.float64)))
        n_even = max(SHOWN_ROWS - len(chosen), 2)
        even = np.linspace(0, len(thresholds) - 1, n_even).round().astype(np.int64)
        return self.sweep.iloc[np.union1d(chosen, even)]

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        about = f"{self.n_objects} objects in {self.n_images} images"
        for word, value in (("split", self.options.split), ("label", self.options.label)):
            about += f", {word} {value}" if value is not None else ""
        counts = ", ".join(f"{count} {name}" for name, count in self.outcomes.items())
        yield f"{about}: {counts}"
        if self.front is not None:
            yield f"with a classifier, an alarm from {self.options.accept:g} on"
        rows = self.shown_rows()
        shown = _DETECTOR if self.front is None else _BOTH
        columns = [own for own in shown if own[0] in rows]
        cells = [[head for _, head, _ in columns]]
        cells += [
            [_text(value, n) for value, (_, _, n) in zip(row, columns, strict=True)]
            for row in rows[[name for name, _, _ in columns]].to_numpy(np.float64).tolist()
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row_cells in cells:
            yield "  ".join(c.rjust(w) for c, w in zip(row_cells, widths, strict=True))
        for best in self.recommended:
            yield f"{best.name}: {self._told(best.point)}"
        yield from self._band_line()
        if not self.keeps_limit:
            limit = self.options.max_false_per_image
            yield f"within-limit: no point with any recall has {limit:g} false per image or fewer"

    def _band_line(self) -> Iterator[str]:
        """The band of the most recall, and of these the one that costs least."""
        if "ask_share" not in self.sweep:
            return
        sweep = self.sweep[(self.sweep["band_recall"] > 0).to_numpy(bool)]
        if sweep.empty:
            return
        asks = sweep["ask_share"] * sweep["crops_per_image"]
        weighed = sweep.assign(asks=sweep.get("band_cost_per_image", asks))
        by = ["band_recall", "asks", "threshold"]
        row = weighed.sort_values(by, ascending=[False, True, False], kind="stable").iloc[0]
        low, high = row["sure_no_below"], row["sure_yes_from"]
        told = f"band: score >= {row['threshold']:.4f}"
        told += ", nothing is sure no" if math.isnan(low) else f", sure no below {low:.4f}"
        told += ", nothing is sure yes" if math.isnan(high) else f", sure yes from {high:.4f}"
        yield f"{told}, asked {row['ask_share']:.3f} of the crops, recall {row['band_recall']:.3f}"

    def _told(self, point: Mapping[str, float | None]) -> str:
        words = []
        # As the column of the table is called that it comes from.
        recall = "with crop" if self.front is None else "end recall"
        for key, word, digits in (
            ("threshold", "score >=", 4), ("accept", "answer >=", 4), ("recall", recall, 3),
            ("precision", "precision", 3), ("false_per_image", "false per image", 4),
            ("crops_per_image", "crops per image", 2), ("cost_per_image", "cost per image", 3),
            ("speed_up", "speed-up", 2),
        ):  # fmt: skip
            value = point.get(key)
            if value is not None:
                words.append(f"{word} {value:.{digits}f}")
        return ", ".join(words)

    def csv_text(self) -> str:
        """Sweep and front as CSV: `kind` says which; an empty field does not apply."""
        parts = [self.sweep.assign(kind="sweep")]
        if self.front is not None:
            parts.append(self.front.assign(kind="front"))
        table = pd.concat(parts, ignore_index=True)
        order = ["kind", *self.sweep.columns]
        # Whole numbers stay whole beside rows that have none.
        table[["proposals", "found"]] = table[["proposals", "found"]].astype("Int64")
        return table[order].to_csv(index=False, lineterminator="\n")

    def to_json(self) -> dict[str, Any]:  # JSON values
        """The document `curate.cascade/1`."""
        options = self.options
        return {
            "schema": "curate.cascade/1",
            "manifest": self.manifest,
            "split": options.split,
            "label": options.label,
            "images": self.n_images,
            "objects": self.n_objects,
            "outcomes": dict(self.outcomes),
            "score_floor": self.score_floor,
            "accept": options.accept if self.front is not None else None,
            "max_false_per_image": options.max_false_per_image,
            "max_missed_share": options.max_missed_frac,
            "trained_on": options.trained_on,
            "costs": None if options.costs is None else asdict(options.costs),
            "interval": self.interval(),
            "recommended": [{"name": best.name, **best.point} for best in self.recommended],
            "sweep": records(self.sweep),
            "front": None if self.front is None else records(self.front),
            "notes": list(self.notes),
        }

    def interval(self) -> dict[str, Any]:  # JSON values
        """How the intervals of recall were made."""
        is_drawn = self.n_groups > 1
        return {
            "confidence": CONFIDENCE,
            "method": "clopper-pearson, or the bootstrap over groups where it is wider"
            if is_drawn
            else "clopper-pearson",
            "groups": self.n_groups if is_drawn else None,
            "replicates": REPLICATES if is_drawn else None,
            "seed": self.options.seed if is_drawn else None,
        }


def _text(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as JSON values; NaN is null."""
    return [
        {str(k): None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
        for row in table.to_dict("records")
    ]
