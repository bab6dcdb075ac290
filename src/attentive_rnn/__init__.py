"""attentive-rnn: recurrent layers with attention for PyTorch."""

from importlib.metadata import version

from .layers import (
    RRA,
    AttentionRNN2d,
    EleAttGRU,
    EleAttGRUCell,
    EleAttLSTM,
    EleAttLSTMCell,
    EleAttRNN,
    EleAttRNNCell,
    RRACell,
)
from .models import SequenceClassifier
from .ops import backends

__version__ = version("attentive-rnn")

__all__ = [
    "RRA",
    "AttentionRNN2d",
    "EleAttGRU",
    "EleAttGRUCell",
    "EleAttLSTM",
    "EleAttLSTMCell",
    "EleAttRNN",
    "EleAttRNNCell",
    "RRACell",
    "SequenceClassifier",
    "__version__",
    "backends",
]
