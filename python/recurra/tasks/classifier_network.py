"""The networks of classifiers, as models in Keras's format that anyone can load and take apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from recurra import layers as rooms
from recurra import ops
from recurra.limits import FileFormatError
from recurra.tasks.model_file import check_layer, check_network
from recurra.tasks.networks import recurrent_layer

if TYPE_CHECKING:
    from recurra.layers import Layer
    from recurra.models.model import Model

POOLINGS = ("mean", "max", "last", "attention")

_LOWEST = -1e9
PAIRS_SCALE = 3.0
"""What the mean of a text's pairs is multiplied with: few of them matter, so that it is small."""


class Form(NamedTuple):
    """What a classifier's network is made like.

    vocabulary, pairs : how many ids of words and of pairs of words there are; 0 pairs for a network without
    classes : how many labels
    embedding : the width of the vectors of words and of pairs
    pooling : what becomes of the recurrent layer's outputs over the text: their mean, the largest of each unit, the
        last, or a mean whose weights are learned
    """

    vocabulary: int
    pairs: int
    classes: int
    cell: str
    units: int
    embedding: int
    pooling: str
    dropout: float
    bidirectional: bool

    @property
    def sequential(self) -> bool:
        """Whether the network is a chain of layers."""
        return self.pooling in ("mean", "last") and not self.pairs


def classifier_network(form: Form) -> Model:
    """Embedding → recurrent layer → pooling over the text's words → Dense scores of the labels.

    takes : token ids (B, T), 0 where there is none; with pairs a list of these and the ids of the pairs, (B, T)
    gives : scores (B, classes)
    """
    from recurra.models import Model, Sequential

    parts = classifier_layers(form)
    if form.sequential:
        return Sequential([rooms.Input(shape=(None,), dtype="int32"), *parts.values()])
    words = rooms.Input(shape=(None,), dtype="int32", name="word_ids")
    read = parts["recurrent"](parts["words"](words))
    pooled = _pooled(form.pooling, read, words, parts)
    inputs = [words]
    if form.pairs:
        inputs.append(rooms.Input(shape=(None,), dtype="int32", name="pair_ids"))
        mean = parts["pairs_mean"](parts["pairs"](inputs[1]))
        pooled = parts["together"]([pooled, mean * PAIRS_SCALE])
    if "dropout" in parts:
        pooled = parts["dropout"](pooled)
    return Model(inputs if form.pairs else words, parts["labels"](pooled))


def _pooled(pooling: str, read: Any, words: Any, parts: dict[str, Layer]) -> Any:
    """(B, H) of outputs (B, T, H), only of the steps that have a word."""
    if pooling == "last":
        return read
    if pooling == "mean":
        return parts["mean"](read)
    there = ops.expand_dims(ops.not_equal(words, 0), -1)
    if pooling == "max":
        return ops.max(ops.where(there, read, _LOWEST), axis=1)
    scores = parts["attention_scores"](parts["attention"](read))
    return ops.sum(ops.softmax(ops.where(there, scores, _LOWEST), axis=1) * read, axis=1)


def classifier_layers(form: Form) -> dict[str, Layer]:
    """The layers of :func:`classifier_network` that have settings, unbuilt, by name."""
    sequences = form.pooling != "last"
    layer = recurrent_layer(form.cell, form.units, return_sequences=sequences, dropout=form.dropout, name="recurrent")
    parts: dict[str, Layer] = {
        "words": rooms.Embedding(form.vocabulary, form.embedding, mask_zero=True, name="words"),
        "recurrent": rooms.Bidirectional(layer, name="recurrent") if form.bidirectional else layer,
    }
    if form.pooling == "mean":
        parts["mean"] = rooms.GlobalAveragePooling1D(name="mean")
    elif form.pooling == "attention":
        parts["attention"] = rooms.Dense(form.units, activation="tanh", name="attention")
        parts["attention_scores"] = rooms.Dense(1, use_bias=False, name="attention_scores")
    if form.pairs:
        parts["pairs"] = rooms.Embedding(form.pairs, form.embedding, mask_zero=True, name="pairs")
        parts["pairs_mean"] = rooms.GlobalAveragePooling1D(name="pairs_mean")
        parts["together"] = rooms.Concatenate(name="together")
    if form.dropout:
        parts["dropout"] = rooms.Dropout(form.dropout, name="dropout")
    parts["labels"] = rooms.Dense(form.classes, name="labels")
    return parts


def check_classifier(path: Any, model: Any, form: Form) -> None:
    """Refuse a file whose network is not the one that its description tells of."""
    parts = classifier_layers(form)
    if form.sequential:
        check_network(path, model, list(parts.values()))
        return
    # a network of the same layers and calls, whose sizes do not depend on what the file asks for
    small = form._replace(vocabulary=2, pairs=min(form.pairs, 2), classes=2, units=1, embedding=1)
    like = classifier_network(small)
    kinds = [_kinds(network) for network in (model, like)]
    if kinds[0] != kinds[1]:
        said = ", ".join(kinds[0][:8])
        raise FileFormatError(f"{path}: its network must be made of {', '.join(kinds[1])}, got {said or 'nothing'}")
    weighted = [layer for layer in like.layers if layer.name in parts]
    places = {layer.name: place for place, layer in enumerate(like.layers)}
    for layer in weighted:
        check_layer(path, model.layers[places[layer.name]], parts[layer.name])


def _kinds(model: Any) -> list[str]:
    """The kind of each layer, and for an operation its name."""
    found = []
    for layer in getattr(model, "layers", []):
        kind = type(layer).__name__
        found.append(str(layer.get_config().get("op")) if kind == "Operation" else kind)
    return found
