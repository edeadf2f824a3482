"""Cases of optimizers and schedules that Keras and recurra both run, as those in training_cases.py."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def rng_of(name: str) -> np.random.Generator:
    """A generator that depends on the case's name alone."""
    return np.random.default_rng(zlib.crc32(name.encode()))


# --- optimizers -----------------------------------------------------------------------------------------------------

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"learning_rate": 0.05}),
    "sgd_momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.8}),
    "sgd_nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True}),
    "sgd_decay": ("SGD", {"learning_rate": 0.05, "weight_decay": 0.1, "clipvalue": 0.4}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.01}),
    "rmsprop_momentum": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.6, "rho": 0.8}),
    "rmsprop_centered": ("RMSprop", {"learning_rate": 0.01, "centered": True, "clipnorm": 0.7}),
    "adam": ("Adam", {"learning_rate": 0.01}),
    "adam_amsgrad": ("Adam", {"learning_rate": 0.01, "amsgrad": True, "epsilon": 1e-4, "beta_2": 0.9}),
    "adam_clipnorm": ("Adam", {"learning_rate": 0.01, "clipnorm": 0.5}),
    "adam_global_clipnorm": ("Adam", {"learning_rate": 0.01, "global_clipnorm": 0.5, "weight_decay": 0.02}),
    "adam_loss_scale": ("Adam", {"learning_rate": 0.01, "loss_scale_factor": 8.0, "clipvalue": 0.02}),
    "adam_accumulation": ("Adam", {"learning_rate": 0.01, "gradient_accumulation_steps": 3, "clipnorm": 0.5}),
    "adamw": ("AdamW", {"learning_rate": 0.01}),
    "adagrad": ("Adagrad", {"learning_rate": 0.1}),
    "adagrad_clip": ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.3, "global_clipnorm": 1.0}),
    "adadelta": ("Adadelta", {"learning_rate": 0.7}),
    "nadam": ("Nadam", {"learning_rate": 0.01}),
    "nadam_decay": ("Nadam", {"learning_rate": 0.01, "weight_decay": 0.1}),
    "adamax": ("Adamax", {"learning_rate": 0.01, "clipvalue": 0.5}),
    "lion": ("Lion", {"learning_rate": 0.01, "weight_decay": 0.1}),
    "sgd_ema": ("SGD", {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.7}),
    "adam_ema_overwrite": (
        "Adam",
        {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
    ),
}
STEPS = 8


def gradients(dtype: str) -> tuple[list[Array], list[list[Array]]]:
    """Two weights to start from, and a gradient for each at every step."""
    rng = rng_of("optimizers")
    shapes = [(3, 5), (4,)]
    start = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    return start, [
        [(rng.normal(size=s) * 10 ** rng.uniform(-2, 1)).astype(dtype) for s in shapes] for _ in range(STEPS)
    ]


def run_optimizer(api: Any, name: str, dtype: str, schedule: bool = False) -> dict[str, Array]:
    """The weights after every step, and the optimizer's state at the end."""
    kind, settings = OPTIMIZERS[name]
    if schedule:
        decay = api.optimizers.schedules.ExponentialDecay(settings["learning_rate"], 3, 0.5)
        settings = {**settings, "learning_rate": decay}
    optimizer = getattr(api.optimizers, kind)(**settings)
    start, steps = gradients(dtype)
    variables = [api.Variable(value, dtype=dtype, name=f"w{i}") for i, value in enumerate(start)]
    seen: list[list[Array]] = [[] for _ in variables]
    for grads in steps:
        optimizer.apply(grads, variables)
        for kept, variable in zip(seen, variables, strict=True):
            kept.append(np.array(variable))
    found = {f"{name}/w{i}": np.stack(kept) for i, kept in enumerate(seen)}
    for i, variable in enumerate(optimizer.variables):
        found[f"{name}/state{i}"] = np.array(variable)
    return found


# --- schedules ------------------------------------------------------------------------------------------------------

SCHEDULES: dict[str, tuple[str, dict[str, Any]]] = {
    "exponential": ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6}),
    "staircase": (
        "ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6, "staircase": True},
    ),
    "inverse": ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6}),
    "inverse_staircase": (
        "InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.6, "staircase": True},
    ),
    "piecewise": ("PiecewiseConstantDecay", {"boundaries": [5, 11], "values": [0.3, 0.2, 0.05]}),
    "polynomial": ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "power": 2.0}),
    "polynomial_cycle": (
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 9, "end_learning_rate": 0.01, "cycle": True},
    ),
    "cosine": ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "alpha": 0.1}),
    "cosine_warmup": (
        "CosineDecay",
        {"initial_learning_rate": 0.01, "decay_steps": 9, "warmup_target": 0.2, "warmup_steps": 4},
    ),
    "restarts": ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 4, "m_mul": 0.7}),
    "restarts_even": (
        "CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 4, "t_mul": 1.0, "alpha": 0.2},
    ),
}  # fmt: skip


def run_schedule(api: Any, name: str) -> dict[str, Array]:
    """The learning rate at the steps 0 to 29."""
    kind, settings = SCHEDULES[name]
    schedule = getattr(api.optimizers.schedules, kind)(**settings)
    return {f"{name}/rate": np.array([float(np.asarray(schedule(step))) for step in range(30)])}
