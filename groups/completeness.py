"""Information completeness R of infrared and Raman: for a molecule, and all values a point group allows.

R = |IR union Raman| / (3N - 6) = 1 - n_silent/n_vib. It is not a function of the group and the number of atoms: it
depends on which sites the atoms occupy, so ``attainable_completeness`` gives the set of values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import MoleculeError, RepresentationError
from .molecule import Molecule
from .realisation import has_exact_symmetry, realise, realise_linear
from .schoenflies import PointGroup
from .selection_rules import rotational_representation, selection_rules
from .site_symmetry import SiteType, site_types
from .vibrations import ModeCounts, VibrationalAnalysis, cartesian_representation, vibrational_representation

__all__ = [
    "AttainableCompleteness",
    "InformationCompleteness",
    "OrbitPartition",
    "attainable_completeness",
    "information_completeness",
]

_MAX_ATOMS = 1000  # partitions are counted and listed one by one


@dataclass(frozen=True)
class InformationCompleteness:
    """Completeness of infrared and Raman together for one molecule.

    Attributes
    ----------
    point_group : PointGroup
    completeness : float or None
        R = 1 - n_silent/n_vib, with degeneracy; None for an atom.
    raw_ratio : float or None
        (n_ir + n_raman)/n_vib: modes seen by both count twice, so it is no share and reaches 2.
    counts, levels : ModeCounts
        With degeneracy, and as distinct levels.
    """

    point_group: PointGroup
    completeness: float | None
    raw_ratio: float | None
    counts: ModeCounts
    levels: ModeCounts

    @property
    def completeness_of_levels(self) -> float | None:
        """1 - (silent levels)/(levels): R with each degenerate set counted once."""
        return 1.0 - self.levels.n_silent / self.levels.n_vib if self.levels.n_vib else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "point_group": self.point_group.label,
            "completeness": self.completeness,
            "raw_ratio": self.raw_ratio,
            "completeness_of_levels": self.completeness_of_levels,
            **self.counts.as_dict(),
            "levels": self.levels.as_dict(),
        }


@dataclass(frozen=True, eq=False)
class OrbitPartition:
    """How the atoms of a molecule are spread over the site types of its point group.

    Attributes
    ----------
    occupation : tuple of (site, count)
        ``site`` is a SiteType (a label, "axis" or "centre" or "pair", for linear groups), ``count`` the number of
        orbits of that kind.
    orbit_sizes : tuple of int
        Number of atoms of each orbit, ascending.
    """

    occupation: tuple[tuple[SiteType | str, int], ...]
    orbit_sizes: tuple[int, ...]

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return sum(self.orbit_sizes)

    @property
    def labels(self) -> dict[str, int]:
        """Number of orbits of each site type, by the site's label."""
        return {str(getattr(site, "label", site)): count for site, count in self.occupation}

    def __str__(self) -> str:
        return " + ".join(f"{count} x {label}" for label, count in self.labels.items())


@dataclass(frozen=True, eq=False)
class AttainableCompleteness:
    """One orbit partition of N atoms and its completeness; unpacks as the pair ``(R, partition)``.

    Attributes
    ----------
    point_group : PointGroup
        The full symmetry group of the molecules with this partition.
    exact : Fraction
        R as a fraction.
    partition : OrbitPartition
    """

    point_group: PointGroup
    exact: Fraction
    partition: OrbitPartition

    @property
    def completeness(self) -> float:
        """R as a float."""
        return float(self.exact)

    @property
    def molecule(self) -> Molecule:
        """A molecule with this partition and no further symmetry (a new element for each orbit).

        Built when asked for, always the same; the coordinates (angstrom) are generic, no chemistry is meant.
        """
        if self.point_group.is_linear:
            return realise_linear(self.point_group, self.partition.n_atoms)
        occupation = [(site, count) for site, count in self.partition.occupation if isinstance(site, SiteType)]
        return realise(self.point_group, occupation, f"{self.point_group}: {self.partition}")

    def __iter__(self) -> Iterator[Any]:
        return iter((self.completeness, self.partition))

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return (self.completeness, self.partition)[index]

    def __repr__(self) -> str:
        return f"<AttainableCompleteness {self.point_group} R = {self.exact}: {self.partition}>"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "point_group": self.point_group.label,
            "completeness": self.completeness,
            "completeness_exact": str(self.exact),
            "partition": self.partition.labels,
            "orbit_sizes": list(self.partition.orbit_sizes),
        }


