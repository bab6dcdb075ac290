"""A search for settings by Optuna, which ends bad trainings early by what they reach after each epoch.

Usage: python examples/with_optuna.py FOLDER; the runs are written into FOLDER.
"""

import sys
from pathlib import Path

import optuna
from rich.console import Console

from attentive_rnn.training import load_config, train


def main(folder: Path, trials: int = 6) -> optuna.Study:
    """Search the width and the learning rate, judged on the validation part; the test part chooses nothing."""

    def objective(trial: optuna.Trial) -> float:
        config = load_config(
            "basic-motions",
            [
                ("model.hidden_size", str(trial.suggest_int("hidden_size", 4, 16, log=True))),
                ("optim.lr", str(trial.suggest_float("lr", 1e-4, 3e-2, log=True))),
                ("model.num_layers", "1"),
                ("training.max_epochs", "8"),
                ("device", "cpu"),
            ],
        )

        def report(row: dict[str, float]) -> None:
            trial.report(row["valid_loss"], int(row["epoch"]))
            if trial.should_prune():
                raise optuna.TrialPruned

        run = train(config, folder, name=f"trial-{trial.number}", console=Console(quiet=True), callbacks=[report])
        return run.read_results()["validation_loss"]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=2)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0), pruner=pruner)
    study.optimize(objective, n_trials=trials)
    pruned = sum(trial.state == optuna.trial.TrialState.PRUNED for trial in study.trials)
    print(f"{len(study.trials)} runs, {pruned} ended early; best {study.best_params}, loss {study.best_value:.2f}")
    return study


if __name__ == "__main__":
    main(Path(sys.argv[1]))
