"""Building datasets: resumable, nothing lost or doubled, failures flagged, damage told."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import numpy as np
import pytest

from symvib import as_molecule
from symvib.errors import DatasetError

pytest.importorskip("tblite", reason="datasets are computed by xTB (symvib[qm])")
pytest.importorskip("pyarrow", reason="datasets are Parquet files (symvib[data])")
pytest.importorskip("joblib", reason="datasets are built by joblib (symvib[data])")

from symvib.forward.dataset import build_dataset
from symvib.forward.dataset_files import SCHEMA_VERSION, read_dataset, shipped_dataset, write_rows
from symvib.forward.dataset_rows import DatasetTask, RowSettings, compute_row
from symvib.forward.dataset_sources import file_tasks

SMILES = ["O", "C", "N", "F", "C#N", "C=O", "C#C", "O=C=O"]


def task(smiles, name=None):
    molecule = as_molecule(smiles)
    return DatasetTask(
        name or smiles,
        "files",
        tuple(map(int, molecule.numbers)),
        tuple(map(tuple, molecule.positions.tolist())),
        smiles,
    )


@pytest.fixture(scope="module")
def tasks():
    return [task(smiles) for smiles in SMILES]


@pytest.fixture(scope="module")
def water(tasks):
    return compute_row(tasks[0], RowSettings())


def test_a_row_holds_lines_response_and_flags(water):
    assert (water["status"], water["point_group"], water["symmetry_kept"], water["n_imaginary"]) == (
        "ok",
        "C2v",
        True,
        0,
    )
    assert (water["completeness"], water["n_silent"], water["exclusion_kind"]) == (1.0, 0, "none")
    assert len(water["wavenumber_cm1"]) == len(water["ir_km_per_mol"]) == len(water["irrep"]) == 3
    assert len(water["hessian_lower_hartree_per_bohr2"]) == 45
    assert water["max_gradient"] < 3e-5


def test_a_failure_is_a_flagged_row(tasks):
    radical = compute_row(replace(tasks[0], charge=1), RowSettings())
    assert radical["status"] == "failed"
    assert "EngineError" in radical["message"]
    assert "unpaired" in radical["message"]


def test_a_geometry_taken_as_it_is(tasks):
    row = compute_row(tasks[0], RowSettings(options={"optimize": False}))
    assert (row["status"], row["bonding_kept"]) == ("ok", True)
    assert row["max_gradient"] > 1e-3
    assert np.allclose(np.reshape(row["positions_angstrom"], (-1, 3)), tasks[0].positions_angstrom, atol=2e-3)


def test_only_minima_are_trusted_whatever_is_read(water, tmp_path):
    changes = ({}, {"n_imaginary": 1}, {"bonding_kept": False}, {"max_gradient": 2e-4}, {"status": "failed"})
    rows = [water | {"id": str(k)} | change for k, change in enumerate(changes)]
    write_rows(tmp_path / "some.parquet", rows, {})
    assert read_dataset(tmp_path / "some.parquet", ["point_group"]).trusted().column("id") == ["0"]
    assert read_dataset(tmp_path / "some.parquet").trusted().column("id") == ["0"]


def test_build_read_and_build_again(tasks, tmp_path):
    seen = []
    report = build_dataset(tasks, tmp_path, shard_size=3, n_jobs=2, on_done=lambda *n: seen.append(n))
    assert (report.n_molecules, report.n_shards, report.n_shards_computed, report.n_failed) == (8, 3, 3, 0)
    assert seen[-1] == (8, 8)
    data = read_dataset(tmp_path)
    assert data.column("id") == SMILES  # in the order asked for, whoever finished first
    assert data.provenance["method"] == "GFN2-xTB"
    assert data.provenance["simulated"] is True
    assert len(data.trusted()) == 8
    again = build_dataset(tasks, tmp_path, shard_size=3)
    assert again.n_shards_computed == 0


def test_lines_and_response_come_back(water, tmp_path):
    write_rows(tmp_path / "one.parquet", [water], {"method": "GFN2-xTB"})
    data = read_dataset(tmp_path / "one.parquet")
    lines, response = data.lines(0), data.response(0)
    assert np.allclose(lines.wavenumbers_cm1, water["wavenumber_cm1"], rtol=1e-6)
    assert lines.irreps == ("A1", "A1", "B2")
    from symvib import normal_modes

    assert np.abs(normal_modes(response).wavenumbers_cm1 - lines.wavenumbers_cm1).max() < 0.01
    assert np.abs(normal_modes(response).raman_a4_per_amu - lines.raman_a4_per_amu).max() < 1e-2


def test_masked_depolarization_survives(tasks, tmp_path):
    row = compute_row(tasks[SMILES.index("O=C=O")], RowSettings())
    write_rows(tmp_path / "one.parquet", [row], {})
    rho = read_dataset(tmp_path / "one.parquet").lines(0).depolarization
    assert rho.mask.sum() == 3  # the bend twice and the antisymmetric stretch are not Raman active


def test_failed_molecules_are_computed_again_where_asked(tasks, tmp_path, monkeypatch):
    from symvib.forward import dataset

    bad = replace(tasks[1], unpaired_electrons=1)  # methane has an even number of electrons
    given = [tasks[0], bad, tasks[2]]
    first = build_dataset(given, tmp_path, shard_size=2, n_jobs=1)
    assert (first.n_failed, first.n_computed_in_all) == (1, 2)
    before = list(read_dataset(tmp_path))
    assert build_dataset(given, tmp_path, n_jobs=1).n_shards_computed == 0
    stubborn = build_dataset(given, tmp_path, n_jobs=1, retry_failed=True)  # fails again, and nothing else changes
    assert (stubborn.n_shards_computed, stubborn.n_failed) == (1, 1)
    assert list(read_dataset(tmp_path)) == before
    # As after a death: the reason is gone, and the trace of the death must not flag it once more.
    listed = json.loads((tmp_path / "tasks.json").read_text())
    listed[1]["unpaired_electrons"] = 0
    (tmp_path / "tasks.json").write_text(json.dumps(listed))
    dataset._trace(tmp_path / "traces", bad).write_bytes(b"xx")
    counted = []
    healed = build_dataset(
        given, tmp_path, n_jobs=1, retry_failed=True, on_done=lambda done, total: counted.append((done, total))
    )
    assert (healed.n_shards_computed, healed.n_failed, healed.n_computed_in_all) == (1, 0, 3)
    assert counted == [(2, 3), (3, 3)]
    after = list(read_dataset(tmp_path))
    assert [row["id"] for row in after] == [task.id for task in given]
    assert [after[0], after[2]] == [before[0], before[2]]
    assert after[1]["status"] == "ok"
    assert build_dataset(given, tmp_path, n_jobs=1, retry_failed=True).n_shards_computed == 0


KILLED = """
import sys, pathlib, json
from symvib.forward.dataset import build_dataset
from symvib.forward.dataset_rows import DatasetTask
if __name__ == "__main__":
    tasks = [DatasetTask(**row) for row in json.loads(pathlib.Path(sys.argv[1]).read_text())]
    print(build_dataset(tasks, sys.argv[2], shard_size=1, n_jobs=2).n_shards_computed, flush=True)
