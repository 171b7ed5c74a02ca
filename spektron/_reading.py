"""A file of a spectrum, whatever its kind, as an axis, values and what it says of itself."""

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import SpectrumError
from ..forward.spectrum import Spectrum
from ..forward.spectrum_files import read_jcamp, read_spectrum_csv, text_of
from ..groups.operations import NDArrayFloat
from ._two_columns import parse_two_columns

__all__ = ["ReadSpectrum", "read_any"]


@dataclass(frozen=True, eq=False)
class ReadSpectrum:
    """A spectrum as it was found: axis in any order and unit, values possibly NaN, unit None where not stated."""

    axis: NDArrayFloat
    values: NDArrayFloat
    unit: str | None
    quantity: str
    source: str
    name: str = ""
    simulated: bool = False


def read_any(path: str | Path) -> ReadSpectrum:
    """The spectrum of a JCAMP-DX file, of our own CSV, or of a plain text with two columns (told by its content).

    Raises
    ------
    SpectrumError
        No such file, too large, binary, empty, or none of the three.
    MissingPackageError
        JCAMP-DX without the package `jcamp`.
    """
    text = text_of(path)
    name = Path(path).stem
    if re.match(r"\s*##\s*TITLE\s*=", text, flags=re.IGNORECASE):
        return _of(read_jcamp(path), path, "raman" if _is_raman(text) else "")
    if Path(path).suffix.lower() in (".jdx", ".dx", ".jcamp") and text.strip():
        raise SpectrumError(f"{path} is no JCAMP-DX file: it must begin with ##TITLE=.")
    if text.startswith("# symvib line list"):
        raise SpectrumError(
            f"{path} is a line list, not a spectrum: render it first (symvib spectrum --curve, or forward.render)."
        )
    if text.startswith("# symvib spectrum"):
        return _of(read_spectrum_csv(path), path, "")
    found = parse_two_columns(text, path)
    return ReadSpectrum(found.axis, found.values, found.unit, found.quantity or "relative", str(path), name)


def _of(spectrum: Spectrum, path: str | Path, kind: str) -> ReadSpectrum:
    quantity = kind or spectrum.quantity
    return ReadSpectrum(
        spectrum.axis,
        spectrum.intensity,
        spectrum.axis_unit,
        quantity,
        str(path),
        spectrum.name or Path(path).stem,
        spectrum.simulated,
    )


def _is_raman(text: str) -> bool:
    kind = re.search(r"^##\s*DATA\s*TYPE\s*=(.*)$", text, flags=re.MULTILINE | re.IGNORECASE)
    return kind is not None and "RAMAN" in kind.group(1).upper()
