"""RRA and RRACell as torch.nn modules: without lags, call forms, states, attention, PyTorch's machinery."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from attentive_rnn import RRA, EleAttLSTM, RRACell
from helpers import as_tuple, assert_near, states_of

T, B, D, N = 7, 4, 5, 6
X = torch.linspace(-2, 2, T * B * D, dtype=torch.float64).sin().view(T, B, D)
LENGTHS = torch.tensor([4, 7, 1, 6])
FORMS = {
    "paper": {},
    "documented": {"first_lag": 2, "lags": 3},
    "softmax and gate": {"norm": "softmax", "gate": "sigmoid", "gate_scale": 2.0},
    "content": {"norm": "content", "gate": "softmax", "lags": 3},
    "mean": {"norm": "mean"},
    "gru": {"cell": "gru"},
    "rnn": {"cell": "rnn", "norm": "softmax", "first_lag": 3},
    "more lags than steps": {"lags": 20},
    "none": {"lags": 0},
}
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
torchs_own_warning = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # on importing its parts


def layer_of(form, *sizes, **options):
    return RRA(
        D,
        N,
        form.get("lags", 5),
        *sizes,
        dtype=torch.float64,
        **{k: v for k, v in form.items() if k != "lags"},
        **options,
    )


def parts(attention):
    return [part for one in attention for part in one if part is not None]


def near(ours, theirs, tolerance=1e-13):
    assert_near(ours[0], theirs[0], tolerance, "output")
    for last, expected in zip(as_tuple(ours[1]), as_tuple(theirs[1]), strict=True):
        assert_near(last, expected, tolerance, "state")


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"bias": False}, {"num_layers": 2}], ids=str)
@pytest.mark.parametrize("padded", [False, True])
def test_without_lags_it_is_torchs_lstm_to_the_last_bit(options, padded):
    theirs = nn.LSTM(D, N, dtype=torch.float64, **options)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if name.startswith("bias_hh"):  # an RRA has one bias, and a sum may round
                parameter.zero_()
    ours = RRA.from_torch(theirs)
    ours.backend = "reference"
    assert ours.lags == 0
    hx = states_of(ours, B)
    x = pack_padded_sequence(X, LENGTHS, enforce_sorted=False) if padded else X
    (output, last), (expected, expected_last) = ours(x, hx), theirs(x, hx)
    if padded:
        output, expected = output.data, expected.data
    assert torch.equal(output, expected)
    assert all(torch.equal(a, b) for a, b in zip(last, expected_last, strict=True))
    output.square().sum().backward()
    expected.square().sum().backward()
    known = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        assert_near(parameter.grad, known[name].grad, 1e-14, name)


def test_from_torch_and_back():
    theirs = nn.LSTM(D, N, 2, bidirectional=True, batch_first=True, dtype=torch.float64)
    ours = RRA.from_torch(theirs)
    near(ours(X), theirs(X))
    near(ours.to_torch()(X), theirs(X))
    open_gate = RRA.from_torch(theirs, gate="sigmoid")
    near(open_gate(X), theirs(X))
    for layer, message in (
        (RRA(D, N), "lags=0 can become a torch layer"),
        (RRA(D, N, 0, cell="gru"), r"the cell is 'gru'"),
        (open_gate, "gate=None"),
    ):
        with pytest.raises(ValueError, match=message):
            layer.to_torch()


@every_form
@pytest.mark.parametrize("bidirectional", [False, True])
def test_shapes_and_layouts(form, bidirectional):
    layer = layer_of(form, 2, bidirectional=bidirectional)
    turned = layer_of(form, 2, bidirectional=bidirectional, batch_first=True)
    turned.load_state_dict(layer.state_dict())
    hx = states_of(layer, B)
    output, last, attention = layer(X, hx, lengths=LENGTHS, need_attention=True)
    d, k, lags = layer.directions, form.get("lags", 5), layer.specs[0].lags
    assert output.shape == (T, B, d * N)
    window = [] if lags is None else [(2 * d, B, k + form.get("first_lag", 1) - 1, N)]
    cell = form.get("cell", "lstm")
    assert [tuple(s.shape) for s in as_tuple(last)] == [(2 * d, B, N)] * (2 if cell == "lstm" else 1) + window
    both = (2,) if bidirectional else ()
    for one, width in zip(attention, (D, d * N), strict=True):
        assert (one.lags is None) == (k == 0)
        assert one.lags is None or one.lags.shape == (T, B, k, *both)
        assert (one.inputs is None) == ("gate" not in form)
        assert one.inputs is None or one.inputs.shape == (T, B, width, *both)
    output_t, last_t, attention_t = turned(X.transpose(0, 1), hx, lengths=LENGTHS, need_attention=True)
    assert torch.equal(output_t, output.transpose(0, 1))
    assert all(torch.equal(a, b) for a, b in zip(as_tuple(last_t), as_tuple(last), strict=True))
    assert all(torch.equal(a, b.transpose(0, 1)) for a, b in zip(parts(attention_t), parts(attention), strict=True))


@every_form
def test_lengths_packing_and_each_row_alone_agree(form):
    layer = layer_of(form, 2, bidirectional=True)
    hx = states_of(layer, B)
    output, last, attention = layer(X, hx, lengths=LENGTHS, need_attention=True)
    packed = pack_padded_sequence(X, LENGTHS, enforce_sorted=False)
    packed_output, packed_last, packed_attention = layer(packed, hx, need_attention=True)
    near((pad_packed_sequence(packed_output)[0], packed_last), (output, last))
    for mine, expected in zip(parts(packed_attention), parts(attention), strict=True):
        assert_near(pad_packed_sequence(mine)[0], expected, 1e-13)
    for row, length in enumerate(LENGTHS.tolist()):
        alone_hx = tuple(s[:, row] for s in as_tuple(hx))
        alone_hx = alone_hx if len(alone_hx) > 1 else alone_hx[0]
        alone, alone_last, alone_attention = layer(X[:length, row], alone_hx, need_attention=True)
        assert_near(output[:length, row], alone, 1e-13)
        assert not output[length:, row].any()
        for mine, expected in zip(as_tuple(last), as_tuple(alone_last), strict=True):
            assert_near(mine[:, row], expected, 1e-13)
        for mine, expected in zip(parts(attention), parts(alone_attention), strict=True):
            assert_near(mine[:length, row], expected, 1e-13)
            assert not mine[length:, row].any()


@every_form
@pytest.mark.parametrize("cut", [1, 3, 6])
def test_segments_with_carried_state_give_what_one_pass_gives(form, cut):
    layer = layer_of(form, 2)
    first, state = layer(X[:cut])
    second, state = layer(X[cut:], state)
    near((torch.cat([first, second]), state), layer(X))


@every_form
def test_steps_and_a_cell_give_what_one_pass_gives(form):
    layer = layer_of(form)
    options = {name: value for name, value in form.items() if name != "lags"}
    one = RRACell(D, N, form.get("lags", 5), dtype=torch.float64, **options)
    one.load_state_dict({name.removesuffix("_l0"): tensor for name, tensor in layer.state_dict().items()})
    output, last, (attention,) = layer(X, need_attention=True)
    state = cell_state = alone_state = None
    for t, x_t in enumerate(X):
        out, state, (response,) = layer.step(x_t, state, need_attention=True)
        cell_state, cell_response = one(x_t, cell_state, need_attention=True)
        alone_state = one(x_t[0], alone_state)
        assert_near(out, output[t], 1e-14)
        for mine, theirs, whole in zip(response, cell_response, attention, strict=True):
            assert (mine is None) == (whole is None)
            if whole is not None:
                assert_near(mine, whole[t], 1e-14)
                assert_near(theirs, whole[t], 1e-14)
        with torch.no_grad():
            assert_near(layer.step(x_t, state)[0], layer.step(x_t, state, need_attention=True)[0], 1e-14)
    near((out, state), (output[-1], last))
    for mine, alone, expected in zip(as_tuple(cell_state), as_tuple(alone_state), as_tuple(last), strict=True):
        assert_near(mine, expected[0], 1e-14)
        assert_near(alone, expected[0, 0], 1e-14)


def test_a_state_without_the_window_starts_with_an_empty_one():
    """As the author's program carries h and c from segment to segment, and not the window."""
    layer, h, c = RRA(D, N, 3, dtype=torch.float64), torch.randn(1, B, N).double(), torch.randn(1, B, N).double()
    window = torch.zeros(1, B, 3, N, dtype=torch.float64)
    near(layer(X, (h, c)), layer(X, (h, c, window)), 0)
    near(layer(X[:, 0], (h[:, 0], c[:, 0])), layer(X[:, 0], (h[:, 0], c[:, 0], window[:, 0])), 0)
    cell = RRACell(D, N, 3, dtype=torch.float64)
    for mine, expected in zip(cell(X[0], (h[0], c[0])), cell(X[0], (h[0], c[0], window[0])), strict=True):
        assert torch.equal(mine, expected)
    gru = RRA(D, N, 3, cell="gru", dtype=torch.float64)
    near(gru(X, h), gru(X, (h, window)), 0)


