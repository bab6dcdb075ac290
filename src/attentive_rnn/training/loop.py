"""The training loop of a run on Lightning Fabric: epochs of training and validation, and what is kept of each.

Input: a job and the folder of its run. Output: the rows of the epochs, the selected one, checkpoints, metrics, curves.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from typing import Any

import torch
from rich.console import Console
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer, RMSprop
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR, OneCycleLR, ReduceLROnPlateau

from ..data import Batch
from ..data.io.files import write_file
from ..errors import ConfigError
from ..tasks import Metric
from .checkpoint import read_checkpoint, starting_point
from .config import OptimConfig
from .loader import EpochLoader, training_batches
from .processes.fabric import make_fabric
from .processes.group import ALONE, Group
from .recorder import Hooks, ProgressBar, Recorder
from .run_folder import RunFolder
from .setup import Job

SECONDS_BETWEEN_CHECKPOINTS = 120.0  # so much work an interruption within a long epoch may cost


def fit(
    run: RunFolder | None, job: Job, console: Console, hooks: Hooks | None = None, group: Group = ALONE
) -> Recorder:
    """Train a run from its last checkpoint, if it has one, to its end; then its model has the selected epoch's weights.

    Of several processes each calls it; the first writes the files.

    Args:
        run: the folder with checkpoints and metrics; None: nothing is written, and the weights are kept in memory.
        job: the model, its task, and the sequences.
        console: where progress goes.
        hooks: what is told of each epoch; None: nothing.
        group: the processes of torchrun or SLURM.

    Returns:
        the rows of all epochs, and that of the selected one.

    Raises:
        ConfigError: both checkpoints are damaged, or the loss became infinite.
    """
    with _deterministic(job.device):
        loop = Loop(run, job, console, group)
        loop.run(hooks or Hooks())
    job.model.load_state_dict(loop.kept if run is None else read_checkpoint(run.best)["model"])
    job.task.finish(job.model)
    return loop.recorder


class Loop:
    """The epochs of a run, with the model, the optimiser and the batches as Fabric sets them up.

    Args:
        run, job, console, group: as in :func:`fit`.
    """

    def __init__(self, run: RunFolder | None, job: Job, console: Console, group: Group = ALONE) -> None:
        self.job, config = job, job.config
        self.fabric = fabric = make_fabric(config, job.device, group)
        fabric.launch()
        sharded = fabric.world_size > 1 and config.training.strategy == "fsdp"
        place = fabric.global_rank, fabric.world_size
        bound = config.training.max_frames_per_batch if job.task.divides(job.model) else None
        rounds = self._most if sharded else None
        self.train_batches = training_batches(job.train, config, *place, bound, rounds)
        self.valid_batches = EpochLoader(job.valid, config.training.batch_size, None, 0, *place, bound, rounds)

        # The job's own model stays whole: it takes the selected weights in the end.
        model: torch.nn.Module = deepcopy(job.model) if sharded else job.model
        if fabric.world_size > 1:
            model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
        # Fabric's scaler of float16 gradients clips none of a fused optimiser, which may unscale them itself.
        fused = not config.precision.endswith("mixed")
        steps = len(self.train_batches) * config.training.max_epochs
        self.model = fabric.setup_module(model)  # first: it may put others in the place of the weights
        optimizer = make_optimizer(model, config.optim, fused)
        self.schedule = make_schedule(optimizer, config.optim, job.task.metric, steps)
        self.optimizer: Any = fabric.setup_optimizers(optimizer)
        self.class_weights = None if job.class_weights is None else fabric.to_device(job.class_weights)

        self.state: dict[str, Any] = {"model": self.model, "optimizer": self.optimizer, "rows": [], "within": {}}
        self.state["precision"] = fabric.strategy.precision
        if self.schedule is not None:
            self.state["schedule"] = self.schedule
        self.kept: dict[str, Tensor] = {}  # the weights of the selected epoch, where no folder holds them
        start = None if run is None else starting_point(run, console)
        if run is not None and start is not None:
            fabric.load(start, self.state)
            if start == run.best and fabric.is_global_zero:  # the last one is damaged, or a kill came before it
                write_file(run.last, start.read_bytes())
            done = len(self.state["rows"])
            batch = f", batch {self.state['within']['batches']}" if self.state["within"] else ""
            text = f"{run.path}: continuing after epoch {done}{batch}"
            console.print(text, highlight=False, soft_wrap=True, markup=False)
        self.recorder = Recorder(run, config.training, job.task.metric, self.state["rows"], fabric.is_global_zero)
        self.saved, self.started = time.monotonic(), time.perf_counter()
        title = "in memory" if run is None else f"{run.path.parent.name}/{run.path.name}"
        self.progress = ProgressBar(console, title, len(self.train_batches), config.training.max_epochs)

    def run(self, hooks: Hooks) -> None:
        """Train until the last epoch, until the selected one lies too far back, or until a hook ends it."""
        with closing(self.recorder), closing(self.progress), hooks.open(self.job.config.to_dict()):
            for epoch in range(len(self.recorder.rows), self.job.config.training.max_epochs):
                if self.recorder.exhausted:
                    break
                row = self.run_epoch(epoch)
                self.recorder.add(row)
                self.save(row)
                self.progress.end_epoch(row, self.recorder)
                ends = hooks.tell(row)  # with several processes those of the first
                if self.fabric.broadcast(ends):
                    break

    def run_epoch(self, epoch: int) -> dict[str, float]:
        """Train and validate; return the epoch's row of metrics.csv.

        It holds epoch (from 1), lr (of the last step), train_loss and the task's metric, such as train_acc (means over
        the epoch, as it was trained), train_attention if it is penalised (train_loss is without the penalty),
        valid_loss and valid_acc if anything is held out, seconds (training and validation) and loading (the part of
        these in which batches were made or waited for).
        """
        within = self.state["within"]
        job, started = self.job, time.perf_counter() - within.get("seconds", 0.0)
        self.started = started
        self.progress.start_epoch(epoch, within.get("batches", 0))
        lr, sums = self.train_one_epoch(epoch)
        row = {"epoch": epoch + 1, "lr": lr} | self._means("train", sums, len(job.train))
        if len(job.valid):
            row |= self._means("valid", self.validate(), len(job.valid))
        if not all(math.isfinite(value) for value in row.values()):
            raise ConfigError(
                f"the loss became infinite or NaN in epoch {epoch + 1}: "
                "lower optim.lr, set optim.clip_norm, or look at the data with `attentive data check`"
            )
        loading = within.get("loading", 0.0) + self.train_batches.seconds + self.valid_batches.seconds
        row |= {"seconds": time.perf_counter() - started, "loading": loading}
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(row[f"train_{job.task.metric.column}"])
        elif isinstance(self.schedule, MultiStepLR):
            self.schedule.step()
        return row

    def train_one_epoch(self, epoch: int) -> tuple[float, Tensor]:
        """A step for each training batch, of an interrupted epoch for the rest of them.

        Returns:
            the last step's learning rate, and the sums of loss and metric (2,), with a penalty also of attention (3,).
        """
        config, lr, within = self.job.config, math.nan, self.state["within"]
        # All that is random in an epoch follows from the seed, the epoch and, of several processes, which one this is,
        # so that a resumed run repeats it.
        seed = config.seed * 1_000_003 + epoch + 1 + self.fabric.global_rank * 2**53
        torch.manual_seed(seed % 2**63)
        begin, shown = within.get("batches", 0), within.get("items", 0)
        self.train_batches.set_epoch(epoch, begin)
        self.model.train()
        steps = len(self.train_batches)
        sums = torch.zeros(2 + any(config.training.penalties), dtype=torch.float64, device=self.fabric.device)
        if within:
            sums += within["sums"].to(sums.device)
            _set_random(within["random"], self.fabric.device)
        self.optimizer.zero_grad()
        done = begin
        for batch in self.train_batches:
            lr = self.optimizer.param_groups[0]["lr"]
            last = batch.share is None or batch.share.last
            with self.fabric.no_backward_sync(self.model, enabled=not last):
                risen = min(1.0, 2 * (epoch + done / steps) / config.training.max_epochs)
                loss, counts = self.evaluate(batch, config.training.label_smoothing, self.class_weights, risen)
                self.fabric.backward(loss)
            sums += counts
            shown += len(batch.labels)
            if not last:
                continue  # the gradients of the parts of a batch add up to that of its mean loss
            if config.optim.clip_norm is not None:
                self.fabric.clip_gradients(
                    self.model, self.optimizer, max_norm=config.optim.clip_norm, error_if_nonfinite=False
                )
            self.optimizer.step()
            self.optimizer.zero_grad()
            if isinstance(self.schedule, OneCycleLR):
                self.schedule.step()
            done += 1
            self.progress.advance(sums, shown)
            if self._is_long() and done < steps:
                self.save_within(done, shown, sums, within.get("loading", 0.0))
        return lr, sums

    def _most(self, count: int) -> int:
        """The largest of the numbers that the processes have."""
        own = torch.tensor(count, device=self.fabric.device)
        return int(self.fabric.strategy.all_reduce(own, reduce_op="max"))

    def _is_long(self) -> bool:
        """Whether the last checkpoint is so old that one is due within the epoch; never without the folder of a run.

        Nor with several processes: each of those has a random state of its own, and its own clock.
        """
        alone = self.recorder.folder is not None and self.fabric.world_size == 1
        return alone and time.monotonic() - self.saved >= SECONDS_BETWEEN_CHECKPOINTS

    def save_within(self, batches: int, items: int, sums: Tensor, loading: float) -> None:
        """Write last.ckpt after so many batches and items of an epoch, with all that the rest of it depends on."""
        assert self.recorder.folder is not None
        self.state["within"] = {
            "batches": batches,
            "items": items,
            "sums": sums.cpu(),
            "random": _random(self.fabric.device),
            "seconds": time.perf_counter() - self.started,
            "loading": loading + self.train_batches.seconds,
        }
        self.fabric.save(self.recorder.folder.last, self.state)
        self.state["within"], self.saved = {}, time.monotonic()

    @torch.no_grad()
    def validate(self) -> Tensor:
        """The sums of loss and metric (2,) over the validation part."""
        self.model.eval()
        sums = torch.zeros(2, dtype=torch.float64, device=self.fabric.device)
        for batch in self.valid_batches:
            sums += self.evaluate(batch._replace(weights=None))[1]
        return sums

    def evaluate(
        self,
        batch: Batch,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
        penalised: float = 0.0,
    ) -> tuple[Tensor, Tensor]:
        """The mean loss over a batch, and the sums of loss and metric (2,), on the device: reading them would wait.

        In training the loss has this share of the penalties on attention, and with them a third sum is of attention.
        """
        task, penalties = self.job.task, self.job.config.training.penalties
        batch = self.fabric.to_device(self.fabric.strategy.precision.convert_input(batch))
        weights = batch.weights
        if class_weights is not None:
            own = class_weights[batch.labels]
            weights = own if weights is None else own * weights
        with self.fabric.autocast():
            pressed: list[tuple[float, Tensor]] = []
            if self.model.training and any(penalties):
                output, attention = task.run_attending(self.model, batch)
                pressed = [(w, mean) for w, mean in zip(penalties, attention, strict=False) if w]
                loss = task.loss(output, batch.labels, label_smoothing, weights)
            else:
                output, loss = task.learn(self.model, batch, label_smoothing, weights)
            total = task.tally(output.detach(), batch.labels)
        counts = torch.stack([loss.detach().double() * len(batch.labels), total.double()])
        if pressed:
            mean = torch.stack([mean.detach() for _, mean in pressed]).mean()
            counts = torch.cat([counts, mean.double()[None] * len(batch.labels)])
            loss = loss + penalised * sum(w * mean for w, mean in pressed)
        if batch.share is not None:
            # Gradients of parts are summed, and DDP's are the mean of the processes', whatever they have of the batch.
            counts, loss = counts * (batch.share.rows > 0), loss * batch.share.weight
        return loss, counts

    def save(self, row: dict[str, float]) -> None:
        """Write last.ckpt, and best.ckpt if the epoch of the row is the selected one so far."""
        run, selected = self.recorder.folder, self.recorder.best is row
        if run is None:
            if selected:
                self.kept = {name: value.clone() for name, value in self.job.model.state_dict().items()}
            return
        self.state["within"], self.saved = {}, time.monotonic()
        self.fabric.save(run.best if selected else run.last, self.state)
        if selected and self.fabric.is_global_zero:
            write_file(run.last, run.best.read_bytes())

    def _means(self, part: str, sums: Tensor, count: int) -> dict[str, float]:
        """Loss, metric and attention of a part, whose sums over this process's share are given, by their columns."""
        totals = self.fabric.strategy.all_reduce(sums, reduce_op="sum").tolist()
        names = ("loss", self.job.task.metric.column, "attention")
        return {f"{part}_{name}": total / count for name, total in zip(names, totals, strict=False)}


