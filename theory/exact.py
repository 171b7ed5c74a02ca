"""Ranks in exact arithmetic: how many combinations of force constants the moments of a spectrum determine.

A rank modulo a prime at one point never exceeds the generic rank over the rationals, so it is a lower bound that needs
no tolerance; where it meets an upper bound it is the rank.
"""

from dataclasses import dataclass
from typing import Any, Literal

import flint
import numpy as np

from ..errors import IdentifiabilityError
from ._modular import DEFAULT_PRIME, Ring, block_map, gradients, random_prime
from ._rational import RationalMatrix
from .exact_problem import ExactBlock, ExactProblem

__all__ = [
    "DEFAULT_PRIME",
    "ExactBlock",
    "ExactProblem",
    "ExactRank",
    "RationalMatrix",
    "exact_jacobian",
    "exact_rank",
]

_INTEGER_RANGE = 9  # coordinates of a random point over the integers: -9 .. 9
# Blocks larger than this have moments of too many digits over the integers (n^2 numbers of about 10 n digits each).
_LARGEST_INTEGER_BLOCK = 24


@dataclass(frozen=True)
class ExactRank:
    """Rank of the Jacobian of the moments at one point, in exact arithmetic.

    Attributes
    ----------
    rank : int
        At ``point``: a lower bound of the generic rank.
    unknowns : int
        Number of constants x.
    upper_bound : int
        Of the generic rank: the counting rule of every block, and how many constants act on sets of blocks.
    field : str
        "gf" (modulo ``prime``) or "q" (over the rationals).
    prime : int or None
    point : tuple of int (n_parameters,)
    pivot_rows, pivot_columns : tuple of int (rank,)
        A square part of the Jacobian with a determinant that is not zero.
    block_ranks : dict of int
        How many independent combinations of each block's constants the whole data determine.
    block_unknowns : dict of int
        How many the model has.
    points : int
        How many random points were tried (the largest rank is given).
    failure_probability : float
        Schwartz-Zippel bound on the probability that the generic rank modulo these primes is larger; 0 where ``rank``
        meets the upper bound.
    """

    rank: int
    unknowns: int
    upper_bound: int
    field: str
    prime: int | None
    point: tuple[int, ...]
    pivot_rows: tuple[int, ...]
    pivot_columns: tuple[int, ...]
    block_ranks: dict[str, int]
    block_unknowns: dict[str, int]
    points: int
    failure_probability: float

    @property
    def evidence(self) -> str:
        """Grade: "certified" where the rank meets the upper bound, else "probabilistic" (a certain lower bound)."""
        return "certified" if self.rank == self.upper_bound else "probabilistic"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "rank": self.rank,
            "unknowns": self.unknowns,
            "upper_bound": self.upper_bound,
            "evidence": self.evidence,
            "field": self.field,
            "prime": self.prime,
            "block_ranks": dict(self.block_ranks),
            "block_unknowns": dict(self.block_unknowns),
            "points": self.points,
            "failure_probability": self.failure_probability,
        }


def exact_jacobian(problem: ExactProblem, prime: int | None = DEFAULT_PRIME, point: Any = None, seed: int = 0) -> Any:
    """Derivatives of all moments with respect to x at ``point``, as a python-flint matrix (n_moments, n_parameters).

    Rows: block by block tr A^k / k (k = 1..n), then tr W_j A^k (k = 1..n-1) of each intensity, times constants of the
    block (its common denominators). ``prime`` None: over the integers. Without a point a random one is taken.

    Raises
    ------
    IdentifiabilityError
        A point of a wrong length, an unsuitable prime, or integers that would be too long.

    Examples
    --------
    >>> import numpy as np
    >>> from symvib.forward.jacobian import SpectralBlock
    >>> block = SpectralBlock("A", np.eye(2), np.eye(2), {"ir": [1.0, 0.0]})
    >>> exact_jacobian(ExactProblem.from_blocks([block]), None, [2, 1, 3])
    [1, 0, 1]
    [2, 2, 3]
    [1, 0, 0]
    """
    ring = Ring(prime)
    jacobian, _ = _jacobian(problem, ring, _point(problem, ring, point, np.random.default_rng(seed)))
    return jacobian


