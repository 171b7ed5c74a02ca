"""Automatic internal coordinates: complete, closed under symmetry, independent on request; checks of a user's."""

import logging

import numpy as np
import pytest

from helpers import molecule_of
from symvib.errors import CoordinateError
from symvib.forward._coordinate_symmetry import NuclearFrame
from symvib.forward.internals import InternalCoordinate, InternalCoordinates
from symvib.forward.selection import internal_coordinates
from zoo import ZOO, ZOO_BY_NAME, noisy, permuted, rotated

LEAST_REDUNDANT = 0.03  # smallest singular value of B with unit rows: seen 0.038 (ring of 60 atoms, C30h)
LEAST_INDEPENDENT = 0.008  # the same without redundancies: seen 0.0083 (prism of 90 atoms, D30)


def zoo(name):
    found = ZOO_BY_NAME[name]
    return molecule_of(found.symbols, found.positions)


def number_of_vibrations(entry):
    if len(entry.symbols) == 1:
        return 0
    return 3 * len(entry.symbols) - (5 if entry.group in ("Cinfv", "Dinfh") else 6)


def kinds(coordinates):
    return [c.kind for c in coordinates]


# ---- the whole zoo ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ZOO, ids=lambda e: e.name)
def test_complete_independent_and_closed(entry):
    molecule, expected = molecule_of(entry.symbols, entry.positions), number_of_vibrations(entry)
    frame = NuclearFrame.of(molecule)
    coordinates = internal_coordinates(molecule)
    check = coordinates.check(molecule)
    assert (check.rank, check.n_vibrations) == (expected, expected)
    assert check.complete
    assert not check.missing.size
    if expected:
        assert check.singular_values[-1] > LEAST_REDUNDANT
        assert check.gap > 1e11
        assert_closed(coordinates, frame)
    independent = internal_coordinates(molecule, redundant=False)
    assert len(independent) == expected
    assert set(independent) <= set(coordinates)
    check = independent.check(molecule)
    assert check.complete
    assert check.n_redundancies == 0
    if expected:
        assert check.singular_values[-1] > LEAST_INDEPENDENT


def assert_closed(coordinates, frame):
    """Images of coordinates under every operation are coordinates up to sign; of a linear bend, in the span of a pair.

    Compared by their gradients: D(g) takes that of q to that of its image.
    """
    n = len(frame.positions)
    b = coordinates.b_matrix(frame.positions).reshape(-1, n, 3)
    names = np.array(kinds(coordinates))
    some = np.linspace(0, len(frame.matrices) - 1, min(len(frame.matrices), 12 if n < 100 else 4)).astype(int)
    for kind in set(names.tolist()):
        rows = b[names == kind]
        for g in some:
            image = np.empty_like(rows)
            image[:, frame.permutations[g]] = rows @ frame.matrices[g].T
            flat, turned = rows.reshape(len(rows), -1), image.reshape(len(rows), -1)
            overlap = turned @ flat.T
            if kind == "linear_bend":
                in_span = np.linalg.lstsq(flat.T, turned.T, rcond=None)[0].T @ flat
                assert np.abs(in_span - turned).max() < 1e-8
                continue
            squares = (flat**2).sum(axis=1)
            nearest = (squares - 2 * np.abs(overlap)).argmin(axis=1)  # |turned -+ row|^2 less |turned|^2
            sign = np.sign(overlap[np.arange(len(rows)), nearest])[:, None]
            assert np.abs(turned - sign * flat[nearest]).max() < 1e-7


@pytest.mark.parametrize("entry", [e for e in ZOO if len(e.symbols) <= 30][::6], ids=lambda e: e.name)
def test_moved_relabelled_and_noisy_structures_get_the_same_kinds(entry):
    clean = internal_coordinates(molecule_of(entry.symbols, entry.positions))
    counts = {kind: kinds(clean).count(kind) for kind in set(kinds(clean))}
    rng = np.random.default_rng(len(entry.symbols))
    for symbols, positions in (
        (entry.symbols, rotated(entry.positions, rng)),
        permuted(entry.symbols, entry.positions, rng),
        (entry.symbols, noisy(entry.positions, 0.0005, rng)),
    ):
        molecule = molecule_of(symbols, positions)
        found = internal_coordinates(molecule)
        assert {kind: kinds(found).count(kind) for kind in set(kinds(found))} == counts
        assert found.check(molecule).complete


# ---- named molecules ----------------------------------------------------------------------------------------------


def line(symbols, steps):
    return molecule_of(symbols, [[0, 0, z] for z in np.concatenate(([0], np.cumsum(steps)))])


