"""Definitions on real data: what a change of them changes, and a project file to start from."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from curate.boxes import Rows
from curate.checks.check import Check
from curate.checks.clauses import clause_check
from curate.dataset import Dataset
from curate.definitions.columns import BoxColumns
from curate.definitions.evaluation import Values
from curate.definitions.files import SCHEMA, shipped
from curate.definitions.judging import Outcome, judge
from curate.definitions.loading import load
from curate.definitions.mapping import NAMES, Mapped, mapped
from curate.definitions.model import ACTIONS, ANY_CLASS, OTHER, Clause, Definitions
from curate.errors import UsageError
from curate.formats import derived
from curate.tables import BOX_COLUMNS, hex_id, text_array

ACCEPTED = "accept"
NO_CLASS = "no_class"
# What an annotator's tool writes in the place of a missing word.
_SLUG = re.compile(r"[^a-z0-9]+")
# YAML takes no longer key than 1024 characters, and nobody reads as much.
MAX_SLUG_CHARS = 60
# Words that YAML takes for truth values or nothing (YAML 1.1, bool and null).
_YAML_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
# The longest title that the schema takes.
MAX_TITLE_CHARS = 200
# What YAML cannot hold, or breaks lines at, between quotation marks (YAML 1.1, 5.1 and 5.4).
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True)
class Judged:
    """A dataset as definitions take it: the mapping of its boxes, and what each clause says."""

    mapped: Mapped
    outcomes: Sequence[Outcome]
    definitions: Definitions

    def verdicts(self) -> pd.DataFrame:
        """One row per box: label, role, decision, reason, verdict and the clauses not met.

        `verdict` is the strongest action of the clauses that the box does not meet (reject, fix,
        set_ignore, flag, review), `accept` without any; `clauses` are their codes, with blanks
        between. Questions, which concern boxes of which nothing is known to be wrong, do not count.
        """
        table = self.mapped.table()
        strongest = np.full(len(table), len(ACTIONS), np.int64)
        codes = np.full(len(table), "", object)
        for outcome in self.outcomes:
            if outcome.clause.check is None:
                continue
            rows, actions = _failing_boxes(outcome)
            np.minimum.at(strongest, rows, actions)
            rows = np.unique(rows)
            # A text per failing box and clause: boxes of which nothing is wrong cost nothing.
            codes[rows] = [f"{said} {outcome.clause.id}".strip() for said in codes[rows]]
        words = np.array([*ACTIONS, ACCEPTED], object)
        return table.assign(verdict=words[strongest], clauses=codes)


def _failing_boxes(outcome: Outcome) -> tuple[Rows, Rows]:
    """Rows of the boxes that do not meet a clause, and the place in `ACTIONS` of what is done."""
    clause = outcome.clause
    action = np.full(len(outcome), ACTIONS.index(clause.action))
    if clause.missing == "review":
        # Nobody knows that anything is wrong with it.
        action[outcome.is_unknown] = ACTIONS.index("review")
    return outcome.members, np.repeat(action, np.diff(outcome.ends, prepend=0))


def judged(
    dataset: Dataset,
    definitions: Definitions,
    vocabulary: str | None = None,
    *,
    measures: pd.DataFrame | None = None,
) -> Judged:
    """A dataset as definitions take it.

    `measures` are what `curate.formats.derived` gives, where that is at hand already.

    Raises
    ------
    UsageError
        For classes that no rule of the mapping names, and an unknown vocabulary.
    """
    measures = derived(dataset) if measures is None else measures
    taken = mapped(BoxColumns(dataset, measures, definitions.columns), definitions, vocabulary)
    return Judged(taken, judge(taken, definitions), definitions)


def clause_checks(found: Judged) -> list[Check]:
    """The clauses of a judged dataset as checks, which give what they found."""
    return [
        clause_check(outcome, found.definitions, found.mapped.columns) for outcome in found.outcomes
    ]


@dataclass(frozen=True)
class MappedCount:
    """Boxes of one source and class that came to one decision; the class is the source's word."""

    source: str
    source_class: str
    role: str
    decision: str
    boxes: int


