"""Exact problems in which several blocks, and several isotopologues, share the force constants of one model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward._symmetric_form import SymmetricForm
from ..forward.force_field import LinearForceField
from ..forward.jacobian import SpectralBlock
from ..forward.symmetry_coordinates import SymmetryBlock, SymmetryCoordinates
from ..groups.operations import NDArrayInt
from ._linear_structure import float_map
from ._rational import RationalMatrix, exact_rows
from .exact_problem import ExactProblem, _block, _doubled, _exact_entries, with_kept_structure

__all__ = ["shared_problem"]

_UNCOUPLED = 1e-9  # relative size of a coupling between symmetry coordinates that is rounding
# Coordinates of a low class are kept where others depend on them: torsions differ by functions of bends.
_CLASSES = {"stretch": 0, "bend": 1, "linear_bend": 1, "out_of_plane": 2, "torsion": 3}


def shared_problem(
    sets: Sequence[SymmetryCoordinates],
    spectral: Sequence[Sequence[SpectralBlock]],
    visible: Sequence[Sequence[bool]],
    labels: Sequence[Sequence[str]],
    force_field: Any | None,
    digits: int,
) -> ExactProblem:
    """The problem of `ExactProblem.from_coordinates`; the first set is that of the molecule itself.

    Notes
    -----
    F is totally symmetric, so that on the range of B it is F = sum_b sum_r V_br^+ F_b V_br with F_b = U_b^+ F U_b
    (plus the complex conjugate for a complex pair), U and V the coefficients and inverses of the symmetry coordinates.
    A block of an isotopologue, with columns U' and G' = R' R'^+, is A' = R'^+ U'^+ F U' R' = sum_br k F_b k^+ with
    k = (V_br U' R')^+. With U_b^+ = C_b T_b (`exact_rows`) K = k C_b T_b, where T_b is common to all
    isotopologues: redundancies and symmetry hold exactly after rounding.
    """
    parents = _general_frames(sets[0]) if force_field is None else _model_frames(sets[0], digits)
    if force_field is None:
        where, values, count = _general_entries(sets[0])
    else:
        where, values, count = _model_entries(force_field, len(sets[0].internals))
    blocks, maps = [], []
    for part, given, shown, names in zip(sets, spectral, visible, labels, strict=True):
        for symmetry, block, seen, name in zip(part.blocks, given, shown, names, strict=True):
            form = SymmetricForm.of(block.g, block.f, block.intensities)
            made = _block(name, block.degeneracy, form, seen, digits)
            moved = symmetry.coefficients[0] @ form.root
            terms = [
                term
                for parent, (base, reduced) in zip(sets[0].blocks, parents, strict=True)
                for term in _terms(parent, base, reduced, moved, digits)
            ]
            if force_field is not None:
                maps.append(float_map(moved, where, values, count))
            blocks.append(replace(made, k=tuple(terms)))
    problem = ExactProblem(tuple(blocks), count, *_exact_entries(where, values, digits))
    # in the general model the constants are those of the symmetry coordinates: none are redundant
    return problem if force_field is None else with_kept_structure(problem, maps, digits)


def _terms(
    parent: SymmetryBlock, base: NDArray[Any], reduced: RationalMatrix, moved: NDArray[Any], digits: int
) -> list[RationalMatrix]:
    """K of each partner of ``parent`` (and its conjugate) that the columns ``moved`` = U' R' contain."""
    pairs = [(inverse, base, reduced) for inverse in parent.inverse]
    if parent.is_complex:
        pairs += [(inverse.conj(), base.conj(), reduced.conjugate()) for inverse in parent.inverse]
    scale = float(np.abs(moved).max())
    terms = []
    for inverse, c, t in pairs:
        coupling = (inverse @ moved).conj().T
        if np.abs(coupling).max() > _UNCOUPLED * scale * max(1.0, float(np.abs(inverse).max())):
            if np.iscomplexobj(coupling) and not np.abs(coupling.imag).max() and not np.iscomplexobj(c):
                coupling = coupling.real
            terms.append(RationalMatrix.of(coupling @ c, digits) @ t)
    return terms


def _model_frames(coordinates: SymmetryCoordinates, digits: int) -> list[tuple[NDArray[Any], RationalMatrix]]:
    """C_b (n, n) and exact T_b (n, n_q) of each block."""
    groups = _local_groups(coordinates.internals)
    classes = np.array([_CLASSES[coordinate.kind] for coordinate in coordinates.internals])
    return [exact_rows(block.coefficients[0].conj().T, groups, classes, digits) for block in coordinates.blocks]


def _local_groups(internals: Any) -> list[list[int]]:
    """Internal coordinates that are redundant among themselves: about one bond, at one atom, then both together."""
    bonds: dict[frozenset[int], list[int]] = {}
    centres: dict[int, list[int]] = {}
    for k, coordinate in enumerate(internals):
        if coordinate.kind == "torsion":
            bonds.setdefault(frozenset(coordinate.atoms[1:3]), []).append(k)
        elif coordinate.kind != "stretch":
            centres.setdefault(coordinate.atoms[1], []).append(k)
    around = [members + [k for atom in bond for k in centres.get(atom, [])] for bond, members in bonds.items()]
    return [*bonds.values(), *centres.values(), *around]


def _general_frames(coordinates: SymmetryCoordinates) -> list[tuple[NDArray[Any], RationalMatrix]]:
    """The same where the coordinates of the model are the symmetry coordinates themselves (complex ones doubled)."""
    widths = [block.n_levels * (1 + block.is_complex) for block in coordinates.blocks]
    offsets = np.cumsum([0, *widths])
    frames = []
    for block, offset in zip(coordinates.blocks, offsets, strict=False):
        unit = np.eye(block.n_levels)
        rows = _doubled(unit) if block.is_complex else unit
        whole = np.zeros((block.n_levels, offsets[-1]), dtype=rows.dtype)
        whole[:, offset : offset + rows.shape[1]] = rows
        frames.append((unit, RationalMatrix.of(whole, 1)))
    return frames


def _general_entries(coordinates: SymmetryCoordinates) -> tuple[NDArrayInt, NDArray[np.float64], int]:
    """Unit matrices of the entries of each F_b, in the order of `force_constant_basis`."""
    from ..forward.jacobian import force_constant_basis
    from .exact_problem import _basis_entries

    where, values, count, offset = [], [], 0, 0
    for block in coordinates.blocks:
        basis = force_constant_basis(block.n_levels, block.is_complex)
        entries, value = _basis_entries(basis, block.is_complex)
        where.append(entries + [count, offset, offset])
        values.append(value)
        count += len(basis)
        offset += block.n_levels * (1 + block.is_complex)
    return np.concatenate(where), np.concatenate(values), count


def _model_entries(force_field: LinearForceField, size: int) -> tuple[NDArrayInt, NDArray[np.float64], int]:
    where, values = np.asarray(force_field.entries), np.asarray(force_field.values, dtype=float)
    if force_field.n_parameters == 0 or where[:, 1:].max(initial=0) >= size:
        raise IdentifiabilityError(
            f"ExactProblem: {force_field!r} has no constant, or is not in the {size} internal coordinates given."
        )
    return where, values, force_field.n_parameters
