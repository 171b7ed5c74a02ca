"""One call for every program: a molecule in, its harmonic response out."""

import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import EngineError
from ..groups.detection import Detection, detect_point_group
from ..groups.molecule import Molecule
from ..groups.readers import as_molecule
from .response import HarmonicResponse

__all__ = ["ENGINES", "electrons_of", "harmonic_response", "holds_calculation", "wanted_electrons"]

_LOG = logging.getLogger(__name__)

ENGINES = ("auto", "xtb", "dft", "parsed")
_CHECKPOINTS = (".fchk", ".fch", ".fck")
_LOGS = (".log", ".out")


def harmonic_response(
    x: Any,
    engine: Any = "auto",
    method: str | None = None,
    optimize: bool | None = None,
    follow_imaginary: bool = False,
    **options: Any,
) -> HarmonicResponse:
    """Hessian, dipole derivatives and polarizability derivatives of a molecule.

    Parameters
    ----------
    x : molecule-like or Detection
        Anything `as_molecule` reads: a SMILES, an .xyz path, an RDKit, ASE or pymatgen object; or the result of
        `detect_point_group`, whose point group is then the one that is kept. Or the path of a frequency calculation's
        log or checkpoint (.log, .out, .fchk), or cclib's data of it.
    engine : str or ASE calculator
        "auto": "parsed" where ``x`` holds a finished frequency calculation, "xtb" for everything else. "xtb" (tblite;
        seconds), "dft" (pyscf; minutes to hours), "parsed" (read by cclib), or any calculator of ASE.
    method : str, optional
        xtb: "GFN2-xTB" (default) or "GFN1-xTB". dft: functional and basis, "B3LYP/def2-SVP" (default). An ASE
        calculator and a file have theirs.
    optimize : bool, optional
        Optimise the geometry first, keeping its symmetry (default). A Hessian away from a stationary point mixes
        rotations into the vibrations. A file is read as it is.
    follow_imaginary : bool
        Where the optimisation ends on a saddle point, move along its imaginary modes and optimise again, at most three
        times (`below_saddle_point`). The result may have another point group. Engines "xtb" and "dft".
    **options
        Of the engine: ``charge``, ``unpaired_electrons``, ``max_gradient``, ``step_bohr``, ... see `xtb_response`,
        `dft_response`, `ase_response`. Charge and unpaired electrons are by default those of the structure (formal
        charges and radicals of a SMILES, ``charge=-1 multiplicity=2`` in an XYZ comment), else zero.

    Raises
    ------
    EngineError
        Unknown engine, method or option; the calculation failed; the optimisation changed the bonds.
    MissingPackageError
        The program is not installed; the message has the pip command.
    MoleculeError
        ``x`` is not a molecule.

    Examples
    --------
    >>> import symvib as sv
    >>> water = harmonic_response("O")  # doctest: +SKIP
    >>> sv.normal_modes(water).wavenumbers_cm1.round()  # doctest: +SKIP
    """
    if isinstance(engine, str) and engine not in ENGINES:
        raise EngineError(
            f"harmonic_response(engine={engine!r}): choose one of {', '.join(ENGINES)}, or give an ASE calculator."
        )
    if engine == "auto":
        engine = "parsed" if holds_calculation(x) else "xtb"
        if engine == "parsed":
            _LOG.info("%s holds a finished calculation, which is read; engine='xtb' computes anew from its geometry", x)
    if engine == "parsed":
        return _parsed(
            x, {"method": method, "optimize": optimize, "follow_imaginary": follow_imaginary or None} | options
        )
    if follow_imaginary:
        if optimize is False or not isinstance(engine, str):
            raise EngineError("harmonic_response(follow_imaginary=True): for xtb and dft, with the optimisation.")
        from .saddle_points import below_saddle_point

        def compute(molecule: Any) -> HarmonicResponse:
            return harmonic_response(molecule, engine, method, **options)

        return below_saddle_point(compute(x), compute)
    molecule = x if isinstance(x, Detection) else _structure(x)
    keywords = {"optimize": optimize is None or optimize, **options}
    structure = molecule.molecule if isinstance(molecule, Detection) else molecule
    if not isinstance(engine, str):
        charge = options.get("charge", structure.charge)
        return _of_calculator(molecule, engine, method, options, {**keywords, "charge": charge or 0})
    charge, unpaired = electrons_of(structure, options.get("charge"), options.get("unpaired_electrons"))
    electrons = {"charge": charge, "unpaired_electrons": unpaired}
    if engine == "xtb":
        from .engines.xtb import xtb_response

        _check_options("xtb", xtb_response, options)
        response = xtb_response(_symmetric(molecule), method or "GFN2-xTB", **{**keywords, **electrons})
    else:
        from .engines.dft import dft_response

        _check_options("dft", dft_response, options, but=("functional", "basis"))
        response = dft_response(molecule, *_functional_and_basis(method), **{**keywords, **electrons})
    return replace(response, molecule=replace(response.molecule, **electrons))


