"""Make the crops that a classifier behind a detector is trained on, from what it really outputs.

Each detection is matched with the objects of SOURCE and labelled by what its crop shows; false
alarms are `background`. A run that was killed goes on; one with nothing new to do says so.

Example: curate crops street --from-detector detections.json --images images -o crops
Example: curate crops --no-truth --from-detector detections.json --images images -o unlabelled
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli import options, output, streams
from curate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from curate.crops.running import CropSet
    from curate.crops.spec import CropSpec


# Lines about lost pictures, and about detections; crops.json has more, the manifest all.
SHOWN_LOST = 10


class To(StrEnum):
    """How crops are stored."""

    FOLDER = "folder"
    SHARDS = "shards"
    MANIFEST = "manifest"


def crops(  # noqa: PLR0913  # one parameter per option of the command line
    context: typer.Context,
    from_detector: Annotated[
        str,
        typer.Option(
            metavar="DETS", help="Detections: file, folder, zip or dataset folder of any format."
        ),
    ],
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the crop set.")],
    source: options.Source = None,
    no_truth: Annotated[
        bool,
        typer.Option(
            "--no-truth", help="No SOURCE: crops have the labels that the detector gives."
        ),
    ] = False,
    name: options.Name = None,
    from_: options.From = None,
    images: Annotated[
        str | None,
        typer.Option(
            help="Folder of the pictures or videos, or its address: s3://, gs://, http(s)://."
        ),
    ] = None,
    image_size: Annotated[
        str | None, typer.Option(help="Size in px, WxH, of images without a known size.")
    ] = None,
    classes: options.Classes = None,
    detector_format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help="Format of DETS; told by content otherwise."),
    ] = None,
    class_ids: options.ClassIdsOption = None,
    truth: options.Truth = None,
    spec: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML file with every number of the set.")
    ] = None,
    score_floor: Annotated[
        float | None, typer.Option(help="Only count detections of a lower score (default 0.05).")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Context on each side, as a share of the box's side (default 0.15)."),
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the crops, px (default 224).")] = None,
    to: Annotated[
        To,
        typer.Option(help="A file per crop, tar shards (WebDataset), or no pictures at all."),
    ] = To.FOLDER,
    detector: Annotated[
        str | None, typer.Option(help="Name of the detector, for the manifest.")
    ] = None,
    detector_version: Annotated[
        str | None, typer.Option(help="Version of the detector, for the manifest.")
    ] = None,
    definitions: options.Definitions = None,
    max_lost: Annotated[
        int,
        typer.Option(help="Exit with 1 when more images and detections than this are lost."),
    ] = 0,
    workers: Annotated[int, typer.Option(help="Threads that cut crops.")] = 2,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="Dask scheduler whose workers cut crops."),
    ] = None,
    max_pixels: options.MaxPixels = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    json_: options.Json = False,
) -> int:
    """Reads, matches, cuts, publishes, counts."""
    from curate import project
    from curate.crops.making import job_of
    from curate.crops.memory import share_one_allocator
    from curate.crops.reading import read_detections, read_truth
    from curate.crops.running import make_set
    from curate.folders import refuse_source
    from curate.images import MAX_PIXELS

    share_one_allocator()
    settings = project.find(Path.cwd())
    values = _spec(spec, score_floor, margin, size)
    folder = None if images is None or "://" in images else Path(images)
    told = options.read_options(
        context, name=name, from_=from_, images=folder, size=image_size, max_pixels=max_pixels,
        size_option="--image-size",
    )  # fmt: skip
    own = options.read_options(
        context, name=None, from_=detector_format, images=folder, size=image_size,
        classes=classes, truth=truth, class_ids=class_ids, max_pixels=max_pixels,
        size_option="--image-size",
    )  # fmt: skip
    if max_lost < 0:
        raise UsageError(f"--max-lost is {max_lost}, should be 0 or more", mend="leave it out")
    if no_truth and source is not None:
        raise UsageError("SOURCE and --no-truth exclude each other", mend="give one of them")
    path, told = (None, told) if no_truth else project.resolve(settings, source, told)
    dets = Path(from_detector)
    refuse_source(out, [*options.touched([(dets, own)]), path, folder])
    with _own_names():
        objects = None if path is None else read_truth(streams.taken(context, path), told)
        found = read_detections(streams.taken(context, dets), own, path)
    job = job_of(
        objects,
        found,
        spec=values,
        images=images,
        to=to.value,
        detector=detector,
        detector_version=detector_version,
        definitions=settings.definitions_in_force(definitions),
        workers=workers,
        scheduler=scheduler,
        max_pixels=MAX_PIXELS if max_pixels is None else max_pixels,
    )
    # So that the job alone holds the tables, and can let go of them.
    del objects, found
    made = make_set(job, out, dry_run=dry_run, force=force)
    _tell(made, is_json=json_)
    if made.lost > max_lost:
        output.note(
            f"{made.lost} images and detections lost, {max_lost} allowed by --max-lost;"
            " the manifest says which, in the rows of status lost"
        )
        return 1
    return 0


@contextmanager
def _own_names() -> Iterator[None]:
    """Lets errors of readers name the option of images' sizes, which is not `--size` here."""
    try:
        yield
    except SourceError as error:
        error.mend = error.mend and error.mend.replace("--size WxH", "--image-size WxH")
        raise


