"""The inputs that are mutated: real files where they are at hand, and the project's fixtures."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.formats import person_files
from tests.formats.coco_documents import SQUARE, annotation, document
from tests.fuzz.seed import Seed

REPOSITORY = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("CURATE_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
CASES = REPOSITORY / "tests" / "cases" / "formats"
# What a mutation costs grows with the file; what it finds does not.
MAX_SEED_BYTES = 20_000
MAX_FILES = 4
KEPT_RECORDS = 3


def small(folder: str, pattern: str, limit: int = 12) -> list[Path]:
    """Small real files, evenly chosen; none when the real data is not at hand."""
    found = [p for p in sorted((REAL / folder).rglob(pattern)) if p.is_file()]
    found = [p for p in found if 0 < p.stat().st_size <= MAX_SEED_BYTES]
    return found[:: max(1, len(found) // limit)][:limit]


def _cut_coco(path: Path) -> bytes:
    """A COCO file of the first records only, with the images and classes that they name."""
    value = json.loads(path.read_bytes())
    if isinstance(value, list):
        return json.dumps(value[: 2 * KEPT_RECORDS]).encode()
    records = value.get("annotations", [])[:KEPT_RECORDS]
    wanted = {record.get("image_id") for record in records}
    images = [image for image in value["images"] if image["id"] in wanted]
    value |= {"annotations": records, "images": images or value["images"][:2]}
    value["categories"] = value.get("categories", [])[:5]
    return json.dumps(value, indent=1 if len(records) % 2 else None).encode()


def coco_documents() -> list[bytes]:
    mask = {"size": [80, 100], "counts": [810, 5, 7185]}
    packed = {"size": [80, 100], "counts": "bn0250m0"}
    points = [15, 15, 2, 20, 20, 1, 0, 0, 0]
    many = document(
        annotation(1, segmentation=[SQUARE]),
        annotation(2, segmentation=mask, iscrowd=1),
        annotation(3, segmentation=packed, attributes={"occluded": True}),
        annotation(4, keypoints=points, num_keypoints=2, score=0.5, note="x"),
        annotation(5, bbox=None, segmentation=[SQUARE, SQUARE]),
        annotation(0, category_id=7, image_id=2),
        licenses=[{"id": 1, "name": "CC BY"}],
        info={"year": 2020},
    )
    captions = document({"id": 1, "image_id": 1, "caption": "a street"}, annotation(2))
    texts = [document(annotation(1)), many, captions, document()]
    return [json.dumps(text).encode() for text in texts] + [json.dumps(many, indent=2).encode()]


def coco() -> list[Seed]:
    """COCO annotation files."""
    bodies = coco_documents()
    for folder in ("coco128", "coco_laptop_train2017", "coco_xyxy_bug", "coco_val2014_100"):
        paths = [p for p in sorted((REAL / folder).rglob("*.json")) if "results" not in p.name]
        bodies += [_cut_coco(p) for p in paths[:2] if p.read_bytes()[:1] == b"{"]
    makesense = small("makesense_app", "*polygon_coco*/*.json") + small(
        "makesense", "*coco*/*.json"
    )
    bodies += [_cut_coco(path) for path in makesense]
    seeds = [Seed({"instances.json": body}, "file", "coco") for body in bodies]
    two = {"train.json": bodies[1], "val/instances.json": bodies[0]}
    return [*seeds, Seed(two, "folder", "coco"), Seed(two, "zip", "coco")]


def coco_results() -> list[Seed]:
    """COCO results, over an annotation file and alone."""
    truth = coco_documents()[1]
    box = {"image_id": 1, "category_id": 1, "bbox": [1.5, 2, 30, 40], "score": 0.9}
    mask = {"size": [80, 100], "counts": "bn0250m0"}
    lists: list[list[dict[str, Any]]] = [
        [box, box | {"category_id": 7, "score": 0.1}],
        [box | {"category_id": 0}, box | {"category_id": 1}],
        [{"image_id": 2, "category_id": 7, "segmentation": mask, "score": 1}, box],
        [{"image_id": 1, "category_id": 1, "keypoints": [1, 2, 1, 5, 6, 2], "score": 0.3}],
        [{"image_id": 1, "caption": "a street"}, box],
    ]
    bodies = [json.dumps(records).encode() for records in lists]
    real = [REAL / "coco128" / "yolov5s_predictions.json"]
    real += sorted((REAL / "coco_val2014_100").rglob("instances_*results*.json"))[:3]
    bodies += [_cut_coco(path) for path in real if path.is_file()]
    seeds = [Seed({"r.json": body}, "file", "coco-results") for body in bodies]
    for ids in ("own", "index"):
        told = {"class_ids": ids}
        seeds += [Seed({"r.json": b}, "file", "coco-results", told, truth) for b in bodies]
    two = {"a.json": bodies[0], "b.json": bodies[2]}
    return [*seeds, Seed(two, "folder", "coco-results", {}, truth)]


def _case_folders(format_: str) -> list[dict[str, bytes]]:
    folders = sorted((CASES / format_).glob("*/*/expected.json"))
    return [files_below(path.parent, skip=("expected.json",)) for path in folders]


def files_below(folder: Path, skip: tuple[str, ...] = ()) -> dict[str, bytes]:
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in skip]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


def voc() -> list[Seed]:
    """VOC files alone, in folders with sets, and in archives."""
    seeds = [Seed(files, "folder", "voc") for files in _case_folders("voc")]
    paths = [
        p for f in ("voc_raccoon", "voc_bccd", "voc_parts_sample") for p in small(f, "*.xml", 6)
    ]
    paths += small("rodm_multiformat/gts/pascalvoc_format", "*.xml", 6)
    seeds += [Seed({"a.xml": path.read_bytes()}, "file", "voc") for path in paths]
    whole = files_below(CASES / "voc" / "good" / "devkit", skip=("expected.json",))
    xmls = [body for name, body in whole.items() if name.endswith(".xml")]
    seeds += [Seed({"a.xml": body}, "file", "voc") for body in xmls]
    return [*seeds, Seed(whole, "folder", "voc"), Seed(whole, "zip", "voc")]


def kitti() -> list[Seed]:
    """KITTI label files alone, in folders with split lists, and in archives."""
    seeds = [Seed(files, "folder", "kitti") for files in _case_folders("kitti")]
    paths = small("kitti_object6", "label_2/*.txt") + small(
        "kitti_object6/pointgnn_val_results", "*.txt"
    )
    seeds += [Seed({p.name: p.read_bytes()}, "file", "kitti") for p in paths]
    whole = files_below(CASES / "kitti" / "good" / "devkit", skip=("expected.json",))
    labels = [body for name, body in whole.items() if name.startswith("label_2/")]
    sized = {"size_wh": (1242, 375)}
    seeds += [Seed({"000001.txt": body}, "file", "kitti", sized) for body in labels]
    return [*seeds, Seed(whole, "folder", "kitti"), Seed(whole, "zip", "kitti")]


def mot() -> list[Seed]:
    """MOT sequences with objects, detections and trackers' output, and such files alone."""
    objects = b"1,1,12,9,20,30,1,1,0.5\n1,2,40,9,20,30,0,12,-1\n2,1,14,9,20,30,1,1,0.75\n"
    found = b"1,-1,11.5,9.25,20,30.5,0.998,-1,-1,-1\r\n2,-1,13,9,20,30,-1.5,-1,-1,-1\r\n"
    info = b"[Sequence]\nname=street\nimDir=img1\nframeRate=30\nseqLength=4\nimWidth=100\n"
    whole = {
        "street/det/det.txt": found, "street/gt/gt.txt": objects,
        "street/seqinfo.ini": info + b"imHeight=80\nimExt=.png\n",
    }  # fmt: skip
    named = {"gt/gt.txt": b"1,1,5,5,9,9,1,2,1,-1\n", "gt/labels.txt": b"dog\nred fox\n"}
    world = {"gt.txt": b"1,1,5,5,9,9,1,4.48,5.5,0\n2,1,6,5,9,9,0,4.5,-5.5,0", "test.txt": found}
    seeds = [Seed(files, "folder", "mot") for files in (whole, named, world)]
    seeds += [Seed({f: body}, "file", "mot") for f, body in (("gt.txt", objects), ("a.txt", found))]
    real = [_cut_lines(p) for p in sorted((REAL / "mot").rglob("*.txt"))]
    seeds += [Seed({"gt.txt": body}, "file", "mot") for body in real]
    return [*seeds, Seed(whole, "zip", "mot")]


