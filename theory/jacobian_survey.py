"""How much of which force field the spectra of a molecule determine, for many molecules: ranks, gaps, conditions.

The Jacobian is taken at the molecule's own force constants, in the direction of the constants of each model: whether
data of a molecule of this kind fix the constants of such a model. Derivatives of dipole and polarizability are known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forward.force_field import LinearForceField
from ..forward.jacobian import SpectralBlock, block_spectral_jacobian, numerical_rank
from ..forward.response import HarmonicResponse
from ..forward.selection import internal_coordinates
from ..forward.valence_models import DiagonalForceField, UreyBradleyForceField, ValenceForceField
from ..groups.operations import NDArrayFloat
from ._line_data import OBSERVABLE_SETS, LineData, ObservableSet, line_data
from ._spectral_problem import ProblemBlock, SpectralProblem, spectral_problem
from .block_rank import block_rank

__all__ = ["MODELS", "RANK_THRESHOLD", "TYPICAL_CONSTANTS", "JacobianRow", "jacobian_rows"]

MODELS = ("diagonal, independent coordinates", "diagonal, all coordinates", "valence", "Urey-Bradley", "general")
"""Force-field models: one constant for each of 3N-6 coordinates; for each coordinate of the complete redundant set;
with interactions between neighbours; Urey-Bradley; all constants. Equivalent coordinates share their constants."""

TYPICAL_CONSTANTS = {"stretch": 5.0, "bend": 0.7, "linear_bend": 0.3, "out_of_plane": 0.3, "torsion": 0.1}
"""Unit of each constant in condition numbers, mdyn/A and mdyn A; of an interaction: the geometric mean."""

_SEPARATE = 1e-12  # eigenvalues of a block closer than this fraction of its largest are one line
RANK_THRESHOLD = 1e-9  # relative
_LARGE, _CLEAR = 200, (1e-11, 1e-8)  # rows and columns from which on squares are tried; band they must leave empty
NO_ROW = 1e-13  # norm of a row relative to the largest, below which it is zero


@dataclass(frozen=True)
class _Model:
    """Blocks of a model with its parameters, and their units."""

    blocks: list[SpectralBlock]
    scales: NDArrayFloat
    general: bool


@dataclass(frozen=True)
class JacobianRow:
    """What one set of observables determines of one model of one molecule.

    Attributes
    ----------
    model, observables : str
    unknowns : int
        Constants of the model.
    span : int
        Of these, combinations that change the vibrations' force field at all (redundant coordinates lose some).
    nominal : int
        Numbers that are measured.
    independent : int
        Of these, independent ones by the counting rule, whatever the model: each block at most its own constants.
    expected : int
        Largest rank that counting allows: the least, over sets S of blocks, of (combinations that S has) + (independent
        data of the other blocks); so at most ``span`` and at most ``independent``.
    rank : int
    gap, threshold : float
        Of the numerical rank: of the Jacobian in units of typical constants, with rows of unit length.
    condition_number, smallest_singular_value : float or None
        Of the Jacobian in units of the errors (rows) and of typical constants (columns), over the ``rank`` largest
        singular values. 1/smallest: standard error of the worst-determined combination, in typical constants.
    """

    model: str
    observables: str
    unknowns: int
    span: int
    nominal: int
    independent: int
    expected: int
    rank: int
    gap: float
    threshold: float
    condition_number: float | None
    smallest_singular_value: float | None


def jacobian_rows(response: HarmonicResponse, models: Sequence[str] = MODELS) -> Iterator[JacobianRow]:
    """A row for each model and each of `OBSERVABLE_SETS`.

    Raises
    ------
    IdentifiabilityError, CoordinateError, ForceFieldError
        The response has no derivatives; coordinates or a model cannot be made.
    """
    problem = spectral_problem(response)
    for name in models:
        model = _model(problem, name)
        data = line_data(block_spectral_jacobian(model.blocks, cluster_tolerance=_SEPARATE))
        # Row subsets of J and of the R of its QR decomposition have the same singular values, and R is never wide.
        scaled = np.asarray(np.linalg.qr((data.jacobian * model.scales).T, mode="r"), dtype=np.float64).T
        reach = _Reach.of(model)
        for observed in OBSERVABLE_SETS:
            yield _row(problem, name, scaled, data, observed, reach)


def _row(
    problem: SpectralProblem,
    name: str,
    scaled: NDArrayFloat,
    data: LineData,
    observed: ObservableSet,
    reach: "_Reach",
) -> JacobianRow:
    rows = data.rows(observed)
    chosen = scaled[rows]
    counts = [_independent(block, observed) for block in problem.blocks]
    lengths = np.linalg.norm(chosen, axis=1)
    kept = lengths > NO_ROW * lengths.max(initial=0.0)
    rank = numerical_rank(_singular(chosen[kept] / lengths[kept, None]), RANK_THRESHOLD)
    expected = reach.expected(counts, rank.rank)
    values = _singular(chosen / data.errors[rows, None])[: rank.rank]
    return JacobianRow(
        name,
        observed.name,
        reach.unknowns,
        reach.span,
        len(rows),
        sum(counts),
        expected,
        rank.rank,
        float(rank.gap),
        float(rank.threshold),
        float(values[0] / values[-1]) if len(values) else None,
        float(values[-1]) if len(values) else None,
    )


def _independent(block: ProblemBlock, observed: ObservableSet) -> int:
    """Independent data of a block by the counting rule; 0 where the technique does not see it."""
    ranks = [block.intensity_rank(kinds) for kinds in observed.intensities]
    kind = "complex" if block.is_complex else "real"
    return block_rank(block.n, [r for r in ranks if r], visible=True, kind=kind) if any(ranks) else 0


def _model(problem: SpectralProblem, name: str) -> _Model:
    coordinates = problem.coordinates
    units = np.array([TYPICAL_CONSTANTS[q.kind] for q in coordinates.internals])
    if name == MODELS[0]:
        internals = internal_coordinates(coordinates.molecule, redundant=False)
        blocks, kept = problem.of_squares(internals)
        return _Model(blocks, np.array([TYPICAL_CONSTANTS[internals[i].kind] for i in kept]), False)
    if name == "general":
        scales = []
        for block, symmetry in zip(problem.blocks, coordinates.blocks, strict=True):
            own = np.sqrt(units[symmetry.leading])
            i, j = np.triu_indices(block.n)
            scales += [own[i] * own[j]]
            if block.is_complex:
                i, j = np.triu_indices(block.n, 1)
                scales += [own[i] * own[j]]
        return _Model(problem.general(), np.concatenate(scales), True)
    kinds = {MODELS[1]: DiagonalForceField, "valence": ValenceForceField, "Urey-Bradley": UreyBradleyForceField}
    field = kinds[name].of(coordinates)
    return _Model(problem.of_model(field), _field_scales(field, units), False)


def _field_scales(field: LinearForceField, units: NDArrayFloat) -> NDArrayFloat:
    """Unit of each constant: of the first entry of its form (Urey-Bradley's H and F are in mdyn/A: divided by it)."""
    first = np.unique(field.entries[:, 0], return_index=True)[1]
    _, i, j = field.entries[first].T
    return np.sqrt(units[i] * units[j])


@dataclass(frozen=True, eq=False)
class _Reach:
    """Which force fields a model reaches: its constants as entries of each block, (n_par, entries), unit rows.

    ``parts`` is None for the general model, which reaches all ``sizes``.
    """

    unknowns: int
    sizes: list[int]
    parts: list[NDArrayFloat] | None

    @classmethod
    def of(cls, model: _Model) -> "_Reach":
        if model.general:
            n = [len(np.asarray(block.f)) for block in model.blocks]
            sizes = [m * m if np.iscomplexobj(b.f) else m * (m + 1) // 2 for m, b in zip(n, model.blocks, strict=True)]
            return cls(sum(sizes), sizes, None)
        parts = []
        for block in model.blocks:
            basis: NDArray[Any] = np.asarray(block.basis)
            i, j = np.triu_indices(basis.shape[1])
            upper: NDArray[Any] = basis[:, i, j] * np.where(i == j, 1.0, np.sqrt(2.0))
            parts.append(np.hstack([np.real(upper), np.imag(upper)]) if np.iscomplexobj(upper) else upper)
        lengths = np.linalg.norm(np.hstack(parts), axis=1)
        lengths[lengths == 0] = 1.0
        parts = [part / lengths[:, None] for part in parts]
        return cls(len(lengths), [_rank_of(part) for part in parts], parts)

    @cached_property
    def span(self) -> int:
        """Dimension of what is reached."""
        return sum(self.sizes) if self.parts is None else _rank_of(np.hstack(self.parts))

    def expected(self, counts: Sequence[int], rank: int) -> int:
        """Largest rank with ``counts`` independent data in the blocks.

        The least, over sets S of blocks, of (dimension of what is reached in S) + (sum of the counts outside S).

        All sets are tried only where the bound from none, one and all blocks is above the ``rank`` found.
        """
        single = [min(size, count) for size, count in zip(self.sizes, counts, strict=True)]
        bound = min(self.span, sum(single))
        if self.parts is None or bound == rank:
            return bound
        seen = [b for b, count in enumerate(single) if count]
        for size in range(2, len(seen) + 1):
            for inside in combinations(seen, size):
                rest = sum(single[b] for b in seen if b not in inside)
                if rest < bound:
                    bound = min(bound, rest + _rank_of(np.hstack([self.parts[b] for b in inside])))
                if bound == rank:
                    return bound
        return bound


def _rank_of(matrix: NDArrayFloat) -> int:
    """Rank of a matrix whose entries are of the order of 1 in what it is a part of."""
    if not matrix.size:
        return 0
    if min(matrix.shape) > _LARGE:
        gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
        squares = np.linalg.eigvalsh(gram)
        if not ((squares > _CLEAR[0]) & (squares < _CLEAR[1])).any():  # else rounding has to be kept out of it
            return int((squares >= _CLEAR[1]).sum())
    return int((np.linalg.svd(matrix, compute_uv=False) > RANK_THRESHOLD).sum())


def _singular(matrix: NDArrayFloat) -> NDArrayFloat:
    return np.asarray(np.linalg.svd(matrix, compute_uv=False), dtype=np.float64) if matrix.size else np.zeros(0)
