"""Open Images boxes: a CSV row per box, corners as fractions of the image.

Specification: Open Images V4 to V7, "Data Formats", boxes
(storage.googleapis.com/openimages/web/factsfigures.html and download page):

    ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,
    IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside

Columns are found by name, so that their order is free and others may stand among them.

Convention: fractions, 0 at the first and 1 at the last edge, upright image. Mark the order: both x,
then both y. x1 = XMin * width and so on, half-open. The size of an image is not stated: it comes
from --images or --size.

Read: flags are 1, 0, or -1 for unknown (null, as is an empty field). IsOccluded and IsTruncated
become `occluded` and `truncated`, IsGroupOf `is_group`, IsDepiction `is_depiction`. Source,
Confidence and IsInside are in `boxes.attributes`. Confidence is 1 for every box of Open Images: a
table with other values holds a detector's scores, and so does one with a column Score (the
challenge's form).

LabelName is the class (`source_label`). A list `*class-descriptions*.csv` beside the table or above
it names the classes, and `*hierarchy*.json` (`bbox_labels_600_hierarchy.json`) the class above each
(`classes.supercategory`). The split is that of the file's name, `train-annotations-bbox.csv`.

Numbers with a comma for their point, quoted, as spreadsheets of many countries write them, are read
as such; a finding says so once per file. An image without boxes has no row.

Annotation is not exhaustive: an object of a class that was not verified on an image has no box. A
table `*human-imagelabels*.csv` or `classifications.csv` beside the boxes' or above it tells which
classes people verified, there (Confidence 1) or absent (0): `images.exhaustive` lists both. What it
says of images without a box is counted in a finding.

Lost on read: nothing. Further columns (XClick1X .. of V6) stay in the kept bytes and are counted
when the table is written in another format.

Written: a table that was read comes back byte for byte but for the changed fields and rows. From
other formats `annotations-bbox.csv` is made (`<split>-annotations-bbox.csv` for images with a
split), fractions in their shortest exact form, unknown flags as -1.

Lost on write: from other formats, each counted in the loss report: image sizes, images without
boxes, boxes of images of unknown size, outlines, grades of occlusion and truncation other than 0
and 1, further attributes, and all further columns.
"""

from curate.formats.declared import Format
from curate.formats.open_images.read import NAME, claims, extras, gather, may_be
from curate.formats.open_images.write import write

__all__ = ["FORMAT", "IGNORED_AS", "NAME", "claims", "extras", "gather", "may_be", "write"]

FORMAT = Format(
    images=("split", "exhaustive"),
    boxes=(
        "score",
        "is_group",
        "occluded",
        "truncated",
        "is_depiction",
        "attributes",
        "source_id",
    ),
    is_relative=True,
    written=("boxes", "class", "score"),
)

# It has no word for ignored objects: they are written as any other.
IGNORED_AS = "objects"
