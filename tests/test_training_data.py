"""Training data: the split by formula, lines as `SimulatedDataset.lines` gives them, labels and the hash."""

import time
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("torch")

from symvib.errors import DatasetError
from symvib.forward.dataset_files import shipped_dataset
from symvib.spektron.functional_groups import (
    FUNCTIONAL_GROUPS,
    GROUP_NAMES,
    functional_groups,
    shipped_labels,
)
from symvib.spektron.training_data import PARTS, TrainingData, formula_split, load_training_data

SOURCES = ("lines_qm9_gfn2", "lines_symmetric_gfn2")


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return load_training_data()


def sample(n: int, size: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).choice(n, size, replace=False).tolist()


# ---- the split ----------------------------------------------------------------------------------------------------


def test_it_loads_in_eight_seconds():
    started = time.process_time()
    load_training_data()
    assert time.process_time() - started < 8


def test_every_trusted_molecule_is_in_one_part(data):
    rows = np.concatenate([data.indices(part) for part in PARTS])
    trusted = [name for source in SOURCES for name in shipped_dataset(source, ["id"]).trusted().column("id")]
    assert sorted(rows) == list(range(len(trusted)))
    assert list(data.ids) == trusted
    assert len(set(data.ids)) == len(data)


def test_no_formula_is_in_two_parts(data):
    part_of = dict(zip(data.formulas, data.split, strict=True))
    assert [part_of[formula] for formula in data.formulas] == data.split.tolist()
    assert set(part_of.values()) == set(PARTS)


def test_formulas_are_those_of_the_atoms_without_charge():
    for source in SOURCES:
        rows = shipped_dataset(source, ["formula", "numbers"]).trusted()
        atoms: dict[str, set[tuple[int, ...]]] = {}
        for formula, numbers in zip(rows.column("formula"), rows.column("numbers"), strict=True):
            atoms.setdefault(formula, set()).add(tuple(sorted(numbers)))
        assert all(len(found) == 1 for found in atoms.values())
        assert len(set.union(*atoms.values())) == len(atoms)  # and no composition is written in two ways


def test_no_structure_is_in_two_parts(data):
    """By RDKit's InChIKeys, on a sample: isomers by name and mesomers are still one structure."""
    chem = pytest.importorskip("rdkit.Chem")
    keys: dict[str, set[str]] = {}
    for part in PARTS:
        rows = [row for row in data.indices(part) if data.smiles[row]]
        for place in sample(len(rows), min(400, len(rows))):
            key = chem.MolToInchiKey(chem.MolFromSmiles(data.smiles[rows[place]]))[:14]
            keys.setdefault(key, set()).add(part)
    assert len(keys) > 1000
    assert all(len(parts) == 1 for parts in keys.values())


def test_formulas_all_of_whose_isomers_have_a_second_level_test_more_often():
    names = [f"C{c}H{h}N{n}" for c in range(30) for h in range(30) for n in range(2)]
    parts = formula_split(names, np.ones(len(names), dtype=bool)).tolist()
    for part, share in (("test", 0.65), ("validation", 0.15), ("train", 0.20)):
        assert abs(parts.count(part) / len(names) - share) < 4 * np.sqrt(share * (1 - share) / len(names))
    one_isomer_of_two = np.arange(2 * len(names)) % 2 == 0
    assert formula_split(np.repeat(names, 2), one_isomer_of_two).tolist()[::2] == formula_split(names).tolist()


def test_a_hash_of_the_formula_decides_in_the_stated_shares():
    parts = formula_split([f"C{c}H{h}N{n}" for c in range(30) for h in range(30) for n in range(10)]).tolist()
    n = len(parts)
    for part, share in (("test", 0.15), ("validation", 0.05), ("train", 0.80)):
        assert abs(parts.count(part) / n - share) < 4 * np.sqrt(share * (1 - share) / n)


def test_the_split_does_not_depend_on_the_sources_chosen(data):
    part_of = dict(zip(data.ids, data.split, strict=True))
    for source in SOURCES:
        alone = load_training_data([source])
        assert [part_of[name] for name in alone.ids] == alone.split.tolist()
        assert set(alone.sources) == {source}


@pytest.mark.parametrize("sources", [[], ["lines_test_gfn1"], ["lines_qm9_gfn2"] * 2])
def test_other_sources_are_refused(sources):
    with pytest.raises(DatasetError, match="choose from"):
        load_training_data(sources)


def test_unknown_part_is_refused(data):
    with pytest.raises(DatasetError, match="validation"):
        data.indices("holdout")


