"""Plots of the boxes as inline SVG: how large, how wide, where, how many, and of which classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.dataset import Dataset
from curate.images import SIDEWAYS
from curate.report.html.markup import Markup, element
from curate.report.html.subjects import NO_CLASS

Floats = npt.NDArray[np.float64]
_EDGES = ["x1", "y1", "x2", "y2"]
# Of the drawing, in its own units.
_WIDTH, _HEIGHT, _BASE = 320, 150, 126
_CELLS = 20
_CLASSES = 12
_MOST_PER_IMAGE = 40


@dataclass(frozen=True)
class Bars:
    """A histogram: its bars from left to right, and the words below some of them."""

    title: str
    about: str
    counts: Sequence[int]
    names: Sequence[str]
    ticks: dict[int, str]


def plots_of(dataset: Dataset) -> Markup:
    """All plots as figures."""
    boxes, images = dataset.boxes, dataset.images
    edges = boxes[_EDGES].to_numpy(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        sides = edges[:, 2:] - edges[:, :2]
        sides = np.where((sides > 0).all(axis=1, keepdims=True) & np.isfinite(sides), sides, np.nan)
        size = np.sqrt(sides[:, 0] * sides[:, 1])
        aspect = sides[:, 0] / sides[:, 1]
    per_image = boxes["image_id"].value_counts().reindex(images["image_id"], fill_value=0)
    figures = [
        _bars(_octaves("Box size", "square root of the area, px", size, range(13))),
        _bars(_octaves("Box shape", "width divided by height", aspect, range(-5, 6))),
        _heat_map(_relative_centres(edges, boxes, images)),
        _bars(_boxes_per_image(per_image.to_numpy(np.int64))),
        _class_bars(boxes["label"].fillna(NO_CLASS)),
    ]
    return element("div", *figures, class_="plots")


def _octaves(title: str, about: str, values: Floats, exponents: range) -> Bars:
    """Bars of half an octave each; the first and the last also take what lies beyond."""
    low, high = exponents[0], exponents[-1]
    halves = np.floor(2 * np.log2(values[np.isfinite(values) & (values > 0)])).astype(np.int64)
    halves = np.clip(halves, 2 * low, 2 * high - 1) - 2 * low
    counts = np.bincount(halves, minlength=2 * (high - low)).tolist()
    edges = [2.0 ** (low + k / 2) for k in range(len(counts) + 1)]
    names = [f"{a:.3g} to {b:.3g}" for a, b in pairwise(edges)]
    names[0], names[-1] = f"below {edges[1]:.3g}", f"from {edges[-2]:.3g} on"
    ticks = {2 * (n - low): _power(n) for n in exponents if (n - low) % 2 == 0}
    return Bars(title, about, counts, names, ticks)


def _power(exponent: int) -> str:
    return str(2**exponent) if exponent >= 0 else f"1/{2**-exponent}"


def _boxes_per_image(counts: npt.NDArray[np.integer[Any]]) -> Bars:
    most = int(counts.max(initial=0))
    step = -(-(most + 1) // _MOST_PER_IMAGE)
    bars = np.bincount(counts // step, minlength=1).tolist()
    firsts = [n * step for n in range(len(bars))]
    names = [str(n) if step == 1 else f"{n} to {n + step - 1}" for n in firsts]
    every = max(len(bars) // 6, 1)
    ticks = {n: str(n * step) for n in range(0, len(bars), every)}
    return Bars("Boxes per image", "images by number of boxes", bars, names, ticks)


def _relative_centres(edges: Floats, boxes: pd.DataFrame, images: pd.DataFrame) -> Floats:
    """(N, 2) centres of the boxes in shares of their images; those without a size are left out."""
    rows = pd.Index(images["image_id"].to_numpy(np.int64)).get_indexer(
        boxes["image_id"].to_numpy(np.int64)
    )
    sizes = images[["width", "height"]].to_numpy(np.float64, na_value=np.nan)
    # Boxes of the stored frame lie in a picture that is still on its side.
    lying = (images["box_frame"] == "stored") & images["exif_orientation"].isin(SIDEWAYS)
    sizes = np.where(lying.to_numpy(bool)[:, None], sizes[:, ::-1], sizes)[rows]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        centres: Floats = (edges[:, :2] + (edges[:, 2:] - edges[:, :2]) / 2) / sizes
    return centres[np.isfinite(centres).all(axis=1)]


def _heat_map(centres: Floats) -> Markup:
    inside = centres[((centres >= 0) & (centres <= 1)).all(axis=1)]
    cells = np.minimum((inside * _CELLS).astype(np.int64), _CELLS - 1)
    counts = np.bincount(cells[:, 1] * _CELLS + cells[:, 0], minlength=_CELLS * _CELLS)
    most = int(counts.max(initial=0))
    wide, high = _WIDTH / _CELLS, _BASE / _CELLS
    drawn = [
        element(
            "rect",
            element("title", f"{count:,} boxes"),
            x=f"{(cell % _CELLS) * wide:g}",
            y=f"{(cell // _CELLS) * high:g}",
            width=f"{wide:g}",
            height=f"{high:g}",
            # The square root keeps places that hold few boxes in sight.
            fill_opacity=f"{(count / most) ** 0.5:.2f}",
            class_="mark",
        )
        for cell, count in enumerate(counts.tolist())
        if count
    ]
    frame = element("rect", x=0, y=0, width=_WIDTH, height=_BASE, class_="frame")
    n_out = len(centres) - len(inside)
    about = "centres in shares of the image" + (f"; {n_out:,} outside" * bool(n_out))
    most_said = f"the fullest of {_CELLS} x {_CELLS} cells holds {most:,}"
    return figure("Where the boxes lie", about, [*drawn, frame], most_said, height=_BASE)


def _bars(bars: Bars) -> Markup:
    most = max(bars.counts)
    wide = _WIDTH / len(bars.counts)
    drawn = []
    for number, count in enumerate(bars.counts):
        height = (_BASE - 14) * count / max(most, 1)
        if count:
            drawn.append(
                element(
                    "rect",
                    element("title", f"{bars.names[number]}: {count:,}"),
                    x=f"{number * wide + wide * 0.06:.1f}",
                    # A bar of one among thousands is still seen.
                    y=f"{_BASE - max(height, 1.5):.1f}",
                    width=f"{wide * 0.88:.1f}",
                    height=f"{max(height, 1.5):.1f}",
                    class_="mark",
                )
            )
    for number, word in bars.ticks.items():
        x = number * wide + (wide / 2 if bars.title == "Boxes per image" else 0)
        anchor = "start" if x < 10 else "end" if x > _WIDTH - 10 else "middle"
        drawn.append(
            element("text", word, x=f"{x:.1f}", y=_BASE + 14, text_anchor=anchor, class_="tick")
        )
    drawn.append(element("line", x1=0, y1=_BASE, x2=_WIDTH, y2=_BASE, class_="axis"))
    drawn.append(element("text", f"{most:,}", x=0, y=10, class_="tick"))
    said = f"most at {bars.names[bars.counts.index(most)]}: {most:,}"
    return figure(bars.title, bars.about, drawn, said)


def _class_bars(labels: pd.Series[str]) -> Markup:
    counts = labels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    shown = [(str(name), int(count)) for name, count in counts.head(_CLASSES).items()]
    if len(counts) > _CLASSES:
        rest = counts.iloc[_CLASSES:]
        shown.append((f"{len(rest):,} other classes", int(rest.sum())))
    most = max((count for _, count in shown), default=1)
    drawn = []
    for number, (name, count) in enumerate(shown):
        y = number * 20
        width = max((_WIDTH - 170) * count / most, 1.5)
        short = name if len(name) <= 17 else f"{name[:16]}…"
        drawn += [
            element("text", element("title", name), short, x=112, y=y + 14, text_anchor="end",
                    class_="word"),
            element("rect", element("title", f"{name}: {count:,}"), x=118, y=y + 3,
                    width=f"{width:.1f}", height=14, class_="mark"),
            element("text", f"{count:,}", x=f"{122 + width:.1f}", y=y + 14, class_="tick"),
        ]  # fmt: skip
    said = ", ".join(f"{name} {count:,}" for name, count in shown)
    height = max(20 * len(shown), 20)
    return figure("Boxes per class", "the most frequent first", drawn, said, height=height)


def figure(
    title: str, about: str, drawn: Sequence[Markup], said: str, *, height: int = _HEIGHT
) -> Markup:
    """A plot with its caption; `said` tells in words what it shows, for those who hear it."""
    svg = element(
        "svg", *drawn, viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=f"{title}: {said}"
    )
    caption = element("figcaption", element("b", title), " ", element("span", about))
    return element("figure", caption, svg)
