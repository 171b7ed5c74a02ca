"""The transferable force field: keys do not depend on how atoms are numbered, results do not either, error stated."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import molecule_of
from symvib import Molecule, as_molecule, wilson_gf
from symvib.constants import BOHR_ANGSTROM
from symvib.errors import ForceFieldError
from symvib.forward.selection import internal_coordinates
from symvib.forward.transferable import TransferableForceField, _table, transferable_terms
from zoo import ZOO_BY_NAME

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SMILES = ["O", "CCO", "c1ccccc1", "CC#N", "C1CC1", "O=C=O", "NC(=O)C", "C#CC#C", "Cl"]


@pytest.mark.parametrize("smiles", SMILES)
def test_every_vibration_is_real(smiles):
    field = TransferableForceField.of(as_molecule(smiles))
    solution = wilson_gf(field.coordinates.molecule, field)
    assert (solution.wavenumbers_cm1 > 20).all()
    assert solution.wavenumbers_cm1.max() < 4600


@pytest.mark.parametrize("smiles", ["CCO", "c1ccccc1", "NC(=O)C"])
def test_numbering_does_not_matter(smiles):
    molecule = as_molecule(smiles)
    order = np.random.default_rng(5).permutation(len(molecule))
    other = Molecule.from_arrays(molecule.numbers[order], molecule.positions[order])
    first, second = (wilson_gf(m, TransferableForceField.of(m)).wavenumbers_cm1 for m in (molecule, other))
    assert np.abs(first - second).max() < 1e-6


def test_degenerate_sets_stay_degenerate():
    benzene = molecule_of(ZOO_BY_NAME["benzene"].symbols, ZOO_BY_NAME["benzene"].positions)
    solution = wilson_gf(benzene, TransferableForceField.of(benzene))
    plain = wilson_gf(benzene, TransferableForceField.of(benzene), symmetry=False)
    assert np.abs(solution.wavenumbers_cm1 - plain.wavenumbers_cm1).max() < 1e-6
    assert sorted(np.bincount(solution.set_index).tolist()) == [1] * 10 + [2] * 10


def test_terms_of_a_bend_do_not_depend_on_its_direction():
    molecule = as_molecule("CCO")
    keys = {term.levels[2] for term in transferable_terms(molecule, internal_coordinates(molecule))}
    assert "bend C-C4-O" in keys
    assert "bend O-C4-C" not in keys


def test_the_error_is_stated_and_was_measured_on_other_molecules():
    error = TransferableForceField.error()
    assert error["n_molecules"] >= 200
    assert 0 < error["mean_absolute_error_cm1"] < 60
    low, high = error["interval_95_cm1"]
    assert low < error["mean_absolute_error_cm1"] < high
    assert f"{error['mean_absolute_error_cm1']} cm-1" in TransferableForceField.of(as_molecule("O")).statement()


@pytest.mark.parametrize(
    ("smiles", "worst"),
    [("O", "small"), ("O=C=O", "small"), ("C=C=C", "cumulated"), ("C[SiH2]C", "inorganic"), ("c1ccccc1", "organic")],
)
def test_the_error_stated_is_that_of_the_worst_class(smiles, worst):
    field = TransferableForceField.of(as_molecule(smiles))
    classes = TransferableForceField.error()["classes"]
    own = {name: classes[name]["mean_absolute_error_cm1"] for name in field.classes}
    assert max(own, key=own.get) == worst
    assert f"{own[worst]} cm-1 on average" in field.statement()
    assert ("WARNING: cumulated" in field.statement()) == (smiles in ("O=C=O", "C=C=C"))


def test_a_class_error_holds_for_molecules_of_the_class():
    """GFN2-xTB (simulated) of three small molecules beside the table: within the spread that is stated."""
    gfn2 = {"O=C=O": (601, 601, 1425, 2594), "C#N": (777, 777, 2295, 3286), "S=C=S": (305, 305, 705, 1649)}
    stated = TransferableForceField.error()["classes"]["small"]
    errors = np.concatenate([wilson_gf(as_molecule(key)).wavenumbers_cm1 - value for key, value in gfn2.items()])
    assert stated["percentile_90_cm1"] > np.median(np.abs(errors)) > 0


def test_diatomics_have_no_measured_error():
    assert "for diatomic molecules was not measured" in TransferableForceField.of(as_molecule("N#N")).statement()


@pytest.mark.parametrize(
    ("factor", "message"),
    [(1 / BOHR_ANGSTROM, r"bonded to nothing.* in bohr, multiply"), (BOHR_ANGSTROM, r"angstrom apart, and bonds")],
)
@pytest.mark.parametrize("smiles", ["O", "CCO", "c1ccccc1", "O=C=O"])
def test_a_wrong_unit_is_refused(smiles, factor, message):
    molecule = as_molecule(smiles)
    with pytest.raises(ForceFieldError, match=message):
        TransferableForceField.of(Molecule.from_arrays(molecule.numbers, molecule.positions * factor))


def test_stretched_bonds_are_flagged():
    water = as_molecule("O")
    field = TransferableForceField.of(Molecule.from_arrays(water.numbers, water.positions * 1.35))
    assert [bond[:8] for bond in field.unusual] == ["r(O1-H2)", "r(O1-H3)"]
    assert "WARNING: lengths that no fitted bond had, r(O1-H2) = 1.3" in field.statement()
    assert TransferableForceField.of(water).unusual == ()


def test_unknown_types_are_listed():
    dimer = Molecule.from_arrays(["Kr", "F", "F"], [[0, 0, 0], [0, 0, 1.88], [0, 0, -1.88]])
    field = TransferableForceField.of(dimer)
    assert any("Kr" in name for name in field.estimated)
    assert "Estimated from the mean of their kind" in field.statement()


@pytest.mark.parametrize(
    ("symbols", "length", "gfn2_cm1"), [("HH", 0.7414, 3754), ("FF", 1.41, 703), ("ClF", 1.63, 665), ("HI", 1.61, 2371)]
)
def test_bonds_of_unfitted_elements_follow_badgers_rule(symbols, length, gfn2_cm1):
    """Within the factor of 2.5 in the constant that the module states; GFN2-xTB (simulated) at its minimum."""
    pair = re.findall("[A-Z][a-z]?", symbols)
    molecule = Molecule.from_arrays(pair, [[0, 0, 0], [0, 0, length]])
    field = TransferableForceField.of(molecule)
    assert len(field.estimated) == 1
    assert "Badger's rule" in field.estimated[0]
    assert field.estimated[0] in field.statement()
    (found,) = wilson_gf(molecule, field).wavenumbers_cm1
    assert 1 / 2.5 < (found / gfn2_cm1) ** 2 < 2.5


def test_badgers_rule_for_hydrogen():
    """1.734 / (r + 0.244)^3 in atomic units at r = 1.4 bohr: 0.39025 Eh/bohr^2 = 6.0758 mdyn/A."""
    hydrogen = Molecule.from_arrays(["H", "H"], [[0, 0, 0], [0, 0, 1.4 * BOHR_ANGSTROM]])
    assert TransferableForceField.of(hydrogen).matrix()[0, 0] == pytest.approx(6.0758, abs=2e-4)


def test_a_bond_much_too_short_is_refused():
    with pytest.raises(ForceFieldError, match=r"Si1 and Te2 are 1\.500 angstrom apart"):
        TransferableForceField.of(Molecule.from_arrays(["Si", "Te"], [[0, 0, 0], [0, 0, 1.5]]))


def test_the_table_is_written_with_one_line_for_each_kind():
    sys.path.insert(0, str(EXAMPLES.parent / "tools"))
    fit = pytest.importorskip("fit_transferable_force_field", reason="tools/ is not in an installed package")
    stored = _table()
    assert fit.TARGET.read_text() == fit.table_text(stored["error"], stored["constants"])
    assert len(fit.TARGET.read_text().splitlines()) < 120


def test_a_negative_constant_is_refused(monkeypatch):
    from symvib.forward import transferable

    constants = {"stretch": -1.0, "stretch H-O": 0.0}
    monkeypatch.setattr(transferable, "_table", lambda: {"constants": constants, "error": {}})
    with pytest.raises(ForceFieldError, match=r"r\(O1-H2\) the constant -1"):
        TransferableForceField.of(as_molecule("O"))


def test_wilson_gf_uses_it_by_default():
    water = as_molecule("O")
    default, explicit = wilson_gf(water), wilson_gf(water, TransferableForceField.of(water))
    assert np.array_equal(default.wavenumbers_cm1, explicit.wavenumbers_cm1)


@pytest.mark.parametrize("name", ["benzene", "methane", "cubane", "ammonia"])
def test_rounded_coordinates_of_symmetric_molecules_do(name):
    """Files have few decimals: bonds that are equal by symmetry differ in the last one."""
    molecule = as_molecule(EXAMPLES / f"{name}.xyz")
    solution = wilson_gf(molecule_of(molecule.symbols, np.round(molecule.positions, 3)))
    assert (solution.wavenumbers_cm1 > 0).all()


def test_a_hydrogen_bond_is_no_covalent_bond():
    dimer = Molecule.from_arrays(
        [8, 1, 1, 8, 1, 1],
        [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0], [2.9, 0, 0], [3.2, -0.45, 0.76], [3.2, -0.45, -0.76]],
    )
    field = TransferableForceField.of(dimer)
    solution = wilson_gf(dimer, field)
    assert "contact (assumed)" in field.estimated
    assert solution.wavenumbers_cm1.max() < 4500


def test_beyond_the_fit_no_error_is_claimed():
    field = TransferableForceField.of(EXAMPLES / "sulfur_hexafluoride.xyz")
    assert "error is not known" in field.statement()
