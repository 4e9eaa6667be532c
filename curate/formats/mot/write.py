"""Writing MOT text: from the columns, or back into the files that were read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

import pandas as pd

from curate.dataset import Dataset
from curate.formats.image_names import safe_part
from curate.formats.line_files import (
    LineFormat,
    LineImage,
    Spot,
    line_images,
    token_spans,
    with_tokens,
    write_lines,
)
from curate.formats.mot.layout import (
    CLASSES,
    IMAGE_ENDING,
    IMAGE_FOLDER,
    LABELS,
    SEQINFO,
    below,
    first_px,
    lay_out,
)
from curate.formats.mot.make import (
    BOX_COLUMNS,
    LACK,
    Style,
    class_token,
    conf_token,
    edge_tokens,
    id_token,
    line_text,
    rest_tokens,
    value_losses,
)
from curate.formats.mot.read import NAME, listed_classes
from curate.formats.per_image import BoxRow, Change, box_rows
from curate.formats.reading import KeptFiles, told_kind
from curate.formats.sequences import MAX_FRAMES
from curate.formats.writing import IMPORTED, LossReport, Lost

_NO_FRAME = "MOT names images by sequence and frame: this one has no frame number of its own"
_IN_LENGTH = "seqinfo.ini counts them by its seqLength, so that they are read as images"
_OUTSIDE = "seqinfo.ini has one size, and one ending of names, for a sequence"
_AS_IT_WAS = "the line has too few columns: it is left as it was"
_SHAPE = "MOT has boxes only: every whole line is read as one"
_ONE_ORIGIN = "the file of its image holds either objects or detections"
_N_OBJECT_COLUMNS = 9
_N_PREDICTION_COLUMNS = 10


def write(dataset: Dataset, folder: Path, original: Dataset | None) -> LossReport:
    """Writes `<sequence>/gt/gt.txt`, `det/det.txt`, `seqinfo.ini` into an existing, empty folder.

    Parameters and errors are those of `line_files.write_lines`.
    """
    styles = {} if original is None else _styles(original)
    kind = LineFormat(
        name=NAME,
        title="MOT",
        lack=LACK,
        no_line="no line tells of an image without boxes",
        image_columns=frozenset({"group", "frame", "label_state", "width", "height"}),
        box_columns=BOX_COLUMNS | {"origin"},
        kept_images=dict.fromkeys(
            ("image_key", "width", "height", "declared_width", "declared_height", "group"),
            "the files keep their names, and seqinfo.ini what it says",
        )
        | {"label_state": "gt.txt tells it by its boxes", "frame": "the lines keep their frames"},
        make=_made,
        placed=_placed,
        change_line=partial(_changed_line, styles),
        new_line=partial(_new_line, styles),
        beside=_beside,
        holds=_holds,
        held="boxes with four corners",
    )
    return write_lines(kind, dataset, folder, original)


def _holds(boxes: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row has a box: MOT writes boxes without a class too."""
    has_edges = boxes[["x1", "y1", "x2", "y2"]].abs().max(axis=1, skipna=False) < float("inf")
    return has_edges & boxes["shape"].isin(["box", "rotated", "polygon", "mask"])


def _styles(original: Dataset) -> dict[str, Style]:
    """What the lines of each file that was read are."""
    boxes = original.boxes
    classed = set(boxes.loc[boxes["source_label"].notna(), "file"])
    objects = set(boxes.loc[boxes["origin"] == "human", "file"])
    styles = {}
    for file in original.formats:
        labels = below(file.rpartition("/")[0], LABELS)
        names: Sequence[str] = CLASSES
        if labels in original.sources.names() and len(original.classes):
            names = listed_classes(original.sources.read(labels)) or CLASSES
        classes = names if file in classed else None
        n_columns = _N_OBJECT_COLUMNS if classes is not None else _N_PREDICTION_COLUMNS
        stem = PurePosixPath(file).stem
        is_object = file in objects or stem.lower() == "gt"
        first = first_px(told_kind(original, NAME, file))
        styles[file] = Style(is_object, classes, n_columns, first, stem)
    return styles


# Writing back into the files that were read


def _changed_line(
    styles: Mapping[str, Style], line: bytes, change: Change, spot: Spot, lost: Lost
) -> bytes:
    spans = token_spans(line, b",")
    if len(spans) < 6:
        lost.update((f"boxes.{name}", _AS_IT_WAS) for name in change.columns)
        return line
    style = replace(styles[spot.file], n_columns=len(spans))
    lost.update((f"boxes.{name}", why) for name, why in _change_losses(change, spot, style))
    return with_tokens(line, spans, _new_tokens(change, spot, style))


