"""Texts to numbers as the first layer of a model: :class:`TextVectorization`.

What it computes is in ``preprocessing``; here that becomes a layer, in a graph and in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from recurra.layers.base.arguments import check_flag
from recurra.layers.base.layer import Layer
from recurra.limits import loading_configuration
from recurra.preprocessing.vectorizer import Array, Vectorizer
from recurra.registry import deserialize_keras_object, serialize_keras_object
from recurra.symbolic import KerasTensor
from recurra.typing import DType, PathLike, TensorLike


class TextVectorization(Vectorizer, Layer):
    """Maps texts to numbers by a vocabulary that it learns (`adapt`) or is given.

    max_tokens : size of the vocabulary at most, with its special tokens; None for no limit
    standardize : "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a callable from a numpy array of
        strings to such an array, or to an array or tensor of bytes. As in Keras only ASCII letters are lower-cased; the
        apostrophe is punctuation here.
    split : "whitespace" (ASCII), "character", None (a text is one token) or any callable from a text to its tokens
    ngrams : None, n for all runs of 1 to n tokens, or a tuple of the lengths wanted; joined by spaces
    output_mode : "int" (ids; 0 padding, 1 unknown, then the words by falling frequency, ties by falling spelling) or
        "one_hot", "multi_hot", "count", "tf_idf" (one column for each token; 0 unknown; no padding token)
    output_sequence_length : for "int": cut or pad (at the end) to this length; None takes the longest of the call
    pad_to_max_tokens : for the other modes: `max_tokens` columns even if the vocabulary is smaller
    vocabulary : list of tokens, or the path of a file of one token a line; with it, `adapt` is not allowed
    idf_weights : for "tf_idf" with a given vocabulary: one weight for each of its tokens
    ragged : for "int": a list of arrays in place of a padded one
    encoding : of texts given as bytes and of the vocabulary's file
    name, trainable : of the layer; nothing in it is trained
    dtype : taken for Keras's sake; texts come in and the numbers of `output_mode` go out

    Called on texts it gives numbers; in a model it takes strings (``Input((1,), dtype="string")``, or no Input at all
    in a Sequential one), and is saved with its vocabulary.

    >>> vectorize = TextVectorization(max_tokens=5000, output_sequence_length=4)
    >>> vectorize.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> vectorize.get_vocabulary()
    ['', '[UNK]', 'baz', 'bar', 'foo', 'boom', 'bada']
    >>> vectorize([["foo qux bar"], ["qux baz"]])
    array([[4, 1, 3, 0],
           [1, 2, 0, 0]])
    """

    _keras_module = "keras.layers"
    _untracked = Layer._untracked | {"_tokens", "_index", "_counts", "_spread", "_idf"}
    #: in a Sequential model without an Input
    _input_dtype = "string"

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable[[Array], Any] | None = "lower_and_strip_punctuation",
        split: str | Callable[[str], Iterable[Any]] | None = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: PathLike | Sequence[str] | Array | None = None,
        idf_weights: Sequence[float] | Array | None = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        *,
        trainable: bool = True,
        dtype: DType | None = None,
        vocabulary_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        if dtype not in (None, "string", "int64", "float32", "float64"):
            raise ValueError(f"dtype must be None, 'string' or the dtype of the numbers, got {dtype!r}")
        Layer.__init__(self, name=name, trainable=trainable, autocast=False, **kwargs)
        Vectorizer.__init__(
            self, max_tokens, standardize, split, ngrams, output_mode, output_sequence_length,
            check_flag(pad_to_max_tokens, "pad_to_max_tokens"), vocabulary, idf_weights,
            check_flag(sparse, "sparse"), check_flag(ragged, "ragged"), encoding,
        )  # fmt: skip
        #: how large the vocabulary will be that its file holds apart from the configuration
        self._awaited_size = None if vocabulary is not None else vocabulary_size

    def call(self, inputs: TensorLike) -> Any:
        """Numbers for texts.

        inputs : one text, B texts, or (B, 1) texts; with ``split=None`` also (B, T) tokens
        returns : "int": (B, T) int64, rows padded with 0 (a list of arrays with `ragged`; ``split=None``: the inputs'
            shape). "one_hot": (B, T, V) int64, or (B, V) with ``split=None``. "multi_hot", "count": (B, V) int64;
            "tf_idf": (B, V) float32. V is the vocabulary's size, or `max_tokens` with `pad_to_max_tokens`. A single
            text gives the same without B.
        """
        return self.vectorize(inputs)

    @property
    def _width(self) -> int:
        known = self._tokens or self.pad_to_max_tokens
        return super()._width if known or self._awaited_size is None else self._awaited_size

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
            self.set_vocabulary(tokens)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The shape of the result for inputs of this shape; None where it depends on the texts."""
        return self.output_shape_for(input_shape)

    def compute_output_spec(self, inputs: Any) -> Any:
        if inputs.dtype != "string":
            raise TypeError(f"{self.name} takes texts: give its Input dtype='string', got {inputs.dtype!r}")
        if self.ragged:
            raise ValueError(
                f"{self.name}: ragged=True gives a list of arrays, which no other layer of a model takes: leave it out "
                "and give the Embedding that follows mask_zero=True"
            )
        dtype = "float32" if self.output_mode == "tf_idf" else "int64"
        return KerasTensor(self.output_shape_for(inputs.shape), dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the vocabulary, learnt or given: the configuration is the whole layer."""
        config = {"name": self.name, "trainable": self.trainable, **self.arguments()}
        for key in ("standardize", "split"):
            if callable(config[key]):
                config[key] = serialize_keras_object(config[key])
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TextVectorization:
        """The layer of :meth:`get_config`; its vocabulary is a list, no file is opened."""
        config = dict(config)
        for key in ("standardize", "split"):
            if key in config:
                config[key] = deserialize_keras_object(config[key])
        with loading_configuration():
            return cls(**config)
