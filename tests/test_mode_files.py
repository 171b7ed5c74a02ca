"""Normal modes as XYZ, Molden and animation: read back by ASE where it can."""

from types import SimpleNamespace

import numpy as np
import pytest

from helpers import molecule_of
from symvib.constants import BOHR_ANGSTROM
from symvib.errors import SpectrumError
from symvib.forward.mode_files import modes_to_animation, modes_to_molden, modes_to_xyz


@pytest.fixture
def modes():
    water = molecule_of(["O", "H", "H"], [[0, 0, 0.119], [0, 0.763, -0.477], [0, -0.763, -0.477]])
    displacements = np.random.default_rng(1).normal(size=(3, 3, 3))
    return SimpleNamespace(
        molecule=water,
        wavenumbers_cm1=np.array([-120.5, 1595.0, 3756.25]),
        displacements=displacements,
        ir_km_per_mol=np.array([1.5, 54.0, 45.0]),
        raman_a4_per_amu=None,
        irreps=("A1", "A2''", "B2"),
    )


def unit(displacements):
    return displacements / np.linalg.norm(displacements, axis=2).max(axis=1)[:, None, None]


def test_xyz_is_read_back_by_ase(modes, tmp_path):
    ase_io = pytest.importorskip("ase.io")
    modes_to_xyz(modes, tmp_path / "modes.xyz")
    frames = ase_io.read(tmp_path / "modes.xyz", index=":", format="extxyz")
    assert len(frames) == 3
    for k, frame in enumerate(frames):
        np.testing.assert_allclose(frame.positions, modes.molecule.positions, atol=1e-9)
        np.testing.assert_allclose(frame.arrays["vibration"], unit(modes.displacements)[k], atol=1e-9)
        assert frame.info["wavenumber_cm1"] == pytest.approx(modes.wavenumbers_cm1[k])
        assert frame.info["irrep"] == modes.irreps[k]
        assert frame.info["ir_km_per_mol"] == pytest.approx(modes.ir_km_per_mol[k])
        assert not frame.pbc.any()


def test_xyz_has_the_seven_columns_that_jmol_reads(modes):
    lines = modes_to_xyz(modes).splitlines()
    assert len(lines) == 3 * 5
    assert all(len(lines[start + row].split()) == 7 for start in (0, 5, 10) for row in (2, 3, 4))


def test_animation_is_read_back_by_ase_and_closes(modes, tmp_path):
    ase_io = pytest.importorskip("ase.io")
    modes_to_animation(modes, 1, tmp_path / "mode.xyz", amplitude_angstrom=0.25, n_frames=8)
    frames = ase_io.read(tmp_path / "mode.xyz", index=":", format="xyz")
    moved = np.array([frame.positions for frame in frames]) - modes.molecule.positions
    np.testing.assert_allclose(moved[0], 0, atol=1e-8)
    np.testing.assert_allclose(moved[2], 0.25 * unit(modes.displacements)[1], atol=1e-8)  # a quarter of the period
    np.testing.assert_allclose(moved[1:4], -moved[5:8], atol=1e-8)
    assert np.linalg.norm(moved, axis=2).max() == pytest.approx(0.25, abs=1e-8)


def molden_blocks(text):
    blocks, current = {}, None
    for line in text.splitlines():
        if line.startswith("["):
            current = blocks.setdefault(line.split("]")[0] + "]", [])
            blocks.setdefault("heads", []).append(line)
        else:
            current.append(line.split())
    return blocks


def test_molden_blocks(modes, tmp_path):
    text = modes_to_molden(modes, tmp_path / "water.molden")
    assert (tmp_path / "water.molden").read_text() == text
    blocks = molden_blocks(text)
    assert blocks["heads"][0] == "[Molden Format]"
    np.testing.assert_allclose(np.array(blocks["[FREQ]"], dtype=float).ravel(), modes.wavenumbers_cm1)
    coordinates = np.array([row[1:] for row in blocks["[FR-COORD]"]], dtype=float) * BOHR_ANGSTROM
    np.testing.assert_allclose(coordinates, modes.molecule.positions, atol=1e-8)
    atoms = np.array([row[2:] for row in blocks["[Atoms]"]], dtype=float)
    np.testing.assert_allclose(atoms[:, 0], [8, 1, 1])
    np.testing.assert_allclose(atoms[:, 1:] * BOHR_ANGSTROM, modes.molecule.positions, atol=1e-8)
    rows = blocks["[FR-NORM-COORD]"]
    assert [rows[k] for k in (0, 4, 8)] == [["vibration", "1"], ["vibration", "2"], ["vibration", "3"]]
    vectors = np.array([row for row in rows if row[0] != "vibration"], dtype=float).reshape(3, 3, 3)
    np.testing.assert_allclose(vectors, unit(modes.displacements), atol=1e-9)
    np.testing.assert_allclose(np.array(blocks["[INT]"], dtype=float).ravel(), modes.ir_km_per_mol)


def test_molden_intensities_are_two_columns_with_raman_and_absent_without_ir(modes):
    modes.raman_a4_per_amu = np.array([1.0, 2.0, 3.0])
    assert molden_blocks(modes_to_molden(modes))["[INT]"][1] == ["54.000000", "2.000000"]
    modes.ir_km_per_mol = None
    assert "[INT]" not in modes_to_molden(modes)


def test_modes_without_labels_and_intensities(modes):
    bare = SimpleNamespace(
        molecule=modes.molecule, wavenumbers_cm1=modes.wavenumbers_cm1, displacements=modes.displacements
    )
    assert "irrep" not in modes_to_xyz(bare)
    assert "-120.5" in modes_to_animation(bare, 0)


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (3, 9, 1)])
def test_wrong_shapes_are_refused(modes, shape):
    modes.displacements = np.ones(shape)
    with pytest.raises(SpectrumError, match="shape"):
        modes_to_molden(modes)


def test_a_mode_that_moves_nothing_is_refused(modes):
    modes.displacements[1] = 0
    with pytest.raises(SpectrumError, match="mode 1"):
        modes_to_xyz(modes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mode": 3}, "3 modes"),
        ({"mode": 0, "amplitude_angstrom": 0.0}, "positive"),
        ({"mode": 0, "n_frames": 1}, "2 to 1000"),
        ({"mode": 0, "n_frames": 10**9}, "2 to 1000"),
    ],
)
def test_bad_animations_are_refused(modes, arguments, words):
    with pytest.raises(SpectrumError, match=words):
        modes_to_animation(modes, **arguments)