def _new_tokens(change: Change, spot: Spot, style: Style) -> dict[int, str]:
    """The tokens that change, by column."""
    columns, new = change.columns, change.new
    texts: dict[int, str] = {}
    if "image_id" in columns and spot.image.frame is not None:
        texts[0] = str(spot.image.frame)
    if "track_id" in columns:
        texts[1] = id_token(new.track_id)
    if columns & {"x1", "y1", "x2", "y2"}:
        # Only what differs: a box that moves keeps the bytes of its width.
        before = edge_tokens(change.old, style.first_px)
        texts |= {i: t for i, t in edge_tokens(new, style.first_px).items() if before.get(i) != t}
    if columns & ({"role"} if style.is_object else {"score"}):
        texts[6] = conf_token(new, style)
    if "label" in columns and style.classes is not None and new.label in style.classes:
        texts[7] = class_token(new, style)
    if "attributes" in columns:
        before = rest_tokens(change.old, style)[0]
        texts |= {i: t for i, t in rest_tokens(new, style)[0].items() if before.get(i) != t}
    return {index: text for index, text in texts.items() if index < style.n_columns}


def _change_losses(change: Change, spot: Spot, style: Style) -> Iterator[tuple[str, str]]:
    """The changed columns whose new values are not in the line, each with the reason."""
    columns, new = change.columns, change.new
    for name in columns - BOX_COLUMNS - {"image_id"}:
        yield name, LACK
    if "image_id" in columns and spot.image.frame is None:
        yield "image_id", _NO_FRAME
    if "shape" in columns and new.shape != "box":
        yield "shape", _SHAPE
    whys = dict(value_losses(new, style))
    if "label" in whys and style.classes is not None:
        whys["label"] = "not in the list of classes: the old one stays"
    if new.source_label is None and style.classes is not None:
        whys["source_label"] = "a line has a class: the old one stays"
    is_short = style.n_columns < 7
    if is_short:
        whys |= dict.fromkeys(("score", "role"), "the line has no column for it")
    for name in columns & {"x1", "y1", "x2", "y2"}:
        if not edge_tokens(new, style.first_px):
            whys[name] = "an edge is no finite number of px: the box is left as it was"
    yield from ((name, why) for name, why in whys.items() if name in columns)


def _new_line(styles: Mapping[str, Style], row: BoxRow, spot: Spot, lost: Lost) -> bytes | None:
    if spot.image.frame is None:
        lost["boxes", _NO_FRAME] += 1
        return None
    own = styles[spot.file]
    n_columns = own.n_columns if spot.like is None else spot.like.count(b",") + 1
    style = replace(own, n_columns=min(max(n_columns, 7), 10))
    lost.update((f"boxes.{name}", why) for name, why in value_losses(row, style))
    lost["boxes.origin", _ONE_ORIGIN] += (row.origin == "detector") == own.is_object
    return line_text(row, spot.image.frame, style)


def _beside(dataset: Dataset, original: Dataset, lost: Lost) -> dict[str, bytes]:
    """`seqinfo.ini`, lists of classes and parts of gt.txt as they were."""
    removed = ~original.images["image_id"].isin(dataset.images["image_id"])
    lost["images (removed)", _IN_LENGTH] += _counted(original, removed)
    names = [name for name in dataset.sources.names() if name not in dataset.formats]
    return {name: dataset.sources.read(name) for name in names}


def _counted(original: Dataset, chosen: pd.Series[bool]) -> int:
    """How many images a kept `seqinfo.ini` counts, whatever lines there are."""
    layout = lay_out(KeptFiles(original.sources), sorted(original.formats), None)
    lengths = {layout.sequences[folder].name: n for folder, n in layout.lengths.items()}
    images = original.images[chosen]
    limits = images["group"].map(lengths).fillna(0)
    return int(((images["frame"] >= 1) & (images["frame"] <= limits)).sum())


# Writing from the columns


def _placed(dataset: Dataset) -> Collection[int]:
    return _videos(dataset, Counter())[1].keys()


@dataclass
class _Video:
    """The images of a sequence that is to be written, by image id, and their boxes."""

    name: str
    folder: str
    images: dict[int, LineImage] = field(default_factory=dict)
    objects: list[tuple[int, BoxRow]] = field(default_factory=list)
    predictions: list[tuple[int, BoxRow]] = field(default_factory=list)
    shift: int = 0


def _made(dataset: Dataset, lost: Lost) -> dict[str, bytes]:
    videos, of_image = _videos(dataset, lost)
    for image_id, row in zip(dataset.boxes["image_id"], box_rows(dataset.boxes), strict=True):
        video = of_image.get(image_id)
        if video is None:
            lost["boxes", _NO_FRAME] += 1
        elif row.origin == "detector":
            video.predictions.append((image_id, row))
        else:
            lost["boxes.origin", IMPORTED] += row.origin == "import"
            video.objects.append((image_id, row))
    bodies: dict[str, bytes] = {}
    for video in videos:
        bodies |= _video_files(video, lost)
    return bodies


def _videos(dataset: Dataset, lost: Lost) -> tuple[list[_Video], dict[int, _Video]]:
    """The sequences by name, and that of each image; images without a place are counted."""
    by_name: dict[tuple[str, str], _Video] = {}
    of_image: dict[int, _Video] = {}
    folders: set[str] = set()
    taken: set[tuple[str, str, int]] = set()
    for image in line_images(dataset.images.sort_values("image_key")):
        # Videos of two sources may have one name.
        name = (image.source, image.group or image.source)
        frame = image.frame
        if frame is None or not 0 <= frame < MAX_FRAMES or (*name, frame) in taken:
            lost["images", _NO_FRAME] += 1
            continue
        taken.add((*name, frame))
        if name not in by_name:
            by_name[name] = _Video(name[1], _own_folder(name[1], folders))
        by_name[name].images[image.image_id] = image
        of_image[image.image_id] = by_name[name]
    return list(by_name.values()), of_image


