"""The xTB engine: derivatives against brute force, symmetry kept and used, failures that say what happened."""

import numpy as np
import pytest

from helpers import molecule_of
from symvib import Molecule, as_molecule, detect_point_group, harmonic_response, normal_modes
from symvib.constants import BOHR_ANGSTROM
from symvib.errors import EngineError
from zoo import ZOO_BY_NAME

pytest.importorskip("tblite", reason="the xTB engine needs tblite (symvib[qm])")

from symvib.forward.engines._differences import plan_displacements, plan_without_symmetry
from symvib.forward.engines.xtb import XtbSurface, field_derivatives, xtb_response

WATER = [["O", "H", "H"], [[0, 0, 0.119], [0, 0.763, -0.477], [0, -0.763, -0.477]]]
CARBON_DIOXIDE = [["C", "O", "O"], [[0, 0, 0], [0, 0, 1.15], [0, 0, -1.15]]]


def molecule(name):
    if name in ZOO_BY_NAME:
        return molecule_of(ZOO_BY_NAME[name].symbols, ZOO_BY_NAME[name].positions)
    return as_molecule({"water": WATER, "CO2": CARBON_DIOXIDE}[name])


def brute_force_derivatives(response, step=0.005, field=1e-3):
    """Dipole and polarizability derivatives by moving atoms: dipoles in fields at 6N displaced geometries."""
    fields = [field * sign * axis for axis in np.eye(3) for sign in (1, -1)]
    surfaces = [XtbSurface(response.molecule, accuracy=1e-4, field=f) for f in fields]
    centre = XtbSurface(response.molecule, accuracy=1e-4)
    x = response.molecule.positions / BOHR_ANGSTROM
    dipole, polarizability = np.empty((3, x.size)), np.empty((3, 3, x.size))
    for k in range(x.size):
        moved = [(x.ravel() + sign * step * np.eye(x.size)[k]).reshape(-1, 3) for sign in (1, -1)]
        mu = [np.array(centre.result(m).get("dipole")) for m in moved]
        dipole[:, k] = (mu[0] - mu[1]) / (2 * step)
        alpha = []
        for m in moved:
            in_field = np.array([s.result(m).get("dipole") for s in surfaces])
            alpha.append((in_field[0::2] - in_field[1::2]).T / (2 * field))
        polarizability[:, :, k] = (alpha[0] - alpha[1]) / (2 * step)
    return dipole, (polarizability + polarizability.transpose(1, 0, 2)) / 2


@pytest.mark.parametrize("name", ["water", "CO2", "C2H4", "benzene"])
def test_field_gradients_equal_moved_atoms(name):
    response = harmonic_response(molecule(name))
    dipole, polarizability = brute_force_derivatives(response)
    brute = type(response)(response.molecule, response.hessian, dipole, polarizability)
    ours, theirs = normal_modes(response), normal_modes(brute)
    assert np.abs(ours.ir_km_per_mol - theirs.ir_km_per_mol).max() < 0.05
    assert np.abs(ours.raman_a4_per_amu - theirs.raman_a4_per_amu).max() < 0.025


def test_richardson_agrees_with_the_plain_field_step():
    plain, extrapolated = (xtb_response(molecule("water"), richardson=r) for r in (False, True))
    assert np.abs(plain.dipole_derivatives - extrapolated.dipole_derivatives).max() < 1e-4
    assert np.abs(plain.polarizability_derivatives - extrapolated.polarizability_derivatives).max() < 2e-2


def test_field_derivatives_of_a_quartic_surface():
    rng = np.random.default_rng(3)
    a, b, d = rng.normal(size=(3, 6)), rng.normal(size=(3, 3, 6)), rng.normal(size=(3, 3, 3, 6))
    b = b + b.transpose(1, 0, 2)

    def gradient(f):
        cubic = np.einsum("i,j,k,ijkx->x", f, f, f, d)
        return -np.einsum("i,ix->x", f, a) - np.einsum("i,j,ijx->x", f, f, b) / 2 - cubic

    dipole, polarizability = field_derivatives(gradient, 1e-3, richardson=True)
    assert np.allclose(dipole, a, atol=1e-10)
    assert np.allclose(polarizability, b, atol=1e-6)
    assert not np.allclose(field_derivatives(gradient, 0.1)[0], a, atol=1e-3)  # the cubic term is seen


@pytest.mark.parametrize(("name", "group", "n_gradients"), [("water", "C2v", 6), ("CO2", "Dinfh", 3)])
def test_only_unique_displacements_are_computed(name, group, n_gradients):
    response = harmonic_response(molecule(name))
    assert detect_point_group(response.molecule).point_group.label == group
    assert response.provenance["differences"]["n_geometries"] <= n_gradients


def test_unique_displacements_give_the_hessian_of_all():
    unique = plan_displacements(detect_point_group(xtb_response(molecule("water"), derivatives=False).molecule))
    surface = XtbSurface(unique.molecule)
    full = plan_without_symmetry(unique.molecule)
    hessians = [plan.hessian(lambda x: surface.energy_and_gradient(x)[1]) for plan in (unique, full)]
    assert np.abs(hessians[0] - hessians[1]).max() < 4e-5  # the differences themselves are good to 2e-5


def test_rigid_motions_are_exact():
    water = as_molecule([WATER[0], np.array(WATER[1]) + [0.3, -0.2, 0.5]])
    response = xtb_response(water)
    by_atom = response.hessian.reshape(9, 3, 3)
    assert np.abs(by_atom.sum(axis=1)).max() < 1e-10
    assert np.abs(response.dipole_derivatives.reshape(3, 3, 3).sum(axis=1)).max() < 1e-10
    turned = np.cross(np.eye(3)[:, None], response.molecule.positions[None] / BOHR_ANGSTROM).reshape(3, 9)
    assert np.abs(response.dipole_derivatives @ turned.T - np.cross(np.eye(3), response.dipole).T).max() < 1e-8
    # At a point that is stationary to 3e-5 Eh/bohr a rotation turns the gradient that is left.
    assert np.abs(response.hessian @ turned.T).max() < 4e-5


