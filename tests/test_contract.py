"""The names of architecture.md, 'Names that stay put', that must be there: used as a user's own tests use them."""

import json

import numpy as np
import pytest

import symvib as sv

WATER = (["O", "H", "H"], [[0.0, 0.0, 0.119], [0.0, 0.763, -0.477], [0.0, -0.763, -0.477]])
CO2 = (["O", "C", "O"], [[0, 0, -1.16], [0, 0, 0], [0, 0, 1.16]])
FINITE = ("C1", "Cs", "Ci", "C2v", "D6h", "D2d", "S4", "Td", "Oh", "Ih")
INFINITE = ("Cinfv", "Dinfh", "Kh")


def benzene():
    angle = np.arange(6) * np.pi / 3
    ring = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(6)])
    return ["C"] * 6 + ["H"] * 6, np.vstack([1.39 * ring, 2.48 * ring])


def test_as_molecule_fields():
    molecule = sv.as_molecule(WATER)
    assert molecule.numbers.tolist() == [8, 1, 1]
    assert molecule.numbers.dtype.kind == "i"
    assert molecule.positions.shape == (3, 3)
    np.testing.assert_allclose(molecule.positions, WATER[1])
    np.testing.assert_allclose(molecule.masses, [15.995, 1.008, 1.008], atol=2e-3)


def test_as_molecule_keeps_a_molecule():
    molecule = sv.as_molecule(WATER)
    assert sv.as_molecule(molecule) is molecule or np.array_equal(sv.as_molecule(molecule).positions, WATER[1])


@pytest.mark.parametrize(("molecule", "label", "order"), [(WATER, "C2v", 4), (benzene(), "D6h", 24)])
def test_detection_fields(molecule, label, order):
    found = sv.detect_point_group(molecule)
    assert found.point_group.label == label
    assert found.point_group == sv.PointGroup.parse(label)
    assert len(found.operations) == found.point_group.order == order
    assert 0 <= found.deviation < 1e-3
    low, high = found.plateau
    assert low <= found.deviation
    assert high is None or high > low
    assert all(rival.point_group.label != label for rival in found.rivals)


def test_detection_tolerance_is_positional_and_named():
    assert sv.detect_point_group(WATER, 0.01).point_group == sv.detect_point_group(WATER, tolerance=0.01).point_group


def test_rivals_name_the_group_above():
    """Water is 0.39 angstrom from a line."""
    assert [rival.point_group.label for rival in sv.detect_point_group(WATER).rivals] == ["Dinfh"]


@pytest.mark.parametrize("molecule", [CO2, (["Ar"], [[0, 0, 0]])], ids=["linear", "atom"])
def test_detection_fields_of_infinite_groups(molecule):
    found = sv.detect_point_group(molecule)
    assert found.point_group.order is None
    assert found.deviation == pytest.approx(0, abs=1e-9)
    assert len(found.plateau) == 2
    assert list(found.rivals) == []
    assert list(found.operations) == []


@pytest.mark.parametrize("label", [*FINITE, *INFINITE])
def test_point_group_parse_round_trip(label):
    group = sv.PointGroup.parse(label)
    assert group.label == label
    assert (group.order is None) == (label in INFINITE)


@pytest.mark.parametrize(
    ("spelling", "label"),
    [
        ("D*h", "Dinfh"), ("D∞h", "Dinfh"), ("D0h", "Dinfh"), ("dinfh", "Dinfh"), ("C*v", "Cinfv"), ("C∞v", "Cinfv"),
        ("S2", "Ci"), ("C1h", "Cs"), ("C1v", "Cs"), ("D1d", "C2h"), ("S6", "S6"), ("C3i", "S6"), ("V", "D2"),
        ("Vh", "D2h"), ("Vd", "D2d"), ("D1h", "C2v"), ("D1", "C2"), ("d6H", "D6h"), (" T_d ", "Td"),
        ("$D_{6h}$", "D6h"),
        ("S1", "Cs"), ("S3", "C3h"), ("S5", "C5h"),
    ],
)  # fmt: skip
def test_point_group_spellings(spelling, label):
    assert sv.PointGroup.parse(spelling).label == label


def test_point_group_orders():
    orders = {label: sv.PointGroup.parse(label).order for label in FINITE}
    assert orders == {"C1": 1, "Cs": 2, "Ci": 2, "C2v": 4, "D6h": 24, "D2d": 8, "S4": 4, "Td": 24, "Oh": 48, "Ih": 120}


@pytest.mark.parametrize("label", FINITE)
def test_character_table_fields(label):
    table = sv.character_table(label)
    shape = (len(table.irreps), len(table.classes))
    assert shape[0] == shape[1]
    assert np.shape(table.characters) == table.to_numpy().shape == shape
    order = sv.PointGroup.parse(label).order
    assert sum(cls.size for cls in table.classes) == order
    assert sum(irrep.dimension**2 for irrep in table.irreps) == order
    assert all(isinstance(irrep.label, str) for irrep in table.irreps)
    np.testing.assert_allclose(table.to_numpy()[:, 0], [irrep.dimension for irrep in table.irreps])
    assert "tabular" in table.latex()
    assert json.loads(json.dumps(table.as_dict()))
    assert label in table.text()
    assert table.markdown()
    assert "<table" in table.html()


def test_character_table_is_exact():
    golden = sv.character_table("Ih").row("T1g")
    assert {str(value) for value in golden} >= {"(1+sqrt5)/2", "(1-sqrt5)/2"}


