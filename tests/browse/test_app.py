"""FiftyOne's App in a real browser: what is seen there, and what a person does there."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from curate.browse.database import owned
from curate.cli import main
from curate.review.files import read_decisions
from tests.conftest import REPOSITORY
from tests.tools.fiftyone import free_port

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
WAITS_MS = 60_000
START_S = 180.0
NAME = "curate/street_coco"
# How many pixels of the pictures have the colour of a field's lines, about.
OF_COLOUR = """([r, g, b]) => {
  let n = 0;
  for (const canvas of document.querySelectorAll("canvas[canvas-loaded=true]")) {
    const own = document.createElement("canvas");
    own.width = canvas.width; own.height = canvas.height;
    const view = own.getContext("2d");
    view.drawImage(canvas, 0, 0);
    const all = view.getImageData(0, 0, own.width, own.height).data;
    for (let i = 0; i < all.length; i += 4)
      n += Math.abs(all[i] - r) + Math.abs(all[i + 1] - g) + Math.abs(all[i + 2] - b) < 24;
  }
  return n;
}"""
# Pictures of the grid that are drawn and are not of one colour.
DRAWN = """() => [...document.querySelectorAll("canvas[canvas-loaded=true]")].filter(canvas => {
  const own = document.createElement("canvas");
  own.width = canvas.width; own.height = canvas.height;
  const view = own.getContext("2d");
  view.drawImage(canvas, 0, 0);
  const all = view.getImageData(0, 0, own.width, own.height).data;
  return new Set(new Uint32Array(all.buffer)).size > 200;
}).length"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's street with detections, and its audit as JSON."""
    folder = tmp_path_factory.mktemp("street")
    with contextlib.chdir(folder):
        assert main(["demo"]) == 0
        words = ["curate-demo/street_coco", "--images", "curate-demo/images"]
        assert main(["audit", *words, "-o", "audit.json"]) == 1
    return folder


@contextlib.contextmanager
def app(demo: Path, *words: str):
    """The address of the App that `curate browse` opens, and its output; ended by Ctrl-C."""
    port = free_port()
    command = [sys.executable, "-m", "curate", "browse", "curate-demo/street_coco"]
    command += ["--images", "curate-demo/images", "--audit", "audit.json", "--port", str(port)]
    command += ["--predictions", "curate-demo/detections.json", *words]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        command, cwd=demo, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8",
    )  # fmt: skip
    # A start that hangs ends the reading below.
    watch = threading.Timer(START_S, process.kill)
    watch.start()
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.endswith("until Ctrl-C\n"):
                break
        address = f"http://127.0.0.1:{port}/"
        assert said[-1] == f"{address} until Ctrl-C\n", "".join(said)
        yield address
    finally:
        watch.cancel()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


@contextlib.contextmanager
def page_at(browser, address: str, n_samples: int):
    """The App's page when it shows so many samples."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.set_default_timeout(WAITS_MS)
    # An advertisement that comes up some time after the start takes all clicks.
    page.add_locator_handler(page.get_by_text("Dismiss", exact=True), lambda it: it.click())
    page.goto(address)
    words = f"{n_samples} sample{'' if n_samples == 1 else 's'}"
    page.get_by_text(words, exact=True).first.wait_for()
    page.locator("canvas[canvas-loaded=true]").first.wait_for()
    yield page
    page.close()


def test_the_grid_shows_decoded_pictures_with_boxes(fo, demo: Path, browser) -> None:
    with app(demo) as address, page_at(browser, address, 27) as page:
        page.wait_for_function(f"() => ({DRAWN})() >= 8")
        field = page.locator("[data-cy=sidebar-entry-draggable-ground_truth]")
        colour = field.evaluate(
            "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).map(Number)"
        )
        with_boxes = page.evaluate(OF_COLOUR, colour)
        assert with_boxes > 500
        # Outlines of labels have their colour.
        for name in ("ground_truth", "ground_truth_outlines"):
            page.locator(f"[data-cy=checkbox-{name}]").click()
        page.wait_for_function(f"([c, n]) => ({OF_COLOUR})(c) < n / 10", arg=[colour, with_boxes])


def test_a_view_shows_its_findings_and_a_tag_set_there_changes_the_next_audit(
    fo, demo: Path, browser, monkeypatch, capsys
) -> None:
    name = "BOX-003 box-side-not-positive"
    audit = json.loads((demo / "audit.json").read_text(encoding="utf-8"))
    wanted = {f["finding_id"] for f in audit["findings"] if f["check"] == "BOX-003"}
    images = {f["image"] for f in audit["findings"] if f["check"] == "BOX-003"}
    words = ("--view", name)
    with app(demo, *words) as address, page_at(browser, address, len(images)) as page:
        assert page.locator("canvas").count() == len(images) == 2
        page.locator("[data-cy=action-tag-sample-labels]").click()
        page.locator("[data-cy=tagger-switch-label]").click()
        page.locator("[data-cy=label-tag-input]").fill("false-alarm")
        page.keyboard.press("Enter")
        page.get_by_text("Apply", exact=True).click()
        page.locator("[data-cy=label-tag-input]").wait_for(state="detached")
        dataset = owned(fo, NAME)
        assert set(dataset.load_saved_view(name).values("image_key")) == images
        monkeypatch.chdir(demo)
        out = ["-o", "decisions.parquet"]
        assert main(["review", "pull", "--from", "fiftyone", "--who", "anna", *out]) == 0
    found = read_decisions([Path("decisions.parquet")])
    assert {f"{i:016x}" for i in found["finding_id"]} == wanted
    assert found["verdict"].tolist() == ["false-alarm"] * 2
    assert set(found["image"]) == images
    words = ["curate-demo/street_coco", "--images", "curate-demo/images", "--json"]
    capsys.readouterr()
    assert main(["audit", *words, "--decisions", "decisions.parquet"]) == 1
    again = json.loads(capsys.readouterr().out)["findings"]
    first = [f["finding_id"] for f in audit["findings"]]
    assert [f["finding_id"] for f in again] == [i for i in first if i not in wanted]


def test_the_picture_of_the_page_is_made(fo, tmp_path: Path, browser) -> None:
    script = REPOSITORY / "docs" / "make_browse_picture.py"
    subprocess.run([sys.executable, script, tmp_path / "browse.jpg"], check=True, timeout=300)
    with Image.open(tmp_path / "browse.jpg") as picture:
        assert picture.size == (1360, 760)
