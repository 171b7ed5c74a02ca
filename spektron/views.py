"""Training batches: two views of each molecule, as two virtual instruments would measure it; all SIMULATED.

Everything random in batch number ``step`` follows from (seed, step), so a run that was killed goes on with the same
batches, whatever came before.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..errors import ModelError
from .config import SpektronConfig
from .instrument import InstrumentSettings, InstrumentTable, measure
from .losses import line_areas
from .rendering import MODALITIES, REFERENCE_FWHM_CM1, LineBatch, reference_spectra, spectral_axis
from .training_data import TrainingData

__all__ = ["PLAIN", "TrainingBatch", "ViewSampler", "has_spectrum"]

HELD_OUT = {"train": 0, "validation": 1_000_000, "test": 2_000_000}  # first seed of the instruments of each split
# Whole spectra of molecules only, each as often as another: what is not for training.
PLAIN: dict[str, Any] = {"masked_share": 0.0, "symmetric_share": 0.0, "invented_share": 0.0}
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
        Rows in the training data; -1 for line lists of no molecule.
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

    @property
    def real(self) -> Tensor:
        """Which (B,) are molecules."""
        return self.molecules >= 0

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
    symmetric_share : float
        Share of the molecules of a training batch that come from the symmetric supplement (fewer, but as varied
        as the rest): few lines, all elements. They come in groups of like spectra (`grouped`), so that a batch
        holds what is hard to tell apart.
    invented_share : float
        Share of a training batch that are line lists of no molecule (`invented_lines`): they teach to compare spectra,
        not chemistry, and no chemical term counts them.

    Raises
    ------
    ModelError
        A batch size below 2, or above the number of molecules of the split; a share that is none.
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
        symmetric_share: float = 0.5,
        invented_share: float = 0.25,
    ) -> None:
        self.data, self.config, self.seed, self.split = data, config, seed, split
        self.rows = np.asarray(data.indices(split))
        if not 2 <= batch_size <= len(self.rows):
            raise ModelError(f"ViewSampler: batches of {batch_size} of {len(self.rows)} {split} molecules.")
        shares = {"masked": masked_share, "symmetric": symmetric_share, "invented": invented_share}
        for name, share in shares.items():
            if not 0 <= share < 1:
                raise ModelError(f"ViewSampler({name}_share={share!r}): a number from 0 to below 1 is needed.")
        self.batch_size = batch_size
        self.masked_share, self.masked_molecules = masked_share, masked_molecules
        self.invented = round(invented_share * batch_size) if split == "train" else 0
        self._lines = data.lines[torch.from_numpy(self.rows)]
        self._pools = self._shared_out(symmetric_share if split == "train" else 0.0)
        self._orders: dict[int, tuple[int, np.ndarray]] = {}
        self.axis = spectral_axis(config.channels, config.lowest_cm1, config.highest_cm1)
        if len(self._pools) > 1:
            self._features = _coarse(reference_spectra(data.lines[torch.from_numpy(self._pools[1][0])], self.axis))
        first = HELD_OUT[split]
        seeds = range(first, first + config.instruments)
        self.table = InstrumentTable.of_seeds(seeds, MODALITIES, settings or InstrumentSettings())
        self.conditions = instrument_numbers(self.table)
        mean, deviation = data.property_scale()
        self.properties = torch.from_numpy((data.properties - mean) / deviation)

    def _shared_out(self, symmetric_share: float) -> list[tuple[np.ndarray, int]]:
        """Pools of molecules, and how many of each make a batch."""
        size = self.batch_size - self.invented
        special = np.char.find(np.asarray(self.data.sources)[self.rows], "symmetric") >= 0
        wanted = min(round(symmetric_share * size), int(special.sum()))
        rest = self.rows[~special]
        if not wanted or not 0 < size - wanted <= len(rest):
            return [(self.rows, size)]
        return [(rest, size - wanted), (self.rows[special], wanted)]

    @property
    def batches_per_epoch(self) -> int:
        """Batches in which each molecule of the first pool comes once (what is left over comes in another epoch)."""
        rows, size = self._pools[0]
        return len(rows) // size

    def molecules(self, step: int) -> Tensor:
        """Rows in the data of the molecules of batch ``step``; invented line lists are not among them."""
        chosen = []
        for number, (rows, size) in enumerate(self._pools):
            epoch, place = divmod(step, len(rows) // size)
            if epoch != self._orders.get(number, (None,))[0]:
                order = np.random.default_rng((self.seed, 1 + 2 * number, epoch)).permutation(len(rows))
                self._orders[number] = epoch, rows[grouped(order, self._features) if number else order]
            chosen.append(self._orders[number][1][place * size : (place + 1) * size])
        return torch.from_numpy(np.concatenate(chosen))

    def batch(self, step: int) -> TrainingBatch:
        """Batch number ``step``, the same whenever it is asked for."""
        rows = self.molecules(step)
        generator = torch.Generator().manual_seed(
            int(np.random.SeedSequence((self.seed, 2, step)).generate_state(1)[0])
        )
        lines, size, views = self.data.lines[rows], self.batch_size, 2
        if self.invented:
            lines = joined(lines, invented_lines(self._lines, self.invented, self.axis, generator))
        present = has_spectrum(lines, self.axis)
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
            centrosymmetric=self._filled(self.data.has_inversion[rows]),
            present=present,
            mask=mask,
            instruments=instruments if self.split == "train" else torch.full_like(instruments, -1),
            conditions=self.conditions[instruments, torch.arange(len(MODALITIES))],
            functional_groups=self._filled(self.data.functional_groups[rows]),
            group_mask=self._filled(self.data.group_mask[rows]),
            properties=self._filled(self.properties[rows].float()),
            property_mask=self._filled(self.data.property_mask[rows]),
            molecules=torch.cat([rows, torch.full((self.invented,), -1)]),
        )

    def _filled(self, values: Any) -> Tensor:
        """What is known of the molecules, and zeros (False) for the invented line lists behind them."""
        values = torch.as_tensor(values)
        return torch.cat([values, values.new_zeros((self.invented, *values.shape[1:]))])

    def _areas(self, lines: LineBatch, reference: Tensor) -> Tensor:
        """Areas (B, M, 8) of the line list in windows of the axis, in units in which they add up to the reference's."""
        gaussian, lorentzian = REFERENCE_FWHM_CM1
        widths = {"gaussian_fwhm_cm1": gaussian, "lorentzian_fwhm_cm1": lorentzian}
        areas = line_areas(lines.wavenumbers_cm1[:, None], lines.intensities, self.axis, windows=8, **widths)
        return areas * (torch.trapezoid(reference, self.axis) / areas.sum(-1).clamp(min=1e-12)).unsqueeze(-1)


