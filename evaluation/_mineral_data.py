"""Values that the loaders of minerals hand out: spectra with gaps, calculated powder lines, pairs of modalities."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError

__all__ = ["MineralPairs", "MineralSpectra", "PowderLines"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]


class _Rows:
    """Read-only arrays, and rows taken of all fields that have one entry for each row."""

    _per_row: tuple[str, ...] = ()
    name: str
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        n = {len(getattr(self, name)) for name in self._per_row}
        if len(n) != 1:
            sizes = {name: len(getattr(self, name)) for name in self._per_row}
            raise DatasetError(f"{self.name}: fields of different length: {sizes}.")
        for item in fields(self):  # pyright: ignore[reportArgumentType]
            values = getattr(self, item.name)
            if isinstance(values, np.ndarray):
                values = values.copy() if values.flags.writeable else values
                values.setflags(write=False)
                object.__setattr__(self, item.name, values)

    def __len__(self) -> int:
        return len(getattr(self, self._per_row[0]))

    def take(self, rows: Any, *notes: str) -> Any:
        """These rows (indices or a mask) only, with further notes."""
        chosen = np.arange(len(self))[np.asarray(rows)]
        taken: dict[str, Any] = {"notes": (*self.notes, *notes)}
        for name in self._per_row:
            values = getattr(self, name)
            taken[name] = values[chosen] if isinstance(values, np.ndarray) else tuple(values[i] for i in chosen)
        return replace(self, **taken)  # pyright: ignore[reportArgumentType]

    def noted(self, *notes: str) -> Any:
        """The same with further notes."""
        return replace(self, notes=(*self.notes, *notes))  # pyright: ignore[reportArgumentType]

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p>{escape(repr(self))}</p><ul>{rows}</ul>"


@dataclass(frozen=True, eq=False, repr=False)
class MineralSpectra(_Rows):
    """Measured spectra of minerals on one axis; NaN where a spectrum was not measured.

    Attributes
    ----------
    name : str
    axis_cm1 : ndarray (L,)
    quantity : str
    values : ndarray (n, L)
    minerals, specimens, formulas : tuple of str (n,)
        Name as filed, RRUFF id, ideal formula as RRUFF writes it.
    confirmed : ndarray (n,) of bool
        False where the index calls the identification "not yet confirmed".
    laser_nm : ndarray (n,) of int
        0 for infrared.
    rows : ndarray (n,) of int
        In the file.
    groups : ndarray (n,) of int
        Of mineral names that share a specimen or a spectrum, over all RRUFF files.
    notes : tuple of str
        Defects, and what was left out.
    synthetic : bool
    """

    name: str
    axis_cm1: Array
    quantity: str
    values: Array
    minerals: tuple[str, ...]
    specimens: tuple[str, ...]
    formulas: tuple[str, ...]
    confirmed: Mask
    laser_nm: Index
    rows: Index
    groups: Index
    notes: tuple[str, ...] = ()
    synthetic: bool = False

    _per_row = ("values", "minerals", "specimens", "formulas", "confirmed", "laser_nm", "rows", "groups")

    @property
    def mask(self) -> Mask:
        """Where it was measured (n, L)."""
        return ~np.isnan(self.values)

    def __repr__(self) -> str:
        kind = ", synthetic" if self.synthetic else ""
        return (
            f"MineralSpectra({self.name}: {len(self)} spectra of {len(set(self.specimens))} specimens, "
            f"{len(set(self.minerals))} names, {self.axis_cm1[0]:g}-{self.axis_cm1[-1]:g} 1/cm{kind})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values: sizes and notes, not the spectra."""
        return {
            "name": self.name,
            "n_spectra": len(self),
            "n_specimens": len(set(self.specimens)),
            "n_minerals": len(set(self.minerals)),
            "n_groups": len(set(self.groups.tolist())),
            "axis_cm1": [float(self.axis_cm1[0]), float(self.axis_cm1[-1])],
            "share_measured": float(self.mask.mean()) if len(self) else None,
            "notes": list(self.notes),
            "synthetic": self.synthetic,
        }

    def plot(self, ax: Any = None) -> Any:
        """Axes with the mean spectrum, each spectrum scaled to largest value 1."""
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots()
        scaled = self.values / np.nanmax(np.abs(self.values), axis=1, keepdims=True)
        total, n = np.nansum(scaled, axis=0), self.mask.sum(axis=0)
        ax.plot(self.axis_cm1[n > 0], total[n > 0] / n[n > 0], linewidth=1)
        ax.set_xlabel("wavenumber (1/cm)")
        ax.set_ylabel(f"mean {self.quantity}, scaled")
        ax.set_title(self.name)
        return ax


