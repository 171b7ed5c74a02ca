"""Minimisation of the energy over the nuclear positions, the point group kept.

Quasi-Newton (BFGS) in the linear space of totally symmetric displacements without translations and rotations, from a
model Hessian, with a trust radius. Every geometry has the symmetry exactly, because every step has.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...constants import BOHR_ANGSTROM
from ...errors import EngineError
from ...groups._rigid import rigid_motions
from ...groups.displacements import DisplacementSymmetry
from ...groups.molecule import Molecule
from ...groups.operations import NDArrayFloat
from ._model_hessian import model_hessian

if TYPE_CHECKING:
    from ...groups.detection import Detection

__all__ = ["Optimisation", "bonding_changes", "optimise"]

_LOG = logging.getLogger(__name__)
_FIRST_TRUST_BOHR, _LARGEST_TRUST_BOHR = 0.5, 1.0  # length of a step, all atoms together
_SMALLEST_STEP_BOHR = 1e-9
_ENERGY_NOISE_HARTREE = 1e-6  # a rise below this is the noise of the program
_SOFTEST = 0.003  # Eh/bohr^2: softer eigenvalues of the model Hessian are raised to it (best of 0.0015-0.03 on QM9)
_MOVED = 1.1  # ratio of distances from which a bond that appears or goes counts

EnergyAndGradient = Callable[[NDArrayFloat], tuple[float, NDArrayFloat]]


@dataclass(frozen=True, eq=False)
class Optimisation:
    """A stationary point, and how it was reached.

    Attributes
    ----------
    molecule : Molecule
        At the minimum, with exactly the symmetry of the detection, in the frame of the input.
    energy_hartree : float
    gradient : ndarray (3N,)
        As the program gave it, Eh/bohr.
    max_gradient : float
        Largest component of its totally symmetric part without net force and torque: what was converged.
    gradient_asymmetry : float
        Largest component of the rest; far above the noise, the electronic state has less symmetry than the nuclei.
    n_gradients : int
        Calls of the program.
    rms_displacement_angstrom : float
        Root mean square over atoms between first and last geometry.
    bonds_formed, bonds_broken : tuple of (int, int)
        See `bonding_changes`; both empty for the same molecule.
    """

    molecule: Molecule
    energy_hartree: float
    gradient: NDArrayFloat
    max_gradient: float
    gradient_asymmetry: float
    n_gradients: int
    rms_displacement_angstrom: float
    bonds_formed: tuple[tuple[int, int], ...]
    bonds_broken: tuple[tuple[int, int], ...]

    @property
    def bonding_changed(self) -> bool:
        """Did a bond form or break?"""
        return bool(self.bonds_formed or self.bonds_broken)

    def as_dict(self) -> dict[str, Any]:
        """The numbers, as plain values (without the molecule and the gradient)."""
        return {
            "energy_hartree": self.energy_hartree,
            "max_gradient": self.max_gradient,
            "gradient_asymmetry": self.gradient_asymmetry,
            "n_gradients": self.n_gradients,
            "rms_displacement_angstrom": self.rms_displacement_angstrom,
            "bonds_formed": [list(pair) for pair in self.bonds_formed],
            "bonds_broken": [list(pair) for pair in self.bonds_broken],
        }


def optimise(
    energy_and_gradient: EnergyAndGradient,
    detection: "Detection",
    *,
    max_gradient: float = 3e-5,
    max_gradients: int = 200,
) -> Optimisation:
    """The minimum next to a molecule among the structures with its symmetry.

    Parameters
    ----------
    energy_and_gradient : callable
        ``positions_bohr (N, 3) -> (energy in Eh, gradient (3N,) in Eh/bohr)``.
    detection : Detection
        The start and the symmetry to keep; the start is made exactly symmetric first.
    max_gradient : float
        Eh/bohr; the largest component of the totally symmetric gradient allowed at the end.
    max_gradients : int
        Calls of the program after which it is given up.

    Raises
    ------
    EngineError
        Not converged; the message has the last numbers. Whatever ``energy_and_gradient`` raises passes through.

    Notes
    -----
    A minimum within the symmetry can be a saddle point without it: look for imaginary modes in its Hessian.
    """
    action = DisplacementSymmetry.of(detection)
    start = (action.positions + detection.molecule.center_of_mass) / BOHR_ANGSTROM
    surface = _Surface(energy_and_gradient, action, start)
    basis = _symmetric_displacements(action, start)
    hessian = _start_hessian(detection.molecule, start, basis)
    trust = _FIRST_TRUST_BOHR
    here = surface.at(np.zeros(basis.shape[1]), basis)
    while here.largest > max_gradient:
        step = _trusted_step(hessian, here.slope, trust)
        length = float(np.linalg.norm(step))
        if surface.n_gradients >= max_gradients or length < _SMALLEST_STEP_BOHR:
            raise EngineError(
                f"optimise {detection.molecule.formula}: not converged after {surface.n_gradients} gradients (allowed "
                f"{max_gradients}): largest component {here.largest:.2g} Eh/bohr (wanted {max_gradient:.2g}), energy "
                f"{here.energy:.8f} Eh, next step {length:.2g} bohr. Start from a better geometry, allow more "
                "gradients (max_gradients), or tighten the convergence of the program: its gradient may not fit its "
                "energy."
            )
        there = surface.at(here.point + step, basis)
        predicted = float(here.slope @ step + step @ hessian @ step / 2)
        hessian = _bfgs(hessian, step, there.slope - here.slope)
        gained = there.energy - here.energy
        trust = _next_trust(trust, length, gained, predicted)
        _LOG.debug(
            "gradient %d: energy %.8f, largest %.2g, step %.2g",
            surface.n_gradients,
            there.energy,
            there.largest,
            length,
        )
        if gained <= _ENERGY_NOISE_HARTREE or there.largest <= max_gradient:
            here = there
    return _finished(detection.molecule, start, here, surface)


@dataclass(frozen=True, eq=False)
class _Point:
    point: NDArrayFloat  # coefficients in the basis
    positions: NDArrayFloat
    energy: float
    gradient: NDArrayFloat  # (3N,), as given
    symmetric: NDArrayFloat  # (N, 3), its totally symmetric part
    slope: NDArrayFloat  # in the basis
    largest: float  # component of the symmetric part without net force and torque


class _Surface:
    """The program behind a count of its calls, and the symmetric part of its gradients."""

    def __init__(self, function: EnergyAndGradient, action: DisplacementSymmetry, start: NDArrayFloat) -> None:
        self.function, self.action, self.start = function, action, start
        self.n_gradients = 0

    def at(self, point: NDArrayFloat, basis: NDArrayFloat) -> _Point:
        positions = self.start + (basis @ point).reshape(-1, 3)
        energy, gradient = self.function(positions)
        self.n_gradients += 1
        gradient = np.asarray(gradient, dtype=float).reshape(-1)
        if gradient.shape != (self.start.size,) or not (np.isfinite(gradient).all() and np.isfinite(energy)):
            raise EngineError(
                f"optimise: the program gave energy {energy} and a gradient of shape {gradient.shape} with "
                f"{int((~np.isfinite(gradient)).sum())} NaN or infinities; {self.start.size} numbers are needed."
            )
        symmetric = _symmetric_part(self.action, gradient.reshape(-1, 3))
        slope = basis.T @ symmetric.ravel()
        largest = float(np.abs(basis @ slope).max(initial=0.0))
        return _Point(point, positions, float(energy), gradient, symmetric, slope, largest)


def _symmetric_part(action: DisplacementSymmetry, vectors: NDArrayFloat) -> NDArrayFloat:
    """Mean over the group of vectors on atoms (N, 3)."""
    total = np.zeros_like(vectors)
    for matrix, permutation in zip(action.matrices, action.permutations, strict=True):
        total[permutation] += vectors @ matrix.T
    return total / len(action.matrices)


def _symmetric_displacements(action: DisplacementSymmetry, start: NDArrayFloat) -> NDArrayFloat:
    """Orthonormal basis (3N, n) of the totally symmetric displacements without translations and rotations."""
    n_atoms = len(start)
    projector = np.zeros((n_atoms, 3, n_atoms, 3))
    atoms = np.arange(n_atoms)
    for matrix, permutation in zip(action.matrices, action.permutations, strict=True):
        projector[permutation, :, atoms, :] += matrix
    projector = projector.reshape(3 * n_atoms, 3 * n_atoms) / len(action.matrices)
    rigid = rigid_motions(start, np.ones(n_atoms), action.analysis.point_group.is_linear)
    internal = np.eye(3 * n_atoms) - rigid @ rigid.T
    values, vectors = np.linalg.eigh(internal @ (projector + projector.T) @ internal / 2)
    return vectors[:, values > 0.5]


def _start_hessian(molecule: Molecule, start: NDArrayFloat, basis: NDArrayFloat) -> NDArrayFloat:
    values, vectors = np.linalg.eigh(basis.T @ model_hessian(molecule.numbers, start) @ basis)
    return (vectors * np.maximum(values, _SOFTEST)) @ vectors.T


def _trusted_step(hessian: NDArrayFloat, slope: NDArrayFloat, trust: float) -> NDArrayFloat:
    """Step to the minimum of the quadratic model within a ball of radius ``trust``."""
    values, vectors = np.linalg.eigh(hessian)
    along = vectors.T @ slope
    lowest = max(0.0, _SOFTEST / 10 - float(values[0]))
    shifts = [lowest, max(lowest, float(np.linalg.norm(along)) / trust + abs(float(values[0])))]
    step = -along / (values + shifts[0])
    if np.linalg.norm(step) <= trust:
        return vectors @ step
    for _ in range(60):
        middle = sum(shifts) / 2
        step = -along / (values + middle)
        shifts[int(np.linalg.norm(step) < trust)] = middle
    return vectors @ step


def _bfgs(hessian: NDArrayFloat, step: NDArrayFloat, change: NDArrayFloat) -> NDArrayFloat:
    """BFGS update, damped to stay positive definite (J. Nocedal, S. J. Wright, Numerical Optimization, 18.15)."""
    along = hessian @ step
    curvature, model = float(step @ change), float(step @ along)
    if model <= 0:
        return hessian
    if curvature < 0.2 * model:
        theta = 0.8 * model / (model - curvature)
        change = theta * change + (1 - theta) * along
        curvature = float(step @ change)
    return hessian - np.outer(along, along) / model + np.outer(change, change) / curvature


def _next_trust(trust: float, length: float, gained: float, predicted: float) -> float:
    """Trust radius from how well the model predicted the energy (the noise of small changes decides nothing)."""
    if gained > _ENERGY_NOISE_HARTREE:
        return length / 4
    if -predicted < 10 * _ENERGY_NOISE_HARTREE:
        return trust
    ratio = gained / predicted
    if ratio < 0.25:
        return length / 2
    if ratio > 0.75 and length > 0.8 * trust:
        return min(2 * trust, _LARGEST_TRUST_BOHR)
    return trust


Pairs = tuple[tuple[int, int], ...]


def bonding_changes(first: Molecule, second: Molecule) -> tuple[Pairs, Pairs]:
    """Pairs of atoms bonded only in the second, and only in the first of two geometries of a molecule.

    A pair counts only where its distance changed by a tenth: one that merely crosses the threshold of
    ``Molecule.bonds()`` (contacts in strained cages do) has not changed.
    """
    before, after = ({(int(i), int(j)) for i, j in m.bonds()} for m in (first, second))
    moved = {
        (i, j)
        for i, j in before ^ after
        if not 1 / _MOVED
        < math.dist(first.positions[i], first.positions[j]) / math.dist(second.positions[i], second.positions[j])
        < _MOVED
    }
    return tuple(sorted(after & moved)), tuple(sorted(before & moved))


def _finished(molecule: Molecule, start: NDArrayFloat, here: _Point, surface: _Surface) -> Optimisation:
    final = replace(molecule, positions=here.positions * BOHR_ANGSTROM)
    formed, broken = bonding_changes(molecule, final)
    result = Optimisation(
        molecule=final,
        energy_hartree=here.energy,
        gradient=here.gradient,
        max_gradient=here.largest,
        gradient_asymmetry=float(np.abs(here.gradient.reshape(-1, 3) - here.symmetric).max(initial=0.0)),
        n_gradients=surface.n_gradients,
        rms_displacement_angstrom=float(np.sqrt(((here.positions - start) ** 2).sum(axis=1).mean())) * BOHR_ANGSTROM,
        bonds_formed=formed,
        bonds_broken=broken,
    )
    if result.bonding_changed:
        _LOG.warning(
            "%s changed bonding on optimisation: formed %s, broken %s",
            molecule.formula, result.bonds_formed, result.bonds_broken,
        )  # fmt: skip
    return result
