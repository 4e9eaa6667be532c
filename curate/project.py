"""The project file `curate.yaml`: sources by name, limits of checks, and when a run fails."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.assembly import source_name
from curate.documents import read_yaml
from curate.errors import OutputError, Place, UsageError, quote
from curate.folders import write_file
from curate.tree import real_path

if TYPE_CHECKING:
    from curate.definitions.model import Definitions
    from curate.formats import ReadOptions

FILE = "curate.yaml"
# Keys of a source to the options that they stand for.
_FIELDS = {
    "images": "images",
    "format": "format",
    "classes": "classes",
    "truth": "truth",
    "class-ids": "class_ids",
    "max-pixels": "max_pixels",
    "size": "size_wh",
}


@dataclass(frozen=True)
class Project:
    """What a `curate.yaml` says; everything is empty when there is none.

    `definitions` are files (relative to the project file) and ids of shipped definitions;
    `params` are parameters of checks by check and parameter name; `sources` maps a name to the
    keys path, images, format, classes, truth, class-ids, max-pixels and size as they stand in the
    file. `baseline`, `waivers` and `decisions` are paths of files, relative to the folder.
    """

    folder: Path = field(default_factory=Path)
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # YAML values
    select: list[str] | None = None
    ignore: list[str] | None = None
    fail_on: str | None = None
    params: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    definitions: tuple[str, ...] = ()
    vocabulary: str | None = None
    baseline: str | None = None
    waivers: str | None = None
    decisions: tuple[str, ...] = ()

    def definitions_in_force(self, given: Sequence[str] | None) -> Definitions | None:
        """The definitions of the command line, else of this file; None: there are none.

        Raises
        ------
        UsageError
            For anything wrong in one of them.
        """
        from curate.definitions.loading import load

        if given:
            return load(given)
        # A name that is a file beside the project file is that file, wherever curate runs.
        own = [self.folder / word if word.endswith((".yaml", ".yml")) else word
               for word in self.definitions]  # fmt: skip
        return load(own) if own else None


def find(folder: Path) -> Project:
    """The project of a folder: its `curate.yaml`, or one with nothing in it.

    Raises
    ------
    UsageError
        When the file is no YAML or does not fit `schemas/project-1.schema.json`, naming the key.
    """
    path = folder / FILE
    if not path.is_file():
        return Project(folder)
    document = read_yaml(path, "project-1.schema.json", FILE)
    limits = document.get("checks", {})
    return Project(
        folder,
        sources=document.get("sources", {}),
        select=document.get("select"),
        ignore=document.get("ignore"),
        fail_on=document.get("fail-on"),
        definitions=tuple(document.get("definitions", ())),
        vocabulary=document.get("vocabulary"),
        baseline=document.get("baseline"),
        waivers=document.get("waivers"),
        decisions=tuple(document.get("decisions", ())),
        params={
            check: {
                n: _finite(v, f"checks.{check}.{n}") for n, v in limit.items() if n != "because"
            }
            for check, limit in limits.items()
        },
    )


def _finite(value: int | float, key: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UsageError(
            f"{key}: {quote(value)} is no finite number", place=Place(FILE), mend="correct it"
        )
    return number


def resolve(project: Project, source: str | None, options: ReadOptions) -> tuple[Path, ReadOptions]:
    """The path of a source and how to read it: a name of the project file, or a path.

    The command line wins over the file.

    Raises
    ------
    UsageError
        Without a source when the project file does not name exactly one.
    """
    if source is None:
        if len(project.sources) != 1:
            listed = ", ".join(project.sources) or "none"
            raise UsageError(
                f"no source given, and {FILE} names {listed}", mend="name a path or one of them"
            )
        source = next(iter(project.sources))
    if source not in project.sources:
        return Path(source), options
    own = project.sources[source]
    base = project.folder
    told = {
        _FIELDS[key]: base / value if key in ("images", "truth") else _hashable(value)
        for key, value in own.items()
        if key in _FIELDS and getattr(options, _FIELDS[key]) is None
    }
    if "truth" in told:
        told["truth_name"] = _name_of(project, own["truth"])
    told["name"] = options.name or source
    return base / own["path"], replace(options, **told)


def _hashable(value: Any) -> Any:  # YAML values
    return tuple(value) if isinstance(value, list) else value


def _name_of(project: Project, path: str) -> str | None:
    """The name that the project gives to the source at a path, so that its images have one key."""
    wanted = real_path(project.folder / path)
    for name, own in project.sources.items():
        if real_path(project.folder / own["path"]) == wanted:
            return name
    return None


def resolve_all(
    project: Project, sources: Sequence[str], options: ReadOptions
) -> list[tuple[Path, ReadOptions]]:
    """As `resolve`, for sources that are read as one; of several, the name is that of the whole."""
    if len(sources) < 2:
        return [resolve(project, next(iter(sources), None), options)]
    return [resolve(project, source, replace(options, name=None)) for source in sources]


def write_new(
    folder: Path,
    *,
    source: Path | None,
    images: Path | None,
    force: bool,
    dry_run: bool = False,
) -> Path:
    """Writes a `curate.yaml` that says what it could say; returns its path.

    With `dry_run` nothing is written.

    Raises
    ------
    OutputError
        When there is one already (unless `force`), or it cannot be written.
    """
    path = folder / FILE
    if path.exists() and not force:
        raise OutputError("exists already", place=Place(str(path)), mend="add --force")
    if dry_run:
        return path
    name = "street" if source is None else source_name(source, None)
    head = "" if source is not None else "# "
    labels = "labels/" if source is None else _below(folder, source)
    text = (
        "# curate project file; schemas/project-1.schema.json describes every key.\n"
        "version: 1\n"
        f"{head}sources:\n"
        f"{head}  {_quoted(name)}:\n"
        f"{head}    path: {_quoted(labels)}\n"
    )
    text += "" if images is None else f"{head}    images: {_quoted(_below(folder, images))}\n"
    text += (
        "fail-on: error\n"
        "# Parameters of checks; `curate explain CHECK` lists them.\n"
        "# checks:\n"
        "#   BOX-004:\n"
        "#     min_side_px: 4\n"
        "#     because: smaller objects vanish in the detector's first stride\n"
        "# ignore: [REL-004]\n"
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot be made: {error.strerror}", place=Place(str(folder)), mend="check the path"
        ) from error
    write_file(path, text.encode())
    return path


def _below(folder: Path, path: Path) -> str:
    """A path as it stands in the file: relative to the file's folder, unless it is absolute."""
    return path.as_posix() if path.is_absolute() else Path(os.path.relpath(path, folder)).as_posix()


def _quoted(text: str) -> str:
    # JSON text is YAML text, whatever is in it.
    return json.dumps(text)
