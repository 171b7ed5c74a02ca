"""Wilson's B matrix: ours against geomeTRIC's, the same primitives in one process, one core.

Run with ``python benchmarks/b_matrix.py [repetitions]``. Coordinates: `internal_coordinates`. geomeTRIC gets the
same atoms as Distance, Angle, LinearAngle and Dihedral; an out-of-plane angle becomes its OutOfPlane, another
function of the same four atoms at about the same cost. Its time is that of ``PrimitiveInternalCoordinates.wilsonB``,
with the cache that it keeps by geometry emptied before each run. CPU time of this process (other load on the
machine then matters little), median of the repetitions, which alternate between the two. geomeTRIC has only numerical
second derivatives of several kinds (from analytic first ones); ours are analytic.
"""

import os
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from _tables import Table, arguments, show

from symvib import Molecule, PointGroup
from symvib.forward.internals import InternalCoordinates
from symvib.forward.selection import internal_coordinates

BATCH = 100


def molecules() -> dict[str, Molecule]:
    """Water, benzene, 18 atoms as common in QM9, linear bends, C60, and a chain of 200 atoms."""
    golden = (1 + 5**0.5) / 2
    c60 = np.unique(np.round(PointGroup("Ih").matrices @ np.array([0.0, 1.0, 3 * golden]), 9), axis=0) * 0.7
    angles = np.radians(60 * np.arange(6))
    ring = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    return {
        "water": Molecule.from_arrays(["O", "H", "H"], [[0, 0, 0], [0, 0.757, 0.587], [0, -0.757, 0.587]]),
        "benzene": Molecule.from_arrays(["C"] * 6 + ["H"] * 6, np.vstack([1.397 * ring, 2.481 * ring])),
        "1-pentanol": hydrocarbon(5, end="OH"),
        "dimethylbutadiyne": dimethylbutadiyne(),
        "C60": Molecule.from_arrays([6] * 60, c60),
        "C66H134": hydrocarbon(66),
    }


def hydrocarbon(length: int, end: str = "") -> Molecule:
    """All-trans alkane, its atoms moved a little (seed 0) so that it has no symmetry; ``end`` "OH" makes an alcohol."""
    symbols, x = [], []
    for i in range(length):
        centre = np.array([1.26 * i, 0.42 * (-1) ** i, 0.0])
        outwards = np.array([0.0, (-1) ** i, 0.0])
        symbols += ["C", "H", "H"]
        x += [centre, *(centre + 0.63 * outwards + [0, 0, 0.89 * side] for side in (1, -1))]
    for place, towards in ((0, -1), (length - 1, 1)):
        tip = np.array([1.26 * place + 0.9 * towards, 0.42 * (-1) ** place - 0.6 * (-1) ** place, 0.0])
        symbols.append("H")
        x.append(tip)
    if end:
        symbols[-1] = "O"
        x[-1] = x[-1] + 0.33 * (x[-1] - x[-5]) / np.linalg.norm(x[-1] - x[-5])
        symbols.append("H")
        x.append(x[-1] + [0.3, 0.9, 0.1])
    moved = np.array(x) + np.random.default_rng(0).normal(scale=0.05, size=(len(x), 3))
    return Molecule.from_arrays(symbols, moved)


def dimethylbutadiyne() -> Molecule:
    """H3C-CC-CC-CH3, D3d."""
    z = np.cumsum([0, 1.46, 1.21, 1.38, 1.21, 1.46])
    angles = np.radians([0, 120, 240])
    circle = 1.03 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    low = np.column_stack([circle, np.full(3, -0.37)])
    high = np.column_stack([-circle, np.full(3, z[-1] + 0.37)])
    return Molecule.from_arrays(["C"] * 6 + ["H"] * 6, np.vstack([np.column_stack([0 * z, 0 * z, z]), low, high]))


