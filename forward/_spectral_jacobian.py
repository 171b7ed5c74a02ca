"""The result of `spectral_jacobian`: observables of clusters of modes and their derivatives."""

from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ForceFieldError, SpectrumError
from ._symmetric_form import NumericalRank, numerical_rank
from .force_constants import SQRT_MDYN_PER_ANGSTROM_U_IN_CM1

__all__ = ["SQRT_MDYN_PER_ANGSTROM_U_IN_CM1", "ModeCluster", "Observable", "SpectralJacobian"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ModeCluster:
    """A set of modes whose eigenvalues agree within the cluster tolerance (most often: one mode).

    Attributes
    ----------
    block : str
        Symmetry block; "" when unfactored.
    modes : tuple of int
        Positions in ascending order of the eigenvalues of the block.
    degeneracy : int
        Partners of the block that are not listed (the dimension of its irrep).
    eigenvalue : float
        Mean over the modes.
    spread : float
        Highest minus lowest eigenvalue.
    """

    block: str
    modes: tuple[int, ...]
    degeneracy: int
    eigenvalue: float
    spread: float

    @property
    def label(self) -> str:
        """For instance "A1 3" or "E1u 1+2"; modes counted from 1."""
        return f"{self.block} {'+'.join(str(m + 1) for m in self.modes)}".strip()


@dataclass(frozen=True)
class Observable:
    """What a row of a Jacobian is about.

    Attributes
    ----------
    kind : str
        "lambda", "wavenumber", or the name of an intensity.
    cluster : int
        Position in ``SpectralJacobian.clusters``.
    power : int
        Centred moment of the cluster: "lambda" with power 1 is the mean eigenvalue, with m > 1 the sum of
        (lambda_k - c)^m; an intensity with power m is the sum of I_k (lambda_k - c)^m. c is the mean, held constant.
    """

    kind: str
    cluster: int
    power: int


@dataclass(frozen=True, eq=False, repr=False)
class SpectralJacobian:
    """Eigenvalues and intensities of clusters of modes, and their derivatives for the parameters of a force field.

    Attributes
    ----------
    jacobian : ndarray (n_obs, n_par)
        d observable / d parameter. Rows: eigenvalues of all clusters first, then each intensity.
    values : ndarray (n_obs,)
        The observables.
    observables : tuple of Observable
        Per row.
    clusters : tuple of ModeCluster
    parameters : tuple of str
        Per column.
    """

    jacobian: Array
    values: Array
    observables: tuple[Observable, ...]
    clusters: tuple[ModeCluster, ...]
    parameters: tuple[str, ...]

    def __post_init__(self) -> None:
        for array in (self.jacobian, self.values):
            array.setflags(write=False)

    def __repr__(self) -> str:
        rows, columns = self.jacobian.shape
        return f"SpectralJacobian({rows} observables, {columns} parameters, rank {self.rank.rank})"

    @property
    def labels(self) -> tuple[str, ...]:
        """One name a row, such as "lambda A1 1" or "ir E 2+3 (power 1)"."""
        return tuple(
            f"{o.kind} {self.clusters[o.cluster].label}" + (f" (power {o.power})" if self._is_moment(o) else "")
            for o in self.observables
        )

    @staticmethod
    def _is_moment(observable: Observable) -> bool:
        return observable.power > (1 if observable.kind in ("lambda", "wavenumber") else 0)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of observables, in the order of the rows, each once."""
        return tuple(dict.fromkeys(o.kind for o in self.observables))

    def rows(self, kind: str) -> NDArray[np.intp]:
        """Positions of the rows of ``kind``."""
        return np.array([i for i, o in enumerate(self.observables) if o.kind == kind], dtype=np.intp)

    def scaled(self, parameter_scales: ArrayLike | None = None) -> Array:
        """The Jacobian with each kind of row divided by its largest row norm, (n_obs, n_par).

        Kinds have different units; within a kind nothing is magnified, so that a row which is zero up to rounding
        (a forbidden line) stays so. ``parameter_scales`` (n_par,), in the units of the parameters, multiply the columns
        first.
        """
        scales = (
            np.ones(len(self.parameters)) if parameter_scales is None else np.asarray(parameter_scales, dtype=float)
        )
        if scales.shape != (len(self.parameters),):
            raise ForceFieldError(f"parameter_scales has shape {scales.shape}; {len(self.parameters)} are needed.")
        matrix = self.jacobian * scales
        for kind in self.kinds:
            rows = self.rows(kind)
            norm = np.linalg.norm(matrix[rows], axis=1).max(initial=0.0)
            matrix[rows] /= norm if norm > 0 else 1.0
        return matrix

    def logarithmic(self, parameter_values: ArrayLike | None = None) -> Array:
        """Relative derivatives d ln(observable)/dx, (n_obs, n_par); with ``parameter_values`` x: /d ln x.

        Raises
        ------
        SpectrumError
            An observable is not positive (an imaginary mode, a forbidden intensity): it has no logarithm. Take the
            rows that have one, or `scaled`.
        """
        bad = np.flatnonzero(self.values <= 0)
        if bad.size:
            raise SpectrumError(
                f"logarithmic: {bad.size} observables are not positive, the first is {self.labels[bad[0]]!r} = "
                f"{self.values[bad[0]]:.3g}; select() the others, or use scaled()."
            )
        x = 1.0 if parameter_values is None else np.asarray(parameter_values, dtype=np.float64)
        return np.divide(self.jacobian * x, self.values[:, None])

    def select(self, rows: ArrayLike) -> "SpectralJacobian":
        """The same with the chosen rows only (positions, or a mask)."""
        chosen = np.arange(len(self.observables))[np.asarray(rows)]
        observables = tuple(self.observables[i] for i in chosen)
        return replace(self, jacobian=self.jacobian[chosen], values=self.values[chosen], observables=observables)

    def in_wavenumbers(self, cm1_per_sqrt_lambda: float = SQRT_MDYN_PER_ANGSTROM_U_IN_CM1) -> "SpectralJacobian":
        """The same with mean eigenvalues replaced by wavenumbers in 1/cm (kind "wavenumber"); negative = imaginary.

        The default factor is for lambda in mdyn/(angstrom u). Of a cluster: the wavenumber of its mean eigenvalue.

        Raises
        ------
        SpectrumError
            An eigenvalue is zero: the square root has no derivative there.
        """
        jacobian, values, observables = self.jacobian.copy(), self.values.copy(), list(self.observables)
        rows = [i for i, o in enumerate(observables) if o.kind == "lambda" and o.power == 1]
        roots = np.sqrt(np.abs(values[rows]))
        if (roots == 0).any():
            raise SpectrumError("in_wavenumbers: an eigenvalue is exactly zero: sqrt has no derivative; use lambda.")
        jacobian[rows] *= (cm1_per_sqrt_lambda / (2 * roots))[:, None]
        values[rows] = np.sign(values[rows]) * cm1_per_sqrt_lambda * roots
        for i in rows:
            observables[i] = replace(observables[i], kind="wavenumber")
        return replace(self, jacobian=jacobian, values=values, observables=tuple(observables))

    @cached_property
    def singular_values(self) -> Array:
        """Singular values of `scaled`, descending."""
        values = np.asarray(np.linalg.svd(self.scaled(), compute_uv=False), dtype=np.float64)
        values.setflags(write=False)
        return values

    @property
    def rank(self) -> NumericalRank:
        """Numerical rank of `scaled` with its threshold and gap."""
        return numerical_rank(self.singular_values)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "jacobian": self.jacobian.tolist(),
            "values": self.values.tolist(),
            "observables": list(self.labels),
            "parameters": list(self.parameters),
            "singular_values": self.singular_values.tolist(),
            "rank": self.rank.as_dict(),
        }

    def _repr_html_(self) -> str:
        rank = self.rank
        rows = "".join(
            f"<tr><td>{escape(label)}</td><td>{value:.6g}</td><td>{norm:.3g}</td></tr>"
            for label, value, norm in zip(self.labels, self.values, np.linalg.norm(self.jacobian, axis=1), strict=True)
        )
        return (
            f"<p>{len(self.values)} observables, {len(self.parameters)} parameters, numerical rank {rank.rank} "
            f"(gap {rank.gap:.1e})</p><table><tr><th>observable</th><th>value</th><th>|gradient|</th></tr>"
            f"{rows}</table>"
        )

    def plot(self, ax: Any = None) -> Any:
        """Axes with the singular values and the threshold of the rank."""
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1] if ax is None else ax
        shown = np.maximum(self.singular_values, np.finfo(float).tiny)
        ax.semilogy(np.arange(1, len(shown) + 1), shown, "o-", markersize=3)
        ax.axhline(self.rank.threshold, color="0.5", linestyle="--", linewidth=1)
        ax.set_xlabel("index")
        ax.set_ylabel("singular value (scaled)")
        ax.set_title(f"rank {self.rank.rank} of {len(self.parameters)} parameters")
        return ax