def test_charge_is_the_sum_of_dipole_derivatives():
    hydronium = Molecule.from_arrays(
        [8, 1, 1, 1], [[0, 0, 0.2], [0.95, 0, 0], [-0.475, 0.8227, 0], [-0.475, -0.8227, 0]]
    )
    response = harmonic_response(hydronium, charge=1)
    assert response.charge == 1
    assert np.allclose(response.dipole_derivatives.reshape(3, 4, 3).sum(axis=1), np.eye(3), atol=1e-10)


def test_gfn1_differs_from_gfn2():
    one, two = (normal_modes(harmonic_response(molecule("water"), method=m)) for m in ("GFN1-xTB", "GFN2-xTB"))
    assert np.abs(one.wavenumbers_cm1 - two.wavenumbers_cm1).max() > 5


@pytest.mark.parametrize("name", ["benzene", "cubane"])
def test_exclusion_in_computed_spectra(name):
    modes = normal_modes(harmonic_response(molecule(name)))
    infrared = modes.ir_km_per_mol > 1e-6 * modes.ir_km_per_mol.max()
    raman = modes.raman_a4_per_amu > 1e-6 * modes.raman_a4_per_amu.max()
    assert infrared.any()
    assert raman.any()
    assert not (infrared & raman).any()


class TestOptions:
    """`harmonic_response` does what it is told, or says that it cannot."""

    @pytest.mark.parametrize("engine", ["xtb", "dft"])
    def test_unknown_ones_are_refused_with_the_known(self, engine):
        with pytest.raises(EngineError, match=r"no option 'chrage'; it has .*charge, .*unpaired_electrons"):
            harmonic_response(molecule("water"), engine=engine, chrage=1)

    def test_what_is_set_by_method_is_no_option(self):
        with pytest.raises(EngineError, match="no option 'basis'"):
            harmonic_response(molecule("water"), engine="dft", basis="sto-3g")

    def test_a_file_has_none(self, tmp_path):
        for options in ({"method": "GFN1-xTB"}, {"optimize": True}, {"charge": 1}, {"nonsense": 0}):
            (name,) = options
            with pytest.raises(EngineError, match=rf"parsed.*{name}=.*read as it is"):
                harmonic_response(tmp_path / "water.log", engine="parsed", **options)

    def test_a_calculator_has_its_method(self):
        emt = pytest.importorskip("ase.calculators.emt", reason="needs ASE (symvib[chem])").EMT()
        with pytest.raises(EngineError, match=r"calculator \(EMT\) has its own method"):
            harmonic_response(molecule("water"), engine=emt, method="GFN2-xTB")
        with pytest.raises(EngineError, match="engine EMT has no option 'unpaired_electrons'"):
            harmonic_response(molecule("water"), engine=emt, unpaired_electrons=1)

    def test_a_detection_is_a_molecule(self):
        bent = as_molecule([WATER[0], np.array(WATER[1]) + [[0, 0, 0], [0, 0.004, 0], [0, 0, 0]]])
        loose = harmonic_response(detect_point_group(bent, tolerance=0.05))
        exact = harmonic_response(molecule("water"))
        assert loose.provenance["point_group"] == "C2v"
        assert np.abs(normal_modes(loose).wavenumbers_cm1 - normal_modes(exact).wavenumbers_cm1).max() < 0.1

    def test_a_lower_group_than_the_engine_finds_is_said(self):
        almost = as_molecule([WATER[0], np.array(WATER[1]) + [[0, 0, 0], [0, 0.0005, 0], [0, 0, 0]]])
        with pytest.raises(EngineError, match="the Detection says Cs"):
            harmonic_response(detect_point_group(almost, tolerance=1e-5))


class TestRefusals:
    def test_wrong_electron_count(self):
        with pytest.raises(EngineError, match=r"9 electrons.*unpaired_electrons"):
            harmonic_response(molecule("water"), charge=1)

    def test_unknown_engine_and_method(self):
        with pytest.raises(EngineError, match="xtb, dft, parsed"):
            harmonic_response(molecule("water"), engine="gaussian")
        with pytest.raises(EngineError, match="GFN1-xTB, GFN2-xTB"):
            harmonic_response(molecule("water"), method="PM7")

    def test_element_beyond_the_parametrisation(self):
        with pytest.raises(EngineError, match="ends at radon"):
            harmonic_response(Molecule.from_arrays(["U", "O", "O"], [[0, 0, 0], [0, 0, 1.8], [0, 0, -1.8]]))

    def test_scf_failure_restates_the_geometry(self):
        surface = XtbSurface(molecule("water"))
        surface._calculator.set("max-iter", 1)
        with pytest.raises(EngineError, match=r"not converged(?s:.*)geometry"):
            surface.energy_and_gradient(molecule("water").positions / BOHR_ANGSTROM)

    def test_other_bonds_after_optimisation(self):
        """Two hydrogen atoms beside O and far from each other's place end as another molecule."""
        ring = Molecule.from_arrays(
            ["O", "O", "O", "H", "H"], [[0, 0, 0], [1.9, 0, 0], [0.95, 1.9, 0], [0, -1, 0], [1.9, -1, 0]]
        )
        with pytest.raises(EngineError, match="changed its bonds"):
            harmonic_response(ring)


@pytest.mark.parametrize("name", ["benzene", "cubane"])
def test_four_gradients_instead_of_all(name):
    assert plan_displacements(detect_point_group(molecule(name))).n_gradients == 4
