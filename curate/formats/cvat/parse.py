"""The bytes of one CVAT file to plain text values with their places, in one pass of expat."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from curate.errors import quote
from curate.formats.xml_spans import Refusal, drive, end_of, new_parser

SHAPES = frozenset(
    {"box", "polygon", "polyline", "points", "tag", "mask", "ellipse", "cuboid", "skeleton"}
)
# Of the meta part only these are read.
_SIDES = ("width", "height")


@dataclass
class CvatImage:
    """An `<image>`: its span in bytes (half-open), its line from 1, its XML attributes."""

    start: int
    line: int
    fields: dict[str, str]
    end: int = 0
    n_shapes: int = 0


@dataclass
class CvatShape:
    """One shape of an image (its number from 0) or of a track (the track's XML attributes).

    `fields` are its own XML attributes, `answers` the texts of its `<attribute>` elements, `points`
    the XML attributes of a skeleton's `<points>`.
    """

    kind: str
    start: int
    line: int
    fields: dict[str, str]
    image: int | None
    track: dict[str, str] | None
    end: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    points: list[dict[str, str]] = field(default_factory=list)

    def is_joint(self, name: str) -> bool:
        """Whether a child of this name is a keypoint."""
        return self.kind == "skeleton" and name == "points"


@dataclass
class CvatFile:
    """One file. `error` is (what is wrong, mend, line from 1) of an unreadable one.

    `size` holds the texts of width and height that the task states for all its frames, `video` the
    name of the video, `uncarried` counts what no column holds.
    """

    images: list[CvatImage] = field(default_factory=list)
    shapes: list[CvatShape] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    size: dict[str, str] = field(default_factory=dict)
    video: str | None = None
    uncarried: Counter[str] = field(default_factory=Counter)
    error: tuple[str, str, int] | None = None


def parse(body: bytes) -> CvatFile:
    """The texts of one annotation file; nothing is kept of an unreadable one."""
    handlers = _Handlers(body)
    error = drive(handlers.parser, body)
    # Without this the parser and its handlers hold each other until the collector runs.
    handlers.release()
    return CvatFile(error=error) if error else handlers.found


class _Handlers:
    """What expat calls: it follows the path of open elements and collects the texts."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.found = CvatFile()
        self.parser = new_parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.text: list[str] = []
        self.parser.CharacterDataHandler = self.text.append
        self.path: list[str] = []
        self.image: CvatImage | None = None
        self.track: dict[str, str] | None = None
        self.shape: CvatShape | None = None
        self.answer: str | None = None
        self.is_leaf = False

    def release(self) -> None:
        """Lets the parser forget these handlers."""
        self.parser.StartElementHandler = None
        self.parser.EndElementHandler = None
        self.parser.CharacterDataHandler = None

    def _start(self, name: str, fields: dict[str, str]) -> None:
        depth = len(self.path)
        if depth == 2 and self.path[1] != "meta":
            self._start_shape(name, fields)
        elif depth == 1 and name == "image":
            place = self.parser.CurrentByteIndex, self.parser.CurrentLineNumber
            self.image = CvatImage(*place, fields)
            self.found.images.append(self.image)
        elif depth == 1 and name == "track":
            self.track = fields
        elif depth == 3 and self.shape is not None and name == "attribute":
            self.answer = fields.get("name")
        elif depth == 3 and self.shape is not None and self.shape.is_joint(name):
            self.shape.points.append(fields)
        elif depth == 0 and name != "annotations":
            raise Refusal(
                f"its root element is {quote(name)}, should be 'annotations'",
                "give another --from, or take the file out of the folder",
            )
        self.path.append(name)
        self.text.clear()
        self.is_leaf = True

    def _start_shape(self, name: str, fields: dict[str, str]) -> None:
        if name not in SHAPES or (self.image is None and self.track is None):
            return
        number = None
        if self.image is not None:
            number = len(self.found.images) - 1
            self.image.n_shapes += 1
        place = self.parser.CurrentByteIndex, self.parser.CurrentLineNumber
        self.shape = CvatShape(name, *place, fields, number, self.track)

    def _end(self, name: str) -> None:
        path, is_leaf = self.path, self.is_leaf
        self.is_leaf = False
        path.pop()
        depth = len(path)
        if depth == 2 and self.shape is not None:
            self.shape.end = end_of(self.body, self.parser, name)
            self.found.shapes.append(self.shape)
            self.shape = None
        elif depth == 3 and self.shape is not None and name == "attribute":
            self._end_answer(self.shape)
        elif depth == 1 and self.image is not None:
            self.image.end = end_of(self.body, self.parser, name)
            self.image = None
        elif depth == 1 and self.track is not None:
            self.track = None
        elif is_leaf and self.shape is None:
            self._end_leaf(name)
        elif self.shape is not None and not (depth == 3 and self.shape.is_joint(name)):
            self.found.uncarried[f"{self.shape.kind}/{name}"] += 1

    def _end_answer(self, shape: CvatShape) -> None:
        if self.answer is None or self.answer in shape.answers:
            self.found.uncarried["attribute"] += 1
        else:
            shape.answers[self.answer] = "".join(self.text)
        self.answer = None

    def _end_leaf(self, name: str) -> None:
        text, path = "".join(self.text), self.path
        if path[-2:] == ["labels", "label"] and name == "name":
            self.found.labels.append(text)
        elif path[-1:] == ["original_size"] and name in _SIDES:
            self.found.size.setdefault(name, text.strip())
        elif path[1:] == ["meta"] and name == "source":
            self.found.video = text.strip() or None
        elif text.strip() and path[1:] != [] and name != "version":
            self.found.uncarried[path[1]] += 1
