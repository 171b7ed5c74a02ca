"""Differences over symmetry-unique displacements, against analytic second derivatives and against all 6N of them."""

import numpy as np
import pytest

from symvib import Molecule, detect_point_group
from symvib.constants import BOHR_ANGSTROM
from symvib.errors import EngineError
from symvib.forward.engines._differences import hessian_from_gradients, plan_displacements, plan_without_symmetry
from symvib.groups.elements import parse_symbol
from zoo import ZOO, ZOO_BY_NAME, permuted, rotated

D, A, R0 = 0.1, 0.6, 2.5  # Morse potential between all pairs: Eh, 1/bohr, bohr


def molecule_of(entry, seed=0):
    rng = np.random.default_rng(seed)
    symbols, positions = permuted(entry.symbols, rotated(entry.positions, rng), rng)
    numbers = [parse_symbol(s)[0] for s in symbols]
    return Molecule.from_arrays(numbers, positions + rng.normal(size=3), name=entry.name)


def pair_terms(numbers, x):
    """Unit vectors, distances, first and second derivatives of the pair potential (zero on the diagonal)."""
    bonds = x[:, None] - x[None]
    r = np.linalg.norm(bonds, axis=2) + np.eye(len(x))
    depth = (D + 0.002 * (numbers[:, None] + numbers[None])) * (1 - np.eye(len(x)))
    e = np.exp(-A * (r - R0))
    return bonds / r[..., None], r, 2 * depth * A * (1 - e) * e, 2 * depth * A * A * (2 * e - 1) * e


def morse_gradient(numbers, x):
    unit, _, first, _ = pair_terms(numbers, x)
    return (first[..., None] * unit).sum(axis=1).ravel()


def morse_hessian(numbers, x):
    unit, r, first, second = pair_terms(numbers, x)
    outer = np.einsum("abi,abj->abij", unit, unit)
    blocks = -(second[..., None, None] * outer + (first / r)[..., None, None] * (np.eye(3) - outer))
    n = len(x)
    blocks[np.arange(n), np.arange(n)] = -blocks.sum(axis=1)
    return blocks.transpose(0, 2, 1, 3).reshape(3 * n, 3 * n)


def pair_tensors(numbers, x):
    """A dipole and a polarizability made of pairs, and a trace: equivariant, smooth, of no physical meaning."""
    unit, r, _, _ = pair_terms(numbers, x)
    bonds = unit * r[..., None]
    weight = np.exp(-r / 4) * (1 + 0.1 * numbers[None]) * (1 - np.eye(len(x)))
    return {
        "dipole": np.einsum("ab,abi->i", weight * numbers[:, None], bonds),
        "polarizability": np.einsum("ab,abi,abj->ij", weight, bonds, bonds),
        "trace": (weight * r).sum(),
    }


# Displaced geometries by hand: site groups of the atoms -> 1 (a direction that is reversed) to 6 (general).
# benzene, cubane: C and H in C2v or C3v, 2 each. CO2: D4h (1) + C4v (2). NH3: N in C3v 2, H in Cs 4. SF6: Oh 1, F 2.
COUNTS = {
    "benzene": 4,
    "cubane": 4,
    "CO2": 3,
    "NH3": 6,
    "SF6": 3,
    "H2O": 6,
    "CH4": 3,
    "BF3": 3,
    "HCN": 6,
    "PF5": 5,
    "adamantane": 10,
    "N2": 2,
    "C60": 4,
}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_number_of_displaced_geometries(name, count):
    plan = plan_displacements(detect_point_group(molecule_of(ZOO_BY_NAME[name])))
    assert plan.n_gradients == count
    assert len(plan.geometries(0.01)) == count


def test_the_zoo_has_c60_with_a_site_of_cs():
    plan = plan_displacements(detect_point_group(molecule_of(ZOO_BY_NAME["C60"])))
    assert [displacement.needs_minus for displacement in plan.displacements] == [True, True]


def one_per_group(limit):
    chosen = {}
    for entry in ZOO:
        if 1 < len(entry.symbols) <= limit:
            chosen.setdefault(entry.group, entry)
    return list(chosen.values())


@pytest.mark.parametrize("entry", one_per_group(30), ids=lambda m: m.group)
def test_symmetry_gives_the_analytic_hessian_in_every_group(entry):
    detection = detect_point_group(molecule_of(entry))
    plan = plan_displacements(detection)
    x, z = plan.positions_bohr, plan.molecule.numbers
    exact = morse_hessian(z, x)
    found = plan.differentiate(lambda y: {"gradient": morse_gradient(z, y)}, 0.005)
    # the central difference of the third derivative: h^2/6 f''' ~ 4e-6 * 2 D A^4 * 7
    assert np.abs(found.hessian - exact).max() < 2e-5
    assert found.asymmetry < 1e-5
    assert plan.n_gradients <= 6 * len(z)
    for matrix, permutation in zip(plan.matrices, plan.permutations, strict=True):
        moved = np.einsum("ij,ajbk,lk->aibl", matrix, found.hessian.reshape(len(z), 3, len(z), 3), matrix)
        inverse = np.argsort(permutation)
        np.testing.assert_allclose(moved[inverse][:, :, inverse].reshape(exact.shape), found.hessian, atol=1e-10)


