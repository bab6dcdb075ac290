"""Small networks for images by name: how each is made with an attention, the shape of its output, its masks' sizes."""

from __future__ import annotations

import torch

from attentive_rnn.models import AttentiveResNet, ImageEditor, ProgressiveAttention, QuestionAnswerer

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