def _own_folder(name: str, folders: set[str]) -> str:
    """A folder of its own for a sequence, also where case does not count."""
    plain = safe_part(name.replace("/", "_"))
    # A folder of these names would say what its files are.
    folder = f"{plain}_" if plain.lower() in ("gt", "det") else plain
    ordinal = 2
    while folder.casefold() in folders:
        folder, ordinal = f"{plain}-{ordinal}", ordinal + 1
    folders.add(folder.casefold())
    return folder


def _video_files(video: _Video, lost: Lost) -> dict[str, bytes]:
    frames = [image.frame or 0 for image in video.images.values()]
    # MOT counts from 1, KITTI and most tools from 0.
    video.shift = 1 if min(frames) == 0 else 0
    why = "written one higher: MOT counts frames from 1"
    lost["images.frame", why] += len(frames) if video.shift else 0
    lost["images.group", "the name as a folder and in seqinfo.ini"] += (
        0 if _is_plain(video.name) else len(frames)
    )
    bodies = {f"{video.folder}/{SEQINFO}": _seqinfo(video, lost)}
    states = {image.label_state for image in video.images.values()}
    if video.objects or states & {"present", "empty"}:
        classes = _classes_for(video, lost)
        style = Style(True, classes, _N_OBJECT_COLUMNS)
        bodies[f"{video.folder}/gt/gt.txt"] = _lines(video, video.objects, style, lost)
        if classes is not CLASSES:
            body = "".join(f"{name}\n" for name in classes)
            bodies[f"{video.folder}/gt/{LABELS}"] = body.encode()
    if video.predictions:
        style = Style(False, None, _N_PREDICTION_COLUMNS)
        bodies[f"{video.folder}/det/det.txt"] = _lines(video, video.predictions, style, lost)
    has_objects = {image_id for image_id, _ in video.objects}
    for image_id, image in video.images.items():
        state = "present" if image_id in has_objects else "empty"
        if f"{video.folder}/gt/gt.txt" not in bodies:
            state = "missing"
        why = "gt.txt tells it by its boxes"
        lost["images.label_state", why] += image.label_state != state
    return bodies


def _is_plain(name: str) -> bool:
    return name == name.strip() != "" and not any(c in name for c in "\r\n\0=")


def _classes_for(video: _Video, lost: Lost) -> Sequence[str]:
    """MOTChallenge's classes where they will do, else a list of the labels there are."""
    labels = {row.label for _, row in video.objects if row.label is not None}
    if labels <= set(CLASSES):
        return CLASSES
    listed = sorted(name for name in labels if name == name.strip() and _is_line(name))
    return tuple(listed) or CLASSES


def _is_line(name: str) -> bool:
    return bool(name) and not any(c in name for c in "\r\n\0\ufeff") and name.isprintable()


def _lines(video: _Video, rows: list[tuple[int, BoxRow]], style: Style, lost: Lost) -> bytes:
    """The lines of boxes, by frame, in the order of the table."""
    lines: dict[int, list[bytes]] = defaultdict(list)
    for image_id, row in rows:
        frame = (video.images[image_id].frame or 0) + video.shift
        lost.update((f"boxes.{name}", why) for name, why in value_losses(row, style))
        lines[frame].append(line_text(row, frame, style) + b"\n")
    return b"".join(line for frame in sorted(lines) for line in lines[frame])


def _seqinfo(video: _Video, lost: Lost) -> bytes:
    """The settings of a sequence; what differs among its images is counted."""
    images = list(video.images.values())
    frames = [(image.frame or 0) + video.shift for image in images]
    sizes = Counter((image.width, image.height) for image in images)
    size = sizes.most_common(1)[0][0]
    endings = Counter(PurePosixPath(image.name).suffix for image in images)
    ending = endings.most_common(1)[0][0] or IMAGE_ENDING
    lost["images.width", _OUTSIDE] += sum(image.width != size[0] for image in images)
    lost["images.height", _OUTSIDE] += sum(image.height != size[1] for image in images)
    lost["images (not in the source)", _IN_LENGTH] += max(frames) - len(set(frames))
    names = [f"{video.folder}/{IMAGE_FOLDER}/{frame:06d}{ending}" for frame in frames]
    n_renamed = sum(name != image.name for name, image in zip(names, images, strict=True))
    lost["images (name)", f"MOT names pictures {IMAGE_FOLDER}/000001{ending}"] += n_renamed
    lines = [f"name={video.name}" if _is_plain(video.name) else f"name={video.folder}"]
    lines += [f"imDir={IMAGE_FOLDER}", f"seqLength={max(frames)}"]
    if None not in size:
        lines += [f"imWidth={size[0]}", f"imHeight={size[1]}"]
    return "\n".join(["[Sequence]", *lines, f"imExt={ending}", ""]).encode()
