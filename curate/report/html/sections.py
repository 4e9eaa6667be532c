"""The parts of the page that are made of tables: summary, checks, classes, sources, pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Findings
from curate.faults import LEVELS
from curate.report.html.crops import Crop
from curate.report.html.markup import Markup, element, joined
from curate.report.html.subjects import (
    NO_CLASS,
    Rows,
    Subjects,
    by_level,
    class_counts,
    source_counts,
)
from curate.report.rules import Rule
from curate.verdicts import CheckVerdicts

NO_IMAGE = "(no image)"


def summary(findings: Findings, about: Subjects, definitions: Sequence[str]) -> Markup:
    """How much was judged, by what, and how much was found."""
    dataset = findings.dataset
    counts = findings.table["level"].value_counts()
    cards = [
        ("images", len(dataset.images), ""),
        ("boxes", len(dataset.boxes), ""),
        ("classes", len({*about.classes} - {NO_CLASS}), ""),
        *((_plural(level), int(counts.get(level, 0)), level) for level in LEVELS),
    ]
    shown = [
        element("div", element("dt", name), element("dd", f"{count:,}"), class_=f"card {kind}")
        for name, count, kind in cards
    ]
    parts = [element("dl", *shown, class_="cards")]
    settled = ", ".join(f"{count:,} {word}" for word, count in findings.settled.items() if count)
    if settled:
        parts.append(element("p", f"{settled}.", class_="note"))
    if definitions:
        named = [element("li", element("code", name)) for name in definitions]
        parts += [element("h3", "Definitions in force"), element("ul", *named)]
    return section("summary", "Summary", *parts)


def _plural(level: str) -> str:
    return {"error": "errors", "warning": "warnings"}.get(level, level)


def checks(findings: Findings, rules: Iterable[Rule], baseline: Mapping[str, int] | None) -> Markup:
    """The findings by check: how many, how bad, how it was before, what people said of them."""
    code_of, found = pd.factorize(findings.table["check"].to_numpy(object))
    per_level = np.zeros((len(found), len(LEVELS)), np.int64)
    np.add.at(per_level, (code_of, by_level(findings)), 1)
    of_code = dict(zip(found.tolist(), per_level.tolist(), strict=True))
    known = {rule.code: rule for rule in rules}
    most = int(per_level.sum(axis=1).max(initial=1))
    verdicts = {own.check: own for own in findings.verdicts}
    rows = []
    for code in sorted({*of_code, *(baseline or {}), *verdicts}):
        own = of_code.get(code, [0] * len(LEVELS))
        count = sum(own)
        name = known[code].name if code in known else ""
        badges = [_badge(word, n) for word, n in zip(LEVELS, own, strict=True) if n]
        cells = [
            element("th", _filter_button("check", code), scope="row"),
            element("td", name),
            element("td", *badges),
            element("td", f"{count:,}", class_="num"),
            element("td", _bar(count / most), class_="share"),
        ]
        if baseline is not None:
            cells.append(element("td", *_trend(count, baseline.get(code, 0)), class_="num"))
        cells += _reviewed(verdicts.get(code)) if verdicts else []
        rows.append(element("tr", *cells))
    heads = [
        "Check",
        "Name",
        "Levels",
        "Findings",
        "",
        *(["Against baseline"] * (baseline is not None)),
        *(["Reviewed", "Confirmed", "False alarms", "Precision (95 %)"] if verdicts else []),
    ]
    if not rows:
        return section("checks", "Checks", element("p", "Nothing was found.", class_="good"))
    return section("checks", "Checks", table("Findings per check", heads, rows))


def _reviewed(own: CheckVerdicts | None) -> list[Markup]:
    """Cells of what people said of a check's findings."""
    if own is None:
        return [element("td", "–", class_="num none")] * 4
    low, high = own.interval
    told = f"{own.precision:.2f} ({low:.2f}–{high:.2f})"
    precision = element("span", told, class_="worse") if own.is_poor else told
    counts = (own.reviewed, own.confirmed, own.false_alarms)
    cells = [element("td", f"{count:,}", class_="num") for count in counts]
    return [*cells, element("td", precision, class_="num")]


def _trend(now: int, before: int) -> list[str | Markup]:
    if now == before:
        return ["as before"]
    sign, kind = ("▲ +", "worse") if now > before else ("▼ −", "better")
    return [element("span", f"{sign}{abs(now - before):,}", class_=kind), f" from {before:,}"]


def classes(findings: Findings, about: Subjects) -> Markup:
    """The boxes and findings of each class."""
    labels = findings.dataset.boxes["label"]
    per_class = labels.fillna(NO_CLASS).value_counts()
    n_boxes = [int(per_class[name]) for name in about.classes]
    note = element("p", "A finding about boxes of several classes counts for each.", class_="note")
    counts = {"Boxes": n_boxes}
    counted = _counted("class", about.classes, counts, class_counts(findings, about))
    return section("classes", "Classes", counted, note)


