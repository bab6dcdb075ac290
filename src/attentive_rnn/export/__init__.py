"""Export to files that run elsewhere: ONNX graphs and PyTorch programs, of layers, of models and of runs."""

from .onnx import to_onnx
from .run import Exported, export_run

__all__ = ["Exported", "export_run", "to_onnx"]
