"""PyTorch's own descriptions of its recurrent modules, with the class swapped: what its test suite asks of a module."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db
from torch.testing._internal.common_utils import gradcheck, gradgradcheck
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

import recurra.torch
from recurra.torch import compilable

pytestmark = [
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
    pytest.mark.filterwarnings("ignore:.*not.* batching rule:UserWarning"),
]

NAMES = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")
INFOS = {info.module_cls.__name__: info for info in module_db if info.module_cls.__module__.startswith("torch.nn.mod")}
CLASSES = {name: getattr(recurra.torch, name) for name in NAMES}
CLASSES |= {f"compilable.{name}": getattr(compilable, name) for name in NAMES[:3]}
DTYPES = (torch.float32, torch.float64)

by_class = pytest.mark.parametrize("name", CLASSES)
by_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
by_mode = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def info_of(name: str) -> Any:
    return INFOS[name.removeprefix("compilable.")]


def samples(name: str, dtype: Any, requires_grad: bool, training: bool) -> Iterator[tuple[Any, Any, Any]]:
    """(module, PyTorch's with the same weights, the sample), for each of PyTorch's samples."""
    info = info_of(name)
    given = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=requires_grad, training=training)
    for sample in given:
        arguments = sample.constructor_input
        modules = []
        for cls in (CLASSES[name], info.module_cls):
            torch.manual_seed(7)
            modules.append(cls(*arguments.args, **arguments.kwargs, dtype=dtype).train(training))
        for ours, theirs in zip(modules[0].parameters(), modules[1].parameters(), strict=True):
            assert torch.equal(ours, theirs), "not the same initial values"
        yield *modules, sample


def tensors(*values: Any) -> list[Any]:
    return [one for one in tree_flatten(values)[0] if isinstance(one, torch.Tensor)]


@by_mode
@by_dtype
@by_class
def test_forward(name: str, dtype: Any, training: bool) -> None:
    for ours, theirs, sample in samples(name, dtype, False, training):
        args, kwargs = sample.forward_input.args, sample.forward_input.kwargs
        found = ours(*args, **kwargs)
        torch.testing.assert_close(found, theirs(*args, **kwargs))
        if sample.reference_fn is not None:
            torch.testing.assert_close(found, sample.reference_fn(ours, *args, **kwargs))


@by_mode
@by_class
def test_grad_and_gradgrad(name: str, training: bool) -> None:
    for ours, _, sample in samples(name, torch.float64, True, training):
        if training and len(list(ours.parameters())) > 8 and sample.forward_input.args[1:]:
            continue  # the same graph as in evaluation, which is checked with every sample
        flat, spec = tree_flatten((sample.forward_input.args, sample.forward_input.kwargs))
        leaves = [one for one in flat if isinstance(one, torch.Tensor)]
        parameters = list(ours.parameters())

        def run(*values: Any, ours: Any = ours, flat: Any = flat, spec: Any = spec, count: int = len(leaves)) -> Any:
            given = iter(values[:count])
            args, kwargs = tree_unflatten([next(given) if isinstance(one, torch.Tensor) else one for one in flat], spec)
            named = dict(zip((key for key, _ in ours.named_parameters()), values[count:], strict=True))
            return tuple(tensors(torch.func.functional_call(ours, named, args, kwargs)))

        assert gradcheck(run, (*leaves, *parameters), check_forward_ad=False)
        assert gradgradcheck(run, (*leaves, *parameters), check_fwd_over_rev=False)


@by_dtype
@by_class
def test_pickle_and_deepcopy(name: str, dtype: Any) -> None:
    for ours, _, sample in samples(name, dtype, False, True):
        args = sample.forward_input.args
        expected = ours(*args)
        for copy in (pickle.loads(pickle.dumps(ours)), deepcopy(ours)):
            assert type(copy) is type(ours)
            torch.testing.assert_close(copy(*args), expected, rtol=0, atol=0)


@by_dtype
@by_class
def test_state_dict(name: str, dtype: Any) -> None:
    for ours, theirs, sample in samples(name, dtype, False, True):
        assert list(ours.state_dict()) == list(theirs.state_dict())
        with torch.no_grad():
            for parameter in theirs.parameters():
                parameter.add_(torch.randn_like(parameter))
        ours.load_state_dict(theirs.state_dict())
        args = sample.forward_input.args
        torch.testing.assert_close(ours(*args), theirs(*args))
        theirs.load_state_dict(ours.state_dict())


@by_dtype
@by_class
def test_non_contiguous_tensors(name: str, dtype: Any) -> None:
    def apart(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or value.dim() == 0:
            return value
        wide = torch.full((*value.shape, 2), float("nan"), dtype=value.dtype)
        wide[..., 1] = value.detach()
        return wide[..., 1].detach().requires_grad_(value.requires_grad)

    def zero(module: Any) -> list[Any]:
        found = [parameter.grad.clone() for parameter in module.parameters()]
        module.zero_grad()
        return found

    for ours, _, sample in samples(name, dtype, True, True):
        args = sample.forward_input.args
        other = tree_map(apart, args)
        results = []
        for given in (args, other):
            outputs = tensors(ours(*given))
            torch.autograd.backward(
                outputs, [torch.linspace(-1, 1, one.numel()).view_as(one).to(dtype) for one in outputs]
            )
            results.append((outputs, [one.grad for one in tensors(given)], zero(ours)))
        torch.testing.assert_close(results[1], results[0])
        for parameter in ours.parameters():
            parameter.data = apart(parameter)
        torch.testing.assert_close(tensors(ours(*args)), results[0][0])


@by_class
def test_repr(name: str) -> None:
    for ours, theirs, _ in samples(name, torch.float32, False, True):
        assert repr(ours) == repr(theirs)


@by_class
def test_factory_arguments(name: str) -> None:
    info = info_of(name)
    for sample in info.module_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=True):
        args, kwargs = sample.constructor_input.args, sample.constructor_input.kwargs
        made = CLASSES[name](*args, **kwargs, device="meta", dtype=torch.float64)
        assert {(one.device.type, one.dtype) for one in made.parameters()} == {("meta", torch.float64)}
        if "Cell" in name:  # skip_init does not take the constructors of the others, which have no named arguments
            made = torch.nn.utils.skip_init(CLASSES[name], *args, **kwargs)
            assert {one.device.type for one in made.parameters()} == {"cpu"}
    assert list(inspect.signature(CLASSES[name]).parameters) == list(inspect.signature(info.module_cls).parameters)


@by_dtype
@by_class
def test_errors(name: str, dtype: Any) -> None:
    info = info_of(name)
    count = 0
    for error in info.module_error_inputs_func(info, "cpu", dtype, False, True):
        sample = error.module_error_input
        args, kwargs = sample.constructor_input.args, sample.constructor_input.kwargs
        count += 1
        if error.error_on is ModuleErrorEnum.CONSTRUCTION_ERROR:
            with pytest.raises(error.error_type, match=error.error_regex):
                CLASSES[name](*args, **kwargs)
        else:
            made = CLASSES[name](*args, **kwargs)
            with pytest.raises(error.error_type, match=error.error_regex):
                made(*sample.forward_input.args, **sample.forward_input.kwargs)
    assert count
