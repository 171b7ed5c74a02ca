"""Fit the constants of ``symvib.forward.transferable`` to computed Hessians, and measure the error on others.

    python tools/fit_transferable_force_field.py DATASET... [--limit N]

DATASET are Parquet files or folders with full responses (``symvib dataset build``). For reference modes d_k of a
molecule, ``d_k^T (B^T F(x) B) d_l`` must be lambda_k delta_kl: linear in the constants x, so this is a ridge
regression; residuals are divided by sqrt(lambda_k lambda_l): relative errors of wavenumbers. Gauss-Newton
steps on the wavenumbers themselves, paired in ascending order, follow.
Every fifth molecule (by a hash of its id) is left out and used for the error. Only main-group molecules whose atoms
have at most four neighbours count. Then ``measure_transferable_error.py`` measures the error by class of molecule with
the new constants and completes the table: without it the statement of the force field has no error to name. Minutes.
"""

import json
import sys
from pathlib import Path
from typing import Annotated
from zlib import crc32

import numpy as np
import typer
from rich.progress import track

from symvib.forward.dataset_files import read_dataset
from symvib.forward.force_constants import AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2, SQRT_MDYN_PER_ANGSTROM_U_IN_CM1
from symvib.forward.selection import internal_coordinates
from symvib.forward.transferable import _table, in_scope, transferable_terms

sys.path.insert(0, str(Path(__file__).parents[1] / "studies"))  # the error statistics of the studies
from _tools import compact_json, summarise

TARGET = Path(__file__).parents[1] / "forward" / "data" / "transferable_force_field.json"
CM1 = SQRT_MDYN_PER_ANGSTROM_U_IN_CM1
FLOOR_CM1 = 150.0  # wavenumbers below this weigh as if they were this high
OFF_DIAGONAL = 0.4  # weight of the pairs of different modes
RIDGE = {"kind": 1e-6, "elements": 0.02, "typed": 0.1}
SEEN = {"kind": 1, "elements": 1, "typed": 6}  # entries in the fit that a constant needs, to be kept
GAUSS_NEWTON_STEPS = 5
GUIDE = 0.05  # weight of the linear problem beside the wavenumbers


class Case:
    """One molecule: design matrix of its modes, in the constants at three levels."""

    def __init__(self, dataset, index):
        response = dataset.response(index)
        molecule = response.molecule
        row = dataset[index]
        self.id, self.source = row["id"], row["source"]
        internals = internal_coordinates(molecule)
        terms = list(transferable_terms(molecule, internals))
        masses = np.repeat(molecule.masses, 3)
        hessian = response.hessian * AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2
        values, vectors = np.linalg.eigh(hessian / np.sqrt(np.outer(masses, masses)))
        n_vib = len(row["wavenumber_cm1"])
        keep = np.sort(np.argsort(np.abs(values))[len(values) - n_vib :])
        self.values, self.modes = (
            values[keep],
            internals.b_matrix(molecule.positions) @ (vectors[:, keep] / np.sqrt(masses)[:, None]),
        )
        self.names = sorted({term.levels for term in terms})
        number = {levels: p for p, levels in enumerate(self.names)}
        rows = [[] for _ in self.names]
        for term in terms:
            rows[number[term.levels]].append((term.i, term.j, term.coefficient))
        self.matrices = np.empty((len(rows), n_vib, n_vib), dtype=np.float32)
        for p, row in enumerate(rows):
            i, j, c = (np.array(column) for column in zip(*row, strict=True))
            half = (self.modes[i] * (c * np.where(i == j, 0.5, 1.0))[:, None]).T @ self.modes[j]
            self.matrices[p] = half + half.T
        self.counts = np.array([len(row) for row in rows])

    def weighted(self):
        """Design (n_par, n_pairs) and target, divided by the geometric mean of the reference eigenvalues."""
        scale = 1 / np.sqrt(np.maximum(self.values, (FLOOR_CM1 / CM1) ** 2))
        a, b = np.triu_indices(len(self.values))
        weight = scale[a] * scale[b] * np.where(a == b, 1.0, OFF_DIAGONAL)
        return self.matrices[:, a, b] * weight, np.where(a == b, self.values[a], 0.0) * weight

    def place(self, numbers):
        """Learn the numbers of the constants: ``columns`` of them occur here, ``spread`` sums the levels."""
        keys = [[numbers[key] for key in set(levels) if key in numbers] for levels in self.names]
        self.columns = np.unique(np.concatenate([np.array(k, dtype=int) for k in keys]))
        self.spread = np.zeros((len(keys), len(self.columns)))
        for p, k in enumerate(keys):
            self.spread[p, np.searchsorted(self.columns, k)] = 1.0

    def _solved(self, constants):
        return np.linalg.eigh(np.tensordot(self.spread @ constants[self.columns], self.matrices, 1))

    def linearised(self, constants):
        """Design (n_par, d) and target of relative errors of sqrt(lambda), linear about ``constants``."""
        values, vectors = self._solved(constants)
        floor = (FLOOR_CM1 / CM1) ** 2
        scale = 1 / np.sqrt(np.maximum(self.values, floor))
        slopes = np.einsum("pij,ik,jk->pk", self.matrices, vectors, vectors, optimize=True)
        slopes *= scale / (2 * np.sqrt(np.maximum(values, floor)))
        roots = [np.sign(v) * np.sqrt(np.abs(v)) for v in (self.values, values)]
        return slopes, (roots[0] - roots[1]) * scale + (self.spread @ constants[self.columns]) @ slopes

    def wavenumbers(self, constants):
        """Reference and predicted, ascending."""
        return [np.sign(v) * CM1 * np.sqrt(np.abs(v)) for v in (self.values, self._solved(constants)[0])]


