"""``tf.compat.v1``, as far as it is no graph: settings, seeds, logging. The rest says in one sentence what it is."""

from __future__ import annotations

import importlib
import logging as _logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from recurra.compat.tf.io import gfile as _gfile
from recurra.compat.tf.random import set_seed

__all__ = [
    "ConfigProto", "GPUOptions", "Graph", "InteractiveSession", "Session", "disable_eager_execution",
    "disable_v2_behavior", "enable_eager_execution",
    "enable_v2_behavior", "get_default_graph", "get_default_session", "gfile", "global_variables_initializer",
    "logging", "reset_default_graph", "set_random_seed", "tables_initializer",
]  # fmt: skip

GRAPH_MODE = (
    "{} is of TensorFlow 1's graphs, which recurra does not run: write the program with Keras layers or tf.function"
)
#: names that are refused with that sentence
GRAPH_NAMES = frozenset(
    {
        "placeholder", "placeholder_with_default", "get_variable", "variable_scope", "contrib", "global_variables",
        "trainable_variables", "local_variables_initializer", "layers",
        "get_collection", "add_to_collection", "assign", "FIFOQueue", "data_flow_ops", "nn_rnn", "estimator",
    }
)  # fmt: skip


#: files and folders in version 1's names, beside those of ``tf.io.gfile``
gfile = SimpleNamespace(
    **{name: getattr(_gfile, name) for name in _gfile.__all__},
    FastGFile=_gfile.GFile, Open=_gfile.GFile, Exists=_gfile.exists, Glob=_gfile.glob, IsDirectory=_gfile.isdir,
    ListDirectory=_gfile.listdir, MakeDirs=_gfile.makedirs, MkDir=_gfile.mkdir, Remove=_gfile.remove,
    DeleteRecursively=_gfile.rmtree, Copy=_gfile.copy, Rename=_gfile.rename, Walk=_gfile.walk,
)  # fmt: skip


class nn:  # noqa: N801  (the name is TensorFlow's)
    """``tf.nn`` with version 1's arguments of the CTC loss."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("recurra.compat.tf.nn"), name)

    @staticmethod
    def ctc_loss(
        labels: Any,
        inputs: Any = None,
        sequence_length: Any = None,
        preprocess_collapse_repeated: bool = False,
        ctc_merge_repeated: bool = True,
        ignore_longer_outputs_than_inputs: bool = False,
        time_major: bool = True,
        logits: Any = None,
    ) -> Any:
        """The loss of each row for sparse `labels` and logits (T, B, C), or (B, T, C); the last class is blank."""
        if preprocess_collapse_repeated or not ctc_merge_repeated or ignore_longer_outputs_than_inputs:
            raise ValueError(
                "preprocess_collapse_repeated, ctc_merge_repeated and ignore_longer_outputs_than_inputs must have "
                f"their defaults, got {preprocess_collapse_repeated}, {ctc_merge_repeated} and "
                f"{ignore_longer_outputs_than_inputs}"
            )
        scores = inputs if logits is None else logits
        loss = importlib.import_module("recurra.compat.tf.nn").ctc_loss
        return loss(labels, scores, None, sequence_length, logits_time_major=time_major, blank_index=-1)


class ConfigProto(SimpleNamespace):
    """Settings of a session; none of them has anything to choose here."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"gpu_options": GPUOptions(), "allow_soft_placement": True, **settings})


class GPUOptions(SimpleNamespace):
    """Settings of a GPU; there is none."""


class Graph:
    """What programs enter before they call a model: calls need no graph here."""

    @contextmanager
    def as_default(self) -> Iterator[Graph]:
        """A block in which models are called."""
        yield self


class Session:
    """A holder of settings, for ``K.set_session``. It runs nothing.

    raises : RuntimeError when it is to :meth:`run` something
    """

    def __init__(self, target: str = "", graph: Any = None, config: Any = None) -> None:
        self.graph, self.config = graph or Graph(), config

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """What initializers give; RuntimeError for anything else."""
        if fetches is None or (isinstance(fetches, (list, tuple)) and all(one is None for one in fetches)):
            return None
        raise RuntimeError(GRAPH_MODE.format("Session.run"))

    def as_default(self) -> Session:
        """The session itself, for a ``with`` block."""
        return self

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def close(self) -> None:
        """It holds nothing."""


InteractiveSession = Session


def get_default_graph() -> Graph:
    """A graph to enter."""
    return Graph()


def get_default_session() -> Session:
    """A holder of settings."""
    return Session()


def global_variables_initializer() -> None:
    """Nothing: variables have their values when they are made."""


tables_initializer = global_variables_initializer


def reset_default_graph() -> None:
    """Forget the counters of layer names, as ``K.clear_session`` does."""
    from recurra.utils.seeding import clear_session

    clear_session()


def set_random_seed(seed: int) -> None:
    """``tf.random.set_seed``."""
    set_seed(seed)


def enable_eager_execution(config: Any = None, device_policy: Any = None, execution_mode: Any = None) -> None:
    """It is so always."""


def enable_v2_behavior() -> None:
    """It is so always."""


def disable_eager_execution() -> None:
    """Nothing changes: a program of Keras's models gives the same, and what needs a graph says so by itself."""


disable_v2_behavior = disable_eager_execution


nn: Any = nn()  # type: ignore[no-redef]


class logging:  # noqa: N801  (the name is TensorFlow's)
    """The logger named "tensorflow"."""

    DEBUG, INFO, WARN, ERROR, FATAL = 10, 20, 30, 40, 50
    WARNING = WARN

    @staticmethod
    def set_verbosity(level: int) -> None:
        """Say what is at least so grave."""
        _logging.getLogger("tensorflow").setLevel(level)

    @staticmethod
    def info(message: str, *args: Any) -> None:
        """Say something."""
        _logging.getLogger("tensorflow").info(message, *args)

    @staticmethod
    def warning(message: str, *args: Any) -> None:
        """Say something that should not be."""
        _logging.getLogger("tensorflow").warning(message, *args)

    warn = warning

    @staticmethod
    def error(message: str, *args: Any) -> None:
        """Say something that is wrong."""
        _logging.getLogger("tensorflow").error(message, *args)


def __getattr__(name: str) -> Any:
    if name in GRAPH_NAMES:
        raise AttributeError(GRAPH_MODE.format(f"tf.{name}"))
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("recurra.compat.tf"), name)
