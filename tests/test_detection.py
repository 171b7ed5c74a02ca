"""Detection on the zoo: molecules whose group is known by construction (tests/zoo.py)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import molecule_of
from symvib import PointGroup, detect_point_group
from symvib.errors import DetectionError
from symvib.groups.molecule import Molecule
from symvib.groups.operations import multiplication_table
from zoo import BELOW_FLOOR, NEAR, ZOO, ZOO_BY_NAME, noisy, permuted, rotated

by_name = pytest.mark.parametrize("entry", ZOO, ids=lambda z: f"{z.name} {z.group}")
SMALL = [z for z in ZOO if len(z.symbols) <= 40]


def scrambled(entry, noise, seed):
    """The entry rotated, translated, permuted and with gaussian errors of ``noise`` angstrom per coordinate."""
    rng = np.random.default_rng([seed, len(entry.symbols)])
    symbols, positions = permuted(entry.symbols, rotated(entry.positions, rng), rng)
    return molecule_of(symbols, noisy(positions, noise, rng) + rng.uniform(-5, 5, 3))


def test_the_zoo_is_as_large_as_promised():
    assert len(ZOO) >= 150
    assert len({z.group for z in ZOO}) >= 60


@pytest.mark.parametrize("noise_angstrom", [0.0, 1e-6, 1e-4, 1e-3, 1e-2])
@by_name
def test_group_at_default_tolerance(entry, noise_angstrom):
    found = detect_point_group(scrambled(entry, noise_angstrom, seed=1))
    assert found.point_group.label == entry.group, found.summary()


@by_name
def test_operations_of_the_clean_molecule(entry):
    """Permutations follow the Cayley table of the standard group; matrices map atoms onto their partners."""
    found = detect_point_group(scrambled(entry, 0.0, seed=2))
    if not found.point_group.is_finite:
        assert found.operations == ()
        return
    positions = found.molecule.positions - found.centre
    for detected in found.operations:
        image = positions @ detected.operation.matrix.T
        assert np.abs(image - positions[detected.permutation]).max() < 1e-7
        assert detected.deviation_angstrom < 1e-7
        assert (found.molecule.numbers == found.molecule.numbers[detected.permutation]).all()
    table = multiplication_table(found.point_group.matrices)
    sample = np.random.default_rng(0).integers(len(table), size=(200, 2))
    for a, b in sample:
        assert (found.permutations[table[a, b]] == found.permutations[a][found.permutations[b]]).all()
    assert np.allclose(found.frame @ found.frame.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(found.frame) > 0
    standard = found.standard_positions
    for operation, permutation in zip(found.point_group.operations, found.permutations, strict=True):
        assert np.abs(standard @ operation.matrix.T - standard[permutation]).max() < 1e-7


@by_name
def test_orbits_and_sites(entry):
    found = detect_point_group(scrambled(entry, 0.0, seed=3))
    assert sorted(np.concatenate(found.orbits).tolist()) == list(range(len(entry.symbols)))
    if found.point_group.is_finite:
        for orbit, site in zip(found.orbits, found.site_symmetries, strict=True):
            assert len(orbit) * site.order == found.point_group.order  # orbit-stabiliser theorem


@by_name
def test_symmetrize_restores_the_group(entry):
    found = detect_point_group(scrambled(entry, 1e-3, seed=4))
    exact = found.symmetrize()
    again = detect_point_group(exact)
    assert again.point_group == found.point_group
    assert again.deviation_angstrom < 1e-9
    assert np.abs(exact.positions - found.molecule.positions).max() < 0.01


@pytest.mark.parametrize("entry", NEAR, ids=lambda z: f"{z.name} {z.group} near {z.rival}")
def test_near_symmetric_structures_keep_their_group_and_name_the_rival(entry):
    found = detect_point_group(scrambled(entry, 0.0, seed=5))
    assert found.point_group.label == entry.group, found.summary()
    rivals = {r.point_group.label: r.deviation_angstrom for r in found.rivals}
    assert entry.rival in rivals, found.summary()
    assert 0.3 * entry.deviation_about < rivals[entry.rival] < 1.5 * entry.deviation_about
    assert entry.rival in found.summary()
    higher = found.symmetrize(to=entry.rival)
    assert detect_point_group(higher).point_group.label == entry.rival


@pytest.mark.parametrize("entry", BELOW_FLOOR, ids=lambda z: z.name)
def test_below_the_floor_the_higher_group_is_given_and_the_lower_named(entry):
    found = detect_point_group(scrambled(entry, 0.0, seed=6))
    assert found.point_group.label == entry.rival
    assert entry.group in {r.point_group.label for r in found.rivals}
    assert found.plateau_angstrom[0] <= 0.005


@pytest.mark.parametrize("entry", SMALL[::4], ids=lambda z: f"{z.name} {z.group}")
def test_subgroups_can_be_imposed(entry):
    """symmetrize(to=subgroup) leaves an exact structure where it is."""
    found = detect_point_group(molecule_of(entry.symbols, entry.positions))
    labels = {o.operation.label for o in found.operations}
    for label, operation in (("Cs", "sigma"), ("C2", "C2"), ("Ci", "i"), ("C3", "C3"), ("S4", "S4")):
        if operation in labels:
            moved = found.symmetrize(to=label)
            assert np.abs(moved.positions - found.molecule.positions).max() < 1e-9


@pytest.mark.parametrize("to", ["Cs", "Ci", "C2", "C3", "C3v", "C2h", "D3", "S6"])
def test_subgroups_of_cyclohexane(to):
    """Candidates within 1 A that form no group once made this fail."""
    entry = ZOO_BY_NAME["cyclohexane chair"]
    molecule = molecule_of(entry.symbols, entry.positions)
    moved = detect_point_group(molecule).symmetrize(to=to)
    assert np.abs(moved.positions - molecule.positions).max() < 1e-9


def test_a_group_that_is_not_near_is_refused():
    water = next(z for z in ZOO if z.name == "H2O")
    with pytest.raises(DetectionError, match=r"symmetrize.*D6h"):
        detect_point_group(molecule_of(water.symbols, water.positions)).symmetrize(to="D6h")


class TestInvariance:
    """The answer turns with the molecule: rotation, translation, permutation, reflection (hypothesis)."""

    entries = st.sampled_from(SMALL)
    seeds = st.integers(0, 2**32 - 1)

    @settings(max_examples=60, deadline=None)
    @given(entries, seeds, st.booleans(), st.sampled_from([0.0, 1e-3]))
    def test_under_every_motion(self, entry, seed, reflect, noise):
        rng = np.random.default_rng(seed)
        start = noisy(entry.positions, noise, rng)
        symbols, positions = permuted(entry.symbols, rotated(start, rng), rng)
        if reflect:
            positions = positions * [1, 1, -1]
        before = detect_point_group(molecule_of(entry.symbols, start))
        after = detect_point_group(molecule_of(symbols, positions + rng.uniform(-100, 100, 3)))
        assert after.point_group == before.point_group
        assert after.deviation_angstrom == pytest.approx(before.deviation_angstrom, abs=1e-6)
        assert sorted(map(len, after.orbits)) == sorted(map(len, before.orbits))
        assert sorted(after.fixed_atoms) == sorted(before.fixed_atoms)
        assert after.rotor_type == before.rotor_type

    @settings(max_examples=30, deadline=None)
    @given(entries, seeds)
    def test_labels_of_classes_do_not_depend_on_the_input_axes(self, entry, seed):
        rng = np.random.default_rng(seed)
        before = detect_point_group(molecule_of(entry.symbols, entry.positions))
        after = detect_point_group(molecule_of(entry.symbols, rotated(entry.positions, rng)))
        if before.point_group.is_finite:
            assert after.fixed_atoms_per_class == before.fixed_atoms_per_class


class TestTolerance:
    def test_a_given_tolerance_rules(self):
        entry = next(z for z in NEAR if z.rival == "D4h" and z.group == "D2h")
        molecule = molecule_of(entry.symbols, entry.positions)
        deviation = next(
            r for r in detect_point_group(molecule).rivals if r.point_group.label == "D4h"
        ).deviation_angstrom
        assert detect_point_group(molecule, tolerance=1.1 * deviation).point_group.label == "D4h"
        assert detect_point_group(molecule, tolerance=0.9 * deviation).point_group.label == "D2h"

    @pytest.mark.parametrize("tolerance", [0, -0.1, 3.0, float("nan"), float("inf")])
    def test_senseless_tolerances_are_refused(self, tolerance):
        with pytest.raises(DetectionError, match="tolerance"):
            detect_point_group((["O", "H", "H"], [[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]]), tolerance)

    @pytest.mark.parametrize("tolerance", [0.05, 0.2, 0.5, 1.0])
    @pytest.mark.parametrize("name", ["CH4", "benzene", "H2O", "CO2"])
    def test_coarse_tolerances_keep_clean_molecules_right(self, name, tolerance):
        entry = next((z for z in ZOO if z.name == name), None)
        if entry is None:
            pytest.skip(f"{name} is not in the zoo")
        found = detect_point_group(molecule_of(entry.symbols, entry.positions), tolerance)
        assert found.point_group.order is None or found.point_group.order >= PointGroup(entry.group).order

    def test_operations_that_do_not_close_are_refused_with_the_numbers(self):
        """Random distorted rings at a tolerance that takes some operations in and leaves products of them out."""
        rng, said = np.random.default_rng(11), 0
        ring = np.array([[np.cos(t), np.sin(t), 0.0] for t in np.arange(6) * np.pi / 3]) * 1.4
        for _ in range(40):
            molecule = Molecule.from_arrays([6] * 6, ring + rng.normal(scale=0.05, size=(6, 3)))
            deviations = np.array([o.deviation_angstrom for o in detect_point_group(molecule, 0.6).operations])
            found = detect_point_group(molecule, float(np.median(deviations)))
            if found.ambiguous:
                said += 1
                assert "do not close" in found.reason
                assert "A)" in found.reason
        assert said > 5


class TestProperties:
    @pytest.mark.parametrize("entry", SMALL, ids=lambda z: f"{z.name} {z.group}")
    def test_dipole_and_chirality_agree_with_geometry(self, entry):
        found = detect_point_group(molecule_of(entry.symbols, entry.positions))
        centred = entry.positions - entry.positions.mean(axis=0)
        charges = found.molecule.numbers
        dipole = np.linalg.norm(charges @ centred)
        if not found.is_polar:
            assert dipole < 1e-8 * charges.sum()
        if found.point_group.is_finite:
            proper = [o.operation.proper for o in found.operations]
            assert found.symmetry_number == sum(proper)
            assert found.is_chiral == all(proper)

    def test_isotopes_are_different_atoms(self):
        methane = next(z for z in ZOO if z.name == "CH4")
        molecule = molecule_of(methane.symbols, methane.positions)
        hydrogens = np.flatnonzero(molecule.numbers == 1)
        assert detect_point_group(molecule).point_group.label == "Td"
        assert detect_point_group(molecule.with_isotopes({int(hydrogens[0]): 2})).point_group.label == "C3v"
        two = {int(h): 2 for h in hydrogens[:2]}
        assert detect_point_group(molecule.with_isotopes(two)).point_group.label == "C2v"

    def test_atom(self):
        found = detect_point_group((["Ar"], [[1.0, 2.0, 3.0]]))
        assert found.point_group.label == "Kh"
        assert found.rotor_type == "atom"
        assert found.operations == ()
        assert found.as_dict()["point_group"] == "Kh"

    @pytest.mark.parametrize(
        ("symbols", "group", "sites"),
        [("OCO", "Dinfh", ["Cinfv", "Dinfh"]), ("HCN", "Cinfv", ["Cinfv"] * 3), ("NN", "Dinfh", ["Cinfv"])],
    )
    def test_linear(self, symbols, group, sites):
        positions = [[0.0, 0.0, 1.15 * i] for i in range(len(symbols))]
        found = detect_point_group((list(symbols), positions))
        assert found.point_group.label == group
        assert [s.label for s in found.site_symmetries] == sites
        assert found.rotor_type == "linear"
        assert found.symmetry_number == {"Cinfv": 1, "Dinfh": 2}[group]

    @pytest.mark.parametrize(
        ("name", "elements"),
        [
            ("benzene", {"C6": 1, "C2": 6, "sigma": 7, "i": 1}),
            ("CH4", {"C3": 4, "C2": 3, "S4": 3, "sigma": 6}),
            ("H2O", {"C2": 1, "sigma": 2}),
        ],
    )
    def test_elements(self, name, elements):
        entry = next(z for z in ZOO if z.name == name)
        found = detect_point_group(molecule_of(entry.symbols, entry.positions))
        labels = [e.label for e in found.elements]
        assert {label: labels.count(label) for label in set(labels)} == elements

    @pytest.mark.parametrize("entry", [z for z in ZOO if "top" in z.name], ids=lambda z: z.name)
    def test_accidental_tops_are_called_accidental(self, entry):
        found = detect_point_group(molecule_of(entry.symbols, entry.positions))
        assert found.point_group.label == entry.group
        if "accidental" in entry.name:
            assert found.rotor.accidental
            assert "top" in found.rotor_type

    @pytest.mark.parametrize(("name", "flat_axis"), [("H2O", 0), ("C2H4", 0), ("benzene", 2), ("naphthalene", 0)])
    def test_standard_orientation_follows_mulliken(self, name, flat_axis):
        """Planar C2v and D2h molecules lie in yz (J. Chem. Phys. 23, 1997); a ring of D6h lies across its axis z."""
        entry = ZOO_BY_NAME[name]
        turned = rotated(entry.positions, np.random.default_rng(8))
        standard = detect_point_group(molecule_of(entry.symbols, turned)).standard_molecule
        assert np.abs(standard.positions[:, flat_axis]).max() < 1e-9

    def test_cached_arrays_cannot_be_changed(self):
        entry = ZOO_BY_NAME["benzene"]
        found = detect_point_group(molecule_of(entry.symbols, entry.positions))
        operation = found.operations[1]
        for array in (found.frame, found.centre, found.permutations, operation.permutation, operation.operation.axis):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0

    def test_as_dict_is_json(self):
        import json

        entry = next(z for z in ZOO if z.name == "benzene")
        data = detect_point_group(molecule_of(entry.symbols, entry.positions)).as_dict()
        assert json.loads(json.dumps(data)) == data


class TestPrintedCoordinates:
    """Rounding keeps inversion and the mirrors of the axes exactly; that must not pass for evidence of a low group."""

    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("decimals", [2, 3, 4])
    @pytest.mark.parametrize("name", ["benzene", "SF6", "cubane", "CH4", "naphthalene", "XeF4", "C60"])
    def test_turned_at_random(self, name, decimals, seed):
        entry = ZOO_BY_NAME[name]
        turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
        centred = (entry.positions - entry.positions.mean(axis=0)) @ turn
        found = detect_point_group(molecule_of(entry.symbols, np.round(centred, decimals)))
        assert found.point_group.label == entry.group, found.summary()

    @pytest.mark.parametrize("decimals", [2, 3])
    def test_benzene_as_typed_along_the_axes(self, decimals):
        angles = np.arange(6) * np.pi / 3
        ring = np.column_stack([np.cos(angles), np.sin(angles), 0 * angles])
        typed = np.round(np.vstack([1.397 * ring, 2.481 * ring]), decimals)
        assert detect_point_group(molecule_of("C" * 6 + "H" * 6, typed)).point_group.label == "D6h"

    def test_a_rectangle_on_the_grid_is_a_rectangle(self):
        """Rounding could not have broken the fourfold axis, which maps the grid onto itself."""
        corners = np.array([[x, y, 0] for x in (1, -1) for y in (1, -1)])
        typed = np.vstack([corners * [0.72, 0.71, 0], corners * [1.48, 1.47, 0]])
        found = detect_point_group(molecule_of("C" * 4 + "H" * 4, typed))
        assert found.point_group.label == "D2h"
        assert "D4h at 0.014 A refused" in found.reason


@pytest.mark.slow
@pytest.mark.parametrize("noise_angstrom", [1e-3, 2e-3, 5e-3, 1e-2])
def test_rate_of_wrong_groups_under_noise(noise_angstrom):
    """2,052 noisy molecules per level of noise; the default tolerance misses no more than one in a thousand."""
    entries = [z for z in ZOO if len(z.symbols) <= 70]
    trials = [(z, seed) for z in entries for seed in range(6)]
    wrong = [
        z.name
        for z, seed in trials
        if detect_point_group(scrambled(z, noise_angstrom, seed=1000 + seed)).point_group.label != z.group
    ]
    assert len(wrong) <= len(trials) / 1000, wrong
