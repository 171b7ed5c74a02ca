"""Symmetry of the 3N Cartesian displacements of a detected molecule: averaging and projection on irreps.

Coordinates are ordered atom by atom: x, y, z of atom 0, then of atom 1. An operation with matrix R that sends atom a
to atom p[a] acts as ``D[3 p[a] + i, 3 a + j] = R[i, j]``, in the frame of the input coordinates.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import MoleculeError, RepresentationError
from ._rigid import rigid_motions
from .character_table import finite_table
from .elements import SAME_NUCLIDE_U
from .operations import NDArrayFloat, NDArrayInt
from .representation import Decomposition
from .vibrations import VibrationalAnalysis, vibrational_representation

__all__ = ["DisplacementSymmetry"]

_IN_SUBSPACE = 0.5  # eigenvalues of a product of commuting projectors are 0 or 1


@dataclass(frozen=True, eq=False)
class DisplacementSymmetry:
    """How the symmetry group acts on mass-weighted Cartesian displacements, and what its vibrations are.

    Attributes
    ----------
    analysis : VibrationalAnalysis
        The prediction.
    masses : ndarray (N,)
        In u, equal for equivalent atoms.
    positions : ndarray (N, 3)
        Angstrom, from the centre of mass, averaged over the group: exactly symmetric.
    matrices, permutations : ndarray (h, 3, 3), ndarray (h, N)
        The operations in the input frame. For a linear molecule those of the subgroup C4v or D4h, which leaves
        the same second-rank tensors invariant as the infinite group does.
    projectors : dict of str to ndarray (3N, 3N)
        On the displacements of each species that occurs in Gamma_3N.
    """

    analysis: VibrationalAnalysis
    masses: NDArrayFloat
    positions: NDArrayFloat
    matrices: NDArrayFloat
    permutations: NDArrayInt
    projectors: dict[str, NDArrayFloat]

    @classmethod
    def of(cls, detection: Any, masses: NDArrayFloat | None = None) -> "DisplacementSymmetry":
        """The action for a ``Detection``; ``masses`` (N,) in u replace those of the molecule.

        Raises
        ------
        MoleculeError
            Masses of a wrong number, not positive, or different for equivalent atoms.
        """
        molecule, group = detection.molecule, detection.point_group
        masses = _checked_masses(detection, masses)
        centred = molecule.positions - masses @ molecule.positions / masses.sum()
        if len(molecule) == 1:
            analysis = vibrational_representation(group)
            matrices, permutations, projectors = np.eye(3)[None], np.zeros((1, 1), dtype=int), {}
        elif group.is_linear:
            analysis = vibrational_representation(group, n_atoms=len(molecule))
            matrices, permutations, projectors = _linear_action(centred, analysis)
        else:
            analysis = vibrational_representation(group, detection.fixed_atoms_per_class)
            matrices = np.array([entry.operation.matrix for entry in detection.operations])
            permutations = np.array([entry.permutation for entry in detection.operations])
            indices = np.array([entry.index for entry in detection.operations])
            projectors = _finite_projectors(analysis.gamma_3n, matrices, permutations, indices)
        positions = np.zeros_like(centred)
        for matrix, permutation in zip(matrices, permutations, strict=True):
            positions[permutation] += centred @ matrix.T
        return cls(analysis, masses, positions / len(matrices), matrices, permutations, projectors)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.masses)

    @property
    def mass_weights(self) -> NDArrayFloat:
        """Square root of the mass (u) of each coordinate, (3N,)."""
        return np.repeat(np.sqrt(self.masses), 3)

    def average(self, matrix: NDArrayFloat) -> NDArrayFloat:
        """Mean over the group of ``D matrix D^T``, (3N, 3N): the part that has the symmetry."""
        blocks = matrix.reshape(self.n_atoms, 3, self.n_atoms, 3)
        total = np.zeros_like(blocks)
        for operation, permutation in zip(self.matrices, self.permutations, strict=True):
            turned = np.einsum("ij,ajbk,lk->aibl", operation, blocks, operation, optimize=True)
            inverse = np.argsort(permutation)
            total += turned[inverse][:, :, inverse]
        return (total / len(self.matrices)).reshape(matrix.shape)

    def rigid_motions(self) -> NDArrayFloat:
        """Orthonormal mass-weighted translations and infinitesimal rotations (3N, 6 or 5; atom: 3).

        Rotations in the Eckart frame: delta r_a = omega x r_a about the centre of mass.
        C. Eckart, Phys. Rev. 47, 552 (1935).
        """
        return rigid_motions(self.positions, self.masses, self.analysis.point_group.is_linear)

    def vibrational_bases(self) -> dict[str, NDArrayFloat]:
        """Orthonormal mass-weighted basis (3N, n d) of the vibrations of each species, as Gamma_vib predicts.

        Raises
        ------
        RepresentationError
            A basis has not the predicted dimension: the operations do not fit the molecule.
        """
        rigid = self.rigid_motions()
        internal = np.eye(3 * self.n_atoms) - rigid @ rigid.T
        bases = {}
        for label, projector in self.projectors.items():
            values, vectors = np.linalg.eigh(internal @ projector @ internal)
            bases[label] = vectors[:, values > _IN_SUBSPACE]
        found = {label: basis.shape[1] for label, basis in bases.items() if basis.shape[1]}
        gamma, rules = self.analysis.gamma_vib, self.analysis.rules
        predicted = {label: count * rules[label].dimension for label, count in gamma.items()}
        if found != predicted:
            raise RepresentationError(
                f"{self.analysis.point_group}: projection finds vibrations with dimensions {found}, but Gamma_vib = "
                f"{gamma} predicts {predicted}."
            )
        return {label: bases[label] for label in predicted}


def _checked_masses(detection: Any, masses: NDArrayFloat | None) -> NDArrayFloat:
    molecule = detection.molecule
    masses = np.array(molecule.masses if masses is None else masses, dtype=float)
    if masses.shape != (len(molecule),) or not np.isfinite(masses).all() or (masses <= 0).any():
        raise MoleculeError(
            f"masses of shape {masses.shape} for a molecule of {len(molecule)} atoms: one positive number (u) per atom "
            "is needed."
        )
    for orbit in detection.orbits:
        spread = float(np.ptp(masses[np.asarray(orbit)]))
        if spread > SAME_NUCLIDE_U:
            raise MoleculeError(
                f"masses differ by {spread:g} u among the equivalent atoms {list(map(int, orbit))}: this isotopologue "
                f"has less symmetry than {detection.point_group}; give the molecule these isotopes and detect again."
            )
        masses[np.asarray(orbit)] = masses[np.asarray(orbit)].mean()
    return masses


def _finite_projectors(
    gamma_3n: Decomposition, matrices: NDArrayFloat, permutations: NDArrayInt, indices: NDArrayInt
) -> dict[str, NDArrayFloat]:
    """P = (d/h) sum over g of conj(chi(g)) D(g), for each real irrep (the sum over a complex pair)."""
    table = finite_table(gamma_3n.point_group)
    order, n_atoms = permutations.shape
    class_of = np.empty(order, dtype=int)
    for number, cls in enumerate(table.classes):
        class_of[np.asarray(cls.indices)] = number
    classes = class_of[indices]
    characters = table.to_numpy()
    atoms = np.arange(n_atoms)
    class_sums = np.zeros((len(table.classes), n_atoms, n_atoms, 3, 3))
    for cls, matrix, permutation in zip(classes, matrices, permutations, strict=True):
        class_sums[cls, permutation, atoms] += matrix
    projectors = {}
    for label in gamma_3n:
        rows = [row for row, irrep in enumerate(table.irreps) if irrep.real_label == label]
        weights = sum(table.irreps[row].dimension * characters[row].conj() for row in rows)
        blocks = np.einsum("c,cabij->aibj", np.real(weights), class_sums) / order
        projectors[label] = blocks.reshape(3 * n_atoms, 3 * n_atoms)
    return projectors


def _linear_action(
    centred: NDArrayFloat, analysis: VibrationalAnalysis
) -> tuple[NDArrayFloat, NDArrayInt, dict[str, NDArrayFloat]]:
    """Operations of C4v or D4h along the molecule's axis, and projectors: along the axis Sigma+, across it Pi."""
    n_atoms = len(centred)
    frame = np.linalg.svd(centred)[2]  # rows: the axis, then two directions across it
    axis, across = frame[0], frame[1:]
    quarter = frame.T @ np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]) @ frame
    mirror = frame.T @ np.diag([1.0, 1.0, -1.0]) @ frame
    turns = [np.linalg.matrix_power(quarter, k) for k in range(4)]
    matrices = [*turns, *(turn @ mirror for turn in turns)]
    identity = np.arange(n_atoms)
    permutations = [identity] * len(matrices)
    along: NDArrayFloat = np.kron(np.eye(n_atoms), np.outer(axis, axis)).astype(float)
    perpendicular: NDArrayFloat = np.kron(np.eye(n_atoms), across.T @ across).astype(float)
    if not analysis.point_group.has_inversion:
        return np.array(matrices), np.array(permutations), {"Sigma+": along, "Pi": perpendicular}
    swap = np.empty(n_atoms, dtype=int)
    order = np.argsort(centred @ axis)
    swap[order] = order[::-1]
    matrices += [-matrix for matrix in matrices]
    permutations += [swap] * len(permutations)
    inversion = np.kron(np.eye(n_atoms)[swap], -np.eye(3))
    projectors: dict[str, NDArrayFloat] = {}
    for parity, sign in (("g", 1.0), ("u", -1.0)):
        half = (np.eye(3 * n_atoms) + sign * inversion) / 2.0
        projectors[f"Sigma{parity}+"] = half @ along
        projectors[f"Pi{parity}"] = half @ perpendicular
    return np.array(matrices), np.array(permutations), projectors