@dataclass(frozen=True)
class Applied:
    """A dataset whose labels and roles come from definitions.

    `reasons` has a row per box of the given dataset: box_id (16 hex digits), image, source_label,
    label, role, decision, reason. `counts` sums them up by source.
    """

    dataset: Dataset
    reasons: pd.DataFrame
    counts: tuple[MappedCount, ...]
    definitions: tuple[str, ...]

    def reasons_csv(self) -> bytes:
        """The reasons as CSV in UTF-8."""
        return self.reasons.to_csv(index=False, lineterminator="\n").encode()


def applied(
    dataset: Dataset,
    definitions: Definitions,
    vocabulary: str | None = None,
    *,
    drop_excluded: bool = False,
) -> Applied:
    """The dataset with the labels, roles and columns that the mapping gives.

    The definitions are named in its options, and in what is exported from it. With
    `drop_excluded` boxes of role exclude are left out of the tables; the kept bytes have them.

    Raises
    ------
    UsageError
        Without a mapping among the definitions, and as `judged`.
    """
    if not definitions.has_mapping:
        raise UsageError(
            f"{', '.join(definitions.stated)}: no mapping says what boxes are",
            mend="give the definition of a class, such as person, or a project file",
        )
    columns = BoxColumns(dataset, derived(dataset), definitions.columns)
    taken = mapped(columns, definitions, vocabulary)
    table = taken.table()
    boxes = dataset.boxes.copy()
    for name in sorted(set(taken.columns.given) & set(BOX_COLUMNS)):
        boxes[name] = _column(taken.columns[name], BOX_COLUMNS[name].dtype).set_axis(boxes.index)
    keys = dataset.images.set_index("image_id")["image_key"]
    images = keys.loc[boxes["image_id"]]
    reasons = pd.DataFrame(
        {
            "box_id": [hex_id(box_id) for box_id in boxes["box_id"]],
            "image": images.to_numpy(),
            "source_label": boxes["source_label"].to_numpy(),
            **{name: table[name].to_numpy() for name in ("label", "role", "decision", "reason")},
        }
    )
    sources = dataset.images.set_index("image_id")["source"].loc[boxes["image_id"]].to_numpy()
    counts = _counts(reasons.assign(source=sources, old=dataset.boxes["label"].to_numpy()))
    if drop_excluded:
        boxes = boxes[boxes["role"] != "exclude"]
    done = replace(
        dataset.with_tables(boxes=boxes),
        options={**dataset.options, "definitions": list(definitions.stated)},
    )
    return Applied(_of_boxes(done), reasons, counts, definitions.stated)


def _of_boxes(dataset: Dataset) -> Dataset:
    """The dataset with findings about the boxes that are there."""
    return dataset.of_images(dataset.images["image_id"])


def _counts(rows: pd.DataFrame) -> tuple[MappedCount, ...]:
    rows = rows.assign(old=rows["old"].fillna(rows["source_label"]).fillna("(no class)"))
    by = ["source", "old", "role", "decision"]
    sizes = rows.groupby(by, sort=True).size().reset_index(name="boxes")
    return tuple(MappedCount(*row) for row in sizes.itertuples(index=False))


def _column(values: Values, dtype: str) -> pd.Series[Any]:  # of the dtype
    if values.kind == "text":
        words = np.array([*(values.words or ()), None], object)
        return pd.Series(text_array(words[values.values].tolist()))
    if dtype == "float64":
        return pd.Series(values.values)
    return pd.Series(pd.arrays.BooleanArray(values.values.copy(), ~values.known))


def shipped_page(word: str) -> str | None:
    """The manual page of a clause of the shipped definitions, by code or name; None: no such."""
    for name in shipped():
        for clause in load([name]).clauses:
            if word.lower() in (clause.id.lower(), clause.name):
                return clause_page(clause)
    return None


