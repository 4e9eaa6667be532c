"""A cascade as one HTML file with its plots and tables, read offline; it runs no script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from importlib.resources import files

import pandas as pd

from curate.cascade.plots import plots_of
from curate.cascade.result import Cascade
from curate.report.html.frame import asset, head
from curate.report.html.markup import Markup, element, joined
from curate.report.html.sections import section, table

MAX_FRONT_ROWS = 300
# What a column of the sweep, the front or a point is called, in the order that they are shown.
_HEADS = {
    "threshold": "Score from",
    "accept": "Answer from",
    "proposals_per_image": "Proposals per image",
    "crops_per_image": "Crops per image",
    "recall": "Recall",
    "recall_low": "at least",
    "recall_high": "at most",
    "with_crop": "With crop",
    "precision": "Precision",
    "background_share": "Background",
    "classifier_recall": "Kept of found",
    "end_recall": "End recall",
    "end_recall_low": "at least",
    "end_recall_high": "at most",
    "end_precision": "End precision",
    "false_per_image": "False per image",
    "cost_per_image": "Cost per frame",
    "speed_up": "Speed-up",
    "sure_no_below": "Sure no below",
    "sure_yes_from": "Sure yes from",
    "no_share": "Sure no",
    "ask_share": "Ask",
    "yes_share": "Sure yes",
    "band_recall": "Band recall",
    "band_false_per_image": "Band false per image",
    "asked_images_share": "Images asked",
    "band_cost_per_image": "Band cost",
    "band_speed_up": "Band speed-up",
}


def to_html(cascade: Cascade, *, version: str) -> str:
    """The page's text; `version` is that of curate."""
    style = asset("page.css") + files("curate.cascade").joinpath("plots.css").read_text("utf-8")
    parts = [
        _summary(cascade),
        section("best", "Best points", _best(cascade)),
        section("plots", "Plots", plots_of(cascade)),
        section("sweep", "Sweep of the detector's threshold", _rows("Sweep", cascade.sweep)),
    ]
    if cascade.front is not None:
        parts.append(_front(cascade.front))
    told = ", ".join(
        f"{word} {value}"
        for word, value in (("split", cascade.options.split), ("class", cascade.options.label))
        if value is not None
    )
    links = [
        element("a", name, href=f"#{place}")
        for place, name in (("best", "Best points"), ("plots", "Plots"), ("sweep", "Sweep"))
    ]
    if cascade.front is not None:
        links.append(element("a", "Front", href="#front"))
    top = element(
        "header",
        element("h1", "Cascade of ", element("bdi", cascade.manifest)),
        *([element("p", told)] if told else []),
        element("nav", *links, aria_label="Sections"),
    )
    begin = head(f"Cascade of {cascade.manifest}", version, style)
    return f"{begin}{top}\n<main>\n{joined(parts)}\n</main>\n</body>\n</html>\n"


def _summary(cascade: Cascade) -> Markup:
    n_proposals = sum(cascade.outcomes.values()) - cascade.outcomes.get("missed", 0)
    cards = [
        ("images", cascade.n_images), ("objects", cascade.n_objects), ("proposals", n_proposals),
        *((name, count) for name, count in cascade.outcomes.items()),
    ]  # fmt: skip
    shown = [
        element("div", element("dt", name), element("dd", f"{count:,}"), class_="card")
        for name, count in cards
    ]
    method = cascade.interval()
    told = [f"Intervals of recall, {method['confidence']:.0%}: {method['method']}."]
    if cascade.score_floor is not None:
        told.append(f"The set holds no detection below a score of {cascade.score_floor:g}.")
    told += [f"{note[:1].upper()}{note[1:]}." for note in cascade.notes]
    notes = element("ul", *(element("li", text) for text in told))
    return section("summary", "Summary", element("dl", *shown, class_="cards"), notes)


def _best(cascade: Cascade) -> Markup:
    if not cascade.recommended:
        return element("p", "No point has any recall.")
    shown = pd.DataFrame([dict(best.point) for best in cascade.recommended]).astype("float64")
    names = [best.name for best in cascade.recommended]
    return _rows("Best points", shown.dropna(axis=1, how="all"), names)


def _front(stairs: pd.DataFrame) -> Markup:
    shown = stairs
    parts: list[Markup] = []
    if len(stairs) > MAX_FRONT_ROWS:
        shown = stairs.sort_values("end_recall", ascending=False, kind="stable")[:MAX_FRONT_ROWS]
        told = f"The {MAX_FRONT_ROWS} of {len(stairs):,} points with the most recall are listed."
        parts.append(element("p", f"{told} CSV and JSON hold all.", class_="note"))
    return section("front", "Points that no other beats", *parts, _rows("Front", shown))


def _rows(caption: str, values: pd.DataFrame, names: Sequence[str] = ()) -> Markup:
    """A table of numbers; where there are names, each row begins with its own."""
    columns = [name for name in _HEADS if name in values]
    heads = [*(["Best at"] if names else []), *(_HEADS[name] for name in columns)]
    rows = []
    for number, row in enumerate(values[columns].to_numpy("float64").tolist()):
        cells: list[Markup] = []
        if names:
            cells.append(element("th", names[number], scope="row"))
        cells += [element("td", _text(value), class_="num") for value in row]
        rows.append(element("tr", *cells))
    return table(caption, heads, _some(rows, len(heads)))


def _some(rows: list[Markup], n_columns: int) -> Iterable[Markup]:
    return rows or [element("tr", element("td", "none", colspan=n_columns))]


def _text(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"
