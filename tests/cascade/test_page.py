"""The page of a cascade: whole, safe, without a script, and saying what the document says."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.cascade import Costs, Options, measure
from curate.cascade.page import to_html
from curate.cascade.plots import axis_of
from tests.cascade.manifests import detection, worked, write_set
from tests.report.page import Node, parsed, policy, rows_of, sha256

HOSTILE = "</style><script>alert(1)</script>\"'>"


def page_of(cascade: object) -> Node:
    return parsed(to_html(cascade, version="1.2.3"))


def test_the_tables_hold_what_was_measured(tmp_path: Path) -> None:
    crops, answers = worked(tmp_path)
    told = Options(max_false_per_image=0.2, costs=Costs(4, 0.5, 46))
    found = measure(crops, told, predictions=answers)
    page = page_of(found)
    sweep = rows_of(page, "sweep")
    assert list(sweep) == [f"{t:.4g}" for t in found.sweep["threshold"]]
    assert found.front is not None
    assert len(rows_of(page, "front")) == len(found.front)
    assert set(rows_of(page, "best")) == {"most-recall", "best-f1", "within-limit"}
    figures = page.at("plots").find("figure")
    assert [figure.find("b")[0].text for figure in figures] == [
        "Recall", "Best points of both stages", "Sure no, ask, sure yes",
    ]  # fmt: skip
    assert all(figure.find("svg")[0].attributes["aria-label"] for figure in figures)


def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    page = page_of(measure(worked(tmp_path)[0]))
    (style,) = page.find("style")
    allowed = policy(page)
    assert allowed["default-src"] == ["'none'"]
    assert allowed["style-src"] == [sha256(style.text)]
    assert "script-src" not in allowed
    assert page.find("script") == []
    assert all("style" not in node.attributes for node in page.every())
    assert not any({"src", "srcset"} & set(node.attributes) for node in page.every())


def test_words_of_the_set_are_text(tmp_path: Path) -> None:
    rows = [detection(0.9, "matched", HOSTILE, split=HOSTILE)]
    found = measure(write_set(tmp_path, rows), Options(split=HOSTILE, label=HOSTILE))
    page = page_of(found)
    assert page.find("script") == []
    assert HOSTILE in page.find("header")[0].text


def test_plots_stay_within_their_frame(tmp_path: Path) -> None:
    crops, answers = worked(tmp_path)
    page = page_of(measure(crops, Options(max_false_per_image=0.2), predictions=answers))
    drawn = [n.attributes["points"] for n in page.every() if n.tag in ("polyline", "polygon")]
    assert len(drawn) >= 7
    for points in drawn:
        for pair in (points or "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= 320
            assert 0 <= y <= 204


@pytest.mark.parametrize("outcome", ["unlabelled", "background"])
def test_a_page_without_objects_is_whole(tmp_path: Path, outcome: str) -> None:
    rows = [detection(0.9, outcome, "c", is_assigned=None)]
    assert "No point has any recall." in page_of(measure(write_set(tmp_path, rows))).text


def test_axes_count_in_powers_of_ten_over_wide_ranges_only() -> None:
    import numpy as np

    wide, narrow = axis_of(np.array([0, 0.001, 1])), axis_of(np.array([0, 1, 2.0]))
    assert (wide.is_log, narrow.is_log) == (True, False)
    # Of three decades the second ends at two thirds; what is 0 lies at the left end.
    left, second, right = wide.x(np.array([0, 0.1, 1])).tolist()
    assert second == pytest.approx(left + (right - left) * 2 / 3)
    assert [word for _, word in wide.ticks()] == ["0.001", "0.01", "0.1", "1"]
