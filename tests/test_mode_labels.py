"""Irreps of normal modes: synthetic force fields of every family of groups, real Hessians, accidents and mistakes."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from symvib import Molecule, character_table, detect_point_group
from symvib.constants import BOHR_ANGSTROM, SQRT_HARTREE_PER_BOHR2_U_IN_CM1
from symvib.errors import MoleculeError, RepresentationError
from symvib.groups.elements import parse_symbol
from symvib.groups.mode_labels import label_normal_modes
from zoo import ZOO, ZOO_BY_NAME, permuted, rotated

HESSIANS = (
    Path(__file__).resolve().parents[1].parent / "shared" / "data" / "forward_reference" / "cartesian_hessians.json"
)


def spring_hessian(molecule):
    """A force field (3N, 3N), Eh/bohr^2, with every symmetry of the molecule and no zero but the rigid motions.

    Springs between all pairs, with constants from the elements and the distance, and an isotropic part, so that
    modes out of a plane have a restoring force too.
    """
    n = len(molecule)
    hessian = np.zeros((n, 3, n, 3))
    positions, z = molecule.positions / BOHR_ANGSTROM, molecule.numbers
    for a in range(n):
        for b in range(a):
            bond = positions[a] - positions[b]
            r = float(np.linalg.norm(bond))
            stretch = 0.30 * np.exp(-r / 3.0) * (1 + 0.05 * (z[a] + z[b]))
            bend = 0.11 * np.exp(-r / 2.3) * (1 + 0.0023 * z[a] * z[b])
            block = stretch * np.outer(bond, bond) / r**2 + bend * np.eye(3)
            hessian[a, :, b] -= block
            hessian[b, :, a] -= block
            hessian[a, :, a] += block
            hessian[b, :, b] += block
    return hessian.reshape(3 * n, 3 * n)


def molecule_of(entry, seed=0):
    """The zoo's molecule, turned and with its atoms in random order."""
    rng = np.random.default_rng(seed)
    symbols, positions = permuted(entry.symbols, rotated(entry.positions, rng), rng)
    return Molecule.from_arrays([parse_symbol(s)[0] for s in symbols], positions, name=entry.name)


def one_per_group(limit):
    chosen = {}
    for entry in ZOO:
        if 1 < len(entry.symbols) <= limit:
            chosen.setdefault(entry.group, entry)
    return list(chosen.values())


