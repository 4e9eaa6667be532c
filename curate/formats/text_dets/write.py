"""Writing text detections: a file per image from the columns, or back into the files read."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.formats.image_names import label_paths, stem_of
from curate.formats.line_files import (
    LineFormat,
    LineImage,
    Spot,
    line_images,
    number_text,
    token_spans,
    with_tokens,
    write_lines,
)
from curate.formats.per_image import (
    EDGES,
    LABEL_STATE_WHY,
    BoxRow,
    Change,
    box_rows,
    holds_box,
    is_known,
)
from curate.formats.text_dets.read import FRUSTUM_TYPES, NAME
from curate.formats.text_dets.sniff import N_COLUMNS, N_FRUSTUM_COLUMNS, number
from curate.formats.writing import LossReport, Lost

# They are shown as any other: a detection is never ignored.
IGNORED_AS = "objects"
LACK = "a line of a detection has no place for it"
_HELD = frozenset({"label", "source_label", "score", "shape", *EDGES})
_STEMS = "the file is called by the image's stem"
_ALL_FOUND = "every line is read as a detector's"
_NOT_IN_CLASS = re.compile(r"[\s\0-\x1f\x7f\ufeff]+")
_NO_LINE = "the line has too few or too many columns: it is left as it was"
_NOT_LISTED = "not in the list of classes: the old one stays"


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `<stem>.txt` with lines `class score x1 y1 x2 y2` into an existing, empty folder.

    Parameters and errors are those of `line_files.write_lines`.
    """
    lines = _Lines(original)
    kind = LineFormat(
        name=NAME,
        title="a text file of detections",
        lack=LACK,
        no_line="no file tells of an image that was added",
        image_columns=frozenset({"label_state", "source_id"} if original else {"label_state"}),
        box_columns=_HELD | {"origin"} | ({"attributes"} if original is not None else set()),
        kept_images={
            "image_key": "the files keep their names",
            "label_state": LABEL_STATE_WHY,
        },
        make=_make,
        change_line=lines.changed,
        new_line=lines.added,
        beside=_beside,
        holds=_holds,
        held="boxes with a class, four corners and a score",
        drops_files=True,
    )
    return write_lines(kind, dataset, folder, original)


def _holds(boxes: pd.DataFrame) -> pd.Series[bool]:
    has_score = np.isfinite(boxes["score"].to_numpy(np.float64))
    return holds_box(boxes) & pd.Series(has_score, index=boxes.index)


def _make(dataset: Dataset, lost: Lost) -> dict[str, bytes]:
    rows: dict[int, list[str]] = defaultdict(list)
    ids = dataset.boxes["image_id"].tolist()
    for image_id, row in zip(ids, box_rows(dataset.boxes), strict=True):
        token = class_token(row.label or "")
        lost["boxes.label", "a class is one word: _ is written"] += token != row.label
        lost["boxes.source_label", "a line has one class: the label is written"] += (
            row.source_label not in (None, token, row.label)
        )
        words = [token, score_text(row.score), *(numbers_text("xyxy", row.edges, None) or ())]
        rows[image_id].append(" ".join(words))
        lost["boxes.origin", _ALL_FOUND] += row.origin != "detector"
    images = list(line_images(dataset.images))
    names = [PurePosixPath(image.name).name for image in images]
    files = {}
    for image, name, path in zip(images, names, label_paths(names, ".txt"), strict=True):
        own = rows[image.image_id]
        files[path] = "".join(f"{line}\n" for line in own).encode("utf-8", "backslashreplace")
        lost["images (folder of the name)", _STEMS] += name != image.name
        lost["images (ending of the name)", _STEMS] += stem_of(name) != name
        state = "present" if own else "empty"
        lost["images.label_state", LABEL_STATE_WHY] += image.label_state != state
    return files


def class_token(label: str) -> str:
    """A class as one word that is read again as a class: no other number than a whole one."""
    token = _NOT_IN_CLASS.sub("_", label) or "_"
    is_plain = token.isdigit() or (number(token.encode()) is None and not token.endswith(":"))
    return token if is_plain else f"_{token.rstrip(':')}"


def score_text(score: float | None) -> str:
    """A score to its last digit."""
    return repr(float(score or 0.0))


