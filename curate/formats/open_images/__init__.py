"""Open Images boxes: a CSV row per box, corners as fractions of the image.

Specification: Open Images V4 to V7, "Data Formats", boxes
(storage.googleapis.com/openimages/web/factsfigures.html and download page):

    ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,
    IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside

Mark the order: both x, then both y. XMin is 0 at the left edge of the upright image, XMax 1 at the
right one: x1 = XMin * width and so on, half-open. The size of an image is not stated: it comes
from --images or --size. Columns are found by name, so that their order is free and others may
stand among them (XClick1X .. of V6: kept in the bytes, counted when written in another format).

Flags are 1, 0, or -1 for unknown (null, as is an empty field). IsOccluded and IsTruncated become
`occluded` and `truncated`, IsGroupOf `is_group`, IsDepiction `is_depiction`. Source, Confidence and
IsInside are in `boxes.attributes`. Confidence is 1 for every box of Open Images: a table with other
values holds a detector's scores, and so does one with a column Score (the challenge's form).

LabelName is the class (`source_label`). A list `*class-descriptions*.csv` beside the table or above
it names the classes, and `*hierarchy*.json` (`bbox_labels_600_hierarchy.json`) the class above each
(`classes.supercategory`). The split is that of the file's name, `train-annotations-bbox.csv`.

Numbers with a comma for their point, quoted, as spreadsheets of many countries write them, are read
as such; a finding says so once per file.

Annotation is not exhaustive: an object of a class that was not verified on an image has no box. An
image without boxes has no row.

Written: `annotations-bbox.csv` (`<split>-annotations-bbox.csv` for images with a split), fractions
in their shortest exact form, unknown flags as -1. Lost on write, each counted in the loss report:
image sizes, images without boxes, boxes of images of unknown size, outlines, grades of occlusion
and truncation other than 0 and 1, further attributes, and all further columns. A table that was
read comes back byte for byte but for the changed fields and rows.
"""

from curate.formats.open_images.read import NAME, claims, extras, gather, may_be
from curate.formats.open_images.write import write

# It has no word for ignored objects: they are written as any other.
IGNORED_AS = "objects"

__all__ = ["IGNORED_AS", "NAME", "claims", "extras", "gather", "may_be", "write"]
