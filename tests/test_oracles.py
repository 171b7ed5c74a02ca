"""groups/ against sources that share no code with it: tabulated point groups, generated irreps, brute force."""

import gzip
import itertools
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import symvib as sv
from symvib.groups.mode_labels import label_normal_modes
from zoo import ZOO_BY_NAME

# ---- (a) 584 tabulated point groups -------------------------------------------------------------------------

CCCBDB = Path(__file__).resolve().parents[1] / "../shared/data/molecules/cccbdb_experimental_geometries.json.gz"

# Name: (what the geometry has, why the tabulated group is another one). Each was looked at by hand.
# "label": the geometry is right, the tabulated label is not its group (often that of a calculation in a subgroup);
# "conformer": the label belongs to another conformer than the geometry; "misprint": a coordinate is wrong or
# inaccurate; "isotope": the file's element symbols drop the isotope that breaks the symmetry.
DIFFERENCES = {
    "Diboron tetrachloride": ("D2d", "label"),  # staggered, exactly; C1 tabulated
    "Diboron tetrafluoride": ("D2h", "label"),  # planar, exactly; D2 tabulated
    "boron trihydride": ("D3h", "label"),  # C2v is the group of a calculation
    "Azulene": ("C2v", "label"),
    "Ethene, 1,2-difluoro-, (Z)-": ("Cs", "misprint"),  # z of the second H has the wrong sign
    "1,1,2,2-tetrafluoroethane": ("C2h", "conformer"),  # anti; C2 is gauche
    "Ethanedial": ("C2h", "conformer"),  # trans; C2v is cis
    "Acetonitrile": ("Cs", "misprint"),  # x and y of the last H have the wrong sign
    "1,2-difluoroethane": ("C2h", "conformer"),  # anti; C2 is gauche
    "Aziridine": ("C1", "misprint"),  # mirror images differ by up to 0.1 A
    "Ethanol": ("Cs", "conformer"),  # anti; C1 is gauche
    "ethanethiol": ("Cs", "conformer"),
    "dimethyl zinc": ("D3h", "label"),
    "Ethane": ("D3d", "conformer"),  # staggered; D3h is eclipsed
    "Ethynyl radical": ("Cinfv", "label"),
    "Allyl Fluoride": ("Cs", "conformer"),  # cis; C1 is gauche
    "Allyl radical": ("C2v", "label"),
    "2-Propen-1-ol": ("C1", "conformer"),  # gauche; Cs is syn
    "Propane, 1-chloro-": ("Cs", "conformer"),
    "1-Fluoropropane": ("Cs", "conformer"),
    "carbon trimer": ("Dinfh", "label"),
    "Diacetylene": ("Dinfh", "label"),
    "Succinonitrile": ("C2h", "conformer"),
    "Ethenylcyclopropane": ("C1", "misprint"),  # the vinyl group is turned by some degrees out of the plane
    "Cyclohexane": ("D3d", "conformer"),  # chair; C2 is no chair
    "phenylacetylene": ("Cs", "misprint"),  # z of an ortho H: -0.041 instead of -0.4102
    "cyanamide": ("Cs", "label"),  # pyramidal N; C2v is the planar average
    "Methylene": ("C2v", "label"),  # bent
    "formamide": ("Cs", "label"),  # planar
    "Methoxy radical": ("C3v", "label"),  # before the Jahn-Teller distortion
    "Urea": ("C2", "label"),  # non-planar; C2v is the planar average
    "Isothiocyanic acid": ("Cs", "label"),  # bent at N
    "Zinc monocyanide": ("Cinfv", "label"),
    "Gallium trichloride": ("C2v", "misprint"),  # one bond of 2.180 A, two of 2.108 A
    "Water-d1": ("C2v", "isotope"),
    "Deuterium hydride": ("Dinfh", "isotope"),
    "Hydrogen peroxide": ("C2", "label"),  # C2h is planar trans, a saddle point
    "thiomethoxy": ("Cs", "misprint"),  # angles at C differ by 0.2 degrees: C3v to 0.019 A only, called ambiguous
    "trisulfane": ("C2", "conformer"),  # trans; Cs is cis
    "Zinc hydride": ("Dinfh", "label"),
    "Hydroperoxy radical": ("Cs", "label"),  # bent
    "NO dimer": ("C2v", "label"),  # planar cis
    "Nitrogen trioxide": ("D3h", "label"),
    "selenium trioxide": ("D3h", "label"),
    "Sulfur tetramer": ("C2v", "label"),  # planar trapezium; D2h is its transition state
}

