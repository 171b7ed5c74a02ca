"""Degenerate sets of vibrations with their species: from a Hessian block by block, or from modes that were given."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..constants import SQRT_HARTREE_PER_BOHR2_U_IN_CM1
from ..errors import RepresentationError
from .displacements import DisplacementSymmetry
from .operations import NDArrayFloat

_SYMMETRIC_HESSIAN = 1e-4  # |H - H^T| relative to the largest element: printed Hessians carry 5-6 digits
_PURE = 0.99  # a given mode with less of one species than this is called a mixture
_INDEPENDENT = 0.3  # smallest singular value of the unit vectors of a cluster; printed modes are orthogonal to ~1 %
_MOSTLY_RIGID = 0.3  # length of the part of a given unit mode that is translation or rotation


@dataclass(frozen=True, eq=False)
class ModeLevel:
    """One degenerate set: species, eigenvalues (d,) in Eh/(bohr^2 u), mass-weighted modes (3N, d), purity."""

    irrep: str
    eigenvalues: NDArrayFloat
    modes: NDArrayFloat
    purity: NDArrayFloat
    mixed: bool = False  # the modes that were given mix this species with another


def to_cm1(eigenvalues: NDArrayFloat) -> NDArrayFloat:
    """Wavenumbers (1/cm) of eigenvalues in Eh/(bohr^2 u); negative for negative ones (imaginary modes)."""
    return np.sign(eigenvalues) * np.sqrt(np.abs(eigenvalues)) * SQRT_HARTREE_PER_BOHR2_U_IN_CM1


def checked_hessian(hessian: Any, n_atoms: int) -> NDArrayFloat:
    matrix = np.array(hessian, dtype=float)
    size = 3 * n_atoms
    if matrix.shape != (size, size):
        raise RepresentationError(
            f"label_normal_modes: hessian of shape {matrix.shape} for {n_atoms} atoms; ({size}, {size}) is needed."
        )
    if not np.isfinite(matrix).all():
        raise RepresentationError(
            f"label_normal_modes: hessian has {int((~np.isfinite(matrix)).sum())} NaN or infinities."
        )
    worst, largest = float(np.abs(matrix - matrix.T).max()), float(np.abs(matrix).max())
    if worst > _SYMMETRIC_HESSIAN * largest:
        raise RepresentationError(
            f"label_normal_modes: hessian is not symmetric: |H - H^T| reaches {worst:.3g} with elements up to "
            f"{largest:.3g} (allowed: {_SYMMETRIC_HESSIAN:g} of that)."
        )
    return (matrix + matrix.T) / 2


def levels_of_hessian(
    action: DisplacementSymmetry, hessian: NDArrayFloat, max_asymmetry: float
) -> tuple[list[ModeLevel], tuple[float, float, float]]:
    """Degenerate sets of the averaged Hessian, and what the averaging did: largest element, norm ratio, shift."""
    averaged = action.average(hessian)
    removed = hessian - averaged
    relative = float(np.linalg.norm(removed) / max(np.linalg.norm(hessian), 1e-300))
    if relative > max_asymmetry:
        raise RepresentationError(
            f"label_normal_modes: {100 * relative:.1f} % of the hessian (largest element {np.abs(removed).max():.3g} "
            f"Eh/bohr^2) lacks the symmetry {action.analysis.point_group} of the geometry; allowed: "
            f"{100 * max_asymmetry:.1f} %. Check that orientation and atom order are the molecule's."
        )
    weights = action.mass_weights
    mass_weighted = averaged / np.outer(weights, weights)
    levels = []
    for label, basis in action.vibrational_bases().items():
        eigenvalues, vectors = np.linalg.eigh(basis.T @ mass_weighted @ basis)
        modes = basis @ vectors
        purity = np.einsum("ik,ij,jk->k", modes, action.projectors[label], modes, optimize=True)
        levels += _split(label, eigenvalues, modes, purity, action.analysis.rules[label].dimension)
    rigid = action.rigid_motions()
    internal = np.eye(len(weights)) - rigid @ rigid.T
    raw = np.asarray(np.linalg.eigvalsh(internal @ (hessian / np.outer(weights, weights)) @ internal), dtype=float)
    shift = _largest_shift(raw, np.concatenate([level.eigenvalues for level in levels] or [np.empty(0)]))
    return levels, (float(np.abs(removed).max()), relative, shift)


def _largest_shift(raw: NDArrayFloat, averaged: NDArrayFloat) -> float:
    """Largest difference (1/cm) of the sorted spectra; ``raw`` still holds the zeros of the rigid motions."""
    padded = np.sort(np.concatenate([averaged, np.zeros(len(raw) - len(averaged))]))
    return float(np.abs(to_cm1(np.sort(raw)) - to_cm1(padded)).max(initial=0.0))


def _split(
    label: str, eigenvalues: NDArrayFloat, modes: NDArrayFloat, purity: NDArrayFloat, size: int, mixed: bool = False
) -> list[ModeLevel]:
    """Cut ascending eigenvalues of one species into its degenerate sets."""
    cuts = range(0, len(eigenvalues), size)
    return [
        ModeLevel(label, eigenvalues[k : k + size], modes[:, k : k + size], purity[k : k + size], mixed) for k in cuts
    ]


def levels_of_modes(
    action: DisplacementSymmetry, eigenvectors: Any, wavenumbers: Any, tolerance_cm1: float
) -> list[ModeLevel]:
    """Degenerate sets among given modes: clusters by gaps in wavenumber, resolved by projection."""
    modes, lines = _checked_modes(action, eigenvectors, wavenumbers)
    order = np.argsort(lines, kind="stable")
    clusters = np.split(order, np.flatnonzero(np.diff(lines[order]) > tolerance_cm1) + 1)
    levels = []
    for members in clusters:
        if len(members):
            levels += _resolve(action, modes[:, members], lines[members])
    return levels


def _checked_modes(
    action: DisplacementSymmetry, eigenvectors: Any, wavenumbers: Any
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Mass-weighted normalised modes (3N, n_vib), free of rigid motion, and their wavenumbers."""
    vectors, lines = np.array(eigenvectors, dtype=float), np.array(wavenumbers, dtype=float)
    n_vib, n_atoms = action.analysis.n_vib, action.n_atoms
    if lines.shape != (n_vib,) or vectors.size != 3 * n_atoms * n_vib or vectors.shape[0] != n_vib:
        raise RepresentationError(
            f"label_normal_modes: eigenvectors {vectors.shape} and wavenumbers {lines.shape}; this molecule has "
            f"{n_vib} vibrations, so ({n_vib}, {n_atoms}, 3) and ({n_vib},) are needed, without rigid motions."
        )
    if not (np.isfinite(vectors).all() and np.isfinite(lines).all()):
        raise RepresentationError("label_normal_modes: eigenvectors or wavenumbers hold NaN or infinities.")
    modes = vectors.reshape(n_vib, -1).T * action.mass_weights[:, None]
    lengths = np.linalg.norm(modes, axis=0)
    if (lengths < 1e-12).any():
        raise RepresentationError(f"label_normal_modes: mode {int(np.argmin(lengths))} has no displacement.")
    rigid = action.rigid_motions()
    modes = modes / lengths
    lost = np.linalg.norm(rigid.T @ modes, axis=0)
    if (lost > _MOSTLY_RIGID).any():
        worst = int(np.argmax(lost))
        raise RepresentationError(
            f"label_normal_modes: mode {worst} is {100 * lost[worst] ** 2:.0f} % translation or rotation: eigenvectors "
            "must be Cartesian displacements (not mass-weighted), in the orientation and atom order of the molecule."
        )
    modes = modes - rigid @ (rigid.T @ modes)
    return modes / np.linalg.norm(modes, axis=0), lines


