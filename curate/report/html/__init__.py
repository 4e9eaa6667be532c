"""The audit as one HTML file: tables, plots, pictures and the list of findings, read offline.

The file asks for nothing outside it: its Content-Security-Policy allows its own style and script by
their hashes, and pictures inside it. All words of labels go through `element`, which escapes them,
or stand in a JSON block that the script reads as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from curate.dataset import Findings
from curate.errors import SourceError
from curate.faults import LEVELS
from curate.report.html import sections
from curate.report.html.crops import Crop, crops_of
from curate.report.html.frame import asset, head
from curate.report.html.listing import Listing, listing_of
from curate.report.html.markup import Markup, element, joined
from curate.report.html.plots import plots_of
from curate.report.html.subjects import Subjects, subjects_of
from curate.report.rules import Rule, rules_of

# Of pictures, as they stand in the page: base64 makes them a third larger.
MAX_PICTURE_BYTES = 4_000_000
# Of the page without its style, script, manual pages and the like, which are some 100 kB.
MAX_PAGE_BYTES = 9_700_000
PICTURES_PER_CHECK = 12
NO_PIXELS = "Pictures were left out (--no-pixels)."
NOT_JOINED = "There are no pictures: their folder was not given (--images)."


def to_html(findings: Findings, source: str, *, version: str) -> str:
    """The audit as the text of an HTML page, with pictures where the dataset has them."""
    return "".join(html_parts(findings, source, version=version))


def html_parts(
    findings: Findings,
    source: str,
    *,
    version: str,
    rules: Iterable[Rule] = (),
    baseline: Mapping[str, int] | None = None,
    definitions: Sequence[str] | None = None,
    with_pixels: bool = True,
) -> Iterator[str]:
    """The text of an HTML page, part by part.

    Parameters
    ----------
    source
        The source as it was given.
    version
        Version of curate.
    rules
        The checks that may occur, with their manual pages.
    baseline
        Number of findings by check code of an earlier audit, to compare with; None: there is none.
    definitions
        The definitions in force (`id@version+hash`); None: those that the findings name.
    with_pixels
        Whether pictures are cut out and put in.
    """
    known = list(rules)
    own = rules_of(findings, known)
    named = findings.table["definition"].dropna().unique().tolist()
    about = subjects_of(findings)
    listed = listing_of(findings, about)
    style, script = asset("page.css"), asset("page.js")
    in_force = sorted(named) if definitions is None else definitions
    pair = sections.classes(findings, about), sections.sources(findings, about)
    plots = element("section", element("h2", "Boxes"), plots_of(findings.dataset), id="plots")
    tables = [
        sections.summary(findings, about, in_force),
        sections.checks(findings, [*known, *own], baseline),
        element("div", *pair, class_="pair"),
        plots,
    ]
    yield head(f"Audit of {source}", version, style, script)
    yield _top(findings, source)
    yield f"<main>\n{joined(tables)}\n"
    yield f'<div id="work">\n{_filter_form(own, about)}\n'
    n_bytes = listed.n_bytes + len(str(joined(tables)).encode("utf-8", "backslashreplace"))
    spare = min(MAX_PAGE_BYTES - n_bytes, MAX_PICTURE_BYTES) if with_pixels else None
    yield from _pictures(findings, about, listed, own, max_bytes=spare)
    yield f"{_list(findings, listed)}\n</div>\n</main>\n"
    yield f'<script type="application/json" id="data">{listed.text}</script>\n'
    yield f"<script>{script}</script>\n</body>\n</html>\n"


def _top(findings: Findings, source: str) -> str:
    dataset = findings.dataset
    counts = findings.table["level"].value_counts()
    words = {"error": "errors", "warning": "warnings", "info": "info"}
    found = ", ".join(f"{int(counts.get(level, 0)):,} {words[level]}" for level in LEVELS)
    links = [
        element("a", name, href=f"#{place}")
        for place, name in (
            ("checks", "Checks"), ("classes", "Classes"), ("sources", "Sources"),
            ("plots", "Boxes"), ("pictures", "Pictures"), ("findings", "Findings"),
        )
    ]  # fmt: skip
    title = element("h1", "Audit of ", element("bdi", source))
    told = f"{found} in {len(dataset.images):,} images with {len(dataset.boxes):,} boxes"
    top = element(
        "header",
        element("a", "Skip to the findings", href="#findings", class_="skip"),
        title,
        element("p", f"{told} ({dataset.format})."),
        element("nav", *links, aria_label="Sections"),
    )
    return f"{top}\n"


def _field(name: str, label: str, control: Markup) -> Markup:
    return element("div", element("label", label, for_=f"by-{name}"), control)


def _choice(name: str, label: str, options: Iterable[tuple[str, str]]) -> Markup:
    told = [element("option", word, value=value) for value, word in [("", "all"), *options]]
    return _field(name, label, element("select", *told, id=f"by-{name}"))


def _filter_form(rules: Iterable[Rule], about: Subjects) -> Markup:
    search = element("input", id="by-text", type="search", placeholder="image, id, words …")
    levels = [
        element(
            "label",
            element("input", type="checkbox", id=f"by-{level}", checked=True),
            level,
            class_="level",
        )
        for level in LEVELS
    ]
    return element(
        "form",
        _field("text", "Search", search),
        _choice("check", "Check", [(rule.code, f"{rule.code} {rule.name}") for rule in rules]),
        _choice("class", "Class", [(str(n), name) for n, name in enumerate(about.classes)]),
        _choice("source", "Source", [(str(n), name) for n, name in enumerate(about.sources)]),
        element("fieldset", element("legend", "Levels"), *levels),
        element("button", "Clear", type="reset"),
        element("output", "", id="matching", for_="by-text by-check by-class by-source"),
        id="filter",
        role="search",
        aria_label="Filter pictures and findings",
    )


def _pictures(
    findings: Findings,
    about: Subjects,
    listed: Listing,
    rules: Sequence[Rule],
    *,
    max_bytes: int | None,
) -> Iterator[str]:
    """The sheets of pictures per check; without pictures what there is to say of each.

    The pictures take `max_bytes` of the page; None: there shall be none.
    """
    made: list[Crop] = []
    note = ""
    if max_bytes is None:
        note = NO_PIXELS
    elif findings.dataset.images_root is None:
        note = NOT_JOINED
    else:
        # base64 writes 3 bytes as 4.
        limits = {"per_check": PICTURES_PER_CHECK, "max_bytes": max(max_bytes, 0) * 3 // 4}
        try:
            made = crops_of(findings, about, listed.rows, **limits)
        except SourceError as error:
            note = f"The pictures cannot be shown: {error.what}."
    places = {int(row): place for place, row in enumerate(listed.rows)}
    told = [element("p", note, class_="note")] if note else []
    yield f'<section id="pictures">{element("h2", "Checks and pictures")}{joined(told)}\n'
    for sheet in sections.sheets(findings, rules, made, places):
        yield f"{sheet}\n"
    yield "</section>\n"


def _list(findings: Findings, listed: Listing) -> Markup:
    """The frame of the list, which the script fills page by page."""
    heads = [element("th", name, scope="col") for name in ("Level", "Check", "Where", "What")]
    table = element(
        "table",
        element("caption", "Findings, the worst of each check first"),
        element("thead", element("tr", *heads)),
        element("tbody", "", id="rows"),
    )
    parts = []
    if len(listed.rows) < len(findings):
        told = f"{len(listed.rows):,} of {len(findings):,} findings are listed, the worst of each"
        told += " check; the counts above are of all."
        parts.append(element("p", told, class_="note"))
    pages = element(
        "nav",
        element("button", "Previous", type="button", id="previous"),
        element("output", "", id="page"),
        element("button", "Next", type="button", id="next"),
        element("label", element("input", type="checkbox", id="by-image"), "image by image"),
        aria_label="Pages of the list",
        class_="pages",
    )
    needs = element("noscript", element("p", "The list needs JavaScript; all above does not."))
    return element(
        "section",
        element("h2", "Findings"),
        *parts,
        needs,
        pages,
        table,
        id="findings",
        tabindex=-1,
    )
