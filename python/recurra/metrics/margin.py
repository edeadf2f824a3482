"""Means of hinge losses."""

from __future__ import annotations

from recurra import losses
from recurra.metrics.base import MeanOf


class Hinge(MeanOf):
    """Mean hinge loss."""

    function, default_name = losses.hinge, "hinge"


class SquaredHinge(MeanOf):
    """Mean squared hinge loss."""

    function, default_name = losses.squared_hinge, "squared_hinge"


class CategoricalHinge(MeanOf):
    """Mean hinge loss over classes."""

    function, default_name = losses.categorical_hinge, "categorical_hinge"
