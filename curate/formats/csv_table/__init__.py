"""Tables of boxes as CSV with a header: a row per box, the columns told by their names.

Specification: RFC 4180 in UTF-8 for the form (`curate.formats.csv_rows`); there is no standard of
the names. Those of `curate.formats.csv_header` are known: an image (`image`, `filename`,
`file_name`, `path`, `image_id` ...), a class (`label`, `class`, `category` ..., or a number such as
`class_id`), a score (`score`, `confidence`, `conf`), a box, and any column that `curate export --to
csv` writes:

    csv-xyxy      x1,y1,x2,y2   xmin,ymin,xmax,ymax   left,top,right,bottom
    csv-xywh      x,y,w,h   x,y,width,height   left,top,width,height ...
    csv-cxcywh    cx,cy,w,h   x_center,y_center,width,height ...

A header that names the box in two ways is refused, unless --from csv-KIND says which. The tables of
Make Sense and Open Images have readers of their own.

Convention: 0-based px, continuous edges, upright image (assumed: no table says). Coordinates are
taken as written. A table made from VOC files (TensorFlow's `xml_to_csv.py`) has 1-based ones, which
nothing in it says.

Read: `width` and `height` beside a box of its own sides are the image's; where they are its sides
once more (every x2 - x1 and y2 - y1), they are not. A row with an image and no box, class or score
says that the image is empty. A row with a score is a detector's (`origin`), any other a person's.

Lost on read: nothing. Columns of other names stay in the kept bytes and are counted when the table
is written in another format.

Written: a table that was read comes back byte for byte but for the changed fields and rows. From
other formats `boxes.csv` is made, with commas and LF. Coordinates are px as in the tables, floats
in their shortest exact form. Null is an empty field. Ids are 16 hex digits. An image without boxes
is one row with empty box fields, so that `label_state` tells a negative from an image that nobody
looked at. Such a file reads back to the same values in all its columns; ids are made anew from the
names (`--name` decides them).

Lost on write: from other formats, each counted in the loss report: outlines of polygons and masks,
keypoints (the caller knows them from the source), and the table columns that are not in `COLUMNS`.
"""

from curate.formats.csv_table.edit import write
from curate.formats.csv_table.make import COLUMNS, NAME
from curate.formats.csv_table.read import KINDS, claims, extras, gather, may_be
from curate.formats.declared import SIZES, Format

__all__ = ["COLUMNS", "FORMAT", "KINDS", "NAME", "claims", "extras", "gather", "may_be", "write"]

FORMAT = Format(
    images=(*SIZES, "split", "source_id"),
    boxes=(
        "score",
        "is_group",
        "occluded",
        "truncated",
        "difficult",
        "track_id",
        "annotator",
        "attributes",
        "source_id",
    ),
    shapes=("box", "rotated", "polygon", "mask", "line", "point", "tag"),
    roles=("include", "ignore", "exclude", "review"),
    bare=("rotated", "polygon", "mask"),
    written=("boxes", "class", "score", "tracks", "ignore regions", "attributes", "image size"),
)
