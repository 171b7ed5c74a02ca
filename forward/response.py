"""The harmonic response of a molecule: what every engine returns and every spectrum is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import HessianError
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat

__all__ = ["HarmonicResponse"]

# Largest |H - H^T| in Eh/bohr^2 that is rounding or numerical differentiation; beyond it the input is a mistake.
_ASYMMETRY_HARTREE_PER_BOHR2 = 1e-3


@dataclass(frozen=True, eq=False, repr=False)
class HarmonicResponse:
    """Second-order response of the energy of a molecule to displacements, and first-order response of its tensors.

    Coordinates are ordered atom by atom (x, y, z of atom 0, then of atom 1), in the frame of ``molecule``.

    Attributes
    ----------
    molecule : Molecule
        At the geometry of the expansion.
    hessian : ndarray (3N, 3N)
        Second derivatives of the energy, Eh/bohr^2; symmetric (a small asymmetry given is averaged away).
    dipole_derivatives : ndarray (3, 3N) or None
        d mu_i / d x_k in units of the elementary charge.
    polarizability_derivatives : ndarray (3, 3, 3N) or None
        d alpha_ij / d x_k in bohr^2; symmetric in i, j.
    gradient : ndarray (3N,) or None
        Eh/bohr.
    energy_hartree : float or None
    dipole : ndarray (3,) or None
        Dipole moment in e bohr at the geometry, about the origin of the frame (that matters for ions).
    polarizability : ndarray (3, 3) or None
        Static polarizability in bohr^3.
    method : str
        "GFN2-xTB", "B3LYP/def2-svp", ...
    provenance : mapping
        Program, version and settings, as plain values.
    charge : int or None
        Of the molecule, in units of the elementary charge; None where it is not known.

    Raises
    ------
    HessianError
        Wrong shape, NaN, not symmetric, a charge that is no whole number.
    """

    molecule: Molecule
    hessian: NDArrayFloat
    dipole_derivatives: NDArrayFloat | None = None
    polarizability_derivatives: NDArrayFloat | None = None
    gradient: NDArrayFloat | None = None
    energy_hartree: float | None = None
    dipole: NDArrayFloat | None = None
    polarizability: NDArrayFloat | None = None
    method: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    charge: int | None = None

    def __post_init__(self) -> None:
        n = 3 * len(self.molecule)
        shapes = {
            "hessian": (n, n),
            "dipole_derivatives": (3, n),
            "polarizability_derivatives": (3, 3, n),
            "gradient": (n,),
            "dipole": (3,),
            "polarizability": (3, 3),
        }
        for name, shape in shapes.items():
            given = getattr(self, name)
            if given is None and name != "hessian":
                continue
            array = np.array(given, dtype=float)
            if array.shape != shape:
                raise HessianError(
                    f"HarmonicResponse: {name} has shape {array.shape}; {len(self.molecule)} atoms need {shape}."
                )
            if not np.isfinite(array).all():
                raise HessianError(f"HarmonicResponse: {name} holds NaN or infinity.")
            if name in ("hessian", "polarizability_derivatives", "polarizability"):
                array = self._symmetric(name, array)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.charge is not None:
            if not float(self.charge).is_integer():
                raise HessianError(
                    f"HarmonicResponse: charge {self.charge!r} is no whole number of elementary charges."
                )
            object.__setattr__(self, "charge", int(self.charge))

    @staticmethod
    def _symmetric(name: str, array: NDArrayFloat) -> NDArrayFloat:
        transposed = np.swapaxes(array, 0, 1)
        asymmetry = float(np.abs(array - transposed).max(initial=0.0))
        limit = max(_ASYMMETRY_HARTREE_PER_BOHR2, 1e-3 * float(np.abs(array).max(initial=0.0)))
        if asymmetry > limit:
            raise HessianError(
                f"HarmonicResponse: {name} differs from its transpose by {asymmetry:.3g}, more than {limit:.3g}: "
                "an index order or a reading error? Give the full symmetric matrix, atom by atom."
            )
        return (array + transposed) / 2

    def __repr__(self) -> str:
        return f"HarmonicResponse({self.molecule.formula}, {self.method or 'method not stated'})"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` reads them back."""
        arrays = ("hessian", "dipole_derivatives", "polarizability_derivatives", "gradient", "dipole", "polarizability")
        values = {name: getattr(self, name) for name in arrays}
        return {
            "molecule": self.molecule.as_dict(),
            **{name: None if value is None else value.tolist() for name, value in values.items()},
            "energy_hartree": self.energy_hartree,
            "method": self.method,
            "provenance": dict(self.provenance),
            "charge": self.charge,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "HarmonicResponse":
        """The response that `as_dict` wrote."""
        return cls(**{**values, "molecule": Molecule.from_dict(values["molecule"])})
