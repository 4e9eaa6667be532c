"""Bringing changed tables back into the YOLO files that were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np

from curate.dataset import Dataset
from curate.formats.image_names import label_paths, names_below_source
from curate.formats.line_files import token_spans, with_tokens
from curate.formats.per_image import (
    LABEL_STATE_WHY,
    BoxRow,
    Change,
    FileChanges,
    ImageRow,
    PerImageFormat,
    is_known,
    without_lines,
)
from curate.formats.reading import text_lines
from curate.formats.writing import Lost
from curate.formats.yolo.beside import extras
from curate.formats.yolo.kinds import BOX_COLUMNS
from curate.formats.yolo.make import DECIMALS, LACK, fraction_text, fractions_of, is_track
from curate.formats.yolo.read import NAME
from curate.formats.yolo.setup import picture_name
from curate.formats.yolo_rows import is_picture_list

BOX_COLUMNS_HELD = frozenset(
    {"label", "source_label", "shape", "x1", "y1", "x2", "y2", "score", "track_id"}
)
_AXES = (("x1", "x2", 0), ("y1", "y2", 1))
_EDGES = ("x1", "y1", "x2", "y2")
_MAX_DECIMALS = 17
_NO_NUMBER = "YOLO numbers the classes: the number of the label is written"
_AS_IT_WAS = "the row has too few columns: it is left as it was"
_POINTS_STAY = "the row holds points, not edges: they stay as they were"
_TAIL_STAYS = "a row of points has as many columns as before"


def kept_format(dataset: Dataset, original: Dataset) -> PerImageFormat:
    """What is done with the kept files of a dataset that was read from YOLO alone."""
    source = _Source(dataset, original)
    return PerImageFormat(
        name=NAME,
        title="YOLO",
        folder="labels/",
        set_folder="",
        lack=LACK,
        image_columns=frozenset({"split", "label_state"}),
        box_columns=BOX_COLUMNS_HELD,
        kept_images={
            "image_key": "the label files keep their names",
            "label_state": LABEL_STATE_WHY,
        },
        paths=_paths,
        make=source.made_file,
        splice=source.splice,
        kept_sets=source.kept_lists,
    )


@dataclass(frozen=True)
class _Source:
    """The dataset to be written, and as it was read."""

    dataset: Dataset
    original: Dataset

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each class by its name; without a list the number is the name."""
        classes = self.original.classes
        if len(classes):
            pairs = zip(classes["label"], classes["source_id"], strict=True)
            found: dict[str, int] = {}
            for name, number in pairs:
                found.setdefault(name, int(number))
            return found
        labels = set(self.original.boxes["label"].dropna()) | set(
            self.dataset.boxes["label"].dropna()
        )
        return {label: int(label) for label in sorted(labels) if is_track(label)}

    @cached_property
    def takes_boxes(self) -> bool:
        """Whether a row of a class and a box can stand among those of the source."""
        held = extras(self.original)
        return not (held["outline"] or held["corners"] or held["keypoints"])

    def made_file(self, image: ImageRow, rows: list[BoxRow], lost: Lost) -> str:
        """The text of the label file of an image that was added."""
        path = PurePosixPath(image.name)
        lost["images (ending of the name)", "YOLO keeps stems only"] += path.suffix != ""
        lines = [self._new_line(row, (image.width, image.height), lost) for row in rows]
        return "".join(f"{line}\n" for line in lines if line is not None)

    def splice(self, body: bytes, changes: FileChanges, lost: Lost) -> bytes:
        """The file with the changes in it and every other byte as it was."""
        edits: list[tuple[int, int, bytes]] = []
        for start, end in changes.removed:
            edits.append((start, body.find(b"\n", end) + 1 or len(body), b""))
        for (start, end), change in changes.changed.items():
            line = self._changed_line(body[start:end], change, changes.size_wh, lost)
            edits.append((start, end, line))
        for start, end, new_bytes in sorted(edits, reverse=True):
            body = body[:start] + new_bytes + body[end:]
        if not changes.added:
            return body
        if b"\0" in body or not _is_utf8(body):
            lost["boxes", "added to a file that is no UTF-8 text"] += len(changes.added)
            return body
        added = [self._new_line(row, changes.size_wh, lost) for row in changes.added]
        lines = [line.encode() for line in added if line is not None]
        newline = b"\r\n" if b"\r\n" in body else b"\n"
        if body and lines and not body.endswith(b"\n"):
            return newline.join([body, *lines])
        return body + b"".join(line + newline for line in lines)

    def _new_line(
        self, row: BoxRow, size_wh: tuple[int | None, int | None], lost: Lost
    ) -> str | None:
        """The row of a box that has a class and four edges; None where none can be written."""
        number = self.numbers.get(row.label or "")
        fractions = _fractions(row, size_wh)
        if not self.takes_boxes:
            why = "added to a source of polygons, poses or turned boxes"
        elif number is None:
            why = "of a class that is not in the list of classes"
        elif fractions is None:
            why = "in an image of unknown size, or beyond all bounds"
        else:
            why = ""
        if why or fractions is None:
            lost["boxes", why] += 1
            return None
        tail = _tail(row)
        lost["boxes.source_label", _NO_NUMBER] += row.source_label not in (None, str(number))
        lost["boxes.score", "no number of 0 to 1"] += row.score is not None and not tail
        why = "no whole number behind a score"
        lost["boxes.track_id", why] += row.track_id is not None and len(tail) < 2
        words = [str(number), *map(fraction_text, fractions), *tail]
        return " ".join(words)

    def _changed_line(
        self,
        line: bytes,
        change: Change,
        size_wh: tuple[int | None, int | None],
        lost: Lost,
    ) -> bytes:
        spans = token_spans(line, None)
        if len(spans) < BOX_COLUMNS:
            lost.update((f"boxes.{name}", _AS_IT_WAS) for name in change.columns)
            return line
        texts: dict[int, str] = {}
        whys = dict(self._plain_losses(change))
        whys |= _set_edges(line, spans, change, size_wh, texts)
        if "label" in change.columns and "label" not in whys:
            texts[0] = str(self.numbers[change.new.label or ""])
        tail = change.columns & {"score", "track_id"}
        n_tail = (change.old.score is not None) + (change.old.track_id is not None)
        n_geometry = len(spans) - n_tail
        words = _tail(change.new)
        if tail:
            whys |= _tail_losses(change, words)
            if len(words) != n_tail and n_geometry != BOX_COLUMNS:
                whys |= dict.fromkeys(tail, _TAIL_STAYS)
                words = []
                n_geometry = len(spans)
        lost.update((f"boxes.{name}", why) for name, why in whys.items())
        if tail:
            line = _with_tail(line, spans, n_geometry, words)
        return with_tokens(line, spans, texts)

    def _plain_losses(self, change: Change) -> Iterator[tuple[str, str]]:
        """The changed columns that no row holds, whatever it is, and why."""
        columns, new = change.columns, change.new
        for name in columns - BOX_COLUMNS_HELD:
            yield name, "a box stays in the file of its image" if name == "image_id" else LACK
        if "shape" in columns:
            yield "shape", "the number of columns tells it"
        number = self.numbers.get(new.label or "")
        if "label" in columns and number is None:
            yield "label", "not in the list of classes: the old one stays"
        if "source_label" in columns and new.source_label != str(number):
            yield "source_label", _NO_NUMBER

    def kept_lists(self, dataset: Dataset, names: list[str], kept: set[str]) -> dict[str, bytes]:
        """The other kept files; the lists of pictures without those of removed images."""
        before = self.original.images
        gone = before[~before["image_id"].isin(dataset.images["image_id"])]
        removed = set(names_below_source(gone))
        bodies: dict[str, bytes] = {}
        for file in dataset.sources.names():
            if file in dataset.formats:
                continue
            body = dataset.sources.read(file)
            bodies[file] = _without_pictures(body, removed) if removed else body
        return bodies


