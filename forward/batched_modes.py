"""Normal modes and intensities of many molecules at once: stacks of equal size, no Python loop over molecules.

Symmetry is not used (see `normal_modes`): this is the route for datasets and for sampling force fields of one
molecule. Most of the time is LAPACK's eigh, which numpy runs over a stack without holding the interpreter lock, so
stacks are cut into chunks for a few threads. Set OPENBLAS_NUM_THREADS=1 (or MKL's) before numpy is imported: the
library's own threads make matrices of this size up to ten times slower.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..constants import BOHR_ANGSTROM
from ..errors import HessianError, MoleculeError
from ..groups._mode_levels import to_cm1
from ..groups.elements import main_masses
from ..groups.operations import NDArrayFloat
from ._vibrational_space import are_linear, vibrations
from .intensities import depolarization_ratios, ir_intensities, raman_activities, raman_invariants
from .normal_modes import NormalModes
from .response import HarmonicResponse

__all__ = ["ModeStack", "batch_normal_modes", "many_normal_modes"]

_CHUNK = 64  # molecules of one call of eigh: the stack of QM9-size Hessians stays in a 2 MB cache
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


@dataclass(frozen=True, eq=False)
class ModeStack:
    """Normal modes of m molecules of N atoms each, by ascending wavenumber; d = 3N - 6 (linear: 3N - 5).

    Attributes
    ----------
    wavenumbers_cm1 : ndarray (m, d)
        Imaginary modes are negative.
    displacements : ndarray (m, d, N, 3)
        dx/dQ in u^-1/2.
    dipole_derivatives_normal : ndarray (m, d, 3) or None
        dmu/dQ in e u^-1/2.
    mean_polarizability_derivatives, anisotropies : ndarray (m, d) or None
        Of dalpha/dQ in A^2 u^-1/2.
    """

    wavenumbers_cm1: NDArrayFloat
    displacements: NDArrayFloat
    dipole_derivatives_normal: NDArrayFloat | None
    mean_polarizability_derivatives: NDArrayFloat | None
    anisotropies: NDArrayFloat | None

    def __post_init__(self) -> None:
        for array in vars(self).values():
            if array is not None:
                array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.wavenumbers_cm1)

    @property
    def ir_km_per_mol(self) -> NDArrayFloat | None:
        """Integrated infrared intensities (m, d)."""
        return None if self.dipole_derivatives_normal is None else ir_intensities(self.dipole_derivatives_normal)

    @property
    def raman_a4_per_amu(self) -> NDArrayFloat | None:
        """Raman activities (m, d)."""
        if self.mean_polarizability_derivatives is None or self.anisotropies is None:
            return None
        return raman_activities(self.mean_polarizability_derivatives, self.anisotropies)

    @property
    def depolarization(self) -> np.ma.MaskedArray | None:
        """Depolarization ratios (m, d), masked where the Raman activity is zero in its molecule."""
        if self.mean_polarizability_derivatives is None or self.anisotropies is None:
            return None
        return depolarization_ratios(self.mean_polarizability_derivatives, self.anisotropies)


def batch_normal_modes(
    hessians: Any,
    positions: Any,
    *,
    numbers: Any = None,
    masses: Any = None,
    dipole_derivatives: Any = None,
    polarizability_derivatives: Any = None,
    threads: int = 1,
) -> ModeStack:
    """Normal modes of a stack of m molecules with the same number of atoms, without symmetry.

    Parameters
    ----------
    hessians : array (m, 3N, 3N)
        Eh/bohr^2; the symmetric part is used.
    positions : array (m, N, 3) or (N, 3)
        Angstrom. All linear or none.
    numbers, masses : array (m, N) or (N,)
        Atomic numbers (main isotopes) or masses in u; one of them.
    dipole_derivatives : array (m, 3, 3N), optional
        In e.
    polarizability_derivatives : array (m, 3, 3, 3N), optional
        In bohr^2.
    threads : int
        Chunks of the stack are spread over so many threads.

    Raises
    ------
    HessianError
        Shapes that do not fit, NaN, linear and bent molecules in one stack. Units are not checked: see
        `response_checks.check_response`.
    MoleculeError
        Neither or both of numbers and masses; masses that are not positive.

    Examples
    --------
    >>> springs = np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0])) * np.array([1.1, 1.2])[:, None, None]
    >>> batch_normal_modes(springs, [[0.0, 0.0, 0.0], [0.0, 0.0, 1.128]], numbers=[6, 8]).wavenumbers_cm1.round(1)
    array([[2059. ],
           [2150.6]])
    """
    stack = _read_stack(hessians, positions, numbers, masses, dipole_derivatives, polarizability_derivatives)
    linear = are_linear(stack[1])
    if linear.any() and not linear.all():
        raise HessianError(
            f"batch_normal_modes: {int(linear.sum())} of {len(linear)} molecules are linear and have one vibration "
            "more; put them in a stack of their own, or use many_normal_modes."
        )

    hessians, positions, masses, dipole, polarizability = stack
    bent = not linear.any()

    def solve(part: slice) -> tuple[NDArrayFloat | None, ...]:
        tensors = (None if array is None else array[part] for array in (dipole, polarizability))
        return _solve(hessians[part], positions[part], masses[part], *tensors, linear=not bent)

    parts = [slice(k, k + _CHUNK) for k in range(0, len(hessians), _CHUNK)] or [slice(0, 0)]
    columns = zip(*_mapped(solve, parts, threads), strict=True)
    return ModeStack(*(None if column[0] is None else np.concatenate(column) for column in columns))  # type: ignore[arg-type]


def many_normal_modes(responses: Iterable[HarmonicResponse], *, threads: int = 1) -> list[NormalModes]:
    """Normal modes of each response, in order, without symmetry; sizes may differ, equal ones are solved together.

    Parameters
    ----------
    responses : iterable of HarmonicResponse
    threads : int
        See `batch_normal_modes`.

    Notes
    -----
    Neither units nor imaginary modes are looked at; ``NormalModes.imaginary`` tells of the latter.

    Examples
    --------
    >>> many_normal_modes([])
    []
    """
    responses = list(responses)
    kinds: dict[tuple[int, bool, bool, bool], list[int]] = {}
    for index, response in enumerate(responses):
        kinds.setdefault(_kind(response), []).append(index)
    found: list[NormalModes | None] = [None] * len(responses)
    for members in kinds.values():
        group = [responses[k] for k in members]
        modes = batch_normal_modes(
            np.array([r.hessian for r in group]),
            np.array([r.molecule.positions for r in group]),
            masses=np.array([r.molecule.masses for r in group]),
            dipole_derivatives=_stacked([r.dipole_derivatives for r in group]),
            polarizability_derivatives=_stacked([r.polarizability_derivatives for r in group]),
            threads=threads,
        )
        for row, index in enumerate(members):
            found[index] = _one_of(modes, row, responses[index])
    return [modes for modes in found if modes is not None]


def _kind(response: HarmonicResponse) -> tuple[int, bool, bool, bool]:
    """What responses of one stack have in common."""
    return (
        len(response.molecule),
        bool(are_linear(response.molecule.positions)),
        response.dipole_derivatives is None,
        response.polarizability_derivatives is None,
    )


def _stacked(arrays: Sequence[NDArrayFloat | None]) -> NDArrayFloat | None:
    given = [array for array in arrays if array is not None]
    return np.array(given) if given else None


def _one_of(modes: ModeStack, row: int, response: HarmonicResponse) -> NormalModes:
    def pick(array: NDArrayFloat | None) -> NDArrayFloat | None:
        return None if array is None else array[row]

    return NormalModes(
        response.molecule,
        None,
        modes.wavenumbers_cm1[row],
        None,
        np.arange(modes.wavenumbers_cm1.shape[1]),
        modes.displacements[row],
        pick(modes.dipole_derivatives_normal),
        pick(modes.mean_polarizability_derivatives),
        pick(modes.anisotropies),
        None,
        response.method,
    )


def _mapped(solve: Callable, parts: list[slice], threads: int) -> list:
    if threads < 2 or len(parts) < 2:
        return [solve(part) for part in parts]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(threads, len(parts))) as pool:
        return list(pool.map(solve, parts))


def _solve(
    hessians: NDArrayFloat,
    positions: NDArrayFloat,
    masses: NDArrayFloat,
    dipole: NDArrayFloat | None,
    polarizability: NDArrayFloat | None,
    *,
    linear: bool,
) -> tuple[NDArrayFloat | None, ...]:
    """The arrays of a ModeStack for one chunk."""
    count, n_atoms, _ = positions.shape
    eigenvalues, modes = vibrations(hessians, positions, masses, linear)
    modes /= np.sqrt(np.repeat(masses, 3, axis=-1))[:, None, :]
    along = None if dipole is None else modes @ np.swapaxes(dipole, -1, -2)
    mean = anisotropy = None
    if polarizability is not None:
        unique = np.stack([polarizability[:, i, j] for i, j in _PAIRS], axis=-1) * BOHR_ANGSTROM**2
        components = modes @ unique
        full = np.empty((*components.shape[:2], 3, 3))
        for k, (i, j) in enumerate(_PAIRS):
            full[..., i, j] = full[..., j, i] = components[..., k]
        mean, anisotropy = raman_invariants(full)
    return to_cm1(eigenvalues), modes.reshape(count, modes.shape[1], n_atoms, 3), along, mean, anisotropy


def _read_stack(
    hessians: Any, positions: Any, numbers: Any, masses: Any, dipole: Any, polarizability: Any
) -> tuple[NDArrayFloat, NDArrayFloat, NDArrayFloat, NDArrayFloat | None, NDArrayFloat | None]:
    """Checked float arrays, all with the leading axis m."""
    hessians, positions = np.asarray(hessians, dtype=float), np.asarray(positions, dtype=float)
    if hessians.ndim != 3 or positions.ndim not in (2, 3) or positions.shape[-1] != 3:
        raise HessianError(
            f"batch_normal_modes: hessians {hessians.shape} and positions {positions.shape}; (m, 3N, 3N) and (m, N, 3) "
            "are needed."
        )
    count, n_atoms = len(hessians), positions.shape[-2]
    if (numbers is None) == (masses is None):
        raise MoleculeError("batch_normal_modes: give numbers or masses (one of the two).")
    masses = main_masses()[np.asarray(numbers, dtype=int)] if masses is None else np.asarray(masses, dtype=float)
    if not (masses > 0).all():
        raise MoleculeError("batch_normal_modes: masses must be positive, in u.")
    n = 3 * n_atoms
    shapes = {
        "hessians": (hessians, (count, n, n)),
        "positions": (positions, (count, n_atoms, 3)),
        "masses": (masses, (count, n_atoms)),
        "dipole_derivatives": (dipole, (count, 3, n)),
        "polarizability_derivatives": (polarizability, (count, 3, 3, n)),
    }
    arrays = []
    for name, (given, shape) in shapes.items():
        array = None if given is None else np.asarray(given, dtype=float)
        if array is not None:
            if name in ("positions", "masses") and array.ndim == len(shape) - 1:
                array = np.broadcast_to(array, (count, *array.shape))
            if array.shape != shape:
                raise HessianError(f"batch_normal_modes: {name} has shape {array.shape}; {shape} is needed.")
            if not np.isfinite(array).all():
                raise HessianError(f"batch_normal_modes: {name} holds NaN or infinity.")
        arrays.append(array)
    return tuple(arrays)  # type: ignore[return-value]
