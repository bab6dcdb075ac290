"""Command `attentive verify`: whether the files and the data of a run are those that it recorded."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .arguments import JSON, MOVED_DATA, OPTION, RUN, Command, line, reader_options, show

if TYPE_CHECKING:
    from ..training import Config, RunFolder

RIGHT, UNKNOWN = "as recorded", "not recorded: the run is of an earlier version"


def _verify(arguments: argparse.Namespace) -> int:
    from ..errors import ConfigError, one_line
    from ..training import open_run

    run = open_run(arguments.folder)
    found = _files(run)
    try:
        config = run.read_config(arguments.data, reader_options(arguments))
    except ConfigError as error:
        found["config.yaml"] = f"changed: {one_line(error)}"
    else:
        found["config.yaml"] = RIGHT
        found["data"] = _data(run, config)
    wrong = [name for name, words in found.items() if words.startswith(("changed", "missing"))]
    show(arguments, {"found": found, "wrong": wrong}, [f"{name:24} {words}" for name, words in found.items()])
    return 1 if wrong else 0


def _files(run: RunFolder) -> dict[str, str]:
    """What has become of each file whose digest results.json holds."""
    from ..errors import ConfigError, one_line
    from ..training.run import digests

    if not run.finished:
        run.read_results()  # says that there is none
    try:
        results = run.read_results()
        recorded = results.get("sha256", {})
        if not isinstance(recorded, dict):
            raise ConfigError("sha256 must be an object")
    except ConfigError as error:
        return {run.results.name: f"changed: {one_line(error)}; what it recorded of the other files is lost"}
    found = {}
    for name, digest in digests(run, results).items():
        right = RIGHT if digest == recorded.get(name) else "missing" if digest is None else "changed"
        found[name] = right if name in recorded else UNKNOWN
    return found


def _data(run: RunFolder, config: Config) -> str:
    """What has become of the data of a run."""
    from ..data import fingerprint
    from ..errors import UserError, one_line
    from ..training.inputs import known_data
    from ..training.setup import load_splits

    try:
        known = known_data(run)
    except UserError as error:
        return f"changed: {one_line(error)}"
    if known is None:
        return UNKNOWN
    try:
        splits = load_splits(config)
    except UserError as error:
        return f"not compared: {one_line(error)}"
    changes = fingerprint.find(known, splits).changes()
    return f"changed: {'; '.join(changes)}" if changes else RIGHT


VERIFY = Command(
    "verify",
    "whether the model, the configuration and the data of a run are those that it recorded",
    "attentive verify runs/skeleton/TIME",
    _verify,
    RUN,
    MOVED_DATA,
    OPTION,
    JSON,
    next=lambda a: [line("evaluate", a.folder), line("report", a.folder)],
)
