"""Export to files that run elsewhere: ONNX graphs and PyTorch programs, of layers, of models and of runs."""

from .onnx import to_onnx

__all__ = ["to_onnx"]
