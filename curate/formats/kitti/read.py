"""Reading KITTI object labels: which files are of this format, and their lines as rows."""

from __future__ import annotations

import codecs
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from curate.assembly import Fault, Gathered
from curate.dataset import Dataset
from curate.errors import CurateError, Place, SourceError
from curate.formats.kitti.parse import KittiObject, number, parse_line
from curate.formats.reading import Files, Options, TextError, decode_text, text_lines
from curate.progress import track

NAME = "kitti"

_HEAD_BYTES = 1 << 12
_SNIFFED_LINES = 20
_COLUMN_COUNTS = (14, 15, 16)
_CORRECT = "correct the line, or export again from the labelling tool"
# Of two splits that name one image, this one says less.
_BROAD_SPLIT = "trainval"


def claims(files: Files) -> list[str]:
    """The .txt files whose first lines are a name and 13 to 15 numbers.

    At least half of the first lines must be so. Beside such a file empty and unreadable ones are
    claimed too, and those whose lines are a name and some numbers.
    """
    looks = {name: _look(files, name) for name in files.files if name.lower().endswith(".txt")}
    homes = {_folder(name) for name, look in looks.items() if look == "kitti"}
    return sorted(
        name
        for name, look in looks.items()
        if look == "kitti" or (look in ("nothing", "broken") and _folder(name) in homes)
    )


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a .txt file that is not recognised may be a label file; there is no `kind`."""
    return _look(files, name) != "other"


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _look(files: Files, name: str) -> str:
    """`kitti`, `nothing` (blank), `broken` (unreadable, or much like a label), or `other`."""
    try:
        head = files.head(name, _HEAD_BYTES)
    except SourceError:
        return "broken"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head:
        return "broken"
    lines = head.removeprefix(codecs.BOM_UTF8).split(b"\n")
    if len(head) == _HEAD_BYTES and len(lines) > 1:
        lines.pop()
    shares = [_number_share(line.split()) for line in lines if line.strip()][:_SNIFFED_LINES]
    if not shares:
        return "nothing"
    n_whole = sum(share == 1 and n in _COLUMN_COUNTS for n, share in shares)
    if n_whole and n_whole * 2 >= len(shares):
        return "kitti"
    n_like = sum(share >= 0.5 and n > 1 for n, share in shares)
    return "broken" if n_like * 2 >= len(shares) or not _is_utf8(head) else "other"


def _is_utf8(head: bytes) -> bool:
    try:
        # Unlike bytes.decode it takes a character that the head cuts in two.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _number_share(raw: list[bytes]) -> tuple[int, float]:
    """Number of tokens, and the share of numbers behind the first; 0 when that cannot be a type."""
    first, *rest = [token.decode("utf-8", "replace") for token in raw]
    is_key = first.endswith(":") and len(raw) not in _COLUMN_COUNTS
    if not rest or number(first) is not None or is_key:
        return len(raw), 0.0
    return len(raw), sum(number(token) is not None for token in rest) / len(rest)


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The images and objects of KITTI label files, and the splits of lists beside them.

    A results file beside the label file of its stem predicts on that file's image.

    KITTI states no image sizes: `options.size_wh` gives one for all images.
    """
    labels_of = _labels_of_results(files, names)
    # A results file whose labels are here has no image of its own.
    own = [name for name in names if name not in labels_of]
    image_rows = {name: row for row, name in enumerate(own)}
    rows = _Rows(options.size_wh or (None, None))
    for name in track(names, len(names), "label files"):
        rows.add_file(name, image_rows[labels_of.get(name, name)], files, labels_of.get(name))
    splits = _gather_splits(files, names, own, rows.kept)
    lines = rows.boxes["line"]
    tokens = [
        f"{file}:{line}" if file in labels_of else str(line)
        for file, line in zip(rows.boxes["file"], lines, strict=True)
    ]
    return Gathered(
        n_images=len(own),
        n_boxes=len(lines),
        images={**rows.images, "split": splits},
        boxes={**rows.boxes, "source_id": np.asarray(lines, np.int64)},
        faults=rows.faults,
        files={**rows.kept},
        formats={name: NAME for name in names if name in rows.kept},
        box_tokens=tokens if labels_of else None,
    )


def _labels_of_results(files: Files, names: Sequence[str]) -> dict[str, str]:
    """The label file of each results file that has one of its stem among `names`.

    Objects of a results file have a score. A file without objects is what the others of its
    folder are. Where several label files have the stem nothing tells which is meant.
    """
    by_stem: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_stem[PurePosixPath(name).stem].append(name)
    doubled = [name for same in by_stem.values() if len(same) > 1 for name in same]
    scored = {name: _has_scores(files, name) for name in doubled}
    seen: dict[str, set[bool]] = defaultdict(set)
    for name, is_scored in scored.items():
        if is_scored is not None:
            seen[_folder(name)].add(is_scored)
    results = {
        name
        for name, is_scored in scored.items()
        if is_scored or (is_scored is None and seen[_folder(name)] == {True})
    }
    found = {}
    for name in sorted(results):
        labels = [other for other in by_stem[PurePosixPath(name).stem] if other not in results]
        if len(labels) == 1:
            found[name] = labels[0]
    return found


