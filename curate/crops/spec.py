"""The spec of a crop set: every number that its crops and labels depend on, and its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from curate.crops.labelling import Attribute
from curate.cutting import CropGeometry
from curate.documents import read_yaml
from curate.errors import Place, UsageError

SCHEMA = "crop-spec-1.schema.json"
HASH_DIGITS = 12
# What shares may miss of 1 by the decimals that people write.
_SHARES_SLACK = 1e-6
# As the schema has them; the margin is a share of a side.
MAX_MARGIN, MAX_SIZE_PX = 10, 4096


@dataclass(frozen=True)
class Mix:
    """How many crops of which kind are taken of some splits; one of the two ways is given.

    `background_per_positive` is the most false alarms for each crop of an object. `shares` are
    those of detections on objects, jittered boxes of objects, and false alarms; they add to 1.
    """

    splits: tuple[str, ...] = ("train",)
    background_per_positive: float | None = None
    shares: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Thin:
    """Which of crops that look alike stay.

    `per_track` is the most crops of one track and label (None: all), `max_bits` the most bits in
    which the perceptual hashes of two crops that are alike differ (None: none are).
    """

    per_track: int | None = None
    max_bits: int | None = None


@dataclass(frozen=True)
class Encoding:
    """How crops are stored; `quality` 1..100 is JPEG's."""

    format: Literal["jpeg", "png"] = "jpeg"
    quality: int = 95
    images_per_shard: int = 1000

    @property
    def ending(self) -> str:
        """The ending of a crop's file."""
        return ".jpg" if self.format == "jpeg" else ".png"


@dataclass(frozen=True)
class CropSpec:
    """All that decides which crops there are, what they show and what they are called.

    Parameters
    ----------
    score_floor
        Detections of a lower score are counted, and no more.
    min_side_px
        Boxes whose shorter side inside the picture is less make no crop.
    near_iou, ambiguous_iou
        See `curate.crops.outcomes`.
    truth_crops
        Whether objects that were missed, or all, get a jittered crop of their own box.
    first_frame
        Number that the labels give the first frame of a video.
    """

    score_floor: float = 0.05
    min_side_px: float = 24.0
    geometry: CropGeometry = field(default_factory=CropGeometry)
    near_iou: float = 0.3
    ambiguous_iou: float = 0.3
    attribute: Attribute | None = None
    truth_crops: Literal["none", "missed", "all"] = "none"
    mix: Mix | None = None
    thin: Thin | None = None
    encoding: Encoding = field(default_factory=Encoding)
    first_frame: Literal[0, 1] = 1
    seed: int = 0

    @property
    def digest(self) -> str:
        """The first 12 hex digits of the sha256 of its values."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]

    def with_geometry(self, **changes: Any) -> CropSpec:  # fields of CropGeometry
        """The spec with some values of its geometry changed; None leaves a value as it is."""
        given = {name: value for name, value in changes.items() if value is not None}
        return replace(self, geometry=replace(self.geometry, **given))


def read_spec(path: Path) -> CropSpec:
    """The spec of a YAML file that fits `schemas/crop-spec-1.schema.json`.

    Raises
    ------
    UsageError
        When it cannot be read or does not fit, naming line and key.
    """
    values: Mapping[str, Any] = read_yaml(path, SCHEMA, str(path))
    place = Place(str(path))
    plain = ("score_floor", "min_side_px", "truth_crops", "first_frame", "seed")
    given: dict[str, Any] = {name: values[name] for name in plain if name in values}
    given |= values.get("labels", {})
    for name, kind in (("geometry", CropGeometry), ("thin", Thin), ("encoding", Encoding)):
        if name in values:
            given[name] = kind(**values[name])
    if "attribute" in values:
        own = dict(values["attribute"])
        given["attribute"] = Attribute(on=own.pop("of"), becomes=own.pop("as"), **own)
    if "mix" in values:
        given["mix"] = _mix(values["mix"], place)
    spec = CropSpec(**given)
    refuse_senseless(spec, place)
    return spec


def _mix(values: Mapping[str, Any], place: Place) -> Mix:
    shares = values.get("shares")
    if shares is not None:
        shares = (shares["detections"], shares["truth"], shares["background"])
        if abs(sum(shares) - 1) > _SHARES_SLACK:
            raise UsageError(
                f"mix.shares add to {sum(shares):g}, should add to 1",
                place=place,
                mend="give each as a part of one",
            )
    splits = tuple(values.get("splits", Mix.splits))
    return Mix(splits, values.get("background_per_positive"), shares)


def refuse_senseless(spec: CropSpec, place: Place | None = None) -> None:
    """Refuses values that have no sense, by themselves or together.

    Raises
    ------
    UsageError
        Naming them, and the mend.
    """
    _refuse_out_of_range(spec, place)
    attribute = spec.attribute
    if attribute is not None and attribute.ignore_ioa > attribute.positive_ioa:
        raise UsageError(
            f"attribute.ignore_ioa is {attribute.ignore_ioa:g}, above positive_ioa of"
            f" {attribute.positive_ioa:g}",
            place=place,
            mend="give the share from which nobody can tell below the one that is sure",
        )
    has_share = spec.mix is not None and spec.mix.shares is not None and spec.mix.shares[1] > 0
    if has_share and spec.truth_crops == "none":
        raise UsageError(
            "mix.shares asks for jittered boxes of objects, and truth_crops is none",
            place=place,
            mend="set truth_crops to all, or the share of truth to 0",
        )


def _refuse_out_of_range(spec: CropSpec, place: Place | None) -> None:
    """What the schema says of a file, for the values that come by themselves too."""
    floor, margin, size = spec.score_floor, spec.geometry.margin_frac, spec.geometry.size_px
    faults = {
        f"the score floor is {floor}, should be a finite number": not isfinite(floor),
        f"the margin is {margin:g}, should be 0 to {MAX_MARGIN}": not 0 <= margin <= MAX_MARGIN,
        f"the size is {size} px, should be 1 to {MAX_SIZE_PX}": not 1 <= size <= MAX_SIZE_PX,
    }
    for what, is_fault in faults.items():
        if is_fault:
            raise UsageError(what, place=place)
