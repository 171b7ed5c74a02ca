"""Distances between the atoms of one molecule, and the checks that they are possible in angstrom."""

import logging

import numpy as np
from numpy.typing import NDArray

from ..errors import MoleculeError
from .elements import covalent_radii_angstrom, element

# Two nuclei are never this close (H2 has 0.74 angstrom), so one of them is a copy.
_DUPLICATE_ANGSTROM = 0.1

# If the typical (median) nearest distance is below, or every one above, the unit is not the angstrom.
_NEAREST_RANGE_ANGSTROM = (0.3, 30.0)

# Shortest length, in nanometres, that is taken for a bond (H-H has 0.074).
_SHORTEST_BOND_NANOMETRE = 0.05

# Atoms whose distance is above this multiple of the sum of covalent radii are not bonded; bohr would give
# 1.9.
_UNBONDED_RATIO = 1.5

# Beyond this number of atoms the (N, N) distance matrix is replaced by a k-d tree.
_DENSE_ATOMS = 400

logger = logging.getLogger(__name__)

NDArrayInt = NDArray[np.int64]
NDArrayFloat = NDArray[np.float64]


def pairs_within(xyz: NDArrayFloat, reach: float) -> tuple[NDArrayInt, NDArrayFloat]:
    """Return pairs (i < j) not further apart than `reach` angstrom, sorted, and their distances."""
    if len(xyz) <= _DENSE_ATOMS:
        i, j = np.triu_indices(len(xyz), k=1)
        distances = np.linalg.norm(xyz[i] - xyz[j], axis=1)
        near = distances <= reach
        return np.column_stack((i[near], j[near])), distances[near]
    from scipy.spatial import KDTree  # 60 ms to import, needed for large molecules only

    pairs: NDArrayInt = np.asarray(KDTree(xyz).query_pairs(reach, output_type="ndarray"))
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return pairs, np.linalg.norm(xyz[pairs[:, 0]] - xyz[pairs[:, 1]], axis=1)


def nearest_neighbours(xyz: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayInt]:
    """Return for each atom the distance in angstrom to its nearest neighbour, and that neighbour's index."""
    if len(xyz) <= _DENSE_ATOMS:
        difference = xyz[:, None, :] - xyz[None, :, :]
        squared = np.einsum("ijk,ijk->ij", difference, difference)
        np.fill_diagonal(squared, np.inf)
        nearest = squared.argmin(axis=1)
        return np.sqrt(squared[np.arange(len(xyz)), nearest]), nearest
    from scipy.spatial import KDTree

    found = KDTree(xyz).query(xyz, k=2)
    distances, indices = np.asarray(found[0]), np.asarray(found[1])
    own = indices[:, 0] == np.arange(len(xyz))
    nearest = np.where(own, indices[:, 1], indices[:, 0])
    return distances[:, 1], nearest


def check_distances(z: NDArrayInt, xyz: NDArrayFloat) -> None:
    """Refuse duplicate atoms and coordinates that are not in angstrom; warn of what looks like bohr."""
    if len(z) == 1:
        return
    distances, neighbours = nearest_neighbours(xyz)
    shortest, typical = float(distances.min()), float(np.median(distances))
    lowest, highest = _NEAREST_RANGE_ANGSTROM
    # H-H in nanometres is 0.074: a wrong unit, not a duplicate, if the whole molecule is like that.
    if shortest >= _SHORTEST_BOND_NANOMETRE and typical < lowest:
        raise MoleculeError(
            f"the {len(z)} atoms have their nearest neighbours at {shortest:.3g} to {distances.max():.3g}; as "
            "angstrom this is too short for bonds. It looks like nanometres: multiply the positions by 10."
        )
    if shortest < _DUPLICATE_ANGSTROM:
        i = int(distances.argmin())
        i, j = sorted((i, int(neighbours[i])))
        raise MoleculeError(
            f"atoms {i} ({element(int(z[i])).symbol}) and {j} ({element(int(z[j])).symbol}), counted from 0, "
            f"are {shortest:.3g} angstrom apart: one is a duplicate, or the positions are not in angstrom."
        )
    if shortest > highest:
        raise MoleculeError(
            f"no two of the {len(z)} atoms are closer than {shortest:.4g} angstrom, so nothing is bonded. It "
            "looks like picometres: divide the positions by 100."
        )
    radii = covalent_radii_angstrom()[z]
    if (distances > _UNBONDED_RATIO * (radii + radii[neighbours])).all():
        logger.warning(
            "no two of the %d atoms are within bonding distance (nearest: %.3g angstrom); if the positions "
            "are "
            "in bohr, multiply them by 0.529177",
            len(z),
            shortest,
        )
