"""KITTI tracking: labels and results, a text file per sequence, 17 columns (18 with a score).

Specification: KITTI tracking development kit (Geiger, Lenz, Urtasun; readme.txt, 2012-2013;
cvlibs.net/datasets/kitti) and TrackEval (docs/KITTI-format.txt). The columns, separated by spaces,
are

    frame track_id type truncated occluded alpha left top right bottom height width length x y z
    rotation_y [score]

and a file is named after its sequence. Also read: 3D detections as trackers take them (AB3DMOT,
data/KITTI/detection), a file per sequence and class with 15 columns between commas, `frame type x1
y1 x2 y2 score h w l x y z rotation_y alpha`, type 1 Pedestrian, 2 Car, 3 Cyclist.

Convention: 0-based px, continuous edges, upright image (pictures are video frames). Corners are
taken as they are; frames and ids count from 0.

Read: `truncated` is a grade (0, 1, 2): read as 0.0 or 1.0, a 2 also stands in
`attributes.truncation`. `DontCare` has the role `ignore` and no track (-1). Files with a score are
results: `detector` boxes. All files of one name are one sequence and share its images,
`image_02/<sequence>/000000.png` and so on; a frame is an image when a line names it. Alpha,
dimensions (height, width, length in m), location (m, camera frame) and rotation_y are in
`attributes`, the unset ones left out, and so is the name of the results' folder, as `detector`.

Lost on read: nothing.

Written: into the files that were read only the changed bytes change. From other formats
`label_02/<sequence>.txt` and `results/<detector>/<sequence>.txt` are made, numbers exactly; without
a detector's name that a folder can have, `results/<sequence>.txt`.

Lost on write: from other formats, each counted in the loss report: images without a frame number,
images without boxes, image sizes and names, outlines, boxes without class or corners, ids, the
class of ignored boxes, and all further columns.
"""

from curate.formats.declared import Format
from curate.formats.kitti_tracking.read import NAME, claims, extras, gather, may_be
from curate.formats.kitti_tracking.write import write

__all__ = ["FORMAT", "NAME", "claims", "extras", "gather", "may_be", "write"]

FORMAT = Format(
    images=("group", "frame"),
    boxes=("score", "occluded", "truncated", "track_id", "attributes", "source_id"),
    roles=("include", "ignore"),
    written=("boxes", "class", "score", "tracks", "ignore regions"),
)