def _resolve(action: DisplacementSymmetry, modes: NDArrayFloat, lines: NDArrayFloat) -> list[ModeLevel]:
    """Species in one near-degenerate cluster of modes (3N, k); mixtures are separated."""
    left, singular, right = np.linalg.svd(modes, full_matrices=False)
    if singular.min() < _INDEPENDENT:
        raise RepresentationError(f"label_normal_modes: the modes near {lines.mean():.1f} cm-1 are linearly dependent.")
    space = left @ right  # the nearest orthonormal set
    eigenvalues = np.sign(lines) * (lines / SQRT_HARTREE_PER_BOHR2_U_IN_CM1) ** 2
    rules = action.analysis.rules
    overlaps = {label: space.T @ action.projectors[label] @ space for label in action.analysis.gamma_vib}
    sizes = {
        label: round(float(np.trace(overlap)) / rules[label].dimension) * rules[label].dimension
        for label, overlap in overlaps.items()
    }
    if sum(sizes.values()) != len(lines):
        shares = {label: round(float(np.trace(overlap)), 2) for label, overlap in overlaps.items()}
        parts = ", ".join(f"{label} {share}" for label, share in shares.items() if share)
        raise RepresentationError(
            f"label_normal_modes: {len(lines)} mode(s) at {np.round(np.sort(lines), 2).tolist()} cm-1 are no sum of "
            f"irreps of {action.analysis.point_group}: parts {parts}. A degenerate set is perhaps cut by "
            "degeneracy_tolerance_cm1, or the modes have less symmetry than the geometry."
        )
    if sum(size > 0 for size in sizes.values()) == 1:
        label = max(sizes, key=lambda key: sizes[key])
        order = np.argsort(eigenvalues, kind="stable")
        purity = np.diag(overlaps[label])
        return _split(label, eigenvalues[order], space[:, order], purity[order], rules[label].dimension)
    parts_given = np.array([np.diag(overlaps[label]) for label, size in sizes.items() if size])
    mixed = bool((parts_given.max(axis=0) < _PURE).any())
    levels = []
    for label, size in sizes.items():
        if size:
            vectors = np.linalg.eigh(overlaps[label])[1]
            inside = vectors[:, len(lines) - size :]
            own, turn = np.linalg.eigh(inside.T @ np.diag(eigenvalues) @ inside)
            purity = np.einsum("ik,ij,jk->k", inside @ turn, overlaps[label], inside @ turn, optimize=True)
            levels += _split(label, own, space @ inside @ turn, purity, rules[label].dimension, mixed)
    return levels
