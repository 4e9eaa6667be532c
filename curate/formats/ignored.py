"""What is done with ignored objects where the target has no word for them.

An object with the role `ignore` counts neither as found nor as missed. A target without that word
either shows it as any other object or leaves it out, and then a loader takes what is in the picture
for background: a hard negative. A writer's module says in `IGNORED_AS` what becomes of them:

    ignored   the target has a word for them (the writer says nothing else)
    objects   they are written as any other object, and their role is a loss
    nothing   they would be left out, so that one of `CHOICES` has to be said. Groups, one box for
              several objects, count as ignored here: for a loader such a box is one object.

A writer of the last kind may say with `picture_paths` where a loader looks for the pictures.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from curate.dataset import Dataset
from curate.errors import Place, SourceError, UsageError, quote
from curate.formats.image_names import picture_names
from curate.formats.per_image import EDGES, confined, with_known_labels
from curate.formats.turned import corners_of
from curate.formats.writing import Loss, LossReport, Lost, losses_of
from curate.progress import track
from curate.tables import hex_id

if TYPE_CHECKING:
    # Only named here: the picture library loads when pictures are painted.
    from curate.images import Pictures
    from curate.painting import Regions

IgnoredAs = Literal["ignored", "objects", "nothing"]
CHOICES = ("keep-out", "drop-image", "paint", "list")
LIST_FILE = "ignored.csv"
# Not named like the corners of a table of boxes: no reader is to take the list for labels.
_LIST_HEADER = (
    "image", "box_id", "class", "x1_px", "y1_px", "x2_px", "y2_px", "source_file", "source_line",
)  # fmt: skip
_HARD = "left out: a loader takes them for background, as hard negatives"
_WORKERS = 2


@dataclass
class Treated:
    """A dataset as the target is given it, and what is written beside the target's files.

    `files` are further files by name, `pictures` what is to be painted by the id of its image;
    `has_pictures` says that all pictures go along.
    """

    dataset: Dataset
    losses: list[Loss] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    pictures: dict[int, Regions] = field(default_factory=dict)
    has_pictures: bool = False


def treated(
    dataset: Dataset,
    target: str,
    kept_as: IgnoredAs,
    choice: str | None,
    outlines: Callable[[], Mapping[int, Any]],  # COCO segmentations
) -> Treated:
    """The dataset with its ignored objects treated as chosen.

    Parameters
    ----------
    target, kept_as
        The target, and its writer's `IGNORED_AS`.
    choice
        One of `CHOICES`, None for none.
    outlines
        Gives the outlines by box_id, px, for turned boxes that are to be painted.

    Raises
    ------
    UsageError
        For a choice that does not exist or that the target has no use for; for none where one is
        needed; for `paint` without pictures.
    """
    if choice is not None and choice not in CHOICES:
        raise UsageError(
            f"--ignored is {quote(choice)}, should be one of {', '.join(CHOICES)}",
            mend="choose one of them",
        )
    if choice is not None and kept_as == "ignored":
        raise UsageError(
            f"--ignored {choice}: {target} has a word for ignored objects, so that they stay",
            mend="leave it out",
        )
    is_left = is_ignored(dataset.boxes, groups=kept_as == "nothing")
    if choice is None and kept_as == "nothing" and is_left.any():
        raise _unsaid(dataset.boxes[is_left], target)
    if choice == "paint":
        return _painted(dataset, is_left, outlines)
    if choice is None or not is_left.any():
        return Treated(dataset)
    if choice == "drop-image":
        return _dropped(dataset, dataset.boxes[is_left])
    done = Treated(_without(dataset, is_left), [_loss(dataset.boxes[is_left], _HARD)])
    if choice == "list":
        done.files[LIST_FILE] = _list_bytes(dataset, dataset.boxes[is_left])
    return done


def is_ignored(boxes: pd.DataFrame, *, groups: bool = False) -> pd.Series[bool]:
    """Whether each box has the role of what an evaluation ignores; with `groups`, or is a group."""
    is_role = boxes["role"] == "ignore"
    return is_role | boxes["is_group"].fillna(value=False).astype(bool) if groups else is_role


def _unsaid(boxes: pd.DataFrame, target: str) -> UsageError:
    count = f"{len(boxes)} ignored box{'' if len(boxes) == 1 else 'es'}"
    return UsageError(
        f"{count} in {_n_images(boxes)}: {target} has no word for ignored, and left out they"
        " become hard negatives",
        mend="say what to do: --ignored keep-out (leave them out), list (leave them out and list"
        " them), drop-image (leave out their images) or paint (copy the pictures, painted grey"
        " there; needs --images DIR)",
    )


def _loss(boxes: pd.DataFrame, why: str) -> Loss:
    return Loss("boxes (ignored)", len(boxes), f"in {_n_images(boxes)}, {why}")


def _n_images(boxes: pd.DataFrame) -> str:
    count = boxes["image_id"].nunique()
    return f"{count} image{'' if count == 1 else 's'}"


def _without(dataset: Dataset, is_gone: pd.Series[bool]) -> Dataset:
    return dataset.with_tables(boxes=dataset.boxes[~is_gone])


def _dropped(dataset: Dataset, ignored: pd.DataFrame) -> Treated:
    """The dataset without the images of ignored boxes."""
    gone = set(ignored["image_id"])
    n_boxes = int(dataset.boxes["image_id"].isin(list(gone)).sum())
    why = "left out: an ignored object is in them (--ignored drop-image)"
    losses = [Loss("images", len(gone), why)]
    why = "of images that were left out, their ignored ones too"
    losses.append(Loss("boxes", n_boxes, why))
    return Treated(dataset.of_images(set(dataset.images["image_id"]) - gone), losses)


def _list_bytes(dataset: Dataset, boxes: pd.DataFrame) -> bytes:
    """The list of ignored boxes: CSV, by image, edges in px."""
    keys = dict(zip(dataset.images["image_id"], dataset.images["image_key"], strict=True))
    columns = [boxes[name] for name in ("image_id", "box_id", "label", *EDGES, "file", "line")]
    plain = [column.astype(object).where(column.notna(), None) for column in columns]
    rows = sorted(
        (
            [keys[image_id], hex_id(box_id), *values]
            for image_id, box_id, *values in zip(*plain, strict=True)
        ),
        key=lambda row: row[0],
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_LIST_HEADER)
    writer.writerows(rows)
    return out.getvalue().encode("utf-8", "backslashreplace")


def _painted(
    dataset: Dataset, is_left: pd.Series[bool], outlines: Callable[[], Mapping[int, Any]]
) -> Treated:
    """The dataset without ignored boxes, and the regions to paint in its pictures.

    Raises
    ------
    UsageError
        Without pictures, and when the picture of an image with ignored boxes is not there.
    """
    images, ignored = dataset.images, dataset.boxes[is_left]
    if dataset.images_root is None:
        raise UsageError("--ignored paint needs the pictures", mend="add --images DIR")
    blank = images["path"].isna() | images["width"].isna() | images["height"].isna()
    bare = images[blank & images["image_id"].isin(ignored["image_id"])]
    if len(bare):
        raise UsageError(
            f"--ignored paint: {len(bare)} images with ignored boxes have no readable picture, the"
            f" first is {quote(bare['image_key'].iloc[0])}",
            mend="give all pictures with --images DIR, or choose keep-out, list or drop-image",
        )
    left = _without(dataset, is_left)
    has_edges = np.isfinite(dataset.boxes[EDGES].to_numpy(np.float64)).all(axis=1)
    has_area = dataset.boxes["shape"].isin(["box", "rotated", "polygon", "mask"]) & has_edges
    placed = ignored[has_area[is_left]]
    done = Treated(left, has_pictures=True)
    lost: Lost = Counter()
    why = "painted grey in the pictures, but where another object is"
    lost["boxes (ignored)", why] += len(placed)
    why = "without corners, so that nothing was painted: hard negatives"
    lost["boxes (ignored)", why] += len(ignored) - len(placed)
    is_near = has_area & ~is_left & dataset.boxes["image_id"].isin(placed["image_id"])
    done.pictures = _regions(images, placed, dataset.boxes[is_near], outlines)
    done.losses = losses_of(lost)
    return done


def _regions(
    images: pd.DataFrame,
    painted: pd.DataFrame,
    kept: pd.DataFrame,
    outlines: Callable[[], Mapping[int, Any]],
) -> dict[int, Regions]:
    """What is painted of each picture, by image_id: ignored boxes, but not over other objects."""
    from curate.painting import Regions

    turned = painted[painted["shape"] == "rotated"]
    corners = corners_of(turned, outlines() if len(turned) else {})
    # Of a turned box that nothing tells the corners of, the bounds are painted.
    is_told = np.asarray(np.isfinite(corners).all(axis=(1, 2)), np.bool_)
    corners, turned = corners[is_told], turned[is_told]
    straight = painted.drop(turned.index)
    edges, near = straight[EDGES].to_numpy(np.float64), kept[EDGES].to_numpy(np.float64)
    groups = [_rows_of(table) for table in (straight, turned, kept)]
    own = images[images["image_id"].isin(painted["image_id"])]
    found = {}
    for image_id, size_wh, orientation in _frames(own):
        rows = [group.get(image_id, []) for group in groups]
        found[image_id] = Regions(
            boxes=edges[rows[0]],
            turned=corners[rows[1]],
            kept=near[rows[2]],
            size_wh=size_wh,
            orientation=orientation,
        )
    return found


def _frames(images: pd.DataFrame) -> Iterator[tuple[int, tuple[int, int], int]]:
    """Each image's id, its size in the frame of its boxes, and the orientation that leads there."""
    is_stored = images["box_frame"] == "stored"
    columns = [images["image_id"]]
    columns += [
        images[side].where(~is_stored, images[f"declared_{side}"]) for side in ("width", "height")
    ]
    columns.append(images["exif_orientation"].where(~is_stored).fillna(1))
    for image_id, width, height, orientation in zip(*(c.tolist() for c in columns), strict=True):
        yield image_id, (width, height), orientation


