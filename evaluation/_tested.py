"""What every tested prediction has: the registration that was applied, the verdict, and the estimates to look at."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .predictions import Decision, Estimate, RegisteredPrediction

__all__ = ["TestedPrediction"]


@dataclass(frozen=True, eq=False)
class TestedPrediction:
    """A registered prediction and what was found.

    Attributes
    ----------
    prediction : RegisteredPrediction
    decision : Decision
    effect : Estimate
        The registered statistic.
    registration : str
        Hash of the registration that was applied.
    """

    __test__ = False  # not a class of tests

    prediction: RegisteredPrediction
    decision: Decision
    effect: Estimate
    registration: str

    @property
    def verdict(self) -> str:
        """One of "supported", "refuted" and "undecided"."""
        return self.decision.verdict

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "key": self.prediction.key,
            "title": self.prediction.title,
            "verdict": self.verdict,
            "reason": self.decision.reason,
            "effect": self.effect.as_dict(),
            "smallest_effect": self.prediction.smallest_effect,
            "registration_sha256": self.registration,
        }

    def __str__(self) -> str:
        return f"{self.prediction.key}, {self.prediction.title}: {self.decision}"

    def _beside(self) -> Sequence[Estimate]:
        """Estimates that stand beside the effect."""
        return ()

    def _lines(self) -> list[tuple[str, str]]:
        """Names and texts of the table that a notebook shows."""
        shown = [("verdict", str(self.decision)), ("effect", str(self.effect))]
        return shown + [("beside", str(part)) for part in self._beside()]

    def _repr_html_(self) -> str:
        body = "".join(f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in self._lines())
        title = html.escape(f"{self.prediction.key}: {self.prediction.title}")
        return f"<table><caption>{title}</caption>{body}</table>"

    def plot(self, ax: Any = None) -> Any:
        """Axes with the effect (filled) and what stands beside it (open), no effect and the smallest of interest."""
        from matplotlib.figure import Figure

        shown = [part for part in (self.effect, *self._beside()) if part.unit == self.effect.unit]
        ax = ax or Figure(figsize=(7, 1.2 + 0.4 * len(shown)), layout="constrained").add_subplot()
        for y, part in enumerate(shown):
            ax.plot([part.low, part.high], [y, y], color="C0", linewidth=1.5)
            ax.plot(part.value, y, "o", color="C0", markerfacecolor="C0" if y == 0 else "white")
        ax.axvline(0.0, color="0.3", linewidth=0.8)
        ax.axvline(self.prediction.smallest_effect, color="0.3", linewidth=0.8, linestyle="--")
        ax.set_yticks(range(len(shown)), [f"{part.name} (n = {part.n})" for part in shown])
        ax.invert_yaxis()
        ax.set_xlabel(f"{self.effect.unit}; dashed: smallest effect of interest")
        ax.set_title(f"{self.prediction.key}: {self.verdict}", loc="left")
        return ax
