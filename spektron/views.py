"""Training batches: two views of each molecule, as two virtual instruments would measure it; all SIMULATED.

Everything random in batch number ``step`` follows from (seed, step), so a run that was killed goes on with the same
batches, whatever came before.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ModelError
from .config import SpektronConfig
from .instrument import InstrumentSettings, InstrumentTable, measure
from .losses import line_areas
from .rendering import REFERENCE_FWHM_CM1, LineBatch, reference_spectra, spectral_axis
from .training_data import TrainingData

__all__ = ["TrainingBatch", "ViewSampler", "has_spectrum"]

MODALITIES = ("ir", "raman")
HELD_OUT = {"train": 0, "validation": 1_000_000, "test": 2_000_000}  # first seed of the instruments of each split
_LEAST_INTENSITY = 1e-3  # km/mol or A^4/u: a molecule whose lines are all weaker has no spectrum of that kind


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """V views of B molecules in M modalities on L channels; all spectra are simulated.

    Attributes
    ----------
    spectra : Tensor (V, B, M, L)
    reference : Tensor (B, M, L)
        As the ideal instrument shows them, largest value 1.
    areas : Tensor (B, M, 8)
        Integrated intensity of the line list in eight windows of the axis, in the scale of the reference.
    wavenumbers_cm1 : Tensor (B, n)
        Of the fundamentals, silent ones included; 0 pads.
    centrosymmetric : Tensor (B,) of bool
        Whether the molecule has an inversion centre: no fundamental is active in both.
    present : Tensor (B, M) of bool
        False where the molecule has no spectrum of that kind (no line in the range is active).
    mask : Tensor (V, B, M, L) of bool
        True where a channel is hidden from the model.
    instruments : Tensor (V, B, M) of int
        -1 where the instrument is none of those of training.
    conditions : Tensor (V, B, M, K)
        What the instruments are like (`instrument_numbers`).
    functional_groups, group_mask : Tensor (B, G), (B,)
    properties, property_mask : Tensor (B, P), (B, P)
        Standardised over the training molecules.
    molecules : Tensor (B,) of int
        Rows in the training data.
    """

    spectra: Tensor
    reference: Tensor
    areas: Tensor
    wavenumbers_cm1: Tensor
    centrosymmetric: Tensor
    present: Tensor
    mask: Tensor
    instruments: Tensor
    conditions: Tensor
    functional_groups: Tensor
    group_mask: Tensor
    properties: Tensor
    property_mask: Tensor
    molecules: Tensor

    def __len__(self) -> int:
        return len(self.molecules)

    def to(self, device: Any) -> "TrainingBatch":
        """The batch on a device."""
        return replace(self, **{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def part(self, number: int, parts: int) -> "TrainingBatch":
        """Every ``parts``-th molecule from ``number`` on: the share of one process of several."""
        rows = slice(number, None, parts)
        views = ("spectra", "mask", "instruments", "conditions")
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: x[:, rows] if name in views else x[rows] for name, x in values.items()})


class ViewSampler:
    """Batches of views of the molecules of one split.

    Parameters
    ----------
    data : TrainingData
    config : SpektronConfig
        Gives the axis and the number of instruments.
    seed : int
    split : {"train", "validation", "test"}
        Each split has molecules and instruments of its own.
    batch_size : int
    settings : InstrumentSettings, optional
    masked_share, masked_molecules : float
        Share of the channels that is hidden, in blocks (`block_mask`), in the second view of this share of the
        molecules. The first view is whole.

    Raises
    ------
    ModelError
        A batch size below 2, or above the number of molecules of the split.
    DatasetError
        An unknown split.
    """

    def __init__(
        self,
        data: TrainingData,
        config: SpektronConfig,
        seed: int = 0,
        *,
        split: str = "train",
        batch_size: int = 128,
        settings: InstrumentSettings | None = None,
        masked_share: float = 0.4,
        masked_molecules: float = 0.5,
    ) -> None:
        self.data, self.config, self.seed, self.split = data, config, seed, split
        self.rows = np.asarray(data.indices(split))
        if not 2 <= batch_size <= len(self.rows):
            raise ModelError(f"ViewSampler: batches of {batch_size} of {len(self.rows)} {split} molecules.")
        self.batch_size = batch_size
        self.masked_share, self.masked_molecules = masked_share, masked_molecules
        self.axis = spectral_axis(config.channels, config.lowest_cm1, config.highest_cm1)
        first = HELD_OUT[split]
        seeds = range(first, first + config.instruments)
        self.table = InstrumentTable.of_seeds(seeds, MODALITIES, settings or InstrumentSettings())
        self.conditions = instrument_numbers(self.table)
        self.present = has_spectrum(data.lines, self.axis)
        mean, deviation = data.property_scale()
        self.properties = torch.from_numpy((data.properties - mean) / deviation)

    @property
    def batches_per_epoch(self) -> int:
        """Batches in which each molecule comes once (what is left over comes in another epoch)."""
        return len(self.rows) // self.batch_size

    def molecules(self, step: int) -> Tensor:
        """Rows (B,) in the data of the molecules of batch ``step``."""
        epoch, place = divmod(step, self.batches_per_epoch)
        order = np.random.default_rng((self.seed, 1, epoch)).permutation(self.rows)
        return torch.from_numpy(order[place * self.batch_size : (place + 1) * self.batch_size])

    def batch(self, step: int) -> TrainingBatch:
        """Batch number ``step``, the same whenever it is asked for."""
        rows = self.molecules(step)
        generator = torch.Generator().manual_seed(
            int(np.random.SeedSequence((self.seed, 2, step)).generate_state(1)[0])
        )
        size, views = len(rows), 2
        lines = self.data.lines[rows]
        present = self.present[rows]
        instruments = torch.randint(len(self.table), (views, size, len(MODALITIES)), generator=generator)
        spectra = torch.stack([measure(lines, self.table.pick(index), self.axis, generator) for index in instruments])
        mask = torch.zeros(spectra.shape, dtype=torch.bool)
        chosen = torch.rand(size, len(MODALITIES), 1, generator=generator) < self.masked_molecules
        mask[1] = chosen & block_mask(mask.shape[1:], self.config.stride, self.masked_share, generator)
        reference = reference_spectra(lines, self.axis)
        return TrainingBatch(
            spectra=spectra,
            reference=reference,
            areas=self._areas(lines, reference),
            wavenumbers_cm1=lines.wavenumbers_cm1,
            centrosymmetric=torch.from_numpy(self.data.has_inversion[rows]),
            present=present,
            mask=mask,
            instruments=instruments if self.split == "train" else torch.full_like(instruments, -1),
            conditions=self.conditions[instruments, torch.arange(len(MODALITIES))],
            functional_groups=torch.from_numpy(self.data.functional_groups[rows]),
            group_mask=torch.from_numpy(self.data.group_mask[rows]),
            properties=self.properties[rows].float(),
            property_mask=torch.from_numpy(self.data.property_mask[rows]),
            molecules=rows,
        )

    def _areas(self, lines: LineBatch, reference: Tensor) -> Tensor:
        """Areas (B, M, 8) of the line list in windows of the axis, in units such that they add up to the reference's."""
        gaussian, lorentzian = REFERENCE_FWHM_CM1
        widths = {"gaussian_fwhm_cm1": gaussian, "lorentzian_fwhm_cm1": lorentzian}
        areas = line_areas(lines.wavenumbers_cm1[:, None], lines.intensities, self.axis, windows=8, **widths)
        return areas * (torch.trapezoid(reference, self.axis) / areas.sum(-1).clamp(min=1e-12)).unsqueeze(-1)


