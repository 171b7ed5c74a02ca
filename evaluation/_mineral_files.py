"""The files of the RRUFF and AMCSD extracts, and their tables."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ._instrument_files import KnownFile, read_arrays, read_index
from ._mineral_groups import name_groups

__all__ = ["FILES", "checked_rows", "mineral_groups", "read_spectra"]

_FOLDER = "minerals_rruff"
_NO_STABLE_URL = (
    "RRUFF gives no stable download: the zip files at https://www.rruff.net/zipped_data_files/ change as spectra are "
    "added, so no checksum of theirs can be given. "
)
_RAMAN = _NO_STABLE_URL + (
    "This one is the download of 2019 in the git history of https://github.com/charlesll/RaMin at commit 11c5314 "
    "(data/excellent_unoriented/*.txt), interpolated linearly onto 100 to 1400 1/cm, step 1, NaN outside."
)
_IR = _NO_STABLE_URL + (
    "This one is app/data/txt of https://github.com/NickTachmazidis/FastAPI_RRUFF_Database at commit de8792e, "
    "interpolated linearly (mid: 400 to 4000 step 2; far: 50 to 700 step 1)."
)
_XRD = (
    "AMCSD gives patterns one by one (https://rruff.geo.arizona.edu/AMS/amcsd.php); these are difdata_*.txt of "
    "https://github.com/ludoleg/quant-data-vision at commit 5cc0a8a, as tables."
)
FILES = {
    name: KnownFile(_FOLDER, name, digest, origin)
    for name, digest, origin in (
        ("raman.npz", "442ecb6fcdb07bdbcad232b5c42dfe0d122259462c343ce3801bfc85d94c6e45", _RAMAN),
        ("raman_index.csv.gz", "c6009c68c9e3aebe950bd94d0a41982c858cb9cf1611c87a486127ae28f03101", _RAMAN),
        ("ir_mid.npz", "b0076807a2563a8f582c84b7ba3d1c1008db90c7680a4fa8d6dc0e8251a60787", _IR),
        ("ir_mid_index.csv.gz", "2c8e1cbdf9c8055c5c33667fbce16bac50fed24d3b3ee21e40cfab8095d584c3", _IR),
        ("ir_far.npz", "f4359ab02a1eb44a7a6bbbfa4748d33834a509e2e815f4f32eb185c08b9f1ee5", _IR),
        ("ir_far_index.csv.gz", "84b75caeb57de310a025c30934265bedcda02f0916706c70abe5bb61b4db6679", _IR),
        ("pairs_same_specimen.csv.gz", "ab3c03e42d063a89593ee93bf56dc13b1fd67bca958363b2efb0788fef2fe2ea", _IR),
        ("xrd_amcsd_index.csv.gz", "ae399598e83c2fa352469fa9a7087b240ef5bfff91a7335a4c98700887bc37e4", _XRD),
        ("xrd_amcsd_lines.csv.gz", "e22088720ec856a92ca15bc64181187a5741e3d1b47afa901c394fb84958ebd9", _XRD),
    )
}
_COLUMNS = ("row", "mineral", "rruff_id", "chemistry_ideal", "duplicate_of_row", "status")


def checked_rows(
    path: str | Path | None, name: str, columns: tuple[str, ...], verify: bool
) -> tuple[Path, list[dict[str, str]]]:
    """The place of a table, and its rows."""
    place = FILES[name].verified(path, verify)
    return place, read_index(place, columns)


def read_spectra(
    path: str | Path | None, stem: str, axis: str, values: str, verify: bool
) -> tuple[NDArray[np.float64], NDArray[np.float32], list[dict[str, str]], Path]:
    """Axis, spectra with NaN, rows of the index, and the folder."""
    place, rows = checked_rows(path, f"{stem}_index.csv.gz", _COLUMNS, verify)
    arrays = read_arrays(FILES[f"{stem}.npz"].verified(place.parent, verify), gaps=(values,))
    if set(arrays) != {axis, values} or arrays[values].shape != (len(rows), len(arrays[axis])):
        raise DatasetError(f"{place.parent / stem}.npz: arrays {sorted(arrays)} do not fit {len(rows)} rows.")
    if [int(row["row"]) for row in rows] != list(range(len(rows))):
        raise DatasetError(f"{place}: column row does not count from 0.")
    return np.asarray(arrays[axis], dtype=np.float64), arrays[values], rows, place.parent


@cache
def mineral_groups(folder: Path, verify: bool) -> dict[str, int]:
    """Groups of names over all three indexes of RRUFF spectra in a folder."""
    names: list[str] = []
    specimens: list[str] = []
    duplicates: list[int] = []
    for stem in ("raman", "ir_mid", "ir_far"):
        _, rows = checked_rows(folder, f"{stem}_index.csv.gz", _COLUMNS, verify)
        offset = len(names)
        names += [row["mineral"] for row in rows]
        specimens += [row["rruff_id"] for row in rows]
        duplicates += [offset + int(d) if int(d) >= 0 else -1 for d in (row["duplicate_of_row"] for row in rows)]
    return name_groups(names, specimens, np.array(duplicates))
