"""A search for settings by Ray Tune, whose scheduler ends bad trainings early by what they reach after each epoch.

Usage: python examples/with_ray.py FOLDER; the runs are written into FOLDER. It needs `pip install 'ray[tune]'`.
"""

import sys
from pathlib import Path

from ray import tune
from ray.tune.schedulers import ASHAScheduler
from rich.console import Console

from attentive_rnn.training import load_config, train

EPOCHS = 8


def objective(settings: dict) -> None:
    """One training, in a process of its own, judged on the validation part; the test part chooses nothing."""
    config = load_config(
        "basic-motions",
        [
            ("model.hidden_size", str(settings["hidden_size"])),
            ("optim.lr", str(settings["lr"])),
            ("model.num_layers", "1"),
            ("training.max_epochs", str(EPOCHS)),
            ("device", "cpu"),
        ],
    )

    def report(row: dict[str, float]) -> None:
        tune.report({"loss": row["valid_loss"]})

    name = f"trial-{tune.get_context().get_trial_id()}"
    train(config, Path(settings["folder"]), name=name, console=Console(quiet=True), callbacks=[report])


def main(folder: Path, trials: int = 6) -> tune.ResultGrid:
    """Search the width and the learning rate."""
    folder = folder.resolve()  # Ray's processes have working directories of their own
    space = {"hidden_size": tune.lograndint(4, 17), "lr": tune.loguniform(1e-4, 3e-2), "folder": str(folder)}
    scheduler = ASHAScheduler(max_t=EPOCHS + 1, grace_period=2, reduction_factor=2)  # runs end by themselves
    search = tune.TuneConfig(metric="loss", mode="min", num_samples=trials, scheduler=scheduler)
    kept = tune.RunConfig(name="ray", storage_path=str(folder), verbose=0)
    grid = tune.Tuner(objective, param_space=space, tune_config=search, run_config=kept).fit()
    ended = sum(result.metrics["training_iteration"] < EPOCHS for result in grid)
    best = grid.get_best_result()
    found = {name: best.config[name] for name in ("hidden_size", "lr")}
    print(f"{len(grid)} runs, {ended} ended early; best {found}, loss {best.metrics['loss']:.2f}")
    return grid


if __name__ == "__main__":
    main(Path(sys.argv[1]))