def instrument_numbers(table: InstrumentTable) -> Tensor:
    """What each instrument is like (n, M, K): resolution, noise, stray light, axis, response, baseline; standardised."""
    scalars = (table.gaussian_fwhm_cm1.log(), table.noise.log(), table.stray_light, table.shift_cm1)
    series = (table.warp_cm1, table.log_response, table.baseline)
    numbers = torch.cat(
        [torch.stack(scalars, dim=-1), *(s if s.ndim == 3 else s.unsqueeze(-1) for s in series)], dim=-1
    )
    return (numbers - numbers.mean(0)) / numbers.std(0).clamp(min=1e-6)


def has_spectrum(lines: Any, axis: Tensor) -> Tensor:
    """Whether (B, M) any line within the axis has an intensity worth the name (1e-3 km/mol or A^4/u)."""
    inside = (lines.wavenumbers_cm1 >= axis[0]) & (lines.wavenumbers_cm1 <= axis[-1])
    return ((lines.intensities > _LEAST_INTENSITY) & inside.unsqueeze(1)).any(-1)


def block_mask(shape: Any, stride: int, share: float, generator: torch.Generator) -> Tensor:
    """A mask (..., L) that hides about ``share`` of the channels in blocks of two to four token lengths.

    Blocks begin at random channels and may overlap. Shares from 0.2 to 0.6 are met within 15 % of them; above that,
    overlaps leave more to see (0.9 hides 0.67).
    """
    length = shape[-1]
    widths = torch.randint(2, 5, (*shape[:-1], 1), generator=generator) * max(stride, 8)
    number = length / (3 * max(stride, 8))
    starts = torch.rand(shape, generator=generator) < share * number / length * 1.3
    # A channel is hidden if a block started at most its width before.
    cumulated = starts.cumsum(-1)
    before = torch.arange(length).expand(shape) - widths
    earlier = torch.where(before >= 0, cumulated.gather(-1, before.clamp(min=0)), 0)
    return cumulated > earlier
