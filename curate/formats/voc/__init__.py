"""PASCAL VOC: one XML file per image, and the lists of `ImageSets/Main`.

Specification: PASCAL VOC2012 development kit (Everingham, Winn), annotation format and
`PASreadrecord.m`; detectron2's `pascal_voc.py` for the conversion. Corners are 1-based and
inclusive, so that a box on the whole image is 1 1 W H: x1 = xmin - 1, y1 = ymin - 1, x2 = xmax,
y2 = ymax. Numbers with a fraction are taken as they are.

On read nothing is lost: parts, points and elements of a deeper kind stay in the kept bytes and are
counted by `extras`; pose, actions and other simple elements are in `boxes.attributes` as text.
`object/bndbox` alone is the box, never a part's. `difficult` gives role `ignore`, since VOC's own
evaluation counts such an object neither as found nor as missed.

On write to VOC from VOC only the changed bytes change. From other formats these are lost, each
counted in the loss report: outlines, points, lines, tags, boxes without class or corners, ids,
scores, grades and shares of occlusion and truncation (VOC has flags), and all further columns.

Make Sense writes XML of this look with 0-based edges: it has a reader of its own, and is refused
here by `claims`.
"""

from curate.formats.voc.read import NAME, claims, extras, gather
from curate.formats.voc.write import write

__all__ = ["NAME", "claims", "extras", "gather", "write"]
