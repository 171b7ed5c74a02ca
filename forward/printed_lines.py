"""Line lists as the output of a program prints them, where it does not hold the tensors to compute them from."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat
from .lines import LineList
from .response import HarmonicResponse

if TYPE_CHECKING:
    from .normal_modes import NormalModes

__all__ = ["printed_lines"]

_SAME_LEVEL_CM1 = 0.5  # least distance at which a printed wavenumber is another level than a mode's


def printed_lines(source: Any, modes: "NormalModes | None" = None) -> LineList:
    """Wavenumbers and infrared and Raman intensities that a log prints, as a `LineList` that says so.

    Parameters
    ----------
    source : HarmonicResponse, str or Path
        A response that `parsed_response` read from a log, or the log.
    modes : NormalModes, optional
        Of the response: gives point group and irreps, where these are beyond doubt.

    Raises
    ------
    SpectrumError
        No wavenumbers, or neither infrared nor Raman intensities are printed.
    HessianError, MoleculeError, MissingPackageError
        As for `parsed_response`.

    Notes
    -----
    Logs give infrared intensities in km/mol and Raman activities in A^4/u, without signs and to a few digits. A column
    of zeros is what programs print that did not compute it: it is left out.
    """
    if isinstance(source, HarmonicResponse):
        listed, molecule, method = source.provenance.get("listed", {}), source.molecule, source.method
        program, name = source.provenance.get("program", ""), source.provenance.get("file", repr(source))
    else:
        from ..groups.readers import as_molecule
        from .engines import parsed

        name = str(source)
        data = parsed._cclib_data(Path(source))
        listed, molecule, method = parsed._listed(data), as_molecule(data), parsed._method(data)
        program = parsed._program(data)["program"]
    wavenumbers = np.asarray(listed.get("wavenumbers_cm1", ()), dtype=float)
    columns = {key: _column(listed.get(key), wavenumbers) for key in ("ir_km_per_mol", "raman_a4_per_amu")}
    if not len(wavenumbers) or all(values is None for values in columns.values()):
        raise SpectrumError(
            f"{name} prints {len(wavenumbers)} wavenumbers and no infrared or Raman intensities with them; compute "
            'them with engine="xtb" (--engine xtb) or "dft", or give a .fchk of Freq=Raman.'
        )
    return LineList(
        wavenumbers,
        ir_km_per_mol=columns["ir_km_per_mol"],
        raman_a4_per_amu=columns["raman_a4_per_amu"],
        irreps=None if modes is None else _irreps(wavenumbers, modes),
        name=molecule.name or molecule.formula,
        point_group="" if modes is None or modes.point_group is None else modes.point_group.label,
        method=", ".join(part for part in (method, f"as printed by {program or 'the program'}") if part),
        provenance={"file": name, "program": program},
    )


def _column(values: Any, wavenumbers: NDArrayFloat) -> NDArrayFloat | None:
    column = np.asarray(() if values is None else values, dtype=float)
    return column if column.shape == wavenumbers.shape and column.any() else None


def _irreps(wavenumbers: NDArrayFloat, modes: "NormalModes") -> tuple[str, ...] | None:
    """Irreps of the modes at the printed wavenumbers; None if levels of two irreps lie at one of them."""
    if modes.irreps is None or len(modes) != len(wavenumbers):
        return None
    order = np.argsort(wavenumbers, kind="stable")
    own = np.argsort(modes.wavenumbers_cm1, kind="stable")
    differences = np.abs(wavenumbers[order] - modes.wavenumbers_cm1[own])
    reach = max(_SAME_LEVEL_CM1, 2 * float(differences.max(initial=0.0)))
    irreps = [""] * len(modes)
    for line in range(len(modes)):
        near = np.flatnonzero(np.abs(modes.wavenumbers_cm1 - wavenumbers[line]) <= reach)
        found = {modes.irreps[k] for k in near}
        if len(found) != 1:
            return None
        irreps[line] = found.pop()
    return tuple(irreps)
