"""Responses from files: a generated .fchk, cclib data with Hessians in several units, and modes as logs print them."""

from types import SimpleNamespace

import numpy as np
import pytest

from symvib import Molecule, detect_point_group
from symvib.constants import BOHR_ANGSTROM
from symvib.errors import HessianError
from symvib.forward.engines._fchk import read_fchk
from symvib.forward.engines.parsed import parsed_response
from symvib.groups.mode_labels import label_normal_modes

POSITIONS = np.array([[0.0, 0.0, 0.1173], [0.0, 0.7572, -0.4692], [0.0, -0.7572, -0.4692]])
WATER = Molecule.from_arrays([8, 1, 1], POSITIONS)
CARBON_DIOXIDE = Molecule.from_arrays([8, 6, 8], [[0.0, 0.0, -1.16], [0.0, 0.0, 0.0], [0.0, 0.0, 1.16]])


def hessian_of(molecule):
    """Springs between all pairs, and for CO2 a bend, free of net force and torque."""
    x = molecule.positions / BOHR_ANGSTROM
    rows, constants = [], []
    for a, b in ((0, 1), (1, 2), (0, 2)):
        row = np.zeros((3, 3))
        row[a] = (x[a] - x[b]) / np.linalg.norm(x[a] - x[b])
        row[b] = -row[a]
        rows.append(row.ravel())
        constants.append(0.5)
    if molecule is CARBON_DIOXIDE:
        for axis in (0, 1):
            row = np.zeros((3, 3))
            row[:, axis] = [1, -2, 1]
            rows.append(row.ravel())
            constants.append(0.05)
    matrix = np.array(rows)
    return matrix.T @ (np.array(constants)[:, None] * matrix)


def section(name, values, kind="R"):
    values = np.asarray(values).ravel()
    form, width = ("{:16.8E}", 5) if kind == "R" else ("{:12d}", 6)
    text = f"{name:40s}   {kind}   N={len(values):12d}\n"
    words = [form.format(value) for value in values]
    return text + "".join("".join(words[k : k + width]) + "\n" for k in range(0, len(words), width))


def fchk_text(molecule, hessian, dipole, polarizability):
    size = 3 * len(molecule)
    packed = polarizability[[0, 0, 1, 0, 1, 2], [0, 1, 1, 2, 2, 2]]  # xx xy yy xz yz zz
    return (
        "water\n"
        "Freq      RB3LYP                                                      6-31G(d)\n"
        + f"{'Number of atoms':40s}   I     {len(molecule):12d}\n"
        + section("Atomic numbers", molecule.numbers, "I")
        + section("Current cartesian coordinates", molecule.positions / BOHR_ANGSTROM)
        + section("Real atomic weights", molecule.masses)
        + f"{'Total Energy':40s}   R     {-76.4:22.15E}\n"
        + f"{'Charge':40s}   I     {1:12d}\n"
        + f"{'Number of electrons':40s}   I     {2:12d}\n"  # cclib asks for orbitals
        + f"{'Number of alpha electrons':40s}   I     {1:12d}\n"
        + f"{'Number of beta electrons':40s}   I     {1:12d}\n"
        + f"{'Number of independent functions':40s}   I     {1:12d}\n"
        + section("Alpha Orbital Energies", [-0.5])
        + section("Cartesian Gradient", np.zeros(size))
        + section("Cartesian Force Constants", hessian[np.tril_indices(size)])
        + section("Dipole Moment", [0.0, 0.0, -0.8])
        + section("Dipole Derivatives", dipole.T)
        + section("Polarizability Derivatives", packed.T)
    )


@pytest.fixture
def derivatives():
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(3, 3, 9))
    return rng.normal(size=(3, 9)), raw + raw.transpose(1, 0, 2)


def test_fchk_holds_everything(tmp_path, derivatives):
    hessian = hessian_of(WATER)
    path = tmp_path / "water.fchk"
    path.write_text(fchk_text(WATER, hessian, *derivatives))
    response = parsed_response(path)
    np.testing.assert_allclose(response.hessian, hessian, atol=1e-8)
    np.testing.assert_allclose(response.dipole_derivatives, derivatives[0], atol=1e-7)
    np.testing.assert_allclose(response.polarizability_derivatives, derivatives[1], atol=1e-7)
    np.testing.assert_allclose(response.molecule.positions, WATER.positions, atol=1e-7)
    np.testing.assert_allclose(response.molecule.masses, WATER.masses, atol=1e-6)
    assert response.method == "RB3LYP/6-31G(d)"
    assert response.energy_hartree == pytest.approx(-76.4)
    assert response.dipole == pytest.approx([0.0, 0.0, -0.8])


def test_cclib_reads_the_same_hessian(tmp_path, derivatives):
    pytest.importorskip("cclib")
    from cclib.io.ccio import ccopen

    path = tmp_path / "water.fchk"
    path.write_text(fchk_text(WATER, hessian_of(WATER), *derivatives))
    parser = ccopen(str(path), quiet=True)
    assert parser is not None
    data = parser.parse()
    np.testing.assert_allclose(read_fchk(path).hessian, data.hessian, atol=1e-8)
    assert read_fchk(path).charge == parsed_response(data).charge == 1
    np.testing.assert_allclose(read_fchk(path).molecule.positions, data.atomcoords[-1], atol=1e-6)


