"""One symmetry block as an inverse problem: A = V Lambda V^+, intensities diag(V^+ W_j V), and what leaves both alone.

Lambda is kept exactly by turning V alone. At V(1 + Omega), Omega antihermitian, the intensities of mode k change by
2 Re sum_l W~_kl Omega_lk with W~ = V^+ W V: a weighted incidence matrix of the complete graph of modes, whose edge
{k, l} adds to k what it takes from l. Its null space is where the data do not look; Lambda drops out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward._symmetric_form import NumericalRank, SymmetricForm, numerical_rank
from ..forward.jacobian import SpectralBlock
from ._observables import OBSERVABLES, is_visible, observed_factors

__all__ = ["IsospectralBlock", "present_factors"]

Array = NDArray[np.float64]
Matrix = NDArray[Any]

# Two levels of one block closer than this, relative to the highest, are one line: single intensities are not seen.
_DISTINCT = 1e-9
# A factor this small, in the units of `response_blocks`, is rounding of a forbidden intensity.
_FORBIDDEN = 1e-10


def present_factors(factors: Mapping[str, Any]) -> dict[str, Matrix]:
    """Factors (n, r) without those that are rounding of a forbidden intensity."""
    shaped = {name: np.reshape(np.asarray(q), (len(q), -1)) for name, q in factors.items()}
    return {name: q for name, q in shaped.items() if float(np.abs(q).max(initial=0.0)) > _FORBIDDEN}


@dataclass(frozen=True, eq=False)
class IsospectralBlock:
    """A block in its symmetric form, at the force field of the molecule.

    Attributes
    ----------
    label : str
    root : ndarray (n, n)
        G = root root^+; A = root^+ F root.
    eigenvalues : ndarray (n,)
        Ascending.
    modes : ndarray (n, n)
        V, columns.
    weights : dict of ndarray (n, n)
        W_j, each divided by its largest eigenvalue.
    visible : bool
        Are its lines seen at all? Without intensities among the observables ``weights`` is empty all the same.
    """

    label: str
    root: Matrix
    eigenvalues: Array
    modes: Matrix
    weights: dict[str, Matrix]
    visible: bool

    @classmethod
    def of(cls, block: SpectralBlock, observables: Iterable[str] = OBSERVABLES) -> "IsospectralBlock":
        """The block as these observables see it.

        Raises
        ------
        IdentifiabilityError
            Redundant coordinates (singular G): take symmetry coordinates.
        """
        form = SymmetricForm.of(block.g, block.f, block.intensities)
        if form.root.shape[0] != form.root.shape[1]:
            raise IdentifiabilityError(
                f"block {block.label!r}: {form.root.shape[0]} coordinates describe {form.root.shape[1]} vibrations; "
                "take symmetry coordinates (response_blocks), which have no redundancy."
            )
        values, vectors = np.linalg.eigh(form.matrix)
        factors = present_factors(form.factors)
        squares = {k: q @ q.conj().T for k, q in observed_factors(factors, observables).items()}
        weights = {k: w / np.linalg.norm(w, 2) for k, w in squares.items()}
        return cls(block.label, form.root, values, vectors, weights, is_visible(factors, observables))

    @property
    def size(self) -> int:
        """Number of levels n."""
        return len(self.eigenvalues)

    @property
    def is_complex(self) -> bool:
        """Hermitian (one of a pair of conjugate irreps) or real symmetric?"""
        return bool(np.iscomplexobj(self.modes))

    @property
    def unknowns(self) -> int:
        """Number of force constants of the block."""
        return self.size**2 if self.is_complex else self.size * (self.size + 1) // 2

    @property
    def intensity_ranks(self) -> dict[str, int]:
        """Rank of each W_j."""
        return {k: int(np.linalg.matrix_rank(w, tol=1e-9, hermitian=True)) for k, w in self.weights.items()}

    @property
    def stack(self) -> Matrix:
        """The W_j as one array (s, n, n)."""
        return np.stack(list(self.weights.values())) if self.weights else np.zeros((0, self.size, self.size))

    @property
    def matrix(self) -> Matrix:
        """A (n, n)."""
        return self.turned(self.modes)

    def turned(self, modes: Matrix) -> Matrix:
        """A = V Lambda V^+ of other modes (..., n, n)."""
        a = (modes * self.eigenvalues) @ np.swapaxes(modes, -1, -2).conj()
        return (a + np.swapaxes(a, -1, -2).conj()) / 2

    def force_constants(self, a: Matrix) -> Matrix:
        """F = root^-+ A root^-1 of A (..., n, n)."""
        inverse = np.linalg.inv(self.root)
        return inverse.conj().T @ a @ inverse

    def check_distinct(self) -> None:
        """Refuse levels that coincide.

        Raises
        ------
        IdentifiabilityError
            Two levels of the block coincide by accident.
        """
        gaps = np.diff(self.eigenvalues) / np.abs(self.eigenvalues).max()
        if gaps.size and gaps.min() < _DISTINCT:
            raise IdentifiabilityError(
                f"block {self.label!r}: two levels coincide (relative distance {gaps.min():.1e}): their "
                "intensities are not seen one by one; move a force constant by a trifle."
            )

    def intensities(self, modes: Matrix) -> Array:
        """diag(V^+ W_j V) for V (..., n, n): (..., s, n)."""
        v = modes[..., None, :, :]
        return np.real(np.einsum("...ik,...ik->...k", v.conj(), self.stack @ v))

    def incidence(self, modes: Matrix) -> Array:
        """Derivatives (..., s n, edges) of the intensities with respect to Omega in V(1 + Omega).

        Edges {a, b}, a < b, row by row of the upper triangle: Omega_ba = -Omega_ab = x; of a complex block then again
        with Omega_ba = Omega_ab = i y.
        """
        v = modes[..., None, :, :]
        w = np.swapaxes(v, -1, -2).conj() @ self.stack @ v
        a, b = np.triu_indices(self.size, 1)
        edges = np.arange(len(a))
        parts = [2 * np.real(w)[..., a, b]] + ([-2 * np.imag(w)[..., a, b]] if self.is_complex else [])
        columns = np.zeros((*w.shape[:-1], len(parts) * len(a)))
        for number, part in enumerate(parts):
            at = edges + number * len(a)
            columns[..., a, at], columns[..., b, at] = part, -part
        return columns.reshape(*modes.shape[:-2], w.shape[-3] * self.size, columns.shape[-1])

    def generator(self, amplitudes: Array) -> Matrix:
        """Omega (..., n, n) of amplitudes (..., edges) in the order of `incidence`."""
        a, b = np.triu_indices(self.size, 1)
        omega = np.zeros((*amplitudes.shape[:-1], self.size, self.size), dtype=self.modes.dtype)
        omega[..., b, a], omega[..., a, b] = amplitudes[..., : len(a)], -amplitudes[..., : len(a)]
        if self.is_complex:
            omega[..., b, a] += 1j * amplitudes[..., len(a) :]
            omega[..., a, b] += 1j * amplitudes[..., len(a) :]
        return omega

    def turn(self, modes: Matrix, amplitudes: Array) -> Matrix:
        """V (1 - Omega/2)^-1 (1 + Omega/2), the Cayley transform: orthogonal (unitary) for every Omega."""
        half = self.generator(amplitudes) / 2
        one = np.eye(self.size)
        return modes @ np.linalg.solve(one - half, one + half)

    def rank(self) -> tuple[NumericalRank, Array]:
        """Rank of the incidence matrix, and an orthonormal basis (edges, nullity) of its null space."""
        return null_space(self.incidence(self.modes))


def null_space(matrix: Array) -> tuple[NumericalRank, Array]:
    """Rank of a matrix (m, n) and an orthonormal basis (n, n - rank) of its null space."""
    if not matrix.size:
        return numerical_rank(np.zeros(0)), np.eye(matrix.shape[1])
    _, singular, right = np.linalg.svd(matrix)
    found = numerical_rank(singular)
    return found, right[found.rank :].T
