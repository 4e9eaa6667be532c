"""From hits to findings: one finding per cause, ranked, with ids that survive re-runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.boxes import Floats, Rows
from curate.checks.hits import Hits, has_inside
from curate.faults import LEVELS
from curate.tables import FINDING_COLUMNS, hex_id, key_hashes, make_table

# A check that hits this many boxes, and this share of a file of at least so many boxes, has one
# cause there: the export, not the boxes.
CAUSE_MIN_HITS = 20
CAUSE_MIN_BOXES = 50
CAUSE_MIN_FRAC = 0.20
SHOWN_MEMBERS = 10

Columns = dict[str, list[Any]]  # of the findings table: values of any column's type


@dataclass(frozen=True)
class Scopes:
    """The label files and sources of a dataset, as codes per box.

    `file` and `source` are (N,) codes; `in_file` and `in_small_files` count the boxes with an
    inside per file and, per source, in its files of fewer than `CAUSE_MIN_BOXES` of them.
    """

    file: Rows
    source: Rows
    in_file: Rows
    in_small_files: Rows

    @property
    def is_small(self) -> npt.NDArray[np.bool_]:
        """(files,) whether a file is too small to have a cause of its own."""
        return self.in_file < CAUSE_MIN_BOXES


def scopes(boxes: pd.DataFrame, images: pd.DataFrame) -> Scopes:
    """The scopes of the tables that `judged_tables` gives."""
    names, _ = pd.factorize(boxes["file"], use_na_sentinel=False)
    sources, source_names = pd.factorize(images["source"], use_na_sentinel=False)
    source = sources[boxes["image_row"].to_numpy()].astype(np.int64)
    # Two sources may each have a file of one name.
    file, _ = pd.factorize(names * len(source_names) + source)
    inside = has_inside(boxes)
    in_file = np.bincount(file[inside], minlength=file.max(initial=-1) + 1)
    small = inside & (in_file < CAUSE_MIN_BOXES)[file]
    return Scopes(
        file=file.astype(np.int64),
        source=source,
        in_file=in_file,
        in_small_files=np.bincount(source[small], minlength=len(source_names)),
    )


@dataclass(frozen=True)
class Judged:
    """What all findings of one run are made from: the judged tables and their scopes."""

    boxes: pd.DataFrame
    images: pd.DataFrame
    scopes: Scopes


def findings_of(code: str, name: str, level: str, hits: Hits, judged: Judged) -> pd.DataFrame:
    """The findings of one check, unsorted: grouped by cause, ranked within the check.

    Parameters
    ----------
    code, name, level
        Of the check; a hit with a level of its own keeps it, a group has its worst.
    hits
        At least one.
    """
    if hits.is_whole:
        return _whole_findings(code, name, level, hits, judged)
    levels = np.full(len(hits), level) if hits.levels is None else hits.levels
    cause = _causes(hits, judged.scopes)
    singles = np.flatnonzero(cause < 0)
    columns = _single_columns(code, hits, singles, judged)
    columns["level"] = levels[singles].tolist()
    severity = list(_severity(hits)[singles])
    for number in range(cause.max() + 1):
        group = np.flatnonzero(cause == number)
        found = _group_columns(code, hits, group, judged)
        found["level"] = min(set(levels[group].tolist()), key=LEVELS.index)
        severity.append(np.inf)
        for column, value in found.items():
            columns[column].append(value)
    values: dict[str, object] = {"check": code, "name": name, "rank": _ranks(severity), **columns}
    return make_table(FINDING_COLUMNS, len(severity), values)


def _whole_findings(code: str, name: str, level: str, hits: Hits, judged: Judged) -> pd.DataFrame:
    """The findings of hits that are causes of whole files already, unsorted."""
    ids = judged.boxes["box_id"].to_numpy(np.int64)[hits.members].tolist()
    members = [
        ids[start:stop]
        for start, stop in zip(hits.starts().tolist(), hits.stops().tolist(), strict=True)
    ]
    places = _of_files(hits, judged) if hits.about is None else _of_set(hits, judged)
    messages = hits.messages(np.arange(len(hits)))
    values: dict[str, object] = {
        "finding_id": key_hashes("\0".join([code, *words]) for _, words, _ in places),
        "check": code,
        "name": name,
        "level": level if hits.levels is None else hits.levels.tolist(),
        "image_id": _images_of(hits, judged),
        "members": members,
        "file": [file for file, _, _ in places],
        "message": [told + text for (_, _, told), text in zip(places, messages, strict=True)],
        "rank": _ranks(list(_severity(hits))),
        "value": _finite(hits.value),
        "limit": _finite(hits.limits()),
        "unit": hits.unit,
        "mend": [hits.mend] * len(hits) if hits.mends is None else list(hits.mends),
    }
    return make_table(FINDING_COLUMNS, len(hits), values)


def _images_of(hits: Hits, judged: Judged) -> list[int | None]:
    """The one image that each cause of the set is about; None: several, or of a file."""
    rows = np.full(len(hits), -1) if hits.images is None else hits.images
    if hits.images is None and hits.about is not None:
        rows = _only(judged.boxes["image_row"].to_numpy(np.int64)[hits.members], hits)
    ids = judged.images["image_id"].to_numpy(np.int64)
    return [None if row < 0 else int(ids[row]) for row in rows.tolist()]


def _only(codes: Rows, hits: Hits) -> Rows:
    """(H,) the one of the members' codes, (M,), that a hit has; -1: several, or no members."""
    starts = hits.starts()
    is_any = hits.stops() > starts
    only = np.full(len(hits), -1, np.int64)
    if is_any.any():
        low, high = (way.reduceat(codes, starts[is_any]) for way in (np.minimum, np.maximum))
        only[is_any] = np.where(low == high, low, -1)
    return only