def information_completeness(
    x: Any,
    fixed_atoms_per_class: Sequence[int] | None = None,
    *,
    n_atoms: int | None = None,
    tolerance: float | None = None,
) -> InformationCompleteness:
    """Completeness of infrared and Raman for a molecule, or for a point group and its fixed atoms.

    Parameters
    ----------
    x : molecule-like, Detection, VibrationalAnalysis, or point group
        Read as a point group where ``fixed_atoms_per_class`` or ``n_atoms`` is given ("O" alone is the SMILES of
        water, not the group O), else as anything ``detect_point_group`` takes.
    fixed_atoms_per_class : sequence of int, optional
        As in ``vibrational_representation``.
    n_atoms : int, optional
        For Cinfv and Dinfh.
    tolerance : float, optional
        Angstrom, for detection; default: read from the molecule.

    Raises
    ------
    PointGroupError, RepresentationError, MoleculeError, DetectionError
        As ``vibrational_representation`` and ``detect_point_group``.

    Examples
    --------
    >>> information_completeness("Dinfh", n_atoms=3).completeness
    1.0
    """
    if isinstance(x, VibrationalAnalysis):
        analysis = x
    elif fixed_atoms_per_class is not None or n_atoms is not None:
        analysis = vibrational_representation(x, fixed_atoms_per_class, n_atoms=n_atoms)
    else:
        from .detection import Detection, detect_point_group

        detection = x if isinstance(x, Detection) else detect_point_group(x, tolerance)
        analysis = analyse_detection(detection)
    return InformationCompleteness(
        analysis.point_group, analysis.completeness, analysis.raw_ratio, analysis.counts, analysis.levels
    )


def analyse_detection(detection: Any) -> VibrationalAnalysis:
    """Vibrational analysis of a molecule whose symmetry has been detected.

    Parameters
    ----------
    detection : Detection
    """
    group = detection.point_group
    if group.is_finite:
        return vibrational_representation(group, detection.fixed_atoms_per_class)
    return vibrational_representation(group, n_atoms=len(detection.molecule))


def attainable_completeness(
    group: str | PointGroup, n_atoms: int, max_partitions: int = 100_000
) -> list[AttainableCompleteness]:
    """All pairs (R, orbit partition) of molecules with ``n_atoms`` atoms whose full point group is ``group``.

    Atoms of one orbit are one element, atoms of different orbits may be different elements. A partition counts
    only if molecules with it need have no more symmetry than ``group``: atoms on a line are never C2v, one ring of
    12 atoms on the C2' axes of D6h is D12h.

    Parameters
    ----------
    group : str or PointGroup
    n_atoms : int
    max_partitions : int
        Refuse to list more orbit partitions (before the full symmetry is looked at) than this.

    Returns
    -------
    list of AttainableCompleteness
        By descending R, then by partition. Empty where no molecule of that size has the group (Ih, 5 atoms):
        an empty set is then the true answer.

    Raises
    ------
    RepresentationError
        ``group`` is Kh (R of an atom is undefined), or there are more than ``max_partitions`` partitions.
    MoleculeError
        ``n_atoms`` is not an integer from 1 to 1000.

    Notes
    -----
    R = 1 - n_silent/(3N - 6), and n_silent is additive over the orbits: the silent part of each orbit's Gamma_3N
    less that of the rotations (translations are never silent).

    Examples
    --------
    >>> for completeness, partition in attainable_completeness("Td", 5):
    ...     print(completeness, partition)
    1.0 1 x Td + 1 x C3v
    """
    group = PointGroup.parse(group)
    if isinstance(n_atoms, bool) or not isinstance(n_atoms, int | np.integer) or n_atoms < 1:
        raise MoleculeError(f"attainable_completeness({group.label!r}, {n_atoms!r}): n_atoms must be an integer >= 1.")
    if n_atoms > _MAX_ATOMS:
        raise MoleculeError(
            f"attainable_completeness({group.label!r}, {n_atoms}): up to {_MAX_ATOMS} atoms are supported."
        )
    if group.label == "Kh":
        raise RepresentationError(
            f"attainable_completeness('Kh', {n_atoms}): only an atom has this group, and an atom has no vibrations, so "
            "R is undefined."
        )
    if group.is_linear:
        return _linear(group, int(n_atoms))
    sites = site_types(group)
    number = _count_partitions(sites, int(n_atoms))
    if number > max_partitions:
        raise RepresentationError(
            f"attainable_completeness({group.label!r}, {n_atoms}): {number} orbit partitions, more than "
            f"max_partitions={max_partitions}; raise it if you want them all."
        )
    silent = [_silent_modes(group, site.fixed_atoms_per_class) for site in sites]
    rotations = _silent_part(group, rotational_representation(group))
    found = []
    for counts in _partitions(sites, int(n_atoms)):
        if not has_exact_symmetry(group, counts):
            continue
        n_silent = sum(count * part for count, part in zip(counts, silent, strict=True)) - rotations
        exact = 1 - Fraction(n_silent, 3 * int(n_atoms) - 6)
        found.append(AttainableCompleteness(group, exact, _make_partition(sites, counts)))
    return sorted(found, key=lambda item: (-item.exact, item.partition.orbit_sizes))


