"""Reading KITTI tracking text: which files are of this format, and their lines as rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import PurePosixPath

from curate.assembly import Gathered
from curate.dataset import Dataset
from curate.errors import SourceError
from curate.formats.kitti_tracking.parse import COLUMNS, TYPES, parse
from curate.formats.reading import Files, Options
from curate.formats.sequences import Sequence, Videos, head_lines, number
from curate.progress import track

NAME = "kitti-tracking"

_HEAD_BYTES = 1 << 12
_SNIFFED_LINES = 20
_IMAGE_FOLDER = "image_02"
# Folders whose names say what is in them, not who wrote it.
_PLAIN_FOLDERS = {"data", "results", "label_02", *(name.lower() for name in TYPES.values())}


def claims(files: Files) -> list[str]:
    """The .txt files whose first lines are frame, track, type and 14 or 15 numbers.

    Or 15 numbers between commas with a frame and a type. At least half of the first lines must be
    so. Empty and unreadable files beside such a file are claimed too.
    """
    looks = {name: _look(files, name) for name in files.files if name.lower().endswith(".txt")}
    homes = {_folder(name) for name, look in looks.items() if look in ("labels", "detections")}
    return sorted(
        name
        for name, look in looks.items()
        if look in ("labels", "detections")
        or (look in ("nothing", "broken") and _folder(name) in homes)
    )


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a .txt file that is not recognised may be of KITTI tracking; there is no `kind`."""
    return _look(files, name) != "other"


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _look(files: Files, name: str) -> str:
    """`labels`, `detections`, `nothing` (blank), `broken` (unreadable, or alike), or `other`."""
    try:
        head = files.head(name, _HEAD_BYTES)
    except SourceError:
        return "broken"
    if b"\0" in head or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "broken"
    lines = head_lines(head, _HEAD_BYTES, _SNIFFED_LINES)
    if not lines:
        return "nothing"
    looks = Counter(map(_line_look, lines))
    for look in ("labels", "detections"):
        if looks[look] * 2 >= len(lines):
            return look
    return "broken" if (len(lines) - looks["other"]) * 2 >= len(lines) else "other"


def _line_look(line: bytes) -> str:
    """`labels`, `detections`, `alike` (begins as a label) or `other`."""
    if line.count(b",") == 14:
        numbers = [number(token) for token in line.split(b",")]
        is_frame = numbers[0] is not None and numbers[0] >= 0 and numbers[0] == numbers[0] // 1
        is_detection = is_frame and None not in numbers and numbers[1] in TYPES
        return "detections" if is_detection else "other"
    tokens = line.split()
    head = [number(token) for token in tokens[:3]]
    is_head = len(head) == 3 and head[2] is None and b"," not in line
    if not is_head or not all(v is not None and v >= -1 and v == v // 1 for v in head[:2]):
        return "other"
    is_whole = len(tokens) in (17, 18) and all(number(t) is not None for t in tokens[3:])
    return "labels" if is_whole else "alike"


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The images and boxes of KITTI tracking files: files of one name are one sequence.

    KITTI states no image sizes: `options.size_wh` gives one for all images.
    """
    kinds = {name: _kind(files, name) for name in names}
    of_file = _sequences(names, kinds, options)
    videos = Videos(of_file)
    for name in track(names, len(names), "label files"):
        sequence = of_file[name]
        body = videos.text(files, name)
        if body is None:
            sequence.is_unreadable |= sequence.label_file == name
            continue
        rows = videos.rows[name] = parse(body, kinds[name], detector_of(name))
        sequence.frames.append(rows.frames)
        if rows.kind == "labels":
            sequence.objects.append(rows.frames)
        else:
            sequence.other_file = sequence.other_file or name
    return videos.gathered(NAME)


def _kind(files: Files, name: str) -> str:
    """What most of a file's first lines are: labels, results (with a score) or detections."""
    if _look(files, name) == "detections":
        return "detections"
    try:
        head = files.head(name, _HEAD_BYTES)
    except SourceError:
        return "labels"
    counts = [len(line.split()) for line in head_lines(head, _HEAD_BYTES, _SNIFFED_LINES)]
    has_scores = sum(count == len(COLUMNS) for count in counts) * 2 > len(counts)
    return "results" if has_scores else "labels"


def _sequences(names: list[str], kinds: Mapping[str, str], options: Options) -> dict[str, Sequence]:
    """The sequence of each file: that of the one label file of its name, else one of its own."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if kinds[name] == "labels":
            by_stem[PurePosixPath(name).stem].append(name)
    own: dict[str, Sequence] = {}
    for stem, labels in by_stem.items():
        for name in labels:
            # Of training/label_02 and testing/label_02 each has pictures of its own.
            above = _folder(_folder(name))
            prefix = f"{above}/{_IMAGE_FOLDER}/{stem}/" if above else f"{_IMAGE_FOLDER}/{stem}/"
            title = stem if len(labels) == 1 else name.removesuffix(".txt")
            own[name] = _sequence(title, prefix, options)
            own[name].label_file = name
    others: dict[str, Sequence] = {}
    for name in names:
        stem = PurePosixPath(name).stem
        if name in own:
            continue
        if len(by_stem[stem]) == 1:
            own[name] = own[by_stem[stem][0]]
            continue
        if stem not in others:
            others[stem] = _sequence(stem, f"{_IMAGE_FOLDER}/{stem}/", options)
        own[name] = others[stem]
    return own


def _sequence(title: str, prefix: str, options: Options) -> Sequence:
    return Sequence(title, prefix, ".png", options.size_wh or (None, None))


def detector_of(name: str) -> str | None:
    """Who wrote results, by the nearest folder that is named after no class or kind."""
    parts = PurePosixPath(name).parts[:-1]
    own = [part for part in parts if part.lower() not in _PLAIN_FOLDERS]
    return own[-1] if own else None


def extras(dataset: Dataset) -> Counter[str]:
    """Nothing: every value of a line is in a column, the 3D ones in `attributes`."""
    return Counter()
