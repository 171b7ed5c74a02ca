"""The computed molecules that Spektron is trained and tested on: line lists, labels and the split by formula.

Everything here is simulated (GFN2-xTB, harmonic). A formula belongs to one part of the split only, so no structure,
no isomer and no conformer of a test molecule is ever trained on. The split follows from the formula alone (and from
the molecules that have a second level of theory, which mostly test), not from a seed or the order of the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ..forward.dataset_files import SimulatedDataset, shipped_dataset
from ..groups.schoenflies import PointGroup
from ._training_rows import PROPERTY_NAMES, line_batch, properties
from .functional_groups import shipped_labels
from .rendering import LineBatch

__all__ = ["PARTS", "TrainingData", "formula_split", "load_training_data"]

PARTS = ("train", "validation", "test")
_SOURCES = ("lines_qm9_gfn2", "lines_symmetric_gfn2")
_SECOND_LEVEL = "lines_test_gfn1"
# Of the numbers that formulas are hashed to: below the first tests, below the second validates, the others train.
_PARTS, _PARTS_OF_SECOND_LEVEL = (0.15, 0.20), (0.65, 0.80)
_PARTS_OF_LINES = ("wavenumbers_cm1", "intensities")
_LINES = ("wavenumber_cm1", "ir_km_per_mol", "raman_a4_per_amu", "irrep", "point_group")
_COLUMNS = (
    *_LINES,
    *("smiles", "formula", "charge", "numbers", "positions_angstrom", "dipole_e_bohr"),
)


@dataclass(frozen=True, eq=False, repr=False)
class TrainingData:
    """Molecules with computed lines (simulated), labels and their part of the split; arrays are read-only.

    Attributes
    ----------
    ids : tuple of str (n,)
    lines : LineBatch
        Of all molecules, "ir" and "raman", float32; exactly zero where the selection rules forbid it.
    split : ndarray (n,) of str
        "train", "validation" or "test".
    formulas : tuple of str (n,)
        Hill formula, without charge.
    smiles : tuple of str (n,)
        QM9's; of symmetric molecules read from the geometry where that is reliable, else "".
    point_groups : tuple of str (n,)
        Schoenflies symbols.
    sources : tuple of str (n,)
        The dataset of each molecule.
    has_inversion : ndarray (n,) of bool
        Of the point group: no line is both IR and Raman active.
    functional_groups : ndarray (n, G) of float32
        0 or 1.
    group_mask : ndarray (n,) of bool
        False: no structural formula, hence no labels.
    group_names : tuple of str (G,)
    properties : ndarray (n, P) of float32
    property_mask : ndarray (n, P) of bool
    property_names : tuple of str (P,)
        With units.
    second_level : LineBatch
        Lines (m) of some molecules, of all parts, at the second level of theory, GFN1-xTB.
    second_level_index : ndarray (m,) of int
        The row among the n of each; `second_level_indices` picks those of a part.
    data_hash : str
        SHA-256 over ids, lines, split, group labels and names. Not over the properties: their last digit is the
        linear algebra library's.
    """

    ids: tuple[str, ...]
    lines: LineBatch
    split: NDArray[np.str_]
    formulas: tuple[str, ...]
    smiles: tuple[str, ...]
    point_groups: tuple[str, ...]
    sources: tuple[str, ...]
    has_inversion: NDArray[np.bool_]
    functional_groups: NDArray[np.float32]
    group_mask: NDArray[np.bool_]
    group_names: tuple[str, ...]
    properties: NDArray[np.float32]
    property_mask: NDArray[np.bool_]
    property_names: tuple[str, ...]
    second_level: LineBatch
    second_level_index: NDArray[np.int64]
    data_hash: str = ""

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
        object.__setattr__(self, "data_hash", self._hash())

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        parts = ", ".join(f"{len(self.indices(part))} {part}" for part in PARTS)
        return f"TrainingData({len(self)} molecules: {parts}; simulated)"

    def indices(self, part: str) -> NDArray[np.int64]:
        """Rows of "train", "validation" or "test"; DatasetError for another name."""
        if part not in PARTS:
            raise DatasetError(f"TrainingData.indices({part!r}): choose one of {', '.join(PARTS)}.")
        return np.flatnonzero(self.split == part)

    def second_level_indices(self, part: str) -> NDArray[np.int64]:
        """Rows (among the m) of the second level whose molecule is in a part; test on those of "test" only."""
        return np.flatnonzero(np.isin(self.second_level_index, self.indices(part)))

    def property_scale(self) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
        """Mean and standard deviation (P,) of each property over the training molecules that have it."""
        rows = self.indices("train")
        values = np.ma.MaskedArray(self.properties[rows].astype(float), mask=~self.property_mask[rows])
        deviation = values.std(axis=0).filled(1.0)
        return values.mean(axis=0).filled(0.0).astype(np.float32), np.maximum(deviation, 1e-6).astype(np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Plain values: sizes and names, not the molecules."""
        return {
            "n_molecules": len(self),
            **{f"n_{part}": len(self.indices(part)) for part in PARTS},
            "n_second_level": len(self.second_level_index),
            "n_without_structural_formula": int((~self.group_mask).sum()),
            "group_names": list(self.group_names),
            "property_names": list(self.property_names),
            "data_hash": self.data_hash,
            "simulated": True,
        }

    def _hash(self) -> str:
        digest = sha256()
        for texts in (self.ids, self.formulas, self.smiles, self.point_groups, self.group_names, self.property_names):
            digest.update("\n".join(texts).encode() + b"\0")
        batches = (("lines", self.lines), ("second_level", self.second_level))
        arrays = {
            f"{name} {part}": getattr(batch, part).cpu().numpy() for name, batch in batches for part in _PARTS_OF_LINES
        }
        for name, value in (arrays | vars(self)).items():
            if isinstance(value, np.ndarray) and name != "properties":
                kind = value.dtype.newbyteorder("<") if value.dtype.kind in "fiu" else value.dtype
                plain = "\n".join(value).encode() if kind.kind == "U" else value.astype(kind).tobytes()
                digest.update(f"{name} {value.shape}\0".encode() + plain)
        return digest.hexdigest()


