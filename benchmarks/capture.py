"""The cost of capturing attention: python -m benchmarks.capture

A forward pass of EleAtt-GRU at T=100, B=256, D=75, N=100 in evaluation, one thread: as it is, after a capture has
ended, and inside one. The three take turns; the minima are compared, which a busy machine disturbs least.
"""

from __future__ import annotations

import time

import torch

from attentive_rnn import EleAttGRU
from attentive_rnn.explain import capture

ROUNDS = 60


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    layer, used = EleAttGRU(75, 100).eval(), EleAttGRU(75, 100).eval()
    x = torch.randn(100, 256, 75)
    with capture(used) as captured, torch.no_grad():
        _, _, (expected,) = used(x, need_attention=True)
        used(x)
    assert torch.equal(captured[""][1].attention[0], expected)
    best = {"without": float("inf"), "after a capture": float("inf"), "captured": float("inf")}
    for _ in range(ROUNDS):
        with torch.no_grad():
            best["without"] = min(best["without"], seconds(layer, x))
            best["after a capture"] = min(best["after a capture"], seconds(used, x))
            with capture(layer):
                best["captured"] = min(best["captured"], seconds(layer, x))
    for name, value in best.items():
        print(f"{name:16} {1000 * value:7.2f} ms   {value / best['without']:.3f} times   {layer.last_backend}")


def seconds(layer: EleAttGRU, x: torch.Tensor) -> float:
    """The time of one pass."""
    start = time.perf_counter()
    layer(x)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
