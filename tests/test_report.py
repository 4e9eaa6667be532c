"""Findings as JSON, text and CSV."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import tracemalloc

import jsonschema
import numpy as np
import pandas as pd
import pytest

from curate import audit
from curate.assembly import Fault, Gathered, assemble, findings_table
from curate.dataset import Findings, empty_dataset
from curate.report import (
    csv_parts,
    json_parts,
    text_parts,
    to_csv,
    to_document,
    to_json,
    to_text,
)
from curate.resources import schema_text
from curate.tables import FINDING_COLUMNS, make_table
from tests.formats.coco_documents import annotation, document, store

SCHEMA = json.loads(schema_text("audit-1.schema.json"))


@pytest.fixture
def validated():
    validator = jsonschema.Draft202012Validator(SCHEMA)

    def load(findings):
        document = to_document(findings, "s")
        validator.validate(document)
        assert document == json.loads(to_json(findings, "s"))
        return document

    return load


def dataset(n_images=2, boxes=(), faults=()):
    """Images a0.jpg, a1.jpg ... of 100 x 80 px, and boxes (image row, x1, y1, x2, y2)."""
    rows = np.array(boxes, np.float64).reshape(-1, 5)
    gathered = Gathered(
        n_images=n_images,
        n_boxes=len(rows),
        images={
            "image_name": [f"a{n}.jpg" for n in range(n_images)],
            "width": 100,
            "height": 80,
            "label_state": "present",
            "file": "labels.txt",
        },
        boxes={
            "image_row": rows[:, 0].astype(np.int64),
            "label": "car",
            "source_label": "car",
            "x1": rows[:, 1],
            "y1": rows[:, 2],
            "x2": rows[:, 3],
            "y2": rows[:, 4],
            "source_id": np.arange(len(rows)),
            "file": "labels.txt",
            "line": np.arange(1, len(rows) + 1),
        },
        faults=list(faults),
        formats={"labels.txt": "kitti"},
        files={"labels.txt": b""},
    )
    return assemble("s", gathered)


def fault(number=1, **changes):
    told = {"file": "labels.txt", "line": number, "source_id": str(number)} | changes
    return Fault("SRC-001", "3 columns, expected 15", "delete the line", **told)


def test_nothing_found_in_nothing_is_an_empty_document(validated):
    findings = audit(empty_dataset("s"))
    assert validated(findings) == {
        "schema": "curate.audit/1",
        "source": "s",
        "images": 0,
        "boxes": 0,
        "definitions": [],
        "counts": {},
        "known": 0,
        "mended": 0,
        "waived": 0,
        "refuted": 0,
        "verdicts": [],
        "findings": [],
    }
    assert to_text(findings) == ""
    assert to_csv(findings).count("\n") == 1


def test_a_finding_carries_place_value_and_member(validated):
    findings = audit(dataset(boxes=[(1, 90, 10, 112.5, 30)]))
    (finding,) = validated(findings)["findings"]
    assert re.fullmatch("[0-9a-f]{16}", finding.pop("finding_id"))
    message, mend = finding.pop("message"), finding.pop("mend")
    assert "112.5" in message
    assert mend
    assert finding == {
        "check": "BOX-002",
        "name": "box-outside-image",
        "level": "error",
        "image": "s/a1.jpg",
        "file": "labels.txt",
        "line": 1,
        "source_id": "0",
        "box": [90, 10, 112.5, 30],
        "members": [
            {
                "image": "s/a1.jpg",
                "file": "labels.txt",
                "source_id": "0",
                "line": 1,
                "box": [90, 10, 112.5, 30],
            }
        ],
        "value": 12.5,
        "limit": 1,
        "unit": "px",
        "definition": None,
        "known": False,
    }


def test_a_finding_of_two_boxes_has_no_box_of_its_own(validated):
    findings = audit(dataset(boxes=[(0, 10, 10, 30, 30), (0, 10, 10, 30, 30)]))
    (finding,) = validated(findings)["findings"]
    assert finding["check"] == "REL-001"
    assert finding["box"] is None
    assert [m["source_id"] for m in finding["members"]] == ["0", "1"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_null(validated, bad):
    (finding,) = validated(audit(dataset(boxes=[(0, 10, bad, 30, 30)])))["findings"]
    assert finding["check"] == "BOX-001"
    assert finding["box"] == [10, None, 30, 30]
    assert finding["members"][0]["box"] == [10, None, 30, 30]


def test_a_box_without_any_coordinate_is_null(validated):
    (finding,) = validated(audit(dataset(boxes=[(0, *[np.nan] * 4)])))["findings"]
    assert finding["box"] is None


def test_records_that_are_no_boxes_are_members_too(validated):
    faults = [fault(n) for n in range(1, 13)]
    (finding,) = validated(audit(dataset(faults=faults)))["findings"]
    assert [m["line"] for m in finding["members"]] == list(range(1, 13))
    assert [m["source_id"] for m in finding["members"]] == [str(n) for n in range(1, 13)]
    assert {m["file"] for m in finding["members"]} == {"labels.txt"}
    assert {m["message"] for m in finding["members"]} == {"3 columns, expected 15"}
    assert (finding["value"], finding["unit"]) == (None, None)
    assert (finding["line"], finding["source_id"]) == (1, None)


def test_a_fault_without_a_place_has_nulls(validated):
    lone = Fault("SRC-013", "captions were left out", "nothing")
    (finding,) = validated(audit(dataset(faults=[lone])))["findings"]
    empty = ("image", "file", "line", "source_id", "box", "value", "limit", "unit")
    assert [finding[key] for key in empty] == [None] * len(empty)


def test_text_is_one_line_per_finding_with_place_first():
    findings = audit(dataset(boxes=[(1, 90, 10, 120, 30)], faults=[fault(7)]))
    first, second = to_text(findings).splitlines()
    assert re.fullmatch(
        r"labels\.txt:1 a1\.jpg \[0\]: BOX-002 box-outside-image \(error\): .+ - clip .+", first
    )
    assert second == (
        "labels.txt:7 [7]: SRC-001 record-unreadable (error): 3 columns, expected 15"
        " - delete the line"
    )


ONE_LINE = {"x.json": [1, 1], "y.txt": [1], "z.txt": [1, 2]}


def test_text_names_the_byte_where_all_records_of_a_file_stand_in_one_line():
    lines = [line for own in ONE_LINE.values() for line in own]
    judged = dataset(n_images=5, boxes=[(k, 90, 10, 120 + k, 30) for k in range(5)])
    boxes = judged.boxes.assign(
        file=[file for file, own in ONE_LINE.items() for _ in own],
        line=pd.array(lines, dtype="Int64"),
        start=pd.array([81234, 90000, 0, 0, 60], dtype="Int64"),
    )
    findings = audit(judged.with_tables(boxes=boxes, images=judged.images.assign(file="z.txt")))
    places = [line.split()[0] for line in to_text(findings).splitlines()]
    assert places == ["z.txt:2", "z.txt:1", "y.txt:1", "x.json:byte", "x.json:byte"]
    bytes_ = re.findall(r"^x\.json:byte (\d+) a", to_text(findings), re.MULTILINE)
    assert bytes_ == ["90000", "81234"]
    # Documents keep the line.
    assert {f["line"] for f in to_document(findings, "s")["findings"]} == {1, 2}


def test_text_names_the_byte_of_an_image_that_has_no_box():
    judged = dataset()
    starts, line = pd.array([40, 90], dtype="Int64"), pd.array([1, 1], dtype="Int64")
    images = judged.images.assign(start=starts, line=line)
    of_image = fault(1, source_id=None, images=(1,))
    table = findings_table([of_image], images, judged.boxes, "s")
    text = to_text(Findings(table, judged.with_tables(images=images)))
    assert text.startswith("labels.txt:byte 90 a1.jpg: SRC-001")
    nowhere = findings_table([fault(1)], images, judged.boxes, "s")
    text = to_text(Findings(nowhere, judged.with_tables(images=images)))
    assert text.startswith("labels.txt:1 [1]: SRC-001")


@pytest.mark.parametrize(("n", "n_lines"), [(10, 1), (11, 12)])
def test_all_lists_the_members_of_a_finding_of_more_than_ten(n, n_lines):
    whole = fault(None, source_id=None, boxes=tuple(range(n)))
    findings = audit(
        dataset(boxes=[(0, 4 * k, 1, 4 * k + 3, 60) for k in range(n)], faults=[whole])
    )
    lines = to_text(findings, show_all=True).splitlines()
    assert len(lines) == n_lines
    assert len(to_text(findings).splitlines()) == 1
    assert lines[1:2] == ["  labels.txt:1 a0.jpg [0]: 0 1 3 60"] * (n > 10)


def test_the_parts_of_a_form_are_its_text():
    boxes = [(k % 5, 10, 10, 110 + k % 7, 30) for k in range(15)]
    findings = audit(dataset(n_images=5, boxes=boxes, faults=[fault(n) for n in range(1, 13)]))
    parts = list(json_parts(findings, "s"))
    assert len(parts) == len(findings) + 2
    assert "".join(parts) == json.dumps(to_document(findings, "s"), ensure_ascii=False) + "\n"
    assert "".join(csv_parts(findings)) == to_csv(findings)
    assert "".join(text_parts(findings)) == to_text(findings)


@pytest.mark.parametrize("form", [lambda f: json_parts(f, "s"), csv_parts])
def test_the_memory_of_a_form_does_not_grow_with_the_findings(form):
    peaks = []
    for n in (5_000, 20_000):
        boxes = np.column_stack([np.arange(n), *(np.full(n, v) for v in (10, 10, 11, 30))])
        judged = dataset(n_images=n, boxes=boxes)
        findings = Findings(one_per_box(judged), judged)
        tracemalloc.start()
        assert sum(map(len, form(findings))) > 50 * n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Looking up ids costs some 160 bytes a row; to hold all as values and text 1,400 and more.
    assert (peaks[1] - peaks[0]) / 15_000 < 500


def test_text_of_a_finding_without_a_file_begins_with_the_source():
    lone = Fault("SRC-013", "captions were left out", "nothing")
    text = to_text(audit(dataset(faults=[lone])))
    assert text.startswith("s: SRC-013 section-skipped (info): captions were left out")


def test_line_feeds_in_names_and_messages_stay_on_one_line():
    odd = fault(1, file="a\nb.txt", source_id="x\r\ny")
    text = to_text(audit(dataset(faults=[odd])))
    assert text.count("\n") == 1
    assert text.startswith(r"a\nb.txt:1 [x\r\ny]: ")


@pytest.mark.parametrize(("n", "shown"), [(9, 9), (10, 10), (11, 10), (19, 10)])
def test_ten_of_each_check_are_shown_and_the_rest_is_counted(n, shown):
    boxes = [(k, 10, 10, 11, 30) for k in range(n)]
    findings = audit(dataset(n_images=n, boxes=boxes))
    assert len(findings) == n
    lines = to_text(findings).splitlines()
    assert len([line for line in lines if "BOX-004" in line and "more" not in line]) == shown
    more = [line for line in lines if "more" in line]
    assert more == ([f"  … {n - 10} more BOX-004 (--all shows them)"] if n > 10 else [])
    assert len(to_text(findings, show_all=True).splitlines()) == n


def test_the_worst_come_first():
    boxes = [(k, 10, 10, 110 + k, 30) for k in range(12)]
    lines = to_text(audit(dataset(n_images=12, boxes=boxes))).splitlines()
    edges = [int(re.search(r"right edge at (\d+)", line)[1]) for line in lines[:10]]
    assert edges == list(range(121, 111, -1))


def test_csv_quotes_what_it_must_and_counts_members():
    odd = fault(1, file='a,"b"\nc.txt')
    text = to_csv(audit(dataset(boxes=[(0, 1, 1, 9, 9), (0, 1, 1, 9, 9)], faults=[odd])))
    rows = {row["check"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert rows["SRC-001"]["file"] == 'a,"b"\nc.txt'
    assert rows["REL-001"]["members"] == "2"
    assert rows["SRC-001"]["value"] == ""


def test_the_same_findings_give_the_same_bytes():
    boxes = [(k % 5, 10, 10, 110 + k % 7, 30) for k in range(15)]
    one, two = (audit(dataset(n_images=5, boxes=boxes)) for _ in range(2))
    assert to_json(one, "s") == to_json(two, "s")
    assert to_csv(one) == to_csv(two)


def test_names_stay_unicode_in_json():
    text = to_json(audit(dataset(faults=[fault(1, file="路口.txt")])), "路口")
    assert "路口.txt" in text
    assert text.endswith("}\n")


def one_per_box(judged):
    """A findings table with one row per box."""
    n = len(judged.boxes)
    return make_table(
        FINDING_COLUMNS,
        n,
        {
            "finding_id": np.arange(n),
            "check": "BOX-002",
            "name": "box-outside-image",
            "level": "error",
            "image_id": judged.boxes["image_id"],
            "box_id": judged.boxes["box_id"],
            "members": [[box_id] for box_id in judged.boxes["box_id"].tolist()],
            "rank": np.linspace(0, 1, n),
            "value": np.where(np.arange(n) % 2, np.nan, 3.0),
            "message": "outside",
        },
    )


def test_twenty_thousand_findings_are_written_quickly():
    n = 20_000
    boxes = np.column_stack(
        [np.arange(n), np.full(n, 10), np.full(n, 10), np.arange(n) % 90 + 101, np.full(n, 30)]
    )
    judged = dataset(n_images=n, boxes=boxes)
    findings = Findings(one_per_box(judged), judged)
    start = time.perf_counter()
    document = to_document(findings, "s")
    seconds = time.perf_counter() - start
    assert len(document["findings"]) == n
    assert document["counts"] == {"BOX-002": n}
    assert [f["finding_id"] for f in document["findings"][:2]] == ["0" * 16, f"{1:016x}"]
    assert [f["value"] for f in document["findings"][:2]] == [3.0, None]
    # A lookup per finding would take minutes; this takes well under a second.
    assert seconds < 10
    json.dumps(document, allow_nan=False)


def test_findings_show_in_a_notebook_without_their_markup():
    odd = fault(1, file="<script>alert(1)</script>")
    page = audit(dataset(faults=[odd]))._repr_html_()
    assert "<script>" not in page
    assert "SRC-001" in page
    assert isinstance(audit(dataset()).table, pd.DataFrame)


def test_a_finding_without_a_line_in_a_one_line_file_names_the_file_alone(tmp_path):
    value = document(annotation(1, category_id=9), annotation(2), annotation(3))
    value["annotations"].append({"id": 7, "image_id": 1, "caption": "x"})
    lines = to_text(audit(store(tmp_path, value))).splitlines()
    unknown_class = next(line for line in lines if "SRC-004" in line)
    captions = next(line for line in lines if "SRC-013" in line)
    assert unknown_class.startswith("instances.json:byte ")
    assert captions.startswith(("instances.json ", "instances.json: "))
