"""The benchmark of calibration transfer: every method, direction, budget and split, under one protocol.

Split by sample. Training samples are calibrated on the source instrument with all their reference values; k of them
(Kennard-Stone, source spectra) are measured on the target instrument as well; test samples, on the target, are used to
score and for nothing else. Preprocessing and number of PLS components are chosen twice:

"source"    by cross-validation of the calibration set on the source; of the target is only seen what a method puts into
            the calibration set (a filter, rows), which is made of transfer samples;
"transfer"  by the mean of that squared error and the squared error of the transfer samples, each predicted from its
            target spectrum by a calibration and a transfer that have not seen it (three groups).

The second needs reference values of the transfer samples, which are training samples: methods without labels have them,
too, where the samples are pairs. Unpaired target spectra have none, so that there is nothing to choose by.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from ..errors import EvaluationError
from ._calibration import (
    PREPROCESSINGS,
    ChosenCalibration,
    chosen_from,
    held_out_squares,
    one_standard_error,
    preprocessed,
)
from ._instrument_set import InstrumentSet
from ._transfer_base import Array, TransferMethod, target_values
from ._transfer_case import TransferCase, fitted_model
from ._transfer_models import DifferenceAugmentedPLS
from ._transfer_pooled import PooledPLS, TargetPLS
from ._transfer_spec import CLASSICAL, TABLES, TransferSpec, specs_named
from ._transfer_splits import BUDGETS, N_SPLITS, Rows, TransferSplit, given_split, random_splits, transfer_rows_of

__all__ = [
    "BUDGETS",
    "CLASSICAL",
    "N_SPLITS",
    "TABLES",
    "TransferScore",
    "TransferSpec",
    "TransferSplit",
    "given_split",
    "random_splits",
    "specs_named",
    "split_scores",
    "transfer_rows_of",
]

CEILING = "ceiling"


@dataclass(frozen=True)
class TransferScore:
    """How well one method predicts the test samples of one split.

    Attributes
    ----------
    data, source, target, property, split : str
    k : int
        Transfer samples; of the ceiling, all training samples.
    table : str
        "none", "paired", "unpaired", "labelled", "ceiling".
    method : str
    calibration : str
        What preprocessing and components were chosen by: "source", "transfer", or "own" of a model that brings them.
    preprocessing : str
    n_components : int
        0 where the method has none.
    rmsep, bias, sep, r2 : float or None
        Root mean square error of prediction, mean error, standard deviation of the errors about it (n - 1), and
        1 - sum of squared errors / sum of squares about the mean of the test samples. None where refused.
    n_train, n_test : int
    criterion : float or None
        The root mean square error that "transfer" minimises, of this choice; never of test samples.
    refused : str
        The method's reason; "" if it was fitted.
    """

    data: str
    source: str
    target: str
    property: str
    split: str
    k: int
    table: str
    method: str
    calibration: str
    preprocessing: str = ""
    n_components: int = 0
    rmsep: float | None = None
    bias: float | None = None
    sep: float | None = None
    r2: float | None = None
    n_train: int = 0
    n_test: int = 0
    criterion: float | None = None
    refused: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(f.name for f in fields(cls))


def prediction_errors(predicted: Any, truth: Any) -> dict[str, float]:
    """RMSEP, bias, SEP and R2 of predictions (n,).

    Raises
    ------
    EvaluationError
        Fewer than two samples, or a truth that does not vary.

    Examples
    --------
    >>> prediction_errors([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])["r2"]
    0.5
    """
    y = np.asarray(truth, dtype=np.float64)
    errors = target_values(predicted, len(y), "prediction_errors: predictions") - y
    about = float(((y - y.mean()) ** 2).sum())
    if len(y) < 2 or not about > 0:
        raise EvaluationError(f"prediction_errors: {len(y)} test samples with a spread of {about:g}: R2 is undefined.")
    return {
        "rmsep": float(np.sqrt((errors**2).mean())),
        "bias": float(errors.mean()),
        "sep": float(errors.std(ddof=1)),
        "r2": 1.0 - float((errors**2).sum()) / about,
    }


@dataclass(frozen=True, eq=False)
class _Unit:
    """A split of a set, with everything that is shared by its directions."""

    data: InstrumentSet
    split: TransferSplit
    properties: tuple[str, ...]
    targets: Array
    treated: Mapping[str, Mapping[str, Array]]
    squares: Mapping[str, Mapping[str, Array]]
    native: Mapping[str, Sequence[ChosenCalibration]]

    @classmethod
    def of(
        cls, data: InstrumentSet, split: TransferSplit, properties: tuple[str, ...], instruments: set[str]
    ) -> "_Unit":
        targets = np.array([data.targets[name] for name in properties]).T
        treated = {
            name: {how: preprocessed(data.spectra[name], how) for how in PREPROCESSINGS}
            for name in data.instruments
            if name in instruments
        }
        squares = {
            name: {how: held_out_squares(x[split.train], targets[split.train]) for how, x in of.items()}
            for name, of in treated.items()
        }
        native = {name: chosen_from(of) for name, of in squares.items()}
        return cls(data, split, properties, targets, treated, squares, native)

    def case(self, source: str, target: str, how: str, transfer: Rows) -> TransferCase:
        components = np.array([chosen.n_components for chosen in self.native[source]])
        x, z = self.treated[source][how], self.treated[target][how]
        return TransferCase(x, z, self.targets, self.split.train, transfer, self.split.test, components)


def split_scores(
    data: InstrumentSet,
    split: TransferSplit,
    *,
    directions: Sequence[tuple[str, str]] | None = None,
    properties: Sequence[str] | None = None,
    budgets: Sequence[int] = BUDGETS,
    specs: Sequence[TransferSpec] = CLASSICAL,
    on_done: Callable[[str], None] | None = None,
) -> list[TransferScore]:
    """Scores of every method on one split, with the ceiling; a row for each direction, property, budget and choice.

    Parameters
    ----------
    data : InstrumentSet
    split : TransferSplit
    directions : sequence of (source, target), optional
        [default: all]
    properties : sequence of str, optional
        Targets of the set [default: all].
    budgets : sequence of int
        Numbers k of transfer samples; 0 is for methods that need none. Beyond the training samples they are left out.
    specs : sequence of TransferSpec
    on_done : callable, optional
        Called with a line after each direction and budget.

    Raises
    ------
    EvaluationError
        Unknown instruments or properties, a set without reference values.
    """
    wanted = tuple(properties if properties is not None else data.targets)
    pairs = tuple(directions if directions is not None else data.directions())
    _check(data, wanted, pairs, budgets)
    unit = _Unit.of(data, split, wanted, {name for pair in pairs for name in pair})
    found: list[TransferScore] = []
    for source, target in pairs:
        found += _ceiling(unit, source, target)
        for k, transfer in transfer_rows_of(data, split, source, budgets).items():
            cases = {how: unit.case(source, target, how, transfer) for how in PREPROCESSINGS}
            for spec in specs:
                if (spec.needs == "none") == (k == 0):
                    found += _spec_scores(unit, cases, source, target, spec)
            if on_done is not None:
                on_done(f"{data.name} {source} -> {target}, split {split.name}, k = {k}")
    return found


def _check(
    data: InstrumentSet, properties: Sequence[str], pairs: Sequence[tuple[str, str]], budgets: Sequence[int]
) -> None:
    if not properties:
        raise EvaluationError(f"{data.name} has no reference values: there is nothing to calibrate.")
    unknown = [name for name in properties if name not in data.targets]
    if unknown:
        raise EvaluationError(f"{data.name} has no target {', '.join(unknown)}; it has {', '.join(data.targets)}.")
    for source, target in pairs:
        if source == target or source not in data.spectra or target not in data.spectra:
            raise EvaluationError(
                f"direction {source}:{target}: two different instruments of {', '.join(data.instruments)} are wanted."
            )
    if any(k < 0 for k in budgets):
        raise EvaluationError(f"budgets {list(budgets)}: k must not be negative.")


def _score(unit: _Unit, j: int, predicted: Array, **known: Any) -> TransferScore:
    split = unit.split
    errors: dict[str, Any] = prediction_errors(predicted, unit.targets[split.test, j])
    return TransferScore(
        data=unit.data.name,
        property=unit.properties[j],
        split=split.name,
        n_train=len(split.train),
        n_test=len(split.test),
        **known,
        **errors,
    )


def _ceiling(unit: _Unit, source: str, target: str) -> list[TransferScore]:
    """All training samples measured on the target with their values.

    Components by the lowest error of cross-validation: what others are measured by is not to be held down by parsimony.
    """
    found = []
    for j, chosen in enumerate(unit.native[target]):
        how = chosen.preprocessing
        a = int(unit.squares[target][how][:, :, j].mean(axis=0).argmin())
        predicted = unit.case(target, target, how, unit.split.train[:0]).predicted(None)[:, a, j]
        known = {"source": source, "target": target, "k": len(unit.split.train), "table": CEILING, "method": CEILING}
        found.append(_score(unit, j, predicted, calibration="target", preprocessing=how, n_components=a + 1, **known))
    return found


def _spec_scores(
    unit: _Unit, cases: Mapping[str, TransferCase], source: str, target: str, spec: TransferSpec
) -> list[TransferScore]:
    transfer = cases["raw"].transfer
    known = {"source": source, "target": target, "k": len(transfer), "table": spec.needs, "method": spec.name}
    if spec.model:
        return _model_scores(unit, cases["raw"], spec, known)
    native = unit.native[source]
    choosing = spec.needs in ("paired", "labelled")
    used = PREPROCESSINGS if choosing else tuple(dict.fromkeys(c.preprocessing for c in native))
    try:
        predicted = {how: cases[how].predicted(spec.make()) for how in used}
        squares = {
            how: cases[how].calibration_squares(spec.make()) if _calibrates(spec.make()) else unit.squares[source][how]
            for how in used
        }
    except EvaluationError as error:
        refused = _refused(unit, known, "source", error)
        return refused + (_refused(unit, known, "transfer", error) if choosing else [])
    try:
        held = {how: _held_squares(case, spec) for how, case in cases.items()} if choosing else None
        reason = None
    except EvaluationError as error:
        held, reason = None, error
    found = []
    for j, chosen in enumerate(native):
        how = chosen.preprocessing
        a = one_standard_error(squares[how][:, :, j])[0] - 1
        criterion = None if held is None else _criterion(held[how], squares[how], spec, j)
        found.append(_chosen_score(unit, j, predicted, criterion, how, a, {**known, "calibration": "source"}))
        if held is not None:
            every = {name: _criterion(held[name], squares[name], spec, j) for name in PREPROCESSINGS}
            how = min(every, key=lambda name: every[name].min())
            a = int(every[how].argmin())
            found.append(_chosen_score(unit, j, predicted, every[how], how, a, {**known, "calibration": "transfer"}))
    return found + (_refused(unit, known, "transfer", reason) if reason is not None else [])


def _calibrates(method: TransferMethod | None) -> bool:
    """Whether the calibration on the source is another with this method than without."""
    return isinstance(method, DifferenceAugmentedPLS | PooledPLS) or getattr(method, "filters_source", False)


def _held_squares(case: TransferCase, spec: TransferSpec) -> Array:
    """Squared errors (k, a, t) of the transfer samples on the target, each by calibrations that have not seen it."""
    found = [(held.predicted(spec.make()) - case.targets[held.test][:, None]) ** 2 for held in case.groups()]
    tried = min(part.shape[1] for part in found)
    return np.concatenate([part[:, :tried] for part in found])


def _criterion(held: Array, squares: Array, spec: TransferSpec, j: int) -> Array:
    """Mean squared errors (a,) that "transfer" minimises."""
    on_target = held[:, :, j].mean(axis=0)
    if isinstance(spec.make(), TargetPLS):
        return on_target  # the source has no part in it
    tried = min(len(on_target), squares.shape[1])
    return (on_target[:tried] + squares[:, :tried, j].mean(axis=0)) / 2.0


def _chosen_score(
    unit: _Unit,
    j: int,
    predicted: Mapping[str, Array],
    criterion: Array | None,
    how: str,
    a: int,
    known: dict[str, Any],
) -> TransferScore:
    values = predicted[how][:, :, j]
    one = values.shape[1] == 1
    return _score(
        unit,
        j,
        values[:, 0 if one else a],
        preprocessing=how,
        n_components=0 if one else a + 1,
        criterion=None if criterion is None else float(np.sqrt(criterion[min(a, len(criterion) - 1)])),
        **known,
    )


def _model_scores(unit: _Unit, case: TransferCase, spec: TransferSpec, known: dict[str, Any]) -> list[TransferScore]:
    """Scores of models that are given spectra as measured."""
    found = []
    for j in range(len(unit.properties)):
        method = spec.make()
        try:
            if method is None:
                raise EvaluationError(f"{spec.name}: a model must be made.")
            method.check_count(len(case.transfer))
            predicted = fitted_model(method, case, j).predict(case.target[case.test])
        except EvaluationError as error:
            found.append(_refused(unit, known, "own", error)[j])
            continue
        found.append(_score(unit, j, predicted, calibration="own", **known))
    return found


def _refused(unit: _Unit, known: dict[str, Any], calibration: str, error: EvaluationError) -> list[TransferScore]:
    return [
        TransferScore(
            data=unit.data.name,
            property=name,
            split=unit.split.name,
            calibration=calibration,
            n_train=len(unit.split.train),
            n_test=len(unit.split.test),
            refused=str(error),
            **known,
        )
        for name in unit.properties
    ]
