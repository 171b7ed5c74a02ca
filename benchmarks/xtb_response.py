"""What a harmonic response costs, in gradients and in seconds side by side (`python benchmarks/xtb_response.py`).

Two comparisons in one process. (1) Dipole and polarizability derivatives from 13 gradients in fields against brute
force, which moves every atom and takes dipoles in fields at each geometry. (2) The Hessian from symmetry-unique
displacements against all 6N. Medians of repeats; counts do not depend on the machine.
"""

import statistics
import time
from pathlib import Path

import numpy as np
from _tables import Table, arguments, show

from symvib import as_molecule, detect_point_group
from symvib.constants import BOHR_ANGSTROM
from symvib.forward.engines._differences import plan_displacements, plan_without_symmetry
from symvib.forward.engines.xtb import XtbSurface, field_derivatives

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
REPEATS = 3
FIELD, STEP = 1e-3, 0.005
AXES = np.eye(3)


def timed(function):
    """Median seconds of a call."""
    seconds = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def by_fields(molecule):
    """Derivatives from 13 gradients; number of calculations."""
    positions = molecule.positions / BOHR_ANGSTROM

    def gradient(field):
        return XtbSurface(molecule, accuracy=1e-4, field=field).energy_and_gradient(positions)[1]

    field_derivatives(gradient, FIELD)
    return 13


def by_brute_force(molecule):
    """Derivatives from dipoles in seven fields at 6N geometries; number of calculations."""
    surfaces = [XtbSurface(molecule, accuracy=1e-4)]
    surfaces += [XtbSurface(molecule, accuracy=1e-4, field=sign * FIELD * axis) for axis in AXES for sign in (1, -1)]
    geometries = plan_without_symmetry(molecule).geometries(STEP)
    for geometry in geometries:
        for surface in surfaces:
            surface.result(geometry).get("dipole")
    return len(surfaces) * len(geometries)


def main() -> None:
    """Print the tables."""
    show([derivatives_table(), hessian_table()], arguments(__doc__).parse_args().json)


def derivatives_table() -> Table:
    """Field gradients against moved atoms."""
    rows = []
    for name in ("water", "carbon_dioxide", "ammonia", "methane", "benzene"):
        molecule = as_molecule(EXAMPLES / f"{name}.xyz")
        ours, theirs = timed(lambda m=molecule: by_fields(m)), timed(lambda m=molecule: by_brute_force(m))
        counts = by_fields(molecule), 7 * 6 * len(molecule)
        rows.append([name, str(counts[0]), f"{ours:.3f}", str(counts[1]), f"{theirs:.3f}", f"{theirs / ours:.1f}"])
    header = ["molecule", "field gradients", "s", "brute force: single points", "s", "ratio"]
    notes = (
        f"GFN2-xTB; medians of {REPEATS}. Brute force: dipoles at 6N displaced geometries, at rest and in six fields."
    )
    return Table("Dipole and polarizability derivatives", header, rows, notes)


def hessian_table() -> Table:
    """Symmetry-unique displacements against all."""
    rows = []
    for name in ("water", "methane", "benzene", "cubane", "sulfur_hexafluoride"):
        detection = detect_point_group(EXAMPLES / f"{name}.xyz")
        plans = plan_displacements(detection), plan_without_symmetry(detection.molecule)
        seconds = []
        for plan in plans:
            surface = XtbSurface(plan.molecule)
            surface.energy_and_gradient(plan.positions_bohr)
            seconds.append(timed(lambda p=plan, s=surface: p.hessian(lambda x: s.energy_and_gradient(x)[1], STEP)))
        cells = [text for p, s in zip(plans, seconds, strict=True) for text in (str(p.n_gradients), f"{s:.3f}")]
        rows.append([name, detection.point_group.label, *cells, f"{seconds[1] / seconds[0]:.1f}"])
    header = ["molecule", "group", "unique gradients", "s", "all 6N", "s", "ratio"]
    return Table("Hessian by central differences", header, rows, f"GFN2-xTB; medians of {REPEATS}.")


if __name__ == "__main__":
    main()
