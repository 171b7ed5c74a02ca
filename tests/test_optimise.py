"""Optimisation that keeps the point group: analytic potentials, a model Hessian, and failures that say why."""

import numpy as np
import pytest

from symvib import Molecule, detect_point_group
from symvib.constants import BOHR_ANGSTROM
from symvib.errors import EngineError
from symvib.forward.engines._model_hessian import model_hessian
from symvib.forward.engines._optimise import optimise
from symvib.groups.elements import parse_symbol
from zoo import ZOO_BY_NAME, permuted, rotated

MOLECULES = ["benzene", "cubane", "CO2", "NH3", "SF6", "PF5", "HCN", "C2H2", "allene", "H2O", "N2", "adamantane"]


def molecule_of(name, seed=0, scale=1.0):
    entry = ZOO_BY_NAME[name]
    rng = np.random.default_rng(seed)
    symbols, positions = permuted(entry.symbols, rotated(entry.positions, rng), rng)
    numbers = [parse_symbol(s)[0] for s in symbols]
    return Molecule.from_arrays(numbers, scale * positions + rng.normal(size=3), name=name)


class Network:
    """Anharmonic springs between all pairs, at rest at a given geometry: the minimum is known."""

    def __init__(self, molecule, constant=0.4):
        x = molecule.positions / BOHR_ANGSTROM
        self.rest = np.linalg.norm(x[:, None] - x[None], axis=2)
        self.constants = constant * np.exp(-self.rest / 4) * (1 - np.eye(len(x)))
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        bonds = x[:, None] - x[None]
        r = np.linalg.norm(bonds, axis=2) + np.eye(len(x))
        u = np.where(self.constants > 0, r - self.rest, 0.0)
        energy = 0.25 * (self.constants * (u**2 - 0.3 * u**3)).sum()
        first = self.constants * (u - 0.45 * u**2)
        return energy, ((first / r)[..., None] * bonds).sum(axis=1).ravel()


@pytest.mark.parametrize("name", MOLECULES)
def test_the_minimum_is_found_and_the_group_kept(name):
    target = molecule_of(name)
    network = Network(target)
    start = molecule_of(name, scale=1.03)
    before = detect_point_group(start)
    result = optimise(network, before)
    after = detect_point_group(result.molecule)
    assert after.point_group == before.point_group
    assert after.deviation_angstrom < 1e-7
    assert result.max_gradient < 3e-5
    assert result.n_gradients == network.calls <= 20
    assert result.gradient_asymmetry < 1e-9
    assert result.energy_hartree < 1e-6
    assert not result.bonding_changed
    distances = [np.linalg.norm(m.positions[:, None] - m.positions[None], axis=2) for m in (result.molecule, target)]
    np.testing.assert_allclose(distances[0], distances[1], atol=2e-3)
    assert result.rms_displacement_angstrom > 0.005


def test_a_general_geometry_without_symmetry():
    target = molecule_of("adamantane")
    rng = np.random.default_rng(4)
    rough = Molecule.from_arrays(target.numbers, target.positions + rng.normal(scale=0.05, size=target.positions.shape))
    network = Network(target)
    result = optimise(network, detect_point_group(rough, tolerance=1e-3))
    assert network.calls <= 90
    assert result.energy_hartree < 1e-5


def test_the_gradient_asked_for_is_reached():
    start = detect_point_group(molecule_of("NH3", scale=1.02))
    loose = optimise(Network(molecule_of("NH3")), start, max_gradient=1e-3)
    tight = optimise(Network(molecule_of("NH3")), start, max_gradient=1e-8)
    assert tight.max_gradient < 1e-8 < loose.max_gradient < 1e-3
    assert loose.n_gradients < tight.n_gradients


def test_an_atom_needs_one_gradient():
    atom = Molecule.from_arrays([10], [[1.0, 2.0, 3.0]])
    result = optimise(lambda x: (-128.0, np.zeros(3)), detect_point_group(atom))
    assert result.n_gradients == 1
    assert result.as_dict()["energy_hartree"] == -128.0


def test_giving_up_tells_the_last_numbers():
    start = detect_point_group(molecule_of("NH3", scale=1.05))
    with pytest.raises(EngineError, match=r"not converged after 2 gradients.*largest component .* Eh/bohr"):
        optimise(Network(molecule_of("NH3")), start, max_gradients=2)


def test_a_gradient_that_does_not_fit_the_energy_is_given_up():
    start = detect_point_group(molecule_of("NH3", scale=1.05))
    network = Network(molecule_of("NH3"))

    def wrong(x):
        energy, gradient = network(x)
        return energy, -gradient

    with pytest.raises(EngineError, match="not fit its energy"):
        optimise(wrong, start, max_gradients=60)


