"""The finite part of the proof of the block rank: exact base cases, and the argument that carries them to every n.

The upper bound holds for every pattern of intensities. That it is reached is proved (docs/block_rank.md) for complex
blocks, for intensities all of rank one, and with at most one of rank one. Every other pattern needs exact ranks up to
the size from which each further mode adds one frequency and one value of each intensity.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ..errors import IdentifiabilityError
from .block_rank import frame_dimension
from .incidence import new_mode_rank, pattern_incidence_rank
from .intensity_patterns import IntensityPattern

__all__ = ["BlockRankProof", "prove_block_rank"]

_SEEDS = (0, 1, 2)  # a rank below the formula is tried again: modulo a prime it may be too low by bad luck


@dataclass(frozen=True)
class BlockRankProof:
    """Why the formula for one pattern holds for all n, or where it does not.

    Attributes
    ----------
    ranks : tuple of int
        Ranks of the intensities.
    kind : {"real", "complex"}
    argument : str
        "complex", "all of rank one", "at most one of rank one" (proved for all patterns of the kind, without
        computation) or "base cases".
    linear_from : int
        Size from which the formula rises by 1 + s for each further mode.
    base_ranks : tuple of int
        Exact ranks for n = 1 .. linear_from, computed in any case.
    formula : tuple of int
        What the formula says for the same n.
    new_mode : int
        Exact rank of the weights between a further mode and ``linear_from`` others: s if the induction works.
    """

    ranks: tuple[int, ...]
    kind: str
    argument: str
    linear_from: int
    base_ranks: tuple[int, ...]
    formula: tuple[int, ...]
    new_mode: int

    @property
    def holds(self) -> bool:
        """True if the formula is proved for all n."""
        return self.base_ranks == self.formula and self.new_mode == len(self.ranks)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "ranks": list(self.ranks),
            "kind": self.kind,
            "argument": self.argument,
            "linear_from": self.linear_from,
            "base_ranks": list(self.base_ranks),
            "formula": list(self.formula),
            "new_mode": self.new_mode,
            "holds": self.holds,
        }


def prove_block_rank(pattern: IntensityPattern) -> BlockRankProof:
    """Exact base cases for the pattern, computed now, and the argument that carries them to all n.

    Parameters
    ----------
    pattern : IntensityPattern
        With at least one intensity; `IntensityPattern.of_ranks` makes one from ranks.

    Raises
    ------
    IdentifiabilityError
        No intensity.

    Notes
    -----
    The candidates c_J(n) = C(n,2) - C(n-R_J,2) + (s-|J|)(n-1) of the formula rise by at least s for each n >= s as soon
    as R_J >= |J|; so where one with R_J = |J| (slope exactly s) is the smallest at some n >= s, it stays the smallest.

    Examples
    --------
    A1 of C2v with infrared and both parts of Raman.

    >>> proof = prove_block_rank(IntensityPattern.of_ranks((1, 1, 2)))
    >>> proof.holds, proof.linear_from, proof.base_ranks
    (True, 6, (1, 3, 6, 10, 15, 20))
    """
    if not pattern.intensities:
        raise IdentifiabilityError(
            "prove_block_rank: a pattern without intensities has rank n; nothing is to be proved."
        )
    start = _linear_from(pattern)
    formula = tuple(pattern.rank(n) for n in range(1, start + 1))
    base = tuple(_exact(n, pattern, rank) for n, rank in enumerate(formula, start=1))
    new_mode = max(new_mode_rank(start, pattern, seed) for seed in _SEEDS)
    ranks = tuple(pattern.matrix_ranks.values())
    return BlockRankProof(ranks, pattern.kind, _argument(pattern), start, base, formula, new_mode)


def _exact(n: int, pattern: IntensityPattern, expected: int) -> int:
    rank = 0
    for seed in _SEEDS:
        rank = max(rank, pattern_incidence_rank(n, pattern, seed))
        if rank == expected:
            break
    return rank


def _argument(pattern: IntensityPattern) -> str:
    """Which part of the theorem covers the pattern; shared derivatives and products are covered by base cases only."""
    ranks = list(pattern.matrix_ranks.values())
    plain = sum(ranks) == pattern.span(pattern.intensities)
    plain &= all(a == b for i in pattern.intensities for a, b in i.products)
    if not plain:
        return "base cases"
    if pattern.kind == "complex":
        return "complex"
    if set(ranks) == {1}:
        return "all of rank one"
    return "at most one of rank one" if ranks.count(1) <= 1 else "base cases"


def _linear_from(pattern: IntensityPattern) -> int:
    """Smallest n >= s at which a candidate of slope s is the smallest, so that it is for all larger n."""
    s = len(pattern.intensities)
    if pattern.kind == "complex":
        return s
    subsets = [(len(c), pattern.span(c)) for j in range(s + 1) for c in combinations(pattern.intensities, j)]
    if any(span < size for size, span in subsets):
        raise IdentifiabilityError(
            f"{list(pattern.matrix_ranks)}: more intensities than the directions they depend on."
        )
    steady = [(size, span) for size, span in subsets if span == size]
    n = s
    while pattern.rank(n) < n + min(frame_dimension(n, span) + (s - size) * (n - 1) for size, span in steady):
        n += 1
    return n
