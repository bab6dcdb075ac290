"""Training by recipe: configurations, runs, their folders and models."""

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
