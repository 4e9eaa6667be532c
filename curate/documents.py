"""Files that people write, in YAML: read safely and checked against their schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from curate.errors import Place, UsageError
from curate.resources import schema_text

# No schema of ours needs more levels than five.
MAX_DEPTH = 20


def read_yaml(path: Path, schema: str, name: str) -> Any:  # YAML values
    """The values of a YAML file that fits a schema of `schemas/`; `name` is how it is called.

    Raises
    ------
    UsageError
        When the file cannot be read, is no YAML or does not fit, naming the key.
    """
    import jsonschema

    document = _values(path, Place(name))
    validator = jsonschema.Draft202012Validator(json.loads(schema_text(schema)))
    for fault in sorted(validator.iter_errors(document), key=lambda e: list(map(str, e.path))):
        where = ".".join(map(str, fault.path)) or "the file"
        raise UsageError(
            f"{where}: {fault.message}", place=Place(name), mend=f"see schemas/{schema}"
        )
    return document


def _values(path: Path, place: Place) -> Any:  # YAML values
    """The values of a YAML file.

    Aliases are refused: a few lines of them unfold to more than memory holds. So is deep nesting:
    the time that PyYAML takes grows with its square (100,000 brackets: minutes).
    """
    import yaml

    # What PyYAML's constructors raise beside YAMLError: `!!int ""`, 2001-99-99, deep nesting.
    broken = (ValueError, IndexError, AttributeError, RecursionError)
    try:
        text = path.read_text(encoding="utf-8")
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise UsageError("has an alias (*name)", place=place, mend="write its value out")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise UsageError("is nested too deeply", place=place, mend="correct it")
        return yaml.safe_load(text)
    except (OSError, yaml.YAMLError, *broken) as error:
        raise UsageError(f"cannot be read: {error}", place=place, mend="correct it") from error