def sources(findings: Findings, about: Subjects) -> Markup:
    """The images, boxes and findings of each source."""
    images, boxes = findings.dataset.images, findings.dataset.boxes
    source = pd.Series(images["source"].to_numpy(object), images["image_id"].to_numpy(np.int64))
    of_boxes = boxes["image_id"].map(source).value_counts()
    of_images = source.value_counts()
    found = source_counts(findings, about)
    names = [*about.sources, NO_IMAGE]
    counts = {
        "Images": [int(of_images.get(name, 0)) for name in about.sources] + [0],
        "Boxes": [int(of_boxes.get(name, 0)) for name in about.sources] + [0],
    }
    if not found[-1].any():
        names, found = names[:-1], found[:-1]
    return section("sources", "Sources", _counted("source", names, counts, found))


def _counted(
    kind: str, names: Sequence[str], counts: Mapping[str, Sequence[int]], found: Rows
) -> Markup:
    """A table with a row per name: its numbers, and its findings by level."""
    rows = []
    for number, name in enumerate(names):
        head = name if name == NO_IMAGE else _filter_button(kind, name, str(number))
        cells = [element("td", f"{values[number]:,}", class_="num") for values in counts.values()]
        cells += [
            element("td", f"{n:,}" if n else "–", class_=f"num {level}" if n else "num none")
            for level, n in zip(LEVELS, found[number].tolist(), strict=True)
        ]
        rows.append(element("tr", element("th", head, scope="row"), *cells))
    heads = [kind.capitalize(), *counts, *(_plural(level).capitalize() for level in LEVELS)]
    return table(f"Findings per {kind}", heads, rows)


def sheets(
    findings: Findings, rules: Iterable[Rule], made: Sequence[Crop], places: Mapping[int, int]
) -> list[Markup]:
    """Per check a sheet of pictures, the worst finding first, with the manual page.

    `places` maps rows of the findings table to places in the page's list.
    """
    by_check: dict[str, list[Crop]] = {}
    for crop in made:
        by_check.setdefault(findings.table["check"].iloc[crop.row], []).append(crop)
    keys = findings.dataset.images["image_key"]
    counts = findings.counts
    parts = []
    for rule in rules:
        own = by_check.get(rule.code, [])
        figures = [_figure(crop, findings, keys.iloc[crop.image_row], places) for crop in own]
        n_bad = sum(crop.fault is not None for crop in own)
        told = f"{len(own):,} of {counts[rule.code]:,} shown, the worst first"
        told += f"; {n_bad:,} of these pictures cannot be read" if n_bad else ""
        title = element("h3", element("code", rule.code), f" {rule.name} ", _badge(rule.level))
        page = element(
            "details",
            element("summary", "What it means and how to mend it"),
            element("pre", rule.page),
        )
        words = [
            title,
            element("p", rule.summary),
            *([page] if rule.page else []),
            *([element("p", told, class_="note")] if own else []),
        ]
        sheet = [element("div", *words), element("div", *figures, class_="crops")]
        parts.append(
            element("section", *sheet[: 1 + bool(own)], class_="sheet", data_check=rule.code)
        )
    return parts


def _figure(crop: Crop, findings: Findings, key: str, places: Mapping[int, int]) -> Markup:
    finding = findings.table.iloc[crop.row]
    message, own = finding["message"], finding["source_id"]
    who = key.partition("/")[2] + (f" [{own}]" if isinstance(own, str) else "")
    caption = element("figcaption", element("b", who), element("span", message, title=message))
    if crop.jpeg is None:
        shown = element("div", f"The picture {crop.fault}.", class_="unreadable")
    else:
        shown = element(
            "img",
            src=f"data:image/jpeg;base64,{base64.b64encode(crop.jpeg).decode('ascii')}",
            width=crop.size_wh[0],
            height=crop.size_wh[1],
            alt=f"{who}: {message}",
            loading="lazy",
        )
    return element("figure", shown, caption, data_row=places[crop.row])


def _badge(level: str, count: int | None = None) -> Markup:
    word = level if count is None else f"{count:,} {level if count == 1 else _plural(level)}"
    return element("span", word, class_=f"badge {level}")


def _bar(share: float) -> Markup:
    bar = element("rect", width=f"{100 * share:.1f}", height=8, class_="mark")
    return element("svg", bar, viewBox="0 0 100 8", preserveAspectRatio="none", aria_hidden="true")


def _filter_button(kind: str, name: str, value: str | None = None) -> Markup:
    return element(
        "button",
        name,
        type="button",
        data_filter=kind,
        data_value=name if value is None else value,
        title=f"List the findings of this {kind}",
    )


def table(caption: str, heads: Sequence[str], rows: Iterable[Markup]) -> Markup:
    """A table that can be scrolled; its caption is for those who hear it."""
    # All columns but the first, and those with words, hold numbers.
    words = {"Name", "Levels", ""}
    cells = [
        element("th", head, scope="col", class_="" if n == 0 or head in words else "num")
        for n, head in enumerate(heads)
    ]
    rowed = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *cells)),
        element("tbody", *rows),
    )
    return element("div", rowed, class_="wide", tabindex=0, role="region", aria_label=caption)


def section(name: str, title: str, *parts: Any) -> Markup:  # texts and markup
    """A part of the page that links can name."""
    return element("section", element("h2", title), joined(parts), id=name)
