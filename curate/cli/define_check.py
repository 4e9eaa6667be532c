"""Check definition files: schema, names, references, mapping, and their own examples.

Example: curate define check rules/person.yaml
Example: curate define check our.yaml --json
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from curate.cli import options, output

Definitions = Annotated[
    list[str],
    typer.Argument(
        metavar="DEFINITION...",
        help="Files, or shipped definitions such as person or box.visible@^1.2.",
    ),
]


def check(definitions: Definitions, json_: options.Json = False) -> int:
    """Refuses what is wrong with its line; judges each clause's examples."""
    from curate import auditing
    from curate.definitions.loading import load
    from curate.definitions.scenes import scene_faults

    loaded = load(definitions)
    auditing.refuse_unknown_codes(loaded)
    faults = scene_faults(loaded)
    n_scenes = sum(len(c.examples) + len(c.counter_examples) for c in loaded.clauses)
    if json_:
        document = {
            "schema": "curate.define-check/1",
            "definitions": list(loaded.stated),
            "clauses": len(loaded.clauses),
            "scenes": n_scenes,
            "faults": [
                {
                    "clause": fault.clause.id,
                    "file": fault.clause.place.file,
                    "line": fault.clause.place.line,
                    "message": str(fault),
                }
                for fault in faults
            ],
        }
        output.result(json.dumps(document, ensure_ascii=False))
    else:
        for fault in faults:
            output.result(str(fault))
        for part in loaded.parts:
            output.result(f"{part.stated} ({part.status}): {len(part.clauses)} clauses")
        output.result(f"{n_scenes} examples judged, {len(faults)} not as their file says")
    return 1 if faults else 0