def kitti_tracking() -> list[Seed]:
    """KITTI tracking labels, results and detections, together and alone."""
    rest = b"0 0 -1.58 10.5 5.25 30 20.75 1.5 1.6 4 -2 1.7 9 -1.8"
    labels = b"0 0 Car " + rest + b"\n0 -1 DontCare -1 -1 -10 1 2 3 4" + b" -1000" * 3
    labels += b" -10 -1 -1 -1\n1 0 Car " + rest + b"\n"
    results = b"0 3 Cyclist " + rest + b" 0.25\r\n2 3 Cyclist " + rest + b" -7.5\r\n"
    found = b"0,2,10.5,5.25,30,20.75,6.5,1.5,1.6,4,-2,1.7,9,-1.8,-1.58\n"
    whole = {"label_02/0000.txt": labels, "rcnn/Car/0000.txt": found, "ours/data/0000.txt": results}
    seeds = [Seed(whole, way, "kitti-tracking") for way in ("folder", "zip")]
    bodies = [labels, results, found]
    bodies += [_cut_lines(p) for p in sorted((REAL / "kitti_tracking").rglob("*.txt"))[:12:3]]
    return seeds + [Seed({"0001.txt": body}, "file", "kitti-tracking") for body in bodies]


YOLO_YAML = b"path: ../set\ntrain: images/train\nval: val.txt\nnames:\n  0: person\n  1: car\n"
# Rows by kind: labels, predictions, and what is broken in them.
YOLO_ROWS = {
    "detect": b"0 0.5 0.5 0.25 0.5\n1 0.1 0.2 0.1 0.1\r\n\n7 1.2 0.5 .5 5e-1\n0 0.5 0.5 0.2\n",
    "segment": b"0 0.1 0.1 0.5 0.1 0.5 0.5\n1 0.1 0.1 0.5 0.1 0.5 0.5 0.2 0.6 0.1 0.3\n",
    "pose": b"0 0.5 0.5 0.2 0.4 0.45 0.4 2 0.55 0.4 1\n0 0.3 0.5 0.2 0.4 0 0 0 0.55 0.4 1\n",
    "obb": b"0 0.1 0.2 0.3 0.2 0.3 0.4 0.1 0.4\n1 0.2 0.1 0.4 0.3 0.3 0.4 0.1 0.2\n",
}
YOLO_TAILED = {
    "detect": b"0 0.5 0.5 0.25 0.5 0.875 7\n1 0.1 0.2 0.1 0.1 0.5 12\n",
    "segment": b"0 0.1 0.1 0.5 0.1 0.5 0.5 0.875 7\n",
    "obb": b"0 0.1 0.2 0.3 0.2 0.3 0.4 0.1 0.4 0.875\n",
}


