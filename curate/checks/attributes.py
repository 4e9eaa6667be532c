"""Checks of what labels say beside class and place: the JSON objects of `boxes.attributes`.

Only words and truth values are counted; numbers, lists and objects differ from box to box by
nature. Each text is parsed once, however many boxes have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Rows
from curate.checks.hits import Cause, Hits, set_hits
from curate.checks.labels import Labels, by_code, named

# An attribute of more different words than this is free text (a name, a comment): not counted.
MAX_WORDS = 50


Word = str | bool


@dataclass(frozen=True)
class Texts:
    """The attributes of the labels, each different text parsed once.

    `codes` (N,) is the number of each box's text, -1 without one or for a box that is no label;
    `texts` are the T texts; `kinds` (T + 1,) the number of each one's set of attributes in `sets`,
    that of no text last; `words` maps an attribute to the labels of each of its words. Attributes
    of numbers, of objects, or of more than `MAX_WORDS` words have no `words`.
    """

    codes: Rows
    texts: npt.NDArray[np.object_]
    kinds: Rows
    sets: tuple[tuple[str, ...], ...]
    words: Mapping[str, Counter[Word]]


def texts_of(boxes: pd.DataFrame, labels: Labels) -> Texts:
    """The attributes of the labels of the boxes that `judged_tables` gives."""
    column = boxes["attributes"]
    rows = np.flatnonzero(labels.is_label & column.notna().to_numpy(bool))
    numbers, found = pd.factorize(column.iloc[rows])
    codes = np.full(len(boxes), -1, np.int64)
    codes[rows] = numbers
    counts = np.bincount(numbers, minlength=len(found)).tolist()
    texts = np.asarray(found, object)
    words: dict[str, Counter[Word]] = {}
    others: set[str] = set()
    sets: dict[tuple[str, ...], int] = {}
    kinds = np.zeros(len(texts) + 1, np.int64)
    # A loop over different texts, not over boxes.
    for number, (count, value) in enumerate(zip(counts, _parsed(texts), strict=True)):
        kinds[number] = sets.setdefault(tuple(value), len(sets))
        for key in value.keys() - others:
            own = words.setdefault(key, Counter())
            if isinstance(value[key], str | bool):
                own[value[key]] += count
            if not isinstance(value[key], str | bool) or len(own) > MAX_WORDS:
                others.add(key)
    kinds[-1] = sets.setdefault((), len(sets))
    told = {key: words[key] for key in sorted(words.keys() - others)}
    return Texts(codes, texts, kinds, tuple(sets), told)


def _parsed(texts: npt.NDArray[np.object_]) -> Iterator[dict[str, Any]]:
    """The JSON object of each text; an empty one where it is none."""
    decode = msgspec.json.Decoder().decode
    for text in texts.tolist():
        try:
            value = decode(text)
        except msgspec.DecodeError:
            value = None
        yield value if isinstance(value, dict) else {}


def _with(texts: Texts, key: str, words: set[Word]) -> Rows:
    """Rows of the labels whose attribute is one of the words."""
    has = np.array([value.get(key) in words for value in _parsed(texts.texts)] + [False], bool)
    return np.flatnonzero(has[texts.codes])


def attribute_one_value(
    boxes: pd.DataFrame, images: pd.DataFrame, labels: Labels, texts: Texts, *, min_boxes: float
) -> Hits:
    """An attribute has the same word on all labels that have it.

    Why it hurts: it says nothing; mostly nobody set it and the tool wrote its default, so that who
    trains or filters by it goes by what nobody looked at.

    Pass: pose Left on 60 boxes, Right on 50
    Fail: pose Unspecified on all 110 boxes

    `min_boxes`: attributes of fewer labels are not judged. Value: number of labels that have it.
    One finding per attribute.

    It cannot tell a default from a fact, and does not judge numbers.

    Usual mend: set the attribute, or take it out.
    """
    causes = []
    for key, counts in texts.words.items():
        if len(counts) == 1 and counts.total() >= min_boxes:
            (word,) = counts
            message = f"attribute {key!r:.80} is {word!r:.80} on all {counts.total()} labels"
            message += " that have it, should have several values"
            causes.append(Cause(key, np.zeros(0, np.int64), counts.total(), message))
    return set_hits(causes, min_boxes, "labels", "set the attribute, or take it out")


def attribute_value_rare(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    texts: Texts,
    *,
    max_boxes: float,
    max_ratio: float,
    min_boxes: float,
) -> Hits:
    """A word of an attribute is on very few labels beside the others.

    Why it hurts: a misspelt word makes a value of its own, and of a rare one nothing can be learnt
    or measured.

    Pass: pose Left on 60 boxes, Right on 50
    Fail: pose Left on 60 boxes, Right on 49, Rigt on 1

    `max_boxes`: up to this many labels a word is reported; so is one that another has `max_ratio`
    times as often. `min_boxes`: attributes of fewer labels are not judged. Value: number of labels
    with such words, which are the members. One finding per attribute.

    It cannot tell a rare case from a slip; attributes of numbers, or of more than 50 words (free
    text), are not judged.

    Usual mend: correct the word, or label more of it.
    """
    causes = []
    for key, counts in texts.words.items():
        most = max(counts.values())
        rare = {w for w, n in counts.items() if n <= max_boxes or n * max_ratio <= most}
        if counts.total() < min_boxes or not rare or len(rare) == len(counts):
            continue
        words = sorted(rare, key=lambda word: (counts[word], str(word)))
        told = named([str(word) for word in words])
        rows = _with(texts, key, rare)
        message = f"attribute {key!r:.80} is {told} on {len(rows)} of {counts.total()} labels; "
        message += f"its commonest value is on {most}"
        causes.append(Cause(key, rows, len(rows), message))
    return set_hits(causes, max_boxes, "labels", "correct the value, or label more of it")


def attribute_missing(
    boxes: pd.DataFrame,
    images: pd.DataFrame,
    labels: Labels,
    texts: Texts,
    *,
    min_share_frac: float,
    min_boxes: float,
) -> Hits:
    """A few labels of a class lack an attribute that nearly all of it have.

    Why it hurts: a loader takes the default for them, or stops; a filter by the attribute loses
    them without a word.

    Pass: occlusion stated on all 100 boxes of person, or on 20 of them
    Fail: occlusion stated on 98 of 100 boxes of person

    `min_share_frac`: from this share on, 0..1, an attribute is taken to belong to the class.
    `min_boxes`: classes of fewer labels are not judged. Value: number of labels without it, which
    are the members. One finding per source, class and attribute.

    It cannot tell an attribute that means something by being absent.

    Usual mend: set the attribute on the others.
    """
    if not len(texts.texts):
        return set_hits((), 0.0, "labels", "")
    source, sources = pd.factorize(images["source"])
    n_classes = max(len(labels.names), 1)
    scope = source[boxes["image_row"].to_numpy()] * n_classes + labels.codes
    causes = []
    for code, rows in by_code(scope, np.flatnonzero(labels.codes >= 0), int(min_boxes)):
        name = labels.names[code % n_classes]
        for key, without in _lacking(texts.kinds[texts.codes[rows]], texts.sets, min_share_frac):
            some = rows[without]
            message = f"{len(some)} of {len(rows)} labels of class {name!r:.80} have no "
            message += f"attribute {key!r:.80}, which the others have"
            about = f"{sources[code // n_classes]}\0{name}\0{key}"
            causes.append(Cause(about, some, len(some), message))
    return set_hits(causes, 0.0, "labels", "set the attribute on them")


def _lacking(
    kinds: Rows, sets: tuple[tuple[str, ...], ...], min_share_frac: float
) -> Iterator[tuple[str, Rows]]:
    """Each attribute that some, and no more than the rest of the share, of the rows lack."""
    counts = np.bincount(kinds, minlength=len(sets))
    for key in sorted({key for own in sets for key in own}):
        has = np.array([key in own for own in sets], bool)
        n_with = int(counts[has].sum())
        if n_with < len(kinds) and n_with >= min_share_frac * len(kinds):
            yield key, np.flatnonzero(~has[kinds])
