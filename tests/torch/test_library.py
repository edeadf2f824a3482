"""The operators of torch.library: opcheck, gradcheck, torch.compile, torch.export, dispatch modes."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import recurra.torch
from recurra.torch import compilable, library

T, B, I, H = 6, 3, 5, 7


def inputs(mode: str, directions: int, requires_grad: bool, dtype: Any = torch.float64, states: bool = True) -> Any:
    torch.manual_seed(0)
    gates = {"LSTM": 4, "GRU": 3}.get(mode, 1)

    def make(*shape: int) -> Any:
        return (0.5 * torch.randn(*shape, dtype=dtype)).requires_grad_(requires_grad)

    shapes = [(gates * H, I), (gates * H, H), (gates * H,), (gates * H,)]
    weights = [make(*shape) for shape in shapes * directions]
    h0 = make(directions, B, H) if states else None
    return make(T, B, I), h0, make(directions, B, H) if mode == "LSTM" and states else None, weights


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("mode", ["LSTM", "GRU", "RNN_TANH", "RNN_RELU"])
def test_opcheck(mode: str, directions: int, requires_grad: bool) -> None:
    x, h0, c0, weights = inputs(mode, directions, requires_grad)
    torch.library.opcheck(
        torch.ops.recurra.layer.default, (x, h0, c0, weights, None, mode, directions, False, requires_grad)
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("given", ["both", "c0", "none"])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_opcheck_of_packed_rows(requires_grad: bool, given: str) -> None:
    """With batch sizes; without a state only their numbers tell the number of sequences."""
    _, h0, c0, weights = inputs("LSTM", 2, requires_grad)
    x = torch.randn(6, I, dtype=torch.float64, requires_grad=requires_grad)
    h0, c0 = h0 if given == "both" else None, None if given == "none" else c0
    arguments = (x, h0, c0, weights, torch.tensor([3, 2, 1]), "LSTM", 2, False, requires_grad)
    torch.library.opcheck(torch.ops.recurra.layer.default, arguments)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_opcheck_of_backward() -> None:
    x, h0, c0, weights = inputs("LSTM", 2, False)
    given = (torch.randn(T, B, 2 * H).double(), None, torch.randn(2, B, H).double(), x, h0, c0, weights, None)
    handle = torch.zeros(1, dtype=torch.uint8)
    every, some = [True] * 8, [False, True, True, False] * 2
    for need_dx, needed in ((True, every), (False, every), (True, some)):
        torch.library.opcheck(
            torch.ops.recurra.layer_backward.default, (handle, *given, "LSTM", 2, False, need_dx, needed)
        )


@pytest.mark.parametrize("mode", ["LSTM", "GRU", "RNN_TANH"])
def test_gradcheck(mode: str) -> None:
    x, h0, c0, weights = inputs(mode, 2, True)

    def run(x: Any, h0: Any, c0: Any, *weights: Any) -> Any:
        return library.layer(mode, 2, False, x, h0, c0, list(weights), None)

    arguments = (x, h0, c0, *weights)
    assert torch.autograd.gradcheck(run, arguments, fast_mode=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(run, arguments, fast_mode=True)


def test_the_kept_caches_live_as_long_as_the_handle() -> None:
    gc.collect()
    before = len(library._HANDLES)
    x, h0, c0, weights = inputs("GRU", 1, True)
    y, *_ = library.layer("GRU", 1, False, x, h0, c0, weights, None)
    assert len(library._HANDLES) == before + 1
    first = torch.autograd.grad(y.sum(), x, retain_graph=True)
    assert len(library._HANDLES) == before
    torch.testing.assert_close(torch.autograd.grad(y.sum(), x), first)
    y, *_ = library.layer("GRU", 1, False, x, h0, c0, weights, None)
    del y, _
    gc.collect()
    assert len(library._HANDLES) == before
    with torch.no_grad():
        library.layer("GRU", 1, False, x, h0, c0, weights, None)


class Model(torch.nn.Module):
    def __init__(self, source: Any, name: str, **options: Any) -> None:
        super().__init__()
        self.rnn = getattr(source, name)(I, H, **options)
        self.out = torch.nn.Linear(H * (2 if options.get("bidirectional") else 1), 2)

    def forward(self, x: Any) -> Any:
        y, _ = self.rnn(x * 2)
        return self.out(y)


@pytest.fixture
def _dynamo() -> Any:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


OPTIONS = ({}, {"num_layers": 2, "bidirectional": True, "batch_first": True}, {"bias": False, "num_layers": 2})


@pytest.mark.usefixtures("_dynamo")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_compile_without_a_break(name: str, options: Any) -> None:
    """Forward and backward, traced by AOTAutograd; the default backend would need a compiler."""
    torch.manual_seed(0)
    model = Model(compilable, name, **options)
    x = torch.randn(T, B, I)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    results = []
    for run in (model, compiled):
        given = x.clone().requires_grad_()
        y = run(given)
        y.pow(2).sum().backward()
        results.append([y.detach(), given.grad, *(parameter.grad for parameter in model.parameters())])
        model.zero_grad()
    torch.testing.assert_close(*results)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), results[0][0])


@pytest.mark.usefixtures("_dynamo")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("source", [recurra.torch, compilable])
def test_compile_an_empty_batch(source: Any, batch_first: bool) -> None:
    """The last batch of a loader, say, of which everything was filtered out."""
    module = source.LSTM(I, H, num_layers=2, bidirectional=True, batch_first=batch_first)
    compiled = torch.compile(module, backend="aot_eager")
    x = torch.zeros((0, T) if batch_first else (T, 0)).unsqueeze(-1).expand(-1, -1, I).requires_grad_()
    (y, (h, c)), expected = compiled(x), module(x)
    torch.testing.assert_close((y, (h, c)), expected)
    (y.sum() + h.sum() + c.sum()).backward()
    assert all(float(weight.grad.abs().sum()) == 0 for weight in module.parameters())
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), expected)


@pytest.mark.usefixtures("_dynamo")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_compile_a_projection() -> None:
    torch.manual_seed(0)
    module = compilable.LSTM(I, H, num_layers=2, proj_size=4)
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    x, h0, c0 = torch.randn(T, B, I), torch.randn(2, B, 4), torch.randn(2, B, H)
    results = []
    for run in (module, compiled):
        y, (h, c) = run(x, (h0, c0))
        (y.sum() + h.pow(2).sum() + c.pow(2).sum()).backward()
        results.append([y.detach(), h.detach(), c.detach(), *(parameter.grad for parameter in module.parameters())])
        module.zero_grad()
    torch.testing.assert_close(*results)


def dynamo_takes_packed() -> bool:
    """Whether torch.compile follows a PackedSequence at all: PyTorch 2.13 does, 2.7 does not."""

    def rebuilt(packed: Any) -> Any:
        return PackedSequence(*packed).data * 2

    try:
        torch.compile(rebuilt, backend="eager", fullgraph=True)(pack_sequence([torch.randn(3, 2)], False))
    except torch._dynamo.exc.Unsupported:
        assert tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 13)
        return False
    return True


class OverPacked(torch.nn.Module):
    def __init__(self, rnn: Any) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, packed: Any, hx: Any = None) -> Any:
        y, final = self.rnn(packed) if hx is None else self.rnn(packed, hx)
        return y.data * 2, final


@pytest.mark.usefixtures("_dynamo")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("given_states", [False, True])
@pytest.mark.parametrize("is_sorted", [False, True])
@pytest.mark.parametrize(
    ("source", "name", "options"),
    [
        (compilable, "LSTM", {"num_layers": 2, "bidirectional": True}),
        (compilable, "LSTM", {"proj_size": 4}),
        (compilable, "GRU", {}),
        (recurra.torch, "LSTM", {}),
    ],
)
def test_compile_over_a_packed_sequence(
    source: Any, name: str, options: Any, is_sorted: bool, given_states: bool
) -> None:
    """Whole where the sequences' order says how many there are, with a break of the graph elsewhere."""
    torch.manual_seed(0)
    model = OverPacked(getattr(source, name)(I, H, **options))
    lengths = (6, 4, 4, 1) if is_sorted else (4, 1, 6, 4)
    sequences = [torch.randn(length, I) for length in lengths]
    hx: Any = None
    if given_states:
        layers = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
        hx = torch.randn(layers, len(lengths), options.get("proj_size", H))
        hx = (hx, torch.randn(layers, len(lengths), H)) if name == "LSTM" else hx
    whole = source is compilable and not is_sorted and dynamo_takes_packed()
    results = []
    for run in (model, torch.compile(model, backend="aot_eager", fullgraph=whole)):
        given = [sequence.clone().requires_grad_() for sequence in sequences]
        y, final = run(pack_sequence(given, enforce_sorted=is_sorted), hx)
        (y.pow(2).sum() + sum(state.pow(2).sum() for state in final)).backward()
        results.append([y.detach(), final, *(x.grad for x in given), *(one.grad for one in model.parameters())])
        model.zero_grad()
    torch.testing.assert_close(*results)


