"""The network: a small residual backbone, a pyramid of three scales, a head for boxes and one for classes of pixels.

Plain convolutions with ReLU throughout: fast without a GPU, and easy on INT8. The boxes have YOLOX's layout (Ge et al.,
arXiv:2107.08430, section 2.2), so that the stack reads them as any other YOLOX.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from perception_training.task import CLASSES, SEGMENTS

STRIDES = (8, 16, 32)

_PRIOR_OBJECTNESS = -4.6
"""Logit of 1 %: most cells hold nothing, and untrained ones should not say otherwise (Lin et al., 2017)."""

_PRIOR_SIZE = 1.0
"""Logarithm of an untrained box's side in strides."""


class Conv(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inside: int, out: int, kernel: int = 3, stride: int = 1) -> None:
        padding = (kernel - stride) // 2 if stride == 4 else kernel // 2
        super().__init__(
            nn.Conv2d(inside, out, kernel, stride, padding, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
        )


class Residual(nn.Module):
    """Narrow, look around, add."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(Conv(channels, channels // 2, 1), Conv(channels // 2, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H, W) of (B, C, H, W)."""
        return x + self.inner(x)


class MultiTask(nn.Module):
    """Images (B, 3, H, W), normalised, H and W multiples of 32, to boxes and classes of pixels.

    Returns:
        cells (B, A, 5 + classes): x, y, log width, log height as in YOLOX, then logits of objectness and classes,
        scale by scale, row by row; and logits of the segments (B, S, H / 4, W / 4).
    """

    def __init__(self, widths: tuple[int, ...] = (24, 48, 88, 128), depths: tuple[int, ...] = (1, 2, 2, 2)) -> None:
        super().__init__()
        neck = 48
        self.stem = Conv(3, widths[0], 6, 4)
        stages = [nn.Sequential(*(Residual(widths[0]) for _ in range(depths[0])))]
        for before, width, depth in zip(widths, widths[1:], depths[1:], strict=False):
            stages.append(nn.Sequential(Conv(before, width, 3, 2), *(Residual(width) for _ in range(depth))))
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList([Conv(width, neck, 1) for width in widths[1:]])
        self.down = nn.ModuleList([Conv(neck, neck, 3) for _ in range(2)])
        self.up = nn.ModuleList([Conv(neck, neck, 3, 2) for _ in range(2)])
        self.merge = nn.ModuleList([Conv(neck, neck, 3) for _ in range(2)])
        self.tower = nn.ModuleList([Conv(neck, 56, 3) for _ in STRIDES])
        self.boxes = nn.ModuleList([nn.Conv2d(56, 4, 1) for _ in STRIDES])
        self.scores = nn.ModuleList([nn.Conv2d(56, 1 + len(CLASSES), 1) for _ in STRIDES])
        self.fine = Conv(widths[0], 32, 1)
        self.coarse = Conv(neck, 32, 1)
        self.paint = nn.Sequential(Conv(32, 24, 3), nn.Conv2d(24, len(SEGMENTS), 1))
        self._initialise()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        x = self.stages[0](self.stem(images))
        fine, maps = x, []
        for stage in self.stages[1:]:
            x = stage(x)
            maps.append(x)
        p8, p16, p32 = (lateral(m) for lateral, m in zip(self.lateral, maps, strict=True))
        p16 = self.down[1](p16 + _doubled(p32))
        p8 = self.down[0](p8 + _doubled(p16))
        segments = self.paint(self.fine(fine) + _doubled(self.coarse(p8)))
        p16 = self.merge[0](p16 + self.up[0](p8))
        p32 = self.merge[1](p32 + self.up[1](p16))
        cells = []
        for i, level in enumerate((p8, p16, p32)):
            shared = self.tower[i](level)
            cells.append(torch.cat([self.boxes[i](shared), self.scores[i](shared)], 1).flatten(2))
        return torch.cat(cells, 2).transpose(1, 2), segments

    def _initialise(self) -> None:
        for boxes, scores in zip(self.boxes, self.scores, strict=True):
            nn.init.normal_(boxes.weight, std=0.01)
            nn.init.constant_(boxes.bias, 0.0)
            boxes.bias.data[:2] = 0.5
            boxes.bias.data[2:] = _PRIOR_SIZE
            nn.init.normal_(scores.weight, std=0.01)
            nn.init.constant_(scores.bias, 0.0)
            scores.bias.data[0] = _PRIOR_OBJECTNESS


class Exported(nn.Module):
    """The network as the stack runs it: scores are probabilities, the rest as YOLOX exports it."""

    def __init__(self, network: MultiTask) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return cells (B, A, 5 + classes) with probabilities, and logits (B, S, H / 4, W / 4)."""
        cells, segments = self.network(images)
        return torch.cat([cells[..., :4], cells[..., 4:].sigmoid()], 2), segments


def grid(width: int, height: int) -> Tensor:
    """Return (A, 3): column, row and stride of every cell, in the order of the outputs."""
    parts = []
    for stride in STRIDES:
        rows, columns = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        parts.append(torch.stack([columns.flatten(), rows.flatten(), torch.full((rows.numel(),), stride)], 1))
    return torch.cat(parts).float()


def decode(cells: Tensor, grid_cells: Tensor) -> Tensor:
    """Return boxes (B, A, 4) x_min, y_min, x_max, y_max in pixels."""
    stride = grid_cells[:, 2:]
    centre = (cells[..., :2] + grid_cells[:, :2]) * stride
    half = cells[..., 2:4].clamp(max=6.0).exp() * stride / 2
    return torch.cat([centre - half, centre + half], -1)


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
