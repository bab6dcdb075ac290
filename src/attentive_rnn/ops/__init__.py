"""Recurrences as functions: for each its equations (`reference`), its fast backends, and the choice between them."""

from .dispatch import BackendError, BackendStatus, Choice, backends

__all__ = ["BackendError", "BackendStatus", "Choice", "backends"]