def _point(problem: ExactProblem, ring: Ring, given: Any, rng: np.random.Generator) -> tuple[int, ...]:
    if given is None:
        if ring.prime is None:
            drawn = rng.integers(-_INTEGER_RANGE, _INTEGER_RANGE + 1, size=problem.n_parameters)
        else:
            drawn = rng.integers(ring.prime, size=problem.n_parameters)
        return tuple(drawn.tolist())
    values = tuple(int(x) for x in given)
    if len(values) != problem.n_parameters:
        raise IdentifiabilityError(f"point of {len(values)} numbers; {problem.n_parameters} constants need as many.")
    return values


def _jacobian(problem: ExactProblem, ring: Ring, point: tuple[int, ...]) -> tuple[Any, list[Any]]:
    """The Jacobian, and E_b of each block (None in the general model)."""
    if ring.prime is None:
        largest = max(block.size * (1 + block.is_complex) for block in problem.blocks)
        if largest > _LARGEST_INTEGER_BLOCK:
            raise IdentifiabilityError(
                f"a block of size {largest} has too long integers (limit {_LARGEST_INTEGER_BLOCK}): work modulo a "
                "prime."
            )
    x = (
        ring.integers(np.array(point, dtype=object))
        if ring.prime is None
        else np.array([v % ring.prime for v in point], dtype=np.int64)
    )
    parts, maps, offset = [], [], 0
    for block in problem.blocks:
        if problem.is_general:
            reach, entries = None, x[offset : offset + block.n_entries]
        else:
            integers = block_map(problem, block, ring)
            reach = ring.matrix(integers)
            product = reach * ring.matrix(x[:, None])
            entries = np.array([int(v) for v in product.entries()], dtype=object if ring.prime is None else np.int64)
        maps.append(reach)
        if block.visible:
            rows = gradients(block, entries, ring)
            parts.append((rows if reach is None else rows * reach, offset))
        offset += block.n_entries if problem.is_general else 0
    return _stacked(parts, problem.n_parameters, ring), maps


def _stacked(parts: list[tuple[Any, int]], width: int, ring: Ring) -> Any:
    height = sum(matrix.nrows() for matrix, _ in parts)
    flat: list[Any] = []
    for matrix, offset in parts:
        columns = matrix.ncols()
        if columns == width:
            flat += matrix.entries()
            continue
        entries = matrix.entries()
        before, after = [0] * offset, [0] * (width - offset - columns)
        for start in range(0, len(entries), columns):
            flat += before + entries[start : start + columns] + after
    if ring.prime is None:
        return flint.fmpz_mat(height, width, flat)
    return flint.nmod_mat(height, width, flat, ring.prime)


