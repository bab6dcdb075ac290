"""The usual form of an attention gate without this library: a loop over steps."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

JAX = "jax.lax.scan"


class NaiveEleAttGRU(nn.Module):
    """A loop of nn.Linear modules, the equations as they stand (reset gate after the product, as in nn.GRU)."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.xa, self.ha = nn.Linear(inputs, inputs), nn.Linear(units, inputs, bias=False)
        self.xg, self.hg = nn.Linear(inputs, 3 * units), nn.Linear(units, 3 * units)

    def step(self, x_t: Tensor, h: Tensor) -> Tensor:
        attended = torch.sigmoid(self.xa(x_t) + self.ha(h)) * x_t
        x_r, x_z, x_n = self.xg(attended).chunk(3, -1)
        h_r, h_z, h_n = self.hg(h).chunk(3, -1)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + torch.sigmoid(x_r + h_r) * h_n)
        return z * h + (1 - z) * n

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[1], self.units)
        outputs = []
        for x_t in x:
            h = self.step(x_t, h)
            outputs.append(h)
        return torch.stack(outputs)


class CompiledEleAttGRU(NaiveEleAttGRU):
    """The same with its step compiled by torch.compile; the whole loop takes minutes to compile at 100 steps."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units)
        self.compiled = torch.compile(super().step)

    def step(self, x_t: Tensor, h: Tensor) -> Tensor:
        return self.compiled(x_t, h)


class HoistedEleAttGRU(NaiveEleAttGRU):
    """The same with the products joined and those that need not wait done for all steps at once."""

    def forward(self, x: Tensor) -> Tensor:
        d, n = x.shape[2], self.units
        from_h = torch.cat([self.ha.weight, self.hg.weight]).t()
        bias = torch.cat([self.hg.bias.new_zeros(d), self.hg.bias])
        w_x = self.xg.weight.t()
        h = x.new_zeros(x.shape[1], n)
        outputs = []
        for x_t, xa in zip(x.unbind(0), self.xa(x).unbind(0), strict=True):
            hv = torch.addmm(bias, h, from_h)
            pre = torch.addmm(self.xg.bias, torch.sigmoid(xa + hv[:, :d]) * x_t, w_x)
            r, z = torch.sigmoid(pre[:, : 2 * n] + hv[:, d : d + 2 * n]).chunk(2, -1)
            h = torch.lerp(torch.tanh(torch.addcmul(pre[:, 2 * n :], r, hv[:, d + 2 * n :])), h, z)
            outputs.append(h)
        return torch.stack(outputs)


def share_parameters(loop: NaiveEleAttGRU, layer: nn.Module) -> None:
    """Give the loop the layer's parameters (EleAttGRU with reset_after=True), so that both compute one function."""
    pairs = {
        "xa.weight": "weight_ia_l0",
        "xa.bias": "bias_a_l0",
        "ha.weight": "weight_ha_l0",
        "xg.weight": "weight_ih_l0",
        "xg.bias": "bias_ih_l0",
        "hg.weight": "weight_hh_l0",
        "hg.bias": "bias_hh_l0",
    }
    loop.load_state_dict({ours: getattr(layer, theirs).detach() for ours, theirs in pairs.items()})


def jax_scan(layer: nn.Module, x: Tensor, weight: Tensor) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The hoisted loop as a jax.lax.scan with the layer's parameters (EleAttGRU with reset_after=True), on one thread.

    Returns:
        A compiled forward pass, which gives the output (T, B, N), and a training step with `weight` as the output's
        gradient, which gives the value and the gradients of (the parameters by name, x if it requires one). Both wait
        for the result.
    """
    os.environ["NPROC"] = "1"  # the threads of jax's backend, which starts with the first array
    import jax
    import jax.numpy as jnp

    def run(p: dict[str, Any], x: Any) -> Any:
        d, n = x.shape[2], p["weight_hh_l0"].shape[1]
        from_h = jnp.concatenate([p["weight_ha_l0"], p["weight_hh_l0"]]).T
        bias = jnp.concatenate([jnp.zeros(d, x.dtype), p["bias_hh_l0"]])

        def step(h: Any, now: tuple[Any, Any]) -> tuple[Any, Any]:
            x_t, xa = now
            hv = h @ from_h + bias
            pre = (jax.nn.sigmoid(xa + hv[:, :d]) * x_t) @ p["weight_ih_l0"].T + p["bias_ih_l0"]
            r, z = jnp.split(jax.nn.sigmoid(pre[:, : 2 * n] + hv[:, d : d + 2 * n]), 2, -1)
            h = z * h + (1 - z) * jnp.tanh(pre[:, 2 * n :] + r * hv[:, d + 2 * n :])
            return h, h

        xa = x @ p["weight_ia_l0"].T + p["bias_a_l0"]
        return jax.lax.scan(step, jnp.zeros((x.shape[1], n), x.dtype), (x, xa))[1]

    def loss(p: dict[str, Any], x: Any, weight: Any) -> Any:
        return (run(p, x) * weight).sum()

    p = {name: jnp.asarray(tensor.detach().numpy()) for name, tensor in layer.named_parameters()}
    inputs, weights = jnp.asarray(x.detach().numpy()), jnp.asarray(weight.numpy())
    forward, training = jax.jit(run), jax.jit(jax.value_and_grad(loss, (0, 1) if x.requires_grad else (0,)))
    return (
        lambda: jax.block_until_ready(forward(p, inputs)),
        lambda: jax.block_until_ready(training(p, inputs, weights)),
    )
