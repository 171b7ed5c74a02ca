"""Molecule and the element data behind it."""

import json
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symvib.errors import MoleculeError
from symvib.groups.elements import element, isotope_of_mass, parse_symbol
from symvib.groups.molecule import MAXIMUM_ATOMS, Molecule

WATER = ([8, 1, 1], [[0.0, 0.0, 0.0], [0.76, 0.59, 0.0], [-0.76, 0.59, 0.0]])


def methane() -> Molecule:
    corners = 0.63 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    return Molecule.from_arrays([6, 1, 1, 1, 1], np.vstack([[0, 0, 0], corners]), name="methane")


@pytest.mark.parametrize("z", range(1, 119))
def test_every_element_has_symbol_main_isotope_and_radius(z):
    e = element(z)
    assert element(e.symbol) is e
    assert abs(e.main_mass - e.main_isotope) < 0.25
    assert e.main_isotope in e.isotope_masses
    assert 0.25 < e.covalent_radius_angstrom < 2.7
    assert all(abs(mass - a) < 0.25 for a, mass in e.isotope_masses.items())


# AME2020 (doi:10.1088/1674-1137/abddaf), to the stored 1e-8 u.
@pytest.mark.parametrize(
    ("z", "a", "mass"),
    [(1, 1, 1.00782503), (1, 2, 2.01410178), (6, 12, 12.0), (6, 13, 13.00335484), (8, 16, 15.99491462)],
)
def test_isotope_masses(z, a, mass):
    assert element(z).isotope_mass(a) == pytest.approx(mass, abs=2e-8)


# The most abundant isotope is not always the one next to the average weight: Br-79, Ge-74, Se-80, Te-130.
@pytest.mark.parametrize(
    ("symbol", "a"),
    [
        ("H", 1),
        ("Br", 79),
        ("Ge", 74),
        ("Se", 80),
        ("Te", 130),
        ("U", 238),
        ("Th", 232),
        ("Tc", 98),
        ("Og", 294),
    ],
)
def test_main_isotope(symbol, a):
    assert element(symbol).main_isotope == a


@pytest.mark.parametrize("bad", ["X", "Bq", "*", "0", "Gh"])
def test_dummy_symbols_are_named_as_such(bad):
    with pytest.raises(MoleculeError, match="dummy atom"):
        parse_symbol(bad)


@pytest.mark.parametrize("bad", ["Zz", "", "C1", "-6", "119", "99C", "H ydrogen", "١"])
def test_unknown_symbols(bad):
    with pytest.raises(MoleculeError):
        parse_symbol(bad)


@pytest.mark.parametrize(("mass", "a"), [(1.008, 0), (1.00783, 0), (2.014, 2), (3.016, 3), (1.5, None)])
def test_isotope_of_mass(mass, a):
    assert isotope_of_mass(1, mass) == a


def test_defaults():
    water = Molecule.from_arrays(*WATER, name="water")
    assert len(water) == 3
    assert water.symbols == ("O", "H", "H")
    assert water.formula == "H2O"
    assert repr(water) == "Molecule('water', H2O, 3 atoms)"
    assert not water.has_isotopes
    assert water.masses == pytest.approx([15.99491462, 1.00782503, 1.00782503])
    assert water.bonds().tolist() == [[0, 1], [0, 2]]


@pytest.mark.parametrize("attribute", ["numbers", "positions", "masses", "mass_numbers", "kinds"])
def test_arrays_are_read_only(attribute):
    with pytest.raises(ValueError, match="read-only"):
        getattr(Molecule.from_arrays(*WATER), attribute)[0] = 1


def test_input_arrays_are_copied():
    positions = np.array(WATER[1])
    water = Molecule.from_arrays(WATER[0], positions)
    positions[0] = 7
    assert water.positions[0].tolist() == [0, 0, 0]
    assert positions.flags.writeable