@pytest.mark.usefixtures("_dynamo")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_the_subclass_breaks_the_graph_and_works() -> None:
    torch.manual_seed(0)
    model = Model(recurra.torch, "LSTM")
    x = torch.randn(T, B, I)
    torch.testing.assert_close(torch.compile(model, backend="eager")(x), model(x))


@pytest.mark.usefixtures("_dynamo")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("source", [recurra.torch, compilable])
@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_export(source: Any, name: str) -> None:
    torch.manual_seed(0)
    model = Model(source, name, batch_first=True).eval()
    x = torch.randn(B, T, I)
    sizes = {"batch": torch.export.Dim("batch", min=2), "steps": torch.export.Dim("steps", min=2)}
    with torch.no_grad():
        program = torch.export.export(model, (x,), dynamic_shapes=({0: sizes["batch"], 1: sizes["steps"]},))
        assert any("recurra.layer" in str(node.target) for node in program.graph.nodes)
        other = torch.randn(B + 2, T + 3, I)
        torch.testing.assert_close(program.module()(other), model(other))


def test_under_a_dispatch_mode() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    model = recurra.torch.LSTM(I, H, num_layers=2)
    x = torch.randn(T, B, I)
    packed = pack_sequence([torch.randn(n, I) for n in (5, 3, 3)])
    for given in (x, packed):
        expected = model(given)
        with FlopCounterMode(display=False):
            found = model(given)
        torch.testing.assert_close(found[0], expected[0])
        torch.testing.assert_close(found[1], expected[1])


def test_fake_tensors() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        y, (h, c) = recurra.torch.LSTM(I, H, bidirectional=True)(torch.randn(T, B, I))
    assert y.shape == (T, B, 2 * H) and h.shape == c.shape == (2, B, H)
