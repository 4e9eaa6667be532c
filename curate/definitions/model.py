"""What a definition file says, as frozen values: clauses, decisions, mapping, questions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from curate.definitions.expressions import Expression, Name
from curate.definitions.records import Record
from curate.errors import Place
from curate.faults import Level

Missing = Literal["skip", "fail", "review"]
Action = Literal["reject", "fix", "set_ignore", "flag", "review"]
# Strongest first: what is done about a box that does not meet several clauses.
ACTIONS: tuple[Action, ...] = ("reject", "fix", "set_ignore", "flag", "review")
HASH_DIGITS = 12
# The class of a rule that takes every class no rule before it names.
ANY_CLASS = "*"
# The phenomenon of what a definition is not about.
OTHER = "other"


@dataclass(frozen=True)
class Scene:
    """A drawn example: columns of an image, of its boxes, or of another record."""

    note: str
    image: Mapping[str, Any] = field(default_factory=dict)  # YAML values
    boxes: tuple[Mapping[str, Any], ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Excepted:
    """Records that a clause does not hold for, or that no matching counts, and the reason."""

    when: Expression
    because: str


@dataclass(frozen=True)
class Sample:
    """How many records of each stratum a question is put for; `by` names the columns."""

    by: tuple[str, ...]
    n: int


@dataclass(frozen=True)
class Clause:
    """One clause, with all overrides applied.

    Parameters
    ----------
    when, check
        None: all records are judged; only a person can tell.
    missing
        What an unknown check means; None where it is never unknown.
    scope
        The boxes that the clause's definition is about (for a pair, of `a_` and `b_`).
    fix
        Column to the expression of its mended value.
    mend
        What a person does about a record that does not meet it; None: the action says it.
    params
        The parameters that the clause reads, and their values.
    sides
        Of a relation, the labels of child and parent.
    stated_by
        `id@version+hash` of the definition, and of the project that overrides the clause.
    overridden
        Why the project has it otherwise; None: it has not.
    """

    id: str
    title: str
    record: Record
    severity: Level
    action: Action
    rationale: str
    place: Place
    stated_by: str
    when: Expression | None = None
    check: Expression | None = None
    missing: Missing | None = None
    scope: Expression | None = None
    fix: Mapping[str, Expression] = field(default_factory=dict)
    mend: str | None = None
    question: str | None = None
    sample: Sample | None = None
    replaces: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    exceptions: tuple[Excepted, ...] = ()
    examples: tuple[Scene, ...] = ()
    counter_examples: tuple[Scene, ...] = ()
    params: Mapping[str, float | bool | str] = field(default_factory=dict)
    sides: tuple[str, str] | None = None
    overridden: str | None = None

    @property
    def name(self) -> str:
        """The title as a name of a check: small letters and hyphens."""
        words = "".join(c if c.isalnum() else " " for c in self.title.lower()).split()
        return "-".join(words)


@dataclass(frozen=True)
class Decision:
    """A phenomenon and its one outcome."""

    name: str
    role: str
    note: str
    overridden: str | None = None


@dataclass(frozen=True)
class MapRule:
    """What boxes of some classes are: the first rule that fits is taken.

    `classes` may hold None (no class) and `*` (any); `label` is the class that they get; `values`
    are columns that they get.
    """

    classes: tuple[str | None, ...]
    when: Expression | None
    decision: str
    label: str | None
    values: Mapping[str, Any]  # YAML values
    note: str | None
    place: Place


@dataclass(frozen=True)
class Question:
    """What only a person can tell."""

    text: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class TrainedClass:
    """A class that a project trains, in words for its annotators."""

    name: str
    definition: str | None
    extent: str | None
    include: tuple[str, ...]
    ignore: tuple[str, ...]
    exclude: tuple[str, ...]


@dataclass(frozen=True)
class Definition:
    """One file, with the overrides of the project that uses it applied.

    `label` is the class that a definition is of; `columns` those that it adds to boxes; `values`
    the file's own YAML values; `extends` the ids of the definitions that it builds on;
    `ignored_when` the objects that count neither way in a matching.
    """

    id: str
    kind: str
    version: str
    status: str
    title: str
    digest: str
    place: Place
    values: Mapping[str, Any]  # YAML values
    label: str | None = None
    extends: tuple[str, ...] = ()
    params: Mapping[str, float] = field(default_factory=dict)
    columns: Mapping[str, Name] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    mapping: Mapping[str, tuple[MapRule, ...]] = field(default_factory=dict)
    clauses: tuple[Clause, ...] = ()
    questions: Mapping[str, Question] = field(default_factory=dict)
    classes: tuple[TrainedClass, ...] = ()
    ignored_when: tuple[Excepted, ...] = ()

    @property
    def stated(self) -> str:
        """`id@version+hash`, as findings name it."""
        return f"{self.id}@{self.version}+{self.digest}"


@dataclass(frozen=True)
class Definitions:
    """The definitions in force together: what others build on first, a project last.

    `allowed_pairs` are pairs of labels that may share a place.
    """

    parts: tuple[Definition, ...]
    allowed_pairs: tuple[tuple[str, str], ...] = ()

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """All clauses, in the order of the definitions."""
        return tuple(clause for part in self.parts for clause in part.clauses)

    @property
    def questions(self) -> dict[str, Question]:
        """The questions by key; of two of one key the later definition's."""
        return {key: asked for part in self.parts for key, asked in part.questions.items()}

    @property
    def columns(self) -> dict[str, Name]:
        """The columns that the definitions add to boxes."""
        return {name: column for part in self.parts for name, column in part.columns.items()}

    @property
    def stated(self) -> tuple[str, ...]:
        """`id@version+hash` of each."""
        return tuple(part.stated for part in self.parts)

    @property
    def has_mapping(self) -> bool:
        """Whether labels and roles come from the definitions."""
        return any(part.mapping for part in self.parts)


def digest_of(values: Any) -> str:  # YAML values
    """The first 12 hex digits of the sha256 of a file's values; comments and layout do not count.

    Examples
    --------
    >>> digest_of({"id": "a", "params": {"n": 1}}) == digest_of({"params": {"n": 1}, "id": "a"})
    True
    """
    text = json.dumps(
        values, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