# ---- lines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES)
def test_lines_are_those_of_the_dataset(data, source):
    rows = shipped_dataset(source).trusted()
    start = data.sources.index(source)
    for row in sample(len(rows), 60):
        lines = rows.lines(row)
        n = len(lines)
        assert data.lines.wavenumbers_cm1[start + row, :n].numpy() == pytest.approx(lines.wavenumbers_cm1, rel=1e-6)
        for modality, quantity in enumerate(("ir", "raman")):
            assert data.lines.intensities[start + row, modality, :n].tolist() == lines.intensities(quantity).tolist()
        assert not data.lines.wavenumbers_cm1[start + row, n:].any()
        assert not data.lines.intensities[start + row, :, n:].any()


def test_mutual_exclusion_is_exact_in_centrosymmetric_molecules(data):
    both = (data.lines.intensities.numpy() > 0).all(axis=1).any(axis=1)
    assert data.has_inversion.sum() > 1000
    assert not both[data.has_inversion].any()
    assert both[~data.has_inversion].mean() > 0.95


def test_second_level_is_the_same_molecule_at_other_wavenumbers(data):
    rows = shipped_dataset("lines_test_gfn1").trusted()
    first = {name: row for row, name in enumerate(data.ids)}
    kept = [row for row, name in enumerate(rows.column("id")) if name in first]
    assert data.second_level_index.tolist() == [first[rows.column("id")[row]] for row in kept]
    for place in sample(len(kept), 20):
        lines = rows.lines(kept[place])
        assert data.second_level.wavenumbers_cm1[place, : len(lines)].numpy() == pytest.approx(lines.wavenumbers_cm1)
    again = data.lines[data.second_level_index.tolist()]
    assert (again.wavenumbers_cm1 > 0).sum(1).tolist() == (data.second_level.wavenumbers_cm1 > 0).sum(1).tolist()


def test_second_level_rows_of_a_part(data):
    rows = data.second_level_indices("test")
    assert len(rows) > 500
    assert set(data.split[data.second_level_index[rows]]) == {"test"}
    assert sum(len(data.second_level_indices(part)) for part in PARTS) == len(data.second_level_index)


# ---- labels -------------------------------------------------------------------------------------------------------


def test_shipped_labels_are_those_of_the_patterns(data):
    pytest.importorskip("rdkit")
    rows = [row for row in sample(len(data), 600) if data.group_mask[row]]
    labels, known = functional_groups([data.smiles[row] for row in rows])
    assert known.all()
    assert labels.tolist() == data.functional_groups[rows].tolist()


def test_every_group_occurs_in_every_part(data):
    for part, least in (("train", 10), ("validation", 5), ("test", 10)):
        assert (data.functional_groups[data.indices(part)].sum(axis=0) >= least).all(), part
    assert (data.functional_groups.sum(axis=0) >= 100).all()


def test_no_structural_formula_no_labels(data):
    assert not data.functional_groups[~data.group_mask].any()
    assert all(bool(text) == bool(known) for text, known in zip(data.smiles, data.group_mask, strict=True))
    assert data.group_mask[np.array(data.sources) == SOURCES[0]].all()


def test_labels_of_another_structure_are_masked():
    identifier = "qm9-000006"
    labels, known, smiles = shipped_labels().of([identifier, identifier, "not-there"], ["C=O", "CC", "CC"])
    assert known.tolist() == [True, False, False]
    assert smiles == ("C=O", "CC", "CC")
    assert not labels[1:].any()


def test_labels_of_other_patterns_are_refused(monkeypatch):
    monkeypatch.setitem(FUNCTIONAL_GROUPS, "hydroxyl", "[OX1H]")
    with pytest.raises(DatasetError, match="other patterns"):
        shipped_labels()


GROUPS_OF = {
    "CCO": {"hydroxyl", "alcohol", "methyl"},
    "Oc1ccccc1": {"hydroxyl", "phenol_or_enol", "arene"},
    "CC(C)=O": {"carbonyl", "ketone", "methyl"},
    "C=O": {"carbonyl", "aldehyde"},
    "CC=O": {"carbonyl", "aldehyde", "methyl"},
    "O=COC": {"carbonyl", "ester", "methyl"},
    "CC(=O)NC": {"carbonyl", "amide", "n_h", "methyl"},
    "COC": {"ether", "methyl"},
    "C1CO1": {"epoxide", "three_membered_ring"},
    "CN": {"primary_amine", "n_h", "methyl"},
    "CNC": {"secondary_amine", "n_h", "methyl"},
    "CN(C)C": {"tertiary_amine", "methyl"},
    "CC=NO": {"imine", "hydroxyl", "methyl"},
    "CC#N": {"nitrile", "methyl"},
    "CC#C": {"alkyne", "terminal_alkyne", "methyl"},
    "C=C": {"alkene"},
    "c1ccc2ccccc2c1": {"arene"},
    "c1cc[nH]c1": {"heteroarene", "n_h"},
    "c1ccncc1": {"heteroarene"},
    "FC(F)(F)F": {"fluoride"},
    "CCl": {"chloride_bromide_or_iodide", "methyl"},
    "N": {"n_h"},
    "O": set(),
    "C": set(),
}