def clause_page(clause: Clause) -> str:
    """The manual page of a clause, as `curate explain` prints it."""
    lines = [f"{clause.id} {clause.name} [{clause.severity}]", "", f"{clause.title}.", ""]
    lines += [f"Why it is there: {clause.rationale}", "", f"Judged: each {clause.record}"]
    lines += [] if clause.when is None else [f"When: {clause.when.text}"]
    if clause.check is None:
        lines.append("Cannot be told from columns: a question to a person.")
    else:
        lines.append(f"Should hold: {clause.check.text}")
    lines += [f"  {name} = {value}" for name, value in sorted(clause.params.items())]
    lines += [f"Where that cannot be told: {clause.missing}"] * (clause.missing is not None)
    lines += [f"Except when {one.when.text}: {one.because}" for one in clause.exceptions]
    lines.append(f"Done about it: {clause.action}")
    lines += [] if clause.mend is None else [f"Usual mend: {clause.mend}"]
    lines += [f"  {name} = {text.text}" for name, text in clause.fix.items()]
    lines += [f"Speaks in the place of {', '.join(clause.replaces)}."] * bool(clause.replaces)
    lines += [f"Example: {scene.note}" for scene in clause.examples]
    lines += [f"Counter-example: {scene.note}" for scene in clause.counter_examples]
    lines += [f"Source: {'; '.join(clause.source)}"] * bool(clause.source)
    lines += [f"The project has it so because {clause.overridden}"] * bool(clause.overridden)
    return "\n".join([*lines, "", f"Stated by {clause.stated_by}", ""])


@dataclass(frozen=True)
class Impact:
    """What other definitions change.

    `boxes` has a row for each box of another label, role, decision or verdict, or other clauses:
    box_id, image_key, and label, role, decision, verdict and clauses before and after
    (`label_before` ...). `n_boxes` are all boxes.
    """

    before: Definitions
    after: Definitions
    boxes: pd.DataFrame
    n_boxes: int

    def counts(self) -> list[tuple[str, str, str, int]]:
        """What changes (column, before, after) and of how many boxes, the most first."""
        rows = []
        for column in ("label", "role", "decision", "verdict"):
            old, new = self.boxes[f"{column}_before"], self.boxes[f"{column}_after"]
            changed = pd.DataFrame({"old": old, "new": new}).fillna("none")
            changed = changed[changed["old"] != changed["new"]]
            for a, b in changed.drop_duplicates().itertuples(index=False):
                n_same = int(((changed["old"] == a) & (changed["new"] == b)).sum())
                rows.append((column, str(a), str(b), n_same))
        return sorted(rows, key=lambda row: (-row[3], row))

    def clauses(self) -> list[tuple[str, int, int]]:
        """Clause, boxes that no longer fail it, boxes that fail it now; of those with any."""
        gone, come = (
            [set(str(text).split()) for text in self.boxes[f"clauses_{when}"]]
            for when in ("before", "after")
        )
        codes = sorted(set().union(*gone, *come))
        rows = [
            (
                code,
                sum(code in old and code not in new for old, new in zip(gone, come, strict=True)),
                sum(code in new and code not in old for old, new in zip(gone, come, strict=True)),
            )
            for code in codes
        ]
        return [row for row in rows if row[1:] != (0, 0)]


def impact(
    before: Definitions, after: Definitions, dataset: Dataset, vocabulary: str | None = None
) -> Impact:
    """Which boxes of a dataset change label, role, decision, verdict or clauses.

    Raises
    ------
    UsageError
        As `judged`.
    """
    tables = [judged(dataset, one, vocabulary).verdicts() for one in (before, after)]
    columns = ["label", "role", "decision", "verdict", "clauses"]
    old, new = (
        table[columns].astype(object).where(table[columns].notna(), None) for table in tables
    )
    same = ((old == new) | (old.isna() & new.isna())).all(axis=1).to_numpy(bool)
    changed = ~same
    keys = dataset.images.set_index("image_id")["image_key"]
    boxes = dataset.boxes.loc[changed, ["box_id", "image_id"]]
    rows = pd.DataFrame(
        {"box_id": boxes["box_id"].to_numpy(), "image_key": keys.loc[boxes["image_id"]].to_numpy()}
    )
    for column in columns:
        rows[f"{column}_before"] = old[column].to_numpy()[changed]
        rows[f"{column}_after"] = new[column].to_numpy()[changed]
    order = rows.sort_values(["image_key", "box_id"], kind="stable").reset_index(drop=True)
    return Impact(before, after, order, len(dataset.boxes))


