"""Published sets of computed spectra, read from their files: joined by structure and checked by frequencies.

Neither set is shipped; both are simulated by density functional theory. Rows of such tables have been seen to belong to
other molecules than their number says, so nothing is taken on trust: a structure must fit its geometry or its number of
modes, and bands must lie where the molecule's own frequencies are. What does not is left out and counted.

QM9S (figshare 10.6084/m9.figshare.24235333; Z. Zou et al., Nat. Comput. Sci. 3, 957 (2023)), a folder with
  ``ir_boraden.csv``, ``raman_boraden.csv`` (so spelt)
      A header of wavenumbers (500 ... 4000 1/cm), then a row a molecule: its number counted from 0, and the spectrum.
  ``qm9s_csv/000001.csv`` ... or ``qm9s_csv.zip``
      A file a molecule, numbered from 1, see `read_qm9s`. ``qm9s.pt`` is a pickle and is not read.

ChEMBL-type (lines of drug-like molecules), one table: CSV, Parquet or SQLite, see `read_chembl_ir`.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ..forward.lines import LineList
from ._line_tables import COLUMNS, numbers_of, table_rows
from ._qm9s_files import agreement, bands, qm9s_molecules, spectra_of
from ._structural_formula import StructureFacts, structure_facts
from .rendering import LineBatch

__all__ = ["ExternalSet", "StructureJoin", "join_by_structure", "read_chembl_ir", "read_qm9s"]

logger = logging.getLogger(__name__)

_X_H_CM1 = 2500.0  # stretches of H on C, N and O lie above, everything else below; S-H near it
_SCALES = np.arange(0.94, 1.0201, 0.0025)
_OFFSETS = (-1, 0, 1)  # of the label of a row against the number of the molecule less one
_SHARE_OF_BANDS = 0.9
_SURVEYED = 200  # molecules that decide on the label offset and the scale factor


@dataclass(frozen=True, eq=False, repr=False)
class ExternalSet:
    """Computed spectra or lines of many molecules from elsewhere, each row checked (simulated).

    Attributes
    ----------
    name : str
    ids, smiles, formulas : tuple of str (n,)
        Of the molecules that passed; Hill formulas.
    structure_keys : tuple of str (n,)
        First block of the InChIKey; stereoisomers share it.
    lines : LineBatch or None
    axis_cm1 : ndarray (L,) or None
    spectra : ndarray (n, M, L) of float32 or None
        As in the files, broadened by their authors.
    modalities : tuple of str (M,)
    refused : mapping of str to int
        How many rows were left out, by reason.
    notes : tuple of str
        What was found out while reading (label offset, scale factor).
    """

    name: str
    ids: tuple[str, ...]
    smiles: tuple[str, ...]
    formulas: tuple[str, ...]
    structure_keys: tuple[str, ...]
    modalities: tuple[str, ...]
    lines: LineBatch | None = None
    axis_cm1: NDArray[np.float64] | None = None
    spectra: NDArray[np.float32] | None = None
    refused: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"ExternalSet({self.name}, {len(self)} molecules, {sum(self.refused.values())} refused, simulated)"

    def as_dict(self) -> dict[str, Any]:
        """Plain values: sizes and what was refused, not the molecules."""
        return {
            "name": self.name,
            "n_molecules": len(self),
            "modalities": list(self.modalities),
            "refused": dict(self.refused),
            "notes": list(self.notes),
            "simulated": True,
        }


@dataclass(frozen=True, eq=False)
class StructureJoin:
    """Rows of two sets that are the same molecule.

    Attributes
    ----------
    rows, other_rows : ndarray (m,) of int
        Row k of the first set is the molecule of row k of the second.
    n_ambiguous : int
        Keys that occur more than once in either set (stereoisomers, duplicates): left out.
    n_only_here : int
        Molecules of the first set that the second does not have.
    """

    rows: NDArray[np.int64]
    other_rows: NDArray[np.int64]
    n_ambiguous: int
    n_only_here: int


def join_by_structure(external: ExternalSet, smiles: Sequence[str]) -> StructureJoin:
    """Which molecules of an external set are which of ``smiles``, by connectivity and by nothing else.

    Parameters
    ----------
    external : ExternalSet
    smiles : sequence of str
        Of `TrainingData.smiles`, say; "" never joins.

    Raises
    ------
    DatasetError
        A SMILES that RDKit cannot read.
    MissingPackageError
        No RDKit.
    """
    others: dict[str, list[int]] = {}
    for row, text in enumerate(smiles):
        if text:
            others.setdefault(structure_facts(text).key, []).append(row)
    here: dict[str, list[int]] = {}
    for row, key in enumerate(external.structure_keys):
        here.setdefault(key, []).append(row)
    shared = [key for key in here if key in others]
    clear = [key for key in shared if len(here[key]) == len(others[key]) == 1]
    return StructureJoin(
        np.array([here[key][0] for key in clear], dtype=np.int64),
        np.array([others[key][0] for key in clear], dtype=np.int64),
        len(shared) - len(clear),
        sum(len(rows) for key, rows in here.items() if key not in others),
    )


# ---- lines with a SMILES ---------------------------------------------------------------------------------------------


def read_chembl_ir(path: str | Path, *, table: str | None = None, limit: int | None = None) -> ExternalSet:
    """The lines in a table with a SMILES and its frequencies in every row.

    Parameters
    ----------
    path : str or Path
        ``.csv``, ``.parquet`` or SQLite (``.db``, ``.sqlite``). Columns (capitals do not matter): ``smiles``; ``freq``
        (all harmonic wavenumbers, 1/cm); ``IR Inten`` (km/mol) and/or ``Raman Activ`` (A^4/u); optionally ``id``.
        Numbers of a row as a JSON list, or separated by blanks, commas or semicolons. Pickled columns, as in the
        SQLite files of the ChEMBL sets on figshare, can run any code on being read: export them as JSON first.
    table : str, optional
        Of a SQLite file with more than one.
    limit : int, optional
        Read only the first rows.

    Returns
    -------
    ExternalSet
        With `lines`. A row is refused unless its SMILES can be read, the structure has 3N - 6 (5) modes, all real, and
        as many of them above 2500 1/cm as it has X-H bonds (X = C, N, O; S-H may lie on either side): of symvib's own
        10,729 molecules with a SMILES 2 fail the last one. A structure that occurs again is refused, too.

    Raises
    ------
    DatasetError
        No such file or table, a column missing, pickled columns.
    MissingPackageError
        No RDKit; no pyarrow for Parquet.
    """
    place = Path(path)
    rows = table_rows(place, table)
    kept: list[tuple[str, StructureFacts, LineList]] = []
    refused: Counter[str] = Counter()
    seen: set[str] = set()
    modalities: tuple[str, ...] = ()
    for number, row in enumerate(rows):
        if limit is not None and number >= limit:
            break
        if not modalities:
            modalities = _line_modalities(place, row)
        reason, facts, lines = _checked_lines(row, modalities)
        if facts is not None and lines is not None and facts.smiles in seen:
            reason = "structure occurs again"
        if reason or facts is None or lines is None:
            refused[reason] += 1
            continue
        seen.add(facts.smiles)
        kept.append((str(row.get("id") or number), facts, lines))
    if not kept:
        raise DatasetError(f"{place}: no row can be used; refused: {dict(refused) or 'the table is empty'}.")
    made = _set_of(place.name, [identifier for identifier, _, _ in kept], [facts for _, facts, _ in kept], refused)
    return replace(made, modalities=modalities, lines=LineBatch.of([lines for _, _, lines in kept], modalities))


def _set_of(name: str, ids: Sequence[str], facts: Sequence[StructureFacts], refused: Mapping[str, int]) -> ExternalSet:
    logger.info("%s: %d molecules, refused %s", name, len(ids), dict(refused))
    columns = ([f.smiles for f in facts], [f.formula for f in facts], [f.key for f in facts])
    return ExternalSet(name, tuple(ids), *map(tuple, columns), modalities=(), refused=dict(refused))


def _line_modalities(place: Path, row: Mapping[str, Any]) -> tuple[str, ...]:
    missing = [name for name in ("smiles", "wavenumbers") if name not in row]
    found = tuple(name for name in ("ir", "raman") if name in row)
    if missing or not found:
        wanted = "; ".join(" or ".join(COLUMNS[name]) for name in (missing or ["ir", "raman"]))
        raise DatasetError(f"{place}: no column {wanted}; there are {', '.join(row)}.")
    return found


def _checked_lines(
    row: Mapping[str, Any], modalities: Sequence[str]
) -> tuple[str, StructureFacts | None, LineList | None]:
    """Why a row is refused ("" if it is not), its structure and its lines."""
    try:
        facts = structure_facts(row["smiles"] or "")
    except DatasetError:
        return "SMILES cannot be read", None, None
    columns = {name: numbers_of(row[name]) for name in ("wavenumbers", *modalities)}
    wavenumbers = columns["wavenumbers"]
    if not all(len(values) == len(wavenumbers) and np.isfinite(values).all() for values in columns.values()):
        return "numbers missing or not readable", facts, None
    if len(wavenumbers) not in (3 * facts.n_atoms - 6, 3 * facts.n_atoms - 5):
        return "number of modes is not that of the structure", facts, None
    if (wavenumbers <= 0).any() or any((columns[name] < 0).any() for name in modalities):
        return "imaginary wavenumber or negative intensity", facts, None
    if not 0 <= (wavenumbers > _X_H_CM1).sum() - facts.n_x_h <= facts.n_s_h:
        return "X-H stretches are not those of the structure", facts, None
    lines = LineList(wavenumbers, columns.get("ir"), columns.get("raman"), name=facts.smiles, method="DFT, harmonic")
    return "", facts, lines


# ---- QM9S ------------------------------------------------------------------------------------------------------------


def read_qm9s(
    folder: str | Path,
    *,
    modalities: Sequence[str] = ("ir", "raman"),
    limit: int | None = None,
    tolerance_cm1: float = 5.0,
) -> ExternalSet:
    """The spectra of QM9S, each with the structure whose Hessian has its bands.

    Parameters
    ----------
    folder : str or Path
        With the tables and ``qm9s_csv`` (a folder or .zip), see the module. A molecule's file, below a line of column
        numbers and with the number of the line in the first column: (number, number in QM9, SMILES, N); 9 lines of
        properties; N lines (Z, x, y, z) in angstrom; N of dipole and N of polarizability derivatives (not used: the
        order of their components is not documented); 3N of the Hessian in eV/angstrom^2.
    modalities : sequence of str
        Which tables to read: "ir", "raman".
    limit : int, optional
        Only the molecules with the first numbers. All of them take 14 kB each and modality: 1.8 GB.
    tolerance_cm1 : float
        How far a band may lie from a line.

    Returns
    -------
    ExternalSet
        With `spectra` on the axis of the tables. A molecule is refused unless its SMILES has the composition of its
        geometry (and its connectivity, where that can be read from it), its Hessian is that of a minimum, and nine
        tenths of its bands, weighed by their prominence, lie at a line, in every table. Label offset and scale factor
        of the tables are found from the first 200 molecules and noted. On spectra rendered from symvib's lines (FWHM 10
        and 20 1/cm) the check passes 99.7 % of the molecules with their own two spectra and at most 0.3 % with those
        of another molecule (400 pairs each).

    Raises
    ------
    DatasetError
        A file is missing or not in this layout; no molecule passes.
    MissingPackageError
        No RDKit.
    """
    place = Path(folder)
    facts: dict[int, StructureFacts] = {}
    lines: dict[int, NDArray[np.float64]] = {}
    refused: Counter[str] = Counter()
    for molecule in qm9s_molecules(place, limit):
        reason, found = molecule.checked()
        if reason or found is None:
            refused[reason] += 1
            continue
        facts[molecule.number], lines[molecule.number] = found, molecule.wavenumbers_cm1
    wanted = {number - 1 + offset for number in facts for offset in _OFFSETS}
    tables = {name: spectra_of(place, name, wanted) for name in modalities}
    axis = next(iter(tables.values()))[0]
    if any(not np.array_equal(axis, other) for other, _ in tables.values()):
        raise DatasetError(f"{place}: the tables of {' and '.join(modalities)} have different axes.")
    offset, scale = _alignment(axis, [table for _, table in tables.values()], lines, tolerance_cm1)
    passed: list[int] = []
    for number in facts:
        rows = [table.get(number - 1 + offset) for _, table in tables.values()]
        reason = _mismatch(axis, rows, lines[number] * scale, tolerance_cm1)
        if reason:
            refused[reason] += 1
        else:
            passed.append(number)
    if not passed:
        raise DatasetError(f"{place}: no molecule of {len(facts)} has its own spectrum; refused: {dict(refused)}.")
    made = _set_of("QM9S", [f"qm9s-{number:06d}" for number in passed], [facts[number] for number in passed], refused)
    values = [[table[number - 1 + offset] for _, table in tables.values()] for number in passed]
    note = f"label of a spectrum = number of the molecule {offset - 1:+d}; bands at {scale:.4f} of the harmonic lines"
    return replace(made, modalities=tuple(modalities), axis_cm1=axis, spectra=np.array(values), notes=(note,))


def _mismatch(
    axis: NDArray[np.float64],
    rows: Sequence["NDArray[np.float32] | None"],
    lines: NDArray[np.float64],
    tolerance_cm1: float,
) -> str:
    for row in rows:
        if row is None:
            return "no spectrum"
        if not (np.isfinite(row).all() and row.max() > 0):
            return "spectrum is empty or not finite"
        if agreement(bands(axis, row), lines, tolerance_cm1) < _SHARE_OF_BANDS:
            return "bands are not at the molecule's frequencies"
    return ""


def _alignment(
    axis: NDArray[np.float64],
    tables: Sequence[Mapping[int, NDArray[np.float32]]],
    lines: Mapping[int, NDArray[np.float64]],
    tolerance_cm1: float,
) -> tuple[int, float]:
    """Label offset and scale factor for which most molecules have their own spectrum; a draw goes to (0, near 1)."""
    surveyed = list(lines)[:_SURVEYED]
    labels = {number - 1 + offset for number in surveyed for offset in _OFFSETS}
    found = [{k: bands(axis, table[k]) for k in labels if k in table} for table in tables]

    def share(offset: int, scale: float) -> float:
        pairs = [(table.get(n - 1 + offset), lines[n]) for table in found for n in surveyed]
        return float(np.mean([0.0 if b is None else agreement(b, v * scale, tolerance_cm1) for b, v in pairs]))

    options = [(offset, float(scale)) for offset in sorted(_OFFSETS, key=abs) for scale in _SCALES]
    options.sort(key=lambda option: (abs(option[0]), abs(option[1] - 1)))
    return max(options, key=lambda option: share(*option))
