"""Small label files of the pedestrian datasets, made after their specifications."""

from __future__ import annotations

import json

ODGT = (
    '{"ID": "273271,c9db", "gtboxes": [{"fbox": [72, 202, 163, 503], "tag": "person",'
    ' "hbox": [171, 208, 62, 83], "extra": {"box_id": 0, "occ": 1}, "vbox": [72, 202, 163.5, 398],'
    ' "head_attr": {"ignore": 1, "occ": 0, "unsure": 1}},'
    ' {"fbox": [-5, 1.50, 10, 20], "tag": "mask", "extra": {"ignore": 1, "box_id": 7}}]}\n'
    '{"ID":"b","gtboxes":[]}\n'
    '{ "ID" : "c", "gtboxes" : [ { "tag" : "person", "vbox" : [1,2,3,4] } ] }\n'
)

CITY_NAME = "train/aachen/aachen_000000_000019_gtBboxCityPersons.json"
CITY = """{
    "imgHeight": 1024,
    "imgWidth": 2048,
    "objects": [
        {
            "bbox": [10, 20, 41, 100],
            "bboxVis": [11, 21, 30, 80],
            "instanceId": 24000,
            "label": "pedestrian"
        },
        {"bbox": [0, 0, 5, 5], "bboxVis": [0, 0, 5, 5], "instanceId": -1, "label": "ignore"},
        {"bbox": [1, 1, 5, 5], "bboxVis": [1, 1, 5, 5], "instanceId": -1, "label": "person group"}
    ]
}
"""

ECP_NAME = "day/labels/val/ulm/ulm_00001.json"
ECP = """{
 "tags": ["motionBlur"],
 "imageheight": 1024,
 "imagewidth": 1920,
 "identity": "frame",
 "children": [
  {"tags": ["occluded>40", "truncated>10", "skating"], "x0": 100, "y0": 50, "x1": 200, "y1": 250.5,
   "identity": "rider", "children": [
    {"identity": "bicycle", "x0": 90, "y0": 150, "x1": 210, "y1": 260, "tags": [], "children": [],
     "Orient": -12.5}]},
  {"identity": "person-group-far-away", "x0": -4, "y0": 2, "x1": 6, "y1": 8, "tags": ["depiction"],
   "children": []}
 ]
}
"""

BBGT_NAME = "set00/V000/I00029.txt"
BBGT = (
    "% bbGt version=3\n"
    "person 101 51 100 200 1 111 61 50 100 0 0\n"
    "people 1 1 10 10 0 0 0 0 0 1 30\n"
    "ignore  5 5  1 1 0 0 0 0 0 0 0\n"
)

VBB_NAME = "set00/V000.txt"
VBB = (
    "% vbb version=1.400000\nnFrame=4 n=2\nlog=[733843.1 ]\n"
    "\n-----------------------------------\n"
    "lbl='person' id=1 str=2 end=3 hide=0\n"
    "pos =[11.000000 21.000000 5.500000 8.000000; 12.000000 21.000000 5.500000 8.000000; ]\n"
    "posv=[0.000000 0.000000 0.000000 0.000000; 13.000000 22.000000 2.000000 3.000000; ]\n"
    "occl=[0 1 ]\nlock=[0 1 ]\n"
    "\n-----------------------------------\n"
    "lbl='people' id=2 str=3 end=3 hide=1\n"
    "pos =[1.000000 1.000000 2.000000 2.000000; ]\n"
    "posv=[0.000000 0.000000 0.000000 0.000000; ]\noccl=[0 ]\nlock=[0 ]\n"
)
_SEEN = {"occl": 1, "lock": 0, "str": 2, "end": 3, "hide": 0, "init": 1}
VBB_JSON = json.dumps(
    {
        "set00": {
            "V000": {
                "nFrame": 3, "maxObj": 2, "log": [733843.1], "logLen": 1, "altered": 0,
                "frames": {
                    "1": [
                        {"id": 0, "pos": [11.0, 21.0, 5.5, 8.0], "posv": [0, 0, 0, 0],
                         "lbl": "person", **_SEEN},
                        {"id": 1, "pos": [1.0, 1.0, 2.0, 2.0], "posv": [1.0, 1.0, 1.0, 2.0],
                         "lbl": "people", **_SEEN},
                    ]
                },
            }
        }
    }
)  # fmt: skip
MATLAB = b"MATLAB 5.0 MAT-file, Platform: PCWIN, Created on: Thu Mar 26 2009" + bytes(60)
