"""What the doctor says of packages, servers and sources."""

from __future__ import annotations

import importlib.metadata
import json
import socket
from email.message import Message
from pathlib import Path

import pytest

from curate.cli import main
from curate.doctor import as_text, examine
from tests.formats.coco_documents import annotation, document, store


def test_core_packages_are_there_with_version_and_licence() -> None:
    core = {p.name: p for p in examine().packages if p.extra is None}
    assert core["numpy"].version == importlib.metadata.version("numpy")
    assert all(package.version and package.licence for package in core.values())
    assert not any(package.is_refused for package in core.values())


def test_extras_that_are_not_installed_are_told_with_the_command() -> None:
    report = examine()
    missing = [p for p in report.packages if p.extra == "augment" and p.version is None]
    if not missing:
        pytest.skip("the extra [augment] is installed here")
    assert report.is_well
    assert "pip install 'curate[augment]' brings albumentations" in as_text(report)


def test_a_licence_that_must_not_be_imported_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.distribution

    class Stranger:
        version = "1.0"
        metadata = Message()

    Stranger.metadata["License-Expression"] = "AGPL-3.0-only"

    def distribution(name: str) -> object:
        return Stranger if name == "numpy" else real(name)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    report = examine()
    assert not report.is_well
    assert "!! numpy 1.0" in as_text(report)


def test_a_server_that_listens_is_reachable_and_its_password_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("FIFTYONE_DATABASE_URI", f"mongodb://me:secret@127.0.0.1:{port}/x")
        report = examine()
        database = report.services[0]
        assert database.is_reachable
        assert database.address == f"mongodb://127.0.0.1:{port}"
        assert "secret" not in json.dumps(report.to_json()) + as_text(report)
    database = examine().services[0]
    assert not database.is_reachable
    assert "does not answer" in database.message


def test_a_source_names_its_reader_and_how_many_files_it_claims(tmp_path: Path) -> None:
    path = store(tmp_path, document(annotation(1)))
    (tmp_path / "notes.md").write_text("x")
    found = examine((path, tmp_path)).sources
    assert [(s.reader, s.claims) for s in found] == [("coco", {"coco": 1})] * 2
    assert found[1].message == "1 of 2 files are coco by their content; 1 others"


def test_a_source_without_a_reader_is_told_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.md").write_text("x")
    assert main(["doctor", str(tmp_path), str(tmp_path / "nothing"), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "curate.doctor/1"
    assert [source["reader"] for source in document["sources"]] == [None, None]
    assert "no such file" in document["sources"][1]["message"]
