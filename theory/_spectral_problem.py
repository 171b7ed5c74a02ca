"""A harmonic response cut into symmetry blocks, and the derivatives of its lines for a linear force-field model.

Coordinates y are mass-weighted vibrations of one partner of each irrep: A_b = V^+ M^-1/2 H M^-1/2 V (mdyn/(A u)),
intensity factors V^+ M^-1/2 dP/dx, and a form E_p in internal coordinates q = K y becomes K^+ E_p K. All of it is
averaged over the group first, so what symmetry forbids is zero and not small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward._partners import partner_bases
from ..forward._tensor_averages import averaged_dipole_derivatives, averaged_polarizability_derivatives
from ..forward.force_constants import AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2
from ..forward.force_field import LinearForceField
from ..forward.internals import InternalCoordinates
from ..forward.jacobian import SpectralBlock
from ..forward.response import HarmonicResponse
from ..forward.response_blocks import intensity_factors
from ..forward.symmetry_coordinates import SymmetryCoordinates, symmetry_coordinates
from .intensity_patterns import intensity_ranks

__all__ = ["ProblemBlock", "SpectralProblem", "spectral_problem"]

_SAME_FORM = 1e-7  # relative distance of two forms that are one
_RANK = 1e-6  # singular value of an intensity factor relative to its largest


@dataclass(frozen=True, eq=False)
class ProblemBlock:
    """One irrep.

    Attributes
    ----------
    irrep : str
    dimension : int
    bases : ndarray (g, 3N, n)
        Mass-weighted vibrations, partner by partner (``PartnerBasis``).
    a : ndarray (n, n)
        mdyn/(A u).
    factors : dict of str to ndarray (n, r)
        "ir" (km/mol), "raman_isotropic", "raman_anisotropic" (A^4/u); those that symmetry allows.
    """

    irrep: str
    dimension: int
    bases: NDArray[Any]
    a: NDArray[Any]
    factors: dict[str, NDArray[Any]]

    @property
    def n(self) -> int:
        """Number of levels."""
        return len(self.a)

    @property
    def is_complex(self) -> bool:
        """Is it one of a pair of complex-conjugate irreps?"""
        return bool(np.iscomplexobj(self.bases))

    @property
    def n_entries(self) -> int:
        """Number of constants of the general block."""
        return self.n**2 if self.is_complex else self.n * (self.n + 1) // 2

    def intensity_rank(self, kinds: Sequence[str]) -> int:
        """Rank of the sum of the intensity matrices of ``kinds``; 0: forbidden."""
        present = [self.factors[kind] for kind in kinds if kind in self.factors]
        if not present:
            return 0
        values = np.linalg.svd(np.hstack(present), compute_uv=False)
        return int((values > _RANK * values[0]).sum())


@dataclass(frozen=True, eq=False)
class SpectralProblem:
    """All blocks of a molecule, and the internal coordinates of its models.

    Attributes
    ----------
    coordinates : SymmetryCoordinates
        Of the complete redundant set.
    blocks : tuple of ProblemBlock
    """

    coordinates: SymmetryCoordinates
    blocks: tuple[ProblemBlock, ...]

    @property
    def n_vib(self) -> int:
        """3N - 6 (5)."""
        return sum(block.n * block.dimension for block in self.blocks)

    def of_model(self, model: LinearForceField) -> list[SpectralBlock]:
        """Blocks for ``block_spectral_jacobian`` whose parameters are the constants of ``model``."""
        rows = self.coordinates.b_matrix / self.coordinates.action.mass_weights
        order = np.argsort(model.entries[:, 0], kind="stable")
        p, i, j = model.entries[order].T
        starts = np.flatnonzero(np.diff(p, prepend=-1))
        found = []
        for block in self.blocks:
            k = rows @ block.bases[0]
            products = k.conj()[i][:, :, None] * k[j][:, None, :] * model.values[order][:, None, None]
            found.append(self._spectral(block, np.add.reduceat(products, starts, axis=0)))
        return found

    def of_squares(self, internals: InternalCoordinates) -> tuple[list[SpectralBlock], list[int]]:
        """Blocks whose parameters are one constant for each set of equivalent ``internals``; and one of each set.

        For coordinates that are not closed under the group (a choice of independent ones): the form q_i^2 is averaged
        over the group, and coordinates with the same mean are equivalent.
        """
        rows = np.asarray(internals.b_matrix(self.coordinates.positions)) / self.coordinates.action.mass_weights
        bases = []
        for block in self.blocks:
            k = np.einsum("qx,gxn->gqn", rows, block.bases)
            bases.append(np.einsum("gqa,gqb->qab", k.conj(), k) / len(k))
        flat = np.hstack([part.reshape(len(rows), -1) for part in bases])
        flat = np.hstack([np.real(flat), np.imag(flat)])
        # Forms that agree along a few random directions agree.
        seen = flat @ np.random.default_rng(0).normal(size=(flat.shape[1], 4))
        same = np.linalg.norm(seen[:, None] - seen[None], axis=2) < _SAME_FORM * np.linalg.norm(flat, axis=1)[:, None]
        kept = [i for i in range(len(rows)) if not same[i, :i].any()]
        return [self._spectral(block, part[kept]) for block, part in zip(self.blocks, bases, strict=True)], kept

    def general(self) -> list[SpectralBlock]:
        """Blocks whose parameters are the force constants between their own symmetry coordinates, mdyn/A etc."""
        found = []
        for block, symmetry in zip(self.blocks, self.coordinates.blocks, strict=True):
            rows = self.coordinates.b_matrix / self.coordinates.action.mass_weights
            c = symmetry.inverse[0] @ (rows @ block.bases[0])  # s = C y
            back = np.linalg.inv(c)
            factors = {name: back.conj().T @ factor for name, factor in block.factors.items()}
            f = back.conj().T @ block.a @ back
            g = c @ c.conj().T
            found.append(SpectralBlock(block.irrep, _hermitian(g), _hermitian(f), factors, None, block.dimension))
        return found

    @staticmethod
    def _spectral(block: ProblemBlock, basis: NDArray[Any]) -> SpectralBlock:
        adjoint = np.swapaxes(basis, 1, 2).conj()
        return SpectralBlock(
            block.irrep, np.eye(block.n), block.a, block.factors, (basis + adjoint) / 2, block.dimension
        )


def spectral_problem(response: HarmonicResponse, tolerance: float | None = None) -> SpectralProblem:
    """The symmetry blocks of a response.

    Raises
    ------
    IdentifiabilityError
        The response has no dipole or polarizability derivatives.
    CoordinateError
        Internal coordinates do not describe all vibrations, or it is an atom.
    """
    if response.dipole_derivatives is None or response.polarizability_derivatives is None:
        raise IdentifiabilityError(f"{response.molecule!r}: dipole and polarizability derivatives are needed.")
    coordinates = symmetry_coordinates(response.molecule, None, tolerance)
    action = coordinates.action
    hessian = action.average(response.hessian) * AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2
    inside = hessian / np.outer(action.mass_weights, action.mass_weights)
    averaged = replace(
        response,
        dipole_derivatives=averaged_dipole_derivatives(action, response.dipole_derivatives),
        polarizability_derivatives=averaged_polarizability_derivatives(action, response.polarizability_derivatives),
    )
    factors = intensity_factors(averaged, np.diag(1 / action.mass_weights))  # of mass-weighted displacements
    blocks = []
    for part in partner_bases(action):
        v = part.bases[0]
        ranks = intensity_ranks(coordinates.point_group, part.irrep)
        allowed = {name: v.conj().T @ factor for name, factor in factors.items() if ranks[name]}
        blocks.append(
            ProblemBlock(part.irrep, part.dimension, part.bases, _hermitian(v.conj().T @ inside @ v), allowed)
        )
    return SpectralProblem(coordinates, tuple(blocks))


def _hermitian(matrix: NDArray[Any]) -> NDArray[Any]:
    return (matrix + matrix.conj().T) / 2
