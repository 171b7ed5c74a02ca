"""Vibrations adapted to irreps AND partners: in each degenerate species the partners transform by the same matrices."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RepresentationError
from ..groups.character_table import finite_table
from ..groups.displacements import DisplacementSymmetry
from ..groups.operations import NDArrayFloat, NDArrayInt

__all__ = ["PartnerBasis", "partner_bases"]

_SAME_EIGENVALUE = 1e-6  # of a symmetrised operation on one irrep: exact values are sums of cosines
_NOT_ZERO = 0.05  # smallest useful transfer between two partners, relative to a unitary one


@dataclass(frozen=True, eq=False)
class PartnerBasis:
    """Orthonormal mass-weighted vibrations of one species.

    Attributes
    ----------
    irrep : str
        Real label.
    dimension : int
        Dimension of the irrep: the degeneracy of its levels.
    bases : ndarray (g, 3N, n)
        ``bases[r, :, a]`` is vector a of partner r, and an operation acts as ``D(g) bases[r] = sum_s bases[s] D_sr(g)``
        with the same numbers for every a. g = dimension and n = multiplicity. A complex-conjugate pair (E of C3) has no
        real matrix that tells its partners apart: there g = 1 and the vectors are complex, one of the pair; the other
        one is its conjugate, and ``sqrt(2) Re`` and ``sqrt(2) Im`` are real partners.
    """

    irrep: str
    dimension: int
    bases: NDArray[Any]


def partner_bases(action: DisplacementSymmetry) -> tuple[PartnerBasis, ...]:
    """Partner-adapted bases of the vibrations, in the order of Gamma_vib.

    Notes
    -----
    On an isotypic component every element of the group algebra is X (x) 1_n. The eigenspaces of its symmetric part are
    therefore sets of partners; operations are taken one after the other (small classes of involutions first: C2 axes
    and mirror planes give the partners a chemist would choose) until each eigenspace holds one partner. By Schur's
    lemma an operation between two of these spaces is a number times an orthogonal matrix, which aligns them.
    """
    rules = action.analysis.rules
    pairs = _complex_pairs(action)
    found = []
    for irrep, basis in action.vibrational_bases().items():
        dimension = rules[irrep].dimension
        if dimension == 1:
            found.append(PartnerBasis(irrep, dimension, basis[None]))
        elif irrep in pairs:
            found.append(PartnerBasis(irrep, dimension, _conjugate(action, irrep, basis)[None]))
        else:
            found.append(PartnerBasis(irrep, dimension, _partners(action, irrep, basis, dimension)))
    return tuple(found)


def _complex_pairs(action: DisplacementSymmetry) -> set[str]:
    group = action.analysis.point_group
    if group.is_linear or action.n_atoms == 1:
        return set()
    return {irrep.real_label for irrep in finite_table(group).irreps if irrep.label != irrep.real_label}


def _conjugate(action: DisplacementSymmetry, irrep: str, basis: NDArrayFloat) -> NDArray[np.complex128]:
    """Complex basis (3N, n) of one member of a complex-conjugate pair: an eigenspace of a rotation."""
    for index in range(len(action.matrices)):
        matrix = _on_basis(action, index, basis)
        values, vectors = np.linalg.eigh(0.5j * (matrix - matrix.T))
        if values[-1] > _NOT_ZERO:
            return basis @ vectors[:, values > 0]
    raise RepresentationError(f"{action.analysis.point_group}: no operation tells the pair {irrep} apart.")


def _partners(action: DisplacementSymmetry, irrep: str, basis: NDArrayFloat, dimension: int) -> NDArrayFloat:
    count = basis.shape[1] // dimension
    order = _preferred_order(action.matrices)
    spaces = [np.eye(basis.shape[1])]
    for index in order:
        if all(space.shape[1] == count for space in spaces):
            break
        matrix = _on_basis(action, index, basis)
        spaces = [part for space in spaces for part in _split(space, matrix, count)]
    if len(spaces) != dimension or any(space.shape[1] != count for space in spaces):
        raise RepresentationError(
            f"{action.analysis.point_group}: the {irrep} vibrations ({basis.shape[1]}) split into partner spaces of "
            f"dimensions {[space.shape[1] for space in spaces]}, not {dimension} x {count}."
        )
    return np.stack([basis @ space for space in _aligned(action, order, basis, spaces)])


def _preferred_order(matrices: NDArrayFloat) -> NDArrayInt:
    """Involutions first, rare traces (small classes) before frequent ones; then the other operations."""
    traces = np.round(np.trace(matrices, axis1=1, axis2=2), 6)
    squares = np.abs(matrices @ matrices - np.eye(3)).max(axis=(1, 2))
    _, inverse, counts = np.unique(traces, return_inverse=True, return_counts=True)
    return np.lexsort((counts[inverse], squares > _SAME_EIGENVALUE))


def _on_basis(action: DisplacementSymmetry, index: int, basis: NDArrayFloat) -> NDArrayFloat:
    """Matrix (m, m) of one operation on orthonormal displacements (3N, m)."""
    return basis.T @ displaced(action, index, basis)


def displaced(action: DisplacementSymmetry, index: int, vectors: NDArrayFloat) -> NDArrayFloat:
    """``D(g) vectors`` for displacements (3N, m), without building D."""
    parts = vectors.reshape(action.n_atoms, 3, -1)
    moved = np.empty_like(parts)
    moved[action.permutations[index]] = np.einsum("ij,ajm->aim", action.matrices[index], parts)
    return moved.reshape(vectors.shape)


def _split(space: NDArrayFloat, matrix: NDArrayFloat, count: int) -> Iterator[NDArrayFloat]:
    """Eigenspaces of the symmetric part of ``matrix`` within ``space``, by descending eigenvalue."""
    if space.shape[1] == count:
        yield space
        return
    inside = space.T @ matrix @ space
    values, vectors = np.linalg.eigh((inside + inside.T) / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    for part in np.split(np.arange(len(values)), np.flatnonzero(-np.diff(values) > _SAME_EIGENVALUE) + 1):
        yield space @ vectors[:, part]


def _aligned(
    action: DisplacementSymmetry, order: NDArrayInt, basis: NDArrayFloat, spaces: list[NDArrayFloat]
) -> list[NDArrayFloat]:
    """The spaces with bases turned such that operations carry vector a of one into vector a of the others."""
    first, best = spaces[0], [0.0] * len(spaces)
    turned = list(spaces)
    for index in order:
        if min(best[1:]) > _NOT_ZERO:
            break
        carried = _on_basis(action, index, basis) @ first
        for r in range(1, len(spaces)):
            transfer = spaces[r].T @ carried
            size = float(np.linalg.norm(transfer)) / np.sqrt(first.shape[1])
            if size > max(best[r], _NOT_ZERO):
                left, _, right = np.linalg.svd(transfer)
                best[r], turned[r] = size, spaces[r] @ left @ right
    if min(best[1:]) <= _NOT_ZERO:
        raise RepresentationError(f"{action.analysis.point_group}: no operation connects all partners of an irrep.")
    return turned
