"""Published sets from elsewhere: small files in their layout, made of symvib's own responses; wrong rows refused."""

import csv
import json
import shutil
import sqlite3
from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("rdkit")
torch = pytest.importorskip("torch")

from symvib.constants import BOHR_ANGSTROM, ELEMENTARY_CHARGE_C, HARTREE_J  # noqa: E402
from symvib.errors import DatasetError  # noqa: E402
from symvib.forward.dataset_files import shipped_dataset  # noqa: E402
from symvib.spektron._structural_formula import connectivity_key, structure_facts  # noqa: E402
from symvib.spektron.external_sets import join_by_structure, read_chembl_ir, read_qm9s  # noqa: E402
from symvib.spektron.rendering import LineBatch, render_batch  # noqa: E402

AXIS = np.arange(500.0, 4001.0)
EV_PER_ANGSTROM2 = HARTREE_J / ELEMENTARY_CHARGE_C / BOHR_ANGSTROM**2  # of 1 Eh/bohr^2


# ---- QM9S ---------------------------------------------------------------------------------------------------------


@dataclass
class Entry:
    smiles: str
    numbers: np.ndarray
    positions: np.ndarray
    hessian: np.ndarray
    spectra: np.ndarray  # (2, 3501)


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    rows = shipped_dataset("responses_survey_gfn2").trusted()
    kept = [
        k
        for k, (source, smiles) in enumerate(zip(rows.column("source"), rows.column("smiles"), strict=True))
        if source == "qm9" and smiles
    ][20:44]
    spectra = render_batch(LineBatch.of([rows.lines(k) for k in kept]), torch.tensor(AXIS), 0.0, 15.0).numpy()
    responses = [rows.response(k) for k in kept]
    return [
        Entry(rows[k]["smiles"], r.molecule.numbers, r.molecule.positions, r.hessian * EV_PER_ANGSTROM2, s)
        for k, r, s in zip(kept, responses, spectra, strict=True)
    ]


def write_molecule(path, number, entry):
    """A file of qm9s_csv: column numbers, (number, QM9 number, SMILES, N), 9 lines, atoms, derivatives, Hessian."""
    n = len(entry.numbers)
    rows = [[number, number + 3, entry.smiles, n], *([[0.0]] * 9)]
    rows += [[float(z), *xyz] for z, xyz in zip(entry.numbers, entry.positions.tolist(), strict=True)]
    rows += [[0.0] * 9] * n + [[0.0] * 18] * n + entry.hessian.tolist()
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["", *range(3 * n)])
        writer.writerows([k, *row] for k, row in enumerate(rows))


def write_table(path, spectra, first=0):
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["", *(f"{x:g}" for x in AXIS)])
        writer.writerows([first + k, *(f"{v:.6g}" for v in row)] for k, row in enumerate(spectra))


def write_qm9s(folder, entries, first_label=0):
    (folder / "qm9s_csv").mkdir(parents=True)
    for number, entry in enumerate(entries, start=1):
        write_molecule(folder / "qm9s_csv" / f"{number:06d}.csv", number, entry)
    for modality, name in enumerate(("ir_boraden.csv", "raman_boraden.csv")):
        write_table(folder / name, [entry.spectra[modality] for entry in entries], first_label)
    return folder


def changed(entry, **values):
    return Entry(**{**vars(entry), **values})


def test_every_molecule_has_its_own_spectra(tmp_path, entries):
    found = read_qm9s(write_qm9s(tmp_path, entries))
    assert found.ids == tuple(f"qm9s-{k:06d}" for k in range(1, len(entries) + 1))
    assert found.spectra.shape == (len(entries), 2, 3501)
    assert np.allclose(found.spectra, [e.spectra for e in entries], rtol=1e-5, atol=1e-12)
    assert found.axis_cm1.tolist() == AXIS.tolist()
    assert not found.refused
    assert found.structure_keys == tuple(connectivity_key(e.smiles) for e in entries)
    assert found.as_dict()["simulated"] is True


def test_a_zip_file_of_molecules_is_the_same(tmp_path, entries):
    folder = write_qm9s(tmp_path, entries[:6])
    before = read_qm9s(folder)
    shutil.make_archive(str(folder / "qm9s_csv"), "zip", folder, "qm9s_csv")
    shutil.rmtree(folder / "qm9s_csv")
    assert (read_qm9s(folder).spectra == before.spectra).all()