def electrons_of(
    molecule: Molecule, charge: int | None = None, unpaired_electrons: int | None = None
) -> tuple[int, int]:
    """Charge and number of unpaired electrons to compute with: those given, else the molecule's, else zero.

    The molecule's unpaired electrons belong to its own charge: with another one they are zero unless given.

    Raises
    ------
    EngineError
        The two cannot go together.

    Examples
    --------
    >>> water = Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]], charge=1,
    ...                              unpaired_electrons=1)
    >>> electrons_of(water), electrons_of(water, charge=0)
    ((1, 1), (0, 0))
    """
    q, unpaired = wanted_electrons(molecule, charge, unpaired_electrons)
    electrons = int(molecule.numbers.sum()) - q
    if electrons < 1 or not 0 <= unpaired <= electrons or (electrons - unpaired) % 2:
        says = "" if molecule.charge is None else f" The structure says charge {molecule.charge}"
        if molecule.charge is not None and molecule.unpaired_electrons is not None:
            says += f" and {molecule.unpaired_electrons} unpaired"
        raise EngineError(
            f"{molecule!r} with charge {q} has {electrons} electrons; {unpaired} of them cannot be unpaired."
            f"{says + '.' if says else ''} Give charge= and unpaired_electrons= that fit "
            "(--charge, --unpaired-electrons)."
        )
    return q, unpaired


def wanted_electrons(molecule: Molecule, charge: int | None, unpaired_electrons: int | None) -> tuple[int, int]:
    """What `electrons_of` returns, whether or not the two can go together."""
    own = molecule.charge or 0
    q = own if charge is None else int(charge)
    if unpaired_electrons is not None:
        return q, int(unpaired_electrons)
    return q, (molecule.unpaired_electrons or 0) if q == own else 0


def _of_calculator(
    molecule: Molecule | Detection, engine: Any, method: str | None, options: Mapping[str, Any], keywords: Any
) -> HarmonicResponse:
    from .engines.ase_calculator import ase_response

    name = type(engine).__name__
    if method is not None:
        raise EngineError(f"harmonic_response(method={method!r}): an ASE calculator ({name}) has its own method.")
    _check_options(name, ase_response, options, but=("calculator",))
    return ase_response(molecule, engine, **keywords)


def holds_calculation(x: Any) -> bool:
    """Is this the file (or cclib's data) of a calculation with a Hessian, or with normal modes that make one?

    Raises
    ------
    HessianError, MissingPackageError
        A log that cclib cannot read, or no cclib.
    """
    if _ends_in(x, _CHECKPOINTS):
        return True
    if _ends_in(x, _LOGS):
        from .engines.parsed import _cclib_data

        x = _cclib_data(Path(x))
    elif type(x).__module__.partition(".")[0] != "cclib":
        return False
    return getattr(x, "hessian", None) is not None or getattr(x, "vibdisps", None) is not None


def _ends_in(x: Any, suffixes: tuple[str, ...]) -> bool:
    """Is it the path of a file of that kind?"""
    if not isinstance(x, str | Path) or "\n" in str(x):
        return False
    return str(x).strip().lower().endswith(suffixes)


def _structure(x: Any) -> Molecule:
    if not _ends_in(x, _CHECKPOINTS):
        return as_molecule(x)
    from .engines.parsed import parsed_response

    found = parsed_response(str(x))  # of a checkpoint only the geometry is wanted
    return replace(found.molecule, charge=found.charge)


def _parsed(x: Any, options: Mapping[str, Any]) -> HarmonicResponse:
    from .engines.parsed import parsed_response

    given = [name for name, value in options.items() if value is not None]
    if given:
        raise EngineError(
            f'harmonic_response(engine="parsed", {", ".join(f"{name}={options[name]!r}" for name in given)}): a '
            'finished calculation is read as it is, so there are no options; give the file only, or engine="xtb" '
            "(--engine xtb) to compute anew from its geometry."
        )
    if isinstance(x, Detection):
        raise EngineError('harmonic_response(engine="parsed"): give the file of a calculation, not a Detection.')
    response = parsed_response(x)
    if response.molecule.charge is None and response.charge is not None:
        response = replace(response, molecule=replace(response.molecule, charge=response.charge))
    return response


def _check_options(
    engine: str, function: Callable[..., HarmonicResponse], options: Mapping[str, Any], but: tuple[str, ...] = ()
) -> None:
    """Refuse options that the engine's function does not have, or that `harmonic_response` sets itself."""
    parameters = inspect.signature(function).parameters.values()
    known = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} - {"optimize", *but}
    unknown = [name for name in options if name not in known]
    if unknown:
        raise EngineError(
            f"harmonic_response: engine {engine} has no option {', '.join(map(repr, unknown))}; it has "
            f"{', '.join(sorted(known))}."
        )


def _symmetric(molecule: Molecule | Detection) -> Molecule:
    """The molecule with the symmetry of a Detection exactly: xTB's engine detects the group again."""
    if isinstance(molecule, Molecule):
        return molecule
    symmetric = molecule.symmetrize()
    again = detect_point_group(symmetric)
    if again.point_group != molecule.point_group:
        raise EngineError(
            f'harmonic_response(engine="xtb"): the Detection says {molecule.point_group.label}, but {symmetric!r} is '
            f"{again.point_group.label} to within the default tolerance, and xTB would keep that. Give the molecule "
            "itself, moved out of the higher symmetry or into it (Detection.symmetrize)."
        )
    return symmetric


def _functional_and_basis(method: str | None) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in (method or "B3LYP/def2-SVP").split("/"))
    if len(parts) not in (1, 2) or not all(parts):
        raise EngineError(f'method {method!r}: give "functional/basis", as in "B3LYP/def2-SVP".')
    return parts
