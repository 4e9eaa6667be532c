"""A small street set that the project draws itself, with planted faults of known truth.

`scene` plans the pictures, `figures` and `draw` paint them, `labels` writes what two annotators and
a detector say about them, `plant` breaks a part of that and keeps a record, `score` counts how much
of it an audit found. Nothing here uses the rest of the package: what judges is not what is judged.
"""

from __future__ import annotations

import json
from pathlib import Path


def draw_street(folder: Path, *, seed: int = 0) -> Path:
    """The path of `truth.json` in a folder that now holds the whole set.

    `images/` has the pictures; `street_coco/`, `street_voc/`, `street_kitti/` and
    `street_makesense/` have the label files with the planted faults, `detections.json` the COCO
    results of a made-up detector. The same seed gives the same bytes. `truth.json` is written last:
    a folder without it is not finished.

    Parameters
    ----------
    folder
        A folder that is empty or does not exist.
    seed
        Not negative.

    Raises
    ------
    FileExistsError
        When the folder holds something.
    """
    # Imported here: `curate --help` must load neither numpy nor Pillow.
    from curate.demo.draw import encode
    from curate.demo.labels import SOURCES, clean_pages, detections, render
    from curate.demo.plant import choose_pictures, plant
    from curate.demo.scene import plan_orphan, plan_scenes

    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder}: holds files already - give a new or an empty folder")
    scenes, orphan = plan_scenes(seed), plan_orphan(seed)
    pictures = choose_pictures(scenes, orphan, seed)
    (folder / "images").mkdir(parents=True)
    for scene in [*scenes, orphan]:
        if scene.name != pictures.missing:
            body = encode(scene)
            kept = len(body) // 2 if scene.name == pictures.cut else len(body)
            (folder / "images" / scene.name).write_bytes(body[:kept])
    clean = clean_pages(scenes, seed)
    _write(folder / "detections.json", detections(clean["street_coco"], seed))
    faulty, planted = plant(clean, pictures, seed)
    for source in SOURCES:
        for file, text in render(source, faulty[source]).items():
            _write(folder / source / file, text)
    return _write_truth(folder, SOURCES, planted)


def _write_truth(folder: Path, sources: tuple[str, ...], planted: list[dict[str, object]]) -> Path:

    truth = {
        "schema": "curate.demo-truth/1",
        "sources": {source: {"path": source, "images": "images"} for source in sources},
        "planted": planted,
    }
    path = folder / "truth.json"
    _write(path, json.dumps(truth, ensure_ascii=False, indent=1) + "\n")
    return path


def _write(path: Path, text: str) -> None:
    """Writes UTF-8 with LF, on Windows too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
