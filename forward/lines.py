"""Line lists: what a calculation or a measurement says about the fundamentals of one molecule, without any line shape.

A list holds one line per normal mode (partners of a degenerate set are separate lines) or, after `LineList.merged`,
one line per level.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat, NDArrayInt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LineList", "irrep_dimension"]

_DIMENSIONS = {"A": 1, "B": 1, "E": 2, "T": 3, "F": 3, "G": 4, "H": 5, "Sigma": 1}
_IRREP_LETTER = re.compile(r"\d?(Sigma|Pi|Delta|Phi|Gamma|Eta|Iota|Kappa|[A-Z])")


def irrep_dimension(irrep: str) -> int | None:
    """Dimension of a real irrep, read from its Mulliken letter; None where the label is not one.

    Examples
    --------
    >>> irrep_dimension("A1g"), irrep_dimension("E1u"), irrep_dimension("Hu"), irrep_dimension("Pig")
    (1, 2, 5, 2)
    """
    match = _IRREP_LETTER.match(irrep)
    if match is None:
        return None
    letter = match[1]
    return _DIMENSIONS.get(letter) if len(letter) == 1 or letter == "Sigma" else 2


@dataclass(frozen=True, eq=False, repr=False)
class LineList:
    """Wavenumbers and intensities of the fundamentals of a molecule.

    Attributes
    ----------
    wavenumbers_cm1 : ndarray (n,)
        In 1/cm, in the order given. Negative numbers are imaginary modes: kept here, never rendered.
    ir_km_per_mol : ndarray (n,) or None
        Integrated napierian absorption coefficient (double harmonic), km/mol.
    raman_a4_per_amu : ndarray (n,) or None
        Raman activity 45 a'^2 + 7 gamma'^2, A^4/u.
    depolarization : masked ndarray (n,) or None
        rho = 3 gamma'^2 / (45 a'^2 + 4 gamma'^2); masked where the Raman activity is zero.
    irreps : tuple of str (n,) or None
    degeneracies : ndarray (n,) of int
        How many normal modes a line stands for: 1, unless levels were merged. Intensities are those of the line.
    name : str
        Of the molecule.
    point_group : str
        Schoenflies label, "" where not known.
    simulated : bool
        False for a measured list.
    method : str
        "GFN2-xTB, harmonic", "gas, NIST WebBook" ...
    scale_factor : float
        By which the wavenumbers have been multiplied.
    provenance : mapping
        Program, version and settings, as plain values.

    Raises
    ------
    SpectrumError
        Lengths that differ, NaN, a negative intensity, depolarization ratio or degeneracy.

    Examples
    --------
    >>> water = LineList([1595.0, 3657.0, 3756.0], ir_km_per_mol=[54.0, 2.2, 45.0], name="water")
    >>> len(water), water.source
    (3, 'simulated, scale 1.000')
    """

    wavenumbers_cm1: NDArrayFloat
    ir_km_per_mol: NDArrayFloat | None = None
    raman_a4_per_amu: NDArrayFloat | None = None
    depolarization: np.ma.MaskedArray | None = None
    irreps: tuple[str, ...] | None = None
    degeneracies: NDArrayInt | None = None
    name: str = ""
    point_group: str = ""
    simulated: bool = True
    method: str = ""
    scale_factor: float = 1.0
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wavenumbers = _column("wavenumbers_cm1", self.wavenumbers_cm1, None)
        n = len(wavenumbers)
        object.__setattr__(self, "wavenumbers_cm1", wavenumbers)
        for column in ("ir_km_per_mol", "raman_a4_per_amu"):
            if getattr(self, column) is not None:
                object.__setattr__(self, column, _column(column, getattr(self, column), n, at_least=0.0))
        if self.depolarization is not None:
            object.__setattr__(self, "depolarization", _masked_column(self.depolarization, n))
        if self.irreps is not None:
            object.__setattr__(self, "irreps", _labels(self.irreps, n))
        given = np.ones(n) if self.degeneracies is None else self.degeneracies
        counts = _column("degeneracies", given, n, at_least=1.0)
        if (counts % 1).any():
            raise SpectrumError(f"LineList: degeneracies are numbers of modes, not {counts.tolist()[:8]}.")
        degeneracies = counts.astype(np.int64)
        degeneracies.setflags(write=False)
        object.__setattr__(self, "degeneracies", degeneracies)
        if not (np.isfinite(self.scale_factor) and self.scale_factor > 0):
            raise SpectrumError(f"LineList: scale_factor = {self.scale_factor}; a positive number is needed.")

    # ------------------------------------------------------------------------------------------------ what it is

    def __len__(self) -> int:
        return len(self.wavenumbers_cm1)

    def __repr__(self) -> str:
        what = " ".join(part for part in (self.name, self.point_group) if part) or "unnamed"
        return f"LineList({what}, {len(self)} lines, {self.source})"

    @property
    def source(self) -> str:
        """Where the numbers come from, in words: "simulated, GFN2-xTB, harmonic, scale 1.000"."""
        parts = ["simulated" if self.simulated else "measured", self.method]
        if self.simulated or self.scale_factor != 1.0:
            parts.append(f"scale {self.scale_factor:.3f}")
        return ", ".join(part for part in parts if part)

    @property
    def imaginary(self) -> NDArrayInt:
        """Indices of the lines with an imaginary (negative) wavenumber."""
        return np.flatnonzero(self.wavenumbers_cm1 < 0)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know before using the list."""
        if not len(self.imaginary):
            return ()
        values = ", ".join(f"{-value:.0f}i" for value in self.wavenumbers_cm1[self.imaginary][:6])
        more = " ..." if len(self.imaginary) > 6 else ""
        return (
            f"{len(self.imaginary)} imaginary wavenumber(s), {values}{more} cm-1: the geometry is no minimum. "
            "They are kept in the list and never rendered. --follow-imaginary (harmonic_response(x, "
            "follow_imaginary=True)) moves along them and optimises again; a geometry taken as it is needs it first.",
        )

    def intensities(self, quantity: str) -> NDArrayFloat:
        """Intensities (n,) of "ir" (km/mol) or "raman" (A^4/u); SpectrumError where the list has none."""
        columns = {"ir": self.ir_km_per_mol, "raman": self.raman_a4_per_amu}
        if quantity not in columns:
            raise SpectrumError(f"LineList.intensities({quantity!r}): the quantity must be one of {sorted(columns)}.")
        values = columns[quantity]
        if values is None:
            needed = {"ir": "dipole", "raman": "polarizability"}[quantity]
            raise SpectrumError(
                f"LineList.intensities({quantity!r}): {self!r} has no {quantity} intensities; "
                f"a calculation with {needed} derivatives is needed."
            )
        return values

    # ---------------------------------------------------------------------------------------------- other lists

    def scaled(self, factor: float) -> "LineList":
        """Return the list with all wavenumbers times ``factor`` (intensities as they are); `source` says so.

        Examples
        --------
        >>> LineList([1000.0]).scaled(0.95).source
        'simulated, scale 0.950'
        """
        if not (np.isfinite(factor) and factor > 0):
            raise SpectrumError(f"LineList.scaled({factor}): a positive number is needed.")
        return replace(
            self, wavenumbers_cm1=self.wavenumbers_cm1 * factor, scale_factor=float(self.scale_factor * factor)
        )

    def merged(self, tolerance_cm1: float = 0.1) -> "LineList":
        """Return the levels by ascending wavenumber: degenerate partners become one line with summed intensities.

        With irreps, lines join when they have the same one, lie within ``tolerance_cm1`` of the level's first line
        and the level does not yet have the irrep's dimension; lines of a one-dimensional irrep stay apart however
        close they are. Without irreps whatever lies within the tolerance joins. The wavenumber is the mean over the
        modes; rho is that of the summed parallel and perpendicular scattering.

        Examples
        --------
        >>> level = LineList([700.0, 700.02], [30.0, 31.0], irreps=("E", "E")).merged()
        >>> level.degeneracies.tolist(), level.ir_km_per_mol.tolist()
        ([2], [61.0])
        """
        if not tolerance_cm1 >= 0:
            raise SpectrumError(f"LineList.merged({tolerance_cm1}): the tolerance must be 0 or more, in 1/cm.")
        order, level = self._levels(tolerance_cm1)
        n = int(level.max(initial=-1)) + 1
        weights = self._degeneracies[order]
        modes = np.bincount(level, weights, n)

        def summed(values: NDArrayFloat) -> NDArrayFloat:
            return np.bincount(level, values[order], n).astype(float)

        first = np.searchsorted(level, np.arange(n))
        merged = replace(
            self,
            wavenumbers_cm1=np.bincount(level, weights * self.wavenumbers_cm1[order], n) / modes,
            ir_km_per_mol=None if self.ir_km_per_mol is None else summed(self.ir_km_per_mol),
            raman_a4_per_amu=None if self.raman_a4_per_amu is None else summed(self.raman_a4_per_amu),
            depolarization=self._merged_depolarization(summed, order[first], bool((modes == weights[first]).all())),
            irreps=None if self.irreps is None else tuple(self.irreps[order[k]] for k in first),
            degeneracies=modes,
        )
        return merged._sorted()

    def _levels(self, tolerance_cm1: float) -> tuple[NDArrayInt, NDArrayInt]:
        """Order of the lines that puts levels together, and the level (ascending) of each line in that order."""
        kinds = np.unique(self.irreps, return_inverse=True)[1] if self.irreps else np.zeros(len(self), dtype=int)
        order = np.lexsort((self.wavenumbers_cm1, kinds))
        level = np.zeros(len(self), dtype=np.int64)
        current, filled, start = -1, 0, 0
        for place, line in enumerate(order):
            capacity = None if self.irreps is None else irrep_dimension(self.irreps[line])
            filled += int(self._degeneracies[line])
            joins = (
                place > 0
                and kinds[line] == kinds[start]
                and self.wavenumbers_cm1[line] - self.wavenumbers_cm1[start] <= tolerance_cm1
                and (capacity is None or filled <= capacity)
            )
            if not joins:
                current, filled, start = current + 1, int(self._degeneracies[line]), line
            level[place] = current
        return order, level

    def _merged_depolarization(self, summed: Any, first: NDArrayInt, unchanged: bool) -> np.ma.MaskedArray | None:
        """Rho of each level: I_perp = S rho / (1 + rho) and I_par = S / (1 + rho) add, rho does not."""
        if self.depolarization is None:
            return None
        if unchanged:
            return self.depolarization[first]
        if self.raman_a4_per_amu is None:
            raise SpectrumError(
                f"LineList.merged: {self!r} has depolarization ratios but no Raman activities to weigh them with."
            )
        rho = self.depolarization.filled(0.0)
        parallel = np.where(np.ma.getmaskarray(self.depolarization), 0.0, self.raman_a4_per_amu / (1 + rho))
        total = summed(parallel)
        ratio = summed(parallel * rho) / np.where(total > 0, total, 1.0)
        return np.ma.MaskedArray(ratio, mask=total <= 0)

    def _sorted(self) -> "LineList":
        """The list by ascending wavenumber."""
        order = np.argsort(self.wavenumbers_cm1, kind="stable")

        def taken(values: Any) -> Any:
            return None if values is None else values[order]

        columns = ("wavenumbers_cm1", "ir_km_per_mol", "raman_a4_per_amu", "depolarization", "degeneracies")
        irreps = None if self.irreps is None else tuple(self.irreps[k] for k in order)
        return replace(self, irreps=irreps, **{column: taken(getattr(self, column)) for column in columns})

    @property
    def _degeneracies(self) -> NDArrayInt:
        assert self.degeneracies is not None, "set in __post_init__"
        return self.degeneracies

    # ------------------------------------------------------------------------------------------ storage and view

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON; `from_dict` reads them back. Masked ratios are None."""
        columns = ("wavenumbers_cm1", "ir_km_per_mol", "raman_a4_per_amu", "depolarization", "degeneracies")
        return {
            **{column: None if (v := getattr(self, column)) is None else v.tolist() for column in columns},
            "irreps": None if self.irreps is None else list(self.irreps),
            "name": self.name,
            "point_group": self.point_group,
            "simulated": self.simulated,
            "method": self.method,
            "scale_factor": self.scale_factor,
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LineList":
        """Return the list that `as_dict` wrote."""
        unknown = set(values) - set(cls.__dataclass_fields__)
        if unknown or "wavenumbers_cm1" not in values:
            raise SpectrumError(
                f"LineList.from_dict: 'wavenumbers_cm1' is needed and {sorted(unknown)} mean nothing; the keys are "
                f"{sorted(cls.__dataclass_fields__)}."
            )
        return cls(**values)

    def to_csv(self, path: str | Path | None = None) -> str:
        """Return the list as CSV text, units in the column names, its source in the comments; written if a path."""
        from .spectrum_files import lines_to_csv

        return lines_to_csv(self, path)

    @classmethod
    def from_csv(cls, path: str | Path) -> "LineList":
        """Return the list in a CSV file that `to_csv` wrote."""
        from .spectrum_files import read_lines_csv

        return read_lines_csv(path)

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Return the header and the rows of the table as text, without the columns that are not known.

        "-" stands for an intensity that the selection rules forbid, and for its depolarization ratio.
        """
        from ._line_presentation import line_rows

        return line_rows(self)

    def table(self) -> str:
        """Return the list as aligned text, with its source and notes below."""
        from ._line_presentation import line_table

        return line_table(self)

    def _repr_html_(self) -> str:
        from ._line_presentation import line_html

        return line_html(self)

    def plot(self, ax: "Axes | None" = None, quantity: str | None = None) -> "Axes":
        """Return axes with the lines as sticks of ``quantity`` ("ir" or "raman"; the first known if not given)."""
        from .spectrum_plot import plot_sticks

        return plot_sticks(self, ax, quantity)


