"""The classifier of films of maps: every attention, what follows a film's end, and where a glimpse looks."""

from __future__ import annotations

import pytest
import torch

from attentive_rnn.models import MapClassifier

ATTENTIONS = ["arnn", "pan-context", "pan", "cbam", "conv", "none"]
LENGTHS = torch.tensor([3, 1])


def model_of(attention, **options):
    torch.manual_seed(0)
    return MapClassifier(5, 4, width=6, attention=attention, hidden_size=3, **options).eval()


@pytest.mark.parametrize("recurrent", [0, 7])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_what_follows_a_films_end_changes_nothing(attention, recurrent):
    model, x = model_of(attention, recurrent=recurrent, lags=2 * bool(recurrent)), torch.randn(2, 3, 5, 7, 4)
    logits, masks = model(x, LENGTHS, need_attention=True)
    assert logits.shape == (2, 4)
    assert masks.shape == (2, 3, 1, 7, 4)
    assert not masks[1, 1:].any()
    changed = x.clone()
    changed[1, 1:] = torch.nan
    assert torch.equal(model(changed, LENGTHS), logits)
    assert torch.allclose(model(x[1:, :1], LENGTHS[1:]), logits[1:], atol=1e-6)
    again = MapClassifier(**model.config).eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(x, LENGTHS), logits)


def test_the_glimpse_is_the_mean_under_the_mask():
    model, x = model_of("arnn"), torch.randn(2, 3, 5, 7, 4)
    logits, masks = model(x, LENGTHS, need_attention=True)
    assert torch.allclose(masks[0].sum((1, 2, 3)), torch.ones(3))
    features = torch.relu(torch.stack([model.project(frames) for frames in x]))
    glimpses = (features * masks).sum((3, 4)).sum(1) / LENGTHS[:, None]
    assert torch.allclose(model.classifier(glimpses), logits, atol=1e-6)


def test_with_a_recurrence_the_glimpse_is_the_mean_of_its_state():
    model, x = model_of("arnn", recurrent=7, lags=2), torch.randn(2, 3, 5, 7, 4)
    logits, masks = model(x, LENGTHS, need_attention=True)
    films = torch.relu(torch.stack([model.project(frames) for frames in x]))
    output, _, (mask, _) = model.gate(films.transpose(0, 1), need_attention=True)
    assert torch.allclose(masks[0], mask[:, 0], atol=1e-6)
    glimpses = torch.stack([output[:3, 0].mean((0, 2, 3)), output[0, 1].mean((1, 2))])
    assert torch.allclose(model.classifier(glimpses), logits, atol=1e-6)


@pytest.mark.parametrize("recurrent", [0, 7])
@pytest.mark.parametrize("attention", ["arnn", "pan", "conv"])
def test_every_weight_learns(attention, recurrent):
    model = model_of(attention, recurrent=recurrent).train()
    torch.nn.functional.cross_entropy(model(torch.randn(2, 3, 5, 7, 7), LENGTHS), torch.tensor([0, 3])).backward()
    # A softmax does not see a number that is added to all of its logits.
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert all(name.startswith("gate.") and name.endswith("bias") and not recurrent for name in still)
    assert model.flops() > 1000
    assert model.num_parameters == sum(p.numel() for p in model.parameters())


def test_lengths_are_copied_at_the_call():
    """A loader fills its buffer for the next batch before the backward pass of this one."""
    model, x = MapClassifier(5, 3, attention="none", width=4), torch.randn(2, 3, 5, 2, 2)
    gradients = []
    for fills in ([3, 2], [1, 3]):
        buffer = torch.tensor([3, 2]).numpy()
        logits = model.eval()(x, torch.from_numpy(buffer))
        buffer[:] = fills
        gradients.append(torch.autograd.grad(logits.square().sum(), list(model.parameters())))
    assert all(map(torch.equal, *gradients))
