"""Normal modes of a molecule from its Cartesian Hessian, with irreps and infrared and Raman intensities."""

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constants import BOHR_ANGSTROM
from ..errors import HessianError, RepresentationError, SpectrumError
from ..groups._mode_levels import to_cm1
from ..groups.detection import Detection, detect_point_group
from ..groups.displacements import DisplacementSymmetry
from ..groups.mode_labels import label_normal_modes
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt
from ..groups.readers import as_molecule
from ..groups.schoenflies import PointGroup
from ._allowed import allowed_parts
from ._tensor_averages import (
    AveragedAway,
    averaged_dipole_derivatives,
    averaged_polarizability_derivatives,
    relative_part_removed,
)
from ._vibrational_space import are_linear, vibrations
from .intensities import depolarization_ratios, ir_intensities, raman_activities, raman_cross_sections, raman_invariants
from .isotopologues import isotopologue
from .response import HarmonicResponse
from .response_checks import check_response, check_wavenumbers

if TYPE_CHECKING:
    from .lines import LineList

__all__ = ["AveragedAway", "NormalModes", "normal_modes"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, repr=False)
class NormalModes:
    """The harmonic vibrations of a molecule, by ascending wavenumber; d = 3N - 6 (linear 3N - 5, atom 0).

    Intensities are those of fundamentals in the double harmonic approximation.

    Attributes
    ----------
    molecule : Molecule
        With the masses that were used; displacements are in its frame.
    point_group : PointGroup or None
        None where symmetry was not used.
    wavenumbers_cm1 : ndarray (d,)
        Harmonic; imaginary modes are negative and first (see ``imaginary``).
    irreps : tuple of str (d,) or None
        Real irrep of each mode; None where symmetry was not used.
    set_index : ndarray (d,) of int
        Modes with the same index are one degenerate set; without symmetry each mode is its own.
    displacements : ndarray (d, N, 3)
        dx/dQ in u^-1/2: Cartesian displacement per unit of normal coordinate; sum_a m_a |d_ka|^2 = 1.
    dipole_derivatives_normal : ndarray (d, 3) or None
        dmu/dQ in e u^-1/2.
    mean_polarizability_derivatives, anisotropies : ndarray (d,) or None
        a' (signed) and gamma' (>= 0) of dalpha/dQ, in A^2 u^-1/2.
    averaged_away : AveragedAway or None
        What in the response lacked the symmetry.
    method : str
        Of the response.
    """

    molecule: Molecule
    point_group: PointGroup | None
    wavenumbers_cm1: NDArrayFloat
    irreps: tuple[str, ...] | None
    set_index: NDArrayInt
    displacements: NDArrayFloat
    dipole_derivatives_normal: NDArrayFloat | None
    mean_polarizability_derivatives: NDArrayFloat | None
    anisotropies: NDArrayFloat | None
    averaged_away: AveragedAway | None
    method: str = ""

    def __post_init__(self) -> None:
        for name in (
            "wavenumbers_cm1",
            "set_index",
            "displacements",
            "dipole_derivatives_normal",
            "mean_polarizability_derivatives",
            "anisotropies",
        ):
            array = getattr(self, name)
            if array is not None:
                array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.wavenumbers_cm1)

    def __repr__(self) -> str:
        group = f", {self.point_group}" if self.point_group is not None else ""
        return f"NormalModes({self.molecule.formula}{group}, {len(self)} vibrations)"

    def __str__(self) -> str:
        return self.tabulate()

    @property
    def imaginary(self) -> NDArrayInt:
        """Indices of the modes with negative curvature: the geometry is not a minimum along them."""
        return np.flatnonzero(self.wavenumbers_cm1 < 0)

    @property
    def reduced_masses(self) -> NDArrayFloat:
        """Reduced mass (d,) of each mode in u: 1 / sum |dx/dQ|^2 (that of the mode normalised in Cartesians)."""
        return 1 / np.einsum("kai,kai->k", self.displacements, self.displacements)

    @cached_property
    def ir_km_per_mol(self) -> NDArrayFloat | None:
        """Integrated infrared intensity (d,) of each mode, km/mol; None without dipole derivatives."""
        if self.dipole_derivatives_normal is None:
            return None
        return _read_only(ir_intensities(self.dipole_derivatives_normal))

    @cached_property
    def raman_a4_per_amu(self) -> NDArrayFloat | None:
        """Raman activity 45 a'^2 + 7 gamma'^2 (d,) of each mode, A^4/u; None without polarizability derivatives."""
        if self.mean_polarizability_derivatives is None or self.anisotropies is None:
            return None
        return _read_only(raman_activities(self.mean_polarizability_derivatives, self.anisotropies))

    @cached_property
    def depolarization(self) -> np.ma.MaskedArray | None:
        """Depolarization ratio (d,), polarised light at 90 degrees, masked where the Raman activity is zero.

        Zero: up to `intensities.RAMAN_ZERO` (1e-6) times the strongest line.
        """
        if self.mean_polarizability_derivatives is None or self.anisotropies is None:
            return None
        return depolarization_ratios(self.mean_polarizability_derivatives, self.anisotropies)

    @property
    def levels(self) -> tuple[tuple[str | None, float], ...]:
        """Irrep and mean wavenumber (1/cm) of each degenerate set."""
        first = np.unique(self.set_index, return_index=True)[1]
        return tuple(
            (None if self.irreps is None else self.irreps[k], float(self.wavenumbers_cm1[self.set_index == s].mean()))
            for s, k in enumerate(first)
        )

    @property
    def degeneracies(self) -> NDArrayInt:
        """Number of modes in the degenerate set of each mode, (d,)."""
        return np.bincount(self.set_index, minlength=1)[self.set_index]

    def raman_cross_sections(self, **conditions: Any) -> np.ma.MaskedArray:
        """Differential Raman cross-sections (d,) in m^2/sr; ``conditions`` as for `intensities.raman_cross_sections`.

        Raises
        ------
        SpectrumError
            No polarizability derivatives, or bad conditions.
        """
        if self.mean_polarizability_derivatives is None or self.anisotropies is None:
            raise SpectrumError(f"raman_cross_sections: {self!r} were made without polarizability derivatives.")
        return raman_cross_sections(
            self.wavenumbers_cm1, self.mean_polarizability_derivatives, self.anisotropies, **conditions
        )

    def lines(self) -> "LineList":
        """The line list, one line per normal mode; ``.merged()`` of it has one line per level.

        Examples
        --------
        >>> import symvib as sv
        >>> hydrogen = sv.Molecule.from_arrays([1, 1], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.741]])
        >>> spring = 0.37 * np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))  # Eh/bohr^2
        >>> normal_modes(spring, hydrogen).lines().irreps
        ('Sigmag+',)
        """
        from ._mode_presentation import electrons_in_words
        from .lines import LineList

        return LineList(
            self.wavenumbers_cm1,
            self.ir_km_per_mol,
            self.raman_a4_per_amu,
            self.depolarization,
            self.irreps,
            name=self.molecule.name or self.molecule.formula,
            point_group="" if self.point_group is None else self.point_group.label,
            method=", ".join(part for part in (self.method, "harmonic", electrons_in_words(self.molecule)) if part),
        )

    def tabulate(self) -> str:
        """A text table, one line per degenerate set, then what is remarkable."""
        from ._mode_presentation import mode_table

        return mode_table(self)

    def _repr_html_(self) -> str:
        from ._mode_presentation import mode_html

        return mode_html(self)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; masked depolarization ratios are None."""
        arrays = {
            "wavenumbers_cm1": self.wavenumbers_cm1,
            "set_index": self.set_index,
            "reduced_masses": self.reduced_masses,
            "ir_km_per_mol": self.ir_km_per_mol,
            "raman_a4_per_amu": self.raman_a4_per_amu,
            "depolarization": self.depolarization,
            "dipole_derivatives_normal": self.dipole_derivatives_normal,
            "mean_polarizability_derivatives": self.mean_polarizability_derivatives,
            "anisotropies": self.anisotropies,
            "displacements": self.displacements,
        }
        return {
            "molecule": self.molecule.as_dict(),
            "point_group": None if self.point_group is None else self.point_group.label,
            "irreps": None if self.irreps is None else list(self.irreps),
            **{name: None if array is None else array.tolist() for name, array in arrays.items()},
            "averaged_away": None if self.averaged_away is None else self.averaged_away.as_dict(),
            "method": self.method,
        }


def normal_modes(
    response: Any,
    molecule: Any = None,
    masses: Any = None,
    *,
    detection: Detection | None = None,
    symmetry: bool = True,
    tolerance: float | None = None,
    check: bool = True,
) -> NormalModes:
    """Normal modes of a harmonic response or a Cartesian Hessian, with irreps and intensities.

    Parameters
    ----------
    response : HarmonicResponse or array (3N, 3N)
        A bare Hessian in Eh/bohr^2 needs ``molecule``, in the same orientation and atom order; it gives no intensities.
    molecule : molecule-like, optional
        With a bare Hessian only.
    masses : array (N,), optional
        u; default: the molecule's. For isotopologues see `isotopologue`.
    detection : Detection, optional
        Of the molecule with these masses, where it is known already.
    symmetry : bool
        True: Hessian and derivatives are averaged over the point group (what that removes is stated in
        ``averaged_away``) and each symmetry block is solved by itself: what the selection rules forbid is exactly
        zero and degenerate sets are equal. False: the response as it is; no irreps.
    tolerance : float, optional
        Angstrom, for the detection of the point group.
    check : bool
        Whether to refuse responses that break the sum rules of rigid motions or have impossible force constants
        (`response_checks.check_response`); False for model force fields far from real ones.

    Returns
    -------
    NormalModes

    Raises
    ------
    HessianError
        Shapes that do not fit, NaN, a Hessian that is not symmetric or lacks the symmetry of the geometry, units that
        cannot be right.
    MoleculeError
        Bad masses, or masses that break the symmetry of a ``detection`` that was given.

    Notes
    -----
    Translations and rotations (of the Eckart frame) are projected out exactly, also for linear molecules. Imaginary
    modes are negative wavenumbers; a warning is logged.

    Examples
    --------
    >>> import symvib as sv
    >>> carbon_monoxide = sv.Molecule.from_arrays([6, 8], [[0.0, 0.0, 0.0], [0.0, 0.0, 1.128]])
    >>> stretch = 1.22 * np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))  # Eh/bohr^2
    >>> modes = normal_modes(stretch, carbon_monoxide)
    >>> modes.irreps, modes.wavenumbers_cm1.round(1).tolist()
    (('Sigma+',), [2168.4])
    """
    given = _read_response(response, molecule, masses, detection)
    if check:
        check_response(given)
    modes = _symmetric_modes(given, detection, tolerance) if symmetry else _plain_modes(given)
    if check:
        check_wavenumbers(given, modes.wavenumbers_cm1)
    if len(modes.imaginary):
        logger.warning(
            "normal_modes: %s has %d imaginary mode(s), lowest %.1fi cm-1: the geometry is not a minimum.",
            given.molecule.formula,
            len(modes.imaginary),
            -modes.wavenumbers_cm1.min(),
        )
    return modes


def _read_response(response: Any, molecule: Any, masses: Any, detection: Detection | None) -> HarmonicResponse:
    """The input as a response of a molecule with the masses to be used."""
    if isinstance(response, HarmonicResponse):
        if molecule is not None:
            raise HessianError("normal_modes: a HarmonicResponse has its molecule; give molecule= with a Hessian only.")
    else:
        if molecule is None and detection is not None:
            molecule = detection.molecule
        if molecule is None:
            raise HessianError("normal_modes: a bare Hessian needs the molecule: normal_modes(hessian, molecule).")
        response = HarmonicResponse(as_molecule(molecule), np.asarray(response, dtype=float))
    if masses is not None:
        response = isotopologue(response, masses=masses)
    if detection is not None and len(detection.molecule) != len(response.molecule):
        raise HessianError(
            f"normal_modes: the detection is of {detection.molecule!r}, the response of {response.molecule!r}."
        )
    return response


def _symmetric_modes(given: HarmonicResponse, detection: Detection | None, tolerance: float | None) -> NormalModes:
    molecule = given.molecule
    detection = detect_point_group(molecule, tolerance) if detection is None else detection
    try:
        labels = label_normal_modes(detection, given.hessian, molecule.masses)
    except RepresentationError as error:
        raise HessianError(
            f"normal_modes: {error} To use the response as it is, give symmetry=False, or a smaller tolerance= for the "
            "detection of the point group."
        ) from error
    action = DisplacementSymmetry.of(detection, molecule.masses)
    dipole, dipole_removed = given.dipole_derivatives, None
    if dipole is not None:
        dipole = averaged_dipole_derivatives(action, dipole)
        dipole_removed = relative_part_removed(given.dipole_derivatives, dipole)
    polarizability, polarizability_removed = given.polarizability_derivatives, None
    if polarizability is not None:
        polarizability = averaged_polarizability_derivatives(action, polarizability)
        polarizability_removed = relative_part_removed(given.polarizability_derivatives, polarizability)
    removed = AveragedAway(
        float(labels.hessian_asymmetry or 0.0),
        float(labels.relative_asymmetry or 0.0),
        float(labels.largest_shift_cm1 or 0.0),
        dipole_removed,
        polarizability_removed,
    )
    along, mean, anisotropy = _normal_derivatives(labels.displacements, dipole, polarizability)
    allowed = allowed_parts(detection.point_group, labels.irreps)  # what the averages leave of the rest is rounding
    return NormalModes(
        molecule,
        detection.point_group,
        labels.wavenumbers_cm1,
        labels.irreps,
        labels.set_index,
        labels.displacements,
        None if along is None else np.where(allowed.infrared[:, None], along, 0.0),
        None if mean is None else np.where(allowed.isotropic, mean, 0.0),
        None if anisotropy is None else np.where(allowed.anisotropic, anisotropy, 0.0),
        removed,
        given.method,
    )


def _plain_modes(given: HarmonicResponse) -> NormalModes:
    molecule = given.molecule
    linear = bool(are_linear(molecule.positions))
    eigenvalues, modes = vibrations(given.hessian, molecule.positions, molecule.masses, linear)
    displacements = modes.reshape(-1, len(molecule), 3) / np.sqrt(molecule.masses)[:, None]
    return NormalModes(
        molecule,
        None,
        to_cm1(eigenvalues),
        None,
        np.arange(len(eigenvalues)),
        displacements,
        *_normal_derivatives(displacements, given.dipole_derivatives, given.polarizability_derivatives),
        None,
        given.method,
    )


def _normal_derivatives(
    displacements: NDArrayFloat, dipole: NDArrayFloat | None, polarizability: NDArrayFloat | None
) -> tuple[NDArrayFloat | None, NDArrayFloat | None, NDArrayFloat | None]:
    """dmu/dQ (d, 3) in e u^-1/2, a' and gamma' (d,) in A^2 u^-1/2."""
    flat = displacements.reshape(len(displacements), 3 * displacements.shape[1])
    along = None if dipole is None else flat @ dipole.T
    if polarizability is None:
        return along, None, None
    mean, anisotropy = raman_invariants(np.einsum("kx,ijx->kij", flat, polarizability) * BOHR_ANGSTROM**2)
    return along, mean, anisotropy


def _read_only(array: NDArrayFloat) -> NDArrayFloat:
    array.setflags(write=False)
    return array
