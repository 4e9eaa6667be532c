"""The page of each format, and the table of all, made from the code that reads and writes them.

A page is Markdown. Its parts are the paragraphs of the format's docstring, the docstring of the
function that recognises it, the options that it heeds, and the columns that it declares.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from curate.errors import UsageError, quote
from curate.formats.declared import HELD, Format
from curate.formats.options import heeding
from curate.formats.recognition import READERS, rule
from curate.tables import BOX_COLUMNS, IMAGE_COLUMNS, Column

# The words that the paragraphs of a docstring begin with, in their order.
LEADS = ("Specification", "Convention", "Read", "Lost on read", "Written", "Lost on write")
INDEX = "index"
_LEAD = re.compile(rf"({'|'.join(LEADS)}): ")


def names() -> list[str]:
    """The names of all formats, sorted."""
    return sorted(READERS)


def declared(name: str) -> Format:
    """What a format declares of itself."""
    found = importlib.import_module(READERS[name].told_in).FORMAT
    assert isinstance(found, Format)
    return found


def title(name: str) -> str:
    """What a format is, in one line without its full stop."""
    return _docstring(name).partition("\n")[0].removesuffix(".")


def sections(name: str) -> dict[str, str]:
    """The paragraphs of a format's docstring by the word that the first of them begins with."""
    found: dict[str, list[str]] = {}
    lead = ""
    for paragraph in _docstring(name).split("\n\n")[1:]:
        if match := _LEAD.match(paragraph):
            lead = match[1]
            paragraph = paragraph[match.end() :]
            found[lead] = [paragraph[:1].upper() + paragraph[1:]]
        else:
            found[lead].append(paragraph)
    return {lead: "\n\n".join(paragraphs) for lead, paragraphs in found.items()}


def convention(name: str) -> str:
    """The first sentence of a format's convention: unit and base, edges, frame."""
    return " ".join(sections(name)["Convention"].split()).partition(". ")[0]


def page(name: str) -> str:
    """The manual page of a format.

    Raises
    ------
    UsageError
        For a name that no format has, with the nearest and all that there are.
    """
    if name not in READERS:
        near = difflib.get_close_matches(name, names(), n=1)
        raise UsageError(
            f"there is no format {quote(name)}, should be one of {', '.join(names())}",
            mend=f"did you mean 'format:{near[0]}'?" if near else "choose one of them",
        )
    told = sections(name)
    parts = {
        "Specification": told["Specification"],
        "Convention": told["Convention"],
        "Recognised by": rule(name),
        "Read options": "\n".join(f"- {line}" for line in _options(name)),
        "Read": f"{told['Read']}\n\n{_columns(declared(name))}",
        "Lost on read": told["Lost on read"],
        "Written": told["Written"],
    }
    if written := declared(name).written:
        parts["Written"] += f"\n\nA file made from columns holds: {', '.join(written)}."
        parts["Lost on write"] = told["Lost on write"]
    text = "".join(f"\n## {heading}\n\n{body}\n" for heading, body in parts.items())
    return f"# format:{name}\n\n{title(name)}.\n{text}"


def index() -> str:
    """The list of all formats with their conventions, and the table of what each holds."""
    lines = ["# Formats", "", "A page per format, as `curate explain format:NAME` prints it.", ""]
    lines += ["| format | what it is | convention |", "| --- | --- | --- |"]
    lines += [f"| [{n}]({n}.md) | {title(n)} | {convention(n)} |" for n in names()]
    lines += ["", "## What each holds", ""]
    lines += [
        "R: read into columns. K: stays in the kept bytes of the source, and comes back when the",
        "same format is written. W: in a file made from columns. A dot: none of these. What each",
        "target loses of each source is in [losses.md](losses.md).",
        "",
        f"| format | {' | '.join(HELD)} |",
        f"| --- |{' --- |' * len(HELD)}",
    ]
    lines += [f"| {name} | {' | '.join(_marks(declared(name)))} |" for name in names()]
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """All pages, the index among them, by file name."""
    return {f"{INDEX}.md": index()} | {f"{name}.md": page(name) for name in names()}


def write_pages(folder: Path) -> None:
    """Writes all pages into a folder, which is made when it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_bytes(text.encode())


def _docstring(name: str) -> str:
    return inspect.getdoc(importlib.import_module(READERS[name].told_in)) or ""


def _options(name: str) -> Iterator[str]:
    """What may be said on reading, a line each."""
    kinds = getattr(READERS[name].load(), "KINDS", ())
    values = ", ".join(f"`{value}`" for value in [name, *(f"{name}-{kind}" for kind in kinds)])
    yield f"`--from`: {values}"
    for option, what in heeding(name).items():
        yield f"`{option}`: {what}"
    own = declared(name)
    if own.is_relative:
        yield "`--images DIR` or `--size WxH`: needed, since coordinates are fractions"
    elif "width" in own.images:
        yield "`--images DIR`, `--size WxH`: the size in px of images whose size no file states"
    else:
        yield "`--images DIR`, `--size WxH`: the size in px of the images, which no file states"


def _columns(own: Format) -> str:
    """The columns that a reader fills, with their meaning."""
    shapes, roles = " | ".join(own.shapes), " | ".join(own.roles)
    lines = ["Beside names, classes, edges and places these columns are filled:", ""]
    lines += [f"- `boxes.shape`: {shapes}", f"- `boxes.role`: {roles}"]
    lines += [_line("images", name, IMAGE_COLUMNS) for name in IMAGE_COLUMNS if name in own.images]
    lines += [_line("boxes", name, BOX_COLUMNS) for name in BOX_COLUMNS if name in own.boxes]
    return "\n".join(lines)


def _line(table: str, name: str, columns: dict[str, Column]) -> str:
    return f"- `{table}.{name}`: {columns[name].meaning} (null: {columns[name].null})"


def _marks(own: Format) -> Iterator[str]:
    for held in HELD:
        read = "R" if held in own.read else "K" if held in own.kept else ""
        written = "W" if held in own.written else ""
        yield f"{read}{written}" or "."
