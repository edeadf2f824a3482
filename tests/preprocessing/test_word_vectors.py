from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.preprocessing.text import Tokenizer
from recurra.preprocessing.word_vectors import WordVectors, load_word_vectors


def some(count: int = 7, dimension: int = 5, dtype: str = "float32") -> WordVectors:
    draw = np.random.default_rng(2)
    return WordVectors([f"w{k}" for k in range(count)], draw.normal(size=(count, dimension)).astype(dtype))


@given(
    table=st.integers(1, 4).flatmap(
        lambda d: st.lists(
            st.lists(st.floats(width=32, allow_nan=False), min_size=d, max_size=d), min_size=1, max_size=4
        )
    ),
    format=st.sampled_from(["word2vec", "glove"]),
    hinted=st.booleans(),
)
def test_files_give_back_the_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[float]], format: str, hinted: bool
) -> None:
    words = ["naïve", "日本", "a\u00a0b", "don't"][: len(table)]
    vectors = WordVectors(words, np.array(table, "float32"))
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    vectors.save(path, format)
    again = load_word_vectors(path, format if hinted else None)
    assert again.words == words and again.vectors.dtype == np.float32
    np.testing.assert_array_equal(again.vectors, vectors.vectors)


def test_float64_survives_too(tmp_path: Path) -> None:
    vectors = some(dtype="float64")
    vectors.save(tmp_path / "v.vec")
    again = load_word_vectors(tmp_path / "v.vec", dtype="float64")
    np.testing.assert_array_equal(again.vectors, vectors.vectors)


