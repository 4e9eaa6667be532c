"""From what a reader gathered to a dataset: keys, ids, and findings with one row per cause."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.errors import SourceError, quote
from curate.faults import FAULTS
from curate.sources import Body, MemorySources
from curate.tables import (
    BOX_COLUMNS,
    CLASS_COLUMNS,
    FINDING_COLUMNS,
    IMAGE_COLUMNS,
    box_hashes,
    hex_id,
    key_hashes,
    make_table,
    normal_key,
    token_numbers,
)
from curate.tree import shown_name

# More faults of one cause in one file (or folder of pictures), or in one source, are one finding.
GROUP_IN_FILE = 10
GROUP_IN_SOURCE = 100
SHOWN_MEMBERS = 10
# Faults with a cause of their own each (this name, these pictures, that id): never joined.
APART = frozenset({"IMG-006", "IMG-008", "SRC-006", "SRC-007"})
# Faults of pictures that are not there: a folder of them has one cause (the wrong `--images`), also
# where each picture has a label file of its own.
OF_FOLDER = frozenset({"IMG-001", "SRC-015"})
# Faults of a whole file or source: mending one member leaves them the same finding.
WHOLE = frozenset(
    {
        *("IMG-005", "SRC-008", "SRC-010", "SRC-012", "SRC-013", "SRC-014", "SRC-016"),
        *("SRC-018", "SRC-019", "SRC-020", "SRC-021", "SRC-023", "SRC-024", "SRC-025"),
        "IMG-009",
    }
)
# What a message says of one record: quoted texts and numbers, and lists of them.
_VALUE = r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"""
_VALUES = re.compile(rf"{_VALUE}(?:, {_VALUE})*(?:, …)?")


@dataclass(frozen=True)
class Fault:
    """One fault that a reader met; rows are counted from 0 in the order of reading.

    `images` and `boxes` are row numbers in the reader's tables. `places` name members that became
    neither: dicts with the keys image, file, line, source_id (of joined faults also message; and
    dicts of boxes, by number in `boxes`, and message). `cause` parts faults of one code that have
    different causes; None: the message without its quoted texts and numbers does.
    """

    code: str
    message: str
    mend: str
    file: str | None = None
    line: int | None = None
    source_id: str | None = None
    images: tuple[int, ...] = ()
    boxes: tuple[int, ...] = ()
    places: tuple[Mapping[str, Any], ...] = ()  # JSON values
    value: float | None = None
    limit: float | None = None
    unit: str | None = None
    cause: str | None = None


@dataclass
class Gathered:
    """What a reader has gathered of one source.

    `images` and `boxes` map columns to N values each. `images` must have `image_name` (the name
    that the label states) in place of `image_id` and `image_key`; `boxes` must have `image_row`
    (row in `images`) in place of both ids; its `source_id` may be an int64 array. `formats` maps
    each label file to the reader's name, `files` to its bytes. `box_tokens` stands in for the
    source ids in the box keys where these alone would clash with another source's.
    """

    n_images: int
    n_boxes: int
    images: dict[str, Any]  # columns of any type that make_table takes
    boxes: dict[str, Any]  # as above
    faults: list[Fault] = field(default_factory=list)
    classes: list[dict[str, str | None]] = field(default_factory=list)
    files: Mapping[str, Body] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)
    box_tokens: list[str] | None = None


def assemble(name: str, gathered: Gathered, *, options: Mapping[str, Any] | None = None) -> Dataset:
    """The dataset of what one reader gathered.

    Raises
    ------
    SourceError
        When two different keys have one hash (about one chance in 10 million at 1 million rows).
    """
    faults = list(gathered.faults)
    keys = _image_keys(name, gathered, faults)
    image_ids = key_hashes(keys)
    _refuse_collision(image_ids, "image")
    image_values = {k: v for k, v in gathered.images.items() if k != "image_name"}
    images = make_table(
        IMAGE_COLUMNS,
        gathered.n_images,
        {"box_frame": "upright", "source": name, **image_values}
        | {"image_id": image_ids, "image_key": keys},
    )
    image_rows = np.asarray(gathered.boxes.get("image_row", []), dtype=np.int64)
    box_image_ids = image_ids[image_rows] if gathered.n_boxes else np.zeros(0, np.int64)
    box_ids = box_hashes(box_image_ids, _box_tokens(gathered, image_rows))
    _refuse_collision(box_ids, "box")
    box_values = {k: v for k, v in gathered.boxes.items() if k != "image_row"}
    if isinstance(box_values.get("source_id"), np.ndarray):
        box_values["source_id"] = pa_integers(box_values["source_id"])
    boxes = make_table(
        BOX_COLUMNS,
        gathered.n_boxes,
        {"shape": "box", "role": "include", "origin": "human", **box_values}
        | {"box_id": box_ids, "image_id": box_image_ids},
    )
    return Dataset(
        name=name,
        images=images,
        boxes=boxes,
        findings=findings_table(faults, images, boxes, name),
        classes=_class_table(gathered.classes),
        sources=MemorySources(gathered.files),
        formats=dict(sorted(gathered.formats.items())),
        options=dict(options or {}),
    )


