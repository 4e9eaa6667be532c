"""The way from a truth and detections to a whole crop set."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from curate.crops.assembling import ManifestFiles, Sums, with_results, without_pictures
from curate.crops.blocks import BLOCK_IMAGES, Blocks
from curate.crops.earlier import Earlier, remove_strays, write_index
from curate.crops.labelling import Labelling
from curate.crops.layout import STATE, SUMMARY
from curate.crops.memory import give_back
from curate.crops.pictures import PictureNames
from curate.crops.pieces import RESULTS, UNREACHED
from curate.crops.plan import Plan
from curate.crops.preparing import Preparing
from curate.crops.production import PHASHES, Hands, Made, Production
from curate.crops.settling import Settled, settled
from curate.crops.spec import CropSpec, refuse_senseless
from curate.crops.summary import counted, document, image_counts
from curate.crops.workfolder import PARTS, WorkFolder, summary_of
from curate.dataset import Dataset
from curate.definitions.model import Definition
from curate.errors import OutputError, Place
from curate.stores import Store

To = Literal["folder", "shards", "manifest"]
ROWS = f"{STATE}/rows"
BOXES = f"{STATE}/boxes"
NOT_THINNED = (
    "nothing is thinned: which crops look alike is known only from the pictures, which were not"
    " opened - make the set with them (no --dry-run, no --to manifest)"
)


@dataclass(frozen=True)
class CropSet:
    """A crop set that is whole, or what one would be.

    Parameters
    ----------
    folder
        None: nothing was to be written.
    summary
        As `crops.json`.
    is_unchanged
        Whether it was as it should be already.
    new_crops
        Crops that this run made; the others an earlier one had.
    workers
        Processes that made them.
    """

    folder: Path | None
    summary: Mapping[str, Any]
    is_unchanged: bool
    new_crops: int
    workers: int = 0

    @property
    def lost(self) -> int:
        """Number of images and detections that nothing could be made of."""
        lost = self.summary["lost"]
        return int(lost["images"] + lost["detections"])


@dataclass
class Job:
    """What a set is made from, and how.

    Parameters
    ----------
    truth
        None: crops get the labels that the detector gives.
    detections
        None, like the truth, once they were taken.
    definition
        Of kind `matching`: which objects are ignored.
    store
        Where the pictures are; None: there is a manifest alone, without pictures.
    has_paths
        Whether `images.path` of the truth (without one, of the detections) names pictures of it.
    names
        What `crops.json` says of sources, detector and definition.
    """

    truth: Dataset | None
    detections: Dataset | None
    spec: CropSpec
    labelling: Labelling
    definition: Definition
    store: Store | None
    has_paths: bool
    to: To
    hands: Hands
    names: Mapping[str, Any]

    def settled(self) -> Settled:
        """What is decided for the whole set.

        The job lets go of truth and detections, the most of a run's memory, and can do it once.

        Raises
        ------
        UsageError
            For labels of detections and truth that cannot be matched.
        """
        truth, detections = self.truth, self.detections
        assert detections is not None
        self.truth = self.detections = None
        return settled(truth, detections, self.labelling, self.definition)

    @property
    def columns(self) -> dict[str, str | None]:
        """Columns of the manifest that have one value."""
        return {name: self.names[name] for name in ("detector", "detector_version", "definition")}


def make_set(job: Job, out: Path, *, dry_run: bool = False, force: bool = False) -> CropSet:
    """Makes a crop set, or what is new of it; the old one stays whole until then.

    Raises
    ------
    OutputError
        When it cannot be written, something else stands there, or (unless `force`) a set of
        another source, spec or kind.
    UsageError
        For a spec without sense, or labels of detections and truth that have none in common.
    """
    refuse_senseless(job.spec)
    _refuse_other(summary_of(out), job, out, force=force)
    rules, blocks = _settled_blocks(job)
    if dry_run:
        with tempfile.TemporaryDirectory() as folder:
            blocks.keep_in(Path(folder))
            plan = Plan(Path(folder), job.spec, job.columns)
            plan.make(blocks, rules.labelling)
            sums, notes = _planned_sums(plan), _notes(job, rules, opens_pictures=False)
            return CropSet(None, _summary(job, plan, blocks, sums, notes), False, 0)
    with WorkFolder(out) as work:
        return _Run(job, rules, blocks, work).made()


@dataclass(frozen=True)
class _Rules:
    """What holds for the whole set, as `Settled` has it."""

    labelling: Labelling
    told: tuple[str, ...]


def _settled_blocks(job: Job) -> tuple[_Rules, Blocks]:
    """The blocks, which alone hold the tables then."""
    given = job.settled()
    per_block = BLOCK_IMAGES
    if job.to == "shards":
        per_shard = job.spec.encoding.images_per_shard
        per_block = -(-BLOCK_IMAGES // per_shard) * per_shard
    return _Rules(given.labelling, given.told), Blocks(given, per_block)


def _refuse_other(summary: Mapping[str, Any] | None, job: Job, out: Path, *, force: bool) -> None:
    if summary is None or force:
        return
    mine = {"source": job.names["source"], "--spec": job.spec.digest, "--to": job.to}
    own = {"--spec": summary.get("spec", {}).get("hash"), "--to": summary.get("to")}
    own["source"] = summary.get("source")
    if own != mine:
        what = next(name for name in mine if own[name] != mine[name])
        raise OutputError(
            f"holds a set of another {what} ({own[what]}, now {mine[what]})",
            place=Place(str(out)),
            mend="choose another folder, or add --force to replace it",
        )


def _planned_sums(plan: Plan) -> Sums:
    sums = Sums()
    for block in plan:
        sums.add(block.rows)
    return sums


def _summary(
    job: Job, plan: Plan, blocks: Blocks, sums: Sums, notes: Sequence[str]
) -> dict[str, Any]:
    counts = {"images": image_counts(blocks.images), **counted(sums, plan)}
    return document(job.spec, {**job.names, "to": job.to}, counts, plan, notes)


def _notes(job: Job, rules: _Rules, *, opens_pictures: bool) -> list[str]:
    is_told = job.spec.thin is not None and not opens_pictures
    return [*rules.told, *([NOT_THINNED] if is_told else [])]


class _Run:
    """One run in a work folder."""

    def __init__(self, job: Job, rules: _Rules, blocks: Blocks, work: WorkFolder) -> None:
        self._job, self._rules, self._blocks, self._work = job, rules, blocks, work
        self._folder = work.path
        self._had_leftovers = any((self._folder / PARTS).iterdir())

    def made(self) -> CropSet:
        earlier = Earlier(self._work.out)
        earlier.refuse_strangers()
        rows, boxes = self._folder / ROWS, self._folder / BOXES
        for folder in (rows, boxes):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self._blocks.keep_in(boxes)
        plan = Plan(rows, self._job.spec, self._job.columns)
        give_back()
        plan.make(self._blocks, self._rules.labelling)
        production = self._production(plan)
        if production is not None and self._job.spec.thin is not None:
            plan.decide(production.phashes(self._folder))
        before = summary_of(self._work.out)
        if before is not None and earlier.is_whole():
            digest = plan.digest() if production is None else production.digest()
            if before.get("digest") == digest:
                self._work.clear()
                return CropSet(self._work.given, before, True, 0)
        if production is None:
            made = Made(digest=plan.digest())
        else:
            made = production.make(self._folder, earlier)
        sums = self._assembled(plan, made)
        notes = _notes(self._job, self._rules, opens_pictures=production is not None)
        summary = _summary(self._job, plan, self._blocks, sums, notes)
        # Without it the next run does not take the set for what it should be.
        summary |= {"digest": made.digest} if sums.is_all_reached else {}
        self._finish(summary, made)
        self._work.publish()
        return CropSet(self._work.given, summary, False, made.new_crops, len(made.workers))

    def _production(self, plan: Plan) -> Production | None:
        job = self._job
        if job.store is None:
            return None
        names = PictureNames(job.store, has_paths=job.has_paths)
        is_sharded = job.to == "shards"
        has_phash = job.spec.thin is not None
        preparing = Preparing(
            names, job.spec, job.hands.max_pixels, is_sharded=is_sharded, with_phash=has_phash
        )
        return Production(plan, preparing, job.store, job.hands, is_sharded=is_sharded)

    def _assembled(self, plan: Plan, made: Made) -> Sums:
        """Writes the manifest; says what it sums up to."""
        sums = Sums()
        with ManifestFiles(self._folder) as manifest:
            for number, block in enumerate(plan):
                rows = block.rows
                if made.parts:
                    names = made.parts[number]
                    parts = [pq.read_table(self._folder / PARTS / n, schema=RESULTS) for n in names]
                    results = pa.concat_tables([RESULTS.empty_table(), *parts])
                    sums.is_all_reached &= UNREACHED not in results["work"].to_pylist()
                    rows = with_results(rows, results)
                else:
                    rows = without_pictures(rows)
                manifest.add(rows)
                sums.add(rows)
        return sums

    def _finish(self, summary: Mapping[str, Any], made: Made) -> None:
        """Writes what is left to write, and removes what no set has."""
        for name in (ROWS, BOXES, PHASHES):
            shutil.rmtree(self._folder / name, ignore_errors=True)
        names = [name for block in made.parts for name in block]
        write_index(self._folder, names)
        text = json.dumps(summary, indent=1, ensure_ascii=False, sort_keys=True)
        (self._folder / SUMMARY).write_text(text + "\n", encoding="utf-8")
        if self._had_leftovers:
            remove_strays(self._folder, {f"{PARTS}/{name}" for name in names})
