"""A dataset in FiftyOne, built or brought up to date: only what changed is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curate.browse.changes import written_in
from curate.browse.database import (
    MARK,
    FiftyOne,
    created,
    database_faults,
    default_name,
    drop_orphans,
    fiftyone,
    lost_fields,
    lost_values,
    owned,
    samples_of,
    written_of,
)
from curate.browse.digests import digests
from curate.browse.documents import CROPS, SAMPLE_FIELDS, Made, Maker, file_sizes
from curate.browse.ids import SAMPLE, id_bytes
from curate.browse.labels import COLOURS, FIELDS, LISTS, attributes_of
from curate.browse.leaving import moved, refuse_other, staying, there
from curate.browse.merging import update_of
from curate.browse.places import Codes
from curate.browse.shown import Shown, shown
from curate.browse.views import left_out, save, wanted
from curate.dataset import Dataset, Findings
from curate.definitions.model import Definitions
from curate.errors import Place, SourceError
from curate.formats.exporting import beside
from curate.progress import track

# Samples that are made at once: some 10 MB of documents.
BLOCK = 500


@dataclass(frozen=True, eq=False)
class Built:
    """What a FiftyOne dataset shows now.

    Parameters
    ----------
    name
        Its name.
    dataset
        The FiftyOne dataset.
    n_new, n_changed, n_gone, n_kept
        Samples that were added, written again, deleted, and left as they were.
    views
        Names of curate's saved views.
    notes
        What is not shown, in words.
    """

    name: str
    dataset: FiftyOne
    n_new: int
    n_changed: int
    n_gone: int
    n_kept: int
    views: tuple[str, ...]
    notes: tuple[str, ...]


@database_faults()
def build(
    dataset: Dataset,
    *,
    predictions: Dataset | None = None,
    findings: Findings | None = None,
    crops: pd.DataFrame | None = None,
    subsets: Mapping[str, Collection[int]] | None = None,
    definitions: Definitions | None = None,
    name: str | None = None,
) -> Built:
    """Shows a dataset in FiftyOne: makes the FiftyOne dataset, or writes what changed of it.

    What people did there stays: their tags, edits, deletions and drawings, their fields and views.

    Parameters
    ----------
    dataset
        With its pictures joined.
    predictions
        Detections on its images, matched with its boxes.
    findings
        An audit of it; None: what its reader found.
    crops
        The manifest of a crop set (`curate.crops.manifest`).
    subsets
        Name to image ids.
    definitions
        Those in force: how predictions are matched.
    name
        Of the FiftyOne dataset; None: `curate/` and the dataset's.

    Raises
    ------
    SourceError
        Where no picture is joined, or none of them is there any more.
    UsageError
        Where FiftyOne is not installed.
    OutputError
        Where its database cannot be used, or a dataset of that name is not curate's, or shows
        another source.
    """
    root, n_bytes, told = _pictures(dataset)
    fo = fiftyone()
    name = default_name(dataset.name) if name is None else name
    target = owned(fo, name)
    what = shown(
        dataset, predictions=predictions, findings=findings, crops=crops, subsets=subsets,
        definitions=definitions, beside=(beside(dataset, "outlines"), beside(dataset, "keypoints")),
    )  # fmt: skip
    sizes = np.asarray(n_bytes.reindex(what.images["image_id"])).astype(np.float64)
    ids = _object_ids(fo, what)
    if target is None:
        drop_orphans(fo)
        target = created(fo, name, dataset.name)
        target.app_config.color_scheme = _colours(fo)
    own = there(target)
    refuse_other(target, dataset.name, own, ids)
    told += [*moved(target, root), *_restored(target)]
    stay = staying(target, own.difference(ids))
    if stay:
        told.append(
            f"{len(stay)} pictures that {dataset.name} no longer has stay, as people tagged or "
            "edited them: delete them in FiftyOne"
        )
    now = digests(what, str(root), sizes)
    fields, paths = _declare(fo, target, what)
    counts = _write(target, Maker(fo, what, root, sizes), ids, now, own=own, stay=stay)
    mark = dict(target.info[MARK])
    mark["views"] = save(fo, target, wanted(what, fields), mark.get("views", {}))
    mark |= {"source": dataset.name, "n_images": len(what.images), "fields": sorted(fields)}
    mark |= {"folder": str(root), "paths": paths}
    target.info[MARK] = mark
    target.save()
    target.reload()
    notes = (*told, *what.notes, *left_out(what))
    return Built(name, target, *counts, tuple(sorted(mark["views"])), notes)


def _colours(fo: FiftyOne) -> Any:  # of FiftyOne
    """One colour for all labels, and one for all predictions, until somebody chooses others."""
    fields = [
        {"path": own, "fieldColor": colour}
        for pair in FIELDS.values()
        for own, colour in zip(pair, COLOURS, strict=True)
    ]
    return fo.ColorScheme(color_by="field", fields=fields)


def _pictures(dataset: Dataset) -> tuple[Path, pd.Series[float], list[str]]:
    """Folder of the pictures, the sizes of their files by image id, what is missing in words."""
    images = dataset.images[dataset.images["path"].notna()]
    if dataset.images_root is None:
        raise SourceError(
            "has no picture, and FiftyOne shows pictures",
            place=Place(id=dataset.name),
            mend="name their folder with --images",
        )
    if not len(images):
        raise SourceError(
            f"has the picture of none of the {len(dataset.images)} images of {dataset.name}",
            place=Place(str(dataset.images_root)),
            mend="check --images",
        )
    n_bytes = file_sizes(images, dataset.images_root)
    n_gone = int(np.isnan(n_bytes).sum())
    if n_gone == len(images):
        raise SourceError(
            f"none of the {n_gone} pictures is there any more",
            place=Place(str(dataset.images_root)),
            mend="name the folder where they are now with --images",
        )
    told = [f"{n_gone} pictures are no longer in {dataset.images_root}"] if n_gone else []
    ids = images["image_id"].to_numpy(np.int64)
    return dataset.images_root.resolve(), pd.Series(n_bytes, index=ids), told


def _restored(target: FiftyOne) -> list[str]:
    """Has all samples written again where fields of labels were taken out; says which, in words.

    It is noted with the samples before the fields are there again: a stopped run goes on, and a
    label of theirs that is not there was not deleted by itself.
    """
    lost = lost_fields(target)
    if lost:
        update = {"$set": {"digest": b""}, "$addToSet": {"lost": {"$each": lost}}}
        written_of(target).update_many({}, update)
    values = lost_values(target)
    if values:
        written_of(target).update_many({}, {"$set": {"digest": b""}})
    told = [
        f"the field {name} was taken out in FiftyOne: it is written again, without what people "
        "had done to its labels"
        for name in lost
    ]
    if values:
        told.append(f"written again, as FiftyOne has it no longer: {', '.join(values)}")
    return told


def _declare(fo: FiftyOne, target: FiftyOne, what: Shown) -> tuple[set[str], list[str]]:
    """Declares the fields that are needed; those of labels come back, and the paths of values."""
    schema = target.get_field_schema(flat=True)
    for name, kind in SAMPLE_FIELDS.items():
        if name not in schema:
            target.add_sample_field(name, *_type(fo, kind), **_list(fo, kind))
    paths = list(SAMPLE_FIELDS)
    wanted_fields = dict(_label_fields(what))
    for name, (kind, attributes) in wanted_fields.items():
        if name not in schema:
            target.add_sample_field(
                name, fo.EmbeddedDocumentField, embedded_doc_type=getattr(fo, kind)
            )
        for attribute, own in attributes.items():
            path = f"{name}.{LISTS[kind]}.{attribute}"
            paths.append(path)
            if path not in schema:
                target.add_sample_field(path, *_type(fo, own), **_list(fo, own))
    return set(wanted_fields), sorted(paths)


def _type(fo: FiftyOne, name: str) -> tuple[Any]:  # a class of FiftyOne
    return (getattr(fo, name),)


def _list(fo: FiftyOne, name: str) -> dict[str, Any]:  # as above
    return {"subfield": fo.StringField} if name == "ListField" else {}


def _label_fields(what: Shown) -> Iterator[tuple[str, tuple[str, dict[str, str]]]]:
    """Each field of labels, what it holds, and the attributes of these."""
    for side, layer in enumerate((what.truth, what.predictions)):
        if layer is None:
            continue
        shapes = set(layer.boxes["shape"].unique())
        has = {
            "Detections": True,
            "Polylines": bool(shapes & {"rotated", "line"}) or bool(layer.beside[0]),
            "Keypoints": "point" in shapes or bool(layer.beside[1]),
            "Classifications": "tag" in shapes,
        }
        for kind, fields in FIELDS.items():
            if has[kind]:
                yield fields[side], (kind, attributes_of(layer))
    if what.crops is not None:
        words = ("crop_id", "status", "outcome", "det_id", "object_id")
        yield CROPS, ("Detections", dict.fromkeys(words, "StringField") | {"iou": "FloatField"})


def _object_ids(fo: FiftyOne, what: Shown) -> list[Any]:  # of FiftyOne
    object_id = fo.core.odm.document.ObjectId
    return [object_id(id_bytes(SAMPLE, i)) for i in what.images["image_id"].tolist()]


def _write(
    target: FiftyOne,
    maker: Maker,
    ids: list[Any],  # ObjectIds
    now: list[bytes],
    *,
    own: set[Any],  # as above
    stay: set[Any],  # as above
) -> tuple[int, int, int, int]:
    """Writes the samples that changed; their numbers: new, changed, gone, kept.

    Of curate's `own` that are there those that are not among the `ids` go, but for `stay`.
    """
    samples, written = samples_of(target), written_of(target)
    before = {d["_id"]: d["digest"] for d in written.find({}, {"digest": 1})}
    # One that was deleted in FiftyOne comes back; so does one that was never noted.
    is_new = np.array([i not in own for i in ids], bool)
    is_same = np.array([before.get(i) == d for i, d in zip(ids, now, strict=True)], bool)
    rows = np.flatnonzero(is_new | ~is_same)
    told = {row: now[row] for row in rows.tolist()}
    blocks = [rows[at : at + BLOCK] for at in range(0, len(rows), BLOCK)]
    time = datetime.now(UTC).replace(tzinfo=None)
    for block in _counted(blocks, len(rows)):
        made = list(maker.make(block, target._doc.id, time))
        fresh = is_new[block]
        _insert(samples, [one for one, new in zip(made, fresh, strict=True) if new])
        _update(samples, written, [one for one, new in zip(made, fresh, strict=True) if not new])
        _note(written, made, [told[row] for row in block.tolist()])
    wanted_ids = stay.union(ids)
    gone = list(own - wanted_ids)
    samples.delete_many({"_id": {"$in": gone}})
    written.delete_many({"_id": {"$in": list(before.keys() - wanted_ids)}})
    n_new = int(is_new.sum())
    return n_new, len(rows) - n_new, len(gone), len(ids) - len(rows)


def _counted(blocks: list[Codes], total: int) -> Iterator[Codes]:
    """The blocks, told to whoever listens sample by sample."""
    starts = {int(block[0]): block for block in blocks}
    for row in track([int(row) for block in blocks for row in block], total, "samples"):
        if row in starts:
            yield starts[row]


def _insert(samples: Any, made: list[Made]) -> None:  # a collection of pymongo
    if made:
        samples.insert_many([one.document for one in made], ordered=False)


def _update(samples: Any, written: Any, made: list[Made]) -> None:  # as above
    """Writes samples again under what people did to them."""
    if not made:
        return
    ids = [one.document["_id"] for one in made]
    old = {d["_id"]: d for d in samples.find({"_id": {"$in": ids}})}
    notes = {d["_id"]: d for d in written.find({"_id": {"$in": ids}})}
    for one in made:
        own = one.document["_id"]
        note = notes.get(own)
        known = None if note is None else written_in(note)
        update = update_of(one.document, old[own], known)
        samples.update_one({"_id": own}, update)


def _note(written: Any, made: list[Made], now: list[bytes]) -> None:  # as above
    """Notes what samples hold now: after they were written, so that a stopped run goes on."""
    notes = [
        {"_id": one.document["_id"], "digest": digest, "record": one.record}
        for one, digest in zip(made, now, strict=True)
    ]
    written.delete_many({"_id": {"$in": [note["_id"] for note in notes]}})
    if notes:
        written.insert_many(notes, ordered=False)
