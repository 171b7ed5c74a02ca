"""Fit the constants of ``symvib.forward.transferable`` to computed Hessians, and measure the error on others.

    python tools/fit_transferable_force_field.py DATASET... [--limit N]

DATASET are Parquet files or folders with full responses (``symvib dataset build``). For reference modes d_k of a
molecule, ``d_k^T (B^T F(x) B) d_l`` must be lambda_k delta_kl: linear in the constants x, so this is a ridge
regression; residuals are divided by sqrt(lambda_k lambda_l), which makes them relative errors of wavenumbers.
Every fifth molecule (by a hash of its id) is left out and used for the error. Only main-group molecules whose atoms
have at most four neighbours count. Minutes.
"""

import json
from pathlib import Path
from typing import Annotated
from zlib import crc32

import numpy as np
import typer
from rich.progress import track

from symvib.constants import SQRT_HARTREE_PER_BOHR2_U_IN_CM1
from symvib.forward.dataset_files import read_dataset
from symvib.forward.force_constants import AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2
from symvib.forward.selection import internal_coordinates
from symvib.forward.transferable import transferable_terms

TARGET = Path(__file__).parents[1] / "forward" / "data" / "transferable_force_field.json"
CM1 = SQRT_HARTREE_PER_BOHR2_U_IN_CM1 / AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2**0.5  # of sqrt(mdyn/(A u))
FLOOR_CM1 = 150.0  # wavenumbers below this weigh as if they were this high
OFF_DIAGONAL = 0.4  # weight of the pairs of different modes
RIDGE = {"kind": 1e-6, "elements": 0.02, "typed": 0.1}
SEEN = {"kind": 1, "elements": 10, "typed": 40}  # entries in the fit that a constant needs, to be kept
MOST_NEIGHBOURS = 4  # cages and complexes whose atoms have more are left to real Hessians


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
        self.matrices = np.empty((len(rows), n_vib, n_vib))
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

    def wavenumbers(self, constants):
        """Reference and predicted, ascending."""
        x = np.array([sum(constants.get(key, 0.0) for key in dict.fromkeys(levels)) for levels in self.names])
        values = np.linalg.eigvalsh(np.tensordot(x, self.matrices, 1))
        return [np.sign(v) * CM1 * np.sqrt(np.abs(v)) for v in (self.values, values)]


def in_scope(molecule):
    """Main group, and no atom with more than four neighbours."""
    neighbours = np.bincount(molecule.bonds().ravel(), minlength=len(molecule))
    groups_d_f = ((21, 30), (39, 48), (57, 80), (89, 112))
    main_group = not any(((molecule.numbers >= a) & (molecule.numbers <= b)).any() for a, b in groups_d_f)
    return main_group and neighbours.max() <= MOST_NEIGHBOURS


def main(
    datasets: Annotated[list[Path], typer.Argument()],
    limit: Annotated[int, typer.Option(help="Molecules of each dataset, at most.")] = 100_000,
) -> None:
    """Fit, measure, write the table."""
    keys: dict[str, int] = {}
    level_of: dict[str, str] = {}
    counts: dict[str, int] = {}
    left_out: list[Case] = []
    blocks = []
    n_fitted = 0
    for path in datasets:
        dataset = read_dataset(path).trusted()
        for index in track(range(min(limit, len(dataset))), description=str(path)):
            if not in_scope(dataset.molecule(index)):
                continue
            case = Case(dataset, index)
            if crc32(case.id.encode()) % 5 == 0:
                left_out.append(case)
                continue
            n_fitted += 1
            for levels, count in zip(case.names, case.counts, strict=True):
                for name, key in zip(RIDGE, levels, strict=True):
                    keys.setdefault(key, len(keys))
                    level_of.setdefault(key, name)
                    counts[key] = counts.get(key, 0) + int(count)
            design, target = case.weighted()
            spread = np.zeros((len(case.names), len(keys)))
            for p, levels in enumerate(case.names):
                for key in set(levels):
                    spread[p, keys[key]] = 1.0
            columns = np.flatnonzero(spread.any(axis=0))
            part = spread[:, columns]
            blocks.append((columns, part.T @ (design @ design.T) @ part, part.T @ (design @ target)))
    normal, right = np.zeros((len(keys), len(keys))), np.zeros(len(keys))
    for columns, square, product in blocks:
        normal[np.ix_(columns, columns)] += square
        right[columns] += product
    ridge = np.array([RIDGE[level_of[key]] for key in keys])
    rare = np.array([counts[key] < SEEN[level_of[key]] for key in keys])
    normal[np.diag_indices_from(normal)] += ridge + 1e9 * rare
    solution = np.linalg.solve(normal, right)
    constants = {key: round(float(solution[p]), 5) for key, p in keys.items() if not rare[p]}
    error = measure(left_out, constants) | {"n_fitted": n_fitted, "n_constants": len(constants)}
    for source in sorted({case.source for case in left_out}):
        error[source] = measure([case for case in left_out if case.source == source], constants)
    print(json.dumps(error, indent=1))
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps({"error": error, "constants": dict(sorted(constants.items()))}, indent=0) + "\n")


def measure(cases: list[Case], constants: dict[str, float]) -> dict[str, object]:
    """Errors in 1/cm on molecules that the fit has not seen; modes paired in ascending order."""
    pairs = [case.wavenumbers(constants) for case in cases]
    per_molecule = np.array([np.abs(a - b).mean() for a, b in pairs])
    reference, predicted = (np.concatenate(side) for side in zip(*pairs, strict=True))
    rng = np.random.default_rng(0)
    sums = [(np.abs(a - b).sum(), len(a)) for a, b in pairs]
    draws = rng.integers(len(sums), size=(2000, len(sums)))
    totals, sizes = np.array(sums).T
    resampled = totals[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    difference = predicted - reference
    return {
        "reference": "GFN2-xTB (simulated), molecules left out of the fit; modes paired in ascending order",
        "n_molecules": len(cases),
        "n_modes": len(reference),
        "mean_absolute_error_cm1": round(float(np.abs(difference).mean()), 1),
        "interval_95_cm1": np.round(np.quantile(resampled, [0.025, 0.975]), 1).tolist(),
        "bias_cm1": round(float(difference.mean()), 1),
        "percentile_90_cm1": round(float(np.quantile(np.abs(difference), 0.9)), 1),
        "median_molecule_cm1": round(float(np.median(per_molecule)), 1),
        "molecules_with_a_wrong_imaginary_mode": int(sum((b < 0).any() for _, b in pairs)),
    }


if __name__ == "__main__":
    typer.run(main)
