"""The edits that bring changed columns into the bytes of one CVAT file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from curate.formats.cvat.geometry import CORNERS
from curate.formats.cvat.make import (
    BOX_COLUMNS,
    FLAG,
    FORBIDDEN,
    LACK,
    ONE_LABEL,
    ROLE,
    answer_text,
    changed_attributes,
    flag_text,
    image_losses,
    image_text,
    made_losses,
    numbers_of,
    points_text,
    quoted,
    shape_text,
)
from curate.formats.line_files import number_text
from curate.formats.per_image import EDGES, Change, is_known
from curate.formats.record_files import RecordChanges, Span
from curate.formats.writing import Lost
from curate.formats.xml_spans import (
    Edit,
    Element,
    Markup,
    Node,
    apply_edits,
    drive,
    escape,
    is_forbidden,
    new_parser,
    read_markup,
)

_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?(<\?xml\s.*?\?>)", re.DOTALL)
_FIELD = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_IMAGE_ID = re.compile(rb"<image\s(?:[^>\"']|\"[^\"]*\"|'[^']*')*?\bid\s*=\s*[\"'](\d{1,9})[\"']")
_LABELS = re.compile(rb"<labels[\s>].*?</labels\s*>", re.DOTALL)
_OUTLINE = "its outline or turn tells it: it keeps its place"
_POINTS = "its points tell whether it is in the picture: they stay as they were"
_TRACK = "stated for the whole track"
_NO_NUMBER = "no finite number of px: it is left as it was"
_GONE = "the record of their image is gone"
_TEXTS = "only texts are written, and group, source and keyframe stay as they were"
_OWN_OF_TRACK = frozenset({"group_id", "source", "keyframe"})


@dataclass(frozen=True)
class _Record:
    """One element of the file, parsed by itself; `shift` leads from its bytes to the file's."""

    markup: Markup
    shift: int

    @property
    def root(self) -> Element:
        return self.markup.root

    def edit(self, start: int, end: int, new: bytes) -> Edit:
        """An edit of the file, by places in the element's own bytes."""
        return start + self.shift, end + self.shift, new

    def fields(self) -> dict[str, tuple[int, int, int]]:
        """By XML attribute: start with its white space, start and end of the quoted value."""
        body, root = self.markup.body, self.root
        at = root.start + 1 + len(root.name.encode())
        found = {}
        while match := _FIELD.match(body, at, root.open_end):
            found[match[1].decode("utf-8", "replace")] = match.start(), *match.span(2)
            at = match.end()
        return found

    def set_field(self, name: str, text: str | None) -> Edit:
        """Sets an XML attribute in its place, adds it after the last one, or takes it away."""
        fields = self.fields()
        if name in fields:
            before, start, end = fields[name]
            if text is None:
                return self.edit(before, end, b"")
            return self.edit(start, end, self.markup.encode(quoted(text)))
        at = max((end for _, _, end in fields.values()), default=0)
        at = at or self.root.start + 1 + len(self.root.name.encode())
        new = b"" if text is None else self.markup.encode(f" {name}={quoted(text)}")
        return self.edit(at, at, new)


def splice(body: bytes, changes: RecordChanges, lost: Lost) -> bytes:
    """The file with the changes in it and every other byte as it was.

    `lost` counts the changes that CVAT has no place for.
    """
    edits: list[Edit] = [_cut(body, span) for span in changes.removed_images]
    ends = sorted(changes.removed_images)
    starts = [start for start, _ in ends]
    for span, change in changes.changed.items():
        place = bisect_right(starts, span[0]) - 1
        if place >= 0 and span[1] <= ends[place][1]:
            lost["boxes", _GONE] += 1
        else:
            edits += _changed(body, span, change, lost)
    for span in changes.removed:
        place = bisect_right(starts, span[0]) - 1
        if place < 0 or span[1] > ends[place][1]:
            edits.append(_cut(body, span))
    for span, (_, rows) in changes.added.items():
        for row in rows:
            lost.update(made_losses(row))
        record = _record(body, span)
        if record is not None:
            _, inner, unit = _indents(record, body)
            texts = [shape_text(row, inner, unit) for row in rows]
            edits += _inside(record, body, texts)
    if changes.added_images:
        edits.append(_new_images(body, changes, lost))
    return apply_edits(body, edits + _new_labels(body, changes))


