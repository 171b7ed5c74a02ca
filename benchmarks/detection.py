"""Point-group detection: speed and agreement with other programs, side by side in one process, one core.

Run with ``make bench`` or ``python benchmarks/detection.py [number of molecules]``. Molecules: QM9 as packed in PyPI
qm9pack (B3LYP geometries), drawn with a fixed seed. A result of ours at a fixed tolerance is wrong when its order is
not the number of operations that an independent brute-force search finds at that tolerance.
"""

import csv
import json
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from _tables import Table, arguments, show

from symvib import Molecule, PointGroup, detect_point_group

TOLERANCE_ANGSTROM = 0.1
NUMBERS = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9}


def qm9(count: int, seed: int = 0) -> list[Molecule]:
    """``count`` molecules of QM9, drawn from the second part of the package's table."""
    spec = find_spec("qm9pack")
    if spec is None or spec.origin is None:
        raise SystemExit("benchmarks/detection.py needs: pip install '.[bench]' in the source folder")
    csv.field_size_limit(2**31 - 1)
    with open(Path(spec.origin).parent / "data" / "qm9_part2.csv", newline="") as file:
        rows = [(r["SMILES"], r["Elements"], r["XYZ_Ang"]) for r in csv.DictReader(file)]
    chosen = random.Random(seed).sample(rows, count)
    return [
        Molecule.from_arrays([NUMBERS[s] for s in json.loads(e.replace("'", '"'))], np.array(json.loads(x)), name=name)
        for name, e, x in chosen
    ]


def ours_default(molecule: Molecule) -> str:
    """Symvib, tolerance read from the molecule."""
    return detect_point_group(molecule).point_group.label


def ours(molecule: Molecule) -> str:
    """Symvib, fixed tolerance."""
    return detect_point_group(molecule, TOLERANCE_ANGSTROM).point_group.label


def peers() -> dict[str, Callable[[Molecule], str]]:
    """The other programs that are installed; each a function from molecule to label."""
    found: dict[str, Callable[[Molecule], str]] = {}
    if find_spec("pymatgen"):
        from pymatgen.core import Molecule as PymatgenMolecule
        from pymatgen.symmetry.analyzer import PointGroupAnalyzer

        found["pymatgen"] = lambda m: str(
            PointGroupAnalyzer(PymatgenMolecule(m.symbols, m.positions), tolerance=TOLERANCE_ANGSTROM).get_pointgroup()
        )
    if find_spec("pymsym"):
        import pymsym

        found["pymsym"] = lambda m: str(pymsym.get_point_group(m.numbers.tolist(), m.positions.tolist()))
    if find_spec("molsympy") and find_spec("ase"):
        from ase import Atoms
        from molsympy.api import get_point_group

        found["molsympy"] = lambda m: str(get_point_group(Atoms(m.numbers, m.positions), geom_tol=TOLERANCE_ANGSTROM))
    if find_spec("molsymm"):
        import molsymm

        found["libmolsymm"] = lambda m: str(
            molsymm.analyze(m.numbers.tolist(), np.asfortranarray(m.positions), TOLERANCE_ANGSTROM).point_group
        )
    return found


def timed(function: Callable[[Molecule], str], molecules: list[Molecule]) -> tuple[float, list[str]]:
    """Molecules per second and labels; a crash of a program counts as the label "crash"."""
    labels = []
    start = time.perf_counter()
    for molecule in molecules:
        try:
            labels.append(function(molecule))
        except Exception as error:  # a peer may raise anything; the table counts it, nothing is hidden
            labels.append(f"crash: {type(error).__name__}")
    return len(molecules) / (time.perf_counter() - start), labels


def canonical(label: str) -> str:
    """A peer's label in our spelling."""
    try:
        return PointGroup.parse(label).label
    except ValueError:
        return label


def operations_by_brute_force(molecule: Molecule, tolerance: float) -> int:
    """Number of orthogonal operations that displace no atom by more than ``tolerance``; an independent O(N^4) count.

    All images of every well-conditioned pair of atoms, both handednesses, one Kabsch fit over nearest partners.
    """
    x = molecule.positions - molecule.positions.mean(axis=0)
    radii = np.linalg.norm(x, axis=1)
    a = int(np.argmax(radii))
    off = np.linalg.norm(np.cross(x, x[a] / radii[a]), axis=1)
    b = int(np.argmax(off))
    found = set()
    for i in np.flatnonzero((molecule.numbers == molecule.numbers[a]) & (abs(radii - radii[a]) < 2 * tolerance)):
        for j in np.flatnonzero((molecule.numbers == molecule.numbers[b]) & (abs(radii - radii[b]) < 2 * tolerance)):
            if i == j or abs(np.linalg.norm(x[i] - x[j]) - np.linalg.norm(x[a] - x[b])) > 4 * tolerance:
                continue
            for hand in (1.0, -1.0):
                source = np.array([x[a], x[b], np.cross(x[a], x[b])])
                target = np.array([x[i], x[j], hand * np.cross(x[i], x[j])])
                partner = None
                for _ in range(3):
                    u, _, vt = np.linalg.svd(target.T @ source)
                    u[:, 2] *= hand * np.sign(np.linalg.det(u @ vt))
                    image = x @ (u @ vt).T
                    gap = np.linalg.norm(image[:, None] - x, axis=2)
                    gap[molecule.numbers[:, None] != molecule.numbers] = np.inf
                    partner = gap.argmin(axis=1)
                    source, target = x, x[partner]
                assert partner is not None
                exact = np.linalg.norm(x @ (u @ vt).T - x[partner], axis=1).max() <= tolerance
                if exact and len(set(partner)) == len(x):
                    found.add((hand, *partner))
    return len(found)


