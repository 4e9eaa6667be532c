"""What a report says of a check beside its findings: the caller hands it in.

Reports import no checks (import rows of `curate`), and outside checks are known to the caller only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from curate.dataset import Findings


@dataclass(frozen=True)
class Rule:
    """A check as reports tell it.

    Parameters
    ----------
    code, name
        `BOX-002`, `box-outside-image`.
    level
        Level of its findings unless one has its own: error, warning or info.
    page
        Its manual page, plain text: what `curate explain` prints; empty where there is none.
    """

    code: str
    name: str
    level: str
    page: str = ""

    @property
    def description(self) -> str:
        r"""The first paragraph of the manual page as one line; the name where there is no page.

        Examples
        --------
        >>> page = "BOX-9 box-odd [error]\n\nA box\nis odd. So.\n\nWhy it hurts: it does."
        >>> Rule("BOX-9", "box-odd", "error", page).description
        'A box is odd. So.'
        """
        paragraphs = [" ".join(part.split()) for part in self.page.split("\n\n")]
        # The page's first line states code, name and level.
        told = [part for part in paragraphs if part and not part.startswith(f"{self.code} ")]
        return told[0] if told else self.name

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        sentence, stop, _ = self.description.partition(". ")
        return sentence + stop.rstrip()


def rules_of(findings: Findings, rules: Iterable[Rule]) -> list[Rule]:
    """A rule for each code that occurs, by code; without a known one, what its findings say."""
    known = {rule.code: rule for rule in rules}
    first = findings.table.drop_duplicates("check").sort_values("check", kind="stable")
    told = zip(first["check"], first["name"], first["level"], strict=True)
    return [known.get(code) or Rule(code, name, level) for code, name, level in told]
