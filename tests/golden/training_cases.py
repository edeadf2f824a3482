"""Cases of training that Keras and recurra both run: ``api`` is either package, the code is the same for both.

``make_keras_training.py`` writes what Keras gives; the tests in tests/training compare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.golden.optimizer_cases import Array, rng_of

# --- losses ---------------------------------------------------------------------------------------------------------

LOSSES: dict[str, tuple[str, dict[str, Any], str]] = {
    "mse": ("MeanSquaredError", {}, "real"),
    "mse_sum": ("MeanSquaredError", {"reduction": "sum"}, "real"),
    "mse_none": ("MeanSquaredError", {"reduction": "none"}, "real"),
    "mse_weighted_mean": ("MeanSquaredError", {"reduction": "mean_with_sample_weight"}, "real"),
    "mae": ("MeanAbsoluteError", {}, "real"),
    "mape": ("MeanAbsolutePercentageError", {}, "real"),
    "msle": ("MeanSquaredLogarithmicError", {}, "positive"),
    "huber": ("Huber", {"delta": 0.7}, "real"),
    "log_cosh": ("LogCosh", {}, "real"),
    "cosine": ("CosineSimilarity", {}, "real"),
    "cosine_steps": ("CosineSimilarity", {"axis": 1}, "real"),
    "hinge": ("Hinge", {}, "binary_real"),
    "squared_hinge": ("SquaredHinge", {}, "signs"),
    "categorical_hinge": ("CategoricalHinge", {}, "one_hot"),
    "kl": ("KLDivergence", {}, "soft"),
    "poisson": ("Poisson", {}, "positive"),
    "bce": ("BinaryCrossentropy", {}, "binary"),
    "bce_logits": ("BinaryCrossentropy", {"from_logits": True}, "binary_real"),
    "bce_smooth": ("BinaryCrossentropy", {"label_smoothing": 0.2}, "binary"),
    "bce_extreme": ("BinaryCrossentropy", {}, "binary_extreme"),
    "focal": ("BinaryFocalCrossentropy", {}, "binary"),
    "focal_balanced": (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "gamma": 1.5, "alpha": 0.3, "from_logits": True, "label_smoothing": 0.1},
        "binary_real",
    ),
    "cce": ("CategoricalCrossentropy", {}, "one_hot"),
    "cce_unnormalized": ("CategoricalCrossentropy", {}, "one_hot_positive"),
    "cce_logits": ("CategoricalCrossentropy", {"from_logits": True}, "one_hot_real"),
    "cce_smooth": ("CategoricalCrossentropy", {"label_smoothing": 0.3}, "soft"),
    "cce_axis": ("CategoricalCrossentropy", {"axis": 1}, "one_hot_steps"),
    "categorical_focal": ("CategoricalFocalCrossentropy", {"alpha": 0.4, "gamma": 1.5}, "one_hot"),
    "categorical_focal_logits": ("CategoricalFocalCrossentropy", {"from_logits": True}, "one_hot_real"),
    "scce": ("SparseCategoricalCrossentropy", {}, "ids"),
    "scce_logits": ("SparseCategoricalCrossentropy", {"from_logits": True}, "ids_real"),
    "scce_column": ("SparseCategoricalCrossentropy", {"from_logits": True}, "ids_column"),
    "scce_extreme": ("SparseCategoricalCrossentropy", {}, "ids_extreme"),
    "scce_ignore": ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "ids"),
    "scce_ignore_negative": (
        "SparseCategoricalCrossentropy",
        {"ignore_class": -1, "from_logits": True},
        "ids_negative",
    ),
}


def loss_data(kind: str, dtype: str) -> tuple[Array, Array, Array, Array]:
    """Labels, predictions (5, 3, 4), a weight for each sample and one for each step."""
    rng = rng_of(kind)
    shape = (5, 3, 4)
    real = rng.normal(size=shape) * 2
    soft = np.exp(rng.normal(size=shape))
    soft /= soft.sum(-1, keepdims=True)
    ids = rng.integers(0, 4, shape[:2])
    one_hot = np.eye(4)[ids]
    truth: Array = rng.normal(size=shape)
    prediction: Array = real
    if kind == "positive":
        truth, prediction = np.abs(truth), np.abs(real) + 0.01
    elif kind.startswith("binary"):
        truth = rng.integers(0, 2, shape).astype(float)
        if kind == "binary":
            prediction = 1 / (1 + np.exp(-real))
        elif kind == "binary_extreme":
            prediction = 1 / (1 + np.exp(-real * 12))
            prediction[0, 0] = [0, 1, 0, 1]
            edge = np.abs(np.minimum(prediction, 1 - prediction) - 1e-7) < 1e-7
            prediction[edge & (prediction > 0) & (prediction < 1)] = 0.5  # nothing near the edge, where slopes jump
    elif kind == "signs":
        truth = np.sign(truth)
    elif kind == "soft":
        truth = np.exp(truth) / np.exp(truth).sum(-1, keepdims=True)
        prediction = soft
    elif kind == "one_hot_steps":
        truth, prediction = np.moveaxis(one_hot, 2, 1), np.moveaxis(soft, 2, 1)
    elif kind.startswith("one_hot"):
        truth, prediction = one_hot, {"one_hot": soft, "one_hot_real": real}.get(kind, soft * 3 + 0.1)
    elif kind.startswith("ids"):
        truth = ids
        if kind == "ids":
            prediction = soft
        elif kind == "ids_extreme":
            prediction = np.exp(real * 9)
            prediction /= prediction.sum(-1, keepdims=True)
        elif kind == "ids_column":
            truth = ids[..., None]
        elif kind == "ids_negative":
            truth = np.where(rng.random(ids.shape) < 0.3, -1, ids)
    if truth.dtype.kind == "f":
        truth = truth.astype(dtype)
    return (
        truth,
        prediction.astype(dtype),
        rng.uniform(0.1, 2, 5).astype(dtype),
        rng.uniform(0, 2, (5, 3)).astype(dtype),
    )


Differentiate = Callable[[Callable[[Any], Any], Array], tuple[Any, Any]]


def run_loss(api: Any, name: str, dtype: str, differentiate: Differentiate) -> dict[str, Array]:
    """The loss without weights, and with one for each step, and its gradients."""
    kind, settings, data = LOSSES[name]
    loss = getattr(api.losses, kind)(**settings)
    truth, prediction, _, weight = loss_data(data, dtype)
    if name in ("cosine_steps", "cce_axis"):
        weight = np.abs(rng_of(name).normal(size=(5, prediction.shape[2]))).astype(dtype)
    found = {}
    for label, weights in (("plain", None), ("weighted", weight)):
        random = rng_of(name).normal(size=weight.shape) if settings.get("reduction") == "none" else None

        def total(p: Any, weights: Any = weights, random: Any = random) -> Any:
            value = loss(truth, p, sample_weight=weights)
            return value if random is None else (value * random.astype(dtype)).sum()

        if random is not None:
            found[f"{name}/{label}/value"] = np.asarray(loss(truth, prediction, sample_weight=weights))
            continue
        value, grad = differentiate(total, prediction)
        found[f"{name}/{label}/value"] = np.asarray(value)
        found[f"{name}/{label}/gradient"] = np.asarray(grad)
    return found


# --- metrics --------------------------------------------------------------------------------------------------------

METRICS: dict[str, tuple[str, dict[str, Any], str]] = {
    "binary_accuracy": ("BinaryAccuracy", {"threshold": 0.4}, "binary"),
    "categorical_accuracy": ("CategoricalAccuracy", {}, "one_hot"),
    "sparse_categorical_accuracy": ("SparseCategoricalAccuracy", {}, "ids"),
    "sparse_categorical_accuracy_column": ("SparseCategoricalAccuracy", {}, "ids_column"),
    "top_k": ("TopKCategoricalAccuracy", {"k": 2}, "one_hot"),
    "sparse_top_k": ("SparseTopKCategoricalAccuracy", {"k": 2}, "ids"),
    "accuracy": ("Accuracy", {}, "whole"),
    "precision": ("Precision", {}, "flat_multi"),
    "precision_thresholds": ("Precision", {"thresholds": [0.2, 0.5, 0.9]}, "flat_multi"),
    "precision_class": ("Precision", {"class_id": 1}, "flat_one_hot"),
    "precision_top_k": ("Precision", {"top_k": 2}, "flat_one_hot"),
    "recall": ("Recall", {"thresholds": 0.3}, "flat_multi"),
    "recall_top_k": ("Recall", {"top_k": 1, "class_id": 2}, "flat_one_hot"),
    "auc": ("AUC", {}, "flat_binary"),
    "auc_pr": ("AUC", {"curve": "PR"}, "flat_binary"),
    "auc_pr_minoring": ("AUC", {"curve": "PR", "summation_method": "minoring"}, "flat_binary"),
    "auc_majoring": ("AUC", {"num_thresholds": 7, "summation_method": "majoring"}, "flat_binary"),
    "auc_thresholds": ("AUC", {"thresholds": [0.2, 0.4, 0.45, 0.8]}, "flat_binary"),
    "auc_labels": ("AUC", {"multi_label": True, "label_weights": [1.0, 2.0, 0.5, 1.5]}, "flat_multi"),
    "auc_logits": ("AUC", {"from_logits": True}, "flat_binary_real"),
    "true_positives": ("TruePositives", {}, "flat_binary"),
    "true_negatives": ("TrueNegatives", {"thresholds": [0.1, 0.6]}, "flat_binary"),
    "false_positives": ("FalsePositives", {}, "flat_binary"),
    "false_negatives": ("FalseNegatives", {}, "flat_binary"),
    "f1": ("F1Score", {}, "flat_one_hot"),
    "f1_macro": ("F1Score", {"average": "macro"}, "flat_one_hot"),
    "f1_weighted": ("F1Score", {"average": "weighted", "threshold": 0.3}, "flat_multi"),
    "fbeta_micro": ("FBetaScore", {"average": "micro", "beta": 2.0, "threshold": 0.3}, "flat_multi"),
    "mse": ("MeanSquaredError", {}, "real"),
    "rmse": ("RootMeanSquaredError", {}, "real"),
    "mae": ("MeanAbsoluteError", {}, "real"),
    "mape": ("MeanAbsolutePercentageError", {}, "real"),
    "msle": ("MeanSquaredLogarithmicError", {}, "positive"),
    "logcosh": ("LogCoshError", {}, "real"),
    "cosine": ("CosineSimilarity", {}, "real"),
    "r2": ("R2Score", {}, "flat_real"),
    "r2_variance": ("R2Score", {"class_aggregation": "variance_weighted_average"}, "flat_real"),
    "r2_adjusted": ("R2Score", {"num_regressors": 2}, "flat_real"),
    "hinge": ("Hinge", {}, "binary_real"),
    "squared_hinge": ("SquaredHinge", {}, "binary_real"),
    "categorical_hinge": ("CategoricalHinge", {}, "one_hot"),
    "kl": ("KLDivergence", {}, "soft"),
    "poisson": ("Poisson", {}, "positive"),
    "bce": ("BinaryCrossentropy", {"label_smoothing": 0.1}, "binary"),
    "cce": ("CategoricalCrossentropy", {"from_logits": True}, "one_hot_real"),
    "scce": ("SparseCategoricalCrossentropy", {}, "ids"),
}


def metric_data(kind: str, batch: int) -> tuple[Array, Array, Array]:
    """Labels, predictions and one weight for each sample of batch number `batch`."""
    rng = rng_of(f"{kind}{batch}")
    if not kind.startswith("flat") and kind != "whole":
        truth, prediction, weight, _ = loss_data(kind, "float32")
        order = rng.permutation(5)
        return truth[order], np.roll(prediction, batch, axis=0), weight
    size = 17
    weight = rng.uniform(0.1, 2, size).astype("float32")
    scores = rng.random((size, 4)).astype("float32")
    if kind == "whole":
        return rng.integers(0, 3, (size, 1)), rng.integers(0, 3, (size, 1)).astype("float32"), weight
    if kind == "flat_real":
        return rng.normal(size=(size, 4)).astype("float32"), rng.normal(size=(size, 4)).astype("float32"), weight
    if kind == "flat_one_hot":
        scores /= scores.sum(1, keepdims=True)
        return np.eye(4, dtype="float32")[rng.integers(0, 4, size)], scores, weight
    if kind == "flat_multi":
        return (rng.random((size, 4)) < 0.4).astype("float32"), scores, weight
    truth = (rng.random((size, 1)) < scores[:, :1]).astype("float32")
    return truth, scores[:, :1] if kind == "flat_binary" else scores[:, :1] * 6 - 3, weight


def run_metric(api: Any, name: str) -> dict[str, Array]:
    """The result after each of three batches, without and with weights."""
    kind, settings, data = METRICS[name]
    found: dict[str, Array] = {}
    for label in ("plain", "weighted"):
        metric = getattr(api.metrics, kind)(**settings)
        results = []
        for batch in range(3):
            truth, prediction, weight = metric_data(data, batch)
            metric.update_state(truth, prediction, sample_weight=weight if label == "weighted" else None)
            results.append(np.asarray(metric.result(), "float64"))
        found[f"{name}/{label}"] = np.stack(results)
    return found


# --- whole training runs --------------------------------------------------------------------------------------------


def tagger(api: Any) -> tuple[Any, dict[str, Any], Any, Any, dict[str, Any]]:
    """Masked steps, a softmax for each, integer labels."""
    L = api.layers
    model = api.Sequential(
        [
            api.Input((7,), dtype="int32"),
            L.Embedding(11, 5, mask_zero=True),
            L.LSTM(6, return_sequences=True),
            L.Dense(4, activation="softmax"),
        ]
    )
    rng = rng_of("tagger")
    x = rng.integers(1, 11, (13, 7))
    x[np.arange(7) >= rng.integers(2, 8, 13)[:, None]] = 0
    y = rng.integers(0, 4, (13, 7))
    compiled = {
        "optimizer": api.optimizers.Adam(0.02),
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
    }
    return model, compiled, x, y, {}


def tagger_weights(api: Any) -> tuple[Any, dict[str, Any], Any, Any, dict[str, Any]]:
    """Masked steps, one-hot labels, a weight for each step."""
    model, compiled, x, y, _ = tagger(api)
    compiled |= {"loss": "categorical_crossentropy", "weighted_metrics": ["accuracy", "categorical_crossentropy"]}
    weight = rng_of("tagger_weights").uniform(0, 2, (13, 7))
    return model, compiled, x, np.eye(4)[y], {"sample_weight": weight}


def sentiment(api: Any) -> tuple[Any, dict[str, Any], Any, Any, dict[str, Any]]:
    """Class weights, RMSprop on an embedding, binary metrics."""
    L = api.layers
    model = api.Sequential(
        [api.Input((None,), dtype="int32"), L.Embedding(9, 4), L.GRU(5), L.Dense(1, activation="sigmoid")]
    )
    rng = rng_of("sentiment")
    x, y = rng.integers(0, 9, (13, 6)), rng.integers(0, 2, 13)
    compiled = {
        "optimizer": api.optimizers.RMSprop(0.02),
        "loss": api.losses.BinaryCrossentropy(),
        "metrics": ["acc", api.metrics.AUC(name="auc"), api.metrics.Precision(name="p"), api.metrics.Recall(name="r")],
    }
    return model, compiled, x, y, {"class_weight": {0: 0.5, 1: 2.0}}


def regression(api: Any) -> tuple[Any, dict[str, Any], Any, Any, dict[str, Any]]:
    """Regularizers, a constraint, momentum, clipping."""
    L = api.layers
    model = api.Sequential(
        [
            api.Input((5, 3)),
            L.SimpleRNN(
                4, kernel_regularizer=api.regularizers.L2(0.03), recurrent_constraint=api.constraints.MaxNorm(0.8)
            ),
            L.Dense(2, bias_regularizer="l1", activity_regularizer=api.regularizers.L1(0.01)),
        ]
    )
    rng = rng_of("regression")
    x, y = rng.normal(size=(13, 5, 3)), rng.normal(size=(13, 2))
    compiled = {
        "optimizer": api.optimizers.SGD(0.05, momentum=0.7, nesterov=True, clipnorm=0.5),
        "loss": "mse",
        "metrics": ["mae", "mse"],
    }
    return model, compiled, x, y, {"sample_weight": rng.uniform(0, 2, 13)}


def branches(api: Any) -> tuple[Any, dict[str, Any], Any, Any, dict[str, Any]]:
    """Two inputs, a shared layer, two outputs with weighted losses."""
    L = api.layers
    a, b = api.Input((4, 3), name="a"), api.Input((4, 3), name="b")
    shared = L.LSTM(5)
    both = L.Concatenate()([shared(a), shared(b)])
    score, kind = L.Dense(1, name="score")(both), L.Dense(3, activation="softmax", name="kind")(both)
    model = api.Model([a, b], [score, kind])
    rng = rng_of("branches")
    x = [rng.normal(size=(13, 4, 3)), rng.normal(size=(13, 4, 3))]
    y = {"score": rng.normal(size=(13, 1)), "kind": rng.integers(0, 3, 13)}
    compiled = {
        "optimizer": api.optimizers.Nadam(0.02, global_clipnorm=0.4),
        "loss": {"score": "huber", "kind": "sparse_categorical_crossentropy"},
        "loss_weights": {"score": 0.3, "kind": 1.0},
        "metrics": {"kind": ["accuracy"], "score": ["mae"]},
    }
    return model, compiled, x, y, {}


def both_ways(api: Any) -> tuple[Any, dict[str, Any], Any, Any, dict[str, Any]]:
    """Bidirectional, time distributed, a schedule and decoupled weight decay."""
    L = api.layers
    model = api.Sequential(
        [
            api.Input((4, 3)),
            L.Bidirectional(L.LSTM(3, return_sequences=True)),
            L.TimeDistributed(L.Dense(4, activation="softmax")),
        ]
    )
    rng = rng_of("both_ways")
    x, y = rng.normal(size=(13, 4, 3)), np.eye(4)[rng.integers(0, 4, (13, 4))]
    rate = api.optimizers.schedules.CosineDecay(0.05, 5)
    compiled = {
        "optimizer": api.optimizers.AdamW(rate),
        "loss": api.losses.CategoricalCrossentropy(label_smoothing=0.1),
        "metrics": ["accuracy", api.metrics.TopKCategoricalAccuracy(2)],
    }
    return model, compiled, x, y, {}


def averaged(api: Any) -> tuple[Any, dict[str, Any], Any, Any, dict[str, Any]]:
    """Averaged weights and accumulated gradients."""
    L = api.layers
    model = api.Sequential([api.Input((4, 3)), L.GRU(4, reset_after=False), L.Dense(1)])
    rng = rng_of("averaged")
    x, y = rng.normal(size=(13, 4, 3)), rng.normal(size=(13, 1))
    optimizer = api.optimizers.Adagrad(0.1, use_ema=True, ema_momentum=0.8, gradient_accumulation_steps=2)
    return model, {"optimizer": optimizer, "loss": "log_cosh"}, x, y, {}


RUNS: dict[str, Callable[[Any], tuple[Any, dict[str, Any], Any, Any, dict[str, Any]]]] = {
    function.__name__: function
    for function in (tagger, tagger_weights, sentiment, regression, branches, both_ways, averaged)
}


def set_float(api: Any, dtype: str) -> None:
    """Compute in `dtype`; Keras also keeps a policy, made when it was first asked for."""
    api.backend.set_floatx(dtype)
    if hasattr(api.config, "set_dtype_policy"):
        api.config.set_dtype_policy(dtype)


def run_training(api: Any, name: str) -> dict[str, Array]:
    """History, weights and predictions of three epochs in float64, with validation on the training data."""
    before = api.backend.floatx()
    set_float(api, "float64")
    try:
        model, compiled, x, y, extra = RUNS[name](api)
        rng = rng_of(name)
        model.set_weights([rng.normal(size=w.shape) * 0.5 for w in model.get_weights()])
        model.compile(**compiled)
        history = model.fit(
            x, y, batch_size=5, epochs=3, shuffle=False, verbose=0, validation_data=(x, y), **extra
        ).history
        found = {f"{name}/history/{key}": np.asarray(values, "float64") for key, values in history.items()}
        for i, weight in enumerate(model.get_weights()):
            found[f"{name}/weight{i}"] = np.asarray(weight)
        predictions = model.predict(x, verbose=0)
        for i, value in enumerate(predictions if isinstance(predictions, list) else [predictions]):
            found[f"{name}/prediction{i}"] = np.asarray(value)
        return found
    finally:
        set_float(api, before)
