"""Information completeness of molecules, and the values that a point group allows."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symvib import Molecule, PointGroup, attainable_completeness, detect_point_group, information_completeness
from symvib.errors import MoleculeError, PointGroupError, RepresentationError
from symvib.groups.completeness import analyse_detection
from symvib.groups.elements import parse_symbol
from symvib.groups.realisation import has_exact_symmetry
from symvib.groups.site_symmetry import site_types
from symvib.groups.vibrations import vibrational_representation
from zoo import EXPECTED_COUNTS, ZOO, ZOO_BY_NAME


def molecule_of(entry):
    return Molecule.from_arrays([parse_symbol(s)[0] for s in entry.symbols], entry.positions, name=entry.name)


@pytest.mark.parametrize("name", sorted(EXPECTED_COUNTS))
def test_molecules_of_known_counts(name):
    found = information_completeness(molecule_of(ZOO_BY_NAME[name]))
    n_ir, n_raman, _, n_silent, n_vib = EXPECTED_COUNTS[name]
    counts = found.counts
    assert (counts.n_ir, counts.n_raman, counts.n_both, counts.n_silent, counts.n_vib) == EXPECTED_COUNTS[name]
    assert found.completeness == (n_vib - n_silent) / n_vib
    assert found.raw_ratio == (n_ir + n_raman) / n_vib
    assert found.completeness_of_levels == 1 - found.levels.n_silent / found.levels.n_vib


@pytest.mark.parametrize("entry", [m for m in ZOO if len(m.symbols) <= 60], ids=lambda m: m.name)
def test_identities_hold_on_every_molecule(entry):
    detection = detect_point_group(molecule_of(entry))
    found = analyse_detection(detection)
    n = len(entry.symbols)
    if n == 1:
        assert (found.n_vib, found.completeness) == (0, None)
        return
    assert found.n_vib == found.gamma_vib.dimension == 3 * n - (5 if detection.point_group.is_linear else 6)
    assert found.n_ir + found.n_raman - found.n_both + found.n_silent == found.n_vib
    assert 0 <= found.completeness <= 1
    if detection.point_group.has_inversion:
        assert found.n_both == 0
    if found.mutual_exclusion:
        assert found.n_both == 0
        assert found.exclusion_kind != "none"


def test_exclusion_of_chosen_molecules():
    def of(group):
        entry = next(m for m in ZOO if m.group == group)
        return analyse_detection(detect_point_group(molecule_of(entry)))

    assert (of("D5h").exclusion_kind, of("D5h").mutual_exclusion) == ("table", True)
    assert (of("D6h").exclusion_kind, of("D6h").mutual_exclusion) == ("inversion", True)
    assert (of("Td").exclusion_kind, of("Td").mutual_exclusion) == ("none", False)
    nitrogen = analyse_detection(detect_point_group(molecule_of(ZOO_BY_NAME["N2"])))
    assert (nitrogen.exclusion_kind, nitrogen.mutual_exclusion, nitrogen.exclusion_vacuous) == (
        "inversion",
        False,
        True,
    )


def test_input_by_group_and_fixed_atoms():
    assert information_completeness("C2v", [3, 1, 1, 3]).completeness == 1.0
    assert information_completeness("Dinfh", n_atoms=3).counts.n_vib == 4
    with pytest.raises(RepresentationError, match="2 entries"):
        information_completeness("C2v", [3, 1])


# ---- site types ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("C1", "C1:1:3"),
        ("Cs", "Cs:1:2 C1:2:3"),
        ("Ci", "Ci:1:0 C1:2:3"),
        ("C2v", "C2v:1:1 Cs:2:2 Cs:2:2 C1:4:3"),
        ("C3", "C3:1:1 C1:3:3"),
        ("S4", "S4:1:0 C2:2:1 C1:4:3"),
        ("D3h", "D3h:1:0 C3v:2:1 C2v:3:1 Cs:6:2 Cs:6:2 C1:12:3"),
        ("D3", "D3:1:0 C3:2:1 C2:3:1 C1:6:3"),
        ("D6h", "D6h:1:0 C6v:2:1 C2v:6:1 C2v:6:1 Cs:12:2 Cs:12:2 Cs:12:2 C1:24:3"),
        ("Td", "Td:1:0 C3v:4:1 C2v:6:1 Cs:12:2 C1:24:3"),
        ("Oh", "Oh:1:0 C4v:6:1 C3v:8:1 C2v:12:1 Cs:24:2 Cs:24:2 C1:48:3"),
        ("Ih", "Ih:1:0 C5v:12:1 C3v:20:1 C2v:30:1 Cs:60:2 C1:120:3"),
    ],
)
def test_site_types_are_those_of_the_tables(group, expected):
    # Herzberg (1945), table 35: sets of equivalent atoms of each point group.
    found = [f"{s.site_group}:{s.orbit_size}:{s.dimension}" for s in site_types(group)]
    assert sorted(found) == sorted(expected.split())
    assert len({s.label for s in site_types(group)}) == len(found)


@pytest.mark.parametrize("group", ["C2v", "C5h", "S8", "D4d", "D6h", "T", "Th", "O", "Ih"])
def test_orbits_of_sites(group):
    point_group = PointGroup.parse(group)
    rng = np.random.default_rng(7)
    for site in site_types(group):
        orbit = site.orbit(point_group, rng.normal(size=site.dimension))
        assert len(orbit) == site.orbit_size == point_group.order // (site.site_group.order or 1)
        for matrix in point_group.matrices:  # closed under the group
            gaps = np.linalg.norm((orbit @ matrix.T)[:, None] - orbit[None], axis=2)
            assert gaps.min(axis=1).max() < 1e-9
        assert max(site.fixed_atoms_per_class) == site.orbit_size


def test_infinite_groups_have_no_list_of_sites():
    with pytest.raises(PointGroupError, match="infinite"):
        site_types("Dinfh")


# ---- attainable values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "n_atoms", "value", "orbits"),
    [
        ("D6h", 12, Fraction(19, 30), (6, 6)),  # benzene
        ("Td", 5, Fraction(1), (1, 4)),  # methane
        ("Oh", 7, Fraction(12, 15), (1, 6)),  # SF6
        ("Oh", 16, Fraction(27, 42), (8, 8)),  # cubane
        ("Ih", 60, Fraction(54, 174), (60,)),  # C60
        ("C2v", 3, Fraction(1), (1, 2)),  # water
        ("C3v", 4, Fraction(1), (1, 3)),  # ammonia
        ("D2h", 6, Fraction(11, 12), (2, 4)),  # ethylene
    ],
)
def test_known_molecules_are_among_the_values(group, n_atoms, value, orbits):
    found = attainable_completeness(group, n_atoms)
    assert any(item.exact == value and item.partition.orbit_sizes == orbits for item in found)
    assert any(completeness == float(value) for completeness, _ in found)
    assert [item.exact for item in found] == sorted((item.exact for item in found), reverse=True)


def labels(group, n_atoms):
    return sorted(str(partition) for _, partition in attainable_completeness(group, n_atoms))


@pytest.mark.parametrize(
    ("group", "n_atoms", "expected"),
    [
        ("C2v", 3, ["1 x C2v + 1 x Cs(sigma_v'(yz))", "1 x C2v + 1 x Cs(sigma_v(xz))"]),
        ("Td", 5, ["1 x Td + 1 x C3v"]),
        ("Td", 4, ["1 x C3v"]),
        ("Oh", 7, ["1 x Oh + 1 x C4v"]),
        ("Oh", 16, ["2 x C3v"]),
        ("Ih", 60, ["1 x Cs", "2 x C2v", "3 x C3v", "5 x C5v"]),
        ("C1", 3, []),  # three atoms are planar
        ("C1", 4, ["4 x C1"]),
        ("Cs", 3, ["3 x Cs"]),  # 1 x Cs + 1 x C1 is an isosceles triangle
        ("Cs", 4, ["2 x Cs + 1 x C1", "4 x Cs"]),  # 2 x C1 is a trapezoid, C2v
        ("Ci", 4, []),  # a parallelogram is C2h
        ("Ci", 6, ["3 x C1"]),
        ("Ci", 7, ["1 x Ci + 3 x C1"]),
        ("C2", 4, ["2 x C1"]),  # H2O2
        ("C3", 4, []),  # a pyramid on a triangle is C3v
        ("C3", 6, ["2 x C1"]),
        ("C3v", 4, ["1 x C3v + 1 x Cs"]),
        ("S4", 4, []),  # one general orbit of S4 is D2d
        ("S4", 8, ["2 x C1"]),
        ("D6h", 6, ["1 x C2v(C2')", "1 x C2v(C2'')"]),
        ("D3", 6, ["1 x C1"]),
        ("D3", 7, ["1 x D3 + 1 x C1"]),
        ("Ih", 5, []),
        ("D6h", 5, []),
        ("Cinfv", 1, []),
        ("Cinfv", 3, ["3 x axis"]),
        ("Dinfh", 3, ["1 x centre + 1 x pair"]),
        ("Dinfh", 4, ["2 x pair"]),
    ],
)
def test_partitions(group, n_atoms, expected):
    assert labels(group, n_atoms) == sorted(expected)


REALISED = ("C1", "Cs", "Ci", "C2", "C2h", "C3", "C3h", "C3v", "S4", "D2", "D2d", "D3", "D3d", "D4h", "D5h")
REALISED += ("T", "Td", "Th", "Oh", "Cinfv", "Dinfh")


@pytest.mark.parametrize("group", REALISED)
def test_realising_molecules_have_the_group_the_orbits_and_the_value(group):
    checked = 0
    for n_atoms in (2, 3, 4, 6, 8, 9, 12, 13):
        items = attainable_completeness(group, n_atoms)
        for item in items[:: max(1, len(items) // 4)]:
            detection = detect_point_group(item.molecule)
            assert detection.point_group.label == group
            assert tuple(sorted(len(orbit) for orbit in detection.orbits)) == item.partition.orbit_sizes
            assert len(item.molecule) == n_atoms
            assert analyse_detection(detection).completeness == pytest.approx(item.completeness, abs=1e-14)
            assert 0 <= item.exact <= 1
            checked += 1
    assert checked >= 2


@settings(max_examples=150, deadline=None)
@given(
    group=st.sampled_from(
        ("C2v", "C3", "C4h", "C5h", "S4", "S8", "D2h", "D3", "D4d", "D5h", "D6d", "T", "Td", "Th", "O", "Ih")
    ),
    draw=st.lists(st.integers(0, 3), min_size=8, max_size=8),
)
def test_value_from_the_orbits_is_that_of_the_whole_representation(group, draw):
    point_group, sites = PointGroup.parse(group), site_types(group)
    counts = tuple(min(k, 1) if s.dimension == 0 else k for s, k in zip(sites, draw, strict=False))
    if not has_exact_symmetry(point_group, counts):
        return
    fixed = sum(np.array(site.fixed_atoms_per_class) * k for site, k in zip(sites, counts, strict=True))
    analysis = vibrational_representation(group, fixed)
    occupied = {site.label: k for site, k in zip(sites, counts, strict=True) if k}
    if analysis.n_atoms > 40:
        return
    (item,) = [i for i in attainable_completeness(group, analysis.n_atoms) if i.partition.labels == occupied]
    assert item.exact == 1 - Fraction(analysis.n_silent, analysis.n_vib)
    assert analysis.n_vib == 3 * analysis.n_atoms - 6


@pytest.mark.parametrize("group", ["Cs", "Ci", "C2", "C2v", "C3", "C3h", "S4", "D2", "D3", "D2d", "D4"])
def test_what_is_left_out_has_more_symmetry(group):
    # Refusals are checked with the detector: no generic molecule with such orbits has just the group.
    from symvib.groups.realisation import _random_positions

    point_group = PointGroup.parse(group)
    sites = site_types(group)
    rng = np.random.default_rng(3)
    single = [tuple(int(i == k) for i in range(len(sites))) for k in range(len(sites))]
    double = [tuple(a + b for a, b in zip(x, y, strict=True)) for x in single for y in single]
    seen = 0
    for counts in dict.fromkeys(single + double):
        if any(site.dimension == 0 and count > 1 for site, count in zip(sites, counts, strict=True)):
            continue
        if sum(count * site.orbit_size for site, count in zip(sites, counts, strict=True)) < 2:
            continue
        positions, colours = _random_positions(point_group, counts, rng)
        gaps = np.linalg.norm(positions[:, None] - positions[None], axis=2)
        positions *= 1.2 / gaps[np.triu_indices(len(positions), 1)].min()
        found = detect_point_group(Molecule.from_arrays(6 + colours, positions), tolerance=1e-5).point_group
        assert (found == point_group) == has_exact_symmetry(point_group, counts), (counts, found)
        seen += 1
    assert seen >= 3


def test_partitions_of_zoo_molecules_are_found():
    checked = 0
    for entry in ZOO:
        detection = detect_point_group(molecule_of(entry))
        group, n = detection.point_group, len(entry.symbols)
        if not group.is_finite or n > 24 or (group.order or 0) < 4:
            continue
        sizes = tuple(sorted(len(orbit) for orbit in detection.orbits))
        value = analyse_detection(detection).completeness
        found = attainable_completeness(group, n)
        assert any(item.partition.orbit_sizes == sizes and abs(item.completeness - value) < 1e-12 for item in found), (
            entry.name
        )
        checked += 1
    assert checked >= 60


def test_results_unpack_and_serialise():
    (item,) = attainable_completeness("Td", 5)
    completeness, partition = item
    assert (completeness, partition.n_atoms, len(item)) == (1.0, 5, 2)
    assert item[1].labels == {"Td": 1, "C3v": 1}
    assert json.loads(json.dumps(item.as_dict()))["partition"] == {"Td": 1, "C3v": 1}
    assert json.loads(json.dumps(information_completeness("Dinfh", n_atoms=2).as_dict()))["raw_ratio"] == 1.0


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: attainable_completeness("D6h", 0), MoleculeError, ">= 1"),
        (lambda: attainable_completeness("D6h", 2.5), MoleculeError, "integer"),
        (lambda: attainable_completeness("D6h", True), MoleculeError, "integer"),
        (lambda: attainable_completeness("Kh", 1), RepresentationError, "undefined"),
        (lambda: attainable_completeness("XYZ", 3), PointGroupError, "XYZ"),
        (lambda: attainable_completeness("D2h", 60, max_partitions=10), RepresentationError, "max_partitions=10"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()
