"""Definitions on datasets: verdicts, the impact of a change, project files to start from."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import curate
from curate import ReadOptions
from curate.auditing import audit
from curate.dataset import Dataset
from curate.defining import clause_page, impact, judged, new_project
from curate.definitions.loading import load
from curate.definitions.model import Definitions
from curate.errors import CurateError, UsageError
from tests.definitions.making import Row, box, clause, dataset, loaded, project, rules

# ---- verdicts and impact


def verdicts(made: Dataset, definitions: Definitions) -> list[tuple[str, str]]:
    """The verdict of each box, and the clauses that it does not meet."""
    table = judged(made, definitions).verdicts()
    return list(zip(table["verdict"], table["clauses"], strict=True))


def test_the_verdict_is_the_strongest_action_of_the_clauses_not_met() -> None:
    definitions = loaded(rules(
        "thing",
        clause("THI-001", "width > 5", missing="skip", action="flag"),
        clause("THI-002", "height > 5", missing="skip", action="reject"),
        clause("THI-003", "label != 'human' or width > 1", missing="fail", action="set_ignore"),
        clause("THI-004", when="width > 0"),
    ))  # fmt: skip
    made = dataset([box(0, 0, 9, 9), box(0, 0, 3, 9), box(0, 0, 3, 3), box(0, 0, 1, 9)])
    assert verdicts(made, definitions) == [
        ("accept", ""), ("flag", "THI-001"), ("reject", "THI-001 THI-002"),
        ("set_ignore", "THI-001 THI-003"),
    ]  # fmt: skip


@pytest.mark.parametrize(("missing", "verdict"), [("fail", "reject"), ("review", "review")])
def test_of_what_nobody_knows_to_be_wrong_a_person_decides(missing: str, verdict: str) -> None:
    one = clause("THI-001", "truncated < 0.5", missing=missing, action="reject")
    made = dataset([box(0, 0, 9, 9), box(0, 0, 9, 9, truncated=0.9), box(0, 0, 9, 9, truncated=0)])
    assert verdicts(made, loaded(rules("thing", one))) == [
        (verdict, "THI-001"), ("reject", "THI-001"), ("accept", "")
    ]  # fmt: skip


def test_both_boxes_of_a_pair_and_all_of_a_track_have_its_verdict() -> None:
    rows = [box(0, 0, 9, 9, track_id="1"), box(0, 0, 9, 8), box(90, 0, 99, 8, track_id="1")]
    definitions = loaded(rules("thing", clause("THI-001", "iou < 0.5", "pair"),
                               clause("THI-002", "n_boxes > 2", "track")))  # fmt: skip
    assert verdicts(dataset(rows), definitions) == [
        ("flag", "THI-001 THI-002"), ("flag", "THI-001"), ("flag", "THI-002")
    ]  # fmt: skip


DECISIONS = {"whole": {"role": "include", "note": "all of it"},
             "cut": {"role": "ignore", "note": "a part"},
             "other": {"role": "exclude", "note": "something else"}}  # fmt: skip


def cone(min_px: float, *more: Row, cut: str = "ignore", cat: str = "other") -> Definitions:
    """A definition of cones: the limit of a clause, the role of cut ones, what cats are."""
    decisions = DECISIONS | {"cut": {"role": cut, "note": "a part"}}
    mapping = {"names": [{"class": "cone", "when": "truncated > 0.5", "as": "cut"},
                         {"class": "cone", "as": "whole"},
                         {"class": "cat", "as": cat}]}  # fmt: skip
    clauses = [clause("CON-001", "width >= min_px", missing="skip", action="reject"), *more]
    return loaded(rules("cone", *clauses, label="cone", params={"min_px": min_px},
                        decisions=decisions, mapping=mapping))  # fmt: skip


CONES = [
    box(0, 0, 4, 9, label="cone", image="b"),
    box(0, 0, 9, 9, label="cone", truncated=0.9),
    box(0, 0, 6, 9, label="cone"),
    box(0, 0, 9, 9, label="cat"),
]


def test_nothing_changes_between_equal_definitions() -> None:
    told = impact(cone(5), cone(5), dataset(CONES))
    assert (len(told.boxes), told.n_boxes, told.counts(), told.clauses()) == (0, 4, [], [])


def test_a_higher_limit_changes_the_verdict_of_what_lies_between() -> None:
    made = dataset(CONES)
    told = impact(cone(5), cone(7), made)
    assert told.boxes["box_id"].tolist() == [made.boxes["box_id"].iloc[2]]
    assert told.boxes["image_key"].tolist() == ["s/a"]
    assert told.counts() == [("verdict", "accept", "reject", 1)]
    assert told.clauses() == [("CON-001", 0, 1)]
    back = impact(cone(7), cone(5), made)
    assert back.counts() == [("verdict", "reject", "accept", 1)]
    assert back.clauses() == [("CON-001", 1, 0)]


def test_another_role_and_another_decision_are_told_with_their_numbers() -> None:
    told = impact(cone(5), cone(5, cut="exclude", cat="whole"), dataset(CONES))
    assert told.counts() == [
        ("decision", "other", "whole", 1), ("label", "cat", "cone", 1),
        ("role", "exclude", "include", 1), ("role", "ignore", "exclude", 1),
    ]  # fmt: skip
    assert told.boxes["label_before"].tolist().count("cat") == 1


def test_an_added_clause_is_told_even_where_the_verdict_stays() -> None:
    more = clause("CON-002", "width > 4", missing="skip")
    told = impact(cone(5), cone(5, more), dataset(CONES))
    assert told.counts() == []
    assert told.clauses() == [("CON-002", 0, 1)]
    assert told.boxes["clauses_after"].tolist() == ["CON-001 CON-002"]


def test_the_impact_on_a_dataset_without_boxes_is_none() -> None:
    told = impact(cone(5), cone(7, cut="include"), dataset([], {"a": {}}))
    assert (len(told.boxes), told.counts(), told.clauses()) == (0, [], [])


def test_the_page_of_a_clause_says_all_that_its_file_says() -> None:
    clauses = {one.id: one for one in load(["project.cameras"]).clauses}
    page = clause_page(clauses["PER-012"])
    for words in ("PER-012 a-barely-visible-person-is-ignored [warning]",
                  "min_visible_share = 0.15",
                  "Where that cannot be told: fail", "Except when decision == 'body_part'",
                  "Done about it: set_ignore", "Example: Half is seen",
                  "The project has it so because of a person at a counter",
                  f"Stated by {clauses['PER-012'].stated_by}"):  # fmt: skip
        assert words in page
    assert "a question to a person" in clause_page(clauses["PER-011"])
    assert "Speaks in the place of BOX-002." in clause_page(clauses["VIS-002"])


# ---- project files to start from


def of_labels(*labels: str | None) -> Dataset:
    """A dataset with a box of each label."""
    return dataset([box(0, 0, 9, 9, label=label) for label in labels])


def started(made: Dataset, folder: Path, *uses: str, name: str | None = None) -> Definitions:
    """The definitions of a new project file, after a look at it."""
    path = folder / "own.yaml"
    path.write_text(new_project(made, uses, name), encoding="utf-8")
    return load([path])


def test_a_new_project_names_each_class_and_leaves_known_ones_to_their_definition(
    tmp_path: Path,
) -> None:
    made = of_labels("person", "forklift", "forklift", "man", None)
    definitions = started(made, tmp_path, "person", name="My site 7")
    own = definitions.parts[-1]
    assert own.id == "project.my_site_7"
    assert [one.name for one in own.classes] == ["person", "forklift"]
    assert own.decisions["forklift"].note.startswith("2 boxes of forklift")
    table = judged(made, definitions).mapped.table()
    assert table["label"].tolist() == ["person", "forklift", "forklift", "person", "person"]
    assert table["role"].tolist() == [*["include"] * 4, "review"]


def test_without_a_used_definition_boxes_without_a_class_are_for_review(tmp_path: Path) -> None:
    made = of_labels("cone", None, None)
    definitions = started(made, tmp_path)
    assert definitions.parts[-1].decisions["no_class"].note == "2 boxes without a class"
    assert judged(made, definitions).mapped.table()["role"].tolist() == ["include", *["review"] * 2]
    # What the file offers can be taken: a class that is background.
    assert definitions.parts[-1].decisions["other"].role == "exclude"


ODD = [
    "yes", "no", "on", "null", "true", "y", "~", "1", "1.5", "1e3", "0x1F", "12:30", "2001-01-01",
    "it's", 'say "so"', "a: b", "- a", "a #b", "{a}", "[a]", "&a", "*a", "!a", "%a", "@a", "`a`",
    "|", ">", "a\\b", "a\nb", "a\tb", " a ", "a\x7fb", "a\x85b", "a\u2028b", "a\ufeffb", "é",
    "\u4eba", "\U0001f600", "\U0001f469\u200d\U0001f467", "\u202eabc", "no class", "no_class",
    "other", "Other", "whole", "A B", "a-b", "a_b", "a b", "x" * 3000, "c_1", "c_lass", "null ",
    "<<", "=", "person", "group",
]  # fmt: skip


@pytest.mark.parametrize("uses", [(), ("person",), ("person", "head")])
def test_odd_names_of_classes_make_a_file_that_loads_and_maps_each(
    tmp_path: Path, uses: tuple[str, ...]
) -> None:
    made = of_labels(*ODD, None)
    definitions = started(made, tmp_path, *uses, name="odd: näme")
    found = judged(made, definitions).mapped.table()
    assert found["label"].tolist()[: len(ODD)] == ODD
    assert set(found["role"][: len(ODD)]) == {"include"}
    assert found["role"].iloc[-1] == "review"


@pytest.mark.parametrize("label", ODD)
def test_each_odd_name_alone_makes_a_file_that_loads(tmp_path: Path, label: str) -> None:
    made = of_labels(label)
    table = judged(made, started(made, tmp_path, name=label)).mapped.table()
    assert table["label"].tolist() == [label]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1,
                max_size=5, unique=True).filter(lambda labels: "*" not in labels))  # fmt: skip
def test_any_names_of_classes_make_a_file_that_loads(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str]
) -> None:
    made = of_labels(*labels)
    folder = tmp_path_factory.mktemp("any")
    table = judged(made, started(made, folder, name=labels[0])).mapped.table()
    assert table["label"].tolist() == labels


def test_a_dataset_without_boxes_has_no_classes_to_define() -> None:
    with pytest.raises(UsageError, match="s has no boxes, so that there are no classes to define"):
        new_project(dataset([], {"a": {}}), [])


@pytest.mark.parametrize(
    ("label", "why"), [("*", "which in a mapping stands for all classes"), ("", "which is no name")]
)
def test_a_class_that_no_rule_can_name_is_refused(label: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        new_project(of_labels("cone", label), [])
    assert str(caught.value) == (
        f"s has a class {label!r}, {why} - give the class another name with curate relabel"
    )


def test_a_definition_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'person'"):
        new_project(of_labels("cone"), ["persom"])


# ---- the shipped definition of persons on real labels, counted from the raw files

PERSON = load(["person"])


def counted(made: Dataset, definitions: Definitions = PERSON) -> Counter[tuple[Any, ...]]:
    """Boxes by source, the source's class, role and decision, after a look that each has all."""
    table = judged(made, definitions).mapped.table()
    assert table.notna().all().all()
    assert table["reason"].str.contains(": .+ -> .+ \\(.+\\)", regex=True).all()
    sources = made.images.set_index("image_id")["source"].loc[made.boxes["image_id"]]
    labels = made.boxes["label"].astype(object).where(made.boxes["label"].notna(), None)
    found = Counter(zip(sources, labels, table["role"], table["decision"], strict=True))
    for row, number in sorted(found.items(), key=str):
        print(*row, number)
    return Counter({row[1:]: n for row, n in found.items()})


