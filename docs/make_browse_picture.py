"""Writes docs/browse.jpg: the demo's labels in FiftyOne's App, as a browser shows it.

`python docs/make_browse_picture.py [FILE]`; `.ci/fiftyone` installs FiftyOne, its database and the
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
from playwright.sync_api import Page, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[1]
PICTURE = REPOSITORY / "docs" / "browse.jpg"
sys.path.insert(0, str(REPOSITORY))

import curate  # noqa: E402  # after the path that makes tests a package
from curate.cli import main as command  # noqa: E402
from tests.tools.fiftyone import database, free_port  # noqa: E402

SIZE = {"width": 1360, "height": 760}
QUALITY = 82
WAITS_MS = 120_000
DEMO = Path("curate-demo")


def main(target: Path) -> None:
    """Draws the demo, builds it with its findings and detections, and photographs the App."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        database(Path(folder) / "database"),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        from curate.browse.app import opened
        from curate.browse.building import build

        command(["demo"])
        labels = curate.read(DEMO / "street_coco", images=DEMO / "images")
        told = curate.ReadOptions(truth=DEMO / "street_coco")
        detections = curate.read(DEMO / "detections.json", told)
        built = build(labels, predictions=detections, findings=curate.audit(labels))
        with opened(built, free_port()) as session, sync_playwright() as playwright:
            path = os.environ.get("CURATE_CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            shot = _photograph(browser.new_page(viewport=SIZE), session.address)
            browser.close()
    shot.save(target, quality=QUALITY, optimize=True)


def _photograph(page: Page, address: str) -> Image.Image:
    page.set_default_timeout(WAITS_MS)
    page.goto(address)
    page.locator("canvas[canvas-loaded=true]").nth(7).wait_for()
    # An advertisement comes up some time after the start.
    page.get_by_text("Dismiss", exact=True).click()
    page.get_by_text("Dismiss", exact=True).wait_for(state="detached")
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
