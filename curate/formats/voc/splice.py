"""The edits that bring changed columns into the bytes of one annotation file."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from curate.formats.per_image import EDGES, Change, FileChanges, is_known
from curate.formats.voc.make import (
    BOX_COLUMNS,
    LACK,
    ONE_NAME,
    RESERVED,
    attribute_values,
    corner_nodes,
    corner_text,
    flag_text,
    is_element,
    is_skipped,
    made_losses,
    object_node,
    value_losses,
)
from curate.formats.voc.read import CORNERS
from curate.formats.writing import Lost
from curate.formats.xml_spans import (
    Edit,
    Element,
    Markup,
    Node,
    apply_edits,
    read_markup,
)

# The devkit's order of children: a new one goes before the first that follows it here.
_ORDER = ("name", "pose", "truncated", "occluded", "difficult", "bndbox", "actions")
# What `<difficult>` says together.
_ONE_FLAG = {"difficult", "role", "is_group"}
_SHAPE = "VOC tells it by the corners: an object that has some is a box"


def splice(body: bytes, changes: FileChanges, lost: Lost) -> bytes:
    """The file with the changes in it and every other byte as it was.

    `lost` counts the changes that VOC has no place for.
    """
    if not (changes.changed or changes.removed or changes.added):
        return body
    markup = read_markup(body)
    if markup is None:
        lost["boxes", "added to a file that cannot be read"] += len(changes.added)
        return body
    edits: list[Edit] = []
    objects = [child for child in markup.root.children if child.name == "object"]
    for element in objects:
        span = element.start, element.end
        if span in changes.removed:
            edits.append(markup.cut(element))
        elif span in changes.changed:
            change = changes.changed[span]
            lost.update((f"boxes.{name}", why) for name, why in _losses(change))
            edits += _object_edits(markup, element, change)
    if changes.added:
        for row in changes.added:
            lost.update(made_losses(row))
        edits.append(_append(markup, objects, [object_node(row) for row in changes.added]))
    return apply_edits(body, edits)


def _append(markup: Markup, objects: list[Element], nodes: list[Node]) -> Edit:
    if not objects:
        return markup.insert(markup.root, nodes, None)
    # After the last object, which need not be the last child of the file.
    following = Element("annotation", 0, 0, children=objects)
    return markup.insert(following, nodes, None)


def _object_edits(markup: Markup, element: Element, change: Change) -> list[Edit]:
    texts = _flag_texts(change) | _attribute_texts(change)[0]
    if "label" in change.columns and change.new.label is not None:
        texts["name"] = change.new.label
    edits: list[Edit] = []
    missing: list[Node] = []
    for name in sorted(texts, key=_rank):
        text, leaves = texts[name], element.leaves(name)
        if text is None:
            edits += map(markup.cut, leaves)
        elif leaves:
            edits.append(markup.set_text(leaves[0], text))
        else:
            missing.append((name, text))
    corners = _corner_texts(change)
    box = next((child for child in element.children if child.name == "bndbox"), None)
    if corners and box is None:
        missing.append(("bndbox", corner_nodes(change.new)))
    elif corners and box is not None:
        edits += _corner_edits(markup, box, change, corners)
    return edits + _inserted(markup, element, missing, texts)


def _inserted(
    markup: Markup, element: Element, nodes: list[Node], texts: dict[str, str | None]
) -> list[Edit]:
    """The edits that add children where the devkit has them."""
    nodes = sorted(nodes, key=lambda node: _rank(node[0]))
    if not element.children:
        return [markup.insert(element, nodes, None)] if nodes else []
    gone = {name for name, text in texts.items() if text is None}
    return [markup.insert(element, [node], _following(element, node[0], gone)) for node in nodes]


def _rank(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER)), name


def _following(element: Element, name: str, gone: Collection[str]) -> Element | None:
    later = set(_ORDER[_ORDER.index(name) + 1 :] if name in _ORDER else ()) - set(gone)
    return next((child for child in element.children if child.name in later), None)


def _corner_edits(
    markup: Markup, box: Element, change: Change, corners: dict[str, str]
) -> list[Edit]:
    if not box.children:
        return [markup.insert(box, corner_nodes(change.new), None)]
    edits = []
    for corner, text in corners.items():
        leaves = box.leaves(corner)
        if leaves:
            edits.append(markup.set_text(leaves[0], text))
        else:
            edits.append(markup.insert(box, [(corner, text)], None))
    return edits


def _corner_texts(change: Change) -> dict[str, str]:
    """New corners for the changed edges that are known."""
    places = zip(CORNERS, EDGES, change.new.edges, strict=True)
    return {
        corner: corner_text(edge, index)
        for index, (corner, column, edge) in enumerate(places)
        if column in change.columns and is_known(edge)
    }


def _flag_texts(change: Change) -> dict[str, str | None]:
    """New texts of the flags that change, None for one that is to go."""
    columns, new, old = change.columns, change.new, change.old
    texts: dict[str, str | None] = {}
    for name, value in (("truncated", new.truncated), ("occluded", new.occluded)):
        if name in columns:
            texts[name] = None if value is None else flag_text(value)
    if columns & _ONE_FLAG and _is_difficult(change) != old.difficult:
        is_difficult = _is_difficult(change)
        texts["difficult"] = None if is_difficult is None else flag_text(is_difficult)
    return texts


def _is_difficult(change: Change) -> bool | None:
    """The flag `difficult` that the role, the group and the flag give together."""
    columns, new = change.columns, change.new
    # A role taken back from "ignore" wins over the flag that gave it.
    is_taken_back = "role" in columns and new.role == "include" and "difficult" not in columns
    is_difficult = bool(new.is_group) if is_taken_back else is_skipped(new)
    return None if new.difficult is None and not is_difficult else is_difficult


def _attribute_texts(change: Change) -> tuple[dict[str, str | None], bool]:
    """New texts of the simple elements that change, None for one that is to go; whether all can."""
    if "attributes" not in change.columns:
        return {}, True
    now, before = attribute_values(change.new.attributes), attribute_values(change.old.attributes)
    if now is None or before is None:
        return {}, False
    texts: dict[str, str | None] = {}
    is_all = True
    for name in now.keys() | before.keys():
        value = now.get(name)
        if value == before.get(name):
            continue
        if name not in RESERVED and is_element(name, "" if value is None else value):
            texts[name] = value
        else:
            is_all = False
    return texts, is_all


def _losses(change: Change) -> Iterator[tuple[str, str]]:
    """The changed columns whose new values are not in what is written, and why."""
    columns, new = change.columns, change.new
    for name in columns - BOX_COLUMNS:
        yield name, "a box stays in the file of its image" if name == "image_id" else LACK
    whys = dict(value_losses(new))
    if new.label is None:
        whys["label"] = "an object has a name: the old one stays"
    if new.source_label != new.label or "label" in whys:
        whys["source_label"] = ONE_NAME
    is_difficult = _is_difficult(change)
    if is_difficult and new.role == "include":
        whys["role"] = "a difficult object, and a group as one, is read as ignored"
    if is_difficult != new.difficult:
        whys["difficult"] = "an ignored object, and a group as one, is written as difficult"
    if new.shape != "box" or not any(map(is_known, new.edges)):
        whys["shape"] = _SHAPE
    if not _attribute_texts(change)[1]:
        whys["attributes"] = "only texts under XML names are written; actions stay as they were"
    unknown = [name for name, edge in zip(EDGES, new.edges, strict=True) if not is_known(edge)]
    whys |= dict.fromkeys(unknown, "no finite number of px: the corner is left as it was")
    # One element says all of them, so that a change of one may be read as one of another.
    told = columns | ({"role", "difficult"} if columns & _ONE_FLAG else set())
    yield from ((name, why) for name, why in whys.items() if name in told)
