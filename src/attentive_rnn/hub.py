"""Models on the Hugging Face hub: fetched by name into its cache, and put there from a folder.

Input is a name USER/REPOSITORY, or USER/REPOSITORY@REVISION; only weights and descriptions are fetched, none executed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .data.io.memory import check_memory
from .errors import ConfigError, needed_for, one_line

NEEDS = "models on the Hugging Face hub need huggingface_hub: pip install 'attentive-rnn[hub]'"
DESCRIPTION = "config.json"
_FETCHED = [DESCRIPTION, "*.safetensors"]
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?", re.ASCII)


def is_name(path: str | Path) -> bool:
    """Whether a path can only be the name of a model on the hub: its first folder is not here.

    Example:
        >>> is_name("no-such-folder/gestures@v2"), is_name("docs/no-such-run"), is_name("no-such-file.csv")
        (True, False, False)
    """
    name = str(path)
    return _NAME.fullmatch(name) is not None and not Path(name.split("/")[0]).exists()


def fetch(name: str) -> Path:
    """The folder of the hub's cache with the description and the weights of a model, fetched if they are not there.

    Args:
        name: USER/REPOSITORY, with @ and a branch, a tag or a commit if it is not to be the newest.

    Raises:
        ConfigError: there is no such model or revision, or the hub cannot be reached and the cache does not have it.
        DataError: its files are larger than may be read; see :func:`attentive_rnn.data.io.memory.max_memory`.
        MissingExtraError: huggingface_hub is not installed.
    """
    with needed_for(f"{name}: there is no such folder; {NEEDS}"):
        from huggingface_hub.errors import DryRunError, HTTPError, LocalEntryNotFoundError
    repository, _, revision = name.partition("@")
    try:
        found = _snapshot(repository, revision or None, dry_run=True)
        check_memory(sum(file.file_size or 0 for file in found), name)
        if DESCRIPTION not in [file.filename for file in found]:
            raise ConfigError(f"{name}: is on the hub, but has no {DESCRIPTION}: it is no model of this package")
        # Of the commit that was looked at, so that nothing larger has taken its place.
        return Path(_snapshot(repository, found[0].commit_hash))
    except DryRunError as error:  # the hub does not answer, or has nothing
        try:
            return Path(_snapshot(repository, revision or None, local_files_only=True))
        except LocalEntryNotFoundError:
            why = _reason(error.__cause__ or error)
            raise ConfigError(f"{name}: there is no such folder, and {why}") from error
    except (HTTPError, OSError) as error:
        raise ConfigError(f"{name}: {_reason(error)}") from error


def push(folder: Path, repository: str, private: bool) -> str:
    """Put the files of a folder into a repository of the hub, which is made if need be; give the address of it.

    Raises:
        ConfigError: the hub cannot be reached, or does not allow it.
        MissingExtraError: huggingface_hub is not installed.
    """
    with needed_for(NEEDS):
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HTTPError
    api = HfApi()
    try:
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Model of attentive-rnn")
    except (HTTPError, OSError, ValueError) as error:
        raise ConfigError(f"{repository}: {_reason(error)}") from error
    return str(address)


def _snapshot(repository: str, revision: str | None, **options: Any) -> Any:
    """The folder of the cache with a model's files; of a dry run what would be fetched."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import tqdm

    class Silent(tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options | {"disable": True})

    return snapshot_download(repository, revision=revision, allow_patterns=_FETCHED, tqdm_class=Silent, **options)


def _reason(error: BaseException) -> str:
    """Why the hub does not give or take something, and what to do."""
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, RevisionNotFoundError):
        return "the hub has the repository, but no such branch, tag or commit in it"
    if isinstance(error, RepositoryNotFoundError):
        return "the hub has no such repository, or a private one: log in with `hf auth login` if it is yours"
    if isinstance(error, OfflineModeIsEnabled):
        return "the hub is not asked (HF_HUB_OFFLINE is set), and its cache on this machine has no such model"
    if isinstance(error, HfHubHTTPError):
        if error.response.status_code in (401, 403):
            return "the hub does not allow it: log in with `hf auth login`, by a token that may write"
        return f"the hub answered: {one_line(error)}"
    if isinstance(error, HFValidationError):
        return one_line(error)
    return f"the hub cannot be reached ({one_line(error)}), and its cache on this machine has no such model"
