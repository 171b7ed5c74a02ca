"""How many principal components the force constants have: ``python studies/force_constant_components.py``.

The circulating reason for a latent of 128 numbers is that 80 to 100 principal components hold 95 % of the variance of
the force constants of molecules. Molecules have no common list of force constants, so the number belongs to a choice of
representation; here are four, on the QM9 molecules among the responses that ship (GFN2-xTB, simulated). That table
holds minima only (what had an imaginary mode or a broken bond was left out when tools/make_shipped_data.py made it) and
many more small and symmetric molecules than QM9 has: the numbers are of this sample, and the classes of constants are
there for its molecules without symmetry (C1), too.

- "Cartesian, N atoms": lower triangle of the Hessian (Eh/bohr^2) of the molecules of the size that occurs most often,
  principal axes of inertia, atoms by element and distance from the centre. The naive one: neither frame nor order of
  the atoms is continuous in the molecule.
- "Cartesian, padded": the same for all sizes, zeros behind the last atom of each element. Holds what atoms there are,
  too.
- "classes of constants": internal force constants (mdyn/A, mdyn, mdyn A; the matrix of smallest norm,
  `cartesian_to_internal`) of all bonds, angles, pairs of bonds at one atom, and bonds with an angle that they
  bound, by elements; of each class its deciles in a molecule. Does not depend on frame or order. A class that a
  molecule has not gets the mean of those that have it, so adds no variance.
- "tetrahedral carbon": the 55 force constants of the four bonds and six angles at each carbon with four neighbours
  (ordered by element, number of neighbours, bond constant). Parts of molecules, not molecules.

Each with the columns as they are, and brought to unit variance (units and classes of different size then count alike).
95 % intervals: the number +- 1.96 standard errors of a bootstrap of molecules (not its percentiles: a resample holds
63 % of the molecules, and the number grows with the sample). They hold the scatter of a sample of this size, not what a
larger one would add; that is what the curve over sample size shows. The rank cannot exceed the number of rows less
one. Beside: the number when each column is dealt out among molecules independently (no correlation left, same rank).
Linear components bound no nonlinear encoder: a curved set of few dimensions can need many, and a latent of a model that
sees spectra need not hold force constants at all.

Writes studies/results/force_constant_components.json. About a minute on one core.
Option: ``--quick`` (120 molecules, few draws), ``--source`` another dataset or archive of responses.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from _tools import SEED, progress, write_results

from symvib.forward.dataset_files import shipped_dataset
from symvib.forward.force_constants import cartesian_to_internal
from symvib.forward.selection import internal_coordinates
from symvib.theory._response_sources import SHIPPED, ResponseTask, response_tasks

SHARES = (0.90, 0.95, 0.99)
PUBLISHED = (80, 100)
SIZES = (30, 60, 120, 240, 480, 960, 1920)
LEAST_SHARE = 0.1  # of the molecules that a class must occur in
DECILES = np.linspace(0.1, 0.9, 9)


@dataclass(frozen=True, eq=False)
class Representation:
    """Rows of equal length, and the molecule that each belongs to."""

    name: str
    values: np.ndarray  # (rows, columns)
    molecules: np.ndarray  # (rows,) numbers 0, 1, ...

    @property
    def n_molecules(self) -> int:
        """Number of molecules that rows come from."""
        return len(np.unique(self.molecules))


@dataclass(frozen=True, eq=False)
class LocalConstants:
    """Internal force constants of a molecule, with what the representations ask of it."""

    symbols: tuple[str, ...]
    neighbours: tuple[tuple[int, ...], ...]
    index: dict[tuple[int, ...], int]  # of the stretch or bend of these atoms, in both directions
    force_constants: np.ndarray

    @classmethod
    def of(cls, task: ResponseTask) -> "LocalConstants":
        """By generalised inversion of B."""
        molecule = task.response.molecule
        internals = internal_coordinates(molecule)
        found = cartesian_to_internal(task.response.hessian, None, internals, molecule.positions)
        near: list[list[int]] = [[] for _ in molecule.symbols]
        for a, b in molecule.bonds():
            near[a].append(int(b))
            near[b].append(int(a))
        index = {}
        for number, coordinate in enumerate(internals):
            if coordinate.kind in ("stretch", "bend"):
                index[coordinate.atoms] = index[coordinate.atoms[::-1]] = number
        return cls(tuple(molecule.symbols), tuple(map(tuple, near)), index, found.force_constants)

    def constant(self, *coordinates: tuple[int, ...]) -> float:
        """F of two coordinates, or of one with itself, given by their atoms."""
        return float(self.force_constants[self.index[coordinates[0]], self.index[coordinates[-1]]])

    def classes(self) -> dict[str, list[float]]:
        """Constants of bonds, angles, pairs of bonds at an atom, bonds with an angle they bound, by elements."""
        found: dict[str, list[float]] = defaultdict(list)
        for atoms in self.index:
            if atoms[0] > atoms[-1]:
                continue  # each coordinate once
            found[self.label(atoms)].append(self.constant(atoms))
            if len(atoms) == 3:
                a, centre, b = atoms
                sides = [side for side in ((a, centre), (b, centre)) if side in self.index]
                if len(sides) == 2:
                    found[f"{self.label(atoms)} bonds"].append(self.constant(*sides))
                for side in sides:
                    found[f"{self.label(atoms)} with {self.symbols[side[0]]}"].append(self.constant(side, atoms))
        return found

    def label(self, atoms: Sequence[int]) -> str:
        """Elements in a row, read in whichever direction comes first."""
        names = [self.symbols[atom] for atom in atoms]
        return "-".join(min(names, names[::-1]))

    def tetrahedral_carbons(self) -> Iterator[np.ndarray]:
        """The 55 force constants about each carbon with four neighbours."""
        for carbon, near in enumerate(self.neighbours):
            if self.symbols[carbon] != "C" or len(near) != 4:
                continue
            order = sorted(near, key=lambda n: (self.symbols[n], len(self.neighbours[n]), -self.constant((n, carbon))))
            chosen = [self.index[n, carbon] for n in order]
            chosen += [self.index[a, carbon, b] for a, b in combinations(order, 2)]
            yield self.force_constants[np.ix_(chosen, chosen)][np.triu_indices(10)]


def standard_order(task: ResponseTask) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers, and the Hessian (N, 3, N, 3) in principal axes, atoms by element and distance from the centre.

    Heavy elements first. The signs of the axes are those that make the third moments positive.
    """
    molecule = task.response.molecule
    x = molecule.positions - molecule.center_of_mass
    _, axes = np.linalg.eigh((x * molecule.masses[:, None]).T @ x)
    axes = axes * np.where((molecule.masses @ (x @ axes) ** 3) < 0, -1.0, 1.0)
    order = np.lexsort((np.linalg.norm(x, axis=1), -molecule.numbers))
    blocks = task.response.hessian.reshape(len(x), 3, len(x), 3)
    turned = np.einsum("iajb,ac,bd->icjd", blocks, axes, axes)
    return molecule.numbers[order], turned[order][:, :, order]