def test_crowds_of_coco_are_ignored_as_groups(real_data: Path) -> None:
    path = real_data / "coco128" / "instances_all_as_published.json"
    document = json.loads(path.read_text())
    names = {one["id"]: one["name"] for one in document["categories"]}
    raw = Counter((names[one["category_id"]], one["iscrowd"]) for one in document["annotations"])
    wanted: Counter[tuple[Any, ...]] = Counter()
    for (name, is_crowd), number in raw.items():
        role = ("exclude", "other") if name != "person" else (
            ("ignore", "group") if is_crowd else ("include", "unstated_posture"))  # fmt: skip
        wanted[name, *role] += number
    assert wanted["person", "ignore", "group"] > 0
    assert counted(curate.read(path)) == wanted


def voc_objects(folder: Path) -> Iterator[ElementTree.Element]:
    """The objects of the XML files of a folder."""
    for path in sorted(folder.rglob("*.xml")):
        yield from ElementTree.parse(path).getroot().findall("object")


def test_a_person_of_voc_counts_and_a_difficult_one_is_ignored(
    real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "voc_parts_sample"
    names = Counter(one.findtext("name") for one in voc_objects(folder))
    assert counted(curate.read(folder)) == {
        ("person", "include", "unstated_posture"): names["person"]
    }
    text = (folder / "2007_000027.xml").read_text()
    hard = text.replace("<difficult>0</difficult>", "<difficult>1</difficult>")
    assert hard != text
    (tmp_path / "2007_000027.xml").write_text(hard)
    assert counted(curate.read(tmp_path)) == {("person", "ignore", "hard_to_see"): names["person"]}


def test_a_set_without_persons_is_refused_with_its_classes(real_data: Path) -> None:
    folder = real_data / "voc_bccd" / "Annotations"
    names = Counter(str(one.findtext("name")) for one in voc_objects(folder))
    told = ", ".join(f"{name!r} ({number})" for name, number in names.most_common())
    with pytest.raises(UsageError) as caught:
        audit(folder, definitions=["person"])
    text = f"{names.total()} boxes are of classes that no rule names: {told}; looked in person: voc"
    assert str(caught.value).startswith(text)


KITTI = {
    "Pedestrian": ("include", "pedestrian"), "Person_sitting": ("include", "sitting"),
    "Person": ("include", "sitting"), "Cyclist": ("ignore", "rider_with_vehicle"),
    "DontCare": ("ignore", "region"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "place"), [("kitti_object6/training/label_2", 0), ("kitti_tracking/label_02", 2)]
)
def test_cyclists_and_regions_of_kitti_are_ignored(
    real_data: Path, folder: str, place: int
) -> None:
    lines = [line.split() for path in sorted((real_data / folder).glob("*.txt"))
             for line in path.read_text().splitlines()]  # fmt: skip
    wanted: Counter[tuple[Any, ...]] = Counter()
    for words in lines:
        wanted[words[place], *KITTI.get(words[place], ("exclude", "other"))] += 1
    assert {"Cyclist", "DontCare"} <= {row[0] for row in wanted}
    assert counted(curate.read(real_data / folder)) == wanted


# Classes of MOT17's gt.txt (Milan et al., MOT16, arXiv 1603.00831, table 3) that stand in the set.
MOT = {
    "1": ("pedestrian", "include", "unstated_posture"),
    "2": ("person on vehicle", "include", "rider"), "4": ("bicycle", "exclude", "other"),
    "7": ("static person", "include", "unstated_posture"),
    "8": ("distractor", "ignore", "mannequin"),
    "9": ("occluder", "exclude", "other"),
}  # fmt: skip


def test_distractors_of_mot_are_ignored_and_their_hiders_background(real_data: Path) -> None:
    folder = real_data / "mot" / "MOT17-mini" / "train"
    (truth,) = folder.glob("*/gt/gt.txt")
    rows = list(csv.reader(truth.read_text().splitlines()))
    wanted = Counter(MOT[row[7]] for row in rows)
    assert wanted["distractor", "ignore", "mannequin"] > 0
    assert all(row[6] == "1" for row in rows if row[7] == "1")
    (found,) = folder.glob("*/det/det.txt")
    # Detections have no class: all are of pedestrians.
    wanted[MOT["1"]] += sum(1 for line in found.read_text().splitlines() if line.strip())
    assert counted(curate.read(folder)) == wanted


def makesense_sets(real_data: Path) -> dict[str, list[Path]]:
    """The exports of Make Sense by the folder that they stand in."""
    sets: dict[str, list[Path]] = {}
    for root in ("makesense", "makesense_app"):
        for path in sorted((real_data / root).rglob("labels_*")):
            sets.setdefault(str(path.parent.relative_to(real_data)), []).append(path)
    return sets


def test_each_set_of_make_sense_has_roles_by_a_project_file_of_its_own(
    real_data: Path, tmp_path: Path
) -> None:
    n_mapped, options = Counter[str](), ReadOptions(size_wh=(640, 480))
    for name, paths in makesense_sets(real_data).items():
        for number, path in enumerate(paths):
            made = _read(path, options)
            if made is None or not len(made.boxes):
                n_mapped["without boxes"] += 1
                continue
            folder = tmp_path / name / str(number)
            folder.mkdir(parents=True)
            definitions = started(made, folder, "person")
            found = counted(made, definitions)
            assert found.total() == len(made.boxes), path
            for label, role, _ in found:
                assert (role == "review") == (label is None), path
            n_mapped["mapped"] += 1
    print(n_mapped)
    assert n_mapped["mapped"] > 30


def _read(path: Path, options: ReadOptions) -> Dataset | None:
    try:
        return curate.read(path)
    except CurateError:
        pass
    try:
        return curate.read(path, options)
    except CurateError as error:
        print(f"{path.name}: {error}")
        return None


def test_the_rows_of_a_make_sense_csv_are_all_mapped(real_data: Path, tmp_path: Path) -> None:
    (path,) = (real_data / "makesense_app" / "od_main" / "rect_csv").glob("*.csv")
    rows = csv.reader(io.StringIO(path.read_text()))
    assert next(rows)[0] == "label_name"
    raw = Counter(row[0] for row in rows)
    made = curate.read(path)
    found = counted(made, started(made, tmp_path, "person"))
    assert Counter(label for label, _, _ in found.elements()) == raw


def test_the_rows_of_a_make_sense_yolo_archive_are_all_mapped(
    real_data: Path, tmp_path: Path
) -> None:
    (path,) = (real_data / "makesense_app" / "od_main" / "yolo").glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        n_rows = sum(len(archive.read(name).split(b"\n")) for name in archive.namelist()
                     if name.endswith(".txt") and archive.read(name))  # fmt: skip
    made = curate.read(path, ReadOptions(size_wh=(640, 480)))
    assert counted(made, started(made, tmp_path, "person")).total() == len(made.boxes)
    assert 0 < len(made.boxes) <= n_rows


def test_an_audit_of_real_labels_is_the_same_on_another_run(real_data: Path) -> None:
    path = real_data / "kitti_object6" / "training" / "label_2"
    first, second = (
        audit(path, definitions=["person", "detection"]).table.astype(str) for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)
    named = first[first["check"].str.match("VIS|FUL|PER|DET")]
    assert len(named)
    assert named["definition"].str.fullmatch(r"[a-z.]+@\d+\.\d+\.\d+\+[0-9a-f]{12}").all()


def test_overrides_of_a_project_show_in_what_its_definition_decides(tmp_path: Path) -> None:
    own = project("cone", overrides=[{"decision": "cut", "role": "include", "because": "wanted"}])
    file = rules("cone", label="cone", decisions=DECISIONS,
                 mapping={"names": [{"class": "cone", "as": "cut"}]})  # fmt: skip
    told = impact(loaded(file), loaded(file, own), dataset(CONES[:1]))
    assert told.counts() == [("role", "ignore", "include", 1)]
