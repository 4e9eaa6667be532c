"""Image-level labels of Open Images: which classes people verified on an image."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from curate.assembly import Fault
from curate.errors import quote
from curate.formats.csv_rows import number
from curate.formats.open_images.table import open_table
from curate.formats.reading import Files

# `train-annotations-human-imagelabels-boxable.csv`, and what FiftyOne calls it.
_NAME = re.compile(r".*human-imagelabels.*\.csv|classifications\.csv", re.IGNORECASE)
_COLUMNS = ("imageid", "labelname", "confidence")
_MACHINE = "machine"
_CORRECT = "correct the row, or download the table again"


@dataclass
class Verified:
    """The LabelNames verified on each image by ImageID, the tables' bytes, and faults.

    Present or absent, these are the classes that the challenge's evaluation judges on an image
    (storage.googleapis.com/openimages/web/evaluation.html): others may be there without a box.
    """

    tokens: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    kept: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def exhaustive(self, image_ids: Sequence[str], names: Mapping[str, str]) -> list[str | None]:
        """Per image the JSON list of its verified classes, sorted; None when none is stated.

        Rows of images that are not among these are counted in a fault.
        """
        others = self.tokens.keys() - {*image_ids}
        n_others = sum(len(self.tokens[image]) for image in others)
        if n_others:
            what = f"{n_others} verified classes are of images without a box, and were left out"
            mend = "nothing: their bytes are kept"
            self.faults.append(Fault("SRC-013", what, mend, min(self.kept)))
        found: list[str | None] = []
        for image in image_ids:
            own = sorted({names.get(token) or token for token in self.tokens.get(image, ())})
            found.append(json.dumps(own, ensure_ascii=False) if own else None)
        return found


def read_verified(files: Files, tables: Sequence[str]) -> Verified:
    """The classes verified by tables of image-level labels beside the boxes' or above them."""
    verified = Verified()
    homes = {place for name in tables for place in PurePosixPath(name).parents}
    for file in files.files:
        path = PurePosixPath(file)
        if path.parent in homes and _NAME.fullmatch(path.name) and file not in tables:
            _read_file(verified, files, file)
    return verified


def _read_file(verified: Verified, files: Files, file: str) -> None:
    opened = open_table(files, file, _COLUMNS, verified.kept, verified.faults)
    if opened is None:
        return
    table, header = opened
    image_at, label_at, confidence_at = map(header.index, _COLUMNS)
    source_at = header.index("source") if "source" in header else None
    for record in table.records:
        fields = record.fields
        if fields is None or len(fields) != len(header):
            what = f"is no row of {len(header)} fields, should be as the header"
            _tell(verified, what, file, record.line)
        elif source_at is not None and fields[source_at] == _MACHINE:
            # A classifier's word: nobody verified it.
            continue
        elif number(fields[confidence_at]) in (0, 1):
            verified.tokens[fields[image_at]].add(fields[label_at])
        else:
            stated = quote(fields[confidence_at])
            what = f"has confidence {stated}, should be 1 (verified there) or 0 (verified absent)"
            _tell(verified, what, file, record.line)


def _tell(verified: Verified, what: str, file: str, line: int) -> None:
    verified.faults.append(Fault("SRC-001", what, _CORRECT, file, line, str(line)))
