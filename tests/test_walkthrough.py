"""`curate demo` finds what was planted, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.cli import main
from curate.dataset import load
from curate.errors import OutputError
from curate.formats import read
from curate.walkthrough import run, to_text


@pytest.mark.parametrize("seed", [0, 5])
def test_every_planted_fault_is_found_and_nothing_else(tmp_path: Path, seed: int) -> None:
    result = run(tmp_path / "demo", seed=seed)
    assert result.score["missed"] == []
    assert result.score["not_planted"] == []
    assert result.score["found"] == result.score["planted"] > 60


def test_the_ingested_datasets_know_where_their_pictures_are(tmp_path: Path) -> None:
    run(tmp_path / "demo")
    dataset = load(tmp_path / "demo" / "street_coco.curate")
    assert dataset.images_root == (tmp_path / "demo" / "images").absolute()
    assert dataset.images_root.is_dir()


def test_the_demo_says_where_to_look_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = to_text(run(Path("demo")), Path("demo"))
    assert "missed 0; findings that were not planted: 0" in text
    commands = [line.split()[1:] for line in text.partition("Look next:")[2].split("\n") if line]
    assert [words[0] for words in commands] == ["audit", "explain", "export", "merge", "export"]
    capsys.readouterr()
    for words in commands:
        # The planted faults are in all of these labels.
        assert main(words) == int(words[0] != "explain"), words
        assert capsys.readouterr().out
    assert {"human"} == set(load(tmp_path / "both_annotators").boxes["origin"])
    assert {"detector"} == set(read(tmp_path / "detected").boxes["origin"])


def test_an_earlier_demo_is_replaced_only_by_force(tmp_path: Path) -> None:
    run(tmp_path / "demo")
    with pytest.raises(OutputError, match="add --force"):
        run(tmp_path / "demo")
    run(tmp_path / "demo", force=True)
