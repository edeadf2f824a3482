"""The settings of a classifier, by name: checked, asked for and changed as scikit-learn does it."""

from __future__ import annotations

import inspect
from numbers import Integral
from typing import Any, TypeVar

from recurra.tasks.arguments import (
    check_flags,
    check_fractions,
    check_positive,
    check_seed,
    check_sizes,
    check_vocabulary_size,
)
from recurra.tasks.classifier_network import POOLINGS
from recurra.tasks.labelled_texts import check_class_weight
from recurra.tasks.networks import check_cell

Self = TypeVar("Self", bound="Parameters")

#: what the training of a classifier takes; `fit` may give each of them once more
TRAINING = (
    "validation", "epochs", "batch_size", "learning_rate", "clipnorm", "patience", "averaging", "verbose",
)  # fmt: skip
#: what is needed to make the network, and kept in files
KEPT = (
    "cell", "units", "embedding", "pooling", "pairs", "dropout", "word_dropout", "bidirectional", "vocabulary_size",
    "maxlen", "seed",
)  # fmt: skip


class Parameters:
    """scikit-learn's protocol of parameters, without scikit-learn: they are the arguments of ``__init__``."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of ``__init__`` by name.

        deep : as in scikit-learn; there is no estimator inside whose parameters could be meant
        """
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self: Self, **params: Any) -> Self:
        """Change arguments of ``__init__``, all or none; what was learned stays until the next ``fit``."""
        known = self._parameter_names()
        for name in params:
            if name not in known:
                raise ValueError(f"{name!r} is not a parameter of {type(self).__name__}; these are {', '.join(known)}")
        type(self)(**{**self.get_params(), **params})
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value is not defaults[name].default and value != defaults[name].default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
            non_deterministic=getattr(self, "seed", None) is None,
        )


def batch_size_for(texts: int) -> int:
    """The batch size where none is given: 64, or less for so few texts that an epoch would have under 50 steps."""
    return max(4, min(64, texts // 50))


def check_settings(settings: dict[str, Any]) -> None:
    """Refuse settings of a classifier that cannot be."""
    check_cell(settings["cell"])
    check_sizes(**{name: settings[name] for name in ("units", "maxlen")})
    check_training(settings)
    check_seed(settings["seed"])
    check_fractions(dropout=settings["dropout"], word_dropout=settings["word_dropout"])
    vocabulary_size, pooling, pairs = settings["vocabulary_size"], settings["pooling"], settings["pairs"]
    check_vocabulary_size(vocabulary_size, "padding, unknown, and a word")
    check_class_weight(settings["class_weight"])
    check_flags(bidirectional=settings["bidirectional"])
    if settings["embedding"] is not None:
        check_sizes(embedding=settings["embedding"])
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}")
    if isinstance(pairs, bool) or not isinstance(pairs, Integral) or pairs < 0:
        raise ValueError(f"pairs must be an int >= 0, got {pairs!r}")


def check_training(settings: dict[str, Any]) -> None:
    """Refuse settings of a training that cannot be."""
    check_sizes(**{name: settings[name] for name in ("epochs", "patience")})
    if settings["batch_size"] is not None:
        check_sizes(batch_size=settings["batch_size"])
    check_fractions(validation=settings["validation"], averaging=settings["averaging"])
    check_positive(learning_rate=settings["learning_rate"], clipnorm=settings["clipnorm"])
