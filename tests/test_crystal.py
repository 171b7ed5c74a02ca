"""Factor-group analysis against the literature, against a numerical second path, and under changes of the cell."""

import re
from collections import Counter
from functools import cache

import numpy as np
import pytest

pytest.importorskip("pymatgen.core")

from crystal_structures import BY_NAME, CRYSTALS, Crystal
from symvib.errors import DetectionError, MoleculeError
from symvib.groups._crystal_symmetry import _CRYSTAL_GROUPS
from symvib.groups.crystal import crystal_report
from symvib.groups.report import point_group_report
from symvib.groups.representation import Decomposition
from symvib.groups.selection_rules import selection_rules

NAMES = [crystal.name for crystal in CRYSTALS]


@cache
def report_of(name):
    """The report on a structure of the list, made once."""
    return crystal_report(BY_NAME[name].structure(), name=name)


def facts(report):
    """All that must not depend on how the cell was chosen."""
    return (
        report.space_group_number,
        dict(report.gamma_3n),
        report.counts,
        report.levels,
        sorted((s.orbit.kind, s.orbit.symbol, s.orbit.n_primitive, str(s.gamma)) for s in report.sites),
    )


def pooled(gamma):
    """A decomposition without the names that another choice of axes would exchange: B1, B2 (and B3) as one set."""
    sets = {}
    for label, count in gamma.items():
        name = re.sub(r"^B[123]", "B", label)
        sets.setdefault(name, []).append(count)
    return {name: sorted(counts) for name, counts in sets.items()}


@pytest.mark.parametrize("name", NAMES)
def test_species_of_the_literature(name):
    crystal = BY_NAME[name]
    report = report_of(name)
    assert report.space_group_number == crystal.number
    literature = Decomposition(report.point_group, crystal.optic)
    if crystal.number <= 74:  # names depend on the author's axes
        assert pooled(report.gamma_optic) == pooled(literature)
    else:
        assert report.gamma_optic == literature
    assert report.gamma_3n.dimension == 3 * report.n_atoms
    assert report.gamma_optic.dimension == report.n_vib == 3 * report.n_atoms - 3
    assert sum(site.gamma.dimension for site in report.sites) == 3 * report.n_atoms
    rules = selection_rules(report.point_group)
    expected = sum(n * rules[label].dimension for label, n in literature.items() if rules[label].infrared)
    assert report.n_ir == expected


@pytest.mark.parametrize(
    ("name", "ir", "raman", "both", "silent", "kind"),
    [  # levels, counted by hand from the species of the sources
        ("diamond", 0, 1, 0, 0, "inversion"),
        ("NaCl", 1, 0, 0, 0, "inversion"),
        ("zincblende", 1, 1, 1, 0, "none"),
        ("wurtzite", 2, 4, 2, 2, "none"),
        ("rutile", 4, 4, 0, 3, "inversion"),
        ("anatase", 3, 6, 0, 1, "inversion"),
        ("calcite", 8, 5, 0, 5, "inversion"),
        ("alpha-quartz", 12, 12, 8, 0, "none"),
        ("corundum", 6, 7, 0, 5, "inversion"),
        ("spinel", 4, 5, 0, 7, "inversion"),
        ("pyrope", 17, 25, 0, 55, "inversion"),
        ("zircon", 7, 12, 0, 5, "inversion"),
        ("forsterite", 35, 36, 0, 10, "inversion"),
        ("fluorapatite", 20, 33, 0, 29, "inversion"),
        ("tetragonal perovskite", 7, 8, 7, 0, "none"),
        ("cubic perovskite", 3, 0, 0, 1, "inversion"),
    ],
)
def test_who_sees_how_many_levels(name, ir, raman, both, silent, kind):
    report = report_of(name)
    levels = report.levels
    assert (levels.n_ir, levels.n_raman, levels.n_both, levels.n_silent) == (ir, raman, both, silent)
    assert report.exclusion_kind == kind
    assert report.completeness == pytest.approx(1 - report.n_silent / report.n_vib)


# --- a second path: no character, no label, no standard setting -------------------------------------------