def numbers_text(
    kind: str, edges: Sequence[float | None], size_wh: tuple[int | None, int | None] | None
) -> list[str] | None:
    """The four numbers of a line; None where an edge, or the size that they are of, is unknown.

    Parameters
    ----------
    kind
        `xyxy`, `xywh` or `rel-xywh`.
    edges
        x1, y1, x2, y2, px.
    size_wh
        Width and height of the image, px, for fractions.
    """
    x1, y1, x2, y2 = (edge if is_known(edge) else math.nan for edge in edges)
    values = [x1, y1, x2, y2]
    if kind == "xywh":
        values = [x1, y1, x2 - x1, y2 - y1]
    elif kind == "rel-xywh":
        width, height = size_wh or (None, None)
        w, h = width or math.nan, height or math.nan
        values = [(x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h]
    return [number_text(value) for value in values] if all(map(math.isfinite, values)) else None


def _beside(dataset: Dataset, original: Dataset, lost: Lost) -> dict[str, bytes]:
    """The lists of classes, as they were."""
    names = [name for name in dataset.sources.names() if name not in dataset.formats]
    return {name: dataset.sources.read(name) for name in names}


@dataclass(frozen=True)
class _Lines:
    """The lines of the files that were read."""

    original: Dataset | None

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What the numbers of each file are, told by its first box that has edges."""
        found: dict[str, str] = {}
        if self.original is None:
            return found
        boxes = self.original.boxes
        known = boxes[np.isfinite(boxes[EDGES].to_numpy(np.float64)).all(axis=1)]
        first = known.drop_duplicates("file")
        columns = (first[name].tolist() for name in ("file", "start", "end", *EDGES))
        for file, start, end, *edges in zip(*columns, strict=True):
            line = self.original.sources.span(file, int(start), int(end))
            found[file] = _kind_of(line.split(), edges)
        return found

    @cached_property
    def numbers(self) -> dict[str, str]:
        """The number of each listed class."""
        if self.original is None or self.original.classes.empty:
            return {}
        classes = self.original.classes.drop_duplicates("label")
        return dict(zip(classes["label"], classes["source_id"], strict=True))

    def token(self, label: str | None, *, is_frustum: bool) -> str | None:
        """The class as a line of the source says it; None for one that it cannot say."""
        types = {name: number for number, name in FRUSTUM_TYPES.items()} if is_frustum else {}
        known = self.numbers or types
        if known:
            return known.get(label or "")
        return label if label is not None and class_token(label) == label else None

    def changed(self, line: bytes, change: Change, spot: Spot, lost: Lost) -> bytes:
        """The line of a changed box, in which only the bytes of changed values are new."""
        spans, new = token_spans(line, None), change.new
        if len(spans) not in (N_COLUMNS, N_FRUSTUM_COLUMNS):
            lost.update((f"boxes.{name}", _NO_LINE) for name in change.columns)
            return line
        first = len(spans) - N_COLUMNS
        texts: dict[int, str] = {}
        whys = dict.fromkeys(change.columns - _HELD - {"image_id"}, LACK)
        if "shape" in change.columns:
            whys["shape"] = "every line is read as a box"
        if "image_id" in change.columns:
            texts[0] = spot.image.source_id or spot.image.name
        token = self.token(new.label, is_frustum=first > 0)
        if "label" in change.columns and token is None:
            whys["label"] = _NOT_LISTED
        elif "label" in change.columns and token is not None:
            texts[first] = token
        if "source_label" in change.columns and new.source_label != texts.get(first, token):
            whys["source_label"] = "a line has one class: the label is written"
        if "score" in change.columns and is_known(new.score):
            texts[first + 1] = score_text(new.score)
        elif "score" in change.columns:
            whys["score"] = "a detection has a score: the old one stays"
        if change.columns & set(EDGES):
            whys |= _set_numbers(line, spans, change, spot.image, texts)
        lost.update((f"boxes.{name}", why) for name, why in whys.items())
        return with_tokens(line, spans, texts)

    def added(self, row: BoxRow, spot: Spot, lost: Lost) -> bytes | None:
        """The line of a box that was added; None where there is none for it."""
        kind = self.kinds.get(spot.file) or next(iter(self.kinds.values()), "xyxy")
        is_frustum = kind == "frustum"
        token = self.token(row.label, is_frustum=is_frustum)
        size_wh = spot.image.width, spot.image.height
        numbers = numbers_text("xyxy" if is_frustum else kind, row.edges, size_wh)
        if not is_frustum and PurePosixPath(spot.file).stem != PurePosixPath(spot.image.name).name:
            why = "added to an image that has no file of its own"
        elif token is None:
            why = "of a class that a line cannot say, or that is not in the list of classes"
        elif numbers is None:
            why = "in an image of unknown size, or beyond all bounds"
        else:
            path = [spot.image.source_id or spot.image.name] if is_frustum else []
            return " ".join([*path, token, score_text(row.score), *numbers]).encode()
        lost["boxes", why] += 1
        return None


def _kind_of(tokens: list[bytes], edges: Sequence[float]) -> str:
    """What the numbers of a line are, by the edges that were read from it."""
    if len(tokens) == N_FRUSTUM_COLUMNS:
        return "frustum"
    values = [number(token) for token in tokens[-4:]]
    corner_and_sides = [edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]]
    if values == list(edges):
        return "xyxy"
    near = partial(math.isclose, rel_tol=1e-9, abs_tol=1e-6)
    pairs = zip(values, corner_and_sides, strict=True)
    return "xywh" if all(v is not None and near(v, e) for v, e in pairs) else "rel-xywh"


def _set_numbers(
    line: bytes,
    spans: list[tuple[int, int]],
    change: Change,
    image: LineImage,
    texts: dict[int, str],
) -> dict[str, str]:
    """Adds the tokens of changed edges; returns the columns that cannot be written, and why."""
    changed = change.columns & set(EDGES)
    old = [edge if is_known(edge) else math.nan for edge in change.old.edges]
    kind = _kind_of(line.split(), old).replace("frustum", "xyxy")
    size_wh = image.width, image.height
    numbers = numbers_text(kind, change.new.edges, size_wh)
    if numbers is None:
        return dict.fromkeys(changed, "an edge or the size is not known: the line's box stays")
    before = numbers_text(kind, old, size_wh) or [""] * 4
    for place, (text, was) in enumerate(zip(numbers, before, strict=True), len(spans) - 4):
        if text != was:
            texts[place] = text
    return {}
