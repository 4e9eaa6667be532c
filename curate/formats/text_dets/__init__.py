"""Detections as plain text: a line per detection, a file per image or one for all images.

Specification: none; tools' own forms. A file per image, named by the picture's stem, with lines of
six tokens

    class score a b c d

is the form of mean-average-precision tools (rafaelpadilla/review_object_detection_metrics, README,
"text files"; Cartucho/mAP, README). One file for all images, `text-dets-frustum`, is that of
charlesq34/frustum-pointnets (`kitti/rgb_detections`, `kitti/prepare_data.py`, read_det_file):

    path type score x1 y1 x2 y2         type 1 Pedestrian, 2 Car, 3 Cyclist; corners in px

Convention: 0-based px or fractions, continuous edges, upright image (assumed: no file says). What
the four numbers are is not said in the file:

    text-dets-xywh      left, top, width, height in px
    text-dets-xyxy      left, top, right, bottom in px
    text-dets-rel-xywh  centre x, centre y, width, height as fractions of the image (measured: the
                        three forms of one set of 452 detections agree within 3e-4 px this way)

The numbers of the whole source tell it where they can: fractions when all lie in 0..1 and the
boxes in the image; corners when each third number exceeds the first and each fourth the second, in
ten lines or more (of a real set of left-top-width-height 23 % do so by chance), or where sides
would leave a picture whose size is known; sides when a quarter of the lines could be no corners.
Else the reader asks for --from text-dets-KIND.

Read: every box has the origin `detector` and its score as written. Classes that are numbers are
named by --classes FILE or a list beside the files (`curate.formats.class_lists`), else by their
numbers. The images of one file for all are called by the file names of the paths, which are kept as
their source ids.

Lost on read: nothing.

Written: into the files that were read only the bytes of changed values change. From other formats a
file per image is made, with lines `class score x1 y1 x2 y2` in px, every number to its last digit;
fewer than ten lines are read again with --from text-dets-xyxy.

Lost on write: from other formats, each counted in the loss report: boxes without class, corners or
score (a detection has one), images' sizes and splits, folders and endings of names, outlines, the
role of ignored objects, and all further columns.
"""

from curate.formats.declared import Format
from curate.formats.text_dets.read import (
    KINDS,
    NAME,
    claims,
    extras,
    gather,
    kind_of,
    may_be,
)
from curate.formats.text_dets.write import IGNORED_AS, write

__all__ = [
    "FORMAT",
    "IGNORED_AS",
    "KINDS",
    "NAME",
    "claims",
    "extras",
    "gather",
    "kind_of",
    "may_be",
    "write",
]

FORMAT = Format(
    images=("source_id",),
    boxes=("score", "attributes", "source_id"),
    written=("boxes", "class", "score"),
)
