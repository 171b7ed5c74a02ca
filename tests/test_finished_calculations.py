"""Logs and checkpoints are read by default, and what a log prints without its tensors becomes a line list."""

import numpy as np
import pytest
from typer.testing import CliRunner

from symvib import as_molecule, harmonic_response, normal_modes
from symvib.cli import app
from symvib.errors import HessianError, SpectrumError
from symvib.forward.engine_api import holds_calculation
from symvib.forward.printed_lines import printed_lines
from symvib.groups.mode_labels import label_normal_modes
from test_engine_parsed import WATER, fchk_text, hessian_of

IR, RAMAN = (71.5, 1.25, 19.5), (7.5, 70.25, 38.0)


def run(*arguments, text=None):
    return CliRunner().invoke(app, list(arguments), input=text)


def gaussian_log(raman=RAMAN, with_modes=True):
    """The parts of a Gaussian frequency log that are read, for the springs of `hessian_of` water."""
    rule = " " + "-" * 69
    atoms = "".join(
        f"{k:7d}{z:11d}           0   {x:12.6f}{y:12.6f}{c:12.6f}\n"
        for k, (z, (x, y, c)) in enumerate(zip(WATER.numbers, WATER.positions, strict=True), 1)
    )
    labels = label_normal_modes(WATER, hessian_of(WATER))
    modes = labels.displacements / np.linalg.norm(labels.displacements, axis=(1, 2))[:, None, None]

    def row(name, values):
        return f" {name} --  " + "".join(f"{value:12.4f}           " for value in values).rstrip() + "\n"

    gaussian = " Entering Gaussian System, Link 0=g16\n Copyright (c) 2016, Gaussian, Inc.\n"
    text = gaussian + " Gaussian 16:  ES64L-G16RevA.03 25-Dec-2016\n"
    text += f"{rule}\n #p B3LYP/6-31G(d) freq=raman\n{rule}\n Charge =  0 Multiplicity = 1\n"
    text += f"                         Standard orientation:\n{rule}\n"
    text += " Center     Atomic      Atomic             Coordinates (Angstroms)\n"
    text += f" Number     Number       Type             X           Y           Z\n{rule}\n{atoms}{rule}\n"
    if not with_modes:
        return text + " Normal termination of Gaussian 16\n"
    text += " Harmonic frequencies (cm**-1), IR intensities (KM/Mole), Raman scattering\n"
    text += " activities (A**4/AMU), depolarization ratios for plane and unpolarized\n"
    text += " incident light, reduced masses (AMU), force constants (mDyne/A),\n and normal coordinates:\n"
    text += "".join(f"{k:23d}" for k in (1, 2, 3)) + "\n" + "".join(f"{irrep:>23s}" for irrep in labels.irreps) + "\n"
    text += row("Frequencies", labels.wavenumbers_cm1) + row("Red. masses", (1, 1, 1)) + row("Frc consts ", (1, 1, 1))
    text += row("IR Inten   ", IR) + ("" if raman is None else row("Raman Activ", raman))
    text += "  Atom  AN      X      Y      Z        X      Y      Z        X      Y      Z\n"
    for k, z in enumerate(WATER.numbers):
        text += f"{k + 1:6d}{z:4d}" + "  ".join("".join(f"{v:7.2f}" for v in mode[k]) for mode in modes) + "\n"
    return text + "\n Normal termination of Gaussian 16\n"


@pytest.fixture
def log(tmp_path):
    pytest.importorskip("cclib", reason="logs need symvib[chem]")
    path = tmp_path / "water.log"
    path.write_text(gaussian_log())
    return path


@pytest.fixture
def checkpoint(tmp_path):
    rng = np.random.default_rng(1)
    charges = np.tile(np.eye(3), 3) * np.repeat([-0.4, 0.7, 0.7], 3)
    alpha = rng.normal(size=(3, 3, 9))
    path = tmp_path / "water.fchk"
    path.write_text(fchk_text(WATER, hessian_of(WATER), charges, 0 * alpha))
    return path


def test_what_holds_a_calculation(log, checkpoint, tmp_path):
    assert holds_calculation(log)
    assert holds_calculation(str(checkpoint))
    assert not any(map(holds_calculation, ("O", "3\n\nO 0 0 0", WATER, tmp_path / "x.xyz")))
    log.write_text(gaussian_log(with_modes=False))
    assert not holds_calculation(str(log))


def test_a_log_is_read_by_default(log):
    response = harmonic_response(str(log))
    expected = label_normal_modes(WATER, hessian_of(WATER)).wavenumbers_cm1
    assert np.allclose(normal_modes(response).wavenumbers_cm1, expected, atol=1e-3)
    assert (response.charge, response.molecule.charge) == (0, 0)
    with pytest.raises(HessianError, match="no such file"):
        harmonic_response("not-here.log")


def test_printed_intensities_are_a_line_list_that_says_so(log):
    response = harmonic_response(log)
    lines = printed_lines(response, normal_modes(response))
    assert lines.ir_km_per_mol.tolist() == list(IR)
    assert lines.raman_a4_per_amu.tolist() == list(RAMAN)
    assert lines.irreps == label_normal_modes(WATER, hessian_of(WATER)).irreps
    assert "as printed by Gaussian" in lines.source
    assert printed_lines(log).ir_km_per_mol.tolist() == list(IR)


def test_columns_that_are_not_there(log):
    log.write_text(gaussian_log(raman=(0.0, 0.0, 0.0)))
    assert printed_lines(log).raman_a4_per_amu is None
    log.write_text(gaussian_log(with_modes=False))
    with pytest.raises(SpectrumError, match=r"water\.log prints 0 wavenumbers"):
        printed_lines(log)


def test_spectrum_of_a_log(log, tmp_path):
    result = run("spectrum", str(log), "-o", str(tmp_path / "w.png"), "--jcamp", str(tmp_path / "w.jdx"))
    assert result.exit_code == 0, result.output
    assert "holds a finished calculation, which is read" in result.stderr
    assert "71.50" in result.stdout
    assert "as printed by Gaussian" in result.stdout
    assert (tmp_path / "w.png").stat().st_size > 1000


@pytest.mark.parametrize("command", ["spectrum", "modes"])
def test_checkpoints_need_no_option(command, checkpoint):
    result = run(command, str(checkpoint))
    assert result.exit_code == 0, result.output
    assert "RB3LYP/6-31G(d)" in result.stdout
    assert "--engine xtb computes anew" in result.stderr


def test_modes_of_a_log(log):
    result = run("modes", str(log))
    assert result.exit_code == 0, result.output
    assert "Potential energy distribution" in result.stdout


def test_options_of_programs_are_refused_with_the_way_out(log):
    for option in (("--charge", "1"), ("--method", "GFN1-xTB"), ("--no-optimize",)):
        result = run("spectrum", str(log), *option)
        assert result.exit_code == 2
        assert "--engine xtb" in " ".join(result.stderr.split())


def test_a_program_can_still_be_asked_for(log, checkpoint):
    pytest.importorskip("tblite", reason="needs symvib[qm]")
    assert harmonic_response(log, engine="xtb").method == "GFN2-xTB"
    cation = harmonic_response(checkpoint, engine="xtb", unpaired_electrons=1)
    assert (cation.method, cation.charge) == ("GFN2-xTB", 1)  # the checkpoint says charge 1


def test_a_report_of_a_checkpoint_names_the_engine(checkpoint):
    with pytest.raises(ValueError, match='engine="parsed"'):
        as_molecule(checkpoint)