def clusters() -> dict[str, Molecule]:
    """Large molecules: icosahedral cages of 60 and 240 atoms, and a random one of 200."""
    golden = (1 + 5**0.5) / 2
    group = PointGroup("Ih").matrices
    orbit = lambda point: np.unique(np.round(group @ np.array(point), 9), axis=0)  # noqa: E731
    c60 = orbit([0.0, 1.0, 3 * golden]) * 0.7
    c240 = np.vstack([orbit([0.25, 1.9, 6.7]), orbit([0.0, 1.3, 7.0]), orbit([1.4, 0.0, 6.9])])
    rng = np.random.default_rng(0)
    grid = rng.permutation(np.stack(np.meshgrid(*[np.arange(6)] * 3), -1).reshape(-1, 3))[:200]
    loose = grid * 1.6 + rng.normal(scale=0.15, size=(200, 3))
    return {
        "C60 (Ih)": Molecule.from_arrays([6] * len(c60), c60),
        f"C{len(c240)} (Ih)": Molecule.from_arrays([6] * len(c240), c240),
        "200 atoms (C1)": Molecule.from_arrays(rng.choice([1, 6, 7, 8], 200), loose),
    }


def main() -> None:
    """Print the tables."""
    parser = arguments(__doc__)
    parser.add_argument("count", nargs="?", type=int, default=1000)
    given = parser.parse_args()
    show([programs_table(qm9(given.count)), large_table()], given.json)


def programs_table(molecules: list[Molecule]) -> Table:
    """Rates and labels of the programs on the same molecules."""
    programs = {"symvib": ours_default, f"symvib {TOLERANCE_ANGSTROM} A": ours, **peers()}
    results = {}
    for name, function in programs.items():
        timed(function, molecules[:5])  # imports and just-in-time compilation are not counted
        runs = [timed(function, molecules) for _ in range(1 if name == "pymatgen" else 3)]
        results[name] = statistics.median(r[0] for r in runs), [canonical(label) for label in runs[0][1]]
    reference = results["symvib"][0]
    fixed = results[f"symvib {TOLERANCE_ANGSTROM} A"][1]
    rows = []
    for name, (rate, labels) in results.items():
        same = sum(a == b for a, b in zip(labels, fixed, strict=True))
        common = ", ".join(f"{label} {n}" for label, n in Counter(labels).most_common(4))
        rows.append([name, f"{rate:.0f}", f"{reference / rate:.1f}", str(same), common])
    finite = [i for i, label in enumerate(fixed) if PointGroup(label).is_finite]
    wrong = sum(
        operations_by_brute_force(molecules[i], TOLERANCE_ANGSTROM) != PointGroup(fixed[i]).order for i in finite
    )
    disputed = sum(len({labels[i] for _, labels in results.values()}) > 1 for i in range(len(molecules)))
    return Table(
        f"Point groups of {len(molecules)} QM9 molecules",
        ["program", "molecules/s", "times slower than symvib", "as symvib", "labels"],
        rows,
        f"One core, seed 0; peers at {TOLERANCE_ANGSTROM} A (pymsym: its own). The programs differ on {disputed} "
        f"molecules. Order of symvib's group at {TOLERANCE_ANGSTROM} A against a brute-force count of operations: "
        f"{wrong} wrong of {len(finite)} (the rest are linear).",
    )


def large_table() -> Table:
    """Times of large molecules."""
    rows = []
    for name, molecule in clusters().items():
        times = []
        for _ in range(5):
            start = time.perf_counter()
            label = detect_point_group(molecule).point_group.label
            times.append(1e3 * (time.perf_counter() - start))
        rows.append([name, label, f"{statistics.median(times):.1f}"])
    return Table("Point groups of large molecules", ["molecule", "group", "ms"], rows, "Medians of 5.")


if __name__ == "__main__":
    main()
