"""Commands about the installation: `attentive info` and `attentive completion`."""

from __future__ import annotations

import argparse

from .arguments import Argument, Command


def _info(arguments: argparse.Namespace) -> int:
    import torch

    from .. import backends
    from ..training import list_recipes
    from ..training.environment import hardware, packages, versions

    machine, found = hardware(), versions()
    print(f"attentive-rnn    {found['attentive-rnn']}, Python {found['python']}, torch {torch.__version__}")
    print(f"system           {machine['system']}")
    print(f"processor        {machine['cpu']}, {machine['cores']} cores, {torch.get_num_threads()} threads")
    print(f"memory           {machine['memory_gib']} GiB")
    print(f"GPU              {', '.join(machine['gpus']) or 'none that torch sees'}")
    print("backends")
    for backend in backends():
        print(f"  {backend.name:14} {'yes' if backend.available else 'no '}  {backend.reason}")
    print("packages")
    for package in packages():
        hint = f"not installed: pip install 'attentive-rnn[{package.extra}]'" if package.extra else "not installed"
        print(f"  {package.name:18} {package.version or hint}{f'  ({package.extra})' if package.extra else ''}")
    print("recipes")
    for name, text in list_recipes().items():
        print(f"  {name:18} {text}")
    return 0


def _completion(arguments: argparse.Namespace) -> int:
    import shtab

    waiting: list[argparse.ArgumentParser] = [arguments.parser]
    while waiting:
        for action in waiting.pop()._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
            elif action.nargs != 0 and action.type is None and action.choices is None:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(arguments.parser, arguments.shell))
    return 0


INFO = Command("info", "versions, hardware, backends, extras and recipes", "attentive info", _info)
COMPLETION = Command(
    "completion",
    "print what lets a shell complete this command",
    "attentive completion bash > ~/.local/share/bash-completion/completions/attentive",
    _completion,
    Argument("shell", choices=("bash", "zsh", "fish", "tcsh"), help="for which shell"),
)
