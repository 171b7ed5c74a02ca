"""Surveys: killed and resumed without loss, shares that add up, ranks as counted, the protocol both ways."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest

from helpers import molecule_of
from symvib.errors import DatasetError, IdentifiabilityError
from symvib.forward.normal_modes import normal_modes
from symvib.forward.response import HarmonicResponse
from zoo import ZOO_BY_NAME

pytest.importorskip("pyarrow", reason="surveys are Parquet files (symvib[data])")
pytest.importorskip("joblib", reason="surveys run on joblib (symvib[data])")
pytest.importorskip("tblite", reason="the workers are those of forward/dataset.py (symvib[qm])")

from symvib.theory._line_data import OBSERVABLE_SETS, line_data
from symvib.theory._proportions import quantiles, share, wilson_interval
from symvib.theory._response_sources import response_tasks
from symvib.theory._response_summary import summarise_jacobians, summarise_protocol
from symvib.theory._spectral_problem import spectral_problem
from symvib.theory._survey_rows import SurveySettings, survey_row
from symvib.theory._symmetry_summary import summarise_symmetry
from symvib.theory.diagonal_protocol import draw_like_qm9, protocol_row
from symvib.theory.jacobian_survey import MODELS, jacobian_rows
from symvib.theory.survey import SurveyMolecule, qm9_molecules, read_symmetry, survey_symmetry


def zoo_molecule(name):
    entry = ZOO_BY_NAME[name]
    molecule = molecule_of(entry.symbols, entry.positions)
    return SurveyMolecule(name, "", molecule.numbers, molecule.positions)


NAMES = ("H2O", "NH3", "CH4", "benzene", "CO2")


@pytest.fixture(scope="module")
def molecules():
    return [zoo_molecule(name) for name in NAMES]


@pytest.fixture(scope="module")
def shipped():
    return response_tasks()


@pytest.fixture(scope="module")
def some(shipped):
    """Small responses of each group, QM9 and generated."""
    first = {}
    for task in shipped:
        group = task.structure["point_group"]
        if len(task.response.molecule) <= 12 and group not in first:
            first[group] = task
    return first


# ---- symmetry ------------------------------------------------------------------------------------------------------


def test_a_row_has_groups_and_completeness_at_each_tolerance():
    row = survey_row(zoo_molecule("benzene"), SurveySettings((None, 0.1, 0.001)))
    assert row["status"] == "ok"
    assert row["point_group"] == ["D6h"] * 3
    assert row["n_silent"] == [11] * 3  # of 30, theory.md section 2
    assert row["completeness"] == pytest.approx([19 / 30] * 3)
    assert row["exclusion_kind"] == ["inversion"] * 3
    assert row["ladder_group"][-1] == "D6h"


def test_tolerance_decides_where_a_molecule_is_bent_a_little():
    water = zoo_molecule("H2O")
    moved = water.positions_angstrom.copy()
    moved[1, 0] += 0.004
    moved[2] *= 1.01
    row = survey_row(SurveyMolecule("bent", "", water.numbers, moved), SurveySettings((0.1, 0.001)))
    assert row["point_group"] == ["C2v", "Cs"]
    assert row["ladder_group"][:2] == ["Cs", "C2v"]  # and at 0.5 A it is near a line
    assert 0.001 < row["ladder_angstrom"][1] < 0.1


KILLED = """
import sys, time
from symvib.theory import _survey_rows
from symvib.theory.survey import SurveyMolecule, survey_symmetry
import numpy as np
if __name__ == "__main__":
    x = np.array([[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]])
    many = [SurveyMolecule(f"w{k}", "", np.array([8, 1, 1]), x * (1 + k / 1e4)) for k in range(600)]
    report = survey_symmetry(many, sys.argv[1], request={"source": "test"}, shard_size=5, n_jobs=1)
    print(report.n_computed, flush=True)
