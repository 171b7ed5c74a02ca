"""What a method of the transfer benchmark is: how it is made, what it needs, where it comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ._transfer_base import TransferMethod

__all__ = ["TABLES", "Table", "TransferSpec"]

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
    model : bool
        It brings its own treatment of spectra (a trained network): it is given spectra as measured. Else it is given
        what the preprocessing chosen on the source makes of them, and calibrations by PLS with components so chosen.
    follows : bool
        A classical `TransferModel` or `LabelledTransferModel` whose ``n_components`` the benchmark sets, chosen by
        cross-validation of the calibration set.
    """

    name: str
    needs: Literal["none", "paired", "unpaired", "labelled"]
    make: Callable[[], TransferMethod | None]
    paper: str = ""
    model: bool = False
    follows: bool = False
