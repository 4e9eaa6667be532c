"""EuroCity Persons (ECP): one JSON file per image, objects as children of a frame.

Specification: Braun, Krebs, Flohr, Gavrila, "EuroCity Persons" (TPAMI 2019, arXiv 1805.07193), and
its published evaluation code (dataconverter.py, `get_gt_frame`; match.py, `ParamsFactory`):

    {"identity": "frame", "imageheight", "imagewidth", "tags", "children":
      [{"identity", "x0", "y0", "x1", "y1", "tags": ["occluded>40", ...], "children": [...]}]}

The frame may stand inside `@converter` or `seqlist` objects.

Convention: 0-based px, half-open corners, upright image (pictures are video frames). The evaluation
turns inclusive pixel columns into x1 by adding 1 and takes y1 - y0 as the height.

Read: boxes are drawn to the full extent, occluded or not. Every child is a row (extent full), those
nested in a rider (its vehicle, co-riders) too. `object` in `boxes.attributes` is the position,
`#2`, and `#2.0` is nested in `#2`; `tags` and `orient` are beside it. Of the tags, `occluded>40` is
`occluded` = 40 (percent), `truncated>40` is `truncated` = 0.4 (more than that share), without such
a tag both are null; `depiction` is `is_depiction`. Names that end in `-group` or `-group-far-away`
are groups; the far-away ones, which the evaluation does not count, are ignored. A child with a
`score` is a prediction.

Lost on read: nothing; the frame's tags stay in the kept bytes.

Written: into the files that were read only the bytes of changed values change; what is nested in a
removed object goes with it. From other formats a file per image is made.

Lost on write: from other formats, each counted in the loss report: splits that no folder tells,
ids, heads and visible boxes, outlines, endings of names, boxes without class or corners, and all
further columns.
"""

from curate.formats.declared import SIZES, Format
from curate.formats.eurocity.read import NAME, claims, extras, gather, may_be
from curate.formats.eurocity.write import write

__all__ = ["FORMAT", "IGNORED_AS", "NAME", "claims", "extras", "gather", "may_be", "write"]

FORMAT = Format(
    images=(*SIZES, "split"),
    boxes=(
        "extent",
        "score",
        "is_group",
        "occluded",
        "truncated",
        "is_depiction",
        "attributes",
        "source_id",
    ),
    roles=("include", "ignore"),
    written=("boxes", "class", "score", "image size"),
)

# It has no word for ignored objects: they are written as any other.
IGNORED_AS = "objects"
