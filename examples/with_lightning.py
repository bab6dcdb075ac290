"""The classifier as a module of Lightning, trained by its Trainer on sequences of different lengths.

Usage: python examples/with_lightning.py FOLDER; Lightning writes its logs and checkpoints into FOLDER.
"""

import sys
from pathlib import Path

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import Batch, collate, load


class Recogniser(pl.LightningModule):
    """A network whose first layers are of EleAtt-GRU; a batch is (labels, x, lengths)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.network = SequenceClassifier(features, classes, hidden_size=16, num_layers=1)

    def training_step(self, batch: tuple[torch.Tensor, ...], index: int) -> torch.Tensor:
        labels, x, lengths = batch
        return F.cross_entropy(self.network(x, lengths), labels)

    def test_step(self, batch: tuple[torch.Tensor, ...], index: int) -> None:
        labels, x, lengths = batch
        right = (self.network(x, lengths).argmax(1) == labels).float().mean()
        self.log("accuracy", right, batch_size=len(labels))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.02)


def batch_of(items: list) -> tuple[torch.Tensor, ...]:
    """The tensors of a batch; x (B, T, D) is padded to the longest sequence."""
    batch: Batch = collate(items)
    return batch.labels, batch.x, batch.lengths


def main(folder: Path) -> None:
    """Train for a few epochs and print the accuracy on the test part."""
    train, test = load("japanese-vowels")
    recogniser = Recogniser(train.schema.size, len(train.schema.classes))
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(max_epochs=8, accelerator="cpu", default_root_dir=folder, log_every_n_steps=5, **quiet)
    trainer.fit(recogniser, DataLoader(train, batch_size=32, shuffle=True, collate_fn=batch_of))
    trainer.test(recogniser, DataLoader(test, batch_size=64, collate_fn=batch_of), verbose=False)
    print(f"accuracy {trainer.callback_metrics['accuracy']:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
