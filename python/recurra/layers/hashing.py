"""Strings or integers to one of so many bins without a vocabulary: :class:`Hashing`."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.autograd import value_of
from recurra.layers.base.arguments import check_choice, check_positive
from recurra.layers.base.layer import Layer
from recurra.layers.category_encoding import encode, encoded_shape
from recurra.preprocessing.fingerprint import fingerprint64, siphash64
from recurra.symbolic import KerasTensor
from recurra.typing import Shape

_MODES = ("int", "one_hot", "multi_hot", "count")


class Hashing(Layer):
    """Strings or integers to the bin that a hash of them gives, the same on every machine.

    The hash is FarmHash's fingerprint, or SipHash with `salt` as its key.

    num_bins : how many bins, with that of `mask_value`
    mask_value : None, or what has bin 0 to itself
    salt : None, an integer or two: others do not know the bins then
    output_mode : "int", or "one_hot", "multi_hot", "count" over the bins, as in :class:`CategoryEncoding`

    >>> from recurra.layers import Hashing
    >>> Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]])[:, 0]
    array([1, 0, 1, 1, 2])
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("autocast", False)
        self._integers = kwargs.pop("dtype", None) or "int64" if output_mode == "int" else "int64"
        if self._integers not in ("int64", "int32"):
            raise ValueError(f"dtype must be None, 'int64' or 'int32' with output_mode 'int', got {self._integers!r}")
        super().__init__(**kwargs)
        if sparse:
            raise ValueError("sparse must be False: there is no sparse array type here")
        self.num_bins = check_positive(num_bins, "num_bins")
        if mask_value is not None and num_bins < 2:
            raise ValueError(f"num_bins must be at least 2 with a mask_value, got {num_bins}")
        self.mask_value = mask_value
        self.output_mode = check_choice(output_mode, "output_mode", _MODES)
        self.salt = None if salt is None else _checked_salt(salt)

    def _bin(self, value: Any) -> int:
        if isinstance(value, bytes):
            text = value
        elif isinstance(value, str):
            text = value.encode("utf-8")
        elif isinstance(value, int):
            text = str(value).encode("ascii")
        else:
            raise TypeError(f"{self.name}: inputs must hold strings or integers, got {value!r}")
        if self.mask_value is None:
            return self._hash(text) % self.num_bins
        if text == str(self.mask_value).encode("utf-8"):
            return 0
        return self._hash(text) % (self.num_bins - 1) + 1

    def _hash(self, text: bytes) -> int:
        return fingerprint64(text) if self.salt is None else siphash64(text, (self.salt[0], self.salt[1]))

    def call(self, inputs: Any) -> Any:
        array = np.asarray(value_of(inputs))
        bins = np.fromiter(map(self._bin, array.reshape(-1).tolist()), np.int64, array.size).reshape(array.shape)
        if self.output_mode == "int":
            return bins.astype(self._integers)
        return encode(bins, self.output_mode, self.num_bins).astype(self.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.output_mode == "int":
            return input_shape
        return encoded_shape(input_shape, self.output_mode, self.num_bins) if input_shape else (self.num_bins,)

    def compute_output_spec(self, inputs: Any) -> Any:
        dtype = self._integers if self.output_mode == "int" else self.dtype
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "num_bins": self.num_bins,
            "mask_value": self.mask_value,
            "salt": self.salt,
            "output_mode": self.output_mode,
            "sparse": False,
        }
        return {**config, "dtype": self._integers} if self.output_mode == "int" else config


def _checked_salt(salt: Any) -> list[int]:
    numbers = list(salt) if isinstance(salt, (list, tuple)) else [salt, salt]
    if len(numbers) != 2 or not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in numbers):
        raise ValueError(f"salt must be None, an integer or a pair of integers, got {salt!r}")
    if not all(-(2**63) <= number < 2**63 for number in numbers):
        raise ValueError(f"salt must hold integers in [-2**63, 2**63), got {salt!r}")
    return [int(number) for number in numbers]