C3O2 = line("OCCCO", [1.16, 1.29, 1.29, 1.16])
HCCCCH = line("HCCCCH", [1.06, 1.2, 1.37, 1.2, 1.06])


@pytest.mark.parametrize(
    ("molecule", "stretches", "linear_bends"),
    [(C3O2, 4, 6), (HCCCCH, 5, 8), (line("NN", [1.1]), 1, 0), (line("HCN", [1.07, 1.15]), 2, 2)],
    ids=["C3O2", "butadiyne", "N2", "HCN"],
)
def test_linear_molecules_are_not_redundant(molecule, stretches, linear_bends):
    coordinates = internal_coordinates(molecule)
    assert kinds(coordinates) == ["stretch"] * stretches + ["linear_bend"] * linear_bends
    check = coordinates.check(molecule)
    assert check.complete
    assert check.n_redundancies == 0


def methyls_on_a_chain(chain, turn):
    """H3C-(chain)-CH3 with the second methyl turned by ``turn`` degrees."""
    angles = np.radians([0, 120, 240])
    bond = np.cumsum([0, 1.46, *[1.25] * (chain - 1), 1.46])
    ring = np.stack([1.03 * np.cos(angles), 1.03 * np.sin(angles), np.full(3, -0.37)], axis=1)
    other = np.stack([1.03 * np.cos(angles + np.radians(turn)), 1.03 * np.sin(angles + np.radians(turn))], axis=1)
    far = np.column_stack([other, np.full(3, bond[-1] + 0.37)])
    return molecule_of("C" * (chain + 2) + "H" * 6, np.vstack([[[0, 0, z] for z in bond], ring, far]))


@pytest.mark.parametrize("chain", [2, 3, 4])
@pytest.mark.parametrize("turn", [0.0, 25.0, 60.0])
def test_torsions_cross_linear_chains(chain, turn):
    molecule = methyls_on_a_chain(chain, turn)
    coordinates = internal_coordinates(molecule)
    torsions = [c for c in coordinates if c.kind == "torsion"]
    assert len(torsions) == 9
    assert all(set(c.atoms[1:3]) == {0, chain + 1} for c in torsions)
    assert kinds(coordinates).count("linear_bend") == 2 * chain
    assert coordinates.check(molecule).complete


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("allene", {"stretch": 6, "bend": 6, "linear_bend": 2, "torsion": 4, "out_of_plane": 6}),
        ("BF3", {"stretch": 3, "bend": 3, "out_of_plane": 3}),
        ("NH3", {"stretch": 3, "bend": 3}),
        ("CH4", {"stretch": 4, "bend": 6}),
        ("SF6", {"stretch": 6, "bend": 12}),
        ("XeF4", {"stretch": 4, "bend": 4, "out_of_plane": 8}),
        ("benzene", {"stretch": 12, "bend": 18, "torsion": 24, "out_of_plane": 18}),
        ("C60", {"stretch": 90, "bend": 180, "torsion": 360}),
    ],
)
def test_numbers_of_each_kind(name, expected):
    found = kinds(internal_coordinates(zoo(name)))
    assert {kind: found.count(kind) for kind in dict.fromkeys(found)} == expected


def test_carbonyls_have_linear_bends_at_carbon_only():
    axes = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    molecule = molecule_of(["Cr"] + ["C"] * 6 + ["O"] * 6, np.vstack([[[0, 0, 0]], 1.91 * axes, 3.05 * axes]))
    coordinates = internal_coordinates(molecule)
    assert {c.atoms[1] for c in coordinates if c.kind == "linear_bend"} == set(range(1, 7))
    assert kinds(coordinates).count("bend") == 12
    assert coordinates.check(molecule).complete
    # Axes along those of the octahedron: each image of a linear bend is one up to sign.
    assert all(max(map(abs, c.axis)) > 1 - 1e-12 for c in coordinates if c.axis)


def test_torsions_about_atoms_with_many_bonds_only_where_needed():
    square = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]) * 1.58
    s = 2**0.5 / 2
    turned = square @ np.array([[s, s, 0], [-s, s, 0], [0, 0, 1]])
    axial = [[0, 0, 0], [0, 0, 2.2], [0, 0, -1.58], [0, 0, 3.78]]
    molecule = molecule_of("SSFF" + "F" * 8, np.vstack([axial, square, turned + [0, 0, 2.2]]))  # S2F10, D4d
    coordinates = internal_coordinates(molecule)
    torsions = [c for c in coordinates if c.kind == "torsion"]
    assert torsions
    assert all(set(c.atoms[1:3]) == {0, 1} for c in torsions)
    assert coordinates.check(molecule).complete
    assert "torsion" not in kinds(internal_coordinates(zoo("SF6")))


