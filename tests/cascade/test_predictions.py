"""What is wrong with a classifier's output is told with its line and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.cascade import Options, measure
from curate.errors import CurateError
from tests.cascade.manifests import detection, worked, write_set

ID = "000000000000000"
GOOD = "".join(f"{ID}{n},weapon,0.5\n" for n in range(5))
HEAD = "crop_id,label,score\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "answers.csv: is empty, should have a header"),
        ("a,b\n1,2\n", "answers.csv:1: has the columns a, b - name the columns crop_id,label"),
        ("crop_id\n", "answers.csv:1: has the columns crop_id - "),
        ("crop_id,label,label\n", "answers.csv:1: has the column 'label' twice"),
        (f"{HEAD}{GOOD}{ID}1,weapon,0.5\n", f"answers.csv:7: crop '{ID}1' stands a second time"),
        (f"{HEAD}{GOOD}f,weapon,0.5\n", "answers.csv:7: crop 'f' is not in the manifest - "),
        (f"{HEAD}{GOOD},weapon,0.5\n", "answers.csv:7: has no crop_id"),
        (f"{HEAD}{ID}0,,0.5\n", "answers.csv:2: has no label - write background for none"),
        (f"{HEAD}\n{ID}0,weapon,nan\n", "answers.csv:3: score is 'nan', should be a probability"),
        (f"{HEAD}{ID}0,weapon,\n", "answers.csv:2: score is empty, should be a probability"),
        (f"{HEAD}{ID}0,weapon,1.5\n", "answers.csv:2: score is '1.5', should be a probability"),
        (f"{HEAD}{ID}0,weapon,high\n", "answers.csv:2: score is 'high', should be a number"),
        (f"{HEAD}{ID}0,weapon\n", "answers.csv:2: 2 fields, the header has 3"),
        (f"{HEAD}{ID}0,weapon,0.5\n", f"4 of 7 crops have no answer: {ID}1, {ID}2, {ID}3, …"),
        (f"crop_id,background\n{ID}0,0.5\n", "has the columns crop_id, background, should have"),
        (f"crop_id,weapon,path\n{ID}0,0.5,a/b\n", "answers.csv:2: path is 'a/b', should be a num"),
    ],
)
def test_faulty_answers_are_refused(tmp_path: Path, body: str, message: str) -> None:
    crops, answers = worked(tmp_path)
    answers.write_text(body)
    with pytest.raises(CurateError) as error:
        measure(crops, predictions=answers)
    assert message in str(error.value)
    assert error.value.mend


def test_answers_that_are_no_utf_8_or_not_there_are_refused(tmp_path: Path) -> None:
    crops, answers = worked(tmp_path)
    answers.write_bytes(HEAD.encode() + b"\xff,weapon,0.5\n")
    with pytest.raises(CurateError, match="UTF-8"):
        measure(crops, predictions=answers)
    with pytest.raises(CurateError, match="cannot be read: No such file"):
        measure(crops, predictions=tmp_path / "none.csv")


def test_both_forms_of_answers_give_the_same_numbers(tmp_path: Path) -> None:
    crops, answers = worked(tmp_path)
    pairs = measure(crops, Options(max_false_per_image=0.1), predictions=answers)
    weapon = [0.95, 0.7, 1 - 0.6, 0.8, 1 - 0.9]
    body = "".join(f"{ID}{n},{1 - p},{p!r}\n" for n, p in enumerate(weapon))
    answers.write_text(f"crop_id,background,weapon\n{body}", encoding="utf-8-sig")
    columns = measure(crops, Options(max_false_per_image=0.1), predictions=answers)
    assert columns.to_json() == pairs.to_json()


def test_crops_of_other_splits_may_have_answers(tmp_path: Path) -> None:
    rows = [detection(0.9, "matched", "c", split=split) for split in ("train", "val")]
    crops = write_set(tmp_path / "crops", rows)
    answers = tmp_path / "a.csv"
    answers.write_text(f"{HEAD}{ID}0,c,0.9\n{ID}1,c,0.1\n")
    found = measure(crops, Options(split="val"), predictions=answers)
    assert found.sweep["end_recall"].tolist() == [0.0]


def test_classes_that_fit_no_crop_and_silent_crops_are_told(tmp_path: Path) -> None:
    crops, answers = worked(tmp_path)
    answers.write_text(answers.read_text().replace("weapon", "weapan"))
    notes = " ".join(measure(crops, predictions=answers).notes)
    assert "class 'weapan' is on no crop: did you mean 'weapon'?" in notes
    assert "never says weapon" in notes
    assert "1 crops that count neither way have no answer" in notes
