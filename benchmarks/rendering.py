"""Spectra of 256 molecules, IR and Raman, 2048 channels: rendered in a batch, and by a loop over `forward.render`.

Run: python benchmarks/rendering.py [--quick]   (medians; the routes take turns in one process, one thread)
Lines: random, 80 a molecule, 100 to 3900 1/cm. All routes render Voigt profiles of the same widths (6, 5 1/cm).
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from _tables import Table, arguments, show

from symvib import LineList
from symvib.forward.spectrum import render
from symvib.spektron.instrument import InstrumentTable, measure
from symvib.spektron.rendering import LineBatch, render_batch, spectral_axis

LINES, CHANNELS, WIDTHS = 80, 2048, (6.0, 5.0)


def line_lists(count: int) -> list[LineList]:
    """Random lists."""
    rng = np.random.default_rng(0)
    shape = (count, LINES)
    columns = zip(rng.uniform(100, 3900, shape), rng.exponential(30, shape), rng.exponential(20, shape), strict=True)
    return [LineList(*column) for column in columns]


def loop(lists: list[LineList], axis: np.ndarray, shape: str, widths: float | tuple[float, float]) -> np.ndarray:
    """One call of `forward.render` a spectrum, (B, 2, L)."""
    kinds = ("ir", "raman")
    return np.array([[render(lines, axis, shape, widths, kind).intensity for kind in kinds] for lines in lists])


def seconds(routes: dict[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    """Medians (wall, CPU) of each route, one run of each in every round after a first one that is not counted."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in routes}
    for _ in range(rounds + 1):
        for name, route in routes.items():
            start = time.perf_counter(), time.process_time()
            route()
            times[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    medians = {}
    for name, values in times.items():
        wall, cpu = zip(*values[1:], strict=True)
        medians[name] = statistics.median(wall), statistics.median(cpu)
    return medians


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--quick", action="store_true", help="16 molecules, 1 round")
    given = parser.parse_args()
    count, rounds = (16, 1) if given.quick else (256, 5)
    lists, axis = line_lists(count), spectral_axis(CHANNELS)
    points, batch = axis.double().numpy(), LineBatch.of(lists)
    table = InstrumentTable.of_seeds(range(count))
    generator = torch.Generator().manual_seed(0)
    exact, reference = "loop over forward.render, Voigt", loop(lists, points, "voigt", WIDTHS)[:, 1]
    ours = render_batch(batch, axis, *WIDTHS)[:, 1].double().numpy()
    error = float((np.abs(ours - reference).max(-1) / reference.max(-1)).max())
    medians = seconds(
        {
            "render_batch, Voigt": lambda: render_batch(batch, axis, *WIDTHS),
            "measure (with instrument, baseline, noise)": lambda: measure(batch, table, axis, generator),
            exact: lambda: loop(lists, points, "voigt", WIDTHS),
            "loop over forward.render, Lorentzian": lambda: loop(lists, points, "lorentzian", 10.0),
        },
        rounds,
    )
    rows = [
        [
            name,
            f"{1e3 * wall:.0f}",
            f"{2 * count / wall:.0f}",
            f"{2 * count / cpu:.0f}",
            f"{medians[exact][1] / cpu:.1f}",
        ]
        for name, (wall, cpu) in medians.items()
    ]
    notes = (
        f"{count} molecules with {LINES} random lines, IR and Raman, {CHANNELS} channels; float32 against the loop's "
        f"float64; one thread; medians of {rounds} rounds. Largest deviation of render_batch: {error:.1e} "
        "of the maximum of the loop's spectrum."
    )
    header = ["route", "ms, wall", "spectra/s, wall", "spectra/s, CPU", "CPU: times faster than the Voigt loop"]
    show([Table("Rendering spectra", header, rows, notes)], given.json)


if __name__ == "__main__":
    main()
