"""`attentive info`: what is installed, and what it runs on."""

from __future__ import annotations

import argparse


def add(info: argparse.ArgumentParser) -> None:
    """Give the parser of `attentive info` its arguments."""
    info.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
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
