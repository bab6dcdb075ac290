"""Recurrent layers with attention, as torch.nn modules."""

from .attention_rnn import AttentionRNN2d
from .cells import EleAttGRUCell, EleAttLSTMCell, EleAttRNNCell
from .conv_gru import AttentiveConvGRU
from .eleatt import EleAttGRU, EleAttLSTM, EleAttRNN
from .rra import RRA, RRACell
from .spatial import CBAMSpatialGate, ConvMask2d, LocalAttention2d, NoAttention2d

__all__ = [
    "RRA",
    "AttentionRNN2d",
    "AttentiveConvGRU",
    "CBAMSpatialGate",
    "ConvMask2d",
    "EleAttGRU",
    "EleAttGRUCell",
    "EleAttLSTM",
    "EleAttLSTMCell",
    "EleAttRNN",
    "EleAttRNNCell",
    "LocalAttention2d",
    "NoAttention2d",
    "RRACell",
]
