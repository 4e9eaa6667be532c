"""Caltech Pedestrian in its text form: `bbGt` files, one per frame.

Specification: Piotr's Toolbox (pdollar.github.io/toolbox), `detector/bbGt.m` (bbSave, bbLoad), and
the Caltech Pedestrian code, `vbb.m` (vbbToFiles). A file begins with `% bbGt version=3`; a line is

    label x y w h occluded vx vy vw vh ignore angle

without the angle in version 2, without ignore and angle in versions 0 and 1.

Convention: 1-based px, x2 = x1 + width, upright image (pictures are video frames). The toolbox's
functions (bbApply, random and embed) let x run from 1 to the width and end a box at x + w - 1, so
that x1 = x - 1 and x2 = x1 + w. (For boxes that are no whole numbers the toolbox also says that
pixel 1 begins at 0.5, and public converters to other formats take the numbers as they are, which
puts boxes 1 px to the right and down.)

Read: `x y w h` is a row of extent full, `vx vy vw vh` one of extent visible unless it is 0 0 0 0,
which means that no visible part was marked. `object` in `boxes.attributes` joins them: `#` and the
line. `people` is a group; `ignore` as flag or label is the role ignore. An angle other than 0 makes
the full box `rotated`: clockwise about its centre, x1 to y2 being those before it is turned.

The name of an image is the path of its file; `set00/V000/I00029` or `set00_V000_I00029` gives the
video in `group` and 29 in `frame`. `curate.formats.caltech.vbb` reads whole videos.

Lost on read: nothing.

Written: into the files that were read only the bytes of changed values change. From other formats
(the forms of vbb among them) files are made with coordinates rounded to whole px, as bbSave does.

Lost on write: from other formats, each counted in the loss report: image sizes, splits, endings of
names, heads, tracks, outlines, boxes without class or corners, and all further columns.
"""

from curate.formats.caltech.read import NAME, claims, extras, gather, may_be, outlines
from curate.formats.caltech.write import write
from curate.formats.declared import Format

__all__ = ["FORMAT", "NAME", "claims", "extras", "gather", "may_be", "outlines", "write"]

FORMAT = Format(
    images=("group", "frame"),
    boxes=("angle_deg", "extent", "is_group", "occluded", "attributes", "source_id"),
    shapes=("box", "rotated"),
    roles=("include", "ignore"),
    written=("boxes", "class", "rotation", "ignore regions"),
)
