"""What `curate browse` says where it cannot show anything."""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path

import pytest

from curate.cli import main
from tests.browse.conftest import coco, picture


@pytest.fixture
def source(tmp_path: Path) -> list[str]:
    picture(tmp_path / "images" / "a.jpg", (100, 50))
    images = [{"file_name": "a.jpg", "width": 100, "height": 50}]
    path = coco(tmp_path, images, [{"image_id": 1, "bbox": [10, 20, 20, 5]}])
    return [str(path), "--images", str(tmp_path / "images")]


@pytest.mark.skipif(importlib.util.find_spec("fiftyone") is not None, reason="FiftyOne is here")
def test_without_fiftyone_the_command_to_install_it_is_told(source, capsys) -> None:
    assert main(["browse", *source, "--no-launch"]) == 2
    assert capsys.readouterr().err.endswith('not installed - pip install "curate[fiftyone]"\n')


@pytest.mark.skipif(importlib.util.find_spec("fiftyone") is not None, reason="FiftyOne is here")
def test_pulling_without_fiftyone_tells_the_command_to_install_it(tmp_path: Path, capsys) -> None:
    out = tmp_path / "decisions.parquet"
    assert main(["review", "pull", "--from", "fiftyone", "-o", str(out)]) == 2
    assert capsys.readouterr().err.endswith('not installed - pip install "curate[fiftyone]"\n')
    assert not out.exists()


@pytest.mark.skipif(importlib.util.find_spec("fiftyone") is None, reason="needs FiftyOne")
def test_a_database_that_does_not_answer_is_told_at_once(source, capsys, monkeypatch) -> None:
    with socket.socket() as taken:
        # Bound and not listening: nobody answers there.
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("FIFTYONE_DATABASE_URI", f"mongodb://{address}")
        assert main(["browse", *source, "--no-launch"]) == 2
    told = capsys.readouterr().err
    assert f"FiftyOne's database at mongodb://{address}: does not answer" in told
    assert "start it, or correct FIFTYONE_DATABASE_URI" in told


def test_a_port_in_use_is_refused_before_anything_is_read(capsys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert main(["browse", "nothing-is-here", "--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert f"127.0.0.1: port {port} is in use - " in told.replace(f"{os.sep}", "/")
    assert "choose another with --port" in told


def test_labels_without_pictures_are_told_to_name_them(source, capsys) -> None:
    assert main(["browse", source[0], "--no-launch"]) == 2
    assert "has no picture, and FiftyOne shows pictures - name their folder" in (
        capsys.readouterr().err
    )


def test_an_audit_that_is_none_is_refused(source, tmp_path: Path, capsys) -> None:
    (tmp_path / "x.json").write_text("{}")
    assert main(["browse", *source, "--audit", str(tmp_path / "x.json"), "--no-launch"]) == 2
    assert "is no audit of schema curate.audit/1" in capsys.readouterr().err


def test_a_subset_of_unknown_images_is_refused_with_its_line(source, tmp_path, capsys) -> None:
    (tmp_path / "night.txt").write_text("labels/a.jpg\nlabels/z.jpg\n")
    assert main(["browse", *source, "--subset", str(tmp_path / "night.txt"), "--no-launch"]) == 2
    assert "night.txt:2: there is no image 'labels/z.jpg'" in capsys.readouterr().err