def check_labels(detection, labels, tolerance=1e-6):
    """Counts are the predicted ones, and the trace of every operation over each set is its irrep's character."""
    counts = Counter(irrep for irrep, _ in labels.levels)
    assert counts == Counter(dict(labels.gamma_vib))
    if not detection.point_group.is_finite:
        return
    table = character_table(detection.point_group, "real")
    rows = dict(zip(table.labels, table.to_numpy().real, strict=True))
    class_of = {index: c for c, cls in enumerate(table.classes) for index in cls.indices}
    modes = labels.displacements * np.sqrt(detection.molecule.masses)[:, None]
    for s, (irrep, _) in enumerate(labels.levels):
        space = modes[labels.set_index == s]
        for entry in detection.operations[:: max(1, len(detection.operations) // 12)]:
            moved = np.empty_like(space)
            moved[:, entry.permutation] = space @ entry.operation.matrix.T
            assert np.vdot(space, moved) == pytest.approx(rows[irrep][class_of[entry.index]], abs=tolerance)


@pytest.mark.parametrize("entry", one_per_group(40), ids=lambda m: m.group)
def test_labels_of_symmetric_force_fields(entry):
    detection = detect_point_group(molecule_of(entry))
    assert detection.point_group.label == entry.group
    labels = label_normal_modes(detection, spring_hessian(detection.molecule))
    assert labels.relative_asymmetry < 1e-4
    assert labels.purity.min() > 1 - 1e-9
    assert labels.wavenumbers_cm1.min() > 1.0
    assert len(labels.imaginary) == 0
    for s in range(len(labels.levels)):
        assert np.ptp(labels.wavenumbers_cm1[labels.set_index == s]) < 1e-6
    check_labels(detection, labels)


def test_at_least_twenty_groups_are_labelled():
    groups = {entry.group for entry in one_per_group(40)}
    assert len(groups) >= 60
    assert {"S4", "C3h", "T", "Th", "Ih", "Oh", "Td", "Cinfv", "Dinfh", "D5d", "D4d", "O"} <= groups


def test_c60():
    detection = detect_point_group(molecule_of(ZOO_BY_NAME["C60"]))
    labels = label_normal_modes(detection, spring_hessian(detection.molecule))
    assert str(labels.gamma_vib) == "2Ag + 3T1g + 4T2g + 6Gg + 8Hg + Au + 4T1u + 5T2u + 6Gu + 7Hu"
    check_labels(detection, labels)


@pytest.mark.parametrize("name", ["CO2", "HCN", "C2H2", "N2", "HCl"])
def test_linear_molecules(name):
    detection = detect_point_group(molecule_of(ZOO_BY_NAME[name]))
    labels = label_normal_modes(detection, spring_hessian(detection.molecule))
    # Irreps again, from the displacements: along or across the axis, same or opposite under inversion.
    axis = detection.frame[2]
    order = np.argsort(detection.molecule.positions @ axis)
    for mode, irrep in zip(labels.displacements, labels.irreps, strict=True):
        along = np.linalg.norm(mode @ axis) / np.linalg.norm(mode)
        assert along == pytest.approx(1.0 if irrep.startswith("Sigma") else 0.0, abs=1e-9)
        if detection.point_group.label == "Dinfh":
            parity = -np.vdot(mode[order], mode[order][::-1]) / np.vdot(mode, mode)
            assert parity == pytest.approx(1.0 if irrep in ("Sigmag+", "Pig") else -1.0)
    assert len(labels.irreps) == 3 * len(detection.molecule) - 5


def test_an_atom_has_no_modes():
    labels = label_normal_modes(Molecule.from_arrays([10], [[0.0, 0.0, 0.0]]), np.zeros((3, 3)))
    assert labels.irreps == ()
    assert labels.levels == ()
    assert labels.wavenumbers_cm1.shape == (0,)


@pytest.mark.parametrize("name", ["CH4", "benzene", "SF6", "allene"])
def test_given_eigenvectors_give_the_same_labels(name):
    detection = detect_point_group(molecule_of(ZOO_BY_NAME[name]))
    labels = label_normal_modes(detection, spring_hessian(detection.molecule))
    printed = np.round(labels.displacements / np.abs(labels.displacements).max(axis=(1, 2), keepdims=True), 2)
    again = label_normal_modes(
        detection, eigenvectors=printed, wavenumbers=np.round(labels.wavenumbers_cm1, 2), degeneracy_tolerance_cm1=0.05
    )
    assert again.irreps == labels.irreps
    assert again.purity.min() > 0.99
    assert again.hessian_asymmetry is None
    flat = label_normal_modes(
        detection, eigenvectors=printed.reshape(len(printed), -1), wavenumbers=labels.wavenumbers_cm1
    )
    assert sorted(flat.irreps) == sorted(labels.irreps)


def with_level_moved(molecule, labels, hessian, level, eigenvalue):
    """The Hessian with one degenerate set moved to ``eigenvalue`` (Eh/bohr^2/u), all else as it was."""
    weights = np.repeat(np.sqrt(molecule.masses), 3)
    members = labels.set_index == level
    modes = labels.displacements[members].reshape(members.sum(), -1) * weights
    old = (labels.wavenumbers_cm1[members].mean() / SQRT_HARTREE_PER_BOHR2_U_IN_CM1) ** 2
    return hessian + (eigenvalue - old) * (modes.T @ modes) * np.outer(weights, weights)


@pytest.mark.parametrize("name", ["CH4", "benzene", "SF6", "C2H4"])
def test_accidental_degeneracy_is_separated_and_reported(name):
    detection = detect_point_group(molecule_of(ZOO_BY_NAME[name]))
    molecule = detection.molecule
    hessian = spring_hessian(molecule)
    labels = label_normal_modes(detection, hessian)
    first = 0
    second = next(s for s, (irrep, _) in enumerate(labels.levels) if irrep != labels.levels[0][0])
    target = (labels.levels[first][1] / SQRT_HARTREE_PER_BOHR2_U_IN_CM1) ** 2
    mixed_hessian = with_level_moved(molecule, labels, hessian, second, target)
    found = label_normal_modes(detection, mixed_hessian)
    check_labels(detection, found)
    (accident,) = [a for a in found.accidental if abs(a.wavenumbers_cm1[0] - labels.levels[first][1]) < 0.01]
    assert {labels.levels[first][0], labels.levels[second][0]} <= set(accident.irreps)
    assert accident.mixed is False
    assert "accidental" in found.tabulate()
    # The same level as another program may print it: any rotation of the mixed modes.
    weights = np.sqrt(molecule.masses)[:, None]
    modes, same = found.displacements * weights, np.isin(found.set_index, accident.sets)
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(same.sum(), same.sum())))[0]
    modes[same] = np.einsum("kl,lai->kai", turn, modes[same])
    given = label_normal_modes(
        detection, eigenvectors=modes / weights, wavenumbers=found.wavenumbers_cm1, degeneracy_tolerance_cm1=0.01
    )
    assert [a.mixed for a in given.accidental].count(True) == 1
    assert Counter(given.irreps) == Counter(found.irreps)
    check_labels(detection, given)


