"""Whether two sets of normal modes have the same spectra; nothing here knows of blocks and fibres."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forward.normal_modes import NormalModes
from ..groups.selection_rules import selection_rules

__all__ = ["SpectralDeviation", "compare_spectra"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SpectralDeviation:
    """Largest differences between the lines of two spectra, over the levels that the observables see.

    Attributes
    ----------
    wavenumber_cm1 : float
    ir_km_per_mol, raman_a4_per_amu, depolarization : float or None
        None where not observed.
    relative_ir, relative_raman : float or None
        The same over the strongest line.
    levels : int
        How many levels were compared.
    """

    wavenumber_cm1: float
    ir_km_per_mol: float | None
    raman_a4_per_amu: float | None
    depolarization: float | None
    relative_ir: float | None
    relative_raman: float | None
    levels: int

    def largest(self, other: "SpectralDeviation") -> "SpectralDeviation":
        """The larger of each number."""

        def worse(name: str) -> Any:
            mine, theirs = getattr(self, name), getattr(other, name)
            return None if mine is None or theirs is None else max(mine, theirs)

        return SpectralDeviation(*(worse(name) for name in self.__dataclass_fields__))

    def __str__(self) -> str:
        parts = [f"wavenumbers within {self.wavenumber_cm1:.1e} cm-1"]
        if self.ir_km_per_mol is not None:
            parts.append(f"IR intensities within {self.ir_km_per_mol:.1e} km/mol")
        if self.raman_a4_per_amu is not None:
            parts.append(f"Raman activities within {self.raman_a4_per_amu:.1e} A^4/u")
        if self.depolarization is not None:
            parts.append(f"depolarization ratios within {self.depolarization:.1e}")
        return f"{', '.join(parts)} ({self.levels} levels)"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class _Levels:
    """Levels in the order of irrep and wavenumber; intensities summed over partners."""

    irreps: tuple[str, ...]
    wavenumbers: Array
    ir: Array | None
    raman: Array | None
    rho: Any

    @classmethod
    def of(cls, modes: NormalModes) -> "_Levels":
        first = np.unique(modes.set_index, return_index=True)[1]
        irreps = [(modes.irreps or ("",) * len(modes))[k] for k in first]
        means = np.array([wavenumber for _, wavenumber in modes.levels])
        order = np.lexsort((means, irreps)) if len(irreps) else np.zeros(0, dtype=int)

        def total(values: Array | None) -> Array | None:
            return None if values is None else np.bincount(modes.set_index, values)[order].astype(np.float64)

        rho = None if modes.depolarization is None else modes.depolarization[first][order]
        return cls(
            tuple(irreps[k] for k in order),
            means[order],
            total(modes.ir_km_per_mol),
            total(modes.raman_a4_per_amu),
            rho,
        )


def compare_spectra(first: NormalModes, second: NormalModes, observables: Iterable[str]) -> SpectralDeviation:
    """Largest differences between the lines of two sets of normal modes of one molecule.

    Lines are matched by irrep (where both have them) and order. A level is looked at where the observables see it: "ir"
    the infrared-active species, "raman" and "rho" the Raman-active ones. A ratio defined in one spectrum and not in the
    other counts as 1.
    """
    asked = set(observables)
    a, b = _Levels.of(first), _Levels.of(second)
    ir_seen = raman_seen = np.ones(len(a.irreps), dtype=bool)
    if first.point_group is not None:
        rules = selection_rules(first.point_group)
        ir_seen = np.array([rules[k].infrared_active for k in a.irreps], dtype=bool)
        raman_seen = np.array([rules[k].raman for k in a.irreps], dtype=bool)
    # wavenumbers alone are read from whatever lines there are
    of = {"ir": ir_seen, "raman": raman_seen}
    seen = np.logical_or.reduce([of[k] for k in asked & set(of)] or [ir_seen, raman_seen])
    wavenumber = np.abs(a.wavenumbers - b.wavenumbers)[seen].max(initial=0.0)
    ir, relative_ir = _difference(a.ir, b.ir, ir_seen) if "ir" in asked else (None, None)
    raman, relative_raman = _difference(a.raman, b.raman, raman_seen) if "raman" in asked else (None, None)
    rho = None
    if "rho" in asked and a.rho is not None:
        masks = np.ma.getmaskarray(a.rho) != np.ma.getmaskarray(b.rho)
        both = np.where(masks, 1.0, np.ma.filled(np.ma.abs(a.rho - b.rho), 0.0))
        rho = float(both[raman_seen].max(initial=0.0))
    return SpectralDeviation(float(wavenumber), ir, raman, rho, relative_ir, relative_raman, int(seen.sum()))


def _difference(a: Array | None, b: Array | None, seen: Any) -> tuple[float | None, float | None]:
    if a is None or b is None:
        return None, None
    largest = float(np.abs(a - b)[seen].max(initial=0.0))
    strongest = float(np.abs(a).max(initial=0.0))
    return largest, largest / strongest if strongest > 0 else 0.0
