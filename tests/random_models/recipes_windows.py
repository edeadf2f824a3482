"""Layers with windows over the steps, and a few that change each number by itself."""

from __future__ import annotations

from tests.random_models import pools
from tests.random_models.generator import Builder
from tests.random_models.recipes import recipe, some
from tests.random_models.spec import Call


def _window(b: Builder, steps: int, paddings: tuple[str, ...], dilation: bool) -> tuple[dict[str, str], int] | None:
    """Options of a window, and how many steps come out."""
    size, stride, rate = b.random.choice((1, 2, 3)), b.random.choice((1, 1, 2)), b.random.choice((1, 2))
    options = {"strides": str(stride)}
    if dilation and stride == 1 and b.chance(0.3):
        options["dilation_rate"] = str(rate)
    else:
        rate = 1
    padding = b.random.choice(paddings)
    options["padding"] = repr(padding)
    reach = rate * (size - 1) + 1
    left = -(-steps // stride) if padding != "valid" else (steps - reach) // stride + 1
    return ({"size": str(size), **options}, left) if left > 0 and steps >= reach else None


def _convolution(name: str) -> None:
    @recipe(name, 0.5)
    def _(b: Builder) -> bool:
        value = b.pick((2,), fits=lambda v: 0 not in v.shape)
        paddings = ("valid", "same", "causal") if name == "Conv1D" else ("valid", "same")
        found = None if value is None else _window(b, value.shape[0], paddings, name == "Conv1D")
        if value is None or found is None:
            return False
        options, steps = found
        given = {"kernel_size": options.pop("size"), **options}
        channels = b.size()
        if name == "DepthwiseConv1D":
            multiplier = b.random.choice((1, 2))
            channels = multiplier * value.shape[1]
            given["depth_multiplier"] = str(multiplier)
        else:
            given["filters"] = str(channels)
        given.update(some(b, 0.3, activation=lambda: repr(pools.activation(b.random)), use_bias="False"))
        b.add([value], [(steps, channels)], Call(f"layers.{name}", given))
        return True


def _pooling(name: str) -> None:
    @recipe(name, 0.5)
    def _(b: Builder) -> bool:
        value = b.pick((2,), fits=lambda v: 0 not in v.shape)
        # Keras averages copies of the last step under torch, in place of leaving out what is not there
        paddings = ("valid",) if b.limits.in_keras and name == "AveragePooling1D" else ("valid", "same")
        found = None if value is None else _window(b, value.shape[0], paddings, False)
        if value is None or found is None:
            return False
        options, steps = found
        given = {"pool_size": options.pop("size"), **options}
        b.add([value], [(steps, value.shape[1])], Call(f"layers.{name}", given))
        return True


for _name in ("Conv1D", "DepthwiseConv1D", "SeparableConv1D"):
    _convolution(_name)
for _name in ("MaxPooling1D", "AveragePooling1D"):
    _pooling(_name)


@recipe("ZeroPadding1D", 0.3)
def _zero_padding(b: Builder) -> bool:
    value = b.pick((2,))
    if value is None:
        return False
    before, after = b.random.choice(((1, 2), (2, 0), (0, 1)))
    call = Call("layers.ZeroPadding1D", {"padding": str((before, after))})
    b.add([value], [(value.shape[0] + before + after, value.shape[1])], call)
    return True


@recipe("Cropping1D", 0.3)
def _cropping(b: Builder) -> bool:
    value = b.pick((2,), fits=lambda v: v.shape[0] > 3)
    if value is None:
        return False
    before, after = b.random.choice(((1, 2), (2, 0), (0, 1)))
    call = Call("layers.Cropping1D", {"cropping": str((before, after))})
    b.add([value], [(value.shape[0] - before - after, value.shape[1])], call)
    return True


@recipe("UpSampling1D", 0.3)
def _up_sampling(b: Builder) -> bool:
    value = b.pick((2,), fits=lambda v: v.shape[0] < 60)
    if value is None:
        return False
    size = b.random.choice((2, 3))
    b.add([value], [(value.shape[0] * size, value.shape[1])], Call("layers.UpSampling1D", {"size": str(size)}))
    return True


@recipe("Rescaling", 0.3)
def _rescaling(b: Builder) -> bool:
    value = b.pick((1, 2, 3))
    if value is None:
        return False
    b.add([value], [value.shape], Call("layers.Rescaling", {"scale": "0.7", "offset": "-0.2"}), value.masked)
    return True
