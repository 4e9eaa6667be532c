"""Writes the pages of docs/formats from the code: run it after a change of what they tell."""

from __future__ import annotations

from pathlib import Path

from curate.formats.manual import write_pages

if __name__ == "__main__":
    write_pages(Path(__file__).parent / "formats")