# Name: (row, column, value) that mends the misprint, or the isotope that was dropped (row, "D", None).
REPAIRS = {
    "Ethene, 1,2-difluoro-, (Z)-": (5, 2, 1.5465),
    "Acetonitrile": (5, slice(0, 2), (-0.9016, 0.5205)),
    "phenylacetylene": (10, 2, -0.4102),
    "Gallium trichloride": (1, 1, 2.108),
    "Water-d1": (1, "D", None),
    "Deuterium hydride": (0, "D", None),
}


@cache
def cccbdb():
    if not CCCBDB.exists():
        pytest.skip(f"{CCCBDB.resolve()} is not here")
    with gzip.open(CCCBDB, "rt", encoding="utf-8") as stream:
        return json.load(stream)


def labels(record):
    found = sv.detect_point_group((record["symbols"], record["xyz_angstrom"]))
    return found, sv.PointGroup.parse(record["point_group_exp"]).label


def test_cccbdb_agrees_or_is_explained():
    differences, agree = {}, 0
    for record in cccbdb():
        found, tabulated = labels(record)
        if found.point_group.label == tabulated:
            agree += 1
        else:
            differences[record["name"]] = found.point_group.label
    assert len(cccbdb()) == 584
    assert differences == {name: group for name, (group, _) in DIFFERENCES.items()}
    assert agree == 539


@pytest.mark.parametrize("name", DIFFERENCES)
def test_cccbdb_difference_is_in_the_data(name):
    """The tabulated group is far from the geometry, or a subgroup of what it exactly has; else a misprint."""
    (record,) = [r for r in cccbdb() if r["name"] == name]
    found, tabulated = labels(record)
    group, reason = DIFFERENCES[name]
    assert found.point_group.label == group != tabulated
    if reason in ("label", "conformer"):
        assert found.deviation_angstrom < 5e-4
        above = [level for level in found.levels if level.deviation_angstrom > 5e-4]
        assert all(level.deviation_angstrom > 0.15 for level in above)


@pytest.mark.parametrize("name", REPAIRS)
def test_cccbdb_repaired_geometry_has_the_tabulated_group(name):
    (record,) = [r for r in cccbdb() if r["name"] == name]
    row, column, value = REPAIRS[name]
    symbols, positions = list(record["symbols"]), np.array(record["xyz_angstrom"])
    if column == "D":
        symbols[row] = "D"
    else:
        positions[row, column] = value
    tabulated = sv.PointGroup.parse(record["point_group_exp"])
    assert sv.detect_point_group((symbols, positions)).point_group == tabulated


# ---- (b) character tables ------------------------------------------------------------------------------------

CRYSTALLOGRAPHIC = [
    "C1", "Ci", "C2", "Cs", "C2h", "D2", "C2v", "D2h", "C4", "S4", "C4h", "D4", "C4v", "D2d", "D4h", "C3",
    "S6", "D3", "C3v", "D3d", "C6", "C3h", "C6h", "D6", "C6v", "D3h", "D6h", "T", "Th", "O", "Td", "Oh",
]  # fmt: skip
NON_CRYSTALLOGRAPHIC = [
    "I",
    "Ih",
    "D5h",
    "D5d",
    "D7",
    "D8h",
    "D4d",
    "D6d",
    "S8",
    "S10",
    "S12",
    "C5h",
    "C7h",
    "C9v",
    "D9d",
    "C11",
    "D12h",
    "D13h",
]


def cayley_characters(matrices, rng):
    """Rows of the character table (k, h), one column per operation, by splitting the regular representation.

    A random Hermitian element of the group algebra acts by right multiplication, which commutes with the left
    regular representation; each of its eigenspaces carries one irrep.
    """
    order = len(matrices)
    flat = matrices.reshape(order, -1)
    products = np.einsum("aij,bjk->abik", matrices, matrices).reshape(order, order, -1)
    table = np.array([[np.abs(flat - p).sum(axis=1).argmin() for p in row] for row in products])
    identity = np.abs(flat - np.eye(3).ravel()).sum(axis=1).argmin()
    inverse = (table == identity).argmax(axis=1)
    weights = rng.normal(size=order) + 1j * rng.normal(size=order)
    weights = weights + weights[inverse].conj()
    hermitian = np.zeros((order, order), dtype=complex)
    for g in range(order):
        hermitian[table[:, g], np.arange(order)] += weights[g]
    values, vectors = np.linalg.eigh(hermitian)
    rows, start = [], 0
    while start < order:
        stop = start + 1
        while stop < order and values[stop] - values[stop - 1] < 1e-7 * order:
            stop += 1
        space = vectors[:, start:stop]
        # (L_g f)(g x) = f(x)
        row = np.array([np.einsum("xi,xi->", space[table[g]].conj(), space) for g in range(order)])
        if not any(np.abs(row - other).max() < 1e-6 for other in rows):
            rows.append(row)
        start = stop
    return np.array(rows)


