"""Older spellings and other frameworks' names, at the border: nothing here is imported before it is asked for.

>>> import recurra.compat
>>> recurra.compat.install()  # from here on ``import tensorflow as tf`` gives recurra
>>> import tensorflow as tf
>>> float(tf.reduce_sum(tf.constant([1.0, 2.0])).numpy())
3.0
>>> recurra.compat.uninstall()

installing.py puts the finder of foreign.py in place, which knows the module for each import line; presenting.py gives
what layers return the methods of TensorFlow's tensors. tf/ holds the functions of ``tf``. paths.py is the table of
Keras 2's module paths, finder.py makes modules from it when the import system finds no other, backend.py holds the
functions of Keras 2's ``keras.backend``, calls.py the calls that models and datasets had. programs/ reads a program
and says what of it is missing, and runs it.
"""

from __future__ import annotations

__all__ = ["install", "installed", "uninstall"]


def install(*, force: bool = False) -> None:
    """From here on ``tensorflow``, ``tensorflow.keras``, ``tf_keras``, ``keras`` and ``keras_preprocessing`` import
    from recurra, and layers called by the program give tensors with ``numpy()`` and ``shape.as_list()``.

    force : replace a TensorFlow or Keras that is really installed, in this process
    raises : ImportError where one is installed and `force` is not set

    A second call changes nothing. :func:`uninstall` undoes it.
    """
    from recurra.compat import installing

    installing.install(force=force)


def uninstall() -> None:
    """Undo :func:`install`: what is imported afterwards is what is really installed. Names that a program holds
    stay what they are.
    """
    from recurra.compat import installing

    installing.uninstall()


def installed() -> bool:
    """Whether :func:`install` is in force."""
    from recurra.compat import installing

    return installing.installed()
