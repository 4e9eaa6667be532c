"""Reading MOT text: which files are of this format, and their lines as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from curate.assembly import Fault, Gathered
from curate.dataset import Dataset
from curate.errors import SourceError
from curate.formats.mot.layout import (
    CLASSES,
    LABELS,
    SEQINFO,
    below,
    first_px,
    home,
    lay_out,
)
from curate.formats.mot.parse import parse
from curate.formats.reading import Files, Options, text_lines
from curate.formats.sequences import (
    Sequence,
    VideoRows,
    Videos,
    head_lines,
    is_text,
    number,
)
from curate.progress import track

NAME = "mot"

_HEAD_BYTES = 1 << 12
_SNIFFED_LINES = 20
# 8 columns are those of VisDrone's boxes; they are taken when the format is named.
_CLAIMED_COLUMNS = (7, 9, 10)
_WHOLE_FILES = {"gt", "det"}


def claims(files: Files) -> list[str]:
    """The .txt files whose first lines are 7, 9 or 10 numbers between commas.

    At least half must be so, and the first two numbers be whole. Empty and unreadable files are
    claimed when they are called gt or det and stand beside such a file or a `seqinfo.ini`. Other
    files in a folder `gt` that has a `gt.txt` are parts of it, and not claimed.
    """
    looks = {name: _look(files, name) for name in files.files if name.lower().endswith(".txt")}
    taken = {name for name, look in looks.items() if look == "mot"}
    homes = {place[0] for place in map(home, taken) if place}
    for name, look in looks.items():
        place = home(name)
        if look not in ("nothing", "broken") or place is None or not _is_whole(name):
            continue
        if place[0] in homes or below(place[0], SEQINFO) in files.files:
            taken.add(name)
    return sorted(name for name in taken if not _is_part(name, taken))


def may_be(files: Files, name: str, kind: str | None) -> bool:
    """Whether a .txt file that is not recognised may be of MOT, of whichever `kind`."""
    return _look(files, name) != "other" and PurePosixPath(name).name != LABELS


def _is_whole(name: str) -> bool:
    return PurePosixPath(name).stem.lower() in _WHOLE_FILES


def _is_part(name: str, taken: set[str]) -> bool:
    """Whether a file of a `gt` folder repeats lines of the gt.txt there."""
    folder = name.rpartition("/")[0]
    place = home(name)
    return (
        place is not None
        and place[1] == "gt"
        and not _is_whole(name)
        and below(folder, "gt.txt") in taken
    )


def _look(files: Files, name: str) -> str:
    """`mot`, `nothing` (blank), `broken` (unreadable, or much like a line), or `other`."""
    try:
        head = files.head(name, _HEAD_BYTES)
    except SourceError:
        return "broken"
    if b"\0" in head or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "broken"
    lines = head_lines(head, _HEAD_BYTES, _SNIFFED_LINES)
    if not lines:
        return "nothing"
    counts = [_n_numbers(line) for line in lines]
    if sum(count in _CLAIMED_COLUMNS for count in counts) * 2 >= len(counts):
        return "mot"
    return "broken" if sum(count > 1 for count in counts) * 2 >= len(counts) else "other"


def _n_numbers(line: bytes) -> int:
    """How many numbers a line has between commas; 0 when it can be no line of MOT."""
    values = [number(token) for token in line.split(b",")]
    numbers = [value for value in values if value is not None]
    is_whole = len(numbers) == len(values) > 2 and all(v == v // 1 for v in numbers[:2])
    return len(values) if is_whole and numbers[0] >= 0 and numbers[1] >= -1 else 0


def gather(files: Files, names: list[str], options: Options) -> Gathered:
    """The images and boxes of MOT files: all files of one sequence lie over the same images.

    `options.size_wh` gives the size of images whose `seqinfo.ini` does not, `options.kind` says
    where pixels are counted from.
    """
    layout = lay_out(files, names, options.size_wh)
    videos = Videos(layout.of_file, layout.kept, faults=layout.faults)
    class_lists: dict[str, tuple[str, ...]] = {}
    for name in track(names, len(names), "label files"):
        sequence, place, folder = layout.of_file[name], home(name), name.rpartition("/")[0]
        if folder not in class_lists:
            class_lists[folder] = _class_list(files, below(folder, LABELS), videos)
        body = videos.text(files, name)
        if body is None:
            sequence.is_unreadable |= place is not None and place[1] == "gt"
            continue
        kind = place[1] if place else None
        stem = PurePosixPath(name).stem
        rows = parse(body, kind, class_lists[folder], stem, first_px=first_px(options.kind))
        videos.rows[name] = rows
        _add_frames(sequence, rows, name)
    for folder, length in layout.lengths.items():
        layout.sequences[folder].frames.append(np.arange(1, length + 1))
    _keep_parts(files, videos)
    return replace(videos.gathered(NAME), classes=_classes(layout.kept))


def _add_frames(sequence: Sequence, rows: VideoRows, name: str) -> None:
    sequence.frames.append(rows.frames)
    if rows.kind == "gt":
        sequence.objects.append(rows.frames)
        sequence.label_file = sequence.label_file or name
    else:
        sequence.other_file = sequence.other_file or name


def _class_list(files: Files, file: str, videos: Videos) -> tuple[str, ...]:
    """The class names of a labels.txt, when it is there; else MOTChallenge's."""
    body = videos.text(files, file) if file in files.files else None
    return (body and listed_classes(body)) or CLASSES


def listed_classes(body: bytes) -> tuple[str, ...]:
    """The names in a labels.txt, one per line: those of the classes 1, 2, ...; none if no text."""
    if not is_text(body):
        return ()
    return tuple(raw.decode().strip() for _, _, _, raw in text_lines(body) if raw.strip())


def _keep_parts(files: Files, videos: Videos) -> None:
    """Keeps the files that repeat lines of a gt.txt, and says so."""
    taken = set(videos.of_file)
    for file in files.files:
        is_text = file.lower().endswith(".txt") and file not in taken
        if is_text and _is_part(file, taken) and _look(files, file) == "mot":
            videos.text(files, file)
            what = "repeats lines of the gt.txt beside it, and was left out"
            videos.faults.append(Fault("SRC-013", what, "nothing, if that is so", file, 1))


def _classes(kept: Mapping[str, bytes]) -> list[dict[str, str | None]]:
    """The classes of each labels.txt that was used."""
    rows: list[dict[str, str | None]] = []
    for file, body in sorted(kept.items()):
        if PurePosixPath(file).name != LABELS:
            continue
        for index, name in enumerate(listed_classes(body), start=1):
            rows.append({"file": file, "source_id": str(index), "label": name})
    return rows


def extras(dataset: Dataset) -> Counter[str]:
    """The settings of each `seqinfo.ini` that no column carries, by key."""
    counts: Counter[str] = Counter()
    known = {"name", "imdir", "imext", "imwidth", "imheight", "seqlength"}
    for file in dataset.sources.names():
        if PurePosixPath(file).name != SEQINFO:
            continue
        for line in dataset.sources.read(file).decode("utf-8-sig", "replace").splitlines():
            key, equals, _ = line.partition("=")
            if equals and key.strip().lower() not in known:
                counts[f"seqinfo.{key.strip()}"] += 1
    return counts
