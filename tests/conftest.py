"""Fixtures that all tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parent.parent

settings.register_profile(
    "fast", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
# More examples, the same ones in every run: what has passed does not fail a later change.
# New ones are drawn by `fast`, wherever tests are run by hand.
settings.register_profile(
    "full",
    max_examples=100,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("full" if os.environ.get("CI") else "fast")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real annotation data; skips the test when it is absent."""
    folder = Path(os.environ.get("CURATE_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found at CURATE_REAL_DATA={folder}")
    return folder


@pytest.fixture
def unlistable() -> Callable[[Path, str], str]:
    """Makes a folder below another that nobody can list, not even root: its path is too long.

    It holds a file of the given name. What comes back is its path, relative and with `/`.
    """
    if os.mkdir not in os.supports_dir_fd:
        pytest.skip("this system makes no folder of a longer path than it can open")

    def make(root: Path, file: str) -> str:
        limit = os.pathconf(root, "PC_PATH_MAX")
        names: list[str] = []
        handle = os.open(root, os.O_RDONLY)
        while len(f"{root}/{'/'.join(names)}") < limit:
            room = limit - len(f"{root}/{'/'.join(names)}")
            # The last step is a long one: with or without a slash at its end it is too long.
            names.append("d" * (100 if room > 200 else 250))
            os.mkdir(names[-1], dir_fd=handle)
            deeper = os.open(names[-1], os.O_RDONLY, dir_fd=handle)
            os.close(handle)
            handle = deeper
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, dir_fd=handle))
        os.close(handle)
        return "/".join(names)

    return make


@pytest.fixture(scope="module")
def browser():
    """Debian's chromium, driven by playwright; `.ci/browser` installs both."""
    driver = pytest.importorskip("playwright.sync_api", reason="no playwright; see .ci/browser")
    path = os.environ.get("CURATE_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium; .ci/browser installs it")
    with driver.sync_playwright() as playwright:
        # As root chromium runs without its sandbox or not at all.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()
