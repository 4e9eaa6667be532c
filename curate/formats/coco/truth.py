"""The annotation files that COCO results were made over, and which of several fits them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.assembly import Gathered
from curate.errors import Place, SourceError, UsageError, quote
from curate.formats.coco.annotations import read_annotations
from curate.formats.coco.lookup import RowOf
from curate.formats.coco.rows import FileRows
from curate.formats.coco.several import document_of, put_together
from curate.sources import Body

Id = int | str
_NAME_ONE = "name the one that the results were made over with --truth FILE"


@dataclass(frozen=True)
class Truth:
    """Annotation files: the rows of all of them, and each as a file of its own over these rows."""

    rows: Gathered
    files: dict[str, FileRows]

    def over(self, image_ids: Collection[Id], results: str) -> FileRows:
        """The images and classes that results of these image ids were made over.

        They are those of the files that list all ids. Where none does, results of several files
        were joined, and they are those of the files that list any.

        Raises
        ------
        UsageError
            When none of several files lists any of the ids, or an id means different images, or a
            class id different classes, in those that fit.
        """
        if len(self.files) == 1:
            return next(iter(self.files.values()))
        ids = set(image_ids)
        fitting = {f: rows for f, rows in self.files.items() if ids <= rows.image_row.keys()}
        fitting = fitting or {f: r for f, r in self.files.items() if ids & r.image_row.keys()}
        if not fitting:
            raise UsageError(
                f"none of its image ids is in any of {len(self.files)} annotation files "
                f"({_listed(self.files)})",
                place=Place(results),
                mend=_NAME_ONE,
            )
        joined = FileRows(self.rows.n_images, images=self.rows.images)
        # The longest list of classes first: its order is what an index counts in.
        for rows in sorted(fitting.values(), key=lambda rows: -len(rows.class_name)):
            own = {key: row for key, row in rows.image_row.items() if key in ids}
            same_classes = not _differ(joined.class_name, rows.class_name)
            if ids and (_differ(joined.image_row, own) or not same_classes):
                raise UsageError(
                    f"its image ids fit {len(fitting)} annotation files that give them, or class "
                    f"ids, different meanings ({_listed(fitting)})",
                    place=Place(results),
                    mend=_NAME_ONE,
                )
            joined.image_row |= own
            joined.class_name |= {**rows.class_name, **joined.class_name}
        return joined


def _differ(one: Mapping[Id, Any], other: Mapping[Id, Any]) -> bool:  # rows or names
    return any(one[key] != other[key] for key in one.keys() & other.keys())


def _listed(files: Collection[str]) -> str:
    return ", ".join(map(quote, list(files)[:3])) + (", …" if len(files) > 3 else "")


def read_truth(truth: Sequence[tuple[str, Body]], gathered: Gathered) -> Truth:
    """The rows of the annotation files; their classes, and unreadable files, go to `gathered`.

    Raises
    ------
    SourceError
        When they list no image.
    """
    own = Gathered(0, 0, {}, {})
    parts = []
    for file, body in truth:
        document = document_of(body, file, own)
        if document is not None:
            parts.append(read_annotations(document, file))
    broken = list(own.faults)
    placed = put_together(parts, own)
    if not own.n_images:
        if broken:
            place = Place(broken[0].file, broken[0].line)
            raise SourceError(broken[0].message, place=place, mend=broken[0].mend)
        raise SourceError(
            "lists no image, should be a COCO annotation file",
            place=Place(truth[0][0]),
            mend="name the annotation file that the results were made over",
        )
    gathered.faults += broken
    gathered.classes += own.classes
    files = {}
    for part, rows in placed:
        at = rows.tolist()
        image_row = RowOf({key: at[row] for key, row in part.image_row.items()})
        files[part.file] = FileRows(
            own.n_images, images=own.images, image_row=image_row, class_name=part.class_name
        )
    return Truth(own, files)
