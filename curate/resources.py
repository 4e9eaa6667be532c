"""The schemas and rules that come with the package, found in a wheel and in a checkout alike."""

from __future__ import annotations

from pathlib import Path

from curate.errors import DatasetError, Place

_PACKAGE = Path(__file__).resolve().parent


def schema_text(name: str) -> str:
    """The text of one JSON Schema of `schemas/`."""
    return _text("schemas", name)


def rules_folder() -> Path:
    """The folder of the definition files."""
    return _folder("rules")


def _folder(kind: str) -> Path:
    # A wheel carries them inside the package; in a checkout they stand beside it.
    inside = _PACKAGE / "_resources" / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def _text(kind: str, name: str) -> str:
    path = _folder(kind) / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(
            f"cannot be read: {error.strerror}", place=Place(str(path)), mend="install curate again"
        ) from error
