from __future__ import annotations

import json

import pytest

from curate.crops.labelling import Attribute
from curate.crops.spec import (
    MAX_MARGIN,
    MAX_SIZE_PX,
    SCHEMA,
    CropSpec,
    Encoding,
    Mix,
    Thin,
    read_spec,
    refuse_senseless,
)
from curate.cutting import CropGeometry
from curate.errors import UsageError
from curate.resources import schema_text

WHOLE = """
version: 1
score_floor: 0.1
min_side_px: 12
geometry: {margin_frac: 0.2, min_margin_px: 4, square: false, size_px: 96, fill: 0}
labels: {near_iou: 0.2, ambiguous_iou: 0.4}
attribute: {label: weapon, of: person, as: armed, positive_ioa: 0.8, ignore_ioa: 0.1}
truth_crops: all
mix: {splits: [train, extra], shares: {detections: 0.5, truth: 0.25, background: 0.25}}
thin: {per_track: 4, max_bits: 5}
encoding: {format: png, quality: 80, images_per_shard: 10}
first_frame: 0
seed: 7
"""


def read(tmp_path, text: str) -> CropSpec:
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return read_spec(path)


def test_every_value_of_a_spec_is_taken(tmp_path) -> None:
    assert read(tmp_path, WHOLE) == CropSpec(
        score_floor=0.1,
        min_side_px=12,
        geometry=CropGeometry(0.2, 4, square=False, size_px=96, fill=0),
        near_iou=0.2,
        ambiguous_iou=0.4,
        attribute=Attribute("weapon", "person", "armed", 0.8, 0.1),
        truth_crops="all",
        mix=Mix(("train", "extra"), None, (0.5, 0.25, 0.25)),
        thin=Thin(4, 5),
        encoding=Encoding("png", 80, 10),
        first_frame=0,
        seed=7,
    )


def test_what_is_left_out_has_the_default_that_the_schema_states(tmp_path) -> None:
    spec = read(tmp_path, "version: 1\n")
    assert spec == CropSpec()
    schema = json.loads(schema_text("crop-spec-1.schema.json"))["properties"]
    stated = {name: part["default"] for name, part in schema.items() if "default" in part}
    assert stated == {name: getattr(spec, name) for name in stated}
    for part, own in (("geometry", spec.geometry), ("encoding", spec.encoding), ("labels", spec)):
        stated = {n: p["default"] for n, p in schema[part]["properties"].items()}
        assert stated == {name: getattr(own, name) for name in stated}


def test_each_value_changes_the_hash(tmp_path) -> None:
    plain = read(tmp_path, "version: 1\n").digest
    lines = [line for line in WHOLE.splitlines() if line and "version" not in line]
    others = [read(tmp_path, f"version: 1\n{line}\n") for line in lines if "mix" not in line]
    digests = {spec.digest for spec in others}
    assert len(digests | {plain}) == len(others) + 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 1\nmargin: 0.1\n", "spec.yaml:2: "),
        ("version: 1\ngeometry: {margin_frac: -1}\n", "spec.yaml:2: geometry.margin_frac"),
        ("version: 2\n", "spec.yaml:1: version"),
        ("version: 1\nthin: {}\n", "spec.yaml:2: thin"),
        (
            "version: 1\ntruth_crops: all\n"
            "mix: {shares: {detections: 0.5, truth: 0.2, background: 0.2}}\n",
            "mix.shares add to 0.9, should add to 1",
        ),
        (
            "version: 1\nmix: {shares: {detections: 0.5, truth: 0.3, background: 0.2}}\n",
            "truth_crops is none - set truth_crops to all",
        ),
        (
            "version: 1\nattribute: {label: a, of: b, as: c, positive_ioa: 0.1, ignore_ioa: 0.5}\n",
            "attribute.ignore_ioa is 0.5, above positive_ioa of 0.1",
        ),
    ],
)
def test_a_wrong_spec_is_told_with_its_place(tmp_path, text, words) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (CropSpec(score_floor=float("nan")), "the score floor is nan, should be a finite number"),
        (CropSpec().with_geometry(margin_frac=-0.1), "the margin is -0.1, should be 0 to 10"),
        (CropSpec().with_geometry(margin_frac=10.5), "the margin is 10.5, should be 0 to 10"),
        (CropSpec().with_geometry(size_px=0), "the size is 0 px, should be 1 to 4096"),
        (CropSpec().with_geometry(size_px=4097), "the size is 4097 px, should be 1 to 4096"),
    ],
)
def test_a_value_that_no_file_may_have_is_refused_elsewhere_too(spec: CropSpec, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        refuse_senseless(spec)


@pytest.mark.parametrize(
    ("at_limit", "over"),
    [
        (CropSpec().with_geometry(margin_frac=10.0), CropSpec().with_geometry(margin_frac=10.01)),
        (CropSpec().with_geometry(margin_frac=0.0), CropSpec().with_geometry(margin_frac=-0.01)),
        (CropSpec().with_geometry(size_px=4096), CropSpec().with_geometry(size_px=4097)),
        (CropSpec().with_geometry(size_px=1), CropSpec().with_geometry(size_px=0)),
    ],
)
def test_values_at_their_limits_are_taken(at_limit: CropSpec, over: CropSpec) -> None:
    assert _is_taken(at_limit)
    assert not _is_taken(over)


def _is_taken(spec: CropSpec) -> bool:
    try:
        refuse_senseless(spec)
    except UsageError:
        return False
    return True


def test_limits_are_those_of_the_schema() -> None:
    geometry = json.loads(schema_text(SCHEMA))["properties"]["geometry"]["properties"]
    assert geometry["margin_frac"]["maximum"] == MAX_MARGIN
    assert geometry["size_px"]["maximum"] == MAX_SIZE_PX
