"""The command `attentive`. What is slow to import is imported by the subcommand that needs it."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .commands import attention as commands_attention
from .commands import data as commands_data
from .commands import evaluate as commands_evaluate
from .commands import explain as commands_explain
from .commands import features as commands_features
from .commands import fuse as commands_fuse
from .commands import info as commands_info
from .commands import pose as commands_pose
from .commands import predict as commands_predict
from .commands import report as commands_report
from .commands import reproduce as commands_reproduce
from .commands import serve as commands_serve
from .commands import stream as commands_stream
from .commands import study as commands_study
from .errors import ConfigError, UserError

if TYPE_CHECKING:
    from rich.console import Console

    from .training import RunFolder

Overrides = list[tuple[str, str]]
RESUME_NEWEST = ""  # what --resume without a folder stands for


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, 2 for a mistake of the user's, 130 after Ctrl-C."""
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except UserError as error:
        print(f"attentive: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("attentive: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of the output, such as `head`, has gone; Python would complain again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see {self.prog} --help)")


def _run(argv: list[str]) -> int:
    argv, overrides = _split_overrides(argv)
    parser, commands = _parsers()
    if argv and not argv[0].startswith("-") and argv[0] not in commands:
        raise ConfigError(f"unknown command {argv[0]!r}; {_nearest(argv[0], list(commands))}")
    arguments, unknown = parser.parse_known_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 0
    command = commands[arguments.command]
    if unknown:
        options = [name for action in command._actions for name in action.option_strings if name.startswith("--")]
        kind = "option" if unknown[0].startswith("-") else "argument"
        hint = _nearest(unknown[0].split("=")[0], options) if kind == "option" else f"see {command.prog} --help"
        raise ConfigError(f"{command.prog}: unknown {kind} {unknown[0]!r}; {hint}")
    if overrides and not getattr(arguments, "takes_overrides", False):
        raise ConfigError(f"{command.prog}: takes no --section.key options, got --{overrides[0][0]}")
    arguments.overrides = overrides
    run: Callable[[argparse.Namespace], int] = arguments.run
    return run(arguments)


def _split_overrides(argv: list[str]) -> tuple[list[str], Overrides]:
    """The arguments without --section.key value, and those apart."""
    rest: list[str] = []
    overrides: Overrides = []
    waiting = iter(argv)
    for argument in waiting:
        match = re.fullmatch(r"--([A-Za-z_-]+\.[^=]*)(=(.*))?", argument, re.DOTALL)
        if not match:
            rest.append(argument)
            continue
        value = match[3] if match[2] else next(waiting, None)
        if value is None or (not match[2] and value.startswith("--")):
            raise ConfigError(f"option --{match[1]} needs a value")
        overrides.append((match[1].replace("-", "_"), value))
    return rest, overrides


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"


def _parsers() -> tuple[_Parser, dict[str, argparse.ArgumentParser]]:
    parser = _Parser(prog="attentive", description="Train and use recurrent layers with attention.", allow_abbrev=False)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    parser.set_defaults(command=None)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int] | None, text: str, **extra: Any
    ) -> argparse.ArgumentParser:
        made = subparsers.add_parser(name, help=text, description=text, allow_abbrev=False, **extra)
        made.set_defaults(run=run)
        return made

    recipe_help = {
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "epilog": "Every key of a recipe is an option too: --optim.lr 0.001 --model.gate null --data.path PATH.\n"
        "The recipes and all keys with their values: attentive info, attentive train RECIPE --print_config.",
    }
    train = command("train", _train, "train a recipe, or on a data set; the result is a run folder", **recipe_help)
    _add_recipe(train)
    train.add_argument("--seed", help="of everything random (default 0)")
    train.add_argument("--init-from", "--init_from", metavar="RUN", help="start with the weights of a finished run")
    train.add_argument("--print_config", action="store_true", help="print the complete recipe and leave")
    train.add_argument(
        "--resume",
        nargs="?",
        const=RESUME_NEWEST,
        metavar="RUN",
        help="continue an interrupted run: the newest one of the recipe, or the one in the folder RUN",
    )

    compare = command(
        "compare", _compare, "train with the gate and without, or several models, over the same seeds", **recipe_help
    )
    _add_recipe(compare)
    compare.add_argument(
        "--models",
        nargs="+",
        default=[],
        metavar="MODEL",
        help="such as lstm eleatt-gru, each as wide as gives it the recipe's number of parameters; gru-100: 100 wide; "
        "or some of gate, no-gate and no-gate-wide, which are trained if none are named",
    )
    compare.add_argument(
        "--threshold", type=float, metavar="X", help="say after how many training sequences validation was better"
    )
    compare.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED", help="default: 0")

    commands_evaluate.add(command("evaluate", None, "score a run's model on the test sequences of its data set"))
    commands_predict.add(command("predict", None, "label sequences with a run's model"))
    commands_explain.add(command("explain", None, "show what a run's model attends to, and test what that means"))
    commands_report.add(command("report", None, "write a run's results, curves and attention into one page"))
    commands_data.add(command("data", None, "the data sets: what can be read, what is in a file, and conversion"))
    commands_features.add(command("features", None, "what a network sees in every frame of videos, for training"))
    commands_attention.add_masks(command("masks", None, "draw where networks for images attend"))
    commands_attention.add_silhouettes(
        command("silhouettes", None, "how much of a model's attention lies on people in films")
    )
    commands_pose.add(command("pose", None, "where people's joints are in videos, as a data set"))
    commands_stream.add(command("stream", None, "what people do in a video, at a camera, or in joints as they arrive"))
    commands_serve.add(command("serve", None, "a page on this machine: what a webcam or a film shows, live"))
    commands_fuse.add(
        command("fuse", None, "score several runs of one data set together, such as a skeleton's streams")
    )
    commands_attention.add_lags(command("lags", None, "the weights that RRA models give to their former outputs"))
    commands_study.add(command("study", None, "train recipes and models over data sets and seeds, into one table"))
    reproduce = command(
        "reproduce", _reproduce, "train a table of the paper and print it beside the paper's", **recipe_help
    )
    commands_reproduce.add(reproduce)
    _add_configuration(reproduce)

    commands_info.add(command("info", None, "versions, hardware, backends, extras and recipes"))
    return parser, dict(subparsers.choices)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from . import __version__

        print(f"attentive-rnn {__version__}")
        parser.exit()


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="name of a recipe, or path of a .yaml file")
    _add_configuration(parser)


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(takes_overrides=True)
    parser.add_argument("--data", metavar="PATH", help="the data set; without RECIPE a general recipe is chosen for it")
    parser.add_argument("--output-dir", "--output_dir", metavar="DIR", help="folder for the runs (default runs)")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:INDEX (default auto)")
    parser.add_argument("--devices", metavar="N", help="GPUs of this machine to train on together (default 1)")
    parser.add_argument("--precision", help="32-true, 64-true, bf16-mixed or 16-mixed (default 32-true)")


