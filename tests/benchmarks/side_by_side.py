"""COCO through VOC and YOLO and back by curate, supervision and Datumaro: what each loses.

    python tests/benchmarks/side_by_side.py [--tools curate,supervision,datumaro] [--json FILE]

All tools get the same files: a small set made here (`make_trip_set.py`) and, where
CURATE_REAL_DATA says where it is, COCO128 with its pictures. `coco_differences.py`, which knows
none of the tools, compares what comes back with what went in. Of curate, each difference is held
against the loss reports of its two exports: it is declared when they name its field with at least
that many values, else UNDECLARED. Ends with 1 when anything is UNDECLARED or a tool failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coco_differences import PROPERTIES, Differences, compare
from make_trip_set import PICTURES, make
from peers import PeersError, ensure, environment

import curate

HERE = Path(__file__).resolve().parent
TOOLS = ("curate", "supervision", "datumaro")
TARGETS = ("voc", "yolo")
TIMEOUT_S = 600

# The fields of a loss report that declare a difference.
DECLARED_BY = {
    "images lost": r"images",
    "empty images lost": r"images",
    "image names": r"images \((ending|folder) of the name\)|images\.image_key",
    "image ids": r"images\.source_id",
    "image sizes": r"images\.(width|height)",
    "image keys": r"image\..*|images\.licence",
    "boxes lost": r"boxes( \(.*\))?",
    "boxes moved": r"boxes\.x1 y1 x2 y2",
    "box ids": r"boxes\.source_id",
    "crowd flags": r"boxes\.(is_group|role)",
    "areas": r"boxes\.declared_area",
    "outlines lost": r"(polygon|mask) outline",
    "outlines changed": r"(polygon|mask) outline",
    "attributes": r"boxes\.attributes",
    "box keys": r"annotation\..*",
    "classes of boxes": r"boxes\.label",
    "classes lost": r"classes",
    "class ids": r"classes\.source_id",
    "supercategories": r"classes\.supercategory",
    "class keys": r"category\..*",
    "licences": r"license\..*",
    "info": r"info\..*",
    "other keys": r"document\..*",
}


@dataclass
class Trip:
    """One tool's way there and back: what differs, or why it failed.

    `declared` counts by field what curate's loss reports name; None for the other tools, which
    have none.
    """

    tool: str
    target: str
    found: Differences = field(default_factory=Differences)
    declared: Mapping[str, int] | None = None
    error: str | None = None

    def verdict(self, name: str) -> str:
        """`declared` or `UNDECLARED` for one property of curate; nothing for the other tools."""
        count = self.found.counts[name]
        if self.declared is None or not count:
            return ""
        pattern = DECLARED_BY.get(name)
        fields = [f for f in self.declared if pattern and re.fullmatch(pattern, f)]
        is_told = sum(map(self.declared.__getitem__, fields)) >= count
        return "declared" if is_told else "UNDECLARED"

    def undeclared(self) -> dict[str, int]:
        """The properties that changed and no loss report names, with their counts."""
        counts = self.found.counts
        return {name: counts[name] for name in PROPERTIES if self.verdict(name) == "UNDECLARED"}


def curate_trip(labels: Path, pictures: Path, target: str, folder: Path) -> Trip:
    """curate there and back, with its loss reports."""
    # YOLO has no word for ignored objects; left out they are declared.
    ignored = "keep-out" if target == "yolo" else None
    dataset = curate.read(labels, images=pictures)
    there = curate.write(dataset, target, folder / "between", ignored=ignored)
    between = curate.read(folder / "between", images=pictures)
    back = curate.write(between, "coco", folder / "back")
    after = json.loads((folder / "back" / "instances.json").read_bytes())
    declared: dict[str, int] = {}
    for loss in (*there.losses, *back.losses):
        declared[loss.field] = declared.get(loss.field, 0) + loss.count
    return Trip("curate", target, compare(json.loads(labels.read_bytes()), after), declared)


def peer_trip(python: Path, tool: str, paths: tuple[Path, Path], target: str, folder: Path) -> Trip:
    """Another tool there and back, in its own environment; `paths` are labels and pictures."""
    labels, pictures = paths
    command = [python, HERE / "peers_trip.py", tool, target, labels, pictures, folder]
    texts = list(map(str, command))
    done = subprocess.run(
        texts, capture_output=True, text=True, timeout=TIMEOUT_S, env=environment(), check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return Trip(tool, target, error=lines[-1] if lines else f"exit {done.returncode}")
    after = json.loads((folder / "back.json").read_text("utf-8"))
    return Trip(tool, target, compare(json.loads(labels.read_bytes()), after))


def sets(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Labels and pictures by the name of the set: the one made here, and COCO128 where it is."""
    found = {"made here": (make(folder / "made"), folder / "made" / PICTURES)}
    real = os.environ.get("CURATE_REAL_DATA")
    home = Path(real) / "coco128" if real else None
    if home is not None and home.is_dir():
        labels = home / "instances_permissive_images.json"
        found["COCO128, 33 images"] = labels, home / "images"
    return found


