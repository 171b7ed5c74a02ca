"""Noise of the data, and what it leaves of the force constants (Cramer-Rao)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import IdentifiabilityError
from ..forward.jacobian import SpectralJacobian
from ..groups.operations import NDArrayFloat, NDArrayInt

__all__ = ["Noise", "NoiseReport", "noise_report"]

_DETERMINED = 1e-6  # part of a constant that lies outside what the data see, relative: rounding


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the data.

    Attributes
    ----------
    wavenumber_cm1 : float
        Of a line position.
    intensity_relative : float
        Of an intensity, as a fraction of it.
    intensity_floor : float
        Smallest standard deviation of an intensity, as a fraction of the strongest line of its spectrum.
    rho : float
        Of a depolarization ratio.

    Raises
    ------
    IdentifiabilityError
        Not positive.
    """

    wavenumber_cm1: float = 0.5
    intensity_relative: float = 0.05
    intensity_floor: float = 0.001
    rho: float = 0.02

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (np.isfinite(value) and value > 0):
                raise IdentifiabilityError(f"Noise({name}={value}): a positive number is needed.")


@dataclass(frozen=True, eq=False)
class NoiseReport:
    """What the data with this noise say of each constant.

    Attributes
    ----------
    noise : Noise
    labels : tuple of str
    standard_errors : ndarray
        Cramer-Rao bounds for an unbiased estimate, in units of sqrt(F_aa F_bb); inf where the data
        do not determine the constant.
    effective_rank : int
        Combinations of constants known better than to their own size (singular values above 1).
    """

    noise: Noise
    labels: tuple[str, ...]
    standard_errors: NDArrayFloat
    effective_rank: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; None for a constant that is not determined."""
        errors = [float(e) if np.isfinite(e) else None for e in self.standard_errors]
        return {
            "noise": dict(vars(self.noise)),
            "standard_errors": dict(zip(self.labels, errors, strict=True)),
            "effective_rank": self.effective_rank,
        }


def noise_report(
    noise: Noise, labels: tuple[str, ...], parts: Sequence[tuple[SpectralJacobian, NDArrayFloat, NDArrayInt]]
) -> NoiseReport:
    """Standard errors from Jacobians with the scales of their columns and the places of these among all constants.

    ``parts``: (jacobian, scales (m,), places (m,)).
    """
    errors = np.full(len(labels), np.inf)
    effective = 0
    for jacobian, scales, places in parts:
        weighted = _weighted(jacobian, noise) * scales
        _, values, right = np.linalg.svd(weighted, full_matrices=False)
        kept = values > 1e-9 * values.max(initial=0.0)
        effective += int((values > 1).sum())
        seen = (right[kept] ** 2).sum(axis=0)
        variance = ((right[kept] / values[kept, None]) ** 2).sum(axis=0)
        errors[places] = np.where(1 - seen < _DETERMINED, np.sqrt(variance), np.inf)
    errors.setflags(write=False)
    return NoiseReport(noise, labels, errors, effective)


def _weighted(jacobian: SpectralJacobian, noise: Noise) -> NDArrayFloat:
    """Rows in units of their standard deviation; isotropic and anisotropic parts become activity and rho."""
    found = jacobian.select([o.power <= (1 if o.kind == "lambda" else 0) for o in jacobian.observables])
    found = found.in_wavenumbers()
    rows = [found.jacobian[found.rows("wavenumber")] / noise.wavenumber_cm1]
    for kind in ("ir", "raman"):
        places = found.rows(kind)
        rows.append(_intensity(found.jacobian[places], found.values[places], noise))
    isotropic, anisotropic = (_by_cluster(found, f"raman_{part}") for part in ("isotropic", "anisotropic"))
    shared = sorted(isotropic.keys() | anisotropic.keys())
    if shared:
        zero = (0.0, np.zeros(found.jacobian.shape[1]))
        iso = [isotropic.get(c, zero) for c in shared]
        aniso = [anisotropic.get(c, zero) for c in shared]
        a, b = (np.array([value for value, _ in part]) for part in (iso, aniso))
        da, db = (np.array([row for _, row in part]) for part in (iso, aniso))
        rows.append(_intensity(45 * da + 7 * db, 45 * a + 7 * b, noise))
        both = (a > 0) & (b > 0)
        bottom = (45 * a + 4 * b)[both, None]
        slope = 135 * (a[both, None] * db[both] - b[both, None] * da[both]) / bottom**2
        rows.append(slope / noise.rho)
    return np.concatenate(rows)


def _intensity(rows: NDArrayFloat, values: NDArrayFloat, noise: Noise) -> NDArrayFloat:
    if not len(values):
        return rows
    floor = noise.intensity_floor * float(values.max())
    return rows / np.maximum(noise.intensity_relative * values, max(floor, 1e-300))[:, None]


def _by_cluster(jacobian: SpectralJacobian, kind: str) -> dict[int, tuple[float, NDArrayFloat]]:
    return {
        jacobian.observables[i].cluster: (float(jacobian.values[i]), jacobian.jacobian[i]) for i in jacobian.rows(kind)
    }
