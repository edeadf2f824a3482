"""Options to draw from: activations, regularizers, constraints, losses, optimizers."""

from __future__ import annotations

from random import Random

from tests.random_models.spec import Call

KERNEL_ACTIVATIONS = ("tanh", "sigmoid", "relu", "hard_sigmoid", "linear")
OTHER_ACTIVATIONS = (
    "elu", "selu", "softplus", "softsign", "silu", "gelu", "mish", "leaky_relu", "relu6", "hard_silu", "softmax",
    "log_sigmoid", "hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus", "sparse_plus",
    "sparse_sigmoid", "celu", "swish", "log_softmax", "exponential",
)  # fmt: skip
#: those that make states grow from step to step
GROWING = {"exponential", "log_softmax", "log_sigmoid"}
#: an activation's name is the kind of its results
KINDS = {"sigmoid": "sigmoid", "hard_sigmoid": "sigmoid", "softmax": "softmax", "softplus": "positive",
         "relu": "positive"}  # fmt: skip


def activation(random: Random, recurrent: bool = False) -> str:
    """An activation's name."""
    if random.random() < 0.7:
        return random.choice(KERNEL_ACTIVATIONS)
    return random.choice([name for name in OTHER_ACTIVATIONS if not (recurrent and name in GROWING)])


def regularizer(random: Random, matrix: bool = True) -> Call:
    """A penalty; some fit matrices alone."""
    choices = [
        Call("regularizers.L1", {"l1": "0.02"}),
        Call("regularizers.L2", {"l2": "0.05"}),
        Call("regularizers.L1L2", {"l1": "0.01", "l2": "0.03"}),
    ]
    if matrix:
        mode = random.choice(("'rows'", "'columns'"))
        choices.append(Call("regularizers.OrthogonalRegularizer", {"factor": "0.05", "mode": mode}))
    return random.choice(choices)


def constraint(random: Random, matrix: bool = True) -> Call:
    """A limit; of vectors along their one axis."""
    axis = random.choice(("0", "1")) if matrix else "0"
    return random.choice(
        [
            Call("constraints.MaxNorm", {"max_value": "0.9", "axis": axis}),
            Call("constraints.NonNeg", {}),
            Call("constraints.UnitNorm", {"axis": axis}),
            Call("constraints.MinMaxNorm", {"min_value": "0.3", "max_value": "0.8", "rate": "0.7", "axis": axis}),
        ]
    )


