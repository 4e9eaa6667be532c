"""KITTI object labels: a text file per image, a line per object, 15 columns (16 with a score).

Specification: KITTI object development kit (Geiger, Lenz, Urtasun; readme.txt, `readLabels.m`,
`writeLabels.m`, 2012-2017; cvlibs.net/datasets/kitti). The columns are

    type truncated occluded alpha left top right bottom height width length x y z rotation_y [score]

Convention: 0-based px, continuous edges, upright image (pictures are video frames). Corners are
taken as they are: x1 = left, y1 = top, x2 = right, y2 = bottom.

Read: a file of 16 columns beside the label file of its stem (`results/data/` beside `label_2/`)
holds predictions on that file's image. A line of 14 columns lacks its occlusion, since
`writeLabels.m` prints nothing for 0: it is read as 0 when the types of the columns prove that.
`DontCare` has the role `ignore`. Alpha, dimensions (height, width, length in m), location (m,
camera frame) and rotation_y are in `boxes.attributes`, the unset ones (-10, -1, -1000) left out.
KITTI tracking (17 or 18 columns) and detectors' comma text are other formats.

Lost on read: nothing.

Written: into the files that were read only the changed bytes change. From other formats
`label_2/*.txt` are made, coordinates rounded to 0.01 px (the format's precision, an error of at
most 0.005 px).

Lost on write: from other formats, each counted in the loss report: image sizes and endings of their
names, outlines, points, lines, tags, boxes without class or corners, ids, the class of ignored
boxes, and all further columns.
"""

from curate.formats.declared import Format
from curate.formats.kitti.read import NAME, claims, extras, gather, may_be
from curate.formats.kitti.write import write

__all__ = ["FORMAT", "NAME", "claims", "extras", "gather", "may_be", "write"]

FORMAT = Format(
    images=("split",),
    boxes=("score", "occluded", "truncated", "attributes", "source_id"),
    roles=("include", "ignore"),
    written=("boxes", "class", "score", "ignore regions"),
)
