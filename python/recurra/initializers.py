"""First values of weights: Keras's initializers.

An initializer is called with a shape and a dtype and returns an array. One with a seed (given, or drawn when it is
made) returns the same array each time for the same shape; one made with a ``recurra.random.SeedGenerator`` draws anew.

    >>> from recurra import initializers
    >>> initializers.get("glorot_uniform")((3, 8)).shape
    (3, 8)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recurra import random
from recurra.autograd import Array
from recurra.config import standardize_dtype
from recurra.registry import Registry, deserialize_keras_object, serialize_keras_object
from recurra.typing import ArrayLike, DType, InitializerLike

Shape = tuple[int, ...]

__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "IdentityInitializer",
    "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "OrthogonalInitializer", "RandomNormal",
    "RandomUniform", "ScaleAndShift", "TruncatedNormal", "VarianceScaling", "Zeros", "constant", "deserialize", "get",
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal", "lecun_uniform", "ones",
    "orthogonal", "random_normal", "random_uniform", "serialize", "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip


class Initializer:
    """Base of all initializers: subclass and define ``__call__(shape, dtype=None)`` and ``get_config``."""

    _keras_module = "keras.initializers"

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        raise TypeError(f"{type(self).__name__} must define __call__(shape, dtype=None)")

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        return cls(**config)

    def clone(self) -> Initializer:
        return self.__class__.from_config(self.get_config())


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        return np.zeros(shape, standardize_dtype(dtype))


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        return np.ones(shape, standardize_dtype(dtype))


class ScaleAndShift(Initializer):
    """Ones in the first half of the rows, zeros in the second: of layer normalisation's weights (2 * n, units)."""

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        values = np.zeros(shape, standardize_dtype(dtype))
        values[: shape[0] // 2] = 1
        return values


class Constant(Initializer):
    """One value everywhere, or an array that broadcasts to the shape (pre-trained embeddings, say)."""

    def __init__(self, value: ArrayLike = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        return np.array(np.broadcast_to(np.asarray(self.value, standardize_dtype(dtype)), shape))

    def get_config(self) -> dict[str, Any]:
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constant:
        return cls(deserialize_keras_object(config["value"]))


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, zeros elsewhere."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        if len(shape) != 2:
            raise ValueError(f"Identity needs a shape of 2 axes, got {tuple(shape)}")
        name = standardize_dtype(dtype)
        return self.gain * np.eye(*shape, dtype=name)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


class _Random(Initializer):
    """Holds the seed: an int, None (one is drawn now) or a SeedGenerator (each call draws anew)."""

    def __init__(self, seed: int | random.SeedGenerator | None = None) -> None:
        if isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        self._given = seed
        if seed is None:
            self.seed: Any = random.derive_seed()
        else:
            self.seed = seed if isinstance(seed, random.SeedGenerator) else random.check_seed(seed)

    def get_config(self) -> dict[str, Any]:
        return {"seed": serialize_keras_object(self._given)}


class RandomNormal(_Random):
    """Normal numbers of mean `mean` and standard deviation `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | random.SeedGenerator | None = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """As RandomNormal, but numbers over two standard deviations from the mean are drawn again."""

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)


class RandomUniform(_Random):
    """Numbers spread evenly over [minval, maxval)."""

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | random.SeedGenerator | None = None
    ) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


class VarianceScaling(_Random):
    """Numbers of variance ``scale / n``, n being the inputs, the outputs or their mean.

    mode : "fan_in", "fan_out" or "fan_avg"
    distribution : "truncated_normal", "untruncated_normal" or "uniform" (limit ``sqrt(3 * scale / n)``)
    input_axes, output_axes : which axes of the shape count as inputs and as outputs; both or neither

    The truncated normal's deviation is divided by 0.8796 so that what is left after truncation has the variance asked
    for. For a recurrent kernel of shape (I, 4*H) the outputs are all 4*H columns, as in Keras.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | random.SeedGenerator | None = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ) -> None:
        if not scale > 0.0:
            raise ValueError(f"scale must be positive, got {scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"mode must be 'fan_in', 'fan_out' or 'fan_avg', got {mode!r}")
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(
                f"distribution must be 'truncated_normal', 'untruncated_normal' or 'uniform', got {distribution!r}"
            )
        if (input_axes is None) != (output_axes is None):
            raise ValueError(f"give input_axes and output_axes, or neither: got {input_axes} and {output_axes}")
        super().__init__(seed)
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        fan_in, fan_out = compute_fans(tuple(shape), self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, math.sqrt(variance), dtype, self.seed)
        stddev = math.sqrt(variance) / 0.87962566103423978
        return random.truncated_normal(shape, 0.0, stddev, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        config = {"scale": self.scale, "mode": self.mode, "distribution": self.distribution}
        return {**config, **self._seed_and_axes()}

    def _seed_and_axes(self) -> dict[str, Any]:
        config = {"seed": serialize_keras_object(self._given)}
        if self.input_axes is not None:
            config.update(input_axes=list(self.input_axes), output_axes=list(self.output_axes))
        return config


class _NamedScaling(VarianceScaling):
    """A VarianceScaling whose three settings are the class's."""

    _settings: tuple[float, str, str]

    def __init__(
        self, seed: int | random.SeedGenerator | None = None, input_axes: Any = None, output_axes: Any = None
    ) -> None:
        super().__init__(*self._settings, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        return self._seed_and_axes()


class GlorotUniform(_NamedScaling):
    """Even over ±sqrt(6 / (fan_in + fan_out))."""

    _settings = (1.0, "fan_avg", "uniform")


class GlorotNormal(_NamedScaling):
    """Truncated normal of variance 2 / (fan_in + fan_out)."""

    _settings = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_NamedScaling):
    """Even over ±sqrt(6 / fan_in)."""

    _settings = (2.0, "fan_in", "uniform")


class HeNormal(_NamedScaling):
    """Truncated normal of variance 2 / fan_in."""

    _settings = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_NamedScaling):
    """Even over ±sqrt(3 / fan_in)."""

    _settings = (1.0, "fan_in", "uniform")


class LecunNormal(_NamedScaling):
    """Truncated normal of variance 1 / fan_in."""

    _settings = (1.0, "fan_in", "truncated_normal")


class Orthogonal(_Random):
    """A matrix with orthonormal rows or columns, whichever are fewer, times `gain`.

    The Q of the QR decomposition of a normal matrix, its columns' signs fixed by the diagonal of R. Over a recurrent
    kernel of shape (H, 4*H) the rows are orthonormal, not each gate's block (as in Keras).
    """

    def __init__(self, gain: float = 1.0, seed: int | random.SeedGenerator | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        shape = tuple(shape)
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs a shape of at least 2 axes, got {shape}")
        name = standardize_dtype(dtype)
        rows, cols = math.prod(shape[:-1]), shape[-1]
        gaussian = random.normal((max(rows, cols), min(rows, cols)), dtype="float64", seed=self.seed)
        q, r = np.linalg.qr(gaussian)
        q *= np.sign(np.diag(r))
        if rows < cols:
            q = q.T
        return np.ascontiguousarray(self.gain * q.reshape(shape), dtype=name)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, **super().get_config()}


OrthogonalInitializer = Orthogonal
IdentityInitializer = Identity


def compute_fans(
    shape: Shape, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """How many inputs and outputs one weight of this shape has.

    input_axes, output_axes : the axes of the inputs and of the outputs, where both are given
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 1:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling, glorot_uniform, glorot_normal = VarianceScaling, GlorotUniform, GlorotNormal
he_uniform, he_normal, lecun_uniform, lecun_normal = HeUniform, HeNormal, LecunUniform, LecunNormal

_objects: dict[str, Any] = {
    "zeros": Zeros, "ones": Ones, "constant": Constant, "identity": Identity, "orthogonal": Orthogonal,
    "random_normal": RandomNormal, "random_uniform": RandomUniform, "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling, "glorot_uniform": GlorotUniform, "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform, "he_normal": HeNormal, "lecun_uniform": LecunUniform, "lecun_normal": LecunNormal,
    "scale_and_shift": ScaleAndShift, "zero": Zeros, "one": Ones, "uniform": RandomUniform, "normal": RandomNormal,
    "OrthogonalInitializer": Orthogonal, "IdentityInitializer": Identity,
}  # fmt: skip
_objects.update({kind.__name__: kind for kind in list(_objects.values())})
_registry = Registry("initializer", _objects)


def get(identifier: InitializerLike | None) -> Any:
    """The initializer for a name, a configuration, a class, an instance, a callable or an array (its values)."""
    if isinstance(identifier, np.ndarray):
        return Constant(identifier)
    return _registry.get(identifier)


def serialize(initializer: Any) -> Any:
    """The configuration of an initializer."""
    return _registry.serialize(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The initializer that a configuration describes."""
    return _registry.deserialize(config, custom_objects)
