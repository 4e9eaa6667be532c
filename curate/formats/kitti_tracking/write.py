"""Writing KITTI tracking text: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from curate.dataset import Dataset
from curate.formats.image_names import safe_part
from curate.formats.kitti_tracking.make import (
    BOX_COLUMNS,
    EDGE_COLUMNS,
    LACK,
    ONE_TYPE,
    attribute_tokens,
    detector_named,
    grade_text,
    id_text,
    score_text,
    tokens_of,
    truncation_text,
    type_tokens,
    value_losses,
)
from curate.formats.kitti_tracking.parse import COLUMNS, DETECTION_COLUMNS
from curate.formats.kitti_tracking.read import NAME, detector_of
from curate.formats.line_files import (
    LineFormat,
    Spot,
    line_images,
    no_files_beside,
    number_text,
    token_spans,
    with_tokens,
    write_lines,
)
from curate.formats.per_image import EDGES, BoxRow, Change, box_rows, is_known
from curate.formats.writing import IMPORTED, LossReport, Lost

_NO_FRAME = "KITTI tracking names images by sequence and frame: this one has no number of its own"
_NO_LINE = "no line tells of an image without boxes"
_AS_IT_WAS = "the line has too few or too many columns: it is left as it was"
_SHAPE = "KITTI tracking has boxes only: every whole line is read as one"
_ONE_ORIGIN = "the file of its image holds either objects or predictions"
_DETECTOR = "the folder of the file names another detector"
_MAX_FRAME = 2**53
_N_LABEL_COLUMNS = 17


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `label_02/` and `results/`, a file per sequence, into an existing, empty folder.

    Parameters and errors are those of `line_files.write_lines`.
    """
    return write_lines(_KITTI_TRACKING, dataset, folder, original)


# Writing back into the files that were read


def _changed_line(line: bytes, change: Change, spot: Spot, lost: Lost) -> bytes:
    is_detection = _is_detection(line)
    spans = token_spans(line, b"," if is_detection else None)
    names = DETECTION_COLUMNS if is_detection else COLUMNS[: len(spans)]
    if len(spans) != len(names) or len(names) not in (15, 17, 18):
        lost.update((f"boxes.{name}", _AS_IT_WAS) for name in change.columns)
        return line
    texts = _new_tokens(change, spot, is_detection=is_detection)
    whys = dict(_losses(change, spot, is_detection=is_detection))
    if "score" in texts and len(spans) == _N_LABEL_COLUMNS:
        whys["score"] = "a label has no score"
    lost.update((f"boxes.{name}", why) for name, why in whys.items())
    return with_tokens(line, spans, {names.index(n): t for n, t in texts.items() if n in names})


def _is_detection(line: bytes) -> bool:
    return b"," in line


def _new_tokens(change: Change, spot: Spot, *, is_detection: bool) -> dict[str, str]:
    """The tokens that change, by column of the file."""
    columns, new, old = change.columns, change.new, change.old
    texts: dict[str, str] = {}
    if "image_id" in columns and spot.image.frame is not None:
        texts["frame"] = str(spot.image.frame)
    if columns & {"label", "role"} and new.label is not None:
        texts |= type_tokens(new, is_detection=is_detection)
    for column, name, edge in zip(EDGES, EDGE_COLUMNS, new.edges, strict=True):
        if column in columns and is_known(edge):
            texts[name] = number_text(edge)
    if "track_id" in columns:
        texts["track_id"] = id_text(new.track_id)
    if "score" in columns:
        texts["score"] = score_text(new.score)
    if "occluded" in columns:
        texts["occluded"] = grade_text(new.occluded)
    if columns & {"truncated", "attributes"} and truncation_text(new) != truncation_text(old):
        texts["truncated"] = truncation_text(new)
    if "attributes" in columns:
        before = attribute_tokens(old)[0]
        texts |= {n: t for n, t in attribute_tokens(new)[0].items() if before.get(n) != t}
    return texts


def _losses(change: Change, spot: Spot, *, is_detection: bool) -> Iterator[tuple[str, str]]:
    """The changed columns whose new values are not in the line, each with the reason."""
    columns, new = change.columns, change.new
    for name in columns - BOX_COLUMNS - {"image_id"}:
        yield name, LACK
    if "image_id" in columns and spot.image.frame is None:
        yield "image_id", _NO_FRAME
    if "shape" in columns and new.shape != "box":
        yield "shape", _SHAPE
    whys = dict(value_losses(new, is_detection=is_detection))
    if new.label is None:
        whys["label"] = "a line has a type: the old one stays"
    if new.source_label is None:
        whys["source_label"] = ONE_TYPE
    # The type tells both, so that a change of one may cost the other.
    touched = columns | ({"label", "role"} if columns & {"label", "role"} else set())
    yield from ((name, why) for name, why in whys.items() if name in touched)
    for name, edge in zip(EDGES, new.edges, strict=True):
        if name in columns and not is_known(edge):
            yield name, "no finite number of px: the edge is left as it was"


def _new_line(row: BoxRow, spot: Spot, lost: Lost) -> bytes | None:
    if spot.image.frame is None:
        lost["boxes", _NO_FRAME] += 1
        return None
    like = spot.like or b""
    _count_detector(row, spot.file, lost)
    is_detection = _is_detection(like)
    has_score = len(like.split()) == len(COLUMNS) or (not like and row.score is not None)
    if like:
        lost["boxes.origin", _ONE_ORIGIN] += (row.origin == "detector") != (
            is_detection or has_score
        )
    if is_detection:
        lost.update((f"boxes.{name}", why) for name, why in value_losses(row, is_detection=True))
        tokens = tokens_of(row, is_detection=True) | {"frame": str(spot.image.frame)}
        return ",".join(tokens[name] for name in DETECTION_COLUMNS).encode()
    return _line(row, spot.image.frame, lost, has_score=has_score)


