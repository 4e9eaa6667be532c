"""Compares curate with pycocotools on one COCO file: wall time and peak memory, side by side.

Five contenders take turns, each in a fresh process: pycocotools' `COCO(path)`,
`curate.formats.coco.read(path)`, `curate ingest`, `curate audit`, and `curate audit` with all
definitions that are shipped. The two Python calls are timed without their imports, the commands as
a whole. Peak memory is the largest resident
size that the contender's process, or a process that it waited for, ever had.

    python tests/benchmarks/bench_coco.py [--images N] [--annotations N] [--runs N]
        [--folder DIR] [--json FILE]

Prints the medians, their ratios to pycocotools and whether the limits hold. Ends with 0 when all
contenders ran, whatever the limits say, and with 1 when one failed. Linux and macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

N_IMAGES = 118_287  # train2017
N_ANNOTATIONS = 860_001  # train2017
WARM_UP_SIZE = (200, 1_500)  # images, annotations

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # unit of ru_maxrss, getrusage(2)

LOAD_PYCOCOTOOLS = """
import contextlib, io, json, sys, time
from pycocotools.coco import COCO
start_s = time.perf_counter()
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO(sys.argv[1])
wall_s = time.perf_counter() - start_s
print(json.dumps({"wall_s": wall_s, "images": len(coco.imgs), "boxes": len(coco.anns)}))
"""
READ_CURATE = """
import json, pathlib, sys, time
import curate.formats.coco as c
path = pathlib.Path(sys.argv[1])
start_s = time.perf_counter()
dataset = c.read(path)
wall_s = time.perf_counter() - start_s
counts = {"images": len(dataset.images), "boxes": len(dataset.boxes)}
print(json.dumps({"wall_s": wall_s, **counts}))
"""


@dataclass(frozen=True)
class Contender:
    """One way of taking the file, and its limits as shares of pycocotools' figures.

    Parameters
    ----------
    arguments
        What follows `python`; `{path}` is the COCO file, `{folder}` a folder that does not exist.
    times_itself
        It prints JSON with its own `wall_s` and counts; otherwise the whole process is timed.
    leaves
        File in the scratch folder that tells exit code 1 for findings, which is fine, from
        exit code 1 for a crash; empty where only 0 is fine.
    """

    name: str
    arguments: tuple[str, ...]
    times_itself: bool = False
    wall_limit: float | None = None
    peak_limit: float | None = None
    leaves: str = ""


BASELINE = Contender(
    "pycocotools COCO(path)", ("-c", LOAD_PYCOCOTOOLS, "{path}"), times_itself=True
)
CONTENDERS = (
    BASELINE,
    Contender(
        "curate.formats.coco.read",
        ("-c", READ_CURATE, "{path}"),
        times_itself=True,
        wall_limit=1 / 6,
        peak_limit=1 / 2,
    ),
    Contender(
        "curate ingest",
        ("-m", "curate", "ingest", "{path}", "-o", "{folder}"),
        wall_limit=1 / 3,
        leaves="ingested/dataset.json",
    ),
    Contender(
        "curate audit",
        ("-m", "curate", "audit", "{path}"),
        wall_limit=1 / 2,
        leaves="stdout",
    ),
    Contender(
        "curate audit, all definitions",
        # The project uses the others: boxes, person, head, detection.
        ("-m", "curate", "audit", "{path}", "--definitions", "project.phone"),
        wall_limit=0.8,
        peak_limit=0.8,
        leaves="stdout",
    ),
)


@dataclass(frozen=True)
class Run:
    """What one run took; `error` is None when it did its work."""

    wall_s: float
    peak_mb: float
    counts: tuple[int, int] | None = None  # images and boxes, where the contender says them
    error: str | None = None


@dataclass(frozen=True)
class Row:
    """Medians of one contender; ratios are shares of pycocotools' medians.

    A figure is None when a run failed, a limit when none is set.
    """

    name: str
    wall_s: float | None = None
    wall_ratio: float | None = None
    wall_limit: float | None = None
    peak_mb: float | None = None
    peak_ratio: float | None = None
    peak_limit: float | None = None
    met: bool | None = None
    errors: list[str] = field(default_factory=list)


def make_file(path: Path, n_images: int, n_annotations: int) -> None:
    """Nothing; writes the COCO file unless it exists.

    In a process of its own: on Linux the peak of a child counts what its parent held when it was
    started, so this process has to stay small.
    """
    if path.exists():
        return
    note(f"making {path.name}")
    sizes = ("--images", str(n_images), "--annotations", str(n_annotations))
    command = (sys.executable, str(HERE / "make_coco.py"), str(path), *sizes)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def spawn(command: Sequence[str], out: Path, err: Path) -> tuple[float, float, int]:
    """Wall time in s, peak memory in MB and exit code of `command`, its output in two files."""
    paths = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with out.open("wb") as stdout, err.open("wb") as stderr:
        start_s = time.perf_counter()
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment)
        # wait4 gives this child's figures alone; RUSAGE_CHILDREN mixes all children so far.
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start_s
    process.returncode = os.waitstatus_to_exitcode(status)
    return wall_s, usage.ru_maxrss * MAXRSS_BYTES / 1e6, process.returncode


def run_once(contender: Contender, path: Path, scratch: Path) -> Run:
    """One run of `contender` on `path`; what it writes is removed."""
    out, err, folder = scratch / "stdout", scratch / "stderr", scratch / "ingested"
    values = {"{path}": str(path), "{folder}": str(folder)}
    command = [sys.executable, *(values.get(part, part) for part in contender.arguments)]
    wall_s, peak_mb, code = spawn(command, out, err)
    error = fault(contender, code, scratch)
    shutil.rmtree(folder, ignore_errors=True)
    if error is not None or not contender.times_itself:
        return Run(wall_s, peak_mb, error=error)
    printed = json.loads(out.read_text("utf-8"))
    return Run(printed["wall_s"], peak_mb, (printed["images"], printed["boxes"]))


def fault(contender: Contender, code: int, scratch: Path) -> str | None:
    """Why the run failed, or None. A command that found faults in the file ends with 1."""
    if code == 0:
        return None
    left = scratch / contender.leaves
    if code == 1 and contender.leaves and left.is_file() and left.stat().st_size:
        return None
    return f"exit {code}: {last_line(scratch / 'stderr')}"


def last_line(path: Path) -> str:
    """Last line of a text file, empty when there is none."""
    lines = path.read_text("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def run_all(path: Path, n_runs: int, scratch: Path) -> dict[str, list[Run]]:
    """All runs by contender; the contenders take turns, so that a slow minute hits all."""
    runs: dict[str, list[Run]] = {contender.name: [] for contender in CONTENDERS}
    for number in range(1, n_runs + 1):
        for contender in CONTENDERS:
            run = run_once(contender, path, scratch)
            runs[contender.name].append(run)
            outcome = run.error or f"{run.wall_s:.2f} s, {run.peak_mb:.0f} MB"
            note(f"run {number}/{n_runs}: {contender.name}: {outcome}")
    return runs


def errors_of(runs: Sequence[Run], expected: tuple[int, int] | None) -> list[str]:
    """Each fault of `runs` once: failures, and counts that are not the `expected`."""
    errors = {run.error for run in runs if run.error is not None}
    errors |= {
        f"images and boxes: {run.counts}, expected {expected}"
        for run in runs
        if expected is not None and run.counts not in (None, expected)
    }
    return sorted(errors)


def make_row(contender: Contender, runs: Sequence[Run], baseline: Sequence[Run]) -> Row:
    """Table row of one contender from its runs and those of pycocotools."""
    errors = errors_of(runs, baseline[0].counts)
    if errors:
        return Row(contender.name, errors=errors)
    wall_s, peak_mb = median(run.wall_s for run in runs), median(run.peak_mb for run in runs)
    if errors_of(baseline, None):
        return Row(contender.name, wall_s, peak_mb=peak_mb)
    wall_ratio = wall_s / median(run.wall_s for run in baseline)
    peak_ratio = peak_mb / median(run.peak_mb for run in baseline)
    pairs = ((wall_ratio, contender.wall_limit), (peak_ratio, contender.peak_limit))
    held = [ratio <= limit for ratio, limit in pairs if limit is not None]
    return Row(
        contender.name,
        wall_s,
        wall_ratio,
        contender.wall_limit,
        peak_mb,
        peak_ratio,
        contender.peak_limit,
        all(held) if held else None,
    )


def row_cells(row: Row) -> tuple[str, ...]:
    """Texts of one table row."""
    wall = (row.wall_s, row.wall_ratio, row.wall_limit)
    peak = (row.peak_mb, row.peak_ratio, row.peak_limit)
    shapes = (".2f", ".3f", ".3f", ".0f", ".3f", ".3f")
    numbers = [
        "-" if figure is None else format(figure, shape)
        for figure, shape in zip((*wall, *peak), shapes, strict=True)
    ]
    verdict = "failed" if row.errors else {None: "-", True: "yes", False: "no"}[row.met]
    return row.name, *numbers, verdict


def table_text(rows: Sequence[Row]) -> str:
    """Rows as aligned text; `-` where there is no figure."""
    titles = ("contender", "wall s", "ratio", "limit", "peak MB", "ratio", "limit", "met")
    cells = [titles, *map(row_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([name.ljust(widths[0]), *map(str.rjust, rest, widths[1:])])
        for name, *rest in cells
    ]
    lines += [f"{row.name}: {error}" for row in rows for error in row.errors]
    return "\n".join(lines)


def document(rows: Sequence[Row], path: Path, n_runs: int) -> dict[str, object]:
    """JSON document of the same figures."""
    return {
        "schema": "curate-benchmark.coco/1",
        "file": path.name,
        "bytes": path.stat().st_size,
        "runs": n_runs,
        "contenders": [asdict(row) for row in rows],
    }


def warm_up(scratch: Path) -> None:
    """Nothing; one untimed run of each on a small file, so that compiled code is cached."""
    note("warming up")
    small = scratch / "warm_up.json"
    make_file(small, *WARM_UP_SIZE)
    for contender in CONTENDERS:
        run_once(contender, small, scratch)


def benchmark(path: Path, n_runs: int) -> list[Row]:
    """One row for each contender on the file `path`."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="scratch-") as name:
        scratch = Path(name)
        warm_up(scratch)
        with path.open("rb") as file:  # so that no contender waits for the disk
            while file.read(1 << 20):
                pass
        runs = run_all(path, n_runs, scratch)
    baseline = runs[BASELINE.name]
    return [make_row(contender, runs[contender.name], baseline) for contender in CONTENDERS]


