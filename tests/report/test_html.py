"""The audit as an HTML page: whole, safe, small, and saying what the JSON document says."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from curate import audit
from curate.dataset import Findings, empty_dataset
from curate.report import Rule, html_parts, to_document, to_html
from curate.report.html import NO_PIXELS, NOT_JOINED
from curate.report.html.listing import MAX_MEMBERS, MAX_ROWS, NAMED_MEMBERS
from curate.tables import FINDING_COLUMNS, make_table
from tests.report.page import listed, parsed, policy, rows_of, sha256
from tests.test_report import dataset, fault, one_per_box

RULES = [Rule("BOX-002", "box-outside-image", "error", "BOX-002 x [error]\n\nAn edge is <out>.\n")]
OUTSIDE, SMALL = (1, 90, 10, 112.5, 30), (0, 5, 5, 6, 30)
HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "\"'><b onmouseover=alert(1)>",
    "]]>&lt;&amp;\u2028",
    "\x00\x1f\x1b[31m",
    "‮gpj.exe",
]


def page_of(findings, **told):
    return parsed("".join(html_parts(findings, "labels", version="1.2.3", **told)))


@pytest.fixture
def mixed():
    """Findings of three levels, of one, two, twelve and no boxes, of a file and of no place."""
    boxes = [OUTSIDE, SMALL, (1, 20, 20, 30, 30), (1, 20, 20, 30, 30)]
    boxes += [(0, 4 * k + 10, 1, 4 * k + 13, 60) for k in range(12)]
    several = fault(None, source_id=None, boxes=tuple(range(4, 16)))
    nowhere = replace(fault(None, file=None, source_id=None), code="SRC-013", message="captions")
    records = [replace(fault(n), code="SRC-008") for n in range(1, 13)]
    return audit(dataset(boxes=boxes, faults=[several, nowhere, *records]))


def test_the_list_is_that_of_the_json_document(mixed) -> None:
    wanted = to_document(mixed, "s")["findings"]
    found = listed(page_of(mixed))
    assert {finding["level"] for finding in wanted} == {"error", "warning", "info"}
    assert {1, 2, 12} <= {len(finding["members"]) for finding in wanted}
    for one, other in zip(found, wanted, strict=True):
        same = ("finding_id", "check", "level", "message", "mend", "file", "line", "source_id")
        assert [one[key] for key in same] == [other[key] for key in same]
        assert one["image"] == (None if other["image"] is None else other["image"][2:])
        assert one["members"] == len(other["members"])
        n_named = min(len(other["members"]), NAMED_MEMBERS) if len(other["members"]) > 1 else 0
        assert len(one["first"]) == n_named


def test_the_summary_and_the_tables_count_as_the_json_document_does(mixed) -> None:
    document = to_document(mixed, "s")
    page = page_of(mixed)
    cards = {
        card.find("dt")[0].text: int(card.find("dd")[0].text.replace(",", ""))
        for card in page.at("summary").find("div")
    }
    levels = Counter(finding["level"] for finding in document["findings"])
    assert cards == {
        "images": document["images"], "boxes": document["boxes"], "classes": 1,
        "errors": levels["error"], "warnings": levels["warning"], "info": levels["info"],
    }  # fmt: skip
    counts = {code: int(cells[2]) for code, cells in rows_of(page, "checks").items()}
    assert counts == document["counts"]


def test_classes_and_sources_are_counted_by_level() -> None:
    judged = dataset(boxes=[OUTSIDE, SMALL, (1, 20, 20, 30, 30), (1, 20, 20, 30, 30)])
    labels = ["car", "bus", "car", None]
    images = judged.images.assign(source=["day", "night"])
    judged = judged.with_tables(boxes=judged.boxes.assign(label=labels), images=images)
    # REL-003 wants two classes, and none is no class: only the first two boxes are told.
    findings = Findings(audit(judged, select="BOX").table, judged)
    assert findings.counts == {"BOX-002": 1, "BOX-004": 1}
    page = page_of(findings)
    assert rows_of(page, "classes") == {
        "(no class)": ["1", "–", "–", "–"],
        "bus": ["1", "–", "1", "–"],
        "car": ["2", "1", "–", "–"],
    }
    assert rows_of(page, "sources") == {
        "day": ["1", "1", "–", "1", "–"],
        "night": ["1", "3", "1", "–", "–"],
    }


def test_a_finding_of_two_classes_counts_for_both_and_one_of_no_image_for_no_source() -> None:
    judged = dataset(boxes=[OUTSIDE, OUTSIDE], faults=[fault(1, file=None)])
    judged = judged.with_tables(boxes=judged.boxes.assign(label=["car", "bus"]))
    page = page_of(audit(judged, select=["REL-003", "SRC"]))
    assert rows_of(page, "classes") == {
        "bus": ["1", "–", "1", "–"],
        "car": ["1", "–", "1", "–"],
    }
    assert rows_of(page, "sources") == {
        "s": ["2", "2", "–", "1", "–"],
        "(no image)": ["0", "0", "1", "–", "–"],
    }


def test_counts_are_held_against_those_of_a_baseline() -> None:
    findings = audit(dataset(boxes=[OUTSIDE, SMALL]))
    assert findings.counts == {"BOX-002": 1, "BOX-004": 1}
    page = page_of(findings, baseline={"BOX-002": 1, "BOX-004": 4, "SRC-001": 2})
    trends = {code: cells[-1] for code, cells in rows_of(page, "checks").items()}
    assert trends == {"BOX-002": "as before", "BOX-004": "▼ −3 from 4", "SRC-001": "▼ −2 from 2"}
    trends = rows_of(page_of(findings, baseline={}), "checks")
    assert trends["BOX-002"][-1] == "▲ +1 from 0"
    assert len(rows_of(page_of(findings), "checks")["BOX-002"]) == len(trends["BOX-002"]) - 1


def test_definitions_are_those_given_or_else_those_of_the_findings() -> None:
    findings = audit(dataset(boxes=[OUTSIDE, SMALL]))
    table = findings.table.assign(definition=["person@1.0.0+ab12", None])
    judged = Findings(table, findings.dataset)
    page = page_of(judged)
    assert [item.text for item in page.at("summary").find("li")] == ["person@1.0.0+ab12"]
    assert [row["definition"] for row in listed(page)] == ["person@1.0.0+ab12", None]
    page = page_of(judged, definitions=["box@2.0.0+cd34", "person@1.0.0+ab12"])
    assert len(page.at("summary").find("li")) == 2
    assert page_of(findings).at("summary").find("li") == []


def test_the_summary_tells_how_many_findings_are_settled() -> None:
    findings = audit(dataset(boxes=[OUTSIDE, SMALL]))
    known = frozenset(findings.table["finding_id"])
    summary = page_of(replace(findings, known=known, waived=9)).at("summary")
    assert [line.text for line in summary.find("p")] == ["2 known, 9 waived."]
    assert page_of(findings).at("summary").find("p") == []


@pytest.mark.parametrize("text", HOSTILE)
def test_no_word_of_labels_becomes_markup(text: str) -> None:
    odd = replace(fault(1, file=text, source_id=text), message=text, mend=text)
    judged = dataset(boxes=[OUTSIDE], faults=[odd])
    judged = judged.with_tables(
        images=judged.images.assign(image_key=[f"s/{text}{n}" for n in range(2)], source=text),
        boxes=judged.boxes.assign(label=text, source_label=text, source_id=text, file=text),
    )
    table = audit(judged).table.assign(definition=text, name=text, unit=text)
    findings = Findings(table, judged)
    whole = "".join(html_parts(findings, text, version="1", rules=RULES, definitions=[text]))
    plain = "".join(
        html_parts(audit(dataset(boxes=[OUTSIDE], faults=[fault(1)])), "s", version="1")
    )
    page = parsed(whole)
    # The page has the elements that it has with plain words, and the rule's page and definition.
    assert {node.tag for node in page.every()} <= {node.tag for node in parsed(plain).every()} | {
        "details", "summary", "pre", "ul", "li"
    }  # fmt: skip
    handlers = [n for n in page.every() if any(key.startswith("on") for key in n.attributes)]
    assert handlers == []
    assert not re.search("[\x00-\x08\x0b-\x1f]", whole)
    shown = "".join(c if c >= " " else f"\\x{ord(c):02x}" for c in text)
    assert page.find("bdi")[0].text == shown
    assert {row["message"] for row in listed(page)} >= {shown}
    assert {row["file"] for row in listed(page)} == {shown}


def test_a_lone_surrogate_in_the_source_can_be_written() -> None:
    text = to_html(audit(empty_dataset("s")), "bad\udcff", version="1")
    assert rb"bad\udcff" in text.encode("utf-8", "backslashreplace")


def test_the_page_asks_for_nothing_outside_it(mixed) -> None:
    page = page_of(mixed, rules=RULES)
    allowed = policy(page)
    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == ["'none'"]
    assert allowed["img-src"] == ["data:"]
    (style,) = page.find("style")
    (data, script) = page.find("script")
    assert data.attributes["type"] == "application/json"
    assert allowed["style-src"] == [sha256(style.text)]
    assert allowed["script-src"] == [sha256(script.text)]
    links = [
        value
        for node in page.every()
        for key, value in node.attributes.items()
        if key in ("href", "src", "action", "srcset", "data", "poster") and value
    ]
    assert links
    assert [link for link in links if not link.startswith(("#", "data:image/jpeg;base64,"))] == []
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert not any("style" in node.attributes for node in page.every())


def test_a_rule_is_shown_with_its_manual_page() -> None:
    page = page_of(audit(dataset(boxes=[OUTSIDE])), rules=RULES)
    (sheet,) = page.find("section", class_="sheet")
    assert sheet.find("pre")[0].text == RULES[0].page
    assert "An edge is <out>." in sheet.find("p")[0].text


def test_nothing_found_in_nothing_is_a_page() -> None:
    page = page_of(audit(empty_dataset("s")))
    assert page.at("checks").find("p")[0].text == "Nothing was found."
    assert listed(page) == []


def test_every_control_has_a_name_and_every_plot_words(mixed) -> None:
    page = page_of(mixed)
    labels = {label.attributes.get("for") for label in page.find("label")}
    wrapped = {id(node) for label in page.find("label") for node in label.every()}
    controls = [*page.find("select"), *page.find("input")]
    assert len(controls) == 8
    for control in controls:
        assert control.attributes["id"] in labels or id(control) in wrapped
    assert all(button.text for button in page.find("button"))
    drawn = page.find("svg", role="img")
    assert len(drawn) == 5
    assert all(plot.attributes["aria-label"] for plot in drawn)
    for name in ("checks", "classes", "sources", "findings"):
        assert page.at(name).find("caption")


def test_pages_without_pictures_say_why(mixed) -> None:
    assert NOT_JOINED in page_of(mixed).at("pictures").text
    assert NO_PIXELS in page_of(mixed, with_pixels=False).at("pictures").text


def test_the_same_findings_give_the_same_bytes() -> None:
    boxes = [(k % 5, 10, 10, 110 + k % 7, 30) for k in range(15)]
    one, two = (audit(dataset(n_images=5, boxes=boxes)) for _ in range(2))
    assert to_html(one, "s", version="1") == to_html(two, "s", version="1")


def drawn_counts(page, title: str) -> dict[str, int]:
    """The bars of a plot: what each is of, and its count."""
    (figure,) = [f for f in page.at("plots").find("figure") if f.find("b")[0].text == title]
    told = [title.text.rpartition(": ") for title in figure.find("title")]
    return {name: int(count.replace(",", "")) for name, _, count in told if name}


def test_the_plots_count_every_box_with_a_place() -> None:
    nan = float("nan")
    # Sides 8 x 8, 8 x 32 (a shape of 1/4), 16 x 4; one upside down and one without numbers.
    boxes = [(0, 0, 0, 8, 8), (0, 10, 0, 18, 32), (1, 50, 40, 66, 44)]
    boxes += [(1, 9, 9, 5, 5), (1, nan, nan, nan, nan)]
    judged = dataset(n_images=3, boxes=boxes)
    page = page_of(audit(judged.with_tables(boxes=judged.boxes.assign(label=[*"aaabb"]))))
    # 2^3 = 8 begins a bar, and so does 2^4: the geometric means are 8, 16 and 8.
    assert drawn_counts(page, "Box size") == {"8 to 11.3": 2, "16 to 22.6": 1}
    assert drawn_counts(page, "Box shape") == {"0.25 to 0.354": 1, "1 to 1.41": 1, "4 to 5.66": 1}
    assert drawn_counts(page, "Boxes per image") == {"0": 1, "2": 1, "3": 1}
    assert drawn_counts(page, "Boxes per class") == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    ("frame", "wanted"),
    # Centres at 3/4 of 100 px and 1/8 of 80 px; on its side the image is 80 px wide, 100 px high.
    [("upright", (15, 2)), ("stored", (18, 2))],
)
def test_the_map_shows_where_in_their_image_boxes_lie(frame, wanted) -> None:
    boxes = [(0, 70, 5, 80, 15), (0, 74, 9, 76, 11), (1, 300, 5, 310, 15)]
    judged = dataset(n_images=2, boxes=boxes)
    told = {"box_frame": frame, "exif_orientation": 6}
    images = judged.images.assign(**told).astype(judged.images.dtypes)
    page = page_of(audit(judged.with_tables(images=images)))
    figure = page.at("plots").find("figure")[2]
    assert "1 outside" in figure.find("span")[0].text
    (cell,) = figure.find("rect", class_="mark")
    assert cell.text == "2 boxes"
    sides = [float(cell.attributes[name] or "nan") for name in ("x", "y", "width", "height")]
    assert (sides[0] / sides[2], sides[1] / sides[3]) == pytest.approx(wanted)


@pytest.fixture(scope="module")
def many():
    """100,000 findings, each of a box of an image and label file of its own."""
    n = 100_000
    numbers = np.random.default_rng(5).permutation(580_000)[:n]
    rows = np.arange(n)
    judged = dataset(
        n_images=n,
        boxes=np.column_stack([rows, rows % 89, rows % 71, rows % 89 + 30, rows % 71 + 20]),
    )
    names = [f"s/{number:012d}.jpg" for number in numbers]
    files = [f"{number:012d}.xml" for number in numbers]
    labels = [f"class{number % 80}" for number in numbers]
    judged = judged.with_tables(
        images=judged.images.assign(image_key=names),
        boxes=judged.boxes.assign(
            file=files, label=labels, source_id=[str(900_000 + number) for number in numbers]
        ),
    )
    text = "right edge at {:.6g} is {:.4g} px outside the 640 px wide image, should be at most 1 px"
    table = one_per_box(judged).assign(
        message=[text.format(640 + k / 7, k / 7) for k in numbers],
        file=judged.boxes["file"],
        line=judged.boxes["line"],
        source_id=judged.boxes["source_id"],
        finding_id=np.random.default_rng(6).integers(0, 1 << 62, n),
        check=np.where(rows < n // 3, "BOX-002", "BOX-009"),
        level=np.where(rows < n // 3, "error", "warning"),
    )
    assert table["message"].nunique() > 90_000
    columns = {name: table[name] for name in FINDING_COLUMNS}
    return Findings(make_table(FINDING_COLUMNS, n, columns), judged)


def test_a_hundred_thousand_findings_stay_under_ten_megabytes_and_none_is_lost(many) -> None:
    text = to_html(many, "s", version="1")
    assert len(text.encode("utf-8")) < 10_000_000
    page = parsed(text)
    found = listed(page)
    assert [row["message"] for row in found] == many.table["message"].tolist()
    assert [row["file"] for row in found] == many.table["file"].tolist()
    counts = {c: int(cells[2].replace(",", "")) for c, cells in rows_of(page, "checks").items()}
    assert counts == many.counts
    total = json.loads(page.at("data").text)["total"]
    assert total == len(many) == sum(counts.values())


def test_beyond_a_hundred_thousand_the_worst_of_each_check_are_listed(many) -> None:
    more = many.table.iloc[:20_000].assign(check="REL-001", name="boxes-duplicate")
    ids = np.arange(20_000) + (1 << 62)
    more = more.assign(finding_id=ids)
    findings = Findings(pd.concat([many.table, more], ignore_index=True), many.dataset)
    text = to_html(findings, "s", version="1")
    assert len(text.encode("utf-8")) < 10_000_000
    page = parsed(text)
    found = listed(page)
    assert len(found) == MAX_ROWS
    # 20,000 and 33,333 are all there is of two checks; the third gets what is left.
    listed_counts = Counter(row["check"] for row in found)
    assert listed_counts == {"REL-001": 20_000, "BOX-002": 33_333, "BOX-009": 46_667}
    assert "100,000 of 120,000 findings are listed" in page.at("findings").text
    assert rows_of(page, "checks")["BOX-009"][2] == "66,667"


def test_words_that_nothing_makes_short_are_listed_as_far_as_they_fit(many) -> None:
    table = many.table.iloc[:40_000]
    words = np.random.default_rng(7).integers(97, 123, (40_000, 400)).astype(np.uint8)
    table = table.assign(message=[bytes(word).decode("ascii") for word in words])
    columns = {name: table[name] for name in FINDING_COLUMNS}
    findings = Findings(make_table(FINDING_COLUMNS, 40_000, columns), many.dataset)
    text = to_html(findings, "s", version="1")
    assert len(text.encode("utf-8")) < 10_000_000
    assert 15_000 < len(listed(parsed(text))) < 40_000


def test_members_are_named_up_to_a_number_and_always_counted() -> None:
    n = 3_000
    boxes = [(k, 1, 1, 5, 9 + side) for k in range(n) for side in range(12)]
    judged = dataset(n_images=n, boxes=boxes)
    ids = judged.boxes["box_id"].to_numpy().reshape(n, 12)
    values = {
        "finding_id": np.arange(n), "check": "REL-001", "name": "x", "level": "error",
        "message": "12 boxes", "members": ids.tolist(), "image_id": judged.images["image_id"],
    }  # fmt: skip
    findings = Findings(make_table(FINDING_COLUMNS, n, values), judged)
    found = listed(page_of(findings))
    assert {row["members"] for row in found} == {12}
    assert {len(row["first"]) for row in found} == {0, NAMED_MEMBERS}
    assert sum(len(row["first"]) for row in found) == MAX_MEMBERS
