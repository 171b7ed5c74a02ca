"""Formatted checkpoint files of Gaussian: the only common output that holds all derivatives of tensors in full."""

from pathlib import Path
from typing import Any

import numpy as np

from ...constants import BOHR_ANGSTROM
from ...errors import HessianError
from ...groups._foreign_objects import nuclides
from ...groups.molecule import Molecule
from ...groups.operations import NDArrayFloat
from ..response import HarmonicResponse

__all__ = ["read_fchk"]

_LABEL_WIDTH = 40  # Gaussian writes "A40, 3X, A1, 3X, ..." : name, type, then the value or "N=" and the count


def read_fchk(path: Path) -> HarmonicResponse:
    """The `HarmonicResponse` of a Gaussian .fchk: Hessian, dipole and (of Freq=Raman) polarizability derivatives.

    Raises
    ------
    HessianError
        No force constants in it, or a block that is cut.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    scalars, blocks = _sections(lines, path)
    missing = [name for name in ("Atomic numbers", "Current cartesian coordinates") if name not in blocks]
    if missing:
        raise HessianError(f"{path}: no {' and no '.join(missing)}; not a formatted checkpoint file?")
    if "Cartesian Force Constants" not in blocks:
        raise HessianError(
            f"{path} holds no Cartesian Force Constants (it has {', '.join(sorted(blocks))}); run Gaussian with Freq."
        )
    numbers = blocks["Atomic numbers"].astype(int)
    n_atoms, size = len(numbers), 3 * len(numbers)
    masses = blocks.get("Real atomic weights")
    molecule = Molecule.from_arrays(
        numbers,
        _shaped(blocks, "Current cartesian coordinates", (n_atoms, 3), path) * BOHR_ANGSTROM,
        name=lines[0].strip() if lines else "",
        **({} if masses is None else nuclides(numbers, masses)),
    )
    triangle = _shaped(blocks, "Cartesian Force Constants", (size * (size + 1) // 2,), path)
    hessian = np.zeros((size, size))
    hessian[np.tril_indices(size)] = triangle
    hessian = hessian + np.tril(hessian, -1).T
    return HarmonicResponse(
        molecule=molecule,
        hessian=hessian,
        dipole_derivatives=_transposed(blocks, "Dipole Derivatives", (size, 3), path),
        polarizability_derivatives=_tensor(_transposed(blocks, "Polarizability Derivatives", (size, 6), path)),
        gradient=None if "Cartesian Gradient" not in blocks else _shaped(blocks, "Cartesian Gradient", (size,), path),
        energy_hartree=scalars.get("Total Energy"),
        dipole=None if "Dipole Moment" not in blocks else _shaped(blocks, "Dipole Moment", (3,), path),
        method="/".join(lines[1].split()[1:3]) if len(lines) > 1 else "",
        provenance={"program": "Gaussian", "file": path.name, "hessian": {"source": "Cartesian Force Constants"}},
        charge=None if "Charge" not in scalars else int(scalars["Charge"]),
    )


def _sections(lines: list[str], path: Path) -> tuple[dict[str, float], dict[str, NDArrayFloat]]:
    """Real scalars and arrays of numbers, by name."""
    scalars: dict[str, float] = {}
    blocks: dict[str, NDArrayFloat] = {}
    at = 2
    while at < len(lines):
        line, at = lines[at], at + 1
        name, rest = line[:_LABEL_WIDTH].strip(), line[_LABEL_WIDTH:].split()
        if len(rest) < 2 or rest[0] not in ("I", "R"):
            continue
        try:
            if rest[1] != "N=":
                scalars[name] = float(rest[1])
                continue
            count, values = int(rest[2]), list[float]()
            while len(values) < count and at < len(lines):
                values += [float(word.replace("D", "E")) for word in lines[at].split()]
                at += 1
        except (ValueError, IndexError) as error:
            raise HessianError(f"{path}, line {at}, section {name!r}: {error}") from error
        if len(values) != count:
            raise HessianError(f"{path}: {name} announces {count} numbers and holds {len(values)}; is the file cut?")
        blocks[name] = np.array(values)
    return scalars, blocks


def _shaped(blocks: dict[str, NDArrayFloat], name: str, shape: tuple[int, ...], path: Path) -> NDArrayFloat:
    if blocks[name].size != int(np.prod(shape)):
        raise HessianError(f"{path}: {name} holds {blocks[name].size} numbers; {shape} are needed.")
    return blocks[name].reshape(shape)


def _transposed(blocks: dict[str, Any], name: str, shape: tuple[int, int], path: Path) -> NDArrayFloat | None:
    """A block written coordinate by coordinate, with the coordinate last; None if it is absent or left at zero."""
    if name not in blocks or not blocks[name].any():
        return None
    return _shaped(blocks, name, shape, path).T


def _tensor(packed: NDArrayFloat | None) -> NDArrayFloat | None:
    """(6, 3N) in the order xx, xy, yy, xz, yz, zz as (3, 3, 3N)."""
    return None if packed is None else packed[np.array([[0, 1, 3], [1, 2, 4], [3, 4, 5]])]
