"""Normal modes as files that viewers animate: XYZ with vibration vectors (Jmol, ASE), Molden, and XYZ animations.

The functions need an object with ``molecule``, ``wavenumbers_cm1`` (d,), ``displacements`` (d, N, 3) and, if known,
``ir_km_per_mol``, ``raman_a4_per_amu`` (d,) and ``irreps``: `normal_modes.NormalModes` or anything like it. Imaginary
modes are written with their negative wavenumbers. Vectors are scaled so that the atom that moves most moves by 1: their
length in the file has no meaning beyond the ratios within a mode.
"""

from math import pi
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..constants import BOHR_ANGSTROM
from ..errors import SpectrumError
from ..groups.atomic_write import written
from ..groups.operations import NDArrayFloat

if TYPE_CHECKING:
    from ..groups.molecule import Molecule

__all__ = ["Modes", "modes_to_animation", "modes_to_molden", "modes_to_xyz"]

_MAXIMUM_FRAMES = 1000


class Modes(Protocol):
    """What the functions of this module read."""

    @property
    def molecule(self) -> "Molecule":
        """At the geometry of the expansion, angstrom."""
        ...

    @property
    def wavenumbers_cm1(self) -> NDArrayFloat:
        """(d,), imaginary ones negative."""
        ...

    @property
    def displacements(self) -> NDArrayFloat:
        """Cartesian displacements (d, N, 3), not mass-weighted."""
        ...


def modes_to_xyz(modes: Modes, path: str | Path | None = None) -> str:
    """Extended XYZ text with one frame a mode: symbol, position (angstrom), vibration vector; also written to a path.

    Jmol animates the vectors ("vibration on"); ASE reads them as the array "vibration". The comment line carries
    wavenumber, irrep and intensities.
    """
    vectors = _scaled_vectors(modes)
    molecule, count = modes.molecule, len(vectors)
    frames = []
    for mode, vector in enumerate(vectors):
        facts = [
            "Properties=species:S:1:pos:R:3:vibration:R:3",
            f"mode={mode + 1}",
            f"modes={count}",
            *(
                f'{name}="{value}"' if isinstance(value, str) else f"{name}={value:.6g}"
                for name, value in _facts(modes, mode)
            ),
            'pbc="F F F"',
        ]
        rows = np.hstack([molecule.positions, vector])
        frames.append(_frame(molecule, rows, " ".join(facts)))
    return written("".join(frames), path)


def modes_to_animation(
    modes: Modes,
    mode: int,
    path: str | Path | None = None,
    *,
    amplitude_angstrom: float = 0.4,
    n_frames: int = 24,
) -> str:
    """XYZ text with the frames of one period of mode ``mode`` (counted from 0), for any viewer; also written to a path.

    The atom that moves most swings by ``amplitude_angstrom`` to either side; frame k has the phase 2 pi k / n_frames,
    so the first frame is the equilibrium and the period closes without a repeated frame.

    Raises
    ------
    SpectrumError
        No such mode, no positive amplitude, fewer than 2 or more than 1000 frames.
    """
    vectors = _scaled_vectors(modes)
    if not -len(vectors) <= mode < len(vectors):
        raise SpectrumError(f"modes_to_animation: mode {mode} of {len(vectors)} modes (counted from 0).")
    if not (np.isfinite(amplitude_angstrom) and amplitude_angstrom > 0):
        raise SpectrumError(f"modes_to_animation: amplitude_angstrom = {amplitude_angstrom}; a positive one is needed.")
    if not 2 <= n_frames <= _MAXIMUM_FRAMES:
        raise SpectrumError(f"modes_to_animation: n_frames = {n_frames}; 2 to {_MAXIMUM_FRAMES} are written.")
    words = ", ".join(
        f"{name} {value if isinstance(value, str) else f'{value:.2f}'}" for name, value in _facts(modes, mode)
    )
    swings = amplitude_angstrom * np.sin(2 * pi * np.arange(n_frames) / n_frames)
    frames = (
        _frame(
            modes.molecule, modes.molecule.positions + swing * vectors[mode], f"frame {k + 1} of {n_frames}, {words}"
        )
        for k, swing in enumerate(swings)
    )
    return written("".join(frames), path)


