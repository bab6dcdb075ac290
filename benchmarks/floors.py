"""Lower bounds of a time: on a GPU its arithmetic and its bytes at the highest rate, on a CPU the products at the rate
at which the kernels make one that waits for nothing.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import torch

from attentive_rnn.ops.recurrence import Spec, Weights, recurrence

# Operations a clock and multiprocessor, a multiplication and an addition being two, without sparsity, as NVIDIA's
# architecture papers give them: float32 outside the matrix units, tf32 and bfloat16 in them.
OPERATIONS = {
    (8, 0): {"fp32": 128, "tf32": 1024, "bf16": 2048},
    (8, 6): {"fp32": 256, "tf32": 256, "bf16": 512},
    (8, 9): {"fp32": 256, "tf32": 512, "bf16": 1024},
    (9, 0): {"fp32": 256, "tf32": 2048, "bf16": 4096},
    (10, 0): {"fp32": 256, "tf32": 4096, "bf16": 8192},
}
BYTES = {"fp32": 4, "tf32": 4, "bf16": 2}


class Floors(NamedTuple):
    """Seconds."""

    arithmetic: float | None  # None: the rate of this kind of device is not known here
    memory: float

    @property
    def higher(self) -> float:
        """The one that decides."""
        return max(self.arithmetic or 0.0, self.memory)


def operations_per_second(device: Any, precision: str) -> float | None:
    """Of a device (torch.cuda.get_device_properties) at its highest clock; None where they are not known."""
    known = OPERATIONS.get((device.major, device.minor))
    return None if known is None else known[precision] * device.multi_processor_count * device.clock_rate * 1e3


def bytes_per_second(device: Any) -> float:
    """Of a device's memory, which moves data twice a clock."""
    return device.memory_clock_rate * 1e3 * 2 * device.memory_bus_width / 8


def floors(device: Any, precision: str, operations: int, numbers: int) -> Floors:
    """The floors of a computation of so many operations that moves so many numbers to or from memory."""
    rate = operations_per_second(device, precision)
    return Floors(None if rate is None else operations / rate, numbers * BYTES[precision] / bytes_per_second(device))


def numbers_moved(steps: int, rows: int, d: int, n: int, parameters: int) -> tuple[int, int]:
    """How many numbers a layer must read and write at least, in a forward pass and in a training step.

    Forward the input, the output and the weights once; a training step reads the input and the weights again for the
    backward pass, and the output's gradient, and writes the weights' gradients. What is kept between the two passes is
    left out: it could be computed again.
    """
    forward = steps * rows * (d + n) + parameters
    return forward, 2 * forward + parameters


def product_rate(threads: int = 1, seconds: float = 1.0) -> float:
    """Operations a second of the CPU kernels' product: the best of many RNN steps that do little else."""
    rows, d, n = 1024 * threads, 256, 96
    weights = Weights(ih=torch.randn(n, d) / 16, hh=torch.randn(n, n) / 16)
    x, state, spec = torch.randn(1, rows, d), (torch.randn(rows, n),), Spec("rnn_relu", gate=None)
    best, end = float("inf"), time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        recurrence(x, state, weights, spec, backend="cpu")
        best = min(best, time.perf_counter() - start)
    return 2 * rows * n * (d + n) / best


def products(layer: torch.nn.Module, steps: int, rows: int, input_needs_gradient: bool) -> tuple[int, int]:
    """Operations of the products of a layer of ours, in a forward pass and in a training step.

    A training step has each product three times: forward, for the gradient of its factor and for that of its weights;
    but the input's gradient takes none where nobody asks for it.
    """
    spec, d, n = layer.specs[0], layer.input_size, layer.hidden_size
    from_x, from_h = 2 * spec.blocks * n * d, 2 * spec.blocks * n * n
    rank = spec.gate_rank or d
    gate_x, gate_h = (0, 0) if spec.gate is None else (2 * rank * d, 2 * rank * n)
    forward = from_x + from_h + gate_x + gate_h + (2 * d * rank if spec.gate_rank else 0)
    spared = 0 if input_needs_gradient else gate_x if gate_x else from_x
    return steps * rows * forward, steps * rows * (3 * forward - spared)
