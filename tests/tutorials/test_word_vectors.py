"""Skip-gram word vectors with negative sampling: trained, asked for neighbours, written and read.

The corpus is made up: words of one class (animals, dishes, towns, tools) stand in the same places of sentences and
nowhere else, so that neighbours in the learned space must come from the same class.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.layers import LSTM, Dense, Dot, Embedding, Input, Reshape
from recurra.models import Model, Sequential
from recurra.preprocessing.sequence import make_sampling_table, skipgrams
from recurra.preprocessing.text import Tokenizer
from recurra.preprocessing.word_vectors import WordVectors, load_word_vectors
from recurra.utils import set_random_seed

CLASSES = {
    "animals": ["cat", "dog", "horse", "goat", "hen"],
    "dishes": ["soup", "bread", "stew", "cake", "rice"],
    "towns": ["york", "lyon", "turin", "graz", "bern"],
    "tools": ["hammer", "saw", "drill", "file", "plane"],
}
SENTENCES = [
    ("the hungry {} runs and sleeps in its stable", "animals"),
    ("feed my {} with hay before it barks", "animals"),
    ("she cooked {} for dinner with salt", "dishes"),
    ("a plate of hot {} tastes delicious", "dishes"),
    ("we took a train from {} station northwards", "towns"),
    ("people living around {} speak another language", "towns"),
    ("carpenters hold this {} to shape wood", "tools"),
    ("sharpen your {} inside our workshop", "tools"),
]


def corpus(sentences: int = 700) -> list[str]:
    rng = np.random.default_rng(4)
    texts = []
    for number in rng.integers(0, len(SENTENCES), sentences):
        frame, kind = SENTENCES[number]
        texts.append(frame.format(rng.choice(CLASSES[kind])))
    return texts


def skipgram_model(words: int, size: int) -> Model:
    """The probability that two words stand near each other, from the product of their vectors."""
    word, context = Input((1,), dtype="int32"), Input((1,), dtype="int32")
    target = Reshape((size,))(Embedding(words, size, name="vectors")(word))
    other = Reshape((size,))(Embedding(words, size, name="contexts")(context))
    near = Dense(1, activation="sigmoid")(Dot(axes=1)([target, other]))
    model = Model([word, context], near)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    set_random_seed(6)
    texts = corpus()
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(texts)
    words = len(tokenizer.word_index) + 1
    pairs: list[list[int]] = []
    labels: list[int] = []
    for number, ids in enumerate(tokenizer.texts_to_sequences(texts)):
        couples, near = skipgrams(ids, words, window_size=3, negative_samples=2.0, seed=number)
        pairs += couples
        labels += near
    assert np.mean(labels) == pytest.approx(1 / 3, abs=0.01)
    model = skipgram_model(words, 16)
    targets, contexts = np.array(pairs).T
    history = model.fit([targets, contexts], np.array(labels), batch_size=256, epochs=12, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0] and history["accuracy"][-1] > 0.75
    table = model.get_layer("vectors").get_weights()[0]
    return WordVectors.from_embedding(table, tokenizer)


def test_neighbours_come_from_the_same_class(vectors: WordVectors) -> None:
    for words in CLASSES.values():
        for word in words:
            nearest = [other for other, _ in vectors.most_similar(word, topn=4)]
            assert set(nearest) == set(words) - {word}, (word, nearest)
    assert vectors.similarity("cat", "dog") > 0.5 + vectors.similarity("cat", "lyon")


def test_directions_add_up(vectors: WordVectors) -> None:
    found = dict(vectors.most_similar(["cat", "dog", "horse"], topn=2))
    assert set(found) == {"goat", "hen"} and all(0 < cosine <= 1 for cosine in found.values())
    assert vectors.most_similar(vectors["soup"], topn=1)[0][0] == "soup"
    away = [word for word, _ in vectors.most_similar(["cat", "soup"], ["dog"], topn=4)]
    assert set(away) == set(CLASSES["dishes"]) - {"soup"}


@pytest.mark.parametrize("layout", ["word2vec", "glove"])
def test_files_of_both_layouts(vectors: WordVectors, layout: str, tmp_path: Path) -> None:
    path = tmp_path / f"{layout}.txt"
    vectors.save(path, layout)
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    assert (first == f"{len(vectors)} 16") is (layout == "word2vec")
    assert len(rest) + (layout == "glove") == len(vectors) and len(rest[0].split()) == 17
    again = load_word_vectors(path)
    assert again.words == vectors.words
    np.testing.assert_array_equal(again.vectors, vectors.vectors)
    assert again.most_similar("york", topn=3) == vectors.most_similar("york", topn=3)


def test_the_vectors_help_where_few_texts_have_labels(vectors: WordVectors, tmp_path: Path) -> None:
    """Trained on two words of each class, a model with these vectors knows the other three."""
    path = tmp_path / "vectors.txt"
    vectors.save(path, "glove")
    index: dict[str, np.ndarray] = {}  # as tutorials read GloVe's files
    with path.open(encoding="utf-8") as file:
        for line in file:
            word, *numbers = line.split()
            index[word] = np.asarray(numbers, dtype="float32")
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(vectors.words)
    matrix = np.zeros((len(tokenizer.word_index) + 1, 16))
    for word, row in tokenizer.word_index.items():
        matrix[row] = index[word]
    np.testing.assert_array_equal(load_word_vectors(path).embedding_matrix(tokenizer), matrix.astype("float32"))
    model = Sequential(
        [
            Embedding(len(matrix), 16, weights=[matrix], input_length=2, trainable=False, mask_zero=True),
            LSTM(8),
            Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    seen = [(word, other, k) for k, words in enumerate(CLASSES.values()) for word in words[:2] for other in words[:2]]
    held_out = [(word, word, k) for k, words in enumerate(CLASSES.values()) for word in words[2:]]

    def arrays(rows: list[tuple[str, str, int]]) -> tuple[np.ndarray, np.ndarray]:
        texts = [f"{word} {other}" for word, other, _ in rows]
        return np.array(tokenizer.texts_to_sequences(texts)), np.array([label for _, _, label in rows])

    model.fit(*arrays(seen), epochs=150, verbose=0)
    assert model.evaluate(*arrays(held_out), verbose=0)[1] == 1.0
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], matrix.astype("float32"))


def test_frequent_words_are_thinned_out() -> None:
    table = make_sampling_table(200, sampling_factor=1e-3)
    rng = np.random.default_rng(3)
    ids = np.minimum(rng.zipf(1.5, 4000), 199).tolist()
    all_pairs, _ = skipgrams(ids, 200, window_size=2, negative_samples=0.0, seed=1)
    kept, _ = skipgrams(ids, 200, window_size=2, negative_samples=0.0, sampling_table=table, seed=1)

    def share(pairs: list[list[int]]) -> float:
        return float(np.mean(np.array(pairs)[:, 0] == 1))

    assert len(kept) < 0.5 * len(all_pairs) and share(kept) < 0.5 * share(all_pairs)
