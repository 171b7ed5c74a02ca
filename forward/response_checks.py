"""Is a response what it claims to be? Sum rules of rigid motions, and force constants of bonds that give away the unit.

Moving a molecule as a whole changes neither energy nor, but for turning it, dipole moment and polarizability. That
fixes the derivatives along translations and rotations, and what breaks it is a mistake of unit, mass-weighting,
orientation or order of atoms, or an error of the calculation.

The unit of a Hessian shows in the force constants of its bonds, which length and elements predict within a factor of
two: F = 1.734 / (r - B_ij)^3 in atomic units (H. B. Schlegel, Theor. Chim. Acta 66, 333 (1984), after R. M. Badger,
J. Chem. Phys. 2, 128 (1934)). The largest ratio to it in a molecule is between 0.39 and 1.26 for 2,638 GFN2-xTB
Hessians and between 0.74 and 1.10 for 32 of ab-initio methods.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..constants import (
    AVOGADRO_PER_MOL,
    BOHR_ANGSTROM,
    BOHR_M,
    DEBYE_C_M,
    ELEMENTARY_CHARGE_C,
    HARTREE_J,
    PLANCK_J_S,
    SPEED_OF_LIGHT_M_PER_S,
)
from ..errors import HessianError
from ..groups._rigid import are_linear, rigid_displacements
from ..groups.operations import NDArrayFloat
from .response import HarmonicResponse

__all__ = ["ResponseResiduals", "check_response", "check_wavenumbers", "response_residuals"]

logger = logging.getLogger(__name__)

_HIGHEST_CM1 = 6000.0  # H2, the fastest, has 4401
_LOWEST_CM1 = 5.0  # the highest mode of a bonded molecule is above this (Cs2: 42)

# Schlegel (1984): A in Eh bohr, B in bohr by rows of the periodic table (H-He, Li-Ne, Na-Ar).
_SCHLEGEL_A = 1.734
_SCHLEGEL_B = np.array([[-0.244, 0.352, 0.660], [0.352, 1.085, 1.522], [0.660, 1.522, 2.068]])
_RATIO_REFUSED = (0.04, 2.2)
_RATIO_DOUBTED = (0.2, 1.6)
_RATIO_USUAL = 0.85
_NEAR = 1.8  # units whose factors are within this of the one estimated are named

_FORCE_CONSTANT_UNITS = {
    "Ry/bohr^2": 2.0,
    "Eh/angstrom^2": BOHR_ANGSTROM**-2,
    "mdyn/angstrom": HARTREE_J / BOHR_M**2 / 100,
    "eV/bohr^2": HARTREE_J / ELEMENTARY_CHARGE_C,
    "eV/angstrom^2": HARTREE_J / ELEMENTARY_CHARGE_C / BOHR_ANGSTROM**2,
    "kcal/mol/bohr^2": HARTREE_J * AVOGADRO_PER_MOL / 4184,
    "N/m": HARTREE_J / BOHR_M**2,
    "kcal/mol/angstrom^2": HARTREE_J * AVOGADRO_PER_MOL / 4184 / BOHR_ANGSTROM**2,
    "kJ/mol/angstrom^2": HARTREE_J * AVOGADRO_PER_MOL / 1000 / BOHR_ANGSTROM**2,
    "cm-1/bohr^2": HARTREE_J / (PLANCK_J_S * SPEED_OF_LIGHT_M_PER_S * 100),
    "kJ/mol/nm^2": HARTREE_J * AVOGADRO_PER_MOL / 1000 / (BOHR_M * 1e9) ** 2,
    "Eh/bohr^2, mass-weighted with u": 1 / 10,
    "Eh/bohr^2, mass-weighted with electron masses": 1 / 2e4,
}
_DIPOLE_UNITS = {
    "D/angstrom": ELEMENTARY_CHARGE_C * 1e-10 / DEBYE_C_M,
    "D/bohr": ELEMENTARY_CHARGE_C * BOHR_M / DEBYE_C_M,
    "e bohr/angstrom": 1 / BOHR_ANGSTROM,
    "e angstrom/bohr": BOHR_ANGSTROM,
}

# What the sum rules may miss, relative to the largest element: (a warning, an error).
_HESSIAN_LIMITS = (2e-3, 0.03)
_DERIVATIVE_LIMITS = (0.02, 0.15)
_CHARGE_LIMITS_E = (0.01, 0.08)  # absolute: off a whole charge
_NOISE_E = 0.02  # dipole and polarizability derivatives this small (e, bohr^2) are not judged
_SMALLEST_DIPOLE_AU = 0.15
_DIPOLE_SCALE = 1.4  # a dipole moment that the derivatives imply, over the one given


@dataclass(frozen=True)
class ResponseResiduals:
    """By how much a response breaks the sum rules of rigid motions; None where it lacks the derivatives.

    Attributes
    ----------
    hessian_translation : float
        Largest element of sum_b H_ab, Eh/bohr^2.
    hessian_rotation : float
        Largest force, Eh/bohr^2, per unit length of a rigid rotation in 3N dimensions; the turning of a given gradient
        is allowed for.
    charge : float or None
        In e: a third of the trace of sum_a P_a.
    dipole_translation : float or None
        Largest element of sum_a P_a - q 1, e; q is the charge of the response, or the nearest whole number where that
        is not known.
    dipole_rotation : float or None
        Largest part of the rotational derivatives that is no turning of any dipole moment, e per unit length.
    implied_dipole : tuple of 3 floats or None
        The dipole moment (e bohr, frame's origin) whose turning the derivatives show; None for linear molecules,
        atoms.
    polarizability_translation : float or None
        Largest element of the sum over atoms, bohr^2.
    polarizability_rotation : float or None
        Largest change of the trace by a rotation, bohr^2 per unit length.
    """

    hessian_translation: float
    hessian_rotation: float
    charge: float | None = None
    dipole_translation: float | None = None
    dipole_rotation: float | None = None
    implied_dipole: tuple[float, float, float] | None = None
    polarizability_translation: float | None = None
    polarizability_rotation: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dict(vars(self))


def response_residuals(response: HarmonicResponse) -> ResponseResiduals:
    """By how much a response breaks the sum rules of rigid motions.

    Notes
    -----
    H (omega x r) = omega x g for each atom; sum_a P_a = q 1; sum_a P_a (omega x r_a) = omega x mu; the polarizability
    turns with the molecule, so its trace does not change. Wilson, Decius, Cross (1955), ch. 2; for the dipole
    moment W. B. Person, J. H. Newton, J. Chem. Phys. 61, 1040 (1974), eqs. 7-9.

    Examples
    --------
    >>> import symvib as sv
    >>> hydrogen = sv.Molecule.from_arrays([1, 1], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.741]])
    >>> spring = 0.37 * np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))
    >>> response_residuals(HarmonicResponse(hydrogen, spring)).hessian_translation
    0.0
    """
    molecule = response.molecule
    n = len(molecule)
    positions = molecule.positions / BOHR_ANGSTROM
    axes = np.eye(3)
    rotations = rigid_displacements(positions - positions.mean(axis=0), axes)[:, 3:].T
    length = max(float(np.linalg.norm(rotations, axis=1).max()), 1e-12)
    forces = response.hessian @ rotations.T
    if response.gradient is not None:
        turned = np.cross(axes[:, None], response.gradient.reshape(n, 3)).reshape(3, 3 * n)
        forces = forces - turned.T
    values: dict[str, Any] = {
        "hessian_translation": _largest(response.hessian.reshape(3 * n, n, 3).sum(axis=1)),
        "hessian_rotation": _largest(forces) / length,
    }
    if response.dipole_derivatives is not None:
        values |= _dipole_residuals(response, response.dipole_derivatives, rotations, length)
    if response.polarizability_derivatives is not None:
        derivatives = response.polarizability_derivatives
        values["polarizability_translation"] = _largest(derivatives.reshape(3, 3, n, 3).sum(axis=2))
        values["polarizability_rotation"] = _largest(np.einsum("iix,kx->k", derivatives, rotations)) / length
    return ResponseResiduals(**values)


def _dipole_residuals(
    response: HarmonicResponse, derivatives: NDArrayFloat, rotations: NDArrayFloat, length: float
) -> dict[str, Any]:
    molecule = response.molecule
    total = derivatives.reshape(3, len(molecule), 3).sum(axis=1)
    charge = float(np.trace(total)) / 3
    turned = derivatives @ rotations.T  # [i, k]: (e_k x mu)_i, antisymmetric
    # (e_k x mu)_i = eps_ikj mu_j, so mu_j = (1/2) eps_ikj turned_ik; about the centroid, moved to the origin.
    skew = (turned - turned.T) / 2
    centroid = molecule.positions.mean(axis=0) / BOHR_ANGSTROM
    implied = np.array([skew[1, 2], skew[2, 0], skew[0, 1]]) + charge * centroid
    complete = len(molecule) > 1 and not bool(are_linear(molecule.positions))
    return {
        "charge": charge,
        "dipole_translation": _largest(total - _charge_of(response, charge) * np.eye(3)),
        "dipole_rotation": _largest(turned + turned.T) / 2 / length if complete else 0.0,
        "implied_dipole": tuple(implied.tolist()) if complete else None,
    }


def _charge_of(response: HarmonicResponse, found: float) -> int:
    """The charge of the molecule where it is known, else the whole number nearest to what the derivatives sum to."""
    return round(found) if response.charge is None else response.charge


def _largest(array: NDArrayFloat) -> float:
    return float(np.abs(array).max(initial=0.0))


def check_response(response: HarmonicResponse) -> ResponseResiduals:
    """The residuals of a response that passes; small doubts are logged as warnings.

    Raises
    ------
    HessianError
        A sum rule is broken, or bonds have impossible force constants; the message names the likely mistake.

    Notes
    -----
    A wrong factor of dipole derivatives shows only in ions (surely where the ``charge`` is given), and in polar
    molecules whose ``dipole`` is given; one of polarizability derivatives does not show. At a transition state bonds
    may have negative force constants: that is not refused, the imaginary mode shows.
    """
    residuals = response_residuals(response)
    _check_bonds(response)
    size = _largest(response.hessian)
    _judge(
        response, "Hessian rows sum to", residuals.hessian_translation, size, _HESSIAN_LIMITS, "Eh/bohr^2",
        "is it mass-weighted, or are atoms missing or rows in another order?",
    )  # fmt: skip
    _judge(
        response, "rotation of the molecule meets a force of", residuals.hessian_rotation, size, _HESSIAN_LIMITS,
        "Eh/bohr^2", "is it of another geometry, orientation or atom order than the molecule, or no stationary point?",
    )  # fmt: skip
    if response.dipole_derivatives is not None:
        _check_dipole(response, residuals)
    if response.polarizability_derivatives is not None:
        size = _largest(response.polarizability_derivatives) + _NOISE_E
        hint = "another orientation, atom order or order of components (xx, xy, yy, ...) than stated?"
        for what, value in (
            ("polarizability derivatives sum over the atoms to", residuals.polarizability_translation),
            ("rotation changes the trace of the polarizability by", residuals.polarizability_rotation),
        ):
            _judge(response, what, value or 0.0, size, _DERIVATIVE_LIMITS, "bohr^2", hint)
    return residuals


def _check_dipole(response: HarmonicResponse, residuals: ResponseResiduals) -> None:
    size = _largest(response.dipole_derivatives) + _NOISE_E  # type: ignore[arg-type]
    found = residuals.charge or 0.0
    charge = _charge_of(response, found)
    hint = (
        "another unit than e (D/angstrom is e times "
        f"{_DIPOLE_UNITS['D/angstrom']:.3f}), another atom order, or the transpose?"
    )
    expected = "a whole charge" if response.charge is None else f"the charge {charge}"
    what = f"dipole derivatives sum over the atoms to {found:.3f} times 1, off {expected} by"
    _judge(response, what, residuals.dipole_translation or 0.0, 1.0, _CHARGE_LIMITS_E, "e", hint)
    what = "dipole derivatives along rotations miss the turning of a vector by"
    hint = "another orientation or atom order than the molecule?"
    _judge(response, what, residuals.dipole_rotation or 0.0, size, _DERIVATIVE_LIMITS, "e", hint)
    if response.dipole is None or residuals.implied_dipole is None or charge != 0:
        return
    norm = float(np.linalg.norm(response.dipole))
    if norm < _SMALLEST_DIPOLE_AU:
        return
    scale = float(np.dot(residuals.implied_dipole, response.dipole)) / norm**2
    if not 1 / _DIPOLE_SCALE < scale < _DIPOLE_SCALE:
        unit = _nearest(_DIPOLE_UNITS, abs(scale))
        raise _refusal(
            f"check_response: the dipole derivatives of {response!r} turn a dipole moment {scale:.3g} times the one "
            f"given ({norm:.3g} e bohr). Dipole derivatives must be in e, in the molecule's orientation; are they in "
            f"{unit}?"
        )


def _refusal(text: str) -> HessianError:
    """The error, with the way around it."""
    return HessianError(f"{text} check=False leaves this test out.")


def _judge(
    response: HarmonicResponse,
    what: str,
    value: float,
    size: float,
    limits: tuple[float, float],
    unit: str,
    hint: str,
) -> None:
    """Warn of a residual above ``limits[0] * size``; refuse one above ``limits[1] * size``."""
    if value <= limits[0] * size:
        return
    text = f"check_response: {response!r}: {what} {value:.3g} {unit} (allowed: {limits[1] * size:.2g}); {hint}"
    if value > limits[1] * size:
        raise _refusal(text)
    logger.warning("%s", text)


def _bond_ratios(response: HarmonicResponse) -> NDArrayFloat:
    """Force constant along each bond between elements up to argon, over Schlegel's estimate."""
    molecule = response.molecule
    rows = np.searchsorted([2, 10, 18], molecule.numbers)
    bonds = molecule.bonds().reshape(-1, 2)
    bonds = bonds[(rows[bonds] < 3).all(axis=1)]
    vectors = np.diff(molecule.positions[bonds], axis=1)[:, 0] / BOHR_ANGSTROM
    lengths = np.linalg.norm(vectors, axis=1)
    units = vectors / lengths[:, None]
    n = len(molecule)
    blocks = response.hessian.reshape(n, 3, n, 3)[bonds[:, 0], :, bonds[:, 1]]
    constants = -np.einsum("bi,bij,bj->b", units, blocks, units)
    return constants * (lengths - _SCHLEGEL_B[rows[bonds[:, 0]], rows[bonds[:, 1]]]) ** 3 / _SCHLEGEL_A