def cartesian(tasks: Sequence[ResponseTask], name: str) -> Representation:
    """Hessians with as many places for each element as the molecule with the most of it needs."""
    ordered = [standard_order(task) for task in tasks]
    counts = [Counter(numbers.tolist()) for numbers, _ in ordered]
    elements = sorted({z for count in counts for z in count}, reverse=True)
    start, places = {}, 0
    for z in elements:
        start[z] = places
        places += max(count[z] for count in counts)
    rows, cols = np.tril_indices(3 * places)
    values = np.zeros((len(tasks), len(rows)), dtype=np.float64)
    for row, (numbers, hessian) in enumerate(ordered):
        seen: Counter[int] = Counter()
        where = []
        for z in numbers.tolist():
            where.append(start[z] + seen[z])
            seen[z] += 1
        whole = np.zeros((places, 3, places, 3))
        whole[np.ix_(where, range(3), where, range(3))] = hessian
        values[row] = whole.reshape(3 * places, 3 * places)[rows, cols]
    return Representation(name, values, np.arange(len(tasks)))


def classes(found: Sequence[LocalConstants], name: str) -> Representation:
    """Deciles of each class of constants; the mean over molecules where a molecule has none of a class."""
    by_molecule = [local.classes() for local in found]
    counts = Counter(label for each in by_molecule for label in each)
    labels = sorted(label for label, count in counts.items() if count >= LEAST_SHARE * len(found))
    values = np.full((len(found), len(labels), len(DECILES)), np.nan)
    for row, each in enumerate(by_molecule):
        for column, label in enumerate(labels):
            if label in each:
                values[row, column] = np.quantile(each[label], DECILES)
    values = np.where(np.isnan(values), np.nanmean(values, axis=0), values).reshape(len(found), -1)
    return Representation(name, values, np.arange(len(found)))


def tetrahedral(found: Sequence[LocalConstants]) -> Representation:
    """One row for each carbon with four neighbours."""
    rows = [(number, row) for number, local in enumerate(found) for row in local.tetrahedral_carbons()]
    return Representation("tetrahedral carbon", np.array([r for _, r in rows]), np.array([n for n, _ in rows]))


