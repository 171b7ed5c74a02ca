"""Harmonic responses to take statistics of: datasets of this package, and the shared table of an independent run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..errors import DatasetError
from ..forward.dataset_files import SimulatedDataset, read_dataset, shipped_dataset
from ..forward.response import HarmonicResponse
from ..groups.detection import detect_point_group
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt

__all__ = ["ResponseTask", "response_tasks"]

SHIPPED = "responses_survey_gfn2"
_IN_LINE = np.cos(np.radians(175.0))


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

    @property
    def structure(self) -> dict[str, Any]:
        """Point group, sizes, and how many rings, atoms with two neighbours in line, and fragments there are."""
        detection = detect_point_group(self.response.molecule)
        count = len(self.response.molecule)
        bonds = np.asarray(self.response.molecule.bonds(), dtype=np.int64).reshape(-1, 2)
        graph = coo_array((np.ones(len(bonds)), (bonds[:, 0], bonds[:, 1])), shape=(count, count))
        n_fragments = int(connected_components(graph, directed=False)[0])
        linear = detection.point_group.is_linear
        return {
            "point_group": detection.point_group.label,
            "n_atoms": count,
            "n_vib": 3 * count - (5 if linear else 6),
            "n_rings": len(bonds) - count + n_fragments,
            "n_linear": _atoms_in_line(self.response.molecule.positions, bonds),
            "n_fragments": n_fragments,
        }


def _atoms_in_line(positions: NDArrayFloat, bonds: NDArrayInt) -> int:
    """Atoms with exactly two neighbours, at more than 175 degrees."""
    found = 0
    for atom in range(len(positions)):
        near = [int(b if a == atom else a) for a, b in bonds if atom in (a, b)]
        if len(near) == 2:
            u, v = (positions[n] - positions[atom] for n in near)
            found += bool(u @ v < _IN_LINE * np.linalg.norm(u) * np.linalg.norm(v))
    return found


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
