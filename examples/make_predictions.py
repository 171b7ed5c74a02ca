"""Write predictions.csv: what plain cosine search makes of some shipped molecules, as an example of a predictions file.

    python examples/make_predictions.py   # with symvib installed

Queries are spectra simulated at GFN1-xTB, the library holds the same molecules at GFN2-xTB; so this is a model that is
not ours, on simulated data. The presence of nitrogen and the dipole moment are read off the five nearest neighbours,
the molecule itself left out.
"""

from pathlib import Path

import numpy as np
import pyarrow as arrow

from symvib.evaluation.outcomes import Outcomes
from symvib.forward.dataset_files import SimulatedDataset, read_dataset, shipped_dataset
from symvib.forward.spectrum import render
from symvib.spektron.retrieval import retrieval

PATH = Path(__file__).with_name("predictions.csv")
N_MOLECULES = 160
NEIGHBOURS = 5
FWHM_CM1 = 15.0
AXIS_CM1 = np.arange(400.0, 4000.1, 5.0)
NITROGEN = 7
NAME = "cosine search"


def spectra(dataset: SimulatedDataset, ids: list[str], quantity: str) -> np.ndarray:
    """Rendered spectra (n, n_axis) of length one, or zero where nothing is allowed."""
    rows = np.array([render(dataset.lines(i), AXIS_CM1, "lorentzian", FWHM_CM1, quantity).intensity for i in ids])
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)


def chosen() -> tuple[SimulatedDataset, SimulatedDataset, list[str]]:
    """Queries, library, and the ids: evenly over the molecules that both levels of theory have."""
    queries = shipped_dataset("lines_test_gfn1").trusted()
    folder = Path(queries.path).parent
    parts = [read_dataset(folder / f"{name}.parquet").trusted() for name in ("lines_qm9_gfn2", "lines_symmetric_gfn2")]
    library = SimulatedDataset(arrow.concat_tables([p.table for p in parts]), parts[0].provenance, "shipped")
    there = set(library.column("id"))
    shared = [i for i in queries.column("id") if i in there]
    return queries, library, [shared[k] for k in np.linspace(0, len(shared) - 1, N_MOLECULES).round().astype(int)]


def main() -> None:
    """Compute and write."""
    queries, library, ids = chosen()
    score = {q: spectra(queries, ids, q) @ spectra(library, ids, q).T for q in ("ir", "raman")}
    # Rounded, so that spectra alike up to the last digit tie on every machine.
    score = {name: values.round(9) for name, values in {**score, "ir+raman": score["ir"] + score["raman"]}.items()}
    own = np.arange(len(ids))
    parts = [
        Outcomes.of_retrieval(ids, retrieval(values, own), modalities=shown, name=NAME)
        for shown, values in score.items()
    ]
    others = score["ir+raman"].copy()
    np.fill_diagonal(others, -np.inf)
    nearest = np.argsort(-others, axis=1, kind="stable")[:, :NEIGHBOURS]
    rows = [library[i] for i in ids]
    nitrogen = np.array([NITROGEN in row["numbers"] for row in rows], dtype=float)
    dipole = np.array([np.linalg.norm(row["dipole_e_bohr"]) for row in rows]).round(4)
    shown = {"modalities": "ir+raman", "name": NAME}
    share = ((nitrogen[nearest].sum(axis=1) + 1) / (NEIGHBOURS + 2)).round(4)  # Laplace's rule: never 0 or 1
    parts.append(Outcomes.of_probabilities(ids, "contains nitrogen", nitrogen, share, **shown))
    mean = dipole[nearest].mean(axis=1).round(4)
    parts.append(Outcomes.of_values(ids, "dipole moment", dipole, mean, unit="e bohr", **shown))
    Outcomes.joined(parts).to_csv(PATH)


if __name__ == "__main__":
    main()
