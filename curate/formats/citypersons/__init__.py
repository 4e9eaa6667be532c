"""CityPersons: one JSON file per Cityscapes image with full and visible boxes of persons.

Specification: cityscapesScripts, `helpers/annotation.py` (class CsBbox) and README ("the four
values of a bounding box are (x, y, w, h), where (x, y) is its top-left corner"); CityPersons
annotations/README.txt (Zhang, Benenson, Schiele, CVPR 2017). A file is called
`<city>_<sequence>_<frame>_gtBboxCityPersons.json`:

    {"imgHeight", "imgWidth", "objects": [{"instanceId", "bbox", "bboxVis", "label"}]}

Boxes are taken as COCO's: 0-based px, x2 = x + w. (The specification does not say where pixels are
counted from; public converters take the numbers as they are.)

`bbox` (extent full) and `bboxVis` (visible) are rows of their own, joined by the key `object` in
`boxes.attributes`: the instanceId, or `#` and the position where that is missing or stands twice.
By the README `bbox` is drawn to the full body for pedestrians and riders, and equals `bboxVis` for
all others. Labels: pedestrian, rider, sitting person, person (other), person group (a group),
ignore (role ignore: posters, reflections). The image is `<city>_..._leftImg8bit`; its split is the
folder train, val or test that the file is in.

On read nothing is lost. On write into the files that were read only the bytes of changed values
change. From other formats these are lost, each counted: heads, scores, outlines, folders and
endings of names, boxes without class or corners, and all further columns. `bboxVis` or `bbox` is
left out where there is no such box; cityscapesScripts wants both.
"""

from curate.formats.citypersons.read import NAME, claims, extras, gather, may_be
from curate.formats.citypersons.write import write

__all__ = ["NAME", "claims", "extras", "gather", "may_be", "write"]
