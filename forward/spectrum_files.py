"""Line lists and spectra as files: CSV and JCAMP-DX 4.24, written in full or not at all, read with care.

JCAMP-DX: R. S. McDonald, P. A. Wilks, Appl. Spectrosc. 42, 151 (1988). Evenly spaced data are written as ASDF-free
(AFFN) XYDATA=(X++(Y..Y)), others as XYPOINTS=(XY..XY). The format has integers times a factor, so ordinates are
rounded to 2^30 steps of the largest one: 1e-9 of it. That the data are simulated stands in DATA TYPE, ORIGIN and TITLE.
"""

import csv
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MissingPackageError, SpectrumError
from ..groups.atomic_write import written
from ..groups.operations import NDArrayFloat
from .lines import LineList
from .spectrum import Spectrum

__all__ = [
    "lines_to_csv",
    "read_jcamp",
    "read_lines_csv",
    "read_spectrum_csv",
    "spectrum_to_csv",
    "spectrum_to_jcamp",
    "text_of",
]

MAXIMUM_FILE_MEGABYTES = 50
_LINES_HEAD = "symvib line list"
_SPECTRUM_HEAD = "symvib spectrum"
_LINE_COLUMNS = {
    "wavenumber_cm1": "wavenumbers_cm1",
    "degeneracy": "degeneracies",
    "irrep": "irreps",
    "ir_km_per_mol": "ir_km_per_mol",
    "raman_a4_per_amu": "raman_a4_per_amu",
    "depolarization": "depolarization",
}
_COLUMN_UNITS = {
    "ir": "molar_decadic_absorption_l_per_mol_cm",
    "raman": "raman_activity_a4_per_amu_per_cm1",
    "raman_cross_section": "raman_cross_section_m2_per_sr_per_cm1",
    "absorbance": "absorbance_decadic",
    "transmittance": "transmittance",
    "relative": "relative_intensity",
}
_AXIS_COLUMNS = {"cm-1": "wavenumber_cm1", "um": "wavelength_um", "nm": "wavelength_nm"}
_X_UNITS = {"cm-1": "1/CM", "um": "MICROMETERS", "nm": "NANOMETERS"}
_Y_UNITS = {
    "ir": "MOLAR ABSORPTIVITY (L/MOL/CM)",
    "raman": "RAMAN ACTIVITY (A^4/U PER 1/CM)",
    "raman_cross_section": "RAMAN CROSS SECTION (M^2/SR PER 1/CM)",
    "absorbance": "ABSORBANCE",
    "transmittance": "TRANSMITTANCE",
    "relative": "ARBITRARY UNITS",
}
_STEPS = 2**30
_VALUES_PER_LINE = 6
_LONGEST_LINE = 20_000  # the reading package takes a time quadratic in the length of a line
_EVEN = 1e-9  # largest deviation of an axis from even spacing, in steps per point, that XYDATA may carry


# ------------------------------------------------------------------------------------------------------------ CSV


def lines_to_csv(lines: LineList, path: str | Path | None = None) -> str:
    """The list as CSV text with units in the column names; also written to ``path`` if given.

    Comment lines (#) say that it is simulated or measured, and carry name, point group, method and scale as JSON.

    Examples
    --------
    >>> print(lines_to_csv(LineList([1595.0], [54.0], name="water")).splitlines()[-2:])
    ['wavenumber_cm1,degeneracy,ir_km_per_mol', '1595.0,1,54.0']
    """
    values = lines.as_dict()
    columns = {column: values[key] for column, key in _LINE_COLUMNS.items() if values[key] is not None}
    facts = {key: values[key] for key in ("name", "point_group", "simulated", "method", "scale_factor", "provenance")}
    text = _csv_text(_LINES_HEAD, lines.source, facts, columns)
    return written(text, path)


def read_lines_csv(path: str | Path) -> LineList:
    """The line list of a CSV file that `lines_to_csv` wrote; SpectrumError for anything else."""
    facts, columns = _read_csv(text_of(path), _LINES_HEAD, str(path))
    unknown = sorted(set(columns) - set(_LINE_COLUMNS))
    if unknown or "wavenumber_cm1" not in columns:
        raise SpectrumError(f"{path}: columns {unknown} mean nothing; known are {', '.join(_LINE_COLUMNS)}.")
    values: dict[str, Any] = {}
    for column, texts in columns.items():
        if column == "irrep":
            values["irreps"] = tuple(texts)
        elif column == "depolarization":
            values["depolarization"] = [None if not text else _number(text, column, path) for text in texts]
        else:
            values[_LINE_COLUMNS[column]] = [_number(text, column, path) for text in texts]
    return LineList.from_dict({**facts, **values})


