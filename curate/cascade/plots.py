"""Plots of a cascade as inline SVG: recall by proposals, the best points, the band."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from curate.cascade.result import Cascade
from curate.cascade.stream import Floats
from curate.report.html.markup import Markup, element
from curate.report.html.plots import figure

# Of the drawing, in its own units.
_LEFT, _RIGHT, _TOP, _BASE, _HEIGHT = 34, 316, 8, 168, 204
_MAX_DOTS = 400
# From this ratio of the largest to the least value on, an axis counts in powers of ten.
_LOG_RATIO = 30


@dataclass(frozen=True)
class Axis:
    """The horizontal axis: its ends, and whether it counts in powers of ten.

    What lies below a logarithmic one, as 0 does, is drawn at its left end.
    """

    low: float
    high: float
    is_log: bool

    def x(self, values: Floats) -> Floats:
        """(N,) where values lie in the drawing."""
        if self.is_log:
            low, high = math.log10(self.low), math.log10(self.high)
            shares = (np.log10(np.maximum(values, self.low)) - low) / (high - low)
        else:
            shares = (values - self.low) / ((self.high - self.low) or 1.0)
        return _LEFT + shares * (_RIGHT - _LEFT)

    def ticks(self) -> list[tuple[float, str]]:
        """Values with the words below them."""
        if not self.is_log:
            return [(v, f"{v:.3g}") for v in np.linspace(self.low, self.high, 5).tolist()]
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        step = max(1, math.ceil((last - first) / 5))
        return [(10.0**n, f"{10.0**n:g}") for n in range(first, last + 1, step)]


def axis_of(values: Floats) -> Axis:
    """The axis on which values lie."""
    positive = values[values > 0]
    low, high = float(positive.min(initial=math.inf)), float(values.max(initial=0.0))
    if len(positive) and high / low >= _LOG_RATIO:
        return Axis(low, high, is_log=True)
    return Axis(min(0.0, float(values.min(initial=0.0))), high or 1.0, is_log=False)


def plots_of(cascade: Cascade) -> Markup:
    """All plots as figures."""
    made = [_recall(cascade)]
    if cascade.front is not None:
        made.append(_front(cascade, cascade.front))
    if "ask_share" in cascade.sweep:
        made.append(_band(cascade.sweep))
    return element("div", *made, class_="plots")


def _recall(cascade: Cascade) -> Markup:
    sweep = cascade.sweep
    axis = axis_of(_numbers(sweep, "proposals_per_image"))
    kinds = [("recall", "", "detector")]
    if cascade.front is not None:
        kinds.append(("end_recall", "end", f"both stages, answer from {cascade.options.accept:g}"))
    drawn = _frame(axis)
    said = []
    for column, kind, name in kinds:
        known = sweep[sweep[column].notna().to_numpy(bool)]
        if known.empty:
            continue
        x = axis.x(_numbers(known, "proposals_per_image"))
        low, high = (_y(_numbers(known, f"{column}_{side}")) for side in ("low", "high"))
        drawn += [
            _area(x, low, high, f"area {kind}".strip()),
            _line(x, _y(_numbers(known, column)), kind),
        ]
        drawn += _dots(axis, cascade.shown_rows(), column, kind, name)
        said.append(f"{name} up to {known[column].max():.3f}")
    about = "by proposals per image, with 95% intervals"
    about += "; green: with the classifier" if len(kinds) > 1 else ""
    return figure("Recall", about, drawn, ", ".join(said) or "no objects", height=_HEIGHT)


def _dots(axis: Axis, rows: pd.DataFrame, column: str, kind: str, name: str) -> Iterable[Markup]:
    for threshold, per_image, recall in zip(
        *(rows[c].tolist() for c in ("threshold", "proposals_per_image", column)), strict=True
    ):
        if not math.isnan(recall):
            told = f"{name}: score from {threshold:.4g}, recall {recall:.3f}, "
            told += f"{per_image:.3g} proposals per image"
            yield _dot(axis, per_image, recall, kind, told)


def _dot(axis: Axis, value: float, share: float, kind: str, told: str) -> Markup:
    return element(
        "circle",
        element("title", told),
        cx=_number(float(axis.x(np.array([value]))[0])),
        cy=_number(float(_y(np.array([share]))[0])),
        r=2.5,
        class_=f"dot {kind}".strip(),
    )


def _front(cascade: Cascade, stairs: pd.DataFrame) -> Markup:
    title = "Best points of both stages"
    stairs = stairs[stairs["end_recall"].notna().to_numpy(bool)]
    about = "recall by false alarms per image (none: at the left end); line: the best at any cost"
    if stairs.empty:
        return figure(title, about, _frame(Axis(0, 1, is_log=False)), "none", height=_HEIGHT)
    false, recall = _numbers(stairs, "false_per_image"), _numbers(stairs, "end_recall")
    axis = axis_of(false)
    order = np.lexsort([-recall, false])
    best = np.maximum.accumulate(recall[order])
    # Up only where a point is reached: between two points the lower one holds.
    x, y = np.repeat(axis.x(false[order]), 2)[1:], np.repeat(_y(best), 2)[:-1]
    drawn = [*_frame(axis), _line(x, y, "end")]
    shown = np.unique(np.linspace(0, len(stairs) - 1, _MAX_DOTS).round().astype(np.int64))
    for row in stairs.iloc[shown].to_dict("records"):
        told = f"score from {row['threshold']:.4g}, answer from {row['accept']:.4g}: recall "
        told += f"{row['end_recall']:.3f}, {row['false_per_image']:.3g} false per image, "
        told += f"{row['crops_per_image']:.3g} crops per image"
        drawn.append(_dot(axis, row["false_per_image"], row["end_recall"], "end", told))
    limit = cascade.options.max_false_per_image
    if limit is not None and axis.low <= limit <= axis.high:
        at = _number(float(axis.x(np.array([limit]))[0]))
        told_limit = element("title", f"limit: {limit:g} false alarms per image")
        drawn.append(element("line", told_limit, x1=at, x2=at, y1=_TOP, y2=_BASE, class_="axis"))
    said = f"{len(stairs):,} points, recall up to {recall.max():.3f}"
    return figure(title, about, drawn, said, height=_HEIGHT)


def _band(sweep: pd.DataFrame) -> Markup:
    about = (
        "shares of the crops by the detector's threshold: grey sure no, brown ask, green sure yes"
    )
    shares = [_numbers(sweep, f"{kind}_share") for kind in ("no", "ask", "yes")]
    known = np.isfinite(shares).all(axis=0)
    axis = Axis(*_ends(_numbers(sweep, "threshold")), is_log=False)
    drawn = _frame(axis)
    x = axis.x(_numbers(sweep, "threshold")[known])
    floor = np.zeros(int(known.sum()))
    for kind, share in zip(("no", "ask", "yes"), shares, strict=True):
        top = floor + share[known]
        drawn.append(_area(x, _y(floor), _y(top), kind))
        floor = top
    said = f"asked at the lowest threshold: {shares[1][known][0]:.3f}" if known.any() else "none"
    return figure("Sure no, ask, sure yes", about, drawn, said, height=_HEIGHT)


def _ends(values: Floats) -> tuple[float, float]:
    return float(values[0]), float(values[-1])


def _frame(axis: Axis) -> list[Markup]:
    drawn = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _number(float(_y(np.array([share]))[0]))
        drawn.append(element("line", x1=_LEFT, x2=_RIGHT, y1=y, y2=y, class_="grid"))
        drawn.append(
            element("text", f"{share:g}", x=_LEFT - 5, y=y, dy=4, text_anchor="end", class_="tick")
        )
    for value, word in axis.ticks():
        x = _number(float(axis.x(np.array([value]))[0]))
        drawn.append(element("text", word, x=x, y=_BASE + 15, text_anchor="middle", class_="tick"))
    drawn.append(element("line", x1=_LEFT, x2=_RIGHT, y1=_BASE, y2=_BASE, class_="axis"))
    return drawn


def _y(shares: Floats) -> Floats:
    return _BASE - shares * (_BASE - _TOP)


def _line(x: Floats, y: Floats, kind: str) -> Markup:
    return element("polyline", points=_pairs(x, y), class_=f"line {kind}".strip())


def _area(x: Floats, low: Floats, high: Floats, kind: str) -> Markup:
    around = _pairs(np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]]))
    return element("polygon", points=around, class_=kind)


def _pairs(x: Floats, y: Floats) -> str:
    return " ".join(
        f"{_number(a)},{_number(b)}" for a, b in zip(x.tolist(), y.tolist(), strict=True)
    )


def _number(value: float) -> str:
    return f"{value:.1f}"


def _numbers(table: pd.DataFrame, column: str) -> Floats:
    return table[column].to_numpy(np.float64)
