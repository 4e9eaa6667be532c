"""Every JSON document that curate writes fits its schema, and every schema has its document."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image

from curate.cli import main
from curate.resources import schema_text
from tests.conftest import REPOSITORY
from tests.formats.coco_documents import annotation, document, store

NAMES = {path.name for path in (REPOSITORY / "schemas").glob("*.json")}
# What people write: nothing in it says which schema it is.
SETTINGS = {
    "crop-spec-1.schema.json",
    "class-map-1.schema.json",
    "project-1.schema.json",
    "waivers-1.schema.json",
}

_CLOSED = {"additionalProperties", "unevaluatedProperties"}
# What they say of an object is about one that is closed elsewhere.
_CONDITIONS = {"if", "then", "else"}

Shown = Callable[..., Any]  # a command line to the document that it prints


def fitting(text: str, name: str) -> Any:
    """The document of a JSON text, after a look at its schema."""
    document = json.loads(text)
    validator = jsonschema.Draft202012Validator(json.loads(schema_text(name)))
    validator.validate(document)
    return document


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """Runs a command with --json; gives its document, which fits the schema of the command."""

    def run(*words: object) -> Any:
        main([*map(str, words), "--json"])
        return fitting(capsys.readouterr().out, f"{words[0]}-1.schema.json")

    return run


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """COCO labels with a finding: a category that is not there."""
    return store(tmp_path, document(annotation(1), annotation(2, category_id=99)))


def closed(schema: Any, at: str = "") -> list[str]:
    """The places of objects in a schema that take any key."""
    if isinstance(schema, list):
        return [place for part in schema for place in closed(part, at)]
    if not isinstance(schema, dict):
        return []
    open_here = "properties" in schema and not _CLOSED & schema.keys()
    inner = [
        place
        for key, part in schema.items()
        if key not in _CONDITIONS
        for place in closed(part, f"{at}/{key}")
    ]
    return [at] * open_here + inner


def test_each_document_named_in_the_code_has_a_schema_and_no_schema_stands_alone() -> None:
    code = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "curate").rglob("*.py")]
    named = {found for text in code for found in re.findall(r'"curate\.([a-z-]+)/(\d+)"', text)}
    assert {f"{name}-{version}.schema.json" for name, version in named} == NAMES - SETTINGS


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_object_of_a_schema_takes_unknown_keys(name: str) -> None:
    assert closed(json.loads(schema_text(name))) == []


def test_ingest_prints_a_document_of_its_schema(labels: Path, tmp_path: Path, shown: Shown) -> None:
    assert shown("ingest", labels, "-o", tmp_path / "set")["counts"] == {"SRC-004": 1}
    assert shown("ingest", labels, "-o", tmp_path / "none", "--dry-run")["output"] is None
    text = (tmp_path / "set" / "dataset.json").read_text(encoding="utf-8")
    assert fitting(text, "dataset-1.schema.json")["report"]["findings"] == {"SRC-004": 1}


def test_export_prints_and_leaves_a_document_of_its_schema(
    labels: Path, tmp_path: Path, shown: Shown
) -> None:
    printed = shown("export", labels, "--to", "voc", "-o", tmp_path / "out")
    assert printed["losses"]
    text = (tmp_path / "out" / ".curate-export").read_text(encoding="utf-8")
    kept = fitting(text, "export-1.schema.json")
    assert len(kept.pop("written")) == kept["files"] == 2
    assert kept == printed


def test_merge_prints_a_document_of_its_schema(tmp_path: Path, shown: Shown) -> None:
    sources = []
    for name, labels in (("a", ["motorbike", "car"]), ("b", ["car", "motorbyke"])):
        folder = tmp_path / name
        (folder / "pictures").mkdir(parents=True)
        Image.new("L", (100, 80)).save(folder / "pictures" / "a.jpg")
        kinds = [{"id": n, "name": label} for n, label in enumerate(labels, 1)]
        boxes = [annotation(n, category_id=n) for n in (1, 2)]
        sources.append(store(folder, document(*boxes, categories=kinds), f"{name}.json"))
    (tmp_path / "map.yaml").write_text("version: 1\nclasses: {car: vehicle}\n")
    pictures = [word for name in "ab" for word in ("--images", tmp_path / name / "pictures")]
    words = ("--map", tmp_path / "map.yaml", *pictures, "--duplicates", "drop")
    merged = shown("merge", *sources, *words, "-o", tmp_path / "both")
    clashes = ("classes", "class_ids", "alike", "same_names", "same_pictures", "dropped")
    assert all(merged[key] for key in clashes)
    assert merged["relabelled"] > 0
    assert shown("merge", *sources, "-o", tmp_path / "x", "--dry-run")["output"] is None


def test_relabel_prints_a_document_of_its_schema(
    labels: Path, tmp_path: Path, shown: Shown
) -> None:
    (tmp_path / "map.yaml").write_text("version: 1\nclasses: {car: ~, person: human, bus: bus}\n")
    words = ("--map", tmp_path / "map.yaml", "-o")
    done = shown("relabel", labels, *words, tmp_path / "set")
    assert done["changes"]
    assert done["unused"] == ["bus"]
    assert shown("relabel", labels, *words, tmp_path / "x", "--dry-run")["output"] is None


def test_review_apply_prints_a_document_of_its_schema(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "decisions.csv"
    rows = ["box,0000000000000001,,drop,ann", "box,0000000000000001,,confirm,bob"]
    rows.append("image,,instances/none.jpg,confirm,")
    path.write_text("\n".join(["subject,box_id,image,verdict,who", *rows]) + "\n")
    main([*map(str, ("review", "apply", path, labels, "--dry-run", "--json"))])
    done = fitting(capsys.readouterr().out, "review-apply-1.schema.json")
    assert len(done["not_applied"]) == 2
    assert len(done["contradictions"]) == done["overruled"] == 1


def test_fix_prints_a_document_of_its_schema(labels: Path, shown: Shown) -> None:
    assert shown("fix", labels, "--definitions", "box.visible", "--diff")["diff"] == []


def test_audit_prints_and_writes_documents_of_their_schemas(
    labels: Path, tmp_path: Path, shown: Shown
) -> None:
    assert shown("audit", labels)["counts"] == {"SRC-004": 1}
    assert shown("audit", labels, "--write-baseline", tmp_path / "known.json")["known"] == 1
    text = (tmp_path / "known.json").read_text(encoding="utf-8")
    assert fitting(text, "baseline-1.schema.json")["counts"] == {"SRC-004": 1}


def test_doctor_prints_a_document_of_its_schema(
    labels: Path, tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_URL", "http://127.0.0.1:1")
    report = shown("doctor", labels, tmp_path / "nothing")
    assert [source["reader"] for source in report["sources"]] == ["coco", None]
    assert {package["extra"] for package in report["packages"]} >= {None, "fiftyone"}


def test_the_demo_leaves_documents_of_their_schemas(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.chdir(tmp_path):
        assert main(["demo"]) == 0
    folder = tmp_path / "curate-demo"
    for file, name in ((".curate-demo", "demo"), ("truth.json", "demo-truth")):
        text = (folder / file).read_text(encoding="utf-8")
        assert fitting(text, f"{name}-1.schema.json")


def test_a_key_that_is_not_in_the_schema_is_refused(labels: Path, shown: Shown) -> None:
    document = shown("audit", labels)
    with pytest.raises(jsonschema.ValidationError):
        fitting(json.dumps(document | {"new": 1}), "audit-1.schema.json")
