"""The report of a transfer benchmark: text, one offline HTML page, JSON and CSV."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EvaluationError
from ..groups.atomic_write import written
from ._instrument_set import InstrumentSet
from ._prediction_rows import csv_text
from ._transfer_spec import CLASSICAL, TransferSpec
from ._transfer_splits import BUDGETS, TransferSplit, random_splits
from ._transfer_summary import BY_OTHER_SPLITS, BY_TRANSFER, ON_TEST, Mean, MethodSummary, summaries
from ._transfer_table import ScoreTable
from .transfer_benchmark import split_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CHOICES", "TABLE_TITLES", "TransferReport", "transfer_report"]

CHOICES = (BY_TRANSFER, BY_OTHER_SPLITS, ON_TEST)
TABLE_TITLES = {
    "none": "No transfer samples",
    "paired": "Paired transfer samples (measured on both instruments)",
    "unpaired": "Unpaired target spectra, no reference values",
    "labelled": "Target spectra with reference values",
    "ceiling": "Ceiling: all training samples measured on the target, with reference values",
}


@dataclass(frozen=True, eq=False, repr=False)
class TransferReport:
    """What a transfer benchmark found.

    Attributes
    ----------
    scores : ScoreTable
        Of every split.
    summaries : tuple of MethodSummary
        Over splits.
    sets : tuple of dict
        What `InstrumentSet.as_dict` says of the sets.
    methods : tuple of TransferSpec
    """

    scores: ScoreTable
    summaries: tuple[MethodSummary, ...]
    sets: tuple[dict[str, Any], ...]
    methods: tuple[TransferSpec, ...]

    def __repr__(self) -> str:
        return f"TransferReport({', '.join(one['name'] for one in self.sets)}: {len(self.scores)} scores)"

    @property
    def directions(self) -> list[tuple[str, str, str, str]]:
        """(data, property, source, target), in order."""
        return list(dict.fromkeys((s.data, s.property, s.source, s.target) for s in self.summaries))

    def of(
        self, direction: tuple[str, str, str, str], table: str | None = None, k: int | None = None
    ) -> list[MethodSummary]:
        """Summaries of one direction; of one table and budget, if given."""
        return [
            s
            for s in self.summaries
            if (s.data, s.property, s.source, s.target) == direction
            and (table is None or s.table == table)
            and (k is None or s.k == k)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        from .. import __version__

        return {
            "symvib_version": __version__,
            "sets": list(self.sets),
            "methods": [{"name": m.name, "needs": m.needs, "paper": m.paper} for m in self.methods],
            "interval": "Student's t, variance corrected for overlapping splits (Nadeau, Bengio 2003), 95 %",
            "summaries": [s.as_dict() for s in self.summaries],
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON text; written to ``path`` if given."""
        return written(json.dumps(self.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n", path)

    def to_csv(self, path: str | Path | None = None) -> str:
        """One row for each score of each split; written to ``path`` if given."""
        names = list(self.scores.columns)
        columns = [self.scores[name].tolist() for name in names]
        rows = ([None if cell != cell else cell for cell in row] for row in zip(*columns, strict=True))
        return written(csv_text(names, rows), path)

    def to_text(self) -> str:
        """For each direction: the ceiling, no correction, and what is best in each table and budget."""
        lines = []
        for direction in self.directions:
            data, name, source, target = direction
            (top,) = self.of(direction, "ceiling")
            lines += ["", f"{data}, {name}, {source} -> {target}: ceiling R2 {mean_text(top.r2)}"]
            for none in self.of(direction, "none"):
                lines.append(f"  {none.method}: R2 {mean_text(none.r2)}")
            for table in ("paired", "unpaired", "labelled"):
                for k in dict.fromkeys(s.k for s in self.of(direction, table)):
                    lines += self._lines(self.of(direction, table, k), table, k)
        lines += ["", "R2 on test samples, mean over splits (95 % interval). The best method is named with how it was"]
        lines += ["chosen; choosing on the test samples is optimistic."]
        return "\n".join(lines[1:])

    @staticmethod
    def _lines(found: Sequence[MethodSummary], table: str, k: int) -> list[str]:
        chosen = [s for s in found if s.method in CHOICES] or [s for s in found if s.r2 is not None]
        lines = [
            f"  {table}, k = {k}, {s.method}{f' ({s.which})' * bool(s.which)}: R2 {mean_text(s.r2)}{share_text(s)}"
            for s in chosen
        ]
        refused = [s for s in found if s.refused and s.calibration != "transfer"]
        return lines + [f"  {table}, k = {k}, {s.method}: refused, {s.refused}" for s in refused]

    def to_html(self, path: str | Path | None = None) -> str:
        """One self-contained page: no network, no scripts; written to ``path`` if given."""
        from ._transfer_html import transfer_html

        return written(transfer_html(self), path)

    def _repr_html_(self) -> str:
        from ._transfer_html import overview_html

        return overview_html(self)

    def plot(self, ax: "Axes | None" = None, *, table: str = "paired") -> "Axes":
        """Axes with the share of the ceiling's R2 by direction for every budget, methods chosen by other splits."""
        from ._transfer_html import plot_shares

        return plot_shares(self, ax, table)


def transfer_report(
    data: InstrumentSet,
    splits: Sequence[TransferSplit] | int = 20,
    *,
    directions: Sequence[tuple[str, str]] | None = None,
    properties: Sequence[str] | None = None,
    budgets: Sequence[int] = BUDGETS,
    specs: Sequence[TransferSpec] = CLASSICAL,
    on_done: Callable[[str], None] | None = None,
) -> TransferReport:
    """The benchmark of `split_scores` on every split, and what it says.

    Parameters
    ----------
    data : InstrumentSet
    splits : sequence of TransferSplit, or int
        A number of `random_splits`.
    directions, properties, budgets, specs, on_done
        As of `split_scores`.

    Examples
    --------
    >>> from symvib.evaluation.instrument_sets import synthetic_instrument_set
    >>> from symvib.evaluation.transfer_benchmark import specs_named
    >>> made = synthetic_instrument_set(0, n_samples=40)
    >>> report = transfer_report(made, 2, directions=[("a", "b")], properties=["component_0"], budgets=[0, 5],
    ...     specs=specs_named(["none", "mean offset", "DS"]))
    >>> [s.method for s in report.of(report.directions[0], "paired") if s.calibration == "source"]
    ['mean offset', 'DS', 'DS, differences']
    """
    chosen = random_splits(data, splits) if isinstance(splits, int) else tuple(splits)
    if not chosen:
        raise EvaluationError("transfer_report: at least one split is needed.")
    scores = [
        score
        for split in chosen
        for score in split_scores(
            data,
            split,
            directions=directions,
            properties=properties,
            budgets=budgets,
            specs=specs,
            on_done=on_done,
        )
    ]
    table = ScoreTable.of(scores)
    return TransferReport(table, tuple(summaries(table)), (data.as_dict(),), tuple(specs))


def mean_text(mean: Mean | None, digits: int = 3) -> str:
    """Value and interval; values far below zero without decimals.

    Examples
    --------
    >>> mean_text(Mean(0.8765, 0.81, 0.94)), mean_text(Mean(-1234.5, None, None)), mean_text(None)
    ('0.876 (0.810 to 0.940)', '−1234', '–')
    """
    if mean is None:
        return "–"
    places = digits if abs(mean.value) < 10 else 0
    text = f"{mean.value:.{places}f}"
    if mean.low is not None and mean.high is not None:
        text += f" ({mean.low:.{places}f} to {mean.high:.{places}f})"
    return text.replace("-", "\N{MINUS SIGN}")


def share_text(found: MethodSummary) -> str:
    """The share of the ceiling in words."""
    if found.r2_share is None or found.r2_share.value < 0:
        return ""
    return f", {100 * found.r2_share.value:.0f} % of the ceiling's"