def yolo() -> list[Seed]:
    """YOLO label files of every kind, with and without the files that describe them."""
    sized = {"size_wh": (640, 480)}
    seeds = []
    for kind, body in YOLO_ROWS.items():
        shape = b"task: %s\n" % kind.encode() + (b"kpt_shape: [2, 3]\n" if kind == "pose" else b"")
        tailed = YOLO_TAILED.get(kind, body)
        files = {
            "data.yaml": YOLO_YAML + shape,
            "val.txt": b"./images/val/b.jpg\n./images/val/c.jpg\n",
            "labels/train/a.txt": body,
            "labels/val/b.txt": tailed,
        }
        seeds += [Seed(files, way, "yolo", sized) for way in ("folder", "zip")]
        seeds.append(Seed({"a.txt": body, "b.txt": tailed}, "folder", f"yolo-{kind}", sized))
        seeds.append(Seed({"a.txt": tailed}, "file", f"yolo-{kind}", sized))
    darknet = {
        "obj.data": b"classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n",
        "obj.names": b"person\ncar\n",
        "train.txt": b"data/obj_train_data/a.jpg\n",
        "obj_train_data/a.txt": YOLO_ROWS["detect"],
    }
    seeds.append(Seed(darknet, "folder", "yolo", sized))
    paths = small("coco_person_kp_yolo_val2017", "labels/*.txt", 4)
    paths += small("rodm_multiformat/gts/yolo_format/obj_train_data", "*.txt", 4)
    real = {f"labels/{p.name}": p.read_bytes() for p in paths}
    seeds += [Seed({name: body}, "folder", "yolo", sized) for name, body in real.items()]
    return seeds


