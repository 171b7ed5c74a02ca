"""Down from saddle points that an optimisation with symmetry ends on."""

import numpy as np
import pytest
from typer.testing import CliRunner

from symvib import Molecule, harmonic_response, normal_modes
from symvib.cli import app
from symvib.errors import EngineError
from symvib.forward.response import HarmonicResponse
from symvib.forward.saddle_points import below_saddle_point, displaced_along_imaginary

pytest.importorskip("tblite", reason="the xTB engine needs tblite (symvib[qm])")

PLANAR_AMMONIA = Molecule.from_arrays(
    ["N", "H", "H", "H"], [[0, 0, 0], [1.0, 0, 0], [-0.5, 3**0.5 / 2, 0], [-0.5, -(3**0.5) / 2, 0]]
)


def test_planar_ammonia_becomes_a_pyramid():
    saddle = harmonic_response(PLANAR_AMMONIA)
    assert len(normal_modes(saddle).imaginary) == 1
    modes = normal_modes(harmonic_response(PLANAR_AMMONIA, follow_imaginary=True))
    assert not len(modes.imaginary)
    assert modes.point_group.label == "C3v"


def test_the_displacement_is_that_of_the_mode():
    modes = normal_modes(harmonic_response(PLANAR_AMMONIA))
    moved = displaced_along_imaginary(modes).positions - modes.molecule.positions
    assert np.linalg.norm(moved, axis=1).max() == pytest.approx(0.2)
    assert np.abs(moved[:, :2]).max() < 1e-9  # out of the plane


@pytest.mark.parametrize("smiles", ["CC(=O)C", "Cc1ccc(C)cc1"])
def test_methyl_rotors_from_smiles(smiles):
    pytest.importorskip("rdkit", reason="SMILES need symvib[chem]")
    assert len(normal_modes(harmonic_response(smiles)).imaginary)
    assert not len(normal_modes(harmonic_response(smiles, follow_imaginary=True)).imaginary)


def test_what_stays_imaginary_is_told(caplog):
    saddle = harmonic_response(PLANAR_AMMONIA)
    calls = []

    def never_better(molecule):
        calls.append(molecule)
        return saddle

    assert isinstance(below_saddle_point(saddle, never_better, tries=2), HarmonicResponse)
    assert len(calls) == 2
    assert "still 1 imaginary modes after 2" in caplog.text


def test_where_it_means_nothing():
    with pytest.raises(EngineError, match="with the optimisation"):
        harmonic_response(PLANAR_AMMONIA, optimize=False, follow_imaginary=True)


def test_command_line(tmp_path):
    path = tmp_path / "planar.xyz"
    PLANAR_AMMONIA.to_xyz(path)
    plain, followed = (CliRunner().invoke(app, ["spectrum", str(path), *o]) for o in ((), ("--follow-imaginary",)))
    assert "--follow-imaginary" in plain.stdout.splitlines()[-1]
    assert followed.exit_code == 0
    assert "imaginary" not in followed.stdout
    assert CliRunner().invoke(app, ["modes", str(path), "--follow-imaginary"]).exit_code == 2
    both = CliRunner().invoke(app, ["spectrum", str(path), "--follow-imaginary", "--no-optimize"])
    assert both.exit_code == 2