"""


def test_killed_and_started_again_nothing_is_lost_or_doubled(tmp_path):
    script, folder = tmp_path / "survey.py", tmp_path / "out"
    script.write_text(KILLED)
    command = [sys.executable, str(script), str(folder)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 90
    while len(list((folder / "shards").glob("*.parquet"))) < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "no shards in time"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_before = len(list((folder / "shards").glob("*.parquet")))
    assert n_before < 120, "finished before it could be killed"
    with pytest.raises(DatasetError, match="run the same"):
        read_symmetry(folder)
    (folder / "shards" / ".00119.parquet.abc.part").write_bytes(b"torn")
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(ended.stdout) == 600 - 5 * n_before
    asked, rows = read_symmetry(folder)
    assert [row["id"] for row in rows] == [f"w{k}" for k in range(600)]
    assert asked["n_molecules"] == 600
    assert not list((folder / "shards").glob(".*"))


def test_another_question_in_the_same_folder_is_refused(molecules, tmp_path):
    survey_symmetry(molecules, tmp_path, request={"source": "zoo"}, n_jobs=1)
    again = survey_symmetry(lambda: pytest.fail("read again"), tmp_path, request={"source": "zoo"}, n_jobs=1)
    assert (again.n_computed, again.n_molecules) == (0, len(molecules))
    with pytest.raises(DatasetError, match="another survey"):
        survey_symmetry(molecules, tmp_path, SurveySettings((0.2,)), request={"source": "zoo"})
    with pytest.raises(DatasetError, match="another survey"):
        survey_symmetry(molecules, tmp_path, request={"source": "other"})


@pytest.mark.parametrize("call", [{"shard_size": 0}, {"n_jobs": 0}])
def test_impossible_calls_are_refused(molecules, tmp_path, call):
    with pytest.raises(DatasetError, match="at least 1"):
        survey_symmetry(molecules, tmp_path, request={}, **call)


def test_molecules_with_one_id_are_refused(molecules, tmp_path):
    with pytest.raises(DatasetError, match="id"):
        survey_symmetry([molecules[0], molecules[0]], tmp_path, request={}, n_jobs=1)


def test_what_is_no_survey_is_told(tmp_path):
    with pytest.raises(DatasetError, match="no survey at"):
        read_symmetry(tmp_path)


def test_qm9_limits():
    with pytest.raises(DatasetError, match="1 to 130831"):
        qm9_molecules(0)


def test_summary_counts_every_molecule_once(molecules):
    settings = SurveySettings((None, 0.1, 0.001))
    rows = [survey_row(molecule, settings) for molecule in molecules]
    asked = {"settings": asdict(settings), "request": {"source": "zoo", "limit": len(rows)}}
    found = json.loads(json.dumps(summarise_symmetry(rows, asked), allow_nan=False))
    first = found["at_tolerance"]["automatic"]
    assert sum(first["point_groups"].values()) == len(rows) == first["c1"]["of"]
    assert first["centrosymmetric"]["count"] == sum(
        row["point_group"][0] in ("D6h", "D2h", "Dinfh", "Ci", "C2h") for row in rows
    )
    assert "wilson_95" in first["c1"]  # a limit makes it a sample
    assert [p["c1_share"] for p in found["curve"]] == sorted((p["c1_share"] for p in found["curve"]), reverse=True)


# ---- shares --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (0, 0, 0.0, 1.0)],  # Wilson's formula
)
def test_wilson_interval(count, total, low, high):
    assert wilson_interval(count, total) == pytest.approx((low, high), abs=1e-4)


def test_shares_and_quantiles_are_plain():
    assert share(1, 4, False) == {"count": 1, "of": 4, "share": 0.25}
    assert quantiles([None, float("inf"), 1.0, 3.0])["n"] == 2
    assert quantiles([]) == {"n": 0}


# ---- Jacobians -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["C1", "Cs", "C2v", "D2h", "D3h", "Td", "Oh", "Dinfh", "C3h", "C3"])
def test_blocks_give_back_the_spectrum(some, group):
    if group not in some:
        pytest.skip(f"no small response of {group} ships")
    response = some[group].response
    problem, modes = spectral_problem(response), normal_modes(response)
    values = np.sort(np.concatenate([np.repeat(np.linalg.eigvalsh(b.a), b.dimension) for b in problem.blocks]))
    assert np.sqrt(values) * 1302.7914 == pytest.approx(np.sort(modes.wavenumbers_cm1), abs=0.02)
    total = sum(b.dimension * np.linalg.norm(b.factors["ir"]) ** 2 for b in problem.blocks if "ir" in b.factors)
    assert total == pytest.approx(modes.ir_km_per_mol.sum(), rel=1e-5)


@pytest.mark.parametrize(
    "group", ["C1", "Cs", "C2v", "C2h", "D2h", "D3h", "D3d", "Td", "Oh", "C3", "C3h", "D4h", "D2d"]
)
def test_ranks_are_those_of_the_counting_rule(some, group):
    if group not in some:
        pytest.skip(f"no small response of {group} ships")
    rows = list(jacobian_rows(some[group].response))
    assert len(rows) == len(MODELS) * len(OBSERVABLE_SETS)
    for row in rows:
        assert row.rank <= row.expected <= min(row.span, row.independent) <= row.nominal
        assert row.gap > 1e3
        if row.model == "general":
            assert row.rank == row.independent == row.expected
    by = {(row.model, row.observables): row for row in rows}
    for model in MODELS:
        assert by[model, "IR+Raman"].rank >= max(by[model, "IR"].rank, by[model, "Raman"].rank)
        assert by[model, "IR+Raman+rho"].rank >= by[model, "IR+Raman"].rank


def test_line_errors_scale_rows_and_silent_lines_are_not_data(some):
    from symvib.forward.jacobian import block_spectral_jacobian

    problem = spectral_problem(some["Oh"].response)
    data = line_data(block_spectral_jacobian(problem.general(), cluster_tolerance=1e-12))
    ir, raman = (len(data.rows(observed)) for observed in OBSERVABLE_SETS[:2])
    n_levels = sum(block.n for block in problem.blocks)
    seen = sum(block.n for block in problem.blocks if block.factors)
    assert seen < n_levels  # T2u of Oh is silent
    assert (ir, raman) == tuple(
        2 * sum(b.n for b in problem.blocks if any(k.startswith(kind) for k in b.factors)) for kind in ("ir", "raman")
    )
    assert (data.errors > 0).all()


def test_derivatives_of_what_is_measured_agree_with_differences(some):
    """lambda, IR, Raman and rho, by central differences in the constants of the general model."""
    from dataclasses import replace

    from symvib.forward.jacobian import block_spectral_jacobian

    blocks = spectral_problem(some["C2v"].response).general()
    jacobian = block_spectral_jacobian(blocks, cluster_tolerance=1e-12)
    data = line_data(jacobian)
    step, column = 1e-5, 0

    def measured(sign):
        f = np.array(blocks[0].f)
        f[0, 0] += sign * step
        j = block_spectral_jacobian([replace(blocks[0], f=f), *blocks[1:]], cluster_tolerance=1e-12)
        values = {k: np.zeros(len(j.clusters)) for k in ("lambda", "ir", "raman_isotropic", "raman_anisotropic")}
        for value, o in zip(j.values, j.observables, strict=True):
            values[o.kind][o.cluster] = value
        iso, aniso = values["raman_isotropic"], values["raman_anisotropic"]
        with np.errstate(invalid="ignore"):
            rho = 3 * aniso / (45 * iso + 4 * aniso)
        return {"position": values["lambda"], "ir": values["ir"], "raman": 45 * iso + 7 * aniso, "rho": rho}

    up, down = measured(1), measured(-1)
    for kind, level, derivative in zip(data.kinds, data.levels, data.jacobian[:, column], strict=True):
        difference = (up[kind][level] - down[kind][level]) / (2 * step)
        assert derivative == pytest.approx(difference, rel=1e-4, abs=1e-6 * np.abs(up[kind]).max())


def test_a_response_without_derivatives_is_refused(some):
    whole = some["C2v"].response
    with pytest.raises(IdentifiabilityError, match="derivatives"):
        spectral_problem(HarmonicResponse(whole.molecule, whole.hessian, None, None))


def test_summary_of_jacobians_is_plain(some):
    task = some["D2h"]
    rows = [{"id": task.id, "source": "symmetric", "status": "ok", **task.structure, **asdict(row)}
            for row in jacobian_rows(task.response)]  # fmt: skip
    found = json.loads(json.dumps(summarise_jacobians(rows, {"request": {}}), allow_nan=False))
    assert found["n_molecules"] == 1
    assert found["models"]["general"]["IR"]["full_rank"]["count"] == 0
    assert found["n_above_expected"] == 0


# ---- the source's protocol -----------------------------------------------------------------------------------------


def test_protocol_right_and_as_the_source_has_it(some):
    row = protocol_row(some["C1"].response)
    assert row.nominal == 4 * row.unknowns  # 4.0 by definition
    assert row.rank == row.rank_symmetric == row.distinct == row.unknowns
    assert row.n_imaginary == 0
    assert row.rms_wavenumber_error_cm1 > 50  # eigh of a matrix that is not symmetric


def test_equivalent_constants_cannot_be_told_apart_at_the_symmetric_structure(some):
    row = protocol_row(some["C2v"].response)
    assert row.rank_symmetric <= row.distinct < row.unknowns


def test_eigh_of_gf_is_what_numpy_gives(some):
    from symvib.forward.force_constants import wavenumbers_of
    from symvib.forward.response_jacobian import internal_response
    from symvib.forward.selection import internal_coordinates

    response = some["C1"].response
    internals = internal_coordinates(response.molecule, redundant=False)
    internal = internal_response(response, internals.b_matrix(response.molecule.positions))
    gf = internal.g @ np.diag(np.diag(internal.f))
    wrong = wavenumbers_of(np.linalg.eigh(gf)[0])
    right = wavenumbers_of(np.sort(np.linalg.eigvals(gf).real))
    row = protocol_row(response)
    assert row.rms_wavenumber_error_cm1 == pytest.approx(np.sqrt(((wrong - right) ** 2).mean()), rel=1e-6)
    assert row.n_imaginary_eigh == (wrong < 0).sum()


def test_draw_is_seeded_and_bounded(shipped):
    few = [task for task in shipped if task.source == "qm9"][-120:]
    a, b = (draw_like_qm9(few, 20, 130_831, seed=5) for _ in range(2))
    assert [task.id for task in a] == [task.id for task in b]
    assert max(Counter(task.id for task in a).values()) == 1
    with pytest.raises(DatasetError, match="wanted"):
        draw_like_qm9(few, 500, 130_831)


def test_summary_of_the_protocol_is_plain(some):
    rows = [{"id": "a", "smiles": "", "status": "ok", **some[g].structure, **asdict(protocol_row(some[g].response))}
            for g in ("C1", "C2v")]  # fmt: skip
    found = json.loads(json.dumps(summarise_protocol(rows, {"request": {}}), allow_nan=False))
    assert found["nominal_ratio"]["median"] == 4.0
    assert found["at_symmetry"]["full_rank"]["count"] == 1
