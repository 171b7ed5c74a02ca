"""Harmonic responses to take statistics of: datasets of this package, and the shared table of an independent run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError
from ..forward.dataset_files import SimulatedDataset, read_dataset, shipped_dataset
from ..forward.response import HarmonicResponse
from ..groups.molecule import Molecule

__all__ = ["ResponseTask", "response_tasks"]

SHIPPED = "responses_survey_gfn2"


@dataclass(frozen=True, eq=False)
class ResponseTask:
    """A response with its name.

    Attributes
    ----------
    id, source, smiles, family : str
    response : HarmonicResponse
    """

    id: str
    source: str
    smiles: str
    family: str
    response: HarmonicResponse


def response_tasks(source: str | Path | None = None) -> list[ResponseTask]:
    """The trusted responses (minima of the molecule asked for) of a source.

    Parameters
    ----------
    source : str or Path, optional
        A dataset (folder or Parquet file) or a folder with ``responses.npz``; default: the survey that ships.

    Raises
    ------
    DatasetError
        Nothing there, or line lists without Hessians.
    """
    if source is not None and (Path(source) / "responses.npz").is_file():
        return list(_from_table(Path(source) / "responses.npz"))
    data = (shipped_dataset(SHIPPED) if source is None else read_dataset(source)).trusted()
    if not len(data):
        raise DatasetError(f"{data.path}: no trusted molecules.")
    return [_task(data, index) for index in range(len(data))]


def _task(data: SimulatedDataset, index: int) -> ResponseTask:
    row = data[index]
    return ResponseTask(row["id"], row["source"], row["smiles"] or "", row["family"] or "", data.response(index))


def _from_table(path: Path) -> Iterator[ResponseTask]:
    """Responses of an archive of flat arrays, cut by the numbers of atoms; those with imaginary modes left out."""
    with np.load(path) as archive:
        data: dict[str, Any] = {name: archive[name] for name in archive.files}
    atoms, modes = data["atom_offset"], data["mode_offset"]
    n = 3 * np.diff(atoms)
    lower = np.cumsum([0, *(n * (n + 1) // 2)])
    dipole, alpha = np.cumsum([0, *(3 * n)]), np.cumsum([0, *(6 * n)])
    flat = {name: data[name].ravel() for name in ("hessian_lower_eh_per_bohr2", "dipole_derivatives_e")}
    tensors = data["polarizability_derivatives_bohr2"].ravel()
    for row, size in enumerate(n.tolist()):
        if data["wavenumber_cm1"][modes[row] : modes[row + 1]].min(initial=0.0) < 0:
            continue
        hessian = np.zeros((size, size))
        hessian[np.tril_indices(size)] = flat["hessian_lower_eh_per_bohr2"][lower[row] : lower[row + 1]]
        hessian += np.tril(hessian, -1).T
        tensor = np.zeros((3, 3, size))
        parts = tensors[alpha[row] : alpha[row + 1]].reshape(6, size)
        for part, i, j in zip(parts, *np.tril_indices(3), strict=True):
            tensor[i, j] = tensor[j, i] = part
        chosen = slice(atoms[row], atoms[row + 1])
        name = f"qm9-{int(data['index'][row]):06d}"
        response = HarmonicResponse(
            Molecule.from_arrays(data["numbers"][chosen], data["positions_angstrom"][chosen], name=name),
            hessian,
            flat["dipole_derivatives_e"][dipole[row] : dipole[row + 1]].reshape(3, size),
            tensor,
            method="GFN2-xTB",
        )
        yield ResponseTask(name, "qm9", str(data["smiles"][row]), "", response)