# The file of a cause, the words that its id hashes, and what its message begins with.
Where = tuple[str | None, list[str], str]


def _of_files(hits: Hits, judged: Judged) -> list[Where]:
    """Where causes of whole files are; they are few."""
    places: list[Where] = []
    for start, stop in zip(hits.starts().tolist(), hits.stops().tolist(), strict=True):
        rows = hits.members[start:stop]
        files = judged.boxes["file"].iloc[rows].drop_duplicates()
        file = _with_none(files)[0] if len(files) == 1 else None
        ending = PurePosixPath(str(files.iloc[0])).suffix
        image_row = int(judged.boxes["image_row"].iloc[rows[0]])
        source = str(judged.images["source"].iloc[image_row])
        of_files = f"in {len(files)} {ending} files of this source: " if file is None else ""
        places.append((file, [source, f"*{ending}" if file is None else file], of_files))
    return places


def _of_set(hits: Hits, judged: Judged) -> list[Where]:
    """As `_of_files`, for causes of the whole set."""
    assert hits.about is not None
    sources = sorted(map(str, judged.images["source"].unique()))
    if hits.files is not None:
        named = [file or None for file in hits.files]
    else:
        codes, files = pd.factorize(judged.boxes["file"].iloc[hits.members])
        own = _only(codes.astype(np.int64), hits)
        named = [None if code < 0 else str(files[code]) for code in own.tolist()]
    return [(file, [*sources, about], "") for file, about in zip(named, hits.about, strict=True)]


def _severity(hits: Hits) -> Floats:
    return -hits.value if hits.low_is_worse else hits.value


def _ranks(severity: list[float]) -> Floats:
    """0 for the worst .. 1; equals share the better place."""
    places = pd.Series(severity).rank(method="min", ascending=False).to_numpy() - 1
    return places / max(len(severity) - 1, 1)


def _causes(hits: Hits, scopes: Scopes) -> Rows:
    """(H,) int64: number of the group that a hit belongs to, -1 for none."""
    hit_boxes = np.unique(hits.members)
    file_of_box = scopes.file[hit_boxes]
    in_small = scopes.is_small[file_of_box]
    whole_file = ~scopes.is_small & _is_cause(
        np.bincount(file_of_box, minlength=len(scopes.in_file)), scopes.in_file
    )
    small_hits = np.bincount(
        scopes.source[hit_boxes[in_small]], minlength=len(scopes.in_small_files)
    )
    whole_source = _is_cause(small_hits, scopes.in_small_files)
    first = hits.members[hits.starts()]
    file, source = scopes.file[first], scopes.source[first]
    place = np.where(whole_file[file], file, -1)
    of_source = scopes.is_small[file] & whole_source[source]
    place = np.where(of_source, len(scopes.in_file) + source, place)
    cause = np.full(len(hits), -1)
    grouped = place >= 0
    cause[grouped] = pd.factorize(place[grouped], sort=True)[0]
    return cause


def _is_cause(n_hit: Rows, n_boxes: Rows) -> npt.NDArray[np.bool_]:
    enough = (n_hit >= CAUSE_MIN_HITS) & (n_boxes >= CAUSE_MIN_BOXES)
    return enough & (n_hit >= CAUSE_MIN_FRAC * n_boxes)


