"""Writes docs/formats/losses.md: what each format loses of each other, as runs show it.

`python docs/make_losses.py` reads the inputs of tests/fuzz in every format, writes each in every
other, and keeps what the loss reports say. Run it after a change of a reader or a writer.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "formats" / "losses.md"
# Only inputs that the project has made itself: the page is the same on every machine.
os.environ["CURATE_REAL_DATA"] = os.devnull
sys.path.insert(0, str(REPOSITORY))

from curate.dataset import Dataset  # noqa: E402  # after the path that makes tests a package
from curate.errors import CurateError  # noqa: E402
from curate.formats import WRITERS, ReadOptions, read, write  # noqa: E402
from tests.fuzz import seeds  # noqa: E402
from tests.fuzz.seed import Seed, place  # noqa: E402

HEAD = """# What each format loses of each other

Made by `python docs/make_losses.py` from runs: small inputs of every format, written in every
other. A row is the format that was read, a column the one that it was written as; the number is
how many kinds of values were lost or changed, and the lists below name them. Each export tells
its own losses, with their numbers and reasons. A format written as itself loses nothing: files
come back byte for byte.

"""

Losses = dict[tuple[str, str], dict[str, set[str]]]  # (source, target) to reasons by field


def main() -> None:
    """Runs every pair and writes the page, or prints it when told to (`--print`)."""
    text = page(run())
    if "--print" in sys.argv[1:]:
        sys.stdout.write(text)
    else:
        PAGE.write_text(text, encoding="utf-8")


def run() -> Losses:
    """The losses of every pair of formats."""
    found: Losses = defaultdict(lambda: defaultdict(set))
    for name in seeds.LABELS:
        for seed in seeds.LABELS[name]():
            with tempfile.TemporaryDirectory() as folder:
                dataset = _read(seed, Path(folder))
                if dataset is not None and dataset.format not in ("mixed", "none"):
                    _write_all(dataset, Path(folder), found)
    return found


def _read(seed: Seed, folder: Path) -> Dataset | None:
    """The dataset of an input; None for one that is there to be refused."""
    options = ReadOptions(format=seed.format, **seed.options)
    try:
        return read(place(seed, folder / "source"), options)
    except CurateError:
        return None


def _write_all(dataset: Dataset, folder: Path, found: Losses) -> None:
    for target in WRITERS:
        if target == dataset.format:
            continue
        try:
            choice = "keep-out" if target == "yolo" else None
            report = write(dataset, target, folder / target, ignored=choice)
        except CurateError:
            # Nothing of this input can be written there: another one shows what is lost.
            continue
        reasons = found[dataset.format, target]
        for loss in report.losses:
            if loss.count:
                reasons[loss.field].add(loss.why)


def page(found: Losses) -> str:
    """The page as Markdown."""
    sources = sorted({source for source, _ in found})
    targets = sorted(WRITERS)
    lines = [f"| read \\\\ written | {' | '.join(targets)} |", "| --- " * (len(targets) + 1) + "|"]
    for source in sources:
        cells = [_cell(found, source, target) for target in targets]
        lines.append(f"| [{source}](#{source}) | {' | '.join(cells)} |")
    text = HEAD + "\n".join(lines) + "\n"
    for source in sources:
        text += f"\n## {source}\n"
        for target in targets:
            if (source, target) in found:
                text += _list(target, found[source, target])
    return text


def _cell(found: Losses, source: str, target: str) -> str:
    if source == target:
        return "="
    return str(len(found[source, target])) if (source, target) in found else "."


def _list(target: str, reasons: Mapping[str, set[str]]) -> str:
    if not reasons:
        return f"\n**{target}**: nothing lost.\n"
    rows = "".join(
        f"- {name}: {'; '.join(sorted(whys))}\n" for name, whys in sorted(reasons.items())
    )
    return f"\n**{target}**\n\n{rows}"


if __name__ == "__main__":
    main()
