"""Normal modes with projection and intensities of 1000 molecules: ours, a plain numpy eigh loop, ASE's VibrationsData.

Run: python benchmarks/normal_modes.py [path/to/responses.npz]   (medians of 5 rounds, one process)
Hessians: the QM9 molecules of shared/data/qm9_gfn2 if there, else random ones of the same sizes (said in the output).
The numpy loop only mass-weights and calls eigh; ASE computes energies and modes: neither has intensities.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: BLAS threads only cost time
os.environ.setdefault("OMP_NUM_THREADS", "1")

import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _tables import Table, arguments, show

from symvib import Molecule
from symvib.forward._vibrational_space import are_linear
from symvib.forward.batched_modes import batch_normal_modes, many_normal_modes
from symvib.forward.normal_modes import normal_modes
from symvib.forward.response import HarmonicResponse

COUNT, ROUNDS = 1000, 5
PAIRS = ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))  # xx, xy, yy, xz, yz, zz


def stored_responses(path: Path, count: int) -> list[HarmonicResponse]:
    """Every so-manieth molecule of the file, so that sizes are those of the whole."""
    data = dict(np.load(path))
    atoms = data["atom_offset"]
    sizes = 3 * np.diff(atoms)
    triangle, flat = (np.concatenate([[0], np.cumsum(c)]) for c in (sizes * (sizes + 1) // 2, sizes))
    chosen = np.unique(np.linspace(0, len(sizes) - 1, count).astype(int))
    responses = []
    for m in chosen:
        n = int(sizes[m])
        hessian = np.zeros((n, n))
        hessian[np.tril_indices(n)] = data["hessian_lower_eh_per_bohr2"][triangle[m] : triangle[m + 1]]
        hessian += np.tril(hessian, -1).T
        rows = data["polarizability_derivatives_bohr2"][6 * flat[m] : 6 * flat[m + 1]].reshape(6, n)
        polarizability = np.empty((3, 3, n))
        for row, (i, j) in zip(rows, PAIRS, strict=True):
            polarizability[i, j] = polarizability[j, i] = row
        dipole = data["dipole_derivatives_e"][3 * flat[m] : 3 * flat[m + 1]].reshape(3, n)
        span = slice(atoms[m], atoms[m + 1])
        molecule = Molecule.from_arrays(data["numbers"][span], data["positions_angstrom"][span])
        responses.append(HarmonicResponse(molecule, hessian, dipole, polarizability))
    return responses


def random_responses(count: int) -> list[HarmonicResponse]:
    """Random positions, Hessians and derivatives with the sizes of QM9: 18 +- 3 atoms."""
    rng = np.random.default_rng(0)
    responses = []
    for n_atoms in np.clip(np.rint(rng.normal(18, 3, count)), 4, 29).astype(int):
        grid = np.stack(np.meshgrid(*[np.arange(4.0)] * 3), -1).reshape(-1, 3)[:n_atoms]
        molecule = Molecule.from_arrays(rng.choice([1, 6, 7, 8], n_atoms), 1.3 * grid + rng.normal(0, 0.05, grid.shape))
        n = 3 * n_atoms
        root = rng.normal(0, 0.1, (n, n))
        polarizability = rng.normal(size=(3, 3, n))
        responses.append(
            HarmonicResponse(
                molecule, root @ root.T, rng.normal(size=(3, n)), polarizability + polarizability.swapaxes(0, 1)
            )
        )
    return responses


def numpy_loop(responses: list[HarmonicResponse]) -> None:
    """The least that can be done: mass-weight, diagonalise."""
    for response in responses:
        weights = np.repeat(response.molecule.masses, 3) ** -0.5
        np.linalg.eigh(response.hessian * np.outer(weights, weights))


def ase_loop(responses: list[HarmonicResponse]) -> None:
    """ASE's VibrationsData (its unit is eV/A^2; a factor changes nothing)."""
    from ase import Atoms
    from ase.vibrations import VibrationsData

    for response in responses:
        molecule = response.molecule
        atoms = Atoms(molecule.numbers, molecule.positions, masses=molecule.masses)
        VibrationsData.from_2d(atoms, response.hessian * 97.2).get_energies_and_modes()


def stacks(responses: list[HarmonicResponse]) -> list[dict[str, np.ndarray]]:
    """Arrays of equal size, as a dataset would hold them."""
    sizes = sorted({len(r.molecule) for r in responses})
    groups = [[r for r in responses if len(r.molecule) == size] for size in sizes]
    return [
        {
            "hessians": np.array([r.hessian for r in group]),
            "positions": np.array([r.molecule.positions for r in group]),
            "masses": np.array([r.molecule.masses for r in group]),
            "dipole_derivatives": np.array([r.dipole_derivatives for r in group]),
            "polarizability_derivatives": np.array([r.polarizability_derivatives for r in group]),
        }
        for group in groups
    ]


def median_seconds(routes: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """Medians (wall, CPU) over rounds in which every route runs once, so that a busy machine is shared by all.

    CPU seconds are those of all threads; they say what a route costs where other work makes the wall clock useless.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in routes}
    for _ in range(ROUNDS):
        for name, route in routes.items():
            start = time.perf_counter(), time.process_time()
            route()
            times[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return {
        name: (statistics.median(wall for wall, _ in values), statistics.median(cpu for _, cpu in values))
        for name, values in times.items()
    }


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__)
    default = Path(__file__).resolve().parents[1].parent / "shared/data/qm9_gfn2/responses.npz"
    parser.add_argument("responses", nargs="?", type=Path, default=default)
    given = parser.parse_args()
    path = given.responses
    stored = path.exists()
    logging.disable()  # imaginary modes are reported one by one, in every round
    responses = stored_responses(path, COUNT) if stored else random_responses(COUNT)
    bent = [r for r in responses if not are_linear(r.molecule.positions)]  # linear ones are stacks of their own
    arrays = stacks(bent)
    routes: dict[str, Callable[[], object]] = {
        "ours, stacks, 1 thread": lambda: [batch_normal_modes(**stack) for stack in arrays],
        "ours, stacks, 2 threads": lambda: [batch_normal_modes(**stack, threads=2) for stack in arrays],
        "ours, ragged list, 1 thread": lambda: many_normal_modes(bent),
        "ours, ragged list, 2 threads": lambda: many_normal_modes(bent, threads=2),
        "ours, one by one, no symmetry": lambda: [normal_modes(r, symmetry=False, check=False) for r in bent],
        "numpy eigh loop": lambda: numpy_loop(bent),
        "ASE VibrationsData": lambda: ase_loop(bent),
    }
    seconds = median_seconds(routes)
    rows = []
    for name, (wall, cpu) in seconds.items():
        ratios = [f"{seconds[other][1] / cpu:.2f}" for other in ("numpy eigh loop", "ASE VibrationsData")]
        rows.append([name, f"{len(bent) / wall:.0f}", f"{len(bent) / cpu:.0f}", *ratios])
    atoms = np.mean([len(r.molecule) for r in bent])
    kind = f"Hessians of {path.parent.name}" if stored else "random Hessians of QM9 sizes"
    notes = (
        f"{len(bent)} molecules, {atoms:.1f} atoms on average, {kind}; medians of {ROUNDS} rounds. The loop only "
        "mass-weights and calls eigh, ASE has energies and modes; ours have projection and intensities, too."
    )
    header = ["route", "molecules/s, wall", "molecules/s, CPU", "CPU: to numpy loop", "to ASE"]
    show([Table("Normal modes", header, rows, notes)], given.json)


if __name__ == "__main__":
    main()
