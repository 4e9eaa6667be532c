"""The environments of the tools that curate is measured against, apart from its own.

    python tests/benchmarks/peers.py [--folder DIR] [--pins FILE]

makes one (`peers.txt`, with supervision and Datumaro, pins what goes in, or another file) and
prints its interpreter. It is made once for each content of that file and each Python; a failed
attempt leaves nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PINS = HERE / "peers.txt"
# Where the environment is kept, so that several runs share it.
FOLDER_VARIABLE = "CURATE_PEERS"
# No usage figures, no look-ups for newer versions: nothing leaves this machine while they run.
QUIET = {
    "OTX_SKIP_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "YOLO_OFFLINE": "true",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
}


class PeersError(Exception):
    """Raised when the environment cannot be made; the text says why."""


def default_folder() -> Path:
    """The folder for the environment: the variable CURATE_PEERS, else the temporary folder."""
    return Path(os.environ.get(FOLDER_VARIABLE) or Path(tempfile.gettempdir()) / "curate-peers")


def find(folder: Path | None = None, pins: Path = PINS) -> Path | None:
    """The interpreter of an environment that is there already, or None."""
    python = _python(_home(folder or default_folder(), pins))
    return python if python.is_file() else None


def ensure(folder: Path | None = None, pins: Path = PINS) -> Path:
    """The interpreter of the environment of a list of pins, made first where it is not there.

    Raises
    ------
    PeersError
        When it cannot be made: no package index, no package that fits this Python.
    """
    found = find(folder, pins)
    if found is not None:
        return found
    home = _home(folder or default_folder(), pins)
    home.parent.mkdir(parents=True, exist_ok=True)
    # An environment knows its own path, so that it is made where it stays.
    try:
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(_python(home)), "-m", "pip", "install", "--quiet", "--requirement", str(pins)])
        _run([str(_python(home)), "-c", f"import {', '.join(_modules(pins))}"])
    except PeersError:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return _python(home)


def environment() -> dict[str, str]:
    """The variables that the peers run with: quiet, and without this repository on the path."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**own, **QUIET}


def _modules(pins: Path) -> list[str]:
    """What the pinned packages are imported as: their names, but for hyphens."""
    lines = [line.partition("#")[0].strip() for line in pins.read_text("utf-8").splitlines()]
    return sorted(line.partition("==")[0].replace("-", "_") for line in lines if line)


def _home(folder: Path, pins: Path) -> Path:
    version = "{}.{}".format(*sys.version_info)
    digest = hashlib.sha256(pins.read_bytes() + version.encode()).hexdigest()
    return folder / f"peers-{digest[:12]}"


def _python(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise PeersError(f"{command[0]}: {error}") from error
    if done.returncode:
        # pip's last errors say which package it was; warnings about indexes go on for pages.
        lines = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
        raise PeersError(f"exit {done.returncode}: {' '.join(lines[-3:])}")


def main() -> int:
    """Exit code: 0 when the environment is there, 1 when it cannot be made."""
    parser = argparse.ArgumentParser(description="Make the environment of the peers.")
    parser.add_argument("--folder", type=Path, help=f"default: ${FOLDER_VARIABLE}, else temporary")
    parser.add_argument("--pins", type=Path, default=PINS, help="default: peers.txt beside this")
    asked = parser.parse_args()
    try:
        print(ensure(asked.folder, asked.pins))
    except PeersError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
