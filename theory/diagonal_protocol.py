"""The protocol behind "999 of 999 full rank, 4:1 overdetermined", with correct algebra and with the source's.

The source: a diagonal force field in d = 3N-6 non-redundant internal coordinates, as observables the wavenumber, IR
intensity, Raman activity and depolarization ratio of each mode, so 4d data for d unknowns; ranks by SVD. It
diagonalises GF with a routine for symmetric matrices, which reads one triangle; GF is not symmetric.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DatasetError
from ..forward.force_constants import wavenumbers_of
from ..forward.internals import InternalCoordinates
from ..forward.jacobian import NumericalRank, block_spectral_jacobian, numerical_rank, spectral_jacobian
from ..forward.response import HarmonicResponse
from ..forward.response_jacobian import internal_response
from ..forward.selection import internal_coordinates
from ..groups.detection import detect_point_group
from ..groups.operations import NDArrayFloat
from ._line_data import OBSERVABLE_SETS, LineData, ObservableSet, line_data
from ._response_sources import ResponseTask
from ._spectral_problem import spectral_problem
from .block_rank import block_rank
from .jacobian_survey import NO_ROW, RANK_THRESHOLD, TYPICAL_CONSTANTS

__all__ = ["ProtocolRow", "draw_like_qm9", "protocol_row"]

SEED = 999
_SEPARATE = 1e-12


@dataclass(frozen=True)
class ProtocolRow:
    """One molecule; attributes ending in ``_eigh`` are with ``eigh`` on the matrix GF as the source has it.

    Attributes
    ----------
    unknowns, nominal, independent : int
        d; 4d; and the independent ones of 4d in C1 (whatever the group: the protocol does not factor).
    distinct : int
        Constants left when equivalent coordinates share one: d in C1.
    rank_symmetric : int
        Rank at the exactly symmetric structure. Data do not change to first order where equivalent constants are moved
        apart, so it is at most ``distinct``; what a program's coordinates give beyond it is their residual asymmetry.
    rank, rank_eigh : int
    gap, gap_eigh : float
    condition_number, condition_number_eigh : float or None
        In units of the errors and of typical constants, as in the survey; None where the rank is not full.
    smallest_singular_value, smallest_singular_value_eigh : float or None
    rms_wavenumber_error_cm1, largest_wavenumber_error_cm1 : float
        Of the source's wavenumbers, both sorted.
    n_imaginary, n_imaginary_eigh : int
        Negative eigenvalues.
    intensity_ratio_eigh : float
        Its IR intensity summed over the modes, over the right one (Crawford's sum, tr G P P^T).
    """

    unknowns: int
    nominal: int
    independent: int
    distinct: int
    rank_symmetric: int
    rank: int
    rank_eigh: int
    gap: float
    gap_eigh: float
    condition_number: float | None
    condition_number_eigh: float | None
    smallest_singular_value: float | None
    smallest_singular_value_eigh: float | None
    rms_wavenumber_error_cm1: float
    largest_wavenumber_error_cm1: float
    n_imaginary: int
    n_imaginary_eigh: int
    intensity_ratio_eigh: float


def draw_like_qm9(
    tasks: Sequence[ResponseTask], count: int | None, population: int, seed: int = SEED
) -> list[ResponseTask]:
    """``count`` molecules drawn as from QM9 itself; None: 999, or as many as such a draw can have.

    The datasets hold all molecules of QM9 that are neither C1 nor Cs, and some of the others at random: so many of
    the symmetric ones are drawn as a draw from all ``population`` molecules would give.

    Raises
    ------
    DatasetError
        Not that many there.
    """
    ours = [task for task in tasks if task.source == "qm9"]
    plain = [detect_point_group(task.response.molecule, 0.05).point_group.label in ("C1", "Cs") for task in ours]
    pools = [[t for t, p in zip(ours, plain, strict=True) if p is kind] for kind in (True, False)]
    rng = np.random.default_rng(seed)
    share = len(pools[1]) / population
    if count is None:
        count = min(SEED, int(len(pools[0]) / max(1 - share, 1e-9)))
    n_symmetric = min(int(rng.binomial(count, share)), len(pools[1]))
    wanted = (count - n_symmetric, n_symmetric)
    if any(len(pool) < n for pool, n in zip(pools, wanted, strict=True)):
        raise DatasetError(
            f"draw_like_qm9: {count} molecules wanted; there are {len(pools[0])} of C1 and Cs. Ask fewer "
            "(--count), or give a larger dataset (--responses, from `symvib dataset build qm9`)."
        )
    return [pool[k] for pool, n in zip(pools, wanted, strict=True) for k in rng.choice(len(pool), n, replace=False)]


def protocol_row(response: HarmonicResponse) -> ProtocolRow:
    """Rank and condition of the diagonal model at the diagonal of the molecule's own F, both ways."""
    internals = internal_coordinates(response.molecule, redundant=False)
    internal = internal_response(response, internals.b_matrix(response.molecule.positions))
    constants, g, d = np.diag(internal.f), internal.g, len(internals)
    units = np.array([TYPICAL_CONSTANTS[q.kind] for q in internals])
    forms = np.zeros((d, d, d))
    forms[np.arange(d), np.arange(d), np.arange(d)] = 1.0
    right = _determined(g, np.diag(constants), internal.intensity_factors, forms, units)
    # What eigh reads of GF: its lower triangle, G_ji f_i for j >= i.
    read = np.tril(g * constants)
    read_forms = np.array([_mirrored(np.tril(g @ form)) for form in forms])
    wrong = _determined(np.eye(d), _mirrored(read), internal.intensity_factors, read_forms, units)
    errors = wrong.wavenumbers - right.wavenumbers
    distinct, rank_symmetric = _at_symmetry(response, internals, right)
    return ProtocolRow(
        d,
        4 * d,
        block_rank(d, (3, 1, 5)),
        distinct,
        rank_symmetric,
        right.rank,
        wrong.rank,
        right.gap,
        wrong.gap,
        right.condition,
        wrong.condition,
        right.smallest,
        wrong.smallest,
        float(np.sqrt((errors**2).mean())),
        float(np.abs(errors).max()),
        int((right.wavenumbers < 0).sum()),
        int((wrong.wavenumbers < 0).sum()),
        wrong.total_ir / right.total_ir,
    )


def _at_symmetry(response: HarmonicResponse, internals: InternalCoordinates, plain: "_Determined") -> tuple[int, int]:
    """Distinct constants, and the rank at the symmetric structure."""
    if detect_point_group(response.molecule).point_group.label == "C1":
        return len(internals), plain.rank
    blocks, kept = spectral_problem(response).of_squares(internals)
    data = line_data(block_spectral_jacobian(blocks, cluster_tolerance=_SEPARATE))
    return len(kept), _rank(
        data, OBSERVABLE_SETS[-1], np.array([TYPICAL_CONSTANTS[internals[i].kind] for i in kept])
    ).rank


def _rank(data: LineData, observed: ObservableSet, units: NDArrayFloat) -> NumericalRank:
    """Rank in units of typical constants, rows of unit length."""
    matrix = data.jacobian[data.rows(observed)] * units
    lengths = np.linalg.norm(matrix, axis=1)
    kept = lengths > NO_ROW * lengths.max(initial=0.0)
    return numerical_rank(np.linalg.svd(matrix[kept] / lengths[kept, None], compute_uv=False), RANK_THRESHOLD)


def _mirrored(lower: NDArrayFloat) -> NDArrayFloat:
    return lower + np.tril(lower, -1).T


@dataclass(frozen=True, eq=False)
class _Determined:
    wavenumbers: NDArrayFloat
    total_ir: float
    rank: int
    gap: float
    condition: float | None
    smallest: float | None


def _determined(
    g: NDArrayFloat, f: NDArrayFloat, factors: dict[str, NDArrayFloat], forms: NDArrayFloat, units: NDArrayFloat
) -> _Determined:
    jacobian = spectral_jacobian(g, f, factors, forms, cluster_tolerance=_SEPARATE)
    data = line_data(jacobian)
    rows = data.rows(OBSERVABLE_SETS[-1])
    rank = _rank(data, OBSERVABLE_SETS[-1], units)
    values = np.linalg.svd(data.jacobian[rows] * units / data.errors[rows, None], compute_uv=False)
    full = rank.rank == len(units)
    return _Determined(
        wavenumbers_of(np.sort([cluster.eigenvalue for cluster in jacobian.clusters])),
        float(jacobian.values[jacobian.rows("ir")].sum()),
        rank.rank,
        rank.gap,
        float(values[0] / values[-1]) if full else None,
        float(values[-1]) if full else None,
    )
