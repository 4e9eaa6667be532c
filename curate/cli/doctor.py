"""Say what is installed and reachable, under which licences, and which reader takes a source.

`curate doctor fiftyone` looks at FiftyOne and its database alone. Exit code 1 when something of the
core, or of what was asked for, is missing, a licence is one that curate must not import, or a
source has no reader.

Example: curate doctor labels/ detections.json
Example: curate doctor fiftyone
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from curate.cli import options, output


def doctor(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(help="Sources to look at: files, folders, zips; or the word fiftyone."),
    ] = None,
    json_: options.Json = False,
) -> int:
    """Examines and reports."""
    from curate.doctor import FIFTYONE, as_text, examine, examine_fiftyone

    # A folder of that name is a source.
    is_tool = sources == [Path(FIFTYONE)] and not Path(FIFTYONE).exists()
    report = examine_fiftyone() if is_tool else examine(tuple(sources or ()))
    shown = json.dumps(report.to_json(), ensure_ascii=False) if json_ else as_text(report)
    output.result(shown)
    return int(not report.is_well)