@pytest.mark.parametrize("smiles", GROUPS_OF)
def test_groups_of_molecules_that_everybody_knows(smiles):
    pytest.importorskip("rdkit")
    labels, _ = functional_groups([smiles])
    assert {GROUP_NAMES[g] for g in labels[0].nonzero()[0]} == GROUPS_OF[smiles]


def test_a_smiles_that_is_none_is_refused():
    pytest.importorskip("rdkit")
    with pytest.raises(DatasetError, match="C1CC"):
        functional_groups(["C", "C1CC"])


@pytest.mark.parametrize(
    ("numbers", "positions"),
    [
        ([3, 1], [[0, 0, 0], [1.6, 0, 0]]),  # a metal
        ([8, 1, 1], [[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]),  # no carbon
        ([6, 1], [[0, 0, 0], [1.1, 0, 0]]),  # a radical
        ([6, 8, 8, 6, 8, 8], [[9.0 * (k > 2) + x, 0, 0] for k, x in enumerate([0, 1.16, -1.16] * 2)]),  # two molecules
    ],
)
def test_a_geometry_without_a_reliable_formula_gives_none(numbers, positions):
    pytest.importorskip("rdkit")
    from symvib.spektron._structural_formula import smiles_of_geometry

    assert smiles_of_geometry(numbers, positions) == ""


# ---- properties, hash ---------------------------------------------------------------------------------------------


def test_properties_are_those_of_the_molecules(data):
    rows = shipped_dataset(SOURCES[0]).trusted()
    names = data.property_names
    for row in sample(len(rows), 20):
        molecule = rows.molecule(row)
        found = dict(zip(names, data.properties[row].tolist(), strict=True))
        assert found["mass_u"] == pytest.approx(molecule.masses.sum(), rel=1e-6)
        assert found["n_atoms"] == len(molecule.numbers)
        assert found["n_heavy_atoms"] == sum(z > 1 for z in molecule.numbers)
        assert found["n_oxygen"] == list(molecule.numbers).count(8)


def test_rotational_constants_and_dipole_of_formaldehyde(data):
    """Experiment: 9.405, 1.295, 1.134 1/cm and 2.33 D (Herzberg 1966); GFN2-xTB is near, not equal."""
    found = dict(zip(data.property_names, data.properties[data.ids.index("qm9-000006")].tolist(), strict=True))
    constants = [10 ** found[f"log10_rotational_constant_{axis}_cm1"] for axis in "abc"]
    assert constants == pytest.approx([9.405, 1.295, 1.134], rel=0.05)
    assert found["dipole_debye"] == pytest.approx(2.33, abs=0.7)


def test_what_does_not_exist_is_masked(data):
    mask = dict(zip(data.property_names, data.property_mask.T, strict=True))
    linear = np.array([label in ("Cinfv", "Dinfh") for label in data.point_groups])
    assert (mask["log10_rotational_constant_a_cm1"] == ~linear).all()
    charged = np.concatenate(
        [np.array(shipped_dataset(s, ["charge"]).trusted().column("charge")) != 0 for s in SOURCES]
    )
    assert (mask["dipole_debye"] == ~charged).all()
    assert not data.properties[~data.property_mask].any()


def test_property_scale_is_that_of_the_training_molecules(data):
    mean, deviation = data.property_scale()
    column = data.property_names.index("dipole_debye")
    rows = data.indices("train")
    values = data.properties[rows, column][data.property_mask[rows, column]].astype(float)
    assert mean[column] == pytest.approx(values.mean(), rel=1e-5)
    assert deviation[column] == pytest.approx(values.std(), rel=1e-5)


def test_hash_is_that_of_the_content(data):
    assert load_training_data().data_hash == data.data_hash
    intensities = data.lines.intensities.clone()
    intensities[0, 0, 0] *= 1.001  # a band of methane
    assert replace(data, lines=replace(data.lines, intensities=intensities)).data_hash != data.data_hash
    split = data.split.copy()
    split[0] = "test" if split[0] != "test" else "train"
    assert replace(data, split=split).data_hash != data.data_hash


def test_arrays_are_read_only(data):
    with pytest.raises(ValueError, match="read-only"):
        data.functional_groups[0, 0] = 1.0


def test_as_dict_counts(data):
    values = data.as_dict()
    assert values["n_train"] + values["n_validation"] + values["n_test"] == values["n_molecules"] == len(data)
    assert values["simulated"] is True
