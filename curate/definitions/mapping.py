"""What the boxes of a dataset are by the definitions: label, role, decision, and the reason."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Rows
from curate.definitions.columns import BoxColumns, Masks
from curate.definitions.evaluation import Values, text_values, truth
from curate.definitions.model import ANY_CLASS, OTHER, Definition, Definitions, MapRule
from curate.errors import UsageError, quote
from curate.tables import ROLES

# The vocabulary of sources that have no classes of their own.
NAMES = "names"
SHOWN_CLASSES = 8
# Formats that are read under another name than that of their vocabulary.
_SAME_WORDS = {
    "coco-results": "coco",
    "kitti-tracking": "kitti",
    "caltech-vbb": "caltech",
    "mot-zero-based": "mot",
}


@dataclass(frozen=True)
class Verdict:
    """One way that boxes were mapped: a rule of a vocabulary, and what came of it.

    `label` None is the source's own.
    """

    definition: str
    vocabulary: str
    classes: tuple[str | None, ...]
    decision: str
    role: str
    label: str | None
    note: str

    @property
    def reason(self) -> str:
        """The reason in words: vocabulary, decision, role, and the note of the decision."""
        return f"{self.definition}, {self.vocabulary}: {self.decision} -> {self.role} ({self.note})"


@dataclass(frozen=True)
class Mapped:
    """What a mapping made of N boxes.

    `verdict` is (N,) int64, an index of `verdicts`; `columns` are the boxes with labels, roles and
    decisions in the place of the source's.
    """

    columns: BoxColumns
    verdict: Rows
    verdicts: tuple[Verdict, ...]

    @property
    def is_excluded(self) -> Masks:
        """(N,) whether a box is background by the definitions."""
        role = self.columns["role"]
        assert role.words is not None
        code = role.words.index("exclude") if "exclude" in role.words else -2
        is_excluded: Masks = role.values == code
        return is_excluded

    def table(self) -> pd.DataFrame:
        """Columns label, role, decision and reason, one row per box."""
        if not self.verdicts:
            boxes = self.columns.dataset.boxes
            why = "no mapping among the definitions: as the source says"
            return pd.DataFrame(
                {"label": boxes["label"], "role": boxes["role"], "decision": None, "reason": why}
            )
        decisions = np.array([one.decision for one in self.verdicts], object)
        reasons = np.array([one.reason for one in self.verdicts], object)
        return pd.DataFrame(
            {
                "label": _words(self.columns["label"]),
                "role": _words(self.columns["role"]),
                "decision": decisions[self.verdict],
                "reason": reasons[self.verdict],
            }
        )


def _words(values: Values) -> npt.NDArray[np.object_]:
    table = np.array([*(values.words or ()), None], object)
    words: npt.NDArray[np.object_] = table[values.values]
    return words


def mapped(columns: BoxColumns, definitions: Definitions, vocabulary: str | None = None) -> Mapped:
    """The boxes as the definitions take them.

    Each definition with a mapping looks at the boxes of each format with one vocabulary: the one
    named, else the one that knows most of the classes that no definition before it has taken;
    among equals the format's own, then `names`, then the file's order. The first definition that
    takes a box for something other than `other` has it.

    Parameters
    ----------
    vocabulary
        The vocabulary to use where a definition has it.

    Raises
    ------
    UsageError
        When no vocabulary has it, and for classes that no rule names, with their numbers.
    """
    parts = [part for part in reversed(definitions.parts) if part.mapping]
    if not parts:
        return Mapped(columns, np.zeros(columns.n_rows, np.int64), ())
    if vocabulary is not None and not any(vocabulary in part.mapping for part in parts):
        known = sorted({name for part in parts for name in part.mapping})
        near = difflib.get_close_matches(vocabulary, known, n=1)
        raise UsageError(
            f"no definition has a vocabulary {quote(vocabulary)}",
            mend=f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}",
        )
    run = _Run(columns, definitions)
    for rows, form in _by_format(columns):
        for part in parts:
            run.apply(part, _chosen(part, run.open_classes(rows), form, vocabulary), rows)
    run.refuse_unmapped()
    return run.result()


def _by_format(columns: BoxColumns) -> list[tuple[Rows, str]]:
    """The rows of each format's boxes, and the name of its vocabulary."""
    formats = columns.dataset.formats
    codes, files = pd.factorize(columns.dataset.boxes["file"])
    read_as = [formats.get(file, "") for file in files]
    names = [_SAME_WORDS.get(form, form) for form in read_as]
    forms = list(dict.fromkeys(names))
    own = np.array([forms.index(name) for name in names], np.int64)
    of_box = own[codes] if forms else np.zeros(0, np.int64)
    return [(np.flatnonzero(of_box == number), form) for number, form in enumerate(forms)]


