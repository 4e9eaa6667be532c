"""Small sources of every format that is told by its content, and what is said of them."""

from __future__ import annotations

import json

import pytest

from curate import ReadOptions, audit, read
from curate.errors import CurateError
from curate.report import to_document

VOC = (
    "<annotation><filename>{name}</filename><size><width>60</width><height>40</height>"
    "<depth>3</depth></size><object><name>car</name><bndbox><xmin>2</xmin><ymin>3</ymin>"
    "<xmax>20</xmax><ymax>30</ymax></bndbox></object></annotation>\n"
)
MAKESENSE_VOC = (
    "<annotation>\n\t<folder>p</folder>\n\t<filename>a.jpg</filename>\n\t<path>/p/a.jpg</path>\n"
    "\t<source>\n\t\t<database>Unspecified</database>\n\t</source>\n\t<size>\n"
    "\t\t<width>60</width>\n\t\t<height>40</height>\n\t\t<depth>3</depth>\n\t</size>\n\t<object>\n"
    "\t\t<name>car</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n"
    "\t\t<difficult>0</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>2</xmin>\n\t\t\t<ymin>3</ymin>\n"
    "\t\t\t<xmax>20</xmax>\n\t\t\t<ymax>30</ymax>\n\t\t</bndbox>\n\t</object>\n</annotation>"
)
KITTI = "Car 0.00 0 -1.57 1.00 2.00 20.00 30.00 1.50 1.60 3.90 1.00 1.00 60.00 -1.50\n"
COCO = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 18, 27]}],
        "categories": [{"id": 1, "name": "car"}],
    }
)
RESULTS = json.dumps([{"image_id": 1, "category_id": 1, "bbox": [2, 3, 18, 27], "score": 0.5}])
RECT_CSV = (
    "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\n"
    "car,2,3,18,27,a.jpg,60,40"
)
# Both a rectangle of 5 x 5 px and a line from (10, 10) to (5, 5) lie in the image.
EITHER_CSV = "car,10,10,5,5,a.jpg,60,40\ncar,20,10,25,15,a.jpg,60,40"
VGG = json.dumps(
    {
        "a.jpg": {
            "fileref": "", "size": 9, "filename": "a.jpg", "base64_img_data": "",
            "file_attributes": {},
            "regions": {
                "0": {
                    "shape_attributes": {
                        "name": "polygon", "all_points_x": [2, 20, 20, 2],
                        "all_points_y": [3, 3, 30, 3],
                    },
                    "region_attributes": {"label": "car"},
                }
            },
        }
    }
)  # fmt: skip
LABEL_STUDIO = json.dumps(
    [
        {
            "id": 1,
            "annotations": [],
            "predictions": [
                {
                    "score": 0.5,
                    "result": [
                        {
                            "id": "r", "type": "rectanglelabels", "from_name": "l",
                            "original_width": 60, "original_height": 40,
                            "value": {"x": 5, "y": 5, "width": 9, "height": 9,
                                      "rectanglelabels": ["car"]},
                        }
                    ],
                }
            ],
            "data": {"image": "a.jpg", "image_id": 4},
        }
    ]
)  # fmt: skip
CVAT = (
    '<annotations><image id="0" name="a.jpg" width="60" height="40">'
    '<box label="car" xtl="2" ytl="3" xbr="20" ybr="30" occluded="0"/></image></annotations>'
)
SHAPES = {
    "tasks.json": (LABEL_STUDIO, "label-studio", "box"),
    "annotations.xml": (CVAT, "cvat", "box"),
    "instances.json": (COCO, "coco", "box"),
    "dets.json": (RESULTS, "coco-results", "box"),
    "a.xml": (VOC.format(name="a.jpg"), "voc", "box"),
    "ms.xml": (MAKESENSE_VOC, "makesense", "box"),
    "000001.txt": (KITTI, "kitti", "box"),
    "dets.txt": ("0 0.5 30 20 5 6\ncar 0.25 2 3 18 27\n", "text-dets", "box"),
    "boxes.csv": ("image,label,x1,y1,x2,y2\na.jpg,car,2,3,20,30\n", "csv", "box"),
    "rects.csv": (RECT_CSV, "makesense", "box"),
    "points.csv": ("car,2,3,a.jpg,60,40", "makesense", "point"),
    "lines.csv": ("car,50,30,40,3,a.jpg,60,40", "makesense", "line"),
    "vgg.json": (VGG, "makesense", "polygon"),
    "tags.csv": ('a.jpg,"[night,street]"', "makesense", "tag"),
    "tags.json": ('[{"image":"a.jpg","annotations":["night"]}]', "makesense", "tag"),
}


def refused(path, **options):
    with pytest.raises(CurateError) as error:
        read(path, ReadOptions(**options))
    return error.value


def findings(dataset):
    return to_document(audit(dataset), "s")["findings"]