def test_nan_is_not_passed_on():
    with pytest.raises(EngineError, match="9 NaN"):
        optimise(lambda x: (0.0, np.full(9, np.nan)), detect_point_group(molecule_of("H2O")))


def test_changed_bonding_is_reported(caplog):
    near = Molecule.from_arrays([7, 7], [[0, 0, 0], [0, 0, 1.1]])
    far = Molecule.from_arrays([7, 7], [[0, 0, 0], [0, 0, 2.4]])
    result = optimise(Network(far), detect_point_group(near))
    assert result.bonds_broken == ((0, 1),)
    assert result.bonding_changed
    assert "changed bonding" in caplog.text


def test_a_state_of_lower_symmetry_shows_in_the_gradient():
    start = detect_point_group(molecule_of("NH3", scale=1.02))
    network = Network(molecule_of("NH3"))

    def tilted(x):
        energy, gradient = network(x)
        return energy + tilt @ x.ravel(), gradient + tilt

    tilt = 1e-3 * np.random.default_rng(1).normal(size=12)
    assert optimise(tilted, start).gradient_asymmetry > 1e-4


def test_ethanol_with_gfn2_takes_few_gradients():
    interface = pytest.importorskip("tblite.interface")
    x = [[-0.91, -0.37, 0.05], [0.34, 0.46, -0.08], [1.45, -0.43, 0.04], [-0.93, -1.13, -0.74], [-0.92, -0.89, 1.01]]
    x += [[-1.80, 0.25, -0.03], [0.37, 1.22, 0.71], [0.36, 0.98, -1.05], [2.26, 0.09, -0.04]]
    molecule = Molecule.from_arrays([6, 6, 8, 1, 1, 1, 1, 1, 1], x)
    calculator = interface.Calculator("GFN2-xTB", molecule.numbers, molecule.positions / BOHR_ANGSTROM)
    calculator.set("verbosity", 0)

    def gfn2(positions):
        calculator.update(positions)
        result = calculator.singlepoint()
        return result.get("energy"), result.get("gradient")

    result = optimise(gfn2, detect_point_group(molecule))
    assert result.max_gradient < 3e-5
    assert result.n_gradients <= 20
    assert not result.bonding_changed


@pytest.mark.parametrize("name", [*MOLECULES, "C60", "C2H6 staggered"])
def test_model_hessian_knows_rigid_motions_and_symmetry(name):
    detection = detect_point_group(molecule_of(name))
    molecule = detection.molecule
    x = molecule.positions / BOHR_ANGSTROM
    hessian = model_hessian(molecule.numbers, x)
    rotations = np.cross(np.eye(3)[None], x[:, None]).transpose(0, 2, 1).reshape(-1, 3)
    assert np.abs(hessian @ rotations).max() < 1e-10
    assert np.abs(hessian @ np.tile(np.eye(3), (len(x), 1))).max() < 1e-12
    assert np.linalg.eigvalsh(hessian).min() > -1e-12
    blocks = hessian.reshape(len(x), 3, len(x), 3)
    for entry in detection.operations:
        turned = np.einsum("ij,ajbk,lk->aibl", entry.operation.matrix, blocks, entry.operation.matrix)
        inverse = np.argsort(entry.permutation)
        np.testing.assert_allclose(turned[inverse][:, :, inverse], blocks, atol=1e-8)


def test_torsions_and_bends_are_derivatives():
    """The model Hessian of a four-atom chain holds k b b^T of its own coordinates: checked by differences."""
    from symvib.forward.engines import _model_hessian as model

    x = np.array([[0.1, 1.7, 0.3], [0.0, 0.0, 0.1], [2.6, 0.2, 0.0], [3.1, -0.4, 1.9]])
    rho = np.ones((4, 4)) - np.eye(4)

    def angle(y, i, j, k):
        u, v = y[i] - y[j], y[k] - y[j]
        return np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))

    def torsion(y, i, j, k, m):
        a, b, c = y[j] - y[i], y[k] - y[j], y[m] - y[k]
        n1, n2 = np.cross(a, b), np.cross(b, c)
        return np.arctan2(np.linalg.norm(b) * (a @ n2), n1 @ n2)

    bends, _ = model._bends(rho, x)
    for terms, value in ((bends, angle), (model._torsions(rho, x), torsion)):
        atoms, derivatives, _ = terms
        assert len(atoms) == 12
        for members, rows in zip(atoms, derivatives, strict=True):
            differences = np.zeros((len(members), 3))
            for position, atom in enumerate(members):
                for axis in range(3):
                    moved = np.zeros((4, 3))
                    moved[atom, axis] = 1e-5
                    differences[position, axis] = (value(x + moved, *members) - value(x - moved, *members)) / 2e-5
            sign = np.sign((differences * rows).sum())
            np.testing.assert_allclose(rows, sign * differences, atol=1e-7)
