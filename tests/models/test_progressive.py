"""Progressive attention: the masks of its layers, and where they lie in the image."""

from __future__ import annotations

import torch

from attentive_rnn.models import ProgressiveAttention
from attentive_rnn.models.progressive import grids, in_image
from image_networks import NETWORKS, QUESTION


def test_the_last_mask_of_progressive_attention_is_a_distribution_and_the_others_are_not():
    model = NETWORKS["progressive"][0]("arnn")
    _, masks = model(torch.rand(2, 3, 40, 40), QUESTION, need_attention=True)
    assert torch.allclose(masks[-1].sum((1, 2, 3)), torch.ones(2))
    assert masks[0].sum() > 10


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
