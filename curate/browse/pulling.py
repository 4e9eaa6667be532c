"""What people decided in FiftyOne: their tags, edits and deletions as rows of decisions.

Tags say what holds of a label or a picture: `confirm`, `false-alarm`, `drop`, `fix:<class>`; of
one check alone `confirm:BOX-002` and `false-alarm:BOX-002`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from curate.browse.changes import TRUTH_FIELDS, Written, labels_in, written_in
from curate.browse.database import FiftyOne, database_faults, lost_fields, samples_of, written_of
from curate.browse.ids import SAMPLE, from_bytes
from curate.browse.labels import FIELDS
from curate.browse.records import BoxRecord, FindingRecord
from curate.progress import track
from curate.review.decisions import DECISION_COLUMNS, EDGES, SEEN, decisions_table

JUDGED = ("confirm", "false-alarm")
FIX = "fix:"
_PREDICTED = tuple(own for _, own in FIELDS.values())

Document = Mapping[str, Any]  # as FiftyOne's database keeps it
Row = dict[str, Any]  # values of DECISION_COLUMNS


@dataclass(frozen=True, eq=False)
class Pulled:
    """Decisions, and what could not become one.

    Parameters
    ----------
    decisions
        Columns `DECISION_COLUMNS`, by image key and box.
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


@database_faults()
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
    records = {d["_id"]: d for d in notes.find({}, {"record": 1, "lost": 1})}
    lost = lost_fields(dataset)
    documents = samples_of(dataset).find({}, wanted)
    rows: list[Row] = []
    untold: Counter[str] = Counter()
    for document in track(documents, len(records), "samples"):
        note = records.pop(document["_id"], None)
        if note is None:
            untold["samples that curate did not write"] += 1
            continue
        written = written_in(note)
        rows += _rows(document, replace(written, lost=written.lost.union(lost)), who, untold)
    untold["samples were taken out of the dataset: `drop` as a tag says so"] += len(records)
    rows.sort(key=lambda row: (row["image"], row["box_id"] or 0, row["finding_id"] or 0))
    values = {name: [row.get(name) for row in rows] for name in DECISION_COLUMNS}
    told = [f"{count} {what}" for what, count in sorted((+untold).items())]
    return Pulled(decisions_table(len(rows), values), tuple(told))


def did_people_decide(document: Document, written: Written) -> bool:
    """Whether people did to a sample what is a decision, or what is told to be none."""
    untold: Counter[str] = Counter()
    rows = _rows(document, written, None, untold)
    # Of a sample that has lost a field it is told so, which nobody did to it by itself.
    return bool(rows or (+untold and not written.lost))