WATER = np.array([[0, 0, 0.117], [0, 0.757, -0.469], [0, -0.757, -0.469]])


def water_dimer():
    donor = np.array([[0, 0, 0], [0.957, 0.0, 0.03], [-0.239, 0.927, 0.0]])
    acceptor = np.array([[2.91, 0, 0.05], [3.3, 0.45, 0.76], [3.3, 0.45, -0.66]])
    return molecule_of("OHHOHH", np.vstack([donor, acceptor]))


def benzene_sandwich():
    one = ZOO_BY_NAME["benzene"]
    return molecule_of(one.symbols * 2, np.vstack([one.positions, one.positions + [0, 0, 3.7]]))


PAIRS = {
    "water dimer": water_dimer(),
    "argon dimer": line(["Ar", "Ar"], [3.8]),
    "HF dimer in line": line("HFHF", [0.92, 1.8, 0.92]),
    "T-shaped CO2 and Ar": molecule_of(["O", "C", "O", "Ar"], [[-1.16, 0, 0], [0, 0, 0], [1.16, 0, 0], [0, 3.5, 0]]),
    "parallel N2 pair": molecule_of("NNNN", [[0, 0, 0], [1.1, 0, 0], [0, 3.5, 0], [1.1, 3.5, 0]]),
    "benzene sandwich": benzene_sandwich(),
    "three far atoms": molecule_of(["Ne"] * 3, [[0, 0, 0], [3.1, 0, 0], [1.0, 3.3, 0]]),
    "four atoms in a square": molecule_of(["Ne"] * 4, [[0, 0, 0], [3, 0, 0], [3, 3, 0], [0, 3, 0]]),
    "two waters far apart": molecule_of("OHHOHH", np.vstack([WATER, WATER + [6.0, 1.0, 2.0]])),
}


@pytest.mark.parametrize("name", PAIRS)
def test_fragments_are_joined(name):
    molecule = PAIRS[name]
    coordinates = internal_coordinates(molecule)
    assert coordinates.check(molecule).complete
    assert internal_coordinates(molecule, redundant=False).check(molecule).complete
    assert_closed(coordinates, NuclearFrame.of(molecule))


def test_the_hydrogen_bond_is_the_contact_of_the_water_dimer():
    labels = internal_coordinates(water_dimer()).labels(tuple("OHHOHH"))
    assert "r(H2-O4)" in labels
    assert sum(label.startswith("r(") for label in labels) == 5


def test_contacts_equivalent_by_symmetry_come_together():
    stretches = [c.atoms for c in internal_coordinates(benzene_sandwich()) if c.kind == "stretch"]
    between = {(a, b) for a, b in stretches if a < 12 <= b}
    assert between == {(a, a + 12) for a in range(6)}


def test_single_atoms_have_none():
    molecule = molecule_of(["Ar"], [[0.3, 0, 0]])
    for redundant in (True, False):
        coordinates = internal_coordinates(molecule, redundant=redundant)
        assert len(coordinates) == 0
        assert coordinates.check(molecule).complete


def test_isotopologues_share_one_set():
    methane = zoo("CH4")
    assert set(internal_coordinates(methane.with_isotopes({1: 2}))) == set(internal_coordinates(methane))


def near_linear(out=0.0):
    """A chain a-b-l-c-d in a plane (d ``out`` of it) in which a-b-c is straight, a-b-l is not, and l bends by 177."""
    back, tilt = np.radians(180 - 4.8), 1.2
    a = 1.6 * np.array([np.cos(back), np.sin(back), 0])
    d = np.array([2.4, 0, 0]) + 1.4 * np.array([np.cos(tilt), np.sin(tilt), 0]) + [0, 0, out]
    return molecule_of("FCCCO", np.array([a, [0, 0, 0], [1.2, 0.033, 0], [2.4, 0, 0], d]))


def test_contacts_are_added_until_the_set_is_complete(caplog):
    """The graph of this molecule has no torsion that is defined; one more contact makes the set complete."""
    molecule = near_linear()
    with caplog.at_level(logging.INFO, logger="symvib.forward.selection"):
        coordinates = internal_coordinates(molecule)
    assert "joining" in caplog.text
    assert coordinates.check(molecule).complete
    assert internal_coordinates(molecule, redundant=False).check(molecule).complete


def test_nearly_linear_chains_stay_invariant():
    """An angle of 177 degrees in a molecule without symmetry: B has no part in translations and rotations."""
    molecule = near_linear(out=0.8)
    b = internal_coordinates(molecule).b_matrix(molecule.positions).reshape(-1, 5, 3)
    assert np.abs(b.sum(axis=1)).max() < 1e-12
    assert np.abs(np.cross(molecule.positions[None], b).sum(axis=1)).max() < 1e-11


