"""Spektron in calibration transfer: estimators with the interface of the classical methods.

A `SpektronEncoder` makes features of spectra; a ridge head, fitted to labelled spectra of the source instrument, reads
targets from them. The methods differ in what they do about the target instrument:

`SpektronCalibration`   nothing
`LatentTransfer`        any classical spectrum map, on features instead of spectra (paired or unpaired)
`SinkhornTransfer`      moves the target's features onto the source's by optimal transport (unpaired)
`TestTimeTraining`      trains the model on with masked reconstruction of target spectra (unpaired)
`PairedAdaptation`      trains the model on until it sees of the target what it saw of the source (paired)
`HybridResidual`        a classical calibration, and Spektron on what it leaves
`LoraTransfer`          trains head and low-rank updates on with labelled target spectra
`ConvolutionalLora`     the same with a small convolutional network trained on the source alone

The shipped model was pretrained on computed infrared and Raman spectra of single molecules. Near-infrared spectra of
corn and tablets, with their own modality embedding at its initial value, are far from that: what these estimators reach
there is what general features of curves give, not knowledge of NIR.
"""

from ._spektron_encoder import SpektronEncoder
from ._spektron_labelled import ConvolutionalLora, HybridResidual, LoraTransfer
from ._spektron_unlabelled import (
    LatentTransfer,
    PairedAdaptation,
    SinkhornTransfer,
    SpektronCalibration,
    TestTimeTraining,
)
from ._transfer_filters import ExternalParameterOrthogonalization
from ._transfer_maps import MeanOffset
from ._transfer_models import DifferenceAugmentedPLS
from ._transfer_spec import TransferSpec

__all__ = [
    "ConvolutionalLora",
    "HybridResidual",
    "LatentTransfer",
    "LoraTransfer",
    "PairedAdaptation",
    "SinkhornTransfer",
    "SpektronCalibration",
    "SpektronEncoder",
    "TestTimeTraining",
    "spektron_specs",
]


def spektron_specs(encoder: SpektronEncoder) -> tuple[TransferSpec, ...]:
    """The specifications of all of them, as the benchmark shows them."""
    return ()