def test_the_formats_as_others_write_them(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("2 3\nthe 0.1 -2 3e-1 \nof 4 5 6\n")  # word2vec leaves a space at the end
    vectors = load_word_vectors(path)
    assert vectors.words == ["the", "of"] and vectors.dimension == 3
    np.testing.assert_array_equal(vectors["the"], np.array([0.1, -2, 0.3], "float32"))
    path.write_text(". . . 1 2\nof 3 4\n\nof 5 6\n")  # GloVe has words with spaces, and some twice
    with pytest.raises(ValueError, match="expected 4 numbers"):
        load_word_vectors(path)  # the first line tells the dimension
    path.write_text("of 3 4\n. . . 1 2\n\nof 5 6\r\n")
    vectors = load_word_vectors(path)
    assert vectors.words == ["of", ". . ."] and vectors["of"].tolist() == [3, 4]
    packed = tmp_path / "vectors.txt.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert load_word_vectors(packed).words == vectors.words
    assert load_word_vectors(path, words=["of", "nothing"]).words == ["of"]
    assert load_word_vectors(path, limit=1).words == ["of"]
    path.write_bytes("caf\xe9 1 2\n".encode("latin-1"))
    assert load_word_vectors(path, encoding="latin-1").words == ["café"]


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (b"a 1 2\nb 1\n", {}, "line 2: expected a word and 2 numbers, got 1"),
        (b"a 1 2\nb 1 x\n", {}, "line 2: expected 2 numbers after 'b': could not convert"),
        (b"caf\xe9 1 2\n", {}, "line 1: not utf-8 text"),
        (b"a 1 2\n", {"format": "word2vec"}, "line 1: word2vec's format begins with two numbers"),
        (b"a 1 2\n", {"words": ["b"]}, "holds no word vectors of the words asked for"),
        (b"", {}, "holds no word vectors"),
        (b"a 1 2\n", {"format": "bin"}, "format must be one of word2vec, glove or None, got 'bin'"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, arguments: dict[str, Any], message: str) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_word_vectors(path, **arguments)


def test_a_word_that_a_file_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    with pytest.raises(ValueError, match="the word 'new york' cannot be written"):
        WordVectors(["new york"], [[1.0]]).save(path)
    with pytest.raises(ValueError, match="format must be one of"):
        some().save(path, "binary")
    assert not path.exists()


def test_neighbours_by_cosine() -> None:
    vectors = some(20)
    unit = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    cosines = unit @ unit[3]
    expected = [k for k in np.argsort(-cosines) if k != 3]
    found = vectors.most_similar("w3", topn=19)
    assert [word for word, _ in found] == [f"w{k}" for k in expected]
    np.testing.assert_allclose([score for _, score in found], cosines[expected], rtol=1e-5)
    assert vectors.most_similar("w3", topn=4) == found[:4]
    assert vectors.most_similar(vectors["w3"] * 7, topn=1)[0][0] == "w3"  # a vector leaves no word out
    assert vectors.similarity("w3", found[0][0]) == pytest.approx(found[0][1], rel=1e-5)
    assert len(vectors.most_similar("w3", topn=99)) == 19


def test_analogies_add_and_subtract() -> None:
    vectors = WordVectors(
        ["man", "woman", "king", "queen", "cat"],
        [[1.0, 0, 0, 0.1], [0, 1, 0, 0.1], [1, 0, 1, 0], [0, 1, 1, 0], [0.2, 0.2, 0, 9]],
    )
    assert vectors.most_similar(["king", "woman"], ["man"], topn=1)[0][0] == "queen"


def test_words_and_vectors() -> None:
    vectors = some()
    assert len(vectors) == 7 and "w2" in vectors and "cat" not in vectors and next(iter(vectors)) == "w0"
    assert repr(vectors) == "WordVectors(7 words, dimension=5)"
    with pytest.raises(KeyError, match="there is no vector for 'cat'"):
        vectors["cat"]
    with pytest.raises(KeyError, match="no vector for 'cat'"):
        vectors.most_similar("cat")
    with pytest.raises(ValueError, match=r"a vector must have shape \(D,\) = \(5,\), got \(4,\)"):
        vectors.most_similar(np.zeros(4))
    with pytest.raises(ValueError, match="topn must be at least 1"):
        vectors.most_similar("w1", topn=0)
    with pytest.raises(ValueError, match=r"vectors must have shape \(V, D\) = \(2, D\), got \(3, 1\)"):
        WordVectors(["a", "b"], np.zeros((3, 1)))
    with pytest.raises(ValueError, match="words must be distinct, got 'a' more than once"):
        WordVectors(["a", "a"], np.zeros((2, 1)))


def test_a_table_for_an_embedding() -> None:
    tokenizer = Tokenizer(num_words=4)
    tokenizer.fit_on_texts(["w5 w5 w5 unicorn unicorn w1 w1 w1 w1 w2"])
    vectors = some()
    matrix = vectors.embedding_matrix(tokenizer)
    np.testing.assert_array_equal(matrix, [np.zeros(5), vectors["w1"], vectors["w5"], np.zeros(5)])
    assert vectors.embedding_matrix(tokenizer, num_words=9).shape == (9, 5)
    assert vectors.embedding_matrix(tokenizer.word_index, dtype="float64").shape == (5, 5)
    np.testing.assert_array_equal(vectors.embedding_matrix(tokenizer.word_index)[4], vectors["w2"])
    drawn = vectors.embedding_matrix(tokenizer, missing="normal", seed=3)
    assert drawn[3].any() and not drawn[0].any()
    np.testing.assert_array_equal(drawn, vectors.embedding_matrix(tokenizer, missing="normal", seed=3))
    with pytest.raises(ValueError, match="missing must be 'zeros' or 'normal', got 'mean'"):
        vectors.embedding_matrix(tokenizer, missing="mean")


def test_vectors_of_a_trained_embedding() -> None:
    tokenizer = Tokenizer(num_words=3)
    tokenizer.fit_on_texts(["b b a c"])
    table = np.arange(6.0).reshape(3, 2)
    vectors = WordVectors.from_embedding(table, tokenizer)
    assert vectors.words == ["b", "a"] and vectors["a"].tolist() == [4, 5]
    assert WordVectors.from_embedding(table, {0: "<pad>", 2: "x"}).words == ["<pad>", "x"]


def test_memory_is_that_of_the_words_asked_for(tmp_path: Path) -> None:
    rows = 40_000
    line = " ".join(["0.125"] * 50)
    path = tmp_path / "large.txt.gz"
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
        file.writelines(f"word{i} {line}\n" for i in range(rows))  # 13 MB of text
    wanted = {f"word{i}" for i in range(0, rows, 4000)}
    tracemalloc.start()
    try:
        found = load_word_vectors(path, words=wanted)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert set(found) == wanted and found.dimension == 50
    assert peak < 7_000_000, f"{peak:,} bytes at the peak"
