"""Spectra of the same samples on several instruments, as one value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError

__all__ = ["Array", "InstrumentSet"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class InstrumentSet:
    """Spectra of the same samples on several instruments; row i is one sample on all of them.

    Attributes
    ----------
    name : str
    axis : ndarray (L,)
        Ascending; common to all instruments.
    axis_unit, quantity : str
        "nm" or "1/cm"; what the spectra are.
    spectra : mapping of str to ndarray (n, L)
        By instrument.
    sample_ids : tuple of str (n,)
    targets : mapping of str to ndarray (n,)
        Reference values; empty where there are none.
    units : mapping of str to str
        Of the targets.
    split : tuple of str (n,) or None
        Of the source: "calibrate", "test", "validate".
    standards : mapping of str to ndarray (m, L)
        Spectra of reference glasses, by instrument.
    notes : tuple of str
        Defects, and what was left out.
    synthetic : bool
        Made up by a formula.
    """

    name: str
    axis: Array
    axis_unit: str
    quantity: str
    spectra: Mapping[str, Array]
    sample_ids: tuple[str, ...]
    targets: Mapping[str, Array] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    split: tuple[str, ...] | None = None
    standards: Mapping[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    synthetic: bool = False

    def __post_init__(self) -> None:
        n, length = len(self.sample_ids), len(self.axis)
        wrong = [key for key, x in self.spectra.items() if x.shape != (n, length)]
        wrong += [key for key, y in self.targets.items() if y.shape != (n,)]
        wrong += [key for key, x in self.standards.items() if x.ndim != 2 or x.shape[1] != length]
        if wrong or (self.split is not None and len(self.split) != n) or set(self.targets) != set(self.units):
            raise DatasetError(
                f"{self.name}: {n} samples and {length} channels, which {', '.join(wrong) or 'split or units'} "
                "do not fit."
            )
        if len(set(self.sample_ids)) != n or not (np.diff(self.axis) > 0).all():
            raise DatasetError(f"{self.name}: sample ids must differ and the axis must ascend.")
        for name in ("spectra", "targets", "standards"):
            frozen = {key: _read_only(values) for key, values in getattr(self, name).items()}
            object.__setattr__(self, name, MappingProxyType(frozen))
        object.__setattr__(self, "axis", _read_only(self.axis))

    def __len__(self) -> int:
        return len(self.sample_ids)

    def __repr__(self) -> str:
        kind = ", synthetic" if self.synthetic else ""
        return (
            f"InstrumentSet({self.name}, {len(self)} samples x {len(self.axis)} channels "
            f"({self.axis[0]:g}-{self.axis[-1]:g} {self.axis_unit}), {len(self.spectra)} instruments{kind})"
        )

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of the instruments."""
        return tuple(self.spectra)

    def directions(self) -> tuple[tuple[str, str], ...]:
        """All (source, target) pairs of different instruments."""
        return tuple((a, b) for a in self.spectra for b in self.spectra if a != b)

    def rows_of(self, part: str) -> NDArray[np.int64]:
        """Rows of a part of the source's split.

        Raises
        ------
        DatasetError
            No split, or no such part.
        """
        if self.split is None or part not in self.split:
            parts = sorted(set(self.split or ())) or "none"
            raise DatasetError(f"{self.name} has no part {part!r}; its parts: {parts}.")
        return np.flatnonzero(np.array(self.split) == part)

    def take(self, rows: Any) -> "InstrumentSet":
        """The set of these rows (indices or a mask) only."""
        chosen = np.arange(len(self))[np.asarray(rows)]
        return replace(
            self,
            spectra={key: x[chosen] for key, x in self.spectra.items()},
            targets={key: y[chosen] for key, y in self.targets.items()},
            sample_ids=tuple(self.sample_ids[i] for i in chosen),
            split=None if self.split is None else tuple(self.split[i] for i in chosen),
        )

    def without(self, sample_ids: Sequence[str], why: str = "left out") -> "InstrumentSet":
        """The set less some samples, which is noted.

        Raises
        ------
        DatasetError
            An id that no sample has.
        """
        if not sample_ids:
            return self
        unknown = sorted(set(sample_ids) - set(self.sample_ids))
        if unknown:
            raise DatasetError(f"{self.name} has no sample {', '.join(unknown)}; ids are like {self.sample_ids[0]}.")
        kept = self.take([i for i, name in enumerate(self.sample_ids) if name not in set(sample_ids)])
        return replace(kept, notes=(*self.notes, f"{why}: {', '.join(sample_ids)}"))

    def as_dict(self) -> dict[str, Any]:
        """Plain values: sizes, names, ranges of the targets and notes, not the spectra."""
        return {
            "name": self.name,
            "n_samples": len(self),
            "n_channels": len(self.axis),
            "axis": [float(self.axis[0]), float(self.axis[-1]), self.axis_unit],
            "quantity": self.quantity,
            "instruments": list(self.spectra),
            "targets": {key: [float(y.min()), float(y.max()), self.units[key]] for key, y in self.targets.items()},
            "split": {} if self.split is None else {part: self.split.count(part) for part in dict.fromkeys(self.split)},
            "notes": list(self.notes),
            "synthetic": self.synthetic,
        }

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p>{escape(repr(self))}</p><ul>{rows}</ul>"

    def plot(self, ax: Any = None) -> Any:
        """Axes with the mean spectrum of every instrument."""
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots()
        for name, x in self.spectra.items():
            ax.plot(self.axis, x.mean(axis=0), label=name, linewidth=1)
        ax.set_xlabel(f"{self.axis_unit}")
        ax.set_ylabel(self.quantity)
        ax.set_title(self.name)
        ax.legend()
        return ax


def _read_only(values: Array) -> Array:
    copied = np.array(values, dtype=np.float64)
    copied.setflags(write=False)
    return copied
