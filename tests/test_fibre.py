"""Theorem 1, and families of different force fields with the same spectra."""

import json
from functools import cache
from math import comb
from pathlib import Path

import numpy as np
import pytest

import symvib as sv
from helpers import molecule_of
from isospectral_blocks import halomethane, random_block
from symvib.errors import IdentifiabilityError
from symvib.forward.normal_modes import normal_modes
from symvib.forward.spectrum import render
from symvib.theory._isospectral import IsospectralBlock
from symvib.theory._isospectral_paths import followed_path, orbit_path
from symvib.theory.fibre import fibre, fibre_dimensions
from symvib.theory.invariance import invariance
from zoo import ZOO_BY_NAME

ROOT = Path(__file__).resolve().parents[1]
BENZENE, NICKEL_CARBONYL, METHANE = (
    "sym-C6(H)6 ring +0",
    "sym-Ni(CO) tetrahedron +0",
    "qm9-000001",
)  # rows of the shipped survey


@cache
def survey(row):
    return sv.shipped_dataset("responses_survey_gfn2").response(row)


def counted(n, ranks, is_complex):
    """Design, section 4."""
    s = len(ranks)
    if is_complex:
        return min(n * n, n + s * (n - 1))
    return min(n * (n + 1) // 2, n + s * (n - 1) - comb(min(n, sum(r == 1 for r in ranks)), 2))


PATTERNS = [(1,), (2,), (3,), (1, 1), (1, 2), (3, 1), (2, 2), (1, 1, 1), (1, 1, 2), (3, 1, 5), (2, 2, 2)]


@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("ranks", PATTERNS, ids=str)
@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7])
def test_null_space_has_the_dimension_of_the_counting_rule(n, ranks, is_complex):
    block = IsospectralBlock.of(random_block(n, ranks, 3, is_complex))
    found, null = block.rank()
    assert n + found.rank == counted(n, ranks, is_complex)
    assert null.shape[1] == block.unknowns - n - found.rank


@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
def test_incidence_matrix_is_the_derivative_of_the_intensities(is_complex):
    block = IsospectralBlock.of(random_block(4, (1, 3), 1, is_complex))
    matrix, step = block.incidence(block.modes), 1e-6
    for edge in range(matrix.shape[1]):
        amplitudes = np.eye(matrix.shape[1])[edge] * step
        up, down = (block.intensities(block.turn(block.modes, sign * amplitudes)) for sign in (1, -1))
        assert (up - down).ravel() / (2 * step) == pytest.approx(matrix[:, edge], abs=1e-8)


def recomputed(block, a):
    """Eigenvalues and intensities of A by plain diagonalisation."""
    values, vectors = np.linalg.eigh(a)
    return values, np.array([np.real(np.diag(vectors.conj().T @ w @ vectors)) for w in block.stack])


@pytest.mark.parametrize(
    ("n", "ranks", "is_complex"),
    [
        (3, (1,), False),
        (4, (1, 1), False),
        (6, (3, 1), False),
        (9, (3, 1, 5), False),
        (3, (2,), True),
        (4, (1, 2), True),
    ],
    ids=str,
)
def test_followed_path_keeps_eigenvalues_and_intensities(n, ranks, is_complex):
    block = IsospectralBlock.of(random_block(n, ranks, 5, is_complex))
    path = followed_path(block, 0.05, 8)
    start = recomputed(block, block.matrix)
    for a in path.matrices:
        values, intensities = recomputed(block, a)
        assert values == pytest.approx(start[0], rel=1e-11)
        assert intensities == pytest.approx(start[1], rel=1e-9, abs=1e-10)
    assert np.linalg.norm(path.matrices[-1] - block.matrix) >= 0.05 * np.linalg.norm(block.matrix)


@pytest.mark.parametrize(
    ("n", "ranks", "is_complex"), [(3, (1,), False), (5, (1, 2), False), (5, (), False), (3, (2,), True)], ids=str
)
def test_orbit_of_the_common_kernel_keeps_eigenvalues_and_intensities(n, ranks, is_complex):
    block = IsospectralBlock.of(random_block(n, ranks, 6, is_complex))
    path = orbit_path(block, 0.02, 6)
    assert path is not None
    assert path.proved
    start = recomputed(block, block.matrix)
    for a in path.matrices:
        values, intensities = recomputed(block, a)
        assert values == pytest.approx(start[0], rel=1e-11)
        assert intensities == pytest.approx(start[1], rel=1e-9, abs=1e-10)


