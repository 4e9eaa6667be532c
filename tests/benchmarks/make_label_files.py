"""Makes folders of many small label files with their pictures, as YOLO and as VOC.

    python tests/benchmarks/make_label_files.py yolo|voc FOLDER N [--picture WxH]

YOLO: `labels/train/`, `images/train/`, data.yaml, seven rows a file. VOC: `Annotations/`,
`JPEGImages/`, three objects a file. Each picture is a JPEG of its own bytes and of one size.
"""

from __future__ import annotations

import argparse
import io
import random
from pathlib import Path

from PIL import Image

N_ROWS = 7
N_OBJECTS = 3
N_CLASSES = 20
SEED = 5
PICTURE_WH = (64, 48)


def yolo_text(random_: random.Random) -> str:
    """The rows of one label file."""
    rows = []
    for _ in range(N_ROWS):
        w, h = random_.uniform(0.05, 0.5), random_.uniform(0.05, 0.5)
        cx, cy = random_.uniform(w / 2, 1 - w / 2), random_.uniform(h / 2, 1 - h / 2)
        rows.append(f"{random_.randrange(N_CLASSES)} {cx:.6f} {cy:.6f} {w:.6f} {h:.6f}\n")
    return "".join(rows)


def voc_text(random_: random.Random, picture: str, size_wh: tuple[int, int]) -> str:
    """One annotation file, laid out as VOC's own."""
    width, height = size_wh
    objects = []
    for _ in range(N_OBJECTS):
        x1, y1 = random_.randint(1, width - 8), random_.randint(1, height - 8)
        corners = (x1, y1, random_.randint(x1 + 4, width), random_.randint(y1 + 4, height))
        names = ("xmin", "ymin", "xmax", "ymax")
        box = "".join(f"\t\t\t<{n}>{v}</{n}>\n" for n, v in zip(names, corners, strict=True))
        objects.append(
            f"\t<object>\n\t\t<name>class{random_.randrange(N_CLASSES)}</name>\n"
            "\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n"
            f"\t\t<difficult>0</difficult>\n\t\t<bndbox>\n{box}\t\t</bndbox>\n\t</object>\n"
        )
    return (
        f"<annotation>\n\t<folder>made</folder>\n\t<filename>{picture}</filename>\n"
        "\t<source>\n\t\t<database>made here</database>\n\t</source>\n"
        f"\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n"
        "\t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n"
        f"{''.join(objects)}</annotation>\n"
    )


def make(kind: str, folder: Path, n_files: int, picture_wh: tuple[int, int]) -> None:
    """Nothing; writes the folder."""
    random_ = random.Random(SEED)
    pictures = folder / ("images/train" if kind == "yolo" else "JPEGImages")
    labels = folder / ("labels/train" if kind == "yolo" else "Annotations")
    for made in (pictures, labels):
        made.mkdir(parents=True)
    plain = Image.effect_noise(picture_wh, 40).convert("RGB")
    for number in range(n_files):
        body = io.BytesIO()
        # A comment makes each file of its own bytes: equal ones would be a finding.
        if number == 0:
            plain.save(body, "JPEG", comment=b"#" * 8)
            first = body.getvalue()
        stem = f"{number:06d}"
        (pictures / f"{stem}.jpg").write_bytes(first.replace(b"#" * 8, b"%08d" % number, 1))
        if kind == "yolo":
            (labels / f"{stem}.txt").write_text(yolo_text(random_))
        else:
            text = voc_text(random_, f"{stem}.jpg", picture_wh)
            (labels / f"{stem}.xml").write_text(text)
    if kind == "yolo":
        names = ", ".join(f"class{number}" for number in range(N_CLASSES))
        text = f"train: images/train\nnc: {N_CLASSES}\nnames: [{names}]\n"
        (folder / "data.yaml").write_text(text)


def main() -> None:
    """Nothing; makes what the command line asks for."""
    parser = argparse.ArgumentParser(description="Make many label files.")
    parser.add_argument("kind", choices=("yolo", "voc"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("n_files", type=int)
    parser.add_argument("--picture", default="x".join(map(str, PICTURE_WH)), help="WxH in px")
    asked = parser.parse_args()
    width, height = map(int, asked.picture.split("x"))
    make(asked.kind, asked.folder, asked.n_files, (width, height))


if __name__ == "__main__":
    main()
