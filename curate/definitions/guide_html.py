"""A guide as one HTML page that needs nothing else: no script, no address, pictures inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from curate.definitions.blocks import (
    Block,
    Bullets,
    Card,
    Cards,
    Example,
    Heading,
    Line,
    Page,
    Paragraph,
    Rule,
    Span,
    Table,
)
from curate.definitions.markup import element, text

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1b2733; --soft: #566472; --paper: #ffffff;
  --card: #f6f8fa; --edge: #d5dce3; --include: #15803d; --ignore: #b45309; --exclude: #6b7280;
  --review: #1d4ed8; --wrong: #c62828; --error: #c62828; --warning: #b45309; --info: #566472; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaf0; --soft: #a3b0bd; --paper: #151b22;
  --card: #1d252e; --edge: #37424e; --include: #4ade80; --ignore: #fbbf24; --exclude: #9ca3af;
  --review: #93c5fd; --wrong: #f87171; --error: #f87171; --warning: #fbbf24; --info: #a3b0bd; }
  .card > svg, figure > svg { background: #fff; border-radius: 6px; filter: brightness(0.9); } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.55 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.45rem; margin: 2.75rem 0 .75rem; padding-bottom: .3rem;
  border-bottom: 2px solid var(--edge); }
h3 { font-size: 1.15rem; margin: 1.75rem 0 .4rem; }
h4 { font-size: 1rem; margin: 1.25rem 0 .2rem; }
p { margin: .35rem 0; max-width: 48rem; }
header p, .small, .small td, .small th { color: var(--soft); font-size: .85rem; }
code { font: .85em ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
nav { margin: 1rem 0 0; } nav a { margin-right: 1.25rem; } a { color: var(--review); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .5rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; overflow-wrap: anywhere;
  border-bottom: 1px solid var(--edge); }
th { color: var(--soft); font-weight: 600; }
.cards { display: grid; gap: .75rem; margin: .5rem 0 1rem;
  grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: 8px;
  border-top: 4px solid var(--edge); padding: .6rem .7rem; }
.card svg { display: block; width: 100%; height: auto; margin-bottom: .4rem; }
.card p { font-size: .9rem; } .card .title { font-weight: 650; font-size: 1rem; }
.include { border-top-color: var(--include); } .ignore { border-top-color: var(--ignore); }
.exclude { border-top-color: var(--exclude); } .review { border-top-color: var(--review); }
.rule { border: 1px solid var(--edge); border-radius: 8px; padding: .8rem 1rem; margin: .9rem 0; }
.rule h4 { font-size: 1.08rem; margin: 0 0 .3rem; }
.duty { display: inline-block; border: 1px solid currentColor; border-radius: 1em;
  font-size: .78rem; padding: 0 .6em; margin-right: .5em; font-weight: 600; }
.error { color: var(--error); } .warning { color: var(--warning); } .info { color: var(--info); }
.code { color: var(--soft); font-size: .85rem; }
.examples { display: flex; flex-wrap: wrap; gap: 1rem; margin: .8rem 0 .4rem; }
figure { margin: 0; padding: .5rem; border: 2px solid var(--wrong); border-radius: 8px;
  max-width: 100%; } figure.right { border-color: var(--include); }
figure svg { display: block; max-width: 100%; height: auto; }
figcaption { font-size: .9rem; margin-top: .3rem; max-width: 16.5rem; }
figcaption b { color: var(--wrong); } .right figcaption b { color: var(--include); }
dl { margin: .4rem 0; display: grid; grid-template-columns: 9.5rem 1fr; gap: .15rem .8rem; }
dt { font-weight: 600; } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
dl.small { border-top: 1px dashed var(--edge); padding-top: .5rem; margin-top: .7rem; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .3rem; } }
@media print { :root { color-scheme: light; font-size: 10pt; } body { max-width: none; padding: 0; }
  nav { display: none; } h2, h3, h4 { break-after: avoid; } figure { max-width: 31%; }
  .rule, .card, figure, tr { break-inside: avoid; } .rule { padding: .5rem .7rem; }
  .cards { grid-template-columns: repeat(4, 1fr); }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
@page { margin: 16mm; }
"""


def to_html(page: Page) -> str:
    """The guide as text, ending in a line feed."""
    head = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="generator", content=f"curate define show: {page.stated}"),
        element("title", text(page.title)),
        element("style", _STYLE),
    ]
    title = element("h1", text(page.title))
    top = element("header", title, *(element("p", _line(one)) for one in page.head), _nav(page))
    body = [top, *(markup for block in page.blocks for markup in _block(block))]
    return (
        "<!doctype html>\n"
        + element("html", element("head", *head), "\n", element("body", "\n".join(body)), lang="en")
        + "\n"
    )


def _nav(page: Page) -> str:
    links = [
        element("a", text(block.words), href=f"#{block.anchor}")
        for block in page.blocks
        if isinstance(block, Heading) and block.anchor is not None
    ]
    return element("nav", " ".join(links)) if links else ""


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Heading):
        yield element(f"h{block.level}", text(block.words), id=block.anchor)
    elif isinstance(block, Paragraph):
        yield element("p", _line(block.line), class_="small" if block.is_small else None)
    elif isinstance(block, Bullets):
        yield element("ul", *(element("li", _line(one)) for one in block.lines))
    elif isinstance(block, Table):
        yield _table(block)
    elif isinstance(block, Cards):
        yield element("div", *map(_card, block.cards), class_="cards")
    else:
        yield _rule(block)


def _table(table: Table) -> str:
    header = element("tr", *(element("th", text(words)) for words in table.header))
    rows = (element("tr", *(element("td", _line(cell)) for cell in row)) for row in table.rows)
    return element("table", element("thead", header), element("tbody", *rows))


def _card(card: Card) -> str:
    title = element("p", text(card.title), class_="title")
    lines = (element("p", _line(one)) for one in card.lines)
    return element("div", card.picture or "", title, *lines, class_=f"card {card.role}")


def _rule(rule: Rule) -> str:
    duty = element("span", text(rule.duty), class_=f"duty {rule.level}", title=rule.level)
    parts = [
        element("h4", text(f"{rule.number}. {rule.title}")),
        element("p", duty, element("span", text(rule.code), class_="code")),
        _terms(rule.details, None),
    ]
    if rule.examples:
        parts.append(element("div", *map(_example, rule.examples), class_="examples"))
    parts.append(_terms(rule.small, "small"))
    return element("section", *parts, class_="rule", id=rule.code)


def _example(example: Example) -> str:
    word = element("b", "Right" if example.is_right else "Wrong")
    caption = element("figcaption", word, text(f": {example.note}"))
    return element(
        "figure", example.picture, caption, class_="right" if example.is_right else "wrong"
    )


def _terms(terms: Iterable[tuple[str, Line]], name: str | None) -> str:
    rows = (element("dt", text(term)) + element("dd", _line(words)) for term, words in terms)
    return element("dl", *rows, class_=name)


def _line(pieces: Line) -> str:
    return "".join(map(_span, pieces))


def _span(piece: Span) -> str:
    names = {"code": "code", "strong": "strong"}
    words = text(piece.words)
    return element(names[piece.kind], words) if piece.kind in names else words