def test_fchk_without_raman_and_cut_files(tmp_path, derivatives):
    text = fchk_text(WATER, hessian_of(WATER), *derivatives)
    path = tmp_path / "water.fchk"
    path.write_text(text[: text.index("Polarizability Derivatives")])
    assert parsed_response(str(path)).polarizability_derivatives is None
    path.write_text(text[: text.index("Cartesian Force Constants") + 200])
    with pytest.raises(HessianError, match=r"announces 45 numbers and holds \d+"):
        parsed_response(path)
    path.write_text(text[: text.index("Cartesian Force Constants")])
    with pytest.raises(HessianError, match=r"no Cartesian Force Constants.*Freq"):
        parsed_response(path)
    path.write_text("nothing\nhere\n")
    with pytest.raises(HessianError, match="no Atomic numbers"):
        parsed_response(path)


class ccData(SimpleNamespace):  # as_molecule knows cclib's class by its name and module
    pass


ccData.__module__ = "cclib.parser.data"


def cclib_data(molecule, **more):
    return ccData(
        atomnos=molecule.numbers,
        atomcoords=molecule.positions[None],
        atommasses=molecule.masses,
        metadata={"package": "Test", "package_version": "1", "functional": "B3LYP", "basis_set": "6-31G*"},
        **more,
    )


def printed_modes(molecule, digits):
    labels = label_normal_modes(molecule, hessian_of(molecule))
    modes = labels.displacements / np.linalg.norm(labels.displacements, axis=(1, 2))[:, None, None]
    return labels, np.round(modes, digits), np.round(labels.wavenumbers_cm1, 4)


def test_hessian_of_a_log_is_checked_with_its_wavenumbers():
    hessian = hessian_of(WATER)
    weights = np.repeat(np.sqrt(WATER.masses), 3)
    lines = label_normal_modes(WATER, hessian).wavenumbers_cm1
    plain = parsed_response(cclib_data(WATER, hessian=hessian, vibfreqs=lines, vibirs=np.array([1.0, 2.0, 3.0])))
    np.testing.assert_allclose(plain.hessian, hessian, atol=1e-12)
    assert plain.provenance["hessian"]["unit"] == "Eh/bohr^2"
    assert plain.provenance["listed"]["ir_km_per_mol"] == [1.0, 2.0, 3.0]
    assert plain.method == "B3LYP/6-31G*"
    weighted = parsed_response(cclib_data(WATER, hessian=1000 * hessian / np.outer(weights, weights), vibfreqs=lines))
    np.testing.assert_allclose(weighted.hessian, hessian, atol=1e-12)
    assert "mass-weighted" in weighted.provenance["hessian"]["unit"]
    triangle = parsed_response(cclib_data(WATER, hessian=hessian[np.tril_indices(9)], vibfreqs=lines))
    np.testing.assert_allclose(triangle.hessian, hessian, atol=1e-12)
    with pytest.raises(HessianError, match="other wavenumbers than the log lists"):
        parsed_response(cclib_data(WATER, hessian=hessian, vibfreqs=1.04 * lines))
    with pytest.raises(HessianError, match=r"shape \(8, 8\)"):
        parsed_response(cclib_data(WATER, hessian=np.eye(8), vibfreqs=lines))


def test_a_hessian_without_wavenumbers_is_said_to_be_unchecked(caplog):
    response = parsed_response(cclib_data(WATER, hessian=hessian_of(WATER)))
    assert response.provenance["hessian"]["largest_difference_cm1"] is None
    assert "unchecked" in caplog.text


@pytest.mark.parametrize("molecule", [WATER, CARBON_DIOXIDE], ids=["H2O", "CO2"])
@pytest.mark.parametrize(("digits", "tolerance"), [(2, 0.03), (5, 3e-5)])
def test_hessian_of_printed_modes(molecule, digits, tolerance, caplog):
    labels, modes, lines = printed_modes(molecule, digits)
    response = parsed_response(cclib_data(molecule, vibdisps=modes, vibfreqs=lines))
    exact = hessian_of(molecule)
    assert np.abs(response.hessian - exact).max() < tolerance * np.abs(exact).max()
    again = label_normal_modes(detect_point_group(molecule), response.hessian)
    np.testing.assert_allclose(again.wavenumbers_cm1, labels.wavenumbers_cm1, rtol=tolerance)
    error = response.provenance["hessian"]["orthogonality_error"]
    assert error < 10.0 ** (1 - digits)
    assert ("printed modes" in caplog.text) == (error > 1e-3)
    assert response.dipole_derivatives is None


def test_modes_that_do_not_fit_are_refused():
    _, modes, lines = printed_modes(WATER, 5)
    with pytest.raises(HessianError, match="needs all 3 of length 9"):
        parsed_response(cclib_data(WATER, vibdisps=modes[:2], vibfreqs=lines[:2]))
    turned = modes[..., [1, 2, 0]]
    with pytest.raises(HessianError, match="another orientation"):
        parsed_response(cclib_data(WATER, vibdisps=turned, vibfreqs=lines))
    with pytest.raises(HessianError, match="has no displacement"):
        parsed_response(cclib_data(WATER, vibdisps=0 * modes, vibfreqs=lines))


def test_what_a_log_holds_is_told():
    with pytest.raises(HessianError, match=r"neither a Hessian nor normal modes.*atomcoords.*scfenergies"):
        parsed_response(cclib_data(WATER, scfenergies=np.array([-2000.0])))
    with pytest.raises(HessianError, match="no such file"):
        parsed_response("not-here.log")


def test_other_text_is_no_log(tmp_path):
    pytest.importorskip("cclib")
    path = tmp_path / "notes.log"
    path.write_text("these are notes\n")
    with pytest.raises(HessianError, match=r"notes\.log"):
        parsed_response(path)