def modes_to_molden(modes: Modes, path: str | Path | None = None) -> str:
    """Molden text with geometry, [FREQ], [FR-COORD], [FR-NORM-COORD] and [INT]; also written to a path.

    Coordinates are in bohr. [INT] holds the IR intensity (km/mol) and, where known, the Raman activity (A^4/u), and is
    left out where there is no IR intensity.
    """
    vectors = _scaled_vectors(modes)
    molecule = modes.molecule
    bohr = molecule.positions / BOHR_ANGSTROM
    atoms = [
        f"{symbol:<3s}{k:5d}{number:4d}" + "".join(f"{c:16.9f}" for c in row)
        for k, (symbol, number, row) in enumerate(zip(molecule.symbols, molecule.numbers, bohr, strict=True), start=1)
    ]
    frequencies = [f"{value:12.4f}" for value in modes.wavenumbers_cm1]
    coordinates = [_row(symbol, row) for symbol, row in zip(molecule.symbols, bohr, strict=True)]
    normal = []
    for number, vector in enumerate(vectors, start=1):
        normal.append(f"vibration {number:5d}")
        normal += ["".join(f"{c:14.9f}" for c in row) for row in vector]
    blocks = {
        "[Molden Format]": [],
        "[Title]": [" ".join((molecule.name or molecule.formula).split())],
        "[Atoms] AU": atoms,
        "[FREQ]": frequencies,
        "[FR-COORD]": coordinates,
        "[FR-NORM-COORD]": normal,
    }
    columns = [_column(modes, name) for name in ("ir_km_per_mol", "raman_a4_per_amu")]
    known = [column for column in columns if column is not None]
    if columns[0] is not None:
        blocks["[INT]"] = ["".join(f"{value:14.6f}" for value in row) for row in zip(*known, strict=True)]
    return written("\n".join(line for head, lines in blocks.items() for line in (head, *lines)) + "\n", path)


def _scaled_vectors(modes: Modes) -> NDArrayFloat:
    """Displacements (d, N, 3) whose largest atomic one is 1."""
    vectors = np.asarray(modes.displacements, dtype=float)
    expected = (len(np.asarray(modes.wavenumbers_cm1)), len(modes.molecule), 3)
    if vectors.shape != expected or not np.isfinite(vectors).all():
        raise SpectrumError(
            f"mode files: displacements of shape {vectors.shape}; {expected} (mode, atom, x y z) finite numbers are "
            f"needed for {expected[0]} modes of {expected[1]} atoms."
        )
    largest = np.linalg.norm(vectors, axis=2).max(axis=1, initial=0.0)
    if not (largest > 0).all():
        raise SpectrumError(f"mode files: mode {int(np.flatnonzero(largest == 0)[0])} (from 0) moves no atom.")
    return vectors / largest[:, None, None]


def _facts(modes: Modes, mode: int) -> list[tuple[str, float | str]]:
    """What is known of a mode, as names and values."""
    facts: list[tuple[str, float | str]] = [("wavenumber_cm1", float(modes.wavenumbers_cm1[mode]))]
    irreps = getattr(modes, "irreps", None)
    if irreps is not None:
        facts.append(("irrep", str(irreps[mode])))
    for name in ("ir_km_per_mol", "raman_a4_per_amu"):
        column = _column(modes, name)
        if column is not None:
            facts.append((name, float(column[mode])))
    return facts


def _column(modes: Modes, name: str) -> NDArrayFloat | None:
    values = getattr(modes, name, None)
    return None if values is None else np.asarray(values, dtype=float)


def _frame(molecule: "Molecule", rows: NDArrayFloat, comment: str) -> str:
    lines = (_row(symbol, row) for symbol, row in zip(molecule.symbols, rows, strict=True))
    return "\n".join([str(len(molecule)), comment, *lines]) + "\n"


def _row(symbol: str, values: NDArrayFloat) -> str:
    return f"{symbol:<3s}" + "".join(f"{value:16.9f}" for value in values)
