"""`curate demo`: draws the street set, ingests and audits it, and counts what was found."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from curate.auditing import audit
from curate.dataset import save
from curate.demo import draw_street
from curate.demo.score import score
from curate.folders import Product, files_below, new_folder, refuse_overwrite
from curate.formats import ReadOptions, read
from curate.report import to_document

# What the folder holds, so that `--force` replaces nothing else.
MARKER = ".curate-demo"
DEMO = Product(MARKER, "curate.demo/")


@dataclass(frozen=True)
class Walkthrough:
    """What the demo saw: per source its size and findings by check, and the count against truth."""

    sources: dict[str, dict[str, Any]]  # JSON values
    score: dict[str, Any]  # as above


def run(folder: Path, *, seed: int = 0, force: bool = False) -> Walkthrough:
    """Draws into `folder`, ingests each source there into `<source>.curate`, audits, counts.

    Raises
    ------
    OutputError
        When the folder exists and holds something else than an earlier demo.
    """
    folder = Path(folder)
    refuse_overwrite(folder, DEMO, force=force)
    sources, audits = {}, {}
    with new_folder(folder) as part:
        truth = json.loads(draw_street(part, seed=seed).read_text(encoding="utf-8"))
        for name, source in truth["sources"].items():
            options = ReadOptions(name=name, images=part / source["images"])
            dataset = read(part / source["path"], options)
            findings = audit(dataset)
            # The folder gets its name when it is whole; the pictures will be found there.
            own = replace(dataset, images_root=folder.absolute() / source["images"])
            save(own, part / f"{name}.curate")
            audits[name] = to_document(findings, name)
            sources[name] = {
                "path": source["path"],
                "format": dataset.format,
                "images": len(dataset.images),
                "boxes": len(dataset.boxes),
                "counts": findings.counts,
            }
        marker = {"schema": "curate.demo/1", "seed": seed, "written": files_below(part)}
        (part / MARKER).write_text(json.dumps(marker, indent=1), encoding="utf-8")
    return Walkthrough(sources, score(truth, audits))


def to_text(result: Walkthrough, folder: Path) -> str:
    """The demo's closing words."""
    lines = []
    for name, source in result.sources.items():
        found = ", ".join(f"{code} {count}" for code, count in source["counts"].items())
        lines.append(
            f"{name} ({source['format']}): {source['images']} images, {source['boxes']} boxes; "
            f"findings: {found or 'none'}"
        )
    counted = result.score
    missed, extra = counted["missed"], counted["not_planted"]
    lines += [
        "",
        f"planted faults {counted['planted']}, found {counted['found']}, missed {len(missed)}; "
        f"findings that were not planted: {len(extra)}",
    ]
    lines += [f"  missed: {fault['source']} {fault['check']} {fault['note']}" for fault in missed]
    lines += [f"  not planted: {row['check']} {row['file']}: {row['message']}" for row in extra]
    lines += ["", "Look next:", *(f"  {command}" for command in _next(result, folder))]
    return "".join(f"{line}\n" for line in lines)


def _next(result: Walkthrough, folder: Path) -> list[str]:
    """Commands to try: on labels, on a detector's output over them, on two annotators' sets."""
    first, second = list(result.sources)[:2]
    labels = folder / result.sources[first]["path"]
    one, other = (folder / f"{name}.curate" for name in (first, second))
    return [
        f"curate audit {labels} --images {folder / 'images'}",
        "curate explain BOX-002",
        f"curate export {folder / 'detections.json'} --truth {labels / 'instances.json'} "
        "--to csv -o detected",
        f"curate merge {one} {other} -o both_annotators",
        f"curate export {one} --to voc -o street_as_voc",
    ]
