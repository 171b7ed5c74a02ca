"""The same samples on several instruments: corn and tablets (NIR), the CHARISMA round robin (Raman), a synthetic set.

No data are shipped. A loader looks at ``path`` (the file, or a folder that holds it), else below the folder that the
environment variable SYMVIB_DATA names, and compares the file's sha256 with the one known. Samples and channels that
others leave out are left out by parameters, and said in `InstrumentSet.notes`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import DatasetError
from ._instrument_files import KnownFile, read_arrays, read_index
from ._instrument_set import Array, InstrumentSet

__all__ = [
    "CORN_EXTREME_SAMPLES",
    "TABLET_OUTLIERS",
    "InstrumentSet",
    "charisma",
    "corn",
    "synthetic_instrument_set",
    "tablets",
]

CORN_EXTREME_SAMPLES = ("corn-75", "corn-77")
TABLET_OUTLIERS = ("calibrate-018", "calibrate-121", "calibrate-125", "calibrate-126")
CHARISMA_SAMPLES = ("PST", "nCAL", "sCAL", "S0B", "S0N", "S0P", "S1N")

_CORN = KnownFile(
    "corn_nir",
    "corn.npz",
    "699b74a9f1dc0605427c4ee811be71da699db0e7833b6eae4f67a82d85641a26",
    "Cargill's data are given out at https://eigenvector.com/data/Corn/ (corn.mat); save wavelength_nm, m5, mp5, mp6 "
    "(80, 700), m5_nbs, mp5_nbs, mp6_nbs, y (80, 4) and y_names as an .npz of float64.",
)
_TABLETS = KnownFile(
    "tablets_idrc2002",
    "tablets.npz",
    "c32e82bfaf31e90e4d27b9773dfdda6c1cc86e624300fa17a9f644c2bafe778c",
    "The IDRC 2002 shootout is data/shootout.RData of the CRAN package ChemometricsWithRData 0.1.3 (from "
    "http://www.idrc-chambersburg.org/shootout2002.html); save wavelength_nm and calibrate_1 ... validate_2 (float32), "
    "calibrate_Y ... (float64) and y_names as an .npz.",
)
_CHARISMA = KnownFile(
    "raman_multi_instrument",
    "raman_multi.npz",
    "17ceacf62feba9298b63d922285ad7984187b2a2c302c947591953d6c9acb34b",
    "The spectra come with `pip install ramanchada2` (1.5.0: auxiliary/spectra/datasets2); save each as sNNN_x, sNNN_y "
    "and the table as index.csv beside it.",
)
_CHARISMA_INDEX = KnownFile(
    "raman_multi_instrument",
    "index.csv",
    "8b0850ff83d0e1b72096f4f9d70528b78028975cc6b0abfba8ac985da62f3819",
    "It lists the spectra of raman_multi.npz (key, provider, device, laser_wl, OP, sample, filename).",
)


def corn(path: str | Path | None = None, *, leave_out: Sequence[str] = (), verify: bool = True) -> InstrumentSet:
    """80 samples of corn on three NIR spectrometers (m5, mp5, mp6), with moisture, oil, protein and starch.

    Parameters
    ----------
    path : str or Path, optional
        corn.npz, or a folder that holds it [default: the folder SYMVIB_DATA].
    leave_out : sequence of str
        Ids "corn-01" ... "corn-80"; `CORN_EXTREME_SAMPLES` are the two with the largest Hotelling T2.
    verify : bool
        Compare the sha256.

    Raises
    ------
    DatasetError
        No such file, or another one.
    """
    shapes = {name: (80, 700) for name in ("m5", "mp5", "mp6")}
    shapes |= {"m5_nbs": (3, 700), "mp5_nbs": (4, 700), "mp6_nbs": (4, 700)}
    arrays = read_arrays(
        _CORN.verified(path, verify), {**shapes, "wavelength_nm": (700,), "y": (80, 4), "y_names": (4,)}
    )
    names = [str(name) for name in arrays["y_names"]]
    made = InstrumentSet(
        name="corn",
        axis=arrays["wavelength_nm"],
        axis_unit="nm",
        quantity="log(1/R)",
        spectra={name: arrays[name] for name in ("m5", "mp5", "mp6")},
        sample_ids=tuple(f"corn-{i:02d}" for i in range(1, 81)),
        targets=dict(zip(names, arrays["y"].T, strict=True)),
        units=dict.fromkeys(names, "%"),
        standards={name: arrays[f"{name}_nbs"] for name in ("m5", "mp5", "mp6")},
        notes=(
            "corn-75 and corn-77 have the largest Hotelling T2 on all instruments, corn-75 the largest m5-mp5 distance",
            "NBS glasses: three on m5, four on mp5 and mp6; which they are is not stated",
        ),
    )
    return made.without(leave_out)


def tablets(
    path: str | Path | None = None,
    *,
    range_nm: tuple[float, float] | None = (600.0, 1640.0),
    leave_out: Sequence[str] = (),
    verify: bool = True,
) -> InstrumentSet:
    """655 tablets on two NIR transmission spectrometers ("1", "2"), with weight, hardness and assay (IDRC 2002).

    Parameters
    ----------
    path : str or Path, optional
        tablets.npz, or a folder that holds it [default: the folder SYMVIB_DATA].
    range_nm : (float, float) or None
        Channels from the first up to, not including, the second: (600, 1640) are 520. None: all 650, to 1898 nm; above
        about 1700 nm both instruments are noise.
    leave_out : sequence of str
        Ids "calibrate-000" ..., "test-000" ..., "validate-000" ... (rows from 0). `TABLET_OUTLIERS` are the four with
        the largest residuals of the assay, which published scripts drop; they are kept unless named.
    verify : bool
        Compare the sha256.

    Raises
    ------
    DatasetError
        No such file, another one, or no channels in the range.
    """
    sizes = {"calibrate": 155, "test": 460, "validate": 40}
    shapes: dict[str, tuple[int, ...]] = {f"{part}_{i}": (n, 650) for part, n in sizes.items() for i in (1, 2)}
    shapes |= {f"{part}_Y": (n, 3) for part, n in sizes.items()}
    arrays = read_arrays(_TABLETS.verified(path, verify), {**shapes, "wavelength_nm": (650,), "y_names": (3,)})
    axis = arrays["wavelength_nm"]
    kept = np.ones(len(axis), dtype=bool) if range_nm is None else (axis >= range_nm[0]) & (axis < range_nm[1])
    if not kept.any():
        raise DatasetError(f"tablets: no channel in {range_nm} nm; they lie from {axis[0]:g} to {axis[-1]:g} nm.")
    names = [str(name).removesuffix("_mg") for name in arrays["y_names"]]
    if names != ["weight", "hardness", "assay"]:
        raise DatasetError(f"tablets: targets {', '.join(names)}; weight, hardness and assay are known.")
    values = np.vstack([arrays[f"{part}_Y"] for part in sizes])
    made = InstrumentSet(
        name="tablets",
        axis=axis[kept],
        axis_unit="nm",
        quantity="log(1/T)",
        spectra={i: np.vstack([arrays[f"{part}_{i}"] for part in sizes])[:, kept] for i in ("1", "2")},
        sample_ids=tuple(f"{part}-{i:03d}" for part, n in sizes.items() for i in range(n)),
        targets=dict(zip(names, values.T, strict=True)),
        units={"weight": "mg", "hardness": "unit not stated", "assay": "mg"},
        split=tuple(part for part, n in sizes.items() for _ in range(n)),
        notes=(
            f"{int(kept.sum())} of 650 channels kept, {axis[kept][0]:g} to {axis[kept][-1]:g} nm",
            f"{', '.join(TABLET_OUTLIERS)} have by far the largest residuals of the assay",
            "validate spans 188-199 mg only: R2 there says little",
            "stored as float32",
        ),
    )
    return made.without(leave_out)


def charisma(
    path: str | Path | None = None,
    *,
    axis_cm1: tuple[float, float, float] = (150.0, 2000.0, 1.0),
    verify: bool = True,
) -> InstrumentSet:
    """Seven reference samples (polystyrene, calcite, silicon) on ten Raman settings of three laboratories; no targets.

    The x axes are as measured, uncalibrated: the instruments differ by shifts of some 1/cm. They are interpolated
    linearly onto one axis, which keeps the shifts.

    Parameters
    ----------
    path : str or Path, optional
        The folder of raman_multi.npz and index.csv, or that .npz [default: the folder SYMVIB_DATA].
    axis_cm1 : (start, stop, step)
        Of the common axis, stop included. All ten settings cover 146 to 2000 1/cm.
    verify : bool
        Compare the sha256 of both files.

    Raises
    ------
    DatasetError
        No such files, other ones, or an axis beyond a spectrum.
    """
    place = _CHARISMA.verified(path, verify)
    rows = read_index(
        _CHARISMA_INDEX.verified(place.parent, verify),
        ("key", "provider", "device", "laser_wl", "OP", "sample", "filename"),
    )
    arrays = read_arrays(place)
    start, stop, step = axis_cm1
    if not (step > 0 and stop > start):
        raise DatasetError(f"charisma: axis_cm1 {axis_cm1} is not (start, stop, step) with start < stop.")
    axis = start + step * np.arange(int(np.floor((stop - start) / step + 1e-9)) + 1, dtype=np.float64)
    found: dict[str, dict[str, Array]] = {}
    notes = ["raw axes, not calibrated; counts, not normalised; interpolated linearly onto one axis"]
    # Where a sample was measured twice, the excerpt of the detector comes before the "full" one.
    for row in sorted(rows, key=lambda row: "_full" in row["filename"]):
        if row["sample"] not in CHARISMA_SAMPLES:
            continue
        setting = found.setdefault(" ".join((row["provider"], row["device"], row["laser_wl"], row["OP"])), {})
        if row["sample"] in setting:
            notes.append(f"{row['key']} ({row['filename']}) left out: {row['sample']} was measured twice there")
            continue
        setting[row["sample"]] = _on_axis(arrays, row["key"], axis)
    complete = sorted(name for name, samples in found.items() if len(samples) == len(CHARISMA_SAMPLES))
    if len(complete) < 2:
        raise DatasetError(f"{place}: {len(complete)} settings have all of {', '.join(CHARISMA_SAMPLES)}.")
    return InstrumentSet(
        name="charisma",
        axis=axis,
        axis_unit="1/cm",
        quantity="counts",
        spectra={name: np.array([found[name][sample] for sample in CHARISMA_SAMPLES]) for name in complete},
        sample_ids=CHARISMA_SAMPLES,
        notes=tuple(notes),
    )


def _on_axis(arrays: Mapping[str, np.ndarray], key: str, axis: Array) -> Array:
    """One spectrum on the common axis."""
    x, y = (np.asarray(arrays.get(f"{key}_{part}", ()), dtype=np.float64) for part in "xy")
    if x.ndim != 1 or x.shape != y.shape or not len(x) or not (np.diff(x) > 0).all():
        raise DatasetError(f"charisma: spectrum {key} is missing, or its axis does not ascend.")
    if axis[0] < x[0] or axis[-1] > x[-1]:
        raise DatasetError(
            f"charisma: spectrum {key} spans {x[0]:.1f} to {x[-1]:.1f} 1/cm, axis_cm1 asks for {axis[0]:g} to "
            f"{axis[-1]:g}: choose it within."
        )
    return np.interp(axis, x, y)


def synthetic_instrument_set(
    seed: int = 0,
    *,
    n_samples: int = 60,
    n_channels: int = 120,
    gain: float = 1.05,
    offset: float = 0.03,
    shift: float = 1.5,
    noise: float = 0.0,
) -> InstrumentSet:
    """Mixtures of three components on three made-up instruments; nothing here was measured.

    "a" is ideal; "b" has a gain and an offset, gain * a + offset; "c" has the bands shifted as well. Spectra are sums
    of Gaussian bands in proportion to the concentrations (Beer-Lambert).

    Parameters
    ----------
    seed : int
    n_samples, n_channels : int
    gain, offset : float
    shift : float
        Channels.
    noise : float
        Standard deviation, on each instrument by itself.

    Examples
    --------
    >>> made = synthetic_instrument_set(0, n_samples=10)
    >>> made.instruments, made.synthetic
    (('a', 'b', 'c'), True)
    >>> bool(np.allclose(made.spectra["b"], 1.05 * made.spectra["a"] + 0.03))
    True
    """
    if n_samples < 1 or n_channels < 2 or noise < 0:
        raise DatasetError(f"synthetic_instrument_set: {n_samples} samples, {n_channels} channels, noise {noise}.")
    rng = np.random.default_rng(seed)
    channels = np.arange(n_channels, dtype=np.float64)
    centres = rng.uniform(0.1, 0.9, size=(3, 4)) * n_channels
    widths = rng.uniform(0.03, 0.08, size=(3, 4)) * n_channels
    heights = rng.uniform(0.3, 1.0, size=(3, 4))

    def pure(moved: float) -> Array:
        bands = np.exp(-(((channels - centres[..., None] - moved) / widths[..., None]) ** 2))
        return np.einsum("cb,cbl->cl", heights, bands)

    concentrations = rng.dirichlet(np.ones(3), size=n_samples)
    spectra = {
        "a": concentrations @ pure(0.0),
        "b": gain * (concentrations @ pure(0.0)) + offset,
        "c": gain * (concentrations @ pure(shift)) + offset,
    }
    return InstrumentSet(
        name=f"synthetic-{seed}",
        axis=channels,
        axis_unit="channel",
        quantity="absorbance",
        spectra={name: x + noise * rng.normal(size=x.shape) for name, x in spectra.items()},
        sample_ids=tuple(f"synthetic-{i:03d}" for i in range(n_samples)),
        targets={f"component_{i}": concentrations[:, i] for i in range(3)},
        units=dict.fromkeys([f"component_{i}" for i in range(3)], "share"),
        notes=(f"synthetic: gain {gain}, offset {offset}, shift of c {shift} channels, noise {noise}",),
        synthetic=True,
    )
