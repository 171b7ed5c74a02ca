"""Irreps of normal modes, from a Cartesian Hessian or from modes that another program has computed."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import RepresentationError
from ._mode_levels import ModeLevel, checked_hessian, levels_of_hessian, levels_of_modes, to_cm1
from .displacements import DisplacementSymmetry
from .operations import NDArrayFloat, NDArrayInt
from .representation import Decomposition
from .schoenflies import PointGroup

__all__ = ["AccidentalDegeneracy", "ModeLabels", "label_normal_modes"]

logger = logging.getLogger(__name__)

_HIGHEST_WAVENUMBER_CM1 = 6000  # H2, the fastest, has 4401


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
            row = (
                f"  {s + 1:3d}  {irrep:8s} {wavenumber:10.2f}  {members.sum():5d}     {self.purity[members].min():8.4f}"
            )
            lines.append(row + ("  imaginary" if wavenumber < 0 else ""))
        return "\n".join([*lines, *map(str, self.accidental)])

    def __str__(self) -> str:
        return self.tabulate()

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

    Examples
    --------
    >>> import symvib as sv
    >>> carbon_monoxide = sv.Molecule.from_arrays([6, 8], [[0.0, 0.0, 0.0], [0.0, 0.0, 1.128]])
    >>> stretch = 1.22 * np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))  # Eh/bohr^2
    >>> [(irrep, round(wavenumber)) for irrep, wavenumber in label_normal_modes(carbon_monoxide, stretch).levels]
    [('Sigma+', 2168)]
    """
    from .detection import Detection, detect_point_group

    if (hessian is None) == (eigenvectors is None) or (eigenvectors is None) != (wavenumbers is None):
        raise RepresentationError("label_normal_modes: give either hessian, or eigenvectors together with wavenumbers.")
    detection = x if isinstance(x, Detection) else detect_point_group(x, tolerance)
    action = DisplacementSymmetry.of(detection, masses)
    if hessian is not None:
        matrix = checked_hessian(hessian, action.n_atoms)
        levels, asymmetry = levels_of_hessian(action, matrix, max_asymmetry)
    else:
        levels = levels_of_modes(action, eigenvectors, wavenumbers, degeneracy_tolerance_cm1)
        asymmetry = (None, None, None)
    labels = _collect(action, levels, asymmetry, degeneracy_tolerance_cm1)
    highest = float(labels.wavenumbers_cm1.max(initial=0.0))
    if highest > _HIGHEST_WAVENUMBER_CM1:
        logger.warning(
            "label_normal_modes: the highest wavenumber is %.0f cm-1, and no molecule vibrates so fast; is the Hessian "
            "in Eh/bohr^2?",
            highest,
        )
    return labels


def _collect(
    action: DisplacementSymmetry,
    levels: list[ModeLevel],
    asymmetry: tuple[float | None, float | None, float | None],
    tolerance_cm1: float,
) -> ModeLabels:
    """Order the sets by wavenumber, compare with the prediction, look for accidental degeneracies."""
    levels = sorted(levels, key=lambda level: float(level.eigenvalues.mean()))
    gamma = action.analysis.gamma_vib
    found = {label: sum(level.irrep == label for level in levels) for label in gamma}
    if found != dict(gamma) or len(levels) != sum(gamma.values()):
        raise RepresentationError(
            f"label_normal_modes: the modes of this {action.analysis.point_group} molecule are {found}, but "
            f"Gamma_vib = {gamma}."
        )
    size = 3 * action.n_atoms
    modes = np.hstack([level.modes for level in levels]) if levels else np.empty((size, 0))
    displacements = (modes / action.mass_weights[:, None]).T.reshape(-1, action.n_atoms, 3)
    set_index = np.repeat(np.arange(len(levels)), [len(level.eigenvalues) for level in levels])
    wavenumbers = to_cm1(_joined(level.eigenvalues for level in levels))
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


def _accidental(levels: list[ModeLevel], tolerance_cm1: float) -> tuple[AccidentalDegeneracy, ...]:
    """Chains of sets whose neighbouring mean wavenumbers differ by no more than the tolerance."""
    means = np.array([to_cm1(level.eigenvalues).mean() for level in levels])
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
