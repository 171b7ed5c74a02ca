"""The test molecules have the group they claim: certified by brute force, without the product code."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from zoo import ZOO, ZooMolecule
from zoo_base import LINEAR_GROUPS, group_matrices, group_order

EXACT = 1e-4  # angstrom: an operation counted as present
CLEAR = 0.25  # angstrom: no further operation up to here, so that 0.01 A noise is decidable
CHUNK = 4_000_000  # distances held at once


def reference_pair(symbols: np.ndarray, centred: np.ndarray) -> tuple[int, int]:
    """Two atoms not collinear with the centre: few equivalents first, then long arms."""
    radii = np.linalg.norm(centred, axis=1)
    equivalents = [int(np.sum((symbols == s) & (abs(radii - r) < CLEAR))) for s, r in zip(symbols, radii, strict=True)]
    outer = radii >= 0.6 * radii.max()
    best, found = None, None
    for a in np.flatnonzero(outer):
        arms = np.linalg.norm(np.cross(centred[a], centred), axis=1) / radii[a]
        for b in np.flatnonzero(arms >= 0.5 * arms.max()):
            cost = (equivalents[a] * equivalents[b], -arms[b])
            if best is None or cost < best:
                best, found = cost, (int(a), int(b))
    assert found is not None
    return found


def frames(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Right-handed orthonormal frames (K, 3, 3), rows, from pairs of vectors (K, 3)."""
    x = first / np.linalg.norm(first, axis=1, keepdims=True)
    z = np.cross(first, second)
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], axis=1)


def candidate_operations(symbols: np.ndarray, centred: np.ndarray, slack: float) -> np.ndarray:
    """Orthogonal matrices (K, 3, 3) that carry the reference pair to any compatible pair, in both handednesses."""
    a, b = reference_pair(symbols, centred)
    radii = np.linalg.norm(centred, axis=1)
    gaps = np.linalg.norm(centred[:, None] - centred[None], axis=2)
    c, d = np.nonzero(
        ((symbols == symbols[a]) & (abs(radii - radii[a]) <= slack))[:, None]
        & ((symbols == symbols[b]) & (abs(radii - radii[b]) <= slack))[None, :]
        & (abs(gaps - gaps[a, b]) <= 2 * slack)
        & (np.linalg.norm(np.cross(centred[:, None], centred[None]), axis=2) > 1e-3)
    )
    source = frames(centred[[a]], centred[[b]])[0]
    target = frames(centred[c], centred[d])
    mirrored = target * np.array([1.0, 1.0, -1.0])[:, None]
    return np.concatenate([np.swapaxes(t, 1, 2) @ source for t in (target, mirrored)])


def nearest_images(symbols: np.ndarray, centred: np.ndarray, operations: np.ndarray) -> np.ndarray:
    """For each operation and atom, the nearest atom of the same element to its image: (K, N)."""
    foreign = np.where(symbols[:, None] == symbols[None, :], 0.0, 1e6)
    norms = np.einsum("ij,ij->i", centred, centred)
    step = max(1, CHUNK // len(centred) ** 2)
    blocks = []
    for start in range(0, len(operations), step):
        images = centred @ np.swapaxes(operations[start : start + step], 1, 2)
        squared = norms[None, None, :] - 2 * images @ centred.T + foreign
        blocks.append(np.argmin(squared, axis=2))
    return np.concatenate(blocks)


def fitted(centred: np.ndarray, permutations: np.ndarray, handedness: np.ndarray) -> np.ndarray:
    """Best orthogonal matrix of the given determinant for each permutation (Kabsch): (K, 3, 3)."""
    covariance = np.einsum("kni,nj->kij", centred[permutations], centred)
    u, _, vt = np.linalg.svd(covariance)
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vt)) * handedness
    u[:, :, 2] *= sign[:, None]
    return u @ vt


def operation_deviations(symbols: tuple[str, ...], positions: np.ndarray, slack: float) -> np.ndarray:
    """Deviations (largest atomic displacement, angstrom) of all operations found with at most `slack`.

    Every operation fixes the centroid and is determined by the images of two atoms and its handedness, so the
    search over all compatible pairs is exhaustive.
    """
    elements = np.array(symbols)
    centred = positions - positions.mean(axis=0)
    operations = candidate_operations(elements, centred, slack)
    permutations = nearest_images(elements, centred, operations)
    bijective = (np.sort(permutations, axis=1) == np.arange(len(centred))).all(axis=1)
    handedness = np.sign(np.linalg.det(operations))
    keys = np.column_stack([permutations, handedness.astype(int)])[bijective]
    keys = np.unique(keys, axis=0)
    fits = fitted(centred, keys[:, :-1], keys[:, -1])
    shifts = np.linalg.norm(centred @ np.swapaxes(fits, 1, 2) - centred[keys[:, :-1]], axis=2)
    deviations = shifts.max(axis=1)
    return np.sort(deviations[deviations <= slack])


def is_collinear(positions: np.ndarray) -> bool:
    """Whether all atoms lie on one line within 1e-6 angstrom."""
    return len(positions) < 3 or np.linalg.svd(positions - positions.mean(axis=0), compute_uv=False)[1] < 1e-6


FINITE = [m for m in ZOO if m.group not in LINEAR_GROUPS]
STRAIGHT = [m for m in ZOO if m.group in LINEAR_GROUPS]


def by_name(molecule: ZooMolecule) -> str:
    return molecule.name


def test_names_are_unique():
    assert [n for n, k in Counter(m.name for m in ZOO).items() if k > 1] == []


@pytest.mark.parametrize("molecule", ZOO, ids=by_name)
def test_no_two_atoms_closer_than_0_7_angstrom(molecule):
    gaps = np.linalg.norm(molecule.positions[:, None] - molecule.positions[None], axis=2)
    assert gaps[np.triu_indices(len(gaps), 1)].min(initial=np.inf) >= 0.7


@pytest.mark.parametrize("label", sorted({m.group for m in FINITE}))
def test_group_order_matches_the_name(label):
    assert len(group_matrices(label)) == group_order(label)


@pytest.mark.parametrize("molecule", FINITE, ids=by_name)
def test_every_operation_of_the_named_group_maps_it_onto_itself(molecule):
    centred = molecule.positions - molecule.positions.mean(axis=0)
    operations = group_matrices(molecule.group)
    permutations = nearest_images(np.array(molecule.symbols), centred, operations)
    images = centred @ np.swapaxes(operations, 1, 2)
    assert np.linalg.norm(images - centred[permutations], axis=2).max() < 1e-9
    assert (np.sort(permutations, axis=1) == np.arange(len(centred))).all()


@pytest.mark.parametrize("molecule", FINITE, ids=by_name)
def test_no_operation_beyond_the_named_group(molecule):
    deviations = operation_deviations(molecule.symbols, molecule.positions, EXACT)
    assert deviations.max() < 1e-9
    assert len(deviations) == group_order(molecule.group)


@pytest.mark.parametrize("molecule", FINITE, ids=by_name)
def test_no_further_operation_up_to_a_quarter_angstrom(molecule):
    deviations = operation_deviations(molecule.symbols, molecule.positions, CLEAR)
    further = deviations[deviations > 1e-9]
    assert further.size == 0, f"{further.size} further operations from {further.min():.3f} A"