def new_project(dataset: Dataset, uses: Sequence[str], name: str | None = None) -> str:
    """The text of a project file that names each class of a dataset, to start from.

    Classes that the mapping of a used definition names are left to it; every other is a class of
    the project's own whose phrases are still to be written.

    Parameters
    ----------
    uses
        Ids of shipped definitions; `detection` is always used.
    name
        Id of the project; the dataset's name otherwise.

    Raises
    ------
    UsageError
        For a definition that does not exist, a dataset without boxes, and a class that no rule
        can name: `*` and the empty text.
    """
    if not len(dataset.boxes):
        raise UsageError(
            f"{dataset.name} has no boxes, so that there are no classes to define",
            mend="give labels with boxes",
        )
    slug = _slug(name or dataset.name)
    used = load([*uses, "detection"])
    wanted = dict.fromkeys([*uses, "detection"])
    references = [
        f"{part.id}@^{'.'.join(part.version.split('.')[:2])}"
        for part in used.parts
        if part.id in wanted
    ]
    counts = dataset.boxes["label"].value_counts().sort_index(kind="stable")
    for name, meaning in ((ANY_CLASS, "in a mapping stands for all classes"), ("", "is no name")):
        if name in counts:
            raise UsageError(
                f"{dataset.name} has a class {name!r}, which {meaning}",
                mend="give the class another name with curate relabel",
            )
    known = {
        rule_class
        for part in used.parts
        for rule in part.mapping.get(NAMES, ())
        for rule_class in rule.classes
    }
    own = [(str(label), int(n)) for label, n in counts.items() if label not in known]
    n_unnamed = int(dataset.boxes["label"].isna().sum())
    return _text(slug, dataset.name, references, used, own, n_unnamed if None not in known else 0)


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = _SLUG.sub("_", plain.lower()).strip("_")[:MAX_SLUG_CHARS].strip("_")
    is_name = slug[:1].isalpha() and slug not in _YAML_WORDS
    return slug if is_name else f"c_{slug or 'lass'}"


def _text(  # what the file is made of
    slug: str,
    name: str,
    references: list[str],
    used: Definitions,
    own: list[tuple[str, int]],
    n_unnamed: int,
) -> str:
    quoted = _quoted
    lines = [
        f"schema: {SCHEMA}",
        "kind: project",
        f"id: project.{slug}",
        "version: 0.1.0",
        "status: draft",
        f"title: {quoted(f'What counts in {name}'[:MAX_TITLE_CHARS])}",
        f"uses: [{', '.join(references)}]",
        "classes:",
    ]
    defined = [(part.label, part.id) for part in used.parts if part.label is not None]
    lines += [f"  - {{name: {quoted(label)}, definition: {id}}}" for label, id in defined]
    lines += [f"  - {{name: {quoted(label)}}}" for label, _ in own]
    if not own and not n_unnamed:
        return "\n".join(lines) + "\n"
    taken = {name for part in used.parts for name in part.decisions}
    slugs = _slugs([label for label, _ in own], {*taken, OTHER, NO_CLASS})
    lines.append("# role: include (a target), ignore (neither way), exclude (background), review.")
    lines.append("decisions:")
    for (label, count), decision in zip(own, slugs, strict=True):
        note = quoted(f"{count} boxes of {label}: say here what counts as one")
        lines.append(f"  {decision}: {{role: include, note: {note}}}")
    if n_unnamed:
        lines.append(f'  {NO_CLASS}: {{role: review, note: "{n_unnamed} boxes without a class"}}')
    if OTHER not in taken:
        lines.append(f'  {OTHER}: {{role: exclude, note: "background"}}')
    lines += [
        f"# The first rule that fits is taken; 'as: {OTHER}' leaves a class out as background.",
        "mapping:",
        f"  {slug}:",
    ]
    lines += [
        f"    - {{class: {quoted(label)}, as: {decision}, label: {quoted(label)}}}"
        for (label, _), decision in zip(own, slugs, strict=True)
    ]
    lines += [f"    - {{class: null, as: {NO_CLASS}}}"] * bool(n_unnamed)
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # JSON's texts are YAML's, but for characters beyond the first 65,536, which stay as they are.
    escaped = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped)


def _slugs(labels: list[str], taken: set[str]) -> list[str]:
    slugs: list[str] = []
    for label in labels:
        slug, number = _slug(label), 2
        while slug in taken:
            slug, number = f"{_slug(label)}_{number}", number + 1
        taken.add(slug)
        slugs.append(slug)
    return slugs
