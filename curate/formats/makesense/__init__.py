"""Every export of Make Sense (makesense.ai) but COCO JSON, which the COCO reader takes.

Specification: the app's source (github.com/SkalskiP/make-sense), `develop` @ ee5ee68
(1.11.0-alpha), and files exported from it; forms of 1.4.0 to 1.8.0 by its git history.

Convention: 0-based px or fractions, continuous edges, upright image. EXIF is applied, the origin is
top left, edges run from 0 to W and 0 to H, width = x2 - x1; so nothing is shifted, not even VOC.
YOLO is in fractions.

Read: rectangles as YOLO, VOC XML or CSV, points and lines as CSV, polygons as VGG JSON, tags of
whole images as CSV or JSON. Kinds are told by content.

Lost on read: nothing; a polygon's points and VGG's file size stay in the source bytes (`extras`).
Lost before, by the export: images without annotations of the exported type and images that the app
never showed are in no export, so that none tells a negative from an image never looked at; boxes
without a class or of a deleted one; all but the last of images that share a stem (YOLO, VOC) or a
name (VGG); rounding to whole px (VOC, CSV) or six decimals (YOLO). Names loaded into the app from
a file lose all white space, so that one class may be spelt in two ways.

Written: there is no writer; the app takes `--to yolo`, `voc` and `coco`.
"""

from curate.formats.declared import SIZES, Format
from curate.formats.makesense.reader import KINDS, extras, gather, outlines
from curate.formats.makesense.rows import NAME
from curate.formats.makesense.sniff import claims, kind_of, may_be

__all__ = ["FORMAT", "KINDS", "NAME", "claims", "extras", "gather", "kind_of", "may_be", "outlines"]

FORMAT = Format(
    images=(*SIZES, "source_id"),
    boxes=("truncated", "difficult", "source_id"),
    shapes=("box", "polygon", "line", "point", "tag"),
)