"""


def start_build(tmp_path, tasks, folder):
    listed = tmp_path / "given.json"
    listed.write_text(json.dumps([vars(t) for t in tasks]))
    script = tmp_path / "build.py"
    script.write_text(KILLED)
    return subprocess.Popen(
        [sys.executable, str(script), str(listed), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_shards(folder, wanted, seconds=90):
    end = time.monotonic() + seconds
    while len(list((folder / "shards").glob("*.parquet"))) < wanted:
        assert time.monotonic() < end, "no shard was written in time"
        time.sleep(0.02)


def test_killed_and_started_again_nothing_is_lost_or_doubled(tasks, tmp_path):
    folder = tmp_path / "out"
    many = [replace(t, id=f"{t.id}-{k}") for k in range(6) for t in tasks]
    process = start_build(tmp_path, many, folder)
    wait_for_shards(folder, 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "shards").glob("*.parquet")}
    assert 2 <= len(before) < len(many)
    report = build_dataset(many, folder, shard_size=1, n_jobs=2)
    assert report.n_shards_computed == len(many) - len(before)
    assert read_dataset(folder).column("id") == [t.id for t in many]
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "shards").glob("*.parquet")}
    assert {name: after[name] for name in before} == before  # finished shards were not touched
    assert not list((folder / "shards").glob(".*.part"))


def test_a_molecule_that_kills_its_worker_is_flagged(tasks, tmp_path):
    """Computed alone it dies again, and is given up; every other molecule is computed."""
    script = tmp_path / "build.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, signal, sys
            from symvib.forward import dataset
            from symvib.forward.dataset_rows import DatasetTask, RowSettings, compute_row
            import json, pathlib
            if __name__ == "__main__":
                tasks = [DatasetTask(**row) for row in json.loads(pathlib.Path(sys.argv[1]).read_text())]
                def deadly(t, settings):
                    if t.smiles == "C":
                        os.kill(os.getpid(), signal.SIGKILL)
                    return compute_row(t, settings)
                def shard(*arguments):
                    dataset.compute_row = deadly
                    return original(*arguments)
                original, dataset._shard = dataset._shard, shard
                dataset.build_dataset(tasks, {str(tmp_path / "out")!r}, shard_size=2, n_jobs=2)
            """
        )
    )
    listed = tmp_path / "given.json"
    listed.write_text(json.dumps([vars(t) for t in tasks]))
    subprocess.run([sys.executable, str(script), str(listed)], check=True, timeout=300, capture_output=True)
    data = read_dataset(tmp_path / "out")
    status = dict(zip(data.column("smiles"), data.column("status"), strict=True))
    assert status.pop("C") == "failed"
    assert set(status.values()) == {"ok"}
    assert "worker died 2 times" in data[SMILES.index("C")]["message"]


