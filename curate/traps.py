"""Manual pages of what a training loader does to labels without stopping: code, name, level, page.

All that is said of Ultralytics is what its `ultralytics/data/utils.py` does (img2label_paths,
exif_size, verify_image_label; commit 00bfe34). It goes on after each of them.
"""

from __future__ import annotations

from typing import Literal

_SOURCE = "Source: ultralytics/data/utils.py, commit 00bfe34,"

Trap = tuple[str, str, Literal["error", "warning", "info"], str]  # code, name, level, page

ULTRALYTICS: tuple[Trap, ...] = (
    (
        "ULT-001",
        "image-dropped-for-value",
        "error",
        f"""One number of a label file is above 1.01 or below -0.01: the loader leaves out the
whole image, with all its rows. Of polygons their bounds count (centre, width and height); of poses
nothing but x and y of the keypoints may be too large, and any number too small.

Why it hurts: the image trains nothing, and the count of images is all that says so. Older
versions allow no slack: there 1.001 is enough.

Pass: `0 0.5 0.5 0.2 0.2`
Fail: `0 0.5 0.5 1.02 0.2`

It cannot tell pixels from a slip of rounding; the checks of the boxes do that.

{_SOURCE} verify_image_label: `points.max() <= 1.01` and `lb.min() >= -0.01`.

Usual mend: clip the box to the image, or correct the row.""",
    ),
    (
        "ULT-002",
        "image-dropped-for-class",
        "error",
        f"""One class of a label file is negative, or not below the number of names in
data.yaml: the loader leaves out the whole image, with all its rows.

Why it hurts: one wrong row costs the labels of all objects in the picture.

Pass: class 1 of `names: [person, car]`
Fail: class 2 of `names: [person, car]`

It cannot tell a wrong number from a list of names that is too short; without a data.yaml only
negative classes are found.

{_SOURCE} verify_image_label: the largest class is below the number of classes.

Usual mend: correct the number, or add the class to `names`.""",
    ),
    (
        "ULT-003",
        "image-dropped-for-columns",
        "error",
        f"""A label file has rows of lengths that the loader cannot take: it leaves out the
whole image. It wants five columns in each row; where one row has more than six, an odd number in
each (class and points); with `kpt_shape` five and all keypoints. A line of white space alone, with
rows on both sides, is a row of no columns.

Why it hurts: predictions with a score have six columns, so that none of them is trained on.

Pass: `0 0.5 0.5 0.2 0.2`
Fail: `0 0.5 0.5 0.2 0.2 0.87`

It cannot tell a score from a number too many.

{_SOURCE} verify_image_label: "labels require 5 columns".

Usual mend: take the score off the rows, or write all rows of a file in one form.""",
    ),
    (
        "ULT-004",
        "image-dropped-for-text",
        "error",
        f"""A label file is no plain UTF-8 text of numbers: a byte order mark, another encoding,
or a word among the numbers. The loader leaves out the whole image.

Why it hurts: an editor that saves a byte order mark takes the image out of training.

Pass: `0 0.5 0.5 0.2 0.2`
Fail: `car 0.5 0.5 0.2 0.2`

It cannot tell which editor it was.

{_SOURCE} verify_image_label: the file is read as UTF-8 and made an array of float32.

Usual mend: save the file as UTF-8 without byte order mark, with class numbers.""",
    ),
    (
        "ULT-005",
        "box-read-as-polygon",
        "error",
        f"""A row is a box (five columns) in a file where another row is a polygon: one row of
more than six columns makes the loader read all rows of the file as points. The centre and the
sides of the box become two points, and the box that between them.

Why it hurts: the object is trained in a wrong place and size, and nothing is said.

Pass: a file of polygons, or one of boxes
Fail: `0 0.5 0.5 0.2 0.2` above `1 0.1 0.1 0.3 0.1 0.3 0.4`: read as the box from 0.2 to 0.5

It cannot tell which of the two forms was meant for the set.

{_SOURCE} verify_image_label: `any(len(x) > 6 ...)`.

Usual mend: write the box as a polygon of its four corners.""",
    ),
    (
        "ULT-006",
        "prediction-read-as-label",
        "error",
        f"""A row is a prediction with a score and a track (seven columns of a box): the loader
reads it as a polygon, whose last point is made of the score and the number of the track.

Why it hurts: it trains on wrong boxes; where the number is above 1 it leaves out the whole
image, which is ULT-001.

Pass: `0 0.5 0.5 0.2 0.2`
Fail: `0 0.5 0.5 0.2 0.2 0.87 1`

It cannot tell a prediction from a triangle but by what the reader has found for the whole
source.

{_SOURCE} verify_image_label; predictions: `engine/results.py`, save_txt.

Usual mend: keep predictions out of the folder of labels, or take score and track off.""",
    ),
    (
        "ULT-007",
        "duplicate-rows-removed",
        "warning",
        f"""Rows of a file are equal to the loader, which keeps one of them and sorts the rest:
rows of equal numbers (float32), polygons of one class and equal bounds, too.

Why it hurts: little, mostly. Two polygons with one bounding box lose one, and what is numbered
by its row is numbered anew.

Pass: `0 0.5 0.5 0.2 0.2` and `0 0.5 0.5 0.2 0.3`
Fail: `0 0.5 0.5 0.2 0.2` twice

It cannot tell two objects of equal bounds from one that was written twice.

{_SOURCE} verify_image_label: "duplicate labels removed".

Usual mend: remove the copy; `save_txt` appends, so that a second run doubles each row.""",
    ),
    (
        "ULT-008",
        "unlabelled-image-as-background",
        "warning",
        f"""An image has no label file. To the loader it is a picture without any object.

Why it hurts: where nobody has looked yet, every object in it is taught to be background.

Pass: an empty label file, which says that someone looked
Fail: a picture in a split, and no label file

It cannot tell a picture that is empty from one that nobody has labelled.

{_SOURCE} verify_image_label: `label missing` gives no rows.

Usual mend: label it, add an empty file where nothing is there, or take it out of the split.""",
    ),
    (
        "ULT-009",
        "picture-left-out-as-small",
        "error",
        f"""A side of the picture is less than 10 px: the loader leaves it out.

Why it hurts: crops of small objects vanish from a set without a word.

Pass: 10 x 10 px
Fail: 9 x 40 px

It cannot tell anything without `--images`.

{_SOURCE} verify_image_label: "image size <10 pixels".

Usual mend: enlarge the picture, or take it out.""",
    ),
    (
        "ULT-010",
        "picture-turn-unseen",
        "warning",
        f"""A picture is stored on its side (EXIF orientation 5 to 8), and the loader takes the
stored width and height for those of the picture: it heeds 6 and 8 of JPEG files only.

Why it hurts: rectangular batches and the way back to the picture's pixels are made for the
wrong shape.

Pass: a JPEG of orientation 6
Fail: a PNG of orientation 6

It cannot tell anything without `--images`.

{_SOURCE} exif_size.

Usual mend: save the picture upright, without orientation.""",
    ),
    (
        "ULT-011",
        "jpeg-rewritten-in-place",
        "warning",
        f"""The last two bytes of a JPEG are not its end mark: the loader saves the picture anew
over the file, turned upright, with quality 100.

Why it hurts: training changes the set. Checksums, sizes and EXIF data are others afterwards.

Pass: a file that ends in `ff d9`
Fail: the same file with a byte behind it

It cannot tell a picture that was cut off from one with bytes behind its end.

{_SOURCE} verify_image_label: "corrupt JPEG restored and saved".

Usual mend: save the picture anew yourself, and train on a copy that cannot be written.""",
    ),
    (
        "ULT-012",
        "picture-format-left-out",
        "error",
        f"""A picture is of a format that the loader does not take: GIF, PPM or JPEG 2000.

Why it hurts: its labels train nothing.

Pass: BMP, JPEG, PNG, TIFF, WebP
Fail: `a.gif`

It cannot tell anything without `--images`.

{_SOURCE} IMG_FORMATS.

Usual mend: save it as PNG.""",
    ),
    (
        "ULT-013",
        "labels-not-found",
        "error",
        f"""A label file does not lie where the loader looks: in the path of the picture the
last folder `images` becomes `labels`, and the ending `.txt`; without such a folder the file is
looked for beside the picture.

Why it hurts: a label file that is not found is none, and the picture becomes background.

Pass: `images/a/1.jpg` and `labels/a/1.txt`
Fail: `images/a/1.jpg` and `annotations/a/1.txt`

It cannot tell where the set will lie when it is trained on: it judges the folders as they are
now, and nothing without `--images`.

{_SOURCE} img2label_paths.

Usual mend: put labels and pictures into folders `labels` and `images` of the same folders
below.""",
    ),
)