def test_imaginary_modes_stay_visible():
    detection = detect_point_group(molecule_of(ZOO_BY_NAME["NH3"]))
    hessian = spring_hessian(detection.molecule)
    labels = label_normal_modes(detection, hessian)
    level = next(s for s, (irrep, _) in enumerate(labels.levels) if irrep == "A1")
    found = label_normal_modes(detection, with_level_moved(detection.molecule, labels, hessian, level, -0.02))
    assert found.imaginary.tolist() == [0]
    assert found.irreps[0] == "A1"
    assert found.wavenumbers_cm1[0] == pytest.approx(-np.sqrt(0.02) * SQRT_HARTREE_PER_BOHR2_U_IN_CM1)
    assert "imaginary" in found.tabulate()


def test_a_distorted_geometry_is_labelled_and_the_asymmetry_said():
    rng = np.random.default_rng(1)
    clean = molecule_of(ZOO_BY_NAME["benzene"])
    rough = Molecule.from_arrays(clean.numbers, clean.positions + rng.normal(scale=1e-3, size=(12, 3)))
    detection = detect_point_group(rough)
    labels = label_normal_modes(detection, spring_hessian(rough))
    assert detection.point_group.label == "D6h"
    assert 1e-6 < labels.relative_asymmetry < 1e-2
    assert 0 < labels.largest_shift_cm1 < 10
    assert labels.hessian_asymmetry > 0
    check_labels(detection, labels)


def test_axes_of_the_input_do_not_matter():
    entry = ZOO_BY_NAME["benzene"]
    lists = []
    for seed in range(3):
        molecule = molecule_of(entry, seed)
        labels = label_normal_modes(molecule, spring_hessian(molecule))
        lists.append(labels)
    for other in lists[1:]:
        np.testing.assert_allclose(other.wavenumbers_cm1, lists[0].wavenumbers_cm1, atol=1e-6)
        assert other.irreps == lists[0].irreps


def water():
    molecule = molecule_of(ZOO_BY_NAME["H2O"])
    return molecule, spring_hessian(molecule)


def test_isotopologues_need_the_symmetry_that_the_masses_leave():
    molecule, hessian = water()
    hydrogens = np.flatnonzero(molecule.numbers == 1)
    heavy = molecule.masses.copy()
    heavy[hydrogens] = 2.014
    both = label_normal_modes(molecule, hessian, heavy)
    assert both.wavenumbers_cm1.max() < 0.8 * label_normal_modes(molecule, hessian).wavenumbers_cm1.max()
    heavy[hydrogens[0]] = 1.008
    with pytest.raises(MoleculeError, match="equivalent atoms"):
        label_normal_modes(molecule, hessian, heavy)
    isotopes = np.where(np.arange(3) == hydrogens[0], 2, 0)
    hdo = Molecule.from_arrays(molecule.numbers, molecule.positions, mass_numbers=isotopes)
    assert label_normal_modes(hdo, hessian).irreps == ("A'", "A'", "A'")


THREE = [1.0, 2.0, 3.0]
MISTAKES = [
    (lambda h: {"hessian": h[:6, :6]}, RepresentationError, r"\(6, 6\).*\(9, 9\)"),
    (lambda h: {"hessian": np.where(np.eye(9) > 0, np.nan, h)}, RepresentationError, "9 NaN"),
    (lambda h: {"hessian": h + np.triu(np.full((9, 9), 0.1), 1)}, RepresentationError, "not symmetric"),
    (lambda h: {"hessian": np.roll(h, (1, 1), (0, 1))}, RepresentationError, "orientation and atom order"),
    (lambda h: {"hessian": h, "masses": [1.0, 1.0]}, MoleculeError, "one positive number"),
    (lambda h: {"hessian": h, "masses": [1.0, 1.0, -1.0]}, MoleculeError, "one positive number"),
    (lambda h: {}, RepresentationError, "either hessian"),
    (lambda h: {"hessian": h, "eigenvectors": np.ones((3, 9)), "wavenumbers": THREE}, RepresentationError, "either"),
    (lambda h: {"eigenvectors": np.ones((3, 9))}, RepresentationError, "together with"),
    (lambda h: {"eigenvectors": np.ones((9, 9)), "wavenumbers": np.ones(9)}, RepresentationError, "3 vibrations"),
    (lambda h: {"eigenvectors": np.ones((3, 9)), "wavenumbers": THREE}, RepresentationError, "translation or rotation"),
    (lambda h: {"eigenvectors": np.zeros((3, 9)), "wavenumbers": THREE}, RepresentationError, "no displacement"),
    (lambda h: {"eigenvectors": np.full((3, 9), np.inf), "wavenumbers": THREE}, RepresentationError, "NaN"),
]


