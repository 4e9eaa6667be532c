"""The import rows, the sizes of functions and files, and what `--help` loads."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import curate

PACKAGE = Path(curate.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_BODY_LINES = 60
MAX_FILE_LINES = 500


def _rows() -> dict[str, int]:
    """Row of each module, from the docstring of `curate` itself."""
    block = re.search(r"test_architecture\.py\)\.\n\n(.*)", curate.__doc__ or "", re.DOTALL)
    assert block
    lines = [line.split() for line in block[1].splitlines() if line.startswith("    ")]
    return {name: row for row, names in enumerate(lines) for name in names}


def _home(module: Path) -> str:
    parts = module.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def _imports(module: Path) -> list[tuple[int, list[str]]]:
    found = []
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found += [(node.lineno, name.split(".")) for name in names if name.startswith("curate")]
    return found


def _first_of_row(name: str) -> list[str]:
    rows = _rows()
    return [other for other in rows if rows[other] == rows[name]]


def test_every_module_stands_in_a_row() -> None:
    assert {_home(module) for module in MODULES} == set(_rows())


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.relative_to(PACKAGE).as_posix())
def test_module_imports_only_from_rows_above(module: Path) -> None:
    rows = _rows()
    mine = _home(module)
    for line, parts in _imports(module):
        other = parts[1] if len(parts) > 1 and parts[1] in rows else "__init__"
        if other in (mine, "__init__") and mine in ("__init__", "__main__", "cli", other):
            continue
        place = f"{module.name}:{line} imports curate.{other}"
        assert rows[other] <= rows[mine], place
        if rows[other] == rows[mine]:
            in_row = _first_of_row(mine)
            assert mine not in ("formats", "checks", "report"), place
            assert in_row.index(other) < in_row.index(mine), place


def test_one_format_never_imports_another() -> None:
    # Each format is a package; the modules beside them are there for all.
    shared = {path.stem for path in (PACKAGE / "formats").glob("*.py")}
    for module in (PACKAGE / "formats").rglob("*.py"):
        mine = module.relative_to(PACKAGE / "formats").parts[0].removesuffix(".py")
        if mine == "__init__":
            continue
        for line, parts in _imports(module):
            if parts[1:2] == ["formats"]:
                other = parts[2] if len(parts) > 2 else "__init__"
                assert other == mine or other in shared, f"{module}:{line}: {other}"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.relative_to(PACKAGE).as_posix())
def test_files_and_functions_stay_short(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            n_lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert n_lines <= MAX_BODY_LINES, f"{node.name} has {n_lines} lines"


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_neither_pandas_nor_numpy(option: str) -> None:
    code = (
        "import json, sys; from curate.cli import main; main([sys.argv[1]]); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, option], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert not loaded & {"pandas", "numpy", "pyarrow", "PIL", "msgspec", "rich"}