def displacement_matrices(structure):
    """Operations on the 3N displacements of the primitive cell: matrices (h, 3N, 3N) and rotations (h, 3, 3)."""
    import spglib

    lattice, places, numbers = spglib.find_primitive(
        (structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers), symprec=1e-3
    )
    symmetry = spglib.get_symmetry((lattice, places, numbers), symprec=1e-3)
    n = len(numbers)
    columns = lattice.T
    matrices, rotations = [], []
    for rotation, shift in zip(symmetry["rotations"], symmetry["translations"], strict=True):
        cartesian = columns @ rotation @ np.linalg.inv(columns)
        matrix = np.zeros((n, 3, n, 3))
        for atom, image in enumerate(places @ rotation.T + shift):
            gap = image - places
            target = int(np.argmin(np.linalg.norm((gap - np.rint(gap)) @ lattice, axis=1)))
            matrix[target, :, atom, :] = cartesian
        matrices.append(matrix.reshape(3 * n, 3 * n))
        rotations.append(cartesian)
    return np.array(matrices), np.array(rotations)


def numerical_counts(structure):
    """Modes and levels (IR, Raman, both, silent, all) of a random force field with the symmetry of the crystal."""
    matrices, rotations = displacement_matrices(structure)
    size, rng = matrices.shape[1], np.random.default_rng(7)
    force = rng.normal(size=(size, size))
    force = np.mean([m @ (force + force.T) @ m.T for m in matrices], axis=0)
    dipole = rng.normal(size=(3, size))
    dipole = np.mean([r @ dipole @ m.T for r, m in zip(rotations, matrices, strict=True)], axis=0)
    tensor = rng.normal(size=(3, 3, size))
    tensor = tensor + tensor.transpose(1, 0, 2)
    tensor = np.mean(
        [
            np.einsum("ia,jb,abk,lk->ijl", r, r, tensor, m, optimize=True)
            for r, m in zip(rotations, matrices, strict=True)
        ],
        axis=0,
    )
    translations = np.kron(np.ones((size // 3, 1)), np.eye(3)) / np.sqrt(size / 3)
    optic = np.linalg.svd(translations)[0][:, 3:]
    values, vectors = np.linalg.eigh(optic.T @ force @ optic)
    vectors = optic @ vectors
    starts = np.flatnonzero(np.diff(values, prepend=-np.inf) > 1e-7)
    modes, levels = Counter(), Counter()
    for members in np.split(np.arange(len(values)), starts[1:]) if len(values) else ():
        ir = np.abs(dipole @ vectors[:, members]).max() > 1e-7
        raman = np.abs(tensor.reshape(9, size) @ vectors[:, members]).max() > 1e-7
        for key, seen in (("ir", ir), ("raman", raman), ("both", ir and raman), ("silent", not (ir or raman))):
            modes[key] += len(members) * seen
            levels[key] += int(seen)
        modes["vib"] += len(members)
        levels["vib"] += 1
    return modes, levels


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("pyrope", "copper")])
def test_a_random_symmetric_force_field_shows_the_same_counts(name):
    structure = BY_NAME[name].structure()
    report = report_of(name)
    for counts, found in zip((report.counts, report.levels), numerical_counts(structure), strict=True):
        assert {key.removeprefix("n_"): value for key, value in counts.as_dict().items()} == dict(found)


# --- the count does not depend on how the crystal is written down -----------------------------------------


@pytest.mark.parametrize("name", ["diamond", "rutile", "corundum", "calcite", "wurtzite", "forsterite", "zircon"])
def test_any_cell_origin_orientation_gives_the_same(name):
    from pymatgen.core import Lattice, Structure

    structure = BY_NAME[name].structure()
    expected = facts(report_of(name))
    primitive = structure.get_primitive_structure()
    supercell = structure * (2, 1, 1)
    moved = structure.copy()
    moved.translate_sites(list(range(len(moved))), [0.137, 0.291, 0.452], to_unit_cell=False)
    q = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    turned = Structure(Lattice(structure.lattice.matrix @ (q * np.sign(np.linalg.det(q)))), structure.species,
                       structure.frac_coords)  # fmt: skip
    mirrored = Structure(Lattice(structure.lattice.matrix * [1, 1, -1]), structure.species, structure.frac_coords)
    order = np.random.default_rng(4).permutation(len(structure))
    shuffled = Structure.from_sites([structure[int(i)] for i in order])
    skew = structure.copy()
    skew.make_supercell([[1, 1, 0], [0, 1, 0], [0, 1, 1]])
    for other in (primitive, supercell, moved, turned, mirrored, shuffled, skew):
        assert facts(crystal_report(other)) == expected


@pytest.mark.parametrize("name", ["forsterite", "barite"])
@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1), (0, 2, 1), (1, 0, 2), (2, 1, 0)])
def test_another_setting_of_the_same_orthorhombic_crystal(name, order):
    from pymatgen.core import Lattice, Structure

    structure = BY_NAME[name].structure()
    lengths = np.array(structure.lattice.abc)[list(order)]
    other = Structure(Lattice.orthorhombic(*lengths), structure.species, structure.frac_coords[:, list(order)])
    assert facts(crystal_report(other)) == facts(report_of(name))


