"""`curate.make_crops`: a crop set from paths or datasets, with what has its default filled in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from curate.crops.labelling import Labelling
from curate.crops.production import Hands
from curate.crops.running import CropSet, Job, To, make_set
from curate.crops.spec import CropSpec
from curate.dataset import Dataset
from curate.definitions.matching import matching_definition, rule_of
from curate.definitions.model import Definitions
from curate.errors import UsageError
from curate.images import MAX_PIXELS
from curate.stores import Store, open_store

WORKERS = 2


def make_crops(  # noqa: PLR0913  # each has a default
    truth: Dataset | None,
    detections: Dataset,
    out: Path | str,
    *,
    spec: CropSpec | None = None,
    images: Path | str | None = None,
    to: To = "folder",
    detector: str | None = None,
    detector_version: str | None = None,
    definitions: Definitions | None = None,
    workers: int = WORKERS,
    scheduler: str | None = None,
    max_pixels: int = MAX_PIXELS,
    dry_run: bool = False,
    force: bool = False,
) -> CropSet:
    """A crop set for the classifier behind a detector: whole, resumed, or as it was already.

    Parameters
    ----------
    truth
        The objects; None makes crops with the labels that the detector gives.
    detections
        What the detector gave, with scores.
    out
        Folder of the set.
    spec
        Every number that crops and labels depend on; None: the defaults.
    images
        Folder or address (`s3://`, `gs://`, `http(s)://`) of the pictures or videos; None: where
        the truth was read with them.
    to
        `folder`: a file per crop; `shards`: tar files; `manifest`: no pictures.
    detector, detector_version
        Name and version for the manifest; None: the name that the detections give, if one.
    definitions
        In force, with one of kind `matching`; None: the shipped `detection`.
    workers
        Threads of this machine.
    scheduler
        Address of a Dask scheduler, whose workers cut the crops instead.
    max_pixels
        A picture that claims more is lost.
    dry_run
        Whether to count what there would be, and write nothing.
    force
        Whether a set of another source, spec or kind may be replaced.

    Raises
    ------
    UsageError
        Without pictures, or for values without sense.
    OutputError
        When it cannot be written; nothing is published then.
    SourceError
        When `images` cannot be opened.
    """
    job = job_of(
        truth,
        detections,
        spec=spec,
        images=images,
        to=to,
        detector=detector,
        detector_version=detector_version,
        definitions=definitions,
        workers=workers,
        scheduler=scheduler,
        max_pixels=max_pixels,
    )
    return make_set(job, Path(out), dry_run=dry_run, force=force)


def job_of(  # noqa: PLR0913  # as above
    truth: Dataset | None,
    detections: Dataset,
    *,
    spec: CropSpec | None = None,
    images: Path | str | None = None,
    to: To = "folder",
    detector: str | None = None,
    detector_version: str | None = None,
    definitions: Definitions | None = None,
    workers: int = WORKERS,
    scheduler: str | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Job:
    """What `make_crops` makes of its parameters: for who wants to let go of the tables meanwhile.

    Raises
    ------
    UsageError, SourceError
        As `make_crops`.
    """
    if workers < 1:
        raise UsageError(f"--workers is {workers}, should be 1 or more", mend="leave it out")
    definition = matching_definition(definitions)
    rule = rule_of(definition)
    own = detections if truth is None else truth
    root = images if images is not None else own.images_root
    if root is None and to != "manifest":
        raise UsageError(
            "no pictures to cut crops from: the source was read without",
            mend="add --images DIR, or --to manifest for a manifest without pictures",
        )
    spec = spec or CropSpec()
    return Job(
        truth=truth,
        detections=detections,
        spec=spec,
        labelling=Labelling(
            # A cap is a rule of evaluations: a crop is cut of every detection that is given.
            match=replace(rule, max_per_image=None),
            near_iou=spec.near_iou,
            ambiguous_iou=spec.ambiguous_iou,
            ignore_ioa=rule.ignore_min_ioa,
            only_verified=definition.values.get("unlabelled") == "only_verified",
            attribute=spec.attribute,
        ),
        definition=definition,
        store=None if to == "manifest" else _store(root),
        has_paths=root is not None and own.images_root is not None and _is(root, own.images_root),
        to=to,
        hands=Hands(workers, scheduler, max_pixels),
        names={
            "source": None if truth is None else truth.name,
            "detections_from": detections.name,
            "detector": detector or _only_name(detections),
            "detector_version": detector_version,
            "definition": definition.stated,
        },
    )


def _store(root: Path | str | None) -> Store | None:
    if root is None:
        return None
    # Workers of a cluster have working folders of their own.
    return open_store(root if "://" in str(root) else Path(root).absolute())


def _is(root: Path | str, other: Path) -> bool:
    return "://" not in str(root) and Path(root).resolve() == other.resolve()


def _only_name(detections: Dataset) -> str | None:
    """The name that all detections give as the one they are of; None: none or several."""
    names = detections.boxes["annotator"].unique().tolist()
    return names[0] if len(names) == 1 and isinstance(names[0], str) else None