def _random(device: torch.device) -> list[Tensor]:
    """The state of the random numbers, of the processor and of the GPU if that is the device."""
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


def _set_random(states: list[Tensor], device: torch.device) -> None:
    """Go on with the random numbers from a state; one without a GPU's leaves that as it is."""
    torch.set_rng_state(states[0])
    if device.type == "cuda" and len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)


def make_optimizer(model: torch.nn.Module, optim: OptimConfig, fused: bool) -> Optimizer:
    """The optimiser that a configuration names."""
    parameters, lr, decay = model.parameters(), optim.lr, optim.weight_decay
    if optim.optimizer == "sgd":
        return SGD(parameters, lr=lr, momentum=0.9, nesterov=True, weight_decay=decay, fused=fused)
    if optim.optimizer == "rmsprop":
        return RMSprop(parameters, lr=lr, alpha=0.9, weight_decay=decay)
    return Adam(parameters, lr=lr, weight_decay=decay, decoupled_weight_decay=True, fused=fused)


def make_schedule(optimizer: Optimizer, optim: OptimConfig, metric: Metric, steps: int) -> LRScheduler | None:
    """The schedule of the learning rate that a configuration names, for so many steps in all; None: it is constant."""
    if optim.schedule == "plateau":
        return ReduceLROnPlateau(
            optimizer,
            mode="max" if metric.rising else "min",
            factor=optim.lr_factor,
            patience=optim.lr_patience,
            cooldown=optim.lr_cooldown,
            threshold=1e-4,
            # A share of right answers is judged by its difference, an error, which has no scale, by its ratio.
            threshold_mode="abs" if metric.rising else "rel",
        )
    if optim.schedule == "one-cycle":
        return OneCycleLR(optimizer, optim.lr, total_steps=steps)
    if optim.schedule == "steps":
        return MultiStepLR(optimizer, optim.lr_steps, gamma=optim.lr_factor)
    return None


@contextmanager
def _deterministic(device: torch.device) -> Iterator[None]:
    """With torch's deterministic algorithms, so that a resumed run ends with the same bits."""
    switches: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), switches.fill_uninitialized_memory
    if device.type == "cuda":
        # cuBLAS reads it when it starts; without it torch refuses to be deterministic.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    switches.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        switches.fill_uninitialized_memory = before[1]