def pa_integers(values: np.ndarray[Any, Any]) -> Any:  # an Arrow array; pyarrow ships no types
    """Integers as an Arrow text array."""
    import pyarrow as pa

    return pa.array(values).cast(pa.large_string())


def _class_table(classes: Sequence[Mapping[str, str | None]]) -> pd.DataFrame:
    columns = {name: [row.get(name) for row in classes] for name in CLASS_COLUMNS}
    return make_table(CLASS_COLUMNS, len(classes), columns)


def _image_keys(name: str, gathered: Gathered, faults: list[Fault]) -> list[str]:
    names = [normal_key(str(n)) for n in gathered.images["image_name"]]
    keys = [f"{name}/{n}" for n in names]
    if len(set(keys)) == len(keys):
        return keys
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows_of[key].append(row)
    taken = set(keys)
    files, lines = gathered.images.get("file"), gathered.images.get("line")
    for key, rows in rows_of.items():
        if len(rows) == 1:
            continue
        ordinal = 2
        for row in rows[1:]:
            while f"{key}#{ordinal}" in taken:
                ordinal += 1
            keys[row] = f"{key}#{ordinal}"
            taken.add(keys[row])
        faults.append(
            Fault(
                "IMG-006",
                f"{len(rows)} records name the image {quote(names[rows[0]])}, should be one",
                "join the records, or give two different pictures different names",
                file=_at(files, rows[1]),
                line=_at(lines, rows[1]),
                images=tuple(rows),
            )
        )
    return keys


def _at(values: Any, row: int) -> Any:  # a column in any form
    if values is None or isinstance(values, str | int):
        return values
    value = values[row]
    return value.item() if isinstance(value, np.generic) else value


def _box_tokens(gathered: Gathered, image_rows: np.ndarray[Any, Any]) -> Any:  # int64 or texts
    ids = gathered.box_tokens or gathered.boxes.get("source_id")
    if gathered.n_boxes == 0:
        return np.zeros(0, np.int64)
    if isinstance(ids, np.ndarray) and _unique_per_image(image_rows, ids):
        return ids
    if isinstance(ids, list) and None not in ids:
        # Where numbers differ texts do: no pairs with images have to be made and counted.
        numbers = token_numbers(list(map(str, ids)))
        if _unique_per_image(image_rows, numbers):
            return numbers
    values = [None] * gathered.n_boxes if ids is None else ids
    texts = [_token(value) for value in values]
    places = list(zip(image_rows.tolist(), texts, strict=True))
    counts = Counter(places)
    clashing = {row for row, place in enumerate(places) if place[1] is None or counts[place] > 1}
    return _content_tokens(gathered, image_rows, texts, clashing)


def _token(value: Any) -> str | None:  # an id of any type
    return None if value is None else str(value)


def _content_tokens(
    gathered: Gathered,
    image_rows: np.ndarray[Any, Any],
    texts: list[str | None],
    clashing: set[int],
) -> list[str]:
    # Only the clashing boxes pay for this loop: the others keep their own ids.
    labels = gathered.boxes.get("source_label")
    edges = [np.asarray(gathered.boxes[c]) for c in ("x1", "y1", "x2", "y2")]
    seen: Counter[tuple[int, str]] = Counter()
    tokens: list[str] = []
    for row, text in enumerate(texts):
        if row not in clashing:
            tokens.append(str(text))
            continue
        content = f"{_at(labels, row)}|" + ",".join(repr(float(edge[row])) for edge in edges)
        place = (int(image_rows[row]), content)
        seen[place] += 1
        tokens.append(f"{content}|{seen[place]}")
    return tokens


def _unique_per_image(image_rows: np.ndarray[Any, Any], ids: np.ndarray[Any, Any]) -> bool:
    if not _has_equal(ids):
        return True
    order = np.lexsort((ids, image_rows))
    same = (np.diff(image_rows[order]) == 0) & (np.diff(ids[order]) == 0)
    return not same.any()


def _has_equal(ids: np.ndarray[Any, Any]) -> bool:
    # Sorting is three times faster here than np.unique's hashing.
    ordered = np.sort(ids)
    return bool((ordered[1:] == ordered[:-1]).any())


