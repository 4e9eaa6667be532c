"""Which files belong to which sequence, and what `seqinfo.ini` says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from curate.assembly import Fault
from curate.errors import SourceError, quote
from curate.formats.reading import Files, text_lines
from curate.formats.sequences import MAX_FRAMES, Sequence

SEQINFO = "seqinfo.ini"
LABELS = "labels.txt"
IMAGE_FOLDER = "img1"
IMAGE_ENDING = ".jpg"
# A sequence whose files stand in the root of the source, without seqinfo.ini.
UNNAMED = "sequence"
CLASSES = (
    "pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non-motorised vehicle",
    "static person", "distractor", "occluder", "occluder on the ground", "full occluder",
    "reflection", "crowd",
)  # fmt: skip
# Values of --from mot-KIND, and the number of the first pixel that each stands for.
FIRST_PX = {"zero-based": 0}
KINDS = tuple(FIRST_PX)
_KINDS = ("gt", "det")
_MAX_SIDE_PX = 2**31 - 1
_MEND = "correct seqinfo.ini, or restore it from the data set"


@dataclass(frozen=True)
class SequenceInfo:
    """What `seqinfo.ini` says; None for what it does not, sizes in px."""

    name: str | None = None
    folder: str = IMAGE_FOLDER
    ending: str = IMAGE_ENDING
    width: int | None = None
    height: int | None = None
    length: int | None = None


@dataclass
class Layout:
    """The sequences of a source, that of each label file, and what stands beside the files."""

    sequences: dict[str, Sequence] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    of_file: dict[str, Sequence] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def first_px(kind: str | None) -> int:
    """The number of the first pixel: 1 as MOTChallenge counts, unless `kind` says otherwise."""
    return 1 if kind is None else FIRST_PX[kind]


def home(name: str) -> tuple[str, str] | None:
    """The folder of the sequence of a `gt` or `det` file, and which of both; None for others."""
    folder, _, file = name.rpartition("/")
    above, _, last = folder.rpartition("/")
    if last.lower() in _KINDS:
        return above, last.lower()
    stem = PurePosixPath(file).stem.lower()
    return (folder, stem) if stem in _KINDS else None


def below(folder: str, name: str) -> str:
    """A name in a folder; "" is the root."""
    return f"{folder}/{name}" if folder else name


def lay_out(files: Files, names: Iterable[str], size_wh: tuple[int, int] | None) -> Layout:
    """The sequences of label files; `size_wh` is the size of images whose size nothing tells."""
    layout = Layout()
    others = []
    for name in names:
        place = home(name)
        if place is None:
            others.append(name)
            continue
        layout.of_file[name] = _sequence(layout, files, place[0], size_wh)
    for name in others:
        folder, stem = name.rpartition("/")[0], PurePosixPath(name).stem
        same = [s for s in layout.sequences.values() if s.name == stem]
        if folder in layout.sequences or below(folder, SEQINFO) in files.files:
            layout.of_file[name] = _sequence(layout, files, folder, size_wh)
        elif len(same) == 1:
            layout.of_file[name] = same[0]
        else:
            # Results of MOTChallenge are a file per sequence, named after it.
            layout.of_file[name] = _sequence(layout, files, below(folder, stem), size_wh)
    counts = Counter(sequence.name for sequence in layout.sequences.values())
    for folder, sequence in layout.sequences.items():
        if counts[sequence.name] > 1:
            sequence.name = folder or sequence.name
    return layout


def _sequence(
    layout: Layout, files: Files, folder: str, size_wh: tuple[int, int] | None
) -> Sequence:
    if folder in layout.sequences:
        return layout.sequences[folder]
    info = _read_info(layout, files, below(folder, SEQINFO))
    is_sized = info.width is not None and info.height is not None
    prefix = below(folder, f"{info.folder}/" if info.folder else "")
    sequence = Sequence(
        name=info.name or folder.rpartition("/")[2] or UNNAMED,
        prefix=prefix,
        ending=info.ending,
        size_wh=(info.width, info.height) if is_sized else size_wh or (None, None),
        declares_size=is_sized,
    )
    layout.sequences[folder] = sequence
    if info.length is not None:
        layout.lengths[folder] = info.length
    return sequence


def _read_info(layout: Layout, files: Files, file: str) -> SequenceInfo:
    if file not in files.files:
        return SequenceInfo()
    try:
        body = files.read(file)
        layout.kept[file] = body
        body.decode("utf-8-sig")
    except SourceError as error:
        layout.faults.append(Fault("SRC-002", error.what, error.mend or _MEND, file, 1))
        return SequenceInfo()
    except UnicodeDecodeError:
        layout.faults.append(Fault("SRC-002", "is no UTF-8 text", "save it as UTF-8", file, 1))
        return SequenceInfo()
    info, faults = parse_info(body, file)
    layout.faults += faults
    return info


def parse_info(body: bytes, file: str) -> tuple[SequenceInfo, list[Fault]]:
    """What the bytes of a `seqinfo.ini` say, and its faults; bytes must be UTF-8."""
    texts: dict[str, tuple[str, int]] = {}
    for line, _, _, raw in text_lines(body):
        key, equals, value = raw.decode().partition("=")
        if equals:
            texts[key.strip().lower()] = (value.strip(), line)
    faults: list[Fault] = []
    numbers: dict[str, int | None] = {}
    limits = {"imwidth": _MAX_SIDE_PX, "imheight": _MAX_SIDE_PX, "seqlength": MAX_FRAMES}
    for key, limit in limits.items():
        text, line = texts.get(key, ("", 0))
        is_number = text.isascii() and text.isdigit() and len(text) < 12
        numbers[key] = int(text) if is_number and 1 <= int(text) <= limit else None
        if line and numbers[key] is None:
            what = f"has {key} {quote(text)}, should be a whole number from 1 to {limit}"
            faults.append(Fault("SRC-001", what, _MEND, file, line))
    info = SequenceInfo(
        name=texts.get("name", ("", 0))[0] or None,
        folder=texts.get("imdir", (IMAGE_FOLDER, 0))[0].strip("/"),
        ending=texts.get("imext", (IMAGE_ENDING, 0))[0],
        width=numbers["imwidth"],
        height=numbers["imheight"],
        length=numbers["seqlength"],
    )
    return info, faults