def _without_pictures(body: bytes, removed: set[str]) -> bytes:
    lines = [(start, end, raw) for _, start, end, raw in text_lines(body) if raw.strip()]
    if not is_picture_list([raw for _, _, raw in lines]):
        return body
    gone = [
        (start, end)
        for start, end, raw in lines
        if picture_name(raw.strip().decode("utf-8", "backslashreplace")) in removed
    ]
    return without_lines(body, gone)


def _paths(names: Sequence[str], folder: str, taken: Iterable[str]) -> list[str]:
    """The label file of each image that is added, in the manner of those that are there."""
    before, mark, _ = f"/{folder}".rpartition("/labels/")
    home = f"{before}/labels/".removeprefix("/") if mark else folder
    above = before.removeprefix("/") + "/" if mark else ""
    inside = [name.removeprefix(above) if above != "/" else name for name in names]
    beside = [path.removeprefix(home) for path in taken]
    return [home + path for path in label_paths(inside, ".txt", beside)]


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _fractions(row: BoxRow, size_wh: tuple[int | None, int | None]) -> list[float] | None:
    """Centre x, y, width and height as fractions; None where an edge or the size is unknown."""
    edges = [edge for edge in row.edges if is_known(edge)]
    width, height = size_wh
    if len(edges) < len(row.edges) or not width or not height:
        return None
    sizes = np.array([[width, height]], np.float64)
    fractions = fractions_of(np.array([edges], np.float64), sizes)[0]
    return fractions.tolist() if np.isfinite(fractions).all() else None