@pytest.mark.parametrize(
    ("isotopes", "formula", "n_kinds"),
    [
        ({}, "CH4", 2),
        ({1: 2}, "CH3D", 3),
        ({1: 2, 2: 2}, "CH2D2", 3),
        ({1: 2, 2: 3}, "CH2DT", 4),
        ({0: 13}, "[13C]H4", 2),
        ({0: 12, 1: 1}, "CH4", 2),
    ],
)
def test_isotopes(isotopes, formula, n_kinds):
    molecule = methane().with_isotopes(isotopes)
    assert molecule.formula == formula
    assert len(set(molecule.kinds.tolist())) == n_kinds
    back = molecule.with_isotopes({k: 0 for k in isotopes})
    assert back.masses.tolist() == methane().masses.tolist()
    assert not back.has_isotopes


def test_symbols_d_and_t_and_13c():
    molecule = Molecule.from_arrays(["13C", "D", "T", "h", "1"], methane().positions)
    assert molecule.mass_numbers.tolist() == [13, 2, 3, 0, 0]
    assert molecule.numbers.tolist() == [6, 1, 1, 1, 1]


def test_masses_name_isotopes_only_if_they_fit_one():
    masses = [15.999, 2.014, 1.7]
    molecule = Molecule.from_arrays(*WATER, masses=masses)
    assert molecule.mass_numbers.tolist() == [0, 2, 0]
    assert molecule.masses.tolist() == masses
    assert len(set(molecule.kinds.tolist())) == 3


@pytest.mark.parametrize("isotopes", [{9: 2}, {-1: 2}, {0: 99}])
def test_impossible_isotopes(isotopes):
    with pytest.raises(MoleculeError):
        methane().with_isotopes(isotopes)


def test_dictionary_round_trip_through_json():
    molecule = Molecule.from_arrays(*WATER, masses=[16, 2.0141, 1.5], name="odd", comment="by hand")
    back = Molecule.from_dict(json.loads(json.dumps(molecule.as_dict())))
    assert back.as_dict() == molecule.as_dict()


@pytest.mark.parametrize(("numbers", "formula"), [([26], "Fe"), ([1], "H"), ([118], "Og")])
def test_one_atom_is_a_molecule(numbers, formula):
    molecule = Molecule.from_arrays(numbers, [[1e3, 0, 0]])
    assert molecule.formula == formula
    assert molecule.bonds().shape == (0, 2)


def line(*x):
    return ([1] * len(x), [[value, 0, 0] for value in x])


@pytest.mark.parametrize(
    ("numbers", "positions", "reason"),
    [
        ([], [], "empty"),
        ([1], [[0, 0, np.nan]], r"nan at index \(0, 2\)"),
        ([1], [[0, np.inf, 0]], r"inf at index \(0, 1\)"),
        ([0], [[0, 0, 0]], "dummy atom"),
        (["X"], [[0, 0, 0]], "dummy atom"),
        ([-1], [[0, 0, 0]], "-1 is not an atomic number"),
        ([119], [[0, 0, 0]], "119 is not an atomic number"),
        ([1.5], [[0, 0, 0]], "whole numbers"),
        ([1, 1], [[0, 0, 0]], r"shape \(2, 3\)"),
        ([1], [[0, 0]], r"shape \(1, 3\)"),
        ([1, 1], [[0, 0, 0], [0]], "1 numbers in a row"),
        ([1], [["a", "b", "c"]], "cannot be read"),
        ([1], [[1j, 0, 0]], "cannot be read"),
        ([1], [[1e9, 0, 0]], "at most 1e6"),
        ("CH4", [[0, 0, 0]], "sequence"),
        (6, [[0, 0, 0]], "sequence"),
        (*line(0, 0.74, 5, 5.05), r"atoms 2 \(H\) and 3 \(H\).*0.05 angstrom apart.*duplicate"),
        (*line(0, 0), "duplicate"),
        (*line(0, 0.074), "nanometres"),
        (*line(0, 0.074, 0.2), "nanometres"),
        (*line(0, 74), "picometres"),
        (*line(0, 74, 150), "picometres"),
    ],
)
def test_refused_with_the_reason(numbers, positions, reason):
    with pytest.raises(MoleculeError, match=reason):
        Molecule.from_arrays(numbers, positions)


