"""The datasets that ship: strata have members, files are small, exclusion holds in computed spectra."""

from pathlib import Path

import numpy as np
import pytest

import symvib as sv
from symvib.errors import DatasetError

pytest.importorskip("pyarrow", reason="datasets are Parquet files (symvib[data])")

DATA = Path(sv.__file__).parent / "forward" / "data"
LINES = [path.stem for path in sorted(DATA.glob("lines_*.parquet"))]


@pytest.fixture(scope="module")
def trusted():
    columns = ["completeness", "exclusion_kind", "point_group", "source"]
    rows = [row for name in LINES if name.endswith("gfn2") for row in sv.shipped_dataset(name, columns).trusted()]
    return rows


def test_every_stratum_has_members(trusted):
    kinds = [row["exclusion_kind"] for row in trusted]
    assert sum(row["completeness"] is not None and row["completeness"] < 1 for row in trusted) >= 300
    assert kinds.count("inversion") >= 500
    assert kinds.count("table") >= 100


def test_numbers_of_molecules():
    assert len(sv.shipped_dataset("lines_qm9_gfn2", ["point_group"]).trusted()) >= 10_000
    assert len(sv.shipped_dataset("responses_survey_gfn2", ["point_group"]).trusted()) >= 1_000


def test_second_level_of_theory_is_of_molecules_known_at_the_first():
    known = {i for name in ("qm9", "symmetric") for i in sv.shipped_dataset(f"lines_{name}_gfn2", ["id"]).column("id")}
    second = sv.shipped_dataset("lines_test_gfn1")
    assert second.provenance["method"] == "GFN1-xTB"
    assert len(second.trusted()) >= 2_000
    assert set(second.column("id")) <= known


def test_files_are_small():
    sizes = {path.stem: path.stat().st_size for path in DATA.glob("*.parquet")}
    assert sum(size for name, size in sizes.items() if name.startswith("lines")) <= 14e6
    assert sizes["responses_survey_gfn2"] <= 12e6


@pytest.mark.parametrize("name", LINES)
def test_rows_are_consistent(name):
    data = sv.shipped_dataset(name)
    assert data.provenance["simulated"] is True
    assert len(set(data.column("id"))) == len(data)
    for row in data.trusted():
        n_modes = len(row["wavenumber_cm1"])
        assert len(row["ir_km_per_mol"]) == len(row["raman_a4_per_amu"]) == len(row["irrep"]) == n_modes
        assert n_modes in (3 * len(row["numbers"]) - 6, 3 * len(row["numbers"]) - 5)
        assert min(row["wavenumber_cm1"]) > 0
        assert row["status"] == "ok"
        assert row["bonding_kept"]


def test_no_line_is_in_both_spectra_where_the_rules_exclude_it():
    """Real responses, also of groups without inversion (D5h, D4d, ...)."""
    survey = sv.shipped_dataset("responses_survey_gfn2")
    kinds = survey.column("exclusion_kind")
    chosen = [k for k, kind in enumerate(kinds) if kind == "table"][:40] + [
        k for k, kind in enumerate(kinds) if kind == "inversion"
    ][:40]
    groups = set()
    for index in chosen:
        modes = sv.normal_modes(survey.response(index))
        infrared, raman = (x > 1e-6 * max(x.max(), 1e-3) for x in (modes.ir_km_per_mol, modes.raman_a4_per_amu))
        assert not (infrared & raman).any(), survey[index]["id"]
        groups.add(modes.point_group.label)
    assert {"D5h", "D4d"} <= groups


def test_stored_lines_follow_from_stored_responses():
    survey = sv.shipped_dataset("responses_survey_gfn2")
    for index in range(0, len(survey), 40):
        modes, lines = sv.normal_modes(survey.response(index)), survey.lines(index)
        assert np.abs(modes.wavenumbers_cm1 - lines.wavenumbers_cm1).max() < 0.2
        assert np.allclose(modes.ir_km_per_mol, lines.ir_km_per_mol, rtol=2e-3, atol=0.05)
        # Forbidden is exactly zero in both, though the file may hold rounding there.
        rules = sv.selection_rules(modes.point_group)
        dark = [not rules[label].infrared for label in lines.irreps]
        assert not modes.ir_km_per_mol[dark].any()
        assert not lines.ir_km_per_mol[dark].any()


def test_unknown_names_are_refused():
    with pytest.raises(DatasetError, match="lines_qm9_gfn2"):
        sv.shipped_dataset("chembl")
