"""Mistakes seen in other programs, each a test with its name."""

import numpy as np
import pytest

from helpers import molecule_of
from symvib import character_table, detect_point_group, point_group_report
from symvib.groups.schoenflies import PointGroup
from zoo import ZOO, noisy, rotated


def groups_found(label, noise=0.0, seed=0):
    """Detected labels of all zoo molecules of a group, turned at random."""
    rng = np.random.default_rng(seed)
    entries = [z for z in ZOO if z.group == label]
    assert entries, f"no {label} in the zoo"
    return {
        detect_point_group(molecule_of(z.symbols, noisy(rotated(z.positions, rng), noise, rng))).point_group.label
        for z in entries
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("label", ["T", "S4", "C2", "Th", "C2h", "Ci", "Cs", "O", "I", "S8"])
def test_low_groups_are_not_called_by_a_neighbour(label, seed):
    """T called Td, S4 called D2, C2 called C1, Th called D2h."""
    assert groups_found(label, seed=seed) == {label}


def test_nocl_does_not_crash():
    nocl = molecule_of(["N", "O", "Cl"], [[0, 0, 0], [1.139, 0, 0], [-0.788, 1.806, 0]])
    assert detect_point_group(nocl).point_group.label == "Cs"


@pytest.mark.parametrize("seed", range(20))
def test_sf6_is_octahedral_however_it_is_turned(seed):
    rng = np.random.default_rng(seed)
    arms = 1.561 * np.vstack([np.eye(3), -np.eye(3)])
    sf6 = molecule_of(["S"] + ["F"] * 6, rotated(np.vstack([[0, 0, 0], arms]), rng))
    assert detect_point_group(sf6).point_group.label == "Oh"


@pytest.mark.parametrize("name", ["pyrrole", "furan", "pyridine", "acetone"])
def test_planar_heterocycles_are_c2v(name):
    """Pyrrole called Cs."""
    entry = next(z for z in ZOO if z.name == name)
    rng = np.random.default_rng(3)
    molecule = molecule_of(entry.symbols, rotated(entry.positions, rng))
    assert detect_point_group(molecule).point_group.label == "C2v"


@pytest.mark.parametrize("seed", range(50))
def test_methane_with_a_hundredth_of_an_angstrom_of_noise_is_td(seed):
    """CH4 called Cs at 0.01 A noise."""
    assert groups_found("Td", noise=0.01, seed=seed) == {"Td"}


def test_d15h_has_primes_and_no_parity():
    labels = [irrep.label for irrep in character_table("D15h").irreps]
    assert not any("g" in label or "u" in label for label in labels)
    assert all("'" in label for label in labels)


def test_ih_table_has_the_golden_ratio_where_it_belongs():
    """One printed Ih table has +1/2 where -1 belongs; row orthogonality shows it."""
    table = character_table("Ih")
    characters = table.to_numpy()
    sizes = np.array([c.size for c in table.classes])
    assert np.allclose((characters * sizes) @ characters.conj().T, 120 * np.eye(10), atol=1e-9)
    golden = (1 + 5**0.5) / 2
    labels = [irrep.label for irrep in table.irreps]
    t1g = characters[labels.index("T1g")].real
    assert sorted(np.round(t1g[np.abs(t1g - np.rint(t1g)) > 1e-9], 9)) == sorted(
        np.round([golden, 1 - golden, golden, 1 - golden], 9)
    )
    hg = characters[labels.index("Hg")].real
    assert sorted(np.rint(hg).astype(int)) == [-1, -1, 0, 0, 0, 0, 1, 1, 5, 5]


@pytest.mark.parametrize("entry", ZOO, ids=lambda z: f"{z.name} {z.group}")
def test_labels_are_the_customary_ones(entry):
    """'D1d', 'S2', 'D*h' printed by peers."""
    label = detect_point_group(molecule_of(entry.symbols, entry.positions)).point_group.label
    assert label == PointGroup.parse(label).label
    assert label not in {"D1d", "S2", "D*h", "C1v", "C1h", "D1", "D1h", "S1", "S3"}


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [("benzene", 0.85, 19 / 30), ("CH4", 0.778, 1), ("cubane", 0.452, 27 / 42), ("SF6", 0.60, 12 / 15)],
)
def test_completeness_in_circulation_is_wrong(name, wrong, right):
    entry = next(z for z in ZOO if z.name == name)
    report = point_group_report(molecule_of(entry.symbols, entry.positions))
    assert report.completeness == pytest.approx(right, abs=1e-12)
    assert abs(report.completeness - wrong) > 0.1