@pytest.mark.parametrize("number", [16, 47, 61, 69, 70, 71, 25, 32])
def test_names_do_not_depend_on_the_order_of_free_axes(number):
    """Space groups whose symbol is the same for several orders of the axes: the lengths decide."""
    from pymatgen.core import Lattice, Structure

    structure = Structure.from_spacegroup(number, Lattice.orthorhombic(5.1, 6.3, 7.9), ["Si"], [[0.11, 0.23, 0.37]])
    structure.append("Mg", [0, 0, 0]) if number in (16, 47) else None
    expected = facts(crystal_report(structure))
    for order in [(1, 2, 0), (2, 0, 1), (1, 0, 2)]:
        lengths = np.array(structure.lattice.abc)[list(order)]
        other = Structure(Lattice.orthorhombic(*lengths), structure.species, structure.frac_coords[:, list(order)])
        assert facts(crystal_report(other)) == expected


def test_noise_below_the_tolerance_changes_nothing_and_above_it_lowers_the_group():
    structure = BY_NAME["rutile"].structure()
    expected = facts(crystal_report(structure))
    rng = np.random.default_rng(1)
    noisy = structure.copy()
    for index in range(len(noisy)):
        noisy.translate_sites(index, rng.uniform(-5e-4, 5e-4, 3), frac_coords=False)
    report = crystal_report(noisy)
    assert facts(report) == expected
    assert 1e-5 < report.symmetry.deviation_angstrom < 5e-3
    rough = crystal_report(noisy, tolerance=1e-5)
    assert rough.point_group.label == "C1"
    assert rough.n_silent == 0
    assert rough.ambiguous is False or rough.space_group_by_tolerance[1][1] != 1


# --- every crystal class --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(1, 231))
def test_every_space_group(number):
    """A general position and the origin: symmetries are matched, both ways to Gamma_3N agree (it raises if not)."""
    from pymatgen.core import Lattice, Structure

    angles = (90, 90, 120) if 143 <= number <= 194 else (90, 103, 90) if 3 <= number <= 15 else (90, 90, 90)
    angles = (83, 97, 108) if number <= 2 else angles
    lengths = (16.0, 16.0, 16.0) if number >= 195 else (9.1, 9.1, 11.7) if number >= 75 else (8.3, 9.7, 11.9)
    structure = Structure.from_spacegroup(
        number, Lattice.from_parameters(*lengths, *angles), ["Si", "O"], [[0.0613, 0.1871, 0.3390], [0, 0, 0]], tol=1e-3
    )
    report = crystal_report(structure, tolerance=1e-3)
    assert report.space_group_number == number
    assert report.point_group.label in _CRYSTAL_GROUPS
    general = max(report.sites, key=lambda site: site.orbit.n_primitive)
    assert general.orbit.n_primitive == report.point_group.order
    regular = Decomposition(report.point_group, {
        row.label: 3 * row.dimension // (2 if row.separable else 1) for row in report.rows
    })  # fmt: skip
    assert general.gamma == regular


