"""Lower bounds of a time on a GPU: its arithmetic, and its bytes, at the highest rate."""

from __future__ import annotations

from typing import Any, NamedTuple

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
