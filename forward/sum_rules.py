"""Sum and product rules that normal modes obey whatever the force constants: checks, and relations of isotopologues.

All are exact for a response that is exactly invariant under rigid motions; `without_rigid_motions` makes it so.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ..constants import BOHR_ANGSTROM, SQRT_HARTREE_PER_BOHR2_U_IN_CM1
from ..errors import HessianError
from ..groups.operations import NDArrayFloat
from ._vibrational_space import are_linear, rigid_motions, vibrations
from .intensities import KM_PER_MOL_PER_E2_PER_U
from .isotopologues import eckart_conditions, rigid_derivatives, rigid_dipole_derivatives, rigid_displacements
from .normal_modes import normal_modes
from .response import HarmonicResponse

__all__ = ["SumRule", "f_sum_rule", "g_sum_rule", "product_rule", "without_rigid_motions"]

_ZERO_MODE = 1e-10  # eigenvalue relative to the largest: no restoring force


@dataclass(frozen=True)
class SumRule:
    """Two sides of a rule. ``left``: from the normal modes; ``right``: from masses, geometry and derivatives.

    Attributes
    ----------
    name, unit : str
    left, right : float
    correction : float
        The part of ``right`` due to overall rotation and translation (0 for a neutral molecule without dipole).
    """

    name: str
    left: float
    right: float
    unit: str
    correction: float = 0.0

    @property
    def difference(self) -> float:
        """``left - right``."""
        return self.left - self.right

    def __str__(self) -> str:
        return f"{self.name}: {self.left:.10g} = {self.right:.10g} {self.unit} (difference {self.difference:.2e})"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**vars(self), "difference": self.difference}


def without_rigid_motions(response: HarmonicResponse) -> HarmonicResponse:
    """The response with a Hessian that gives no force on translation and rotation; its derivatives as they are.

    Projection (1 - S S^+) H (1 - S S^+), independent of the masses, so one projected Hessian serves all isotopologues.
    The gradient is dropped: the result is that of a stationary point.
    """
    molecule = response.molecule
    rigid = rigid_motions(molecule.positions, np.ones(len(molecule)), bool(are_linear(molecule.positions)))
    internal = np.eye(len(rigid)) - rigid @ rigid.T
    return replace(response, hessian=internal @ response.hessian @ internal, gradient=None)


def product_rule(response: HarmonicResponse, other: HarmonicResponse) -> SumRule:
    """Teller-Redlich product rule for two isotopologues, as logarithms.

    sum_k ln(nu'_k / nu_k) = (3/2) sum_a ln(m_a / m'_a) + (3/2) ln(M' / M) + (1/2) sum_g ln(I'_g / I_g)

    with the moments of inertia other than zero (three; two equal ones of a linear molecule; none of an atom). Moduli of
    imaginary wavenumbers count. Both Hessians are freed of rigid motions first.

    Parameters
    ----------
    response, other : HarmonicResponse
        Isotopologues: the same numbers, positions and Hessian. ``other`` is the primed one.

    Raises
    ------
    HessianError
        Different molecules or Hessians; a mode without restoring force; different numbers of imaginary modes.

    Notes
    -----
    O. Redlich, Z. phys. Chem. B 28, 371 (1935); Wilson, Decius, Cross (1955), sec. 8-5.
    """
    _check_isotopologues("product_rule", response, other)
    eigenvalues = [_vibrational_eigenvalues(without_rigid_motions(one)) for one in (response, other)]
    if (eigenvalues[0] < 0).sum() != (eigenvalues[1] < 0).sum():
        raise HessianError("product_rule: the isotopologues have different numbers of imaginary modes: a zero mode?")
    left = float(np.log(np.abs(eigenvalues[1])).sum() - np.log(np.abs(eigenvalues[0])).sum()) / 2
    first, second = (one.molecule.masses for one in (response, other))
    right = 1.5 * float(np.log(first / second).sum() + np.log(second.sum() / first.sum()))
    right += 0.5 * float(np.log(_moments(other) / _moments(response)).sum())
    return SumRule("Teller-Redlich product rule", left, right, "(logarithm)")


def g_sum_rule(response: HarmonicResponse, *, dipole: Any = None, quantity: Literal["ir", "raman"] = "ir") -> SumRule:
    """Crawford's G-sum rule: the total intensity does not depend on the force constants.

    sum_k |dmu/dQ_k|^2 = tr(P M^-1 P^T) - 3 q^2 / M - sum_g |e_g x mu|^2 / I_g     (in km/mol)

    The last terms (``correction``) are the intensity of overall translation and rotation. For Raman activity the
    first trace is taken of 45 a'^2 + 7 gamma'^2, and the last term is the rotation of the polarizability.

    Parameters
    ----------
    response : HarmonicResponse
    dipole : array (3,), optional
        Permanent dipole moment in e bohr about the frame's origin, for the correction (infrared). By default the
        derivatives' own response to rotation and translation is used: the same for exact derivatives.

    Raises
    ------
    HessianError
        Without the derivatives needed.

    Notes
    -----
    B. L. Crawford, J. Chem. Phys. 20, 977 (1952).
    """
    derivatives, metric, factor = _derivatives(response, quantity)
    molecule = response.molecule
    modes = normal_modes(response, symmetry=False, check=False)
    values = modes.ir_km_per_mol if quantity == "ir" else modes.raman_a4_per_amu
    left = float(np.sum(values)) if values is not None else 0.0
    rigid = rigid_derivatives(derivatives, molecule.positions)
    if dipole is not None and quantity == "ir":
        charge = float(np.trace(rigid[:, :3])) / 3
        rigid = rigid_dipole_derivatives(molecule.positions, np.asarray(dipole) * BOHR_ANGSTROM, charge)
    weights = np.repeat(molecule.masses, 3)
    total = np.einsum("ix,ij,jx,x->", derivatives, metric, derivatives, 1 / weights)
    inverse = _rigid_mass_inverse(response)
    correction = -factor * float(np.einsum("ir,ij,js,rs->", rigid, metric, rigid, inverse))
    unit = "km/mol" if quantity == "ir" else "A^4/u"
    return SumRule(f"G-sum rule ({quantity})", left, factor * float(total) + correction, unit, correction)


def f_sum_rule(response: HarmonicResponse, reference: HarmonicResponse | None = None) -> SumRule:
    """Crawford's F-sum rule, in km/mol cm^2: the same for all isotopologues but for the rotational correction.

    sum_k A_k / nu_k^2 = tr(p F^-1 p^T)

    p are the derivatives of ``reference`` with respect to internal coordinates (its Eckart frame; here in Cartesian
    form) plus the rotational correction to the frame of ``response``. The sum is the static vibrational polarizability
    times a constant. Both Hessians are freed of rigid motions first.

    Parameters
    ----------
    response, reference : HarmonicResponse
        Isotopologues of one molecule; ``reference`` defaults to ``response`` (no correction).

    Raises
    ------
    HessianError
        Different molecules; no dipole derivatives; a mode without restoring force.

    Notes
    -----
    B. L. Crawford, J. Chem. Phys. 20, 977 (1952). ``correction`` is the change of ``right`` by the rotation.
    """
    reference = response if reference is None else reference
    _check_isotopologues("f_sum_rule", response, reference)
    derivatives, _, factor = _derivatives(response, "ir")
    clean = without_rigid_motions(response)
    _vibrational_eigenvalues(clean)
    modes = normal_modes(clean, symmetry=False, check=False)
    squared = np.sign(modes.wavenumbers_cm1) * modes.wavenumbers_cm1**2
    left = 0.0 if modes.ir_km_per_mol is None else float(np.sum(modes.ir_km_per_mol / squared))
    positions = response.molecule.positions
    rigid = rigid_derivatives(derivatives, positions)
    new, old = (eckart_conditions(positions, one.molecule.masses) for one in (response, reference))
    own = derivatives - rigid @ old
    corrected = own + rigid @ (old - new)
    compliance = np.linalg.pinv(clean.hessian, rcond=_ZERO_MODE, hermitian=True)
    factor /= SQRT_HARTREE_PER_BOHR2_U_IN_CM1**2
    right, uncorrected = (factor * float(np.einsum("ix,xy,iy->", p, compliance, p)) for p in (corrected, own))
    return SumRule("F-sum rule", left, right, "km/mol cm^2", right - uncorrected)


def _derivatives(response: HarmonicResponse, quantity: str) -> tuple[NDArrayFloat, NDArrayFloat, float]:
    """Derivatives (c, 3N), metric (c, c) and factor such that an intensity is factor * p^T metric p."""
    if quantity == "ir" and response.dipole_derivatives is not None:
        return response.dipole_derivatives, np.eye(3), KM_PER_MOL_PER_E2_PER_U
    if quantity == "raman" and response.polarizability_derivatives is not None:
        # 45 a'^2 + 7 gamma'^2 = 5 (tr)^2 + (21/2) |deviator|^2 = (5 - 7/2) (tr)^2 + (21/2) |alpha'|^2
        trace = np.eye(3).ravel()
        metric = 1.5 * np.outer(trace, trace) + 10.5 * np.eye(9)
        return response.polarizability_derivatives.reshape(9, -1), metric, BOHR_ANGSTROM**4
    kind = {"ir": "dipole", "raman": "polarizability"}.get(quantity)
    raise HessianError(
        f"sum rule: {response!r} has no {kind} derivatives."
        if kind
        else f"sum rule: quantity {quantity!r} is neither 'ir' nor 'raman'."
    )


def _rigid_mass_inverse(response: HarmonicResponse) -> NDArrayFloat:
    """(S^T M S)^-1 over the rigid displacements."""
    rigid = rigid_displacements(response.molecule.positions)
    metric = rigid.T @ (np.repeat(response.molecule.masses, 3)[:, None] * rigid)
    return np.asarray(np.linalg.inv(metric), dtype=float)


def _moments(response: HarmonicResponse) -> NDArrayFloat:
    """Moments of inertia about the axes that count, u A^2: 3, 2 (linear) or 0 (atom)."""
    molecule = response.molecule
    if len(molecule) == 1:
        return np.empty(0)
    centred = molecule.positions - molecule.center_of_mass
    gram = centred.T @ (molecule.masses[:, None] * centred)
    moments = np.asarray(np.linalg.eigvalsh(np.trace(gram) * np.eye(3) - gram), dtype=float)
    return moments[1:] if are_linear(molecule.positions) else moments


def _vibrational_eigenvalues(response: HarmonicResponse) -> NDArrayFloat:
    molecule = response.molecule
    linear = bool(are_linear(molecule.positions))
    values = vibrations(response.hessian, molecule.positions, molecule.masses, linear)[0]
    smallest, largest = np.abs(values).min(initial=np.inf), np.abs(values).max(initial=0.0)
    if smallest <= _ZERO_MODE * largest:
        raise HessianError(
            f"{response!r}: a mode has no restoring force (eigenvalues from {smallest:.2e} to {largest:.2e} "
            "Eh/bohr^2/u), so the rule has no value."
        )
    return values


def _check_isotopologues(call: str, first: HarmonicResponse, second: HarmonicResponse) -> None:
    one, two = first.molecule, second.molecule
    if not np.array_equal(one.numbers, two.numbers) or not np.array_equal(one.positions, two.positions):
        raise HessianError(f"{call}: {first!r} and {second!r} are not isotopologues: numbers or positions differ.")
    if not np.array_equal(first.hessian, second.hessian):
        raise HessianError(f"{call}: the isotopologues {first!r} and {second!r} have different Hessians.")
