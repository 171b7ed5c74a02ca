"""Harmonic response by density functional theory or Hartree-Fock, computed by PySCF.

Gradient and Hessian are analytic (the Hessian without the response of the integration grid); dipole and polarizability
derivatives are central differences, over symmetry-unique displacements, of the dipole and of the coupled-perturbed
polarizability; all are made exact for translations and rotations. Q. Sun et al., J. Chem. Phys. 153, 024109 (2020).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...errors import EngineError, MissingPackageError
from ...groups.detection import Detection, detect_point_group
from ...groups.molecule import Molecule
from ...groups.operations import NDArrayFloat
from ..response import HarmonicResponse
from ._program import response_of_program

__all__ = ["dft_response"]

_CPHF_TOLERANCE, _CPHF_CYCLES = 1e-8, 50


def dft_response(
    x: Any,
    functional: str = "B3LYP",
    basis: str = "def2-svp",
    *,
    optimize: bool = True,
    charge: int = 0,
    unpaired_electrons: int = 0,
    raman: bool = True,
    hessian: str = "analytic",
    grid_level: int = 4,
    max_gradient: float = 3e-5,
    step_bohr: float = 0.01,
    allow_rebonding: bool = False,
    on_done: Callable[[int, int], None] | None = None,
) -> HarmonicResponse:
    """The `HarmonicResponse` of a molecule by PySCF.

    Parameters
    ----------
    x : Molecule, Detection, or anything that ``as_molecule`` reads
    functional : str
        A functional that PySCF knows, or "HF". What "B3LYP" means depends on the version of PySCF (VWN-RPA as in
        Gaussian since 2.3, VWN5 before): the components are written to ``provenance["functional"]``.
    basis : str
    optimize : bool
        Go to the minimum that has the symmetry of ``x`` first.
    charge, unpaired_electrons : int
        Total charge, and number of unpaired electrons (0: restricted, else unrestricted).
    raman : bool
        Compute polarizability derivatives.
    hessian : {"analytic", "differences"}
        Differences of gradients over symmetry-unique displacements cost little for symmetric molecules, and are the
        only way for functionals whose Hessian PySCF has not.
    grid_level : int
        Integration grid, 0 to 9.
    max_gradient : float
        Eh/bohr, of the optimisation.
    step_bohr : float
    allow_rebonding : bool
        Accept an optimised geometry with other bonds than the one given.
    on_done : callable
        ``on_done(done, all)`` after each displaced geometry.

    Raises
    ------
    EngineError
        The SCF or the optimisation does not converge, or PySCF refuses the input, with its words.
    MissingPackageError
        PySCF is not installed.

    Notes
    -----
    Displaced geometries: 4 for benzene, 6N for a molecule without symmetry; each costs one SCF and, with ``raman``,
    one coupled-perturbed solution for three fields.
    """
    if hessian not in ("analytic", "differences"):
        raise EngineError(f'dft_response(..., hessian={hessian!r}): "analytic" or "differences".')
    detection = x if isinstance(x, Detection) else detect_point_group(x)
    program = _PySCF(detection.molecule, functional, basis, charge, unpaired_electrons, grid_level)
    program.with_gradient, program.with_polarizability = hessian == "differences", raman
    return response_of_program(
        detection,
        program,
        optimize=optimize,
        max_gradient=max_gradient,
        step_bohr=step_bohr,
        method=f"{functional}/{basis}",
        provenance=program.provenance(),
        charge=charge,
        hessian_function=program.hessian if hessian == "analytic" else None,
        allow_rebonding=allow_rebonding,
        on_done=on_done,
    )


class _PySCF:
    """SCF calculations of one molecule at many geometries, each from the density of the last."""

    with_gradient = False
    with_polarizability = True

    def __init__(
        self, molecule: Molecule, functional: str, basis: str, charge: int, spin: int, grid_level: int
    ) -> None:
        try:
            import pyscf
        except ImportError as error:
            raise MissingPackageError.of_extra("dft_response needs PySCF", "dft") from error
        self.version: str = pyscf.__version__
        self.molecule, self.functional, self.basis = molecule, functional, basis
        self.charge, self.spin, self.grid_level = charge, spin, grid_level
        self._density: Any = None
        self._last: tuple[bytes, Any] | None = None

    def _fail(self, what: str) -> EngineError:
        return EngineError(
            f"PySCF {self.version}, {self.functional}/{self.basis}, {self.molecule.formula}, charge {self.charge}, "
            f"{self.spin} unpaired electrons: {what}"
        )

    def _mean_field(self, positions: NDArrayFloat) -> Any:
        from pyscf import dft, gto, scf

        atoms = list(zip(self.molecule.numbers.tolist(), positions.tolist(), strict=True))
        try:
            mol = gto.M(
                atom=atoms, unit="Bohr", basis=self.basis, charge=self.charge, spin=self.spin, verbose=0, symmetry=False
            )
            if self.functional.upper() == "HF":
                field = scf.UHF(mol) if self.spin else scf.RHF(mol)
            else:
                field = (dft.UKS if self.spin else dft.RKS)(mol, xc=self.functional)
                field.grids.level = self.grid_level
                dft.libxc.parse_xc(self.functional)
        except (RuntimeError, KeyError, ValueError, AttributeError) as error:
            raise self._fail(f"{type(error).__name__}: {error}") from error
        field.conv_tol, field.conv_tol_grad = 1e-10, 1e-6
        return field

    def solved(self, positions: NDArrayFloat) -> Any:
        """Converged mean field at positions (N, 3) in bohr; the last one is kept."""
        key = np.ascontiguousarray(positions).tobytes()
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        field = self._mean_field(positions)
        energy = field.kernel(dm0=self._density)
        if not field.converged and self._density is not None:
            energy = field.kernel(dm0=None)
        if not field.converged:
            raise self._fail(
                f"SCF not converged after {field.max_cycle} cycles, last energy {energy:.8f} Eh. Check geometry, "
                "charge and unpaired_electrons, or take another functional."
            )
        self._density, self._last = field.make_rdm1(), (key, field)
        return field

    def energy_and_gradient(self, positions: NDArrayFloat) -> tuple[float, NDArrayFloat]:
        field = self.solved(positions)
        return float(field.e_tot), np.asarray(field.nuc_grad_method().kernel(), dtype=float).reshape(-1)

    def properties(self, positions: NDArrayFloat) -> Mapping[str, Any]:
        field = self.solved(positions)
        values: dict[str, Any] = {"dipole": np.asarray(field.dip_moment(unit="AU", verbose=0), dtype=float)}
        if self.with_gradient:
            values["gradient"] = self.energy_and_gradient(positions)[1]
        if self.with_polarizability:
            values["polarizability"] = _polarizability(field)
        return values

    def hessian(self, positions: NDArrayFloat) -> NDArrayFloat:
        """Analytic Hessian (3N, 3N)."""
        size = positions.size
        try:
            blocks = self.solved(positions).Hessian().kernel()
        except (NotImplementedError, RuntimeError) as error:
            raise self._fail(f'no analytic Hessian ({error}); use hessian="differences".') from error
        return np.asarray(blocks, dtype=float).transpose(0, 2, 1, 3).reshape(size, size)

    def provenance(self) -> dict[str, Any]:
        return {
            "program": "pyscf",
            "version": self.version,
            "functional": _components(self.functional),
            "basis": self.basis,
            "charge": self.charge,
            "unpaired_electrons": self.spin,
            "grid_level": self.grid_level,
        }


def _components(functional: str) -> str:
    """The functional with its libxc parts, and which VWN is in B3LYP."""
    if functional.upper() == "HF":
        return "HF"
    from pyscf.dft import libxc

    try:
        _, parts = libxc.parse_xc(functional)
    except (KeyError, ValueError) as error:
        raise EngineError(f"dft_response: PySCF does not know the functional {functional!r}: {error}") from error
    codes = {int(code): float(factor) for code, factor in parts}
    text = f"{functional} = " + " + ".join(f"{factor:g} libxc:{code}" for code, factor in codes.items())
    # libxc: 402 is B3LYP with VWN-RPA as in Gaussian, 475 with VWN5; 8 and 7 are the two VWN themselves.
    if "B3LYP" in functional.upper():
        text += {True: " (VWN-RPA)", False: " (VWN5)"}[bool({402, 8} & set(codes))]
    return text


def _polarizability(field: Any) -> NDArrayFloat:
    """Static polarizability (3, 3) in bohr^3 by coupled-perturbed SCF, restricted or unrestricted.

    alpha_xy = -2 sum over spins and (p, i) of h_x[p, i] U_y[p, i], with h the dipole integrals between all orbitals p
    and occupied i. J. Gerratt, I. M. Mills, J. Chem. Phys. 49, 1719 (1968).
    """
    restricted = np.ndim(field.mo_occ) == 1
    with field.mol.with_common_orig((0.0, 0.0, 0.0)):
        dipole = field.mol.intor_symmetric("int1e_r", comp=3)
    coefficients = [field.mo_coeff] if restricted else list(field.mo_coeff)
    occupations = [field.mo_occ] if restricted else list(field.mo_occ)
    occupied = [c[:, n > 0] for c, n in zip(coefficients, occupations, strict=True)]
    electrons = 2.0 if restricted else 1.0
    perturbation = [c.T @ dipole @ o for c, o in zip(coefficients, occupied, strict=True)]
    shapes = [h.shape[1:] for h in perturbation]
    response = field.gen_response(hermi=1)

    def induced(vector: NDArrayFloat) -> NDArrayFloat:
        """The potential that first-order orbitals induce, in the same layout."""
        parts = np.split(
            vector.reshape(-1, sum(a * b for a, b in shapes)), np.cumsum([a * b for a, b in shapes])[:-1], 1
        )
        densities = []
        for part, shape, c, o in zip(parts, shapes, coefficients, occupied, strict=True):
            half = electrons * (c @ part.reshape(-1, *shape) @ o.T)
            densities.append(half + half.transpose(0, 2, 1))
        potentials = [response(densities[0])] if restricted else response(np.array(densities))
        turned = [c.T @ v @ o for c, v, o in zip(coefficients, potentials, occupied, strict=True)]
        flat = [t.reshape(len(t), -1) for t in turned]
        return flat[0].ravel() if restricted else np.hstack(flat)

    orbitals = _first_order(field, induced, perturbation, restricted)
    half = sum(np.einsum("xpi,ypi->xy", h, u) for h, u in zip(perturbation, orbitals, strict=True))
    return -electrons * (half + np.transpose(half))


def _first_order(
    field: Any, induced: Callable[[NDArrayFloat], NDArrayFloat], perturbation: list[NDArrayFloat], restricted: bool
) -> list[NDArrayFloat]:
    from pyscf.scf import cphf, ucphf

    nothing = [np.zeros_like(h) for h in perturbation]
    if restricted:
        solved = cphf.solve(
            induced, field.mo_energy, field.mo_occ, perturbation[0], nothing[0], _CPHF_CYCLES, _CPHF_TOLERANCE
        )
        return [solved[0]]
    solved = ucphf.solve(induced, field.mo_energy, field.mo_occ, perturbation, nothing, _CPHF_CYCLES, _CPHF_TOLERANCE)
    return list(solved[0])
