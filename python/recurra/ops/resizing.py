"""How much of each old value goes into each new one where an axis of a picture gets another length."""

from __future__ import annotations

import numpy as np

from recurra.autograd import Array

METHODS = ("area", "bicubic", "bilinear", "nearest")


def resizing_weights(size: int, target: int, method: str, antialias: bool = False) -> Array:
    """(target, size): the weights of the old values in each new one, as TensorFlow has them.

    method : one of METHODS
    antialias : whether "bilinear" and "bicubic" average over all old values of a shrinking axis
    """
    step = size / target
    if method == "area":
        first = np.arange(target)[:, None] * step
        last = first + step
        shared = np.minimum(last, np.arange(size) + 1.0) - np.maximum(first, np.arange(size))
        return np.asarray(np.maximum(shared, 0.0) / step)
    middles = (np.arange(target) + 0.5) * step
    if method == "nearest":
        return np.asarray(np.eye(size)[np.minimum(np.floor(middles).astype(int), size - 1)])
    if method == "bicubic" and not antialias:  # TensorFlow's kernel is a table with 1024 places between two values
        first = np.floor(middles - 0.5)
        middles = first + 0.5 + np.round((middles - 0.5 - first) * 1024) / 1024
    wide = max(step, 1.0) if antialias else 1.0
    away = (np.arange(size) + 0.5 - middles[:, None]) / wide
    if method == "bilinear" and not antialias:
        away = (np.arange(size) + 0.5 - np.clip(middles, 0.5, size - 0.5)[:, None]) / wide
    kernel = _cubic(away) if method == "bicubic" else np.maximum(1.0 - np.abs(away), 0.0)
    return np.asarray(kernel / kernel.sum(1, keepdims=True))


def _cubic(x: Array) -> Array:
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1.0, ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))
