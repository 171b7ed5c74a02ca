"""What a D-LinOSS layer does to a sequence: poles, transfer functions and impulse responses, learned against initial."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError
from ._oscillators import Oscillators
from .dlinoss import DLinOSS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DLinOSSResponse", "dlinoss_response"]

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Picture = Literal["poles", "transfer", "impulse"]

_LEARNED, _INITIAL = "#2f6690", "#999999"
_PARTS = ("forward", "backward")


@dataclass(frozen=True, eq=False)
class DLinOSSResponse:
    """Poles of a layer and its maps before and behind them, in float64 and read-only.

    The oscillators are those with the gain of their drive: white noise of variance 1 gives x of variance 1. Those of
    the backward direction run from the end of the sequence: their functions are given in their own time, and in the
    transfer matrix of the layer H is conjugated.

    Attributes
    ----------
    radius, angle
        (directions, n) poles radius exp(+-i angle); angle in rad per position.
    initial_radius, initial_angle
        (directions, n) the same before training.
    input_matrix
        (directions, n, width) B; the gain of the drive belongs to the functions here.
    output_matrix
        (directions, width, n) C.
    feedthrough
        (width,) D.
    """

    radius: Floats
    angle: Floats
    initial_radius: Floats
    initial_angle: Floats
    input_matrix: Floats
    output_matrix: Floats
    feedthrough: Floats

    def __post_init__(self) -> None:
        for value in vars(self).values():
            value.setflags(write=False)

    def __repr__(self) -> str:
        directions, n = self.radius.shape
        low, high = self.memory.min(), self.memory.max()
        return (
            f"DLinOSSResponse: {directions} x {n} oscillators, memory {low:.3g} to {high:.3g} positions, poles moved by "
            f"{self.displacement.mean():.2g} on average"
        )

    def _repr_html_(self) -> str:
        from html import escape

        from ..groups.report_figures import figure_data_uri

        picture = figure_data_uri(self.plot(), "poles")
        return f'<p>{escape(repr(self))}</p><img alt="{escape(repr(self))}" src="{picture}">'

    @property
    def memory(self) -> Floats:
        """Positions after which a free oscillation has fallen to 1/e, -1/ln r, (directions, n)."""
        return -1 / np.log(self.radius)

    @property
    def displacement(self) -> Floats:
        """Distance between learned and initial pole in the complex plane, (directions, n)."""
        learned, initial = _poles(self.radius, self.angle), _poles(self.initial_radius, self.initial_angle)
        return np.abs(learned - initial)

    def transfer_function(self, frequencies: ArrayLike, *, initial: bool = False) -> Complexes:
        """H(exp(i w)) of each oscillator from its drive to x, (directions, n, frequencies).

        g / (1 - 2 r cos(theta) / z + r^2 / z^2) with z = exp(i w) and g such that the mean of abs(H)^2 over a turn
        is 1 (dt drops out).

        Parameters
        ----------
        frequencies
            (f,) w in rad per position; pi is the highest.
        initial
            True: of the poles before training.

        Examples
        --------
        >>> response = dlinoss_response(DLinOSS(4, 8))
        >>> turn = np.linspace(0, 2 * np.pi, 4096, endpoint=False)
        >>> np.abs((np.abs(response.transfer_function(turn)) ** 2).mean(-1) - 1).max() < 0.1
        np.True_
        """
        radius, angle = (part[..., None] for part in self._chosen(initial))
        back = np.exp(-1j * _finite(frequencies))
        # By factors: near a pole the sum 1 - 2 r cos(theta)/z + r^2/z^2 would lose its digits.
        pole = _poles(radius, angle)
        return _amplitude(radius, angle) / ((1 - pole * back) * (1 - pole.conj() * back))

    def impulse_response(self, length: int, *, initial: bool = False) -> Floats:
        """X at 0, 1, ..., length - 1 positions after a unit drive at rest, (directions, n, length).

        Raises
        ------
        ModelError
            ``length`` below 1.
        """
        if length < 1:
            raise ModelError(f"impulse_response(length={length}): must be at least 1.")
        radius, angle = self._chosen(initial)
        bank = Oscillators(*(torch.from_numpy(np.log(q / (1 - q))) for q in (radius, angle / np.pi)), 1.0)
        return (bank.kernel(length) * torch.rsqrt(bank.energy())[..., None]).numpy()

    def transfer_matrix(self, frequencies: ArrayLike) -> Complexes:
        """From input to output of the whole layer on an endless sequence, (frequencies, width out, width in)."""
        functions = self.transfer_function(frequencies)
        functions[1:] = functions[1:].conj()
        through = np.einsum("dwn,dnf,dnv->fwv", self.output_matrix, functions, self.input_matrix, optimize=True)
        return through + np.diag(self.feedthrough)

    def as_dict(self) -> dict[str, Any]:
        """Poles, memories and displacements as plain values."""
        names = ("radius", "angle", "initial_radius", "initial_angle", "memory", "displacement")
        return {name: getattr(self, name).tolist() for name in names}

    def plot(self, ax: "Axes | None" = None, *, picture: Picture = "poles", n_curves: int = 8) -> "Axes":
        """Axes with learned against initial.

        Parameters
        ----------
        ax
            None: axes of a new figure.
        picture
            "poles": upper half of the complex plane, one stroke from each initial pole to the learned one; "transfer":
            abs(H) over the frequency; "impulse": impulse responses of the initial (grey) and learned oscillators.
        n_curves
            Of "transfer" and "impulse": so many oscillators, evenly taken by angle.

        Raises
        ------
        ModelError
            Another picture, no curve asked for.
        """
        if picture not in ("poles", "transfer", "impulse") or n_curves < 1:
            raise ModelError(f"plot(picture={picture!r}, n_curves={n_curves}): poles, transfer or impulse; >= 1 curve.")
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(7, 4.2), layout="constrained").add_subplot()
        if picture == "poles":
            self._plot_poles(ax)
        else:
            self._plot_curves(ax, picture, n_curves)
        return ax

    def _plot_poles(self, ax: "Axes") -> None:
        learned = _poles(self.radius, self.angle)
        initial = _poles(self.initial_radius, self.initial_angle)
        circle = np.exp(1j * np.linspace(0, np.pi, 200))
        ax.plot(circle.real, circle.imag, color="#333333", linewidth=0.8)
        strokes = np.stack([initial.ravel(), learned.ravel()])
        ax.plot(strokes.real, strokes.imag, color=_INITIAL, linewidth=0.6)
        ax.plot(initial.real.ravel(), initial.imag.ravel(), "o", mfc="none", color=_INITIAL, ms=4, label="initial")
        for part, poles, marker in zip(_PARTS, learned, "o^", strict=False):
            ax.plot(poles.real, poles.imag, marker, color=_LEARNED, ms=3, label=f"learned, {part}")
        ax.set(xlabel="Re $r e^{i\\theta}$", ylabel="Im $r e^{i\\theta}$", aspect="equal", title="poles")
        ax.legend(frameon=False, fontsize=8)

    def _plot_curves(self, ax: "Axes", picture: Picture, n_curves: int) -> None:
        order = np.argsort(self.angle.ravel())
        taken = order[np.linspace(0, len(order) - 1, min(n_curves, len(order))).round().astype(int)]
        length = int(np.clip(3 * self.memory.ravel()[taken].max(), 16, 1024))
        axis = np.linspace(0, np.pi, 1024) if picture == "transfer" else np.arange(length)
        for initial, colour, style in ((True, _INITIAL, "--"), (False, _LEARNED, "-")):
            curves = (
                np.abs(self.transfer_function(axis, initial=initial))
                if picture == "transfer"
                else self.impulse_response(length, initial=initial)
            )
            drawn = ax.plot(axis, curves.reshape(len(order), -1)[taken].T, style, color=colour, linewidth=0.9)
            drawn[0].set_label("initial" if initial else "learned")
        if picture == "transfer":
            ax.set(xlabel="frequency / rad per position", ylabel="|H|", yscale="log", title="transfer functions")
        else:
            ax.set(xlabel="positions after the impulse", ylabel="x", title="impulse responses")
        ax.legend(frameon=False, fontsize=8)

    def _chosen(self, initial: bool) -> tuple[Floats, Floats]:
        return (self.initial_radius, self.initial_angle) if initial else (self.radius, self.angle)


def dlinoss_response(layer: DLinOSS) -> DLinOSSResponse:
    """Poles, transfer functions and impulse responses of a layer as it is now; later training does not change them.

    Examples
    --------
    >>> dlinoss_response(DLinOSS(4, 8, bidirectional=False))
    DLinOSSResponse: 1 x 8 oscillators, memory 11.4 to 789 positions, poles moved by 0 on average
    """
    with torch.no_grad():
        shape = (layer.n_directions, layer.n_oscillators)
        learned = Oscillators(layer.raw_radius.double(), layer.raw_angle.double(), layer.step_size)
        initial = Oscillators(*layer.initial_poles.double(), layer.step_size)
        poles = [_array(q.view(shape)) for bank in (learned, initial) for q in (bank.radius, bank.angle)]
        return DLinOSSResponse(
            *poles,
            _array(layer.B.double().view(*shape, layer.width)),
            _array(layer.C.double().view(layer.width, *shape).transpose(0, 1)),
            _array(layer.D.double()),
        )


def _poles(radius: Floats, angle: Floats) -> Complexes:
    return radius * np.exp(1j * angle)


def _amplitude(radius: Floats, angle: Floats) -> Floats:
    """First value of an impulse response whose squares add up to 1."""
    square = radius**2
    loss = (1 - radius) * (1 + radius)
    return np.sqrt(loss * (loss**2 + 4 * square * np.sin(angle) ** 2) / (1 + square))


def _finite(frequencies: ArrayLike) -> Floats:
    values = np.asarray(frequencies, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ModelError("frequencies: must be a list of finite numbers in rad per position.")
    return values


def _array(values: torch.Tensor) -> Floats:
    return values.detach().cpu().numpy().copy()
