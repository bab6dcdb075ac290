"""A layer as ONNX graphs, run by onnxruntime on whole sequences and frame by frame, without PyTorch.

Usage: python examples/with_onnx.py FOLDER; the graphs are written into FOLDER.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from attentive_rnn import EleAttGRU
from attentive_rnn.export import to_onnx


def main(folder: Path) -> None:
    """Export both graphs of a layer, and print how far they are from it."""
    torch.manual_seed(0)
    layer = EleAttGRU(6, 8, batch_first=True).eval()
    to_onnx(layer, folder / "layer.onnx", need_attention=True)
    to_onnx(layer, folder / "step.onnx", step=True)
    x = np.random.default_rng(0).normal(size=(2, 30, 6)).astype(np.float32)
    lengths = np.array([30, 12])
    with torch.no_grad():
        expected, _, attention = layer(torch.from_numpy(x), lengths=torch.from_numpy(lengths), need_attention=True)

    whole = onnxruntime.InferenceSession(folder / "layer.onnx")
    print(f"inputs {[one.name for one in whole.get_inputs()]}, outputs {[one.name for one in whole.get_outputs()]}")
    output, weights = whole.run(["output", "attention_1"], {"input": x, "lengths": lengths})
    for found, wanted in ((output, expected), (weights, attention[0])):
        print(f"whole sequences: largest difference {np.abs(found - wanted.numpy()).max():.0e}")

    step = onnxruntime.InferenceSession(folder / "step.onnx")
    h, made = np.zeros((1, 1, 8), dtype=np.float32), []  # zeros at the start
    for frame in x[:1].swapaxes(0, 1):
        output, h = step.run(["output", "next_h"], {"input": frame, "h": h})
        made.append(output[0])
    print(f"frame by frame: largest difference {np.abs(np.stack(made) - expected[0].numpy()).max():.0e}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
