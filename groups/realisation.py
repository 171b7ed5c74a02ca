"""Molecules for a given orbit partition, and whether the partition forces more symmetry than it was made for."""

from functools import lru_cache
from itertools import product
from operator import ge

import numpy as np

from ..errors import DetectionError
from .molecule import Molecule
from .operations import NDArrayFloat
from .schoenflies import PointGroup
from .site_symmetry import SiteType, site_types

__all__ = ["has_exact_symmetry", "realise", "realise_linear"]

_SAME = 1e-6  # of positions of order one; an accident this close has probability of that order
_ENOUGH_COPIES = 4  # of one site type: see has_exact_symmetry
_MIN_DISTANCE_ANGSTROM = 1.1
_TRIALS = 200
# One element per orbit, well-known ones first. With more orbits than elements they start over, which does no harm:
# the group of the molecule is looked at again before it is handed out.
_FIRST_ELEMENTS = (6, 1, 9, 17, 7, 8, 16, 35, 15, 14, 5, 53)
_ELEMENTS = (*_FIRST_ELEMENTS, *(z for z in range(3, 84) if z not in _FIRST_ELEMENTS))


def has_exact_symmetry(group: PointGroup, counts: tuple[int, ...]) -> bool:
    """True where generic molecules with ``counts[i]`` orbits of ``site_types(group)[i]`` have just ``group``.

    All orbits are different elements, which leaves the least symmetry.

    Notes
    -----
    Why one random point decides: that a permutation of the atoms is an isometry is a set of polynomial equations
    on the positions, and the positions form a linear space. So each of the finitely many permutations is a
    symmetry everywhere, or almost nowhere. Further symmetry at a random point is therefore (with probability one)
    symmetry everywhere, and a point without it proves that it is avoidable.

    Why four copies of a site type decide for any number: let I_k be the symmetry group after k copies, I_1 > I_2 ...
    If I_k is finite, an operation of it survives the generic copy k+1 only if it preserves every orbit of the type,
    and then it survives all further copies: I_(k+1) = I_(k+2) = ... I_k is infinite only for collinear atoms.
    Three generic points of a plane or of space are not collinear; and orbits on axes are collinear for one copy
    already or not at all, for each k. So k = 3 is finite if any k is, and k = 4 is final.

    Why supersets need no test: adding orbits of new elements can only take operations away, and those of ``group``
    always remain.
    """
    capped = tuple(min(count, _ENOUGH_COPIES) for count in counts)
    smallest_exact, largest_forced = _verdicts(group)
    if any(_contains(capped, known) for known in smallest_exact):
        return True
    if any(_contains(known, capped) for known in largest_forced):
        return False
    verdict = _order_of_symmetry(group, capped) == group.order
    if verdict:
        smallest_exact.append(_reduced(group, capped))
    else:
        largest_forced.append(capped)
    return verdict