def _refuse_collision(ids: np.ndarray[Any, Any], what: str) -> None:
    if _has_equal(ids):
        raise SourceError(
            f"two {what} keys have the same 63-bit hash",
            mend="give the source another --name: the hashes change with it",
        )


def findings_table(
    faults: Iterable[Fault], images: pd.DataFrame, boxes: pd.DataFrame, source: str
) -> pd.DataFrame:
    """The findings table of reader faults: one row per cause, ids set, sorted.

    Row numbers in the faults point into `images` and `boxes`. A row that stands for more than one
    fault keeps the message of each in `places`.
    """
    keys = images["image_key"].tolist()
    image_ids, box_ids = images["image_id"].to_numpy(np.int64), boxes["box_id"].to_numpy(np.int64)
    of_boxes = boxes["image_id"].to_numpy(np.int64)
    rows = []
    for fault, scope in _grouped(list(faults), keys):
        kind = FAULTS[fault.code]
        members = [int(box_ids[row]) for row in fault.boxes]
        image_keys = [keys[row] for row in fault.images]
        rows.append(
            {
                "finding_id": _id_text(fault, scope, source, image_keys, members),
                "check": fault.code,
                "name": kind.name,
                "level": kind.level,
                "image_id": _only_image(fault, image_ids, of_boxes),
                "box_id": members[0] if len(members) == 1 else None,
                "members": members,
                "places": _places_text(fault, image_keys, members),
                "value": np.nan if fault.value is None else fault.value,
                "limit": np.nan if fault.limit is None else fault.limit,
                "unit": fault.unit,
                "message": fault.message,
                "mend": fault.mend,
                "source_id": fault.source_id,
                "file": fault.file,
                "line": fault.line,
            }
        )
    return sorted_findings(_with_ids(rows))


def _id_text(
    fault: Fault, scope: str | None, source: str, image_keys: list[str], members: list[int]
) -> str:
    """What a finding's id hashes; `scope` is the cause and place of joined faults, else None."""
    whole = [fault.code, source, fault.file or ""]
    if scope is not None:
        return "\0".join([*whole, scope])
    if fault.code in WHOLE:
        return "\0".join(whole)
    record = [str(fault.source_id), *image_keys, *map(hex_id, members)]
    # The line changes with the layout of the file: it counts only where nothing else tells.
    is_named = fault.source_id is not None or image_keys or members
    return "\0".join([*whole, "" if is_named else str(fault.line), *record])


def _only_image(
    fault: Fault, image_ids: np.ndarray[Any, Any], of_boxes: np.ndarray[Any, Any]
) -> int | None:
    """The image that a fault concerns; None when it concerns several or none."""
    concerned = {int(image_ids[row]) for row in fault.images}
    concerned |= {int(of_boxes[row]) for row in fault.boxes}
    return concerned.pop() if len(concerned) == 1 else None


def _places_text(fault: Fault, image_keys: list[str], members: list[int]) -> str | None:
    # Ids, not numbers: members may be taken out later.
    places = [
        {"boxes": [hex_id(members[n]) for n in place["boxes"]], "message": place["message"]}
        if "boxes" in place
        else dict(place)
        for place in fault.places
    ]
    if not places and not fault.boxes and len(image_keys) > 1:
        places = [
            {"image": key, "file": None, "line": None, "source_id": None} for key in image_keys
        ]
    return json.dumps(places, ensure_ascii=False) if places else None


def _with_ids(rows: list[dict[str, Any]]) -> pd.DataFrame:
    # Equal keys get an ordinal, so that two like findings have two ids.
    seen: Counter[str] = Counter()
    texts = []
    for row in rows:
        seen[row["finding_id"]] += 1
        texts.append(f"{row['finding_id']}\0{seen[row['finding_id']]}")
    ids = key_hashes(texts)
    columns = {name: [row.get(name) for row in rows] for name in FINDING_COLUMNS if name != "rank"}
    return make_table(FINDING_COLUMNS, len(rows), columns | {"finding_id": ids})


def sorted_findings(table: pd.DataFrame) -> pd.DataFrame:
    """The findings: errors first, then by check, worst rank first, then file, line and id."""
    order = table["level"].map({"error": 0, "warning": 1, "info": 2})
    keyed = table.assign(_level=order)
    keyed = keyed.sort_values(
        ["_level", "check", "rank", "file", "line", "finding_id"], kind="stable"
    )
    return keyed.drop(columns="_level").reset_index(drop=True)


