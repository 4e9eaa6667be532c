"""Decisions as files: Parquet and CSV, there and back, and what is refused."""

from __future__ import annotations

import pandas as pd
import pytest

from curate.errors import UsageError
from curate.review.decisions import DECISION_COLUMNS, decisions_table
from curate.review.files import read_decisions, write_decisions
from curate.tables import hex_id
from tests.review.sets import BOXES, decided, edges, on_box, on_finding, on_image

ALL = decided(
    on_box(0, "edit", **edges(0.1, 1 / 3, 1e6, 7), who="Ann, \"QA\"", note="two\nlines", label="ö"),
    on_finding(2**63 - 1, "false-alarm", members=12, when="2026-06-15T09:30:00+02:00"),
    on_image(2, "drop", source="fiftyone"),
    on_box(1, "fix", label="van", seen_label="car", seen_x1=0.5, source="label-studio"),
)  # fmt: skip


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
@pytest.mark.parametrize("table", [ALL, decisions_table(0, {})], ids=["all", "none"])
def test_what_is_written_is_read_and_of_the_same_bytes(tmp_path, ending, table) -> None:
    paths = [tmp_path / f"{name}{ending}" for name in ("one", "two")]
    for path in paths:
        write_decisions(table, path)
    pd.testing.assert_frame_equal(read_decisions(paths[:1]), table)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_several_files_are_one_table_in_their_order(tmp_path) -> None:
    write_decisions(ALL[:1], tmp_path / "a.csv")
    write_decisions(ALL[:0], tmp_path / "none.parquet")
    write_decisions(ALL[1:].reset_index(drop=True), tmp_path / "b.parquet")
    names = ("a.csv", "none.parquet", "b.parquet")
    pd.testing.assert_frame_equal(read_decisions([tmp_path / name for name in names]), ALL)
    assert len(read_decisions([])) == 0


def test_a_file_by_hand_needs_only_the_columns_that_it_uses(tmp_path) -> None:
    path = tmp_path / "by_hand.csv"
    text = f"\ufeffsubject,box_id,verdict\r\nbox,{hex_id(BOXES[0])},drop\r\n\r\n"
    path.write_bytes(text.encode())
    table = read_decisions([path])
    assert list(table.columns) == list(DECISION_COLUMNS)
    assert table[["box_id", "verdict"]].values.tolist() == [[BOXES[0], "drop"]]


def test_another_ending_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"has the ending '\.json', should have \.parquet or"):
        write_decisions(ALL, tmp_path / "d.json")


HEAD = "subject,finding_id,check,box_id,verdict,members,x1,note\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("subject,verdit\n", "d.csv:1: there is no column 'verdit' - did you mean 'verdict'?"),
        ("subject,subject,verdict\n", "d.csv:1: has a column twice"),
        ("subject,box_id\n", "d.csv:1: has no column verdict"),
        ("", "d.csv:1: has no column subject"),
        (HEAD + "box,,,7,drop,,,\n", "d.csv:2: box_id is '7', should be 16 hex digits"),
        (HEAD + "box,,,ffffffffffffffff,drop,,,\n", "should be 16 hex digits of 63 bits"),
        (HEAD + ",,,,,,\n", "d.csv:2: has more or fewer cells than the head, should have 8"),
        (HEAD + ",,,,,,,,\n", "d.csv:2: has more or fewer cells"),
        (HEAD + "box,,,,drop,x,,\n", "d.csv:2: members is 'x', should be a whole number"),
        (HEAD + f"box,,,,drop,{2**63},,\n", "should be a whole number"),
        (HEAD + "box,,,,drop,,nan,\n", "d.csv:2: x1 is 'nan', should be a number"),
        (HEAD + 'image,,,,drop,,,"a\nb"\nbox,,,,drop,,,\n', "d.csv:2: image is not given"),
        (HEAD + 'box,,,0000000000000001,drop,,,"a\nb"\nbox,,,,drop,,,\n', "d.csv:4: box_id is not"),
        (HEAD + 'box,"\n', "d.csv: is no CSV"),
        (b"\xff\xfe\x00", "d.csv: is no CSV"),
        (b"PAR1 and no more", "d.csv: is no table of decisions"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_with_their_line(tmp_path, text, said) -> None:
    path = tmp_path / "file"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UsageError) as told:
        read_decisions([path], ["d.csv"])
    assert said in str(told.value)
    assert told.value.mend


def test_a_parquet_of_something_else_and_a_row_that_is_no_decision_are_refused(tmp_path) -> None:
    path = tmp_path / "d.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(UsageError, match=r"d\.parquet: is no table of decisions: columns \["):
        read_decisions([path])
    write_decisions(ALL.assign(verdict=["edit", "false-alarm", "maybe", "fix"]), path)
    with pytest.raises(UsageError, match=r"d\.parquet \[row 3\]: verdict is 'maybe'"):
        read_decisions([path])


def test_a_file_that_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv: cannot be read"):
        read_decisions([tmp_path / "none.csv"])
