"""Ranks when the derivatives of dipole moment and polarizability are unknown, too."""

from dataclasses import replace

import numpy as np

from ..forward._tensor_averages import averaged_dipole_derivatives, averaged_polarizability_derivatives
from ..forward._vibrational_space import are_linear, rigid_motions
from ..forward.force_constants import internal_displacements
from ..forward.jacobian import SpectralBlock, SpectralJacobian, block_spectral_jacobian
from ..forward.response import HarmonicResponse
from ..forward.response_blocks import intensity_factors
from ..groups.displacements import DisplacementSymmetry
from ..groups.operations import NDArrayFloat
from ._marginal import MarginalRank, marginal_rank
from ._numeric_ranks import joint_blocks, numeric_ranks, reach_of
from ._observables import observed_factors
from ._parametrisation import Parametrisation
from ._views import View

__all__ = ["blind_ranks"]

_TENSOR_SPACE = 1e-6  # singular values of averaged unit tensors are 0 or of order one


def blind_ranks(
    views: tuple[View, ...], parametrisation: Parametrisation | None, observables: tuple[str, ...]
) -> tuple[tuple[MarginalRank, ...], int]:
    """Per block of the molecule itself, and in all: what is determined whatever the derivatives are.

    Of one isotopologue intensities then say nothing: with any eigenvectors V and any intensities I_k there is a
    derivative p = sum_k sqrt(I_k) v_k (in every block its own) that shows them; line positions remain. Isotopologues
    share derivatives in internal coordinates (up to the rotational correction, which the permanent dipole moment and
    polarizability fix), so there the derivatives are further columns of the Jacobian.
    """
    if len(views) == 1 or parametrisation is None:
        found = numeric_ranks(_positions_only(views), parametrisation)
        return found.blocks, found.rank.rank
    return _joint(views, parametrisation, observables)


def _positions_only(views: tuple[View, ...]) -> tuple[View, ...]:
    return tuple(
        replace(view, blocks=tuple(replace(b, spectral=replace(b.spectral, intensities={})) for b in view.blocks))
        for view in views
    )


def _joint(
    views: tuple[View, ...], parametrisation: Parametrisation, observables: tuple[str, ...]
) -> tuple[tuple[MarginalRank, ...], int]:
    blocks = joint_blocks(views, parametrisation)
    reaches = [reach_of(block, parametrisation) for block in views[0].blocks]
    if not blocks:
        return tuple(marginal_rank(np.zeros((0, parametrisation.count)), reach) for reach in reaches), 0
    jacobian = block_spectral_jacobian(blocks, power_sums=True)
    derivatives = _by_derivatives(views, blocks, jacobian, observables)
    scaled = jacobian.scaled(parametrisation.scales)
    norms = np.linalg.norm(derivatives, axis=0)
    derivatives = derivatives / np.where(norms > 0, norms, 1.0)
    whole = np.hstack([scaled, derivatives])
    scale = float(np.linalg.norm(scaled, 2))
    padded = [np.pad(reach, ((0, 0), (0, derivatives.shape[1]))) for reach in reaches]
    in_all = marginal_rank(whole, np.concatenate(padded), scale)
    return tuple(marginal_rank(whole, reach, scale) for reach in padded), in_all.rank.rank


def _by_derivatives(
    views: tuple[View, ...], blocks: list[SpectralBlock], jacobian: SpectralJacobian, observables: tuple[str, ...]
) -> NDArrayFloat:
    """Derivatives of the observables for all symmetric derivative tensors, (n_obs, n_tensors).

    Intensities are quadratic in the factor P, so that for a change D the derivative is [I(P + D) - I(P - D)] / 2.
    """
    changes = [
        response
        for kind in ("dipole_derivatives", "polarizability_derivatives")
        for response in _symmetric_tensors(views[0].coordinates.action, views[0].response, kind)
    ]
    factors = _view_factors(views, changes, observables)
    columns = np.zeros((len(jacobian.values), len(changes)))
    for m in range(len(changes)):
        for sign in (0.5, -0.5):
            moved = [_moved(block, factor[m], np.sign(sign)) for block, factor in zip(blocks, factors, strict=True)]
            columns[:, m] += sign * block_spectral_jacobian(moved, power_sums=True).values
    for kind in jacobian.kinds:
        rows = jacobian.rows(kind)
        size = np.abs(jacobian.values[rows]).max(initial=0.0)
        columns[rows] /= size if size > 0 else 1.0
    return columns


def _moved(block: SpectralBlock, change: dict[str, NDArrayFloat], sign: float) -> SpectralBlock:
    factors = {k: np.asarray(p) + sign * change.get(k, 0.0) for k, p in block.intensities.items()}
    return replace(block, intensities=factors, basis=np.zeros((1, *np.shape(block.f))))


def _symmetric_tensors(action: DisplacementSymmetry, response: HarmonicResponse, kind: str) -> list[HarmonicResponse]:
    """Responses with one basis tensor each of the derivatives that the symmetry allows, free of rigid motions."""
    given = getattr(response, kind)
    if given is None:
        return []
    average = averaged_dipole_derivatives if kind == "dipole_derivatives" else averaged_polarizability_derivatives
    size = given.shape[-1]
    rigid = rigid_motions(action.positions, np.ones(size // 3), bool(are_linear(action.positions)))
    internal = np.eye(size) - rigid @ rigid.T
    units = []
    for flat in range(given.size // size):
        place = np.unravel_index(flat, given.shape[:-1])
        if list(place) != sorted(place):
            continue
        for k in range(size):
            unit = np.zeros(given.shape)
            unit[(*place, k)] = unit[(*place[::-1], k)] = 1.0
            units.append(average(action, unit @ internal).ravel())
    _, values, right = np.linalg.svd(np.array(units), full_matrices=False)
    found = right[values > _TENSOR_SPACE].reshape(-1, *given.shape)
    blank = replace(response, dipole_derivatives=None, polarizability_derivatives=None)
    return [replace(blank, **{kind: tensor}) for tensor in found]


def _view_factors(
    views: tuple[View, ...], changes: list[HarmonicResponse], observables: tuple[str, ...]
) -> list[list[dict[str, NDArrayFloat]]]:
    """For each visible block of each view, the factors of every change."""
    found = []
    for view in views:
        motion = internal_displacements(view.coordinates.b_matrix, view.response.molecule.masses)
        whole = [intensity_factors(change, motion) for change in changes]
        for block in view.blocks:
            if block.visible:
                adjoint = block.symmetry.coefficients[0].conj().T
                inside = [{name: adjoint @ p for name, p in factors.items()} for factors in whole]
                found.append([observed_factors(factors, observables) for factors in inside])
    return found
