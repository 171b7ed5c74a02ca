"""Charge and unpaired electrons: read from the structure, kept, used as the default of every engine."""

import numpy as np
import pytest

from symvib import Molecule, as_molecule, detect_point_group, harmonic_response, normal_modes
from symvib.errors import EngineError, MoleculeError
from symvib.forward.engine_api import electrons_of
from symvib.forward.isotopologues import isotopologue

IONS_AND_RADICALS = [
    ("[O-]S(=O)(=O)[O-]", -2, 0),
    ("[NH4+]", 1, 0),
    ("[OH]", 0, 1),
    ("[CH3]", 0, 1),
    ("[O][O]", 0, 2),
    ("[O-][Cl](=O)(=O)=O", -1, 0),
    ("F[P-](F)(F)(F)(F)F", -1, 0),
    ("C[N+](C)(C)CC(=O)[O-]", 0, 0),
    ("[N]=O", 0, 1),
    ("FS(F)(F)(F)(F)F", 0, 0),
    ("c1ccccc1", 0, 0),
]
OH = "2\n{}\nO 0 0 0\nH 0 0 0.97\n"


@pytest.mark.parametrize(("smiles", "charge", "unpaired"), IONS_AND_RADICALS)
def test_smiles(smiles, charge, unpaired):
    pytest.importorskip("rdkit", reason="SMILES need symvib[chem]")
    molecule = as_molecule(smiles)
    assert (molecule.charge, molecule.unpaired_electrons) == (charge, unpaired)
    assert electrons_of(molecule) == (charge, unpaired)


def test_rdkit_mol_with_a_conformer():
    Chem = pytest.importorskip("rdkit.Chem", reason="needs symvib[chem]")
    from rdkit.Chem import rdDistGeom

    mol = Chem.AddHs(Chem.MolFromSmiles("[CH3]"))
    rdDistGeom.EmbedMolecule(mol, randomSeed=7)
    assert (as_molecule(mol).charge, as_molecule(mol).unpaired_electrons) == (0, 1)
    block = Chem.MolToMolBlock(mol)
    assert as_molecule(block).unpaired_electrons == 1


@pytest.mark.parametrize(
    ("comment", "charge", "unpaired"),
    [
        ("hydroxide", None, None),
        ("charge=-1", -1, None),
        ("charge=0 multiplicity=2", 0, 1),
        ('Properties=species:S:1:pos:R:3 charge="-1.0" multiplicity=1', -1, 0),
        ("total_charge=3 words", None, None),
    ],
)
def test_xyz_comment(comment, charge, unpaired):
    molecule = as_molecule(OH.format(comment))
    assert (molecule.charge, molecule.unpaired_electrons) == (charge, unpaired)


def test_spin_of_an_xyz_comment_is_not_guessed(caplog):
    assert as_molecule(OH.format("charge=0 spin=1")).unpaired_electrons is None
    assert "no one meaning" in caplog.text


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("charge=much", "charge=much in the comment line"),
        ("charge=0 multiplicity=1", "charge 0 leaves 9 electrons, of which 0 cannot"),
        ("charge=0 multiplicity=2 unpaired_electrons=3", "multiplicity=2 means 1"),
        ("charge=12", "9 electrons to give"),
    ],
)
def test_impossible_combinations_are_refused(comment, message):
    with pytest.raises(MoleculeError, match=message):
        as_molecule(OH.format(comment))


def test_qcschema_and_ase():
    radical = {"symbols": ["O", "H"], "geometry": [0, 0, 0, 0, 0, 1.8], "molecular_charge": 0.0}
    radical["molecular_multiplicity"] = 2
    assert (as_molecule(radical).charge, as_molecule(radical).unpaired_electrons) == (0, 1)
    ase = pytest.importorskip("ase", reason="needs symvib[chem]")
    atoms = ase.Atoms("OH", [[0, 0, 0], [0, 0, 0.97]], charges=[-1.2, 0.2])
    assert as_molecule(atoms).charge == -1
    assert as_molecule(ase.Atoms("OH", [[0, 0, 0], [0, 0, 0.97]])).charge is None


def test_both_survive_what_is_done_with_a_molecule():
    anion = Molecule.from_arrays(["O", "H"], [[0, 0, 0], [0, 0, 0.97]], charge=-1, unpaired_electrons=0, name="OH-")
    for other in (
        anion.with_isotopes({1: 2}),
        Molecule.from_dict(anion.as_dict()),
        detect_point_group(anion).symmetrize(),
        as_molecule(anion.to_xyz()),
        as_molecule(anion, name="other"),
    ):
        assert other.charge == -1
    assert as_molecule(anion.to_xyz()).comment == "OH-"


class TestEngines:
    @pytest.fixture(autouse=True)
    def _tblite(self):
        pytest.importorskip("tblite", reason="needs symvib[qm]")

    @pytest.mark.parametrize(("smiles", "charge", "unpaired"), IONS_AND_RADICALS[:5])
    def test_the_structures_own_are_the_default(self, smiles, charge, unpaired):
        pytest.importorskip("rdkit", reason="SMILES need symvib[chem]")
        response = harmonic_response(smiles)
        explicit = harmonic_response(smiles, charge=charge, unpaired_electrons=unpaired)
        assert response.charge == response.molecule.charge == charge
        assert response.provenance["unpaired_electrons"] == unpaired
        assert np.array_equal(response.hessian, explicit.hessian)
        words = normal_modes(response).lines().table()
        assert (f"charge {charge:+d}" in words) == bool(charge)
        assert (f"{unpaired} unpaired" in words) == bool(unpaired)

    def test_an_explicit_value_wins(self):
        anion = as_molecule(OH.format("charge=-1"))
        radical = harmonic_response(anion, charge=0, unpaired_electrons=1)
        assert (radical.charge, radical.molecule.charge, radical.molecule.unpaired_electrons) == (0, 0, 1)
        assert isotopologue(radical, masses=[16.0, 2.0]).molecule.unpaired_electrons == 1
        detected = harmonic_response(detect_point_group(anion))
        assert detected.charge == -1

    def test_what_does_not_fit_is_refused_with_what_the_structure_says(self):
        anion = as_molecule(OH.format("charge=-1"))
        with pytest.raises(EngineError, match=r"charge 0 has 9 electrons; 0 .* The structure says charge -1"):
            harmonic_response(anion, charge=0)

    def test_dft(self):
        pytest.importorskip("pyscf", reason="needs symvib[dft]")
        anion = as_molecule(OH.format("charge=-1"))
        response = harmonic_response(anion, engine="dft", method="HF/STO-3G", raman=False)
        assert response.charge == response.provenance["charge"] == -1


def test_identify_takes_the_charge_of_the_structure():
    from typer.testing import CliRunner

    from symvib.cli import app

    pytest.importorskip("tblite", reason="responses are computed by xTB (symvib[qm])")
    found = CliRunner().invoke(app, ["identify", "[NH4+]", "--engine", "xtb"])
    assert found.exit_code == 0, found.output
    assert "H4N (Td)" in found.stdout
    assert "GFN2-xTB" in found.stdout
