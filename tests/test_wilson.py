"""Wilson GF: against the Cartesian route, factored against unfactored, theorems, words, numbering, bad input."""

import json
import logging
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from helpers import molecule_of
from symvib.errors import CoordinateError, ForceFieldError, HessianError
from symvib.forward._mode_numbers import species_key
from symvib.forward.dataset_files import shipped_dataset
from symvib.forward.force_constants import AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2, internal_displacements
from symvib.forward.internals import InternalCoordinate, InternalCoordinates
from symvib.forward.normal_modes import normal_modes
from symvib.forward.ped import coordinate_groups
from symvib.forward.response import HarmonicResponse
from symvib.forward.response_jacobian import response_jacobian
from symvib.forward.selection import internal_coordinates
from symvib.forward.symmetry_coordinates import symmetry_coordinates
from symvib.forward.wilson import wilson_gf
from symvib.groups.detection import detect_point_group
from symvib.groups.displacements import DisplacementSymmetry
from symvib.groups.mode_labels import label_normal_modes
from symvib.groups.molecule import Molecule
from zoo import ZOO_BY_NAME

ROOT = Path(__file__).resolve().parents[1]
RESPONSES = ROOT.parent / "shared/data/qm9_gfn2/responses.npz"

# The smallest zoo molecule of each point group: every group of the zoo, linear and planar ones and cages included.
SMALLEST = {}
for case in sorted(ZOO_BY_NAME.values(), key=lambda case: len(case.symbols)):
    if 2 <= len(case.symbols) <= 24:
        SMALLEST.setdefault(str(case.group), case.name)
CAGES = [name for name in ("cubane", "adamantane", "benzene", "ferrocene eclipsed") if name in ZOO_BY_NAME]
NAMES = sorted({*SMALLEST.values(), *CAGES})


def random_hessian(molecule, seed=0):
    """A random totally symmetric Hessian (Eh/bohr^2)."""
    action = DisplacementSymmetry.of(detect_point_group(molecule))
    size = 3 * len(molecule)
    noise = np.random.default_rng(seed).normal(size=(size, size))
    return 0.01 * action.average(noise @ noise.T) / np.sqrt(size)


@cache
def solved(name):
    case = ZOO_BY_NAME[name]
    molecule = molecule_of(case.symbols, case.positions)
    hessian = random_hessian(molecule)
    detection = detect_point_group(molecule)
    return SimpleNamespace(
        molecule=molecule,
        detection=detection,
        hessian=hessian,
        solution=wilson_gf(detection, hessian=hessian, check=False),
    )