def _grouped(faults: list[Fault], keys: list[str]) -> list[tuple[Fault, str | None]]:
    """The faults with those of one cause joined, each with its scope: cause and place, or None.

    Joined are those of one file, then those of one folder of pictures, then those of the source.
    """
    causes = [(fault.code, _cause(fault), fault.mend) for fault in faults]
    steps: list[tuple[int, Callable[[Fault], str | None]]] = [
        (GROUP_IN_FILE, lambda fault: fault.file),
        (GROUP_IN_FILE, lambda fault: _folder(fault, keys)),
        (GROUP_IN_SOURCE, lambda _: None),
    ]
    left = [number for number, fault in enumerate(faults) if fault.code not in APART]
    joined: list[tuple[Fault, str | None]] = []
    gone: set[int] = set()
    for most, place_of in steps:
        groups: dict[tuple[tuple[str, str, str], str | None], list[int]] = defaultdict(list)
        for number in left:
            groups[causes[number], place_of(faults[number])].append(number)
        for (cause, place), same in groups.items():
            if len(same) > most:
                joined.append((_join([faults[n] for n in same], keys), f"{cause[1]}\0{place}"))
                gone.update(same)
        left = [number for number in left if number not in gone]
    return joined + [(fault, None) for number, fault in enumerate(faults) if number not in gone]


def _cause(fault: Fault) -> str:
    return _VALUES.sub("#", fault.message) if fault.cause is None else fault.cause


def _folder(fault: Fault, keys: list[str]) -> str | None:
    if fault.code not in OF_FOLDER or not fault.images:
        return fault.file
    return keys[fault.images[0]].rpartition("/")[0]


def _join(faults: list[Fault], keys: list[str]) -> Fault:
    """One fault for many of one cause: the first in file and line, with the members of all."""
    faults = sorted(faults, key=lambda fault: (fault.file or "", fault.line or 0))
    first = faults[0]
    is_one_file = all(fault.file == first.file for fault in faults)
    boxes = tuple(dict.fromkeys(row for fault in faults for row in fault.boxes))
    return replace(
        first,
        message=_joined_message(faults, keys, is_one_file=is_one_file),
        file=first.file if is_one_file else None,
        line=first.line if is_one_file else None,
        source_id=None,
        images=tuple(dict.fromkeys(row for fault in faults for row in fault.images)),
        boxes=boxes,
        places=tuple(_member_places(faults, boxes, keys)),
    )


def _joined_message(faults: list[Fault], keys: list[str], *, is_one_file: bool) -> str:
    shown = [
        (_short(fault, keys, is_one_file=is_one_file), fault) for fault in faults[:SHOWN_MEMBERS]
    ]
    more = len(faults) - len(shown)
    first = faults[0].message
    if all(fault.message == first for fault in faults):
        tail = f" and {more} more" if more else ""
        return f"{len(faults)} records: {first}; in {', '.join(w for w, _ in shown)}{tail}"
    tail = f"; and {more} more" if more else ""
    told = "; ".join(f"{where}: {fault.message}" for where, fault in shown)
    return f"{len(faults)} records; {told}{tail}"


def _member_places(
    faults: list[Fault], boxes: tuple[int, ...], keys: list[str]
) -> list[Mapping[str, Any]]:  # JSON values
    """The members that are no boxes, and what is wrong with those that are (place in `boxes`)."""
    number_of = {row: number for number, row in enumerate(boxes)}
    told: dict[str, list[int]] = defaultdict(list)
    places: list[Mapping[str, Any]] = []
    for fault in faults:
        told[fault.message] += [number_of[row] for row in fault.boxes]
        own: Iterable[Mapping[str, Any]] = fault.places
        if not fault.places and not fault.boxes:
            image = keys[fault.images[0]] if fault.images else None
            place = {"file": fault.file, "line": fault.line, "source_id": fault.source_id}
            own = [{"image": image, **place}]
        places += [{**place, "message": fault.message} for place in own]
    return places + [{"boxes": rows, "message": text} for text, rows in told.items() if rows]


def _short(fault: Fault, keys: list[str], *, is_one_file: bool) -> str:
    """Where one of many faults is, in as few words as tell it from the others."""
    file = "" if is_one_file or fault.file is None else f"{fault.file} "
    line = "" if fault.line is None else str(fault.line)
    if fault.source_id is not None and fault.source_id != line:
        return f"{file}id {fault.source_id}"
    # Line 1 tells nothing of a file of one line, where an image says more.
    if fault.line is not None and (fault.line > 1 or fault.source_id or not fault.images):
        return f"{file}line {fault.line}"
    if fault.images:
        return keys[fault.images[0]].partition("/")[2]
    return fault.file or "the source"


def source_name(path: Path, name: str | None) -> str:
    """The name of a source: the one given, else a file's stem or a folder's name, NFC."""
    if name:
        return normal_key(name).strip("/")
    resolved = Path(path).absolute()
    own = resolved.name if resolved.is_dir() else resolved.stem
    return shown_name(normal_key(own)) or "source"