def makesense(kind: str) -> list[Seed]:
    """Exports of Make Sense of one kind."""
    forms = {
        "rect-yolo": ("yolo", "zip"), "rect-voc": ("voc", "zip"), "rect-csv": ("rect_csv", "csv"),
        "point-csv": ("point_csv", "csv"), "line-csv": ("line_csv", "csv"),
        "vgg": ("polygon_vgg", "json"), "tag-csv": ("tag_csv", "csv"),
        "tag-json": ("tag_json", "json"),
    }  # fmt: skip
    form, ending = forms[kind]
    bodies = [p.read_bytes() for p in sorted((CASES / "makesense" / "app").glob(f"*/{form}.*"))]
    bodies += [p.read_bytes() for p in sorted(REAL.glob(f"makesense_app/*/{form}/*.{ending}"))]
    folders = {
        "rect-csv": "fifa*/**/*.csv",
        "point-csv": "points*/**/*.csv",
        "vgg": "vgg*/**/*.json",
    }
    if kind in folders:
        real = [p for p in sorted(REAL.glob(f"makesense/{folders[kind]}")) if p.is_file()]
        cut = _cut_vgg if kind == "vgg" else _cut_lines
        bodies += [cut(path) for path in real[:4]]
    format_ = f"makesense-{kind}" if ending == "csv" else "makesense"
    options = {"size_wh": (640, 480)} if kind == "rect-yolo" else {}
    seeds: list[Seed] = []
    for body in bodies:
        if ending != "zip":
            seeds.append(Seed({f"labels.{ending}": body}, "file", format_, options))
            continue
        members = _members(body)
        for way in ("zip", "folder") if members else ():
            seeds.append(Seed(members, way, format_, options))
    if kind == "rect-yolo":
        classes = options | {"classes": ("person", "car")}
        seeds += [Seed(seed.files, seed.kind, format_, classes) for seed in seeds[:4]]
    return seeds


def label_studio() -> list[Seed]:
    """Label Studio's task lists, in both forms."""
    place = {"x": 10, "y": 20.5, "width": 30, "height": 40, "rotation": 0}
    sized = {"original_width": 200, "original_height": 100, "to_name": "image"}
    box = {**sized, "id": "r1", "from_name": "label", "type": "rectanglelabels", "score": 0.5}
    regions: list[dict[str, Any]] = [
        box | {"value": place | {"rectanglelabels": ["car"]}},
        box | {"id": "r2", "value": place | {"rotation": 30, "rectanglelabels": ["a", "b"]}},
        {**sized, "id": "r1", "from_name": "pose", "type": "choices",
         "value": {"choices": ["left"]}},
        {**sized, "id": "c", "from_name": "scene", "type": "choices",
         "value": {"choices": ["night"]}},
        {**sized, "id": "p", "from_name": "label", "type": "polygonlabels",
         "value": {"points": [[1, 2], [30, 2], [3, 40]], "polygonlabels": ["car"]}},
        {**sized, "id": "m", "from_name": "label", "type": "brushlabels",
         "value": {"format": "rle", "rle": [0, 1, 2], "brushlabels": ["car"]}},
        {**sized, "id": "e", "from_name": "label", "type": "ellipselabels",
         "value": {"x": 5, "y": 5, "radiusX": 2, "radiusY": 3, "ellipselabels": ["car"]}},
        {"type": "relation", "from_id": "r1", "to_id": "r2", "direction": "right"},
    ]  # fmt: skip
    annotation = {"id": 9, "completed_by": {"id": 1, "email": "a@example.org"}, "lead_time": 1.5}
    full = {
        "id": 1,
        "annotations": [annotation | {"result": regions, "was_cancelled": False}],
        "predictions": [{"id": 2, "model_version": "m", "score": 0.25, "result": regions[:1]}, 3],
        "data": {"image": "/data/local-files/?d=a%20b/1.jpg", "note": "x"},
    }
    other = {"id": 2, "annotations": [annotation | {"result": [], "was_cancelled": True}]}
    other["data"] = {"images": ["/data/upload/3/ab-1.jpg", "s3://b/2.jpg"]}
    short = {"id": 7, "image": "https://example.org/3.jpg?x=1", "annotator": 1, "annotation_id": 3}
    sized.pop("to_name")
    short["label"] = [{**sized, **place, "rectanglelabels": ["car"]}]
    short |= {"sure": [{**sized, **place, "rating": 3}], "rect": [{**sized, **place}]}
    short["name"] = [{**sized, **place, "labels": ["bus"]}]
    texts: list[Any] = [[full], [full, other], [other, full, full], [short, short]]
    bodies = [json.dumps(text, indent=n % 2 or None).encode() for n, text in enumerate(texts)]
    seeds = [Seed({"tasks.json": body}, "file", "label-studio") for body in bodies]
    two = {"a.json": bodies[0], "b.json": bodies[3]}
    return [*seeds, Seed(two, "folder", "label-studio"), Seed(two, "zip", "label-studio")]


