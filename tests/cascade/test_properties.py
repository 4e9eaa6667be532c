"""Cascades drawn at random, held against loops that take the definitions word by word."""

from __future__ import annotations

import math
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from curate.cascade import Cascade, Costs, Options, measure
from tests.cascade.manifests import detection, missed, write_set

CLASSES = ("cat", "dog")
COUNTED = ("matched", "duplicate", "confused", "background")
N_IMAGES = 6
COSTS = Costs(2, 0.25, 30)

Row = dict[str, Any]


@st.composite
def streams(draw: st.DrawFn) -> list[Row]:
    """Rows of a manifest, each detection with the answer of a classifier."""
    rows: list[Row] = []
    for _ in range(draw(st.integers(1, 12))):
        where = {"image_id": f"i{draw(st.integers(0, N_IMAGES - 1))}"}
        where["group"] = f"g{draw(st.integers(0, 2))}"
        label = draw(st.sampled_from(CLASSES))
        outcome = draw(st.sampled_from([*COUNTED, "near", "ignored", "missed"]))
        if outcome == "missed":
            rows.append(missed(label, **where))
            continue
        shown = None if outcome in ("near", "ignored") else label
        row = detection(draw(st.integers(1, 9)) / 10, outcome, shown, **where)
        row["status"] = draw(st.sampled_from(["made", "made", "made", "small"]))
        said = draw(st.sampled_from([*CLASSES, "background"]))
        rows.append(row | {"said": said, "answer": draw(st.integers(0, 8)) / 8})
    rows.append(detection(0.5, "matched", "cat", group="g0") | {"said": "cat", "answer": 0.5})
    return rows


def measured(rows: list[Row], **told: Any) -> Cascade:
    options = Options(costs=COSTS, accept=0.5, **told)
    with tempfile.TemporaryDirectory() as name:
        crops = write_set(Path(name) / "set", rows, images={"total": N_IMAGES})
        lines = [
            f"{number:016x},{row['said']},{row['answer']}\n"
            for number, row in enumerate(rows)
            if "said" in row
        ]
        answers = Path(name) / "answers.csv"
        answers.write_text("crop_id,label,score\n" + "".join(lines))
        return measure(crops, options, predictions=answers)


def alarms(rows: list[Row], threshold: float, accept: float) -> tuple[int, int]:
    """Objects kept and false alarms at a pair of thresholds, row by row."""
    said = {row["said"] for row in rows if "said" in row}
    kept = false = 0
    for row in rows:
        if row["outcome"] not in COUNTED or row["score"] < threshold or row["status"] == "small":
            continue
        word, answer = row["said"], row["answer"]
        if word == "background":
            # Of two classes the other one says the rest.
            if len(said) != 2:
                continue
            (word,) = said - {"background"}
            answer = 1 - answer
        if answer < accept:
            continue
        if word != row["label"]:
            false += 1
        elif row["outcome"] == "matched":
            kept += 1
    return kept, false


def n_objects(rows: list[Row]) -> int:
    return sum(row["outcome"] in ("matched", "missed") for row in rows)


@given(streams())
def test_the_sweep_is_that_of_plain_loops(rows: list[Row]) -> None:
    found = measured(rows)
    detections = [row for row in rows if row["outcome"] != "missed"]
    for row in found.sweep.to_dict("records"):
        reached = [own for own in detections if own["score"] >= row["threshold"]]
        n_found = sum(own["outcome"] == "matched" for own in reached)
        n_false = sum(own["outcome"] in ("confused", "background") for own in reached)
        n_crops = sum(own["status"] != "small" for own in reached)
        assert row["proposals"] == len(reached)
        assert row["recall"] == n_found / n_objects(rows)
        assert row["detector_false_per_image"] == n_false / N_IMAGES
        assert row["crops_per_image"] == n_crops / N_IMAGES
        kept, false = alarms(rows, row["threshold"], 0.5)
        assert row["end_recall"] == kept / n_objects(rows)
        assert row["false_per_image"] == false / N_IMAGES
        if n_found:
            assert math.isclose(row["recall"] * row["classifier_recall"], row["end_recall"])


@given(streams())
def test_recall_falls_with_the_threshold_and_lies_in_its_interval(rows: list[Row]) -> None:
    sweep = measured(rows).sweep
    assert sweep["recall"].is_monotonic_decreasing
    assert sweep["end_recall"].is_monotonic_decreasing
    assert (sweep["end_recall"] <= sweep["with_crop"]).all()
    assert (sweep["with_crop"] <= sweep["recall"]).all()
    for name in ("recall", "end_recall"):
        assert (sweep[f"{name}_low"] <= sweep[name]).all()
        assert (sweep[name] <= sweep[f"{name}_high"]).all()


@given(streams())
def test_the_front_is_every_point_that_no_other_dominates(rows: list[Row]) -> None:
    found = measured(rows)
    thresholds = found.sweep["threshold"].tolist()
    told = {(row["said"], row["answer"]) for row in rows if "said" in row}
    cuts = {0.5} | {answer for _, answer in told} | {1 - answer for _, answer in told}
    costs = dict(zip(thresholds, found.sweep["cost_per_image"].tolist(), strict=True))
    points = set()
    for threshold, cut in product(thresholds, cuts):
        kept, false = alarms(rows, threshold, cut)
        points.add((-kept / n_objects(rows), false / N_IMAGES, costs[threshold]))
    best = {
        point
        for point in points
        if not any(
            other != point and all(a <= b for a, b in zip(other, point, strict=True))
            for other in points
        )
    }
    assert found.front is not None
    columns = ["end_recall", "false_per_image", "cost_per_image"]
    front = [(-r, f, c) for r, f, c in found.front[columns].to_numpy().tolist()]
    # Nobody is named twice; cuts that no answer has may stand for the same points only.
    assert len(front) == len(set(front))
    assert {p for p in front if p[0] < 0} == {p for p in best if p[0] < 0}


@given(streams(), st.integers(0, 3), st.sampled_from([0.0, 0.25, 0.5]))
def test_the_band_keeps_its_limits_and_none_asks_less(
    rows: list[Row], n_allowed: int, share: float
) -> None:
    limit = n_allowed / N_IMAGES
    found = measured(rows, max_false_per_image=limit, max_missed_frac=share)
    said = {row["said"] for row in rows if "said" in row}
    only = said - {"background"}
    is_two = len(said) == 2 and len(only) == 1
    for row in found.sweep.to_dict("records"):
        asked = [
            (own, answer_of(own, is_two=is_two))
            for own in rows
            if "said" in own and own["status"] != "small" and own["score"] >= row["threshold"]
        ]
        if not asked:
            assert math.isnan(row["ask_share"])
            continue
        assert math.isclose(row["no_share"] + row["ask_share"] + row["yes_share"], 1)
        assert row["band_false_per_image"] <= limit
        reach = [answer for own, answer in asked if own["outcome"] == "matched"]
        least = len(asked)
        values = [0.5, *(answer for _, answer in asked if answer >= 0)]
        for low, high in product([-math.inf, *values], [*values, math.inf]):
            _, false = alarms(rows, row["threshold"], high)
            lost = sum(answer < low for answer in reach)
            if low <= high and false <= n_allowed and lost <= share * len(reach):
                least = min(least, sum(low <= answer < high for _, answer in asked))
        assert row["ask_share"] * len(asked) <= least + 1e-9


def answer_of(row: Row, *, is_two: bool) -> float:
    """The answer as a probability of the class that counts; below 0: it says none."""
    if row["said"] != "background":
        return row["answer"]
    return 1 - row["answer"] if is_two else -1.0
