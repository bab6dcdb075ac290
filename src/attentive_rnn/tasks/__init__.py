"""Tasks by the medium and the target of a data set: classification, regression, images, maps of features."""

from . import classification, images, maps, regression
from .base import TASKS, Metric, Model, Task, register, task_for

__all__ = [
    "TASKS",
    "Metric",
    "Model",
    "Task",
    "classification",
    "images",
    "maps",
    "register",
    "regression",
    "task_for",
]