def _set_edges(
    line: bytes,
    spans: list[tuple[int, int]],
    change: Change,
    size_wh: tuple[int | None, int | None],
    texts: dict[int, str],
) -> dict[str, str]:
    """Adds the new tokens of changed edges; returns the columns that cannot be written, and why."""
    changed = [name for name in _EDGES if name in change.columns]
    if not changed:
        return {}
    if change.old.shape != "box":
        return dict.fromkeys(changed, _POINTS_STAY)
    fractions = _fractions(change.new, size_wh)
    if fractions is None:
        return dict.fromkeys(changed, "an edge or the size is not known: the row's box stays")
    for low, high, axis in _AXES:
        if low not in changed and high not in changed:
            continue
        for column in (axis, axis + 2):
            start, end = spans[1 + column]
            texts[1 + column] = fraction_text(fractions[column], _decimals(line[start:end]))
    return {}


def _decimals(token: bytes) -> int:
    """As many as the token has, so many that an edge moves by less than 1e-6 of the side."""
    # Never so many that a hostile token makes a line of a million digits.
    own = len(token.rpartition(b".")[2]) if b"." in token else 0
    return min(max(own, DECIMALS), _MAX_DECIMALS)


def _tail(row: BoxRow) -> list[str]:
    """The score and the track of a row as they can be written: a track stands behind a score."""
    if row.score is None or not 0 <= row.score <= 1:
        return []
    words = [repr(float(row.score))]
    return [*words, row.track_id] if row.track_id is not None and is_track(row.track_id) else words


def _tail_losses(change: Change, words: list[str]) -> dict[str, str]:
    new = change.new
    whys = {}
    if "score" in change.columns and new.score is not None and not words:
        whys["score"] = "no number of 0 to 1"
    if new.track_id is not None and len(words) < 2:
        whys["track_id"] = "no whole number behind a score"
    return whys


def _with_tail(
    line: bytes, spans: list[tuple[int, int]], n_geometry: int, words: list[str]
) -> bytes:
    """The line with other columns behind its geometry; tokens that stay keep their bytes."""
    if n_geometry == len(spans) and not words:
        return line
    own = spans[n_geometry:]
    both = min(len(own), len(words))
    line_end = line[spans[-1][1] :]
    kept = line[: own[both - 1][1]] if both else line[: spans[n_geometry - 1][1]]
    more = "".join(f" {word}" for word in words[both:]).encode()
    texts = {
        n_geometry + at: word
        for at, word in enumerate(words[:both])
        if _differs(line[own[at][0] : own[at][1]], word)
    }
    return with_tokens(kept + more + line_end, spans[: n_geometry + both], texts)


def _differs(token: bytes, word: str) -> bool:
    # `0.50` and `0.5` are one value: only a change of value changes bytes.
    try:
        return float(token) != float(word)
    except ValueError:
        return True
