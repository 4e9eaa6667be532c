"""A guide as Markdown (CommonMark with GitHub's tables), without pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from curate.definitions.blocks import (
    Block,
    Bullets,
    Cards,
    Heading,
    Line,
    Page,
    Paragraph,
    Rule,
    Span,
    Table,
)

# Underscores and stars inside of words, as in min_side_px, are no marks.
_MARKS = re.compile(r"[\\`*\[\]<>|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&(?=#?\w+;)")
_FIRST = re.compile(r"^(\s*)(#{1,6}(?=\s|$)|[-+](?=\s|$)|=+\s*$|\d{1,9}[.)](?=\s|$))")


def to_markdown(page: Page) -> str:
    """The guide as text, ending in a line feed."""
    parts = [f"<!-- curate define show: {page.stated} -->", f"# {_plain(page.title)}"]
    parts += [_line(one) for one in page.head]
    parts += [text for block in page.blocks for text in _block(block)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Heading):
        yield f"{'#' * block.level} {_plain(block.words)}"
    elif isinstance(block, Paragraph):
        yield _line(block.line)
    elif isinstance(block, Bullets):
        yield _bullets(map(_line, block.lines))
    elif isinstance(block, Table):
        yield _table(block)
    elif isinstance(block, Cards):
        yield _bullets(
            f"**{_plain(card.title)}**: " + " ".join(f"{_line(one)}." for one in card.lines)
            for card in block.cards
        )
    else:
        yield from _rule(block)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"#### {rule.number}. {_plain(rule.title)}"
    lines = [f"{rule.code}, {rule.duty} ({rule.level})"]
    lines += [f"{_plain(term)}: {_line(words)}" for term, words in rule.details]
    for example in rule.examples:
        lines.append(f"{'Right' if example.is_right else 'Wrong'}: {_plain(example.note)}")
    lines += [f"{_plain(term)}: {_line(words)}" for term, words in rule.small]
    yield _bullets(lines)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {one}" for one in lines)


def _table(table: Table) -> str:
    rows = [table.header, ("---",) * len(table.header)]
    rows += [tuple(_line(cell, in_table=True) for cell in row) for row in table.rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _line(pieces: Line, *, in_table: bool = False) -> str:
    return "".join(_span(piece, in_table=in_table) for piece in pieces)


def _span(piece: Span, *, in_table: bool) -> str:
    if piece.kind == "code":
        return _code(piece.words, in_table=in_table)
    words = _plain(piece.words)
    return f"**{words}**" if piece.kind == "strong" and words else words


def _plain(words: str) -> str:
    """Words that stay as they are: no mark of them means anything."""
    escaped = _MARKS.sub(r"\\\g<0>", " ".join(words.split(" ")).replace("\n", " "))
    return _FIRST.sub(lambda found: found[1] + _escaped_first(found[2]), escaped)


def _escaped_first(mark: str) -> str:
    # Of `12.` the full stop makes the list, of the others the first character.
    return mark[:-1] + "\\" + mark[-1] if mark[0].isdigit() else "\\" + mark


def _code(words: str, *, in_table: bool) -> str:
    longest = max((len(run) for run in re.findall("`+", words)), default=0)
    fence = "`" * (longest + 1)
    inside = words.replace("\n", " ")
    if inside[:1] in ("`", " ") or inside[-1:] in ("`", " "):
        inside = f" {inside} "
    shown = fence + inside + fence
    # Even in code a bar parts the cells of a table (GitHub Flavored Markdown, 4.10).
    return shown.replace("|", "\\|") if in_table else shown
