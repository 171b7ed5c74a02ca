"""Analytic derivatives of a line list (eigenvalues and intensities) with respect to the force constants.

A = G^1/2 F G^1/2 = V Lambda V^+, L = G^1/2 V, W = (G^1/2 P)(G^1/2 P)^+; mode k has eigenvalue lambda_k and intensity
|P^+ l_k|^2. Where eigenvalues meet, single modes have no derivative; sums over the set do, and are what is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ForceFieldError
from ._spectral_jacobian import SQRT_MDYN_PER_ANGSTROM_U_IN_CM1, ModeCluster, Observable, SpectralJacobian
from ._symmetric_form import LinearParameters, NumericalRank, SymmetricForm, force_constant_basis, numerical_rank

__all__ = [
    "SQRT_MDYN_PER_ANGSTROM_U_IN_CM1",
    "ModeCluster",
    "NumericalRank",
    "Observable",
    "SpectralBlock",
    "SpectralJacobian",
    "block_spectral_jacobian",
    "force_constant_basis",
    "numerical_rank",
    "spectral_jacobian",
]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SpectralBlock:
    """A symmetry block of a GF problem: one row of partners of one irrep.

    Attributes
    ----------
    label : str
        Name of the irrep.
    g, f : array_like (n, n)
        In symmetry coordinates of one partner; Hermitian for one of a pair of complex-conjugate irreps.
    intensities : mapping of name to array_like (n, r)
        Factors in the same coordinates, all tensor components (columns) of this partner; a name that is absent is
        forbidden in the block and gives no row.
    basis : array_like (n_par, n, n), optional
        This block of each E_p. All blocks must have one (the parameters are shared) or none (each block has all
        entries of its own F as parameters).
    degeneracy : int
        Dimension of the irrep (2 for a complex pair): multiplies the intensities.
    """

    label: str
    g: ArrayLike
    f: ArrayLike
    intensities: Mapping[str, ArrayLike] = field(default_factory=dict)
    basis: ArrayLike | None = None
    degeneracy: int = 1


def spectral_jacobian(
    g: ArrayLike,
    f: ArrayLike,
    intensities: Mapping[str, ArrayLike],
    basis: ArrayLike | None = None,
    *,
    cluster_tolerance: float = 1e-6,
    power_sums: bool = False,
) -> SpectralJacobian:
    """Derivatives of the eigenvalues of GF and of mode intensities with respect to the force constants.

    Parameters
    ----------
    g, f : array_like (n, n)
        Wilson's G and force constants F: symmetric, or complex Hermitian (a block of a complex irrep). Redundant
        coordinates (singular G) are allowed: the modes are those of the range of G.
    intensities : mapping of name to array_like (n, r) or (n,)
        Factors P in the same coordinates; the intensity is |P^+ l_k|^2. IR: P = d mu/dq; isotropic Raman: d alpha/dq;
        anisotropic: sqrt(3/2) times the traceless polarizability in an orthonormal basis (5 columns).
    basis : array_like (n_par, n, n), optional
        F = F_0 + sum_p x_p E_p. Without it: all entries of F, in the order of `force_constant_basis`.
    cluster_tolerance : float
        Neighbouring eigenvalues closer than this times the largest |eigenvalue| share a cluster. Above it the resolvent
        1/(lambda_k - lambda_l) amplifies the rounding of the eigenvectors by at most 1/tolerance.
    power_sums : bool
        False: per cluster its mean eigenvalue and its total intensities (all there is for a set that symmetry keeps
        degenerate). True: for clusters of size m also the centred sums of powers up to m (eigenvalue) and m - 1
        (intensity), which describe an accidental cluster completely and stay analytic where its eigenvalues cross.

    Returns
    -------
    SpectralJacobian

    Raises
    ------
    CoordinateError
        G is not square, symmetric and positive semidefinite, or a factor does not have n rows.
    ForceFieldError
        F or the basis does not fit, or is not symmetric.

    Notes
    -----
    First-order perturbation theory with the resolvent, C a cluster and W~ = V^+ W V:
    d(tr A Pi_C) = sum_{k in C} v_k^+ dA v_k and
    d(tr W Pi_C) = 2 Re sum_{k in C, l not in C} (v_k^+ dA v_l) W~_lk / (lambda_k - lambda_l)
    (T. Kato, Perturbation Theory for Linear Operators, II.2); with powers, divided differences of x^m replace the
    resolvent inside C (Daleckii and Krein 1965). Cost O(n^3) for a fixed number of intensities plus, with a basis,
    2 n_par n^3; without one, the n_obs n_par entries themselves.

    Examples
    --------
    >>> import numpy as np
    >>> j = spectral_jacobian(np.eye(2), [[1, 0], [0, 3]], {"ir": [1, 1]})
    >>> j.labels
    ('lambda 1', 'lambda 2', 'ir 1', 'ir 2')
    >>> j.jacobian.round(12).tolist()[2:]
    [[0.0, -1.0, -0.0], [0.0, 1.0, 0.0]]
    """
    block = SpectralBlock("", g, f, intensities, basis)
    return block_spectral_jacobian([block], cluster_tolerance=cluster_tolerance, power_sums=power_sums)


def block_spectral_jacobian(
    blocks: Sequence[SpectralBlock], *, cluster_tolerance: float = 1e-6, power_sums: bool = False
) -> SpectralJacobian:
    """Derivatives as in `spectral_jacobian`, block by block; clusters never cross blocks.

    Levels of different species may coincide or cross without harm, and n^3 becomes the sum of the n_block^3.
    Intensities are those of the whole level (times the degeneracy).

    Raises
    ------
    ForceFieldError
        No block, or bases in some blocks only, or with different numbers of parameters.
    """
    if not 0 < cluster_tolerance < 1:
        raise ForceFieldError(f"cluster_tolerance={cluster_tolerance}: a fraction between 0 and 1 is needed.")
    parameters = [LinearParameters.of(np.asarray(b.f), b.basis) for b in blocks]
    shared = {p.basis is not None for p in parameters}
    if len(shared) != 1 or (shared == {True} and len({p.count for p in parameters}) != 1):
        counts = [None if p.basis is None else p.count for p in parameters]
        raise ForceFieldError(
            f"block_spectral_jacobian: {len(blocks)} blocks with {counts} basis matrices; give all of them the same "
            "number, or none to any."
        )
    offsets = np.cumsum([0] + [0 if shared == {True} else p.count for p in parameters])
    width = parameters[0].count if shared == {True} else int(offsets[-1])
    clusters: list[ModeCluster] = []
    groups: dict[str, list[_Rows]] = {"lambda": []}
    for block, linear, offset in zip(blocks, parameters, offsets, strict=False):
        block_clusters, rows = _block_rows(block, linear, cluster_tolerance, power_sums)
        for part in rows:
            jacobian = np.zeros((len(part.jacobian), width))
            jacobian[:, offset : offset + linear.count] = part.jacobian
            placed = replace(part, jacobian=jacobian, clusters=part.clusters + len(clusters))
            groups.setdefault(part.kind, []).append(placed)
        clusters += block_clusters
    ordered = [part for parts in groups.values() for part in parts]
    names = parameters[0].labels if shared == {True} else _block_parameters(blocks, parameters)
    return SpectralJacobian(
        np.concatenate([part.jacobian for part in ordered]),
        np.concatenate([part.values for part in ordered]),
        tuple(Observable(part.kind, int(c), part.power) for part in ordered for c in part.clusters),
        tuple(clusters),
        names,
    )


def _block_parameters(blocks: Sequence[SpectralBlock], parameters: list[LinearParameters]) -> tuple[str, ...]:
    return tuple(f"{b.label} {name}".strip() for b, p in zip(blocks, parameters, strict=True) for name in p.labels)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of one kind and power of one block; ``clusters`` (m,) says of which clusters."""

    kind: str
    power: int
    clusters: NDArray[np.intp]
    values: Array
    jacobian: Array


