"""Files that people write, in YAML: read safely, checked against their schema, with their lines."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import Place, UsageError, quote
from curate.resources import schema_text

# No schema of ours needs more levels than ten.
MAX_DEPTH = 20
# Files that people write are small; what is larger is another file.
MAX_BYTES = 1 << 20
SHOWN_WORDS = 12
# What PyYAML's constructors raise beside YAMLError: `!!int ""`, 2001-99-99, deep nesting.
_BROKEN = (ValueError, IndexError, AttributeError, RecursionError)
_PLAIN_TAGS = ("tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """The values of a YAML file and where they stand.

    Parameters
    ----------
    name
        What the file is called in messages.
    values
        YAML values: dicts with texts as keys, lists, texts, numbers, booleans, None.
    lines
        Line, from 1, of each key and each entry of a list, by its path of keys and positions.
    """

    name: str
    values: Any
    lines: Mapping[KeyPath, int]

    def place(self, *path: str | int) -> Place:
        """The place of a value, or of the nearest that holds it."""
        while path and path not in self.lines:
            path = path[:-1]
        return Place(self.name, self.lines.get(path, 1))


def read_yaml(path: Path, schema: str, name: str) -> Any:  # YAML values
    """The values of a YAML file that fits a schema of `schemas/`; `name` is how it is called.

    Raises
    ------
    UsageError
        When the file cannot be read, is no YAML or does not fit, naming line and key.
    """
    document = read_document(path, name)
    refuse_unfit(document, schema)
    return document.values


def read_document(path: Path, name: str) -> Document:
    """The values of a YAML file with their lines.

    Raises
    ------
    UsageError
        When the file cannot be read, is larger than `MAX_BYTES`, is no YAML, holds an alias (a few
        lines of them unfold to more than memory holds), a key twice or a key that is no text, or
        is nested more than `MAX_DEPTH` deep (PyYAML's time grows with the square of that).
    """
    place = Place(name)
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise UsageError("is no UTF-8", place=Place(name, line), mend="save it as UTF-8") from error
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise UsageError(what, place=place, mend="check the path") from error
    if len(body) > MAX_BYTES:
        raise UsageError(
            f"is larger than {MAX_BYTES} bytes, should be a file that a person writes",
            place=place,
            mend="give another file",
        )
    return parse_document(text, name)


def parse_document(text: str, name: str) -> Document:
    """The values of YAML text with their lines; raises as `read_document` does."""
    import yaml

    lines: dict[KeyPath, int] = {}
    try:
        _refuse_bombs(text, name)
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            values = None if node is None else _built(loader, node, (), _Marks(name, lines))
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        what = f"cannot be read: {error.problem or error.context}"
        raise UsageError(what, place=Place(name, line), mend="correct it") from error
    except (yaml.YAMLError, *_BROKEN) as error:
        what = f"cannot be read: {error}"
        raise UsageError(what, place=Place(name), mend="correct it") from error
    return Document(name, values, lines)


def _refuse_bombs(text: str, name: str) -> None:
    import yaml

    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        mark = event.start_mark
        place = Place(name, None if mark is None else mark.line + 1)
        if isinstance(event, yaml.AliasEvent):
            raise UsageError("has an alias (*name)", place=place, mend="write its value out")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise UsageError(
                f"is nested too deeply, should have at most {MAX_DEPTH} levels",
                place=place,
                mend="correct it",
            )


@dataclass(frozen=True)
class _Marks:
    name: str
    lines: dict[KeyPath, int]

    def place(self, node: Any) -> Place:  # a node of PyYAML
        return Place(self.name, node.start_mark.line + 1)


def _built(loader: Any, node: Any, path: KeyPath, marks: _Marks) -> Any:  # PyYAML's; YAML values
    """The value of a node; the lines of what it holds go into `marks`."""
    import yaml

    if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
        raise UsageError(
            f"cannot be read: {quote(node.tag)} is no kind of value that is taken",
            place=marks.place(node),
            mend="take the tag out",
        )
    if isinstance(node, yaml.SequenceNode):
        return [_kept(loader, child, (*path, n), marks) for n, child in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(loader, node, marks)
    values: dict[str, Any] = {}
    for key_node, child in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise UsageError(
                f"key {quote(key)} is no text",
                place=marks.place(key_node),
                mend="put it in quotation marks",
            )
        if key in values:
            raise UsageError(
                f"key {quote(key)} stands twice, first in line {marks.lines[*path, key]}",
                place=marks.place(key_node),
                mend="keep one of them",
            )
        marks.lines[*path, key] = key_node.start_mark.line + 1
        values[key] = _built(loader, child, (*path, key), marks)
    return values


def _scalar(loader: Any, node: Any, marks: _Marks) -> Any:  # as `_built`
    try:
        return loader.construct_object(node, deep=True)
    except _BROKEN as error:
        what = f"cannot be read: {quote(node.value)}: {error}"
        raise UsageError(what, place=marks.place(node), mend="correct it") from error


def _kept(loader: Any, node: Any, path: KeyPath, marks: _Marks) -> Any:  # as `_built`
    marks.lines[path] = node.start_mark.line + 1
    return _built(loader, node, path, marks)


def refuse_unfit(document: Document, schema: str) -> None:
    """Refuses a document that does not fit a schema of `schemas/`, telling its first fault.

    Raises
    ------
    UsageError
        Naming line and key, what is there, what should be, and the nearest legal word.
    """
    import jsonschema

    validator = jsonschema.Draft202012Validator(json.loads(schema_text(schema)))
    faults = list(_leaves(validator.iter_errors(document.values)))
    if not faults:
        return
    # Where a branch of the schema is not met, all keys count as keys of none.
    faults = [f for f in faults if f.validator != "unevaluatedProperties"] or faults
    worst = min(faults, key=lambda fault: (_line_of(document, fault), list(map(str, fault.path))))
    what, mend = _told(worst)
    where = ".".join(map(str, worst.absolute_path)) or "the file"
    raise UsageError(
        f"{where}: {what}",
        place=Place(document.name, _line_of(document, worst)),
        mend=mend or f"see schemas/{schema}",
    )


def _line_of(document: Document, fault: Any) -> int:  # an error of jsonschema
    path = tuple(fault.absolute_path)
    if fault.validator in ("additionalProperties", "propertyNames"):
        unknown = _unknown_keys(fault)
        path = (*path, *unknown[:1])
    return document.place(*path).line or 1


def _leaves(faults: Any) -> Iterator[Any]:  # errors of jsonschema
    """The faults that say most: of alternatives the best fitting one's."""
    from jsonschema.exceptions import best_match

    for fault in faults:
        yield best_match(iter([fault])) if fault.context and fault.validator == "anyOf" else fault


def _unknown_keys(fault: Any) -> list[str]:  # an error of jsonschema
    if fault.validator == "propertyNames":
        return [str(fault.instance)]
    known = fault.schema.get("properties", {})
    return [key for key in fault.instance if key not in known]


def _told(fault: Any) -> tuple[str, str | None]:  # an error of jsonschema
    """What a fault is in our own words, and the mend where there is one to offer."""
    value, wanted = fault.instance, fault.validator_value
    if fault.validator == "additionalProperties" and wanted is False:
        known = sorted(fault.schema.get("properties", {}))
        key = _unknown_keys(fault)[0]
        return f"there is no key {quote(key)}", _nearest(key, known)
    if fault.validator == "required":
        missing = [key for key in wanted if key not in value]
        return f"has no {' and no '.join(map(repr, missing))}", f"add {', '.join(missing)}"
    if fault.validator in ("enum", "const"):
        legal = list(wanted) if fault.validator == "enum" else [wanted]
        words = ", ".join(map(str, legal[:SHOWN_WORDS]))
        return f"is {_shown(value)}, should be {words}", _nearest(str(value), list(map(str, legal)))
    if fault.validator == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        is_text = "string" in kinds and value is not None and not isinstance(value, list | dict)
        mend = "put it in quotation marks" if is_text else None
        return f"is {_shown(value)}, should be of type {' or '.join(kinds)}", mend
    if fault.validator == "pattern":
        meaning = fault.schema.get("description")
        return f"is {quote(value)}, should be: {meaning or wanted}", None
    if fault.validator == "not":
        return "should not be there", "take the key out"
    return fault.message, None


def _shown(value: Any) -> str:  # a YAML value
    return quote(value) if isinstance(value, str | list | dict) else str(value)


def _nearest(word: str, legal: list[str]) -> str:
    near = difflib.get_close_matches(word, legal, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"use one of {', '.join(legal[:SHOWN_WORDS])}"