#: a loss by its class: the targets that fit it (functions of data.py), the kinds of prediction that fit it, options
LOSSES: dict[str, tuple[tuple[str, ...], tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "MeanSquaredError": (("normal", "uniform"), (), {}),
    "MeanAbsoluteError": (("normal",), (), {}),
    "MeanAbsolutePercentageError": (("uniform",), (), {}),
    "MeanSquaredLogarithmicError": (("uniform",), ("sigmoid", "positive", "softmax"), {}),
    "Huber": (("normal",), (), {"delta": ("0.5", "1.5")}),
    "LogCosh": (("normal",), (), {}),
    "CosineSimilarity": (("normal",), (), {}),
    "Hinge": (("labels",), (), {}),
    "SquaredHinge": (("labels",), (), {}),
    "CategoricalHinge": (("one_hot",), (), {}),
    "Poisson": (("uniform",), ("sigmoid", "positive", "softmax"), {}),
    "KLDivergence": (("distribution", "uniform"), ("softmax", "sigmoid"), {}),
    "BinaryCrossentropy": (("labels", "uniform"), ("sigmoid",), {"label_smoothing": ("0.1",)}),
    "BinaryFocalCrossentropy": (
        ("labels",),
        ("sigmoid",),
        {"gamma": ("1.5",), "alpha": ("0.4",), "apply_class_balancing": ("True",)},
    ),
    "CategoricalCrossentropy": (("one_hot", "distribution"), ("softmax",), {"label_smoothing": ("0.1",)}),
    "CategoricalFocalCrossentropy": (("one_hot",), ("softmax",), {"gamma": ("1.5",), "alpha": ("0.4",)}),
    "SparseCategoricalCrossentropy": (("classes",), ("softmax",), {}),
    "CategoricalGeneralizedCrossEntropy": (("classes",), ("softmax",), {"q": ("0.7",)}),
    "Dice": (("uniform",), ("sigmoid",), {}),
    "Tversky": (("uniform",), ("sigmoid",), {"alpha": ("0.3",), "beta": ("0.8",)}),
}
FROM_LOGITS = ("BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
               "CategoricalFocalCrossentropy", "SparseCategoricalCrossentropy")  # fmt: skip

#: an optimizer by its class: its own options. Rates are high, so that a second step starts somewhere else
OPTIMIZERS: dict[str, dict[str, tuple[str, ...]]] = {
    "SGD": {"momentum": ("0.9", "0.0"), "nesterov": ("True",)},
    "RMSprop": {"rho": ("0.8",), "momentum": ("0.7",), "centered": ("True",), "epsilon": ("0.001",)},
    "Adam": {"beta_1": ("0.8",), "beta_2": ("0.95",), "amsgrad": ("True",), "epsilon": ("0.001",)},
    "AdamW": {"amsgrad": ("True",)},
    "LazyAdam": {"amsgrad": ("True",), "beta_1": ("0.8",)},
    "Adagrad": {"initial_accumulator_value": ("0.3",)},
    "Adadelta": {"rho": ("0.9",)},
    "Nadam": {"beta_1": ("0.8",)},
    "Adamax": {"beta_2": ("0.95",)},
    "Lion": {"beta_1": ("0.8",)},
}
_RATES = {"SGD": "0.1", "Adagrad": "0.05", "Adadelta": "1.0"}


def optimizer(random: Random, in_keras: bool) -> Call:
    """An optimizer with some of its own options and of those that all have."""
    name = random.choice([one for one in OPTIMIZERS if not (in_keras and one == "LazyAdam")])
    options: dict[str, object] = {"learning_rate": _RATES.get(name, "0.02")}
    if random.random() < 0.15:
        options["learning_rate"] = Call(
            "optimizers.schedules.ExponentialDecay",
            {"initial_learning_rate": options["learning_rate"], "decay_steps": "1", "decay_rate": "0.6"},
        )
    for key, choices in OPTIMIZERS[name].items():
        if random.random() < 0.3:
            options[key] = random.choice(choices)
    if "nesterov" in options and options.get("momentum", "0.0") == "0.0":
        options["momentum"] = "0.6"
    if random.random() < 0.3:
        key = random.choice(("clipnorm", "clipvalue", "global_clipnorm"))
        options[key] = random.choice(("0.01", "0.3", "5.0"))
    if random.random() < 0.2:
        options["weight_decay"] = "0.05"
    if random.random() < 0.15:
        options |= {"use_ema": "True", "ema_momentum": "0.7"}
        if random.random() < 0.5:
            options["ema_overwrite_frequency"] = random.choice(("1", "2"))
    if random.random() < 0.1:
        options["loss_scale_factor"] = "8.0"
    if random.random() < 0.1:
        options["gradient_accumulation_steps"] = "2"
    return Call(f"optimizers.{name}", options)


#: functions of one tensor: the ranks (without the batch axis) that fit, source text in x, the shape that comes out
FUNCTIONS: tuple[tuple[tuple[int, ...], str, str], ...] = (
    ((2, 3), "ops.mean(x, axis=1)", "s[1:]"),
    ((2, 3), "ops.sum(x, axis=1)", "s[1:]"),
    ((2, 3), "ops.max(x, axis=1)", "s[1:]"),
    ((2, 3), "ops.min(x, axis=1)", "s[1:]"),
    ((2, 3), "ops.mean(x, axis=-1)", "s[:-1]"),
    ((2, 3), "ops.sum(x, axis=2)", "s[:1] + s[2:]"),
    ((2, 3), "ops.mean(x, axis=1, keepdims=True)", "(1, *s[1:])"),
    ((1, 2, 3), "ops.sum(x, axis=-1, keepdims=True)", "(*s[:-1], 1)"),
    ((1, 2, 3), "x - ops.mean(x, axis=-1, keepdims=True)", "s"),
    ((2, 3), "x + ops.mean(x, axis=1, keepdims=True)", "s"),
    ((2,), "ops.sum(x, axis=(1, 2), keepdims=True)", "(1, 1)"),
    ((2,), "ops.transpose(x, (0, 2, 1))", "s[::-1]"),
    ((2,), "ops.swapaxes(x, 1, 2)", "s[::-1]"),
    ((3,), "ops.transpose(x, (0, 2, 1, 3))", "(s[1], s[0], s[2])"),
    ((3,), "ops.moveaxis(x, 1, -1)", "(s[1], s[2], s[0])"),
    ((2, 3), "ops.flip(x, axis=1)", "s"),
    ((1, 2, 3), "ops.flip(x, axis=-1)", "s"),
    ((2, 3), "x[:, -1]", "s[1:]"),
    ((2, 3), "x[:, 0]", "s[1:]"),
    ((2, 3), "x[:, ::-1]", "s"),
    ((2, 3), "x[:, ::2]", "((s[0] + 1) // 2, *s[1:])"),
    ((2, 3), "x[:, :1]", "(1, *s[1:])"),
    ((1, 2, 3), "x[..., ::-1]", "s"),
    ((1, 2, 3), "x[..., :1]", "(*s[:-1], 1)"),
    ((1, 2), "ops.expand_dims(x, 1)", "(1, *s)"),
    ((1, 2), "ops.expand_dims(x, -1)", "(*s, 1)"),
    ((1, 2), "ops.repeat(ops.expand_dims(x, 1), 3, axis=1)", "(3, *s)"),
    ((2,), "ops.repeat(x, 2, axis=2)", "(s[0], 2 * s[1])"),
    ((2,), "ops.tile(x, (1, 2, 1))", "(2 * s[0], s[1])"),
    ((2,), "ops.pad(x, ((0, 0), (1, 0), (0, 2)))", "(s[0] + 1, s[1] + 2)"),
    ((1, 2), "ops.stack([x, ops.tanh(x)], axis=1)", "(2, *s)"),
    ((2, 3), "ops.concatenate([x[:, 1:], x[:, :1]], axis=1)", "s"),
    ((2, 3), "ops.cumsum(x, axis=1)", "s"),
    ((1, 2, 3), "ops.logsumexp(x, axis=-1, keepdims=True)", "(*s[:-1], 1)"),
    ((1, 2, 3), "ops.square(x)", "s"),
    ((1, 2, 3), "ops.exp(-ops.abs(x))", "s"),
    ((1, 2, 3), "ops.sqrt(ops.square(x) + 0.1)", "s"),
    ((1, 2, 3), "ops.sin(x) * x", "s"),
    ((1, 2, 3), "1.0 / (1.0 + ops.square(x))", "s"),
    ((1, 2, 3), "ops.softmax(x, axis=-1)", "s"),
    ((2, 3), "ops.softmax(x, axis=1)", "s"),
    ((1, 2, 3), "ops.clip(x, -0.4, 0.4)", "s"),
    ((1, 2, 3), "ops.where(x > 0.1, x, 0.3 * x)", "s"),
    ((1, 2, 3), "ops.maximum(x, 0.2)", "s"),
    ((1, 2, 3), "ops.stop_gradient(x) * x", "s"),
    ((2,), "ops.matmul(x, ops.swapaxes(x, 1, 2))", "(s[0], s[0])"),
    ((2,), "ops.einsum('bti,btj->bij', x, x)", "(s[1], s[1])"),
    ((2,), "ops.take(x, [0, 0], axis=1)", "(2, s[1])"),
    ((2,), "ops.split(x, [1], axis=2)[0]", "(s[0], 1)"),
    ((1, 2, 3), "ops.std(x + ops.square(x), axis=-1, keepdims=True) + x", "s"),
    ((1, 2, 3), "ops.var(x, axis=-1, keepdims=True) * x", "s"),
    ((2, 3), "ops.unstack(x, axis=1)[0]", "s[1:]"),
    ((1, 2, 3), "ops.normalize(x + 2.0, axis=-1)", "s"),
    ((2,), "ops.reshape(x, (-1, x.shape[1] * x.shape[2]))", "(s[0] * s[1],)"),
)
#: the same, for Lambda alone: they need the batch's size
LAMBDA_FUNCTIONS: tuple[tuple[tuple[int, ...], str, str], ...] = (
    ((1,), "ops.broadcast_to(ops.expand_dims(x, 1), (x.shape[0], 4, x.shape[1]))", "(4, *s)"),
    ((1, 2), "x * ops.ones_like(x)", "s"),
    ((2,), "x - ops.broadcast_to(ops.mean(x, axis=(1, 2), keepdims=True), x.shape)", "s"),
)
