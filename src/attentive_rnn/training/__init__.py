"""Training by recipe: configurations, runs, their folders and models. A name's module is imported when it is used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..data.transforms import Standardise
    from ..tasks.metrics import Scores, score, student, wilson
    from .automatic import choose
    from .config import Config
    from .recipes import list_recipes, load_config
    from .run import resume, train
    from .run_folder import RunFolder, list_runs, open_run
    from .saved_model import SavedModel, load_model, save_model

__all__ = [
    "Config",
    "RunFolder",
    "SavedModel",
    "Scores",
    "Standardise",
    "choose",
    "list_recipes",
    "list_runs",
    "load_config",
    "load_model",
    "open_run",
    "resume",
    "save_model",
    "score",
    "student",
    "train",
    "wilson",
]

_HOMES = {
    "..data.transforms": ("Standardise",),
    "..tasks.metrics": ("Scores", "score", "student", "wilson"),
    ".automatic": ("choose",),
    ".config": ("Config",),
    ".recipes": ("list_recipes", "load_config"),
    ".run": ("resume", "train"),
    ".run_folder": ("RunFolder", "list_runs", "open_run"),
    ".saved_model": ("SavedModel", "load_model", "save_model"),
}


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home, __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