def test_disk_full_in_mid_shard(water, tmp_path):
    target = tmp_path / "shard.parquet"
    target.write_bytes(b"what was there before")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        with pytest.raises(DatasetError, match="make room, then run the same command again"):
            write_rows(target, [water], {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert target.read_bytes() == b"what was there before"
    assert os.listdir(tmp_path) == ["shard.parquet"]


def test_other_settings_or_molecules_are_refused(tasks, tmp_path):
    build_dataset(tasks[:2], tmp_path, shard_size=2, n_jobs=1)
    with pytest.raises(DatasetError, match="method: 'GFN2-xTB' there, 'GFN1-xTB' now"):
        build_dataset(tasks[:2], tmp_path, RowSettings("GFN1-xTB"), shard_size=2)
    with pytest.raises(DatasetError, match="2 other molecules"):
        build_dataset(tasks[1:3], tmp_path, shard_size=2)


def test_ids_must_be_unique(tasks, tmp_path):
    with pytest.raises(DatasetError, match="'O' occurs twice"):
        build_dataset([tasks[0], tasks[0]], tmp_path)
    assert not os.listdir(tmp_path)


def test_what_is_no_dataset_is_told(water, tmp_path):
    with pytest.raises(DatasetError, match="no dataset at"):
        read_dataset(tmp_path / "nowhere")
    (tmp_path / "bad.parquet").write_text("not parquet")
    with pytest.raises(DatasetError, match="not a readable Parquet file"):
        read_dataset(tmp_path / "bad.parquet")
    (tmp_path / "shards").mkdir()
    for name in ("0.parquet", "1.parquet"):
        write_rows(tmp_path / "shards" / name, [water], {})
    with pytest.raises(DatasetError, match="more than once"):
        read_dataset(tmp_path)


def test_another_schema_version_is_refused(water, tmp_path, monkeypatch):
    from symvib.forward import dataset_files

    monkeypatch.setattr(dataset_files, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    write_rows(tmp_path / "new.parquet", [water], {})
    monkeypatch.undo()
    with pytest.raises(DatasetError, match=f"schema version {SCHEMA_VERSION + 1}"):
        read_dataset(tmp_path / "new.parquet")


def test_a_dask_cluster_of_two_workers_gives_the_same(tasks, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs symvib[cluster]")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        with distributed.Client(cluster) as client:
            threads = client.run(os.environ.get, "OMP_NUM_THREADS")
        assert set(threads.values()) == {"1"}  # as the docstring of build_dataset says
        build_dataset(tasks, tmp_path / "dask", shard_size=1, scheduler=cluster.scheduler_address)
    build_dataset(tasks, tmp_path / "local", shard_size=2, n_jobs=1)
    dask, local = read_dataset(tmp_path / "dask"), read_dataset(tmp_path / "local")
    assert dask.column("id") == local.column("id")
    for a, b in zip(dask.column("wavenumber_cm1"), local.column("wavenumber_cm1"), strict=True):
        assert np.allclose(a, b, atol=0.01)


def test_a_scheduler_that_dies_is_told(tasks, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs symvib[cluster]")
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    )
    try:
        many = [replace(t, id=f"{t.id}-{k}") for k in range(20) for t in tasks]
        with pytest.raises(DatasetError, match=r"went away \(.*15[0-9] shards .* intact"):
            build_dataset(
                many,
                tmp_path,
                shard_size=1,
                scheduler=cluster.scheduler_address,
                on_done=lambda done, _: cluster.close() if done == 3 else None,
            )
    finally:
        cluster.close()
    assert 3 <= len(list((tmp_path / "shards").glob("*.parquet"))) < len(many)


def test_no_scheduler_at_the_address(tasks, tmp_path):
    pytest.importorskip("distributed", reason="needs symvib[cluster]")
    with pytest.raises(DatasetError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        build_dataset(tasks[:1], tmp_path, scheduler="tcp://127.0.0.1:9")


def test_files_become_tasks(tmp_path):
    path = tmp_path / "mine.xyz"
    path.write_text("3\nwater\nO 0 0 0.119\nH 0 0.763 -0.477\nH 0 -0.763 -0.477\n")
    (only,) = file_tasks([path])
    assert (only.id, only.source, only.numbers) == ("mine", "files", (8, 1, 1))


def test_a_row_by_its_id():
    data = shipped_dataset("lines_symmetric_gfn2")
    name = data.column("id")[7]
    assert data[name] == data[7]
    with pytest.raises(DatasetError, match="no molecule 'nonsense'"):
        data["nonsense"]


@pytest.mark.parametrize("symbols", [("O", "D", "D"), ("18O", "H", "H"), ("O", "H", "D")])
def test_isotopes_of_a_file_are_computed_and_kept(symbols, tmp_path):
    places = ("0 0 0.119", "0 0.763 -0.477", "0 -0.763 -0.477")
    path = tmp_path / "water.xyz"
    path.write_text("3\n\n" + "\n".join(f"{s} {p}" for s, p in zip(symbols, places, strict=True)) + "\n")
    molecule = as_molecule(path)
    build_dataset(file_tasks([path]), tmp_path / "out", n_jobs=1)
    data = read_dataset(tmp_path / "out")
    assert data.molecule(0).formula == molecule.formula != "H2O"
    from symvib import harmonic_response, normal_modes

    expected = normal_modes(harmonic_response(molecule)).wavenumbers_cm1
    assert np.abs(data.lines(0).wavenumbers_cm1 - expected).max() < 0.05
    assert np.abs(normal_modes(data.response(0)).wavenumbers_cm1 - expected).max() < 0.05


def test_masses_of_no_isotope_are_refused(tmp_path):
    path = tmp_path / "heavy.json"
    path.write_text(json.dumps({"symbols": ["H", "F"], "geometry": [0, 0, 0, 0, 0, 1.75], "masses": [1.5, 19.0]}))
    with pytest.raises(DatasetError, match=r"heavy\.json: atom 0 has the mass 1\.5 u"):
        file_tasks([path])


def test_charge_and_radicals_of_files(tmp_path):
    path = tmp_path / "oh.xyz"
    path.write_text("2\ncharge=-1\nO 0 0 0\nH 0 0 0.97\n")
    (ion,), (radical,) = file_tasks([path]), file_tasks([path], charge=0, unpaired_electrons=1)
    assert (ion.charge, ion.unpaired_electrons) == (-1, 0)
    assert (radical.charge, radical.unpaired_electrons) == (0, 1)
    row = compute_row(radical, RowSettings())
    assert (row["status"], row["charge"], row["unpaired_electrons"]) == ("ok", 0, 1)
    (wrong,) = file_tasks([path], charge=0)
    assert "9 electrons; 0 of them cannot be unpaired" in compute_row(wrong, RowSettings())["message"]


def test_shards_from_before_the_column_of_isotopes_are_read_beside_new_ones(water, tmp_path):
    from symvib.forward.dataset_files import COLUMNS

    (tmp_path / "shards").mkdir()
    old = [name for name in COLUMNS if name not in ("mass_numbers", "unpaired_electrons")]
    write_rows(tmp_path / "shards" / "00000.parquet", [water | {"id": "old"}], {}, old)
    write_rows(tmp_path / "shards" / "00001.parquet", [water], {})
    data = read_dataset(tmp_path)
    assert data.column("mass_numbers") == [None, [0, 0, 0]]
    assert data.molecule(0).formula == data.molecule(1).formula == "H2O"


def test_an_unknown_column_is_told(water, tmp_path):
    write_rows(tmp_path / "one.parquet", [water], {})
    with pytest.raises(DatasetError, match="no column 'wavenumbers'; there are id, source"):
        read_dataset(tmp_path / "one.parquet", columns=["wavenumbers"])


def test_a_build_goes_on_with_the_shards_it_was_begun_with(tasks, tmp_path):
    build_dataset(tasks[:4], tmp_path, shard_size=3, n_jobs=1)
    assert build_dataset(tasks[:4], tmp_path).n_shards == 2