def _rows_of(boxes: pd.DataFrame) -> dict[int, list[int]]:
    """The places of the rows of each image."""
    places: dict[int, list[int]] = {}
    for place, image_id in enumerate(boxes["image_id"].tolist()):
        places.setdefault(image_id, []).append(place)
    return places


def write_beside(
    report: LossReport,
    done: Treated,
    written: tuple[Path, Dataset | None],
    module: ModuleType,
    *,
    dry_run: bool,
) -> LossReport:
    """Writes what goes beside the target's files because of ignored objects; the whole report.

    `written` are the folder and the dataset as it was read, where its files were kept; `module` is
    the target's.

    Raises
    ------
    SourceError, OutputError
        As `write_pictures`.
    """
    folder, original = written
    for name, body in done.files.items():
        (folder / name).write_bytes(body)
    n_files, losses = report.files + len(done.files), done.losses
    if done.has_pictures:
        paths = getattr(module, "picture_paths", picture_paths)(done.dataset, original)
        n_pictures, more = write_pictures(done, folder, paths, dry_run=dry_run)
        n_files, losses = n_files + n_pictures, [*losses, *more]
    return replace(report, files=n_files, losses=(*losses, *report.losses))


def picture_paths(dataset: Dataset, original: Dataset | None) -> dict[int, str]:
    """Where the picture of each image is put: `images/` and its name."""
    images = with_known_labels(dataset.images)
    names = picture_names(images)
    return {
        image_id: f"images/{name}"
        for image_id, name in zip(images["image_id"].tolist(), names, strict=True)
    }


