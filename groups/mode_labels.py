"""Irreps of normal modes, from a Cartesian Hessian or from modes that another program has computed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..constants import SQRT_HARTREE_PER_BOHR2_U_IN_CM1
from ..errors import RepresentationError
from .displacements import DisplacementSymmetry
from .operations import NDArrayFloat, NDArrayInt
from .representation import Decomposition
from .schoenflies import PointGroup

__all__ = ["AccidentalDegeneracy", "ModeLabels", "label_normal_modes"]

_SYMMETRIC_HESSIAN = 1e-4  # |H - H^T| relative to the largest element: printed Hessians carry 5-6 digits
_PURE = 0.99  # a given mode with less of one species than this is called a mixture


@dataclass(frozen=True)
class AccidentalDegeneracy:
    """Levels closer than the tolerance although no symmetry makes them equal.

    Attributes
    ----------
    irreps : tuple of str
        Species of each level (degenerate set) involved; the same one twice is possible.
    sets : tuple of int
        Their set indices.
    wavenumbers_cm1 : tuple of float
        Mean wavenumber of each set.
    mixed : bool
        True where the modes that were given are mixtures of these species (and have been separated).
    """

    irreps: tuple[str, ...]
    sets: tuple[int, ...]
    wavenumbers_cm1: tuple[float, ...]
    mixed: bool

    def __str__(self) -> str:
        levels = ", ".join(f"{i} {w:.2f}" for i, w in zip(self.irreps, self.wavenumbers_cm1, strict=True))
        return f"accidental degeneracy: {levels} cm-1" + (" (mixed in the input)" if self.mixed else "")


@dataclass(frozen=True, eq=False)
class ModeLabels:
    """Normal modes with their irreps, by ascending wavenumber.

    Attributes
    ----------
    point_group : PointGroup
    wavenumbers_cm1 : ndarray (n_vib,)
        Harmonic wavenumbers; imaginary modes are negative.
    irreps : tuple of str (n_vib,)
        Real irrep of each mode.
    set_index : ndarray (n_vib,) of int
        Modes with the same index are one degenerate set.
    purity : ndarray (n_vib,)
        Squared length of the part of each mass-weighted mode that has the irrep: 1 for an exact symmetry mode.
    displacements : ndarray (n_vib, N, 3)
        Cartesian displacements (not mass-weighted) with sum of m |d|^2 = 1, in u^-1/2, in the input frame.
    gamma_vib : Decomposition
        The prediction, which the labels agree with (or an error would have been raised).
    accidental : tuple of AccidentalDegeneracy
    degeneracy_tolerance_cm1 : float
        Levels closer than this are called degenerate by accident.
    hessian_asymmetry : float or None
        Largest element, Eh/bohr^2, of the part of the Hessian that lacks the symmetry and was averaged away;
        None where modes were given.
    relative_asymmetry : float or None
        Frobenius norm of that part over that of the Hessian.
    largest_shift_cm1 : float or None
        Largest change of a wavenumber by the averaging.
    """

    point_group: PointGroup
    wavenumbers_cm1: NDArrayFloat
    irreps: tuple[str, ...]
    set_index: NDArrayInt
    purity: NDArrayFloat
    displacements: NDArrayFloat
    gamma_vib: Decomposition
    accidental: tuple[AccidentalDegeneracy, ...]
    degeneracy_tolerance_cm1: float
    hessian_asymmetry: float | None
    relative_asymmetry: float | None
    largest_shift_cm1: float | None

    @property
    def imaginary(self) -> NDArrayInt:
        """Indices of the imaginary modes (negative wavenumbers): not a minimum."""
        return np.flatnonzero(self.wavenumbers_cm1 < 0)

    @property
    def levels(self) -> tuple[tuple[str, float], ...]:
        """Irrep and mean wavenumber (1/cm) of each degenerate set."""
        return tuple(
            (self.irreps[int(np.argmax(self.set_index == s))], float(self.wavenumbers_cm1[self.set_index == s].mean()))
            for s in range(int(self.set_index.max(initial=-1)) + 1)
        )

    def tabulate(self) -> str:
        """A text table: one line per degenerate set, then what is remarkable."""
        lines = ["  set  irrep     cm-1       degeneracy  purity"]
        for s, (irrep, wavenumber) in enumerate(self.levels):
            members = self.set_index == s
            flag = "  imaginary" if wavenumber < 0 else ""
            lines.append(
                f"  {s + 1:3d}  {irrep:8s} {wavenumber:10.2f}  {members.sum():5d}     {self.purity[members].min():8.4f}{flag}"
            )
        return "\n".join([*lines, *map(str, self.accidental)])

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "point_group": self.point_group.label,
            "wavenumbers_cm1": self.wavenumbers_cm1.tolist(),
            "irreps": list(self.irreps),
            "set_index": self.set_index.tolist(),
            "purity": self.purity.tolist(),
            "displacements": self.displacements.tolist(),
            "gamma_vib": dict(self.gamma_vib),
            "accidental": [str(item) for item in self.accidental],
            "degeneracy_tolerance_cm1": self.degeneracy_tolerance_cm1,
            "hessian_asymmetry": self.hessian_asymmetry,
            "relative_asymmetry": self.relative_asymmetry,
            "largest_shift_cm1": self.largest_shift_cm1,
        }


@dataclass(frozen=True, eq=False)
class _Level:
    """One degenerate set: species, eigenvalues (d,) in Eh/(bohr^2 u), mass-weighted modes (3N, d), purity."""

    irrep: str
    eigenvalues: NDArrayFloat
    modes: NDArrayFloat
    purity: NDArrayFloat
    mixed: bool = False  # the modes that were given mix this species with another


def label_normal_modes(
    x: Any,
    hessian: Any = None,
    masses: Any = None,
    *,
    eigenvectors: Any = None,
    wavenumbers: Any = None,
    tolerance: float | None = None,
    degeneracy_tolerance_cm1: float = 0.5,
    max_asymmetry: float = 0.05,
) -> ModeLabels:
    """Irrep of each normal mode of a molecule.

    Give either ``hessian``, or ``eigenvectors`` with ``wavenumbers``.

    Parameters
    ----------
    x : molecule-like or Detection
    hessian : array (3N, 3N)
        Cartesian second derivatives in Eh/bohr^2, in the orientation and atom order of ``x``. It is averaged
        over the symmetry group (what that removes is reported), translations and rotations are projected out,
        and each symmetry block is diagonalised by itself: levels that coincide by accident cannot mix.
    masses : array (N,), optional
        In u; default: the molecule's.
    eigenvectors : array (n_vib, N, 3) or (n_vib, 3N)
        Cartesian displacements of the vibrations, not mass-weighted, as programs print them; any normalisation.
    wavenumbers : array (n_vib,)
        In 1/cm, imaginary ones negative.
    tolerance : float, optional
        Angstrom, for the detection of the point group.
    degeneracy_tolerance_cm1 : float
        Neighbouring levels closer than this form a cluster. Default 0.5: above the rounding of printed wavenumbers
        and of numerical Hessians, below nearly all real splittings.
    max_asymmetry : float
        Largest part of the Hessian (relative Frobenius norm) that may lack the symmetry.

    Raises
    ------
    RepresentationError
        Arrays of a wrong shape, not finite, a Hessian that is not symmetric or lacks the molecule's symmetry
        (often another orientation or atom order), or labels that disagree with Gamma_vib.
    MoleculeError
        Bad masses.

    Notes
    -----
    Projectors P = (d/h) sum_g conj(chi(g)) D(g): Wilson, Decius, Cross (1955), sec. 6-4. In a linear molecule
    displacements along the axis are Sigma+, those across it Pi; g and u by the inversion. Cost O(N^3 n_irreps).
    """
    from .detection import Detection, detect_point_group

    if (hessian is None) == (eigenvectors is None) or (eigenvectors is None) != (wavenumbers is None):
        raise RepresentationError("label_normal_modes: give either hessian, or eigenvectors together with wavenumbers.")
    detection = x if isinstance(x, Detection) else detect_point_group(x, tolerance)
    action = DisplacementSymmetry.of(detection, masses)
    if hessian is not None:
        matrix = _checked_hessian(hessian, action.n_atoms)
        levels, asymmetry = _levels_of_hessian(action, matrix, max_asymmetry)
    else:
        levels = _levels_of_modes(action, eigenvectors, wavenumbers, degeneracy_tolerance_cm1)
        asymmetry = (None, None, None)
    return _collect(action, levels, asymmetry, degeneracy_tolerance_cm1)


def _to_cm1(eigenvalues: NDArrayFloat) -> NDArrayFloat:
    return np.sign(eigenvalues) * np.sqrt(np.abs(eigenvalues)) * SQRT_HARTREE_PER_BOHR2_U_IN_CM1


def _checked_hessian(hessian: Any, n_atoms: int) -> NDArrayFloat:
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


def _levels_of_hessian(
    action: DisplacementSymmetry, hessian: NDArrayFloat, max_asymmetry: float
) -> tuple[list[_Level], tuple[float, float, float]]:
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
    raw = np.linalg.eigvalsh(internal @ (hessian / np.outer(weights, weights)) @ internal)
    shift = _largest_shift(raw, np.concatenate([level.eigenvalues for level in levels] or [np.empty(0)]))
    return levels, (float(np.abs(removed).max()), relative, shift)


def _largest_shift(raw: NDArrayFloat, averaged: NDArrayFloat) -> float:
    """Largest difference (1/cm) of the sorted spectra; ``raw`` still holds the zeros of the rigid motions."""
    padded = np.sort(np.concatenate([averaged, np.zeros(len(raw) - len(averaged))]))
    return float(np.abs(_to_cm1(np.sort(raw)) - _to_cm1(padded)).max(initial=0.0))


def _split(
    label: str, eigenvalues: NDArrayFloat, modes: NDArrayFloat, purity: NDArrayFloat, size: int, mixed: bool = False
) -> list[_Level]:
    """Cut ascending eigenvalues of one species into its degenerate sets."""
    cuts = range(0, len(eigenvalues), size)
    return [_Level(label, eigenvalues[k : k + size], modes[:, k : k + size], purity[k : k + size], mixed) for k in cuts]


def _levels_of_modes(
    action: DisplacementSymmetry, eigenvectors: Any, wavenumbers: Any, tolerance_cm1: float
) -> list[_Level]:
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
            f"label_normal_modes: eigenvectors {vectors.shape} and wavenumbers {lines.shape}; this molecule has {n_vib} "
            f"vibrations, so ({n_vib}, {n_atoms}, 3) and ({n_vib},) are needed (without translations and rotations)."
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
    if (lost > 0.3).any():
        worst = int(np.argmax(lost))
        raise RepresentationError(
            f"label_normal_modes: mode {worst} is {100 * lost[worst] ** 2:.0f} % translation or rotation: eigenvectors must "
            "be Cartesian displacements (not mass-weighted), in the orientation and atom order of the molecule."
        )
    modes = modes - rigid @ (rigid.T @ modes)
    return modes / np.linalg.norm(modes, axis=0), lines


def _resolve(action: DisplacementSymmetry, modes: NDArrayFloat, lines: NDArrayFloat) -> list[_Level]:
    """Species in one near-degenerate cluster of modes (3N, k); mixtures are separated."""
    left, singular, right = np.linalg.svd(modes, full_matrices=False)
    if singular.min() < 0.3:
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
        raise RepresentationError(
            f"label_normal_modes: {len(lines)} mode(s) at {np.round(np.sort(lines), 2).tolist()} cm-1 are no sum of irreps of "
            f"{action.analysis.point_group}: parts { ({k: v for k, v in shares.items() if v}) }. A degenerate set is perhaps cut "
            "by degeneracy_tolerance_cm1, or the modes have less symmetry than the geometry."
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
            parts, vectors = np.linalg.eigh(overlaps[label])
            inside = vectors[:, len(parts) - size :]
            own, turn = np.linalg.eigh(inside.T @ np.diag(eigenvalues) @ inside)
            purity = np.einsum("ik,ij,jk->k", inside @ turn, overlaps[label], inside @ turn, optimize=True)
            levels += _split(label, own, space @ inside @ turn, purity, rules[label].dimension, mixed)
    return levels


def _collect(
    action: DisplacementSymmetry,
    levels: list[_Level],
    asymmetry: tuple[float | None, float | None, float | None],
    tolerance_cm1: float,
) -> ModeLabels:
    """Order the sets by wavenumber, compare with the prediction, look for accidental degeneracies."""
    levels = sorted(levels, key=lambda level: float(level.eigenvalues.mean()))
    gamma = action.analysis.gamma_vib
    found = {label: sum(level.irrep == label for level in levels) for label in gamma}
    if found != dict(gamma) or len(levels) != sum(gamma.values()):
        raise RepresentationError(
            f"label_normal_modes: the modes of this {action.analysis.point_group} molecule are {found}, but Gamma_vib = {gamma}."
        )
    size = 3 * action.n_atoms
    modes = np.hstack([level.modes for level in levels]) if levels else np.empty((size, 0))
    displacements = (modes / action.mass_weights[:, None]).T.reshape(-1, action.n_atoms, 3)
    set_index = np.repeat(np.arange(len(levels)), [len(level.eigenvalues) for level in levels])
    wavenumbers = _to_cm1(_joined(level.eigenvalues for level in levels))
    purity = _joined(level.purity for level in levels)
    for array in (displacements, set_index, wavenumbers, purity):
        array.setflags(write=False)
    return ModeLabels(
        action.analysis.point_group,
        wavenumbers,
        tuple(level.irrep for level in levels for _ in level.eigenvalues),
        set_index,
        purity,
        displacements,
        gamma,
        _accidental(levels, tolerance_cm1),
        tolerance_cm1,
        *asymmetry,
    )


def _joined(parts: Iterable[NDArrayFloat]) -> NDArrayFloat:
    return np.concatenate([np.empty(0), *parts])


def _accidental(levels: list[_Level], tolerance_cm1: float) -> tuple[AccidentalDegeneracy, ...]:
    """Chains of sets whose neighbouring mean wavenumbers differ by no more than the tolerance."""
    means = np.array([_to_cm1(level.eigenvalues).mean() for level in levels])
    chains = np.split(np.arange(len(levels)), np.flatnonzero(np.diff(means) > tolerance_cm1) + 1)
    found = []
    for chain in chains:
        if len(chain) > 1:
            members = [levels[k] for k in chain]
            found.append(
                AccidentalDegeneracy(
                    tuple(level.irrep for level in members),
                    tuple(int(k) for k in chain),
                    tuple(float(means[k]) for k in chain),
                    any(level.mixed for level in members),
                )
            )
    return tuple(found)
