"""The networks for images: shapes with every attention, gradients, where masks lie, and what a question changes."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import mse_loss

from attentive_rnn.models import AttentiveResNet, ImageEditor, ProgressiveAttention, QuestionAnswerer
from attentive_rnn.models.image_model import QuestionReader, spatial_gate
from attentive_rnn.models.progressive import grids, in_image

ATTENTIONS = ["arnn", "pan-context", "pan", "cbam", "conv", "none"]
QUESTION = torch.tensor([[3, 1], [2, 0]])
NETWORKS = {
    "resnet": (lambda a: AttentiveResNet(32, 4, (1, 1), (6, 8), a, hidden_size=3), (2, 4), [(32, 32), (16, 16)]),
    "progressive": (
        lambda a: ProgressiveAttention(40, 5, 4, (6, 8, 8), a, hidden_size=3),
        (2, 5),
        [(19, 19), (8, 8), (3, 3)],
    ),
    "answerer": (
        lambda a: QuestionAnswerer(32, 7, 4, (6, 6, 8), a, "gru", 10, hidden_size=3),
        (2, 7),
        [(8, 8)],
    ),
    "editor": (lambda a: ImageEditor(32, 4, (6, 8, 8), a, hidden_size=3), (2, 3, 32, 32), [(32, 32)]),
}


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


def test_the_last_mask_of_progressive_attention_is_a_distribution_and_the_others_are_not():
    model = NETWORKS["progressive"][0]("arnn")
    _, masks = model(torch.rand(2, 3, 40, 40), QUESTION, need_attention=True)
    assert torch.allclose(masks[-1].sum((1, 2, 3)), torch.ones(2))
    assert masks[0].sum() > 10


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_answer_depends_on_the_question(attention):
    for name in ("progressive", "answerer", "editor"):
        model = NETWORKS[name][0](attention).eval()
        x = torch.rand(2, 3, model.image_size, model.image_size)
        one, other = (model(x, torch.tensor([[word, 0], [word, 0]])) for word in (1, 2))
        assert (one - other).abs().max() > 1e-7


def test_a_cell_lies_in_the_image_where_the_middle_of_what_it_sees_lies():
    model = ProgressiveAttention(40, 5, 4, (4, 4, 4), "none").double().eval()
    for layer, grid in enumerate(grids(40, 3)):
        x = torch.rand(1, 3, 40, 40, dtype=torch.float64, requires_grad=True)
        features = x
        for convolution in model.convolutions[: layer + 1]:
            # The mean in place of the largest and no ReLU, so that every pixel that can count does.
            features = torch.nn.functional.avg_pool2d(convolution(features), 2)
        cell = grid.size // 2
        features[0, 0, cell, cell].backward()
        rows = torch.nonzero(x.grad[0].abs().sum((0, 2))).flatten()
        assert (rows.min() + rows.max() + 1) / 2 == grid.start + (cell + 0.5) * grid.step


def test_a_mask_is_placed_and_what_it_does_not_reach_is_zero():
    (grid,) = grids(10, 1)
    mask = torch.zeros(1, 1, 4, 4)
    mask[0, 0, 1, 2] = 1
    placed = in_image(mask, grid, 10)
    assert placed.shape == (1, 10, 10)
    assert placed[0, 3:5, 5:7].sum() == placed.sum() == 4


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


def test_an_editor_whose_mask_is_zero_leaves_the_image():
    model = ImageEditor(32, 4, (6, 8, 8), "conv").eval()
    torch.nn.init.zeros_(model.gate.conv.weight)
    torch.nn.init.constant_(model.gate.conv.bias, -100.0)
    x = torch.rand(2, 3, 32, 32)
    assert torch.allclose(model(x, QUESTION), x, atol=1e-6)


def test_resnet18_has_its_size_and_halves_three_times():
    model = AttentiveResNet(10, 10, (2, 2, 2, 2), (64, 128, 256, 512), "none")
    # 11,173,962 is the well-known count of ResNet-18 with a 3x3 first convolution and ten classes.
    assert model.num_parameters == 11_173_962
    sizes = [mask.shape[-1] for mask in model.eval()(torch.rand(1, 3, 32, 32), need_attention=True)[1]]
    assert sizes == [32, 32, 16, 16, 8, 8, 4, 4]


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