def test_spectra_of_other_molecules_are_refused_and_counted(tmp_path, entries):
    """Rows 3 and 10 swapped in both tables, as they have been seen to be."""
    spectra = [e.spectra for e in entries]
    spectra[3], spectra[10] = spectra[10], spectra[3]
    swapped = [changed(e, spectra=s) for e, s in zip(entries, spectra, strict=True)]
    found = read_qm9s(write_qm9s(tmp_path, swapped))
    assert set(found.ids) == {f"qm9s-{k:06d}" for k in range(1, len(entries) + 1)} - {"qm9s-000004", "qm9s-000011"}
    assert found.refused == {"bands are not at the molecule's frequencies": 2}


def test_one_wrong_table_is_enough(tmp_path, entries):
    mixed = np.array([entries[5].spectra[0], entries[12].spectra[1]])
    found = read_qm9s(write_qm9s(tmp_path, [*entries[:5], changed(entries[5], spectra=mixed), *entries[6:12]]))
    assert "qm9s-000006" not in found.ids
    assert len(found) == 11
    alone = read_qm9s(tmp_path, modalities=["ir"])
    assert len(alone) == 12
    assert alone.spectra.shape[1] == 1


@pytest.mark.parametrize("first_label", [-1, 1])
def test_a_shift_of_all_labels_is_found(tmp_path, entries, first_label):
    found = read_qm9s(write_qm9s(tmp_path, entries, first_label))
    assert len(found) == len(entries)
    assert np.allclose(found.spectra, [e.spectra for e in entries], rtol=1e-5, atol=1e-12)
    assert f"{first_label - 1:+d}" in found.notes[0]


def test_a_common_scale_factor_is_found(tmp_path, entries):
    unscaled = [changed(e, hessian=e.hessian / 0.965**2) for e in entries]
    found = read_qm9s(write_qm9s(tmp_path, unscaled))
    assert len(found) == len(entries)
    assert "0.9650" in found.notes[0]


def test_a_structure_that_is_not_that_of_the_geometry_is_refused(tmp_path, entries):
    wrong = [
        changed(entries[0], smiles="CCCCCCC"),
        changed(entries[1], smiles="not a SMILES"),
        changed(entries[2], hessian=-entries[2].hessian),
        *entries[3:],
    ]
    found = read_qm9s(write_qm9s(tmp_path, wrong))
    assert found.refused == {
        "SMILES has another composition than the geometry": 1,
        "SMILES cannot be read": 1,
        "Hessian is not that of a minimum": 1,
    }


def test_an_isomer_of_the_geometry_is_refused(tmp_path, entries):
    by_formula = {}
    for entry in entries:
        by_formula.setdefault(structure_facts(entry.smiles).formula, []).append(entry)
    one, other = next(found for found in by_formula.values() if len(found) > 1)[:2]
    found = read_qm9s(write_qm9s(tmp_path, [changed(one, smiles=other.smiles), other]))
    assert found.refused == {"SMILES has another connectivity than the geometry": 1}
    assert found.smiles == (structure_facts(other.smiles).smiles,)


def test_a_missing_or_empty_spectrum_is_counted(tmp_path, entries):
    empty = [*entries[:4], changed(entries[4], spectra=np.zeros((2, 3501))), *entries[5:8]]
    folder = write_qm9s(tmp_path, empty)
    for name, modality in (("ir_boraden.csv", 0), ("raman_boraden.csv", 1)):
        write_table(folder / name, [e.spectra[modality] for e in empty[:7]])
    assert read_qm9s(folder).refused == {"spectrum is empty or not finite": 1, "no spectrum": 1}


def test_limit_reads_the_first_molecules(tmp_path, entries):
    assert len(read_qm9s(write_qm9s(tmp_path, entries), limit=5)) == 5