def _chosen(part: Definition, classes: set[str | None], form: str, wanted: str | None) -> str:
    if wanted in part.mapping:
        return str(wanted)
    preferred = [name for name in (form, NAMES) if name in part.mapping]
    candidates = [*preferred, *(name for name in part.mapping if name not in preferred)]
    return max(candidates, key=lambda name: _n_known(part.mapping[name], classes))


def _n_known(rules: tuple[MapRule, ...], classes: set[str | None]) -> int:
    named = {name for rule in rules for name in rule.classes}
    # A rule for every class knows none of them: it is the last resort.
    return len(classes & named)


class _Run:
    """The mapping while it is made: which verdict each box has so far (-1: none)."""

    def __init__(self, columns: BoxColumns, definitions: Definitions) -> None:
        self._columns = columns
        self._definitions = definitions
        boxes = columns.dataset.boxes
        # A label that the reader could not tell is a box without a class: code -1.
        codes, self._classes = pd.factorize(boxes["label"])
        self._codes = codes.astype(np.int64)
        self._verdict = np.full(columns.n_rows, -1, np.int64)
        self._is_other = np.zeros(columns.n_rows, np.bool_)
        self._verdicts: list[Verdict] = []
        self._values: list[Mapping[str, Any]] = []  # YAML values, those that each verdict sets
        self._tried: list[str] = []

    def open_classes(self, rows: Rows) -> set[str | None]:
        """The classes of those of some boxes that are still to be taken; None for no class."""
        codes = np.unique(self._codes[rows[self._is_open[rows]]])
        return {None if code < 0 else self._classes[code] for code in codes}

    @property
    def _is_open(self) -> Masks:
        """(N,) boxes that have no verdict, or are `other` so far."""
        is_open: Masks = (self._verdict < 0) | self._is_other
        return is_open

    def apply(self, part: Definition, vocabulary: str, rows: Rows) -> None:
        """Puts the boxes of some rows that are still to be taken to a definition."""
        self._tried.append(f"{part.id}: {vocabulary}")
        free = np.zeros(self._columns.n_rows, np.bool_)
        free[rows] = True
        free &= self._is_open
        for rule in part.mapping[vocabulary]:
            fits = free & self._of_classes(rule)
            if rule.when is not None and fits.any():
                is_true, _ = truth(rule.when, self._columns, self._columns.n_rows)
                fits &= is_true
            free &= ~fits
            if rule.decision == OTHER:
                fits &= self._verdict < 0
                self._is_other |= fits
            else:
                self._is_other &= ~fits
            self._decide(part, vocabulary, rule, fits)

    def _of_classes(self, rule: MapRule) -> Masks:
        wanted = np.zeros(len(self._classes) + 1, np.bool_)
        for name in rule.classes:
            if name is None:
                wanted[-1] = True
            elif name == ANY_CLASS:
                wanted[:-1] = True
            else:
                wanted[:-1] |= np.asarray(self._classes == name, bool)
        of_box: Masks = wanted[self._codes]
        return of_box

    def _decide(self, part: Definition, vocabulary: str, rule: MapRule, rows: Masks) -> None:
        if not rows.any():
            return
        decision = next(
            one.decisions[rule.decision]
            for one in (part, *self._definitions.parts)
            if rule.decision in one.decisions
        )
        note = decision.note if rule.note is None else f"{decision.note}; {rule.note}"
        note = note if decision.overridden is None else decision.overridden
        # What is not of a definition keeps the source's word for it.
        label = None if rule.decision == OTHER else rule.label
        self._verdict[rows] = len(self._verdicts)
        self._verdicts.append(
            Verdict(
                part.stated, vocabulary, rule.classes, decision.name, decision.role, label, note
            )
        )
        self._values.append(rule.values)

    def refuse_unmapped(self) -> None:
        """Refuses boxes of classes that no rule names."""
        codes = self._codes[self._verdict < 0]
        if not len(codes):
            return
        names = [*map(quote, self._classes), "(no class)"]
        found = zip(*np.unique(codes, return_counts=True), strict=True)
        most_first = sorted((-int(count), names[code]) for code, count in found)
        words = [f"{name} ({-count})" for count, name in most_first[:SHOWN_CLASSES]]
        n_more = len(most_first) - SHOWN_CLASSES
        more = f" and {n_more} more" if n_more > 0 else ""
        raise UsageError(
            f"{len(codes)} boxes are of classes that no rule names: {', '.join(words)}{more}; "
            f"looked in {', '.join(dict.fromkeys(self._tried))}",
            mend="give a project file that says what they are: curate define new SOURCE -o FILE "
            "writes one to start from",
        )

    def result(self) -> Mapped:
        """The mapping of all boxes."""
        verdicts, of_box = tuple(self._verdicts), self._verdict
        roles = np.array([ROLES.index(one.role) for one in verdicts], np.int64)
        given = {
            "role": text_values(roles[of_box], ROLES),
            "label": self._labels(verdicts),
            "decision": _one_of([one.decision for one in verdicts], of_box),
        }
        for column in dict.fromkeys(name for values in self._values for name in values):
            is_set = np.array([column in values for values in self._values], np.bool_)
            new = [values.get(column) for values in self._values]
            given[column] = _replaced(self._columns[column], new, is_set, of_box)
        extent = given.get("extent", self._columns["extent"])
        given["extent"] = self._with_class_extents(extent, given["label"])
        return Mapped(self._columns.with_given(given), of_box, verdicts)

    def _with_class_extents(self, extent: Values, label: Values) -> Values:
        """The extents, with that of the project's class where neither source nor rule says one."""
        words, codes = list(extent.words or ()), extent.values.copy()
        for one in (one for part in self._definitions.parts for one in part.classes):
            if one.extent is None or one.name not in (label.words or ()):
                continue
            words += [one.extent] if one.extent not in words else []
            is_one = ~extent.known & (label.values == (label.words or ()).index(one.name))
            codes[is_one] = words.index(one.extent)
        return text_values(codes, words)

    def _labels(self, verdicts: tuple[Verdict, ...]) -> Values:
        own = self._columns["label"]
        words = list(own.words or ())
        new = dict.fromkeys(one.label for one in verdicts if one.label is not None)
        words += [word for word in new if word not in words]
        codes = np.array(
            [-1 if v.label is None else words.index(v.label) for v in verdicts], np.int64
        )
        named = codes[self._verdict]
        return text_values(np.where(named < 0, own.values, named), words)


def _one_of(words: list[str], of_box: Rows) -> Values:
    different = list(dict.fromkeys(words))
    codes = np.array([different.index(word) for word in words], np.int64)
    return text_values(codes[of_box], different)


def _replaced(own: Values, new: list[Any], is_set: Masks, of_box: Rows) -> Values:
    """A column with the values that some verdicts set; None is unknown.

    Parameters
    ----------
    new
        YAML values, one per verdict.
    is_set
        (verdicts,) whether it sets the column.
    of_box
        (N,) the verdict of each box.
    """
    known = np.array([value is not None for value in new], np.bool_)
    if own.kind == "text":
        words = list(own.words or ())
        words += [word for word in dict.fromkeys(new) if word is not None and word not in words]
        codes = np.array([-1 if word is None else words.index(word) for word in new], np.int64)
        return text_values(np.where(is_set[of_box], codes[of_box], own.values), words)
    blank: Any = np.nan if own.kind == "number" else False
    values = np.array([blank if value is None else value for value in new], own.values.dtype)
    return Values(
        np.where(is_set[of_box], values[of_box], own.values),
        np.where(is_set[of_box], known[of_box], own.known),
    )