def per_operation(table, order):
    columns = np.empty(order, dtype=int)
    for index, cls in enumerate(table.classes):
        columns[list(cls.indices)] = index
    return np.asarray(table.to_numpy(), dtype=complex)[:, columns]


def assert_same_rows(ours, theirs):
    assert len(ours) == len(theirs)
    unused = list(range(len(theirs)))
    for row in ours:
        matches = [i for i in unused if np.abs(theirs[i] - row).max() < 1e-6]
        assert len(matches) == 1
        unused.remove(matches[0])


@pytest.mark.parametrize("label", [*CRYSTALLOGRAPHIC, *NON_CRYSTALLOGRAPHIC])
def test_characters_from_the_regular_representation(label):
    matrices = sv.PointGroup.parse(label).matrices
    rows = cayley_characters(matrices, np.random.default_rng(7))
    assert_same_rows(per_operation(sv.character_table(label), len(matrices)), rows)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("label", CRYSTALLOGRAPHIC)
def test_characters_from_spgrep(label):
    """Irreps that spgrep (Shinohara) makes from integer rotation matrices, in a lattice basis."""
    core = pytest.importorskip("spgrep.core")
    matrices = sv.PointGroup.parse(label).matrices
    basis = np.eye(3)
    if np.abs(matrices - matrices.round()).max() > 1e-6:  # hexagonal axes
        basis = np.array([[1, -0.5, 0], [0, np.sqrt(0.75), 0], [0, 0, 1]])
    rotations = np.linalg.inv(basis) @ matrices @ basis
    if np.abs(rotations - rotations.round()).max() > 1e-6:  # D2d: twofold axes along x, mirrors between
        pytest.fail(f"{label} is not integer in this basis")
    irreps = core.get_crystallographic_pointgroup_irreps_from_symmetry(rotations.round().astype(int))
    rows = np.array([np.trace(irrep, axis1=1, axis2=2) for irrep in irreps])
    assert_same_rows(per_operation(sv.character_table(label), len(matrices)), rows)


# ---- (c, d) vibrations by brute force ------------------------------------------------------------------------

MOLECULES = [name for name, m in ZOO_BY_NAME.items() if m.group not in ("Cinfv", "Dinfh", "Kh") and len(m.symbols) > 2]


def representative(count):
    """Names of `count` molecules, no group twice before every group has been taken, small ones first."""
    by_group = {}
    for name in sorted(MOLECULES, key=lambda n: (len(ZOO_BY_NAME[n].symbols), n)):
        by_group.setdefault(ZOO_BY_NAME[name].group, []).append(name)
    rounds = itertools.zip_longest(*(by_group[g] for g in sorted(by_group)))
    return [name for layer in rounds for name in layer if name is not None][:count]


def detected(name):
    rng = np.random.default_rng(len(name))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    molecule = ZOO_BY_NAME[name]
    found = sv.detect_point_group((molecule.symbols, molecule.positions @ turn.T + rng.normal(size=3)))
    assert found.point_group.label == molecule.group
    return found


def displacement_matrices(found):
    """(h, 3N, 3N): an atom's displacement is turned and handed to the atom that takes its place."""
    atoms = len(found.molecule)
    matrices = np.zeros((len(found.operations), 3 * atoms, 3 * atoms))
    for matrix, operation in zip(matrices, found.operations, strict=True):
        for a, image in enumerate(operation.permutation):
            matrix[3 * image : 3 * image + 3, 3 * a : 3 * a + 3] = operation.operation.matrix
    return matrices


def external(found, masses):
    """Orthonormal (3N, 6): translations and rotations, mass-weighted."""
    x = found.molecule.positions - np.average(found.molecule.positions, axis=0, weights=masses)
    root = np.sqrt(masses)[:, None]
    fields = [root * np.broadcast_to(e, x.shape) for e in np.eye(3)] + [root * np.cross(e, x) for e in np.eye(3)]
    return np.linalg.qr(np.array(fields).reshape(6, -1).T)[0]