def spectrum_to_csv(spectrum: Spectrum, path: str | Path | None = None) -> str:
    """The spectrum as CSV text with quantities and units in the column names; also written to ``path`` if given.

    Examples
    --------
    >>> spectrum_to_csv(Spectrum([1.0, 2.0], [0.5, 0.25], "absorbance")).splitlines()[-3:]
    ['wavenumber_cm1,absorbance_decadic', '1.0,0.5', '2.0,0.25']
    """
    values = spectrum.as_dict()
    facts = {key: values[key] for key in values if key not in ("axis", "intensity", "unit")}
    columns = {
        _AXIS_COLUMNS[spectrum.axis_unit]: values["axis"],
        _COLUMN_UNITS[spectrum.quantity]: values["intensity"],
    }
    source = spectrum.source or ("simulated" if spectrum.simulated else "source not stated")
    return written(_csv_text(_SPECTRUM_HEAD, source, facts, columns), path)


def read_spectrum_csv(path: str | Path) -> Spectrum:
    """The spectrum of a CSV file that `spectrum_to_csv` wrote; SpectrumError for anything else."""
    facts, columns = _read_csv(text_of(path), _SPECTRUM_HEAD, str(path))
    expected = [_AXIS_COLUMNS.get(str(facts.get("axis_unit"))), _COLUMN_UNITS.get(str(facts.get("quantity")))]
    if list(columns) != expected:
        raise SpectrumError(f"{path}: the columns are {list(columns)}, but its comments announce {expected}.")
    axis, intensity = ([_number(text, name, path) for text in texts] for name, texts in columns.items())
    return Spectrum.from_dict({**facts, "axis": axis, "intensity": intensity})


def _csv_text(head: str, source: str, facts: dict[str, Any], columns: dict[str, list[Any]]) -> str:
    stream = io.StringIO()
    stream.write(f"# {head}: {' '.join(source.split())}\n# {json.dumps(facts)}\n")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if value is None else value for value in row] for row in zip(*columns.values(), strict=True)])
    return stream.getvalue()


