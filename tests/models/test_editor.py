"""Images changed as a question asks."""

from __future__ import annotations

import torch

from attentive_rnn.models import ImageEditor
from image_networks import QUESTION


def test_an_editor_whose_mask_is_zero_leaves_the_image():
    model = ImageEditor(32, 4, (6, 8, 8), "conv").eval()
    torch.nn.init.zeros_(model.gate.conv.weight)
    torch.nn.init.constant_(model.gate.conv.bias, -100.0)
    x = torch.rand(2, 3, 32, 32)
    assert torch.allclose(model(x, QUESTION), x, atol=1e-6)
