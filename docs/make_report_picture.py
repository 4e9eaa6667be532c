"""Writes docs/report.jpg: the HTML report of the demo's labels, as a browser shows it.

`python docs/make_report_picture.py [FILE]`, after a change of the page; `.ci/browser` installs the
browser. The labels and pictures are those that `curate demo` draws.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from curate.cli import main as curate

PICTURE = Path(__file__).parent / "report.jpg"
# Of each of the two halves, px: the beginning of the page, and its pictures and list.
SIZE = {"width": 1080, "height": 1000}
WIDTH = 1500
QUALITY = 82


def main(target: Path) -> None:
    """Draws the demo, audits it, opens the report and photographs it."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            curate(["demo"])
            labels = ["curate-demo/street_coco", "--images", "curate-demo/images"]
            curate(["audit", *labels, "-o", "audit.html"])
        path = os.environ.get("CURATE_CHROMIUM") or shutil.which("chromium")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            address = Path("audit.html").resolve().as_uri()
            halves = [
                _photograph(browser, address, scheme="light", check=None),
                _photograph(browser, address, scheme="dark", check="BOX"),
            ]
            browser.close()
    whole = Image.new("RGB", (sum(half.width for half in halves), halves[0].height))
    whole.paste(halves[0], (0, 0))
    whole.paste(halves[1], (halves[0].width, 0))
    whole = whole.resize(
        (WIDTH, round(whole.height * WIDTH / whole.width)), Image.Resampling.LANCZOS
    )
    whole.save(target, quality=QUALITY, optimize=True)


def _photograph(browser: Browser, address: str, *, scheme: str, check: str | None) -> Image.Image:
    """The page in these colours; with a search word, what it leaves of pictures and findings."""
    page = browser.new_page(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
    page.goto(address)
    page.locator("#rows tr").first.wait_for()
    if check is not None:
        page.get_by_label("Search", exact=True).fill(check)
        page.locator("#matching", has_not_text="23 of").wait_for()
        page.evaluate("document.getElementById('work').scrollIntoView()")
        # Pictures out of sight are not loaded otherwise, and would never be decoded.
        page.evaluate(
            "Promise.all([...document.images].map((image) => "
            "{ image.loading = 'eager'; return image.decode(); }))"
        )
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    return shot


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