def peer_of(molecule: Molecule, coordinates: InternalCoordinates) -> tuple[Callable[[], np.ndarray], list[bool]]:
    """GeomeTRIC's B for the same primitives, and which rows are the same function as ours."""
    from geometric import internal
    from geometric.molecule import Molecule as PeerMolecule

    made, same, seen = [], [], {}
    for c in coordinates:
        if c.kind == "linear_bend":
            seen[c.atoms] = seen.get(c.atoms, -1) + 1
            made.append(internal.LinearAngle(*c.atoms, seen[c.atoms]))
        elif c.kind == "out_of_plane":
            end, centre, a, b = c.atoms
            made.append(internal.OutOfPlane(centre, end, a, b))
        else:
            kind = {"stretch": internal.Distance, "bend": internal.Angle, "torsion": internal.Dihedral}[c.kind]
            made.append(kind(*c.atoms))
        same.append(c.kind in ("stretch", "bend", "torsion"))
    peer = PeerMolecule()
    peer.elem, peer.xyzs = list(molecule.symbols), [np.array(molecule.positions)]
    primitives = internal.PrimitiveInternalCoordinates(peer, connect=True)
    primitives.Internals = made
    flat = molecule.positions.ravel().copy()

    def b_matrix() -> np.ndarray:
        primitives.clearCache()
        return np.array(primitives.wilsonB(flat))

    return b_matrix, same


def median_seconds(functions: list[Callable[[], object]], repetitions: int) -> list[float]:
    """Median CPU seconds of each function, called in turns."""
    times: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
    for _ in range(repetitions):
        for function, list_of_times in zip(functions, times, strict=True):
            start = time.process_time()
            function()
            list_of_times.append(time.process_time() - start)
    return [statistics.median(t) for t in times]


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__)
    parser.add_argument("repetitions", nargs="?", type=int, default=15)
    given = parser.parse_args()
    if find_spec("geometric") is None:
        raise SystemExit("benchmarks/b_matrix.py needs: pip install geometric")
    for molecule in molecules().values():
        internal_coordinates(molecule)  # imports and tables are not counted
    header = ["molecule", "atoms", "n_q", "choose ms", "ours ms", "batch ms", "geomeTRIC ms", "ratio", "batch ratio"]
    header += ["difference", "2nd ms"]
    rows = [row(name, molecule, given.repetitions) for name, molecule in molecules().items()]
    notes = (
        f"Median CPU time of {given.repetitions}, one core. Batch: ours for {BATCH} geometries at once (one beyond 50 "
        "atoms), each. Difference: largest, over the primitives that are the same functions. 2nd: sum of all second "
        "derivatives with weights."
    )
    show([Table("Wilson's B matrix against geomeTRIC", header, rows, notes)], given.json)


def row(name: str, molecule: Molecule, repetitions: int) -> list[str]:
    """One line of the table."""
    start = time.process_time()
    coordinates = internal_coordinates(molecule)
    choosing = time.process_time() - start
    peer, same = peer_of(molecule, coordinates)
    x = molecule.positions
    batch = np.repeat(x[None], BATCH, axis=0) if len(molecule) < 50 else x[None]
    weights = np.ones(len(coordinates))
    ours, many, theirs, second = median_seconds(
        [
            lambda: coordinates.b_matrix(x),
            lambda: coordinates.b_matrix(batch),
            peer,
            lambda: coordinates.weighted_second_derivatives(x, weights),
        ],
        repetitions,
    )
    difference = np.abs(coordinates.b_matrix(x) - peer())[same].max()
    each = many / len(batch)
    numbers = [f"{1e3 * choosing:.1f}", f"{1e3 * ours:.3f}", f"{1e3 * each:.3f}", f"{1e3 * theirs:.2f}"]
    ratios = [f"{theirs / ours:.1f}", f"{theirs / each:.1f}", f"{difference:.1e}", f"{1e3 * second:.2f}"]
    return [name, str(len(molecule)), str(len(coordinates)), *numbers, *ratios]


if __name__ == "__main__":
    main()