@pytest.mark.parametrize("name", representative(60))
def test_gamma_vib_by_numerical_traces(name):
    found = detected(name)
    matrices = displacement_matrices(found)
    rigid = external(found, np.ones(len(found.molecule)))
    inside = np.eye(len(rigid)) - rigid @ rigid.T
    traces = np.einsum("hij,ji->h", matrices, inside)
    table = sv.character_table(found.point_group)
    expected = {}
    for irrep, row in zip(table.irreps, per_operation(table, len(matrices)), strict=True):
        count = row.conj() @ traces / len(matrices)
        assert abs(count - round(count.real)) < 1e-3
        if round(count.real):
            expected.setdefault(irrep.real_label, round(count.real))
            assert expected[irrep.real_label] == round(count.real)  # both members of a complex pair
    assert dict(sv.point_group_report(found).gamma_vib) == expected


# Groups of many kinds: polar, chiral, with and without inversion, exclusion by the table, complex pairs, cubic.
ACTIVITY_GROUPS = [
    "C1",
    "Cs",
    "Ci",
    "C2v",
    "C3v",
    "C3h",
    "C4h",
    "D2",
    "D3",
    "D2h",
    "D3h",
    "D4h",
    "D6h",
    "D5h",
    "D2d",
    "D3d",
    "D4d",
    "S4",
    "T",
    "Td",
    "Th",
    "O",
    "Oh",
    "C5v",
    "D6d",
    "D7h",
    "S8",
    "C6v",
]


def smallest(label):
    names = [n for n in MOLECULES if ZOO_BY_NAME[n].group == label and len(ZOO_BY_NAME[n].symbols) <= 60]
    return min(names, key=lambda n: (len(ZOO_BY_NAME[n].symbols), n), default=None)


@pytest.mark.parametrize("label", ACTIVITY_GROUPS)
def test_activity_of_modes_of_a_random_symmetric_hessian(label):
    """Random force constants and random derivatives of dipole and polarizability, averaged over the group.

    A mode is seen where its intensity does not vanish: no characters, no irreps.
    """
    name = smallest(label)
    if name is None:
        pytest.skip(f"no small molecule of {label} in the zoo")
    found = detected(name)
    exact = sv.detect_point_group(found.symmetrize())
    assert exact.point_group == found.point_group
    rng = np.random.default_rng(1)
    matrices = displacement_matrices(exact)
    rotations = np.array([o.operation.matrix for o in exact.operations])
    size = matrices.shape[1]
    hessian = rng.normal(size=(size, size))
    hessian = hessian @ hessian.T / size
    hessian = np.mean(matrices @ hessian @ matrices.transpose(0, 2, 1), axis=0)
    dipole = np.einsum("hij,jk,hlk->il", rotations, rng.normal(size=(3, size)), matrices) / len(matrices)
    tensor = rng.normal(size=(3, 3, size))
    tensor = np.einsum(
        "hia,hjb,abc,hkc->ijk", rotations, rotations, tensor + tensor.transpose(1, 0, 2), matrices, optimize=True
    )
    tensor /= len(matrices)
    masses = np.ones(len(exact.molecule))
    rigid = external(exact, masses)
    inside = np.eye(size) - rigid @ rigid.T
    values, vectors = np.linalg.eigh(inside @ hessian @ inside + 1e3 * rigid @ rigid.T)
    vibrations = vectors[:, : size - 6]
    infrared = np.linalg.norm(dipole @ vibrations, axis=0)
    raman = np.linalg.norm((tensor @ vibrations).reshape(9, -1), axis=0)
    # The members of a degenerate set are any mixture, and one alone may be dark by chance: sum over the set.
    sets = np.concatenate([[0], np.cumsum(np.diff(values[: size - 6]) > 1e-8)])
    seen_ir, seen_raman = (np.sqrt(np.bincount(sets, x**2))[sets] > 1e-7 for x in (infrared, raman))
    report = sv.point_group_report(exact)
    assert report.n_vib == size - 6
    assert report.n_ir == seen_ir.sum()
    assert report.n_raman == seen_raman.sum()
    assert report.n_both == (seen_ir & seen_raman).sum()
    assert report.n_silent == (~seen_ir & ~seen_raman).sum()
    assert report.levels.n_vib == sets[-1] + 1
    assert report.levels.n_silent == len(set(sets[~seen_ir & ~seen_raman]))
    assert report.completeness == pytest.approx(1 - report.n_silent / (size - 6))
    # The labels that the product gives to these modes must say the same about each of them.
    modes = label_normal_modes(exact, hessian, masses)
    rules = sv.selection_rules(exact.point_group)
    assert [rules[irrep].infrared_active for irrep in modes.irreps] == seen_ir.tolist()
    assert [rules[irrep].raman for irrep in modes.irreps] == seen_raman.tolist()
