"""Errors that a user can mend: the command prints them as one line and exits with status 2."""


class UserError(Exception):
    """Something the user gave cannot be used; the message names it and says what to do."""


class DataError(UserError, ValueError):
    """A file or a data set cannot be read; the message names the file and the field, line or frame."""


class ConfigError(UserError, ValueError):
    """A recipe, an option or a run folder cannot be used; the message names the key."""


class MissingExtraError(UserError, ImportError):
    """A part of the package needs an optional dependency; the message says which one to install."""