def _has_scores(files: Files, name: str) -> bool | None:
    """Whether most of the first lines have a score; None for a file without readable lines."""
    if _look(files, name) != "kitti":
        return None
    head = files.head(name, _HEAD_BYTES)
    counts = [len(line.split()) for line in head.split(b"\n") if line.strip()][:_SNIFFED_LINES]
    return sum(count == _COLUMN_COUNTS[-1] for count in counts) * 2 > len(counts)


def extras(dataset: Dataset) -> Counter[str]:
    """Nothing: every value of a KITTI line is in a column, the 3D ones in `attributes`."""
    return Counter()


class _Rows:
    """The columns that grow file by file."""

    def __init__(self, size_wh: tuple[int | None, int | None]) -> None:
        self.size_wh = size_wh
        self.images: dict[str, list[Any]] = {  # values of many types
            name: []
            for name in (
                "image_name", "width", "height", "label_state", "file", "line", "start", "end"
            )
        }  # fmt: skip
        self.boxes: dict[str, list[Any]] = {  # values of many types
            name: []
            for name in (
                "image_row", "shape", "source_label", "label", "role", "x1", "y1", "x2", "y2",
                "score", "origin", "occluded", "truncated", "attributes", "file", "line", "start",
                "end",
            )
        }  # fmt: skip
        self.faults: list[Fault] = []
        self.kept: dict[str, bytes] = {}

    def add_file(self, name: str, row: int, files: Files, labels: str | None) -> None:
        """One more file: its objects when it can be read, and its image.

        `labels` is the label file whose image, that of `row`, this results file is about.
        """
        n_before = len(self.boxes["line"])
        body, state = b"", "unreadable"
        try:
            body = files.read(name)
            self.kept[name] = body
            check_text(body, name)
        except CurateError as error:
            line = error.place.line if error.place and error.place.line else 1
            mend = error.mend or "restore the file from a backup"
            self.faults.append(Fault("SRC-002", error.what, mend, name, line, images=(row,)))
        else:
            for line, start, end, raw in text_lines(body):
                tokens = [token.decode() for token in raw.split()]
                if tokens:
                    self._add_object(name, row, (line, start, end), parse_line(tokens))
                    if labels is not None:
                        self.boxes["origin"][-1] = "detector"
            state = "present" if len(self.boxes["line"]) > n_before else "empty"
        if labels is not None:
            return
        stem = PurePosixPath(name).stem
        values = (stem, *self.size_wh, state, name, 1, 0, len(body))
        for column, value in zip(self.images.values(), values, strict=True):
            column.append(value)

    def _add_object(
        self, name: str, row: int, place: tuple[int, int, int], record: KittiObject
    ) -> None:
        values = (
            row, "box" if record.has_box else "tag", record.type, record.type,
            "ignore" if record.type == "DontCare" else "include", *record.edges, record.score,
            "detector" if record.n_columns == 16 else "human", record.occluded, record.truncated,
            record.attributes, name, *place,
        )  # fmt: skip
        box_row = len(self.boxes["line"])
        for column, value in zip(self.boxes.values(), values, strict=True):
            column.append(value)
        faults = [("SRC-001", problem, _CORRECT) for problem in record.problems]
        if record.is_repaired:
            what = "has 14 columns, should have 15: the occlusion is missing and read as 0"
            faults.append(("SRC-003", what, "write the file again with all 15 columns"))
        self.faults += [
            Fault(
                code, what, mend, name, place[0], str(place[0]), images=(row,), boxes=(box_row,)
            )
            for code, what, mend in faults
        ]  # fmt: skip


def check_text(body: bytes, file: str) -> None:
    """Refuses bytes that are no UTF-8 text.

    Raises
    ------
    TextError
        For UTF-16, NUL bytes and bytes that are not UTF-8, with file and line.
    """
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in body:
        raise TextError(
            "is UTF-16 or binary, should be UTF-8 text",
            place=Place(file, body.count(b"\n", 0, max(body.find(b"\0"), 0)) + 1),
            mend="save the file as UTF-8",
        )
    decode_text(body, file)


def _gather_splits(
    files: Files, names: list[str], own: list[str], kept: dict[str, bytes]
) -> list[str | None]:
    """The split of each file in `own`, which have an image, by lists whose bytes go to `kept`.

    A list, which is none of `names`, names the stem of a label file in every line that is not
    blank; the split is its own stem.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(own):
        rows[PurePosixPath(name).stem].append(row)
    splits: list[list[str]] = [[] for _ in own]
    labels = set(names)
    for file in files.files:
        if not file.lower().endswith(".txt") or file in labels:
            continue
        try:
            stems = listed_stems(files.head(file, _HEAD_BYTES), is_head=True)
            if not stems or not rows.keys() >= set(stems):
                continue
            body = files.read(file)
        except SourceError:
            continue
        stems = listed_stems(body)
        if not stems or not rows.keys() >= set(stems):
            continue
        kept[file] = body
        for stem in stems:
            for row in rows[stem]:
                splits[row].append(PurePosixPath(file).stem)
    return [
        min(found, key=lambda split: (split == _BROAD_SPLIT, split), default=None)
        for found in splits
    ]


def listed_stems(body: bytes, *, is_head: bool = False) -> list[str]:
    """The lines of a list that are not blank, trimmed; without the last of a file's head."""
    lines = body.removeprefix(codecs.BOM_UTF8).split(b"\n")
    if is_head and len(body) == _HEAD_BYTES and len(lines) > 1:
        lines.pop()
    texts = [line.decode("utf-8", "replace").strip() for line in lines]
    return [text for text in texts if text]
