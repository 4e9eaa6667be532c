import hashlib
import subprocess
import sys

import pytest

from curate.demo import draw_street

PROGRAM = """
import pathlib, sys
from curate.demo import draw_street
draw_street(pathlib.Path(sys.argv[1]))
"""


def digest(folder):
    """One hash over the names and bytes of all files."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def test_same_seed_gives_the_same_bytes_in_another_process(street, tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "again")]
    subprocess.run(command, check=True)
    assert digest(tmp_path / "again") == digest(street.folder)


def test_another_seed_gives_other_pictures(street, tmp_path):
    draw_street(tmp_path, seed=1)
    other = (tmp_path / "images/street_00.jpg").read_bytes()
    assert other != (street.folder / "images/street_00.jpg").read_bytes()


def test_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="new or an empty folder"):
        draw_street(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_folder_holds_what_the_docstring_says(street):
    assert sorted(path.name for path in street.folder.iterdir()) == [
        "detections.json", "images", "street_coco", "street_kitti", "street_makesense",
        "street_voc", "truth.json",
    ]  # fmt: skip


def test_set_is_small(street):
    assert sum(p.stat().st_size for p in street.folder.rglob("*") if p.is_file()) < 4 << 20
