"""Rates of the survey: molecules a second at each tolerance, on one core and on all, beside pymatgen's detection.

Run with ``python benchmarks/survey.py [number of molecules]``. Molecules: QM9 as packed in PyPI qm9pack, drawn with a
fixed seed. Ours: point group, Gamma_vib, IR and Raman activity, completeness, exclusion kind. pymatgen's
PointGroupAnalyzer: the point group alone. The load of the machine is printed, as rates on a busy one are too low.
"""

import os
import tempfile
import time
from importlib.util import find_spec

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from _tables import Table, arguments, show

from symvib.theory._survey_rows import TOLERANCES_ANGSTROM, SurveyMolecule, SurveySettings, survey_row
from symvib.theory._symmetry_summary import tolerance_name
from symvib.theory.survey import qm9_molecules, survey_symmetry


def measured(work, molecules) -> tuple[float, float]:
    """Molecules per second of wall time and of processor time of this process."""
    wall, processor = time.perf_counter(), time.process_time()
    for molecule in molecules:
        work(molecule)
    return len(molecules) / (time.perf_counter() - wall), len(molecules) / (time.process_time() - processor)


def on_cores(molecules: list[SurveyMolecule], settings: SurveySettings, n_jobs: int) -> float:
    """Molecules per second of a whole survey, with files and the start of the workers."""
    with tempfile.TemporaryDirectory() as folder:
        report = survey_symmetry(
            molecules, folder, settings, request={"n": len(molecules)}, shard_size=100, n_jobs=n_jobs
        )
        return report.molecules_per_second


def pymatgen_group(molecule: SurveyMolecule) -> str:
    """Point group by pymatgen at its default tolerance (0.3 A)."""
    from pymatgen.core import Molecule
    from pymatgen.symmetry.analyzer import PointGroupAnalyzer

    return PointGroupAnalyzer(Molecule(molecule.numbers, molecule.positions_angstrom)).sch_symbol


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__)
    parser.add_argument("count", type=int, nargs="?", default=500, help="number of molecules")
    chosen = parser.parse_args()
    molecules = qm9_molecules(chosen.count)
    survey_row(molecules[0], SurveySettings())  # tables and imports
    load = os.getloadavg()[0]
    rows = []
    cases = {tolerance_name(t): SurveySettings((t,), ladder=False) for t in TOLERANCES_ANGSTROM}
    cases |= {"all three and the ladder to 0.5 A": SurveySettings()}
    for name, settings in cases.items():
        wall, processor = measured(lambda molecule, s=settings: survey_row(molecule, s), molecules)
        rows.append((name, f"{wall:.0f}", f"{processor:.0f}"))
    for n_jobs in sorted({1, os.cpu_count() or 1}):
        rate = on_cores(molecules, SurveySettings(), n_jobs)
        rows.append((f"... as a survey, {n_jobs} process(es)", f"{rate:.0f}", ""))
    if find_spec("pymatgen"):
        wall, processor = measured(pymatgen_group, molecules)
        rows.append(("pymatgen PointGroupAnalyzer, 0.3 A", f"{wall:.0f}", f"{processor:.0f}"))
    title = "Survey of symmetry and completeness, molecules a second"
    notes = f"{len(molecules)} molecules of QM9, {os.cpu_count()} cores, load {load:.1f} before. pymatgen: group alone."
    show([Table(title, ("tolerance", "wall", "processor"), rows, notes)], chosen.json)


if __name__ == "__main__":
    main()
