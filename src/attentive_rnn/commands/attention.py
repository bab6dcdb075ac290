"""Commands on the attention of runs: `attentive sensors`, `masks`, `lags` and `silhouettes`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import ConfigError, MissingExtraError, installed
from .arguments import (
    JSON,
    MOVED_DATA,
    OPTION,
    RUN,
    TRAINING,
    Argument,
    Command,
    after_training,
    line,
    overwrite,
    reader_options,
    show,
)


def _sensors(arguments: argparse.Namespace) -> int:
    from ..data.dataset import sequences_only
    from ..data.io.files import check_folder
    from ..explain.sensors import choose, write
    from ..terminal import standard_error
    from ..training import load_model, open_run
    from ..training.inputs import run_splits

    if arguments.tolerance is not None and not 0 <= arguments.tolerance < 100:
        raise ConfigError(f"--tolerance must be points from 0 to below 100, got {arguments.tolerance}")
    if not installed("matplotlib"):
        raise MissingExtraError("pictures need matplotlib: pip install 'attentive-rnn[report]'")
    run = open_run(arguments.folder)
    saved = load_model(run.model)
    if saved.task.explanation != "sequences":
        raise ConfigError(f"{run.path}: is a run on images or maps, which have no joints or features to choose from")
    folder = run.explain / "sensors" if arguments.out is None else Path(arguments.out)
    check_folder(folder)
    config = run.read_config(arguments.data, reader_options(arguments))
    splits = run_splits(run, saved, config)
    found = choose(run, saved, splits, config, arguments.tolerance, standard_error())
    written = write(found, sequences_only(splits.train), folder)
    arguments.run_folder = None if found.alone is None else found.alone.path
    lines = [*found.lines(), *(f"written: {path}" for path in written)]
    show(arguments, {**found.values(), "written": list(map(str, written))}, lines)
    return 0


def _masks(arguments: argparse.Namespace) -> int:
    from ..data import ImageDataset
    from ..data.io.files import check_writable
    from ..draw.charts import save
    from ..training import load_model, open_run
    from ..training.inputs import matched_splits
    from ..training.saved_model import SavedModel
    from ..training.setup import load_splits

    if not installed("matplotlib"):
        raise MissingExtraError("pictures need matplotlib: pip install 'attentive-rnn[report]'")
    from ..explain.images import ImageExplanation, compared_masks, explain_images

    path = check_writable(Path(arguments.picture), (".png",), overwrite=True)
    runs = [open_run(folder) for folder in arguments.folders]
    options = reader_options(arguments)
    configs = [run.read_config(arguments.data, options) for run in runs]
    models: dict[str, SavedModel] = {}
    splits = load_splits(configs[0])
    for run, config in zip(runs, configs, strict=True):
        if (config.data.source, config.data.options) != (configs[0].data.source, configs[0].data.options):
            raise ConfigError(f"{run.path}: is of another data set than {runs[0].path}")
        saved = load_model(run.model)
        if saved.task.explanation != "images":
            raise ConfigError(f"{run.path}: is a model of sequences; use attentive explain")
        models[config.vision.attention + (f" ({config.seed})" if config.seed else "")] = saved
        splits = matched_splits(run, saved, splits)
    test = splits.test
    assert isinstance(test, ImageDataset)
    items = arguments.items or list(range(min(4, len(test))))
    wrong = [i for i in items if not 0 <= i < len(test)]
    if wrong:
        raise ConfigError(f"--items: there is no test item {wrong[0]}; they go from 0 to {len(test) - 1}")
    shown = test.subset(items)
    found: dict[str, list[ImageExplanation]] = {name: explain_images(saved, shown) for name, saved in models.items()}
    save(compared_masks(found, test.schema.classes), path, dpi=64)
    print(path)
    return 0


def _lags(arguments: argparse.Namespace) -> int:
    from ..data.io.files import check_writable
    from ..draw.charts import lag_bars, save
    from ..explain.lags import learnt_lags
    from ..training import load_model, open_run

    out = None
    if arguments.out is not None:
        out = check_writable(arguments.out, (".png", ".svg"), arguments.overwrite)
    weights, first = {}, {}
    for folder in arguments.folders:
        run = open_run(folder)
        model = load_model(run.model).model
        start = model.config["first_lag"]
        # The folder of a recipe holds its runs, or the folders of comparisons that do.
        recipe = next(part.name for part in run.path.resolve().parents if not part.name.startswith("compare-"))
        for layer, values in learnt_lags(model).items():
            title = f"{recipe}, {run.path.name}, {layer}"
            weights[title], first[title] = values, start
            print(f"{title}  {'  '.join(f'{lag}: {value:.3f}' for lag, value in enumerate(values, start))}")
    if out is not None:
        save(lag_bars(weights, first), out, dpi=150)
        print(f"drawn: {out}")
    return 0


def _silhouettes(arguments: argparse.Namespace) -> int:
    from ..data.skeletons.silhouettes import read_silhouettes
    from ..explain.films import attention_on_people
    from ..tasks.metrics import Interval
    from ..training import load_model, open_run
    from ..training.inputs import run_splits

    def shown(share: Interval) -> str:
        return f"{100 * share.value:5.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"

    silhouettes = read_silhouettes(arguments.silhouettes)
    for folder in arguments.folders:
        run = open_run(folder)
        saved = load_model(run.model)
        test = run_splits(run, saved, run.read_config(arguments.data, reader_options(arguments))).test
        found = attention_on_people(saved, test, silhouettes)
        print(
            f"{run.path.name:20} on the person {shown(found.attention)}, whose area is {shown(found.area)}; "
            f"difference {shown(found.gain)}; {len(test)} videos, {found.frames} frames"
        )
    return 0


SENSORS = Command(
    "sensors",
    "the fewest joints or features that keep a run's accuracy",
    "attentive sensors runs/natops/TIME",
    _sensors,
    RUN,
    Argument(
        "--tolerance",
        type=float,
        metavar="POINTS",
        help="accuracy in %% that may be lost (default 1, or one standard error where that is more)",
    ),
    Argument("--out", metavar="DIR", help="where the curve and the picture go (default RUN/explain/sensors)"),
    MOVED_DATA,
    OPTION,
    JSON,
    loads=TRAINING,
    goes_on=True,
    next=after_training,
)
MASKS = Command(
    "masks",
    "draw where networks for images attend",
    "attentive masks runs/mdist/FIRST runs/mdist/SECOND --picture masks.png",
    _masks,
    Argument("folders", nargs="+", metavar="RUN", help="run folders of one data set of images"),
    Argument("--picture", required=True, metavar="FILE.png", help="where to draw"),
    Argument("--items", nargs="+", type=int, metavar="N", help="which test items (default 0 1 2 3)"),
    MOVED_DATA,
    OPTION,
    next=lambda a: [line("evaluate", a.folders[0])],
)
LAGS = Command(
    "lags",
    "the weights that RRA models give to their past outputs",
    "attentive lags runs/adding/TIME --out lags.png",
    _lags,
    Argument("folders", nargs="+", metavar="RUN", help="run folders of models with model.cell rra"),
    Argument("--out", metavar="FILE", help="draw the weights into a .png or .svg"),
    overwrite("the picture"),
    next=lambda a: [line("explain", a.folders[0])],
)
SILHOUETTES = Command(
    "silhouettes",
    "how much of a model's attention lies on people in videos",
    "attentive silhouettes silhouettes.npz runs/jhmdb-maps/TIME",
    _silhouettes,
    Argument("silhouettes", metavar="SILHOUETTES", help="an .npz, or a folder or zip of CLASS/CLIP/puppet_mask.mat"),
    Argument("folders", nargs="+", metavar="RUN", help="run folders of models of maps of features"),
    MOVED_DATA,
    OPTION,
    next=lambda a: [line("explain", a.folders[0], "--faithfulness")],
)