def _contains(counts: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Does ``counts`` have at least the orbits of ``other``?"""
    return all(map(ge, counts, other))


def _reduced(group: PointGroup, counts: tuple[int, ...]) -> tuple[int, ...]:
    """Part of an exact partition that is exact by itself, with no orbit too many: it answers for all its supersets."""
    for place in range(len(counts)):
        while counts[place]:
            fewer = (*counts[:place], counts[place] - 1, *counts[place + 1 :])
            if _order_of_symmetry(group, fewer) != group.order:
                break
            counts = fewer
    return counts


@lru_cache(maxsize=256)
def _verdicts(group: PointGroup) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Memory of :func:`has_exact_symmetry`: small partitions known to be exact, and some known to force more symmetry.

    Pure memoisation of a deterministic function: what is in it never changes an answer.
    """
    return [], []


def _random_positions(
    group: PointGroup, counts: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArrayFloat, np.ndarray]:
    """Generic positions (N, 3) of order one and the orbit (N,) of each atom."""
    positions, colours = [], []
    for site, count in zip(site_types(group), counts, strict=True):
        for _ in range(count):
            parameters = rng.normal(size=site.dimension)
            # Keep away from the centre: a distance between 0.7 and 1.8.
            if site.dimension:
                parameters *= rng.uniform(0.7, 1.8) / np.linalg.norm(parameters)
            orbit = site.orbit(group, parameters)
            colours += [len(positions)] * len(orbit)
            positions.append(orbit)
    return np.concatenate(positions), np.array(colours)


def _order_of_symmetry(group: PointGroup, counts: tuple[int, ...]) -> int | None:
    """Order of the full symmetry group of a generic molecule; None where it is infinite (collinear atoms)."""
    if not any(counts):
        return None
    positions, colours = _random_positions(group, counts, np.random.default_rng(20240229))
    positions = positions - positions.mean(axis=0)
    frame = _frame_atoms(positions, colours)
    if len(frame) < 2:
        return None
    # The symmetry group permutes the atoms of each orbit transitively, as ``group`` does; by the orbit-stabilizer
    # theorem it is enough to count the isometries that leave the first frame atom in place.
    first_orbit = int((colours == colours[frame[0]]).sum())
    fixing = sum(
        _is_symmetry(isometry, positions, colours) for isometry in _isometries_fixing_first(positions, colours, frame)
    )
    return first_orbit * fixing


def _frame_atoms(positions: NDArrayFloat, colours: np.ndarray) -> list[int]:
    """Up to three atoms with linearly independent positions, out of the smallest orbits that have them."""
    sizes = np.bincount(colours)[colours]
    frame: list[int] = []
    for atom in np.argsort(sizes, kind="stable"):
        candidate = positions[[*frame, int(atom)]]
        if np.linalg.svd(candidate, compute_uv=False).min() > 1e-3:
            frame.append(int(atom))
            if len(frame) == 3:
                break
    return frame


def _isometries_fixing_first(positions: NDArrayFloat, colours: np.ndarray, frame: list[int]) -> list[NDArrayFloat]:
    """Orthogonal matrices that leave the first frame atom in place and send the others to atoms of their orbits."""
    source = positions[frame]
    gram = source @ source.T
    isometries = []
    pools = [np.flatnonzero(colours == colours[atom]) for atom in frame[1:]]
    # Cheap test first: distances to the fixed first atom must stay.
    pools = [pool[np.abs(positions[pool] @ source[0] - gram[0, j]) < _SAME] for j, pool in enumerate(pools, start=1)]
    for images in product(*pools):
        target = positions[[frame[0], *images]]
        if np.abs(target @ target.T - gram).max() > _SAME:
            continue
        if len(frame) == 3:
            isometries.append(np.linalg.solve(source, target).T)
            continue
        normal, image_normal = np.cross(*source), np.cross(*target)
        for sign in (1.0, -1.0):
            basis, image = np.vstack([source, normal]), np.vstack([target, sign * image_normal])
            isometries.append(np.linalg.solve(basis, image).T)
    return isometries


def _is_symmetry(isometry: NDArrayFloat, positions: NDArrayFloat, colours: np.ndarray) -> bool:
    moved = positions @ isometry.T
    distance = np.abs(moved[:, None] - positions[None]).max(axis=2)
    distance[colours[:, None] != colours[None]] = np.inf
    return bool((distance.min(axis=1) < 100 * _SAME).all())


def realise(group: PointGroup, occupation: list[tuple[SiteType, int]], name: str) -> Molecule:
    """A molecule with the given orbits, no two atoms close, whose detected point group is ``group``.

    Parameters
    ----------
    group : PointGroup
    occupation : list of (SiteType, int)
        How many orbits of each site type.
    name : str
        Name of the molecule.

    Raises
    ------
    DetectionError
        No such molecule was found in 200 random trials.
    """
    from .detection import detect_point_group

    wanted = {site.label: count for site, count in occupation}
    counts = tuple(wanted.get(site.label, 0) for site in site_types(group))
    rng = np.random.default_rng(len(name))
    for _ in range(_TRIALS):
        positions, colours = _random_positions(group, counts, rng)
        gaps = np.linalg.norm(positions[:, None] - positions[None], axis=2)
        closest = gaps[np.triu_indices(len(positions), 1)].min()
        if closest < 1e-3:
            continue
        numbers = [_ELEMENTS[c % len(_ELEMENTS)] for c in colours]
        positions = positions * max(1.0, _MIN_DISTANCE_ANGSTROM / closest)
        molecule = Molecule.from_arrays(numbers, positions, name=name, comment="generic realisation of orbits")
        if detect_point_group(molecule).point_group == group:
            return molecule
    raise DetectionError(f"{name}: no molecule with this symmetry was found in {_TRIALS} random trials.")


def realise_linear(group: PointGroup, n_atoms: int) -> Molecule:
    """A linear molecule with ``n_atoms`` atoms, 1.2 angstrom apart."""
    z = 1.2 * (np.arange(n_atoms) - (n_atoms - 1) / 2)
    positions = np.column_stack([np.zeros(n_atoms), np.zeros(n_atoms), z])
    order = np.arange(n_atoms) if group.label == "Cinfv" else np.minimum(np.arange(n_atoms), np.arange(n_atoms)[::-1])
    numbers = [_ELEMENTS[k % len(_ELEMENTS)] for k in order]
    return Molecule.from_arrays(numbers, positions, name=f"{group.label}, {n_atoms} atoms")
