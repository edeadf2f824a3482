"""``tf.saved_model``: models saved as one ``.keras`` archive of the name given."""

from __future__ import annotations

from typing import Any

__all__ = ["load", "save"]


def save(obj: Any, export_dir: Any, signatures: Any = None, options: Any = None) -> None:
    """Save a model, as ``model.save(export_dir)`` does.

    raises : TypeError for what is no model
    """
    if not hasattr(obj, "save"):
        raise TypeError(f"tf.saved_model.save takes models of Keras here, got {type(obj).__name__}")
    if signatures is not None:
        raise NotImplementedError("tf.saved_model.save: signatures are of TensorFlow's graphs")
    obj.save(export_dir)


def load(export_dir: Any, tags: Any = None, options: Any = None) -> Any:
    """The model that :func:`save` or ``model.save`` wrote."""
    from recurra.models import load_model

    return load_model(export_dir)
