"""CVAT XML 1.1: one `annotations.xml` for all images of a task, or for the tracks of a video.

Specification: CVAT documentation, "XML annotation format", version 1.1 (docs.cvat.ai), and its
"CVAT for images" and "CVAT for video" exports.

Convention: 0-based px, continuous edges, upright image (assumed: the specification does not say).
The edges of `<box>` are taken as they are (x1 = xtl, y1 = ytl, x2 = xbr, y2 = ybr). `rotation` is
in degrees, clockwise, about the centre of the box: the row is then of shape `rotated`, with the
bounds of the turned box. Polygons, masks, ellipses and cuboids have their bounds in the table, and
a skeleton is a box with the bounds of its labelled points.

Read: each shape of a `<track>` is a box of its frame with the track's id; one that is marked
`outside` (the object has left the picture) has the role `exclude`. Positions between the frames
that are listed are not made up. A frame without an `<image>` is called `frame_000012`, as the
pictures of a video export are. An image without shapes is `empty`: it was part of the task.
`source` auto gives the origin `detector`, file `import`, all else `human`. z_order, group_id,
source, keyframe and all `<attribute>` texts are in `boxes.attributes`. `keypoints` gives the points
of a skeleton with COCO's visibility: 0 for outside, 1 for occluded, else 2; one of which all points
are outside has the role `exclude`.

Lost on read: nothing; outlines, the further points of `<points>` and `<polyline>`, the points of
skeletons and the task's own data stay in the kept bytes and are counted by `extras`.

Written: into the files that were read only the changed bytes change. From other formats
`annotations.xml` is made.

Lost on write: from other formats, each counted in the loss report: rotation and outlines (written
as boxes), boxes without class or corners, scores, ids, roles, tracks, attributes that are no texts,
and all further columns.
"""

from curate.formats.cvat.read import NAME, claims, extras, gather, keypoints, may_be, outlines
from curate.formats.cvat.write import write
from curate.formats.declared import SIZES, Format

__all__ = [
    "FORMAT",
    "IGNORED_AS",
    "NAME",
    "claims",
    "extras",
    "gather",
    "keypoints",
    "may_be",
    "outlines",
    "write",
]

FORMAT = Format(
    images=(*SIZES, "split", "group", "frame", "source_id"),
    boxes=("angle_deg", "occluded", "track_id", "attributes", "source_id"),
    shapes=("box", "rotated", "polygon", "mask", "line", "point", "tag"),
    roles=("include", "exclude"),
    kept=("keypoints",),
    written=("boxes", "class", "attributes", "image size"),
)

# It has no word for ignored objects: they are written as any other.
IGNORED_AS = "objects"