def write_pictures(
    done: Treated, folder: Path, paths: Mapping[int, str], *, dry_run: bool
) -> tuple[int, list[Loss]]:
    """Copies all pictures of the dataset, painted where they are to be; files written, and losses.

    Parameters
    ----------
    paths
        Where the picture of each image goes, relative to `folder`.

    Raises
    ------
    SourceError
        When a picture cannot be copied or painted.
    OutputError
        When a name leads out of the folder.
    """
    from curate.images import open_pictures
    from curate.painting import JPEG_QUALITY

    images, root = done.dataset.images, done.dataset.images_root
    if root is None:
        raise UsageError("--ignored paint needs the pictures", mend="add --images DIR")
    pictured = images[images["path"].notna() & images["image_id"].isin(list(paths))]
    lost: Lost = Counter()
    lost["pictures", "not there: nothing is copied"] += len(paths) - len(pictured)
    jobs = [
        (str(path), confined(folder, paths[image_id]), done.pictures.get(image_id))
        for image_id, path in zip(pictured["image_id"].tolist(), pictured["path"], strict=True)
    ]
    n_jpegs = _copy_all(open_pictures(root), jobs, dry_run=dry_run)
    why = f"painted, so encoded again with quality {JPEG_QUALITY}: other pixels change a little"
    lost["pictures (JPEG)", why] += n_jpegs
    return len(jobs), losses_of(lost)


def _copy_all(
    pictures: Pictures, jobs: Collection[tuple[str, Path, Regions | None]], *, dry_run: bool
) -> int:
    """Writes the pictures, or with `dry_run` only looks at them; how many painted ones are JPEG."""
    there = set(pictures.files)
    for path, _, _ in jobs:
        if path not in there:
            raise SourceError(
                "is no longer there",
                place=Place(f"{pictures.root}/{path}"),
                mend="give the pictures that belong to the labels with --images DIR",
            )
    for parent in {target.parent for _, target, _ in jobs} if not dry_run else ():
        parent.mkdir(parents=True, exist_ok=True)

    def copy(job: tuple[str, Path, Regions | None]) -> bool:
        return _copy(pictures.path(job[0]), None if dry_run else job[1], job[2])

    # Decoding, encoding and copying let go of the interpreter.
    with ThreadPoolExecutor(_WORKERS) as pool:
        return sum(track(pool.map(copy, jobs), len(jobs), "pictures written"))


def _copy(source: Path, target: Path | None, regions: Regions | None) -> bool:
    """Writes one picture, painted where there are regions; whether it is a JPEG encoded again."""
    from curate.images import format_of
    from curate.painting import paint

    try:
        if regions is None and target is not None:
            shutil.copyfile(source, target)
        elif regions is not None and target is not None:
            paint(source, target, regions)
        return regions is not None and format_of(source) == "JPEG"
    except OSError as error:
        if error.filename != str(source):
            raise
        raise SourceError(
            f"cannot be read: {error.strerror}",
            place=Place(str(source)),
            mend="check its permissions, or restore it from its source",
        ) from error
