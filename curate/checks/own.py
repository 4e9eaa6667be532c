"""Checks that a project brings itself: from a Python file, or from installed packages.

A file names them in `CHECKS`, a list of `curate.checks.Check`; a package names such a list, or one
check, as an entry point of the group `curate.checks`. Both are code that is run: the user chooses
the file, and installed the package.
"""

from __future__ import annotations

import inspect
import re
import runpy
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from curate.checks.check import Check
from curate.checks.hits import Hits
from curate.errors import Place, UsageError, quote
from curate.faults import LEVELS

GROUP = "curate.checks"
READS = ("boxes", "images", "classes", "labels", "texts", "tracks", "weighed")
_CODE = re.compile(r"[A-Z]{2,8}-\d{3}")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# What code of others raises when something is wrong with it. Not Exception: KeyboardInterrupt's
# kin and the errors of this package go their own ways.
RAISED = (
    ArithmeticError, AssertionError, AttributeError, BufferError, ImportError, LookupError,
    MemoryError, NameError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip


def from_file(path: Path) -> tuple[Check, ...]:
    """The checks of a Python file, which is run.

    Raises
    ------
    UsageError
        When there is no such file, it fails, or its `CHECKS` are not what they should be.
    """
    place = Place(path.name)
    if not path.is_file():
        raise UsageError("is no file", place=Place(str(path)), mend="give a Python file")
    try:
        # Unlike an import, this writes no __pycache__ beside the file.
        names = runpy.run_path(str(path))
    except RAISED as error:
        raise _failed("cannot be run", error, path) from error
    return _fit(names.get("CHECKS"), place)


def installed() -> tuple[Check, ...]:
    """The checks of installed packages, by entry point name.

    Raises
    ------
    UsageError
        When an entry point cannot be loaded, or names no checks.
    """
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return tuple(check for point in points for check in _of_point(point))


def _of_point(point: EntryPoint) -> tuple[Check, ...]:
    place = Place(f"entry point {point.name} = {point.value}")
    try:
        value = point.load()
    except RAISED as error:
        raise UsageError(
            f"cannot be loaded: {type(error).__name__}: {error}",
            place=place,
            mend="mend or remove the package",
        ) from error
    return _fit(value, place)


def _failed(what: str, error: BaseException, path: Path) -> UsageError:
    """The error of code in a file, with the last line of it that ran."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    told = error.msg if isinstance(error, SyntaxError) else str(error)
    return UsageError(
        f"{what}: {type(error).__name__}: {told}",
        place=Place(path.name, line),
        mend="mend the file",
    )


def _fit(value: object, place: Place) -> tuple[Check, ...]:
    """The checks of a list of them, or of one."""
    checks = (value,) if isinstance(value, Check) else value
    if not isinstance(checks, Sequence) or not all(isinstance(c, Check) for c in checks):
        raise UsageError(
            f"CHECKS is {quote(value)}, should be a list of curate.checks.Check",
            place=place,
            mend="write CHECKS = [Check(code, name, level, function)]",
        )
    for check in checks:
        _refuse_unfit(check, place)
    return tuple(checks)


def _refuse_unfit(check: Check, place: Place) -> None:
    for what, value, is_right, should in (
        ("code", check.code, _CODE.fullmatch(str(check.code)), "letters, - and three digits"),
        ("name", check.name, _NAME.fullmatch(str(check.name)), "small words with - between"),
        ("level", check.level, check.level in LEVELS, f"one of {', '.join(LEVELS)}"),
        ("reads", check.reads, set(check.reads) <= set(READS), f"some of {', '.join(READS)}"),
    ):
        if not is_right:
            raise UsageError(
                f"the {what} of check {quote(check.code)} is {quote(value)}, should be {should}",
                place=place,
                mend="correct it",
            )
    if not callable(check.function) or not inspect.getdoc(check.function):
        raise UsageError(
            f"check {check.code} has no function with a docstring, which is its manual page",
            place=place,
            mend="give it one",
        )
    try:
        inspect.signature(check.function).bind(*check.reads, **check.params)
    except TypeError as error:
        raise UsageError(
            f"the function of check {check.code} does not take what it reads "
            f"({', '.join(check.reads)}) and its parameters ({', '.join(check.params) or 'none'}): "
            f"{error}",
            place=place,
            mend="name them alike in the check and in the function",
        ) from error


def joined(
    built_in: Mapping[str, Check], faults: Mapping[str, str], extra: Iterable[Check]
) -> dict[str, Check]:
    """The checks that there are, and more, by code.

    Parameters
    ----------
    faults
        Code to name of the reader's faults.

    Raises
    ------
    UsageError
        When a code or name is taken, or a code begins as one of this package's does.
    """
    all_checks = dict(built_in)
    names = {check.name: code for code, check in built_in.items()}
    names |= {name: code for code, name in faults.items()}
    prefixes = {code.partition("-")[0] for code in (*built_in, *faults)}
    for check in extra:
        prefix = check.code.partition("-")[0]
        taken = check.code in all_checks or check.name in names
        if taken or prefix in prefixes:
            what = (
                f"{prefix}- is kept for checks of curate"
                if not taken
                else (f"that code or name is {names.get(check.name, check.code)}'s already")
            )
            raise UsageError(
                f"there cannot be a check {check.code} {check.name}: {what}",
                mend="give it a code and a name of its own, such as MY-001",
            )
        all_checks[check.code] = check
        names[check.name] = check.code
    return all_checks


def hits_of(
    check: Check, read: Collection[object], params: Mapping[str, float], n_boxes: int
) -> Hits:
    """What the function of a check of the user's gives, looked at before it is believed.

    Raises
    ------
    UsageError
        When the function fails, or gives something else than `Hits` of boxes that there are.
    """
    function: Callable[..., Hits] = check.function
    path = Path(inspect.getsourcefile(inspect.unwrap(function)) or "")
    try:
        hits = function(*read, **params)
    except RAISED as error:
        raise _failed(f"the function of check {check.code} fails", error, path) from error
    if not isinstance(hits, Hits):
        what = f"gives {type(hits).__name__}, should give curate.checks.Hits"
    elif len(hits.members) and not 0 <= min(hits.members) <= max(hits.members) < n_boxes:
        what = f"names rows of boxes beside 0..{n_boxes - 1}"
    else:
        return hits
    raise UsageError(
        f"the function of check {check.code} {what}", place=Place(path.name), mend="mend the file"
    )
