"""Launchers of a study on this machine or on a cluster, started and watched by submitit.

Input: a study and where its rows go. Output: all rows in the table. A launcher needs nothing but the folders that it
shares with the others: each takes the next run that nobody has, so that more may be started, or some killed, any time.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import ConfigError, needed_for
from ..progress import Bar, bar
from ..terminal import tell
from .study import Study, read_study, run_study, runs_to_come
from .table import StudyTable

_YEAR = 365 * 24 * 60  # minutes that a launcher on this machine may take
_PAUSE = 2.0  # seconds between two looks at the table
_ENDING = 60.0  # seconds that jobs, of which one may have just begun, have to find that the table is complete
_CANCELLED = 10.0  # seconds that they have to end when they are told to
_DEATHS = 3  # launchers, one after the other, that end without a new row: then something is wrong with all


class Launcher:
    """A function that a job runs; on a cluster that ends the job early, the same job waits for its turn again."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work

    def __call__(self) -> None:
        self.work()

    def checkpoint(self) -> Any:
        """What is submitted again, as submitit asks for it before a time limit or a preemption."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def launch_study(
    file: Path,
    table: Path,
    *,
    engine: str,
    workers: int,
    options: Mapping[str, Any],
    data: Path | None = None,
    output: Path = Path("runs"),
    only: Sequence[str] = (),
    seeds: Sequence[int] = (),
    overrides: Sequence[tuple[str, str]] = (),
) -> None:
    """Run a study in several jobs until its table is complete, and start another job for each that is killed.

    Args:
        file: the YAML file of the study.
        table: the CSV file of its rows; the jobs' logs go to the folder NAME.jobs beside it.
        engine: local or slurm.
        workers: the number of jobs.
        options: for slurm, of submitit's update_parameters, such as slurm_partition or timeout_min.
        data, output, only, seeds, overrides: as in :func:`study.run_study`.

    Raises:
        MissingExtraError: submitit is not installed.
        ConfigError: no workers, an unknown option, a job failed, or jobs end without a row again and again.
    """
    if workers < 1:
        raise ConfigError(f"--workers must be 1 or more, got {workers}")
    study, rows = read_study(file), StudyTable(table)
    chosen: dict[str, Any] = {"only": only, "seeds": seeds, "overrides": overrides}
    folder = table.with_suffix(".jobs")
    lacking = runs_to_come(study, rows, **chosen)
    if not lacking:
        return
    executor = _executor(engine, folder, options)
    launcher = Launcher(partial(_run, file, table, data=data, output=output, **chosen))
    jobs = {number: _submitted(executor, launcher, engine, number) for number in range(workers)}
    fewest, deaths = len(lacking), 0
    with bar("runs", len(lacking)) as shown:
        try:
            while left := _left(study, rows, chosen, shown, len(lacking)):
                if left < fewest:
                    fewest, deaths = left, 0
                for number in [number for number, job in jobs.items() if job.done()]:
                    _check(jobs[number])
                    deaths += 1
                    if deaths > _DEATHS:
                        raise ConfigError(f"{folder}: {deaths} launchers ended without a row; see {_log(jobs[number])}")
                    if _left(study, rows, chosen, shown, len(lacking)):
                        tell(f"a launcher was killed, and another one starts; its log: {_log(jobs[number])}")
                        jobs[number] = _submitted(executor, launcher, engine, number)
                time.sleep(_PAUSE)
            _wait(jobs.values(), _ENDING)
        finally:
            for job in jobs.values():
                if not job.done():
                    job.cancel(check=False)
            _wait(jobs.values(), _CANCELLED)


def _run(file: Path, table: Path, **chosen: Any) -> None:
    """What a job does."""
    run_study(read_study(file), StudyTable(table), **chosen)


def _left(study: Study, rows: StudyTable, chosen: Mapping[str, Any], shown: Bar, total: int) -> int:
    """The number of rows that are left; shows it, and who makes which."""
    rows.read()
    lacking = runs_to_come(study, rows, **chosen)
    words = [f"{by}: {name}, {model}, seed {seed}" for (name, model, seed), by in rows.at_work(lacking).items()]
    shown.update(total - len(lacking), note="; ".join(words))
    return len(lacking)


def _wait(jobs: Iterable[Any], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not all(job.done() for job in jobs):
        time.sleep(0.2)


def _executor(engine: str, folder: Path, options: Mapping[str, Any]) -> Any:
    with needed_for("--on needs submitit: pip install 'attentive-rnn[cluster]'"):
        import submitit
    if engine == "slurm" and shutil.which("sbatch") is None:
        raise ConfigError("--on slurm: this machine has no sbatch; type the line on one that submits to the cluster")
    if engine == "local":
        if options:
            raise ConfigError(
                f"--job {next(iter(options))}: is for --on slurm; jobs of this machine take what is there"
            )
        return submitit.LocalExecutor(folder)
    executor = submitit.AutoExecutor(folder, cluster="slurm")
    try:
        executor.update_parameters(**options)
    except (NameError, ValueError, TypeError, AssertionError) as error:
        raise ConfigError(f"--job: {' '.join(str(error).split())}") from error
    return executor


def _submitted(executor: Any, launcher: Launcher, engine: str, number: int) -> Any:
    if engine == "local":  # submitit hides all GPUs that a local job does not name; the launchers take turns at them
        import torch

        count = torch.cuda.device_count()
        gpus = {"visible_gpus": [number % count] if count else [], "gpus_per_node": min(count, 1)}
        executor.update_parameters(timeout_min=_YEAR, **gpus)
    return executor.submit(launcher)


def _check(job: Any) -> None:
    """Raise the error that a job ended with; none for one that was killed."""
    if job.paths.result_pickle.exists() and (error := job.exception()) is not None:
        last = [line for line in str(error).splitlines() if "Error: " in line]
        raise ConfigError(f"{last[-1].partition('Error: ')[2] if last else 'a launcher failed'} (its log: {_log(job)})")


def _log(job: Any) -> str:
    return os.path.relpath(job.paths.stderr)
