"""Residual networks with spatial attention."""

from __future__ import annotations

import torch

from attentive_rnn.models import AttentiveResNet


def test_resnet18_has_its_size_and_halves_three_times():
    model = AttentiveResNet(10, 10, (2, 2, 2, 2), (64, 128, 256, 512), "none")
    # 11,173,962 is the well-known count of ResNet-18 with a 3x3 first convolution and ten classes.
    assert model.num_parameters == 11_173_962
    sizes = [mask.shape[-1] for mask in model.eval()(torch.rand(1, 3, 32, 32), need_attention=True)[1]]
    assert sizes == [32, 32, 16, 16, 8, 8, 4, 4]
