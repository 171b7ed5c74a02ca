"""Harmonic response from the output of another program: Gaussian checkpoint files, and whatever cclib reads.

N. M. O'Boyle, A. L. Tenderholt, K. M. Langner, J. Comput. Chem. 29, 839 (2008).
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from ...constants import BOHR_M, DEBYE_C_M, ELEMENTARY_CHARGE_C, SQRT_HARTREE_PER_BOHR2_U_IN_CM1
from ...errors import HessianError, MissingPackageError
from ...groups._rigid import are_linear, rigid_motions
from ...groups.molecule import Molecule
from ...groups.operations import NDArrayFloat
from ...groups.readers import as_molecule
from ..response import HarmonicResponse
from ._fchk import read_fchk

__all__ = ["parsed_response"]

_LOG = logging.getLogger(__name__)
_AGREES_CM1 = 5.0  # wavenumbers of the Hessian against those the log lists, where these are above _FLOPPY_CM1
_FLOPPY_CM1 = 300.0  # below, the program's own treatment of rotations and masses shows
_INDEPENDENT = 0.3  # smallest singular value of the listed modes, normalised
_RIGID = 0.1  # largest length of the part of a listed mode that is translation or rotation
_DEBYE = BOHR_M * ELEMENTARY_CHARGE_C / DEBYE_C_M  # of 1 e bohr
_PRECISE = 1e-3  # deviation from orthogonality that is worth a warning


def parsed_response(source: Any) -> HarmonicResponse:
    """The `HarmonicResponse` that an output file holds.

    Parameters
    ----------
    source : str, Path or cclib data
        A Gaussian .fchk or .fch (Hessian, dipole and polarizability derivatives in full), or the log of a frequency
        calculation that cclib reads. From a log the Hessian is taken, or, where only normal modes are printed, put
        together from a complete set of them. Its unit is checked with the wavenumbers listed.

    Raises
    ------
    HessianError
        Neither a Hessian nor a complete set of modes; the message says what there is. Or they contradict each other.
    MoleculeError
        No geometry, or cclib cannot read the file.
    MissingPackageError
        cclib is not installed.

    Notes
    -----
    Logs print modes with 2 to 5 decimals and wavenumbers with 1 to 4: a Hessian put together from them gives the listed
    wavenumbers back, but its elements carry a relative error as large as ``provenance["hessian"]``
    ``["orthogonality_error"]``. Intensities in a log have no sign, so there are no dipole derivatives; the listed
    values are kept in ``provenance["listed"]``.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if path.suffix.lower() in (".fchk", ".fch", ".fck"):
            return read_fchk(path)
        data, name = _cclib_data(path), path.name
    else:
        data, name = source, type(source).__name__
    molecule = as_molecule(data)
    masses = _masses(data, molecule)
    record: dict[str, Any] = {**_program(data), "file": name, "listed": _listed(data)}
    if getattr(data, "hessian", None) is not None:
        hessian, record["hessian"] = _checked_hessian(data, molecule, masses, name)
    elif getattr(data, "vibdisps", None) is not None and getattr(data, "vibfreqs", None) is not None:
        hessian, record["hessian"] = _hessian_of_modes(data, molecule, masses, name)
    else:
        held = sorted(key for key in vars(data) if not key.startswith("_") and key != "metadata")
        raise HessianError(
            f"{name} holds neither a Hessian nor normal modes. cclib finds: {', '.join(held)}. Give the output of a "
            "frequency calculation, or a .fchk."
        )
    moments = getattr(data, "moments", None)
    return HarmonicResponse(
        molecule=molecule,
        hessian=hessian,
        dipole=None if moments is None or len(moments) < 2 else np.asarray(moments[1], dtype=float) / _DEBYE,
        method=_method(data),
        provenance=record,
        charge=getattr(data, "charge", None),
    )


def _cclib_data(path: Path) -> Any:
    try:
        from cclib.io.ccio import ccopen
    except ImportError as error:
        raise MissingPackageError.of_extra(f"reading {path.name} needs cclib", "chem") from error
    if not path.is_file():
        raise HessianError(f"parsed_response({str(path)!r}): there is no such file.")
    try:
        parser = ccopen(str(path), quiet=True, loglevel=logging.CRITICAL)
        data = None if parser is None else parser.parse()
    except Exception as error:  # cclib's parsers fail in any way on a file that is cut or unknown
        raise HessianError(f"cclib cannot read {path}: {type(error).__name__}: {error}") from error
    if data is None:
        raise HessianError(f"{path} is not the output of a program that cclib knows.")
    return data


def _masses(data: Any, molecule: Molecule) -> NDArrayFloat:
    """Masses that the program used, (N,) in u: those printed (average ones, with some programs), else main isotopes."""
    given = getattr(data, "atommasses", None)
    usable = given is not None and np.shape(given) == (len(molecule),) and np.min(given) > 0
    return np.array(given if usable else molecule.masses, dtype=float)


