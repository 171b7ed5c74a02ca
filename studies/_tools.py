"""Shared by the studies: where things lie, error statistics with intervals, result files."""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from symvib import HarmonicResponse, Molecule, harmonic_response
from symvib.groups.atomic_write import write_text, writing

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
RESULTS = ROOT / "studies" / "results"
IMAGES = ROOT / "docs" / "images"
N_BOOTSTRAP = 2000
SEED = 2026

if str(ROOT / "tests") not in sys.path:  # measured_fundamentals.py, and the molecules of the tests
    sys.path.insert(0, str(ROOT / "tests"))


@dataclass(frozen=True)
class ErrorSummary:
    """Errors (computed minus reference, 1/cm) of levels that belong to molecules.

    The interval is the 2.5 to 97.5 % range of the mean absolute error when whole molecules (with their isotopologues)
    are drawn again with replacement: levels of one molecule are not independent.
    """

    n_levels: int
    n_molecules: int
    mae: float
    mae_low: float
    mae_high: float
    median: float
    p90: float
    bias: float
    largest: float

    def as_dict(self) -> dict[str, float]:
        """Plain values, rounded to 0.1/cm."""
        return {name: value if isinstance(value, int) else round(value, 1) for name, value in vars(self).items()}


def summarise(errors: Any, molecules: Any) -> ErrorSummary:
    """Mean, median and 90th percentile of |error|, mean error, and the bootstrap interval over molecules.

    Parameters
    ----------
    errors : (n,) array
    molecules : array-like of str (n,)
        The molecule (without isotopes) that each error belongs to.
    """
    errors = np.asarray(errors, dtype=float)
    names, index = np.unique(np.asarray(molecules), return_inverse=True)
    sums = np.bincount(index, np.abs(errors))
    counts = np.bincount(index)
    draws = np.random.default_rng(SEED).integers(len(names), size=(N_BOOTSTRAP, len(names)))
    low, high = np.percentile(sums[draws].sum(axis=1) / counts[draws].sum(axis=1), [2.5, 97.5])
    size = np.abs(errors)
    return ErrorSummary(
        n_levels=len(errors),
        n_molecules=len(names),
        mae=float(size.mean()),
        mae_low=float(low),
        mae_high=float(high),
        median=float(np.median(size)),
        p90=float(np.percentile(size, 90)),
        bias=float(errors.mean()),
        largest=float(size.max()),
    )


def scale_factor(computed: Any, reference: Any) -> float:
    """The factor c that minimises sum (c computed - reference)^2.

    A. P. Scott, L. Radom, J. Phys. Chem. 100, 16502 (1996), eq. 2.

    Examples
    --------
    >>> scale_factor([1000.0, 2000.0], [950.0, 1900.0])
    0.95
    """
    computed, reference = np.asarray(computed, dtype=float), np.asarray(reference, dtype=float)
    return float(computed @ reference / (computed @ computed))


def left_out_scale_factors(computed: Any, reference: Any, molecules: Any) -> np.ndarray:
    """For each level the scale factor fitted on all *other* molecules (n,): leave one molecule out.

    Examples
    --------
    >>> left_out_scale_factors([1000.0, 1000.0, 500.0], [900.0, 900.0, 500.0], ["a", "a", "b"]).tolist()
    [1.0, 1.0, 0.9]
    """
    computed, reference = np.asarray(computed, dtype=float), np.asarray(reference, dtype=float)
    _, index = np.unique(np.asarray(molecules), return_inverse=True)
    mixed, square = computed * reference, computed**2
    return (mixed.sum() - np.bincount(index, mixed)[index]) / (square.sum() - np.bincount(index, square)[index])


def by_class(errors: Any, molecules: Any, classes: Sequence[str], order: Sequence[str]) -> dict[str, dict[str, float]]:
    """`summarise` for each class that occurs, in the given order."""
    errors, molecules, labels = np.asarray(errors), np.asarray(molecules), np.asarray(classes)
    present = [name for name in order if name in classes]
    return {name: summarise(errors[labels == name], molecules[labels == name]).as_dict() for name in present}


def range_of(wavenumber_cm1: float, limits: Sequence[float]) -> str:
    """Name of the range that a wavenumber lies in: "below 600", "600 to 1200", ..., "above 2700".

    Examples
    --------
    >>> range_of(500.0, (600, 1200)), range_of(700.0, (600, 1200)), range_of(3000.0, (600, 1200))
    ('below 600', '600 to 1200', 'above 1200')
    """
    return range_names(limits)[int(np.searchsorted(limits, wavenumber_cm1, side="right"))]


def range_names(limits: Sequence[float]) -> list[str]:
    """Names of the ranges between ascending limits."""
    between = [f"{a:g} to {b:g}" for a, b in pairwise(limits)]
    return [f"below {limits[0]:g}", *between, f"above {limits[-1]:g}"]


def cached_response(molecule: Molecule, engine: str, method: str, **options: Any) -> HarmonicResponse:
    """`harmonic_response`, kept in out/responses so that an interrupted study goes on where it was.

    The key holds everything that the response depends on in the call; delete the folder when an engine has changed.
    """
    request = {
        "engine": engine,
        "method": method,
        "options": options,
        "numbers": molecule.numbers.tolist(),
        "positions": molecule.positions.round(8).tolist(),
    }
    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:24]
    path = ROOT / "out" / "responses" / f"{key}.json"
    if path.exists():
        return HarmonicResponse.from_dict(json.loads(path.read_text(encoding="utf-8")))
    response = harmonic_response(molecule, engine, method, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(response.as_dict()))
    return response


def write_results(name: str, values: Mapping[str, Any]) -> Path:
    """Write ``studies/results/NAME.json`` (lists of plain values on one line each) and return the path."""
    path = RESULTS / f"{name}.json"
    RESULTS.mkdir(parents=True, exist_ok=True)
    write_text(path, compact_json(dict(values)) + "\n")
    return path


def read_results(name: str) -> dict[str, Any]:
    """What `write_results` wrote."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def write_table(name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows of plain values, with the names of the first, to ``studies/results/NAME.parquet``; return the path."""
    import pyarrow as pa
    from pyarrow import parquet

    path = RESULTS / f"{name}.parquet"
    RESULTS.mkdir(parents=True, exist_ok=True)
    with writing(path) as partial:
        parquet.write_table(pa.Table.from_pylist(list(rows)), partial, compression="zstd")
    return path


def compact_json(value: Any, indent: int = 0) -> str:
    """JSON with one line for each innermost list or mapping, so that changes are seen as changed lines."""
    nested = isinstance(value, dict | list) and any(
        isinstance(item, dict | list) for item in (value.values() if isinstance(value, dict) else value)
    )
    if not nested:
        return json.dumps(value, ensure_ascii=False)
    pad, inner = " " * indent, " " * (indent + 1)
    if isinstance(value, dict):
        lines = [
            f"{inner}{json.dumps(key, ensure_ascii=False)}: {compact_json(item, indent + 1)}"
            for key, item in value.items()
        ]
        return "{\n" + ",\n".join(lines) + f"\n{pad}}}"
    return "[\n" + ",\n".join(inner + compact_json(item, indent + 1) for item in value) + f"\n{pad}]"


def progress(items: Sequence[Any], label: Callable[[Any], str] = str) -> Any:
    """The items, each announced on standard error."""
    for number, item in enumerate(items, 1):
        print(f"\r{number}/{len(items)} {label(item):<60.60}", end="", file=sys.stderr, flush=True)
        yield item
    print(file=sys.stderr)
