"""curate.yaml: what is refused, and how its words reach the audit."""

from __future__ import annotations

import dataclasses
import json

import pytest

from curate.cli import main
from curate.errors import UsageError
from curate.formats import ReadOptions
from curate.project import Project, find, resolve, write_new
from curate.resources import schema_text

SQUARE = (10, 10, 30, 30)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes curate.yaml in the folder that commands run in; gives the folder."""
    monkeypatch.chdir(tmp_path)

    def write(text):
        body = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "curate.yaml").write_bytes(body)
        return tmp_path

    return write


@pytest.fixture
def labels(tmp_path):
    """Writes COCO labels with boxes (x, y, w, h) in one image of 60 x 40 px."""

    def write(name="labels.json", boxes=(SQUARE,)):
        document = {
            "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}],
            "annotations": [
                {"id": n, "image_id": 1, "category_id": 1, "bbox": list(box)}
                for n, box in enumerate(boxes, 1)
            ],
            "categories": [{"id": 1, "name": "car"}],
        }
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


def audited(capsys, *words):
    """Exit code, counts per check and stderr of an audit."""
    capsys.readouterr()
    code = main(["audit", "--json", *words])
    shown = capsys.readouterr()
    return code, json.loads(shown.out)["counts"] if shown.out else None, shown.err


def test_a_folder_without_the_file_is_a_project_that_says_nothing(tmp_path):
    assert find(tmp_path) == Project(tmp_path)


REFUSED = [
    ("version: 1\ncheks: {}\n", "cheks"),
    ("version: 2\n", "version"),
    ("sources: {}\n", "version"),
    ("", "the file"),
    ("- version\n", "the file"),
    ("version: 1\nfail-on: errors\n", "fail-on: is 'errors'"),
    ("version: 1\nselect: BOX\n", "select: is 'BOX'"),
    ("version: 1\nsources: [a]\n", "sources"),
    ("version: 1\nsources: {street: {}}\n", "sources.street: has no 'path'"),
    ("version: 1\nsources: {street: {path: a, imgs: b}}\n", "imgs"),
    ("version: 1\nsources: {street: {path: 3}}\n", "sources.street.path: is 3"),
    ("version: 1\nsources: {street: {path: a, size: [60]}}\n", "sources.street.size"),
    ("version: 1\nsources: {street: {path: a, size: [60, 0]}}\n", "sources.street.size.1: 0"),
    ("version: 1\nchecks: {BOX-004: {min_side_px: 4}}\n", "checks.BOX-004: has no 'because'"),
    ("version: 1\nchecks: {BOX-004: {min_side_px: 4, because: ''}}\n", "checks.BOX-004.because"),
    ("version: 1\nchecks: {BOX-004: {min_side_px: four, because: x}}\n", "BOX-004.min_side_px"),
    ("version: 1\nchecks: {BOX-004: {min_side_px: .nan, because: x}}\n", "BOX-004.min_side_px"),
    ("version: 1\nchecks: {BOX-004: {min_side_px: .inf, because: x}}\n", "BOX-004.min_side_px"),
    ("version: 1\nsources: {\n", "cannot be read"),
    ("version: 1\n\tsources: x\n", "cannot be read"),
    (b"version: 1 # \xe9\n", "is no UTF-8"),
    ("version: !!python/object/apply:os.system [ls]\n", "cannot be read"),
    ("version: 2001-99-99\n", "cannot be read"),
    ("version: !!int ''\n", "cannot be read"),
    ("version: !!timestamp x\n", "cannot be read"),
    (f"version: {'9' * 5000}\n", "cannot be read"),
    ("version: " + "[" * 100_000, "nested too deeply"),
    ("version: " + "{a: " * 100_000, "nested too deeply"),
    ("version: &a 1\nselect: [*a]\n", "has an alias"),
    (f"version: 1\nchecks: {{BOX-004: {{min_side_px: 1{'0' * 400}, because: x}}}}\n", "finite"),
]


@pytest.mark.parametrize(("text", "key"), REFUSED)
def test_a_file_that_does_not_fit_is_refused_with_its_key(project, labels, capsys, text, key):
    project(text)
    code, out, err = audited(capsys, str(labels()))
    assert (code, out) == (2, None)
    assert err.startswith("curate: curate.yaml:")
    assert key in err
    assert err.count("\n") == 1


def test_an_unknown_parameter_is_refused_with_the_nearest(project, labels, capsys):
    project("version: 1\nchecks: {BOX-004: {min_side: 4, because: x}}\n")
    code, _, err = audited(capsys, str(labels()))
    assert code == 2
    assert "there is no parameter of BOX-004 'min_side' - did you mean 'min_side_px'?" in err


def test_an_unknown_check_is_refused_with_the_nearest(project, labels, capsys):
    project("version: 1\nchecks: {BOX-04: {min_side_px: 4, because: x}}\n")
    code, _, err = audited(capsys, str(labels()))
    assert code == 2
    assert "did you mean 'BOX-004'?" in err


@pytest.mark.parametrize(("limit", "counts"), [(30, {}), (40, {"BOX-004": 1})])
def test_parameters_of_checks_reach_the_audit(project, labels, capsys, limit, counts):
    path = labels(boxes=[SQUARE])
    project(f"version: 1\nchecks: {{BOX-004: {{min_side_px: {limit}, because: far cameras}}}}\n")
    assert audited(capsys, str(path))[:2] == (0, counts)


def test_a_check_may_be_named(project, labels, capsys):
    project("version: 1\nchecks: {box-side-small: {min_side_px: 40, because: far cameras}}\n")
    assert audited(capsys, str(labels()))[1] == {"BOX-004": 1}


def test_the_command_line_wins_over_the_file(project, labels, capsys):
    path = str(labels(boxes=[(50, 10, 20, 20), (5, 5, 1, 9)]))
    project("version: 1\nselect: [BOX-004]\nignore: [BOX-002]\nfail-on: warning\n")
    assert audited(capsys, path)[:2] == (1, {"BOX-004": 1})
    assert audited(capsys, path, "--fail-on", "error")[:2] == (0, {"BOX-004": 1})
    assert audited(capsys, path, "--select", "BOX")[1] == {"BOX-004": 1}
    words = ("--select", "BOX", "--ignore", "BOX-004")
    assert audited(capsys, path, *words)[:2] == (1, {"BOX-002": 1})


def test_never_to_fail_may_stand_in_the_file(project, labels, capsys):
    project("version: 1\nfail-on: never\n")
    assert audited(capsys, str(labels(boxes=[(50, 10, 20, 20)])))[:2] == (0, {"BOX-002": 1})


def test_a_source_is_given_by_its_name_and_named_by_it(project, labels, capsys):
    labels("deep/labels.json", boxes=[(50, 10, 20, 20)])
    labels("other.json")
    project("version: 1\nsources: {street: {path: deep/labels.json}, yard: {path: other.json}}\n")
    assert audited(capsys, "yard")[:2] == (0, {})
    code, counts, err = audited(capsys, "street")
    assert (code, counts) == (1, {"BOX-002": 1})
    assert err.startswith("street (coco): ")


def test_a_path_that_is_no_name_is_still_a_path(project, labels, capsys):
    project("version: 1\nsources: {street: {path: gone.json}}\n")
    assert audited(capsys, str(labels()))[0] == 0


def test_the_only_source_need_not_be_named(project, labels, capsys):
    labels()
    project("version: 1\nsources: {street: {path: labels.json}}\n")
    assert audited(capsys)[0] == 0


@pytest.mark.parametrize(
    ("sources", "listed"), [("{}", "none"), ("{a: {path: x}, b: {path: y}}", "a, b")]
)
def test_without_a_source_the_names_are_listed(project, capsys, sources, listed):
    project(f"version: 1\nsources: {sources}\n")
    code, _, err = audited(capsys)
    assert code == 2
    assert f"no source given, and curate.yaml names {listed}" in err


FULL = Project(
    sources={
        "street": {
            "path": "labels", "images": "pictures", "format": "voc", "truth": "t.json",
            "classes": ["person", "car"], "size": [60, 40], "class-ids": "index",
            "max-pixels": 5,
        }
    }
)  # fmt: skip


def test_paths_are_relative_to_the_file(tmp_path):
    path, told = resolve(dataclasses.replace(FULL, folder=tmp_path), "street", ReadOptions())
    assert path == tmp_path / "labels"
    assert told == ReadOptions(
        name="street",
        images=tmp_path / "pictures",
        format="voc",
        truth=tmp_path / "t.json",
        classes=("person", "car"),
        size_wh=(60, 40),
        class_ids="index",
        max_pixels=5,
    )


def test_a_source_may_say_all_that_the_schema_knows():
    schema = json.loads(schema_text("project-1.schema.json"))
    source = schema["properties"]["sources"]["additionalProperties"]
    assert set(FULL.sources["street"]) == set(source["properties"])


def test_an_annotation_file_that_is_a_source_lends_its_name(tmp_path):
    own = {"path": "d.json", "truth": "x/../labels.json"}
    project = Project(tmp_path, sources={"yard": {"path": "labels.json"}, "found": own})
    assert resolve(project, "found", ReadOptions())[1].truth_name == "yard"
    elsewhere = ReadOptions(truth=tmp_path / "labels.json")
    assert resolve(project, "found", elsewhere)[1].truth_name is None


def test_each_option_of_the_command_line_wins(tmp_path):
    given = ReadOptions(
        name="yard",
        images=tmp_path / "other",
        format="kitti",
        truth=tmp_path / "other.json",
        classes=("dog",),
        size_wh=(9, 9),
        class_ids="own",
        max_pixels=7,
    )
    assert resolve(FULL, "street", given)[1] == given


def test_absolute_paths_in_the_file_stay(tmp_path):
    project = Project(tmp_path, sources={"street": {"path": str(tmp_path / "x" / "labels")}})
    assert resolve(project, "street", ReadOptions())[0] == tmp_path / "x" / "labels"


def test_pictures_and_classes_of_the_file_reach_the_reader(project, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("1 0.5 0.5 0.5 0.5")
    project(
        "version: 1\nsources:\n  street:\n    path: a.txt\n    size: [60, 40]\n"
        "    classes: [person, car]\n"
    )
    code, counts, err = audited(capsys, "street")
    assert (code, counts) == (0, {}), err


def test_a_written_file_is_found_again(tmp_path):
    write_new(tmp_path, source=tmp_path / "labels", images=None, force=False)
    project = find(tmp_path)
    assert project.fail_on == "error"
    assert project.sources == {"labels": {"path": (tmp_path / "labels").as_posix()}}


def test_no_source_at_all_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="name a path or one of them"):
        resolve(Project(tmp_path), None, ReadOptions())


def test_a_few_lines_that_unfold_to_a_billion_words_are_refused(project, tmp_path):
    unfold = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    project(f"a0: &a0 word\n{unfold}version: 1\nselect: *a9\n")
    with pytest.raises(UsageError, match="alias"):
        find(tmp_path)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "loop"])
def test_a_path_that_no_file_can_have_is_no_truth_of_another_name(tmp_path, name):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    sources = {"found": {"path": "r.json", "truth": name}, "odd": {"path": name}}
    path, options = resolve(Project(folder=tmp_path, sources=sources), "found", ReadOptions())
    assert path == tmp_path / "r.json"
    assert options.truth == tmp_path / name