def _rows(document: Document, written: Written, who: str | None, untold: Counter[str]) -> list[Row]:
    """The decisions of one sample."""
    _, image_id = from_bytes(document["_id"].binary) or (SAMPLE, 0)
    when = document.get("last_modified_at")
    said: Row = {
        "image_id": image_id, "image": written.record.image, "who": who, "source": "fiftyone",
        "when": None if when is None else _time(when),
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


def _time(when: datetime) -> str:
    """ISO 8601, UTC. FiftyOne gives times of UTC without an offset, or of the zone it is set to."""
    own = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return own.isoformat(timespec="milliseconds")


def _is_verdict(tag: str) -> bool:
    return tag == "drop" or tag.startswith(FIX) or tag.partition(":")[0] in JUDGED


def _verdicts_of(document: Document) -> list[str]:
    """The tags of a sample or a label that say a verdict."""
    return [tag for tag in document.get("tags") or [] if _is_verdict(tag)]


def _of_image(sample: _Sample) -> Iterator[Row]:
    """What the tags of the sample itself say."""
    tags = _verdicts_of(sample.document)
    alone = [finding for finding, boxes in sample.findings if not boxes]
    if "drop" in tags:
        yield sample.said | {"subject": "image", "verdict": "drop"}
    elif "confirm" in tags and not alone:
        yield sample.said | {"subject": "image", "verdict": "confirm"}
    if any(tag.startswith(FIX) for tag in tags):
        sample.untold["tags `fix:` are on pictures: they go on labels"] += 1
    yield from _judged(sample, tags, alone, "pictures")


def _judged(
    sample: _Sample, tags: list[str], findings: list[FindingRecord], what: str
) -> Iterator[Row]:
    """The verdict of tags on each of some findings: a tag that names the check goes before."""
    for finding_id, code, n_members, box_id in findings:
        own = {tag for tag in tags if tag in {f"{verdict}:{code}" for verdict in JUDGED}}
        own = own or {tag for tag in tags if tag in JUDGED}
        if len(own) > 1:
            sample.untold[f"findings on {what} have two verdicts: take one of the tags off"] += 1
        for tag in own if len(own) == 1 else ():
            yield sample.said | {
                "subject": "finding", "finding_id": finding_id, "check": code,
                "members": n_members, "box_id": box_id, "verdict": tag.partition(":")[0],
            }  # fmt: skip
    codes = {finding[1] for finding in findings}
    for tag in tags:
        verdict, _, check = tag.partition(":")
        is_idle = check not in codes if check else tag == "false-alarm" and not findings
        if verdict in JUDGED and is_idle:
            sample.untold[f"tags `{tag}` are on {what} without such a finding"] += 1


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
    tags = _verdicts_of(label)
    about = [finding for finding, boxes in sample.findings if box[0] in boxes]
    yield from _judged(sample, tags, about, "labels")
    on_box = sample.said | {"subject": "box", "box_id": box[0]} | _seen(box)
    change = _change(sample, label, tags)
    if change:
        yield on_box | change
    elif change is not None and "confirm" in tags and not about:
        yield on_box | {"verdict": "confirm"}


def _change(sample: _Sample, label: Document, tags: list[str]) -> Row | None:
    """What shall become of a label's box: one row, so that no part overrules another.

    Empty where nothing shall; None where tags and edits differ, which is told.
    """
    edit = _edit(sample, label)
    classes = {tag.removeprefix(FIX).strip() for tag in tags if tag.startswith(FIX)}
    if "" in classes:
        sample.untold["tags `fix:` name no class"] += 1
        classes.remove("")
    classes |= {edit["label"]} if "label" in edit else set()
    if len(classes) > 1 or ("drop" in tags and (classes or edit)):
        sample.untold["labels have tags or edits of which one excludes the other: leave one"] += 1
        return None
    if "drop" in tags:
        return {"verdict": "drop"}
    named: Row = {"label": classes.pop()} if classes else {}
    if edit:
        return {"verdict": "edit"} | edit | named
    return {"verdict": "fix"} | named if named else {}


def _edit(sample: _Sample, label: Document) -> Row:
    """What a person edited of a label: its class, its box."""
    found: Row = {}
    if sample.written.is_renamed(label):
        if label.get("label"):
            found["label"] = label["label"]
        else:
            sample.untold["labels have lost their class: a decision names one"] += 1
    if sample.written.is_moved(label):
        edges = sample.written.edges_of(label)
        if edges is None:
            sample.untold["labels have a box without width or height: draw it anew"] += 1
        else:
            found |= dict(zip(EDGES, edges, strict=True))
    return found


def _of_deleted(sample: _Sample) -> Iterator[Row]:
    """A drop of each box whose label is gone; none where a whole field of labels is."""
    if sample.written.lost.intersection(TRUTH_FIELDS):
        sample.untold[
            "samples have lost a field of labels, which is no decision: `curate browse` writes it"
        ] += 1
        return
    there = {label["_id"] for _, label in labels_in(sample.document, TRUTH_FIELDS)}
    kept = {(from_bytes(own.binary) or (None, 0))[1] for own in there}
    for box_id, box in sample.written.boxes.items():
        if box_id not in kept:
            yield sample.said | {"subject": "box", "box_id": box_id, "verdict": "drop"} | _seen(box)


def _seen(box: BoxRecord) -> Row:
    _, label, edges, _ = box
    return dict(zip(SEEN, (label, *edges), strict=True))


def image_ids(view: FiftyOne) -> list[tuple[int, str]]:
    """Image ids and keys of the samples of a FiftyOne view or dataset of curate, in its order."""
    ids, keys = view.values(["image_id", "image_key"])
    return [(int(i, 16), str(k)) for i, k in zip(ids, keys, strict=True) if i is not None]