def _spec(
    path: Path | None, score_floor: float | None, margin: float | None, size_px: int | None
) -> CropSpec:
    """The spec of a file, or the default, with what the command line says otherwise."""
    from curate.crops.spec import CropSpec, read_spec

    spec = CropSpec() if path is None else read_spec(path)
    if score_floor is not None:
        spec = replace(spec, score_floor=score_floor)
    return spec.with_geometry(margin_frac=margin, size_px=size_px)


def _tell(made: CropSet, *, is_json: bool) -> None:
    """Prints what there is now."""
    from curate.crops.layout import MANIFEST

    summary = made.summary
    manifest = None if made.folder is None else str(made.folder / MANIFEST)
    if is_json:
        run = {"is_unchanged": made.is_unchanged, "new_crops": made.new_crops}
        run["workers"] = made.workers
        document = {**summary, "manifest": manifest, "run": run}
        output.result(json.dumps(document, ensure_ascii=False))
        return
    given, below = (summary["detections"][name] for name in ("given", "below_floor"))
    output.result(
        f"{given} detections on {summary['images']['total']} images,"
        f" {below} below the floor of {summary['score_floor']:g}"
    )
    for title in ("outcomes", "statuses"):
        counts = ", ".join(f"{word} {count}" for word, count in summary[title].items())
        output.result(f"{title}: {counts}")
    for split, labels in summary["crops"].items():
        counts = ", ".join(f"{label or 'aside'} {count}" for label, count in labels.items())
        output.result(f"{split or 'no split'}: {counts}")
    for told in summary["notes"]:
        output.note(told)
    _tell_lost(summary["lost"])
    if made.folder is None:
        output.result("-> nothing written (--dry-run)")
    elif made.is_unchanged:
        output.result(f"-> {made.folder}: nothing new to do")
    else:
        crops = f", {made.new_crops} crops new" if summary["to"] != To.MANIFEST else ""
        output.result(f"-> {made.folder}{crops}; {manifest}")


def _tell_lost(lost: Mapping[str, Any]) -> None:
    """Prints how much is lost, and why, of the first."""
    shown = list(lost["shown_images"].items())[:SHOWN_LOST]
    for image, why in shown:
        # Most reasons begin with the picture's name already.
        output.note(why if image.endswith(why.partition(": ")[0]) else f"{image}: {why}")
    if lost["images"] > len(shown):
        output.note(f"and {lost['images'] - len(shown)} more images: rows of status lost")
    for why in lost["shown_detections"][:SHOWN_LOST]:
        output.note(why)
    if lost["detections"] > SHOWN_LOST:
        output.note(f"and {lost['detections'] - SHOWN_LOST} more detections: rows of status lost")
    if lost["images"] or lost["detections"]:
        output.result(f"lost: {lost['images']} images, {lost['detections']} detections")
