"""What a method of the transfer benchmark is: how it is made, what it needs; the classical ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ..errors import EvaluationError
from . import transfer as t
from ._transfer_base import TransferMethod
from ._transfer_pooled import PooledPLS, TargetPLS

__all__ = ["CLASSICAL", "TABLES", "Table", "TransferSpec", "specs_named"]

SpecNeeds = Literal["none", "paired", "unpaired", "labelled"]
Table = Literal["none", "paired", "unpaired", "labelled", "ceiling"]
TABLES: tuple[Table, ...] = ("none", "paired", "unpaired", "labelled", "ceiling")


@dataclass(frozen=True)
class TransferSpec:
    """A method with all its hyper-parameters.

    Attributes
    ----------
    name : str
        Unique in a benchmark; shown in tables.
    needs : {"none", "paired", "unpaired", "labelled"}
        The table it belongs to; "none": no transfer samples.
    make : callable
        A new, unfitted method; None: predict without a correction.
    paper : str
        Authors and year.
    model : bool
        It brings its own treatment of spectra (a trained network): it is given spectra as measured, and no calibration.
        Else it is given what a preprocessing makes of them, and calibrations by PLS.
    """

    name: str
    needs: SpecNeeds
    make: Callable[[], TransferMethod | None]
    paper: str = ""
    model: bool = False


def _nothing() -> None:
    return None


def _classical() -> tuple[TransferSpec, ...]:
    ds, pds, shenk = t.DirectStandardization, t.PiecewiseDirectStandardization, t.ShenkWesterhaus
    epo, glsw = t.ExternalParameterOrthogonalization, t.GeneralizedLeastSquaresWeighting
    sst, augmented = t.SpectralSpaceTransformation, t.DifferenceAugmentedPLS
    wang, bouveresse = "Wang, Veltkamp, Kowalski 1991", "Bouveresse et al. 1996"
    roger, martens, du, kalivas = "Roger et al. 2003", "Martens et al. 2003", "Du et al. 2011", "Kalivas et al. 2009"
    paired = {
        "no correction": (_nothing, ""),
        "mean offset": (t.MeanOffset, ""),
        "Shenk-Westerhaus, intensities": (partial(shenk, 0), "Shenk, Westerhaus 1989"),
        "Shenk-Westerhaus": (partial(shenk, 3), "Shenk, Westerhaus 1989"),
        "DS": (ds, wang),
        "DS, differences": (partial(ds, toward="identity"), wang),
        "PDS 7 channels, 1 component": (partial(pds, 3, 1), wang),
        "PDS 7 channels, 2 components": (partial(pds, 3, 2), wang),
        "PDS 7 channels, differences": (partial(pds, 3, 1, toward="identity"), wang),
        "SST 2 components": (partial(sst, 2), du),
        "EPO 1 component": (partial(epo, 1), roger),
        "EPO 2 components": (partial(epo, 2), roger),
        "GLSW 1e-3": (partial(glsw, 1e-3), martens),
        "difference-augmented PLS, weight 10": (partial(augmented, weight=10.0), kalivas),
        "difference-augmented PLS, weight 100": (partial(augmented, weight=100.0), kalivas),
        "bias, by the source": (partial(t.SlopeBias, "paired", slope=False), bouveresse),
        "slope and bias, by the source": (partial(t.SlopeBias, "paired"), bouveresse),
    }
    unpaired = {
        "mean offset, unpaired": (partial(t.MeanOffset, "unpaired"), ""),
        "covariance alignment": (t.CovarianceAlignment, "Sun, Feng, Saenko 2016"),
        "di-PLS": (t.DomainInvariantPLS, "Nikzad-Langerodi et al. 2018"),
    }
    labelled = {
        "bias": (partial(t.SlopeBias, slope=False), bouveresse),
        "slope and bias": (t.SlopeBias, bouveresse),
        "PLS of the transfer samples": (TargetPLS, ""),
        "pooled PLS": (PooledPLS, kalivas),
        "pooled PLS, equal weights": (partial(PooledPLS, weight=None), kalivas),
        "pooled PLS, centred each, equal weights": (partial(PooledPLS, weight=None, centre="each"), kalivas),
    }
    none = [TransferSpec("none", "none", _nothing)]
    tables: tuple[tuple[SpecNeeds, dict], ...] = (("paired", paired), ("unpaired", unpaired), ("labelled", labelled))
    return tuple(
        none + [TransferSpec(name, needs, make, paper) for needs, of in tables for name, (make, paper) in of.items()]
    )


CLASSICAL = _classical()


def specs_named(names: Sequence[str], specs: Sequence[TransferSpec] = CLASSICAL) -> tuple[TransferSpec, ...]:
    """The methods with these names, or whose names begin with them, in their order.

    Raises
    ------
    EvaluationError
        A name that fits none.

    Examples
    --------
    >>> [spec.name for spec in specs_named(["EPO", "none"])]
    ['none', 'EPO 1 component', 'EPO 2 components']
    """
    for name in names:
        if not any(_fits(spec, name) for spec in specs):
            raise EvaluationError(f"no transfer method is called {name!r}; known: {'; '.join(s.name for s in specs)}.")
    return tuple(spec for spec in specs if any(_fits(spec, name) for name in names))


def _fits(spec: TransferSpec, name: str) -> bool:
    """The name "DS" is of "DS" and "DS, differences", not "DSC"."""
    asked, own = name.lower().strip(), spec.name.lower()
    return own == asked or own.startswith((f"{asked} ", f"{asked},"))
