"""Random models come back from files and copies with the same bits; a row has the same bits alone as in a batch."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import config
from recurra.models import clone_model, load_model
from tests.random_models.generator import Limits, generate
from tests.random_models.run import fill_weights, names_of

MODELS = 24
UNSAVED = "code of a lambda is not saved"  # functions of Lambda layers


@pytest.fixture(autouse=True)
def _float_type() -> Iterator[None]:
    before = config.floatx()
    yield
    config.set_floatx(before)


def rows(x: Any, which: slice) -> Any:
    return [one[which] for one in x] if isinstance(x, list) else x[which]


def flat(outputs: Any) -> list[Any]:
    parts = outputs.values() if isinstance(outputs, dict) else outputs
    return [outputs] if isinstance(outputs, np.ndarray) else [one for part in parts for one in flat(part)]


def assert_same(found: Any, expected: Any, what: str) -> None:
    for one, other in zip(flat(found), flat(expected), strict=True):
        np.testing.assert_array_equal(one, other, err_msg=what)


def copies_of(model: Any, folder: Path) -> dict[str, Callable[[], Any]]:
    """Ways to make another model with the same weights."""

    def saved(name: str) -> Any:
        model.save(folder / name)
        return load_model(folder / name)

    def with_weights(other: Any, sample: Any) -> Any:
        if not other.built:
            other.predict_on_batch(sample)
        other.set_weights(model.get_weights())
        return other

    return {
        "keras": lambda: saved("m.keras"),
        "h5": lambda: saved("m.h5"),
        "deepcopy": lambda: copy.deepcopy(model),
        "pickle": lambda: pickle.loads(pickle.dumps(model)),
        "clone_model": lambda: lambda sample: with_weights(clone_model(model), sample),
        "from_config": lambda: lambda sample: with_weights(type(model).from_config(model.get_config()), sample),
    }


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(4))
def test_copies_and_single_rows(part: int, tmp_path: Path) -> None:
    compared = 0
    for seed in range(5000 + part, 5000 + MODELS, 4):
        spec = generate(seed, Limits())
        names = names_of("recurra", spec.dtype, spec.seed)
        with np.errstate(all="ignore"):
            exec(compile(spec.source(), f"<model {seed}>", "exec"), names)
            model, x = names["model"], names["x"]
            sample = rows(x, slice(spec.batch))
            if not model.built:
                model.predict_on_batch(sample)
            fill_weights(model, spec.seed)
            model.reset_states()
            expected = model.predict(x, batch_size=spec.batch, verbose=0)
            for way, make in copies_of(model, tmp_path).items():
                try:
                    made = make()
                    other = made(sample) if way in ("clone_model", "from_config") else made
                except (ValueError, AttributeError, pickle.PicklingError) as error:
                    assert any(text in str(error) for text in (UNSAVED, "pickle", "local object")), (
                        f"model {seed}, {way}: {error}"
                    )
                    continue
                other.reset_states()
                found = other.predict(x, batch_size=spec.batch, verbose=0)
                assert_same(found, expected, f"model {seed}, {way}")
                compared += 1
            mixes_rows = "time_major" in spec.source() or "stateful=True" in spec.source()
            if not mixes_rows and model.inputs[0].shape[0] is None:
                found = model.predict(rows(x, slice(0, 1)), verbose=0)
                assert_same(found, [one[:1] for one in flat(expected)], f"model {seed}, the first row alone")
    assert compared > 20
