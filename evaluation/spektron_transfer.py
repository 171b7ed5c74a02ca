"""Spektron in calibration transfer: estimators with the interface of the classical methods.

A `SpektronEncoder` makes features of spectra; a ridge head, fitted to labelled spectra of the source instrument, reads
targets from them. The methods differ in what they do about the target instrument:

`SpektronCalibration`   nothing
`LatentTransfer`        any classical spectrum map, on features instead of spectra (paired or unpaired)
`MappedTransfer`        any classical spectrum map, on target spectra before the model sees them
`SinkhornTransfer`      moves the target's features onto the source's by optimal transport (unpaired)
`TestTimeTraining`      trains the model on with masked reconstruction of target spectra (unpaired)
`PairedAdaptation`      trains the model on until it sees of the target what it saw of the source (paired)
`HybridResidual`        a classical calibration, and Spektron on what it leaves
`LoraTransfer`          trains head and low-rank updates on with labelled target spectra
`PooledTransfer`        one head for both instruments, each centred by itself (labelled)
`ConvolutionalLora`     the same with a small convolutional network trained on the source alone

The shipped model was pretrained on computed infrared and Raman spectra of single molecules. Near-infrared spectra of
corn and tablets, with their own modality embedding at its initial value, are far from that: what these estimators reach
there is what general features of curves give, not knowledge of NIR.

Steps and learning rates are fixed. They were chosen on 60 training samples of corn (m5 and mp6, moisture and protein)
with a made-up second instrument: gain, offset, slope, a shift of 0.7 channels and noise put on their own spectra.
"""

from collections.abc import Callable
from typing import Literal

from ._spektron_adapted import PairedAdaptation, TestTimeTraining
from ._spektron_encoder import SpektronEncoder
from ._spektron_labelled import ConvolutionalLora, HybridResidual, LoraTransfer, PooledTransfer
from ._spektron_unlabelled import LatentTransfer, MappedTransfer, SinkhornTransfer, SpektronCalibration
from ._transfer_base import TransferMethod
from ._transfer_filters import ExternalParameterOrthogonalization
from ._transfer_maps import MeanOffset, PiecewiseDirectStandardization
from ._transfer_models import DifferenceAugmentedPLS
from ._transfer_spec import TransferSpec

__all__ = [
    "ConvolutionalLora",
    "HybridResidual",
    "LatentTransfer",
    "LoraTransfer",
    "MappedTransfer",
    "PairedAdaptation",
    "PooledTransfer",
    "SinkhornTransfer",
    "SpektronCalibration",
    "SpektronEncoder",
    "TestTimeTraining",
    "spektron_specs",
]

_GANDELSMAN = "Gandelsman et al. 2022"
_HU = "Hu et al. 2022"
_POOLADIAN = "Pooladian et al. 2022"


def spektron_specs(encoder: SpektronEncoder) -> tuple[TransferSpec, ...]:
    """The specifications of all of them, as the benchmark shows them; cheap ones first.

    Parameters
    ----------
    encoder : SpektronEncoder
        On the axis of the instrument set.
    """
    e = encoder
    unpaired = MeanOffset("unpaired")
    return (
        _spec("Spektron, frozen", "none", lambda: SpektronCalibration(e)),
        _spec("Spektron, frozen, derivative", "none", lambda: SpektronCalibration(e, preprocessing="derivative")),
        _spec("Spektron, feature offset", "paired", lambda: LatentTransfer(e, MeanOffset())),
        _spec("Spektron, feature EPO", "paired", lambda: LatentTransfer(e, ExternalParameterOrthogonalization(1))),
        _spec(
            "PLS + Spektron on residuals, PDS",
            "paired",
            lambda: HybridResidual(e, PiecewiseDirectStandardization(3, 1)),
        ),
        _spec(
            "PLS + Spektron on residuals, difference-augmented",
            "paired",
            lambda: HybridResidual(e, DifferenceAugmentedPLS(weight=10.0)),
        ),
        _spec("Spektron, feature offset, unpaired", "unpaired", lambda: LatentTransfer(e, unpaired)),
        _spec("Spektron, Sinkhorn of z_chem", "unpaired", lambda: SinkhornTransfer(e), _POOLADIAN),
        _spec("Spektron, pooled, centred each", "labelled", lambda: PooledTransfer(e)),
        _spec("Spektron, test-time training", "unpaired", lambda: TestTimeTraining(e), _GANDELSMAN),
        _spec(
            "Spektron, test-time training, feature offset",
            "unpaired",
            lambda: TestTimeTraining(e, map=unpaired),
            _GANDELSMAN,
        ),
        _spec("Spektron, paired adaptation", "paired", lambda: PairedAdaptation(e), "Hinton et al. 2015"),
        _spec("Spektron after mean offset", "paired", lambda: MappedTransfer(e, MeanOffset())),
        _spec(
            "Spektron after PDS",
            "paired",
            lambda: MappedTransfer(e, PiecewiseDirectStandardization(3, 1)),
            "Wang, Veltkamp, Kowalski 1991",
        ),
        _spec("Spektron after mean offset, unpaired", "unpaired", lambda: MappedTransfer(e, unpaired)),
        _spec("Spektron, bias", "labelled", lambda: LoraTransfer(e, steps=0)),
        _spec("Spektron, LoRA", "labelled", lambda: LoraTransfer(e), _HU),
        _spec("CNN, bias", "labelled", lambda: ConvolutionalLora(steps=0)),
        _spec("CNN, LoRA", "labelled", lambda: ConvolutionalLora(), _HU),
    )


def _spec(
    name: str,
    needs: Literal["none", "paired", "unpaired", "labelled"],
    make: Callable[[], TransferMethod],
    paper: str = "",
) -> TransferSpec:
    return TransferSpec(name, needs, make, paper, model=True)
