"""Parquet files of a dataset: the schema and its version, shards written whole or not at all, reading with checks."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DatasetError, MissingPackageError
from ..groups.atomic_write import writing
from ..groups.molecule import Molecule
from ._allowed import allowed_parts
from .lines import LineList
from .response import HarmonicResponse

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "COLUMNS",
    "RESPONSE_COLUMNS",
    "SCHEMA_VERSION",
    "SHIPPED",
    "SimulatedDataset",
    "read_dataset",
    "shipped_dataset",
    "write_rows",
]

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1

_TEXT, _FLAG, _COUNT, _NUMBER = "string", "bool", "int32", "float64"
COLUMNS: dict[str, str] = {
    "id": _TEXT,
    "source": _TEXT,
    "name": _TEXT,
    "family": _TEXT,
    "smiles": _TEXT,
    "formula": _TEXT,
    "charge": _COUNT,
    "unpaired_electrons": _COUNT,  # absent from files written before it was kept: then unknown
    "method": _TEXT,
    "status": _TEXT,  # "ok" or "failed"
    "message": _TEXT,
    "numbers": "list<int16>",
    "mass_numbers": "list<int16>",  # 0 = main isotope; absent from older files, which hold main isotopes only
    "positions_angstrom": "list<float64>",  # 3N, atom by atom
    "energy_hartree": _NUMBER,
    "max_gradient": _NUMBER,  # Eh/bohr
    "hessian_asymmetry": _NUMBER,  # Eh/bohr^2, before symmetrisation: the error of the differences
    "dipole_e_bohr": "list<float32>",
    "bonding_kept": _FLAG,
    "point_group_start": _TEXT,
    "point_group": _TEXT,
    "symmetry_kept": _FLAG,
    "completeness": _NUMBER,
    "n_silent": _COUNT,
    "exclusion_kind": _TEXT,
    "n_imaginary": _COUNT,
    "wavenumber_cm1": "list<float32>",  # harmonic, simulated; negative = imaginary
    "ir_km_per_mol": "list<float32>",
    "raman_a4_per_amu": "list<float32>",
    "depolarization": "list<float32>",  # null where Raman is zero
    "irrep": "list<string>",
    "hessian_lower_hartree_per_bohr2": "list<float32>",  # lower triangle, row by row
    "dipole_derivatives_e": "list<float32>",  # (3, 3N)
    "polarizability_derivatives_bohr2": "list<float32>",  # (6, 3N): xx, xy, yy, xz, yz, zz
    "polarizability_bohr3": "list<float32>",  # (3, 3)
}
RESPONSE_COLUMNS = tuple(COLUMNS)[-4:]

_ALWAYS = ("id", "status", "n_imaginary", "bonding_kept", "max_gradient")  # what `SimulatedDataset.trusted` needs
# Optimisations converge to 3e-5 Eh/bohr. A geometry symmetrised after that can have more: 12 of 5,872 QM9 rows above
# 3e-5, 4 above 1e-4.
_LARGEST_GRADIENT = 1e-4

SHIPPED = ("lines_qm9_gfn2", "lines_symmetric_gfn2", "lines_test_gfn1", "responses_survey_gfn2")


def _arrow() -> Any:
    try:
        import pyarrow as arrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingPackageError.of_extra("datasets are Parquet files, which need pyarrow", "data") from error
    return arrow


def _schema(columns: Iterable[str], provenance: Mapping[str, Any]) -> "pyarrow.Schema":
    arrow = _arrow()

    def arrow_type(name: str) -> Any:
        kind = COLUMNS[name]
        return arrow.list_(arrow.type_for_alias(kind[5:-1])) if kind.startswith("list<") else arrow.type_for_alias(kind)

    metadata = {"symvib_schema": str(SCHEMA_VERSION), "symvib_provenance": json.dumps(provenance, sort_keys=True)}
    return arrow.schema([arrow.field(name, arrow_type(name)) for name in columns], metadata)


def write_rows(
    path: str | Path,
    rows: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    columns: Sequence[str] | None = None,
) -> None:
    """Write rows as one Parquet file (zstd), whole or not at all.

    Parameters
    ----------
    rows : sequence of mappings
        As `compute_row` makes them; absent columns become null.
    provenance : mapping
        Program, settings ...: plain values, stored in the file beside the schema version.
    columns : sequence of str, optional
        Default: all of the schema.

    Raises
    ------
    DatasetError
        The disk is full or the folder not writable; what stood there before is untouched.
    """
    arrow = _arrow()
    names = list(columns or COLUMNS)
    table = arrow.Table.from_pylist(
        [{name: row.get(name) for name in names} for row in rows], schema=_schema(names, provenance)
    )
    floats = [name for name in names if "float" in COLUMNS[name]]
    try:
        with writing(path) as stream:
            arrow.parquet.write_table(
                table,
                stream,
                compression="zstd",
                compression_level=12,
                use_dictionary=[name for name in names if name not in floats],
                column_encoding=None,
                use_byte_stream_split=[
                    f"{name}.list.element" if COLUMNS[name].startswith("list") else name for name in floats
                ],
            )
    except OSError as error:
        raise DatasetError(
            f"cannot write {path} ({error}). Finished shards are intact: make room, then run the same command again; "
            "it goes on where it stopped."
        ) from error


def read_dataset(path: str | Path, columns: Sequence[str] | None = None) -> "SimulatedDataset":
    """The dataset in a folder of shards, or in one Parquet file.

    Parameters
    ----------
    path : str or Path
    columns : sequence of str, optional
        Read only these (and those that `trusted` needs).

    Raises
    ------
    DatasetError
        Nothing there, not a file of ours, another schema version, an unknown column, or an id that occurs twice.
    """
    arrow = _arrow()
    place = Path(path)
    files = sorted((place / "shards").glob("*.parquet")) if place.is_dir() else [place]
    if not files or not all(file.is_file() for file in files):
        raise DatasetError(f"no dataset at {place}: give a Parquet file, or a folder that `symvib dataset build` made.")
    wanted = None if columns is None else list(dict.fromkeys([*_ALWAYS, *columns]))
    tables = []
    for file in files:
        try:
            there = arrow.parquet.read_schema(file).names
            kept = None if wanted is None else [name for name in wanted if name in there]
            table = arrow.parquet.read_table(file, columns=kept)
        except (arrow.ArrowInvalid, OSError) as error:
            raise DatasetError(f"{file} is not a readable Parquet file: {error}") from error
        version = (table.schema.metadata or {}).get(b"symvib_schema", b"").decode()
        if version != str(SCHEMA_VERSION):
            raise DatasetError(
                f"{file} has the schema version {version or '(none)'}; this symvib reads {SCHEMA_VERSION}."
            )
        tables.append(table)
    table = arrow.concat_tables(tables, promote_options="default")  # older shards lack the columns added since
    unknown = [name for name in wanted or () if name not in table.column_names]
    if unknown:
        raise DatasetError(f"{place}: no column {', '.join(map(repr, unknown))}; there are {', '.join(there)}.")
    ids = table.column("id").to_pylist()
    if len(set(ids)) != len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise DatasetError(f"{place}: the id {twice!r} occurs more than once.")
    provenance = json.loads(tables[0].schema.metadata[b"symvib_provenance"])
    return SimulatedDataset(table, provenance, str(place))


def shipped_dataset(name: str, columns: Sequence[str] | None = None) -> "SimulatedDataset":
    """One of the datasets that come with symvib, computed by it (simulated).

    Parameters
    ----------
    name : str
        "lines_qm9_gfn2": line lists of QM9 molecules. "lines_symmetric_gfn2": of generated symmetric molecules.
        "lines_test_gfn1": of a sample of both, at a second level of theory (GFN1-xTB). "responses_survey_gfn2": of
        some of both at GFN2-xTB, Hessians and derivatives, too.
    columns : sequence of str, optional
        As in `read_dataset`.

    Raises
    ------
    DatasetError
        Another name.

    Examples
    --------
    >>> shipped_dataset("lines_symmetric_gfn2", columns=["point_group"]).provenance["method"]
    'GFN2-xTB'
    """
    if name not in SHIPPED:
        raise DatasetError(f"shipped_dataset({name!r}): choose one of {', '.join(SHIPPED)}.")
    return read_dataset(Path(__file__).parent / "data" / f"{name}.parquet", columns)


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedDataset:
    """Computed (simulated) spectra of many molecules; index or iterate it for rows.

    Attributes
    ----------
    table : pyarrow.Table
        All rows, also the failed ones.
    provenance : dict
        Method, program, settings, as recorded in the first shard.
    path : str
    """

    table: "pyarrow.Table"
    provenance: dict[str, Any]
    path: str = ""

    def __len__(self) -> int:
        return self.table.num_rows

    def __repr__(self) -> str:
        return f"SimulatedDataset({self.path!r}, {len(self)} molecules, {self.provenance.get('method', '')}, simulated)"

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.table.to_batches(256):
            yield from batch.to_pylist()

    def __getitem__(self, key: int | str) -> dict[str, Any]:
        """Row number ``key``, or the row with the id ``key``, as a mapping of plain values."""
        index = self._place(key) if isinstance(key, str) else key
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of a dataset with {len(self)} rows")
        return self.table.slice(index % len(self), 1).to_pylist()[0]

    def _place(self, identifier: str) -> int:
        from pyarrow import compute

        place = compute.index(self.table.column("id"), identifier).as_py()
        if place < 0:
            raise DatasetError(f"{self.path}: no molecule {identifier!r}; ids are as {self.column('id')[:2]}.")
        return place

    def column(self, name: str) -> list[Any]:
        """One column as a list."""
        if name not in self.table.column_names:
            raise DatasetError(f"{self.path}: no column {name!r}; there are {', '.join(self.table.column_names)}.")
        return self.table.column(name).to_pylist()

    def trusted(self) -> "SimulatedDataset":
        """Only rows that are minima of the molecule asked for.

        Computed, no imaginary mode, bonds kept, and no component of the gradient above 1e-4 Eh/bohr.
        """
        names = ("status", "n_imaginary", "bonding_kept", "max_gradient")
        good = np.array(
            [
                status == "ok" and not imaginary and bool(kept) and gradient <= _LARGEST_GRADIENT
                for status, imaginary, kept, gradient in zip(*map(self.column, names), strict=True)
            ],
            dtype=bool,
        )
        return SimulatedDataset(self.table.filter(good), self.provenance, self.path)

    def molecule(self, key: int | str) -> Molecule:
        """The optimised molecule of a row, by number or id."""
        row = self._computed(key)
        return Molecule.from_arrays(
            row["numbers"],
            np.reshape(row["positions_angstrom"], (-1, 3)),
            mass_numbers=row.get("mass_numbers"),
            name=row["name"] or row["id"],
            charge=row.get("charge"),
            unpaired_electrons=row.get("unpaired_electrons"),
        )

    def lines(self, key: int | str) -> LineList:
        """The line list of a row, by number or id; what the selection rules forbid is exactly zero.

        Files written before the rules were applied hold rounding there (up to 1e-21).
        """
        row = self._computed(key)
        rho = row["depolarization"]
        allowed = allowed_parts(row["point_group"], row["irrep"]) if row["irrep"] else None
        infrared, raman = (True, True) if allowed is None else (allowed.infrared, allowed.raman)
        return LineList(
            np.array(row["wavenumber_cm1"]),
            ir_km_per_mol=_array(row["ir_km_per_mol"], infrared),
            raman_a4_per_amu=_array(row["raman_a4_per_amu"], raman),
            depolarization=None if rho is None else np.ma.masked_invalid(np.array(rho, dtype=float)),
            irreps=tuple(row["irrep"]) or None,
            name=row["name"] or row["id"],
            point_group=row["point_group"],
            method=row["method"],
            provenance={"dataset": self.path, "id": row["id"]},
        )

    def response(self, key: int | str) -> HarmonicResponse:
        """The full harmonic response of a row, by number or id, where the dataset has it (float32: about 7 digits)."""
        row = self._computed(key)
        lower = row.get("hessian_lower_hartree_per_bohr2")
        if lower is None:
            raise DatasetError(f"{self.path}: row {key} ({row['id']}) has lines but no Hessian.")
        size = 3 * len(row["numbers"])
        hessian = _from_lower(np.array(lower, dtype=float), size)
        alpha = row["polarizability_derivatives_bohr2"]
        dipole, polarizability = row["dipole_derivatives_e"], row["polarizability_bohr3"]
        return HarmonicResponse(
            self.molecule(key),
            hessian,
            None if dipole is None else np.reshape(dipole, (3, size)),
            None if alpha is None else _from_lower(np.reshape(np.array(alpha, dtype=float), (6, size)), 3),
            energy_hartree=row["energy_hartree"],
            dipole=_array(row["dipole_e_bohr"]),
            polarizability=None if polarizability is None else np.reshape(polarizability, (3, 3)),
            method=row["method"],
            provenance={**self.provenance, "dataset": self.path, "id": row["id"]},
            charge=row.get("charge"),
        )

    def _computed(self, key: int | str) -> dict[str, Any]:
        row = self[key]
        if row["status"] != "ok":
            raise DatasetError(f"{self.path}: row {key} ({row['id']}) failed: {row.get('message', '')}")
        return row


def _array(values: Any, allowed: Any = True) -> Any:
    """The numbers, zero where they are not allowed; None for None."""
    return None if values is None else np.where(allowed, np.array(values, dtype=float), 0.0)


def _from_lower(lower: Any, size: int) -> Any:
    """Symmetric (size, size, ...) from its lower triangle, row by row, along the first axis."""
    full = np.zeros((size, size, *lower.shape[1:]))
    rows, columns = np.tril_indices(size)
    full[rows, columns] = lower
    full[columns, rows] = lower
    return full
