"""attentive-rnn: recurrent layers with attention for PyTorch."""

from importlib.metadata import version

from .layers import AttentionRNN2d, EleAttGRU, EleAttGRUCell, EleAttLSTM, EleAttLSTMCell, EleAttRNN, EleAttRNNCell
from .models import SequenceClassifier
from .ops import backends

__version__ = version("attentive-rnn")

__all__ = [
    "AttentionRNN2d",
    "EleAttGRU",
    "EleAttGRUCell",
    "EleAttLSTM",
    "EleAttLSTMCell",
    "EleAttRNN",
    "EleAttRNNCell",
    "SequenceClassifier",
    "__version__",
    "backends",
]