def note(text: str) -> None:
    """Nothing; tells the progress on stderr."""
    print(text, file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """Whole number from 1 up that `text` stands for."""
    number = int(text)
    if number < 1:
        message = f"{number} is below 1"
        raise argparse.ArgumentTypeError(message)
    return number


def parse_arguments() -> argparse.Namespace:
    """Options and values that the command line asks for."""
    parser = argparse.ArgumentParser(description="Compare curate with pycocotools on a COCO file.")
    parser.add_argument("--images", type=positive, default=N_IMAGES)
    parser.add_argument("--annotations", type=positive, default=N_ANNOTATIONS)
    parser.add_argument("--runs", type=positive, default=3, help="runs of each contender")
    parser.add_argument("--folder", type=Path, help="keeps the COCO file; default: a temporary one")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    return parser.parse_args()


def main() -> int:
    """Exit code: 0 when every contender ran, 1 when one failed."""
    asked = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="bench-coco-") as temporary:
        folder = (asked.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"coco_{asked.images}_{asked.annotations}.json"
        make_file(path, asked.images, asked.annotations)
        rows = benchmark(path, asked.runs)
        figures = document(rows, path, asked.runs)
        size_mb = path.stat().st_size / 1e6
    print(f"{asked.images} images, {asked.annotations} annotations, {size_mb:.0f} MB")
    print(f"medians of {asked.runs} runs; ratios and limits as shares of {BASELINE.name}")
    print(table_text(rows))
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return int(any(row.errors for row in rows))


if __name__ == "__main__":
    sys.exit(main())
