"""Certificates: time to make and to verify one for a C1 molecule of 20 atoms, and exact ranks by flint and by sympy.

Run: python benchmarks/certificate.py. The molecule is one of the shipped GFN2-xTB responses, its valence force field
the default one. sympy works on the same matrices (DomainMatrix over GF(p) and QQ), which is said with their size.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from _tables import Table, arguments, show
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

import symvib as sv
from symvib.forward.jacobian import SpectralBlock
from symvib.theory.certificate import certificate, verify_certificate
from symvib.theory.exact import DEFAULT_PRIME, ExactProblem, exact_jacobian, exact_rank


def timed(function: Callable[[], Any], repeats: int) -> float:
    """Median time, ms."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        function()
        times.append(1e3 * (perf_counter() - start))
    return median(times)


def large_molecule() -> sv.HarmonicResponse:
    """The first response of 20 atoms without symmetry."""
    dataset = sv.shipped_dataset("responses_survey_gfn2")
    rows = zip(dataset.column("point_group"), dataset.column("numbers"), strict=True)
    return dataset.response(next(k for k, (group, z) in enumerate(rows) if group == "C1" and len(z) == 20))


def certificates(repeats: int) -> Table:
    """Making, writing and verifying."""
    response = large_molecule()
    rows = []
    for force_field in ("general", "valence", "diagonal"):
        made = certificate(response, force_field)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "c.json"
            made.save(path)
            size = path.stat().st_size
            making = timed(lambda model=force_field: certificate(response, model), repeats)
            checking = timed(lambda file=path: verify_certificate(file, response.molecule), repeats)
        times = [f"{making / 1e3:.2f}", f"{checking / 1e3:.2f}", f"{size / 1e3:.0f}"]
        rows.append([force_field, str(made.unknowns), str(made.rank), made.evidence, *times])
    return Table(
        f"Certificate of {response.molecule.formula} (C1, 20 atoms)",
        ["force field", "unknowns", "rank", "evidence", "make s", "verify s", "file kB"],
        rows,
    )


def random_block(n: int) -> SpectralBlock:
    """Ranks 3, 1 and 5, as in C1."""
    rng = np.random.default_rng(n)
    g, f = (m @ m.T / n + np.eye(n) for m in rng.normal(size=(2, n, n)))
    return SpectralBlock("A", g, f, {f"i{k}": rng.normal(size=(n, r)) for k, r in enumerate((3, 1, 5))})


def libraries(repeats: int) -> Table:
    """Rank of the same Jacobian by flint and by sympy, and exact_rank as a whole."""
    rows = []
    for n, prime in ((6, DEFAULT_PRIME), (12, DEFAULT_PRIME), (20, DEFAULT_PRIME), (6, None), (9, None)):
        problem = ExactProblem.from_blocks([random_block(n)], digits=3)
        matrix = exact_jacobian(problem, prime)
        domain = QQ if prime is None else GF(prime)
        entries = [[domain(int(x)) for x in row] for row in matrix.tolist()]
        other = DomainMatrix(entries, (matrix.nrows(), matrix.ncols()), domain)
        assert other.rank() == matrix.rank()
        ours, theirs = timed(matrix.rank, repeats), timed(other.rank, repeats)
        whole = timed(lambda p=problem, q=prime: exact_rank(p, field="q" if q is None else "gf"), repeats)
        shape = f"{matrix.nrows()} x {matrix.ncols()}"
        times = [f"{ours:.3g}", f"{theirs:.3g}", f"{theirs / ours:.3g}", f"{whole:.3g}"]
        rows.append([str(n), "Q" if prime is None else "GF(p)", shape, *times])
    notes = "Rank of the same Jacobian (n modes, intensities of ranks 3, 1, 5); last column: everything, with flint."
    header = ["n", "field", "matrix", "flint ms", "sympy ms", "sympy/flint", "exact_rank ms"]
    return Table("Rank in exact arithmetic", header, rows, notes)


if __name__ == "__main__":
    as_json = arguments(__doc__).parse_args().json
    show([certificates(3), libraries(5)], as_json)
