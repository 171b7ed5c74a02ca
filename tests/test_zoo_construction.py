"""The test molecules have the group they claim: certified by brute force, without the product code."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from zoo import BELOW_FLOOR, EXPECTED_COUNTS, NEAR, ZOO, ZOO_BY_NAME, ZooMolecule, noisy, permuted, rotated
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
    """Matrices (K, 3, 3) of either handedness that carry the reference pair to a compatible pair."""
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


def smallest_gap(positions: np.ndarray) -> float:
    """Shortest distance between two atoms, angstrom."""
    gaps = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    return float(gaps[np.triu_indices(len(gaps), 1)].min(initial=np.inf))


FINITE = [m for m in ZOO if m.group not in LINEAR_GROUPS]
STRAIGHT = [m for m in ZOO if m.group in LINEAR_GROUPS]
CLOSE = [*NEAR, *BELOW_FLOOR]
EVERY = [*ZOO, *CLOSE]


def by_name(molecule: ZooMolecule) -> str:
    return molecule.name


def test_names_are_unique():
    assert [n for n, k in Counter(m.name for m in EVERY).items() if k > 1] == []


def test_size_of_the_set():
    assert len(ZOO) >= 180
    assert len({m.group for m in ZOO}) >= 75
    assert len(NEAR) >= 12


@pytest.mark.parametrize("molecule", EVERY, ids=by_name)
def test_no_two_atoms_closer_than_0_7_angstrom(molecule):
    assert smallest_gap(molecule.positions) >= 0.7


@pytest.mark.parametrize("label", sorted({m.group for m in FINITE}))
def test_group_order_matches_the_name(label):
    assert len(group_matrices(label)) == group_order(label)


@pytest.mark.parametrize("molecule", [*FINITE, *CLOSE], ids=by_name)
def test_every_operation_of_the_named_group_maps_it_onto_itself(molecule):
    centred = molecule.positions - molecule.positions.mean(axis=0)
    operations = group_matrices(molecule.group)
    permutations = nearest_images(np.array(molecule.symbols), centred, operations)
    images = centred @ np.swapaxes(operations, 1, 2)
    assert np.linalg.norm(images - centred[permutations], axis=2).max() < 1e-9
    assert (np.sort(permutations, axis=1) == np.arange(len(centred))).all()


@pytest.mark.parametrize("molecule", [*FINITE, *CLOSE], ids=by_name)
def test_no_operation_beyond_the_named_group(molecule):
    deviations = operation_deviations(molecule.symbols, molecule.positions, EXACT)
    assert deviations.max() < 1e-9
    assert len(deviations) == group_order(molecule.group)


@pytest.mark.parametrize("molecule", FINITE, ids=by_name)
def test_no_further_operation_up_to_a_quarter_angstrom(molecule):
    deviations = operation_deviations(molecule.symbols, molecule.positions, CLEAR)
    further = deviations[deviations > 1e-9]
    assert further.size == 0, f"{further.size} further operations from {further.min():.3f} A"


@pytest.mark.parametrize("molecule", STRAIGHT, ids=by_name)
def test_linear_molecules(molecule):
    centred = molecule.positions - molecule.positions.mean(axis=0)
    assert np.abs(centred[:, :2]).max() < 1e-12
    ends = sorted(zip(centred[:, 2].round(9), molecule.symbols, strict=True))
    swapped = sorted(zip((-centred[:, 2]).round(9), molecule.symbols, strict=True))
    expected = "Kh" if len(centred) == 1 else "Dinfh" if ends == swapped else "Cinfv"
    assert molecule.group == expected


@pytest.mark.parametrize("molecule", [m for m in CLOSE if m.rival not in LINEAR_GROUPS], ids=by_name)
def test_rival_of_a_near_structure(molecule):
    deviations = operation_deviations(molecule.symbols, molecule.positions, CLEAR)
    assert len(deviations) == group_order(molecule.rival)
    assert deviations.max() == pytest.approx(molecule.deviation_about, abs=1e-6)


@pytest.mark.parametrize("molecule", NEAR, ids=by_name)
def test_near_structures_lie_above_the_floor(molecule):
    assert 0.008 < molecule.deviation_about < 0.06


@pytest.mark.parametrize("molecule", BELOW_FLOOR, ids=by_name)
def test_structures_below_the_floor(molecule):
    assert 0.0015 < molecule.deviation_about < 0.0045


@pytest.mark.parametrize("molecule", [m for m in ZOO if "spherical top" in m.name], ids=by_name)
def test_spherical_tops_have_three_equal_moments(molecule):
    moments = principal_moments(molecule)
    assert np.ptp(moments) < 1e-10 * moments.max()


@pytest.mark.parametrize("molecule", [m for m in ZOO if "symmetric top" in m.name], ids=by_name)
def test_symmetric_tops_have_two_equal_moments(molecule):
    low, middle, high = principal_moments(molecule)
    assert abs(middle - low) < 1e-10 * high
    assert high - middle > 0.05 * high


def principal_moments(molecule: ZooMolecule) -> np.ndarray:
    """Moments of inertia (3,) of the atoms off the centre, each of unit mass, rising."""
    centred = molecule.positions - molecule.positions.mean(axis=0)
    tensor = centred.T @ centred
    return np.linalg.eigvalsh(np.trace(tensor) * np.eye(3) - tensor)


@pytest.mark.parametrize("name", EXPECTED_COUNTS)
def test_expected_counts(name):
    assert activity_counts(ZOO_BY_NAME[name]) == EXPECTED_COUNTS[name]


def activity_counts(molecule: ZooMolecule) -> tuple[int, int, int, int, int]:
    """(IR, Raman, both, silent, all) vibrations, without a character table.

    A random symmetric class function summed over a representation is one number on each isotypic part, and
    different numbers on different ones. Those numbers on the vector representation and on its symmetric
    square say what IR and Raman see. A subgroup with an eightfold axis stands for C_inf v and D_inf h.
    """
    label = {"Cinfv": "C8v", "Dinfh": "D8h"}.get(molecule.group, molecule.group)
    operations = group_matrices(label)
    weights = random_class_function(operations)
    centred = molecule.positions - molecule.positions.mean(axis=0)
    permutations = nearest_images(np.array(molecule.symbols), centred, operations)
    n_atoms = len(centred)
    cartesian = np.zeros((n_atoms, 3, n_atoms, 3))
    for weight, matrix, permutation in zip(weights, operations, permutations, strict=True):
        cartesian[permutation, :, np.arange(n_atoms), :] += weight * matrix
    determinants = np.linalg.det(operations)
    vector = np.einsum("g,gij->ij", weights, operations)
    axial = np.einsum("g,g,gij->ij", weights, determinants, operations)
    square = np.einsum("g,gij,gkl->ikjl", weights, operations, operations)
    symmetric = (square + square.transpose(1, 0, 2, 3)).reshape(9, 9) / 2
    if molecule.group in LINEAR_GROUPS:
        axial = axial[:2, :2]
    species = np.linalg.eigvalsh(cartesian.reshape(3 * n_atoms, 3 * n_atoms)).tolist()
    for value in [*np.linalg.eigvalsh(vector), *np.linalg.eigvalsh(axial)]:
        species.remove(min(species, key=lambda other: abs(other - value)))
    infrared = np.linalg.eigvalsh(vector)
    raman = [v for v in np.linalg.eigvalsh(symmetric) if abs(v) > 1e-6]
    seen = [(any(abs(s - v) < 1e-6 for v in infrared), any(abs(s - v) < 1e-6 for v in raman)) for s in species]
    n_ir, n_raman = sum(i for i, _ in seen), sum(r for _, r in seen)
    both, silent = sum(i and r for i, r in seen), sum(not (i or r) for i, r in seen)
    return n_ir, n_raman, both, silent, len(seen)


def random_class_function(operations: np.ndarray) -> np.ndarray:
    """Random weights (h,), equal on conjugate and on inverse elements."""
    order = len(operations)
    raw = np.random.default_rng(7).uniform(0.5, 1.5, size=order)
    conjugates = np.einsum("aij,bjk,alk->abil", operations, operations, operations).reshape(-1, 9)
    flat = operations.reshape(order, 9)
    index = np.argmax(conjugates @ flat.T, axis=1).reshape(order, order)  # tr(g^T h) is largest for h = g
    averaged = raw[index].mean(axis=0)
    inverse = np.argmax(np.swapaxes(operations, 1, 2).reshape(order, 9) @ flat.T, axis=1)
    return (averaged + averaged[inverse]) / 2


def test_rotated_keeps_distances_and_handedness():
    molecule = ZOO_BY_NAME["snub cube"]
    moved = rotated(molecule.positions, np.random.default_rng(1))
    before = molecule.positions - molecule.positions.mean(axis=0)
    after = moved - moved.mean(axis=0)
    assert np.abs(moved - molecule.positions).max() > 0.1
    assert np.allclose(after @ after.T, before @ before.T, atol=1e-12)
    assert np.linalg.det(after[:3]) == pytest.approx(np.linalg.det(before[:3]))


def test_permuted_keeps_each_atom_with_its_symbol():
    molecule = ZOO_BY_NAME["pyrrole"]
    symbols, positions = permuted(molecule.symbols, molecule.positions, np.random.default_rng(2))
    assert symbols != molecule.symbols
    before = sorted(zip(molecule.symbols, molecule.positions.tolist(), strict=True))
    assert sorted(zip(symbols, positions.tolist(), strict=True)) == before


def test_noise_has_the_stated_scale():
    shaken = noisy(np.zeros((2000, 3)), 0.01, np.random.default_rng(3))
    assert shaken.std() == pytest.approx(0.01, rel=0.05)


def test_positions_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        ZOO[0].positions[0, 0] = 1.0