def main(
    datasets: Annotated[list[Path], typer.Argument()],
    limit: Annotated[int, typer.Option(help="Molecules of each dataset, at most.")] = 100_000,
    classes: Annotated[bool, typer.Option(help="Measure the error by class of molecule, too.")] = True,
) -> None:
    """Fit, measure, write the table."""
    fitted, left_out = [], []
    for path in datasets:
        dataset = read_dataset(path).trusted()
        for index in track(range(min(limit, len(dataset))), description=str(path)):
            if in_scope(dataset.molecule(index)):
                case = Case(dataset, index)
                (left_out if crc32(case.id.encode()) % 5 == 0 else fitted).append(case)
    ridge, x = fit(fitted, left_out)
    error = measure(left_out, x) | {"n_fitted": len(fitted)}
    for source in sorted({case.source for case in left_out}):
        error[source] = measure([case for case in left_out if case.source == source], x)
    # The error is that of the fit without them; what ships is fitted to all.
    ridge, x = fit([*fitted, *left_out], [])
    error |= {"n_fitted_in_the_end": len(fitted) + len(left_out), "n_constants": len(x)}
    print(json.dumps(error, indent=1))
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(table_text(error, dict(zip(ridge, x.tolist(), strict=True))))
    _table.cache_clear()
    if classes:
        import measure_transferable_error  # it imports this module

        measure_transferable_error.main(write=True)
    else:
        print(
            f'{TARGET.name} has no error["classes"] now, which symvib needs: run '
            "tools/measure_transferable_error.py --write.",
            file=sys.stderr,
        )


def table_text(error: dict[str, object], constants: dict[str, float]) -> str:
    """The table as JSON: one line for each kind of constant, whose members lack its name ("" is the kind itself)."""
    kinds = sorted((key for key in constants if not any(map(str.isupper, key))), key=len)
    rows: dict[str, dict[str, float]] = {kind: {} for kind in sorted(kinds)}
    for key in sorted(constants):
        kind = max((kind for kind in kinds if key == kind or key.startswith(kind + " ")), key=len)
        rows[kind][key.removeprefix(kind).lstrip()] = constants[key]
    return compact_json({"error": error, "constants": rows}) + "\n"


def fit(fitted: list[Case], others: list[Case]) -> tuple[dict[str, float], np.ndarray]:
    """Keys (with their ridge) and constants from ``fitted``; ``others`` learn the numbers of the constants, too."""
    ridge = kept_keys(fitted)
    numbers = {key: p for p, key in enumerate(ridge)}
    for case in (*fitted, *others):
        case.place(numbers)
    penalty = np.array(list(ridge.values()))
    # First the linear problem of the reference modes, then wavenumbers themselves, with the linear problem as a guide.
    linear = normal_equations(fitted, lambda case: case.weighted(), len(penalty))
    x = np.linalg.solve(linear[0] + np.diag(penalty), linear[1])
    for _ in range(GAUSS_NEWTON_STEPS):
        square, product = normal_equations(fitted, lambda case, x=x: case.linearised(x), len(penalty))
        x = np.linalg.solve(square + GUIDE * linear[0] + np.diag(penalty), product + GUIDE * linear[1])
    return ridge, np.round(x, 5)


def kept_keys(cases: list[Case]) -> dict[str, float]:
    """Keys of the constants that occur often enough, with the ridge of each."""
    counts: dict[tuple[str, str], int] = {}
    for case in cases:
        for levels, count in zip(case.names, case.counts, strict=True):
            for name, key in zip(RIDGE, levels, strict=True):
                counts[name, key] = counts.get((name, key), 0) + int(count)
    return {key: RIDGE[name] for (name, key), count in counts.items() if count >= SEEN[name]}


def normal_equations(cases, design_of, size):
    """Sums over the molecules of D D^T and D t, placed among all constants."""
    square, product = np.zeros((size, size)), np.zeros(size)
    for case in cases:
        design, target = design_of(case)
        part = case.spread.T
        square[np.ix_(case.columns, case.columns)] += part @ (design @ design.T) @ part.T
        product[case.columns] += part @ (design @ target)
    return square, product


def measure(cases: list[Case], constants: np.ndarray) -> dict[str, object]:
    """Errors in 1/cm on molecules that the fit has not seen; modes paired in ascending order."""
    pairs = [case.wavenumbers(constants) for case in cases]
    errors = [predicted - reference for reference, predicted in pairs]
    summary = summarise(
        np.concatenate(errors), np.repeat([case.id for case in cases], [len(e) for e in errors])
    ).as_dict()
    return {
        "reference": "GFN2-xTB (simulated), molecules left out of the fit; modes paired in ascending order",
        "n_molecules": summary["n_molecules"],
        "n_modes": summary["n_levels"],
        "mean_absolute_error_cm1": summary["mae"],
        "interval_95_cm1": [summary["mae_low"], summary["mae_high"]],
        "bias_cm1": summary["bias"],
        "percentile_90_cm1": summary["p90"],
        "median_molecule_cm1": round(float(np.median([np.abs(e).mean() for e in errors])), 1),
        "molecules_with_a_wrong_imaginary_mode": int(sum((b < 0).any() for _, b in pairs)),
    }


if __name__ == "__main__":
    typer.run(main)
