"""CityPersons: one JSON file per Cityscapes image with full and visible boxes of persons.

Specification: cityscapesScripts (github.com/mcordts/cityscapesScripts), `helpers/annotation.py`
(class CsBbox) and README ("the four values of a bounding box are (x, y, w, h), where (x, y) is its
top-left corner"); CityPersons annotations/README.txt (Zhang, Benenson, Schiele, CVPR 2017). A file
is called `<city>_<sequence>_<frame>_gtBboxCityPersons.json`:

    {"imgHeight", "imgWidth", "objects": [{"instanceId", "bbox", "bboxVis", "label"}]}

Convention: 0-based px, continuous edges, upright image (pictures are video frames). Boxes are taken
as COCO's: x2 = x + w. (The specification does not say where pixels are counted from; public
converters take the numbers as they are.)

Read: `bbox` (extent full) and `bboxVis` (visible) are rows of their own, joined by the key `object`
in `boxes.attributes`: the instanceId, or `#` and the position where that is missing or stands
twice. By the README `bbox` is drawn to the full body for pedestrians and riders, and equals
`bboxVis` for all others. Labels: pedestrian, rider, sitting person, person (other), person group (a
group), ignore (role ignore: posters, reflections). The image is `<city>_..._leftImg8bit`; its split
is the folder train, val or test that the file is in.

Lost on read: nothing.

Written: into the files that were read only the bytes of changed values change. From other formats
`gtBboxCityPersons/<split>/*.json` are made. `bboxVis` or `bbox` is left out where there is no such
box; cityscapesScripts wants both.

Lost on write: from other formats, each counted in the loss report: heads, scores, outlines, folders
and endings of names, boxes without class or corners, and all further columns.
"""

from curate.formats.citypersons.read import NAME, claims, extras, gather, may_be
from curate.formats.citypersons.write import write
from curate.formats.declared import SIZES, Format

__all__ = ["FORMAT", "NAME", "claims", "extras", "gather", "may_be", "write"]

FORMAT = Format(
    images=(*SIZES, "split"),
    boxes=("extent", "is_group", "attributes", "source_id"),
    roles=("include", "ignore"),
    written=("boxes", "class", "ignore regions", "image size"),
)
