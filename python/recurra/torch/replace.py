"""A whole model on the kernels: every recurrent module's class replaced, in place; and back."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import nn
from torch.nn.utils import parametrize

from recurra.torch import cells, modules
from recurra.torch.policies import replace_loop, restore_loop

Model = TypeVar("Model", bound=nn.Module)

_OURS: dict[type, type] = {
    nn.LSTM: modules.LSTM,
    nn.GRU: modules.GRU,
    nn.RNN: modules.RNN,
    nn.LSTMCell: cells.LSTMCell,
    nn.GRUCell: cells.GRUCell,
    nn.RNNCell: cells.RNNCell,
}
_THEIRS = {ours: theirs for theirs, ours in _OURS.items()}


def accelerate(model: Model, *, report: bool = True) -> Model:
    """Give the recurrent modules of a model recurra's kernels, in place.

    A module of exactly ``nn.LSTM``, ``nn.GRU``, ``nn.RNN``, ``nn.LSTMCell``, ``nn.GRUCell`` or ``nn.RNNCell``, also
    one with parametrizations, gets the class of the same name in :mod:`recurra.torch`. It stays the same object:
    weights, buffers, hooks, training mode and references to it are kept.

    A recurrent policy of sb3-contrib, which calls its LSTM once for each step of a batch where an episode ends within
    it, makes one call with `resets` too.

    model : a module, perhaps itself recurrent
    report : whether to print what was changed, what was left, and why

    Returns `model`. :func:`restore` undoes it.
    """
    return _replace(model, _OURS, report)


def restore(model: Model, *, report: bool = True) -> Model:
    """Give the modules that :func:`accelerate` changed PyTorch's classes again, in place. Returns `model`."""
    return _replace(model, _THEIRS, report)


def _replace(model: Model, classes: dict[type, type], report: bool) -> Model:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    changed, left = [], []
    for name, module in model.named_modules():
        label = (
            f"{name or '(the model)'}: {module!r}" if len(repr(module)) < 160 else f"{name}: {type(module).__name__}"
        )
        reason = _why_left(module, classes)
        if reason:
            left.append(f"{label}: {reason}")
        elif reason is None:
            _set_class(module, classes)
            changed.append(label)
    for name, module in model.named_modules():
        if replace_loop(module) if classes is _OURS else restore_loop(module):
            what = "its steps in one call" if classes is _OURS else "its steps in a loop"
            changed.append(f"{name or '(the model)'}: {type(module).__name__}: {what}")
    if report:
        what = "on recurra's kernels" if classes is _OURS else "on PyTorch's implementation"
        print(f"{len(changed)} module{'' if len(changed) == 1 else 's'} {what}, {len(left)} left")
        for line in changed:
            print(f"  changed  {line}")
        for line in left:
            print(f"  left     {line}")
    return model


def _plain_class(module: nn.Module) -> type:
    """The module's class, beneath the one that parametrizations make."""
    return type(module).__bases__[0] if parametrize.is_parametrized(module) else type(module)


def _why_left(module: nn.Module, classes: dict[type, type]) -> str | None:
    """None for a module to change; "" for one that is none of ours; else the reason to leave it."""
    found = _plain_class(module)
    if found in classes:
        return None
    if classes is _THEIRS:
        return ""
    if found in _THEIRS:
        return "is on recurra's kernels already"
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        return f"{found.__module__}.{found.__qualname__} is a class of its own: it may compute something else"
    name = getattr(module, "original_name", found.__name__)  # original_name: of a scripted module
    if name in {cls.__name__ for cls in _OURS} and not any(type(part) in _OURS for part in module.children()):
        return f"{found.__module__}.{found.__qualname__} is not a module of torch.nn"
    return ""


def _set_class(module: nn.Module, classes: dict[type, type]) -> None:
    new = classes[_plain_class(module)]
    if parametrize.is_parametrized(module):
        # The class made for one module: its properties and methods over the new base.
        members: dict[str, Any] = {
            name: value for name, value in vars(type(module)).items() if name not in ("__dict__", "__weakref__")
        }
        new = type(f"Parametrized{new.__name__}", (new,), members)
    module.__class__ = new
