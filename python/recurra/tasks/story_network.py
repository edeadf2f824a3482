"""The network that answers questions about stories: the question is read anew at each sentence, in several layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recurra import layers as rooms
from recurra import ops
from recurra.initializers import RandomNormal
from recurra.tasks.networks import recurrent_layer

if TYPE_CHECKING:
    from recurra.models.model import Model


def story_network(
    words: int, answers: int, *, cell: str, units: int, embedding: int, hops: int, dropout: float
) -> Model:
    """Sentences and question → vectors → `hops` recurrent layers over the story → scores of the answers.

    A recurrent layer in both directions reads each sentence to a vector s_t, and the question to q. The k-th layer over
    the story reads ``[s_t, s_t ∘ q_t, q_t]``, where q_t is the question for k = 1, else the output of the layer before
    it at that sentence: the question as it stands after what was found so far. The product is large where a sentence
    speaks of what is asked, so that a gate can let only these in. All layers but the last read in both directions, and
    their outputs are added; the last one's final state and the question make the scores. With the cell "min_gru", whose
    gate and candidate see the inputs alone, it is the query-reduction network of Seo et al. (2017).

    takes : [word ids of the sentences (B, S, L), of the question (B, 1, L)], 0 where there is no word; gives : scores
        (B, answers)
    """
    from recurra.models import Model, Sequential

    options = {"activation": "tanh"} if cell == "min_gru" else {}
    story = rooms.Input((None, None), dtype="int32", name="story")
    question = rooms.Input((1, None), dtype="int32", name="question")
    reader = Sequential(
        [
            rooms.Embedding(words, embedding, mask_zero=True, embeddings_initializer=RandomNormal(stddev=1.0)),
            rooms.Bidirectional(recurrent_layer(cell, units)),
        ],
        name="sentence_reader",
    )
    read = rooms.DistinctSteps(reader, mask_zero=True, name="sentences")

    def drop(x: Any) -> Any:
        return rooms.Dropout(dropout)(x) if dropout else x

    kept = ops.any(ops.not_equal(story, 0), axis=2)  # said to each layer: inputs without a mask would keep all steps
    told: Any = drop(read(story))
    asked = rooms.GlobalAveragePooling1D(name="question_vector")(read(question))
    found: Any = rooms.Reshape((1, 2 * units), name="question_step")(asked)
    for hop in range(1, hops + 1):
        known = [] if hop == 1 else [found]  # the question is the same at all sentences: the product holds it
        x = rooms.Concatenate(name=f"input_{hop}")([told, rooms.Multiply(name=f"match_{hop}")([told, found]), *known])
        if hop < hops:
            layer = recurrent_layer(cell, 2 * units, return_sequences=True, **options)
            found = rooms.Bidirectional(layer, merge_mode="sum", name=f"hop_{hop}")(x, mask=kept)
        else:
            found = recurrent_layer(cell, 2 * units, name=f"hop_{hop}", **options)(x, mask=kept)
    last = rooms.Concatenate(name="found")([found, asked])
    return Model([story, question], rooms.Dense(answers, name="answers")(drop(last)))
