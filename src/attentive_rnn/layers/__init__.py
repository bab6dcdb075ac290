"""Recurrent layers with attention, as torch.nn modules."""

from .cells import EleAttGRUCell, EleAttLSTMCell, EleAttRNNCell
from .eleatt import EleAttGRU, EleAttLSTM, EleAttRNN

__all__ = ["EleAttGRU", "EleAttGRUCell", "EleAttLSTM", "EleAttLSTMCell", "EleAttRNN", "EleAttRNNCell"]
