"""Every export of Make Sense (makesense.ai) but COCO JSON, which the COCO reader takes.

Spec: the app's source, `develop` @ ee5ee68 (1.11.0-alpha), and files exported from it; forms of
1.4.0 to 1.8.0 by its git history. Rectangles as YOLO, VOC XML or CSV, points and lines as CSV,
polygons as VGG JSON, tags of whole images as CSV or JSON. Kinds are told by content.

Convention: px of the upright image (EXIF applied), origin top left, 0-based continuous edges from
0 to W and 0 to H, width = x2 - x1; so nothing is shifted, not even VOC. YOLO is in fractions.

Lost before the export: images without annotations of the exported type and images that the app
never showed are in no export, so that none tells a negative from an image never looked at; boxes
without a class or of a deleted one; all but the last of images that share a stem (YOLO, VOC) or a
name (VGG); rounding to whole px (VOC, CSV) or six decimals (YOLO). Names loaded into the app from
a file lose all white space, so that one class may be spelt in two ways.

Lost on read: nothing; a polygon's points and VGG's file size stay in the source bytes (`extras`).
There is no writer.
"""

from curate.formats.makesense.reader import KINDS, extras, gather, outlines
from curate.formats.makesense.rows import NAME
from curate.formats.makesense.sniff import claims, kind_of, may_be

__all__ = ["KINDS", "NAME", "claims", "extras", "gather", "kind_of", "may_be", "outlines"]
