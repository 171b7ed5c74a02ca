"""How symmetry operations move internal coordinates: canonical forms, closed sets, orbits, and signed images."""

from dataclasses import dataclass

import numpy as np

from ..groups.detection import detect_point_group
from ..groups.displacements import DisplacementSymmetry
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt

__all__ = ["NuclearFrame", "canonical", "closed", "orbit_labels"]


@dataclass(frozen=True, eq=False)
class NuclearFrame:
    """The nuclei as points of the elements, without their masses: positions made symmetric, and the operations.

    Force constants do not depend on masses, so isotopologues share one set of coordinates: isotopes are left out.

    Attributes
    ----------
    positions : ndarray (N, 3)
        Angstrom, averaged over the group, in the orientation of the input.
    matrices, permutations : ndarray (h, 3, 3), ndarray (h, N)
        Atom a goes to the place of atom ``permutations[g, a]``; of a linear molecule the subgroup C4v or D4h.
    axes : ndarray (3, 3)
        Rows x, y, z of the standard setting.
    linear : bool
    n_vibrations : int
    """

    positions: NDArrayFloat
    matrices: NDArrayFloat
    permutations: NDArrayInt
    axes: NDArrayFloat
    linear: bool
    n_vibrations: int

    @classmethod
    def of(cls, molecule: Molecule) -> "NuclearFrame":
        """The frame of a molecule."""
        n_atoms = len(molecule)
        detection = detect_point_group(molecule.with_isotopes(dict.fromkeys(range(n_atoms), 0)))
        if n_atoms == 1:
            identity = np.eye(3)[None], np.zeros((1, 1), dtype=np.int64)
            return cls(np.zeros((1, 3)), *identity, np.eye(3), False, 0)
        symmetry = DisplacementSymmetry.of(detection)
        linear = detection.point_group.is_linear
        return cls(
            symmetry.positions,
            symmetry.matrices,
            symmetry.permutations,
            detection.frame,
            linear,
            3 * n_atoms - (5 if linear else 6),
        )


def canonical(kind: str, atoms: NDArrayInt) -> NDArrayInt:
    """The same coordinates (..., k) with atoms in one order: the two ways to read one become equal.

    Reversing a stretch, bend, linear bend or torsion does not change it; exchanging the last two atoms of an
    out-of-plane angle changes its sign.
    """
    if kind == "out_of_plane":
        return np.concatenate([atoms[..., :2], np.sort(atoms[..., 2:], axis=-1)], axis=-1)
    return np.where(atoms[..., :1] > atoms[..., -1:], atoms[..., ::-1], atoms)


def closed(kind: str, atoms: NDArrayInt, permutations: NDArrayInt) -> NDArrayInt:
    """All images (n', k) of the coordinates (n, k), each once, in canonical form and lexicographic order."""
    images = canonical(kind, permutations[:, atoms])
    return np.unique(images.reshape(-1, atoms.shape[-1]), axis=0)


def orbit_labels(kind: str, atoms: NDArrayInt, permutations: NDArrayInt) -> NDArrayInt:
    """Label (n,) of each coordinate of a closed set in lexicographic order: place of the first of its orbit."""
    images = canonical(kind, permutations[:, atoms])
    places = np.unique(images.reshape(-1, atoms.shape[-1]), axis=0, return_inverse=True)[1]
    return places.reshape(images.shape[:2]).min(axis=0)
