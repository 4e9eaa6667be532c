"""Checks of a project's own: from a file and from entry points, and what is wrong with them."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from curate import checks
from curate.checks import own
from curate.errors import UsageError

GOOD = '''"""Checks of a project."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curate.checks import Check, Hits


@dataclass(frozen=True)
class Edge:
    name: str


LOW = Edge("x1")


def box_too_wide(boxes, images, *, max_px):
    """A box is wider than anything here is."""
    width = boxes["x2"].to_numpy() - boxes["x1"].to_numpy()
    rows = np.flatnonzero(width > max_px)
    return Hits(
        members=rows,
        value=width[rows],
        limit=max_px,
        unit="px",
        texts=("{:g} px from " + LOW.name,),
        parts=(width[rows],),
        mend="draw it again",
    )


CHECKS = [Check("MY-001", "box-too-wide", "warning", box_too_wide, {"max_px": 100.0})]
'''


@pytest.fixture
def write(tmp_path):
    def put(text, name="my_checks.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return put


def test_checks_of_a_file_find_and_take_parameters(make, findings, box, write) -> None:
    extra = checks.from_file(write(GOOD))
    made = make([box("p", 0, 0, 101, 9), box("q", 0, 0, 100, 9)])
    (row,) = findings(made, extra=extra, select=["MY"]).to_dict("records")
    assert (row["check"], row["name"], row["level"]) == ("MY-001", "box-too-wide", "warning")
    assert (row["value"], row["limit"], row["message"]) == (101, 100, "101 px from x1")
    for word in ("MY-001", "box-too-wide"):
        params = {word: {"max_px": 99}}
        assert len(findings(made, extra=extra, select=["MY"], params=params)) == 2
    assert len(findings(made, extra=extra, select=["BOX"])) == 0


def test_nothing_is_written_beside_the_file(write, tmp_path) -> None:
    checks.from_file(write(GOOD))
    assert [path.name for path in tmp_path.iterdir()] == ["my_checks.py"]


def test_own_checks_are_selected_and_explained(write) -> None:
    extra = checks.from_file(write(GOOD))
    assert "MY-001" in checks.selected(None, None, extra)
    assert checks.selected(["box-too-wide"], None, extra) == {"MY-001"}
    assert checks.explain("MY-001", extra) == (
        "MY-001 box-too-wide [warning]\n\nA box is wider than anything here is.\n"
        "\nParameters:\n  max_px = 100\n"
    )
    with pytest.raises(UsageError, match="there is no check 'MY-001'"):
        checks.explain("MY-001")


def test_an_unknown_parameter_of_an_own_check_is_refused(make, findings, write) -> None:
    extra = checks.from_file(write(GOOD))
    with pytest.raises(UsageError, match="there is no parameter of MY-001 'maxpx'"):
        findings(make([]), extra=extra, params={"MY-001": {"maxpx": 3}})
    with pytest.raises(UsageError, match="max_px is '-1', should be a number from 0 on"):
        findings(make([]), extra=extra, params={"MY-001": {"max_px": -1}})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (GOOD, "x = 1\n", "my_checks.py: CHECKS is 'None', should be a list of curate.checks.Ch"),
        ("CHECKS = [", "CHECKS = [3, ", "my_checks.py: CHECKS is \"[3, Check("),
        ("import numpy as np", "import nunpy", "my_checks.py:6: cannot be run: ModuleNotFoundErr"),
        ("def box", "def 3box", "my_checks.py:19: cannot be run: SyntaxError: invalid decimal li"),
        ("MY-001", "MY-1", "my_checks.py: the code of check 'MY-1' is 'MY-1', should be letters"),
        ("box-too-wide", "box too", "my_checks.py: the name of check 'MY-001' is 'box too', sho"),
        ('"warning"', '"bad"', "my_checks.py: the level of check 'MY-001' is 'bad', should be on"),
        ('    """A box is wider than anything here is."""\n', "", "my_checks.py: check MY-001 has"),
        ("*, max_px", "*, max", "my_checks.py: the function of check MY-001 does not take what it"),
        ("images, *", "*", "my_checks.py: the function of check MY-001 does not take what it rea"),
        ("0}", '0}, reads=("boxs",)', "my_checks.py: the reads of check 'MY-001' is"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_hold_checks_is_refused(write, old, new, message) -> None:
    assert old in GOOD
    with pytest.raises(UsageError) as error:
        checks.from_file(write(GOOD.replace(old, new)))
    assert str(error.value).startswith(message)
    assert error.value.mend


def test_a_file_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"none\.py: is no file - give a Python file"):
        checks.from_file(tmp_path / "none.py")


@pytest.mark.parametrize(
    ("code", "name", "told"),
    [
        ("BOX-002", "box-too-wide", "that code or name is BOX-002's already"),
        ("MY-001", "box-outside-image", "that code or name is BOX-002's already"),
        ("MY-001", "record-unreadable", "that code or name is SRC-001's already"),
        ("BOX-900", "box-too-wide", "BOX- is kept for checks of curate"),
        ("SRC-900", "box-too-wide", "SRC- is kept for checks of curate"),
    ],
)
def test_a_code_or_name_that_is_taken_is_refused(make, findings, write, code, name, told) -> None:
    text = GOOD.replace("MY-001", code).replace("box-too-wide", name)
    extra = checks.from_file(write(text))
    with pytest.raises(UsageError) as error:
        findings(make([]), extra=extra)
    assert str(error.value) == (
        f"there cannot be a check {code} {name}: {told} - give it a code and a name of its own, "
        "such as MY-001"
    )


def test_two_own_checks_of_one_code_are_refused(make, findings, write) -> None:
    extra = checks.from_file(write(GOOD))
    with pytest.raises(UsageError, match="MY-001's already"):
        findings(make([]), extra=[*extra, *extra])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('boxes["x2"]', 'boxes["x3"]', "my_checks.py:21: the function of check MY-001 fails: Key"),
        ("return Hits(", "return dict(", "my_checks.py: the function of check MY-001 gives dict"),
        ("members=rows", "members=rows + 1", "my_checks.py: the function of check MY-001 names r"),
        ("members=rows", "members=rows - 1", "my_checks.py: the function of check MY-001 names r"),
    ],
)
def test_a_function_that_fails_is_told_with_its_place(
    make, findings, box, write, old, new, message
) -> None:
    extra = checks.from_file(write(GOOD.replace(old, new)))
    with pytest.raises(UsageError) as error:
        findings(make([box("p", 0, 0, 101, 9)]), extra=extra)
    assert str(error.value).startswith(message)


@pytest.fixture
def package(write, monkeypatch):
    """An installed package with checks, under the entry point of a value."""

    def install(value):
        path = write(GOOD, "street_checks.py")
        monkeypatch.syspath_prepend(str(path.parent))
        points = EntryPoints([EntryPoint("street", value, own.GROUP)])
        monkeypatch.setattr(own, "entry_points", lambda group: points.select(group=group))

    return install


def test_checks_of_installed_packages_run_like_the_others(make, findings, box, package) -> None:
    package("street_checks:CHECKS")
    found = findings(make([box("p", 0, 0, 101, 9)]), select=["MY-001"])
    assert found["check"].tolist() == ["MY-001"]
    assert checks.explain("box-too-wide").startswith("MY-001 ")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("street_checks:CHECK", "cannot be loaded: AttributeError: "),
        ("no_such_module:CHECKS", "cannot be loaded: ModuleNotFoundError: No module named"),
        ("street_checks:LOW", "CHECKS is \"Edge(name='x1')\", should be a list"),
    ],
)
def test_an_entry_point_that_names_no_checks_is_refused(package, value, told) -> None:
    package(value)
    with pytest.raises(UsageError) as error:
        checks.selected(None, None)
    assert str(error.value).startswith(f"entry point street = {value}: {told}")
