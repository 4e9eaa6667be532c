"""`curate crops` as a pipeline runs it: counts, exit codes, what is on disk."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curate.cli import main
from curate.crops.manifest import CROP_COLUMNS
from tests.crops.sets import content, make, picture
from tests.test_schemas import fitting

# Of each picture: 3 found, 1 again, 1 false alarm; 1 below the floor; 1 missed.
PER_IMAGE = {"matched": 3, "duplicate": 1, "background": 1, "missed": 1}
N = 12


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    return make(tmp_path_factory.mktemp("street"), N)


@pytest.fixture
def crops(street, capsys):
    """Runs the command on the set: exit code, JSON and what it says on stderr."""

    def run(out, *words, source=street / "truth.json", dets=street / "dets.json", images=None):
        argv = ["crops", *([str(source)] if source else []), "--from-detector", str(dets)]
        argv += ["-o", str(out), "--images", str(images or street / "images"), "--json"]
        capsys.readouterr()
        code = main([*argv, *map(str, words)])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    return run


def manifest(out) -> pd.DataFrame:
    return pd.read_parquet(out / "manifest.parquet")


def test_outcomes_add_up_to_detections_and_missed_objects(crops, tmp_path) -> None:
    code, told, _ = crops(tmp_path / "out")
    assert code == 0
    assert told["outcomes"] == {name: n * N for name, n in sorted(PER_IMAGE.items())}
    assert told["detections"] == {"given": 6 * N, "below_floor": N}
    rows = sum(told["outcomes"].values())
    assert rows == 6 * N - N + N
    assert rows == len(manifest(tmp_path / "out")) == sum(told["statuses"].values())
    fitting(json.dumps(told), "crops-1.schema.json")


def test_each_crop_stands_in_its_label_and_shows_its_rectangle(crops, tmp_path, street) -> None:
    crops(tmp_path / "out", "--size", 64)
    rows = manifest(tmp_path / "out")
    made = rows[rows["status"] == "made"]
    assert len(made) == 5 * N
    for row in made.itertuples():
        assert row.path == f"unsplit/{row.label}/{row.crop_id}.jpg"
        with Image.open(tmp_path / "out" / row.path) as crop:
            assert crop.size == (64, 64)
            shown = np.asarray(crop, float)
        name = row.image.removeprefix("truth/")
        box = (row.rect_x1, row.rect_y1, row.rect_x2, row.rect_y2)
        if min(box[0], box[1]) >= 0 and box[2] <= 160 and box[3] <= 120:
            with Image.open(street / "images" / name) as whole:
                same = whole.resize((64, 64), Image.Resampling.BILINEAR, box=box)
            assert np.abs(np.asarray(same, float) - shown).mean() < 4
    assert set(made["label"]) == {"person", "car", "background"}


def test_manifest_has_its_columns_as_parquet_and_csv(crops, tmp_path) -> None:
    crops(tmp_path / "out")
    rows = manifest(tmp_path / "out")
    assert list(rows.columns) == list(CROP_COLUMNS)
    table = pd.read_csv(tmp_path / "out" / "manifest.csv", dtype={"crop_id": str})
    assert table["crop_id"].tolist() == rows["crop_id"].tolist()
    assert np.allclose(table["score"], rows["score"], equal_nan=True, rtol=0, atol=0)
    assert rows["crop_id"].is_unique
    assert rows[rows["status"] == "made"]["sha256"].str.fullmatch("[0-9a-f]{64}").all()


def test_a_rerun_does_nothing_and_says_so(crops, tmp_path) -> None:
    crops(tmp_path / "out")
    before = content(tmp_path / "out")
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.jpg")}
    code, told, _ = crops(tmp_path / "out")
    assert (code, told["run"]) == (0, {"is_unchanged": True, "new_crops": 0, "workers": 0})
    assert content(tmp_path / "out") == before
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.jpg")} == times
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_changed_detections_redo_only_their_images(crops, tmp_path, street) -> None:
    crops(tmp_path / "out")
    found = json.loads((street / "dets.json").read_text())
    found[0]["bbox"][0] += 2
    found.insert(0, {"image_id": 3, "category_id": 1, "bbox": [50, 80, 30, 30], "score": 0.6})
    (tmp_path / "dets.json").write_text(json.dumps(found))
    code, told, _ = crops(tmp_path / "out", dets=tmp_path / "dets.json")
    # The images 1 and 3: 5 crops, and 5 with a new one.
    assert (code, told["run"]["new_crops"]) == (0, 11)
    crops(tmp_path / "fresh", dets=tmp_path / "dets.json")
    assert content(tmp_path / "out") == content(tmp_path / "fresh")


@pytest.mark.parametrize("to", ["folder", "shards"])
def test_same_bytes_for_any_number_of_workers(crops, tmp_path, to) -> None:
    for workers in (1, 4):
        crops(tmp_path / str(workers), "--to", to, "--workers", workers)
    assert content(tmp_path / "1") == content(tmp_path / "4")


def test_shards_hold_the_crops_at_their_offsets(crops, tmp_path) -> None:
    (tmp_path / "spec.yaml").write_text("version: 1\nencoding: {images_per_shard: 5}\n")
    code, _, _ = crops(tmp_path / "out", "--to", "shards", "--spec", tmp_path / "spec.yaml")
    assert code == 0
    crops(tmp_path / "files")
    rows, files = manifest(tmp_path / "out"), manifest(tmp_path / "files").set_index("crop_id")
    made = rows[rows["status"] == "made"]
    assert sorted(made["path"].unique()) == [f"shards/unsplit-{n:06d}.tar" for n in range(3)]
    for row in made.itertuples():
        body = (tmp_path / "out" / row.path).read_bytes()[int(row.offset) :][: int(row.n_bytes)]
        assert body == (tmp_path / "files" / files.loc[row.crop_id, "path"]).read_bytes()
    with tarfile.open(tmp_path / "out" / "shards" / "unsplit-000000.tar") as tar:
        labels = {m.name[:16]: tar.extractfile(m).read().decode() for m in tar if "txt" in m.name}
    assert labels == {i: files.loc[i, "label"] for i in labels}


def test_a_manifest_alone_opens_no_picture(crops, tmp_path) -> None:
    (tmp_path / "none").mkdir()
    code, told, _ = crops(tmp_path / "out", "--to", "manifest", images=tmp_path / "none")
    assert code == 0
    rows = manifest(tmp_path / "out")
    assert set(rows["status"]) == {"listed"}
    assert rows["rect_x1"].notna().sum() == 5 * N
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        ".curate", "crops.json", "manifest.csv", "manifest.parquet",
    ]  # fmt: skip
    assert told["lost"]["images"] == 0


def test_dry_run_counts_and_writes_nothing(crops, tmp_path) -> None:
    code, told, _ = crops(tmp_path / "out", "--dry-run")
    assert (code, told["manifest"]) == (0, None)
    assert told["outcomes"] == {name: n * N for name, n in sorted(PER_IMAGE.items())}
    assert list(tmp_path.iterdir()) == []


def test_without_truth_crops_have_the_detectors_labels(crops, tmp_path, street) -> None:
    words = ("--no-truth", "--truth", street / "truth.json")
    code, told, _ = crops(tmp_path / "out", *words, source=None)
    assert (code, told["outcomes"]) == (0, {"unlabelled": 5 * N})
    rows = manifest(tmp_path / "out")
    assert (rows["label"] == rows["det_label"]).all()


def test_missed_objects_get_jittered_crops_on_request(crops, tmp_path) -> None:
    (tmp_path / "spec.yaml").write_text("version: 1\ntruth_crops: all\n")
    crops(tmp_path / "out", "--spec", tmp_path / "spec.yaml")
    rows = manifest(tmp_path / "out")
    own = rows[rows["origin"] == "gt"]
    assert own["outcome"].value_counts().to_dict() == {"missed": N, "truth": 3 * N}
    assert (own["status"] == "made").all()
    assert own["object_id"].is_unique
    middle = (own["rect_x1"] + own["rect_x2"]) / 2 - (own["x1"] + own["x2"]) / 2
    assert 0.2 < middle.std() < 5


@pytest.mark.parametrize("most", [0, 1])
def test_lost_pictures_are_told_and_the_rest_is_published(crops, tmp_path, street, most) -> None:
    shutil.copytree(street / "images", tmp_path / "images")
    bad = tmp_path / "images" / "a" / "00002.jpg"
    bad.write_bytes(bad.read_bytes()[:900])
    code, told, err = crops(tmp_path / "out", "--max-lost", most, images=tmp_path / "images")
    assert code == (1 if most == 0 else 0)
    assert told["lost"]["images"] == 1
    rows = manifest(tmp_path / "out")
    lost = rows[rows["status"] == "lost"]
    assert set(lost["image"]) == {"truth/a/00002.jpg"}
    assert len(lost) == 5
    assert lost["reason"].str.contains("a/00002.jpg").all()
    assert (rows["status"] == "made").sum() == 5 * (N - 1)
    assert ("1 images and detections lost, 0 allowed" in err) == (most == 0)
    # Mended, only that picture is done again.
    shutil.copy(street / "images" / "a" / "00002.jpg", bad)
    code, told, _ = crops(tmp_path / "out", images=tmp_path / "images")
    assert (code, told["run"]["new_crops"]) == (0, 5)


def _other(path, how) -> None:
    image = picture(2)
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("not a picture")
    elif how == "size":
        picture(2, width=200).save(path)
    else:
        body = BytesIO()
        if how == "I;16":
            grey = np.asarray(image.convert("L"), np.uint16) * 257
            Image.fromarray(grey).save(body, "PNG")
        elif how == "P":
            image.convert("P").save(body, "PNG")
        else:
            image.convert(how).save(body, "JPEG")
        path.write_bytes(body.getvalue())


@pytest.mark.parametrize("how", ["missing", "empty", "text", "size"])
def test_a_picture_that_is_none_is_lost_with_its_reason(crops, tmp_path, street, how) -> None:
    shutil.copytree(street / "images", tmp_path / "images")
    _other(tmp_path / "images" / "a" / "00002.jpg", how)
    code, told, _ = crops(tmp_path / "out", images=tmp_path / "images")
    assert (code, told["lost"]["images"]) == (1, 1)
    (why,) = set(manifest(tmp_path / "out").query("status == 'lost'")["reason"])
    words = {"missing": "no picture", "empty": "empty", "text": "picture", "size": "200 x 120"}
    assert words[how] in why


@pytest.mark.parametrize("how", ["L", "CMYK", "I;16", "P"])
def test_pictures_of_other_kinds_are_cut_alike(crops, tmp_path, street, how) -> None:
    shutil.copytree(street / "images", tmp_path / "images")
    _other(tmp_path / "images" / "a" / "00002.jpg", how)
    code, told, _ = crops(tmp_path / "out", images=tmp_path / "images")
    assert (code, told["lost"]["images"]) == (0, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": float("nan")}, "score"),
        ({"image_id": 999}, "image"),
        ({"bbox": [500, 500, 20, 20]}, "should meet the image"),
        ({"bbox": [10, 10, 0, 20]}, "area"),
    ],
)
def test_a_broken_detection_is_a_row_with_its_reason(
    crops, tmp_path, street, change, words
) -> None:
    found = json.loads((street / "dets.json").read_text())
    found[4] |= change
    (tmp_path / "dets.json").write_text(json.dumps(found))
    code, told, _ = crops(tmp_path / "out", dets=tmp_path / "dets.json")
    assert (code, told["lost"]["detections"]) == (1, 1)
    (row,) = manifest(tmp_path / "out").query("status == 'lost'").to_dict("records")
    assert words in row["reason"]
    assert told["detections"]["given"] == 6 * N


def test_another_spec_needs_force(crops, tmp_path) -> None:
    crops(tmp_path / "out")
    before = content(tmp_path / "out")
    code, told, err = crops(tmp_path / "out", "--margin", 0.3)
    assert (code, told) == (2, None)
    assert "add --force" in err
    assert content(tmp_path / "out") == before
    assert crops(tmp_path / "out", "--margin", 0.3, "--force")[0] == 0


def test_another_source_needs_force(crops, tmp_path, street) -> None:
    crops(tmp_path / "out")
    shutil.copy(street / "truth.json", tmp_path / "other.json")
    code, _, err = crops(tmp_path / "out", source=tmp_path / "other.json")
    assert code == 2
    assert "holds a set of another source (truth, now other)" in err


def test_files_of_somebody_else_are_never_replaced(crops, tmp_path) -> None:
    crops(tmp_path / "out")
    (tmp_path / "out" / "unsplit" / "person" / "mine.txt").write_text("keep me")
    code, _, err = crops(tmp_path / "out", "--margin", 0.3, "--force")
    assert code == 2
    assert "unsplit/person/mine.txt" in err
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("keep me")
    assert crops(tmp_path / "other", "--force")[0] == 2
    assert content(tmp_path / "other") == {"mine.txt": b"keep me"}


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_publishes_nothing(crops, tmp_path, monkeypatch) -> None:
    crops(tmp_path / "out")
    before = content(tmp_path / "out")
    write = os.write

    def full(handle, body):
        write_to = os.open("/dev/full", os.O_WRONLY)
        try:
            return write(write_to, body)
        finally:
            os.close(write_to)

    monkeypatch.setattr("curate.crops.pieces.os.write", full)
    code, told, err = crops(tmp_path / "out", "--margin", 0.3, "--force")
    assert (code, told) == (2, None)
    assert "No space left on device" in err
    assert "nothing is published" in err
    assert content(tmp_path / "out") == before
    monkeypatch.undo()
    assert crops(tmp_path / "out", "--margin", 0.3, "--force")[0] == 0


def test_an_output_that_cannot_be_made_ends_with_2(crops, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    code, told, err = crops(tmp_path / "file" / "out")
    assert (code, told) == (2, None)
    assert "nothing is published" in err


def _two_in_a_picture(tmp_path, objects, found, *, size=(160, 120), split=None):
    """One picture with objects and detections: class, then x y w h (then score)."""
    (tmp_path / "images").mkdir()
    picture(0, width=size[0], height=size[1]).save(tmp_path / "images" / "0.jpg")
    names = sorted({row[0] for row in (*objects, *found)})
    ids = {name: n for n, name in enumerate(names, 1)}
    image = {"id": 1, "file_name": "0.jpg", "width": size[0], "height": size[1]}
    truth = [
        {"id": n, "image_id": 1, "category_id": ids[name], "bbox": box}
        for n, (name, box) in enumerate(objects, 1)
    ]
    dets = [
        {"image_id": 1, "category_id": ids[name], "bbox": box, "score": score}
        for name, box, score in found
    ]
    kinds = [{"id": n, "name": name} for name, n in ids.items()]
    document = {"images": [image], "annotations": truth, "categories": kinds}
    (tmp_path / "truth.json").write_text(json.dumps(document))
    (tmp_path / "dets.json").write_text(json.dumps(dets))
    return {"source": tmp_path / "truth.json", "dets": tmp_path / "dets.json",
            "images": tmp_path / "images"}  # fmt: skip


def test_a_weapon_in_a_persons_crop_gives_the_crop_its_label(crops, tmp_path) -> None:
    person = [40, 20, 40, 80]
    # Wholly inside the crop of 108 px about (60, 60); and half of one at its right edge, x = 114.
    objects = [("person", person), ("weapon", [70, 50, 10, 6])]
    words = _two_in_a_picture(tmp_path, objects, [("person", person, 0.9)])
    spec = tmp_path / "spec.yaml"
    spec.write_text("version: 1\nattribute: {label: weapon, of: person, as: armed}\n")
    crops(tmp_path / "out", "--spec", spec, **words)
    (row,) = manifest(tmp_path / "out").to_dict("records")
    assert (row["outcome"], row["label"], row["attribute"]) == ("matched", "armed", "yes")
    assert row["path"].startswith("unsplit/armed/")


def test_half_a_weapon_in_a_crop_puts_the_crop_aside(crops, tmp_path) -> None:
    person = [40, 20, 40, 80]
    objects = [("person", person), ("weapon", [112, 50, 4, 6])]
    words = _two_in_a_picture(tmp_path, objects, [("person", person, 0.9)])
    spec = tmp_path / "spec.yaml"
    spec.write_text("version: 1\nattribute: {label: weapon, of: person, as: armed}\n")
    crops(tmp_path / "out", "--spec", spec, **words)
    (row,) = manifest(tmp_path / "out").to_dict("records")
    rectangle = [row[f"rect_{edge}"] for edge in ("x1", "y1", "x2", "y2")]
    # Half of the height with its margin of 0.15: 80 / 2 + 12.
    assert rectangle == [8, 8, 112, 112]
    assert (row["label"], row["attribute"]) == ("person", "no")
    assert pd.isna(row["attribute_id"])
    objects[1][1][0] = 110
    (tmp_path / "again").mkdir()
    words = _two_in_a_picture(tmp_path / "again", objects, [("person", person, 0.9)])
    crops(tmp_path / "out2", "--spec", spec, **words)
    (row,) = manifest(tmp_path / "out2").to_dict("records")
    assert (row["outcome"], row["attribute"], row["attribute_ioa"]) == ("partial", "partial", 0.5)
    assert row["path"].startswith("aside/unsplit/partial/")


def test_a_box_under_the_least_side_makes_no_crop(crops, tmp_path) -> None:
    boxes = [[10, 10, 24, 30], [60, 10, 23.5, 30], [-14, 60, 37, 30]]
    found = [("person", box, 0.9) for box in boxes]
    words = _two_in_a_picture(tmp_path, [("person", box) for box in boxes], found)
    _, told, _ = crops(tmp_path / "out", **words)
    # The third has 23 px inside the picture.
    assert told["statuses"] == {"made": 1, "small": 2}
    rows = manifest(tmp_path / "out")
    why = rows[rows["status"] == "small"]["reason"].tolist()
    assert why == ["shorter side 23.0 px, under 24", "shorter side 23.5 px, under 24"]


def test_boxes_of_the_stored_frame_are_cut_from_it(crops, tmp_path) -> None:
    # Orientation 6 lays the picture on its side; the labels know only how it is stored.
    box = [10, 10, 40, 40]
    words = _two_in_a_picture(tmp_path, [("person", box)], [("person", box, 0.9)])
    crops(tmp_path / "plain", **words)
    image = picture(0)
    exif = image.getexif()
    exif[0x0112] = 6
    body = BytesIO()
    image.save(body, "JPEG", exif=exif)
    (tmp_path / "images" / "0.jpg").write_bytes(body.getvalue())
    code, _, _ = crops(tmp_path / "turned", **words)
    assert code == 0
    same = [manifest(tmp_path / name)["sha256"].tolist() for name in ("plain", "turned")]
    assert same[0] == same[1]


def test_frames_come_from_a_video(crops, tmp_path) -> None:
    import cv2

    (tmp_path / "videos").mkdir()
    writer = cv2.VideoWriter(
        str(tmp_path / "videos" / "cam.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120)
    )
    for number in range(6):
        writer.write(np.full((120, 160, 3), 40 * number, np.uint8))
    writer.release()
    truth, dets = [], []
    for number in (1, 4, 6):
        line = f"{number},1,20,20,40,40,1,1,1"
        truth.append(line)
        dets.append(f"{number},-1,20,20,40,40,0.9,-1,-1,-1")
    for name, lines in (("gt", truth), ("det", dets)):
        (tmp_path / "mot" / name / "cam" / name).mkdir(parents=True)
        path = tmp_path / "mot" / name / "cam" / name / f"{name}.txt"
        path.write_text("\n".join(lines) + "\n")
    code, _, err = crops(
        tmp_path / "out", source=tmp_path / "mot" / "gt", dets=tmp_path / "mot" / "det",
        images=tmp_path / "videos",
    )  # fmt: skip
    assert code == 0, err
    rows = manifest(tmp_path / "out").sort_values("frame")
    assert rows["frame"].tolist() == [1, 4, 6]
    shades = []
    for path in rows["path"]:
        with Image.open(tmp_path / "out" / path) as crop:
            shades.append(round(np.asarray(crop).mean() / 40))
    # Frame 1 is the first, which is black.
    assert shades == [0, 3, 5]


def test_predictions_in_shares_of_the_pictures_are_read_with_them(capsys, tmp_path) -> None:
    for kind, line in (("labels", "0 0.5 0.5 0.25 0.4"), ("preds", "0 0.5 0.5 0.25 0.4 0.9")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "a.txt").write_text(f"{line}\n")
    (tmp_path / "images").mkdir()
    picture(1).save(tmp_path / "images" / "a.jpg")
    (tmp_path / "names.txt").write_text("person\n")
    argv = ["crops", str(tmp_path / "labels"), "--from-detector", str(tmp_path / "preds"),
            "-o", str(tmp_path / "out"), "--classes", str(tmp_path / "names.txt")]  # fmt: skip
    assert main([*argv, "--to", "manifest"]) == 2
    # Here --size is that of the crops.
    assert (
        "--images DIR, or one size in px for all with --image-size WxH" in capsys.readouterr().err
    )
    assert main([*argv, "--images", str(tmp_path / "images")]) == 0
    row = manifest(tmp_path / "out").iloc[0]
    assert (row["outcome"], row["iou"], row["score"]) == ("matched", 1.0, 0.9)
    # 160 x 120 px.
    assert row[["x1", "y1", "x2", "y2"]].tolist() == pytest.approx([60, 36, 100, 84])


def test_crops_aside_are_counted_under_no_label(crops, tmp_path, street) -> None:
    found = json.loads((street / "dets.json").read_text())
    truth = json.loads((street / "truth.json").read_text())
    box = [10.0, 10.0, 40.0, 40.0]
    other = [12.0, 10.0, 40.0, 40.0]
    for number, edges in ((1, box), (2, other)):
        first = truth["annotations"][0]
        truth["annotations"].append(first | {"id": 900 + number, "image_id": 99, "bbox": edges})
    truth["images"].append(truth["images"][0] | {"id": 99})
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "dets.json").write_text(json.dumps([found[0] | {"image_id": 99, "bbox": box}]))
    _, told, _ = crops(
        tmp_path / "out", source=tmp_path / "truth.json", dets=tmp_path / "dets.json"
    )
    assert told["outcomes"]["ambiguous"] == 1
    assert told["crops"] == {"": {"": 1}}


def test_images_that_the_detections_do_not_have_are_told(crops, tmp_path, street) -> None:
    found = [d for d in json.loads((street / "dets.json").read_text()) if d["image_id"] < 3]
    text = "filename,width,height,class,xmin,ymin,xmax,ymax,score\n"
    for one in found:
        x, y, w, h = one["bbox"]
        name = f"{'ab'[one['image_id'] - 1]}/{one['image_id'] - 1:05d}.jpg"
        text += f"{name},160,120,person,{x},{y},{x + w},{y + h},{one['score']}\n"
    (tmp_path / "dets.csv").write_text(text)
    _, told, _ = crops(tmp_path / "out", dets=tmp_path / "dets.csv")
    assert told["notes"] == [
        f"{N - 2} images of the truth are none of the detections': all their objects are missed - "
        "leave them out if the detector has not seen them"
    ]


@pytest.mark.parametrize("words", [("--dry-run",), ("--to", "manifest"), ()])
def test_what_opens_no_pictures_says_that_it_does_not_thin(crops, tmp_path, words) -> None:
    (tmp_path / "spec.yaml").write_text("version: 1\nthin: {max_bits: 4}\n")
    _, told, _ = crops(tmp_path / "out", *words, "--spec", tmp_path / "spec.yaml")
    assert ["nothing is thinned" in note for note in told["notes"]] == [True] * bool(words)


@pytest.mark.parametrize("to", ["folder", "shards"])
def test_of_crops_that_look_alike_the_best_stays(crops, tmp_path, street, to) -> None:
    # Each second box is the first one moved by 1.5 px: the same class on the same object.
    (tmp_path / "spec.yaml").write_text("version: 1\nthin: {max_bits: 32}\n")
    code, told, _ = crops(tmp_path / "out", "--spec", tmp_path / "spec.yaml", "--to", to)
    rows = manifest(tmp_path / "out")
    assert (code, told["lost"]["images"]) == (0, 0)
    gone = rows[rows["status"] == "thinned"]
    assert told["statuses"]["thinned"] == len(gone) > 0
    assert gone["path"].isna().all()
    assert set(gone["reason"]) == {"like a crop that stays"}
    # Of each label the best crop of all stays.
    made = rows[rows["status"] == "made"].groupby("label")["score"].max()
    assert (
        made.to_dict()
        == rows[rows["label"].isin(made.index)].groupby("label")["score"].max().to_dict()
    )
    assert sum(told["crops"][""].values()) == (rows["status"] == "made").sum()
    assert crops(tmp_path / "out", "--spec", tmp_path / "spec.yaml", "--to", to)[1]["run"][
        "is_unchanged"
    ]


def test_another_limit_of_pixels_is_another_set(crops, tmp_path) -> None:
    code, told, _ = crops(tmp_path / "out", "--max-pixels", 100)
    assert (code, told["lost"]["images"]) == (1, N)
    assert crops(tmp_path / "out", "--max-pixels", 100)[1]["run"]["is_unchanged"]
    code, told, _ = crops(tmp_path / "out", "--max-pixels", 160 * 120)
    assert (code, told["lost"]["images"]) == (0, 0)


@pytest.mark.parametrize("to", ["folder", "shards", "manifest"])
def test_a_set_without_any_crop_is_whole(crops, tmp_path, to) -> None:
    code, told, _ = crops(tmp_path / "out", "--score-floor", 1.5, "--to", to)
    assert (code, told["detections"]) == (0, {"given": 6 * N, "below_floor": 6 * N})
    assert (told["outcomes"], told["crops"]) == ({"missed": 4 * N}, {})
    assert len(manifest(tmp_path / "out")) == 4 * N
    assert crops(tmp_path / "out", "--score-floor", 1.5, "--to", to)[1]["run"]["is_unchanged"]


def test_a_set_of_another_source_is_replaced_only_with_force(crops, tmp_path, street) -> None:
    crops(tmp_path / "out")
    code, _, err = crops(tmp_path / "out", "--name", "alley")
    assert code == 2
    assert "holds a set of another source (truth, now alley)" in err
    assert crops(tmp_path / "out", "--name", "alley", "--force")[0] == 0


def test_wrong_options_are_told_by_their_names(crops, tmp_path) -> None:
    _, _, err = crops(tmp_path / "out", "--image-size", "big")
    assert "--image-size is 'big', should be width x height in px" in err
    code, _, err = crops(tmp_path / "out", "--max-lost", -1)
    assert code == 2
    assert "--max-lost is -1, should be 0 or more" in err
