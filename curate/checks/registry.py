"""The checks by code, the choice among them, running them, and their manual pages."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.assembly import sorted_findings
from curate.checks import boxes, conventions, own, relations
from curate.checks.attributes import texts_of
from curate.checks.check import Check
from curate.checks.grouping import Judged, findings_of, scopes
from curate.checks.hits import Hits, judged_tables
from curate.checks.labels import labels_of
from curate.checks.listed import OF_SETS
from curate.checks.tracks import tracks_of
from curate.checks.weighing import weigh
from curate.dataset import Dataset
from curate.errors import UsageError, quote
from curate.faults import FAULTS, Level
from curate.limits import unit_fault
from curate.progress import track
from curate.tables import FINDING_COLUMNS, make_table

_MASK = ("mask_x1", "mask_y1", "mask_x2", "mask_y2")
_KEYPOINTS = ("kp_x1", "kp_y1", "kp_x2", "kp_y2")
SHOWN_WORDS = 10


def _of_file(code: str, name: str, level: Level, function: Callable[..., Hits]) -> Check:
    return Check(code, name, level, function, reads=("weighed",))


# The limits are proposals that a project may set itself in curate.yaml.
CHECKS: dict[str, Check] = {
    check.code: check
    for check in (
        Check("BOX-001", "box-not-finite", "error", boxes.box_not_finite),
        Check(
            "BOX-002", "box-outside-image", "error", boxes.box_outside_image, {"tolerance_px": 1.0}
        ),
        Check("BOX-003", "box-side-not-positive", "error", boxes.box_side_not_positive),
        Check("BOX-004", "box-side-small", "warning", boxes.box_side_small, {"min_side_px": 2.0}),
        Check(
            "BOX-005", "box-full-frame", "warning", boxes.box_full_frame, {"min_share_frac": 0.98}
        ),
        Check(
            "BOX-006",
            "area-mismatch",
            "warning",
            boxes.area_mismatch,
            {"tolerance_frac": 0.05, "tolerance_px2": 4.0},
            needs=("mask_area",),
        ),
        Check(
            "BOX-007",
            "box-mask-mismatch",
            "warning",
            boxes.box_mask_mismatch,
            {"tolerance_px": 2.0, "tolerance_frac": 0.02},
            needs=_MASK,
        ),
        Check(
            "BOX-008",
            "box-keypoints-outside",
            "warning",
            boxes.box_keypoints_outside,
            {"tolerance_px": 1.0},
            needs=_KEYPOINTS,
        ),
        Check(
            "BOX-009",
            "box-over-edge",
            "warning",
            boxes.box_over_edge,
            {"tolerance_px": 1.0, "min_over_px": 0.01},
            follows={"tolerance_px": ("BOX-002", "tolerance_px")},
        ),
        Check(
            "BOX-010",
            "outline-unreadable",
            "error",
            boxes.outline_unreadable,
            needs=("outline_state",),
        ),
        Check(
            "BOX-011",
            "keypoints-unreadable",
            "error",
            boxes.keypoints_unreadable,
            needs=("keypoint_state",),
        ),
        Check("REL-001", "boxes-duplicate", "error", relations.boxes_duplicate),
        Check(
            "REL-002",
            "boxes-near-duplicate",
            "warning",
            relations.boxes_near_duplicate,
            {"min_iou": 0.90},
        ),
        Check(
            "REL-003",
            "boxes-two-classes",
            "warning",
            relations.boxes_two_classes,
            {"min_iou": 0.95},
        ),
        Check(
            "REL-004",
            "box-inside-same-class",
            "warning",
            relations.box_inside_same_class,
            {"min_ioa": 0.98, "max_iou": 0.90},
            follows={"max_iou": ("REL-002", "min_iou")},
        ),
        _of_file("CONV-001", "corners-read-as-sizes", "error", conventions.corners_read_as_sizes),
        _of_file("CONV-002", "sizes-read-as-corners", "error", conventions.sizes_read_as_corners),
        _of_file("CONV-003", "centre-read-as-corner", "error", conventions.centre_read_as_corner),
        _of_file("CONV-004", "corner-read-as-centre", "error", conventions.corner_read_as_centre),
        _of_file(
            "CONV-005", "fractions-read-as-pixels", "error", conventions.fractions_read_as_pixels
        ),
        _of_file(
            "CONV-006", "pixels-read-as-fractions", "error", conventions.pixels_read_as_fractions
        ),
        _of_file("CONV-007", "axes-swapped", "error", conventions.axes_swapped),
        _of_file("CONV-008", "sides-swapped", "error", conventions.sides_swapped),
        _of_file("CONV-009", "frame-transposed", "error", conventions.frame_transposed),
        _of_file("CONV-010", "class-numbers-shifted", "error", conventions.class_numbers_shifted),
        _of_file("CONV-011", "borders-off-by-one", "warning", conventions.borders_off_by_one),
        _of_file(
            "CONV-012", "boxes-of-other-resolution", "error", conventions.boxes_of_other_resolution
        ),
        _of_file(
            "CONV-013", "box-the-same-everywhere", "warning", conventions.box_the_same_everywhere
        ),
        *OF_SETS,
    )
}


def run(
    dataset: Dataset,
    derived: pd.DataFrame | None = None,
    *,
    select: Collection[str] | None = None,
    ignore: Collection[str] | None = None,
    params: Mapping[str, Mapping[str, float]] | None = None,
    told: Mapping[str, Collection[int]] | None = None,
    extra: Collection[Check] = (),
    clauses: Sequence[Check] = (),
) -> pd.DataFrame:
    """The findings of the checks: a table of `FINDING_COLUMNS`, sorted, one row per cause.

    What the reader could not take is in `dataset.findings`, not here.

    Parameters
    ----------
    derived
        One row per box with the `DERIVED_COLUMNS` of `curate.checks.hits`; None: there is no
        such data, and checks that need it find less or nothing.
    select, ignore
        Codes, names or beginnings of codes, one alone as a text; None: all, none.
    params
        Check (code or name) to parameter to value, in the unit of the parameter's name.
    told
        Check code to the ids of boxes of which another has told the cause already: findings
        about no other box are passed over.
    extra
        Checks beside `CHECKS` and those of installed packages: `own.from_file`.
    clauses
        Clauses of definitions, which know what they found.

    Raises
    ------
    UsageError
        For an unknown check or parameter, for a value out of the parameter's range, and for a
        check of `extra` or of a package that fails, or takes another's code or name.
    TableError
        When `derived` or the dataset's tables do not fit together.
    """
    known = _known(extra) | {check.code: check for check in clauses}
    chosen = selected(select, ignore, extra, {check.code: check.name for check in clauses})
    given = _parameters(params or {}, known)
    boxes_table, images = judged_tables(dataset, derived)
    codes = sorted(chosen & set(known))
    asked = {name for code in codes for name in known[code].reads}
    read = _read(asked, boxes_table, images, dataset.classes)
    found: list[tuple[Check, Hits]] = []
    for code in track(codes, len(codes), "checks"):
        check = known[code]
        inputs = [read[name] for name in check.reads]
        if code in CHECKS or not check.reads:
            hits = check.function(*inputs, **given[code])
        else:
            hits = own.hits_of(check, inputs, given[code], len(boxes_table))
        if told and code in told and len(hits):
            is_told = boxes_table["box_id"].isin(told[code]).to_numpy(bool)
            hits = hits.where(~hits.all_of(is_told))
        if len(hits):
            found.append((check, hits))
    found = _without_consequences(found, len(boxes_table))
    if not found:
        return make_table(FINDING_COLUMNS, 0, {})
    judged = Judged(boxes_table, images, scopes(boxes_table, images))
    tables = [findings_of(c.code, c.name, c.level, hits, judged) for c, hits in found]
    return sorted_findings(pd.concat(tables, ignore_index=True))


def _read(
    asked: Collection[str], boxes: pd.DataFrame, images: pd.DataFrame, classes: pd.DataFrame
) -> dict[str, object]:
    """What checks read, by name: the tables, and what is made of them once for all checks."""
    read: dict[str, object] = {"boxes": boxes, "images": images, "classes": classes}
    if {"labels", "texts", "tracks"} & set(asked):
        labels = read["labels"] = labels_of(boxes)
        if "tracks" in asked:
            read["tracks"] = tracks_of(boxes, images, labels)
        if "texts" in asked:
            read["texts"] = texts_of(boxes, labels)
    if "weighed" in asked:
        read["weighed"] = weigh(boxes, images, classes)
    return read


def _without_consequences(
    found: list[tuple[Check, Hits]], n_boxes: int
) -> list[tuple[Check, Hits]]:
    """The hits without those that a mistake of the whole file explains: one cause, one finding."""
    explained: dict[str, npt.NDArray[np.bool_]] = {}
    for check, hits in found:
        for code in conventions.FOLLOWS_FROM.get(check.code, ()):
            explained.setdefault(code, np.zeros(n_boxes, np.bool_))[hits.members] = True
    left = []
    for check, hits in found:
        for code in {check.code, *check.replaces} & explained.keys():
            hits = hits.where(~hits.all_of(explained[code]))
        if len(hits):
            left.append((check, hits))
    return left


def _known(extra: Collection[Check]) -> dict[str, Check]:
    faults = {code: fault.name for code, fault in FAULTS.items()}
    return own.joined(CHECKS, faults, (*own.installed(), *extra))


def selected(
    select: Collection[str] | None,
    ignore: Collection[str] | None,
    extra: Collection[Check] = (),
    clauses: Mapping[str, str] | None = None,
) -> frozenset[str]:
    """The codes of the checks and reader faults that are selected and not ignored.

    Parameters
    ----------
    select, ignore
        Codes, names or beginnings of codes, such as `BOX`, one alone as a text; None: all, none.
    extra
        As for `run`.
    clauses
        Code to name of clauses of definitions.

    Raises
    ------
    UsageError
        For a word that fits no code and no name, with the nearest one.
    """
    known = _names(_known(extra)) | dict(clauses or {})
    chosen = set(known)
    if select is not None:
        chosen = {code for word in _words(select) for code in _codes(word, known)}
    return frozenset(chosen) - {
        code for word in _words(ignore or ()) for code in _codes(word, known)
    }


def _words(given: Collection[str]) -> Collection[str]:
    # A text is a collection of its letters, and nobody means those.
    return [given] if isinstance(given, str) else given


def _names(known: Mapping[str, Check]) -> dict[str, str]:
    """Code to name of all checks and reader faults."""
    faults = {code: fault.name for code, fault in FAULTS.items()}
    return faults | {code: check.name for code, check in known.items()}


def _codes(word: str, known: Mapping[str, str]) -> list[str]:
    codes = [code for code, name in known.items() if name == word.lower()]
    codes += [code for code in known if word and code.startswith(word.upper())]
    if not codes:
        raise _unknown("check", word, [*known, *known.values()])
    return codes


def _unknown(what: str, word: str, legal: Collection[str]) -> UsageError:
    by_lower = {name.lower(): name for name in legal}
    near = difflib.get_close_matches(word.lower(), by_lower, n=SHOWN_WORDS)
    if near:
        # Of equally near ones the first by name: difflib would take the last.
        share = difflib.SequenceMatcher(b=word.lower())
        ranked = [(-_likeness(share, name), name) for name in near]
        mend = f"did you mean {by_lower[min(ranked)[1]]!r}?"
    elif len(legal) > SHOWN_WORDS:
        mend = "run `curate explain` for the list"
    else:
        mend = f"use one of {', '.join(sorted(legal))}" if legal else "it takes none"
    return UsageError(f"there is no {what} {quote(word)}", mend=mend)


def _likeness(matcher: difflib.SequenceMatcher[str], name: str) -> float:
    matcher.set_seq1(name)
    return matcher.ratio()


def _parameters(
    params: Mapping[str, Mapping[str, float]], known: Mapping[str, Check]
) -> dict[str, dict[str, float]]:
    """Check code to all its parameters: those given, then those followed, then the defaults."""
    given: dict[str, Mapping[str, float]] = {}
    names = {check.name: code for code, check in known.items()}
    for word, values in params.items():
        code = names.get(word, word)
        if code not in known:
            raise _unknown("check", word, [*known, *names])
        for name, value in values.items():
            if name not in known[code].params:
                raise _unknown(f"parameter of {code}", name, known[code].params)
            _refuse_out_of_range(code, name, value)
        given[code] = values
    return {code: _of_check(check, given) for code, check in known.items()}


def _refuse_out_of_range(code: str, name: str, value: object) -> None:
    fault = unit_fault(name, value)
    if fault is not None:
        raise UsageError(f"{code}: {name} is {quote(value)}, should be {fault[0]}", mend=fault[1])


def _of_check(check: Check, given: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    followed = {
        name: given[code][other]
        for name, (code, other) in check.follows.items()
        if other in given.get(code, {})
    }
    return {**check.params, **followed, **given.get(check.code, {})}


def explain(word: str, extra: Collection[Check] = ()) -> str:
    """The manual page of a check or a reader fault, given by code or name; `extra` as for `run`.

    Raises
    ------
    UsageError
        For an unknown one, with the nearest.
    """
    checks = _known(extra)
    known = _names(checks)
    codes = [code for code, name in known.items() if word.lower() in (code.lower(), name)]
    if not codes:
        raise _unknown("check", word, [*known, *known.values()])
    code = codes[0]
    if code in FAULTS:
        fault = FAULTS[code]
        return f"{code} {fault.name} [{fault.level}]\n\n{inspect.cleandoc(fault.page)}\n"
    check = checks[code]
    page = f"{code} {check.name} [{check.level}]\n\n{inspect.getdoc(check.function)}\n"
    if not check.params:
        return page
    return page + "\nParameters:\n" + "".join(_parameter_line(check, name) for name in check.params)


def _parameter_line(check: Check, name: str) -> str:
    line = f"  {name} = {check.params[name]:g}"
    if name in check.follows:
        code, other = check.follows[name]
        line += f" (follows {code}'s {other})"
    return line + "\n"
