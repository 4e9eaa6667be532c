"""CrowdHuman `.odgt`: one JSON object per line and image, with three boxes per person.

Specification: CrowdHuman, crowdhuman.org/download.html (Shao et al., arXiv 1805.00123, 2018):

    {"ID": name, "gtboxes": [{"tag": "person" | "mask", "fbox", "vbox", "hbox": [x, y, w, h],
      "extra": {"ignore", "box_id", "occ"}, "head_attr": {"ignore", "unsure", "occ"}}]}

The keys of `extra` and `head_attr` are optional.

Convention: 0-based px, continuous edges, upright image (assumed: the specification does not say).
The boxes are COCO's: x and y of the upper left corner, width and height, so that x2 = x + w; `fbox`
may leave the image, and the file states no image size.

Read: `ID` is a file name without its ending. Each of `fbox`, `vbox`, `hbox` is a row of its own
(extent full, visible, head) with the object's tag as its label. The three are joined by the key
`object` in `boxes.attributes`: `box_id`, or `#` and the position in the line where that is missing
or stands twice. A `mask` (crowd, reflection, something like a person) has the role ignore;
`extra.ignore` gives it to the full and the visible box, `head_attr.ignore` to the head. `occ` is in
`occluded`, `unsure` in `attributes`.

Lost on read: nothing; keys that are not named above stay in the kept bytes.

Written: into the files that were read only the bytes of changed values change. From other formats
`annotations.odgt` is made, one per split; a box without extent becomes an `fbox`.

Lost on write: from other formats, each counted in the loss report: image sizes and endings of their
names, splits, outlines, boxes without class or corners, and all further columns.
"""

from curate.formats.crowdhuman.read import NAME, claims, extras, gather, may_be
from curate.formats.crowdhuman.write import write
from curate.formats.declared import Format

__all__ = ["FORMAT", "NAME", "claims", "extras", "gather", "may_be", "write"]

FORMAT = Format(
    boxes=("extent", "occluded", "attributes", "source_id"),
    roles=("include", "ignore"),
    written=("boxes", "class", "ignore regions"),
)
