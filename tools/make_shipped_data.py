"""Collect built datasets into the files that ship: line lists, and full responses of a survey subset.

    python tools/make_shipped_data.py QM9_GFN2 SYMMETRIC_GFN2 [--gfn1 FOLDER] [--survey-megabytes 11.5]

The folders are those of ``symvib dataset build``. Floats are rounded to fewer binary digits (relative error below
1e-6 for wavenumbers and Hessians, 2e-4 for intensities), which is what makes the files small. ``bonding_kept`` is
recomputed from the first and last geometry. Minutes.
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from symvib.forward.dataset_files import COLUMNS, RESPONSE_COLUMNS, read_dataset, write_rows
from symvib.forward.engines._optimise import bonding_changes
from symvib.groups.molecule import Molecule

TARGET = Path(__file__).parents[1] / "forward" / "data"
LINE_COLUMNS = [name for name in COLUMNS if name not in RESPONSE_COLUMNS]
SMALL = 10  # atoms
BITS = {  # binary digits kept of each float
    "positions_angstrom": 23,
    "wavenumber_cm1": 19,
    "ir_km_per_mol": 12,
    "raman_a4_per_amu": 12,
    "depolarization": 10,
    "hessian_lower_hartree_per_bohr2": 20,
    "dipole_derivatives_e": 16,
    "polarizability_derivatives_bohr2": 16,
    "polarizability_bohr3": 18,
}


def rounded(values, bits):
    """Values with ``bits`` binary digits in the mantissa; None stays None."""
    if values is None:
        return None
    array = np.array([np.nan if v is None else v for v in values])
    mantissa, exponent = np.frexp(array)
    result = np.ldexp(np.round(mantissa * 2.0**bits) / 2.0**bits, exponent)
    return [None if np.isnan(v) else float(v) for v in result]


def rows_of(folder):
    """Rows of a built dataset, bonding judged anew, floats rounded."""
    starts = {task["id"]: task for task in json.loads((Path(folder) / "tasks.json").read_text())}
    for row in read_dataset(folder):
        if row["status"] == "ok":
            first = Molecule.from_arrays(row["numbers"], starts[row["id"]]["positions_angstrom"])
            last = Molecule.from_arrays(row["numbers"], np.reshape(row["positions_angstrom"], (-1, 3)))
            row["bonding_kept"] = not any(bonding_changes(first, last))
        yield row | {name: rounded(row[name], bits) for name, bits in BITS.items()}


def ship(name, rows, provenance, columns):
    """Write one file and say what is in it."""
    path = TARGET / f"{name}.parquet"
    write_rows(path, rows, provenance, columns)
    good = len(read_dataset(path).trusted())
    print(f"{path.name}: {len(rows)} molecules, {good} trusted, {path.stat().st_size / 1e6:.2f} MB")


def survey(qm9, symmetric, megabytes):
    """Trusted molecules whose responses fit: symmetric ones and QM9's, half of the room each, in their order."""
    chosen = []
    for rows in (symmetric, qm9):
        room = megabytes * 1e6 / 2
        for row in rows:
            if row["status"] == "ok" and row["bonding_kept"] and not row["n_imaginary"]:
                size = 3 * len(row["numbers"])
                room -= 2.9 * size * (size / 2 + 9) + 24 * size
                if room < 0:
                    break
                chosen.append(row)
    return chosen


def main(
    qm9: Annotated[Path, typer.Argument()],
    symmetric: Annotated[Path, typer.Argument()],
    more_qm9: Annotated[list[Path] | None, typer.Option()] = None,
    gfn1: Annotated[list[Path] | None, typer.Option()] = None,
    survey_megabytes: Annotated[float, typer.Option()] = 11.5,
) -> None:
    """Write the shipped files."""
    TARGET.mkdir(exist_ok=True)
    parts = [qm9, *(more_qm9 or [])]
    tables = {"qm9": [row for part in parts for row in rows_of(part)], "symmetric": list(rows_of(symmetric))}
    provenance = read_dataset(qm9).provenance
    for name, rows in tables.items():
        ship(f"lines_{name}_gfn2", rows, provenance, LINE_COLUMNS)
    if gfn1:
        rows = [row for folder in gfn1 for row in rows_of(folder)]
        ship("lines_test_gfn1", rows, read_dataset(gfn1[0]).provenance, LINE_COLUMNS)
    # QM9's list begins with its symmetric molecules: the smallest of all, then every third one of the list.
    small = [row for row in tables["qm9"] if len(row["numbers"]) <= SMALL]
    others = [row for row in tables["qm9"] if len(row["numbers"]) > SMALL]
    chosen = survey([*small, *others[::3]], tables["symmetric"][::2], survey_megabytes)
    ship("responses_survey_gfn2", chosen, provenance, list(COLUMNS))


if __name__ == "__main__":
    typer.run(main)