@pytest.mark.parametrize(("n", "t"), [(n, t) for n in range(2, 7) for t in range(1, n + 1)], ids=str)
def test_rank_one_fibres_are_orbits_of_the_orthogonal_group_of_the_complement(n, t):
    """rank = unknowns - dim O(n - t), for any number t of rank-one intensities (t <= 3 have names)."""
    block = random_block(n, (1,) * min(t, 3), 7)
    extra = np.random.default_rng(8).normal(size=(max(t - 3, 0), n))
    form = IsospectralBlock.of(block)
    weights = form.weights | {f"extra {k}": np.outer(p, p) for k, p in enumerate(extra)}
    form = IsospectralBlock("X", form.root, form.eigenvalues, form.modes, weights, True)
    assert form.rank()[1].shape[1] == (n - t) * (n - t - 1) // 2


# --------------------------------------------------------------------------------------------------- molecules


@pytest.mark.parametrize(
    ("irrep", "kind", "dimension"),
    [("E1u", "visible", 1), ("E2g", "visible", 3), ("B2u", "silent", 3), ("A2g", "silent", 1)],
)
@pytest.mark.parametrize("follow", [False, True])
def test_benzene(irrep, kind, dimension, follow):
    family = fibre(survey(BENZENE), irrep, follow=follow)
    assert (family.kind, family.dimension) == (kind, dimension)
    assert family.relative_change[-1] >= 0.1 - 1e-3
    assert family.relative_hessian_change > 0.005  # A2g alone: 0.7 %
    deviation = family.deviation
    assert deviation.levels == 11
    assert deviation.wavenumber_cm1 < 1e-9
    assert max(deviation.relative_ir, deviation.relative_raman, deviation.depolarization) < 1e-11


@pytest.mark.parametrize("irrep", ["E1u", "B1u"])
def test_rendered_spectra_of_the_plain_hessians_are_the_same(irrep):
    """No symmetry, no irreps: the bare 3N x 3N problem at both ends."""
    family = fibre(survey(BENZENE), irrep, distance=0.1)
    axis = np.linspace(50, 3500, 3451)
    for quantity in ("ir", "raman"):
        both = [
            render(normal_modes(family.response(k), symmetry=False).lines(), axis, quantity=quantity).intensity
            for k in (0, -1)
        ]
        assert np.abs(both[0] - both[1]).max() < 1e-9 * both[0].max()


def test_a_wrong_force_constant_is_noticed():
    family = fibre(survey(BENZENE), "E1u")
    moved = np.array(family.force_constants[0])
    moved[0, 0] *= 1.001
    from symvib.theory.fibre import worst_deviation

    assert worst_deviation(family.molecular_block, moved[None], family.observables).wavenumber_cm1 > 0.1


@pytest.mark.parametrize("observables", [("freq", "ir", "raman", "rho"), ("freq", "ir"), ("freq", "raman"), ("freq",)])
def test_five_atoms_without_symmetry(observables):
    response = halomethane()
    seen = {"ir", "raman"} & set(observables)
    s = len(seen) + ("rho" in observables)
    ((irrep, (unknowns, free)),) = fibre_dimensions(response, observables).items()
    assert (unknowns, free) == (45, 45 - 9 - 8 * s)
    family = fibre(response, irrep, observables, distance=0.05, points=4)
    assert family.dimension == free
    assert family.relative_change[-1] >= 0.05 - 1e-6
    assert family.deviation.wavenumber_cm1 < 1e-8
    for name, value in (("ir", family.deviation.relative_ir), ("raman", family.deviation.relative_raman)):
        assert (value is None) == (name not in observables)
        assert value is None or value < 1e-10


def complex_cases():
    table = sv.shipped_dataset("responses_survey_gfn2").table
    groups = table.column("point_group").to_pylist()
    atoms = [len(x) for x in table.column("numbers").to_pylist()]
    found = {}
    for row in np.argsort(atoms, kind="stable"):
        if groups[row] in ("C3h", "C3", "C4h", "Th", "C5h"):
            found.setdefault(groups[row], int(row))
    return sorted(found.items())


@pytest.mark.parametrize(("group", "row"), complex_cases(), ids=str)
def test_complex_blocks(group, row):
    response = survey(row)
    for irrep, (_, free) in fibre_dimensions(response).items():
        if not free:
            continue
        family = fibre(response, irrep, distance=0.01, points=3)
        assert family.dimension == free
        assert family.deviation.wavenumber_cm1 < 1e-7
        assert np.abs(family.hessian() - family.hessian(0)).max() > 0


def test_some_complex_block_has_a_family_that_is_followed():
    seen = [
        fibre(survey(row), irrep, distance=0.01, points=3)
        for group, row in complex_cases()
        for irrep, (_, free) in fibre_dimensions(survey(row)).items()
        if free and irrep.startswith("E")
    ]
    assert any(f.molecular_block.block.is_complex and f.kind == "visible" for f in seen)


