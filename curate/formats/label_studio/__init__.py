"""Label Studio: tasks with annotations and predictions as JSON, and its shorter form JSON_MIN.

Specification: Label Studio documentation, "Label Studio JSON format of annotated tasks"
(labelstud.io/guide/task_format) and "Export annotations"; checked against a server of 1.23.2.
`x`, `y`, `width`, `height` and points are percent (0..100) of `original_width` and
`original_height`, which is the upright picture: x1 = x * W / 100, x2 = (x + width) * W / 100, and
so on in y, nothing clipped or rounded. `rotation` is in degrees, clockwise, about the top-left
corner and in px: the row is then of shape `rotated`, with the bounds of the turned rectangle and
the angle. Polygons and ellipses have their bounds in the table; a brush's mask has none.

The image's name is what the task's address names: the path after `?d=` of a local file, else below
`/data/upload/<project>/` (with the prefix of letters and digits that the upload was given), else
the path of the URL or bucket. Nothing is fetched. `images.source_id` is the task's id.

Boxes of annotations have the origin `human` and their annotator (`completed_by`: e-mail, else id),
those of predictions `detector` with the region's score, else the prediction's. Each annotator's
boxes stand beside those of the others. A cancelled (skipped) annotation has boxes of role
`exclude`, and does not count as looked at; a note says how many there are. A task without any
other annotation has `label_state` missing. A region of several classes has the first one as its
label and all of them in `attributes.labels`; whole-image choices are tags.

On read nothing is lost: answers about a region (choices, text, numbers) are in `boxes.attributes`
under the name of their control, with annotation_id, lead_time, ground_truth, was_cancelled,
model_version, the region's `origin`, image_rotation and relations; masks, outlines and the
remaining keys stay in the kept bytes and are counted by `extras`.

On write to Label Studio from Label Studio only the changed bytes change; changes of outlines, of
turned rectangles and of what is said of a whole annotation are counted as lost. From other formats
the file is one that Label Studio imports: predictions for boxes of detectors, annotations for all
others (`completed_by` is an e-mail or a number there; other names are lost), region ids the box
ids as 16 hex digits, percent as full doubles. Lost, each counted: boxes of images without a size,
lines, outlines and turns (written as boxes), and all further columns.
"""

from curate.formats.label_studio.read import NAME, claims, extras, gather, may_be, outlines
from curate.formats.label_studio.write import write

# It has no word for ignored objects: they are written as any other.
IGNORED_AS = "objects"

__all__ = ["IGNORED_AS", "NAME", "claims", "extras", "gather", "may_be", "outlines", "write"]
