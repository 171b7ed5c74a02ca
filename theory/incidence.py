"""Generic ranks of spectra by exact elimination on a weighted incidence matrix: no formula, no floating point.

At distinct eigenvalues a change dA of a block changes lambda_k by its diagonal element and the intensities by
dI_k = 2 Re sum_l Omega_lk W_kl, with Omega_lk = dA_lk/(lambda_k - lambda_l) free: each pair of modes (an edge of the
complete graph) moves intensity from one to the other, in proportion to W_kl in the basis of the modes.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from random import Random
from typing import Literal

from ..errors import IdentifiabilityError
from .block_rank import Kind, checked_whole
from .intensity_patterns import IntensityPattern

__all__ = ["PRIME", "incidence_rank", "pattern_incidence_rank"]

PRIME = 2**61 - 1
"""Modulus of the elimination; a rank modulo a prime never exceeds the generic rank."""

_RATIONAL_RANGE = 99  # weights over Q are made of integers up to this size

Field = Literal["gf", "q"]
_Pair = tuple[list[int], list[int]]


def incidence_rank(
    n: int, intensity_ranks: Iterable[int], kind: Kind = "real", seed: int = 0, field: Field = "gf"
) -> int:
    """Rank of the spectra of a block at one random point: n + rank of the weighted incidence matrix of K_n.

    Parameters
    ----------
    n, intensity_ranks, kind
        As in `block_rank`.
    seed : int
        Of the weights W = Q Q^+ (Q random, n x r).
    field : {"gf", "q"}
        Integers modulo `PRIME`, or rational numbers.

    Returns
    -------
    int
        Never above the generic rank, and below it with probability of at most 2 C(n,2)/PRIME modulo the prime
        (Schwartz-Zippel: a minor has degree 2 in the random numbers for each of at most C(n,2) columns; twice as many
        in a complex block).

    Raises
    ------
    IdentifiabilityError
        As `block_rank`; an unknown field.

    Examples
    --------
    >>> incidence_rank(6, (3, 1, 5)), incidence_rank(7, (1, 1, 1, 2)), incidence_rank(3, (1, 2), "complex", field="q")
    (21, 27, 7)
    """
    pattern = IntensityPattern.of_ranks(intensity_ranks, kind)
    return pattern_incidence_rank(n, pattern, seed, field) if pattern.intensities else checked_whole("n", n)


def pattern_incidence_rank(n: int, pattern: IntensityPattern, seed: int = 0, field: Field = "gf") -> int:
    """The same for a pattern in which intensities share derivatives or are products of two (circular dichroism).

    Examples
    --------
    >>> from symvib.theory.intensity_patterns import intensity_pattern
    >>> p = intensity_pattern("C3", "A", ["ir", "vcd"])
    >>> pattern_incidence_rank(4, p), p.rank(4)
    (9, 9)
    """
    if checked_whole("n", n) == 0 or not pattern.intensities:
        return 0
    forms = _forms(n, pattern, seed, field)
    edges = list(combinations(range(n), 2))
    if pattern.kind == "complex":  # the columns of Re and Im W_kl span those of W_kl and W_lk
        edges += [(b, a) for a, b in edges]
    rows = []
    for pairs in forms:
        block = [[0] * len(edges) for _ in range(n)]
        for column, (k, m) in enumerate(edges):
            weight = _weight(pairs, k, m)
            block[k][column], block[m][column] = weight, -weight
        rows += block[:-1]  # the rows of a form add up to zero
    return n + _matrix_rank(rows, field)


def new_mode_rank(n: int, pattern: IntensityPattern, seed: int = 0) -> int:
    """By how much one more mode raises the rank of the incidence matrix of n modes at least, modulo `PRIME`.

    The rank of the weights W_kl between the new mode and the others, one row for each intensity: the edges between the
    others do not occur in the rows of the new mode, so the matrix is block triangular.

    Examples
    --------
    >>> new_mode_rank(4, IntensityPattern.of_ranks((1, 1, 2)))
    3
    """
    edges = [(n, k) for k in range(n)]
    if pattern.kind == "complex":
        edges += [(k, n) for k in range(n)]
    return _matrix_rank([[_weight(pairs, *e) for e in edges] for pairs in _forms(n + 1, pattern, seed, "gf")], "gf")


def _numbers(seed: int, field: Field) -> Callable[[int], list[int]]:
    """A source of lists of random integers."""
    if field not in ("gf", "q"):
        raise IdentifiabilityError(f"field={field!r}: 'gf' or 'q'.")
    random = Random(seed)
    if field == "gf":
        return lambda count: [random.randrange(PRIME) for _ in range(count)]
    return lambda count: [random.randint(-_RATIONAL_RANGE, _RATIONAL_RANGE) for _ in range(count)]


def _forms(n: int, pattern: IntensityPattern, seed: int, field: Field) -> list[list[_Pair]]:
    """For each intensity the pairs (left, right) of lists of n numbers with W_kl = sum left_k right_l."""
    numbers = _numbers(seed, field)
    # A complex derivative is held as (itself, its conjugate): independent numbers, since real and imaginary part are.
    values = {
        d: ([numbers(n) for _ in range(m)], [numbers(n) for _ in range(m)]) for d, m in pattern.components.items()
    }
    if pattern.kind == "real":
        values = {d: (plain, plain) for d, (plain, _) in values.items()}
    forms = []
    for intensity in pattern.intensities:
        pairs: list[_Pair] = []
        for a, b in intensity.products:
            parts = range(pattern.components[a]) if intensity.component is None else (intensity.component,)
            for i in parts:
                pairs.append((values[a][0][i], values[b][1][i]))
                if a != b:  # Hermitian part; the factor 1/2 does not matter
                    pairs.append((values[b][0][i], values[a][1][i]))
        forms.append(pairs)
    return forms


def _weight(pairs: Sequence[_Pair], k: int, m: int) -> int:
    return sum(left[k] * right[m] for left, right in pairs)


def _matrix_rank(rows: Sequence[Sequence[int]], field: Field) -> int:
    import flint

    if not rows or not rows[0]:
        return 0
    shape, entries = (len(rows), len(rows[0])), [x for row in rows for x in row]
    if field == "q":
        return flint.fmpz_mat(*shape, entries).rank()
    return flint.nmod_mat(*shape, [x % PRIME for x in entries], PRIME).rank()