def components(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Least number of principal components for each of `SHARES` (3,), of rows that count ``weights`` times."""
    weights = np.ones(len(values)) if weights is None else weights
    kept = weights > 0
    values, weights = values[kept], weights[kept]
    centred = (values - weights @ values / weights.sum()) * np.sqrt(weights)[:, None]
    gram = centred @ centred.T if len(centred) <= centred.shape[1] else centred.T @ centred
    variances = np.clip(np.linalg.eigvalsh(gram)[::-1], 0.0, None)
    return 1 + np.searchsorted(np.cumsum(variances) / variances.sum() * (1 + 1e-12), SHARES)


def turned(values: np.ndarray) -> np.ndarray:
    """The rows in their principal axes, (rows, rank): the same distances in fewer numbers."""
    centred = values - values.mean(axis=0)
    if len(values) > values.shape[1]:
        return centred
    variances, vectors = np.linalg.eigh(centred @ centred.T)
    kept = variances > 1e-12 * variances[-1]
    return vectors[:, kept] * np.sqrt(variances[kept])


def result(representation: Representation, unit_variance: bool, draws: int) -> dict[str, Any]:
    """Numbers of components with intervals, over the size of the sample, and without correlations."""
    generator = np.random.default_rng(SEED)
    values = representation.values
    deviation = values.std(axis=0)
    varies = deviation > 1e-9 * deviation.max()
    values = values[:, varies] / (deviation[varies] if unit_variance else 1.0)
    mixed = components(generator.permuted(values, axis=0))
    short, molecules = turned(values), representation.molecules
    names, inverse = np.unique(molecules, return_inverse=True)
    n = len(names)
    boots = [components(short, np.bincount(generator.integers(n, size=n), minlength=n)[inverse]) for _ in range(draws)]
    whole = components(short)
    half_width = 1.96 * np.std(boots, axis=0, ddof=1)
    greatest = min(len(values) - 1, values.shape[1])
    curve = []
    for size in [*(s for s in SIZES if s < 0.9 * n), n]:
        repeats = 1 if size == n else max(3, draws // 10)
        picks = [generator.permutation(n)[:size] for _ in range(repeats)]
        numbers = [components(short, np.isin(inverse, pick).astype(float))[1] for pick in picks]
        curve.append({"n_molecules": size, "for 95 %": round(float(np.mean(numbers)), 1)})
    half = np.mean(
        [components(short, np.isin(inverse, generator.permutation(n)[: n // 2]) + 0.0)[1] for _ in range(10)]
    )
    return {
        "n_molecules": n,
        "n_rows": len(values),
        "n_columns": values.shape[1],
        "greatest_rank": greatest,
        "components": {
            f"for {100 * share:.0f} %": {
                "number": int(k),
                "low": round(max(1.0, k - width), 1),
                "high": round(min(float(greatest), k + width), 1),
            }
            for share, k, width in zip(SHARES, whole.tolist(), half_width.tolist(), strict=True)
        },
        "for 95 % from half of the molecules": round(float(half), 1),
        "for 95 % without correlations": int(mixed[1]),
        "over sample size": curve,
    }


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="of `response_tasks`; default: the responses that ship")
    parser.add_argument("--draws", type=int, default=200, help="of the bootstrap")
    parser.add_argument("--output", default="force_constant_components", help="name of the result file")
    parser.add_argument("--quick", action="store_true", help="120 molecules, 20 draws: that the command works")
    options = parser.parse_args(given)
    if options.quick:
        options.draws, options.output = 20, f"{options.output}_quick"
    return options


def main(given: Sequence[str] | None = None) -> None:
    """Compute and write."""
    options = arguments(given)
    every = response_tasks(options.source)
    tasks = [task for task in every if task.source == "qm9"]
    tasks = tasks[:: max(1, len(tasks) // 120) if options.quick else 1]
    size = Counter(len(task.response.molecule) for task in tasks).most_common(1)[0][0]
    of_size = [task for task in tasks if len(task.response.molecule) == size]
    local = [LocalConstants.of(task) for task in progress(tasks, lambda task: task.id)]
    without = [task.structure["point_group"] == "C1" for task in tasks]
    results: dict[str, Any] = {
        "simulated": True,
        "method": "GFN2-xTB",
        "source": options.source or SHIPPED,
        "published": {"components": list(PUBLISHED), "share": 0.95},
        "molecules": {
            "in the table": len(shipped_dataset(SHIPPED)) if options.source is None else len(every),
            "minima": len(every),
            "of QM9": len(tasks),
            "of QM9, C1": sum(without),
        },
        "representations": {},
    }
    for representation in (
        cartesian(of_size, f"Cartesian, {size} atoms"),
        cartesian(tasks, "Cartesian, padded"),
        classes(local, "classes of constants"),
        classes([each for each, is_c1 in zip(local, without, strict=True) if is_c1], "classes of constants, C1 only"),
        tetrahedral(local),
    ):
        for unit_variance in (False, True):
            found = result(representation, unit_variance, options.draws)
            scaled = "unit variance" if unit_variance else "as they are"
            print(f"{representation.name}, {scaled}: {found}", file=sys.stderr, flush=True)
            results["representations"].setdefault(representation.name, {})[scaled] = found
    print(write_results(options.output, results))


if __name__ == "__main__":
    main()