@dataclass(frozen=True, eq=False, repr=False)
class PowderLines(_Rows):
    """Lines of powder patterns, calculated from crystal structures (AMCSD); nothing here was measured.

    Attributes
    ----------
    name : str
    codes, minerals, space_groups : tuple of str (n,)
        Of the structures; space groups in Hermann-Mauguin symbols of any setting.
    two_theta_deg, intensities : tuple of ndarray (n,)
        Lines of each structure, ascending; those at one angle are summed.
    wavelength_angstrom : float
    notes : tuple of str
    synthetic, computed : bool
        Made up by a formula; calculated.
    """

    name: str
    codes: tuple[str, ...]
    minerals: tuple[str, ...]
    space_groups: tuple[str, ...]
    two_theta_deg: tuple[Array, ...]
    intensities: tuple[Array, ...]
    wavelength_angstrom: float = 1.541838
    notes: tuple[str, ...] = ()
    synthetic: bool = False
    computed: bool = True

    _per_row = ("codes", "minerals", "space_groups", "two_theta_deg", "intensities")

    def __repr__(self) -> str:
        return f"PowderLines({self.name}, computed: {len(self)} structures of {len(set(self.minerals))} minerals)"

    def patterns(
        self, start_deg: float = 5.0, stop_deg: float = 90.0, step_deg: float = 0.1, fwhm_deg: float = 0.3
    ) -> tuple[Array, Array]:
        """Axis (L,) in degrees two theta, and Gaussian patterns (n, L) of largest value 1.

        The width is that of an ordinary laboratory pattern on this grid, not of any instrument; lines outside the
        range still lend their tails. A structure without lines in the range has a pattern of zeros.

        Raises
        ------
        DatasetError
            A range or width that is not positive.
        """
        if not (step_deg > 0 and stop_deg > start_deg and fwhm_deg > 0):
            raise DatasetError(f"patterns({start_deg}, {stop_deg}, {step_deg}, {fwhm_deg}): all must be positive.")
        axis = start_deg + step_deg * np.arange(round((stop_deg - start_deg) / step_deg) + 1, dtype=np.float64)
        found = np.zeros((len(self), len(axis)))
        for row, (angles, heights) in enumerate(zip(self.two_theta_deg, self.intensities, strict=True)):
            offset = (axis[:, None] - angles) / fwhm_deg
            found[row] = np.exp(-4 * np.log(2) * offset**2) @ heights
        largest = found.max(axis=1, keepdims=True)
        return axis, np.divide(found, np.where(largest > 0, largest, 1.0))

    def as_dict(self) -> dict[str, Any]:
        """Plain values: sizes and notes."""
        return {
            "name": self.name,
            "n_structures": len(self),
            "n_minerals": len(set(self.minerals)),
            "n_lines": sum(map(len, self.two_theta_deg)),
            "wavelength_angstrom": self.wavelength_angstrom,
            "computed": self.computed,
            "notes": list(self.notes),
            "synthetic": self.synthetic,
        }