@pytest.mark.parametrize(
    ("make", "hx", "message"),
    [
        ({}, torch.zeros(1, B, N), r"LSTM: Expected hx to be the tensors \(h_0, c_0, window\) or without the window"),
        ({}, (torch.zeros(1, B, N),) * 3, r"states should be \(3-D, 3-D, 4-D\) but got \(3-D, 3-D, 3-D\)"),
        ({}, (*(torch.zeros(1, B, N),) * 2, torch.zeros(1, B, 4, N)), r"Expected hidden\[2\] size \(1, 4, 5, 6\)"),
        ({"cell": "gru"}, [torch.zeros(1, B, N)] * 3, r"GRU: Expected hx to be the tensors \(h_0, window\)"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_by_name(make, hx, message):
    with pytest.raises(RuntimeError, match=message):
        RRA(D, N, **make)(X.float(), hx)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lags": -1}, "lags should be a whole number of at least 0, got -1"),
        ({"lags": 2.0}, "lags should be a whole number"),
        ({"lags": True}, "lags should be a whole number"),
        ({"first_lag": 0}, "first_lag should be a whole number of at least 1, got 0"),
        ({"norm": "max"}, "norm should be one of 'sum', 'softmax', 'content', 'mean', got 'max'"),
        ({"cell": "tanh"}, "cell should be one of 'lstm', 'gru', 'rnn', got 'tanh'"),
    ],
)
@pytest.mark.parametrize("kind", [RRA, RRACell])
def test_options_that_mean_nothing_are_refused(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(D, N, **options)


@every_form
def test_parameters_are_counted_by_the_formulas(form):
    layer = layer_of(form, 2, bidirectional=True)
    k = form.get("lags", 5)
    blocks = {"lstm": 4, "gru": 3, "rnn": 1}[form.get("cell", "lstm")]
    learned = k if form.get("norm", "sum") in ("sum", "softmax") else 0
    gates = [width * (width + N + 1) if "gate" in form else 0 for width in (D, 2 * N)]
    expected = [
        2 * (blocks * N * (width + N + 1) + gate + learned) for width, gate in zip((D, 2 * N), gates, strict=True)
    ]
    assert layer.num_parameters == sum(expected)
    assert hasattr(layer, "weight_lag_l1_reverse") == (learned > 0)
    plain = layer_of(form | {"lags": 0}, 2, bidirectional=True)
    assert layer.flops(T, B) - plain.flops(T, B) == T * B * 4 * 2 * k * N


def test_initialisations():
    torch.manual_seed(0)
    for init, bound, bias in (("torch", N**-0.5, N**-0.5), ("paper", 0.1, 0.0)):
        layer = RRA(50, N, 200, 2, init=init)
        assert 0 <= layer.weight_lag_l1.min() < 0.1 < 0.9 < layer.weight_lag_l1.max() < 1
        assert 0.9 * bound < layer.weight_ih_l0.abs().max() <= bound
        assert layer.bias_ih_l0.abs().max() <= bias


def test_lag_weights_are_what_the_layer_uses():
    for norm in ("sum", "softmax", "mean"):
        layer = RRA(D, N, 4, 2, norm=norm, dtype=torch.float64, bidirectional=True)
        attention = layer(X, need_attention=True)[2]
        for k in range(2):
            for direction in range(2):
                w = layer.lag_weights(k, reverse=direction == 1)
                assert_near(w.sum(), torch.ones((), dtype=torch.float64), 1e-14)
                assert torch.equal(attention[k].lags[3, 2, :, direction], w)
    assert RRA(D, N, 4, norm="content").lag_weights() is None
    assert RRA(D, N, 0).lag_weights() is None


def test_weights_that_add_up_to_zero_are_refused_in_eager_and_compiled_code():
    layer = RRA(D, N, 2, dtype=torch.float64)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    assert_near(compiled(X)[0], layer(X)[0], 1e-13)
    with torch.no_grad():
        layer.weight_lag_l0.copy_(torch.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match="add up to almost zero"):
        layer(X)
    with pytest.raises(RuntimeError, match="add up to almost zero"):
        compiled(X)


def test_the_lags_learn():
    """To repeat the input of four steps ago takes the lag of four steps."""
    torch.manual_seed(0)
    layer, head = RRA(1, 8, 4, norm="softmax"), nn.Linear(8, 1)
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.02)
    x = torch.rand(12, 64, 1)
    losses = []
    for _ in range(60):
        loss = (head(layer(x)[0])[4:] - x[:-4]).square().mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        assert layer.weight_lag_l0.grad.abs().sum() > 0
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0]