def test_linear_molecule_with_infrared_only():
    diacetylene_like = survey("qm9-000024")  # HC3N
    dimensions = fibre_dimensions(diacetylene_like, ("freq", "ir"))
    assert dimensions["Pi"] == (6, 1)
    assert dimensions["Sigma+"] == (10, 3)
    assert fibre(diacetylene_like, "Pi", ("freq", "ir"), distance=0.02).deviation.wavenumber_cm1 < 1e-8


def test_words_and_plain_values():
    family = fibre(survey(BENZENE), "E1u")
    changes = family.changes()
    assert len(changes) == 6
    assert "C-C stretch" in {change.label for change in changes}
    assert abs(changes[0].change) >= abs(changes[-1].change)
    assert changes[0].unit in ("mdyn/A", "mdyn", "mdyn A")
    assert "family of dimension 1" in str(family)
    assert "<li>" in family._repr_html_()
    values = json.loads(json.dumps(family.as_dict()))
    assert len(values["constants"]) == len(family)
    assert len(values["labels"]) == 6


def test_constants_rebuild_the_hessian():
    family = fibre(survey(BENZENE), "E1u")
    part = family.molecular_block
    assert part.constants(part.block.force_constants(part.block.matrix)) == pytest.approx(family.constants[0])
    assert family.hessian(0) == pytest.approx(part.response.hessian, abs=1e-15)
    with pytest.raises(ValueError, match="read-only"):
        family.force_constants[0, 0, 0] = 1


def test_plot(tmp_path):
    import matplotlib as mpl

    mpl.use("Agg")
    axes = fibre(survey(BENZENE), "E1u", points=4).plot()
    axes.figure.savefig(tmp_path / "fibre.png")
    assert len(axes.child_axes) == 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fibre(survey(METHANE), "T2"), "locally determined"),
        (lambda: fibre(survey(METHANE), "E9"), "vibrations of"),
        (lambda: fibre(survey(BENZENE), "E1u", ("freq", "vcd")), "unknown"),
        (lambda: fibre(survey(BENZENE), "E1u", ("ir",)), "add 'freq'"),
        (lambda: fibre(survey(BENZENE), "E1u", ("freq", "rho")), "add 'raman'"),
        (lambda: fibre(survey(BENZENE), "E1u", distance=0.9), "out of reach"),
        (lambda: fibre(survey(BENZENE), "E1u", distance=-1.0), "positive"),
        (lambda: fibre(survey(BENZENE).molecule, "E1u"), "HarmonicResponse is needed"),
        (lambda: fibre(sv.HarmonicResponse(survey(BENZENE).molecule, survey(BENZENE).hessian), "E1u"), "dipole"),
        (lambda: invariance(sv.Molecule.from_arrays([2], [[0, 0, 0]])), "does not vibrate"),
        (lambda: invariance(survey(METHANE), distortion=0.0), "positive"),
    ],
)
def test_what_cannot_be_asked(call, words):
    with pytest.raises(IdentifiabilityError, match=words):
        call()


# --------------------------------------------------------------------------------------------------- theorem 1


@pytest.mark.parametrize(
    "name", ["water", "ammonia", "methane", "benzene", "cubane", "carbon_dioxide", "hydrogen_cyanide"]
)
def test_theorem_1_for_made_up_force_fields(name):
    found = invariance(sv.as_molecule(ROOT / "examples" / f"{name}.xyz"), shuffles=3)
    assert found.largest.wavenumber_cm1 < 1e-8
    assert found.largest.relative_ir < 1e-9
    assert found.largest.relative_raman < 1e-9
    assert found.control_cm1 > 1  # the comparison can fail
    assert found.force_field_change > 0.01 or found.n_operations == 1


@pytest.mark.parametrize("name", list(ZOO_BY_NAME)[::60])
def test_theorem_1_over_the_zoo(name):
    entry = ZOO_BY_NAME[name]
    molecule = molecule_of(entry.symbols, entry.positions)
    if len(molecule) < 2:
        pytest.skip("an atom does not vibrate")
    assert invariance(molecule, shuffles=2, seed=1).largest.wavenumber_cm1 < 1e-7


def test_theorem_1_for_a_computed_response():
    found = invariance(survey(BENZENE))
    assert (found.point_group, found.n_operations) == ("D6h", 24)
    assert set(found.deviations) == {"moved", "relabelled", "force_field", "shuffled"}
    assert found.largest.wavenumber_cm1 < 1e-8
    assert "24 operations" in str(found)
    assert json.dumps(found.as_dict())
