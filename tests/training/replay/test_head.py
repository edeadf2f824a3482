"""The losses of several outputs, in recorded steps, have the bits of the ordinary step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import optimizers
from tests.support.branch_cases import BranchCase, branching, data, labels
from tests.support.output_cases import OUTPUTS
from tests.training.replay.test_branches import run, same


@pytest.mark.filterwarnings("ignore:variable .* has no gradient")
@pytest.mark.parametrize("name", OUTPUTS)
def test_same_bits(name: str, replayed: list[int]) -> None:
    case = OUTPUTS[name]
    expected = run(case, True)
    assert not replayed
    same(run(case, False), expected)
    assert len(replayed) == 13
    assert len({epoch["loss"][0] for epoch in expected[0]}) == 3


def _no_weight(model: Any) -> None:
    model._compiled_state.loss.weights[1] = 0.0


def _other_losses(model: Any) -> None:
    model.compile("sgd", "mae", loss_weights=[1.0, 0.5], run_eagerly=model.run_eagerly)


@pytest.mark.parametrize("change", [_no_weight, _other_losses])
def test_what_changes_between_two_fits_is_seen(change: Any, replayed: list[int]) -> None:
    case = BranchCase(OUTPUTS["chained"].model, ["number", "number"])
    expected = run(case, True, change=change)
    assert not replayed
    same(run(case, False, change=change), expected)
    assert len(replayed) >= 11


@pytest.mark.parametrize("weights", ["none", "one", "both"])
def test_train_on_batch(weights: str, replayed: list[int]) -> None:
    """Logs of each output, of batches whose weights change in kind."""

    def trained(eagerly: bool) -> Any:
        model = branching(OUTPUTS["number_and_class"], eagerly)
        x, y = data(model), labels(["number", "ids"])
        one = np.linspace(0.5, 2.0, 4)
        given = {"none": None, "one": [one, None], "both": [one, one[::-1]]}[weights]
        logs = [
            model.train_on_batch(
                x[i : i + 4], [a[i : i + 4] for a in y], None if i % 3 == 0 else given, return_dict=True
            )
            for i in range(9)
        ]
        return logs, model.get_weights()

    expected = trained(True)
    same(trained(False), expected)
    assert len(expected[0][0]) == 5
    assert len(replayed) == (8 if weights == "none" else 7)


def test_a_scaled_loss(replayed: list[int]) -> None:
    def trained(eagerly: bool) -> Any:
        model = branching(OUTPUTS["weighted"], eagerly)
        scaled = optimizers.SGD(0.1, loss_scale_factor=8.0)
        model.compile(scaled, ["mse", "sparse_categorical_crossentropy"], run_eagerly=eagerly)
        history = model.fit(data(model), labels(["number", "ids"]), batch_size=5, epochs=3, verbose=0).history
        return [history], model.get_weights()

    same(trained(False), trained(True))
    assert replayed
