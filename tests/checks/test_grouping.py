"""One finding per cause, ranks, and ids that survive what does not concern them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st


def plain(box, count: int, **columns) -> list:
    """Boxes without any fault, side by side."""
    name = columns.pop("name", "ok")
    return [
        box(f"{name}{n}", 15 * (n % 40), 15 * (n // 40), 15 * (n % 40) + 10, 15 * (n // 40) + 10)
        | columns
        for n in range(count)
    ]


def outside(box, count: int, **columns) -> list:
    """Boxes that lie 10 px, 11 px ... outside a 640 x 480 image."""
    return [box(f"bad{n}", 600, 15 * n, 650 + n, 15 * n + 10, **columns) for n in range(count)]


@pytest.mark.parametrize(
    ("n_bad", "n_good", "n_findings"),
    [
        (20, 80, 1),  # exactly 20 boxes and 20 %
        (19, 31, 19),  # fewer than 20 boxes
        (20, 81, 20),  # less than 20 %
        (20, 30, 1),  # exactly 50 boxes in the file
        (20, 29, 20),  # a small file, and the source has no more
    ],
)
def test_fault_of_many_boxes_of_a_file_is_one_finding(
    make, findings, box, n_bad, n_good, n_findings
) -> None:
    found = findings(make(plain(box, n_good) + outside(box, n_bad)))
    assert found["check"].tolist() == ["BOX-002"] * n_findings


def test_finding_of_a_file_tells_the_ten_worst_and_holds_all(make, findings, box, names_of) -> None:
    made = make(plain(box, 40) + outside(box, 25))
    (row,) = findings(made).to_dict("records")
    assert row["message"].startswith(
        "25 of 65 boxes in this file; worst: "
        "a.jpg: right edge at 674 is 34 px outside the 640 px wide image, should be at most 1 px; "
        "a.jpg: right edge at 673 is 33 px"
    )
    assert row["message"].count("a.jpg") == 10
    assert row["message"].endswith("; and 15 more")
    assert names_of(made, row["members"]) == " ".join(f"bad{n}" for n in range(24, -1, -1))
    # Value, limit and unit are the check's own, of the worst box.
    assert (row["value"], row["limit"], row["unit"]) == (34, 1, "px")
    assert (row["file"], row["rank"], row["level"]) == ("labels.json", 0, "error")
    assert row["mend"].startswith("look for one cause")
    images = made.dataset.images
    assert row["image_id"] == images["image_id"].iloc[0]


def test_finding_of_a_file_stands_at_the_line_of_its_worst_box(make, findings, box) -> None:
    rows = plain(box, 40) + [
        row | {"line": 7 + n} for n, row in enumerate(outside(box, 25, line=1))
    ]
    (row,) = findings(make(rows)).to_dict("records")
    assert (row["file"], row["line"]) == ("labels.json", 31)


def test_finding_of_several_images_names_no_image(make, findings, box) -> None:
    rows = [row | {"image": f"i{n % 3}.jpg"} for n, row in enumerate(outside(box, 60))]
    found = findings(make(rows))
    assert len(found) == 1
    assert found["image_id"].isna().all()


def test_fault_of_many_small_files_is_one_finding_of_the_source(make, findings, box) -> None:
    bad = [
        row | {"file": f"{n}.xml", "image": f"{n}.jpg"} for n, row in enumerate(outside(box, 25))
    ]
    good = plain(box, 40, file="good.xml", image="good.jpg")
    (row,) = findings(make(good + bad)).to_dict("records")
    assert row["message"].startswith(
        "25 of 65 boxes in the small files of this source; worst: 24.jpg"
    )
    assert row["file"] != row["file"]
    assert (row["value"], len(row["members"])) == (34, 25)


def test_sources_are_judged_apart(make, findings, box) -> None:
    bad = [
        row | {"file": f"{n}.xml", "image": f"{n}.jpg"} for n, row in enumerate(outside(box, 25))
    ]
    good = plain(box, 40, file="good.xml", image="good.jpg")
    images = {f"{n}.jpg": {"source": "other"} for n in range(3)}
    found = findings(make(good + bad, images))
    assert sorted(found["members"].map(len)) == [1, 1, 1, 22]


def test_large_file_beside_small_ones_has_its_own_cause(make, findings, box) -> None:
    large = plain(box, 30, file="large.json") + outside(box, 25, file="large.json")
    small = [row | {"file": "x.xml", "image": "x.jpg"} for row in outside(box, 3)]
    small = [row | {"source_id": f"x{n}"} for n, row in enumerate(small)]
    found = findings(make(large + small))
    assert sorted(found["members"].map(len)) == [1, 1, 1, 25]
    assert found["rank"].tolist() == [0, 1 / 3, 2 / 3, 1]


def test_files_of_one_name_in_two_sources_are_two_files(make, findings, box) -> None:
    images = {"a.jpg": {"source": "one"}, "b.jpg": {"source": "two"}}
    rows = plain(box, 30) + outside(box, 25)
    rows += [row | {"image": "b.jpg"} for row in plain(box, 30) + outside(box, 25)]
    found = findings(make(rows, images))
    assert found["members"].map(len).tolist() == [25, 25]
    assert found["finding_id"].is_unique


def test_boxes_without_a_file_are_grouped_too(make, findings, box) -> None:
    (row,) = findings(make([r | {"file": None} for r in outside(box, 60)])).to_dict("records")
    assert len(row["members"]) == 60


def test_lines_and_points_do_not_count_as_boxes_of_the_file(make, findings, box) -> None:
    points = [row | {"shape": "point"} for row in plain(box, 200)]
    assert len(findings(make(points + outside(box, 50)))) == 1


def test_pairs_count_by_their_boxes(make, findings, box) -> None:
    rows = plain(box, 60)
    rows += [row | {"source_id": f"twin{n}"} for n, row in enumerate(plain(box, 10))]
    (row,) = findings(make(rows)).to_dict("records")
    assert (row["check"], len(row["members"])) == ("REL-001", 20)
    assert row["message"].startswith("20 of 70 boxes in this file; ")
    assert row["message"].count("2 boxes of class") == 10
    assert "more" not in row["message"]


def test_group_has_the_worst_level_of_its_hits(make, findings, box) -> None:
    rows = plain(box, 60, declared_area=1.0)
    rows[7]["mask_area"] = 80.0
    (row,) = findings(make(rows)).to_dict("records")
    assert (row["check"], row["level"]) == ("BOX-006", "error")
    (row,) = findings(make(plain(box, 60, declared_area=1.0))).to_dict("records")
    assert row["level"] == "warning"


def test_id_of_a_file_finding_survives_the_mending_of_a_box(make, findings, box) -> None:
    rows = plain(box, 40) + outside(box, 25)
    before, after = findings(make(rows)), findings(make(rows[:-1]))
    assert before["members"].map(len).tolist() == [25]
    assert after["members"].map(len).tolist() == [24]
    assert before["finding_id"].tolist() == after["finding_id"].tolist()


def test_single_finding_says_image_box_file_line_and_id(make, findings, box) -> None:
    made = make([box("p", 0, 0, 9, 9), box("q", 600, 0, 652, 9, line=7)])
    (row,) = findings(made).to_dict("records")
    boxes, images = made.dataset.boxes, made.dataset.images
    assert row["box_id"] == boxes["box_id"].iloc[1]
    assert row["members"] == [boxes["box_id"].iloc[1]]
    assert row["image_id"] == images["image_id"].iloc[0]
    assert (row["file"], row["line"], row["source_id"]) == ("labels.json", 7, "q")
    assert (row["value"], row["limit"], row["unit"], row["rank"]) == (12, 1, "px", 0)
    assert row["name"] == "box-outside-image"
    assert row["mend"].startswith("clip the box")


def test_worst_comes_first_within_its_check(make, findings, box, names_of) -> None:
    made = make([box("p", 0, 0, 650, 9), box("q", 0, 20, 700, 29), box("r", 9, 90, 9, 99)])
    found = findings(made)
    assert found["check"].tolist() == ["BOX-002", "BOX-002", "BOX-003"]
    assert [names_of(made, m) for m in found["members"]] == ["q", "p", "r"]
    assert found["rank"].tolist() == [0, 1, 0]


FAULTY = [
    (600.0, 0.0, 652.0, 9.0),
    (9.0, 9.0, 9.0, 20.0),
    (100.0, 100.0, 150.0, 150.0),
    (100.0, 100.0, 150.0, 150.0),
    (100.0, 100.0, 150.0, 151.0),
    (110.0, 110.0, 120.0, 120.0),
    (0.0, 0.0, 640.0, 480.0),
]


@given(st.permutations(range(len(FAULTY))))
def test_ids_survive_another_order_of_rows(make, findings, box, order) -> None:
    rows = [box(f"p{n}", *edges) for n, edges in enumerate(FAULTY)]
    before = findings(make(rows))
    after = findings(make([rows[n] for n in order]))
    assert len(before) > 5
    assert set(before["finding_id"]) == set(after["finding_id"])


@given(st.integers(0, len(FAULTY)))
def test_ids_survive_the_removal_of_a_box_that_is_not_concerned(make, findings, box, place) -> None:
    rows = [box(f"p{n}", *edges) for n, edges in enumerate(FAULTY)]
    other = box("other", 300.0, 300.0, 350.0, 350.0, label="tree")
    before = findings(make([*rows[:place], other, *rows[place:]]))
    after = findings(make(rows))
    assert set(before["finding_id"]) == set(after["finding_id"])
