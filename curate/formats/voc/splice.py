"""The edits that bring changed columns into the bytes of one annotation file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from curate.formats.voc.make import (
    BoxRow,
    Node,
    corner_nodes,
    corner_text,
    flag_text,
    held_attributes,
    is_altered,
    is_skipped,
    object_node,
)
from curate.formats.voc.markup import Edit, Element, Markup, apply_edits, read_markup
from curate.formats.voc.read import CORNERS

# The devkit's order of children: a new one goes before the first that follows it here.
_ORDER = ("name", "pose", "truncated", "occluded", "difficult", "bndbox", "actions")
_EDGE_COLUMNS = ("x1", "y1", "x2", "y2")


@dataclass
class FileChanges:
    """What is to be done to one file; objects are named by the first byte of their element.

    `changed` maps it to (changed columns, new values, old values).
    """

    changed: dict[int, tuple[frozenset[str], BoxRow, BoxRow]] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    added: list[BoxRow] = field(default_factory=list)


def splice(body: bytes, changes: FileChanges, lost: Counter[str]) -> bytes:
    """The file with the changes in it and every other byte as it was.

    `lost` counts, by table column, the changes that VOC has no place for.
    """
    if not (changes.changed or changes.removed or changes.added):
        return body
    markup = read_markup(body)
    if markup is None:
        lost["boxes"] += len(changes.added)
        return body
    edits: list[Edit] = []
    objects = [child for child in markup.root.children if child.name == "object"]
    for element in objects:
        if element.start in changes.removed:
            edits.append(markup.cut(element))
        elif element.start in changes.changed:
            columns, new, old = changes.changed[element.start]
            edits += _object_edits(markup, element, columns, (new, old), lost)
    if changes.added:
        nodes = [object_node(row) for row in changes.added]
        edits.append(_append(markup, objects, nodes))
    return apply_edits(body, edits)


def _append(markup: Markup, objects: list[Element], nodes: list[Node]) -> Edit:
    if not objects:
        return markup.insert(markup.root, nodes, None)
    # After the last object, which need not be the last child of the file.
    following = Element("annotation", 0, 0, children=objects)
    return markup.insert(following, nodes, None)


def _object_edits(
    markup: Markup,
    element: Element,
    columns: frozenset[str],
    rows: tuple[BoxRow, BoxRow],
    lost: Counter[str],
) -> list[Edit]:
    new, old = rows
    texts: dict[str, str | None] = {}
    left = set(columns)
    for take in (_label, _flags, _difficult, _attributes):
        take(new, old, left, texts)
    if not element.children:
        lost.update(left - {*_EDGE_COLUMNS, "shape"})
        return [markup.replace(element, object_node(new))]
    edits = _corner_edits(markup, element, new, left)
    lost.update(left)
    missing: list[tuple[str, str]] = []
    for name in sorted(texts, key=_rank):
        text, child = texts[name], element.child(name)
        if child is not None:
            edits.append(markup.cut(child) if text is None else markup.set_text(child, text))
        elif text is not None:
            missing.append((name, text))
    gone = {name for name, text in texts.items() if text is None}
    for name, text in missing:
        edits.append(markup.insert(element, [(name, text)], _following(element, name, gone)))
    return edits


def _rank(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER)), name


def _following(element: Element, name: str, gone: Collection[str] = ()) -> Element | None:
    later = set(_ORDER[_ORDER.index(name) + 1 :] if name in _ORDER else ()) - set(gone)
    return next((child for child in element.children if child.name in later), None)


# Each of these moves what it can write from `left` (changed columns) to `texts` (new child texts,
# None for a child that is to go).
_Take = Callable[[BoxRow, BoxRow, set[str], dict[str, "str | None"]], None]


def _label(new: BoxRow, old: BoxRow, left: set[str], texts: dict[str, str | None]) -> None:
    if "label" in left and new.label is not None:
        texts["name"] = new.label
        if not is_altered(new.label):
            left.discard("label")
    # The class as the source writes it follows the class.
    left.discard("source_label")


def _flags(new: BoxRow, old: BoxRow, left: set[str], texts: dict[str, str | None]) -> None:
    for name, value in (("truncated", new.truncated), ("occluded", new.occluded)):
        if name in left:
            texts[name] = None if value is None else flag_text(value)
            if value in (None, 0.0, 1.0):
                left.discard(name)


def _difficult(new: BoxRow, old: BoxRow, left: set[str], texts: dict[str, str | None]) -> None:
    if not left & {"difficult", "role", "is_group"}:
        return
    # A role taken back from "ignore" wins over the flag that gave it.
    is_taken_back = "role" in left and new.role == "include" and "difficult" not in left
    skipped = bool(new.is_group) if is_taken_back else is_skipped(new)
    is_stated = new.difficult is not None or skipped
    was_stated = old.difficult is not None or is_skipped(old)
    if (is_stated, skipped) != (was_stated, is_skipped(old)):
        texts["difficult"] = str(int(skipped)) if is_stated else None
    left.discard("difficult")
    if new.role in ("include", "ignore"):
        left.discard("role")
    if not new.is_group:
        left.discard("is_group")


def _attributes(new: BoxRow, old: BoxRow, left: set[str], texts: dict[str, str | None]) -> None:
    if "attributes" not in left:
        return
    now, actions, is_all = held_attributes(new.attributes)
    before, old_actions, _ = held_attributes(old.attributes)
    reserved = {"name", "truncated", "occluded", "difficult", "bndbox", "object", "part", "point"}
    changed = {name for name in now.keys() | before.keys() if now.get(name) != before.get(name)}
    texts.update({name: now.get(name) for name in changed - reserved})
    if is_all and actions == old_actions and not changed & reserved:
        left.discard("attributes")


def _corner_edits(markup: Markup, element: Element, new: BoxRow, left: set[str]) -> list[Edit]:
    """Edits of the corners whose edge changed; an edge that is null now is left as it was."""
    wanted = {
        corner: (column, index)
        for index, (corner, column) in enumerate(zip(CORNERS, _EDGE_COLUMNS, strict=True))
        if column in left and _is_known(new.edges[index])
    }
    if not wanted:
        return []
    left.difference_update(column for column, _ in wanted.values())
    left.discard("shape")
    box = element.child("bndbox")
    if box is None or not box.children:
        node: Node = ("bndbox", corner_nodes(new))
        if box is not None:
            return [markup.replace(box, node)]
        return [markup.insert(element, [node], _following(element, "bndbox"))]
    edits = []
    for corner, (_, index) in wanted.items():
        text = corner_text(new.edges[index] or 0.0, index)
        child = box.child(corner)
        if child is None:
            edits.append(markup.insert(box, [(corner, text)], None))
        else:
            edits.append(markup.set_text(child, text))
    return edits


def _is_known(edge: float | None) -> bool:
    return edge is not None and math.isfinite(edge)
