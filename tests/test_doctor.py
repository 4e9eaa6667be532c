"""What the doctor says of packages, servers and sources."""

from __future__ import annotations

import importlib.metadata
import json
import socket
import time
from dataclasses import replace
from email.message import Message
from pathlib import Path

import pytest

import curate
from curate.cli import main
from curate.doctor import Package, as_text, examine, examine_fiftyone
from curate.formats import READERS
from curate.formats.reading import Files
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


@pytest.mark.parametrize(
    "address",
    [
        "mongodb://me:secret/word@127.0.0.1:1/x", "mongodb://me:secret@127.0.0.1:secret",
        "mongodb+srv://me:secret@cluster.invalid/x", "me:secret@127.0.0.1:1",
        "mongodb://me:secret@127.0.0.1:1,127.0.0.1:2/?replicaSet=rs", "mongodb://[secret",
    ],
)  # fmt: skip
def test_no_part_of_a_password_is_told_of_any_address(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_DATABASE_URI", address)
    monkeypatch.setenv("LABEL_STUDIO_URL", address.replace("mongodb", "http"))
    report = examine()
    assert not any(service.is_reachable for service in report.services)
    assert "secret" not in json.dumps(report.to_json()) + as_text(report)


def test_an_address_that_the_driver_looks_up_is_not_tried_and_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_DATABASE_URI", "mongodb+srv://cluster.invalid/x")
    database = examine_fiftyone().services[0]
    assert database.is_reachable is None
    report = replace(examine_fiftyone(), packages=())
    assert report.is_well
    assert "?? FiftyOne's database at mongodb+srv://cluster.invalid" in as_text(report)


def test_a_version_that_is_not_wanted_is_told_with_the_mend() -> None:
    old = Package("fiftyone", "<2,>=1.22", "fiftyone", "1.9.3", "Apache-2.0", is_refused=False)
    report = replace(examine_fiftyone(), packages=(old,), services=())
    assert not report.is_well
    told = as_text(report)
    assert "-- fiftyone 1.9.3, should be <2,>=1.22" in told
    assert "pip install 'curate[fiftyone]' brings fiftyone" in told
    assert replace(report, packages=(replace(old, version="1.22.0"),)).is_well


def test_a_second_host_that_answers_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("FIFTYONE_DATABASE_URI", f"mongodb://127.0.0.1:1,127.0.0.1:{port}/x")
        database = examine().services[0]
    assert database.is_reachable
    assert database.address == f"mongodb://127.0.0.1:1,127.0.0.1:{port}"


def test_a_server_that_never_answers_is_given_up_after_two_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 192.0.2.0/24 is for documentation (RFC 5737): nothing is there.
    monkeypatch.setenv("LABEL_STUDIO_URL", "http://192.0.2.1,192.0.2.2,192.0.2.3")
    monkeypatch.delenv("FIFTYONE_DATABASE_URI", raising=False)
    begin = time.monotonic()
    assert not examine().services[1].is_reachable
    assert time.monotonic() - begin < 3


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


XML = "<annotation><object><name>car</name></object></annotation>"


def test_each_reader_gives_what_it_takes_and_by_which_rule(tmp_path: Path) -> None:
    for name in ("a.xml", "b.xml", "c.xml"):
        (tmp_path / name).write_text(XML)
    (tmp_path / "notes.md").write_text("x")
    report = examine((tmp_path,))
    (source,) = report.sources
    found = {claim.reader: (claim.taken, claim.looked) for claim in source.evidence}
    assert found == {"voc": (3, 3), "cvat": (0, 3), "makesense": (0, 3)}
    assert source.evidence[0].files == ("a.xml", "b.xml", "c.xml")
    assert {*found, *source.idle} == set(READERS)
    text = as_text(report)
    assert "  ok voc takes 3 of 3 .xml files: The .xml files whose root element is `annot" in text
    assert "  -- cvat takes 0 of 3 .xml files: The .xml files whose root element is `anno" in text


def test_the_evidence_is_what_the_deciding_function_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.xml").write_text(XML)

    def claims(files: Files) -> list[str]:
        """The files that hold the word car."""
        return [name for name in files.files if b"car" in files.read(name)]

    monkeypatch.setattr("curate.formats.cvat.claims", claims)
    (source,) = examine((tmp_path,)).sources
    assert source.reader is None
    assert source.claims == {"voc": 1, "cvat": 1}
    rules = {claim.reader: claim.rule for claim in source.evidence}
    assert rules["cvat"] == "The files that hold the word car."


def test_an_unclear_source_says_which_from_to_give(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(XML)
    store(tmp_path, document(annotation(1)))
    (source,) = examine((tmp_path,)).sources
    assert source.reader is None
    assert "holds 2 formats: coco (instances.json); voc (a.xml)" in source.message
    assert {"coco", "voc"} <= set(source.from_values)
    for value in source.from_values:
        assert curate.read(tmp_path, curate.ReadOptions(format=value)).format == value


def test_a_reader_that_must_be_told_more_says_what(tmp_path: Path) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "data.yaml").write_text("names: [car]\n")
    report = examine((tmp_path,))
    assert report.sources[0].reader == "yolo"
    assert "--size WxH" in (report.sources[0].asks or "")
    assert "reading it ends: " in as_text(report)


def test_fiftyone_alone_is_ill_without_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        # Bound and not listening: nobody answers there.
        taken.bind(("127.0.0.1", 0))
        uri = f"mongodb://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("FIFTYONE_DATABASE_URI", uri)
        assert main(["doctor", "fiftyone", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert {package["extra"] for package in document["packages"]} == {"fiftyone"}
    (service,) = document["services"]
    assert service["address"] == uri
    assert "start it, or correct FIFTYONE_DATABASE_URI" in service["message"]


def test_the_address_in_fiftyones_own_settings_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIFTYONE_DATABASE_URI", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"mongodb://127.0.0.1:{server.getsockname()[1]}"
        (tmp_path / "config.json").write_text(json.dumps({"database_uri": uri}))
        monkeypatch.setenv("FIFTYONE_CONFIG_PATH", str(tmp_path / "config.json"))
        database = examine().services[0]
    assert (database.address, database.is_reachable) == (uri, True)


def test_a_folder_called_fiftyone_is_a_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fiftyone").mkdir()
    store(tmp_path / "fiftyone", document(annotation(1)))
    monkeypatch.chdir(tmp_path)
    main(["doctor", "fiftyone", "--json"])
    assert [s["reader"] for s in json.loads(capsys.readouterr().out)["sources"]] == ["coco"]
