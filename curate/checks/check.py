"""What a check is: its code, name, level, function and parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from curate.checks.hits import Hits
from curate.faults import Level


@dataclass(frozen=True)
class Check:
    """A check of the finished tables.

    Parameters
    ----------
    code, name, level
        `BOX-002`, `box-outside-image`, and the level of its findings unless a hit has its own.
    function
        Takes what it `reads` and the parameters; gives `Hits`.
    params
        Default of each parameter; the unit is in its name.
    follows
        Parameters that take the value of another check's parameter (code, name) unless they are
        set themselves.
    needs
        Derived columns without which it finds less, or nothing.
    reads
        `boxes` and `images` of `judged_tables`, `classes` (the dataset's), `labels` (the classes
        counted: `labels.Labels`), `texts` (`attributes.Texts`), `tracks` (`tracks.Tracks`); or
        `weighed`, the mistakes of whole files.
    replaces
        Codes of checks in whose place it speaks: what explains their findings explains its own.
    """

    code: str
    name: str
    level: Level
    function: Callable[..., Hits]
    params: Mapping[str, float] = field(default_factory=dict)
    follows: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ("boxes", "images")
    replaces: tuple[str, ...] = ()
