"""Theorem 1, shown: spectra do not change under symmetry operations on geometry and force field, nor by relabelling.

The spectra are therefore functions on M/G, the force fields at a geometry modulo its symmetry group G: two force
fields that differ by an operation of G are one point for every spectrometer.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward._tensor_averages import averaged_response
from ..forward._vibrational_space import are_linear, rigid_motions
from ..forward.normal_modes import NormalModes, normal_modes
from ..forward.response import HarmonicResponse
from ..groups.detection import detect_point_group
from ..groups.displacements import DisplacementSymmetry
from ..groups.molecule import Molecule
from ..groups.readers import as_molecule
from ._isospectral import OBSERVABLES
from ._spectral_comparison import SpectralDeviation, compare_spectra

__all__ = ["Invariance", "invariance"]

Array = NDArray[np.float64]

_WORDS = {
    "moved": "operation on geometry, force field and derivatives (labels kept)",
    "relabelled": "its permutation of equivalent atoms on everything",
    "force_field": "operation and permutation on the force field alone",
    "shuffled": "random exchange of labels of equivalent atoms on everything",
}


@dataclass(frozen=True, eq=False)
class Invariance:
    """How much spectra change under what must not change them.

    Attributes
    ----------
    point_group : str
    n_operations : int
        Of a linear molecule those of C4v or D4h.
    n_shuffles : int
    distortion : float
        Of the force field that was acted on (see `invariance`): with a symmetric one there would be nothing to show.
    deviations : dict of str to SpectralDeviation
        Largest over all operations. "moved": geometry, force field and derivatives turned, labels kept; "relabelled":
        the operation's permutation of equivalent atoms applied to all; "force_field": both, which brings geometry and
        derivatives back, so that only F -> gF remains; "shuffled": random permutations within the sets of equivalent
        atoms.
    force_field_change : float
        Largest |gF - F| / |F| (mass-weighted): what "force_field" leaves unseen.
    control_cm1 : float
        The same comparison after a rotation by 1 radian about a random axis that is no symmetry operation, acting on F
        alone: what a difference looks like.
    """

    point_group: str
    n_operations: int
    n_shuffles: int
    distortion: float
    deviations: dict[str, SpectralDeviation]
    force_field_change: float
    control_cm1: float

    @property
    def largest(self) -> SpectralDeviation:
        """The largest deviation of all."""
        first, *rest = self.deviations.values()
        for other in rest:
            first = first.largest(other)
        return first

    def __str__(self) -> str:
        lines = [
            f"{self.point_group}: {self.n_operations} operations, {self.n_shuffles} shuffles; force field distorted by "
            f"{100 * self.distortion:.3g} %"
        ]
        lines += [f"  {_WORDS[name]}: {found}" for name, found in self.deviations.items()]
        lines.append(
            f"  gF differs from F by up to {100 * self.force_field_change:.3g} %; a rotation that is no symmetry moves "
            f"lines by {self.control_cm1:.3g} cm-1"
        )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**vars(self), "deviations": {k: v.as_dict() for k, v in self.deviations.items()}}


def invariance(
    molecule_or_response: Any,
    *,
    distortion: float = 0.05,
    shuffles: int = 10,
    seed: int = 0,
    tolerance: float | None = None,
) -> Invariance:
    """Largest changes of the spectra under all symmetry operations and relabellings of a molecule.

    Parameters
    ----------
    molecule_or_response : HarmonicResponse or molecule-like
        Of a bare molecule force field and derivatives are made up (seeded, random): the theorem holds for all.
    distortion : float
        Spectral norm of the random matrix E, without symmetry, in H -> (1 + E) H (1 + E)^T (mass-weighted
        vibrations). The geometry and the derivatives are averaged over the group.
    shuffles : int
        Number of random relabellings.
    seed : int
    tolerance : float, optional
        Angstrom, for the detection of the point group.

    Returns
    -------
    Invariance

    Raises
    ------
    IdentifiabilityError
        An atom; a distortion that is not positive.

    Examples
    --------
    >>> import symvib as sv
    >>> water = sv.Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]])
    >>> found = invariance(water)
    >>> found.n_operations, found.largest.wavenumber_cm1 < 1e-7, found.control_cm1 > 1
    (4, True, True)
    """
    if not (np.isfinite(distortion) and distortion > 0):
        raise IdentifiabilityError(f"invariance: distortion={distortion}; a positive number is needed.")
    rng = np.random.default_rng(seed)
    given = molecule_or_response
    molecule = given.molecule if isinstance(given, HarmonicResponse) else as_molecule(given)
    if len(molecule) < 2:
        raise IdentifiabilityError(f"invariance: {molecule!r} does not vibrate.")
    detection = detect_point_group(molecule, tolerance)
    action = DisplacementSymmetry.of(detection)
    response = given if isinstance(given, HarmonicResponse) else _made_up(molecule, action, rng)
    symmetric = _exactly_symmetric(response, action)
    distorted = _distorted(symmetric, action, distortion, rng)
    start = _modes(distorted)
    found: dict[str, SpectralDeviation] = {}

    def compare(name: str, other: HarmonicResponse) -> None:
        deviation = compare_spectra(start, _modes(other), _observables(distorted))
        found[name] = deviation if name not in found else found[name].largest(deviation)

    weights = np.outer(action.mass_weights, action.mass_weights)
    size, change = np.linalg.norm(distorted.hessian / weights), 0.0
    for matrix, permutation in zip(action.matrices, action.permutations, strict=True):
        moved = _turned(distorted, matrix)
        compare("moved", moved)
        compare("relabelled", _relabelled(distorted, permutation))
        acted = _relabelled(moved, permutation).hessian
        compare("force_field", replace(distorted, hessian=acted))
        change = max(change, float(np.linalg.norm((acted - distorted.hessian) / weights) / size))
    for _ in range(shuffles):
        compare("shuffled", _relabelled(distorted, _shuffle(detection.orbits, len(molecule), rng)))
    turned = _turned(distorted, _rotation(rng)).hessian
    control = compare_spectra(start, _modes(replace(distorted, hessian=turned)), ("freq",)).wavenumber_cm1
    return Invariance(detection.point_group.label, len(action.matrices), shuffles, distortion, found, change, control)


def _observables(response: HarmonicResponse) -> tuple[str, ...]:
    ir = ("ir",) if response.dipole_derivatives is not None else ()
    return ("freq", *ir, *(OBSERVABLES[2:] if response.polarizability_derivatives is not None else ()))


def _modes(response: HarmonicResponse) -> NormalModes:
    return normal_modes(response, symmetry=False, check=False)


def _made_up(molecule: Molecule, action: DisplacementSymmetry, rng: np.random.Generator) -> HarmonicResponse:
    """A random symmetric positive force field, and random derivatives (still to be averaged)."""
    size = 3 * len(molecule)
    alpha = rng.normal(size=(3, 3, size))
    root = rng.normal(size=(size, size)) / np.sqrt(size)
    hessian = action.average(0.1 * np.eye(size) + 0.2 * root @ root.T)
    return HarmonicResponse(molecule, hessian, rng.normal(size=(3, size)), alpha + alpha.swapaxes(0, 1))


def _exactly_symmetric(response: HarmonicResponse, action: DisplacementSymmetry) -> HarmonicResponse:
    """Geometry, masses, Hessian and derivatives averaged over the group; no rigid motion has a force constant."""
    molecule = replace(response.molecule, positions=action.positions.copy(), masses=action.masses.copy())
    averaged = replace(
        averaged_response(action, response),
        molecule=molecule,
        gradient=None,
        energy_hartree=None,
        dipole=None,
        polarizability=None,
    )
    inside = _vibrations(action)
    projector, weights = inside @ inside.T, action.mass_weights
    hessian = projector @ (averaged.hessian / np.outer(weights, weights)) @ projector * np.outer(weights, weights)
    return replace(averaged, hessian=hessian)


def _vibrations(action: DisplacementSymmetry) -> Array:
    """Orthonormal mass-weighted vibrations (3N, d)."""
    rigid = rigid_motions(action.positions, action.masses, bool(are_linear(action.positions)))
    return np.linalg.qr(rigid, mode="complete")[0][:, rigid.shape[1] :]


def _distorted(
    response: HarmonicResponse, action: DisplacementSymmetry, distortion: float, rng: np.random.Generator
) -> HarmonicResponse:
    """H -> X H X^T in mass-weighted vibrations, X = 1 + noise: no symmetry left, and as positive as before."""
    inside, weights = _vibrations(action), np.outer(action.mass_weights, action.mass_weights)
    noise = rng.normal(size=(inside.shape[1],) * 2)
    x = inside @ (np.eye(len(noise)) + distortion * noise / np.linalg.norm(noise, 2)) @ inside.T
    return replace(response, hessian=x @ (response.hessian / weights) @ x.T * weights)


def _turned(response: HarmonicResponse, matrix: Array) -> HarmonicResponse:
    """Everything turned by an orthogonal matrix, labels kept."""
    n = len(response.molecule)
    big = np.kron(np.eye(n), matrix)
    dipole, alpha = response.dipole_derivatives, response.polarizability_derivatives
    return replace(
        response,
        molecule=replace(response.molecule, positions=response.molecule.positions @ matrix.T),
        hessian=big @ response.hessian @ big.T,
        dipole_derivatives=None if dipole is None else matrix @ dipole @ big.T,
        polarizability_derivatives=None
        if alpha is None
        else np.einsum("ij,kl,jlx->ikx", matrix, matrix, alpha, optimize=True) @ big.T,
    )


def _relabelled(response: HarmonicResponse, permutation: Any) -> HarmonicResponse:
    """Everything with atom a called ``permutation[a]``."""
    inverse = np.argsort(permutation)
    places = (3 * inverse[:, None] + np.arange(3)).ravel()
    molecule, dipole, alpha = response.molecule, response.dipole_derivatives, response.polarizability_derivatives
    return replace(
        response,
        molecule=replace(
            molecule,
            numbers=molecule.numbers[inverse],
            positions=molecule.positions[inverse],
            masses=molecule.masses[inverse],
            mass_numbers=molecule.mass_numbers[inverse],
        ),
        hessian=response.hessian[np.ix_(places, places)],
        dipole_derivatives=None if dipole is None else dipole[:, places],
        polarizability_derivatives=None if alpha is None else alpha[..., places],
    )


def _shuffle(orbits: Any, size: int, rng: np.random.Generator) -> Any:
    """A random permutation of equivalent atoms."""
    permutation = np.arange(size)
    for orbit in orbits:
        members = np.asarray(orbit)
        permutation[members] = rng.permutation(members)
    return permutation


def _rotation(rng: np.random.Generator) -> Array:
    """Rotation by 1 radian about a random axis (Rodrigues)."""
    x, y, z = (axis := rng.normal(size=3)) / np.linalg.norm(axis)
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(1.0) * k + (1 - np.cos(1.0)) * k @ k
