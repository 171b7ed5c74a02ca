"""Symmetric molecules to compute: starting geometries that put members into each stratum of symmetry."""

from collections.abc import Callable, Iterator
from functools import partial

from ..groups.schoenflies import PointGroup
from ..groups.selection_rules import selection_rules
from ._symmetric_arenes import condensed_aromatics, hetero_rings, substituted_benzenes
from ._symmetric_boranes import closo_boranes, crowns, octahalides, saturated_rings, zintl_clusters
from ._symmetric_building import Candidate
from ._symmetric_cages import (
    adamantanes,
    bicyclic_cages,
    cubanes,
    drums,
    fullerenes,
    metal_clusters,
    prismanes,
    tetrahedranes,
)
from ._symmetric_chains import (
    capped_rods,
    cumulenes,
    ethanes,
    ethylenes,
    hexa_rotors,
    linear_chains,
    spiranes,
    tetrahedral_rotors,
    trans_pairs,
)
from ._symmetric_polyhedra import axial_mixed, carbonyls, decahalides, linear_molecules, simple_polyhedra
from ._symmetric_rings import (
    alternating_rings,
    centred_rings,
    cyclic_acids,
    homonuclear_rings,
    oxocarbons,
    uniform_rings,
)
from ._symmetric_sandwiches import double_deckers, half_sandwich_pairs, inverse_sandwiches, triple_deckers

__all__ = ["Candidate", "symmetric_molecules"]

Family = Callable[[], Iterator[Candidate]]

# Each wave is sorted by itself and comes after those before it. A wave that has been computed with is never changed:
# new families make a new wave, so that names and order stay.
_WAVES: tuple[tuple[Family, ...], ...] = (
    (
        uniform_rings,
        homonuclear_rings,
        oxocarbons,
        partial(alternating_rings, (3, 5, 7)),
        centred_rings,
        cyclic_acids,
        double_deckers,
        inverse_sandwiches,
        half_sandwich_pairs,
        triple_deckers,
        partial(
            simple_polyhedra, ("pentagon", "bipyramid5", "antiprism4", "square", "octahedron", "cube", "icosahedron")
        ),
        axial_mixed,
        decahalides,
    ),
    (
        prismanes,
        cubanes,
        tetrahedranes,
        adamantanes,
        drums,
        bicyclic_cages,
        fullerenes,
        metal_clusters,
        closo_boranes,
        zintl_clusters,
        octahalides,
        crowns,
        saturated_rings,
        substituted_benzenes,
        hetero_rings,
        condensed_aromatics,
        linear_chains,
        ethylenes,
        cumulenes,
        ethanes,
        capped_rods,
        tetrahedral_rotors,
        hexa_rotors,
        spiranes,
        trans_pairs,
    ),
    (
        partial(alternating_rings, (2, 4)),
        partial(simple_polyhedra, ("triangle", "tetrahedron", "bipyramid3", "prism3")),
        linear_molecules,
        carbonyls,
    ),
)
_HEAD_START = {"table": 12, "inversion": 4, "none": 0}  # atoms: rare strata come before others of the same size


def symmetric_molecules() -> Iterator[Candidate]:
    """Candidates with symmetric starting geometries, always in the same order.

    Yields
    ------
    Candidate
        Name, family, molecule (angstrom), charge and intended point group. Closed shells; elements up to Z = 86.
        Small molecules, and groups in which infrared and Raman exclude each other without an inversion centre,
        come first within each wave of families.

    Notes
    -----
    The starting geometries are sketches: bond lengths are sums of covalent radii, and not every candidate is known.
    Whether its symmetry survives is for the calculation to say.

    Examples
    --------
    >>> next(symmetric_molecules()).intended_group
    'D5h'
    """
    seen: set[str] = set()
    for families in _WAVES:
        wave = [item for family in families for item in family()]
        for item in sorted(wave, key=_place):
            if item.name in seen:
                raise AssertionError(f"two candidates are called {item.name!r}.")
            seen.add(item.name)
            yield item


def _place(item: Candidate) -> tuple[int, str]:
    kind = selection_rules(PointGroup.parse(item.intended_group)).exclusion_kind
    return len(item.molecule) - _HEAD_START[kind], item.name