def _linear(group: PointGroup, n_atoms: int) -> list[AttainableCompleteness]:
    """Linear molecules: one partition. All of Sigma+ and Pi is visible, so R = 1."""
    if n_atoms < 2:
        return []
    if group.label == "Cinfv":
        occupation, sizes = [("axis", n_atoms)], (1,) * n_atoms
    else:
        pairs, odd = divmod(n_atoms, 2)
        occupation, sizes = [("centre", odd), ("pair", pairs)], (1,) * odd + (2,) * pairs
    analysis = vibrational_representation(group, n_atoms=n_atoms)
    partition = OrbitPartition(tuple((site, count) for site, count in occupation if count), sizes)
    return [AttainableCompleteness(group, 1 - Fraction(analysis.n_silent, analysis.n_vib), partition)]


def _silent_part(group: PointGroup, gamma: dict[str, int]) -> int:
    rules = selection_rules(group)
    return sum(count * rules[label].dimension for label, count in gamma.items() if rules[label].silent)


@lru_cache(maxsize=4096)
def _silent_modes(group: PointGroup, fixed: tuple[int, ...]) -> int:
    """Silent part of Gamma_3N of one orbit."""
    return _silent_part(group, cartesian_representation(group, fixed))


def _make_partition(sites: tuple[SiteType, ...], counts: tuple[int, ...]) -> OrbitPartition:
    occupation = tuple((site, count) for site, count in zip(sites, counts, strict=True) if count)
    return OrbitPartition(
        occupation, tuple(sorted(site.orbit_size for site, count in occupation for _ in range(count)))
    )


def _limit(site: SiteType, n_atoms: int) -> int:
    """Most orbits of a kind: one atom at most can sit at a fixed centre."""
    return 1 if site.dimension == 0 else n_atoms // site.orbit_size


def _count_partitions(sites: tuple[SiteType, ...], n_atoms: int) -> int:
    """Number of orbit partitions, by the generating function."""
    ways = [1] + [0] * n_atoms
    for site in sites:
        bound = _limit(site, n_atoms)
        ways = [
            sum(ways[n - k * site.orbit_size] for k in range(min(bound, n // site.orbit_size) + 1))
            for n in range(n_atoms + 1)
        ]
    return ways[n_atoms]


def _partitions(sites: tuple[SiteType, ...], n_atoms: int) -> Iterator[tuple[int, ...]]:
    """Number of orbits of each site type, for all partitions of the atoms."""
    if not sites:
        if n_atoms == 0:
            yield ()
        return
    site, rest = sites[0], sites[1:]
    for count in range(min(_limit(site, n_atoms), n_atoms // site.orbit_size), -1, -1):
        for tail in _partitions(rest, n_atoms - count * site.orbit_size):
            yield (count, *tail)