def test_files_that_are_missing_or_of_another_layout_are_named(tmp_path, entries):
    folder = write_qm9s(tmp_path / "set", entries[:3])
    with pytest.raises(DatasetError, match="neither qm9s_csv"):
        read_qm9s(tmp_path)
    with pytest.raises(DatasetError, match="uv"):
        read_qm9s(folder, modalities=["uv"])
    table = folder / "raman_boraden.csv"
    text = table.read_text()
    for wrong, message in (
        (text.replace("\n1,", "\nCCO,", 1), "begins with a number"),
        (text.replace(",501,", ",499,", 1), "ascending"),
        (text.replace("\n1,", "\n1,3.0,", 1), "3502 values"),
        (text.replace("\n1,", "\n1,x", 1), "line 3"),
    ):
        table.write_text(wrong)
        with pytest.raises(DatasetError, match=message):
            read_qm9s(folder)
    table.unlink()
    with pytest.raises(DatasetError, match="no such file"):
        read_qm9s(folder)
    molecule = folder / "qm9s_csv" / "000002.csv"
    text = molecule.read_text()
    first, second = text.split("\n", 2)[:2]
    cells = second.split(",")
    infinite = text.replace(second, ",".join([cells[0], "inf", *cells[2:]]), 1)
    for wrong in (b"a,b\n1,2\n", first.encode() + b"\n\xff\xfe\n", infinite.encode()):
        molecule.write_bytes(wrong)
        with pytest.raises(DatasetError, match=r"000002\.csv is not a molecule's file"):
            read_qm9s(folder)
    molecule.write_bytes(b"1," * (2**23 + 1))
    with pytest.raises(DatasetError, match="at most"):
        read_qm9s(folder)


def test_nothing_that_fits_is_an_error(tmp_path, entries):
    rolled = [changed(e, spectra=entries[(k + 7) % 12].spectra) for k, e in enumerate(entries[:12])]
    with pytest.raises(DatasetError, match="no molecule of 12"):
        read_qm9s(write_qm9s(tmp_path, rolled))


# ---- tables of lines ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def line_rows() -> list[dict]:
    rows = shipped_dataset("lines_qm9_gfn2").trusted()
    return [
        {
            "id": f"CHEMBL{k}",
            "smiles": rows[k]["smiles"],
            "freq": rows[k]["wavenumber_cm1"],
            "IR Inten": rows[k]["ir_km_per_mol"],
            "Raman Activ": rows[k]["raman_a4_per_amu"],
        }
        for k in range(200, 230)
    ]


def write_lines(path, rows):
    """As CSV, Parquet or SQLite, by the ending of the path."""
    texts = [{k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()} for row in rows]
    if path.suffix == ".csv":
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(texts[0]))
            writer.writeheader()
            writer.writerows(texts)
    elif path.suffix == ".parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        with sqlite3.connect(path) as connection:
            columns = ", ".join(f'"{name}" TEXT' for name in texts[0])
            connection.execute(f"CREATE TABLE molecules ({columns})")
            marks = ", ".join("?" for _ in texts[0])
            connection.executemany(f"INSERT INTO molecules VALUES ({marks})", [tuple(t.values()) for t in texts])
        connection.close()
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet", "db"])
def test_lines_are_those_of_the_table(tmp_path, line_rows, ending):
    found = read_chembl_ir(write_lines(tmp_path / f"set.{ending}", line_rows))
    assert found.ids == tuple(row["id"] for row in line_rows)
    assert found.modalities == found.lines.modalities == ("ir", "raman")
    for k, row in enumerate(line_rows):
        n = len(row["freq"])
        assert found.lines.wavenumbers_cm1[k, :n].tolist() == pytest.approx(row["freq"])
        assert found.lines.intensities[k, 1, :n].tolist() == pytest.approx(row["Raman Activ"])
    assert len(read_chembl_ir(tmp_path / f"set.{ending}", limit=4)) == 4


def test_infrared_alone(tmp_path, line_rows):
    rows = [{k: v for k, v in row.items() if k not in ("Raman Activ", "id")} for row in line_rows]
    found = read_chembl_ir(write_lines(tmp_path / "ir.csv", rows))
    assert found.modalities == ("ir",)
    assert found.ids[:2] == ("0", "1")


def test_rows_that_cannot_be_right_are_refused_and_counted(tmp_path, line_rows):
    first, second, third, fourth, fifth, *others = line_rows
    rows = [
        {**first, "smiles": "C1CC"},
        {
            **second,
            "freq": second["freq"][1:],
            "IR Inten": second["IR Inten"][1:],
            "Raman Activ": second["Raman Activ"][1:],
        },
        {**third, "freq": [-30.0, *third["freq"][1:]]},
        {**fourth, "IR Inten": fourth["IR Inten"][1:]},
        {**fifth, "freq": [1000.0, *fifth["freq"][1:-1], 2000.0]},
        *others,
        others[0],
    ]
    found = read_chembl_ir(write_lines(tmp_path / "set.csv", rows))
    assert found.refused == {
        "SMILES cannot be read": 1,
        "number of modes is not that of the structure": 1,
        "imaginary wavenumber or negative intensity": 1,
        "numbers missing or not readable": 1,
        "X-H stretches are not those of the structure": 1,
        "structure occurs again": 1,
    }
    assert len(found) == len(others)


