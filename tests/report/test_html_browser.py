"""The page of the demo in a real browser: what a person would see and do there."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from curate.cli import main
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow
WAITS_MS = 10_000
# 0 for a picture that is not decoded in time: nothing else would end the wait.
WIDTH_OF_DECODED = """image => Promise.race([
  image.decode().then(() => image.naturalWidth), new Promise(done => setTimeout(done, 9000, 0))
])"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A folder with the page and the JSON document of one audit of the demo's labels."""
    folder = tmp_path_factory.mktemp("page")
    with contextlib.chdir(folder):
        assert main(["demo"]) == 0
        words = ["curate-demo/street_coco", "--images", "curate-demo/images"]
        assert main(["audit", *words, "-o", "audit.html", "-o", "audit.json"]) == 1
    return folder


@pytest.fixture
def page(browser, demo: Path):
    """The page, opened; what goes wrong in it, or leaves it, fails the test in the end."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(WAITS_MS)
    faults: list[str] = []
    opened.on("console", lambda message: faults.append(f"console: {message.text}"))
    opened.on("pageerror", lambda error: faults.append(f"error: {error}"))
    requests: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    address = (demo / "audit.html").as_uri()
    opened.goto(address)
    yield opened
    opened.close()
    assert faults == []
    assert [url for url in requests if not url.startswith("data:")] == [address]


@pytest.fixture
def document(demo: Path):
    return json.loads((demo / "audit.json").read_text(encoding="utf-8"))


def shown(page, selector: str):
    """The elements of a selector that can be seen."""
    return page.locator(f"{selector} >> visible=true")


def wait_for_matches(page, n_wanted: int, total: int) -> None:
    page.locator("#matching", has_text=f"{n_wanted} of {total} findings").wait_for()


def test_tables_and_pictures_are_there(page, document) -> None:
    assert page.locator("#checks tbody tr").count() == len(document["counts"])
    assert page.locator("#rows tr").count() == len(document["findings"])
    assert page.locator("#classes tbody tr").count() == 5
    assert page.locator("#plots svg[role=img]").count() == 5
    messages = page.locator("#rows summary").all_inner_texts()
    assert messages == [finding["message"] for finding in document["findings"]]


def test_every_picture_is_decoded(page) -> None:
    pictures = page.locator(".crops img")
    assert pictures.count() > 10
    for number in range(pictures.count()):
        # Pictures are loaded when they come into sight.
        pictures.nth(number).scroll_into_view_if_needed()
        wide = pictures.nth(number).evaluate(WIDTH_OF_DECODED)
        assert wide == int(pictures.nth(number).get_attribute("width"))
        assert wide > 0


def test_the_filters_leave_what_fits_in_list_and_sheets(page, document) -> None:
    findings = document["findings"]
    total = len(findings)
    page.get_by_label("Check", exact=True).select_option("BOX-003")
    wait_for_matches(page, 2, total)
    assert set(page.locator("#rows code").all_inner_texts()) == {"BOX-003"}
    assert shown(page, ".sheet").count() == 1
    assert shown(page, ".crops figure").count() == 2

    page.get_by_role("button", name="Clear").click()
    wait_for_matches(page, total, total)
    page.get_by_label("error", exact=True).uncheck()
    n_left = sum(finding["level"] != "error" for finding in findings)
    wait_for_matches(page, n_left, total)

    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Search", exact=True).fill("IoU street_16")
    wait_for_matches(page, 1, total)
    assert "street_16.jpg" in page.locator("#rows tr").inner_text()

    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Class", exact=True).select_option(label="rider")
    cells = page.locator("#classes tr", has_text="rider").locator("td").all_inner_texts()
    n_riders = sum(int(cell) for cell in cells[1:] if cell != "–")
    assert n_riders > 0
    wait_for_matches(page, n_riders, total)
    page.get_by_label("Source", exact=True).select_option(label="street_coco")
    wait_for_matches(page, n_riders, total)


def test_a_check_of_the_table_filters_and_a_finding_opens_with_the_keyboard(page, document) -> None:
    wanted = next(f for f in document["findings"] if f["check"] == "REL-001")
    page.get_by_role("button", name="REL-001").focus()
    page.keyboard.press("Enter")
    wait_for_matches(page, 1, len(document["findings"]))
    page.locator("#rows summary").focus()
    page.keyboard.press("Enter")
    details = page.locator("#rows details[open]")
    details.locator("dl").wait_for()
    assert wanted["mend"] in details.inner_text()
    assert wanted["finding_id"] in details.inner_text()
    assert details.locator("li").count() == len(wanted["members"])
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "by-text"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_window_in_any_colours(page, scheme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    back, ink = page.evaluate(
        "(() => { const own = getComputedStyle(document.body);"
        " return [own.backgroundColor, own.color]; })()"
    )
    assert (lightness(back) > lightness(ink)) == (scheme == "light")


def lightness(colour: str) -> int:
    """The sum of red, green and blue of `rgb(r, g, b)`."""
    return sum(int(part) for part in colour[4:-1].split(","))


def test_the_picture_of_the_docs_can_be_made_again(browser, tmp_path: Path) -> None:
    script = REPOSITORY / "docs" / "make_report_picture.py"
    # A second playwright cannot run in this thread beside the first.
    subprocess.run([sys.executable, script, tmp_path / "report.jpg"], check=True, timeout=300)
    for path in (tmp_path / "report.jpg", REPOSITORY / "docs" / "report.jpg"):
        assert path.stat().st_size < 200_000
        with Image.open(path) as picture:
            assert (picture.format, picture.width) == ("JPEG", 1500)


def test_a_hostile_class_name_is_only_text(browser, tmp_path: Path) -> None:
    odd = "</script><img src=x onerror=alert(1)>"
    labels = {
        "images": [{"id": 1, "file_name": f"{odd}.jpg", "width": 60, "height": 40}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [50, 10, 20, 20]}],
        "categories": [{"id": 1, "name": odd}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    path = tmp_path / "r.html"
    assert main(["audit", str(tmp_path / "labels.json"), "-o", str(path)]) == 1
    page = browser.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    page.locator("#rows tr").wait_for()
    assert odd in page.locator("#rows tr").inner_text()
    assert page.locator("#classes tbody th").inner_text() == odd
    assert page.locator("img").count() == 0
    page.close()
    assert dialogs == []
