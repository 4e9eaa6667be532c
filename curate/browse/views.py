"""Saved views of a FiftyOne dataset: one per check, split and class, and the errors of a detector.

A view is curate's own by its description; others are the user's and stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from curate.browse.database import FiftyOne
from curate.browse.documents import CROPS
from curate.browse.labels import FIELDS
from curate.browse.shown import Shown
from curate.checks import CHECKS
from curate.faults import FAULTS

OWN = "by curate: "
# A view takes some 7 ms to save; of more classes those with most boxes have one.
MAX_CLASSES = 100


@dataclass(frozen=True)
class Wanted:
    """A saved view: its name, what it shows in words, and how it is made.

    `how` is a kind (check, split, class, fp, fn, crops) and its word; `fields` are the label
    fields that are filtered, `hidden` those that are left out.
    """

    name: str
    says: str
    how: tuple[str, str]
    fields: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


def wanted(shown: Shown, fields: set[str]) -> list[Wanted]:
    """The saved views of a dataset.

    Parameters
    ----------
    fields
        The label fields that it has.
    """
    truth = tuple(own for own, _ in FIELDS.values() if own in fields)
    detected = tuple(own for _, own in FIELDS.values() if own in fields)
    found = []
    for check in sorted(shown.findings["check"].unique()):
        name = (FAULTS | CHECKS)[check].name if check in FAULTS or check in CHECKS else ""
        says = "pictures with findings of this check, worst first"
        found.append(Wanted(f"{check} {name}".strip(), says, ("check", check), truth, detected))
    for split in sorted(shown.images["split"].dropna().unique()):
        found.append(Wanted(f"split {split}", "pictures of this split", ("split", split)))
    for label in sorted(map(str, _classes(shown)[:MAX_CLASSES])):
        says = "pictures with this class, and nothing else drawn of the labels"
        found.append(Wanted(f"class {label}", says, ("class", label), truth))
    if detected and shown.truth.match is not None:
        says = "predictions on no object, those of the highest score first"
        found.append(Wanted("false positives", says, ("fp", ""), detected))
        says = "objects without a prediction, pictures with most of them first"
        found.append(Wanted("missed objects", says, ("fn", ""), truth))
    if shown.crops is not None:
        for outcome in sorted(shown.crops["outcome"].dropna().unique()):
            says = "crops of this outcome: see them with the button for patches"
            found.append(Wanted(f"crops {outcome}", says, ("crops", outcome), (CROPS,)))
    return found


def left_out(shown: Shown) -> tuple[str, ...]:
    """Says, in words, that classes have no view of their own."""
    classes = _classes(shown)
    if len(classes) <= MAX_CLASSES:
        return ()
    return (
        f"{len(classes) - MAX_CLASSES} of {len(classes)} classes have no saved view of their own: "
        f"the {MAX_CLASSES} with most boxes have; filter the others by label in the App",
    )


def _classes(shown: Shown) -> list[object]:
    """The classes of the labels, those with most boxes first."""
    counts = shown.truth.boxes["label"].value_counts().sort_index()
    return list(counts.sort_values(ascending=False, kind="stable").index)


def save(
    fo: FiftyOne, dataset: FiftyOne, views: list[Wanted], known: dict[str, str]
) -> dict[str, str]:
    """Saves the views that are not known, and deletes curate's own that are no longer wanted.

    Parameters
    ----------
    known
        Name of a view that curate has saved to how it was made.

    Returns
    -------
    dict
        The same for all views that there are now.
    """
    there = set(dataset.list_saved_views())
    # Also those of a build that was stopped before it noted them.
    own = {name for name in there if _is_own(dataset, name)}
    named = dict(_named(fo, views, taken=there - own))
    for name in sorted(own - set(named)):
        dataset.delete_saved_view(name)
    done = {}
    for name, view in named.items():
        done[name] = repr((view.how, view.fields, view.hidden))
        if name not in own or known.get(name) != done[name]:
            stages = _view(fo, dataset, view)
            dataset.save_view(name, stages, description=f"{OWN}{view.says}", overwrite=True)
    return done


def _is_own(dataset: FiftyOne, name: str) -> bool:
    return str(dataset.get_saved_view_info(name)["description"] or "").startswith(OWN)


def _named(fo: FiftyOne, views: list[Wanted], taken: set[str]) -> Iterator[tuple[str, Wanted]]:
    """The views under names of which no two have one address in the App, as FiftyOne demands."""
    slugs = {fo.core.utils.to_slug(name) for name in taken}
    for view in views:
        name, ordinal = _spelt(view.name), 1
        while fo.core.utils.to_slug(name) in slugs:
            ordinal += 1
            name = f"{_spelt(view.name)} {ordinal}"
        slugs.add(fo.core.utils.to_slug(name))
        yield name, view


def _spelt(name: str) -> str:
    """The name, not longer than FiftyOne's limit of 100 characters with an ordinal.

    Names are keys in the database, where none may hold a zero byte.
    """
    return name.replace("\0", " ")[:90]


def _view(fo: FiftyOne, dataset: FiftyOne, view: Wanted) -> Any:  # a view of FiftyOne
    field = fo.ViewField
    kind, word = view.how
    # A word that begins with $ would be taken for a field of MongoDB's.
    literal = fo.ViewExpression.literal(word)
    if kind == "split":
        return dataset.match(field("split") == literal)
    if kind == "check":
        found = dataset.match(field("checks").contains(word)).sort_by(field(f"check_ranks.{word}"))
        # Whoever tags all labels of the view means those of the findings.
        found = found.exclude_fields(list(view.hidden)) if view.hidden else found
        return _filtered(found, view.fields, field("tags").contains(word))
    if kind == "class":
        return _only(fo, dataset, view.fields, field("label") == literal)
    if kind == "crops":
        return _only(fo, dataset, view.fields, field("outcome") == literal)
    by = "max_fp_score" if kind == "fp" else "n_fn"
    found = dataset.match(field(f"n_{kind}") > 0).sort_by(by, reverse=True)
    return _filtered(found, view.fields, field("eval") == kind)


def _filtered(view: Any, fields: tuple[str, ...], is_wanted: Any) -> Any:  # as FiftyOne has them
    """The view with only these labels; pictures without any stay."""
    for name in fields:
        view = view.filter_labels(name, is_wanted, only_matches=False)
    return view


def _only(
    fo: FiftyOne, dataset: FiftyOne, fields: tuple[str, ...], is_wanted: Any
) -> Any:  # as above
    """The pictures with such a label in any field, and only these labels."""
    lists = {own: LIST for name, pair in FIELDS.items() for own in pair for LIST in [name.lower()]}
    conditions = [
        fo.ViewField(f"{name}.{lists.get(name, 'detections')}").filter(is_wanted).length() > 0
        for name in fields
    ]
    found = dataset.match(fo.ViewExpression.any(conditions)) if conditions else dataset
    return _filtered(found, fields, is_wanted)