def _single_columns(code: str, hits: Hits, singles: Rows, judged: Judged) -> Columns:
    """Columns of the findings that stand for one hit each."""
    boxes, images = judged.boxes, judged.images
    starts, stops = hits.starts()[singles], hits.stops()[singles]
    first = hits.members[starts]
    image_rows = boxes["image_row"].to_numpy()[first]
    keys = images["image_key"].iloc[image_rows].tolist()
    ids = boxes["box_id"].to_numpy(np.int64)[hits.members].tolist()
    # Loops over findings, which are few: a list of members and a text of its own for each.
    members = [ids[i:j] for i, j in zip(starts.tolist(), stops.tolist(), strict=True)]
    texts = [
        "\0".join([code, key, *map(hex_id, sorted(some))])
        for key, some in zip(keys, members, strict=True)
    ]
    place = boxes[["file", "line", "source_id"]].iloc[first]
    columns: Columns = defaultdict(list)
    columns |= {
        "finding_id": key_hashes(texts).tolist(),
        "image_id": images["image_id"].iloc[image_rows].tolist(),
        "box_id": [some[0] if len(some) == 1 else None for some in members],
        "members": members,
        "value": _finite(hits.value[singles]),
        "limit": _finite(hits.limits()[singles]),
        "unit": [hits.unit] * len(singles),
        "message": hits.messages(singles),
        "mend": [hits.mend] * len(singles),
        "file": _with_none(place["file"]),
        "line": _with_none(place["line"]),
        "source_id": _with_none(place["source_id"]),
    }
    return columns


def _group_columns(code: str, hits: Hits, group: Rows, judged: Judged) -> dict[str, Any]:
    """The one finding of all hits of one file, or of one source's small files."""
    boxes, images, scopes = judged.boxes, judged.images, judged.scopes
    group = _worst_first(hits, group, boxes, images)
    rows = _members_in_order(hits, group)
    first = int(rows[0])
    whole_file = not scopes.is_small[scopes.file[first]]
    total = int(
        scopes.in_file[scopes.file[first]]
        if whole_file
        else scopes.in_small_files[scopes.source[first]]
    )
    image_rows = boxes["image_row"].to_numpy()[rows]
    source = str(images["source"].iloc[image_rows[0]])
    file = _with_none(boxes["file"].iloc[[first]])[0] if whole_file else None
    shown = group[:SHOWN_MEMBERS]
    shown_images = boxes["image_row"].to_numpy()[hits.members[hits.starts()[shown]]]
    worst = [
        f"{key.removeprefix(source + '/')}: {message}"
        for key, message in zip(
            images["image_key"].iloc[shown_images], hits.messages(shown), strict=True
        )
    ]
    more = f"; and {len(group) - len(shown)} more" if len(group) > len(shown) else ""
    where = "this file" if whole_file else "the small files of this source"
    return {
        "finding_id": int(key_hashes(["\0".join([code, source, str(file)])])[0]),
        "image_id": int(images["image_id"].iloc[image_rows[0]])
        if (image_rows == image_rows[0]).all()
        else None,
        "box_id": None,
        "members": boxes["box_id"].to_numpy(np.int64)[rows].tolist(),
        "value": _finite(hits.value[group[:1]])[0],
        "limit": _finite(hits.limits()[group[:1]])[0],
        "unit": hits.unit,
        "message": f"{len(rows)} of {total} boxes in {where}; worst: {'; '.join(worst)}{more}",
        "mend": f"look for one cause in the export or the tool first; else {hits.mend}",
        "file": file,
        "line": _with_none(boxes["line"].iloc[[first]])[0] if whole_file else None,
        "source_id": None,
    }


def _worst_first(hits: Hits, group: Rows, boxes: pd.DataFrame, images: pd.DataFrame) -> Rows:
    """Some hits, the worst first; equals as they stand in their files, in whatever order of rows.

    Those without a place in a file go by image and id.
    """
    first = hits.members[hits.starts()[group]]
    place = boxes[["file", "start", "box_id", "image_row"]].iloc[first]
    place = place.assign(severity=-_severity(hits)[group])
    in_order = images["image_key"].iloc[np.unique(place["image_row"])].sort_values().index
    place["image"] = pd.Index(in_order).get_indexer(place["image_row"])
    ordered = place.reset_index(drop=True).sort_values(
        ["severity", "file", "start", "image", "box_id"]
    )
    worst_first: Rows = group[ordered.index.to_numpy()]
    return worst_first


def _members_in_order(hits: Hits, group: Rows) -> Rows:
    """Row numbers of the members of some hits, in the hits' order, each once."""
    starts, stops = hits.starts()[group], hits.stops()[group]
    sizes = stops - starts
    shift = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
    rows = hits.members[np.arange(sizes.sum()) + shift]
    _, where = np.unique(rows, return_index=True)
    in_order: Rows = rows[np.sort(where)]
    return in_order


def _finite(values: Floats) -> list[float]:
    # An overflow of absurd coordinates measures nothing, and JSON knows no infinity.
    finite: list[float] = np.where(np.isfinite(values), values, np.nan).tolist()
    return finite


def _with_none(column: pd.Series[Any]) -> list[Any]:
    return column.astype(object).where(column.notna(), None).tolist()
