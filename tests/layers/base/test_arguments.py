"""Arguments of constructors that have no meaning: the error names each, and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (lambda: layers.LSTM(3, dropout="a"), ValueError, r"dropout must be a number in \[0, 1\], got 'a'"),
        (lambda: layers.GRU(3, recurrent_dropout=[]), ValueError, "recurrent_dropout must be a number"),
        (lambda: layers.StackedRNNCells(3), ValueError, "cells must be a list of cells, got 3"),
        (lambda: layers.RNN(layers.LSTM(3)), ValueError, "cell must compute one step, as LSTMCell does, got a layer"),
        (lambda: layers.Masking("a"), TypeError, "mask_value must be a number, got 'a'"),
        (lambda: layers.Reshape("a"), ValueError, "target_shape must hold whole numbers, got 'a'"),
        (lambda: layers.TextVectorization(max_tokens="a"), ValueError, "max_tokens must be greater than 1"),
        (lambda: layers.StringLookup(max_tokens="a"), ValueError, "max_tokens must be greater than 1"),
        (
            lambda: layers.BatchNormalization(axis=3)(np.ones((2, 5, 4))),
            ValueError,
            "axis 3 is outside of an input of 3 axes",
        ),
        (
            lambda: layers.MultiHeadAttention(2, 3)(np.ones((2, 5, 4))),
            TypeError,
            r"must be called with a query and a value",
        ),
    ],
)
def test_wrong_arguments_are_named(make: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        make()
