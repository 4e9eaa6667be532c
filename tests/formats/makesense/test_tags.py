"""Tags of whole images."""

from __future__ import annotations

import pytest

EDGES = ["x1", "y1", "x2", "y2"]


def tags(dataset):
    boxes = dataset.boxes.merge(dataset.images[["image_id", "image_key"]])
    names = [key.removeprefix("s/") for key in boxes["image_key"]]
    labels = [None if label != label else label for label in boxes["label"]]
    return list(zip(names, labels, strict=True))


def test_each_tag_is_a_row_without_corners(read, codes):
    dataset = read({"a.csv": 'a.jpg,"[night,street]"\nb.jpg,"[night]"'})
    assert tags(dataset) == [("a.jpg", "night"), ("a.jpg", "street"), ("b.jpg", "night")]
    assert set(dataset.boxes["shape"]) == {"tag"}
    assert dataset.boxes[EDGES].isna().all(axis=None)
    assert dataset.boxes["source_id"].tolist() == ["1", "1", "2"]
    assert dataset.boxes["box_id"].is_unique
    assert codes(dataset) == {}


def test_commas_and_quotes_in_file_names_are_part_of_them(read):
    dataset = read({"a.csv": 'crossing,"x",night.png,"[night,say "hi"]"'})
    assert tags(dataset) == [
        ('crossing,"x",night.png', "night"),
        ('crossing,"x",night.png', 'say "hi"'),
    ]


def test_names_that_are_known_are_found_first(read, codes):
    text = 'a.jpg,"[street,car, parked,night]"'
    dataset = read({"a.csv": text}, classes=("street", "car", "car, parked", "night"))
    assert [tag for _, tag in tags(dataset)] == ["street", "car, parked", "night"]
    assert codes(dataset) == {}


def test_list_that_can_be_read_in_two_ways_is_said(read):
    dataset = read({"a.csv": 'a.jpg,"[street,car, parked]"'})
    finding = dataset.findings.iloc[0]
    assert (finding["check"], finding["line"]) == ("SRC-001", 1)
    assert "--classes FILE" in finding["mend"]
    assert len(finding["members"]) == 3


def test_tag_that_is_not_in_the_list_is_unknown(read):
    dataset = read({"a.csv": 'a.jpg,"[night,moon]"'}, classes=("night",))
    assert tags(dataset) == [("a.jpg", "night"), ("a.jpg", None)]
    assert dataset.boxes["source_label"].tolist() == ["night", "moon"]
    assert dataset.findings["check"].tolist() == ["SRC-004"]


def test_csv_of_1_6_0_has_one_label_and_a_size(read, codes):
    dataset = read({"a.csv": "night,a.jpg,640,480\nnight,b.jpg,640,480\n,c.jpg,640,480"})
    assert tags(dataset) == [("a.jpg", "night"), ("b.jpg", "night"), ("c.jpg", None)]
    assert dataset.images["declared_width"].tolist() == [640] * 3
    assert codes(dataset) == {"SRC-009": 1}


def test_row_that_does_not_fit_hides_no_other(read):
    dataset = read({"a.csv": 'a.jpg,"[x]"\nb.jpg,"[x\nc.jpg,"[x]"'})
    assert [name for name, _ in tags(dataset)] == ["a.jpg", "c.jpg"]
    assert dataset.findings[["check", "line"]].values.tolist() == [["SRC-001", 2]]


def test_image_without_tags_is_no_negative(read, codes):
    for files in ({"a.csv": 'a.jpg,"[]"'}, {"a.json": '[{"image":"a.jpg","annotations":[]}]'}):
        dataset = read(files)
        assert dataset.images["label_state"].tolist() == ["missing"]
        assert codes(dataset) == {"SRC-017": 1}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_json_is_read_exactly(read, codes, mark):
    body = mark + '[{"image":"é.jpg","annotations":["car, parked","say \\"hi\\""]}]'.encode()
    dataset = read({"a.json": body})
    assert tags(dataset) == [("é.jpg", "car, parked"), ("é.jpg", 'say "hi"')]
    spans = zip(dataset.boxes["start"], dataset.boxes["end"], strict=True)
    assert [body[s:e] for s, e in spans] == [b'"car, parked"', b'"say \\"hi\\""']
    assert dataset.boxes["source_id"].tolist() == ["0", "1"]
    assert codes(dataset) == {}


def test_bad_records_and_tags_hide_no_other(read):
    text = (
        '[{"image":"a.jpg","annotations":["x",7,"y"]},\n{"image":5,"annotations":[]},\n'
        '{"image":"c.jpg","annotations":["z",""]}]'
    )
    dataset = read({"a.json": text})
    assert tags(dataset) == [
        ("a.jpg", "x"), ("a.jpg", None), ("a.jpg", "y"), ("c.jpg", "z"), ("c.jpg", None),
    ]  # fmt: skip
    assert dataset.findings[["check", "line", "source_id"]].values.tolist() == [
        ["SRC-001", 1, "1"],
        ["SRC-001", 2, "1"],
        ["SRC-009", 3, "1"],
    ]


def test_json_that_is_cut_off_is_said(read, codes):
    dataset = read({"a.json": '[{"image":"a.jpg","annotations":["x"]}'})
    assert codes(dataset) == {"SRC-002": 1}