def _read_csv(text: str, head: str, source: str) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Facts of the comment lines, and the columns as text."""
    comments = [line[1:].strip() for line in text.splitlines() if line.startswith("#")]
    if len(comments) < 2 or not comments[0].startswith(head):
        raise SpectrumError(f"{source} is no {head} as CSV: its first line must begin with '# {head}'.")
    try:
        facts = json.loads(comments[1])
        rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
    except (ValueError, RecursionError, csv.Error) as error:
        raise SpectrumError(f"{source}: {error}") from error
    rows = [row for row in rows if row]
    if not isinstance(facts, dict) or not rows:
        raise SpectrumError(f"{source}: the second comment line must hold a JSON object, and a header must follow.")
    header, *body = rows
    wrong = [k for k, row in enumerate(body) if len(row) != len(header)]
    if wrong or len(set(header)) != len(header):
        raise SpectrumError(f"{source}: data rows {wrong[:3]} do not have one cell for each of {header}.")
    return facts, {name: [row[place] for row in body] for place, name in enumerate(header)}


def _number(text: str, column: str, path: str | Path) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise SpectrumError(f"{path}: column {column} holds {text[:40]!r}, which is no number.") from error


# ------------------------------------------------------------------------------------------------------- JCAMP-DX


def spectrum_to_jcamp(spectrum: Spectrum, path: str | Path | None = None) -> str:
    """The spectrum as JCAMP-DX 4.24 text (ASCII); also written to ``path`` if given.

    Examples
    --------
    >>> text = spectrum_to_jcamp(Spectrum([1.0, 2.0, 3.0], [0.0, 0.5, 1.0], "absorbance", simulated=True))
    >>> [line for line in text.splitlines() if line.startswith(("##DATA TYPE", "##NPOINTS"))]
    ['##DATA TYPE=INFRARED SPECTRUM (SIMULATED)', '##NPOINTS=3']
    """
    x, y = spectrum.axis, spectrum.intensity
    kind = "RAMAN SPECTRUM" if spectrum.quantity.startswith("raman") else "INFRARED SPECTRUM"
    said = " (SIMULATED)" if spectrum.simulated else ""
    step = (x[-1] - x[0]) / (len(x) - 1)
    even = np.abs(x - np.linspace(x[0], x[-1], len(x))).max() <= _EVEN * step * len(x)
    y_factor = float(np.abs(y).max()) / _STEPS or 1.0
    counts = np.rint(y / y_factor).astype(np.int64)
    resolution = "" if spectrum.fwhm_cm1 is None else f"{spectrum.shape} FWHM {spectrum.fwhm_cm1} 1/CM"
    labels = [
        ("TITLE", (spectrum.name or "spectrum") + said),
        ("JCAMP-DX", "4.24"),
        ("DATA TYPE", kind + said),
        ("ORIGIN", spectrum.source or ("simulated" if spectrum.simulated else "not stated")),
        ("OWNER", "not stated"),
        ("$SYMVIB QUANTITY", spectrum.quantity),
        ("$LINE SHAPE", resolution),
        ("XUNITS", _X_UNITS[spectrum.axis_unit]),
        ("YUNITS", _Y_UNITS[spectrum.quantity]),
        ("FIRSTX", repr(float(x[0]))),
        ("LASTX", repr(float(x[-1]))),
        ("DELTAX", repr(float(step)) if even else ""),
        ("MAXX", repr(float(x.max()))),
        ("MINX", repr(float(x.min()))),
        ("MAXY", repr(float(y.max()))),
        ("MINY", repr(float(y.min()))),
        ("XFACTOR", "1.0"),
        ("YFACTOR", repr(y_factor)),
        ("NPOINTS", str(len(x))),
        ("FIRSTY", repr(float(counts[0] * y_factor))),
    ]
    head = [f"##{label}={_ascii(value)}" for label, value in labels if value]
    body = _xydata(x, counts) if even else _xypoints(x, counts)
    return written("\n".join([*head, *body, "##END=", ""]), path)


def _xydata(x: NDArrayFloat, counts: np.ndarray) -> Iterable[str]:
    """(X++(Y..Y)): the abscissa of the first ordinate, then ordinates at even steps; 80 characters at most."""
    yield "##XYDATA=(X++(Y..Y))"
    for start in range(0, len(x), _VALUES_PER_LINE):
        yield f"{x[start]:.8g} " + " ".join(map(str, counts[start : start + _VALUES_PER_LINE]))


def _xypoints(x: NDArrayFloat, counts: np.ndarray) -> Iterable[str]:
    yield "##XYPOINTS=(XY..XY)"
    yield from (f"{float(at)!r}, {count}" for at, count in zip(x, counts, strict=True))


def _ascii(text: str) -> str:
    """One line of printable ASCII without what the format reads as a label or a comment."""
    plain = " ".join(str(text).split()).encode("ascii", "replace").decode("ascii")
    return plain.replace("##", "#").replace("$$", "$")[:120]


def read_jcamp(path: str | Path) -> Spectrum:
    """The spectrum of a JCAMP-DX file with one block of XYDATA or XYPOINTS (AFFN or ASDF), on an ascending axis.

    Read by the package `jcamp`; what it only prints (failed X and Y checks) is an error here. Transmittance in per
    cent becomes a fraction. Units that are no quantity of `Spectrum` make it "relative".

    Raises
    ------
    SpectrumError
        Too large, no JCAMP-DX, several blocks, failed checks, an axis in another unit, numbers of points that differ.
    MissingPackageError
        `jcamp` is not installed.
    """
    text = text_of(path)
    _check_jcamp(text, path)
    values = _parsed(text, path)
    axis_unit = _axis_unit(str(values.get("xunits", "")), path)
    quantity, factor = _quantity(values)
    x, y = np.asarray(values["x"], dtype=float), factor * np.asarray(values["y"], dtype=float)
    if x.shape != y.shape or len(x) != int(values.get("npoints", len(x))):
        raise SpectrumError(f"{path}: {len(x)} abscissae and {len(y)} ordinates; NPOINTS = {values.get('npoints')}.")
    order = slice(None, None, -1) if len(x) > 1 and x[0] > x[-1] else slice(None)
    kind = " ".join(str(values.get(key, "")) for key in ("data type", "datatype"))
    return Spectrum(
        x[order],
        y[order],
        quantity,
        axis_unit,
        simulated="SIMULATED" in kind.upper(),
        source=" ".join(str(values.get("origin", "")).split()),
        name=" ".join(str(values.get("title", "")).replace("(SIMULATED)", "").split()),
    )


def _check_jcamp(text: str, path: str | Path) -> None:
    """Refuse what the reading package would choke on: it trusts NPOINTS and expects complete headers."""
    longest = max(map(len, text.splitlines()), default=0)
    if longest > _LONGEST_LINE:
        raise SpectrumError(f"{path}: a line of {longest} characters; JCAMP-DX has 80, and {_LONGEST_LINE} are read.")
    labels = re.findall(r"^##([^=\n]*)=(.*)$", text, flags=re.MULTILINE)
    names = [re.sub(r"[\s/_-]", "", name).upper() for name, _ in labels]
    if "JCAMPDX" not in names or "TITLE" not in names:
        raise SpectrumError(f"{path} is no JCAMP-DX file: the labels TITLE and JCAMP-DX are missing.")
    if names.count("TITLE") > 1 or sum(names.count(data) for data in ("XYDATA", "XYPOINTS")) != 1:
        raise SpectrumError(f"{path}: one block with one XYDATA or XYPOINTS is read; cut the others out.")
    found = dict(zip(names, (value.strip() for _, value in labels), strict=True))
    for name in ("FIRSTX", "LASTX", "NPOINTS"):
        needed = "XYDATA" in names or name in found
        if needed and not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", found.get(name, "")):
            raise SpectrumError(f"{path}: {name} = {found.get(name, 'missing')!r}; XYDATA needs it as a number.")
    points = float(found.get("NPOINTS", "2") or 0)
    if not (2 <= points <= 10 * len(text) and points == int(points)):
        raise SpectrumError(f"{path}: NPOINTS = {found['NPOINTS']} in a file of {len(text)} characters.")


def _parsed(text: str, path: str | Path) -> dict[str, Any]:
    import contextlib

    try:
        import jcamp
    except ImportError as error:
        raise MissingPackageError.of_extra("reading JCAMP-DX needs the package jcamp", "chem") from error
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            values = jcamp.read(io.StringIO(text))
    except Exception as error:  # jcamp raises a bare Exception for characters that it does not know
        raise SpectrumError(f"{path}: not readable as JCAMP-DX: {error!r}.") from error
    if said.getvalue():
        raise SpectrumError(f"{path}: {' '.join(said.getvalue().split())[:300]}")
    return values


def _axis_unit(text: str, path: str | Path) -> str:
    plain = text.upper().replace(" ", "")
    known = {"1/CM": "cm-1", "CM-1": "cm-1", "CM^-1": "cm-1", "MICROMETERS": "um", "MICRONS": "um", "NANOMETERS": "nm"}
    if plain not in known:
        raise SpectrumError(f"{path}: XUNITS = {text!r}; 1/CM, MICROMETERS and NANOMETERS are read.")
    return known[plain]


def _quantity(values: dict[str, Any]) -> tuple[str, float]:
    """Quantity and the factor to its unit."""
    units = " ".join(str(values.get("yunits", "")).upper().split())
    own = {unit: quantity for quantity, unit in _Y_UNITS.items()}
    if units in own:
        return own[units], 1.0
    if "TRANSMITTANCE" in units or units == "%T":
        return "transmittance", 0.01 if "%" in units or "PERCENT" in units else 1.0
    return "relative", 1.0


# ---------------------------------------------------------------------------------------------------------- files


def text_of(path: str | Path) -> str:
    """Text of a file of bounded size, UTF-8 or, as old JCAMP-DX files are, Latin-1.

    Raises
    ------
    SpectrumError
        No such file, a larger or a binary one.
    """
    file = Path(path)
    if not file.is_file():
        raise SpectrumError(f"{path} is a folder." if file.is_dir() else f"{path}: there is no such file.")
    size = file.stat().st_size
    if size > MAXIMUM_FILE_MEGABYTES * 1e6:
        raise SpectrumError(f"{path} has {size / 1e6:.0f} MB; files up to {MAXIMUM_FILE_MEGABYTES} MB are read.")
    content = file.read_bytes()
    if b"\0" in content:
        raise SpectrumError(f"{path} is a binary file, not text.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
