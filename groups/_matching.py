"""Exhaustive image-pair matching: all orthogonal operations that map a set of atoms nearly onto itself.

An operation that displaces no atom by more than ``limit`` sends a reference pair of atoms to a pair of the same
species, radii and distance (within twice the limit). Each such image pair fixes one rotation and one rotary
reflection; the permutation that it induces is refined by a Kabsch fit over all atoms and judged by the largest
distance between an atom's image and its partner. Every operation within the limit is found this way.

Cost: O(N^2) for the invariants that rule atoms out as images of one another (up to O(N^3) where many atoms share
element and distance from the centroid); then O(N^2) for each surviving image
pair. A molecule without symmetry has one such pair, C60 about 120.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .operations import NDArrayFloat, NDArrayInt

_LINE_ANGSTROM = 0.1  # a pair of atoms this near a line through the centroid fixes no frame
_FAR = 1e3  # angstrom; added to distances between different species
_BLOCK = 2_000_000  # floats held at once while distances are compared


@dataclass(frozen=True, eq=False)
class Candidates:
    """Operations found, sorted by deviation, identity first.

    matrices (M, 3, 3) about the centroid; permutations (M, N): atom a is sent to ``permutations[m, a]``;
    deviations (M,) largest and rms (M,) root-mean-square distance (angstrom) between an image and its partner;
    proper (M,) bool; ``near_line``: the atoms may lie on a line within twice the limit.
    """

    matrices: NDArrayFloat
    permutations: NDArrayInt
    deviations: NDArrayFloat
    rms: NDArrayFloat
    proper: np.ndarray
    near_line: bool = False

    def __len__(self) -> int:
        return len(self.deviations)

    def take(self, index: NDArrayInt) -> "Candidates":
        """The candidates named by ``index``, in that order."""
        return Candidates(
            self.matrices[index],
            self.permutations[index],
            self.deviations[index],
            self.rms[index],
            self.proper[index],
            self.near_line,
        )


def find_candidates(species: NDArrayInt, centred: NDArrayFloat, limit: float) -> Candidates:
    """All operations with deviation <= ``limit`` (angstrom) of atoms ``centred`` (N, 3) of ``species`` (N,), N >= 2.

    The centroid of ``centred`` is the origin. Atoms on one line have infinitely many operations; those returned
    are then one proper and one improper operation for each of the (at most two) permutations.
    """
    distances, radii = _distances(centred)
    compatible = _compatible(species, distances, radii, limit)
    first, second, lever = _reference_pair(compatible, centred, radii)
    near_line = lever < max(2 * limit, _LINE_ANGSTROM)
    if np.count_nonzero(compatible) == len(species):  # every atom unlike all others: E, or the plane of the atoms
        return _judge(centred, np.tile(np.arange(len(species)), (2, 1)), np.array([True, False]), limit, near_line)
    seeds, proper = np.empty((0, len(species)), dtype=np.int64), np.empty(0, dtype=bool)
    if near_line:
        permutations = _line_permutations(species, centred)
        seeds, proper = np.repeat(permutations, 2, axis=0), np.tile([True, False], len(permutations))
    if lever >= _LINE_ANGSTROM:
        frames, proper_frames = _frames_of_images(compatible, distances, centred, first, second, limit)
        found, proper_found = _permutations_of_frames(species, centred, frames, proper_frames)
        seeds, proper = _distinct(np.concatenate([seeds, found]), np.concatenate([proper, proper_found]))
    return _judge(centred, seeds, proper, limit, near_line)


def _distances(centred: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
    squares = np.einsum("ij,ij->i", centred, centred)
    gram = squares[:, None] + squares[None, :] - 2.0 * (centred @ centred.T)
    return np.sqrt(np.maximum(gram, 0.0)), np.sqrt(squares)


def _compatible(species: NDArrayInt, distances: NDArrayFloat, radii: NDArrayFloat, limit: float) -> np.ndarray:
    """Bool (N, N): can atom j be the image of atom i, by species, radius and profile of distances?"""
    compatible = (species[:, None] == species) & (np.abs(radii[:, None] - radii) <= limit)
    first, second = np.nonzero(np.triu(compatible, 1))
    if len(first) == 0:
        return compatible
    order = np.argsort(species, kind="stable")
    profile = distances[:, order]
    edges = np.flatnonzero(np.diff(species[order])) + 1
    for start, stop in zip([0, *edges], [*edges, len(species)], strict=True):
        profile[:, start:stop].sort(axis=1)
    block = max(1, _BLOCK // len(species))
    same = np.concatenate(
        [
            np.abs(profile[first[s : s + block]] - profile[second[s : s + block]]).max(axis=1) <= 2 * limit
            for s in range(0, len(first), block)
        ]
    )
    compatible[first, second] = compatible[second, first] = same
    return compatible


def _reference_pair(compatible: np.ndarray, centred: NDArrayFloat, radii: NDArrayFloat) -> tuple[int, int, float]:
    """Two atoms with few possible images that span a well-conditioned frame; distance of the second from the axis."""
    images = compatible.sum(axis=1)
    far = radii >= 0.4 * radii.max()
    first = int(np.argmin(np.where(far, images - radii / (radii.max() + 1e-9), np.inf)))
    unit = centred[first] / max(radii[first], 1e-12)
    off_axis = np.sqrt(np.maximum(radii**2 - (centred @ unit) ** 2, 0.0))
    widest = off_axis.max()
    far = off_axis >= 0.4 * widest
    second = int(np.argmin(np.where(far, images - off_axis / (widest + 1e-9), np.inf)))
    return first, second, float(off_axis[second])


def _line_permutations(species: NDArrayInt, centred: NDArrayFloat) -> NDArrayInt:
    """Identity and, where the species allow it, the reversal of atoms strung along a line."""
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    order = np.argsort(along)
    reversal = np.empty_like(order)
    reversal[order] = order[::-1]
    identity = np.arange(len(species))
    if len(species) > 1 and np.array_equal(species, species[reversal]):
        return np.array([identity, reversal])
    return identity[None]


def _frames(a: NDArrayFloat, b: NDArrayFloat) -> NDArrayFloat:
    """Orthonormal frames (..., 3 vectors, 3) spanned by a (..., 3) and b (..., 3)."""
    e1 = a / np.sqrt(np.einsum("...i,...i", a, a))[..., None]
    e2 = b - np.einsum("...i,...i", b, e1)[..., None] * e1
    e2 = e2 / np.sqrt(np.einsum("...i,...i", e2, e2))[..., None]
    e3 = np.stack(
        [
            e1[..., 1] * e2[..., 2] - e1[..., 2] * e2[..., 1],
            e1[..., 2] * e2[..., 0] - e1[..., 0] * e2[..., 2],
            e1[..., 0] * e2[..., 1] - e1[..., 1] * e2[..., 0],
        ],
        axis=-1,
    )
    return np.stack([e1, e2, e3], axis=-2)


def _frames_of_images(
    compatible: np.ndarray,
    distances: NDArrayFloat,
    centred: NDArrayFloat,
    first: int,
    second: int,
    limit: float,
) -> tuple[NDArrayFloat, np.ndarray]:
    """Matrices (M, 3, 3) that take the reference pair to each image pair, proper and improper, and a proper flag."""
    images_1, images_2 = np.flatnonzero(compatible[first]), np.flatnonzero(compatible[second])
    fits = np.abs(distances[np.ix_(images_1, images_2)] - distances[first, second]) <= 2 * limit
    fits &= images_1[:, None] != images_2
    a, b = centred[images_1][:, None], centred[images_2]
    along = (a * b).sum(axis=2) / np.maximum((a * a).sum(axis=2), 1e-12)
    across = b - along[..., None] * a
    fits &= (across * across).sum(axis=2) > (_LINE_ANGSTROM / 2) ** 2  # an image pair in line gives no frame
    row, column = np.nonzero(fits)
    reference = _frames(centred[first], centred[second])
    targets = _frames(centred[images_1[row]], centred[images_2[column]])
    proper = np.einsum("mki,kj->mij", targets, reference)
    mirrored = proper - 2.0 * targets[:, 2, :, None] * reference[2]  # third axis turned round
    return np.concatenate([proper, mirrored]), np.repeat([True, False], len(row))


def _permutations_of_frames(
    species: NDArrayInt, centred: NDArrayFloat, matrices: NDArrayFloat, proper: np.ndarray
) -> tuple[NDArrayInt, np.ndarray]:
    """Permutations (K, N) that the matrices (M, 3, 3) induce once refined, with their proper flags."""
    nearest = _nearest(species, centred, matrices)
    if len(matrices) > 2 or len(species) > 40:
        # The frame of two atoms is rough at the far end of a molecule: refit it to all atoms and look again.
        nearest = _nearest(species, centred, _kabsch(centred, nearest, proper))
    bijective = (np.sort(nearest, axis=1) == np.arange(len(species))).all(axis=1)
    return nearest[bijective], proper[bijective]


def _distinct(permutations: NDArrayInt, proper: np.ndarray) -> tuple[NDArrayInt, np.ndarray]:
    keyed = np.concatenate([permutations, proper[:, None]], axis=1)
    _, index = np.unique(keyed @ hash_weights(keyed.shape[1]), return_index=True)
    return permutations[index], proper[index]


@lru_cache(maxsize=64)
def hash_weights(length: int) -> NDArrayInt:
    """Fixed random integers (length,): the dot product with a permutation is its hash (wraps around, harmless)."""
    return np.random.default_rng(20240229).integers(1, 2**62, length)


def _nearest(species: NDArrayInt, centred: NDArrayFloat, matrices: NDArrayFloat) -> NDArrayInt:
    """Atom (M, N) of the same species nearest to each image ``matrices[m] @ centred[a]``."""
    count = len(species)
    if count > 80:
        return _nearest_by_tree(species, centred, matrices)
    squares = 0.5 * np.einsum("ij,ij->i", centred, centred)
    other = _FAR * (species[:, None] != species)
    result = np.empty((len(matrices), count), dtype=np.int64)
    block = max(1, _BLOCK // count**2)
    for start in range(0, len(matrices), block):
        images = np.einsum("mij,aj->mai", matrices[start : start + block], centred)
        # argmin over b of |image - b|^2 / 2, without the term that does not depend on b
        result[start : start + block] = (squares - images @ centred.T + other).argmin(axis=2)
    return result


def _nearest_by_tree(species: NDArrayInt, centred: NDArrayFloat, matrices: NDArrayFloat) -> NDArrayInt:
    from scipy.spatial import KDTree

    result = np.empty((len(matrices), len(species)), dtype=np.int64)
    for kind in np.unique(species):
        members = np.flatnonzero(species == kind)
        images = np.einsum("mij,aj->mai", matrices, centred[members])
        result[:, members] = members[KDTree(centred[members]).query(images.reshape(-1, 3))[1]].reshape(
            len(matrices), len(members)
        )
    return result


def _kabsch(centred: NDArrayFloat, permutations: NDArrayInt, proper: np.ndarray) -> NDArrayFloat:
    """Matrices (M, 3, 3), of the given determinants, that best take atom a to atom ``permutations[m, a]``."""
    covariance = np.einsum("mai,aj->mij", centred[permutations], centred)
    u, _, vt = np.linalg.svd(covariance)
    wanted = np.where(proper, 1.0, -1.0)
    u[:, :, 2] *= (wanted * np.sign(np.linalg.det(u) * np.linalg.det(vt)))[:, None]
    return u @ vt


def _judge(
    centred: NDArrayFloat, permutations: NDArrayInt, proper: np.ndarray, limit: float, near_line: bool
) -> Candidates:
    """Fit each permutation, keep what deviates by no more than ``limit``; identity first, then by deviation."""
    matrices = _kabsch(centred, permutations, proper)
    errors = np.einsum("mij,aj->mai", matrices, centred) - centred[permutations]
    squares = np.einsum("mai,mai->ma", errors, errors)
    deviations, rms = np.sqrt(squares.max(axis=1)), np.sqrt(squares.mean(axis=1))
    identity = proper & (permutations == np.arange(permutations.shape[1])).all(axis=1)
    deviations[identity] = rms[identity] = 0.0
    matrices[identity] = np.eye(3)
    order = np.lexsort((deviations, ~identity))
    order = order[deviations[order] <= limit]
    return Candidates(matrices, permutations, deviations, rms, proper, near_line).take(order)