_CVAT = b"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><name>t</name><labels><label><name>car</name></label></labels><original_size>
    <width>64</width><height>48</height></original_size></task><source>a.mp4</source></meta>
  <image id="0" name="d/a.jpg" subset="train" width="64" height="48">
    <box label="car" source="manual" occluded="1" xtl="10.50" ytl="20" xbr="30.25" ybr="40"
      z_order="2" rotation="30"><attribute name="colour">red</attribute></box>
    <box label="bus" source="auto" occluded="0" xtl="1" ytl="2" xbr="3" ybr="4"/>
    <polygon label="car" points="1,2;5,2;3,8.5" occluded="0"></polygon>
    <polyline label="car" points="1,2;5,2" /><points label="car" points="1,2;3,4"/>
    <mask label="car" rle="1, 2" left="3" top="4" width="5" height="6"/>
    <ellipse label="car" cx="10" cy="10" rx="4" ry="2"/><tag label="car"/>
    <skeleton label="car"><points label="car" points="1,2"/></skeleton>
  </image>
  <image id="1" name="b.jpg"/>
  <track id="3" label="car" group_id="1">
    <box frame="0" outside="0" occluded="0" keyframe="1" xtl="1" ytl="2" xbr="3" ybr="4"/>
    <box frame="12" outside="1" occluded="1" keyframe="0" xtl="5" ytl="6" xbr="7" ybr="8"/>
  </track>