def test_own_lines_pass_the_check_of_x_h_stretches():
    """What the docstring states: 2 of 10,729 fail."""
    rows = shipped_dataset("lines_qm9_gfn2", ["smiles", "wavenumber_cm1"]).trusted()
    smiles, wavenumbers = rows.column("smiles"), rows.column("wavenumber_cm1")
    chosen = np.random.default_rng(1).choice(len(rows), 300, replace=False)
    wrong = [row for row in chosen if (np.array(wavenumbers[row]) > 2500).sum() != structure_facts(smiles[row]).n_x_h]
    assert len(wrong) <= 1


def test_pickled_columns_are_refused(tmp_path, line_rows):
    path = tmp_path / "pickled.db"
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE molecules (smiles TEXT, freq BLOB, "IR Inten" BLOB)')
        connection.execute("INSERT INTO molecules VALUES ('CO', ?, ?)", (b"\x80\x04N.", b"\x80\x04N."))
    connection.close()
    with pytest.raises(DatasetError, match="pickle"):
        read_chembl_ir(path)


def test_tables_that_cannot_be_read_are_named(tmp_path, line_rows):
    for name, message in (
        ("none.csv", "no such file"),
        ("set.txt", "ending"),
        ("bad.db", "SQLite"),
        ("bad.parquet", "Parquet"),
    ):
        if not name.startswith("none"):
            (tmp_path / name).write_text("nothing of the kind")
        with pytest.raises(DatasetError, match=message):
            read_chembl_ir(tmp_path / name)
    (tmp_path / "latin.csv").write_bytes(b"smiles,freq,ir\nC\xe9,1,2\n")
    with pytest.raises(DatasetError, match="not a readable CSV"):
        read_chembl_ir(tmp_path / "latin.csv")
    with pytest.raises(DatasetError, match="freq"):
        read_chembl_ir(write_lines(tmp_path / "few.csv", [{"smiles": "CO", "ir": "1 2"}]))
    write_lines(tmp_path / "two.db", line_rows)
    with sqlite3.connect(tmp_path / "two.db") as connection:
        connection.execute("CREATE TABLE other (smiles TEXT)")
    connection.close()
    with pytest.raises(DatasetError, match="molecules, other"):
        read_chembl_ir(tmp_path / "two.db")
    assert len(read_chembl_ir(tmp_path / "two.db", table="molecules")) == len(line_rows)


# ---- joining ------------------------------------------------------------------------------------------------------


def test_sets_are_joined_by_structure_not_by_row(tmp_path, line_rows):
    found = read_chembl_ir(write_lines(tmp_path / "set.csv", line_rows))
    shuffled = [row["smiles"] for row in line_rows[::-1]][3:] + ["", "CCCCCCCCCCCC"]
    join = join_by_structure(found, shuffled)
    keys = [connectivity_key(text) if text else "" for text in shuffled]
    assert [found.structure_keys[k] for k in join.rows] == [keys[k] for k in join.other_rows]
    assert len(join.rows) + join.n_ambiguous + join.n_only_here == len(found)
    assert join.n_only_here == 3


def test_stereoisomers_do_not_join(tmp_path, line_rows):
    found = read_chembl_ir(write_lines(tmp_path / "set.csv", line_rows))
    join = join_by_structure(found, [found.smiles[0], found.smiles[0], found.smiles[1]])
    assert join.n_ambiguous == 1
    assert join.rows.tolist() == [1]


def test_formulas_are_those_of_the_training_data(tmp_path, line_rows):
    """So that the same hash puts them into the same part of a split."""
    found = read_chembl_ir(write_lines(tmp_path / "set.csv", line_rows))
    rows = shipped_dataset("lines_qm9_gfn2", ["formula"]).trusted()
    assert list(found.formulas) == rows.column("formula")[200:230]
