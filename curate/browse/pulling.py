"""What people decided in FiftyOne: their tags, edits and deletions as rows of decisions.

Tags say what holds of a label or a picture: `confirm`, `false-alarm`, `drop`, `fix:<class>`; of
one check alone `confirm:BOX-002` and `false-alarm:BOX-002`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from curate.browse.changes import TRUTH_FIELDS, Written, labels_in
from curate.browse.database import FiftyOne, samples_of, written_of
from curate.browse.ids import SAMPLE, from_bytes
from curate.browse.labels import FIELDS
from curate.browse.records import BoxRecord, FindingRecord, unpacked
from curate.progress import track
from curate.tables import Column, make_table

COLUMNS: dict[str, Column] = {
    "subject": Column("str", "finding | box | image: what was decided on", "never"),
    "finding_id": Column("Int64", "the finding judged", "not about a finding"),
    "check": Column("str", "code of the finding's check", "not about a finding"),
    "members": Column("Int64", "boxes and other records of the finding, as judged", "not stated"),
    "box_id": Column("Int64", "the box decided on; of a finding, its only box", "no single box"),
    "image_id": Column("Int64", "the image", "no single image"),
    "image": Column("str", "image key", "no single image"),
    "verdict": Column("str", "confirm | false-alarm | fix | drop | edit", "never"),
    "label": Column("str", "class that the box shall have", "as it is"),
    "x1": Column("float64", "px, left edge that the box shall have", "not moved"),
    "y1": Column("float64", "px, top edge", "not moved"),
    "x2": Column("float64", "px, right edge", "not moved"),
    "y2": Column("float64", "px, bottom edge", "not moved"),
    "seen_label": Column("str", "class that the box had when it was decided on", "not stated"),
    "seen_x1": Column("float64", "px, left edge that it had then", "not stated"),
    "seen_y1": Column("float64", "px, top edge", "not stated"),
    "seen_x2": Column("float64", "px, right edge", "not stated"),
    "seen_y2": Column("float64", "px, bottom edge", "not stated"),
    "who": Column("str", "who decided", "not stated"),
    "when": Column("str", "ISO 8601, UTC: when the sample was last changed", "not stated"),
    "note": Column("str", "what else was said", "none"),
    "source": Column("str", "fiftyone", "never"),
}
EDGES = ("x1", "y1", "x2", "y2")
JUDGED = ("confirm", "false-alarm")
FIX = "fix:"
_PREDICTED = tuple(own for _, own in FIELDS.values())

Document = Mapping[str, Any]  # as FiftyOne's database keeps it
Row = dict[str, Any]  # values of COLUMNS


@dataclass(frozen=True, eq=False)
class Pulled:
    """Decisions, and what could not become one.

    Parameters
    ----------
    decisions
        Columns `COLUMNS`, by image key and box.
    notes
        What was done in FiftyOne and is no decision, in words.
    """

    decisions: pd.DataFrame
    notes: tuple[str, ...]


@dataclass
class _Sample:
    """One sample on the way to decisions."""

    document: Document
    written: Written
    said: Row
    untold: Counter[str] = field(default_factory=Counter)

    @property
    def findings(self) -> list[tuple[FindingRecord, list[int]]]:
        """Its findings with their boxes on it."""
        record = self.written.record
        return [(f, list(m)) for f, m in zip(record.findings, record.members, strict=True)]


def pulled(dataset: FiftyOne, *, who: str | None = None) -> Pulled:
    """The decisions that people made in a FiftyOne dataset of curate; nothing in it is changed.

    A tag of a label judges the findings about its box, a tag of a sample those about the picture
    alone; `confirm` where there is no finding says that the box, or the picture, is right. A label
    of another class or place than curate wrote is an `edit`, one that is gone a `drop`.

    Parameters
    ----------
    dataset
        The FiftyOne dataset, as `curate.browse.database.owned` loads it.
    who
        Who decided: FiftyOne does not know.
    """
    wanted = {"tags": 1, "last_modified_at": 1} | dict.fromkeys((*TRUTH_FIELDS, *_PREDICTED), 1)
    notes = written_of(dataset)
    records = {d["_id"]: d["record"] for d in notes.find({}, {"record": 1})}
    documents = samples_of(dataset).find({}, wanted)
    rows: list[Row] = []
    untold: Counter[str] = Counter()
    for document in track(documents, len(records), "samples"):
        record = records.pop(document["_id"], None)
        if record is None:
            untold["samples that curate did not write"] += 1
            continue
        rows += _rows(document, Written(unpacked(record)), who, untold)
    untold["samples were taken out of the dataset: `drop` as a tag says so"] += len(records)
    rows.sort(key=lambda row: (row["image"], row["box_id"] or 0, row["finding_id"] or 0))
    values = {name: [row.get(name) for row in rows] for name in COLUMNS}
    told = [f"{count} {what}" for what, count in sorted((+untold).items())]
    return Pulled(make_table(COLUMNS, len(rows), values), tuple(told))


def _rows(document: Document, written: Written, who: str | None, untold: Counter[str]) -> list[Row]:
    """The decisions of one sample."""
    _, image_id = from_bytes(document["_id"].binary) or (SAMPLE, 0)
    when = document.get("last_modified_at")
    said: Row = {
        "image_id": image_id, "image": written.record.image, "who": who, "source": "fiftyone",
        "when": None if when is None else f"{when.isoformat(timespec='milliseconds')}+00:00",
        "box_id": None, "finding_id": None,
    }  # fmt: skip
    sample = _Sample(document, written, said, untold)
    rows = [*_of_image(sample), *_of_labels(sample), *_of_deleted(sample)]
    n_tags = sum(
        any(_is_verdict(tag) for tag in label.get("tags") or [])
        for _, label in labels_in(document, _PREDICTED)
    )
    untold["predictions are tagged: decisions are about labels"] += n_tags
    # One finding may have several labels of one verdict on a picture.
    unique = {tuple(sorted(row.items(), key=str)): row for row in rows}
    return list(unique.values())


def _is_verdict(tag: str) -> bool:
    return tag == "drop" or tag.startswith(FIX) or tag.partition(":")[0] in JUDGED


def _of_image(sample: _Sample) -> Iterator[Row]:
    """What the tags of the sample itself say."""
    alone = [finding for finding, boxes in sample.findings if not boxes]
    for tag in sample.document.get("tags") or []:
        if tag == "drop":
            yield sample.said | {"subject": "image", "verdict": "drop"}
        elif tag.startswith(FIX):
            sample.untold["tags `fix:` are on pictures: they go on labels"] += 1
        elif tag.partition(":")[0] in JUDGED:
            rows = list(_judged(sample, tag, alone))
            if not rows and tag == "confirm":
                rows = [sample.said | {"subject": "image", "verdict": "confirm"}]
            elif not rows:
                sample.untold[f"tags `{tag}` are on pictures without such a finding"] += 1
            yield from rows


def _judged(sample: _Sample, tag: str, findings: list[FindingRecord]) -> Iterator[Row]:
    """The verdict of a tag on each of some findings, or on those of the check that it names."""
    verdict, _, check = tag.partition(":")
    for finding_id, code, n_members, box_id in findings:
        if not check or check == code:
            yield sample.said | {
                "subject": "finding", "finding_id": finding_id, "check": code,
                "members": n_members, "box_id": box_id, "verdict": verdict,
            }  # fmt: skip


def _of_labels(sample: _Sample) -> Iterator[Row]:
    """What people did to the labels that are there."""
    for _, label in labels_in(sample.document, TRUTH_FIELDS):
        box = sample.written.box_of(label)
        if box is not None:
            yield from _of_label(sample, label, box)
        elif from_bytes(label["_id"].binary) is None:
            sample.untold["labels were drawn in FiftyOne: no decision adds a box"] += 1
        if sample.written.is_redrawn(label):
            sample.untold["outlines or points were moved: a decision moves boxes alone"] += 1


def _of_label(sample: _Sample, label: Document, box: BoxRecord) -> Iterator[Row]:
    on_box = sample.said | {"subject": "box", "box_id": box[0]} | _seen(box)
    about = [finding for finding, boxes in sample.findings if box[0] in boxes]
    for tag in label.get("tags") or []:
        if tag == "drop":
            yield on_box | {"verdict": "drop"}
        elif tag.startswith(FIX) and tag != FIX:
            yield on_box | {"verdict": "fix", "label": tag.removeprefix(FIX)}
        elif _is_verdict(tag):
            rows = list(_judged(sample, tag, about))
            if not rows and tag == "confirm":
                rows = [on_box | {"verdict": "confirm"}]
            elif not rows:
                sample.untold[f"tags `{tag}` are on labels without such a finding"] += 1
            yield from rows
    edit = _edit(sample, label)
    if edit:
        yield on_box | {"verdict": "edit"} | edit


def _edit(sample: _Sample, label: Document) -> Row:
    """What a person edited of a label: its class, its box."""
    found: Row = {}
    if sample.written.is_renamed(label):
        found["label"] = label.get("label")
        if not found["label"]:
            sample.untold["labels have lost their class: a decision names one"] += 1
            found = {}
    if sample.written.is_moved(label):
        found |= dict(zip(EDGES, sample.written.edges_of(label), strict=True))
    return found


def _of_deleted(sample: _Sample) -> Iterator[Row]:
    """A drop of each box whose label is gone."""
    there = {label["_id"] for _, label in labels_in(sample.document, TRUTH_FIELDS)}
    kept = {(from_bytes(own.binary) or (None, 0))[1] for own in there}
    for box_id, box in sample.written.boxes.items():
        if box_id not in kept:
            yield sample.said | {"subject": "box", "box_id": box_id, "verdict": "drop"} | _seen(box)


def _seen(box: BoxRecord) -> Row:
    _, label, edges, _ = box
    return {"seen_label": label} | dict(zip([f"seen_{edge}" for edge in EDGES], edges, strict=True))


def image_ids(view: FiftyOne) -> list[tuple[int, str]]:
    """Image ids and keys of the samples of a FiftyOne view or dataset of curate, in its order."""
    ids, keys = view.values(["image_id", "image_key"])
    return [(int(i, 16), str(k)) for i, k in zip(ids, keys, strict=True) if i is not None]
