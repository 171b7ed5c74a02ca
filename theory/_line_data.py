"""What a technique measures of the lines, as rows of a Jacobian in units of the measurement's error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..forward.force_constants import SQRT_MDYN_PER_ANGSTROM_U_IN_CM1
from ..forward.jacobian import SpectralJacobian
from ..groups.operations import NDArrayFloat, NDArrayInt

__all__ = ["OBSERVABLE_SETS", "LineData", "ObservableSet", "line_data"]

WAVENUMBER_ERROR_CM1 = 0.5
INTENSITY_ERROR = 0.05  # of the intensity
INTENSITY_FLOOR = 1e-3  # of the strongest line: what is weaker drowns
DEPOLARIZATION_ERROR = 0.02
_LOWEST_CM1 = 10.0  # errors in lambda are those of a mode at least this high


@dataclass(frozen=True)
class ObservableSet:
    """What is measured.

    Attributes
    ----------
    name : str
    kinds : tuple of str
        Of `LineData`, beside the positions.
    intensities : tuple of tuples
        The intensity factors that each measured intensity adds up: for the counting rule.
    """

    name: str
    kinds: tuple[str, ...]
    intensities: tuple[tuple[str, ...], ...]


_SCATTERED = ("raman_isotropic", "raman_anisotropic")
OBSERVABLE_SETS = (
    ObservableSet("IR", ("ir",), (("ir",),)),
    ObservableSet("Raman", ("raman",), (_SCATTERED,)),
    ObservableSet("IR+Raman", ("ir", "raman"), (("ir",), _SCATTERED)),
    ObservableSet("IR+Raman+rho", ("ir", "raman", "rho"), (("ir",), _SCATTERED[:1], _SCATTERED[1:])),
)
"""Positions and intensities of the infrared lines; of the Raman lines; of both; and depolarization ratios, too.

A position is known where the technique shows the line. The Raman activity 45 a'^2 + 7 gamma'^2 is one intensity; with
rho = 3 gamma'^2/(45 a'^2 + 4 gamma'^2) both invariants are known. rho of a line that is not totally symmetric is 3/4
whatever the force field, and no datum.
"""


@dataclass(frozen=True, eq=False)
class LineData:
    """Derivatives of all that is measured of the lines, (n_obs, n_par), and what each row is.

    Attributes
    ----------
    jacobian : ndarray (n_obs, n_par)
    errors : ndarray (n_obs,)
        Standard error of each observable: 0.5 1/cm; 5 % of an intensity and 0.1 % of the strongest line; 0.02 in rho,
        more for lines that hardly show.
    kinds : ndarray (n_obs,) of str
        "position", "ir", "raman" or "rho".
    levels : ndarray (n_obs,)
        Level that the row is about.
    seen_by : dict of str to ndarray (n_levels,) of bool
        Which levels "ir" and "raman" show.
    """

    jacobian: NDArrayFloat
    errors: NDArrayFloat
    kinds: NDArray[np.str_]
    levels: NDArrayInt
    seen_by: dict[str, NDArray[np.bool_]]

    def rows(self, observed: ObservableSet) -> NDArrayInt:
        """Rows of a set: positions of the lines that one of its techniques shows, and its other kinds."""
        seen = np.logical_or.reduce([self.seen_by[kind] for kind in observed.kinds if kind in self.seen_by])
        return np.flatnonzero(np.isin(self.kinds, observed.kinds) | ((self.kinds == "position") & seen[self.levels]))


def line_data(jacobian: SpectralJacobian) -> LineData:
    """The rows of a Jacobian as what is measured, with errors.

    Raises
    ------
    IdentifiabilityError
        Two levels of one species coincide, so their lines are not separate.
    """
    if any(len(cluster.modes) > 1 for cluster in jacobian.clusters):
        raise IdentifiabilityError("two levels of one species coincide: their lines are not separate.")
    levels, ir, iso, aniso = (_of_kind(jacobian, kind) for kind in ("lambda", "ir", *_SCATTERED))
    raman = _Kind(
        45 * iso.values + 7 * aniso.values, 45 * iso.jacobian + 7 * aniso.jacobian, iso.present | aniso.present
    )
    parts = {
        "position": (levels.jacobian, _position_errors(levels), levels.present),
        "ir": (ir.jacobian, _intensity_errors(ir), ir.present),
        "raman": (raman.jacobian, _intensity_errors(raman), raman.present),
        "rho": _rho(iso, aniso, raman),
    }
    return LineData(
        np.vstack([rows[present] for rows, _, present in parts.values()]),
        np.concatenate([errors[present] for _, errors, present in parts.values()]),
        np.concatenate([np.repeat(kind, present.sum()) for kind, (_, _, present) in parts.items()]),
        np.concatenate([np.flatnonzero(present) for _, _, present in parts.values()]),
        {"ir": ir.present, "raman": raman.present},
    )


@dataclass(frozen=True, eq=False)
class _Kind:
    """One kind of observable by level: values (n_levels,), derivatives (n_levels, n_par), which levels have it."""

    values: NDArrayFloat
    jacobian: NDArrayFloat
    present: NDArray[np.bool_]


def _of_kind(jacobian: SpectralJacobian, kind: str) -> _Kind:
    rows = jacobian.rows(kind)
    count = len(jacobian.clusters)
    found = _Kind(np.zeros(count), np.zeros((count, jacobian.jacobian.shape[1])), np.zeros(count, dtype=bool))
    places = [jacobian.observables[row].cluster for row in rows]
    found.values[places] = jacobian.values[rows]
    found.jacobian[places] = jacobian.jacobian[rows]
    found.present[places] = True
    return found


def _position_errors(levels: _Kind) -> NDArrayFloat:
    """Standard errors of lambda (mdyn/(A u)) from those of wavenumbers."""
    wavenumbers = np.maximum(np.sqrt(np.abs(levels.values)) * SQRT_MDYN_PER_ANGSTROM_U_IN_CM1, _LOWEST_CM1)
    return 2 * wavenumbers * WAVENUMBER_ERROR_CM1 / SQRT_MDYN_PER_ANGSTROM_U_IN_CM1**2


def _intensity_errors(kind: _Kind) -> NDArrayFloat:
    return INTENSITY_ERROR * kind.values + INTENSITY_FLOOR * kind.values.max(initial=0.0)


def _rho(iso: _Kind, aniso: _Kind, raman: _Kind) -> tuple[NDArrayFloat, NDArrayFloat, NDArray[np.bool_]]:
    """Depolarization ratio rho = 3 gamma'^2/(45 a'^2 + 4 gamma'^2): derivatives, errors, and where it is a datum."""
    present = iso.present & aniso.present
    a, gamma = (np.where(present, kind.values, 1.0)[:, None] for kind in (iso, aniso))
    slopes = 135 * (a * aniso.jacobian - gamma * iso.jacobian) / (45 * a + 4 * gamma) ** 2
    shown = np.where(present, raman.values, 1.0)
    errors = DEPOLARIZATION_ERROR * (1 + INTENSITY_FLOOR * raman.values.max(initial=0.0) / shown)
    return slopes, errors, present