GENERAL = next(entry.name for entry in ZOO if entry.group == "C1")


@pytest.mark.parametrize("name", ["benzene", "cubane", "CO2", "NH3", "SF6", "PF5", "HCN", GENERAL])
def test_symmetry_agrees_with_all_displacements(name):
    plan = plan_displacements(detect_point_group(molecule_of(ZOO_BY_NAME[name])))
    z = plan.molecule.numbers

    def everything(x):
        return {"gradient": morse_gradient(z, x), **pair_tensors(z, x)}

    calls = []
    few = plan.differentiate(everything, 0.002, lambda done, total: calls.append((done, total)))
    many = plan_without_symmetry(plan.molecule).differentiate(everything, 0.002)
    assert calls[-1] == (plan.n_gradients, plan.n_gradients)
    assert many.n_geometries == 6 * len(z)
    assert set(few.values) == {"gradient", "dipole", "polarizability", "trace"}
    for quantity, values in many.values.items():
        np.testing.assert_allclose(few.values[quantity], values, atol=2e-5 * max(1, np.abs(values).max()))
        assert few.translation_residuals[quantity] < 1e-4
    assert few.values["polarizability"].shape == (3, 3, 3 * len(z))


def test_error_falls_with_the_square_of_the_step():
    molecule = molecule_of(next(entry for entry in ZOO if entry.group == "C1"))
    exact = morse_hessian(molecule.numbers, molecule.positions / BOHR_ANGSTROM)
    errors = [
        np.abs(hessian_from_gradients(lambda x: morse_gradient(molecule.numbers, x), molecule, step) - exact).max()
        for step in (0.02, 0.01)
    ]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.02)


def test_a_state_of_lower_symmetry_is_seen_in_the_residual():
    plan = plan_displacements(detect_point_group(molecule_of(ZOO_BY_NAME["NH3"])))
    z = plan.molecule.numbers
    tilt = np.random.default_rng(2).normal(size=(3 * len(z), 3 * len(z))) * 1e-3

    def broken(x):
        return {"gradient": morse_gradient(z, x) + tilt @ x.ravel()}

    found = plan.differentiate(broken)
    assert found.symmetry_residuals["gradient"] > 1e-4
    assert found.asymmetry > 1e-4
    assert plan.differentiate(lambda x: {"gradient": morse_gradient(z, x)}).symmetry_residuals["gradient"] < 1e-5


def test_a_distorted_input_is_made_symmetric_first():
    clean = molecule_of(ZOO_BY_NAME["benzene"])
    rough = Molecule.from_arrays(
        clean.numbers, clean.positions + np.random.default_rng(3).normal(scale=1e-3, size=(12, 3))
    )
    plan = plan_displacements(detect_point_group(rough))
    assert plan.n_gradients == 4
    assert detect_point_group(plan.molecule).deviation_angstrom < 1e-9
    assert np.abs(plan.molecule.positions - rough.positions).max() < 5e-3


def test_an_atom_has_no_hessian():
    atom = Molecule.from_arrays([10], [[0.0, 0.0, 0.0]])
    plan = plan_displacements(detect_point_group(atom))
    hessian = plan.hessian(lambda x: np.zeros(3))
    assert hessian.shape == (3, 3)
    assert not hessian.any()


WRONG = [
    (lambda x: {"gradient": np.zeros(4)}, "gradient has the shape"),
    (lambda x: {"gradient": np.full(12, np.nan)}, "NaN"),
    (lambda x: {"dipole": np.zeros(2)}, "dipole has the shape"),
]


@pytest.mark.parametrize(("function", "text"), WRONG)
def test_wrong_values_are_named(function, text):
    plan = plan_displacements(detect_point_group(molecule_of(ZOO_BY_NAME["NH3"])))
    with pytest.raises(EngineError, match=text):
        plan.differentiate(function)


def test_values_must_be_one_for_each_geometry():
    plan = plan_displacements(detect_point_group(molecule_of(ZOO_BY_NAME["NH3"])))
    with pytest.raises(EngineError, match="values of 2 geometries, the plan has 6"):
        plan.assemble([{"gradient": np.zeros(12)}] * 2)
    mixed = [{"gradient": np.zeros(12)}] * 5 + [{"dipole": np.zeros(3)}]
    with pytest.raises(EngineError, match=r"gives \['dipole'\]"):
        plan.assemble(mixed)


def test_as_dict_is_plain():
    plan = plan_displacements(detect_point_group(molecule_of(ZOO_BY_NAME["CO2"])))
    found = plan.differentiate(lambda x: {"gradient": morse_gradient(plan.molecule.numbers, x)})
    plain = found.as_dict()
    assert plain["n_geometries"] == 3
    assert plain["step_bohr"] == 0.005
