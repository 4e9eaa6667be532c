"""A real Label Studio server for tests: installed on its own, started on a free port, ended.

    with running(install(folder), tmp_path) as server:
        project = server.call("POST", "/api/projects", {"title": "t", "label_config": "<View/>"})

The server has an environment of its own (1 GB, a minute or two), since its pins are not those of
this project. `CURATE_TOOLS` names the folder that keeps it from one run to the next; without it
the caller says where it goes. `python tests/tools/label_studio.py FOLDER` only installs it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUIREMENT = "label-studio==1.23.2"
USER = "anna@example.org"
INSTALL_S, START_S = 1800.0, 600.0
# The environment's own server, never a proxy of the network's.
_OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class CannotInstallError(Exception):
    """Raised when the package index does not give the server; the message is pip's."""


def install(folder: Path) -> Path:
    """The Python of an environment with the server, made unless it is there.

    `folder` is where it goes when `CURATE_TOOLS` is not set.
    """
    home = Path(os.environ.get("CURATE_TOOLS") or folder) / REQUIREMENT.replace("==", "-")
    python = Path("Scripts", "python.exe") if os.name == "nt" else Path("bin", "python")
    if home.is_dir():
        return home / python
    home.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when it is whole: none is left by a run that is interrupted, or by two at once.
    made = Path(tempfile.mkdtemp(prefix=f"{home.name}-", dir=home.parent))
    try:
        _make(made, python)
        if not home.is_dir():
            made.rename(home)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return home / python


def _make(folder: Path, python: Path) -> None:
    command = [str(folder / python), "-m", "pip", "install", "--quiet", REQUIREMENT]
    try:
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=INSTALL_S)
    except subprocess.SubprocessError as error:
        told = str(getattr(error, "stderr", None) or "").strip()[-800:]
        raise CannotInstallError(f"{error} {told}") from error


class RefusedError(Exception):
    """Raised when the server does not do what it was asked; the message is its answer."""


@dataclass(frozen=True)
class Server:
    """A server that answers: its address, its token, the folder of the pictures it may show."""

    address: str
    token: str
    pictures: Path

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The JSON that the server answers to a request; raises RefusedError without one."""
        sent = None if body is None else json.dumps(body).encode()
        return json.loads(self.fetch(method, path, sent, "application/json") or b"null")

    def fetch(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        """The bytes that the server answers to a request with a body of this content type."""
        headers = {"Authorization": f"Token {self.token}"} | (
            {"Content-Type": kind} if kind else {}
        )
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        try:
            with _OPEN(request, timeout=60) as answer:
                got: bytes = answer.read()
                return got
        except urllib.error.HTTPError as error:
            told = error.read().decode(errors="replace")[:1000]
            raise RefusedError(f"{method} {path}: {error.code} {told}") from error


@contextmanager
def running(python: Path, folder: Path) -> Iterator[Server]:
    """A server with an empty database below `folder`, until the block ends."""
    pictures, token = folder / "pictures", secrets.token_hex(20)
    pictures.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(f"http://127.0.0.1:{port}", token, pictures)
    command = [str(python), "-m", "label_studio.server", "start", "--no-browser"]
    command += ["--internal-host", "127.0.0.1", "--port", str(port)]
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=_environment(folder, server), stdin=subprocess.DEVNULL, stdout=out,
            stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
        try:
            _wait(server, process, log)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment(folder: Path, server: Server) -> Mapping[str, str]:
    own = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "DJANGO_DB": "sqlite",
        "LABEL_STUDIO_USERNAME": USER,
        "LABEL_STUDIO_PASSWORD": secrets.token_hex(8),
        "LABEL_STUDIO_USER_TOKEN": server.token,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(server.pictures),
        # Nothing is sent anywhere.
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "HOME": str(folder),
    }
    # Neither this project's packages nor a server's settings of whoever runs the tests.
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("LABEL_STUDIO_", "DJANGO_", "PYTHON", "POSTGRE"))
    }
    return kept | own


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when the server answers; the first start makes its database (half a minute)."""
    limit = time.monotonic() + START_S
    while time.monotonic() < limit and process.poll() is None:
        try:
            server.fetch("GET", "/health")
        except (OSError, RefusedError):
            time.sleep(0.2)  # nothing tells when a server of another make is up
        else:
            return
    told = log.read_text(errors="replace")[-2000:]
    raise RefusedError(f"the server did not start ({process.poll()}): {told}")


if __name__ == "__main__":
    print(install(Path(sys.argv[1])))