def _column(name: str, values: Any, n: int | None, at_least: float | None = None) -> NDArrayFloat:
    """A read-only float array (n,)."""
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise SpectrumError(f"LineList: {name} cannot be read as numbers: {error}.") from error
    if array.ndim != 1 or (n is not None and len(array) != n):
        needed = "(n,)" if n is None else f"({n},), one entry a line"
        raise SpectrumError(f"LineList: {name} has shape {array.shape}; {needed} is needed.")
    if not np.isfinite(array).all():
        raise SpectrumError(f"LineList: {name} holds {array[~np.isfinite(array)][0]} at a line; numbers are needed.")
    if at_least is not None and (array < at_least).any():
        worst = int(array.argmin())
        raise SpectrumError(f"LineList: {name} of line {worst} is {array[worst]}; {at_least:g} or more is needed.")
    array.setflags(write=False)
    return array


def _masked_column(values: Any, n: int) -> np.ma.MaskedArray:
    """Depolarization ratios (n,), masked where the input is masked or None."""
    if not isinstance(values, np.ma.MaskedArray):
        plain = list(values)
        missing = [value is None for value in plain]
        values = np.ma.MaskedArray([0.0 if gone else v for v, gone in zip(plain, missing, strict=True)], mask=missing)
    mask = np.ma.getmaskarray(values).copy()
    numbers = _column("depolarization", values.filled(0.0), n, at_least=0.0)
    masked = np.ma.MaskedArray(np.where(mask, 0.0, numbers), mask=mask, fill_value=np.nan)
    masked.flags.writeable = False
    return masked


def _labels(irreps: Sequence[str], n: int) -> tuple[str, ...]:
    labels = tuple(irreps)
    if len(labels) != n or not all(isinstance(label, str) for label in labels):
        raise SpectrumError(f"LineList: {len(labels)} irreps for {n} lines; one label (str) a line is needed.")
    return labels
