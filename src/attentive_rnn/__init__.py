"""attentive-rnn: recurrent layers with attention for PyTorch. PyTorch is imported when a name is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from .trained import load

    __version__: str

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
    "load",
]


def __getattr__(name: str) -> Any:
    if name in ("layers", "models", "ops"):
        return import_module(f".{name}", __name__)
    if name == "__version__":
        from importlib.metadata import version  # late: it reads files

        return version("attentive-rnn")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = {"SequenceClassifier": "models", "backends": "ops", "load": "trained"}.get(name, "layers")
    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
