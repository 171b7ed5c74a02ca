"""From raw channels to tokens: seven wide convolutions of total stride 27, or plain patches."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import SpektronConfig

__all__ = ["ConvolutionTokenizer", "PatchTokenizer", "make_tokenizer", "token_centres"]


class CentredConvolution(nn.Module):
    """Convolution with ceil(L / stride) outputs, output i centred on channel ``stride * i + (stride - 1) // 2``.

    (B, C, L) -> (B, C', ceil(L / stride)).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, dilation: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(inputs, outputs, kernel, stride=stride, dilation=dilation, groups=groups)
        self.reach = (kernel - 1) * dilation
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """The convolution of the zero-padded (B, C, L)."""
        length = x.shape[-1]
        left = self.reach // 2 - (self.stride - 1) // 2
        right = (-(-length // self.stride) - 1) * self.stride + self.reach + 1 - length - left
        return self.convolution(functional.pad(x, (left, right)))


class SeparableBlock(nn.Module):
    """Residual depthwise-separable convolution, (B, C, L) -> (B, C, L)."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.depthwise = CentredConvolution(width, width, kernel, 1, dilation, groups=width)
        self.pointwise = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` plus its mixed neighbourhood."""
        return x + self.pointwise(functional.gelu(self.depthwise(self.norm(x))))


class ConvolutionTokenizer(nn.Module):
    """Seven convolutions, (B, C, L) -> (B, tokens, width).

    Beyond its receptive field a token sees nothing but the mean and the variance that the group norms take over the
    whole spectrum. What is masked is hidden before, so that it enters neither.
    """

    def __init__(self, config: SpektronConfig, inputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        shapes = zip(config.kernels, config.strides, config.dilations, config.tokenizer_widths, strict=True)
        for kernel, stride, dilation, width in shapes:
            if stride == 1 and width == inputs:
                layers.append(SeparableBlock(width, kernel, dilation))
            else:
                layers += [
                    CentredConvolution(inputs, width, kernel, stride, dilation),
                    nn.GroupNorm(1, width),
                    nn.GELU(),
                ]
            inputs = width
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, tokens, width)."""
        return self.layers(x).transpose(1, 2)


class PatchTokenizer(nn.Module):
    """Raw patches of ``stride`` channels through one linear map, (B, C, L) -> (B, tokens, width)."""

    def __init__(self, config: SpektronConfig, inputs: int) -> None:
        super().__init__()
        self.stride = config.stride
        self.map = nn.Linear(inputs * config.stride, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, tokens, width)."""
        x = functional.pad(x, (0, -x.shape[-1] % self.stride))
        return self.map(x.unflatten(-1, (-1, self.stride)).transpose(1, 2).flatten(2))


def make_tokenizer(config: SpektronConfig, inputs: int) -> nn.Module:
    """The tokenizer that the configuration names, for ``inputs`` channels per point."""
    return (ConvolutionTokenizer if config.tokenizer == "cnn" else PatchTokenizer)(config, inputs)


def token_centres(axis: Tensor, stride: int) -> Tensor:
    """Axis values (..., tokens) at the token centres of an axis (..., L)."""
    length = axis.shape[-1]
    centres = torch.arange(-(-length // stride), device=axis.device) * stride + (stride - 1) // 2
    return axis[..., centres.clamp(max=length - 1)]
