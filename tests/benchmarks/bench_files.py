"""Compares curate with supervision on many small label files: YOLO and VOC.

    python tests/benchmarks/bench_files.py [--yolo N] [--voc N] [--picture WxH] [--runs N]
        [--folder DIR] [--json FILE]

Three contenders take turns on the same files, each in a fresh process that times itself without
its imports: `supervision.DetectionDataset.from_yolo` or `.from_pascal_voc`, which open every
picture (YOLO's header, VOC's pixels); `curate.read` of the labels alone (YOLO's with the size
given); and `curate.read` with the pictures opened and joined, which also looks for missing, extra,
broken and equal ones. Printed are medians: wall time, processor time (user and system), what
share of one processor was in use, peak memory. A last table reads a quarter of the files: peak
memory less what the tables and the kept bytes take should not grow. Ends with 0 when all ran.
Linux and macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench_coco import last_line, note, positive, spawn
from make_label_files import PICTURE_WH
from peers import QUIET, PeersError, ensure

N_YOLO = 56_000
N_VOC = 20_000
WALL_LIMIT = 1 / 3
HERE = Path(__file__).resolve().parent
BASELINE = "supervision"
CONTENDERS = (BASELINE, "curate", "curate, pictures")

SUPERVISION = """
import json, os, sys, time
import supervision
kind, folder = sys.argv[1:3]
before, start_s = os.times(), time.perf_counter()
if kind == "yolo":
    found = supervision.DetectionDataset.from_yolo(
        folder + "/images/train", folder + "/labels/train", folder + "/data.yaml")
else:
    found = supervision.DetectionDataset.from_pascal_voc(
        folder + "/JPEGImages", folder + "/Annotations")
wall_s, after = time.perf_counter() - start_s, os.times()
boxes = sum(map(len, found.annotations.values()))
cpu_s = sum(after[:4]) - sum(before[:4])
print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "images": len(found), "boxes": boxes}))
"""
CURATE = """
import json, os, sys, time
import curate
from curate.formats import READERS
import curate.formats.pictures
for reader in READERS.values():
    reader.load()
kind, folder, width, height, pictures = sys.argv[1:6]
size_wh = (int(width), int(height)) if kind == "yolo" and not pictures else None
options = curate.ReadOptions(size_wh=size_wh)
labels = folder if kind == "yolo" else folder + "/Annotations"
before, start_s = os.times(), time.perf_counter()
found = curate.read(labels, options, images=pictures or None)
wall_s, after = time.perf_counter() - start_s, os.times()
cpu_s = sum(after[:4]) - sum(before[:4])
kept = sum(len(found.sources.body(name)) for name in found.sources.names())
tables = sum(int(t.memory_usage(deep=True).sum()) for t in (found.images, found.boxes))
print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "images": len(found.images),
    "boxes": len(found.boxes), "table_mb": (kept + tables) / 1e6}))
"""


@dataclass(frozen=True)
class Files:
    """One set of files: its format, folder, number and size of pictures in px."""

    kind: str
    folder: Path
    n_files: int
    picture_wh: tuple[int, int]

    @property
    def pictures(self) -> Path:
        """The folder of the pictures."""
        return self.folder / ("images/train" if self.kind == "yolo" else "JPEGImages")


@dataclass(frozen=True)
class Run:
    """What one run took, or the medians of several; `table_mb` is what the result itself holds."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    images: int
    boxes: int
    table_mb: float = 0.0


class FailedError(Exception):
    """Raised when a contender fails; the text says which and why."""


def make_files(kind: str, home: Path, n_files: int, picture_wh: tuple[int, int]) -> Files:
    """The files, made in a process of their own unless they are there."""
    size = "x".join(map(str, picture_wh))
    folder = home / f"{kind}_{n_files}_{size}"
    if not folder.exists():
        note(f"making {folder.name}")
        command = (sys.executable, str(HERE / "make_label_files.py"), kind, str(folder))
        subprocess.run((*command, str(n_files), "--picture", size), check=True)
    return Files(kind, folder, n_files, picture_wh)


def run_once(contender: str, files: Files, peers: Path, scratch: Path) -> Run:
    """One run in a fresh process.

    Raises
    ------
    FailedError
        When the process ends with another code than 0.
    """
    pictures = str(files.pictures) if contender == CONTENDERS[2] else ""
    words = [files.kind, str(files.folder), *map(str, files.picture_wh), pictures]
    python, code = (str(peers), SUPERVISION) if contender == BASELINE else (sys.executable, CURATE)
    out, err = scratch / "stdout", scratch / "stderr"
    _, peak_mb, exit_code = spawn([python, "-c", code, *words], out, err)
    if exit_code:
        raise FailedError(f"{contender}: exit {exit_code}: {last_line(err)}")
    return Run(peak_mb=peak_mb, **json.loads(out.read_text("utf-8")))


def medians(runs: Sequence[Run]) -> Run:
    """The medians of several runs, which have read the same."""
    columns = {name: [getattr(run, name) for run in runs] for name in asdict(runs[0])}
    if len(set(columns["images"])) > 1 or len(set(columns["boxes"])) > 1:
        raise FailedError(f"runs differ in images or boxes: {columns}")
    return Run(**{name: median(values) for name, values in columns.items()})


