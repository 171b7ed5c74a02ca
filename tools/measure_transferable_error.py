"""Error of the shipped transferable force field by class of molecule, on shipped line lists it was not fitted to.

    python tools/measure_transferable_error.py [--qm9 N] [--atoms N] [--write]

Line lists of ``lines_symmetric_gfn2`` (up to so many atoms) and a seeded choice of ``lines_qm9_gfn2`` whose molecules
are not in ``responses_survey_gfn2``, from which the constants were fitted. ``--write`` puts the result into the table
as error["classes"]; ``fit_transferable_force_field.py`` calls this at its end. Minutes.
"""

import json
from typing import Annotated

import numpy as np
import typer
from fit_transferable_force_field import TARGET, summarise, table_text
from rich.progress import track

from symvib.errors import SymvibError
from symvib.forward._error_classes import CLASSES, error_classes
from symvib.forward.dataset_files import shipped_dataset
from symvib.forward.transferable import TransferableForceField, _table, in_scope
from symvib.forward.wilson import wilson_gf


def main(
    qm9: Annotated[int, typer.Option(help="Molecules of QM9.")] = 60,
    atoms: Annotated[int, typer.Option(help="Of the symmetric molecules, at most.")] = 10,
    write: Annotated[bool, typer.Option(help="Into the table.")] = False,
) -> None:
    """Measure, print, write."""
    seen = set(shipped_dataset("responses_survey_gfn2", columns=["id"]).column("id"))
    cases = []
    for name, wanted in (("lines_symmetric_gfn2", None), ("lines_qm9_gfn2", qm9)):
        dataset = shipped_dataset(name).trusted()
        ids, numbers = dataset.column("id"), dataset.column("numbers")
        unseen = [k for k, key in enumerate(ids) if key not in seen and (wanted or len(numbers[k]) <= atoms)]
        chosen = unseen if wanted is None else np.random.default_rng(2026).permutation(unseen)[:wanted].tolist()
        cases += [case for k in track(chosen, description=name) if (case := compared(dataset, k)) is not None]
    classes = {name: measure([case for case in cases if name in case[1]]) for name in CLASSES}
    classes["reference"] = "GFN2-xTB (simulated), molecules that were not fitted; modes paired in ascending order"
    print(json.dumps(classes, indent=1))
    if write:
        stored = _table()
        TARGET.write_text(table_text(stored["error"] | {"classes": classes}, stored["constants"]))


def compared(dataset, k):
    """Id, classes and errors of the wavenumbers; None where the force field refuses the molecule."""
    molecule, lines = dataset.molecule(k), dataset.lines(k)
    if not in_scope(molecule):
        return None
    try:
        field = TransferableForceField.of(molecule)
        found = wilson_gf(field.coordinates.molecule, field).wavenumbers_cm1
    except SymvibError as error:
        print(f"{molecule!r}: {error}")
        return None
    classes = error_classes(molecule, bool(field.estimated))
    return dataset[k]["id"], classes, np.sort(found) - np.sort(lines.wavenumbers_cm1)


def measure(cases) -> dict[str, object]:
    """Errors in 1/cm, as `fit_transferable_force_field.measure` gives them."""
    summary = summarise(
        np.concatenate([errors for _, _, errors in cases]),
        np.repeat([name for name, _, _ in cases], [len(errors) for _, _, errors in cases]),
    ).as_dict()
    return {
        "n_molecules": summary["n_molecules"],
        "n_modes": summary["n_levels"],
        "mean_absolute_error_cm1": summary["mae"],
        "interval_95_cm1": [summary["mae_low"], summary["mae_high"]],
        "percentile_90_cm1": summary["p90"],
    }


if __name__ == "__main__":
    typer.run(main)