</annotations>
"""


def cvat() -> list[Seed]:
    """CVAT files alone, in folders and in archives."""
    bodies = [_CVAT, _CVAT.replace(b"utf-8", b"latin-1").replace(b"red", b"gr\xfcn")]
    for path in sorted(REAL.glob("rodm_multiformat/gts/cvat_format/*.xml")):
        # The task and its first images.
        head, mark, rest = path.read_bytes().partition(b"<image ")
        images = rest.split(b"<image ")[:KEPT_RECORDS]
        bodies.append(head + mark + b"<image ".join(images) + b"</annotations>")
    seeds = [Seed({"annotations.xml": body}, "file", "cvat") for body in bodies]
    two = {"annotations.xml": bodies[0], "b/annotations.xml": bodies[-1]}
    return [*seeds, Seed(two, "folder", "cvat"), Seed(two, "zip", "cvat")]


def _members(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()[:MAX_FILES]}


def _cut_vgg(path: Path) -> bytes:
    entries = list(json.loads(path.read_bytes()).items())
    return json.dumps(dict(entries[:2])).encode()


def _cut_lines(path: Path) -> bytes:
    return b"".join(path.read_bytes().splitlines(keepends=True)[:40])


def text_dets() -> list[Seed]:
    """Text detections of each kind, in files per image and in one."""
    xywh = b"14 0.431418 162.0 96.0 89.0 45.0\ncar 0.5 25 188 21 44\n"
    xyxy = b"0 0.9 10 20 30 40\r\n1 .25 1.5 2 3e1 4\r\n" * 6
    rel = b"0 0.4 0.52 0.43 0.38 0.49\n1 0.9 0.1 0.1 0.2 0.2\n"
    frustum = b"image_2/a.png 1 0.99 718 141 807 311\nimage_2/b.png 3 0.01 -4 2.5 23 37\n"
    sized = {"size_wh": (486, 500)}
    seeds = [
        Seed({"a.txt": xywh, "b.txt": b"", "classes.txt": b"person\ncar\n"}, "folder", "text-dets"),
        Seed({"a.txt": xywh}, "file", "text-dets-xyxy", {"classes": ("person", "car")}),
        Seed({"a.txt": xyxy}, "file", "text-dets"),
        Seed({"d/a.txt": xyxy, "d/b.txt": xywh}, "zip", "text-dets-xywh"),
        Seed({"a.txt": rel}, "file", "text-dets", sized),
        Seed({"a.txt": rel}, "file", "text-dets-rel-xywh", sized),
        Seed({"first.txt": frustum}, "file", "text-dets"),
        Seed({"one.txt": frustum, "two.txt": frustum}, "folder", "text-dets-frustum"),
    ]
    for kind in ("abs_xywh", "abs_xyx2y2", "rel_xywh"):
        real = small(f"rodm_multiformat/dets/{kind}", "*.txt", 4)
        files = {path.name: path.read_bytes() for path in real}
        seeds += [Seed(files, "folder", "text-dets", sized)] if files else []
    real = small("kitti_object6/frustum_2d_detections", "*.txt")
    return seeds + [Seed({p.name: p.read_bytes()}, "file", "text-dets") for p in real]


def csv_tables() -> list[Seed]:
    """Tables of boxes with a header, of curate and of others."""
    own = (
        b"image,width,height,label,source_label,shape,x1,y1,x2,y2,score,role,split,label_state,"
        b"is_group,occluded,truncated,difficult,track_id,annotator,attributes,source_id,image_id,"
        b"box_id\na/a.jpg,,,,,,,,,,,,,empty,,,,,,,,,0000000000000001,\n"
        b'b.jpg,64,48,car,"say ""car"", loud",box,0.1,2.0,3.0,1e-07,0.5,include,train,present,,,,'
        b'false,7,,"{""pose"": ""Left""}",9,00000000000000ff,0000000000000010\n'
    )
    voc = b"filename,width,height,class,xmin,ymin,xmax,ymax\na,60,40,cat,1,2,30,40\nb,,,,,,,\n"
    sides = b'image,x,y,w,h,confidence,note\r\na.jpg,1,2,3,4,0.5,x\r\n"b,c.jpg",1.5,2,3,4,.25,\r\n'
    centres = b"class_id,cx,cy,w,h,image_id\n0,5,6,7,8,a\n1,5,6,7,8,b\n9,,,,,c\n"
    both = b"image,label,x,y,w,h,image_width,image_height\na.jpg,car,1,2,3,4,60,40\n"
    seeds = [Seed({"t.csv": body}, "file", "csv") for body in (own, voc, sides, centres, both)]
    seeds.append(Seed({"t.csv": centres}, "file", "csv", {"classes": ("person", "car")}))
    seeds.append(Seed({"t.csv": voc}, "file", "csv-xyxy"))
    seeds.append(Seed({"a/t.csv": own, "b/u.csv": sides}, "zip", "csv"))
    real = small("voc_raccoon/data", "*.csv")
    return seeds + [Seed({p.name: _cut_lines(p)}, "file", "csv") for p in real]


def open_images() -> list[Seed]:
    """Open Images' tables of boxes, alone and beside the lists of classes."""
    head = (
        b"ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,"
        b"IsGroupOf,IsDepiction,IsInside"
    )
    plain = head + b"\na,xclick,/m/01,1,0.01,0.195,0.148,0.5,0,1,0,-1,0\nb,,/m/02,1,0,1,0,1,,,,,\n"
    commas = head + b',X\r\na.jpg,,cat,,"0,25","0,5",0,1,,,,,,7\r\n'
    scores = b"ImageID,LabelName,Score,XMin,XMax,YMin,YMax\na,/m/01,0.9,0.1,0.2,0.3,0.4\n"
    names = b'/m/01,Cat\n/m/02,"Big, dog"\n'
    tree = b'{"LabelName": "/m/0", "Subcategory": [{"LabelName": "/m/01"}, {"LabelName": "/m/02"}]}'
    verified = (
        b"ImageID,Source,LabelName,Confidence\na,verification,/m/01,1\nb,verification,/m/02,0\n"
    )
    beside = {
        "train-annotations-bbox.csv": plain,
        "class-descriptions-boxable.csv": names,
        "bbox_labels_600_hierarchy.json": tree,
        "train-annotations-human-imagelabels.csv": verified,
    }
    sized = {"size_wh": (640, 480)}
    bodies = [plain, commas, scores, plain.replace(b"/m/01,1,", b"/m/01,0.75,")]
    real = small("rodm_multiformat/gts/openimages_format", "*.csv")
    bodies += [_cut_lines(path) for path in real]
    seeds = [Seed({"boxes.csv": body}, "file", "open-images", sized) for body in bodies]
    return [*seeds, *(Seed(beside, way, "open-images", sized) for way in ("folder", "zip"))]


