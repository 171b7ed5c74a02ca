"""Rational maps x -> entries of the blocks A_b with the same linear dependences as the measured ones.

Constants in redundant coordinates are often dependent (the angles of a planar centre, rings). After rounding they would
be independent in the last digit, and an exact rank would count that digit as knowledge.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..groups.operations import NDArrayFloat, NDArrayInt
from ._rational import RationalMatrix, pivoted_qr, rounded

__all__ = ["LinearStructure", "float_map", "independent_maps"]

_log = logging.getLogger(__name__)

# Relative size below which a singular value (or the rest of a row) is a dependence, and the gap that decides it.
_DEPENDENT = 1e-9
_CLEAR = 1e2
_MOST_PAIRS = 80


def float_map(columns: NDArray[Any], where: NDArrayInt, values: NDArrayFloat, count: int) -> NDArrayFloat:
    """Map (n_entries, count) from x to the entries of A = C^+ F C, F = sum_p x_p E_p, for columns C (m, n)."""
    size = columns.shape[1]
    order = np.argsort(where[:, 0], kind="stable")
    p, i, j = where[order].T
    upper, strict = np.triu_indices(size), np.triu_indices(size, 1)
    present, starts = np.unique(p, return_index=True)
    left, right = columns.conj()[i] * values[order][:, None], columns[j]
    rows = [np.zeros((0, count))]
    for (a, b), part in ((upper, np.real), (strict, np.imag))[: 1 + np.iscomplexobj(columns)]:
        whole = np.zeros((len(a), count))
        for row in range(size):  # one row of A at a time keeps the products small
            chosen = a == row
            if chosen.any():
                products = part(left[:, row, None] * right[:, b[chosen]])
                whole[np.ix_(chosen, present)] = np.add.reduceat(products, starts, axis=0).T
        rows.append(whole)
    return np.concatenate(rows)


@dataclass(frozen=True, eq=False)
class LinearStructure:
    """Which constants act on which blocks: ranks of the joint linear maps of sets of blocks.

    Attributes
    ----------
    subsets : tuple of tuple of int
        Single blocks, pairs (where there are not too many blocks), what is seen, all.
    ranks : tuple of int
        Of the joint map of each.
    """

    subsets: tuple[tuple[int, ...], ...]
    ranks: tuple[int, ...]

    @classmethod
    def measured(cls, maps: Sequence[NDArrayFloat], visible: Sequence[bool]) -> "LinearStructure":
        """From floating-point maps (n_entries, n_parameters); warns where a rank is not clear."""
        subsets = _subsets(visible)
        scaled = _scaled(maps)
        ranks, gap = [], float("inf")
        for subset in subsets:
            values = np.linalg.svd(np.concatenate([scaled[k] for k in subset]), compute_uv=False)
            rank = int((values > _DEPENDENT).sum())
            if 0 < rank < len(values):
                gap = min(gap, float(values[rank - 1] / max(values[rank], 1e-300)))
            ranks.append(rank)
        if gap < _CLEAR:
            _log.warning(
                "force constants are nearly dependent (singular values of the linear map differ by a factor of %.2g "
                "only): whether some combinations act at all is not settled by the geometry given.",
                gap,
            )
        return cls(subsets, tuple(ranks))

    @classmethod
    def exact(cls, visible: Sequence[bool], rank: Callable[[tuple[int, ...]], int]) -> "LinearStructure":
        """From a function that gives the exact rank of a subset."""
        subsets = _subsets(visible)
        return cls(subsets, tuple(rank(subset) for subset in subsets))

    def bound(self, limits: Sequence[int]) -> int:
        """Upper bound of the rank of data that give at most ``limits`` numbers on each block.

        min over S of rank(S) + sum of the limits outside S: what S can tell is no more than its maps have rank. For
        generic data this is the rank (R. Rado, Quart. J. Math. 13, 83 (1942)), if all subsets are looked at.
        """
        subset = self.best(limits)
        rank = self.ranks[self.subsets.index(subset)] if subset else 0
        return rank + sum(limit for k, limit in enumerate(limits) if k not in subset)

    def best(self, limits: Sequence[int]) -> tuple[int, ...]:
        """The subset that gives the bound."""
        savings = [sum(limits[k] for k in s) - r for s, r in zip(self.subsets, self.ranks, strict=True)]
        best = int(np.argmax(savings))
        return self.subsets[best] if savings[best] > 0 else ()


def _subsets(visible: Sequence[bool]) -> tuple[tuple[int, ...], ...]:
    size = len(visible)
    pairs: Iterable[tuple[int, ...]] = combinations(range(size), 2) if size * (size - 1) // 2 <= _MOST_PAIRS else ()
    seen = tuple(k for k in range(size) if visible[k])
    every = [*((k,) for k in range(size)), *pairs, seen, tuple(range(size))]
    return tuple(subset for subset in dict.fromkeys(every) if subset)


def _scaled(maps: Sequence[NDArrayFloat]) -> list[NDArrayFloat]:
    """Each block in units of its largest entry, then each constant in those of its column."""
    rows = [m / max(float(np.abs(m).max(initial=0.0)), 1e-300) for m in maps]
    columns = np.linalg.norm(np.concatenate(rows), axis=0)
    return [m / np.where(columns > 0, columns, 1.0) for m in rows]


def independent_maps(maps: Sequence[NDArrayFloat], visible: Sequence[bool], digits: int) -> list[RationalMatrix]:
    """Exact maps (n_entries_b, u) from u independent combinations y of the constants, with the measured dependences.

    The y are u of the entries of the blocks themselves, taken block by block, visible blocks first. In each block other
    entries are given by a few pivots of that block, and these by y: so the ranks of single blocks, of all visible ones
    and of all together are the measured ones.
    """
    scaled = _scaled(maps)
    width = scaled[0].shape[1]
    basis = np.zeros((0, width))
    new: dict[int, NDArrayInt] = {}
    order = sorted(range(len(maps)), key=lambda k: not visible[k])
    for k in order:
        new[k] = _pivot_rows(scaled[k] - (scaled[k] @ basis.T) @ basis)
        basis = np.linalg.svd(np.concatenate([basis, scaled[k][new[k]]]), full_matrices=False)[2]
    chosen = np.concatenate([scaled[k][new[k]] for k in order])
    offsets = dict(zip(order, np.cumsum([0, *(len(new[k]) for k in order)]).tolist(), strict=False))
    generators = np.linalg.pinv(chosen)
    reaches = []
    for k, part in enumerate(scaled):
        own = part[new[k]]
        span = np.linalg.svd(own, full_matrices=False)[2] if len(own) else np.zeros((0, width))
        more = _pivot_rows(part - (part @ span.T) @ span)
        pivots = np.concatenate([new[k], more]).astype(np.int64)
        unit = np.zeros((len(new[k]), len(chosen)))
        unit[np.arange(len(unit)), offsets[k] + np.arange(len(unit))] = 1.0
        inner = np.concatenate([unit, _clean(part[more] @ generators)])
        # no pivot of a later block can occur in an earlier one
        inner[:, offsets[k] + len(new[k]) :] = 0.0
        outer = _clean(part @ np.linalg.pinv(part[pivots]))
        outer[pivots] = np.eye(len(pivots))
        reaches.append(rounded(outer, digits) @ rounded(inner, digits))
    return reaches


def _clean(matrix: NDArrayFloat) -> NDArrayFloat:
    return np.where(np.abs(matrix) < _DEPENDENT, 0.0, matrix)


def _pivot_rows(rest: NDArrayFloat) -> NDArrayInt:
    """Rows that span those of ``rest``."""
    if not rest.size:
        return np.zeros(0, dtype=np.int64)
    _, triangle, pivots = pivoted_qr(rest.T)
    diagonal = np.abs(np.diag(triangle))
    return pivots[: len(diagonal)][diagonal > _DEPENDENT]
