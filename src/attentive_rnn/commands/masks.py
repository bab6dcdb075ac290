"""`attentive masks`: where several networks for images attend, side by side; of one, see `attentive explain`."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from ..errors import ConfigError, MissingExtraError
from .arguments import Argument, Command


def _masks(arguments: argparse.Namespace) -> int:
    from ..data import ImageDataset
    from ..data.io.files import check_writable
    from ..training import load_model, open_run
    from ..training.saved_model import SavedModel
    from ..training.setup import load_splits

    if find_spec("matplotlib") is None:
        raise MissingExtraError("pictures need matplotlib: pip install 'attentive-rnn[report]'")
    from ..explain.images import ImageExplanation, explain_images
    from ..explain.masks import compared_masks

    path = check_writable(Path(arguments.picture), (".png",), overwrite=True)
    runs = [open_run(folder) for folder in arguments.folders]
    configs = [run.read_config(arguments.data) for run in runs]
    models: dict[str, SavedModel] = {}
    for run, config in zip(runs, configs, strict=True):
        if (config.data.source, config.data.options) != (configs[0].data.source, configs[0].data.options):
            raise ConfigError(f"{run.path}: is of another data set than {runs[0].path}")
        saved = load_model(run.model)
        if saved.task.explanation != "images":
            raise ConfigError(f"{run.path}: is a model of sequences; use attentive explain")
        models[config.vision.attention + (f" ({config.seed})" if config.seed else "")] = saved
    test = load_splits(configs[0]).test
    assert isinstance(test, ImageDataset)
    items = arguments.items or list(range(min(4, len(test))))
    wrong = [i for i in items if not 0 <= i < len(test)]
    if wrong:
        raise ConfigError(f"--items: there is no test item {wrong[0]}; they go from 0 to {len(test) - 1}")
    shown = test.subset(items)
    found: dict[str, list[ImageExplanation]] = {name: explain_images(saved, shown) for name, saved in models.items()}
    compared_masks(found, test.schema.classes).savefig(path, dpi=64)
    print(path)
    return 0


MASKS = Command(
    "masks",
    "draw where networks for images attend",
    "attentive masks runs/mdist/FIRST runs/mdist/SECOND --picture masks.png",
    _masks,
    Argument("folders", nargs="+", metavar="RUN", help="run folders of one data set of images"),
    Argument("--picture", required=True, metavar="FILE.png", help="where to draw"),
    Argument("--items", nargs="+", type=int, metavar="N", help="which test items (default 0 1 2 3)"),
    Argument("--data", metavar="PATH", help="where the data set is now, if it has moved"),
)
