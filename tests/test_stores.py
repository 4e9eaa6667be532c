"""Pictures from folders and addresses: the same answers, bounded waiting, clear errors."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import unicodedata
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from curate.errors import PictureError, SourceError
from curate.stores import Patience, open_store

fsspec = pytest.importorskip("fsspec")
QUICK = Patience(tries=3, wait_s=0.0, timeout_s=5.0)
FILES = {
    "a.jpg": b"one",
    "day 1/cam#2?/b.PNG": b"two",
    "day 1/b.jpg": b"three",
    "clip.mp4": b"video",
    "labels.json": b"{}",
}
MEDIA = ("a.jpg", "clip.mp4", "day 1/b.jpg", "day 1/cam#2?/b.PNG")


@pytest.fixture
def folder(tmp_path):
    for name, body in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return tmp_path


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.pipe({f"/set one/{name}": body for name, body in FILES.items()})
    yield "memory://set one"
    system.rm("/set one", recursive=True)


@contextlib.contextmanager
def served(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Quiet:
    def log_message(self, *_):
        pass


@pytest.fixture
def web(folder):
    pytest.importorskip("aiohttp")

    class Files(Quiet, SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

    with served(Files) as address:
        yield address


@pytest.fixture(scope="module")
def s3():
    pytest.importorskip("s3fs")
    server_of = pytest.importorskip("moto.server")
    server = server_of.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "none")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        server.start()
        options = {"endpoint_url": "http://{}:{}".format(*server.get_host_and_port())}
        system = fsspec.filesystem("s3", skip_instance_cache=True, **options)
        system.mkdir("frames")
        for name, body in FILES.items():
            system.pipe_file(f"frames/set/{name}", body)
        yield "s3://frames/set", options
        server.stop()


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request):
    """Each kind of store that can list what it holds, all with the same files."""
    made = request.getfixturevalue(request.param)
    address, options = made if isinstance(made, tuple) else (made, None)
    return open_store(address, options=options, patience=QUICK)


def test_a_store_lists_its_pictures_and_videos(store):
    assert store.is_listable
    assert store.names() == MEDIA


def test_a_store_reads_each_of_its_files(store):
    assert {name: store.read(name) for name in store.names()} == {
        name: FILES[name] for name in MEDIA
    }


def test_names_are_found_as_labels_state_them(store):
    assert store.find("a.jpg") == ["a.jpg"]
    assert store.find("A.JPG") == ["a.jpg"]
    assert store.find("/mnt/disk/day 1/b.jpg") == ["day 1/b.jpg"]
    assert store.find("cam#2?/b.png") == ["day 1/cam#2?/b.PNG"]
    assert store.find("b") == ["day 1/b.jpg", "day 1/cam#2?/b.PNG"]
    assert store.find("clip.mp4") == ["clip.mp4"]
    assert store.find("c.jpg") == []


def test_a_stamp_changes_with_the_file_alone(store):
    stamps = [store.stamp(name) for name in MEDIA]
    assert all(stamps)
    again = pickle.loads(pickle.dumps(store))
    assert [again.stamp(name) for name in MEDIA] == stamps
    assert store.stamp("none.jpg") is None


def test_a_pickled_store_answers_like_the_first(store):
    store.names()
    again = pickle.loads(pickle.dumps(store))
    assert again.names() == MEDIA
    assert again.read("day 1/b.jpg") == b"three"


def test_a_file_is_fetched_for_as_long_as_it_is_needed(store):
    with store.fetched("clip.mp4") as path:
        assert path.read_bytes() == b"video"
        assert path.suffix == ".mp4"


def test_what_was_fetched_from_afar_is_gone_afterwards(memory):
    with open_store(memory).fetched("clip.mp4") as path:
        pass
    assert not path.exists()


def test_a_missing_picture_is_an_error_with_its_name(store):
    with pytest.raises(
        PictureError, match=r"gone/c\.jpg: cannot be read.*[Nn]o such file.* - check"
    ):
        store.read("gone/c.jpg")
    with (
        pytest.raises(PictureError, match=r"gone\.mp4: cannot be read"),
        store.fetched("gone.mp4"),
    ):
        pass


@pytest.mark.parametrize("name", ["../x.jpg", "a/../../x.jpg", "/etc/hosts", "", "a\\..\\b", "a\0"])
def test_no_name_leads_out_of_a_store(store, name):
    for ask in (store.read, lambda name: store.fetched(name).__enter__()):
        with pytest.raises(PictureError, match="should be a path below the pictures' folder"):
            ask(name)


def test_a_stamp_of_a_local_file_changes_with_its_bytes(folder):
    store = open_store(folder)
    before = store.stamp("a.jpg")
    (folder / "a.jpg").write_bytes(b"other")
    assert store.stamp("a.jpg") != before


def test_a_name_in_another_unicode_form_is_found(tmp_path):
    name = unicodedata.normalize("NFD", "Zürich.jpg")
    (tmp_path / name).write_bytes(b"z")
    store = open_store(tmp_path)
    (found,) = store.find(unicodedata.normalize("NFC", "zürich.JPG"))
    assert store.read(found) == b"z"


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_a_name_of_bytes_that_are_no_text_is_read(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"y")
    store = open_store(tmp_path)
    assert store.names() == ("\\xff.jpg",)
    assert store.read("\\xff.jpg") == b"y"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    assert open_store(tmp_path).read("a.jpg") == b""


def test_a_folder_is_no_picture(folder):
    with pytest.raises(PictureError, match="day 1: cannot be read: Is a directory"):
        open_store(folder).read("day 1")


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="no such folder - check --images"):
        open_store(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match="is no folder"):
        open_store(str(tmp_path / "file"))


def test_a_file_address_is_a_folder(folder):
    assert open_store(f"file://{folder}").read("a.jpg") == b"one"


def test_an_unknown_scheme_is_refused():
    with pytest.raises(SourceError, match="scheme 'ftp', should be one of s3, gs, http"):
        open_store("ftp://user:secret@host/x")


@pytest.mark.parametrize(
    ("address", "package"), [("s3://b/x", "s3fs"), ("gs://b/x", "gcsfs"), ("http://h/x", "aiohttp")]
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(address, package):
    code = (
        "import sys; sys.modules[sys.argv[2]] = None\n"
        "from curate.errors import SourceError\n"
        "from curate.stores import open_store\n"
        "try: open_store(sys.argv[1])\n"
        "except SourceError as error: print(error)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, address, package], capture_output=True, text=True, check=True
    )
    assert "needs a package that is not installed" in run.stdout
    assert run.stdout.endswith(' - pip install "curate[remote]"\n')


def test_pictures_are_read_over_http_by_the_names_as_stated(web):
    store = open_store(web, patience=QUICK)
    assert not store.is_listable
    assert {name: store.read(name) for name in MEDIA} == {name: FILES[name] for name in MEDIA}
    assert store.find("day 1/B.jpg") == ["day 1/B.jpg"]
    assert store.stamp("a.jpg") is None
    with pytest.raises(SourceError, match="cannot be listed over http - state the names"):
        store.names()
    with pytest.raises(PictureError, match=r"c\.jpg: .* no such file - check name and access"):
        store.read("c.jpg")
    with store.fetched("clip.mp4") as path:
        assert path.read_bytes() == b"video"
    assert pickle.loads(pickle.dumps(store)).read("a.jpg") == b"one"


def troubled(answers):
    """A server that meets each request with the next of `answers`, and what was asked for."""
    asked = []

    class Troubled(Quiet, BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(unquote(self.path))
            answers[min(len(asked), len(answers)) - 1](self)

    return Troubled, asked


def status(code):
    return lambda handler: handler.send_error(code)


def well(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "4")
    handler.end_headers()
    handler.wfile.write(b"well")


def cut_short(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "400")
    handler.end_headers()
    handler.wfile.write(b"we")


def hang_up(handler):
    handler.connection.close()


@pytest.mark.parametrize("trouble", [status(503), status(429), cut_short, hang_up])
def test_a_server_that_fails_twice_is_asked_a_third_time(trouble):
    pytest.importorskip("aiohttp")
    handler, asked = troubled([trouble, trouble, well])
    with served(handler) as address:
        assert open_store(address, patience=QUICK).read("x/a.jpg") == b"well"
    assert asked == ["/x/a.jpg"] * 3


@pytest.mark.parametrize(
    ("answer", "n_asked", "says"),
    [
        (status(503), 3, r"a\.jpg: cannot be read from http.*answers 503.*\(3 tries\) - run again"),
        (status(403), 1, r"answers 403 Forbidden - check name and access"),
        (status(404), 1, r"no such file - check name and access"),
        (cut_short, 3, r"\(3 tries\)"),
    ],
)
def test_a_server_that_fails_for_good_is_an_error_after_bounded_tries(answer, n_asked, says):
    pytest.importorskip("aiohttp")
    handler, asked = troubled([answer])
    with served(handler) as address:
        with pytest.raises(PictureError, match=says):
            open_store(address, patience=QUICK).read("a.jpg")
        assert len(asked) == n_asked


def test_a_server_that_never_answers_is_given_up():
    pytest.importorskip("aiohttp")
    enough = threading.Event()
    handler, asked = troubled([lambda _: enough.wait(20)])
    with served(handler) as address:
        patience = Patience(tries=2, wait_s=0.0, timeout_s=0.3)
        try:
            with pytest.raises(PictureError, match=r"no answer in time \(2 tries\)"):
                open_store(address, patience=patience).read("a.jpg")
        finally:
            enough.set()
        assert len(asked) == 2


def test_a_server_that_is_not_there_is_an_error():
    pytest.importorskip("aiohttp")
    with served(troubled([well])[0]) as address:
        pass
    with pytest.raises(PictureError, match=r"a\.jpg: cannot be read from .*\(3 tries\)"):
        open_store(address, patience=QUICK).read("a.jpg")


def test_an_s3_bucket_that_is_not_there_is_an_error(s3):
    _, options = s3
    store = open_store("s3://other/set", options=options, patience=QUICK)
    with pytest.raises(PictureError, match=r"a\.jpg: cannot be read from s3://other/set"):
        store.read("a.jpg")


def test_no_message_shows_a_password(memory):
    pytest.importorskip("aiohttp")
    handler, _ = troubled([status(403)])
    with served(handler) as address:
        guarded = address.replace("http://", "http://user:secret@")
        with pytest.raises(PictureError) as error:
            open_store(guarded, patience=QUICK).read("a.jpg")
    assert "secret" not in str(error.value)
    assert "secret" not in repr(open_store(memory, options={"password": "secret"}))