@dataclass(frozen=True, eq=False)
class _Term:
    """An observable as a sum over modes: d value_k = Re(left_k^+ dF l_k), then summed over clusters."""

    kind: str
    power: int
    left: NDArray[Any]
    mode_values: Array
    factor: Array | float


def _block_rows(
    block: SpectralBlock, parameters: LinearParameters, tolerance: float, power_sums: bool
) -> tuple[list[ModeCluster], list[_Rows]]:
    form = SymmetricForm.of(block.g, block.f, block.intensities)
    values, vectors = np.linalg.eigh(form.matrix)
    starts = np.flatnonzero(np.diff(values, prepend=-np.inf) > tolerance * np.abs(values).max(initial=0.0))
    sizes = np.diff(np.append(starts, len(values)))
    of_mode = np.repeat(np.arange(len(starts)), sizes)
    means = np.add.reduceat(values, starts) / sizes
    modes = form.root @ vectors
    spectrum = _Spectrum(values - means[of_mode], values, of_mode, modes, block.degeneracy)
    terms = list(spectrum.terms({k: vectors.conj().T @ p for k, p in form.factors.items()}, sizes, power_sums))
    derivatives = parameters.pair_derivatives(np.stack([t.left for t in terms]), modes)
    clusters = [
        ModeCluster(
            block.label,
            tuple(range(start, start + size)),
            block.degeneracy,
            float(mean),
            float(values[start + size - 1] - values[start]),
        )
        for start, size, mean in zip(starts.tolist(), sizes.tolist(), means, strict=True)
    ]
    rows = []
    for term, derivative in zip(terms, derivatives, strict=True):
        kept = np.flatnonzero(sizes >= (term.power if term.kind == "lambda" else term.power + 1))
        factor = np.broadcast_to(term.factor, starts.shape)[kept]
        sums = np.add.reduceat(term.mode_values, starts)[kept] * factor
        rows.append(
            _Rows(
                term.kind, term.power, kept, sums, np.add.reduceat(derivative, starts, axis=0)[kept] * factor[:, None]
            )
        )
    return clusters, rows


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """Modes of a block: eigenvalues ``x`` about the mean of their cluster, ``values``, cluster of each, l_k."""

    x: Array
    values: Array
    cluster: NDArray[np.intp]
    modes: NDArray[Any]
    degeneracy: int

    def terms(self, factors: Mapping[str, NDArray[Any]], sizes: NDArray[np.intp], power_sums: bool) -> Iterator[_Term]:
        """All observables of the block; ``factors`` V^+ G^1/2 P."""
        highest = int(sizes.max()) if power_sums else 1
        yield _Term("lambda", 1, self.modes, self.values, 1 / sizes)
        for m in range(2, highest + 1):
            yield _Term("lambda", m, self.modes * (m * self.x ** (m - 1)), self.x**m, float(self.degeneracy))
        same = self.cluster[:, None] == self.cluster
        gaps = np.where(same, 1.0, self.values - self.values[:, None])  # [l, k]: lambda_k - lambda_l
        for name, factor in factors.items():
            weights = factor @ factor.conj().T
            inside = np.zeros_like(gaps)  # divided difference of x^m at x_k, x_l
            for m in range(highest):
                kernel = np.where(same, inside, 2 * self.x**m / gaps)
                left = self.modes @ (weights * kernel)
                yield _Term(name, m, left, np.real(np.diag(weights)) * self.x**m, float(self.degeneracy))
                inside = inside * self.x + self.x[:, None] ** m
