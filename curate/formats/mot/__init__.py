"""MOTChallenge text: objects (gt.txt), detections (det.txt) and trackers' output, a line per box.

Specification: MOTChallenge (Milan et al., "MOT16: A Benchmark for Multi-Object Tracking",
arXiv 1603.00831, section 4; 2D MOT 2015, arXiv 1504.01942) and its evaluation code, TrackEval
(docs/MOTChallenge-Official). The columns, separated by commas, are

    frame id left top width height conf [class visibility | x y z]

Convention: 1-based px, x2 = x1 + width, upright image (pictures are video frames). x1 = left - 1,
y1 = top - 1, x2 = x1 + width, y2 = y1 + height; frames and ids count from 1. Detections of other
origin may count pixels from 0 (the public ones of TUD-Campus and TUD-Stadtmitte do): nothing in the
file says so, and --from mot-zero-based reads them as x1 = left, y1 = top.

Read: in objects `conf` is a flag (0: `role` ignore), and since MOT16 the columns 8 and 9 are
the class (1..13, or the line number in a `labels.txt` beside the file, as CVAT exports it) and the
visible share (`attributes.visibility`). Files of 2D MOT 2015 have world coordinates there
(`attributes.world`): content tells which. Their boxes, and those of detectors, have no class of
their own; they are pedestrians, as TrackEval takes them.

`gt.txt` (or what stands in a folder `gt`) holds objects, `det.txt` detections, other files are
objects when they have classes, else a tracker's output. Detections and output are `detector` boxes
with `conf` as the score (-1: unknown) and the file's name as `attributes.detector`; all files of a
sequence share its images. `seqinfo.ini` gives name, size, length, folder and ending of pictures;
without it they are `img1/000001.jpg` and so on. Frames without a row are images when its
`seqLength` counts them: empty beside objects, else with labels missing.

Lost on read: nothing but the texts of `seqinfo.ini` that are not named here (frameRate); they
stay in the kept bytes.

Written: into the files that were read only the changed bytes change. From other formats
`<sequence>/gt/gt.txt`, `det/det.txt` and `seqinfo.ini` are made, edges exact to 1e-9 px.

Lost on write: from other formats, each counted in the loss report: images without a frame number
with their boxes, outlines, ids, the classes of detections and the names of their detectors, names
of pictures, and all further columns.
"""

from curate.formats.declared import SIZES, Format
from curate.formats.mot.layout import KINDS
from curate.formats.mot.read import NAME, claims, extras, gather, may_be
from curate.formats.mot.write import write

__all__ = ["FORMAT", "KINDS", "NAME", "claims", "extras", "gather", "may_be", "write"]

FORMAT = Format(
    images=(*SIZES, "group", "frame"),
    boxes=("score", "track_id", "attributes", "source_id"),
    roles=("include", "ignore"),
    written=("boxes", "class", "score", "tracks", "ignore regions", "image size"),
)
