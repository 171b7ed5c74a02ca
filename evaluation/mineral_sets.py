"""Minerals: measured Raman and infrared spectra (RRUFF), calculated powder lines (AMCSD), pairs, a synthetic set.

No data are shipped. A loader looks at ``path`` (the folder), else below the folder that the environment variable
SYMVIB_DATA names, and compares the sha256 of the files with those known. What is left out is said in ``notes``.

B. Lafuente, R. T. Downs, H. Yang, N. Stone, "The power of databases: the RRUFF project", in Highlights in Mineralogical
Crystallography (2015), 1-30; R. T. Downs, M. Hall-Wallace, Am. Mineral. 88, 247 (2003).
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError
from ._mineral_data import MineralPairs, MineralSpectra, PowderLines, first_of_each, scaled
from ._mineral_files import checked_rows, mineral_groups, read_spectra
from .mineral_classes import formula_counts

__all__ = [
    "MineralPairs",
    "MineralSpectra",
    "PowderLines",
    "amcsd_lines",
    "mineral_pairs",
    "powder_pairs",
    "rruff_ir",
    "rruff_raman",
    "synthetic_mineral_pairs",
]

_UNCONFIRMED = re.compile("not yet confirmed|^unconfirmed$")


def rruff_raman(
    path: str | Path | None = None,
    *,
    duplicates: bool = False,
    confirmed_only: bool = False,
    verify: bool = True,
) -> MineralSpectra:
    """5,471 "excellent, unoriented, processed" Raman spectra of minerals, 100 to 1400 1/cm.

    Parameters
    ----------
    path : str or Path, optional
        The folder of raman.npz and the indexes [default: the folder SYMVIB_DATA].
    duplicates : bool
        Keep spectra that are filed a second time, under another name.
    confirmed_only : bool
        Leave out specimens whose identification is "not yet confirmed".
    verify : bool
        Compare the sha256.

    Raises
    ------
    DatasetError
        No such files, or other ones.
    """
    axis, values, rows, folder = read_spectra(path, "raman", "shift_cm1", "intensity", verify)
    found = _spectra("rruff raman", axis, "Raman intensity", values, rows, folder, verify)
    notes = [
        "processed by RRUFF (background removed); natural specimens, fluorescence may remain",
        f"{np.isnan(values).mean():.1%} of the channels lie outside the measured ranges: NaN, masked",
        f"{int((values < 0).any(axis=1).sum())} spectra have negative points, kept",
    ]
    found = found.noted(*notes)
    twice = np.array([int(row["duplicate_of_row"]) >= 0 for row in rows])
    if not duplicates:
        found = found.take(~twice, f"{int(twice.sum())} spectra that repeat another under another name left out")
    return _confirmed(found) if confirmed_only else found


def rruff_ir(
    path: str | Path | None = None,
    *,
    region: str = "mid",
    flagged: bool = False,
    confirmed_only: bool = False,
    verify: bool = True,
) -> MineralSpectra:
    """Infrared (ATR) spectra of minerals: 773 from 400 to 4000 1/cm, or 112 from 50 to 700 1/cm.

    Parameters
    ----------
    path : str or Path, optional
        The folder of ir_mid.npz, ir_far.npz and the indexes [default: the folder SYMVIB_DATA].
    region : {"mid", "far"}
    flagged : bool
        Keep the mid-infrared spectra that are not on a scale of absorbance (3) or nearly flat (3).
    confirmed_only, verify : bool
        As `rruff_raman`.

    Raises
    ------
    DatasetError
        No such files, other ones, or another region.
    """
    if region not in ("mid", "far"):
        raise DatasetError(f"rruff_ir(region={region!r}): choose mid or far.")
    axis, values, rows, folder = read_spectra(path, f"ir_{region}", "wavenumber_cm1", "absorbance", verify)
    found = _spectra(f"rruff ir {region}", axis, "absorbance (ATR)", values, rows, folder, verify)
    negative = int((values < 0).any(axis=1).sum())
    found = found.noted(f"{negative} spectra have slightly negative points, kept")
    flags = [row.get("flag", "") for row in rows]
    if not flagged:
        for kind in sorted(set(flags) - {""}):
            names = ", ".join(f"{r['mineral']} {r['rruff_id']}" for r, f in zip(rows, flags, strict=True) if f == kind)
            found = found.noted(f"left out, {kind.replace('_', ' ')}: {names}")
        found = found.take(np.array([not flag for flag in flags]))
    return _confirmed(found) if confirmed_only else found


def amcsd_lines(path: str | Path | None = None, *, verify: bool = True) -> PowderLines:
    """Calculated powder lines (Cu K alpha, 1.541838 angstrom) of 385 structures of 250 minerals; not measured.

    Parameters
    ----------
    path : str or Path, optional
        The folder of xrd_amcsd_lines.csv.gz and its index [default: the folder SYMVIB_DATA].
    verify : bool
        Compare the sha256.

    Raises
    ------
    DatasetError
        No such files, or other ones.
    """
    place, index = checked_rows(path, "xrd_amcsd_index.csv.gz", ("amcsd", "mineral", "space_group"), verify)
    columns = ("amcsd", "two_theta_deg", "rel_intensity")
    _, rows = checked_rows(place.parent, "xrd_amcsd_lines.csv.gz", columns, verify)
    lines: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    merged = 0
    for row in rows:
        of, angle = lines[row["amcsd"]], float(row["two_theta_deg"])
        merged += angle in of
        of[angle] += float(row["rel_intensity"])
    index = sorted(index, key=lambda row: row["amcsd"])
    absent = [row["amcsd"] for row in index if row["amcsd"] not in lines]
    index = [row for row in index if row["amcsd"] in lines]
    angles = [sorted(lines[row["amcsd"]]) for row in index]
    return PowderLines(
        name="amcsd",
        codes=tuple(row["amcsd"] for row in index),
        minerals=tuple(row["mineral"] for row in index),
        space_groups=tuple(row["space_group"] for row in index),
        two_theta_deg=tuple(np.array(of) for of in angles),
        intensities=tuple(
            np.array([lines[row["amcsd"]][a] for a in of]) for row, of in zip(index, angles, strict=True)
        ),
        notes=(
            "calculated from crystal structures, not measured",
            f"{merged} lines at the angle of another of the same structure are summed",
            *([f"no lines: {', '.join(absent)}"] if absent else []),
        ),
    )


def mineral_pairs(
    path: str | Path | None = None,
    *,
    source: str = "ir",
    confirmed_only: bool = False,
    verify: bool = True,
) -> MineralPairs:
    """Mid-infrared and Raman spectra of the same specimens; a specimen with several lasers has several pairs.

    Left out, and noted: flagged infrared spectra, repeated Raman spectra, and specimens whose two files bear names of
    different elements (a specimen that was identified anew is kept where the elements agree).

    Parameters
    ----------
    path : str or Path, optional
        The folder [default: the folder SYMVIB_DATA].
    source : {"ir", "raman"}
        The other one is the target.
    confirmed_only, verify : bool
        As `rruff_raman`; both spectra must be confirmed.

    Raises
    ------
    DatasetError
        No such files, other ones, or another source.
    """
    if source not in ("ir", "raman"):
        raise DatasetError(f"mineral_pairs(source={source!r}): choose ir or raman.")
    raman = rruff_raman(path, confirmed_only=confirmed_only, verify=verify)
    ir = rruff_ir(path, confirmed_only=confirmed_only, verify=verify)
    columns = ("rruff_id", "ir_mid_row", "raman_row")
    _, rows = checked_rows(path, "pairs_same_specimen.csv.gz", columns, verify)
    at_ir, at_raman = first_of_each(ir.rows.tolist()), first_of_each(raman.rows.tolist())
    known = [(int(row["ir_mid_row"]), int(row["raman_row"])) for row in rows]
    kept = [(at_ir[a], at_raman[b]) for a, b in known if a in at_ir and b in at_raman]
    differ = [
        k
        for k, (a, b) in enumerate(kept)
        if ir.minerals[a] != raman.minerals[b] and not _same_elements(ir.formulas[a], raman.formulas[b])
    ]
    odd = sorted({f"{ir.specimens[a]} {ir.minerals[a]}/{raman.minerals[b]}" for a, b in (kept[k] for k in differ)})
    kept = [pair for k, pair in enumerate(kept) if k not in set(differ)]
    i, r = (np.array(side, dtype=np.int64) for side in zip(*kept, strict=True))
    x, x_mask, x_usable = scaled(ir.values[i])
    y, y_mask, y_usable = scaled(raman.values[r])
    pairs = MineralPairs(
        name="rruff pairs",
        source="ir",
        target="raman",
        x_axis=ir.axis_cm1,
        y_axis=raman.axis_cm1,
        x=x,
        y=y,
        x_mask=x_mask,
        y_mask=y_mask,
        minerals=tuple(ir.minerals[k] for k in i),
        specimens=tuple(ir.specimens[k] for k in i),
        formulas=tuple(ir.formulas[k] or raman.formulas[m] for k, m in zip(i, r, strict=True)),
        laser_nm=raman.laser_nm[r],
        x_rows=ir.rows[i],
        y_rows=raman.rows[r],
        groups=ir.groups[i],
        notes=(
            f"{len(known) - len(kept) - len(differ)} of {len(known)} pairs left out with their flagged or repeated "
            "spectrum",
            f"left out, names of different elements: {', '.join(odd) or 'none'}",
            *ir.notes,
            *raman.notes,
        ),
    ).take(x_usable & y_usable)
    return pairs if source == "ir" else pairs.reversed()


def powder_pairs(path: str | Path | None = None, *, confirmed_only: bool = False, verify: bool = True) -> MineralPairs:
    """Measured Raman spectra with the calculated powder pattern of a structure of the mineral of that name.

    Where AMCSD holds several structures of a mineral, it is that of the lowest code: other specimens, so the pattern is
    that of the mineral, not of the specimen. Patterns as `PowderLines.patterns` makes them.
    """
    raman = rruff_raman(path, confirmed_only=confirmed_only, verify=verify)
    lines = amcsd_lines(path, verify=verify)
    first = first_of_each(lines.minerals)
    rows = np.array([k for k, name in enumerate(raman.minerals) if name in first], dtype=np.int64)
    structures = np.array([first[raman.minerals[k]] for k in rows], dtype=np.int64)
    axis, patterns = lines.patterns()
    x, x_mask, usable = scaled(raman.values[rows])
    return MineralPairs(
        name="rruff and amcsd",
        source="raman",
        target="xrd",
        x_axis=raman.axis_cm1,
        y_axis=axis,
        x=x,
        y=patterns[structures],
        x_mask=x_mask,
        y_mask=np.ones((len(rows), len(axis)), dtype=bool),
        minerals=tuple(raman.minerals[k] for k in rows),
        specimens=tuple(raman.specimens[k] for k in rows),
        formulas=tuple(raman.formulas[k] for k in rows),
        laser_nm=raman.laser_nm[rows],
        x_rows=raman.rows[rows],
        y_rows=structures,
        groups=raman.groups[rows],
        notes=(
            "patterns are computed from crystal structures, one structure for each mineral",
            *lines.notes,
            *raman.notes,
        ),
    ).take(usable)


def synthetic_mineral_pairs(
    seed: int = 0, *, n_minerals: int = 12, n_specimens: int = 3, n_channels: int = 80, noise: float = 0.02
) -> MineralPairs:
    """Made-up pairs of spectra for tests; nothing here was measured.

    Every mineral has bands of its own, every specimen shifts them a little. The bands of the target lie where those of
    the source do, with other heights, so that a transfer exists.

    Examples
    --------
    >>> pairs = synthetic_mineral_pairs(0)
    >>> len(pairs), len(set(pairs.groups.tolist())), pairs.synthetic
    (36, 12, True)
    """
    if n_minerals < 1 or n_specimens < 1 or n_channels < 8 or noise < 0:
        raise DatasetError(f"synthetic_mineral_pairs: {n_minerals}, {n_specimens}, {n_channels}, noise {noise}.")
    rng = np.random.default_rng(seed)
    axis = np.arange(n_channels, dtype=np.float64)
    centres = rng.uniform(0.1, 0.9, (n_minerals, 4)) * n_channels
    heights = rng.uniform(0.2, 1.0, (2, n_minerals, 4))
    of = np.repeat(np.arange(n_minerals), n_specimens)
    moved = centres[of] + rng.normal(0, 0.2, (len(of), 1))
    bands = np.exp(-(((axis - moved[..., None]) / (0.02 * n_channels)) ** 2))
    sides = [np.einsum("nb,nbl->nl", h[of], bands) + noise * rng.normal(size=(len(of), n_channels)) for h in heights]
    sides[1][:, : n_channels // 20] = np.nan
    (x, x_mask, _), (y, y_mask, _) = (scaled(side) for side in sides)
    formulas = ("CaCO_3_", "SiO_2_", "CaSO_4_", "Fe_2_O_3_")
    return MineralPairs(
        name=f"synthetic-{seed}",
        source="ir",
        target="raman",
        x_axis=axis,
        y_axis=axis,
        x=x,
        y=y,
        x_mask=x_mask,
        y_mask=y_mask,
        minerals=tuple(f"synthetic-{k}" for k in of),
        specimens=tuple(f"S{k:03d}" for k in range(len(of))),
        formulas=tuple(formulas[k % len(formulas)] for k in of),
        laser_nm=np.full(len(of), 532),
        x_rows=np.arange(len(of)),
        y_rows=np.arange(len(of)),
        groups=of.astype(np.int64),
        notes=("synthetic: bands of the target where those of the source are",),
        synthetic=True,
    )


def _spectra(
    name: str,
    axis: Any,
    quantity: str,
    values: Any,
    rows: list[dict[str, str]],
    folder: Path,
    verify: bool,
) -> MineralSpectra:
    groups = mineral_groups(folder, verify)
    return MineralSpectra(
        name=name,
        axis_cm1=axis,
        quantity=quantity,
        values=np.asarray(values, dtype=np.float64),
        minerals=tuple(row["mineral"] for row in rows),
        specimens=tuple(row["rruff_id"] for row in rows),
        formulas=tuple(row["chemistry_ideal"] for row in rows),
        confirmed=np.array([not _UNCONFIRMED.search(row["status"]) for row in rows]),
        laser_nm=np.array([int(row.get("laser_nm") or 0) for row in rows]),
        rows=np.arange(len(rows)),
        groups=np.array([groups[row["mineral"]] for row in rows]),
    )


def _confirmed(spectra: MineralSpectra) -> MineralSpectra:
    n = int((~spectra.confirmed).sum())
    return spectra.take(spectra.confirmed, f"{n} spectra of specimens not yet confirmed left out")


def _same_elements(first: str, second: str) -> bool:
    """Whether two formulas agree in all elements but hydrogen, or all but one of them; True without a formula."""
    sides = [set(formula_counts(formula)) - {"H"} for formula in (first, second)]
    return not all(sides) or len(sides[0] ^ sides[1]) <= 1
