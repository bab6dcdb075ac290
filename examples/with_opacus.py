"""Training with differential privacy by Opacus: what one recording can change of the weights is bounded.

Usage: python examples/with_opacus.py. The gradient of each sequence comes from torch.func, for sequences of one length;
Opacus clips them, adds noise, and counts the privacy that is spent. Its own hooks do not know these layers.
"""

import torch
import torch.nn.functional as F
from opacus import PrivacyEngine
from torch.func import functional_call, grad, vmap
from torch.utils.data import DataLoader, TensorDataset

from attentive_rnn import SequenceClassifier
from attentive_rnn.data import load


def gradients(model: SequenceClassifier, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
    """The gradient of the loss of each sequence of x (B, T, D) by itself, (B, *shape) for each parameter."""

    def loss(parameters: dict[str, torch.Tensor], sequence: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(functional_call(model, parameters, (sequence[None],)), label[None])

    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    return vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, labels)


def main(epochs: int = 10) -> None:
    """Train, and print the accuracy and the privacy that it cost."""
    torch.manual_seed(0)
    train, test = load("basic-motions")
    model = SequenceClassifier(train.schema.size, len(train.schema.classes), hidden_size=8, num_layers=1, dropout=0.0)
    data = TensorDataset(torch.stack(train.sequences)[:, ::4], torch.as_tensor(train.labels))
    engine = PrivacyEngine()
    _, optimizer, batches = engine.make_private(
        module=model,
        optimizer=torch.optim.Adam(model.parameters(), lr=0.03),
        data_loader=DataLoader(data, batch_size=10),
        noise_multiplier=0.8,
        max_grad_norm=1.0,
        grad_sample_mode="no_op",  # the gradients are those above
    )
    for _ in range(epochs):
        for x, labels in batches:
            found = gradients(model, x, labels)
            for name, parameter in model.named_parameters():
                parameter.grad_sample = found[name]
            optimizer.step()
            optimizer.zero_grad()
    with torch.no_grad():
        answers = model(torch.stack(test.sequences)[:, ::4]).argmax(1)
    accuracy = (answers == torch.as_tensor(test.labels)).float().mean()
    print(f"accuracy {accuracy:.2f}, epsilon {engine.get_epsilon(delta=1e-2):.1f} at delta 0.01")


if __name__ == "__main__":
    main()
