"""INT8 from example images, after training: a static QDQ network that ONNX Runtime and TensorRT both take.

What goes in: the inputs of convolutions and their weights. TensorRT fuses a convolution with all that follows up to
the next quantizer, so outputs, biases and activations between stay float in the file (TensorRT's guide, "Explicit
Quantization": quantize the inputs of weighted operators, not their outputs). TensorRT's INT8 is symmetric, with zero
points of 0 ("Working with Quantized Types"); so is everything here:

- weights: a scale each output channel, its largest magnitude / 127;
- inputs of padded convolutions: one scale, zero in the middle;
- inputs of convolutions without padding: the middle of their range is subtracted first and given back in the bias. That
  is an asymmetric quantizer written with a zero point of 0. SiLU gives -0.28..max: it has all 8 bits instead of 7.

Ranges are the extremes of each image, averaged over the images (:mod:`quantize_ranges`). The mean that rounding adds
to each channel is taken out of its bias, as Nagel et al. do in "Data-Free Quantization Through Weight Equalization and
Bias Correction", arXiv:1906.04721, section 4.2, with images in place of statistics. And convolutions that rounding
hurts stay float: their *noise*, the share of the variance of the output channels that rounding makes up, is measured
beside the float network in the same run (:mod:`quantize_probe`); those with the most noise for their work go first.

Why plain static quantization loses nearly all boxes of YOLOX-nano
------------------------------------------------------------------
Measured on 30 KITTI images with 261 boxes at the card's threshold, ranges from 10 others, one change at a time, boxes
kept (same class, IoU 0.5):

===================================================================  ==========
ONNX Runtime's own: uint8, MinMax, one scale a weight tensor                  0
the same with a scale each channel of the weights                            44
and with symmetric int8 activations, as TensorRT wants them                   0
weights alone, one scale a tensor / one each channel                    0 / 250
activations alone, all                                                        0
activations alone, the last Concat with boxes and scores                    259
activations alone, outputs of Sigmoid / Add / Concat / Resize    260 to 261 each
activations alone, the image                                                261
activations alone, outputs of convolutions (before SiLU)                    101
activations alone, outputs of SiLU                                           65
===================================================================  ==========

So it is neither the last Concat (this export leaves boxes undecoded: -2.3..3.3 beside scores of 0..1; with decoded
boxes of hundreds of pixels it would be) nor the sigmoids, nor sums that overflow on processors without VNNI: the rows
"alone" are computed in float. It is the stem: folding the batch norm left the channels of its first convolution
(12 x 3 x 3 to 16, after Focus) so unequal that its output after SiLU spans -0.28..134.6 while half of all values lie
within 0.26, half a step of 0.53. The depthwise convolution behind it brings the small channels
back up with large weights. Quantizing that one activation takes the scores of the objects off by 4.5 in the logit, as
the only one of the network; that one weight tensor with one scale by 13.1. Of the other activations three cost more
than 0.2, the rest less. In figures of this module: rounding makes up 33 to 67 % of the variance of that
depthwise convolution's output, as the range is chosen, 8 % of the next worst, below 0.5 % of 95 of 113.

What follows: the worst three left float (0.7 % of the work) and biases corrected bring back 243 boxes of 261. The rest
is many small errors, mostly downwards, which cost boxes near the threshold: what was lost scored 0.30 to 0.37 in
FP32. 19 layers float: 249; ranges shifted as well: 251 to 257; ranges that are the average of each image's extremes,
10 % of the work float: 258.
The four ways to take every fourth of those 40 images for calibration keep 98.9, 98.9, 98.5 and 98.5 %, with 5 % of the
work float 98.1 % each.
Ranges by percentiles or by least squares lose more: what they cut off is what objects are seen by. Rounding weights so
that they make up for each other's errors (as GPTQ does) added nothing; it is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perception_core.errors import ModelError
from perception_core.inference.progress import Progress, Report, unheard
from perception_core.inference.quantize_graph import Quantizer, WeightedGraph
from perception_core.inference.quantize_probe import LayerNoise, measure
from perception_core.inference.quantize_ranges import calibrate

Feeds = Mapping[str, NDArray[Any]]

FLOAT_SHARES = (0.1, 0.2, 0.35)
"""From fast to careful: the share of the multiplications that may stay float."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What example images told about a network.

    Attributes:
        path: its file.
        layers: the noise of each convolution, in the order of the graph.
    """

    path: Path
    layers: tuple[LayerNoise, ...]
    _quantizers: Mapping[str, Quantizer]

    def kept_float(self, share: float) -> tuple[str, ...]:
        """Return the names of the convolutions that stay float: at most ``share`` of the work, most noise for it first.

        One without noise never does.
        """
        left = share * sum(layer.work for layer in self.layers)
        kept = set()
        for layer in sorted(self.layers, key=lambda layer: layer.noise / max(layer.work, 1), reverse=True):
            if layer.noise > 0.0 and layer.work <= left:
                kept.add(layer.name)
                left -= layer.work
        return tuple(layer.name for layer in self.layers if layer.name in kept)

    def float_work(self, share: float) -> float:
        """Return the share of the multiplications that do stay float, at most ``share``."""
        kept = self.kept_float(share)
        work = sum(layer.work for layer in self.layers)
        return sum(layer.work for layer in self.layers if layer.name in kept) / max(work, 1)

    def quantized(self, share: float) -> bytes:
        """Return the ONNX file with all other convolutions in INT8.

        Raises:
            ModelError: ONNX's own checker refuses it.
        """
        kept = self.kept_float(share)
        graph = WeightedGraph(self.path)
        for layer in self.layers:
            if layer.name not in kept:
                graph.quantize(layer.name, self._quantizers[layer.name], layer.bias)
        return graph.serialized()


def calibrated(path: Path, images: Sequence[Feeds], report: Report = unheard) -> Calibration:
    """Run a network on example images and measure what 8 bits would do to each of its convolutions.

    ``images`` are the inputs of that many runs, as the network wants them.

    Raises:
        ModelError: the package onnx is missing, the file is not ONNX or quantized already, it has no convolution with
            constant weights, there are no images, or numbers that are not finite.
    """
    if not images:
        raise ModelError(f"{path}: no images to calibrate with")
    graph = WeightedGraph(path)
    if not graph.layers:
        raise ModelError(f"{path}: no convolution with constant weights, so there is nothing to quantize")
    ranges = calibrate(graph, images, lambda done: report(Progress("ranges", done, f"{len(images)} images")))
    quantizers = {layer.name: _quantizer(layer.shifts, *ranges[layer.input]) for layer in graph.layers}
    noise = measure(graph, quantizers, images, lambda done: report(Progress("noise", done, f"{len(images)} images")))
    return Calibration(path, noise, quantizers)


def _quantizer(shifts: bool, low: float, high: float) -> Quantizer:
    """Return the quantizer of a range that includes zero."""
    low, high = min(low, 0.0), max(high, 0.0)
    middle = 0.5 * (low + high) if shifts else 0.0
    reach = max(high - middle, middle - low)
    return Quantizer(float(np.float32(max(reach, 1e-12) / 127.0)), float(np.float32(middle)))
