"""PASCAL VOC: one XML file per image, and the lists of `ImageSets/Main`.

Specification: PASCAL VOC2012 development kit (Everingham, Winn), annotation format and
`PASreadrecord.m` (host.robots.ox.ac.uk/pascal/VOC/voc2012); detectron2's `pascal_voc.py` for the
conversion.

Convention: 1-based px, inclusive corners, upright image (assumed: the specification does not say).
A box on the whole image is 1 1 W H: x1 = xmin - 1, y1 = ymin - 1, x2 = xmax, y2 = ymax. Numbers
with a fraction are taken as they are.

Read: `object/bndbox` alone is the box, never a part's. `difficult` gives role `ignore`, since VOC's
own evaluation counts such an object neither as found nor as missed. Pose, actions and other simple
elements are in `boxes.attributes` as text. Make Sense writes XML of this look with 0-based edges:
it has a reader of its own, and is refused here by `claims`.

Lost on read: nothing. Parts, points and elements of a deeper kind stay in the kept bytes and are
counted by `extras`.

Written: into the files that were read only the changed bytes change. From other formats
`Annotations/*.xml` and the lists of `ImageSets/Main` are made.

Lost on write: from other formats, each counted in the loss report: outlines, points, lines, tags,
boxes without class or corners, ids, scores, grades and shares of occlusion and truncation (VOC has
flags), and all further columns.
"""

from curate.formats.declared import SIZES, Format
from curate.formats.voc.read import NAME, claims, extras, gather
from curate.formats.voc.write import write

__all__ = ["FORMAT", "NAME", "claims", "extras", "gather", "write"]

FORMAT = Format(
    images=(*SIZES, "split"),
    boxes=("occluded", "truncated", "difficult", "attributes", "source_id"),
    roles=("include", "ignore"),
    written=("boxes", "class", "ignore regions", "image size"),
)
