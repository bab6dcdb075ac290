"""Commands about the installation: `attentive info` and `attentive completion`."""

from __future__ import annotations

import argparse
from typing import Any

from .arguments import JSON, Argument, Command, show


def _info(arguments: argparse.Namespace) -> int:
    from ..environment import hardware, packages, versions
    from ..training.recipes import list_recipes

    machine, found, recipes = hardware(), versions(), list_recipes()
    lines = [
        f"attentive-rnn    {found['attentive-rnn']}, Python {found['python']}, torch {found.get('torch', 'missing')}",
        f"system           {machine['system']}",
        f"processor        {machine['cpu']}, {machine['cores']} cores",
        f"memory           {machine['memory_gib']} GiB",
    ]
    values = {"versions": found, "hardware": machine, "recipes": recipes}
    if arguments.backends:
        more, said = _torch()
        values, lines = values | more, lines + said
    lines.append("packages")
    for package in packages():
        hint = f"not installed: pip install 'attentive-rnn[{package.extra}]'" if package.extra else "not installed"
        lines.append(f"  {package.name:18} {package.version or hint}{f'  ({package.extra})' if package.extra else ''}")
    show(arguments, values, [*lines, "recipes", *(f"  {name:18} {text}" for name, text in recipes.items())])
    return 0


def _torch() -> tuple[dict[str, Any], list[str]]:
    """What only PyTorch knows of the machine, as values and as lines."""
    import torch

    from .. import backends
    from ..environment import gpus

    threads, seen, found = torch.get_num_threads(), gpus(), backends()
    lines = [f"threads          {threads}", f"GPU              {', '.join(seen) or 'none that torch sees'}", "backends"]
    lines += [f"  {one.name:14} {'yes' if one.available else 'no '}  {one.reason}" for one in found]
    return {"threads": threads, "gpus": seen, "backends": [one._asdict() for one in found]}, lines


def _next(arguments: argparse.Namespace) -> list[str]:
    return ["attentive data list"] if arguments.backends else ["attentive info --backends", "attentive data list"]


def _completion(arguments: argparse.Namespace) -> int:
    import shtab

    from ..training.recipes import list_recipes

    names = " ".join(list_recipes())
    recipes = shtab.FILE | {
        "bash": "_attentive_recipes",
        "zsh": "_attentive_recipes",
        "fish": f"{names} {shtab.FILE['fish']}",
    }
    preamble = {
        "bash": f'_attentive_recipes() {{ compgen -W "{names}" -- "$1"; compgen -f -- "$1"; }}',
        "zsh": f"_attentive_recipes() {{ _alternative 'recipes:recipe:({names})' 'files:file:_files' }}",
    }
    waiting: list[argparse.ArgumentParser] = [arguments.parser]
    while waiting:
        for action in waiting.pop()._actions:
            if isinstance(action, argparse._SubParsersAction):
                waiting += action.choices.values()
            elif action.nargs != 0 and action.type is None and action.choices is None:
                folder = action.metavar in ("RUN", "DIR")
                kind = recipes if action.dest == "recipe" else shtab.DIRECTORY if folder else shtab.FILE
                action.complete = kind  # type: ignore[attr-defined]
    print(shtab.complete(arguments.parser, arguments.shell, preamble=preamble))  # type: ignore[arg-type]  # one a shell
    return 0


INFO = Command(
    "info",
    "versions, hardware, backends, extras and recipes",
    "attentive info",
    _info,
    Argument("--backends", action="store_true", help="the GPUs and the backends too, for which PyTorch is loaded"),
    JSON,
    light=lambda arguments: not arguments.backends,
    next=_next,
)
COMPLETION = Command(
    "completion",
    "print what lets a shell complete this command",
    "attentive completion bash > ~/.local/share/bash-completion/completions/attentive",
    _completion,
    Argument("shell", choices=("bash", "zsh", "fish", "tcsh"), help="for which shell"),
    light=True,
)
