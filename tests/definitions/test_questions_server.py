"""A real Label Studio server takes the forms of definitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from curate.definitions.loading import load
from curate.definitions.questions import to_xml
from tests.tools.label_studio import CannotInstallError, RefusedError, Server, install, running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with TemporaryDirectory(prefix="curate-label-studio-") as folder:
        try:
            python = install(Path(folder))
        except CannotInstallError as error:
            pytest.skip(str(error))
        with running(python, tmp_path_factory.mktemp("server")) as server:
            yield server


@pytest.mark.parametrize("name", ["person", "head", "project.cameras", "project.phone"])
def test_server_takes_the_form_and_keeps_its_controls(server: Server, name: str) -> None:
    form = to_xml(load([name]))
    body = {"label_config": form}
    assert server.call("POST", "/api/projects/validate/", body) is None
    made = server.call("POST", "/api/projects", {"title": name, **body})
    controls = made["parsed_label_config"]
    assert set(controls) == {word.split('"')[0] for word in form.split(' name="')[2:]}
    assert controls["label"]["labels"] == [
        word.split('"')[0] for word in form.split('<Label value="')[1:]
    ]


def test_server_refuses_a_form_that_is_none(server: Server) -> None:
    broken = to_xml(load(["head"])).replace('toName="image"', 'toName="picture"')
    with pytest.raises(RefusedError, match="400"):
        server.call("POST", "/api/projects/validate/", {"label_config": broken})
