"""Site-symmetry correlation: the displacements of an orbit of atoms, induced from the species of its site.

An atom at a site with group H moves as the vector representation of H. Each species gamma of that vector gives rise to
the representation of the factor group that gamma induces; its character in a class C is
(h/(|H||C|)) times the sum of chi_gamma over the operations of H in C (D. L. Rousseau, R. P. Bauman, S. P. S. Porto,
J. Raman Spectrosc. 10, 253 (1981), do the same by correlation tables). The sum over sites is Gamma_3N, here found a
second way.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import RepresentationError
from ._crystal_symmetry import Orbit, crystal_class
from .character_table import CharacterTable, finite_table
from .correlation import Embedding, embeddings
from .cyclotomic import Cyclotomic
from .representation import Decomposition, reduce
from .schoenflies import PointGroup
from .selection_rules import selection_rules, vector_representation

__all__ = ["SiteCorrelation", "SiteSpecies", "correlate_site", "unsteady_labels"]


@dataclass(frozen=True, eq=False)
class SiteSpecies:
    """One species of the site and what it becomes in the crystal.

    Attributes
    ----------
    label : str
        Real irrep of the site group.
    axes : tuple of str
        Directions of the displacement in the site group's standard axes: ("z",), ("x", "y").
    multiplicity : int
        How often the vector holds the species.
    gamma : Decomposition
        Of the factor group: what the displacements of that species, of all atoms of the orbit, make up.
    """

    label: str
    axes: tuple[str, ...]
    multiplicity: int
    gamma: Decomposition

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "label": self.label,
            "axes": list(self.axes),
            "multiplicity": self.multiplicity,
            "gamma": dict(self.gamma),
        }


@dataclass(frozen=True, eq=False)
class SiteCorrelation:
    """An occupied Wyckoff position and its part of Gamma_3N.

    Attributes
    ----------
    orbit : Orbit
    site_group : PointGroup
    embedding : str
        The site group, with the factor group's symbols of its axes and mirrors where it sits in it in several ways.
    species : tuple of SiteSpecies
    gamma : Decomposition
        Sum over ``species``.
    """

    orbit: Orbit
    site_group: PointGroup
    embedding: str
    species: tuple[SiteSpecies, ...]
    gamma: Decomposition

    @property
    def wyckoff(self) -> str:
        """Multiplicity in the conventional cell and letter, "4a"."""
        return f"{self.orbit.multiplicity}{self.orbit.wyckoff}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "kind": self.orbit.kind,
            "wyckoff": self.wyckoff,
            "site_symmetry": self.orbit.symbol,
            "site_group": self.site_group.label,
            "embedding": self.embedding,
            "position": list(self.orbit.position),
            "atoms": list(self.orbit.atoms),
            "n_primitive": self.orbit.n_primitive,
            "species": [species.as_dict() for species in self.species],
            "gamma": dict(self.gamma),
        }


def correlate_site(group: PointGroup, orbit: Orbit) -> SiteCorrelation:
    """The correlation of one orbit.

    Raises
    ------
    RepresentationError
        The site group is not one of the factor group's, or the displacements do not add up.
    """
    table = finite_table(group)
    stabilizer = list(orbit.stabilizer)
    site_group = crystal_class(group.matrices[stabilizer])
    way = _way(group, site_group, Counter(table.modular.class_of[stabilizer].tolist()))
    rules = selection_rules(site_group)
    species = []
    for label, multiplicity in vector_representation(site_group).items():
        induced = _induced(label, way, table)
        species.append(SiteSpecies(label, rules[label].infrared, multiplicity, induced * multiplicity))
    gamma = Decomposition(group)
    for one in species:
        gamma = gamma + one.gamma
    if gamma.dimension != 3 * orbit.n_primitive:
        raise RepresentationError(
            f"the {orbit.n_primitive} atoms {orbit.kind} ({orbit.wyckoff}) have {gamma.dimension} displacements by "
            f"site correlation, not {3 * orbit.n_primitive}: the orbit is incomplete. Give another tolerance."
        )
    return SiteCorrelation(orbit, site_group, way.name, tuple(species), gamma)


def _way(group: PointGroup, site_group: PointGroup, content: Counter[int]) -> Embedding:
    """The embedding that holds as many operations of each class as the stabilizer does."""
    sizes = [cls.size for cls in finite_table(site_group).classes]
    for way in embeddings(group, site_group):
        held: Counter[int] = Counter()
        for target, size in zip(way.targets, sizes, strict=True):
            held[target] += size
        if held == content:
            return way
    raise RepresentationError(f"{group.label} holds no {site_group.label} with the classes of this site.")


def _induced(label: str, way: Embedding, table: CharacterTable) -> Decomposition:
    small = finite_table(way.subgroup).with_form("real")
    characters = [Cyclotomic(0)] * len(table.classes)
    for cls, value, target in zip(small.classes, small.row(label), way.targets, strict=True):
        factor = table.order * cls.size
        characters[target] = characters[target] + factor * value / (small.order * table.classes[target].size)
    return reduce(characters, table)


@lru_cache(maxsize=64)
def unsteady_labels(group: PointGroup) -> tuple[str, ...]:
    """Irreps whose names change places if the axes are chosen otherwise (B1g, B2g, B3g of D2h).

    Found by turning the standard setting of ``group`` by all turns that map it on itself.
    """
    from .correlation import _frames, _images

    table = finite_table(group).with_form("real")
    class_of = finite_table(group).modular.class_of
    first = [cls.indices[0] for cls in table.classes]
    numbers = table.to_numpy()
    changed: set[str] = set()
    for frame in _frames(group):
        images = _images(group, frame, group.matrices)
        if images is None:
            continue
        moved = numbers[:, class_of[images[first]]]
        changed.update(
            label
            for label, row, new in zip(table.labels, numbers, moved, strict=True)
            if np.abs(row - new).max() > 1e-6
        )
    return tuple(label for label in table.labels if label in changed)