def _count_detector(row: BoxRow, file: str, lost: Lost) -> None:
    """Counts a detector's name that the place of the file does not tell."""
    name = detector_named(row)
    # What the attributes lose beside it is counted with the line.
    is_other = name is not None and name != detector_of(file) and attribute_tokens(row)[1]
    lost["boxes.attributes", _DETECTOR] += is_other


def _line(row: BoxRow, frame: int, lost: Lost, *, has_score: bool) -> bytes:
    lost.update((f"boxes.{name}", why) for name, why in value_losses(row, is_detection=False))
    if has_score and row.score is None:
        lost["boxes.score", "unknown beside boxes with a score, written as -1"] += 1
    elif row.score is not None and not has_score:
        lost["boxes.score", "a label has no score"] += 1
    tokens = tokens_of(row, is_detection=False) | {"frame": str(frame)}
    names = COLUMNS if has_score else COLUMNS[:_N_LABEL_COLUMNS]
    return " ".join(tokens[name] for name in names).encode()


# Writing from the columns


def _placed(dataset: Dataset) -> Collection[int]:
    return _places(dataset, Counter()).keys() & set(dataset.boxes["image_id"])


def _made(dataset: Dataset, lost: Lost) -> dict[str, bytes]:
    """A file of labels, and one of results, for each sequence that has any."""
    places = _places(dataset, lost)
    lines: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    told: set[int] = set()
    labelled: set[str] = set()
    for image_id, row in zip(dataset.boxes["image_id"], box_rows(dataset.boxes), strict=True):
        if image_id not in places:
            lost["boxes", _NO_FRAME] += 1
            continue
        name, frame = places[image_id]
        is_result = row.origin == "detector"
        lost["boxes.origin", IMPORTED] += row.origin == "import"
        file = f"{_results_folder(row) if is_result else 'label_02'}/{name}.txt"
        _count_detector(row, file, lost)
        lines[file].append((frame, _line(row, frame, lost, has_score=is_result)))
        told.add(image_id)
        labelled |= set() if is_result else {name}
    objects = set(dataset.boxes.loc[dataset.boxes["origin"] != "detector", "image_id"])
    for image in line_images(dataset.images):
        if image.image_id not in places:
            continue
        name, frame = places[image.image_id]
        if image.image_id not in told:
            lost["images", _NO_LINE] += 1
            continue
        state = "present" if image.image_id in objects else "empty"
        state = state if name in labelled else "missing"
        why = "the lines of its sequence tell it"
        lost["images.label_state", why] += image.label_state != state
        own_name = f"image_02/{name}/{frame:06d}.png"
        why = "KITTI tracking names pictures image_02/<sequence>/000000.png"
        lost["images (name)", why] += image.name != own_name
        why = "the name as a file name that every system takes"
        lost["images.group", why] += image.group is not None and image.group != name
    # Sorting is stable: within a frame lines stay in the order of the table.
    return {
        file: b"".join(line + b"\n" for _, line in sorted(rows, key=lambda row: row[0]))
        for file, rows in sorted(lines.items())
    }


def _results_folder(row: BoxRow) -> str:
    """Where predictions stand: below a folder named after their detector, where it can be one."""
    name = detector_named(row) or ""
    own = f"results/{name}"
    is_folder = name == safe_part(name) and detector_of(f"{own}/x") == name
    return own if is_folder else "results"


def _places(dataset: Dataset, lost: Lost) -> dict[int, tuple[str, int]]:
    """The sequence, as a file name, and the frame of each image that has both to itself."""
    names: dict[tuple[str, str], str] = {}
    used: set[str] = set()
    taken: set[tuple[str, int]] = set()
    places: dict[int, tuple[str, int]] = {}
    for image in line_images(dataset.images.sort_values("image_key")):
        # Videos of two sources may have one name.
        group, frame = (image.source, image.group or image.source), image.frame
        if group not in names:
            names[group] = _own_name(group[1], used)
        place = (names[group], -1 if frame is None else frame)
        if not 0 <= place[1] <= _MAX_FRAME or place in taken:
            lost["images", _NO_FRAME] += 1
            continue
        taken.add(place)
        places[image.image_id] = place
    return places


def _own_name(group: str, used: set[str]) -> str:
    """A file name of its own for a sequence, also where case does not count."""
    plain = safe_part(group.replace("/", "_"))
    name, ordinal = plain, 2
    while name.casefold() in used:
        name, ordinal = f"{plain}-{ordinal}", ordinal + 1
    used.add(name.casefold())
    return name


_KITTI_TRACKING = LineFormat(
    name=NAME,
    title="KITTI tracking",
    lack=LACK,
    no_line=_NO_LINE,
    image_columns=frozenset({"group", "frame", "label_state"}),
    box_columns=BOX_COLUMNS | {"origin"},
    kept_images={
        **dict.fromkeys(("image_key", "group"), "the files keep their names"),
        "label_state": "a file of labels tells it by its boxes",
        "frame": "the lines keep their frames",
    },
    make=_made,
    placed=_placed,
    change_line=_changed_line,
    new_line=_new_line,
    beside=no_files_beside,
)
