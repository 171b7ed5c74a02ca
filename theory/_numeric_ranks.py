"""Numerical ranks of an identifiability problem: one Jacobian a block, or one for all blocks that share constants."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forward.jacobian import NumericalRank, SpectralBlock, SpectralJacobian, block_spectral_jacobian, numerical_rank
from ..groups.operations import NDArrayFloat
from ._marginal import MarginalRank, marginal_rank
from ._parametrisation import Parametrisation, natural_scales
from ._views import View, ViewBlock

__all__ = ["NumericRanks", "joint_blocks", "numeric_ranks", "packed", "reach_of"]


@dataclass(frozen=True, eq=False)
class NumericRanks:
    """What singular values say.

    Attributes
    ----------
    blocks : tuple of MarginalRank
        In the order of the blocks of the molecule itself.
    unknowns : int
        Dimension of the set of force fields that the model can reach.
    singular_values : ndarray
        Of the whole Jacobian, scaled, descending.
    jacobians : tuple of SpectralJacobian
        One a visible block, or a single one where blocks share constants.
    scales : tuple of ndarray
        Unit of each column of each Jacobian.
    """

    blocks: tuple[MarginalRank, ...]
    unknowns: int
    singular_values: NDArrayFloat
    jacobians: tuple[SpectralJacobian, ...]
    scales: tuple[NDArrayFloat, ...]

    @cached_property
    def rank(self) -> NumericalRank:
        """Numerical rank of the whole."""
        return numerical_rank(self.singular_values)


def numeric_ranks(views: tuple[View, ...], parametrisation: Parametrisation | None) -> NumericRanks:
    """Ranks with the constants of ``parametrisation``, or with all entries of each block of one view (None)."""
    return _separate(views[0]) if parametrisation is None else _joint(views, parametrisation)


def _separate(view: View) -> NumericRanks:
    found, jacobians, scales = [], [], []
    for block in view.blocks:
        unit = natural_scales(np.asarray(block.spectral.f))
        if not block.visible:
            found.append(marginal_rank(np.zeros((0, len(unit))), None))
            continue
        jacobian = block_spectral_jacobian([block.spectral], power_sums=True)
        found.append(marginal_rank(jacobian.scaled(unit), None))
        jacobians.append(jacobian)
        scales.append(unit)
    values = np.sort(np.concatenate([block.singular_values for block in found]))[::-1]
    return NumericRanks(tuple(found), sum(b.unknowns for b in found), values, tuple(jacobians), tuple(scales))


def joint_blocks(views: tuple[View, ...], parametrisation: Parametrisation) -> list[SpectralBlock]:
    """The visible blocks of all views, with the derivatives of their F for the shared constants."""
    return [
        replace(
            block.spectral,
            label=f"{view.name} {block.symmetry.irrep}".strip(),
            basis=parametrisation.restricted(block.symmetry.coefficients[0]),
        )
        for view in views
        for block in view.blocks
        if block.visible
    ]


def _joint(views: tuple[View, ...], parametrisation: Parametrisation) -> NumericRanks:
    observed = joint_blocks(views, parametrisation)
    reaches = [reach_of(block, parametrisation) for block in views[0].blocks]
    whole = np.concatenate(reaches)
    sizes = np.linalg.svd(whole, compute_uv=False)
    unknowns = numerical_rank(sizes).rank
    if not observed:
        empty = np.zeros((0, parametrisation.count))
        return NumericRanks(tuple(marginal_rank(empty, r) for r in reaches), unknowns, np.zeros(unknowns), (), ())
    jacobian = block_spectral_jacobian(observed, power_sums=True)
    scaled = jacobian.scaled(parametrisation.scales)
    values = np.linalg.svd(scaled, compute_uv=False)
    values = np.pad(values, (0, max(0, unknowns - len(values))))[:unknowns]
    blocks = tuple(marginal_rank(scaled, reach, float(values[0])) for reach in reaches)
    return NumericRanks(blocks, unknowns, np.asarray(values, dtype=float), (jacobian,), (parametrisation.scales,))


def reach_of(block: ViewBlock, parametrisation: Parametrisation) -> NDArrayFloat:
    """Entries of the block's F, in natural units, for the scaled constants: (n_y, n_par)."""
    basis = parametrisation.restricted(block.symmetry.coefficients[0])
    unit = natural_scales(np.asarray(block.spectral.f))
    return packed(basis).T / unit[:, None] * parametrisation.scales


def packed(matrices: NDArray[Any]) -> NDArrayFloat:
    """Upper triangles (m, n(n+1)/2) of (m, n, n), then the imaginary parts of the strict ones if complex."""
    i, j = np.triu_indices(matrices.shape[-1])
    upper = matrices[..., i, j]
    if not np.iscomplexobj(matrices):
        return np.asarray(upper, dtype=float)
    return np.concatenate([np.real(upper), np.imag(upper[..., i != j])], axis=-1)
