"""Where the files of a crop set stand below its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from curate.formats.image_names import safe_part

SUMMARY = "crops.json"
MANIFEST = "manifest.parquet"
MANIFEST_CSV = "manifest.csv"
STATE = ".curate"
SHARDS = "shards"
ASIDE = "aside"
NO_SPLIT = "unsplit"
# File managers and network drives become slow on folders of more files than this.
MAX_FILES = 10_000
_TAKEN = {SUMMARY, MANIFEST, MANIFEST_CSV, STATE, SHARDS, ASIDE}


class Layout:
    """The path of each crop: `split/label/crop_id.jpg`, `aside/split/outcome/...` for the others.

    A folder that would hold more than `MAX_FILES` files has folders of the first two digits of
    the ids in between. Splits and labels that no file system takes as they are, or that differ in
    case alone, get names of their own.

    Parameters
    ----------
    counts
        Number of crops by split ("" where none is stated), whether they are aside, and label or
        outcome.
    ending
        Of the pictures: `.jpg`.
    """

    def __init__(self, counts: Mapping[tuple[str, bool, str], int], ending: str) -> None:
        self._ending = ending
        splits = _named(sorted({split for split, _, _ in counts}), _TAKEN, NO_SPLIT)
        self._splits = splits
        labels = {
            is_aside: _named(sorted({w for _, own, w in counts if own == is_aside}), set(), "none")
            for is_aside in (False, True)
        }
        self._folders = {
            (split, is_aside, word): (
                f"{ASIDE}/{splits[split]}/{labels[True][word]}"
                if is_aside
                else f"{splits[split]}/{labels[False][word]}"
            )
            for split, is_aside, word in counts
        }
        self._is_large = {place: count > MAX_FILES for place, count in counts.items()}

    def split_name(self, split: str) -> str:
        """The name of a split's folder and shards; one without crops has none to clash with."""
        return self._splits.get(split) or safe_part(split) or NO_SPLIT

    def paths(
        self, splits: Iterable[str], words: Iterable[str], aside: Iterable[bool], ids: Iterable[str]
    ) -> list[str]:
        """The path of each crop, from its split, its label (aside: its outcome) and its id."""
        paths = []
        for split, word, is_aside, crop_id in zip(splits, words, aside, ids, strict=True):
            place = (split, bool(is_aside), word)
            between = f"{crop_id[:2]}/" if self._is_large[place] else ""
            paths.append(f"{self._folders[place]}/{between}{crop_id}{self._ending}")
        return paths


def _named(words: list[str], taken: set[str], unnamed: str) -> dict[str, str]:
    """A name for each word that file systems take and that no other has; "" is `unnamed`."""
    used = Counter(name.casefold() for name in taken)
    names = {}
    for word in words:
        name = safe_part(word.replace("/", "_")) if word else unnamed
        # `.curate` and whatever else begins with a dot is not shown to people.
        name = f"_{name}" if name.startswith(".") else name
        own, ordinal = name, 1
        while own.casefold() in used:
            ordinal += 1
            own = f"{name}-{ordinal}"
        used[own.casefold()] += 1
        names[word] = own
    return names
