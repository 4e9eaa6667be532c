"""Tables of boxes as CSV with a header: a row per box, the columns told by their names.

Form: RFC 4180 in UTF-8 (`curate.formats.csv_rows`). There is no standard of the names; those of
`curate.formats.csv_header` are known: an image (`image`, `filename`, `file_name`, `path`,
`image_id` ...), a class (`label`, `class`, `category` ..., or a number such as `class_id`), a score
(`score`, `confidence`, `conf`), a box, and any column that `curate export --to csv` writes:

    csv-xyxy      x1,y1,x2,y2   xmin,ymin,xmax,ymax   left,top,right,bottom
    csv-xywh      x,y,w,h   x,y,width,height   left,top,width,height ...
    csv-cxcywh    cx,cy,w,h   x_center,y_center,width,height ...

A header that names the box in two ways is refused, unless --from csv-KIND says which. `width` and
`height` beside a box of its own sides are the image's; where they are its sides once more (every
x2 - x1 and y2 - y1), they are not. Coordinates are px as written: 0-based, continuous, half-open
edges. A table made from VOC files (TensorFlow's `xml_to_csv.py`) has 1-based ones, which nothing
in it says. A row with an image and no box, class or score says that the image is empty.

A row with a score is a detector's (`origin`), any other a person's. Columns of other names stay in
the kept bytes and are counted when the table is written in another format. The tables of Make
Sense and Open Images have readers of their own.

Written: `boxes.csv`, with commas and LF. Coordinates are px as in the tables, floats in their
shortest exact form. Null is an empty field. Ids are 16 hex digits. An image without boxes is one
row with empty box fields, so that `label_state` tells a negative from an image that nobody looked
at. Such a file reads back to the same values in all its columns; ids are made anew from the names
(`--name` decides them).

Lost on write, each counted in the loss report: outlines of polygons and masks, keypoints (the
caller knows them from the source), and the table columns that are not in `COLUMNS`. A table that
was read comes back byte for byte but for the changed fields and rows.
"""

from curate.formats.csv_table.edit import write
from curate.formats.csv_table.make import COLUMNS, NAME
from curate.formats.csv_table.read import KINDS, claims, extras, gather, may_be

__all__ = ["COLUMNS", "KINDS", "NAME", "claims", "extras", "gather", "may_be", "write"]
