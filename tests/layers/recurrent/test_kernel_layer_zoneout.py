"""Zoneout of every recurrent layer of the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import gradcheck, layers
from tests.support.recurrent_layers import (
    F64,
    KINDS,
    MASK,
    B,
    H,
    I,
    T,
    X,
    declared,
    in_steps,
    made,
    same,
    sizes_of,
    states,
    zoneouts_of,
)

every_kind = pytest.mark.parametrize("kind", KINDS)


def zoned(kind: str, first: float = 0.3, second: float = 0.6, **options: Any) -> Any:
    return made(kind, **dict(zip(zoneouts_of(kind), (first, second), strict=False)), **options)


@every_kind
@pytest.mark.parametrize("mask", [None, MASK], ids=["", "mask"])
@pytest.mark.parametrize("backwards", [False, True], ids=["", "backwards"])
def test_zoneout_at_inference_is_the_expectation(kind: str, mask: Any, backwards: bool) -> None:
    layer = zoned(kind, return_sequences=True, return_state=True, go_backwards=backwards)
    plain = made(kind)
    plain.set_weights(layer.get_weights())
    now = states(kind)
    found = layer(X, initial_state=now, mask=mask)
    same(found, in_steps(layer)(X, initial_state=now, mask=mask))
    for t in reversed(range(T)) if backwards else range(T):
        _, new = plain.cell(X[:, t], now if len(now) > 1 else now[0])
        new = new if len(now) > 1 else [new]
        mixed = [z * old + (1 - z) * one for z, old, one in zip((0.3, 0.6), now, new, strict=False)]
        valid = np.ones((B, 1), bool) if mask is None else mask[:, t, None]
        now = [np.where(valid, one, old) for one, old in zip(mixed, now, strict=True)]
    same(found[1:], now)


@every_kind
def test_zoneout_in_training_keeps_units_at_random(kind: str) -> None:
    x, start = np.zeros((200, 1, I)), [np.full((200, size), 9.0) for size in sizes_of(kind, H)]
    layer = zoned(kind, return_state=True, seed=4)
    _, *final = layer(x, initial_state=start, training=True)
    plain = made(kind, return_state=True)
    plain.set_weights(layer.get_weights())
    _, *new = plain(x, initial_state=start)
    for rate, old, now, other in zip((0.3, 0.6), start, final, new, strict=False):
        kept = np.asarray(now) == old
        np.testing.assert_allclose(now, np.where(kept, old, other), rtol=1e-12)
        assert abs(kept.mean() - rate) < 0.1
    again = type(layer).from_config(layer.get_config())
    again.build((200, 1, I))
    again.set_weights(layer.get_weights())
    same(again(x, initial_state=start, training=True)[1:], final)
    assert any(
        (np.asarray(a) != b).any() for a, b in zip(layer(x, initial_state=start, training=True)[1:], final, strict=True)
    )
    copy = in_steps(layer)  # the same in Python
    _, *final = copy(x, initial_state=start, training=True)
    for old, now, other in zip(start, final, new, strict=True):
        kept = np.asarray(now) == old
        np.testing.assert_allclose(now, np.where(kept, old, other), rtol=1e-10)
        assert kept.any() and not kept.all()


@every_kind
@pytest.mark.parametrize("activation", [None, "softsign"], ids=["kernel", "steps"])
@pytest.mark.parametrize("training", [False, True])
def test_gradients_under_zoneout(kind: str, activation: str | None, training: bool) -> None:
    options: dict[str, Any] = {"activation": activation} if activation else {}
    layer = zoned(kind, return_sequences=True, return_state=True, go_backwards=True, **options)

    def run(x: Any, *start: Any) -> Any:
        layer.cell.seed_generator.state = (17, 0)
        return list(layer(x, initial_state=list(start), mask=MASK, training=training))

    assert gradcheck(run, [X, *states(kind)], variables=layer.trainable_variables)


@every_kind
def test_zoneout_in_other_layers(kind: str) -> None:
    layer = zoned(kind, return_sequences=True)
    both = layers.Bidirectional(layer, **F64)
    y = both(X)
    assert both.backward_layer.zoneout_h == both.forward_layer.zoneout_h == 0.3
    one, other = both.forward_layer(X), both.backward_layer(X)[:, ::-1]
    np.testing.assert_allclose(y, np.concatenate([one, other], axis=-1), rtol=1e-12)
    stateful = type(layer).from_config({**layer.get_config(), "stateful": True})
    stateful.build((B, T, I))
    stateful.set_weights(layer.get_weights())
    pieces = [stateful(X[:, :2]), stateful(X[:, 2:])]
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), layer(X), rtol=1e-12)


@every_kind
def test_zoneout_is_a_probability(kind: str) -> None:
    for name in zoneouts_of(kind):
        for value in (-0.1, 1.5, "much", True):
            for made_of in (KINDS[kind], KINDS[kind].cell_class):
                with pytest.raises(ValueError, match=rf"^{name} must be a number in \[0, 1\], got"):
                    made_of(H, **{name: value})
    if "c" not in declared(kind).states:
        with pytest.raises(TypeError, match="zoneout_c"):
            KINDS[kind](H, zoneout_c=0.5)
        assert not hasattr(KINDS[kind](H), "zoneout_c")