def _checked_hessian(
    data: Any, molecule: Molecule, masses: NDArrayFloat, name: str
) -> tuple[NDArrayFloat, dict[str, Any]]:
    """The Hessian in Eh/bohr^2: of the units that programs print, the one that gives the listed wavenumbers."""
    size = 3 * len(molecule)
    raw = np.asarray(data.hessian, dtype=float)
    if raw.shape == (size * (size + 1) // 2,):  # some parsers leave the lower triangle as it is printed
        full = np.zeros((size, size))
        full[np.tril_indices(size)] = raw
        raw = full + np.tril(full, -1).T
    if raw.shape != (size, size):
        raise HessianError(f"{name}: the Hessian has the shape {raw.shape}; {len(molecule)} atoms need {(size, size)}.")
    weights = np.repeat(np.sqrt(masses), 3)
    listed = np.sort(np.asarray(getattr(data, "vibfreqs", ()), dtype=float))
    units = {
        "Eh/bohr^2": raw,
        "Eh/bohr^2/(1000 u), mass-weighted": raw * np.outer(weights, weights) / 1000,  # NWChem
    }
    if not len(listed):
        _LOG.warning("%s lists no wavenumbers: the unit of its Hessian is taken to be Eh/bohr^2, unchecked", name)
        return raw, {"source": "log", "unit": "Eh/bohr^2", "largest_difference_cm1": None}
    differences = {unit: _difference(hessian / np.outer(weights, weights), listed) for unit, hessian in units.items()}
    unit = min(differences, key=lambda key: differences[key])
    if differences[unit] > _AGREES_CM1:
        raise HessianError(
            f"{name}: the Hessian gives other wavenumbers than the log lists (largest difference "
            f"{differences[unit]:.1f} cm-1 taken as {unit}): another geometry, other masses, scaled wavenumbers, or an "
            "unknown unit."
        )
    return units[unit], {"source": "log", "unit": unit, "largest_difference_cm1": differences[unit]}


def _difference(mass_weighted: NDArrayFloat, listed: NDArrayFloat) -> float:
    """Largest difference (1/cm) of the highest levels, as many as are listed above `_FLOPPY_CM1`."""
    values = np.linalg.eigvalsh((mass_weighted + mass_weighted.T) / 2)
    found = np.sort(np.sign(values) * np.sqrt(np.abs(values)) * SQRT_HARTREE_PER_BOHR2_U_IN_CM1)
    stiff = listed[listed > _FLOPPY_CM1]
    stiff = stiff if len(stiff) else listed[-1:]
    return float(np.abs(found[-len(stiff) :] - stiff).max())


def _hessian_of_modes(
    data: Any, molecule: Molecule, masses: NDArrayFloat, name: str
) -> tuple[NDArrayFloat, dict[str, Any]]:
    """H = M^1/2 Q Lambda Q^T M^1/2 from the printed modes, made orthonormal (E. B. Wilson et al., section 2-3)."""
    modes = np.asarray(data.vibdisps, dtype=float).reshape(len(data.vibdisps), -1)
    wavenumbers = np.asarray(data.vibfreqs, dtype=float)
    weights = np.repeat(np.sqrt(masses), 3)
    rigid = rigid_motions(molecule.positions, masses, bool(are_linear(molecule.positions)))
    size, expected = 3 * len(molecule), 3 * len(molecule) - rigid.shape[1]
    if modes.shape != (expected, size) or wavenumbers.shape != (expected,):
        raise HessianError(
            f"{name} lists {len(wavenumbers)} wavenumbers and modes of shape {modes.shape}; a Hessian of "
            f"{len(molecule)} atoms needs all {expected} of length {size}."
        )
    lengths = np.linalg.norm(modes * weights, axis=1)
    if (lengths < 1e-9).any():
        raise HessianError(f"{name}: normal mode {int(lengths.argmin())} has no displacement.")
    unit = (modes * weights / lengths[:, None]).T
    rigid_part = float(np.linalg.norm(rigid.T @ unit, axis=0).max())
    left, singular, right = np.linalg.svd(unit - rigid @ (rigid.T @ unit), full_matrices=False)
    if rigid_part > _RIGID or singular.min() < _INDEPENDENT:
        raise HessianError(
            f"{name}: the normal modes are up to {100 * rigid_part**2:.1f} % translation or rotation and their "
            f"smallest singular value is {singular.min():.2f}: they are of another orientation, mass-weighted, or of "
            "other masses than the geometry."
        )
    error = float(np.abs(unit.T @ unit - np.eye(expected)).max())
    if error > _PRECISE:
        _LOG.warning(
            "%s: Hessian put together from printed modes, orthogonal to %.2g only: its elements are as uncertain",
            name,
            error,
        )
    orthonormal = weights[:, None] * (left @ right)
    eigenvalues = np.sign(wavenumbers) * (wavenumbers / SQRT_HARTREE_PER_BOHR2_U_IN_CM1) ** 2
    record = {"source": "normal modes", "orthogonality_error": error, "rigid_part": rigid_part}
    return (orthonormal * eigenvalues) @ orthonormal.T, record


def _listed(data: Any) -> dict[str, list[float]]:
    """Wavenumbers and intensities as the log prints them."""
    names = {"vibfreqs": "wavenumbers_cm1", "vibirs": "ir_km_per_mol", "vibramans": "raman_a4_per_amu"}
    return {
        name: np.asarray(getattr(data, key), dtype=float).tolist()
        for key, name in names.items()
        if getattr(data, key, None) is not None
    }


def _program(data: Any) -> dict[str, Any]:
    metadata = getattr(data, "metadata", {})
    return {"program": metadata.get("package", ""), "version": metadata.get("package_version", "")}


def _method(data: Any) -> str:
    metadata = getattr(data, "metadata", {})
    method = metadata.get("functional") or (metadata.get("methods") or [""])[-1]
    return "/".join(part for part in (method, metadata.get("basis_set", "")) if part)