def _check_bonds(response: HarmonicResponse) -> None:
    ratios = _bond_ratios(response)
    if not len(ratios):
        return
    ratio = float(ratios.max())
    text = (
        f"check_response: {response!r}: the stiffest bond has {ratio:.3g} times the force constant that its length and "
        "elements suggest (usual: 0.5 to 1.3). The Hessian must be in Eh/bohr^2, not mass-weighted"
    )
    if ratio <= 0 and float(np.trace(response.hessian)) > 0:
        logger.warning("%s; at a transition state that can be", text)
        return
    if not _RATIO_REFUSED[0] < ratio < _RATIO_REFUSED[1]:
        hint = f"; is it in {_nearest(_FORCE_CONSTANT_UNITS, ratio / _RATIO_USUAL)}?" if ratio > 0 else "; is it -H?"
        raise _refusal(text + hint)
    if not _RATIO_DOUBTED[0] < ratio < _RATIO_DOUBTED[1]:
        logger.warning("%s; is it, and is the geometry its own?", text)


def check_wavenumbers(response: HarmonicResponse, wavenumbers_cm1: NDArrayFloat) -> None:
    """Refuse wavenumbers that no molecule has: none above 5 cm-1, or one above 6000 cm-1.

    Raises
    ------
    HessianError
    """
    if not len(wavenumbers_cm1) or not len(response.molecule.bonds()):
        return
    highest = _largest(wavenumbers_cm1)
    if _LOWEST_CM1 <= highest <= _HIGHEST_CM1:
        return
    # Sum rules and bonds have passed; without bonds between light elements a stretch near 500 cm-1 is assumed.
    unit = _nearest(_FORCE_CONSTANT_UNITS, max((highest / 500.0) ** 2, 1e-12))
    raise _refusal(
        f"check_wavenumbers: the largest wavenumber of {response!r} is {highest:.3g} cm-1; bonded molecules have "
        f"between {_LOWEST_CM1:g} and {_HIGHEST_CM1:g}. The Hessian must be in Eh/bohr^2, not mass-weighted; is it in "
        f"{unit}?"
    )


def _nearest(units: dict[str, float], factor: float) -> str:
    """The units whose conversion factors from atomic units are near ``factor``, nearest first, with their factors."""
    distance = {unit: abs(np.log(value / max(factor, 1e-300))) for unit, value in units.items()}
    nearest = sorted(distance, key=lambda unit: distance[unit])
    named = [unit for unit in nearest if distance[unit] < np.log(_NEAR)] or nearest[:1]
    return " or ".join(f"{unit} (factor {units[unit]:.4g})" for unit in named)
