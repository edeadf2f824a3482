"""No constructor argument of a loss, a metric, an optimizer or a schedule is accepted and ignored.

For every argument (from the signature, so that a new one fails here until it has a case) the object is made with and
without it, and what it computes must differ, or it must be refused.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from recurra import losses, metrics, optimizers, random
from recurra.autograd import Variable, value_of
from recurra.losses.names import CLASSES as LOSSES
from recurra.metrics.names import CLASSES as METRICS
from recurra.optimizers import schedules

RNG = np.random.RandomState(0)
P = RNG.rand(8, 3).astype("float32")
SHARES = P / P.sum(-1, keepdims=True)
Y = (RNG.rand(8, 3) > 0.5).astype("float32")
IDS = RNG.randint(0, 3, 8)
ONE_HOT = np.eye(3, dtype="float32")[IDS]
W = RNG.rand(8).astype("float32")
LABELS = 1 + RNG.randint(0, 2, (4, 2))
LOGITS = RNG.standard_normal((4, 6, 3)).astype("float32")

VALUES: dict[str, Any] = {
    "reduction": "sum", "name": "other", "dtype": "float64", "axis": 0, "delta": 0.1, "from_logits": True,
    "label_smoothing": 0.2, "apply_class_balancing": True, "alpha": 0.7, "gamma": 3.0, "ignore_class": 1,
    "threshold": 0.8, "thresholds": 0.8, "k": 2, "from_sorted_ids": True, "class_id": 1, "top_k": 1,
    "num_thresholds": 4, "curve": "PR", "summation_method": "minoring", "multi_label": True, "average": "micro",
    "beta": 3.0, "class_aggregation": "variance_weighted_average", "num_regressors": 2, "mask_token_id": 1,
    "fn": metrics.mean_squared_error, "margin": 0.1, "remove_diagonal": False, "q": 0.9, "num_classes": 2,
    "target_class_ids": [1], "sparse_y_true": False, "sparse_y_pred": False, "specificity": 0.2, "sensitivity": 0.2,
    "recall": 0.2, "precision": 0.9,
}  # fmt: skip
#: what else must be given for an argument to matter, or for the class to be made
BESIDE: dict[tuple[str, str], dict[str, Any]] = {
    ("BinaryFocalCrossentropy", "alpha"): {"apply_class_balancing": True},
    ("AUC", "num_labels"): {"multi_label": True},
    ("AUC", "label_weights"): {"multi_label": True},
    ("AUC", "summation_method"): {"num_thresholds": 4},
    ("BinaryCrossentropy", "axis"): {"reduction": None},
    ("BinaryFocalCrossentropy", "axis"): {"reduction": None},
    ("Dice", "reduction"): {"axis": (1,)},
    ("Tversky", "reduction"): {"axis": (1,)},
    ("IoU", "axis"): {"sparse_y_true": False, "sparse_y_pred": False},
    ("MeanIoU", "axis"): {"sparse_y_true": False, "sparse_y_pred": False},
}
OWN: dict[tuple[str, str], Any] = {
    ("AUC", "thresholds"): [0.2, 0.4],
    ("AUC", "num_labels"): 2,
    ("AUC", "label_weights"): [0.1, 0.2, 0.9],
    ("OneHotIoU", "ignore_class"): 0,
    ("OneHotIoU", "sparse_y_pred"): True,
    ("OneHotMeanIoU", "sparse_y_pred"): True,
}
NEEDED: dict[str, dict[str, Any]] = {
    "TopKCategoricalAccuracy": {"k": 1},
    "SparseTopKCategoricalAccuracy": {"k": 1},
    "MeanMetricWrapper": {"fn": metrics.mean_absolute_error},
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "OneHotMeanIoU": {"num_classes": 3},
    "SensitivityAtSpecificity": {"specificity": 0.9},
    "SpecificityAtSensitivity": {"sensitivity": 0.9},
    "PrecisionAtRecall": {"recall": 0.9},
    "RecallAtPrecision": {"precision": 0.6},
}


def arguments(kind: Any) -> list[str]:
    parameters = inspect.signature(kind.__init__).parameters.values()
    return [p.name for p in list(parameters)[1:] if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]


def data(name: str, argument: str) -> tuple[Any, Any]:
    if "Sparse" in name or name == "Perplexity":
        best = np.argsort(-SHARES) if argument == "from_sorted_ids" else SHARES
        return IDS, best
    if name == "CategoricalGeneralizedCrossEntropy":
        return IDS, SHARES
    if name == "CTC":
        return LABELS, LOGITS
    if name == "Circle":
        return IDS, P / np.linalg.norm(P, axis=-1, keepdims=True)
    if name in ("IoU", "MeanIoU"):
        return (P * 3).astype("int64"), (SHARES * 5).astype("int64").clip(0, 2)
    if name.startswith("OneHot"):
        return ONE_HOT, np.where(np.arange(8)[:, None] % 2, ONE_HOT, SHARES)
    if name.startswith(("Categorical", "TopK", "F1", "FBeta")):
        return ONE_HOT, SHARES
    return Y, P


def seen(make: Any, name: str, argument: str, settings: dict[str, Any]) -> Any:
    y, p = data(name, argument)
    try:
        made = make(**settings)
        if isinstance(made, losses.Loss):
            found = np.asarray(value_of(made(y, p)))
        else:
            if name in ("Mean", "Sum"):
                made.update_state(p, sample_weight=W)
            else:
                made.update_state(y, p)
            found = np.asarray(made.result())
        return made.name, str(made.dtype), found.shape, found.tobytes()
    except (ValueError, TypeError) as error:
        return str(error)


@pytest.mark.parametrize(
    ("name", "argument"),
    [(name, argument) for table in (LOSSES, METRICS) for name, kind in table.items() for argument in arguments(kind)],
)
def test_losses_and_metrics(name: str, argument: str) -> None:
    for table in (LOSSES, METRICS):
        if name not in table or argument not in arguments(table[name]):
            continue
        key = (name, argument)
        value = OWN[key] if key in OWN else VALUES[argument]
        without = {**NEEDED.get(name, {}), **BESIDE.get(key, {})}
        assert seen(table[name], name, argument, {**without, argument: value}) != seen(
            table[name], name, argument, without
        )


SETTINGS: dict[str, Any] = {
    "learning_rate": 0.3, "momentum": 0.5, "nesterov": True, "rho": 0.5, "epsilon": 0.5, "centered": True,
    "beta_1": 0.05, "beta_2": 0.5, "amsgrad": True, "initial_accumulator_value": 0.5, "weight_decay": 0.2,
    "clipnorm": 0.01, "clipvalue": 0.01, "global_clipnorm": 0.01, "use_ema": True, "ema_momentum": 0.2,
    "ema_overwrite_frequency": 1, "loss_scale_factor": 8.0, "gradient_accumulation_steps": 2, "name": "other",
    "lr": 0.3, "decay": 0.5, "schedule_decay": 0.1,
}  # fmt: skip
WITH: dict[str, dict[str, Any]] = {
    "nesterov": {"momentum": 0.9},
    "ema_momentum": {"use_ema": True, "ema_overwrite_frequency": 1},
    "ema_overwrite_frequency": {"use_ema": True},
    "amsgrad": {"beta_2": 0.1},
}
#: there is no compiler to switch
NOTHING_TO_SWITCH = {"jit_compile"}
OPTIMIZERS = [
    name
    for name in optimizers.__all__
    if inspect.isclass(getattr(optimizers, name)) and name not in ("Optimizer", "LossScaleOptimizer")
]


def trained(kind: Any, settings: dict[str, Any]) -> Any:
    random.set_global_seed(1)
    gradients = np.random.RandomState(2).standard_normal((6, 4)) * np.array([1, 10, 1, 0.1, 1, 1])[:, None]
    weight = Variable(np.ones(4))
    optimizer = kind(**{"learning_rate": 0.1, **settings} if "lr" not in settings else settings)
    result: list[Any] = [optimizer.name, float(np.asarray(value_of(optimizer.scale_loss(1.0))))]
    for gradient in gradients:
        optimizer.apply([gradient], [weight])
        result.append(weight.numpy().tobytes())
    optimizer.finalize_variable_values([weight])
    return [*result, weight.numpy().tobytes()]


def all_arguments(kind: Any) -> list[str]:
    base = [*arguments(optimizers.Optimizer), "lr", "decay"]
    return list(dict.fromkeys(arguments(kind) + base))


@pytest.mark.parametrize(
    ("name", "argument"),
    [(n, a) for n in OPTIMIZERS for a in all_arguments(getattr(optimizers, n)) if a not in NOTHING_TO_SWITCH],
)
def test_optimizers(name: str, argument: str) -> None:
    kind, without = getattr(optimizers, name), WITH.get(argument, {})
    without = {key: value for key, value in without.items() if key in all_arguments(kind)}
    assert trained(kind, {**without, argument: SETTINGS[argument]}) != trained(kind, without)


SCHEDULES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ExponentialDecay": (
        {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5},
        {"initial_learning_rate": 0.2, "decay_steps": 2, "decay_rate": 0.4, "staircase": True},
    ),
    "InverseTimeDecay": (
        {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5},
        {"initial_learning_rate": 0.2, "decay_steps": 2, "decay_rate": 0.4, "staircase": True},
    ),
    "PolynomialDecay": (
        {"initial_learning_rate": 0.1, "decay_steps": 3},
        {"initial_learning_rate": 0.2, "decay_steps": 2, "end_learning_rate": 0.05, "power": 2.0, "cycle": True},
    ),
    "PiecewiseConstantDecay": (
        {"boundaries": [2, 4], "values": [0.1, 0.2, 0.3]}, {"boundaries": [1, 4], "values": [0.1, 0.2, 0.4]},
    ),
    "CosineDecay": (
        {"initial_learning_rate": 0.1, "decay_steps": 5},
        {
            "initial_learning_rate": 0.2, "decay_steps": 3, "alpha": 0.3, "warmup_target": ({"warmup_steps": 2}, 0.4),
            "warmup_steps": ({"warmup_target": 0.4}, 3),
        },
    ),
    "CosineDecayRestarts": (
        {"initial_learning_rate": 0.1, "first_decay_steps": 2},
        {"initial_learning_rate": 0.2, "first_decay_steps": 3, "t_mul": 1.0, "m_mul": 0.5, "alpha": 0.3},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name in SCHEDULES for argument in arguments(getattr(schedules, name))]
)
def test_schedules(name: str, argument: str) -> None:
    without, values = dict(SCHEDULES[name][0]), SCHEDULES[name][1]
    if argument == "name":
        assert getattr(schedules, name)(**without, name="other").get_config()["name"] == "other"
        return
    value = values[argument]
    if isinstance(value, tuple):
        without.update(value[0])
        value = value[1]

    def rates(**settings: Any) -> list[float]:
        schedule = getattr(schedules, name)(**settings)
        return [float(schedule(step)) for step in range(9)]

    assert rates(**{**without, argument: value}) != rates(**without)


def test_all_schedules_have_cases() -> None:
    kinds = {name for name in dir(schedules) if inspect.isclass(getattr(schedules, name)) and name[0].isupper()}
    kinds = {name for name in kinds if issubclass(getattr(schedules, name), schedules.LearningRateSchedule)}
    assert kinds - {"LearningRateSchedule"} == set(SCHEDULES)
