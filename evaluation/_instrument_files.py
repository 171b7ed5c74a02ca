"""Files of published sets of measured spectra: where they are looked for, and whether they are the ones we know."""

import csv
import gzip
import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ..errors import DatasetError

__all__ = ["KnownFile", "read_arrays", "read_index"]

ENVIRONMENT = "SYMVIB_DATA"


@dataclass(frozen=True)
class KnownFile:
    """A file that a loader reads.

    Attributes
    ----------
    folder, name : str
        ``$SYMVIB_DATA/folder/name``.
    sha256 : str
    origin : str
        Where the official data are and how the file is made of them.
    """

    folder: str
    name: str
    sha256: str
    origin: str

    def found(self, path: "str | Path | None") -> Path:
        """The file: ``path`` (itself, or a folder that holds it), else below the folder SYMVIB_DATA.

        Raises
        ------
        DatasetError
            It is not there; the message says where it comes from.
        """
        given = path if path is not None else os.environ.get(ENVIRONMENT)
        if given:
            place = Path(given)
            for candidate in (place, place / self.name, place / self.folder / self.name):
                if candidate.is_file():
                    return candidate
            looked = f"{place} is not {self.name} and does not hold it (nor {self.folder}/{self.name})"
        else:
            looked = f"no path was given and {ENVIRONMENT} (the folder that holds {self.folder}/) is not set"
        raise DatasetError(f"{self.name}: {looked}. {self.origin} The file known here has sha256 {self.sha256}.")

    def verified(self, path: "str | Path | None", verify: bool) -> Path:
        """The file, after its sha256 was compared.

        Raises
        ------
        DatasetError
            It is not there, or it is another.
        """
        place = self.found(path)
        if verify:
            digest = hashlib.sha256(place.read_bytes()).hexdigest()
            if digest != self.sha256:
                raise DatasetError(
                    f"{place}: sha256 {digest}, not {self.sha256}: another or a damaged file. {self.origin} "
                    "verify=False reads it all the same."
                )
        return place


def read_arrays(
    place: Path, shapes: Mapping[str, tuple[int, ...]] | None = None, *, gaps: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """The arrays of an .npz, no pickles; those named in ``shapes`` must be there, so shaped and finite.

    NaN stands for "not measured" in the arrays named in ``gaps``, and is left there.

    Raises
    ------
    DatasetError
        Not an .npz, pickled objects, an array missing, of another shape, or with NaN.
    """
    try:
        with np.load(place, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in (archive.files if shapes is None else shapes)}
    except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
        raise DatasetError(f"{place}: cannot be read as the expected .npz: {error}") from error
    for name, values in arrays.items():
        if shapes is not None and values.shape != shapes[name]:
            raise DatasetError(f"{place}: array {name} has shape {values.shape}, {shapes[name]} is known.")
        known = ~np.isnan(values) if name in gaps else slice(None)
        if values.dtype.kind == "f" and not np.isfinite(values[known]).all():
            raise DatasetError(f"{place}: array {name} holds NaN or infinity.")
    return arrays


def read_index(place: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows of a CSV, or of one packed by gzip (NAME.gz), that has the columns.

    Raises
    ------
    DatasetError
        Not UTF-8 text, or a column missing.
    """
    opened = gzip.open if place.suffix == ".gz" else open
    try:
        with opened(place, "rt", encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{place}: cannot be read as CSV: {error}") from error
    missing = [name for name in columns if not rows or name not in rows[0]]
    if missing:
        raise DatasetError(f"{place}: no column {', '.join(missing)}.")
    return rows
