"""Random models agree under all kernels; the tools that find, judge and shrink a disagreement do what they say."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from recurra import layers, losses, optimizers
from tests.random_models import pools
from tests.random_models.__main__ import variants
from tests.random_models.check import Checker
from tests.random_models.compare import BOUNDS, OVERFLOW, compare
from tests.random_models.generator import Limits, generate
from tests.random_models.recipes import RECIPES
from tests.random_models.shrink import shrink
from tests.random_models.spec import Spec
from tests.support import recurrent_layers

MODELS = 300
#: names of recurra.layers that no model needs to name, and why
NOT_DRAWN = {
    **dict.fromkeys(
        (
            "AveragePooling2D",
            "AveragePooling3D",
            "Conv2D",
            "Conv3D",
            "Conv2DTranspose",
            "Conv3DTranspose",
            "Cropping2D",
            "Cropping3D",
            "DepthwiseConv2D",
            "GlobalAveragePooling2D",
            "GlobalMaxPooling2D",
            "MaxPooling2D",
            "MaxPooling3D",
            "SeparableConv2D",
            "UpSampling2D",
            "ZeroPadding2D",
            "ZeroPadding3D",
        ),
        "the code of the layer over one axis",
    ),
    **dict.fromkeys(
        ("Conv1DTranspose", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "EinsumDense", "MultiHeadAttention"),
        "made of products and convolutions that others draw",
    ),
    **dict.fromkeys(
        ("CategoryEncoding", "Discretization", "Hashing", "IntegerLookup", "Normalization", "StringLookup"),
        "learns from data first, or has no weights and no gradient",
    ),
    **dict.fromkeys(("CenterCrop", "Resizing"), "products with fixed numbers"),
    **dict.fromkeys(("MelSpectrogram", "STFTSpectrogram"), "products and convolutions that others draw"),
    "LocallyConnected1D": "a product of what others draw",
    **dict.fromkeys(("deserialize", "serialize"), "not layers"),
    "ActivityRegularization": "a penalty as in own.Penalized",
    "AddMetric": "hands its input on: tests/models/test_own_metrics.py",
    "CRF": "gives a loss of its own, of paths: tests/ops/test_crf.py",
    "DistinctSteps": "the bits of the layer inside",
    "DropoutRNNCell": "a base of cells: own.DroppingCell",
    "GetItem": "made by indexing a symbol",
    "InputLayer": "made by Input",
    "InputFeedingDecoder": "of cells and attention that others draw",
    "InputSpec": "a description, not a layer",
    "Identity": "does nothing",
    "Layer": "a base: own.Penalized and the cells in own_layers.py",
    "Merge": "a base of Add and its kin",
    "Operation": "made by a function of symbols",
    "SpatialDropout3D": "the code of SpatialDropout2D over one axis more",
    "TextVectorization": "takes texts, of which there are none",
    "Wrapper": "a base of TimeDistributed",
}


def check_all(seeds: range) -> list[str]:
    """What is wrong with the models of these seeds; an empty list if nothing is."""
    found = []
    with Checker(variants()) as checker:
        for seed in seeds:
            spec = generate(seed)
            verdict = checker.check(spec)
            if verdict.refused:
                found.append(f"seed {seed} is refused: {verdict.refused}\n{spec.script()}")
            elif verdict.failures:
                small = shrink(spec, lambda one: bool(checker.check(one).failures), budget=150)
                what = checker.check(small).failures
                found.append(f"seed {seed}: {verdict.failures}\nmade small: {what}\n{small.script()}")
    return found


@pytest.mark.skipif(not variants(), reason="no compiled variant is built")
def test_random_models_agree_under_all_kernels() -> None:
    half = MODELS // 2
    with ThreadPoolExecutor(2) as pool:
        found = [text for part in pool.map(check_all, (range(half), range(half, MODELS))) for text in part]
    assert not found, "\n\n".join(found[:3]) + f"\n\n{len(found)} of {MODELS} models are wrong"


# --- what is drawn ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sources() -> str:
    return "\n".join(generate(seed).source() for seed in range(5000))


def test_every_layer_is_drawn(sources: str) -> None:
    drawn = set(re.findall(r"\blayers\.(\w+)", sources))
    assert set(NOT_DRAWN) <= set(layers.__all__)
    missing = set(layers.__all__) - drawn - set(NOT_DRAWN)
    assert not missing, f"write a recipe in tests/random_models/recipes.py for {sorted(missing)}"
    for own in ("DecayCell", "TwoStatesCell", "DroppingCell", "Penalized"):
        assert f"own.{own}(" in sources
    assert re.search(r"\bv\d+ = v\d+\[", sources) and re.search(r"\bv\d+ = ops\.", sources)


def test_every_option_of_recurrent_layers_is_drawn(sources: str) -> None:
    import inspect

    # names, first values, and what chooses nothing on a CPU are not drawn
    left = {"self", "kwargs", "use_cudnn", "implementation"}
    for kind in recurrent_layers.KINDS:
        options = set(inspect.signature(getattr(layers, kind).__init__).parameters) - left
        options = {name for name in options if not name.endswith("_initializer")}
        options |= {"zero_output_for_mask", "time_major"}
        drawn = set(re.findall(r"(\w+)=", "\n".join(re.findall(rf"layers\.{kind}\(.*", sources))))
        assert not options - drawn, f"{kind}: {sorted(options - drawn)}"
    for mode in ("'concat'", "'sum'", "'mul'", "'ave'", "None"):
        assert f"merge_mode={mode}" in sources
    for parts in ("initial_state=[", "StackedRNNCells", "backward_layer", "mask_zero=True", "models.Sequential"):
        assert parts in sources


def test_every_loss_and_optimizer_is_drawn(sources: str) -> None:
    known = {
        name
        for name, one in vars(losses).items()
        if isinstance(one, type) and issubclass(one, losses.Loss) and not name.startswith("_")
    } - {"Loss", "LossFunctionWrapper", "CTC", "Circle"}  # the last two want labels of other shapes
    assert set(pools.LOSSES) == known
    from recurra.optimizers.names import CLASSES

    assert set(pools.OPTIMIZERS) == set(CLASSES)
    assert all(hasattr(optimizers, name) for name in CLASSES)
    for name in (*known, *CLASSES):
        assert re.search(rf"\b(losses|optimizers)\.{name}\(", sources), name
    for option in ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay", "use_ema", "loss_scale_factor",
                   "gradient_accumulation_steps", "ExponentialDecay", "amsgrad", "nesterov", "centered"):  # fmt: skip
        assert option in sources


def test_a_seed_gives_one_description() -> None:
    for seed in (3, 71, 5000):
        assert generate(seed).script() == generate(seed).script()
    assert generate(3, Limits(dtype="float32")).dtype == "float32"
    keras = "\n".join(generate(seed, Limits(in_keras=True)).source() for seed in range(300))
    for absent in ("BilinearAttention", "LazyAdam", "time_major", "recurrent_dropout", "DroppingCell", "rate=0.5"):
        assert absent not in keras.replace("rate=0.5, axis", "")
    no_features = [generate(seed, Limits(no_features=True)).source() for seed in range(300)]
    assert any(", 0))" in text for text in no_features)
    assert "GlobalAveragePooling1D" in RECIPES


# --- judging and shrinking ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_compare_sees_a_wrong_row_and_passes_rounding(dtype: str, rng: np.random.Generator) -> None:
    expected = {
        "before/output 0": rng.normal(size=(5, 3)).astype(dtype),
        "step 1/gradient 0.0": (1e-3 * rng.normal(size=(4, 8))).astype(dtype),
        "step 1/weight 0 kernel": rng.normal(size=(4, 8)).astype(dtype),
    }
    rounded = {key: value * np.asarray(1 + np.finfo(dtype).eps, dtype) for key, value in expected.items()}
    assert compare(rounded, expected, dtype) == (None, False)
    for key, value in expected.items():
        wrong = {**expected, key: value.copy()}
        wrong[key][[0, 1]] = wrong[key][[1, 0]]
        difference, ill = compare(wrong, expected, dtype)
        assert difference is not None and difference.key == key and not ill
        wrong[key][0, 0] = np.nan
        assert compare(wrong, expected, dtype)[0] is not None
        assert compare({k: v for k, v in expected.items() if k != key}, expected, dtype)[0] is not None
        # a model whose own numbers move as far when weights change in their last digits says nothing
        moving = {**expected, key: value + np.asarray(0.3 * np.abs(wrong[key][1] - value[1]).max(), dtype)}
        wrong[key][0, 0] = value[1, 0]
        assert compare(wrong, expected, dtype, lambda _, moving=moving: moving) == (None, True)
        assert compare(wrong, expected, dtype, lambda _: {})[0] is not None
    assert set(BOUNDS) == {"float64", "float32"}


def test_the_comparison_ends_where_numbers_overflow() -> None:
    good, bad = np.ones((2, 3)), np.array([[1.0, np.nan, 1.0], [1.0, 1.0, 1.0]])
    made_by_hand = {"before/output 0": good, "step 1/loss": bad, "step 2/loss": good}
    assert compare({**made_by_hand, "step 2/loss": good + 1}, made_by_hand, "float64") == (None, False)
    assert compare({**made_by_hand, "step 1/loss": good}, made_by_hand, "float64")[0] is not None
    overflowed = {**made_by_hand, OVERFLOW: np.array(1)}
    assert compare({**made_by_hand, "step 1/loss": good}, overflowed, "float64") == (None, False)
    assert compare({**made_by_hand, "before/output 0": bad}, overflowed, "float64")[0] is not None
    assert (
        compare({**made_by_hand, "step 1/loss": good}, {**overflowed, OVERFLOW: np.array(2)}, "float64")[0] is not None
    )


def test_shrinking_leaves_the_part_that_fails() -> None:
    def fails(spec: Spec) -> bool:
        return bool(re.search(r"layers\.GRU\([^\n]*go_backwards=True", spec.source()))

    found = [spec for spec in map(generate, range(400)) if fails(spec) and len(spec.graph.nodes) > 4]
    assert len(found) > 2
    for spec in found[:3]:
        small = shrink(spec, fails)
        assert fails(small) and len(small.graph.nodes) <= 3
        assert small.optimizer.name == "optimizers.SGD" and len(small.graph.outputs) == 1
        assert small.source().count("=") < spec.source().count("=")


def test_what_a_worker_answers() -> None:
    from tests.random_models.workers import Worker

    spec = generate(1)
    with Worker("reference") as worker:
        kind, numbers = worker.run(spec)
        assert kind == "numbers" and any("loss" in key for key in numbers)
        broken: Any = generate(1)
        broken.loss = ["losses.NoSuchLoss()"] * len(broken.loss)
        kind, text = worker.run(broken)
        assert kind == "error" and "NoSuchLoss" in text
        dying: Any = generate(1)
        dying.loss = ["__import__('os')._exit(3)"]
        kind, text = worker.run(dying)
        assert kind == "crash" and "3" in text
        kind, again = worker.run(spec)  # a new process, the same numbers
        assert kind == "numbers"
        for key, value in numbers.items():
            np.testing.assert_array_equal(again[key], value)
