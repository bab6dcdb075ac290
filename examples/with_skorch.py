"""A network of one's own around a layer, as an estimator of scikit-learn by skorch.

Usage: python examples/with_skorch.py. AttentiveClassifier of attentive_rnn.estimators needs no skorch and does more.
"""

import torch
from sklearn.model_selection import cross_val_score
from skorch import NeuralNetClassifier
from torch import nn

from attentive_rnn import EleAttGRU
from attentive_rnn.data import load


class Network(nn.Module):
    """The mean over time of a layer's output, and a linear layer on it: x (B, T, D) to logits (B, K)."""

    def __init__(self, features: int, classes: int, hidden_size: int = 16) -> None:
        super().__init__()
        self.layer = EleAttGRU(features, hidden_size, batch_first=True)
        self.answer = nn.Linear(hidden_size, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output, _ = self.layer(x)
        return self.answer(output.mean(1))


def main() -> None:
    """Cross-validate, then train on all and print the score on the test part."""
    train, test = load("basic-motions")
    torch.manual_seed(0)
    network = NeuralNetClassifier(
        Network,
        module__features=train.schema.size,
        module__classes=len(train.schema.classes),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.02,
        max_epochs=15,
        batch_size=10,
        train_split=None,
        verbose=0,
    )
    x = torch.stack(train.sequences).numpy()
    print(f"cross-validated {cross_val_score(network, x, train.labels, cv=2).mean():.2f}")
    network.fit(x, train.labels)
    print(f"accuracy {network.score(torch.stack(test.sequences).numpy(), test.labels):.2f}")


if __name__ == "__main__":
    main()