# ---- independent sets ---------------------------------------------------------------------------------------------


def test_whole_orbits_where_they_are_independent():
    """CH4: 4 stretches and 5 of 6 bends; water, allene-like orbits stay whole."""
    assert kinds(internal_coordinates(zoo("CH4"), redundant=False)) == ["stretch"] * 4 + ["bend"] * 5
    assert kinds(internal_coordinates(zoo("H2O"), redundant=False)) == ["stretch"] * 2 + ["bend"]
    benzene = internal_coordinates(zoo("benzene"), redundant=False)
    assert kinds(benzene).count("stretch") == 12  # C-C and C-H


def test_chemical_preference():
    ethane = zoo("ethane staggered") if "ethane staggered" in ZOO_BY_NAME else methyls_on_a_chain(2, 60.0)
    found = kinds(internal_coordinates(ethane, redundant=False))
    assert found.count("stretch") == len(ethane.bonds())
    assert found.count("torsion") == 1


# ---- bonds and sets of the user -----------------------------------------------------------------------------------


def test_bonds_given_are_closed_under_the_group():
    coordinates = internal_coordinates(zoo("CH4"), bonds=[(0, 1)])
    assert kinds(coordinates) == ["stretch"] * 4 + ["bend"] * 6


def test_without_bonds_contacts_join_the_atoms():
    assert set(internal_coordinates(zoo("H2O"), bonds=[])) == set(internal_coordinates(zoo("H2O")))


@pytest.mark.parametrize("bonds", [[(0, 3)], [(0, 0)], [(-1, 0)], [(0, 1, 2)], [(0.5, 1.0)], "ab"])
def test_bonds_that_make_no_sense(bonds):
    with pytest.raises(CoordinateError, match="bonds"):
        internal_coordinates(zoo("H2O"), bonds=bonds)


def test_check_of_an_incomplete_set_names_what_is_missing():
    water = zoo("H2O")
    stretches = InternalCoordinates([c for c in internal_coordinates(water) if c.kind == "stretch"])
    check = stretches.check(water)
    assert not check.complete
    assert (check.rank, check.n_vibrations, check.n_redundancies) == (2, 3, 0)
    assert check.gap > 1e10
    assert "missing: motion in its plane of H" in str(check)
    assert stretches.b_matrix(water.positions) @ check.missing[0] == pytest.approx(0.0, abs=1e-10)
    values = check.as_dict()
    assert values["complete"] is False
    assert len(values["missing"]) == 1


def test_check_says_out_of_plane_and_across():
    flat = zoo("BF3")
    planar = InternalCoordinates([c for c in internal_coordinates(flat) if c.kind != "out_of_plane"])
    assert planar.check(flat).missing_words[0].startswith("motion out of the plane of the molecule of B")
    carbon_dioxide = zoo("CO2")
    stretches = InternalCoordinates([c for c in internal_coordinates(carbon_dioxide) if c.kind == "stretch"])
    words = stretches.check(carbon_dioxide).missing_words
    assert len(words) == 2
    assert all(w.startswith("motion across the axis of C") for w in words)


def test_check_of_an_empty_set():
    check = InternalCoordinates([]).check(zoo("H2O"))
    assert (check.rank, check.n_vibrations) == (0, 3)
    assert len(check.missing_words) == 3
    assert str(check).startswith("0 coordinates, rank 0 of 3 vibrations")


def test_check_of_a_set_of_another_molecule():
    with pytest.raises(CoordinateError, match="names atom 4"):
        internal_coordinates(zoo("CH4")).check(zoo("H2O"))
    with pytest.raises(CoordinateError, match="180 degrees"):
        InternalCoordinates([InternalCoordinate("bend", (1, 0, 2))]).check(line("COO", [-1.2, 2.4]))


def test_a_folded_t_shaped_centre_has_no_upright_out_of_plane_angle():
    """Bar of 166 degrees, third bond straight up: planar in the mean, yet upright on the plane of the bar."""
    half = np.radians(83.22)
    bar = [[np.sin(half), np.cos(half) * s, 0.0] for s in (1, 1)]
    bar[1][0] *= -1
    t_shaped = molecule_of(["Si", "C", "C", "F"], [[0, 0, 0], *np.multiply(bar, 1.8), [0, 0, 1.6]])
    internals = internal_coordinates(t_shaped)
    assert internals.check(t_shaped).complete
    assert np.isfinite(internals.b_matrix(t_shaped.positions)).all()
