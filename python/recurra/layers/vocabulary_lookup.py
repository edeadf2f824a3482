"""What the layers share that give tokens ids by a vocabulary: learning it, ids, one-hot and counts, and back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from recurra.autograd import Array, value_of
from recurra.layers.base.arguments import check_choice, check_flag
from recurra.layers.base.layer import Layer
from recurra.layers.category_encoding import encode, encoded_shape
from recurra.limits import loading_configuration, refuse_path
from recurra.symbolic import KerasTensor
from recurra.typing import ArrayLike, PathLike, Shape

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


class VocabularyLookup(Layer):
    """Base of both: special tokens first (the mask's, then those of unknown tokens), then the vocabulary."""

    _untracked = Layer._untracked | {"_tokens", "_index", "_counts", "_spread", "_idf"}

    def _set(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        pad_to_max_tokens: bool,
        sparse: bool,
        vocabulary_size: int | None,
    ) -> None:
        output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        if isinstance(max_tokens, str) or (max_tokens is not None and max_tokens <= 1):
            raise ValueError(f"max_tokens must be greater than 1 or None, got {max_tokens!r}")
        if num_oov_indices < 0:
            raise ValueError(f"num_oov_indices must be at least 0, got {num_oov_indices}")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError("pad_to_max_tokens=True needs max_tokens, got None")
        if sparse:
            raise ValueError("sparse must be False: there is no sparse array type here")
        self.output_mode = check_choice(output_mode, "output_mode", _MODES)
        if invert and output_mode != "int":
            raise ValueError(f"invert=True needs output_mode 'int', got {output_mode!r}")
        if (idf_weights is not None) and output_mode != "tf_idf":
            raise ValueError(f"idf_weights need output_mode 'tf_idf', got {output_mode!r}")
        self.max_tokens, self.num_oov_indices = max_tokens, int(num_oov_indices)
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert = check_flag(invert, "invert")
        self.pad_to_max_tokens = check_flag(pad_to_max_tokens, "pad_to_max_tokens")
        self._tokens: list[Any] = []
        self._index: dict[Any, int] = {}
        self._idf: Array | None = None
        self._awaited_size = None if vocabulary is not None else vocabulary_size
        self.reset_state()
        self._given = vocabulary is not None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _key(self, value: Any) -> Any:
        """`value` as a token."""
        raise NotImplementedError

    # --- the vocabulary ------------------------------------------------------------------------------------------

    @property
    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _first(self) -> int:
        """The id of the first token of the vocabulary."""
        return self._oov_start + self.num_oov_indices

    @property
    def _special(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def set_vocabulary(
        self, vocabulary: PathLike | Sequence[Any] | Array, idf_weights: Sequence[float] | Array | None = None
    ) -> None:
        """Take a vocabulary: tokens by id, the special ones in front or left out; or the path of a file of one a line.

        idf_weights : for "tf_idf": one weight for each token
        raises : ValueError for repeated tokens, or more than `max_tokens`
        """
        if isinstance(vocabulary, (str, os.PathLike)):
            refuse_path("vocabulary", vocabulary)
            vocabulary = Path(vocabulary).read_text(encoding="utf-8").splitlines()
        tokens = [self._key(token) for token in np.asarray(value_of(vocabulary), object).reshape(-1).tolist()]
        if not tokens:
            raise ValueError("vocabulary must hold at least one token")
        if (idf_weights is not None) != (self.output_mode == "tf_idf"):
            raise ValueError(f"idf_weights must be given for output_mode 'tf_idf' alone, got {self.output_mode!r}")
        with_special = tokens[: self._first] == self._special
        rest = tokens[self._first :] if with_special else tokens
        if len(set(rest)) != len(rest):
            repeated = sorted({token for token in rest if rest.count(token) > 1})
            raise ValueError(f"vocabulary must hold each token once, repeated are {repeated}")
        reserved = [self.mask_token] if self.mask_token is not None else []
        reserved += [self.oov_token] if self.oov_token is not None and self.invert else []
        for token in reserved:
            if token in rest:
                raise ValueError(f"vocabulary may hold special tokens only in front, as {self._special}, got {token!r}")
        self._number(rest)
        if idf_weights is not None:
            self._set_idf(np.asarray(idf_weights, np.float64), with_special)

    def _number(self, tokens: list[Any]) -> None:
        if self.max_tokens is not None and len(tokens) + self._first > self.max_tokens:
            raise ValueError(
                f"vocabulary must have at most max_tokens = {self.max_tokens} tokens with the special ones, got "
                f"{len(tokens) + self._first}"
            )
        self._tokens = tokens
        self._index = {token: k for k, token in enumerate(tokens, self._first)}

    def _set_idf(self, weights: Array, with_special: bool) -> None:
        count = len(self._tokens)
        if weights.shape not in ((count,), (count + self._first,)) or (with_special and len(weights) == count):
            raise ValueError(f"idf_weights must hold one weight for each token, got shape {weights.shape}")
        own = weights[len(weights) - count :]
        special = weights[: self._first] if len(weights) > count else np.full(self._first, own.mean())
        self._idf = np.concatenate([special, own]).astype(np.float32)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens by id; without the special ones if so asked."""
        return [*(self._special if include_special_tokens else []), *self._tokens]

    def vocabulary_size(self) -> int:
        """How many tokens there are, special ones among them."""
        if not self._tokens and self._awaited_size is not None:
            return self._awaited_size
        return self._first + len(self._tokens)

    def adapt(self, data: Iterable[Any] | Array, steps: int | None = None) -> None:
        """Learn the vocabulary from `data`, forgetting what was learnt before: the most frequent tokens first.

        data : a list or array of tokens, or an iterable of batches of them (a Dataset, a generator)
        steps : how many batches to take from an iterable; None takes all
        """
        self.reset_state()
        if isinstance(data, (list, tuple, np.ndarray)):
            self.update_state(data)
        else:
            for batch in islice(data, steps):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: ArrayLike) -> None:
        """Count the tokens of one batch; each row is a document for "tf_idf"."""
        if self._given:
            raise ValueError(f"{self.name}: the vocabulary was given: adapt is for a layer made without vocabulary=")
        array = np.asarray(value_of(data), object)
        for row in (
            array.reshape(len(array), -1).tolist() if array.ndim > 1 else [[x] for x in array.reshape(-1).tolist()]
        ):
            tokens = [self._key(token) for token in row]
            self._documents += 1
            for token in tokens:
                self._counts[token] = self._counts.get(token, 0) + 1
            for token in set(tokens):
                self._spread[token] = self._spread.get(token, 0) + 1

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if self._given or not self._counts:
            return
        for token in (self.mask_token, self.oov_token):
            self._counts.pop(token, None)
        ranked = sorted(self._counts, key=lambda token: (self._counts[token], token), reverse=True)
        if self.max_tokens is not None:
            ranked = ranked[: max(self.max_tokens - self._first, 0)]
        self._number(ranked)
        if self.output_mode == "tf_idf":
            spread = np.array([self._spread[token] for token in ranked], np.float64)
            self._set_idf(np.log(1 + self._documents / (1 + spread)), False)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget the counts (not the vocabulary)."""
        self._counts: dict[Any, int] = {}
        self._spread: dict[Any, int] = {}
        self._documents = 0

    @property
    def knows_vocabulary(self) -> bool:
        """Whether a vocabulary was learnt or given."""
        return bool(self._tokens)

    def load_vocabulary(self, tokens: list[str]) -> None:
        """Take the vocabulary that Keras keeps in a file beside the configuration, its special tokens first."""
        if self.output_mode == "tf_idf":
            raise ValueError(f"{self.name}: TF-IDF weights kept beside the configuration are not read: give them anew")
        if self._awaited_size not in (None, len(tokens)):
            raise ValueError(f"{self.name}: vocabulary must have {self._awaited_size} tokens, got {len(tokens)}")
        if len(tokens) > self._first:
            self._number([self._key(token) for token in tokens[self._first :]])

    # --- the call ------------------------------------------------------------------------------------------------

    def call(self, inputs: Any) -> Any:
        array = np.asarray(value_of(inputs))
        if not self._tokens:
            raise ValueError(f"{self.name} has no vocabulary: call adapt, or make it with vocabulary=")
        if self.invert:
            return self._inverted(array)
        ids = np.fromiter(map(self._id, array.reshape(-1).tolist()), np.int64, array.size).reshape(array.shape)
        if self.output_mode == "int":
            return ids
        if self.output_mode == "tf_idf":
            assert self._idf is not None
            found = encode(ids, "count", self._width).astype(np.float32)
            found[..., : len(self._idf)] *= self._idf
            return found
        return encode(ids, self.output_mode, self._width).astype(np.int64)

    @property
    def _width(self) -> int:
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens else self.vocabulary_size()

    def _id(self, value: Any) -> int:
        token = self._key(value)
        if self.mask_token is not None and token == self.mask_token:
            return 0 if self.output_mode == "int" else -1
        found = self._index.get(token)
        if found is not None:
            return found
        if self.num_oov_indices == 0:
            raise ValueError(
                f"{self.name}: {token!r} is not in the vocabulary; with num_oov_indices=1 unknown tokens have an id"
            )
        return self._oov_start + (0 if self.num_oov_indices == 1 else self._bucket(token))

    def _bucket(self, token: Any) -> int:
        """Which of several ids an unknown token has."""
        raise NotImplementedError

    def _inverted(self, ids: Array) -> Any:
        if ids.dtype.kind not in "iu":
            raise TypeError(f"{self.name}: ids must be integers, got dtype {ids.dtype}")
        tokens = np.array(self.get_vocabulary(), object)
        inside = (ids >= 0) & (ids < len(tokens))
        return self._as_output(np.where(inside, tokens[np.where(inside, ids, 0)], self.oov_token))

    def _as_output(self, tokens: Array) -> Array:
        return tokens

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.output_mode == "int":
            return input_shape
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return encoded_shape(input_shape, mode, self._width)

    _token_dtype = "string"

    @property
    def _input_dtype(self) -> str:
        return "int64" if self.invert else self._token_dtype

    def compute_output_spec(self, inputs: Any) -> Any:
        if (inputs.dtype == "string") != (self._input_dtype == "string"):
            raise TypeError(f"{self.name} takes {self._input_dtype}: give its Input that dtype, got {inputs.dtype!r}")
        dtype = "float32" if self.output_mode == "tf_idf" else self._token_dtype if self.invert else "int64"
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the vocabulary, learnt or given: the configuration is the whole layer."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "mask_token": self.mask_token,
            "oov_token": self.oov_token,
            "vocabulary": list(self._tokens) or None,
            "idf_weights": None if self._idf is None else self._idf[self._first :].tolist(),
            "invert": self.invert,
            "output_mode": self.output_mode,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "sparse": False,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer of :meth:`get_config`; its vocabulary is a list, no file is opened."""
        with loading_configuration():
            return super().from_config(config)
