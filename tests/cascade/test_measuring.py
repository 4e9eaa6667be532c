"""The numbers of small manifests, summed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curate.cascade import Cascade, Costs, Options, measure
from curate.errors import SourceError, UsageError
from tests.cascade.manifests import detection, missed, worked, write_set

EXACT = Options(max_false_per_image=0, max_missed_frac=0, costs=Costs(4, 0.5, 46))


def at(cascade: Cascade, threshold: float) -> dict[str, float]:
    """The row of the sweep at a threshold."""
    (row,) = cascade.sweep[cascade.sweep["threshold"] == threshold].to_dict("records")
    return row


def test_detector_numbers_are_those_of_the_worked_example(tmp_path: Path) -> None:
    crops, _ = worked(tmp_path)
    found = measure(crops)
    assert found.sweep["threshold"].tolist() == [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert (found.n_objects, found.n_images, found.score_floor) == (4, 5, 0.3)
    assert found.outcomes == {
        "matched": 3, "duplicate": 1, "background": 2, "ignored": 1, "missed": 1,
    }  # fmt: skip
    row = at(found, 0.7)
    assert (row["found"], row["proposals"]) == (2, 3)
    assert row["recall"] == 2 / 4
    assert row["precision"] == 2 / 3
    assert row["background_share"] == 1 / 3
    assert row["proposals_per_image"] == 3 / 5
    assert row["detector_false_per_image"] == 1 / 5


def test_a_small_crop_is_found_by_the_detector_and_missed_by_the_cascade(tmp_path: Path) -> None:
    crops, answers = worked(tmp_path)
    row = at(measure(crops, Options(accept=0), predictions=answers), 0.4)
    assert (row["recall"], row["with_crop"], row["end_recall"]) == (3 / 4, 2 / 4, 2 / 4)
    assert (row["proposals_per_image"], row["crops_per_image"]) == (6 / 5, 5 / 5)


def test_an_ignored_detection_counts_neither_way_but_costs(tmp_path: Path) -> None:
    crops, _ = worked(tmp_path)
    found = measure(crops, Options(costs=Costs(4, 0.5, 46)))
    before, after = at(found, 0.4), at(found, 0.3)
    same = ("recall", "precision", "background_share", "detector_false_per_image")
    assert [before[key] for key in same] == [after[key] for key in same] == [0.75, 0.6, 1 / 3, 0.4]
    assert after["cost_per_image"] == pytest.approx(4 + 0.5 * 6 / 5)
    assert after["speed_up"] == pytest.approx(10)


def test_both_stages_are_those_of_the_worked_example(tmp_path: Path) -> None:
    crops, answers = worked(tmp_path)
    row = at(measure(crops, EXACT, predictions=answers), 0.3)
    assert (row["classifier_recall"], row["end_recall"]) == (1 / 3, 1 / 4)
    assert (row["end_precision"], row["false_per_image"]) == (1 / 2, 1 / 5)


def test_the_other_of_two_classes_says_the_rest_of_its_probability(tmp_path: Path) -> None:
    # The object at 0.7 is background by 0.6: a weapon by 0.4.
    crops, answers = worked(tmp_path)
    kept = [
        at(measure(crops, Options(accept=accept), predictions=answers), 0.3)["end_recall"]
        for accept in (0.4, 0.41)
    ]
    assert kept == [2 / 4, 1 / 4]


def test_the_band_is_that_of_the_worked_example(tmp_path: Path) -> None:
    crops, answers = worked(tmp_path)
    row = at(measure(crops, EXACT, predictions=answers), 0.3)
    assert (row["sure_no_below"], row["sure_yes_from"]) == (0.4, 0.8)
    assert (row["no_share"], row["ask_share"], row["yes_share"]) == (1 / 5, 2 / 5, 2 / 5)
    assert (row["band_recall"], row["band_false_per_image"]) == (2 / 4, 0)
    assert row["asked_images_share"] == 2 / 5
    assert row["band_cost_per_image"] == pytest.approx(4.6 + 46 * 2 / 5)
    assert row["band_speed_up"] == pytest.approx(2)


def test_the_front_of_the_worked_example(tmp_path: Path) -> None:
    # Kept objects, false alarms, crops: (1, 0) from one crop on, and (2, 1) from three on.
    crops, answers = worked(tmp_path)
    front = measure(crops, predictions=answers).front
    assert front is not None
    told = front[["threshold", "accept", "end_recall", "false_per_image"]].to_numpy().tolist()
    assert told == [[0.9, 0.95, 1 / 4, 0.0], [0.7, 0.4, 2 / 4, 1 / 5]]


def test_the_best_point_within_the_limit_has_the_most_recall(tmp_path: Path) -> None:
    crops, answers = worked(tmp_path)

    def best(limit: float) -> float | None:
        found = measure(crops, Options(max_false_per_image=limit), predictions=answers)
        (own,) = (best.point["recall"] for best in found.recommended if best.name == "within-limit")
        return own

    assert (best(0.19), best(0.2)) == (1 / 4, 2 / 4)


def test_a_limit_that_no_point_keeps_is_told(tmp_path: Path) -> None:
    rows = [detection(0.5, "background", "car"), detection(0.4, "matched", "car")]
    found = measure(write_set(tmp_path, rows), Options(max_false_per_image=0.5))
    assert not found.keeps_limit
    assert "within-limit: no point" in str(found)


def test_one_class_alone_counts(tmp_path: Path) -> None:
    rows = [
        detection(0.9, "matched", "cat"),
        detection(0.8, "matched", "dog"),
        detection(0.7, "confused", "dog", det_label="cat"),
        missed("dog"),
    ]
    row = at(measure(write_set(tmp_path, rows), Options(label="dog")), 0.7)
    # Of two dogs one is found; the cat is no dog, the confused one shows a dog.
    assert (row["found"], row["recall"], row["precision"]) == (1, 1 / 2, 1 / 2)
    every = at(measure(tmp_path), 0.7)
    assert (every["found"], every["recall"], every["precision"]) == (2, 2 / 3, 2 / 3)


def test_a_wrong_class_is_missed_and_a_false_alarm(tmp_path: Path) -> None:
    rows = [detection(0.9, "matched", "cat"), detection(0.8, "matched", "dog")]
    answers = tmp_path / "a.csv"
    answers.write_text("crop_id,background,cat,dog\n" + "".join(
        f"{n:016x},0.1,0.6,0.3\n" for n in range(2)
    ))  # fmt: skip
    row = at(measure(write_set(tmp_path, rows), predictions=answers), 0.8)
    assert (row["end_recall"], row["end_precision"], row["false_per_image"]) == (0.5, 0.5, 1.0)


def test_jittered_crops_of_the_truth_are_no_proposals_and_one_object(tmp_path: Path) -> None:
    rows = [detection(0.9, "matched", "cat")] + [missed("cat", object_id="o")] * 3
    rows.append({"status": "made", "outcome": "matched", "label": "cat", "origin": "gt"})
    row = at(measure(write_set(tmp_path, rows)), 0.9)
    assert (row["proposals"], row["recall"]) == (1, 1 / 2)


def test_a_partial_attribute_counts_neither_way(tmp_path: Path) -> None:
    rows = [
        detection(0.9, "matched", "armed"),
        detection(0.8, "partial", None, is_assigned=True, object_label="person"),
    ]
    row = at(measure(write_set(tmp_path, rows)), 0.8)
    assert (row["proposals"], row["recall"], row["precision"]) == (2, 1.0, 1.0)


def test_what_was_left_out_or_thinned_happened_in_the_stream(tmp_path: Path) -> None:
    rows = [
        detection(0.9, "matched", "cat", status="thinned"),
        detection(0.8, "background", "cat", status="left_out"),
    ]
    row = at(measure(write_set(tmp_path, rows)), 0.8)
    assert (row["recall"], row["precision"], row["proposals_per_image"]) == (1.0, 0.5, 2.0)


def test_answers_to_a_sample_are_refused(tmp_path: Path) -> None:
    rows = [
        detection(0.9, "matched", "cat"), detection(0.8, "background", "cat", status="left_out"),
    ]  # fmt: skip
    answers = tmp_path / "a.csv"
    answers.write_text(f"crop_id,label,score\n{0:016x},cat,0.9\n")
    with pytest.raises(UsageError, match=r"1 of 2 proposals .*1 left_out.*without mix"):
        measure(write_set(tmp_path, rows), predictions=answers)
    answers.write_text(f"crop_id,label,score\n{0:016x},cat,0.9\n{1:016x},cat,0.9\n")
    assert at(measure(tmp_path, predictions=answers), 0.8)["false_per_image"] == 1.0


def test_images_are_those_of_the_summary_and_of_the_split(tmp_path: Path) -> None:
    rows = [
        detection(0.9, "matched", "cat", split="train"),
        detection(0.8, "background", "cat", split="val", image_id="i1"),
    ]
    told = {"total": 10, "by_split": {"train": 8, "val": 2}}
    crops = write_set(tmp_path, rows, images=told)
    assert at(measure(crops), 0.8)["proposals_per_image"] == 2 / 10
    assert at(measure(crops, Options(split="val")), 0.8)["proposals_per_image"] == 1 / 2
    assert any("2 splits together" in note for note in measure(crops).notes)
    (tmp_path / "crops.json").unlink()
    alone = measure(crops)
    assert alone.n_images == 2
    assert any("no crops.json" in note for note in alone.notes)


def test_a_summary_of_fewer_images_than_have_rows_is_refused(tmp_path: Path) -> None:
    rows = [detection(0.9, "matched", "c"), detection(0.9, "matched", "c", image_id="i1")]
    with pytest.raises(SourceError, match="states 1 images, the manifest has rows of 2"):
        measure(write_set(tmp_path, rows, images={"total": 1}))


def test_unknown_split_and_class_are_refused_with_the_nearest(tmp_path: Path) -> None:
    crops = write_set(tmp_path, [detection(0.9, "matched", "weapon", split="val")])
    with pytest.raises(UsageError, match="did you mean 'val'"):
        measure(crops, Options(split="vall"))
    with pytest.raises(UsageError, match="did you mean 'weapon'"):
        measure(crops, Options(label="weapn"))


def test_groups_make_the_interval_wider_and_none_are_told(tmp_path: Path) -> None:
    rows = [
        (detection(0.9, "matched", "c") if group < 5 else missed("c")) | {"group": f"g{group}"}
        for group in range(10)
        for _ in range(20)
    ]
    grouped = at(measure(write_set(tmp_path / "a", rows)), 0.9)
    alone = measure(write_set(tmp_path / "b", [row | {"group": None} for row in rows]))
    assert any("no groups" in note for note in alone.notes)
    assert grouped["recall"] == 0.5
    assert grouped["recall_low"] < at(alone, 0.9)["recall_low"] < 0.5


def test_without_truth_the_stream_is_counted_and_recall_is_unknown(tmp_path: Path) -> None:
    rows = [detection(0.9, "unlabelled", "cat", is_assigned=None)]
    found = measure(write_set(tmp_path, rows))
    row = at(found, 0.9)
    assert row["proposals_per_image"] == 1.0
    assert np.isnan(row["recall"])
    assert found.recommended == ()


def test_priors_move_thresholds_and_no_order(tmp_path: Path) -> None:
    # Odds of 1 : 1 in training, of 1 : 9 on the stream: a half becomes a tenth.
    shares = {"train": {"natural": 0.1, "sampled": 0.5}}
    crops, answers = worked(tmp_path, priors=shares)
    answers.write_text(answers.read_text().replace("weapon,0.7", "weapon,0.5"))
    plain = measure(crops, predictions=answers)
    moved = measure(crops, Options(trained_on="train", accept=0.1 - 1e-9), predictions=answers)
    assert plain.front is not None
    assert moved.front is not None
    assert plain.sweep["end_recall"].tolist() == moved.sweep["end_recall"].tolist()
    assert plain.front["end_recall"].tolist() == moved.front["end_recall"].tolist()
    least = at(
        measure(crops, Options(trained_on="train", accept=0.1 + 1e-9), predictions=answers), 0.3
    )
    assert (at(moved, 0.3)["false_per_image"], least["false_per_image"]) == (1 / 5, 0)
    with pytest.raises(UsageError, match="no priors are stated for it, but for train"):
        measure(crops, Options(trained_on="val"), predictions=answers)


def test_asked_thresholds_are_in_the_sweep_and_the_others_are_thinned(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).random(1000)
    rows = [detection(float(score), "matched", "c") for score in scores]
    sweep = measure(write_set(tmp_path, rows), Options(at=(0.123456,))).sweep
    assert len(sweep) == 201
    row = sweep[sweep["threshold"] == 0.123456].iloc[0]
    assert row["found"] == (scores >= 0.123456).sum()
    assert sweep["threshold"].iloc[[0, -1]].tolist() == [scores.min(), scores.max()]