def _new_labels(body: bytes, changes: RecordChanges) -> list[Edit]:
    """Adds the classes that shapes now have to the task's list of labels, where it has one.

    A shape of a label that is in no list is refused by CVAT, and read as one of an unknown class.
    """
    found = _LABELS.search(body)
    record = None if found is None else _record(body, found.span())
    if record is None:
        return []
    markup = record.markup
    names = [leaf for label in record.root.children for leaf in label.leaves("name")[:1]]
    # Each name is read as a file of its own, under the declaration that names the encoding.
    head = markup.body[: record.root.start]
    listed = {_text_of(head + markup.body[leaf.start : leaf.end]) for leaf in names}
    given = [c.new.label for c in changes.changed.values() if "label" in c.columns]
    rows = [row for _, added in changes.added.values() for row in added]
    given += [row.label for row in rows + [r for _, added in changes.added_images for r in added]]
    new = sorted({label for label in given if label and not is_forbidden(label)} - listed)
    if not new:
        return []
    nodes: list[Node] = [("label", [("name", label)]) for label in new]
    return [record.edit(*markup.insert(record.root, nodes, None))]


def _text_of(file: bytes) -> str:
    """The text of a file whose root has no children."""
    texts: list[str] = []
    parser = new_parser()
    parser.CharacterDataHandler = texts.append
    drive(parser, file)
    return "".join(texts).strip()


def _cut(body: bytes, span: Span) -> Edit:
    start, end = span
    while start > 0 and body[start - 1] in b" \t\r\n":
        start -= 1
    return start, end, b""


def _record(body: bytes, span: Span) -> _Record | None:
    # The element alone, under the file's own declaration, which names the encoding.
    found = _DECLARATION.match(body)
    head = found[1] if found else b""
    markup = read_markup(head + body[span[0] : span[1]])
    return None if markup is None else _Record(markup, span[0] - len(head))


def _space_before(body: bytes, offset: int) -> str:
    start = offset
    while start > 0 and body[start - 1] in b" \t\r\n":
        start -= 1
    return body[start:offset].decode()


def _indents(record: _Record, body: bytes) -> tuple[str, str, str]:
    """The white space before the element, before its children, and what a level adds."""
    own = _space_before(body, record.root.start + record.shift)
    if not record.root.children:
        unit = "  " if "\n" in own else ""
        return own, own + unit, unit
    first = record.root.children[0].start
    inner = _space_before(record.markup.body, first)
    return own, inner, inner.removeprefix(own) if inner.startswith(own) else "  "


def _inside(record: _Record, body: bytes, texts: list[str]) -> list[Edit]:
    """Adds children after the last one of an element, laid out as its children are."""
    own, inner, _ = _indents(record, body)
    root, encode = record.root, record.markup.encode
    new = "".join(inner + text for text in texts)
    if not texts:
        return []
    if root.children:
        at = root.children[-1].end
        return [record.edit(at, at, encode(new))]
    if root.open_end == root.end:
        return [record.edit(root.end - 2, root.end, encode(f">{new}{own}</{root.name}>"))]
    tail = own if root.open_end == root.close_start else ""
    return [record.edit(root.open_end, root.open_end, encode(new + tail))]


def _changed(body: bytes, span: Span, change: Change, lost: Lost) -> list[Edit]:
    record = _record(body, span)
    if record is None:
        return []
    is_track = change.old.track_id is not None or b" frame=" in record.markup.body
    kept = _OWN_OF_TRACK if is_track else frozenset({"source"})
    fields, whys = _new_fields(record, change, is_track=is_track)
    is_same = "attributes" not in change.columns
    now = change.old.attributes if is_same else change.new.attributes
    own, answers, is_all = changed_attributes(now, change.old.attributes, kept)
    if not is_all:
        whys["attributes"] = _TEXTS
    for name in change.columns - BOX_COLUMNS:
        whys[name] = LACK
    lost.update((f"boxes.{name}", why) for name, why in whys.items() if name in change.columns)
    edits = [record.set_field(name, text) for name, text in sorted({**fields, **own}.items())]
    return [edit for edit in edits if edit[0] < edit[1] or edit[2]] + _answer_edits(
        record, body, answers
    )


def _new_fields(
    record: _Record, change: Change, *, is_track: bool
) -> tuple[dict[str, str | None], dict[str, str]]:
    """New XML attributes (None: to go), and the columns that they do not hold, with the reason."""
    columns, new = change.columns, change.new
    fields, whys = _new_place(record, change)
    if "label" in columns:
        if new.label is None or new.label == "":
            whys["label"] = "a shape has a label: the old one stays"
        elif is_track:
            whys["label"] = _TRACK
        else:
            fields["label"] = new.label
            whys |= {"label": FORBIDDEN} if is_forbidden(new.label) else {}
    if new.source_label != new.label or "label" in whys:
        whys["source_label"] = ONE_LABEL
    if "role" in columns:
        is_joined = record.root.name == "skeleton"
        outside = _outside(new.role, is_track=is_track and not is_joined)
        fields |= {} if outside is None else {"outside": outside}
        whys |= {"role": _POINTS if is_joined else ROLE} if outside is None else {}
    if "occluded" in columns:
        fields["occluded"] = None if new.occluded is None else flag_text(new.occluded)
        if new.occluded not in (None, 0.0, 1.0):
            whys["occluded"] = FLAG
    if "shape" in columns:
        whys["shape"] = "the element tells it"
    return fields, whys


