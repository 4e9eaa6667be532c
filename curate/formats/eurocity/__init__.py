"""EuroCity Persons (ECP): one JSON file per image, objects as children of a frame.

Specification: Braun, Krebs, Flohr, Gavrila, "EuroCity Persons" (TPAMI 2019), and its published
evaluation code (dataconverter.py, `get_gt_frame`; match.py, `ParamsFactory`):

    {"identity": "frame", "imageheight", "imagewidth", "tags", "children":
      [{"identity", "x0", "y0", "x1", "y1", "tags": ["occluded>40", ...], "children": [...]}]}

The frame may stand inside `@converter` or `seqlist` objects. Corners are 0-based px and half-open:
the evaluation turns inclusive pixel columns into x1 by adding 1 and takes y1 - y0 as the height.
Boxes are drawn to the full extent, occluded or not.

Every child is a row (extent full), those nested in a rider (its vehicle, co-riders) too. `object`
in `boxes.attributes` is the position, `#2`, and `#2.0` is nested in `#2`; `tags` and `orient` are
beside it. Of the tags, `occluded>40` is `occluded` = 40 (percent), `truncated>40` is `truncated` =
0.4 (more than that share), without such a tag both are null; `depiction` is `is_depiction`. Names
that end in `-group` or `-group-far-away` are groups; the far-away ones, which the evaluation does
not count, are ignored. A child with a `score` is a prediction.

On read nothing is lost; the frame's tags stay in the kept bytes. On write into the files that were
read only the bytes of changed values change; what is nested in a removed object goes with it. From
other formats these are lost, each counted: splits, heads and visible boxes, outlines, endings of
names, boxes without class or corners, and all further columns.
"""

from curate.formats.eurocity.read import NAME, claims, extras, gather, may_be
from curate.formats.eurocity.write import write

# It has no word for ignored objects: they are written as any other.
IGNORED_AS = "objects"

__all__ = ["IGNORED_AS", "NAME", "claims", "extras", "gather", "may_be", "write"]
