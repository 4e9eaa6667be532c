"""What each page that curate writes begins with: its style, and what it may load (nothing)."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from curate.report.html.markup import Markup, element


def asset(name: str) -> str:
    """The text of a style or script that lies beside this module."""
    return files("curate.report.html").joinpath(name).read_text(encoding="utf-8")


def head(title: str, version: str, style: str, script: str | None = None) -> str:
    """A page up to its body; its style and script run by their hashes, and nothing else does.

    Parameters
    ----------
    version
        Version of curate.
    script
        The one that the page will hold at its end; None: it has none.
    """
    scripts = "" if script is None else f"script-src {_hash(script)}; "
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; {scripts}"
        "base-uri 'none'; form-action 'none'"
    )
    made = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="generator", content=f"curate {version}"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        Markup(f"<style>{style}</style>"),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{made}\n<body>\n'


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