# ---- against the Cartesian route -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_gf_of_a_transformed_hessian_is_the_cartesian_solution(name):
    case = solved(name)
    logging.disable(logging.WARNING)  # random force constants are sometimes stiffer than any molecule
    try:
        cartesian = label_normal_modes(case.detection, case.hessian)
    finally:
        logging.disable(logging.NOTSET)
    found = case.solution
    np.testing.assert_allclose(found.wavenumbers_cm1, cartesian.wavenumbers_cm1, atol=1e-6, rtol=0)
    assert found.irreps == cartesian.irreps
    np.testing.assert_array_equal(found.set_index, cartesian.set_index)
    for s in range(int(found.set_index.max()) + 1):  # the same spaces of displacements
        mine, theirs = (x.displacements[x.set_index == s] for x in (found, cartesian))
        overlap = np.einsum("kax,lax,a->kl", mine, theirs, case.molecule.masses)
        np.testing.assert_allclose(overlap @ overlap.T, np.eye(len(mine)), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_factored_and_unfactored_agree(name):
    case = solved(name)
    whole = wilson_gf(case.detection, case.solution.F, case.solution.internals, symmetry=False)
    np.testing.assert_allclose(whole.wavenumbers_cm1, case.solution.wavenumbers_cm1, atol=1e-6, rtol=0)
    assert whole.point_group.label == "C1"
    assert len(whole.blocks) == 1
    assert whole.rank.rank == case.solution.rank.rank


@pytest.mark.parametrize("name", NAMES)
def test_defining_equations(name):
    found = solved(name).solution
    scale = np.abs(found.G).max()
    np.testing.assert_allclose(found.L @ found.L.T, found.G, atol=1e-11 * scale, rtol=0)
    product = found.L.T @ found.F @ found.L
    np.testing.assert_allclose(product, np.diag(found.eigenvalues), atol=1e-10 * np.abs(product).max(), rtol=0)
    masses = solved(name).molecule.masses
    overlap = np.einsum("kax,lax,a->kl", found.displacements, found.displacements, masses)
    np.testing.assert_allclose(overlap, np.eye(len(overlap)), atol=1e-8)
    # L is what the displacements do to the internal coordinates
    b_matrix = symmetry_coordinates(solved(name).detection, found.internals).b_matrix
    moved = b_matrix @ found.displacements.reshape(len(overlap), -1).T
    np.testing.assert_allclose(moved, found.L, atol=1e-8 * np.abs(found.L).max())


@pytest.mark.parametrize("name", NAMES)
def test_degenerate_sets_are_equal_to_rounding(name):
    found = solved(name).solution
    for block in found.blocks:
        members = [w for w, irrep in zip(found.eigenvalues, found.irreps, strict=True) if irrep == block.irrep]
        assert len(members) == block.dimension * len(block.eigenvalues)
    for s in range(int(found.set_index.max()) + 1):
        assert np.ptp(found.eigenvalues[found.set_index == s]) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_energy_distributions_sum_to_one(name):
    found = solved(name).solution
    assert not np.ma.getmaskarray(found.ped).any()
    np.testing.assert_allclose(found.ped.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(found.energy.kinetic.sum(axis=1), 1.0, atol=1e-9)
    for shares in found.group_shares():
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_symmetry_coordinates_are_orthonormal_and_factor_g(name):
    case = solved(name)
    coordinates = symmetry_coordinates(case.detection, case.solution.internals)
    assert coordinates.orthonormal
    assert coordinates.matrix.shape[1] == coordinates.rank.rank == len(case.solution.irreps)
    assert coordinates.asymmetry(case.solution.G) < 1e-9
    assert coordinates.asymmetry(case.solution.F) < 1e-9
    for block in coordinates.blocks:
        gram = block.coefficients[0].conj().T @ block.coefficients[0]
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-9)
        for partner in block.real_columns:  # partners carry the same block
            np.testing.assert_allclose(
                partner.T @ case.solution.F @ partner, np.real(block.restrict(case.solution.F)), atol=1e-9
            )


def test_complex_pairs_are_hermitian_blocks():
    names = [name for group, name in SMALLEST.items() if group in ("C3", "C4", "S4", "C3h", "T", "Th", "S6")]
    assert names
    for name in names:
        blocks = [block for block in solved(name).solution.blocks if np.iscomplexobj(block.F)]
        assert blocks, name
        for block in blocks:
            np.testing.assert_allclose(block.F, block.F.conj().T, atol=1e-12)
            assert block.dimension == 2


@pytest.mark.skipif(not RESPONSES.exists(), reason="shared/data/qm9_gfn2 is not here")
def test_gf_is_cartesian_for_computed_hessians():
    data = np.load(RESPONSES)
    numbers, positions = data["numbers"], data["positions_angstrom"]
    offsets, lower = data["atom_offset"], data["hessian_lower_eh_per_bohr2"]
    sizes = 3 * np.diff(offsets)
    starts = np.concatenate([[0], np.cumsum(sizes * (sizes + 1) // 2)])
    for m in np.random.default_rng(7).choice(len(sizes), 20, replace=False):
        atoms = slice(offsets[m], offsets[m + 1])
        molecule = Molecule.from_arrays(numbers[atoms], positions[atoms])
        hessian = np.zeros((sizes[m],) * 2)
        hessian[np.tril_indices(sizes[m])] = lower[starts[m] : starts[m + 1]]
        hessian += np.tril(hessian, -1).T
        detection = detect_point_group(molecule)
        reference = label_normal_modes(detection, hessian)
        found = wilson_gf(detection, hessian=hessian)
        np.testing.assert_allclose(found.wavenumbers_cm1, reference.wavenumbers_cm1, atol=1e-6, rtol=0)
        assert found.irreps == reference.irreps


# ---- product rule ------------------------------------------------------------------------------------------------


def moments_of_inertia(molecule):
    x = molecule.positions - molecule.center_of_mass
    inertia = np.einsum("a,aij->ij", molecule.masses, (x**2).sum(axis=1)[:, None, None] * np.eye(3)) - np.einsum(
        "a,ai,aj->ij", molecule.masses, x, x
    )
    values = np.linalg.eigvalsh(inertia)
    return values[values > 1e-6 * values.max()]


@pytest.mark.parametrize(
    ("name", "mass_numbers"),
    [
        ("H2O", {"H": 2}),
        ("NH3", {"H": 2}),
        ("CO2", {"O": 18}),
        ("HCN", {"H": 2, "C": 13}),
        ("benzene", {"H": 2, "C": 13}),
        ("cubane", {"C": 13}),
    ],
)
def test_teller_redlich_product_rule(name, mass_numbers):
    """One atom of each element named is replaced; det G of both isotopologues, and masses and moments of inertia."""
    case = ZOO_BY_NAME[name]
    light = molecule_of(case.symbols, case.positions)
    heavy = light.with_isotopes({light.symbols.index(symbol): number for symbol, number in mass_numbers.items()})
    first = wilson_gf(light, hessian=random_hessian(light), check=False)
    second = wilson_gf(heavy, first.F, first.internals)
    logarithm = np.log(second.eigenvalues / first.eigenvalues).sum()
    expected = 3 * np.log(light.masses / heavy.masses).sum() + 3 * np.log(heavy.masses.sum() / light.masses.sum())
    expected += np.log(moments_of_inertia(heavy)).sum() - np.log(moments_of_inertia(light)).sum()
    assert logarithm == pytest.approx(expected, abs=1e-10)
    span = np.linalg.svd(first.G)[0][:, : first.rank.rank]  # the same basis for both
    determinants = [np.linalg.slogdet(span.T @ solution.G @ span)[1] for solution in (first, second)]
    assert determinants[1] - determinants[0] == pytest.approx(expected, abs=1e-10)


# ---- what is said --------------------------------------------------------------------------------------------------


def water_parts():
    molecule = Molecule.from_arrays([8, 1, 1], [[0, 0, 0.1173], [0, 0.7572, -0.4692], [0, -0.7572, -0.4692]])
    internals = InternalCoordinates(
        [
            InternalCoordinate("stretch", (0, 1)),
            InternalCoordinate("stretch", (0, 2)),
            InternalCoordinate("bend", (1, 0, 2)),
        ]
    )
    field = np.array([[8.45, -0.10, 0.23], [-0.10, 8.45, 0.23], [0.23, 0.23, 0.70]])
    return molecule, internals, field


def test_g_of_water_is_the_textbook_one():
    molecule, internals, field = water_parts()
    found = wilson_gf(molecule, field, internals)
    x = molecule.positions
    r, angle = np.linalg.norm(x[1] - x[0]), internals.values(x)[2]
    m_o, m_h = 1 / molecule.masses[0], 1 / molecule.masses[1]
    expected = [
        [m_o + m_h, m_o * np.cos(angle), -m_o * np.sin(angle) / r],
        [m_o * np.cos(angle), m_o + m_h, -m_o * np.sin(angle) / r],
        [-m_o * np.sin(angle) / r] * 2 + [2 * (m_h + m_o * (1 - np.cos(angle))) / r**2],
    ]
    np.testing.assert_allclose(found.G, expected, atol=1e-12)
    # A1 and B2 factors by hand
    f, g = field, np.array(expected)
    b2 = (f[0, 0] - f[0, 1]) * (g[0, 0] - g[0, 1])
    assert found.eigenvalues[found.irreps.index("B2")] == pytest.approx(b2, rel=1e-12)


def test_words_numbers_and_tables():
    molecule, internals, field = water_parts()
    found = wilson_gf(molecule, field, internals)
    assert found.describe() == (
        "nu1 A1, 100 % O-H stretch",
        "nu2 A1, 100 % H-O-H bend",
        "nu3 B2, 100 % O-H stretch",
    )
    assert "nu     mode  irrep" in str(found)
    assert "3 internal coordinates, rank 3, 0 redundant" in str(found)
    assert "<table>" in found._repr_html_()
    plain = json.loads(json.dumps(found.as_dict()))
    assert plain["point_group"] == "C2v"
    assert np.sum(plain["ped"], axis=1) == pytest.approx(1.0)
    for array in (found.G, found.F, found.L, found.displacements, found.ped.data, found.singular_values):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_species_in_herzbergs_order():
    labels = ["E2u", "A2u", "B1u", "A1g", "E1g", "B2g", "A2g", "E1u", "B2u", "E2g"]
    assert sorted(labels, key=species_key) == ["A1g", "A2g", "A2u", "B1u", "B2g", "B2u", "E1g", "E1u", "E2g", "E2u"]
    assert sorted(["Piu", "Sigmau+", "Pig", "Sigmag+"], key=species_key) == ["Sigmag+", "Sigmau+", "Pig", "Piu"]
    assert sorted(["A''", "A'"], key=species_key) == ["A'", "A''"]


def test_nu2_of_a_linear_triatomic_is_the_bend():
    dioxide = Molecule.from_arrays([8, 6, 8], [[0, 0, -1.16], [0, 0, 0], [0, 0, 1.16]])
    internals = internal_coordinates(dioxide)
    field = np.diag([15.5 if c.kind == "stretch" else 0.78 for c in internals])
    found = wilson_gf(dioxide, field, internals)
    assert [line.split(",")[0] for line in found.describe()] == ["nu1 Sigmag+", "nu2 Piu", "nu3 Sigmau+"]


@pytest.mark.parametrize(
    ("numbers", "length", "expected"),
    [
        ((6, 8), 1.13, "C=O stretch"),  # oxygen has room for two: carbon monoxide stays "="
        ((6, 7), 1.15, "C#N stretch"),
        ((6, 6), 1.20, "C#C stretch"),
        ((6, 6), 1.33, "C=C stretch"),
        ((6, 6), 1.395, "C-C stretch"),
        ((6, 6), 1.53, "C-C stretch"),
        ((16, 8), 1.43, "S=O stretch"),
        ((8, 7), 1.40, "N-O stretch"),
        ((1, 17), 1.28, "Cl-H stretch"),
        ((17, 6), 1.78, "C-Cl stretch"),
        ((26, 6), 1.80, "C-Fe stretch"),
    ],
)
def test_words_of_a_stretch(numbers, length, expected):
    molecule = Molecule.from_arrays(numbers, [[0, 0, 0], [0, 0, length]])
    assert coordinate_groups(molecule, [SimpleNamespace(kind="stretch", atoms=(0, 1))]) == (expected,)


# ---- redundancy, imaginary modes, free motions -------------------------------------------------------------------


def test_redundant_coordinates_give_the_same_and_say_so():
    molecule, internals, field = water_parts()
    more = InternalCoordinates([*internals, InternalCoordinate("stretch", (1, 2))])
    padded = np.zeros((4, 4))
    padded[:3, :3] = field
    found, plain = wilson_gf(molecule, padded, more), wilson_gf(molecule, field, internals)
    np.testing.assert_allclose(found.wavenumbers_cm1, plain.wavenumbers_cm1, atol=1e-9)
    assert found.rank.n_redundant == 1
    assert found.rank.smallest_kept > 0.1 > 1e-10 > found.rank.largest_dropped
    assert "4 internal coordinates, rank 3, 1 redundant" in str(found)


def test_an_indefinite_field_shows_imaginary_modes():
    molecule, internals, field = water_parts()
    field = field.copy()
    field[2, 2] = -0.3
    found = wilson_gf(molecule, field, internals)
    assert found.imaginary.tolist() == [0]
    assert found.wavenumbers_cm1[0] < 0 < found.wavenumbers_cm1[1]
    assert "imaginary" in str(found)
    assert f"{-found.wavenumbers_cm1[0]:.2f}i" in str(found)
    assert f"{found.wavenumbers_cm1[0]:.2f}" not in str(found)
    np.testing.assert_allclose(found.ped.sum(axis=1), 1.0)


def test_a_free_motion_has_no_potential_energy_distribution():
    molecule, internals, field = water_parts()
    field = np.diag([8.45, 8.45, 0.0])
    found = wilson_gf(molecule, field, internals)
    assert found.wavenumbers_cm1[0] == pytest.approx(0.0, abs=0.1)
    assert np.ma.getmaskarray(found.ped)[0].all()
    assert not np.ma.getmaskarray(found.ped)[1:].any()
    assert "no restoring force" in found.describe()[1]
    assert found.as_dict()["ped"][0] is None


def test_coordinates_that_are_not_closed_still_factor():
    ammonia = ZOO_BY_NAME["NH3"]
    molecule = molecule_of(ammonia.symbols, ammonia.positions)
    centre = int(np.flatnonzero(molecule.numbers == 7)[0])
    hydrogens = [int(i) for i in np.flatnonzero(molecule.numbers == 1)]
    a, b, c = hydrogens
    lopsided = InternalCoordinates(
        [
            *(InternalCoordinate("stretch", (centre, h)) for h in hydrogens),
            InternalCoordinate("bend", (a, centre, b)),
            InternalCoordinate("bend", (a, centre, c)),
            InternalCoordinate("stretch", (b, c)),
        ]
    )
    assert not symmetry_coordinates(molecule, lopsided).orthonormal
    hessian = random_hessian(molecule)
    found, usual = (wilson_gf(molecule, hessian=hessian, check=False, **more) for more in ({"internals": lopsided}, {}))
    np.testing.assert_allclose(found.wavenumbers_cm1, usual.wavenumbers_cm1, atol=1e-8)
    assert found.irreps == usual.irreps


def test_gradient_term_changes_nothing_at_a_stationary_point():
    case = solved("NH3")
    with_term = wilson_gf(case.detection, hessian=case.hessian, gradient=np.zeros(12), check=False)
    np.testing.assert_allclose(with_term.wavenumbers_cm1, case.solution.wavenumbers_cm1, atol=1e-9)


def test_a_response_brings_its_hessian():
    case = solved("NH3")
    found = wilson_gf(HarmonicResponse(case.molecule, case.hessian), check=False)
    np.testing.assert_allclose(found.wavenumbers_cm1, case.solution.wavenumbers_cm1, atol=1e-9)


# ---- long chains, nearly linear molecules ---------------------------------------------------------------------------


def mercury_chain(n):
    """H-(Hg)n-H on a line: the softest bend is four orders below the stretches of hydrogen."""
    z = np.concatenate([[0.0], 1.6 + 2.6 * np.arange(n), [3.2 + 2.6 * (n - 1)]])
    return Molecule.from_arrays(["H", *["Hg"] * n, "H"], np.outer(z, [0, 0, 1]))


def valence_response(molecule, stretch=2.0, bend=0.3):
    internals = internal_coordinates(molecule)
    b_matrix = internals.b_matrix(molecule.positions)
    field = np.diag([stretch if coordinate.kind == "stretch" else bend for coordinate in internals])
    hessian = b_matrix.T @ field @ b_matrix / AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2
    dipole = np.random.default_rng(0).normal(size=(3, 3 * len(molecule)))
    return HarmonicResponse(molecule, hessian, dipole), b_matrix, field


def test_no_mode_of_a_long_chain_of_heavy_atoms_is_dropped():
    molecule = mercury_chain(160)
    response, b_matrix, field = valence_response(molecule)
    n_vib = 3 * len(molecule) - 5
    roots = np.repeat(np.sqrt(molecule.masses), 3)
    singular = np.linalg.svd(b_matrix / roots, compute_uv=False)
    assert (singular[n_vib - 1] / singular[0]) ** 2 < 1e-9  # eigenvalues of G: a cut there would drop modes
    motion = internal_displacements(b_matrix, molecule.masses)
    np.testing.assert_allclose(b_matrix @ motion, np.eye(n_vib), atol=1e-10)
    cartesian = normal_modes(response, check=False).wavenumbers_cm1
    for symmetry in (True, False):
        found = wilson_gf(response, check=False, symmetry=symmetry)
        np.testing.assert_allclose(found.wavenumbers_cm1, cartesian, atol=1e-6)
        moved = b_matrix @ found.displacements.reshape(n_vib, -1).T
        np.testing.assert_allclose(moved, found.L, atol=1e-9 * np.abs(found.L).max())
    whole = response_jacobian(response, b_matrix, field[None])
    assert sum(len(cluster.modes) for cluster in whole.clusters) == n_vib


@pytest.mark.parametrize("off_line", [1e-5, 0.001, 0.004])
def test_a_nearly_linear_molecule_has_3n_minus_5_modes_factored_and_unfactored(off_line):
    molecule = Molecule.from_arrays(["H", "C", "N"], [[0, 0, -1.07], [off_line, 0, 0], [0, 0, 1.16]])
    hessian = valence_response(molecule)[0].hessian
    factored = wilson_gf(molecule, hessian=hessian)
    assert factored.point_group.label == "Cinfv"
    for other in (
        wilson_gf(molecule, hessian=hessian, symmetry=False),
        normal_modes(hessian, molecule, symmetry=False),
    ):
        assert len(other.wavenumbers_cm1) == len(factored.wavenumbers_cm1) == 4
        # the geometry as it is against the one made linear: second order in the displacement, plus the Hessian's part
        np.testing.assert_allclose(other.wavenumbers_cm1, factored.wavenumbers_cm1, atol=1e-6 + 1e3 * off_line**2)


# ---- Hessians that cannot be right ---------------------------------------------------------------------------------


@cache
def survey(name):
    dataset = shipped_dataset("responses_survey_gfn2")
    return dataset.response(dataset.column("id").index(name))


@pytest.mark.parametrize("symmetry", [True, False])
def test_a_hessian_in_another_orientation_or_unit_is_refused(symmetry):
    response = survey("qm9-000477")
    molecule, n = response.molecule, len(response.molecule)
    turn = np.kron(np.eye(n), np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0])
    turned = turn @ response.hessian @ turn.T
    with pytest.raises(HessianError, match=r"orientation.*check=False"):
        wilson_gf(molecule, hessian=turned, symmetry=symmetry)
    with pytest.raises(HessianError, match=r"is it in mdyn/angstrom.*check=False"):
        wilson_gf(molecule, hessian=15.57 * response.hessian, symmetry=symmetry)
    with pytest.raises(HessianError, match="another geometry, orientation or atom order"):
        wilson_gf(replace(response, hessian=turned), symmetry=symmetry)
    solution = wilson_gf(molecule, hessian=turned, symmetry=False, check=False)
    assert solution.removed > 0.01


def test_noise_is_refused_warned_of_or_noted(caplog):
    response = survey("sym-C6(H)6 ring +0")
    molecule, size = response.molecule, len(response.hessian)
    noise = np.random.default_rng(0).normal(size=(size, size))
    noise = (noise + noise.T) / np.abs(noise + noise.T).max() * np.abs(response.hessian).max()
    with pytest.raises(HessianError, match="lacks the symmetry D6h"):
        wilson_gf(molecule, hessian=response.hessian + 0.05 * noise, check=False)
    with pytest.raises(HessianError):
        wilson_gf(molecule, hessian=response.hessian + 0.03 * noise)
    with caplog.at_level(logging.WARNING):
        found = wilson_gf(molecule, hessian=response.hessian + 0.01 * noise, check=False)
    assert "lacks the symmetry D6h and is averaged away" in caplog.text
    assert f"{100 * found.asymmetry:.2g} % of the largest element averaged away over D6h" in str(found)
    assert f"{found.removed:.1e} Eh/bohr^2 not carried" in found._repr_html_()
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        found = wilson_gf(response)
    assert not caplog.text
    assert found.asymmetry < 1e-5
    assert found.coordinates.point_group.label == "D6h"
    assert wilson_gf(response, symmetry=False).coordinates is None


# ---- bad input -----------------------------------------------------------------------------------------------------


def test_refusals():
    molecule, internals, field = water_parts()
    with pytest.raises(ForceFieldError, match="either force_field or hessian"):
        wilson_gf(molecule, field, internals, hessian=np.eye(9))
    with pytest.raises(ForceFieldError, match=r"shape \(2, 2\) for 3 internal"):
        wilson_gf(molecule, np.eye(2), internals)
    with pytest.raises(ForceFieldError, match="NaN"):
        wilson_gf(molecule, np.full((3, 3), np.nan), internals)
    with pytest.raises(ForceFieldError, match="not symmetric"):
        wilson_gf(molecule, np.triu(field), internals)
    with pytest.raises(ForceFieldError, match="lacks the symmetry C2v"):
        wilson_gf(molecule, np.diag([8.0, 8.5, 0.7]), internals)
    with pytest.raises(CoordinateError, match="span 2 of the 3 vibrations"):
        wilson_gf(molecule, np.eye(2), internals[:2])
    with pytest.raises(HessianError, match="lacks the symmetry C2v"):
        wilson_gf(molecule, hessian=np.diag(np.arange(9.0)), check=False)
    with pytest.raises(HessianError, match="shape"):
        wilson_gf(molecule, hessian=np.eye(6))
    with pytest.raises(CoordinateError, match="one atom"):
        wilson_gf(Molecule.from_arrays([18], [[0, 0, 0]]), hessian=np.zeros((3, 3)))
    with pytest.raises(CoordinateError, match="one atom"):
        wilson_gf(Molecule.from_arrays([18], [[0, 0, 0]]), hessian=np.zeros((3, 3)), symmetry=False)


def test_unequal_constants_are_fine_without_symmetry():
    molecule, internals, _ = water_parts()
    found = wilson_gf(molecule, np.diag([8.0, 8.5, 0.7]), internals, symmetry=False)
    assert len(found.wavenumbers_cm1) == 3
