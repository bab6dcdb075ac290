"""Steps of a layer whose weights were replaced, computed or moved since the last: always of the module as it is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from attentive_rnn import EleAttGRU
from helpers import CELL_MODULES, LAYERS, as_tuple, assert_near
from stepped import X, same, walk


def replace_one(layer: EleAttGRU) -> None:
    layer.weight_hh_l1 = nn.Parameter(torch.randn(18, 6))


def assign_data(layer: EleAttGRU) -> None:
    layer.weight_ih_l0.data = torch.randn(18, 4)


def transpose_in_place(layer: EleAttGRU) -> None:
    layer.weight_ia_l0.data = layer.weight_ia_l0.data.t()


def load(layer: EleAttGRU) -> None:
    layer.load_state_dict(EleAttGRU(4, 6, 2).state_dict())


def load_by_assignment(layer: EleAttGRU) -> None:
    layer.load_state_dict(EleAttGRU(4, 6, 2).state_dict(), assign=True)


def normalise(layer: EleAttGRU) -> None:
    nn.utils.parametrizations.weight_norm(layer, "weight_ih_l0")
    with torch.no_grad():
        layer.parametrizations.weight_ih_l0.original0.mul_(2)


def prune_last(layer: EleAttGRU) -> None:
    prune.l1_unstructured(layer, "bias_a_l1", 0.5)


def prune_a_middle_one_for_good(layer: EleAttGRU) -> None:
    prune.l1_unstructured(layer, "weight_hh_l0", 0.9)
    prune.remove(layer, "weight_hh_l0")


def compute_last(layer: EleAttGRU) -> None:
    weight = layer.bias_a_l1
    del layer.bias_a_l1
    layer.register_parameter("raw", weight)
    layer.bias_a_l1 = 3 * weight.detach()


def rename_last(layer: EleAttGRU) -> None:
    layer._parameters["raw"] = layer._parameters.pop("bias_a_l1")
    layer.register_buffer("bias_a_l1", torch.randn(6))


def shadow_one(layer: EleAttGRU) -> None:
    layer.__dict__["weight_ih_l1"] = torch.randn(18, 6)


def exchange_two(layer: EleAttGRU) -> None:
    layer.weight_hh_l0, layer.weight_hh_l1 = layer.weight_hh_l1, layer.weight_hh_l0


def swap_contents(layer: EleAttGRU) -> None:
    torch.utils.swap_tensors(layer.weight_ih_l0, nn.Parameter(torch.randn(18, 4)))


def restride(layer: EleAttGRU) -> None:
    """The same memory, read by other strides."""
    layer.weight_ih_l0.data = layer.weight_ih_l0.data.as_strided((18, 4), (1, 18))


def register_none(layer: EleAttGRU) -> None:
    layer.bias_a_l1 = None


def share(layer: EleAttGRU) -> None:
    layer.share_memory()
    with torch.no_grad():
        layer.weight_hh_l1.mul_(2)


def mask_by_a_property(layer: EleAttGRU) -> None:
    layer.__class__ = type("Masked", (EleAttGRU,), {"weight_hh_l0": property(lambda self: self.weight_hh_l1 / 2)})


CHANGES = [
    *(replace_one, assign_data, transpose_in_place, load, load_by_assignment, normalise, prune_last),
    *(prune_a_middle_one_for_good, compute_last, rename_last, shadow_one, exchange_two, swap_contents),
    *(mask_by_a_property, restride, register_none, share),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_steps_see_weights_put_in_the_place_of_others(change):
    layer = EleAttGRU(4, 6, 2)
    before, _ = walk(layer, X)
    change(layer)
    same(layer, X)
    assert not torch.equal(walk(layer, X)[0], before)


def test_steps_see_a_weight_given_to_a_layer_that_had_none():
    layer = EleAttGRU(4, 6, bias=False)
    before, _ = walk(layer, X)
    layer.bias_ih_l0 = torch.randn(18)
    same(layer, X)
    assert not torch.equal(walk(layer, X)[0], before)


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru"])
def test_steps_see_the_last_weight_pruned(cell):
    layer = LAYERS[cell](4, 6, bias=False)
    walk(layer, X)
    prune.l1_unstructured(layer, "weight_ha_l0", 0.9)
    same(layer, X)
    cell_module, state = CELL_MODULES[cell](4, 6, bias=False), as_tuple(walk(layer, X[:1])[1])
    given = tuple(s[0] for s in state) if len(state) > 1 else state[0][0]
    with torch.no_grad():
        cell_module(X[0], given)
        cell_module.load_state_dict({name.removesuffix("_l0"): w for name, w in layer_weights(layer).items()})
        prune.custom_from_mask(cell_module, "weight_ha", (layer.weight_ha_l0 != 0).float())
        assert_near(as_tuple(cell_module(X[1], given))[0], layer.step(X[1], walk(layer, X[:1])[1])[0], 1e-6)


def layer_weights(layer: nn.Module) -> dict[str, Tensor]:
    """A layer's weights as it reads them, by name."""
    names = ("weight_ih_l0", "weight_hh_l0", "weight_ia_l0", "weight_ha_l0")
    return dict(zip(names, layer.all_weights[0], strict=True))


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
@pytest.mark.parametrize("form", ["pruned", "weight_norm"])
def test_steps_compute_weights_from_what_they_are_made_of(form):
    """A step is no call of the layer, before which torch's hooks would do so."""
    layer = EleAttGRU(4, 6)
    if form == "pruned":
        prune.l1_unstructured(layer, "weight_hh_l0", 0.5)
    else:
        nn.utils.weight_norm(layer, "weight_hh_l0")
    before, _ = walk(layer, X)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(2)
    after, _ = walk(layer, X)
    same(layer, X)
    assert not torch.equal(before, after)
    assert torch.equal(after, walk(layer, X)[0])