# --- input that is refused, and input that is read ---------------------------------------------------------


def quartz():
    return BY_NAME["alpha-quartz"].structure()


def test_disorder_is_refused_with_the_site():
    from pymatgen.core import Lattice, Structure

    mixed = Structure(Lattice.cubic(4.2), [{"Mg": 0.9, "Fe": 0.1}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(MoleculeError, match=r"site 0 .*disordered.*Mg.* 0\.9, Fe.* 0\.1"):
        crystal_report(mixed)
    partial = Structure(Lattice.cubic(4.2), [{"Mg": 0.5}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(MoleculeError, match="partly occupied"):
        point_group_report(partial)


def test_impossible_crystals_are_refused():
    from pymatgen.core import Lattice, Structure

    with pytest.raises(MoleculeError, match="apart"):
        crystal_report(Structure(Lattice.cubic(4), ["Na", "Na"], [[0, 0, 0], [0.999, 0, 0]]))
    with pytest.raises(MoleculeError, match="finite"):
        crystal_report(Structure(Lattice.cubic(4), ["Na"], [[np.nan, 0, 0]]))
    with pytest.raises(MoleculeError, match="thick"):
        crystal_report(Structure(Lattice.from_parameters(4, 4, 0.1, 90, 90, 90), ["Na"], [[0, 0, 0]]))
    with pytest.raises(MoleculeError, match="no atoms"):
        crystal_report(Structure(Lattice.cubic(4), [], []))
    with pytest.raises(MoleculeError, match="no chemical element"):
        crystal_report(Structure(Lattice.cubic(4), ["X0+"], [[0, 0, 0]]))
    with pytest.raises(MoleculeError, match="cannot read"):
        crystal_report("quartz")
    for tolerance in (0, -1, np.nan, 3.0, "x", True):
        with pytest.raises(MoleculeError, match="tolerance"):
            crystal_report(quartz(), tolerance)


def test_files(tmp_path):
    structure = quartz()
    expected = facts(crystal_report(structure))
    for name, fmt in (("q.cif", "cif"), ("POSCAR", "poscar"), ("q.vasp", "poscar")):
        path = tmp_path / name
        structure.to(filename=str(path), fmt=fmt)
        report = point_group_report(path)
        assert facts(report) == expected
        assert report.molecule_name == path.stem
    (tmp_path / "empty.cif").write_text("")
    (tmp_path / "wrong.cif").write_text("data_x\n_cell_length_a 4\n")
    (tmp_path / "nameless.vasp").write_text("x\n1.0\n4 0 0\n0 4 0\n0 0 4\n1 1\nDirect\n0 0 0\n.5 .5 .5\n")
    with pytest.raises(MoleculeError, match="does not name its elements"):
        crystal_report(tmp_path / "nameless.vasp")
    (tmp_path / "binary.cif").write_bytes(b"\x00\x01" * 50)
    for name in ("empty.cif", "wrong.cif", "binary.cif", "none.cif"):
        with pytest.raises(MoleculeError):
            crystal_report(tmp_path / name)


def test_ase_atoms_slabs_and_molecules_in_a_box():
    build = pytest.importorskip("ase.build")
    assert str(crystal_report(build.bulk("Si")).gamma_optic) == "T2g"
    slab = build.graphene(vacuum=10.0)
    slab.pbc = (True, True, False)
    report = point_group_report(slab)
    assert report.point_group.label == "D6h"
    assert any("2 of 3" in note for note in report.notes)
    assert any("a slab" in note for note in report.notes)
    water = build.molecule("H2O", vacuum=6.0)
    assert point_group_report(water).point_group.label == "C2v"  # not periodic: a molecule
    water.pbc = True
    report = point_group_report(water)
    assert report.n_vib == 6
    assert any("molecule in a box" in note for note in report.notes)
    water.cell[:] = 0
    with pytest.raises(MoleculeError, match="no volume"):
        point_group_report(water)


def test_isotopes_and_charges_make_atoms_different():
    from pymatgen.core import Lattice, Structure

    plain = Structure.from_spacegroup(225, Lattice.cubic(5.0), ["H", "Li"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    plain.replace(0, "D")
    report = crystal_report(plain)
    assert report.space_group_number == 221
    charged = quartz().copy()
    charged.add_oxidation_state_by_element({"Si": 4, "O": -2})
    assert facts(crystal_report(charged))[:4] == facts(crystal_report(quartz()))[:4]


def test_no_space_group():
    from symvib.groups import _crystal_symmetry
    from symvib.groups._crystal_input import read_crystal

    cell = read_crystal(quartz())
    with pytest.raises(DetectionError, match="no space group"):
        _crystal_symmetry.spglib_dataset(cell, 30.0)


# --- what a reader sees -------------------------------------------------------------------------------------


def test_presentations_escape_and_agree(tmp_path):
    report = crystal_report(BY_NAME["rutile"].structure(), name="<script>ru|tile")
    page = report.to_html(tmp_path / "r.html")
    assert "<script" not in page
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == page
    assert "<script" not in report._repr_html_()
    assert "P4_2/mnm" in str(report)
    assert "A1g + B2g + Eu" in str(report)
    assert "3N - 3 = 3 x 6 - 3 = 15" in report.to_markdown()
    data = report.as_dict()
    assert data["gamma_optic"] == dict(report.gamma_optic)
    assert data["completeness"] == report.completeness == 0.8
    assert report.species("silent") == Decomposition("D4h", "A2g + 2B1u")
    with pytest.raises(MoleculeError, match="ask for"):
        report.species("x")
    with pytest.raises(AttributeError):
        report.counts = None


@pytest.mark.parametrize(
    ("name", "unsteady"),
    [("rutile", ("B1g", "B2g", "B1u", "B2u")), ("corundum", ()), ("diamond", ()), ("wurtzite", ("B1", "B2")),
     ("forsterite", ("B1g", "B2g", "B3g", "B1u", "B2u", "B3u")), ("alpha-quartz", ()), ("scheelite", ())],
)  # fmt: skip
def test_names_that_depend_on_the_axes_are_known(name, unsteady):
    assert report_of(name).unsteady_labels == unsteady


def test_command_line(tmp_path):
    from typer.testing import CliRunner

    from symvib.cli import app

    path = tmp_path / "rutile.cif"
    BY_NAME["rutile"].structure().to(filename=str(path))
    other = tmp_path / "water.xyz"
    other.write_text("3\nwater\nO 0 0 0.119\nH 0 0.763 -0.477\nH 0 -0.763 -0.477\n")
    run = CliRunner().invoke
    shown = run(app, ["report", str(path)])
    assert shown.exit_code == 0
    assert "P4_2/mnm" in shown.output
    assert '"space_group_number": 136' in run(app, ["report", str(path), "--json", "-"]).output
    assert run(app, ["report", str(path), "--html", str(tmp_path / "r.html")]).exit_code == 0
    table = run(app, ["report", str(path), str(other), "--csv", "-"])
    assert table.exit_code == 0
    assert "136 P4_2/mnm" in table.output
    assert run(app, ["report", str(path), "--latex", "-"]).exit_code == 1
    assert run(app, ["report", str(tmp_path / "none.cif")]).exit_code == 1


def test_unknown_object():
    with pytest.raises(MoleculeError, match="cannot read"):
        crystal_report(Crystal)


def test_a_file_without_symmetry_says_so_first(tmp_path):
    """Two atoms of NaCl without the operations that make eight of them: what is analysed is not what was meant."""
    path = tmp_path / "bare.cif"
    cell = "".join(f"_cell_length_{axis} 5.64\n" for axis in "abc")
    cell += "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    loop = (
        "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
    )
    path.write_text(f"data_x\n{cell}{loop}Na1 Na 0 0 0\nCl1 Cl 0.5 0.5 0.5\n")
    report = crystal_report(path)
    assert report.n_atoms == 2
    assert report.notes[0].startswith("CAUTION: no symmetry could be read from the file")
