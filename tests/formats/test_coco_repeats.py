"""Keys that stand twice in one COCO record are told, in small files and in large ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.formats import ReadOptions, read
from curate.formats.coco import repeats
from tests.formats.coco_documents import SQUARE, annotation, document, store

RLE = {"size": [80, 100], "counts": [810, 5, 7185]}


def told(path: Path, **options: object) -> list[tuple[str, int, str | None, str]]:
    """(code, line, source id, message) of each finding."""
    rows = read(path, ReadOptions(**options)).findings
    return [(row.check, row.line, row.source_id, row.message) for row in rows.itertuples()]


def ids_told(path: Path) -> list[int]:
    return sorted(int(own_id or 0) for _, _, own_id, _ in told(path))


def lines_of(value: object) -> str:
    """JSON with each record on a line of its own."""
    return json.dumps(value).replace('{"id"', '\n{"id"')


def test_a_repeated_key_of_an_annotation_is_told_with_line_id_and_box(tmp_path: Path) -> None:
    text = lines_of(document(annotation(1), annotation(2, bbox=[40, 10, 20, 30])))
    text = text.replace(
        '{"id": 2, "image_id": 1', '{"id": 8, "id": 9, "area": 5, "id": 2, "image_id": 1'
    )
    path = store(tmp_path, text.encode())
    dataset = read(path)
    (row,) = dataset.findings.itertuples()
    assert (row.check, row.level, row.file, row.line, row.source_id) == (
        ("SRC-001", "error", "instances.json", text[: text.index('"id": 8')].count("\n") + 1, "2")
    )
    assert row.message == (
        "the annotation has the key 'id' 3 times and the key 'area' 2 times, "
        "should have each key once: only the last is read"
    )
    assert row.mend == "keep the right one of the values, or export the file again"
    assert dataset.boxes["box_id"][1] == row.box_id
    assert dataset.boxes["source_id"].tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('{"id": 2, "file', '{"id": 3, "id": 2, "file', "the image has the key 'id' 2 times"),
        ('"name": "car"', '"name": "x", "name": "car"', "the category has the key 'name' 2 times"),
    ],
)
def test_a_repeated_key_of_an_image_or_a_category_is_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = json.dumps(document(annotation(1)))
    assert text.count(old) == 1
    ((code, _, _, found),) = told(store(tmp_path, text.replace(old, new).encode()))
    assert code == "SRC-001"
    assert found.startswith(message)


def test_a_repeated_key_of_a_result_is_told(tmp_path: Path) -> None:
    truth = store(tmp_path, document(annotation(1)))
    text = '[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.9, "score": 0.5}]'
    ((code, line, row, message),) = told(store(tmp_path, text.encode(), "d.json"), truth=truth)
    assert (code, line, row) == ("SRC-001", 1, "0")
    assert message.startswith("the record has the key 'score' 2 times")


def test_equal_keys_in_nested_objects_and_colons_in_texts_are_no_repeats(tmp_path: Path) -> None:
    odd = annotation(1, attributes={"id": 5, "bbox": 1}, note='"id": "id": {')
    path = store(tmp_path, document(odd, annotation(2, bbox=[40, 10, 20, 30])))
    assert told(path) == []


def many(tmp_path: Path, changed: dict[int, tuple[str, str]]) -> Path:
    """1,200 annotations of an image each, every third a mask in RLE; some edited as text."""
    n = 3 * repeats.SMALL_RECORDS - 300
    outlines = [RLE if k % 3 == 0 else [SQUARE] for k in range(n)]
    records = [
        json.dumps(annotation(k + 1, image_id=k + 1, segmentation=outline))
        for k, outline in enumerate(outlines)
    ]
    for k, (old, new) in changed.items():
        assert records[k].count(old) == 1
        records[k] = records[k].replace(old, new)
    images = [{"id": k + 1, "file_name": f"{k}.jpg", "width": 100, "height": 80} for k in range(n)]
    text = json.dumps(document(images=images))
    return store(
        tmp_path,
        text.replace('"annotations": []', f'"annotations": [{",".join(records)}]').encode(),
    )


CROWD_TWICE = ('"iscrowd": 0', '"iscrowd": 1, "iscrowd": 0')


@pytest.mark.parametrize("rows", [[], [0], [1, 700], [1199], [0, 3, 4]])
def test_a_large_file_tells_its_repeated_keys_too(
    tmp_path: Path, rows: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curate.formats.coco.objects.CHUNK_RECORDS", 500)
    path = many(tmp_path, dict.fromkeys(rows, CROWD_TWICE))
    assert ids_told(path) == [row + 1 for row in rows]


def test_a_key_less_and_a_key_of_its_own_are_no_repeats_in_a_large_file(tmp_path: Path) -> None:
    changed = {5: (', "area": 600', ""), 6: ('"area"', '"note": "a:b", "area"')}
    assert told(many(tmp_path, changed)) == []


def test_the_number_of_looks_into_a_large_file_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "MAX_LOOKS", 3)
    # The first record and two that are unlike it.
    path = many(tmp_path, dict.fromkeys([10, 20, 30, 40], CROWD_TWICE))
    assert ids_told(path) == [11, 21]