def run_all(files: Files, peers: Path, n_runs: int, scratch: Path) -> dict[str, Run]:
    """Medians by contender; they take turns, so that a slow minute hits all."""
    runs: dict[str, list[Run]] = {contender: [] for contender in CONTENDERS}
    for number in range(1, n_runs + 1):
        for contender in CONTENDERS:
            run = run_once(contender, files, peers, scratch)
            runs[contender].append(run)
            told = f"{run.wall_s:.2f} s, processor {run.cpu_s:.2f} s, {run.peak_mb:.0f} MB"
            note(f"{files.kind} {number}/{n_runs}: {contender}: {told}")
    found = {contender: medians(own) for contender, own in runs.items()}
    counts = {(run.images, run.boxes) for run in found.values()}
    if len(counts) > 1:
        raise FailedError(f"contenders read different images and boxes: {sorted(counts)}")
    return found


def table_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows of texts as aligned columns, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def compared(found: dict[str, Run]) -> str:
    """The contenders side by side."""
    base = found[BASELINE]
    rows = [("contender", "wall s", "ratio", "met", "cpu s", "ratio", "in use", "peak MB")]
    for name, run in found.items():
        ratio = run.wall_s / base.wall_s
        met = "-" if name == BASELINE else "yes" if ratio <= WALL_LIMIT else "no"
        texts = (f"{run.wall_s:.2f}", f"{ratio:.3f}", met, f"{run.cpu_s:.2f}")
        more = (f"{run.cpu_s / base.cpu_s:.3f}", f"{run.cpu_s / run.wall_s:.2f}")
        rows.append((name, *texts, *more, f"{run.peak_mb:.0f}"))
    return table_text(rows)


def memory(quarter: Run, whole: Run) -> str:
    """Peak memory of a quarter of the files and of all, with what the result holds taken off."""
    rows = [("files", "peak MB", "tables and bytes MB", "rest MB")]
    for run in (quarter, whole):
        figures = (run.peak_mb, run.table_mb, run.peak_mb - run.table_mb)
        rows.append((str(run.images), *(f"{figure:.0f}" for figure in figures)))
    return table_text(rows)


def benchmark(files: Files, peers: Path, n_runs: int, home: Path) -> dict[str, object]:
    """Figures of one format as JSON values; prints them as tables."""
    quarter = make_files(files.kind, home, max(files.n_files // 4, 1), files.picture_wh)
    with tempfile.TemporaryDirectory(dir=home, prefix="scratch-") as name:
        note("warming up")
        for contender in CONTENDERS:
            run_once(contender, quarter, peers, Path(name))
        found = run_all(files, peers, n_runs, Path(name))
        less = medians([run_once("curate", quarter, peers, Path(name)) for _ in range(n_runs)])
    width, height = files.picture_wh
    print(f"{files.kind}: {files.n_files} files, pictures of {width} x {height} px,", end=" ")
    print(f"medians of {n_runs} runs; ratios to {BASELINE}, wanted at most {WALL_LIMIT:.3f}")
    print(compared(found))
    print(f"\ncurate's memory\n{memory(less, found['curate'])}\n")
    return {
        "kind": files.kind,
        "files": files.n_files,
        "picture_wh": files.picture_wh,
        "contenders": {name: asdict(run) for name, run in found.items()},
        "quarter": asdict(less),
    }


def parse_arguments() -> argparse.Namespace:
    """Options and values that the command line asks for."""
    parser = argparse.ArgumentParser(description="Compare curate with supervision on label files.")
    parser.add_argument("--yolo", type=int, default=N_YOLO, help="YOLO files; 0: none")
    parser.add_argument("--voc", type=int, default=N_VOC, help="VOC files; 0: none")
    parser.add_argument("--picture", default="x".join(map(str, PICTURE_WH)), help="WxH in px")
    parser.add_argument("--runs", type=positive, default=3, help="runs of each contender")
    parser.add_argument("--folder", type=Path, help="keeps the files; default: a temporary one")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    return parser.parse_args()


def main() -> int:
    """Exit code: 0 when every contender ran, 1 when one failed or there is no supervision."""
    asked = parse_arguments()
    width, height = map(int, asked.picture.split("x"))
    figures = []
    with tempfile.TemporaryDirectory(prefix="bench-files-") as temporary:
        home = (asked.folder or Path(temporary)).resolve()
        home.mkdir(parents=True, exist_ok=True)
        try:
            peers = ensure()
            os.environ.update(QUIET)
            for kind, n_files in (("yolo", asked.yolo), ("voc", asked.voc)):
                if n_files:
                    files = make_files(kind, home, n_files, (width, height))
                    figures.append(benchmark(files, peers, asked.runs, home))
        except (PeersError, FailedError) as error:
            print(error, file=sys.stderr)
            return 1
    document = {"schema": "curate-benchmark.files/1", "runs": asked.runs, "sets": figures}
    if asked.json is not None:
        asked.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
