"""The real FiftyOne for tests: a database of its own, and its App in a real browser.

    with database(folder):
        import fiftyone

FiftyOne attaches to any database of its kind that runs on the machine unless it is told where its
own is, and asks once, when it is imported: the variables are set before that. `.ci/fiftyone`
installs it with its database.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 60.0
VARIABLES = {
    "FIFTYONE_DATABASE_NAME": "curate-tests",
    # The wheel of the database is the oldest that FiftyOne supports, which it would say each time.
    "FIFTYONE_DATABASE_VALIDATION": "false",
    "FIFTYONE_DO_NOT_TRACK": "true",
    "FIFTYONE_SHOW_PROGRESS_BARS": "false",
}


def why_not() -> str | None:
    """Why FiftyOne cannot be used here; None when it can."""
    if importlib.util.find_spec("fiftyone") is None:
        return "no FiftyOne; .ci/fiftyone installs it"
    return None if mongod() is not None else "FiftyOne has no mongod; .ci/fiftyone installs it"


def mongod() -> Path | None:
    """The database's program, found without importing FiftyOne."""
    found = importlib.util.find_spec("fiftyone")
    if found is None or found.origin is None:
        return None
    path = (
        Path(found.origin).parent / "db" / "bin" / ("mongod.exe" if os.name == "nt" else "mongod")
    )
    return path if path.is_file() else None


def free_port() -> int:
    """A port of this machine that is free now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """The address of an empty database, which FiftyOne uses until the block ends."""
    program = mongod()
    assert program is not None
    folder.mkdir(parents=True)
    port = free_port()
    command = [str(program), "--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1"]
    command += ["--wiredTigerCacheSizeGB", "0.25", "--logpath", str(folder / "log")]
    command += [] if os.name == "nt" else ["--nounixsocket"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    own = VARIABLES | {
        "FIFTYONE_DATABASE_URI": f"mongodb://127.0.0.1:{port}",
        "FIFTYONE_CONFIG_PATH": str(folder / "config.json"),
        "FIFTYONE_DATABASE_DIR": str(folder),
    }
    before = {name: os.environ.get(name) for name in own}
    try:
        _wait(port, process, folder)
        os.environ.update(own)
        yield own["FIFTYONE_DATABASE_URI"]
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        process.terminate()
        process.wait(START_S)


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Returns when the database takes connections."""
    limit = time.monotonic() + START_S
    while time.monotonic() < limit and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)  # nothing tells when a program of another make is up
        else:
            return
    told = (folder / "log").read_text(errors="replace")[-2000:] if process.poll() else "no answer"
    raise RuntimeError(f"mongod did not start ({process.poll()}): {told}")


if __name__ == "__main__":
    sys.exit(why_not())
