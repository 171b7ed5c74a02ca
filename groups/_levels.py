"""Nested symmetry of a structure as a function of tolerance, and which level the structure supports.

The operations found are sorted by deviation. At a tolerance t the operations with deviation <= t are the symmetry of
the structure if they are closed under multiplication; each closed prefix of the sorted list is a :class:`Level`.

Which level does a structure of unknown accuracy support? Let x be its coordinates and P_G the projector on what
is invariant under G. Then |x - P_G x|^2 = (1/2h) sum_g |x - g x|^2 is what G leaves unexplained, spread over
nu_G = (3N - 6) - n(A1) internal coordinates. If the structure is a G-symmetric one with random errors, the
coordinates broken by a subgroup H of G carry errors of the same size as those broken by G but not by H. So the
operations of H measure the noise, and G is refused where the excess is too large for it (an F test). That keeps a
clean D2h cyclobutadiene 0.02 A from D4h at D2h, and calls benzene with errors of 0.01 A D6h, with one rule and no
tuned gap. Coordinates printed with few decimals are another matter: rounding keeps inversion and the mirrors of the
axes exactly, so there the rounding itself is the noise that a group must exceed to be refused. Where H breaks
nothing (C1; the plane of a triatomic) there is no noise to compare with, and only the absolute limits below decide;
the result is then marked ambiguous.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._matching import Candidates, hash_weights
from .operations import NDArrayFloat, NDArrayInt

FLOOR_ANGSTROM = 0.005  # deviations up to here are numerical noise, whatever else is seen
CEILING_ANGSTROM = 0.15  # beyond, a structure is not symmetric by default
LARGEST_NOISE_ANGSTROM = 0.0125  # largest standard error per coordinate that is taken for noise
EXACT_ANGSTROM = 1e-6  # coordinates are never better than this
REFUSAL_P = 1e-7  # F test; small, because the best obeyed of many conjugate subgroups is the one compared
# Coordinates as computed, or as printed with three digits, are far commoner than errors of 0.01 A. Where a subgroup is
# obeyed that well and breaks few coordinates, so that the F test has little power, the limit is wider.
EXACT_REFUSAL = 1e-5, 1e-3  # (noise in angstrom, limit)
PRINTED_REFUSAL = 1e-3, 1e-4
ROUNDING_REFUSAL_P = 1e-5  # chi-square test, where the coordinates are printed with few decimals
_FEW_COORDINATES = 6
_CLEAR = 1e-4  # a refusal this far below its limit is beyond doubt
_NOISE_Z = 4.0  # limit of the absolute test, in standard deviations


@dataclass(frozen=True)
class Level:
    """A group of operations and how well the structure obeys it.

    size: number of operations (a prefix of the sorted candidates; 0 for linear levels); label: point group of a
    linear level, else ""; deviation_angstrom: largest distance between an image and its partner (of a linear
    level: between an atom and the line); sum_squares (angstrom^2): what the group leaves unexplained; broken:
    number of internal coordinates that it forbids.
    """

    size: int
    label: str
    deviation_angstrom: float
    sum_squares: float
    broken: int

    @property
    def noise_angstrom(self) -> float:
        """Error of a coordinate that would leave as much unexplained; at least EXACT_ANGSTROM."""
        return max((self.sum_squares / max(self.broken, 1)) ** 0.5, EXACT_ANGSTROM)


@dataclass(frozen=True)
class Choice:
    """The level chosen, whether the evidence was thin, and why, in words with the numbers."""

    level: Level
    ambiguous: bool
    reason: str


def find_levels(candidates: Candidates, centred: NDArrayFloat, species: NDArrayInt) -> list[Level]:
    """All levels among ``candidates``, by increasing deviation; the first is the trivial group."""
    atoms, size = len(centred), np.arange(1, len(candidates) + 1)
    fixed = (candidates.permutations == np.arange(atoms)).sum(axis=1)
    trace = np.einsum("mii->m", candidates.matrices)
    symmetric = np.cumsum((fixed - 1) * trace - np.where(candidates.proper, trace, -trace)) / size
    broken = np.rint(3 * atoms - 6 - symmetric).astype(int)
    squares = atoms * np.cumsum(candidates.rms**2) / (2 * size)
    levels = [
        Level(int(k), "", float(candidates.deviations[k - 1]), float(squares[k - 1]), max(int(broken[k - 1]), 0))
        for k in _closed_prefixes(candidates)
    ]
    if not candidates.near_line:
        return levels
    linear = _linear_levels(centred, species)
    # A finite subgroup of a linear group counts as a level of its own only where it is obeyed better than that.
    reverses = (candidates.permutations != np.arange(atoms)).any(axis=1)
    finite = [
        level
        for level in levels
        if level.size == 1
        or level.deviation_angstrom
        < linear[-1 if reverses[: level.size].any() else 0].deviation_angstrom - EXACT_ANGSTROM
    ]
    return sorted([*finite, *linear], key=lambda level: level.deviation_angstrom)


def _closed_prefixes(candidates: Candidates) -> NDArrayInt:
    """Sizes k for which the first k candidates are closed under multiplication."""
    count = len(candidates)
    if count == 1:
        return np.array([1])
    latest = np.maximum.accumulate(np.maximum.accumulate(product_table(candidates), axis=0), axis=1).diagonal()
    return np.flatnonzero(latest <= np.arange(count)) + 1


def product_table(candidates: Candidates) -> NDArrayInt:
    """``table[a, b]`` (M, M): candidate that is "b first, then a"; M where it is not among the candidates."""
    permutations, proper = candidates.permutations, candidates.proper.astype(np.int64)
    count, atoms = permutations.shape
    weights = hash_weights(atoms + 1)
    keys = permutations @ weights[:-1] + proper * weights[-1]
    signs = (proper[:, None] == proper).astype(np.int64) * weights[-1]
    products = np.empty((count, count), dtype=np.int64)
    for b in range(count):
        products[:, b] = permutations[:, permutations[b]] @ weights[:-1]
    order = np.argsort(keys)
    slot = np.minimum(np.searchsorted(keys[order], products + signs), count - 1)
    table = order[slot]
    return np.where(keys[table] == products + signs, table, count)


def _linear_levels(centred: NDArrayFloat, species: NDArrayInt) -> list[Level]:
    """Levels Cinfv and Dinfh of a structure near a line."""
    atoms = len(centred)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    along = centred @ axis
    across = np.linalg.norm(centred - np.outer(along, axis), axis=1)
    bend, bend_squares = float(across.max()), float(across @ across)
    internal = max(3 * atoms - 6, 0)
    levels = [Level(0, "Cinfv", bend, bend_squares, max(internal - (atoms - 1), 0))]
    order = np.argsort(along)
    if np.array_equal(species[order], species[order[::-1]]):
        mismatch = along[order] + along[order[::-1]]
        deviation = max(bend, float(np.abs(mismatch).max()))
        squares = bend_squares + float(mismatch @ mismatch) / 4
        levels.append(Level(0, "Dinfh", deviation, squares, max(internal - atoms // 2, 0)))
    return levels


def rounding_angstrom(positions: NDArrayFloat) -> float:
    """Standard error of coordinates (N, 3) printed with two or three decimals, grid/sqrt(12); 0 for finer ones."""
    for grid in (0.01, 0.001):
        if np.abs(positions / grid - np.rint(positions / grid)).max() < 1e-6:
            return grid / 12**0.5
    return 0.0


def survives_rounding(candidates: Candidates, level: Level) -> bool:
    """Do all operations of a level map the grid of printed coordinates onto itself, so that rounding keeps them?

    They do if they only exchange and reverse the input's axes.
    """
    entries = np.abs(candidates.matrices[: level.size])
    return level.size > 0 and bool((np.minimum(entries, 1.0 - entries) < 0.1).all())


def choose_level(
    levels: list[Level],
    tolerance: float | None,
    name: Callable[[Level], str],
    rounding: Callable[[Level], float],
) -> Choice:
    """The level that the structure supports; a given ``tolerance`` (angstrom) rules, else the test above.

    ``name`` gives the point group of a level, for the reason in words; ``rounding`` the standard error (angstrom)
    by which printed coordinates may break it.
    """
    limit = FLOOR_ANGSTROM if tolerance is None else tolerance
    base = [level for level in levels if level.deviation_angstrom <= limit][-1]
    if tolerance is not None:
        return Choice(base, False, f"largest group within the tolerance of {tolerance:g} A that was given")
    exact = [level for level in levels if level.noise_angstrom <= EXACT_REFUSAL[0]][-1]
    refusals: list[str] = []
    doubtful = False
    for level in reversed(levels[levels.index(base) + 1 :]):
        if level.deviation_angstrom > CEILING_ANGSTROM:
            continue
        called = f"{name(level)} at {level.deviation_angstrom:.3f} A"
        informing = [lower for lower in levels[: levels.index(level)] if _informs(lower, level)]
        if level.sum_squares > _largest_sum_squares(level.broken, bool(informing)):
            refusals.append(f"{called} refused: more than noise")
            doubtful = True
            continue
        # Rounding that keeps ``exact`` puts all its errors into what is left, so many times as much on each coordinate.
        printed = rounding(level) * max(exact.size, 1) ** 0.5
        margins = [(_margin(lower, level, printed), lower) for lower in informing]
        margin, best = min(margins, default=(np.inf, base), key=_first)
        if margin < 1.0:
            refusals.append(f"{called} refused: {name(best)} is obeyed to {best.noise_angstrom:.1g} A a coordinate")
            doubtful = margin > _CLEAR
            continue
        if not informing:
            called += " accepted, though nothing in the structure tells noise from distortion"
            doubtful = True
        elif margin < 1 / _CLEAR**0.5:
            called += f" accepted narrowly: {name(best)} is obeyed to {best.noise_angstrom:.1g} A a coordinate"
            doubtful = True
        else:
            called += f" accepted: all its operations show one noise, {level.noise_angstrom:.1g} A a coordinate"
            doubtful |= level.noise_angstrom > LARGEST_NOISE_ANGSTROM
        if printed and any(_margin(lower, level, 0.0) < 1.0 for lower in informing):
            called += "; but for the few decimals of the coordinates it would be refused"
            doubtful = True
        return Choice(level, doubtful, "; ".join([*refusals, called]))
    return Choice(base, doubtful, "; ".join([*refusals, f"{name(base)} holds within numerical noise"]))


def _first(pair: tuple[float, Level]) -> float:
    return pair[0]


def _informs(lower: Level, higher: Level) -> bool:
    """Does the lower level, a subgroup of the higher, forbid something that would show the noise?"""
    if higher.label == "Cinfv":  # a reversal of a line is not in Cinfv
        return 0 < lower.broken < higher.broken and lower.size == 2
    return 0 < lower.broken < higher.broken


def _largest_sum_squares(broken: int, informed: bool) -> float:
    """Largest |x - P x|^2 (angstrom^2) that errors of LARGEST_NOISE can make (chi-square, Wilson-Hilferty).

    Errors twice as large pass where subgroups bear witness to them.
    """
    nu = max(broken, 1)
    return (
        ((1 + informed) * LARGEST_NOISE_ANGSTROM) ** 2 * nu * (1 - 2 / (9 * nu) + _NOISE_Z * (2 / (9 * nu)) ** 0.5) ** 3
    )


def _margin(lower: Level, higher: Level, rounding: float) -> float:
    """Probability of so large an excess of ``higher`` over ``lower`` under one noise, over its limit.

    An F test; where the lower level shows less than the rounding of the coordinates, which keeps inversion and
    the mirrors of the axes exactly, a chi-square test with the rounding as the noise.
    """
    from scipy.special import chdtrc, fdtrc  # not at import: it costs 0.2 s, and most structures need no test

    excess, freedom = max(higher.sum_squares - lower.sum_squares, 0.0), higher.broken - lower.broken
    noise = lower.noise_angstrom
    if noise < rounding:
        return float(chdtrc(freedom, excess / rounding**2)) / ROUNDING_REFUSAL_P
    chance = float(fdtrc(freedom, lower.broken, excess / freedom / noise**2))
    if noise <= EXACT_REFUSAL[0]:
        return chance / EXACT_REFUSAL[1]
    few = lower.broken <= _FEW_COORDINATES
    return chance / (PRINTED_REFUSAL[1] if few and noise <= PRINTED_REFUSAL[0] else REFUSAL_P)
