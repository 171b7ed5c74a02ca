"""Jacobian of a spectrum: analytic against central differences, time and agreement, in one process on one core.

Run: python benchmarks/jacobian.py. A QM9 molecule with valence force constants (made-up, typical sizes) and random
dipole and polarizability derivatives, and a random unfactored block with the 174 modes of C60. Differences are timed on
a sample of the parameters and scaled to all of them, which is said.
"""

import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from _tables import Table, arguments, show
from detection import qm9

from symvib.forward.jacobian import SpectralJacobian, force_constant_basis, spectral_jacobian
from symvib.forward.moments import moment_jacobian
from symvib.forward.response import HarmonicResponse
from symvib.forward.response_jacobian import internal_response
from symvib.forward.selection import internal_coordinates

STIFFNESS = {"stretch": 5.0, "bend": 0.7, "linear_bend": 0.3, "torsion": 0.1, "out_of_plane": 0.3}
STEP = 1e-5
SAMPLE = 40
Problem = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]


def molecule_problem(redundant: bool) -> tuple[str, Problem]:
    """G, F and intensity factors of one QM9 molecule with 15 atoms or more."""
    molecule = next(m for m in qm9(200) if len(m) >= 18)
    coordinates = internal_coordinates(molecule, redundant=redundant)
    b = coordinates.b_matrix(molecule.positions)
    f = np.diag([STIFFNESS[q.kind] for q in coordinates])
    rng = np.random.default_rng(0)
    alpha = rng.normal(size=(3, 3, b.shape[1]))
    response = HarmonicResponse(
        molecule, b.T @ f @ b / 15.57, rng.normal(size=(3, b.shape[1])), alpha + alpha.transpose(1, 0, 2)
    )
    internal = internal_response(response, b)
    return molecule.formula, (internal.g, internal.f, internal.intensity_factors)


def random_problem(n: int) -> Problem:
    """Random G, F and factors of ranks 3, 1 and 5."""
    rng = np.random.default_rng(n)
    g, f = (m @ m.T / n + np.eye(n) for m in rng.normal(size=(2, n, n)))
    return g, f, {name: rng.normal(size=(n, r)) for name, r in (("ir", 3), ("iso", 1), ("aniso", 5))}


def lines(root: np.ndarray, f: np.ndarray, factors: dict[str, np.ndarray]) -> np.ndarray:
    """Eigenvalues and intensities of all modes: what one step of the differences costs."""
    values, vectors = np.linalg.eigh(root.T @ f @ root)
    modes = root @ vectors
    return np.concatenate([values, *(((p.T @ modes) ** 2).sum(axis=0) for p in factors.values())])


def timed(function: Callable[[], SpectralJacobian | object], repeats: int) -> float:
    """Shortest of ``repeats`` wall times, s."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def compare(name: str, problem: Problem, basis: np.ndarray | None, repeats: int) -> list[str]:
    """One row of the table."""
    g, f, factors = problem
    values, vectors = np.linalg.eigh(g)
    kept = values > 1e-9 * values[-1]
    root = vectors[:, kept] * np.sqrt(values[kept])
    found = spectral_jacobian(g, f, factors, basis)
    if len(found.clusters) != kept.sum():
        raise SystemExit(f"{name}: near-degenerate modes, differences of single lines do not apply")
    n_par = found.jacobian.shape[1]
    sample = np.random.default_rng(1).choice(n_par, min(SAMPLE, n_par), replace=False)
    matrices = [_direction(basis, len(f), p) for p in sample]
    start = time.perf_counter()
    columns = [(lines(root, f + STEP * e, factors) - lines(root, f - STEP * e, factors)) / (2 * STEP) for e in matrices]
    differences = (time.perf_counter() - start) / len(sample) * n_par
    analytic = timed(lambda: spectral_jacobian(g, f, factors, basis), repeats)
    moments = timed(lambda: moment_jacobian(g, f, factors, basis, polynomials="chebyshev"), 1) if len(f) < 100 else None
    exact = found.jacobian[:, sample]
    deviation = np.abs(exact - np.transpose(columns)).max() / np.abs(exact).max()
    numbers = [f"{analytic:.4f}", f"{differences:.3f}", f"{differences / analytic:.0f}", f"{deviation:.1e}"]
    return [name, str(kept.sum()), str(n_par), *numbers, "" if moments is None else f"{moments:.4f}"]


def _direction(basis: np.ndarray | None, n: int, p: int) -> np.ndarray:
    if basis is not None:
        return basis[p]
    i, j = (index[p] for index in np.triu_indices(n))
    e = np.zeros((n, n))
    e[i, j] = e[j, i] = 1
    return e


def main() -> None:
    """Print the table."""
    as_json = arguments(__doc__).parse_args().json
    formula, redundant = molecule_problem(True)
    n = len(redundant[1])
    diagonal = np.eye(n)[:, :, None] * np.eye(n)[:, None, :]
    _, independent = molecule_problem(False)
    rows = [
        compare(f"{formula}, diagonal, redundant", redundant, diagonal, 5),
        compare(f"{formula}, all entries", independent, None, 5),
        compare(f"{formula}, all entries as a basis", independent, force_constant_basis(len(independent[1])), 3),
        compare("174 modes (C60), all entries", random_problem(174), None, 3),
        compare("8 modes (Hg of C60), all entries", random_problem(8), None, 20),
    ]
    header = ["problem", "modes", "parameters", "analytic s", "differences s", "ratio", "deviation", "moments s"]
    notes = (
        f"Differences: {SAMPLE} parameters timed at most, scaled to all. Deviation: the largest, relative to the "
        "largest entry."
    )
    show([Table("Jacobian of line positions and intensities", header, rows, notes)], as_json)


if __name__ == "__main__":
    main()
