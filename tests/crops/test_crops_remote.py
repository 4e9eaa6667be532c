"""Pictures from where they are: a local HTTP server, the memory file system, an S3 server."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from curate.cli import main
from tests.crops.sets import content, make

N = 6


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    return make(tmp_path_factory.mktemp("street"), N)


@pytest.fixture
def wanted(street, tmp_path):
    """The set that the same pictures on this disk make."""
    assert _crops(street, tmp_path / "local", street / "images") == 0
    return content(tmp_path / "local")


def _crops(street, out, images) -> int:
    words = ["--from-detector", str(street / "dets.json"), "--images", str(images)]
    return main(["crops", str(street / "truth.json"), *words, "-o", str(out)])


def pictures_of(found: dict[str, bytes]) -> dict[str, bytes]:
    return {name: body for name, body in found.items() if name.endswith(".jpg")}


@contextlib.contextmanager
def _served(folder):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_pictures_come_over_http(street, tmp_path, wanted) -> None:
    pytest.importorskip("aiohttp")
    with _served(street / "images") as address:
        assert _crops(street, tmp_path / "out", address) == 0
    assert pictures_of(content(tmp_path / "out")) == pictures_of(wanted)


def test_a_picture_that_the_server_does_not_have_is_lost(street, tmp_path, wanted) -> None:
    pytest.importorskip("aiohttp")
    (tmp_path / "images").mkdir()
    with _served(tmp_path / "images") as address:
        assert _crops(street, tmp_path / "out", address) == 1
        told = json.loads((tmp_path / "out" / "crops.json").read_text())
        assert told["lost"]["images"] == N
        # There is nothing to see at a server that it has them now: it is asked again.
        shutil.copytree(street / "images", tmp_path / "images", dirs_exist_ok=True)
        assert _crops(street, tmp_path / "out", address) == 0
    assert pictures_of(content(tmp_path / "out")) == pictures_of(wanted)


def test_pictures_come_from_memory(street, tmp_path, wanted) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.put(str(street / "images"), "/street", recursive=True)
    try:
        assert _crops(street, tmp_path / "out", "memory://street") == 0
    finally:
        memory.rm("/street", recursive=True)
    assert pictures_of(content(tmp_path / "out")) == pictures_of(wanted)


@pytest.fixture
def bucket(monkeypatch):
    """The address of an empty bucket on an S3 server of its own."""
    pytest.importorskip("moto")
    s3fs = pytest.importorskip("s3fs")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for name, value in (
        ("AWS_ENDPOINT_URL", address),
        ("AWS_ACCESS_KEY_ID", "none"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    try:
        _await(address, server)
        files = s3fs.S3FileSystem(skip_instance_cache=True)
        files.mkdir("street")
        yield files, "street"
    finally:
        server.terminate()
        server.wait()


def _await(address, server) -> None:
    end = time.monotonic() + 60
    while True:
        assert server.poll() is None, "the S3 server ended"
        assert time.monotonic() < end, "the S3 server does not answer"
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.1)


def test_pictures_come_from_s3(street, tmp_path, wanted, bucket) -> None:
    files, name = bucket
    files.put(str(street / "images"), f"{name}/images", recursive=True)
    assert _crops(street, tmp_path / "out", f"s3://{name}/images") == 0
    assert pictures_of(content(tmp_path / "out")) == pictures_of(wanted)
