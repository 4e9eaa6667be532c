"""Label Studio: tasks with annotations and predictions as JSON, and its shorter form JSON_MIN.

Specification: Label Studio documentation, "Label Studio JSON format of annotated tasks"
(labelstud.io/guide/task_format) and "Export annotations"; checked against a server of 1.23.2.

Convention: percent, 0 at the first and 100 at the last edge, upright image. `x`, `y`, `width`,
`height` and points are percent of `original_width` and `original_height`, which is the upright
picture: x1 = x * W / 100, x2 = (x + width) * W / 100, and so on in y, nothing clipped or rounded.
`rotation` is in degrees, clockwise, about the top-left corner and in px: the row is then of shape
`rotated`, with the bounds of the turned rectangle and the angle. Polygons and ellipses have their
bounds in the table; a brush's mask has none.

Read: the image's name is what the task's address names: the path after `?d=` of a local file, else
below `/data/upload/<project>/` (with the prefix of letters and digits that the upload was given),
else the path of the URL or bucket. Nothing is fetched. `images.source_id` is the task's id.

Boxes of annotations have the origin `human` and their annotator (`completed_by`: e-mail, else id),
those of predictions `detector` with the region's score, else the prediction's. Each annotator's
boxes stand beside those of the others. A cancelled (skipped) annotation has boxes of role
`exclude`, and does not count as looked at; a note says how many there are. A task without any
other annotation has `label_state` missing. A region of several classes has the first one as its
label and all of them in `attributes.labels`; whole-image choices are tags.

Answers about a region (choices, text, numbers) are in `boxes.attributes` under the name of their
control, with annotation_id, lead_time, ground_truth, was_cancelled, model_version, the region's
`origin`, image_rotation and relations.

A plain JSON export names predictions by their ids alone (a note counts them): they are in a
snapshot whose `serialization_options` ask for them. JSON_MIN has no predictions, skipped
annotations, scores, relations and ids of regions; answers stay in its bytes. Drafts are not read.

Lost on read: nothing; masks, outlines and the remaining keys stay in the kept bytes and are counted
by `extras`.

Written: into the files that were read only the changed bytes change; changes of outlines, of turned
rectangles and of what is said of a whole annotation are counted as lost. From other formats
`label-studio.json` is made, which Label Studio imports: predictions for boxes of detectors,
annotations for all others, region ids the box ids as 16 hex digits, percent as full doubles. Its
project needs `<Image name="image" value="$image"/>` and, to that name,
`<RectangleLabels name="label">`, `<KeyPointLabels name="point">` for points,
`<Choices name="choice">` for tags, and for an attribute a `<Choices>` or `<Number>` of its name
with `perRegion="true"`. `completed_by` is an e-mail or a number (other names are lost) and must be
a user there, else the server refuses the whole file; annotations without it become those of
whoever imports.

Lost on write: from other formats, each counted in the loss report: boxes of images without a size,
lines, outlines and turns (written as boxes), and all further columns.
"""

from curate.formats.declared import SIZES, Format
from curate.formats.label_studio.read import NAME, claims, extras, gather, may_be, outlines
from curate.formats.label_studio.write import write

__all__ = [
    "FORMAT",
    "IGNORED_AS",
    "NAME",
    "claims",
    "extras",
    "gather",
    "may_be",
    "outlines",
    "write",
]

FORMAT = Format(
    images=(*SIZES, "source_id"),
    boxes=("angle_deg", "score", "annotator", "attributes", "source_id"),
    shapes=("box", "rotated", "polygon", "mask", "line", "point", "tag"),
    roles=("include", "exclude"),
    written=("boxes", "class", "score", "attributes", "image size"),
)

# It has no word for ignored objects: they are written as any other.
IGNORED_AS = "objects"