def load_training_data(sources: Sequence[str] = _SOURCES) -> TrainingData:
    """The shipped molecules, those that are minima of the molecule asked for; under 8 s.

    Parameters
    ----------
    sources : sequence of str
        "lines_qm9_gfn2", "lines_symmetric_gfn2" or both. A molecule's part of the split does not depend on it.

    Raises
    ------
    DatasetError
        No or another source.
    MissingPackageError
        No pyarrow.

    Examples
    --------
    >>> data = load_training_data(["lines_symmetric_gfn2"])
    >>> len(data.lines) == len(data) == sum(len(data.indices(part)) for part in PARTS)
    True
    """
    if not sources or len(set(sources)) != len(sources) or not set(sources) <= set(_SOURCES):
        raise DatasetError(f"load_training_data({list(sources)}): choose from {', '.join(_SOURCES)}, each once.")
    tables = {name: shipped_dataset(name, list(_COLUMNS)).trusted() for name in _SOURCES}
    second = shipped_dataset(_SECOND_LEVEL, list(_LINES)).trusted()
    split = formula_split(
        [formula for table in tables.values() for formula in table.column("formula")],
        np.isin([name for table in tables.values() for name in table.column("id")], second.column("id")),
    )
    part_of = dict(zip((f for t in tables.values() for f in t.column("formula")), split.tolist(), strict=True))
    chosen = _joined([tables[name] for name in sources])
    ids, formulas = tuple(chosen.column("id")), tuple(chosen.column("formula"))
    point_groups = tuple(chosen.column("point_group"))
    inversion = {label: PointGroup.parse(label).has_inversion for label in set(point_groups)}
    labels = shipped_labels()
    groups, group_mask, smiles = labels.of(ids, chosen.column("smiles"))
    values, mask = properties(chosen)
    second_level, index = _second_level(second, ids)
    return TrainingData(
        ids=ids,
        lines=line_batch(chosen),
        split=np.array([part_of[formula] for formula in formulas]),
        formulas=formulas,
        smiles=smiles,
        point_groups=point_groups,
        sources=tuple(name for name in sources for _ in range(len(tables[name]))),
        has_inversion=np.array([inversion[label] for label in point_groups]),
        functional_groups=groups,
        group_mask=group_mask,
        group_names=labels.names,
        properties=values,
        property_mask=mask,
        property_names=PROPERTY_NAMES,
        second_level=second_level,
        second_level_index=index,
    )


def formula_split(formulas: Sequence[str], second_level: "NDArray[np.bool_] | None" = None) -> NDArray[np.str_]:
    """The part (n,) of each molecule: "train", "validation" or "test", the same for all molecules of a formula.

    A formula is hashed to u in [0, 1) by SHA-256: u < 0.15 tests, u < 0.20 validates, the others train. Of a formula
    whose molecules all have a second level of theory, mostly small symmetric molecules, u < 0.65 tests and u < 0.80
    validates: they are few, and both the test across levels and the choice between models need them.

    Parameters
    ----------
    formulas : sequence of str (n,)
        Without charges, so that a molecule and its ion stay together.
    second_level : ndarray (n,) of bool, optional
        The molecule was computed at the second level.

    Examples
    --------
    >>> formula_split(["C6H6", "C6H6", "CH4"]).tolist()
    ['train', 'train', 'train']
    """
    everywhere: dict[str, bool] = {}
    also_computed = np.zeros(len(formulas), dtype=bool) if second_level is None else second_level
    for formula, also in zip(formulas, also_computed, strict=True):
        everywhere[formula] = everywhere.get(formula, True) and bool(also)
    part_of = {
        formula: _part(formula, _PARTS_OF_SECOND_LEVEL if also else _PARTS) for formula, also in everywhere.items()
    }
    return np.array([part_of[formula] for formula in formulas], dtype="<U10")


def _part(formula: str, limits: tuple[float, float]) -> str:
    u = int.from_bytes(sha256(formula.encode()).digest()[:8], "big") / 2.0**64
    return "test" if u < limits[0] else "validation" if u < limits[1] else "train"


def _joined(tables: Sequence[SimulatedDataset]) -> SimulatedDataset:
    import pyarrow

    table = pyarrow.concat_tables([t.table for t in tables], promote_options="default").combine_chunks()
    return SimulatedDataset(table, tables[0].provenance)


def _second_level(second: SimulatedDataset, ids: Sequence[str]) -> "tuple[LineBatch, NDArray[np.int64]]":
    """Lines of the second level for the molecules among ``ids``, and the places there."""
    place = {name: row for row, name in enumerate(ids)}
    rows = np.array([place.get(name, -1) for name in second.column("id")], dtype=np.int64)
    return line_batch(SimulatedDataset(second.table.filter(rows >= 0), second.provenance)), rows[rows >= 0]
