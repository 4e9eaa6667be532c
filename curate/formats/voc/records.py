"""What is read of one VOC file: plain text values with their places."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

_KNOWN = frozenset({"name", "bndbox", "truncated", "occluded", "difficult"})


@dataclass
class VocObject:
    """One `<object>`: its span in bytes (half-open), its line from 1, and its texts.

    `fields` are the simple children, `corners` those of the first `<bndbox>`. `repeated` names
    known children that stand more than once, `uncarried` what no column holds.
    """

    start: int
    line: int
    end: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    corners: dict[str, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    n_boxes: int = 0
    repeated: list[str] = field(default_factory=list)
    uncarried: list[str] = field(default_factory=list)


@dataclass
class VocFile:
    """One annotation file. `error` is (what is wrong, mend, line from 1) of an unreadable one.

    `size` maps width and height to (text, line).
    """

    filename: str | None = None
    size: dict[str, tuple[str, int]] = field(default_factory=dict)
    objects: list[VocObject] = field(default_factory=list)
    uncarried: Counter[str] = field(default_factory=Counter)
    error: tuple[str, str, int] | None = None


def add_corner(record: VocObject, name: str, text: str | None) -> None:
    """Adds a child of `<bndbox>`; the first box of an object counts. None: it has children."""
    if record.n_boxes != 1 or text is None:
        return
    if name in record.corners:
        record.repeated.append(name)
    record.corners.setdefault(name, text)


def add_action(record: VocObject, name: str, text: str | None) -> None:
    """Adds a child of `<actions>`; None as its text: it has children."""
    if text is None or name in record.actions:
        record.uncarried.append("actions")
    record.actions.setdefault(name, text or "")


def add_child(record: VocObject, name: str, text: str | None) -> None:
    """Adds a child of the object that has ended; None as its text: it has children."""
    is_repeated = name in record.fields or (name == "bndbox" and record.n_boxes > 1)
    if is_repeated and name in _KNOWN:
        record.repeated.append(name)
    elif is_repeated:
        record.uncarried.append(name)
    elif name == "bndbox" or (name == "actions" and not text):
        return
    elif text is None or name == "actions":
        record.uncarried.append(name)
    else:
        record.fields[name] = text
