"""Ultralytics YOLO labels, and darknet's: a text file per picture, a row per object.

Specification: Ultralytics docs (docs.ultralytics.com/datasets), datasets/detect, datasets/segment,
datasets/pose, datasets/obb; their `data/utils.py` (img2label_paths, verify_image_label,
check_det_dataset) and `engine/results.py` (save_txt), version 8.3; darknet's README ("how to
train"). Rows are

    class cx cy w h                     detect
    class x1 y1 ... xn yn               segment: a polygon of three points or more
    class cx cy w h (px py [v])*        pose: `kpt_shape` of data.yaml says how many
    class x1 y1 x2 y2 x3 y3 x4 y4       obb: the corners of a box that is turned

and behind them, in a prediction, its score, the number of its track, or both. A picture of
`images/a/b.jpg` has its labels in `labels/a/b.txt`, else in the same folder. data.yaml names the
classes and the splits, darknet's obj.data and obj.names do, else `classes.txt` or `labels.txt`.

Kinds of one length (a polygon of four points and a turned box) are told apart by data.yaml (`task`,
`kpt_shape`), by --from yolo-KIND, or where the rows leave no doubt; else reading ends with the
question.

Convention: fractions, 0 at the first and 1 at the last edge, upright image. 0-based and continuous:
x1 = (cx - w / 2) * width. The image's size is in no file: --images or --size gives it. A polygon's
and a turned box's edges are the bounds of its points; `angle_deg` is the turn of a turned box,
clockwise, in [0, 90), null where the corners are no rectangle within 1 px.

Read: an image's name is its label file's path without `labels/` and ending, or what a list of
pictures says. A listed picture without a label file has the state `missing`, one with an empty file
`empty`; Ultralytics itself takes both for pictures without objects. Predictions have the origin
`detector`, with the name of the run's folder in `attributes`.

Lost on read: nothing. Points, keypoints and corners stay in the source bytes (`extras`,
`outlines`), as do further keys of data.yaml.

Written: into the files that were read only the changed bytes change; the yaml and the lists of
classes stay as they are. From other formats `labels/<split>/` and data.yaml are made, pictures are
not copied; fractions have six to twelve decimals. Polygons are written when all boxes have one,
turned boxes and masks as boxes. With `--kind KIND` all rows are made anew and of that kind: turned
boxes as the corners of their outline or of their bounds and angle, what has no outline as the
corners of its box, poses with COCO's keypoints as these are stated. Ultralytics demands the splits
train and val; only those that the images have are written.

Lost on write: ignored objects and groups have no place in a row: the export has to be told what to
do with them (`curate.formats.ignored`). From other formats, each counted in the loss report: image
sizes, endings of names, images of unknown size, boxes without class or corners, ids, and all
further columns.
"""

from curate.formats.declared import Format
from curate.formats.yolo.beside import extras, keypoints, outlines
from curate.formats.yolo.kinds import KINDS
from curate.formats.yolo.read import NAME, gather
from curate.formats.yolo.sniff import claims, may_be
from curate.formats.yolo.write import IGNORED_AS, WRITTEN_KINDS, picture_paths, write

__all__ = [
    "FORMAT",
    "IGNORED_AS",
    "KINDS",
    "NAME",
    "WRITTEN_KINDS",
    "claims",
    "extras",
    "gather",
    "keypoints",
    "may_be",
    "outlines",
    "picture_paths",
    "write",
]

FORMAT = Format(
    images=("split",),
    boxes=("angle_deg", "score", "track_id", "attributes", "source_id"),
    shapes=("box", "rotated", "polygon"),
    kept=("keypoints",),
    is_relative=True,
    written=("boxes", "class", "score", "polygons"),
)