def joined(first: LineBatch, second: LineBatch) -> LineBatch:
    """Both batches, one after the other, padded to one length."""
    longest = max(first.wavenumbers_cm1.shape[1], second.wavenumbers_cm1.shape[1])
    return LineBatch(
        *(
            torch.cat(
                [functional.pad(getattr(b, name), (0, longest - getattr(b, name).shape[-1])) for b in (first, second)]
            )
            for name in ("wavenumbers_cm1", "intensities")
        ),
        modalities=first.modalities,
    )


def grouped(order: np.ndarray, features: Tensor, size: int = 16) -> np.ndarray:
    """``order`` (n,) rearranged: the first row and those most like it make ``size``, then the next that is left.

    Alike by the inner product of ``features`` (n, k); O(n^2 k / size).
    """
    left, groups = torch.from_numpy(order), []
    while len(left):
        alike = (features[left] @ features[left[0]]).index_fill(0, torch.tensor([0]), torch.inf)
        nearest = alike.topk(min(size, len(left))).indices
        groups.append(left[nearest])
        kept = torch.ones(len(left), dtype=torch.bool)
        kept[nearest] = False
        left = left[kept]
    return torch.cat(groups).numpy()


def _coarse(spectra: Tensor, channels: int = 8) -> Tensor:
    """Unit vectors (n, k) of spectra (n, M, L) averaged over ``channels``: near lines look alike."""
    return functional.normalize(functional.avg_pool1d(spectra, channels).flatten(1), dim=-1)


def invented_lines(
    pool: LineBatch, number: int, axis: Tensor, generator: torch.Generator, most: int = 40, family: int = 4
) -> LineBatch:
    """Line lists of no molecule: 1 to ``most`` lines (evenly in the logarithm), with intensities of lines of ``pool``.

    Half the wavenumbers are those of the same lines, moved by up to 40 cm-1, half are drawn evenly over the axis. The
    lists come in families of ``family``, whose lines differ by a spread of 6 to 60 cm-1 (evenly in the logarithm).
    """

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    families = -(-number // family)
    counts = torch.exp(draw(families) * math.log(most + 1)).long().clamp(1, most)
    molecule = torch.randint(len(pool), (families, most), generator=generator)
    numbers = (pool.wavenumbers_cm1 > 0).sum(1).clamp(min=1)
    line = (draw(families, most) * numbers[molecule]).long()
    moved = pool.wavenumbers_cm1[molecule, line] + 80 * draw(families, most) - 40
    anywhere = axis[0] + (axis[-1] - axis[0]) * draw(families, most)
    wavenumbers = torch.where(draw(families, most) < 0.5, moved, anywhere)
    here = torch.arange(most) < counts[:, None]
    intensities = pool.intensities[molecule, :, line].transpose(1, 2) * here[:, None]
    spread = 6 * torch.exp(draw(families, 1, 1) * math.log(10))
    wavenumbers = wavenumbers[:, None] + spread * torch.randn((families, family, most), generator=generator)
    wavenumbers = (wavenumbers.clamp(min=50.0) * here[:, None]).flatten(0, 1)[:number]
    return LineBatch(wavenumbers, intensities.repeat_interleave(family, 0)[:number], modalities=pool.modalities)


def instrument_numbers(table: InstrumentTable) -> Tensor:
    """What each instrument is (n, M, K), standardised: resolution, noise, stray light, axis, response, baseline."""
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

    Blocks begin at random channels and may overlap; a share of 1 is not possible.
    """
    length = shape[-1]
    widths = torch.randint(2, 5, (*shape[:-1], 1), generator=generator) * max(stride, 8)
    number = length / (3 * max(stride, 8))
    starts = torch.rand(shape, generator=generator) < -math.log1p(-share) * number / length
    # A channel is hidden if a block started at most its width before.
    cumulated = starts.cumsum(-1)
    before = torch.arange(length).expand(shape) - widths
    earlier = torch.where(before >= 0, cumulated.gather(-1, before.clamp(min=0)), 0)
    return cumulated > earlier
