"""One call for every program: a molecule in, its harmonic response out."""

from typing import Any

from ..errors import EngineError
from ..groups.readers import as_molecule
from .response import HarmonicResponse

__all__ = ["ENGINES", "harmonic_response"]

ENGINES = ("xtb", "dft", "parsed")


def harmonic_response(
    x: Any, engine: Any = "xtb", method: str | None = None, optimize: bool = True, **options: Any
) -> HarmonicResponse:
    """Hessian, dipole derivatives and polarizability derivatives of a molecule.

    Parameters
    ----------
    x : molecule-like
        Anything `as_molecule` reads: a SMILES, an .xyz path, an RDKit, ASE or pymatgen object. With
        ``engine="parsed"`` the path of a frequency calculation's log or checkpoint.
    engine : str or ASE calculator
        "xtb" (tblite; seconds), "dft" (pyscf; minutes to hours), "parsed" (read by cclib), or any calculator of ASE.
    method : str, optional
        xtb: "GFN2-xTB" (default) or "GFN1-xTB". dft: functional and basis, "B3LYP/def2-SVP" (default).
    optimize : bool
        Optimise the geometry first, keeping its symmetry. A Hessian away from a stationary point mixes rotations
        into the vibrations.
    **options
        Of the engine: ``charge``, ``unpaired_electrons``, ``max_gradient``, ``step_bohr``, ... see `xtb_response`,
        `dft_response`, `ase_response`.

    Raises
    ------
    EngineError
        Unknown engine or method; the calculation failed; the optimisation changed the bonds.
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
    if engine == "parsed":
        from .engines.parsed import parsed_response

        return parsed_response(x, **options)
    if isinstance(engine, str) and engine not in ENGINES:
        raise EngineError(
            f"harmonic_response(engine={engine!r}): choose one of {', '.join(ENGINES)}, or give an ASE calculator."
        )
    molecule = as_molecule(x)
    if engine == "xtb":
        from .engines.xtb import xtb_response

        return xtb_response(molecule, method or "GFN2-xTB", optimize=optimize, **options)
    if engine == "dft":
        from .engines.dft import dft_response

        return dft_response(molecule, *_functional_and_basis(method), optimize=optimize, **options)
    from .engines.ase_calculator import ase_response

    return ase_response(molecule, engine, optimize=optimize, **options)


def _functional_and_basis(method: str | None) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in (method or "B3LYP/def2-SVP").split("/"))
    if len(parts) not in (1, 2) or not all(parts):
        raise EngineError(f'method {method!r}: give "functional/basis", as in "B3LYP/def2-SVP".')
    return parts
