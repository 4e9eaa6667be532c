"""Faults found while labels, pictures and waivers are read: code, name, level and manual page.

Codes are for ever: a retired one is never used again. Faults that are found in the finished
tables are checks and live in `curate.checks`, each with its own function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from curate.image_faults import IMAGE_FAULTS
from curate.traps import ULTRALYTICS

Level = Literal["error", "warning", "info"]
LEVELS: tuple[Level, ...] = ("error", "warning", "info")
# Their file is the waivers', relative to where the command runs: no label file, and no baseline
# hides them.
OF_WAIVERS = ("WAI-001", "WAI-002")


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault: its code (`SRC-001`), name, default level and manual page."""

    code: str
    name: str
    level: Level
    page: str


def _kind(code: str, name: str, level: Level, page: str) -> tuple[str, FaultKind]:
    return code, FaultKind(code, name, level, page)


FAULTS: dict[str, FaultKind] = dict(
    [
        *(_kind(*trap) for trap in ULTRALYTICS),
        _kind(
            "SRC-001",
            "record-unreadable",
            "error",
            """A record (a line, an object, an annotation) cannot be read as its format demands:
wrong column count, a number that is none, a key of the wrong type, no box where one is required, a
JSON key that stands twice (decoders keep the last).

Why it hurts: a loader that skips the record trains on an image with a missing object; one that
does not skip it stops. The record stays in the kept source bytes; everything readable of it is in
the table with nulls for the rest.

It cannot tell what the record was meant to say. Repeated keys are looked for in COCO files: in
each record of a list of up to 500, else in those with more or fewer colons than the first, 5,000 at
most.

Pass: `Car 0.00 0 -1.57 599.41 156.40 629.75 189.25 2.85 2.63 12.34 0.47 1.49 69.44 -1.56`
Fail: `Car 0.00 0 -1.57 599.41 156.40 629.75`

Usual mend: correct the line, or export again from the labelling tool.""",
        ),
        _kind(
            "SRC-002",
            "file-unreadable",
            "error",
            """A label file cannot be read at all: broken XML or JSON, an unknown text encoding,
XML with entities or a DTD (refused, since they can read other files or explode).

Why it hurts: its image has unknown labels, which is not the same as no objects. The image is kept
with `label_state = unreadable`.

It cannot tell how many objects the file held.

Usual mend: restore the file from a backup or export it again.""",
        ),
        _kind(
            "SRC-003",
            "columns-repaired",
            "warning",
            """A KITTI line has 14 columns and the types of the columns prove that the occlusion
is the one that is missing (the devkit's own writer prints nothing for 0). It is read as 0.

Why it hurts: a loader that counts columns drops the line, one that does not reads every number
after it as another.

It cannot tell a line that was written so from one that lost its occlusion of 1 to 3.

Source: KITTI object devkit, `writeLabels.m` prints occlusion with `%.d`.

Usual mend: write the file again with all 15 columns.""",
        ),
        _kind(
            "SRC-004",
            "unknown-class",
            "error",
            """A class id or name is not in the source's own list of classes.

Why it hurts: loaders drop the box, or crash, or give it another class. The box is kept with the
source's id as `source_label` and a null `label`.

It cannot tell a wrong id from a list that is not whole.

Usual mend: add the class to the list (`categories`, `--classes FILE`) or correct the id.""",
        ),
        _kind(
            "SRC-005",
            "unknown-image",
            "error",
            """An annotation, a result or a split file names an image that the source does not list.

Why it hurts: the annotation is lost in every loader, mostly without a word.

It cannot tell a wrong reference from an image whose record is gone.

Usual mend: add the image's record, or correct or remove the annotation.""",
        ),
        _kind(
            "SRC-006",
            "duplicate-id",
            "error",
            """Two records of one kind (annotations, images, categories) have the same id.

Why it hurts: loaders that index by id keep only the last one and lose the others.

It cannot tell which of them other files mean by the id.

Usual mend: give the records ids of their own.""",
        ),
        _kind(
            "SRC-007",
            "duplicate-class-name",
            "error",
            """Two classes of one source have the same name under different ids.

Why it hurts: a mapping by name joins them, a mapping by id does not: two tools see two data sets.

It cannot tell whether they are one class or two.

Usual mend: rename one, or join them with an explicit mapping.""",
        ),
        _kind(
            "SRC-008",
            "annotation-id-zero",
            "warning",
            """A COCO annotation has id 0.

Why it hurts: pycocotools' COCOeval uses 0 for "not matched", so that a perfect detection of this
object counts as a miss (one object with id 0: AP50 0.0; with id 1: 1.0; pycocotools 2.0.11).

It cannot tell whether the file will be evaluated: as training labels it does no harm.

Usual mend: number the annotations from 1 before evaluating.""",
        ),
        _kind(
            "SRC-009",
            "class-missing",
            "error",
            """A record has no class: COCO without `category_id`, an empty label in a CSV row,
class -1 in a YOLO row. Make Sense writes these for objects without a class and for objects whose
class was deleted after use.

Why it hurts: loaders crash on it, or take the last class of the list (-1).

It cannot tell which class was meant.

Usual mend: give the object a class in the labelling tool and export again.""",
        ),
        _kind(
            "SRC-010",
            "labels-lost",
            "warning",
            """The source shows that labels were lost before it came here: Make Sense leaves an
empty line in VOC, point and line exports for each object without a class, and joins images of one
stem in YOLO and VOC exports so that only the last one's boxes are left.

Why it hurts: the lost objects are background to a detector, which learns not to see them.

It cannot tell where the lost boxes were; they are not in the file.

Usual mend: give every object a class, give images different names, export again; or use the CSV
export of rectangles, which keeps both.""",
        ),
        _kind(
            "SRC-011",
            "file-name-collides",
            "error",
            """One label file may belong to several images: it is named by a stem that two pictures
share (`pair.jpg`, `pair.png`, or two folders with a `pair.jpg` each). Without
`--size` its boxes have null coordinates.

Why it hurts: the boxes may lie on the wrong picture.

It cannot tell which picture the boxes were drawn on, and without `--images` not that there are
two. Rows of one image name with different sizes are IMG-006.

Usual mend: rename the pictures so that their stems differ, and export again.""",
        ),
        _kind(
            "SRC-012",
            "class-ids-shifted",
            "error",
            """The class ids of a results file run over 0..n-1 (a network's output index) while the
annotation file numbers its classes otherwise (COCO: 80 classes in 1..90).

Why it hurts: read as they stand the ids name other classes (measured on YOLOv5s over coco128:
precision 0.003 instead of 0.735).

It cannot tell a detector of other classes that happen to have these ids: it judges the ids alone.

Usual mend: map the index to the annotation file's ids in the order of its `categories`.""",
        ),
        _kind(
            "SRC-013",
            "section-skipped",
            "info",
            """A part of the source holds nothing that this table can carry (captions, a shape
that is neither box nor polygon, an annotation without any geometry, or a second COCO record of
one object or image: of the same id, class and box, or id, name and size, in two annotation files)
and was left out of it.

Why it hurts: it does not, unless the part was wanted: no check, crop or training sees it. Its bytes
are kept.

It cannot tell whether the part was wanted.

Usual mend: none; else draw the object as a box or polygon.""",
        ),
        _kind(
            "SRC-014",
            "markup-repaired",
            "warning",
            """An XML file is not well-formed and was read line by line: Make Sense writes file and
class names without escaping `&` and `<`.

Why it hurts: every XML parser rejects the file, and loaders that skip such files lose the image.

It cannot tell a name with `&amp;` in it from one that was escaped.

Usual mend: `curate export --to voc` writes it well-formed.""",
        ),
        _kind(
            "SRC-015",
            "image-size-unknown",
            "error",
            """A record is normalised by the image's size, and that size is not known: the picture
was not found. Its box has null coordinates.

Why it hurts: a box without a place trains nothing and is judged by no check.

It cannot tell a picture that was never there from a wrong `--images`.

Usual mend: give the pictures with `--images DIR`, or one size for all with `--size WxH`.""",
        ),
        _kind(
            "SRC-016",
            "box-may-be-distorted",
            "info",
            """Boxes of a Make Sense YOLO export touch the image border. Make Sense fits a box that
sticks out of the image by shrinking it about its centre (and shrinks to nothing one whose centre
is outside), so that an imported box at the border may be smaller than it was.

Why it hurts: a box that shrank about its centre leaves the object on the side inside the image.

It cannot tell a box that was fitted from one that was drawn up to the border.

Usual mend: compare with the VOC or CSV export of the same project, which are not fitted.""",
        ),
        _kind(
            "SRC-017",
            "label-state-unclear",
            "warning",
            """A Make Sense XML file without any object. Make Sense does not export images that were
looked at and found empty: this file comes from objects without a class, so it is no negative.

Why it hurts: taken as a negative, it teaches the detector that its objects are background.

It cannot tell it from a file whose objects were taken out by hand or script afterwards.

Usual mend: give the objects a class and export again.""",
        ),
        _kind(
            "SRC-018",
            "nothing-annotated",
            "info",
            """The source is whole and holds no annotation: Make Sense writes an archive without
members, a table without rows or an empty list when nothing of the chosen type was drawn, and a
detector that found nothing writes an empty list of results.

Why it hurts: such an export names no image either, so that none of them is a negative; and it
looks like the export of the wrong tab or project.

It cannot tell whether there was nothing to draw.

Usual mend: nothing, if that is so; else export again in the tab of the right label type.""",
        ),
        _kind(
            "SRC-019",
            "images-known-by-id",
            "warning",
            """A COCO results file was read without its annotation file: its images and classes are
known by their ids alone, without names or sizes.

Why it hurts: no picture can be joined, no box be found outside its image, and no prediction be
compared with an object. Ids of another annotation file would mean other pictures and classes.

It cannot tell which annotation file the results were made over.

Usual mend: name the annotation file that the results were made over, with `--truth FILE`, or give
both files to `curate ingest`.""",
        ),
        _kind(
            "SRC-020",
            "label-file-skipped",
            "warning",
            """A file stands beside label files, has their ending, and was not read: it is empty, of
another format, or so broken that it was not recognised.

Why it hurts: its labels are missing, and nobody notices: the image counts as one without objects.

It cannot tell whether the file holds labels at all.

Usual mend: look what is in it; give it as a source of its own, mend it, or move it elsewhere.""",
        ),
        _kind(
            "SRC-021",
            "file-not-read",
            "info",
            """Files that could hold labels by their endings (.json, .xml, .txt, .csv) stand apart
from the label files, and nothing was read from them: calibrations, notes, another format.

Why it hurts: labels among them are missing from every count.

It cannot tell labels from anything else.

Usual mend: nothing, when they are no labels; otherwise give their path as a source.""",
        ),
        _kind(
            "SRC-022",
            "decimal-comma",
            "warning",
            """Numbers of a table are written with a comma for their point ("0,25"), as spreadsheets
of many countries do. They are read as what they say.

Why it hurts: other loaders fail on them, or take the digits behind the comma for a column.

It cannot tell a comma that parts thousands ("1,250") from one that stands for the point.

Usual mend: set the spreadsheet to decimal points and save the table again, or write it with
`curate export`.""",
        ),
        _kind(
            "SRC-023",
            "folder-unreadable",
            "error",
            """A folder of the source cannot be listed, or a file in one not be looked at: the right
to do so is missing, its path is too long, or the disk fails.

Why it hurts: all labels in it are missing from every count, and their images count as unlabelled.

It cannot tell whether labels are in it.

Usual mend: give yourself the right to read it (`chmod u+rx`), or move it out of the source.""",
        ),
        _kind(
            "SRC-024",
            "link-not-followed",
            "warning",
            """A symbolic link in the source was not followed: to a folder, wherever that is (its
files could be there twice, or without end); or, with the ending of a label file, to a file outside
of the source or to nothing.

Why it hurts: labels behind it are missing from every count.

It cannot tell what is behind the link: it does not look there.

Usual mend: nothing, when no labels are there; otherwise give what the link leads to as a source of
its own, or put a copy in the link's place.""",
        ),
        _kind(
            "SRC-025",
            "image-name-doubtful",
            "warning",
            """A PASCAL VOC file states no `<filename>`, or that of a picture with another stem than
its own; or pictures of one source are called the same but for case and white space (`a.jpg`,
`A.jpg`, `a .jpg`). The image has the name that is stated, and without one the file's stem.

Why it hurts: loaders that go by the label file's name and those that go by `<filename>` put the
boxes on different pictures; and on Windows and macOS names that differ in case are one file.

It cannot tell which of two names is right.

Usual mend: state in `<filename>` the picture that the label file is named after, and give each
picture a name that differs in more than case and white space.""",
        ),
        *(_kind(*row) for row in IMAGE_FAULTS),
        _kind(
            "WAI-001",
            "waiver-expired",
            "warning",
            """An entry of the waiver file names a last day that is past. What it waived is shown
and counted again.

Why it hurts: a waiver is a loan of time; one that runs on unseen hides a fault for ever.

It cannot tell whether its reason still holds.

Usual mend: mend what it waived and take the entry out; or give it another day, with the reason.""",
        ),
        _kind(
            "WAI-002",
            "waiver-idle",
            "info",
            """An entry of the waiver file fits no finding of this run. Not told where its check did
not run, or its image is of another source.

Why it hurts: it stands ready to hide the next finding that it happens to fit, and a misspelt one
waives nothing that it was meant for.

It cannot tell what was mended from what was misspelt.

Usual mend: take the entry out, or correct what it names.""",
        ),
    ]
)