@pytest.mark.parametrize(("change", "error", "text"), MISTAKES)
def test_mistakes_are_named(change, error, text):
    molecule, hessian = water()
    with pytest.raises(error, match=text):
        label_normal_modes(molecule, **change(hessian))


def test_modes_that_break_the_symmetry_are_refused():
    molecule, hessian = water()
    labels = label_normal_modes(molecule, hessian)
    modes = labels.displacements.copy()
    weights = np.sqrt(molecule.masses)[:, None]
    weighted = modes * weights
    weighted[1:] = [(weighted[1] + weighted[2]) / np.sqrt(2), (weighted[1] - weighted[2]) / np.sqrt(2)]
    with pytest.raises(RepresentationError, match="no sum of irreps"):
        label_normal_modes(molecule, eigenvectors=weighted / weights, wavenumbers=labels.wavenumbers_cm1)


def test_as_dict_is_plain():
    molecule, hessian = water()
    plain = json.loads(json.dumps(label_normal_modes(molecule, hessian).as_dict()))
    assert plain["point_group"] == "C2v"
    assert sorted(plain["irreps"]) == ["A1", "A1", "B2"]


# ---- real Hessians ---------------------------------------------------------------------------------------------


def reference_hessians():
    return json.loads(HESSIANS.read_text(encoding="utf-8")) if HESSIANS.exists() else []


@pytest.mark.skipif(not HESSIANS.exists(), reason=f"{HESSIANS} is absent")
@pytest.mark.parametrize("entry", reference_hessians(), ids=lambda e: e["name"])
def test_reference_hessians(entry):
    positions = np.array(entry["xyz_bohr"]) * BOHR_ANGSTROM
    masses = np.array(entry["mass_amu"])
    numbers = entry["Z"]
    molecule = Molecule.from_arrays(numbers, positions, mass_numbers=np.rint(masses).astype(int))
    detection = detect_point_group(molecule)
    labels = label_normal_modes(detection, entry["hessian_Eh_bohr2"], masses)
    listed = np.sort(entry["harmonic_cm1_listed_once_if_degenerate"])
    levels = np.sort([wavenumber for _, wavenumber in labels.levels])
    assert len(levels) == len(listed)
    # 0.1: the file keeps Hessians that reproduce its wavenumbers within 0.033, with constants of older years.
    np.testing.assert_allclose(levels, listed, atol=0.1)
    assert labels.relative_asymmetry < 1e-4
    assert labels.largest_shift_cm1 < 60  # of a rotation that the printed Hessian does not quite leave at zero
    check_labels(detection, labels)


@pytest.mark.skipif(not HESSIANS.exists(), reason=f"{HESSIANS} is absent")
def test_species_of_ammonia():
    (entry,) = [e for e in reference_hessians() if e["name"] == "nh3"]
    molecule = Molecule.from_arrays(entry["Z"], np.array(entry["xyz_bohr"]) * BOHR_ANGSTROM)
    labels = label_normal_modes(molecule, entry["hessian_Eh_bohr2"], entry["mass_amu"])
    # Herzberg (1945), p. 295: nu2 (A1) < nu4 (E) < nu1 (A1) < nu3 (E).
    assert [irrep for irrep, _ in labels.levels] == ["A1", "E", "A1", "E"]


def test_a_hessian_in_other_units_is_noticed(caplog):
    carbon_monoxide = Molecule.from_arrays([6, 8], [[0.0, 0.0, 0.0], [0.0, 0.0, 1.128]])
    in_mdyn_per_angstrom = 19.0 * np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))
    label_normal_modes(carbon_monoxide, in_mdyn_per_angstrom)
    assert "Eh/bohr^2" in caplog.text
