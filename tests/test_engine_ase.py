"""Any ASE calculator as an engine: an analytic potential, EMT, tblite."""

import numpy as np
import pytest

from symvib import Molecule, detect_point_group
from symvib.errors import EngineError, MoleculeError
from symvib.forward.engines.ase_calculator import ase_response
from symvib.groups.mode_labels import label_normal_modes

ase = pytest.importorskip("ase")
from ase.calculators.calculator import Calculator, all_changes  # noqa: E402
from ase.calculators.emt import EMT  # noqa: E402
from ase.units import Bohr, Hartree  # noqa: E402


class PointCharges(Calculator):
    """Harmonic springs between all pairs and fixed point charges: Hessian and dipole derivatives are known."""

    implemented_properties = ("energy", "forces", "dipole")  # type: ignore[assignment]

    def __init__(self, rest, charges, constant=0.3):
        super().__init__()
        self.rest, self.charges, self.constant = np.asarray(rest) / Bohr, np.asarray(charges), constant

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        x = self.atoms.positions / Bohr
        bonds, rest = x[:, None] - x[None], self.rest[:, None] - self.rest[None]
        r, r0 = np.linalg.norm(bonds, axis=2) + np.eye(len(x)), np.linalg.norm(rest, axis=2) + np.eye(len(x))
        force = -self.constant * ((r - r0) / r)[..., None] * bonds
        self.results = {
            "energy": 0.25 * self.constant * ((r - r0) ** 2).sum() * Hartree,
            "forces": force.sum(axis=1) * Hartree / Bohr,
            "dipole": self.charges @ x * Bohr,
        }


def springs_hessian(x, constant):
    """At rest: k u u^T for every pair."""
    n = len(x)
    bonds = x[:, None] - x[None]
    unit = bonds / (np.linalg.norm(bonds, axis=2) + np.eye(n))[..., None]
    blocks = -constant * np.einsum("abi,abj->abij", unit, unit)
    blocks[np.arange(n), np.arange(n)] = -blocks.sum(axis=1)
    return blocks.transpose(0, 2, 1, 3).reshape(3 * n, 3 * n)


WATER = np.array([[0.0, 0.0, 0.117], [0.0, 0.757, -0.469], [0.0, -0.757, -0.469]])
NUMBERS = [8, 1, 1]


@pytest.mark.parametrize("optimize", [True, False])
def test_springs_and_charges(optimize):
    start = WATER * (1.03 if optimize else 1.0)
    charges = [-0.6, 0.3, 0.3]
    response = ase_response(Molecule.from_arrays(NUMBERS, start), PointCharges(WATER, charges), optimize=optimize)
    x = response.molecule.positions / Bohr
    np.testing.assert_allclose(response.hessian, springs_hessian(x, 0.3), atol=2e-5)
    expected = np.kron(charges, np.eye(3))
    np.testing.assert_allclose(response.dipole_derivatives, expected, atol=1e-8)
    np.testing.assert_allclose(response.dipole, charges @ x, atol=1e-8)
    assert response.polarizability_derivatives is None
    assert np.abs(response.gradient).max() < 3e-5
    assert response.provenance["differences"]["n_geometries"] == 6
    assert response.provenance["calculator"] == response.method == "PointCharges"


def test_the_dipole_of_an_ion_does_not_depend_on_the_place():
    charges = [1.0, 0.0, 0.0]
    shift = np.array([3.0, -2.0, 5.0])
    here = ase_response(Molecule.from_arrays(NUMBERS, WATER), PointCharges(WATER, charges), optimize=False, charge=1)
    there = ase_response(
        Molecule.from_arrays(NUMBERS, WATER + shift), PointCharges(WATER, charges), optimize=False, charge=1
    )
    np.testing.assert_allclose(here.dipole_derivatives, np.kron(charges, np.eye(3)), atol=1e-8)
    np.testing.assert_allclose(there.dipole_derivatives, here.dipole_derivatives, atol=1e-8)
    assert there.charge == 1
    assert max(there.provenance["changed_by_projection"].values()) < 1e-5


def test_a_charge_that_is_not_the_calculators_is_refused():
    with pytest.raises(EngineError, match="is the charge that was stated that of the calculation"):
        ase_response(Molecule.from_arrays(NUMBERS, WATER), PointCharges(WATER, [1.0, 0.0, 0.0]), optimize=False)


def test_metal_cluster_with_emt():
    octahedron = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]) * 1.85
    atoms = ase.Atoms("Cu6", octahedron, calculator=EMT())
    response = ase_response(atoms)
    detection = detect_point_group(response.molecule)
    assert detection.point_group.label == "Oh"
    assert response.dipole_derivatives is None
    assert response.provenance["differences"]["n_geometries"] == 2
    labels = label_normal_modes(detection, response.hessian)
    assert sorted({irrep for irrep, _ in labels.levels}) == sorted(["A1g", "Eg", "T1u", "T2g", "T2u"])
    assert labels.wavenumbers_cm1.min() > 20
    # ASE's own finite differences of the forces, without symmetry
    from ase.vibrations import Vibrations

    atoms = ase.Atoms("Cu6", response.molecule.positions, calculator=EMT())
    vibrations = Vibrations(atoms, name="unused", delta=0.005)
    forces = []
    for displacement, moved in vibrations.iterdisplace():
        moved.calc = EMT()
        forces.append((displacement, moved.get_forces()))
    hessian = np.zeros((18, 18))
    for displacement, values in forces:
        if displacement.ndisp:
            row = 3 * displacement.a + displacement.i
            hessian[row] -= displacement.sign * values.ravel() / 0.01 * Bohr**2 / Hartree
    np.testing.assert_allclose(response.hessian, (hessian + hessian.T) / 2, atol=1e-5)


def test_water_with_tblite():
    tblite = pytest.importorskip("tblite.ase")
    calculator = tblite.TBLite(method="GFN2-xTB", verbosity=0, accuracy=0.01)
    response = ase_response(Molecule.from_arrays(NUMBERS, WATER), calculator)
    labels = label_normal_modes(response.molecule, response.hessian)
    assert sorted(labels.irreps) == ["A1", "A1", "B2"]
    # An independent run, QM9 molecule 3 of shared/data/qm9_gfn2/responses.npz; it had no symmetry constraint.
    np.testing.assert_allclose(labels.wavenumbers_cm1, [1539.7468, 3643.0144, 3651.1294], atol=1.0)
    assert np.abs(response.dipole_derivatives.reshape(3, 3, 3).sum(axis=1)).max() < 1e-4


class Broken(Calculator):
    implemented_properties = ("energy", "forces")  # type: ignore[assignment]

    def calculate(self, *_, **__):
        raise RuntimeError("licence expired")


def test_failures_are_told():
    water = Molecule.from_arrays(NUMBERS, WATER)
    with pytest.raises(EngineError, match="no calculator"):
        ase_response(water)
    with pytest.raises(EngineError, match="licence expired"):
        ase_response(water, Broken())
    with pytest.raises(EngineError, match="gives no energy and no forces"):
        ase_response(water, Calculator())
    atoms = ase.Atoms("OH2", WATER, cell=[5, 5, 5], pbc=True, calculator=EMT())
    with pytest.raises(MoleculeError, match="periodic"):
        ase_response(atoms)