def exact_rank(
    problem: ExactProblem,
    *,
    prime: int | None = None,
    seed: int = 0,
    points: int = 1,
    field: Literal["gf", "q"] = "gf",
    point: Any = None,
) -> ExactRank:
    """Rank of the Jacobian of the moments at a random point, in exact arithmetic.

    Parameters
    ----------
    problem : ExactProblem
    prime : int, optional
        1 modulo 4, below 2^31; default 2^31 - 19, and random ones for further points.
    seed : int
        Of the random points.
    points : int
        The most points to try; it stops where the rank meets the upper bound.
    field : {"gf", "q"}
        Modulo a prime, or over the rationals at a point of small integers (small blocks only).
    point : sequence of int, optional
        Instead of the first random one.

    Raises
    ------
    IdentifiabilityError
        As in `exact_jacobian`; an unknown field, no point.

    Examples
    --------
    >>> import numpy as np
    >>> from symvib.forward.jacobian import SpectralBlock
    >>> block = SpectralBlock("A", np.eye(3), np.eye(3), {"ir": [[1.0, 2.0], [0.5, -1.0], [0.2, 0.3]]})
    >>> found = exact_rank(ExactProblem.from_blocks([block]))
    >>> found.rank, found.upper_bound, found.evidence
    (5, 5, 'certified')
    """
    if field not in ("gf", "q") or points < 1 or (field == "q" and prime is not None):
        raise IdentifiabilityError(
            f"exact_rank(field={field!r}, points={points}, prime={prime}): field 'gf' or 'q' (without a prime), at "
            "least one point."
        )
    rng = np.random.default_rng(seed)
    limits = [block.counting_bound for block in problem.blocks]
    bound = min(problem.n_parameters, sum(limits))
    best: _Attempt | None = None
    missed = 1.0
    for attempt in range(points):
        chosen = prime or (DEFAULT_PRIME if attempt == 0 else random_prime(rng))
        ring = Ring(None if field == "q" else chosen)
        place = _point(problem, ring, point if attempt == 0 else None, rng)
        jacobian, maps = _jacobian(problem, ring, place)
        found = _Attempt(ring, place, jacobian, maps, int(jacobian.rank()))
        if best is None or found.rank > best.rank:
            best, missed = found, 1.0
        if found.rank == best.rank:
            values = 2 * _INTEGER_RANGE + 1 if ring.prime is None else ring.prime
            missed *= min(1.0, _degree(problem, best.rank + 1) / values)
        if best.rank == bound:
            missed = 0.0
            break
    assert best is not None
    if best.rank < bound and not problem.is_general:
        bound = min(bound, problem.linear_bound(limits))
        missed = 0.0 if best.rank == bound else missed
    return _result(problem, best, bound, field, attempt + 1, missed)


@dataclass(frozen=True, eq=False)
class _Attempt:
    """One point and its Jacobian."""

    ring: Ring
    point: tuple[int, ...]
    jacobian: Any
    maps: list[Any]
    rank: int


def _degree(problem: ExactProblem, rows: int) -> int:
    """Largest degree in x of a minor with that many rows: the sum of the largest degrees k - 1 of single rows."""
    degrees: list[int] = []
    for block in problem.blocks:
        if block.visible:
            degrees += range(block.size)
            degrees += list(range(block.size - 1)) * len(block.factors)
    return sum(sorted(degrees, reverse=True)[:rows])


def _result(problem: ExactProblem, found: _Attempt, bound: int, field: str, points: int, missed: float) -> ExactRank:
    columns = _pivots(found.jacobian)
    rows = _pivots(found.jacobian.transpose())
    unknowns, ranks = _block_ranks(problem, found)
    return ExactRank(
        found.rank,
        problem.n_parameters,
        bound,
        field,
        found.ring.prime,
        found.point,
        rows,
        columns,
        ranks,
        unknowns,
        points,
        missed,
    )


def _pivots(matrix: Any) -> tuple[int, ...]:
    """Columns of the pivots of the reduced row echelon form."""
    echelon = matrix.rref()
    reduced, rank = (echelon[0], int(echelon[-1]))
    pivots, column = [], 0
    for row in range(rank):
        while reduced[row, column] == 0:
            column += 1
        pivots.append(column)
    return tuple(pivots)


def _block_ranks(problem: ExactProblem, found: _Attempt) -> tuple[dict[str, int], dict[str, int]]:
    unknowns, ranks = {}, {}
    offset = start = 0
    for block, reach in zip(problem.blocks, found.maps, strict=True):
        if reach is None:  # blocks have their own columns: the rank of the block's rows
            unknowns[block.label] = block.n_entries
            ranks[block.label] = _part_rank(found, (start, block.n_moments), (offset, block.n_entries))
            offset += block.n_entries
            start += block.n_moments
        else:
            own = int(reach.rank())
            both = _stacked([(found.jacobian, 0), (reach, 0)], problem.n_parameters, found.ring)
            unknowns[block.label], ranks[block.label] = own, own - (int(both.rank()) - found.rank)
    return unknowns, ranks


def _part_rank(found: _Attempt, rows: tuple[int, int], columns: tuple[int, int]) -> int:
    (first, height), (left, width) = rows, columns
    part = [[found.jacobian[i, j] for j in range(left, left + width)] for i in range(first, first + height)]
    return int(found.ring.matrix(np.array([[int(x) for x in row] for row in part], dtype=object)).rank()) if part else 0
