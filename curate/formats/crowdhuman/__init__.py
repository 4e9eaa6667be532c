"""CrowdHuman `.odgt`: one JSON object per line and image, with three boxes per person.

Specification: CrowdHuman, crowdhuman.org/download.html (Shao et al., arXiv 1805.00123, 2018):

    {"ID": name, "gtboxes": [{"tag": "person" | "mask", "fbox", "vbox", "hbox": [x, y, w, h],
      "extra": {"ignore", "box_id", "occ"}, "head_attr": {"ignore", "unsure", "occ"}}]}

The keys of `extra` and `head_attr` are optional. The box convention is COCO's: 0-based px, x and y
of the upper left corner, width and height, so that x2 = x + w; `fbox` may leave the image, and the
file states no image size. `ID` is a file name without its ending.

Each of `fbox`, `vbox`, `hbox` is a row of its own (extent full, visible, head) with the object's
tag as its label. The three are joined by the key `object` in `boxes.attributes`: `box_id`, or `#`
and the position in the line where that is missing or stands twice. A `mask` (crowd, reflection,
something like a person) has the role ignore; `extra.ignore` gives it to the full and the visible
box, `head_attr.ignore` to the head. `occ` is in `occluded`, `unsure` in `attributes`.

On read nothing is lost; keys that are not named above stay in the kept bytes. On write into the
files that were read only the bytes of changed values change. From other formats these are lost,
each counted in the loss report: image sizes and endings of their names, splits, outlines, boxes
without class or corners, and all further columns; a box without extent becomes an `fbox`.
"""

from curate.formats.crowdhuman.read import NAME, claims, extras, gather, may_be
from curate.formats.crowdhuman.write import write

__all__ = ["NAME", "claims", "extras", "gather", "may_be", "write"]