def test_too_many_atoms_are_refused_before_the_positions_are_read():
    with pytest.raises(MoleculeError, match="at most 20000"):
        Molecule.from_arrays([1] * (MAXIMUM_ATOMS + 1), None)


@pytest.mark.parametrize(
    "keywords",
    [{"masses": [1, 2]}, {"masses": [16, 1, -1]}, {"mass_numbers": [16, 1]}, {"mass_numbers": [0, 0, 50]}],
)
def test_bad_masses(keywords):
    with pytest.raises(MoleculeError):
        Molecule.from_arrays(*WATER, **keywords)


def test_mass_that_contradicts_the_mass_number():
    with pytest.raises(MoleculeError, match="does not belong"):
        Molecule.from_arrays(*WATER, masses=[16, 1, 1], mass_numbers=[0, 0, 2])


@pytest.mark.parametrize("name", [5, b"water", ["w"], np.array([])])
def test_name_must_be_text(name):
    with pytest.raises(MoleculeError, match="name must be a str"):
        Molecule.from_arrays(*WATER, name=name)
    with pytest.raises(MoleculeError, match="name must be a str"):
        Molecule.from_dict({"numbers": WATER[0], "positions": WATER[1], "name": name})


def test_name_can_be_written_as_utf8():
    assert Molecule.from_arrays(*WATER, name="w\udcff").name.encode("utf-8") == b"w?"


def test_bohr_is_warned_of(caplog):
    with caplog.at_level(logging.WARNING):
        Molecule.from_arrays(WATER[0], np.array(WATER[1]) / 0.529177)
    assert "bohr" in caplog.text


def test_angstrom_is_not_warned_of(caplog):
    with caplog.at_level(logging.WARNING):
        methane()
    assert not caplog.records


def chain(n: int) -> tuple[list[int], np.ndarray]:
    return [6] * n, np.column_stack([np.arange(n) * 1.5, np.zeros(n), np.zeros(n)])


@pytest.mark.parametrize("n", [50, 400, 401, 3000])
def test_bonds_of_a_chain(n):
    """The dense matrix (to 400 atoms) and the k-d tree agree."""
    assert Molecule.from_arrays(*chain(n)).bonds().tolist() == [[i, i + 1] for i in range(n - 1)]


@pytest.mark.parametrize("n", [50, 1000])
def test_duplicate_in_a_chain(n):
    numbers, positions = chain(n)
    positions[n // 2] = positions[3] + 0.01
    with pytest.raises(MoleculeError, match=f"atoms 3 .* and {n // 2} "):
        Molecule.from_arrays(numbers, positions)


@given(st.permutations(range(5)), st.dictionaries(st.integers(1, 4), st.sampled_from([1, 2, 3])))
def test_formula_does_not_depend_on_the_order(order, isotopes):
    molecule = methane().with_isotopes(isotopes)
    shuffled = Molecule.from_arrays(
        molecule.numbers[order], molecule.positions[order], mass_numbers=molecule.mass_numbers[order]
    )
    assert shuffled.formula == molecule.formula
    assert sorted(shuffled.kinds.tolist()) == sorted(molecule.kinds.tolist())


def test_xyz_round_trip_keeps_isotopes(tmp_path):
    from symvib import as_molecule

    molecule = as_molecule("[2H]C([13CH3])O", name="ethanol")
    path = tmp_path / "ethanol.xyz"
    molecule.to_xyz(path)
    again = as_molecule(path)
    assert (again.numbers == molecule.numbers).all()
    assert (again.mass_numbers == molecule.mass_numbers).all()
    assert np.abs(again.positions - molecule.positions).max() < 1e-9