def test_report_fields(tmp_path):
    report = sv.point_group_report(WATER)
    assert report.point_group.label == "C2v"
    assert dict(report.gamma_vib) == {"A1": 2, "B1": 1} or dict(report.gamma_vib) == {"A1": 2, "B2": 1}
    assert (report.n_vib, report.n_ir, report.n_raman, report.n_both, report.n_silent) == (3, 3, 3, 3, 0)
    levels = report.levels
    assert (levels.n_vib, levels.n_ir, levels.n_raman, levels.n_both, levels.n_silent) == (3, 3, 3, 3, 0)
    assert (report.completeness, report.raw_ratio) == (1.0, 2.0)
    assert report.mutual_exclusion is False
    assert report.exclusion_kind == "none"
    assert report.symmetry_number == 2
    assert json.loads(report.to_json())["point_group"] == report.as_dict()["point_group"] == "C2v"
    path = tmp_path / "water.html"
    report.to_html(path)
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "C2v" in page or "<sub>2v</sub>" in page


def test_report_of_benzene_counts_degeneracy_and_levels():
    report = sv.point_group_report(benzene(), tolerance=0.01)
    assert dict(report.gamma_vib) == {
        "A1g": 2, "A2g": 1, "B2g": 2, "E1g": 1, "E2g": 4, "A2u": 1, "B1u": 2, "B2u": 2, "E1u": 3, "E2u": 2,
    }  # fmt: skip
    assert (report.n_vib, report.n_ir, report.n_raman, report.n_both, report.n_silent) == (30, 7, 12, 0, 11)
    levels = report.levels
    assert (levels.n_vib, levels.n_ir, levels.n_raman, levels.n_both, levels.n_silent) == (20, 4, 7, 0, 9)
    assert report.mutual_exclusion is True
    assert report.exclusion_kind == "inversion"
    assert report.symmetry_number == 12


def test_report_of_an_atom():
    report = sv.point_group_report((["Ar"], [[0, 0, 0]]))
    assert report.point_group.label == "Kh"
    assert report.completeness is None
    assert report.raw_ratio is None
    assert (report.n_vib, report.n_ir, report.n_raman, report.n_silent) == (0, 0, 0, 0)
    assert dict(report.gamma_vib) == {}
    assert report.mutual_exclusion is False


def test_report_merges_complex_pairs():
    """Boric acid, C3h: 3N = 4A' + 3A'' + 5E' + 2E'', less A'' + E' and A' + E''; each E counts twice."""
    angles = 2 * np.pi * np.arange(3) / 3
    oxygen, hydrogen = (
        np.column_stack([r * np.cos(angles + start), r * np.sin(angles + start), np.zeros(3)])
        for r, start in ((1.36, 0.0), (1.95, 0.44))
    )
    report = sv.point_group_report((["B"] + ["O"] * 3 + ["H"] * 3, np.vstack([[[0, 0, 0]], oxygen, hydrogen])))
    assert report.point_group.label == "C3h"
    counts = {label.replace('"', "''"): count for label, count in report.gamma_vib.items()}
    assert counts == {"A'": 3, "E'": 4, "A''": 2, "E''": 1}
    assert (report.n_vib, report.n_ir, report.n_raman, report.n_both, report.n_silent) == (15, 10, 13, 8, 0)


def test_attainable_completeness_is_a_list_of_pairs():
    values = sv.attainable_completeness("D6h", 12)
    assert isinstance(values, list)
    assert values
    for completeness, partition in values:
        assert 0 <= completeness <= 1
        assert partition is not None
    assert any(abs(completeness - 19 / 30) < 1e-12 for completeness, _ in values)


def test_attainable_completeness_realised_by_that_group_only():
    for entry in sv.attainable_completeness("C2v", 3):
        molecule = entry.molecule if not callable(entry.molecule) else entry.molecule()
        assert sv.detect_point_group(molecule).point_group.label == "C2v"


class TestForwardNames:
    """The names of forward/ in the architecture that other rooms and users call."""

    @pytest.fixture
    def response(self):
        pytest.importorskip("tblite", reason="the xTB engine needs tblite (symvib[qm])")
        return sv.harmonic_response(WATER, engine="xtb", method="GFN2-xTB", optimize=True)

    def test_harmonic_response(self, response):
        assert response.molecule.formula == "H2O"
        assert response.hessian.shape == (9, 9)
        assert response.dipole_derivatives.shape == (3, 9)
        assert response.polarizability_derivatives.shape == (3, 3, 9)

    def test_normal_modes_of_a_response_and_of_a_hessian(self, response):
        modes = sv.normal_modes(response)
        bare = sv.normal_modes(response.hessian, molecule=response.molecule, masses=response.molecule.masses)
        assert modes.wavenumbers_cm1.shape == modes.ir_km_per_mol.shape == modes.raman_a4_per_amu.shape == (3,)
        assert modes.depolarization.shape == (3,)
        assert modes.irreps == bare.irreps == ("A1", "A1", "B2")
        assert modes.displacements.shape == (3, 3, 3)
        assert np.abs(modes.wavenumbers_cm1 - bare.wavenumbers_cm1).max() < 1e-6

    def test_wilson_gf(self, response):
        solution = sv.wilson_gf(response.molecule, hessian=response.hessian)
        assert solution.G.shape == solution.F.shape == solution.L.shape == solution.ped.shape == (3, 3)
        general = sv.wilson_gf(response.molecule, force_field=solution.F, internals=solution.internals)
        assert np.abs(general.wavenumbers_cm1 - sv.normal_modes(response).wavenumbers_cm1).max() < 1e-6

    def test_lines_and_spectrum(self, response):
        lines = sv.normal_modes(response).lines()
        assert isinstance(lines, sv.LineList)
        spectrum = sv.render(lines, np.arange(500.0, 4000.0), shape="lorentzian", fwhm_cm1=10.0)
        assert isinstance(spectrum, sv.Spectrum)
        assert spectrum.intensity.shape == (3500,)