class Whole(nn.Module):
    """A layer all of whose results are used, as a graph sees it."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x, lengths=None):
        output, last, attention = self.layer(x, lengths=lengths, need_attention=True)
        return (output, *as_tuple(last), *parts(attention))


@torchs_own_warning
@every_form
def test_compiled_and_exported_layers_are_graphs_of_operators_and_equal_the_eager_one(form):
    torch._dynamo.reset()
    model = Whole(layer_of(form, 1, bidirectional=True))
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    x = X[:2]  # short, for the reference unrolls its steps
    ours, expected = compiled(x), model(x)
    for one, other in zip(ours, expected, strict=True):
        assert_near(one, other, 1e-13)
    weights = list(model.parameters())
    found = (torch.autograd.grad(sum(r.square().sum() for r in some), weights) for some in (ours, expected))
    for one, other in zip(*found, strict=True):
        assert_near(one, other, 1e-12)
    if form.get("norm") == "content":  # and so their number is fixed
        program = torch.export.export(model.eval(), (x,))
        again = (x.flip(0),)
    else:
        shapes = {"x": {0: torch.export.Dim("steps", min=2), 1: torch.export.Dim("rows", min=2)}}
        shapes["lengths"] = {0: shapes["x"][1]}
        program = torch.export.export(model.eval(), (X, LENGTHS), dynamic_shapes=shapes)
        assert sum("eleatt" in str(node.target) for node in program.graph.nodes) == 2
        again = (torch.cat([X, X.flip(0)])[:, :2], torch.tensor([3, 14]))
    for one, other in zip(program.module()(*again), model(*again), strict=True):
        assert_near(one, other, 1e-13)


@every_form
def test_gradients_per_sample_by_vmap_are_those_of_a_loop(form):
    layer = layer_of(form, 1, batch_first=True)
    weights = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(weights, x):
        output, _, attention = functional_call(layer, weights, (x,), {"need_attention": True})
        return output.square().sum() + sum(a.square().sum() for a in parts(attention))

    rows = X.transpose(0, 1)
    together = vmap(grad(loss), in_dims=(None, 0))(weights, rows)
    for row, x in enumerate(rows):
        for name, alone in grad(loss)(weights, x).items():
            assert_near(together[name][row], alone, 1e-12, name)


@every_form
def test_autocast_computes_in_its_dtype_and_gives_gradients_in_the_parameters(form):
    layer = layer_of(form, 2).float()
    x = X.float()
    expected = layer(x, lengths=LENGTHS)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output, last, attention = layer(x, lengths=LENGTHS, need_attention=True)
    assert {t.dtype for t in (output, *as_tuple(last), *parts(attention))} == {torch.bfloat16}
    assert_near(output, expected, 3e-2)
    output.float().square().sum().backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in layer.parameters())


@every_form
def test_pickles_deep_copies_and_repr(form):
    layer = layer_of(form, 2, bidirectional=True)
    cell = RRACell(D, N, **{"lags": 5, **form}, dtype=torch.float64)
    for module, x in ((layer, X), (cell, X[0])):
        expected = module(x)[0]
        for again in (pickle.loads(pickle.dumps(module)), copy.deepcopy(module)):
            assert torch.equal(again(x)[0], expected)
            assert repr(again) == repr(module)
    assert f"lags={form.get('lags', 5)}" in repr(layer)
    assert ("gate=" in repr(layer)) == ("gate" in form)
    assert ("norm=" in repr(layer)) == ("norm" in form)


@pytest.mark.parametrize("zoneout", [0.5, 1.0])
def test_zoneout_keeps_states_and_the_window_holds_what_was_put_out(zoneout):
    torch.manual_seed(0)
    layer = RRA(D, N, 3, zoneout=zoneout, dtype=torch.float64)
    hx = states_of(layer, B)
    output, (_, c, window) = layer(X, hx)
    assert torch.equal(window[0], output[-3:].flip(0).transpose(0, 1))
    if zoneout == 1.0:
        assert torch.equal(output, hx[0].expand(T, B, N))
        assert torch.equal(c, hx[1])


def test_the_default_cell_with_a_gate_and_no_lags_is_eleatt():
    ours, theirs = RRA(D, N, 0, 2, gate="sigmoid", dtype=torch.float64), EleAttLSTM(D, N, 2, dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    near(ours(X), theirs(X), 0)
