"""The manifest of a crop set: one row per detection at or above the floor, and per missed object.

Ids are 16 hex digits, coordinates px of the frame that the boxes lie in (upright unless the
image's `box_frame` says `stored`), null means unknown or does not apply.
"""

from __future__ import annotations

from curate.tables import Column

# What the matching says of a detection, or of an object that has none.
OUTCOMES = (
    "matched",  # assigned to an object, which no other detection has
    "duplicate",  # on an object of its own class that a detection of a higher score has
    "confused",  # on an object of another class
    "near",  # its best overlap is no object and no background
    "ambiguous",  # on two objects
    "partial",  # an attribute's object lies partly in the crop
    "background",  # a false alarm
    "ignored",  # on an ignored object
    "unverified",  # nobody has looked for its class in this image
    "missed",  # an object that no detection covers
    "truth",  # the own box of an object that a detection covers; on request
    "unlabelled",  # no truth was given
)
# Outcomes of crops that show an object of one class, and are trained with its label.
OF_OBJECTS = ("matched", "duplicate", "confused", "missed", "truth", "unlabelled")
# Outcomes of crops that are no class's and no background: for evaluation alone.
ASIDE = ("near", "ambiguous", "partial")
BACKGROUND = "background"

# What became of the row.
STATUSES = (
    "made",  # its picture is written
    "listed",  # wanted without a picture
    "dropped",  # no crop for a classifier: ignored or unverified
    "small",  # its box is under the least side
    "thinned",  # like another crop of its track, or of the set
    "left_out",  # beyond what the mix takes
    "lost",  # the picture or the record is broken; `reason` says how
)

CROP_COLUMNS: dict[str, Column] = {
    "crop_id": Column("str", "hash of image, class, edges, origin and ordinal of equals", "never"),
    "status": Column("str", " | ".join(STATUSES), "never"),
    "reason": Column("str", "why it is lost, dropped, small, thinned or left out", "it is neither"),
    "outcome": Column("str", " | ".join(OUTCOMES), "the record is broken"),
    "label": Column("str", "class to train: of the object, background ...", "none can be told"),
    "split": Column("str", "of the source image", "not stated"),
    "group": Column("str", "of the source image: video, camera, site", "unknown"),
    "frame": Column("Int64", "of the source image, as the source counts", "not a video"),
    "track_id": Column("str", "of the object, else of the detection", "not tracked"),
    "image": Column("str", "image_key of the source image", "unknown image"),
    "image_id": Column("str", "id of the source image", "unknown image"),
    "origin": Column("str", "detector | gt", "never"),
    "path": Column("str", "file of the crop below the set's folder, or its shard", "no picture"),
    "offset": Column("Int64", "first byte of the picture in its shard", "not in a shard"),
    "n_bytes": Column("Int64", "bytes of the picture's file", "no picture"),
    "sha256": Column("str", "of the crop's pixels, RGB, row by row, 64 hex digits", "no picture"),
    "phash": Column("str", "perceptual hash of 64 bits, 16 hex digits", "not asked for"),
    "det_id": Column("str", "box_id of the detection", "a missed object"),
    "det_label": Column("str", "class that the detector gives", "none"),
    "score": Column("float64", "of the detection", "a missed object"),
    "is_assigned": Column("boolean", "whether it is the one detection of `object_id`", "no truth"),
    "object_id": Column("str", "box_id of the object it is assigned to or overlaps most", "none"),
    "object_label": Column("str", "class of that object", "none"),
    "iou": Column("float64", "0..1, with that object", "none"),
    "other_object_id": Column("str", "box_id of the second object under it", "none"),
    "other_iou": Column("float64", "0..1, with the second object", "none"),
    "ignore_ioa": Column("float64", "0..1, largest share inside an ignored object", "none near"),
    "attribute": Column("str", "yes | partial | no: the attribute's object in it", "not asked for"),
    "attribute_id": Column("str", "box_id of the attribute's object", "none near"),
    "attribute_ioa": Column("float64", "0..1, share of that object in the crop", "none near"),
    "x1": Column("float64", "px, left edge of the detection, else of the object", "broken"),
    "y1": Column("float64", "px, top edge", "broken"),
    "x2": Column("float64", "px, right edge", "broken"),
    "y2": Column("float64", "px, bottom edge", "broken"),
    "rect_x1": Column("float64", "px, left edge of what the crop shows", "no crop"),
    "rect_y1": Column("float64", "px, top edge", "no crop"),
    "rect_x2": Column("float64", "px, right edge", "no crop"),
    "rect_y2": Column("float64", "px, bottom edge", "no crop"),
    "detector": Column("str", "name of the detector", "not stated"),
    "detector_version": Column("str", "its version", "not stated"),
    "spec": Column("str", "hash of the crop spec, 12 hex digits", "never"),
    "definition": Column("str", "id@version+hash of the detection definition", "never"),
}
