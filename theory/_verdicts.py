"""From ranks to verdicts, each with the grade of its evidence."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["BlockFacts", "Judgement", "block_verdict", "overall_verdict", "with_more_data"]

# Worst first: a molecule is as well determined as its worst block.
_ORDER = ("silent", "family", "finite", "locally unique", "unique")
_STRENGTH = ("numerical", "searched", "probabilistic", "certified", "proved")


@dataclass(frozen=True)
class BlockFacts:
    """What decides about a block.

    Attributes
    ----------
    n : int
        Multiplicity of the irrep.
    visible : bool
        Are its lines seen in any spectrum measured, of any isotopologue?
    own_lines : bool
        Are those of the molecule itself?
    unknowns : int
        Combinations of the block's constants that the model can reach.
    independent : int
        Largest rank that the counting rule allows its own lines.
    rank : int
        Singular values counted.
    exact_rank : int or None
    separate : bool
        No constant is shared with another block.
    alone : bool
        Separate, and one isotopologue: the counting rule is about this very block.
    rounded_apart : bool
        Several isotopologues: the exact problem rounds each by itself, which loses relations between their G.
    complete : bool
        Does the exact rank of the whole problem equal its number of unknowns?
    is_complex : bool
    n_intensities : int
        Linearly independent ones among the traceless parts of the observed W.
    span : int
        Directions that the observed W see together: the rank of their sum.
    """

    n: int
    visible: bool
    own_lines: bool
    unknowns: int
    independent: int
    rank: int
    exact_rank: int | None
    separate: bool
    alone: bool
    rounded_apart: bool
    complete: bool
    is_complex: bool
    n_intensities: int
    span: int

    @property
    def settled_rank(self) -> int:
        """The rank that counts: where exact and numerical ranks disagree, the smaller.

        Rounding to decimals can only destroy relations (between isotopologues, or accidental ones of the derivatives),
        so that the exact rank of the rounded problem may be too large for the molecule given.
        """
        return self.rank if self.exact_rank is None else min(self.rank, self.exact_rank)

    @property
    def grade(self) -> str:
        """Evidence for the rank by itself."""
        trusted = self.exact_rank == self.rank and not self.rounded_apart
        return "probabilistic" if trusted else "numerical"

    @property
    def doubt(self) -> str:
        """Words where the two ranks disagree."""
        if self.exact_rank in (None, self.rank):
            return ""
        return f" (singular values count {self.rank}, exact arithmetic on rounded coefficients {self.exact_rank})"


@dataclass(frozen=True)
class Judgement:
    """A verdict, its grade of evidence, and the reason in words."""

    verdict: str
    evidence: str
    reason: str


def block_verdict(facts: BlockFacts) -> Judgement:
    """The verdict about one block."""
    if facts.unknowns == 0:
        return Judgement("unique", "proved", "the model leaves no constant of it free")
    rank = facts.settled_rank
    if rank == 0 and not facts.visible and facts.separate:
        return Judgement("silent", "proved", "its lines are forbidden in every spectrum measured")
    if rank < facts.unknowns:
        if facts.alone and facts.independent < facts.unknowns:
            return Judgement(
                "family",
                "proved",
                f"at most {facts.independent} independent observables for {facts.unknowns} constants",
            )
        return Judgement("family", facts.grade, f"{rank} of {facts.unknowns} combinations determined{facts.doubt}")
    known = _closed_form(facts) if facts.separate and facts.own_lines else None
    if known and (facts.alone or known.verdict == "unique"):
        return known  # further isotopologues can only help
    grade = "certified" if facts.grade == "probabilistic" and facts.complete else facts.grade
    return Judgement(
        "locally unique",
        grade,
        f"all {facts.unknowns} combinations determined, in a neighbourhood of almost every force field{facts.doubt}",
    )


def with_more_data(own: Judgement, all_data: Judgement) -> Judgement:
    """The verdict from all data, not weaker than the one from the molecule's own lines: the solutions are fewer."""
    if own.verdict == "unique":
        return own
    if own.verdict in ("finite", "locally unique") and all_data.verdict == "locally unique":
        return Judgement("locally unique", own.evidence, all_data.reason)
    return all_data


def _closed_form(facts: BlockFacts) -> Judgement | None:
    """Blocks of which more is known: n = 1, n = 2, and those with one unseen direction (docs/fibres.md)."""
    if facts.n == 1:
        return Judgement("unique", "proved", "one constant, one line: F = lambda / G")
    grade = "certified" if facts.grade == "probabilistic" else facts.grade
    if facts.n > 2 and facts.span == facts.n - 1 and not facts.is_complex:
        return Judgement(
            "finite", grade, "at least two force fields: the mirror image in the one direction no intensity sees"
        )
    if facts.n > 2:
        return None
    needed = 2 if facts.is_complex else 1
    if facts.n_intensities > needed:
        return Judgement(
            "unique", grade, "the eigenvectors of a 2 x 2 block follow from linear equations in the intensities"
        )
    if facts.n_intensities == needed:
        return Judgement("finite", grade, "exactly two force fields: the eigenvectors and their mirror image")
    return None


def overall_verdict(found: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Verdict of the worst of (verdict, evidence), and the weakest evidence among those with that verdict."""
    pairs = list(found)
    worst = min((verdict for verdict, _ in pairs), key=_ORDER.index)
    grades = [evidence for verdict, evidence in pairs if verdict == worst]
    if worst != "silent":
        return worst, min(grades, key=_STRENGTH.index)
    # a silent block leaves a family of force fields, whatever the others do
    return "family", max(grades, key=_STRENGTH.index)
