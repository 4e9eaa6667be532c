"""CVAT XML 1.1: one `annotations.xml` for all images of a task, or for the tracks of a video.

Specification: CVAT documentation, "XML annotation format", version 1.1 (docs.cvat.ai), and its
"CVAT for images" and "CVAT for video" exports. Coordinates are 0-based continuous px: the edges of
`<box>` are taken as they are (x1 = xtl, y1 = ytl, x2 = xbr, y2 = ybr). `rotation` is in degrees,
clockwise, about the centre of the box: the row is then of shape `rotated`, with the bounds of the
turned box. Polygons, masks, ellipses and cuboids have their bounds in the table.

Each shape of a `<track>` is a box of its frame with the track's id; one that is marked `outside`
(the object has left the picture) has the role `exclude`. Positions between the frames that are
listed are not made up. A frame without an `<image>` is called `frame_000012`, as the pictures of a
video export are. An image without shapes is `empty`: it was part of the task. `source` auto gives
the origin `detector`, file `import`, all else `human`.

On read nothing is lost: outlines, the further points of `<points>` and `<polyline>`, skeletons and
the task's own data stay in the kept bytes and are counted by `extras`; z_order, group_id, source,
keyframe and all `<attribute>` texts are in `boxes.attributes`.

On write to CVAT from CVAT only the changed bytes change. From other formats these are lost, each
counted in the loss report: rotation and outlines (written as boxes), boxes without class or
corners, scores, ids, roles, tracks, attributes that are no texts, and all further columns.
"""

from curate.formats.cvat.read import NAME, claims, extras, gather, may_be, outlines
from curate.formats.cvat.write import write

# It has no word for ignored objects: they are written as any other.
IGNORED_AS = "objects"

__all__ = ["IGNORED_AS", "NAME", "claims", "extras", "gather", "may_be", "outlines", "write"]