def run(paths: tuple[Path, Path], tools: Sequence[str], folder: Path) -> list[Trip]:
    """The trips of the tools, both targets each."""
    trips = []
    python = ensure() if set(tools) - {"curate"} else Path()
    for target in TARGETS:
        for tool in tools:
            own = folder / f"{tool}-{target}"
            if tool == "curate":
                trips.append(curate_trip(*paths, target, own))
            else:
                trips.append(peer_trip(python, tool, paths, target, own))
    return trips


def table_text(trips: Sequence[Trip]) -> str:
    """Properties down, tools across; properties in which nothing differs are left out."""
    titles = [f"{trip.tool} {trip.target}" for trip in trips]
    rows = [["", *titles]]
    for name in PROPERTIES:
        cells = [_cell(trip, name) for trip in trips]
        if any(trip.found.counts[name] for trip in trips):
            rows.append([name, *cells])
    drifts = ["failed" if trip.error else f"{trip.found.drift_px:.2g}" for trip in trips]
    rows.append(["farthest corner, px", *drifts])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    lines += [f"{trip.tool} {trip.target}: {trip.error}" for trip in trips if trip.error]
    return "\n".join(lines)


def _cell(trip: Trip, name: str) -> str:
    if trip.error:
        return "failed"
    count, verdict = trip.found.counts[name], trip.verdict(name)
    return f"{count} {verdict}".strip() if count else "-"


def document(trips: Mapping[str, Sequence[Trip]]) -> dict[str, Any]:  # JSON values
    """JSON document of the same figures."""
    rows = [
        {
            "set": name,
            "tool": trip.tool,
            "target": trip.target,
            "counts": +trip.found.counts,
            "farthest_px": trip.found.drift_px,
            "undeclared": trip.undeclared() if trip.declared is not None else None,
            "error": trip.error,
        }
        for name, own in trips.items()
        for trip in own
    ]
    return {"schema": "curate-benchmark.side-by-side/1", "trips": rows}


def parse_arguments() -> argparse.Namespace:
    """Options and values that the command line asks for."""
    parser = argparse.ArgumentParser(description="What converters lose of COCO, side by side.")
    parser.add_argument("--tools", default=",".join(TOOLS), help="comma-separated")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    return parser.parse_args()


def main() -> int:
    """Exit code: 0 when all tools ran and curate declared all, else 1."""
    asked = parse_arguments()
    tools = asked.tools.split(",")
    found: dict[str, list[Trip]] = {}
    with tempfile.TemporaryDirectory(prefix="side-by-side-") as temporary:
        for number, (name, paths) in enumerate(sets(Path(temporary)).items()):
            try:
                found[name] = run(paths, tools, Path(temporary) / str(number))
            except PeersError as error:
                print(f"the peers' environment cannot be made: {error}", file=sys.stderr)
                return 1
            print(f"{name}: values that COCO -> FORMAT -> COCO changed or lost")
            print(table_text(found[name]), end="\n\n")
    if asked.json is not None:
        asked.json.write_text(json.dumps(document(found), indent=2) + "\n", encoding="utf-8")
    trips = [trip for own in found.values() for trip in own]
    return int(any(trip.error or trip.undeclared() for trip in trips))


if __name__ == "__main__":
    sys.exit(main())