@dataclass(frozen=True, eq=False, repr=False)
class MineralPairs(_Rows):
    """Two modalities of the same specimens (or minerals): row i of x belongs to row i of y.

    Spectra are scaled so that the largest measured value is 1; where nothing was measured they are 0 and the mask is
    False, so that no number there may be used.

    Attributes
    ----------
    name : str
    source, target : {"ir", "raman", "xrd"}
    x_axis, y_axis : ndarray (Lx,), (Ly,)
        1/cm; degrees two theta for "xrd".
    x, y : ndarray (n, Lx), (n, Ly)
    x_mask, y_mask : ndarray of bool (n, Lx), (n, Ly)
    minerals, specimens, formulas : tuple of str (n,)
    laser_nm : ndarray (n,) of int
    x_rows, y_rows : ndarray (n,) of int
        In the files; of "xrd" the position among the structures.
    groups : ndarray (n,) of int
        The rows of a group must not be parted by a split by mineral.
    notes : tuple of str
    synthetic : bool
    """

    name: str
    source: str
    target: str
    x_axis: Array
    y_axis: Array
    x: Array
    y: Array
    x_mask: Mask
    y_mask: Mask
    minerals: tuple[str, ...]
    specimens: tuple[str, ...]
    formulas: tuple[str, ...]
    laser_nm: Index
    x_rows: Index
    y_rows: Index
    groups: Index
    notes: tuple[str, ...] = ()
    synthetic: bool = False

    _per_row = (
        "x",
        "y",
        "x_mask",
        "y_mask",
        "minerals",
        "specimens",
        "formulas",
        "laser_nm",
        "x_rows",
        "y_rows",
        "groups",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for side in "xy":
            values, mask = getattr(self, side), getattr(self, f"{side}_mask")
            if values.shape != mask.shape or values.shape[1:] != getattr(self, f"{side}_axis").shape:
                raise DatasetError(f"{self.name}: {side} {values.shape}, mask {mask.shape}, axis do not fit.")
            if not np.isfinite(values).all() or (values[~mask] != 0).any():
                raise DatasetError(f"{self.name}: {side} must be finite, and 0 where it was not measured.")

    def __repr__(self) -> str:
        kind = ", synthetic" if self.synthetic else ""
        computed = " (computed)" if self.target == "xrd" else ""
        return (
            f"MineralPairs({self.source} -> {self.target}{computed}: {len(self)} pairs of "
            f"{len(set(self.specimens))} specimens, {len(set(self.groups.tolist()))} groups of minerals{kind})"
        )

    def reversed(self) -> "MineralPairs":
        """The other direction."""
        swapped = {f"{a}{name}": getattr(self, f"{b}{name}") for name in ("", "_axis", "_mask", "_rows")
                   for a, b in (("x", "y"), ("y", "x"))}  # fmt: skip
        return replace(self, source=self.target, target=self.source, **swapped)

    def onto_itself(self) -> "MineralPairs":
        """The source as its own target, each source spectrum once: the task of reconstruction."""
        _, first = np.unique(self.x_rows, return_index=True)
        once = self.take(np.sort(first))
        return replace(
            once, target=self.source, y=once.x, y_axis=once.x_axis, y_mask=once.x_mask, y_rows=once.x_rows
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Plain values: sizes and notes, not the spectra."""
        return {
            "source": self.source,
            "target": self.target,
            "n_pairs": len(self),
            "n_specimens": len(set(self.specimens)),
            "n_minerals": len(set(self.minerals)),
            "n_groups": len(set(self.groups.tolist())),
            "notes": list(self.notes),
            "synthetic": self.synthetic,
        }


def scaled(values: Array) -> tuple[Array, Mask, Mask]:
    """Spectra (n, L) of largest value 1 with 0 for NaN, masks (n, L), and which rows have a positive value (n,)."""
    mask = ~np.isnan(values)
    filled = np.where(mask, values, 0.0).astype(np.float64)
    largest = filled.max(axis=1, initial=0.0)
    usable = largest > 0
    return filled / np.where(usable, largest, 1.0)[:, None], mask, usable


def first_of_each(keys: Sequence[Any]) -> dict[Any, int]:
    """The first position of each key."""
    found: dict[Any, int] = {}
    for k, key in enumerate(keys):
        found.setdefault(key, k)
    return found