def archives() -> list[Seed]:
    """Archives, to be changed as such."""
    paths = [p for f in ("yolo", "voc") for p in (CASES / "makesense" / "app").glob(f"*/{f}.zip")]
    bodies = [path.read_bytes() for path in sorted(paths)]
    for way in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", way) as archive:
            archive.writestr("sub/instances.json", coco_documents()[0])
            archive.writestr("readme.txt", b"x" * 3000)
        bodies.append(packed.getvalue())
    return [Seed({"a.zip": body}, "file", None, {"size_wh": (640, 480)}) for body in bodies]


def persons(form: str) -> list[Seed]:
    """Label files of one of the pedestrian datasets."""
    named = {
        "crowdhuman": [("a.odgt", person_files.ODGT)],
        "citypersons": [(person_files.CITY_NAME, person_files.CITY)],
        "eurocity": [(person_files.ECP_NAME, person_files.ECP)],
        "caltech": [(person_files.BBGT_NAME, person_files.BBGT)],
        "caltech-vbb": [
            (person_files.VBB_NAME, person_files.VBB), ("annotations.json", person_files.VBB_JSON),
        ],
    }[form]  # fmt: skip
    seeds = []
    for name, text in named:
        alone = {name.rpartition("/")[2]: text.encode()}
        windows = {name: text.replace("\n", "\r\n").encode("utf-8-sig")}
        seeds += [Seed(alone, "file", form), Seed({name: text.encode()}, "folder", form)]
        seeds += [Seed(windows, "folder", form), Seed({name: text.encode()}, "zip", form)]
        sized = {"size_wh": (640, 480)}
        seeds.append(Seed({name: text.encode(), f"2{name}": text.encode()}, "folder", form, sized))
    return seeds


def _of_persons(form: str) -> Callable[[], list[Seed]]:
    return lambda: persons(form)


PERSONS = ("crowdhuman", "citypersons", "eurocity", "caltech", "caltech-vbb")
MAKE_SENSE_KINDS = (
    "rect-yolo", "rect-voc", "rect-csv", "point-csv", "line-csv", "vgg", "tag-csv", "tag-json",
)  # fmt: skip


def _of_kind(kind: str) -> Callable[[], list[Seed]]:
    return lambda: makesense(kind)


# The readers of label formats, and the seeds of each.
LABELS: dict[str, Callable[[], list[Seed]]] = {
    "coco": coco,
    "coco-results": coco_results,
    **{f"makesense-{kind}": _of_kind(kind) for kind in MAKE_SENSE_KINDS},
    "zip": archives,
    "voc": voc,
    "kitti": kitti,
    "label-studio": label_studio,
    "cvat": cvat,
    "yolo": yolo,
    **{form: _of_persons(form) for form in PERSONS},
    "kitti-tracking": kitti_tracking,
    "mot": mot,
    "text-dets": text_dets,
    "csv": csv_tables,
    "open-images": open_images,
}