def _outside(role: str, *, is_track: bool) -> str | None:
    """The flag that says a role; None where no flag does."""
    flags = {"include": "0", "exclude": "1"}
    return flags.get(role) if is_track else None


def _new_place(record: _Record, change: Change) -> tuple[dict[str, str | None], dict[str, str]]:
    """New texts of the attributes that tell the place, and the edges that they do not hold."""
    moved = [name for name in EDGES if name in change.columns]
    edges = dict(zip(EDGES, change.new.edges, strict=True))
    kind = record.root.name
    n_points = _n_points(record)
    is_place = kind == "box" and change.old.shape == "box"
    is_points = (kind, n_points) in (("points", 1), ("polyline", 2))
    if not moved or not (is_place or is_points):
        return {}, dict.fromkeys(moved, _OUTLINE)
    whys = {name: _NO_NUMBER for name in moved if not is_known(edges[name])}
    if is_place:
        texts = {
            corner: number_text(edge)
            for corner, name in zip(CORNERS, EDGES, strict=True)
            if (edge := edges[name]) is not None and name in moved and name not in whys
        }
        return {**texts}, whys
    if not all(map(is_known, change.new.edges)):
        return {}, dict.fromkeys(moved, _NO_NUMBER)
    if kind == "points" and change.new.edges[:2] != change.new.edges[2:]:
        return {}, dict.fromkeys(moved, "a point has one place: it is left as it was")
    return {"points": points_text(change.new)}, whys


def _n_points(record: _Record) -> int:
    place = record.fields().get("points")
    return 0 if place is None else record.markup.body.count(b";", place[1], place[2]) + 1


def _answer_edits(record: _Record, body: bytes, answers: Mapping[str, str | None]) -> list[Edit]:
    """Edits of the `<attribute>` children; one that is not there is added at the end."""
    markup = record.markup
    found: dict[str, Element] = {}
    for child in record.root.children:
        name = _answer_of(markup, child)
        if name is not None:
            found.setdefault(name, child)
    edits: list[Edit] = []
    fresh = []
    for name, text in sorted(answers.items()):
        if name not in found:
            fresh += [answer_text(name, text)] if text is not None else []
        elif text is None:
            edits.append(record.edit(*markup.cut(found[name])))
        elif found[name].open_end == found[name].end:
            start, end = found[name].start, found[name].end
            edits.append(record.edit(start, end, markup.encode(answer_text(name, text))))
        else:
            start, end = found[name].open_end, found[name].close_start
            edits.append(record.edit(start, end, markup.encode(escape(text))))
    return edits + _inside(record, body, fresh)


def _answer_of(markup: Markup, child: Element) -> str | None:
    """The name that an `<attribute>` element states, as expat reads it."""
    if child.name != "attribute":
        return None
    alone = markup.body[: markup.root.start] + markup.body[child.start : child.end]
    names: list[str] = []
    parser = new_parser()
    parser.StartElementHandler = lambda _, fields: names.append(fields.get("name", ""))
    drive(parser, alone)
    return names[0] if names else None


def _new_images(body: bytes, changes: RecordChanges, lost: Lost) -> Edit:
    """The edit that adds images before the end of the file."""
    used = [int(match[1]) for match in _IMAGE_ID.finditer(body)]
    images = [image for image, _ in changes.added_images]
    numbers = numbers_of(images, max(used, default=-1) + 1)
    at = body.rfind(b"</annotations")
    last = body.rfind(b"<image", 0, at)
    indent = _space_before(body, last) if last > 0 else "\n  "
    at -= len(_space_before(body, at))
    parts = []
    for number, (image, rows) in zip(numbers, changes.added_images, strict=True):
        lost.update(image_losses(image, rows, number))
        parts.append(indent + image_text(image, rows, number, (indent, "  " if indent else "")))
    is_utf8 = _is_utf8(body)
    text = "".join(parts)
    return at, at, text.encode() if is_utf8 else text.encode("ascii", "xmlcharrefreplace")


def _is_utf8(body: bytes) -> bool:
    markup = read_markup((_DECLARATION.match(body) or [b"", b""])[1] + b"<a/>")
    return markup is None or markup.is_utf8