def _chosen(arguments: argparse.Namespace, *, paper: bool = False) -> tuple[str, Overrides]:
    """The recipe that was named, or the general (or the paper's) one for --data, and what all options override."""
    from .training.recipes import general_recipe

    overrides: Overrides = [] if arguments.data is None else [("data.path", arguments.data)]
    overrides += arguments.overrides
    for option in ("seed", "init_from", "output_dir", "device", "devices", "precision"):
        if getattr(arguments, option, None) is not None:
            overrides.append((option, getattr(arguments, option)))
    if arguments.recipe is not None:
        return arguments.recipe, overrides
    if arguments.data is None:
        raise ConfigError("give a RECIPE (see attentive info), or --data PATH")
    return general_recipe(arguments.data, paper=paper), overrides


def _train(arguments: argparse.Namespace) -> int:
    from .training import list_recipes, open_run, recipes
    from .training.run import find_resumable, require_same, resume, train
    from .training.setup import load_splits

    # `--resume RECIPE`: the recipe was taken for the folder of a run.
    if arguments.recipe is None and arguments.resume in list_recipes():
        arguments.recipe, arguments.resume = arguments.resume, RESUME_NEWEST
    run = open_run(arguments.resume) if arguments.resume else None
    if run is not None and arguments.recipe is None:
        arguments.recipe = str(run.config)
    recipe, overrides = _chosen(arguments)
    config = recipes.read_recipe(recipe, overrides)
    if arguments.print_config:
        print(recipes.to_yaml(config), end="")
        return 0
    config = recipes.resolve(config)
    parent = Path(config.output_dir) / recipes.recipe_name(recipe)
    if run is None and arguments.resume is not None:
        run = find_resumable(config, parent)
        if run is None:
            print(f"{parent}: no run of this configuration to resume; starting one", file=sys.stderr)
    if run is not None:
        require_same(config, run)
        if run.finished:
            print(f"{run.path}: this run is finished", file=sys.stderr)
            return _say_results(run)
    splits = load_splits(config)
    run = train(config, parent, splits=splits) if run is None else resume(run, splits=splits)
    commands_report.report_of(run, splits)
    return _say_results(run)


def _say_results(run: RunFolder) -> int:
    """Say how a finished run did."""
    from .tasks import task_for
    from .training import load_model

    results = run.read_results()
    print(f"run              {run.path}")
    print(f"model            {run.model}")
    if run.report.exists():
        print(f"report           {run.report}")
    print(f"{results.get('select', 'best')} epoch       {results['best_epoch']} of {results['epochs']}")
    task = task_for(load_model(run.model).schema)
    metric = task.metric
    if (reached := results.get(f"validation_{metric.name}")) is not None:
        print(f"validation       {metric.in_words(reached)}")
    commands_evaluate.print_scores(task, results["test"])
    each = "an image" if task.schema.medium == "image" else "a step of a sequence"
    print(f"parameters       {results['parameters']}, {results['flops_per_step']} FLOPs {each}")
    print(
        f"time             {results['seconds']:.1f} s, {results['seconds_per_epoch']:.3g} s an epoch, "
        f"{100 * results['loading_share']:.0f} % of it to make batches"
    )
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from .experiments.compare import compare
    from .training import recipes

    recipe, overrides = _chosen(arguments)
    config = recipes.load_config(recipe, overrides)
    parent = Path(config.output_dir) / recipes.recipe_name(recipe)
    comparison = compare(config, parent, arguments.seeds, models=arguments.models, threshold=arguments.threshold)
    console = _console()
    console.print(comparison.table())
    for line in comparison.remarks():
        print(line)
    return 0


def _reproduce(arguments: argparse.Namespace) -> int:
    from .experiments.reproduce import read_table

    arguments.recipe = arguments.recipe or read_table(arguments.table).recipe
    recipe, overrides = _chosen(arguments, paper=True)
    return commands_reproduce.run(arguments.table, recipe, overrides, arguments.seeds)


def _console() -> Console:
    """The standard output; wide where it is a file, whose lines nobody folds."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 160)


if __name__ == "__main__":
    sys.exit(main())
