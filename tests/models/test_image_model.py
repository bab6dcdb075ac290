"""The networks for images: every attention, gradients, configurations, questions, refusals."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import mse_loss

from attentive_rnn.models import AttentiveResNet, ProgressiveAttention, QuestionAnswerer
from attentive_rnn.models.image_model import QuestionReader, spatial_gate
from image_networks import ATTENTIONS, NETWORKS, QUESTION


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_runs_with_every_attention_and_all_its_weights_learn(name, attention):
    make, shape, sizes = NETWORKS[name]
    model = make(attention)
    x = torch.rand(2, 3, model.image_size, model.image_size)
    output, masks = model(x, QUESTION, need_attention=True)
    assert output.shape == shape
    assert [tuple(mask.shape) for mask in masks] == [(2, 1, *size) for size in sizes]
    assert all(0 <= mask.min() <= mask.max() <= 1 for mask in masks)
    assert all(mask.shape == x[:, 0].shape for mask in model.masks_in_image(masks))
    mse_loss(output, torch.rand(shape)).backward()
    still = {key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    # A CBAM gate starts with a scale of 0, which stops the gradient of its convolution; a bias before a batch
    # normalisation or a softmax has none by nature; and without attention a replaced image is drawn from the edit only.
    allowed = ("gate.conv.weight", "gates", "bias", "blocks")
    assert all(attention == "cbam" or key.endswith("bias") or "gate" in key for key in still), still
    assert all(any(part in key for part in allowed) for key in still), still


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_made_again_from_its_config(name):
    model = NETWORKS[name][0]("pan")
    again = type(model)(**model.config)
    again.load_state_dict(model.state_dict())
    x = torch.rand(2, 3, model.image_size, model.image_size)
    assert torch.equal(model.eval()(x, QUESTION), again.eval()(x, QUESTION))
    assert again.num_parameters == model.num_parameters
    assert model.flops() > 10_000


@pytest.mark.parametrize("reader", ["bag", "gru", "eleatt-gru"])
def test_padding_behind_a_question_changes_nothing(reader):
    model = QuestionReader(5, reader, 8)
    assert torch.allclose(model(torch.tensor([[3, 2]])), model(torch.tensor([[3, 2, 0, 0]])))
    assert model(torch.tensor([[3, 2]])).shape == (1, model.output_size)


def test_the_order_of_words_counts_for_a_recurrent_reader_only():
    for reader in ("bag", "gru"):
        model = QuestionReader(5, reader, 8)
        same = torch.allclose(model(torch.tensor([[3, 2]])), model(torch.tensor([[2, 3]])))
        assert same == (reader == "bag")


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="attention should be arnn"):
        spatial_gate("transformer", 8)
    with pytest.raises(ValueError, match="too small for 4 layers"):
        ProgressiveAttention(40, 5, 4, (4, 4, 4, 4))
    with pytest.raises(ValueError, match="too small for 6 layers"):
        QuestionAnswerer(32, 5, 4, (4,) * 6)
    with pytest.raises(ValueError, match="of one length"):
        AttentiveResNet(32, 5, (1, 1), (4,))
    with pytest.raises(ValueError, match="reader should be one of"):
        QuestionReader(5, "transformer")
