import pytest

from curate.demo.score import matches, score

FAULT = {
    "source": "a", "file": "label_2/x.txt", "check": "BOX-002", "name": "box-outside-image",
    "source_ids": ["3"], "image": "x.jpg", "line": 3, "note": "moved",
}  # fmt: skip
FINDING = {
    "check": "BOX-002", "level": "error", "image": "a/x.jpg", "file": "label_2/x.txt", "line": 3,
    "source_id": "3", "members": [],
}  # fmt: skip


def counted(fault, *findings):
    return score({"planted": [fault]}, {"a": {"findings": list(findings)}})


def test_found():
    result = counted(FAULT, FINDING)
    assert (result["planted"], result["found"]) == (1, 1)
    assert result["missed"] == result["not_planted"] == []
    assert result["per_check"] == {"BOX-002": {"planted": 1, "found": 1, "not_planted": 0}}


def test_missed_when_nothing_was_found():
    result = counted(FAULT)
    assert result["found"] == 0
    assert result["missed"] == [FAULT]


def test_missed_when_the_source_was_not_audited():
    assert score({"planted": [FAULT]}, {})["missed"] == [FAULT]


def test_finding_of_another_check_is_not_planted():
    other = FINDING | {"check": "BOX-003"}
    result = counted(FAULT, FINDING, other)
    assert result["not_planted"] == [{"source": "a", **other}]
    assert result["per_check"]["BOX-003"] == {"planted": 0, "found": 0, "not_planted": 1}


def test_finding_of_another_source_does_not_count():
    result = score({"planted": [FAULT]}, {"a": {"findings": []}, "b": {"findings": [FINDING]}})
    assert result["missed"] == [FAULT]
    assert result["not_planted"] == [{"source": "b", **FINDING}]


def test_info_is_never_not_planted():
    assert (
        counted(FAULT, FINDING, FINDING | {"check": "SRC-013", "level": "info"})["not_planted"]
        == []
    )


@pytest.mark.parametrize(
    ("fault", "finding", "expected"),
    [
        pytest.param({}, {"image": "a/y.jpg", "file": "label_2/y.txt"}, False, id="other-image"),
        pytest.param({}, {"image": None}, True, id="file-and-line"),
        pytest.param({}, {"image": None, "line": 4}, False, id="other-line"),
        pytest.param({}, {"image": "a/deep/x.jpg", "file": None}, True, id="end-of-path"),
        pytest.param({}, {"image": "a/ax.jpg", "file": None}, False, id="end-of-name-only"),
        pytest.param({"image": "x"}, {"file": None}, True, id="stem-stated"),
        pytest.param({}, {"image": "a/x", "file": None}, True, id="stem-found"),
        pytest.param({}, {"source_id": "4"}, False, id="other-id"),
        pytest.param({}, {"source_id": 3}, True, id="number-as-id"),
        pytest.param({"source_ids": ["3", "5"]}, {}, False, id="one-id-of-two"),
        pytest.param(
            {"source_ids": ["3", "5"]},
            {"members": [{"file": None, "source_id": "5", "line": 5, "box": None}]},
            True,
            id="other-id-is-a-member",
        ),
        pytest.param(
            {"line": None, "source_ids": []}, {"image": None, "line": None}, True, id="whole-file"
        ),
        pytest.param(
            {"file": None, "line": None, "source_ids": []},
            {"image": None, "file": "images/x.jpg", "line": None},
            True,
            id="picture-named-as-file",
        ),
        pytest.param(
            {"file": None, "line": None, "source_ids": []},
            {"image": None, "file": None, "members": [{"file": "x.jpg", "source_id": None}]},
            True,
            id="picture-among-members",
        ),
    ],
)
def test_match(fault, finding, expected):
    assert matches(FAULT | fault, FINDING | finding) is expected


def test_one_finding_may_hold_several_planted_faults():
    members = [
        {"file": "images/x.jpg", "source_id": None},
        {"file": "images/y.jpg", "source_id": None},
    ]
    orphan = FAULT | {"file": None, "line": None, "source_ids": [], "check": "IMG-002"}
    finding = {
        "check": "IMG-002",
        "level": "warning",
        "image": None,
        "file": None,
        "members": members,
    }
    truth = {"planted": [orphan, orphan | {"image": "y.jpg"}]}
    result = score(truth, {"a": {"findings": [finding]}})
    assert (result["found"], result["not_planted"]) == (2, [])


def test_names_match_in_either_unicode_form():
    finding = FINDING | {"image": "a/cafe\u0301.jpg", "file": None}
    assert matches(FAULT | {"image": "caf\u00e9.jpg"}, finding)
