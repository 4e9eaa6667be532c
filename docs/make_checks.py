"""Writes docs/checks from the code: run it after a change of a check's or a clause's page.

A page for each family of codes, with what `curate explain CODE` prints, and pictures of the
examples: those of clauses as their files state them, those of checks where they are boxes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from curate import checks  # noqa: E402  # after the path that finds the package
from curate.checks import CHECKS  # noqa: E402
from curate.defining import clause_page  # noqa: E402
from curate.definitions.drawing import draw  # noqa: E402
from curate.definitions.files import shipped  # noqa: E402
from curate.definitions.loading import load  # noqa: E402
from curate.definitions.model import Clause, Scene  # noqa: E402
from curate.definitions.records import Record  # noqa: E402
from curate.faults import FAULTS  # noqa: E402

FOLDER = REPOSITORY / "docs" / "checks"
FAMILIES = {
    "SRC": "What readers could not take",
    "IMG": "Pictures",
    "CONV": "Mistakes of whole files",
    "BOX": "Single boxes",
    "REL": "Boxes of one image against each other",
    "SET": "Classes and distributions",
    "TRK": "Tracks",
    "WAI": "Waivers",
    "ULT": "What the Ultralytics loader does to YOLO labels",
}
_BOX = re.compile(r"(?:([a-z]+) )?((?:-?\d+(?:\.\d+)? ){3}-?\d+(?:\.\d+)?)(?![\d.])")
_SIZE = re.compile(r"(\d+) x (\d+) image")


def scene(line: str) -> Scene | None:
    """The boxes that an example states as `label x1 y1 x2 y2`; None where it states none."""
    boxes = []
    for label, numbers in _BOX.findall(line):
        edges = dict(zip(("x1", "y1", "x2", "y2"), map(float, numbers.split()), strict=True))
        boxes.append(edges | ({"label": label} if label and label not in ("box", "and") else {}))
    size = _SIZE.search(line)
    image = {} if size is None else {"image_width": int(size[1]), "image_height": int(size[2])}
    return Scene(line, image, tuple(boxes)) if boxes else None


def examples(page: str) -> Iterator[tuple[str, Scene]]:
    """`pass` or `fail`, and the scene, of the examples of a check's page that are boxes."""
    for kind, line in re.findall(r"^(Pass|Fail): (.*(?:\n(?!\n|[A-Z]).*)*)", page, re.MULTILINE):
        found = scene(" ".join(line.split()))
        if found is not None and any(family in page[:4] for family in ("BOX", "REL")):
            yield kind.lower(), found


def pages() -> dict[str, bytes]:
    """File name to content of all of docs/checks."""
    texts: dict[str, str] = {}
    index = ["# Checks\n", "Made by `python docs/make_checks.py` from the code.\n"]
    index += ["`curate explain CODE` prints each page; [coverage](../coverage.md) lists the faults",
              "of labels and what finds them.\n"]  # fmt: skip
    for family, title in FAMILIES.items():
        codes = sorted(c for c in (*CHECKS, *FAULTS) if c.partition("-")[0] == family)
        if not codes:
            continue
        index.append(f"- [{family}: {title}]({family.lower()}.md): {len(codes)}")
        texts[f"{family.lower()}.md"] = f"# {family}: {title}\n\n" + "\n".join(
            _of_check(code, texts) for code in codes
        )
    for name in shipped():
        part = load([name]).parts[-1]
        if not part.clauses:
            continue
        index.append(f"- [{part.id}: {part.title}]({part.id}.md): {len(part.clauses)} clauses")
        texts[f"{part.id}.md"] = f"# {part.id}: {part.title}\n\n" + "\n".join(
            _of_clause(clause, texts) for clause in part.clauses
        )
    texts["index.md"] = "\n".join(index) + "\n"
    return {file: text.encode() for file, text in texts.items()}


def _of_check(code: str, texts: dict[str, str]) -> str:
    page = checks.explain(code)
    shown = _drawn(code, list(examples(page)), "box" if code.startswith("BOX") else "pair", texts)
    head, _, body = page.partition("\n")
    return f"## {head}\n{body}{shown}"


def _of_clause(clause: Clause, texts: dict[str, str]) -> str:
    head, _, body = clause_page(clause).partition("\n")
    scenes = [("pass", one) for one in clause.examples if one.boxes]
    scenes += [("fail", one) for one in clause.counter_examples if one.boxes]
    lines = [f"    {line}".rstrip() for line in body.strip().splitlines()]
    shown = _drawn(clause.id, scenes, clause.record, texts)
    return f"## {head}\n\n" + "\n".join(lines) + f"\n{shown}"


def _drawn(
    code: str, scenes: list[tuple[str, Scene]], record: Record, texts: dict[str, str]
) -> str:
    pictures = []
    for number, (kind, one) in enumerate(scenes):
        file = f"{code.lower()}-{number}-{kind}.svg"
        texts[file] = draw(one, record, is_right=kind == "pass") + "\n"
        pictures.append(f"![{kind}: {one.note}]({file})".replace("\n", " "))
    return ("\n" + "\n".join(pictures) + "\n") if pictures else ""


def write() -> None:
    """Writes the pages, and removes those of codes that are gone."""
    made = pages()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        if path.name not in made:
            path.unlink()
    for file, body in made.items():
        (FOLDER / file).write_bytes(body)


if __name__ == "__main__":
    write()
