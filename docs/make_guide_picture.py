"""Writes docs/guide.jpg: the beginning of the guide of `person`, as a browser shows it.

`python docs/make_guide_picture.py [FILE]`, after a change of the guide or of rules/person.yaml;
`.ci/browser` installs the browser.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from curate.cli import main as curate

PICTURE = Path(__file__).parent / "guide.jpg"
SIZE = {"width": 1120, "height": 1440}  # px
WIDTH = 800
QUALITY = 80


def main(target: Path) -> None:
    """Writes the guide, opens it and photographs its pictures."""
    with tempfile.TemporaryDirectory() as folder:
        guide = Path(folder) / "guide.html"
        curate(["define", "show", "person", "-o", str(guide)])
        path = os.environ.get("CURATE_CHROMIUM") or shutil.which("chromium")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
            page.goto(guide.resolve().as_uri())
            page.get_by_role("heading", name="Counts", exact=True).evaluate(
                "heading => window.scrollTo(0, heading.offsetTop - 20)"
            )
            shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            browser.close()
    size = (WIDTH, round(shot.height * WIDTH / shot.width))
    shot.resize(size, Image.Resampling.LANCZOS).save(target, quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
