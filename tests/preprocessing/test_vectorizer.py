from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.autograd import Tensor
from recurra.data import Dataset
from recurra.preprocessing import TextVectorization
from tests.support.keras_text import golden

QUERIES = [query for query in golden()["queries"] if isinstance(query, str)]


@pytest.mark.parametrize("case", golden()["vectorizations"], ids=lambda case: str(case[0]))
def test_vocabulary_and_numbers_are_keras_s(case: Any) -> None:
    arguments, vocabulary, expected = case
    vectorize = TextVectorization(**arguments)
    vectorize.adapt(golden()["texts"])
    assert vectorize.get_vocabulary() == vocabulary and vectorize.vocabulary_size() == len(vocabulary)
    result = vectorize(QUERIES)
    np.testing.assert_allclose(result, np.array(expected), rtol=1e-6)
    assert result.dtype == (np.float32 if arguments.get("output_mode") == "tf_idf" else np.int64)
    np.testing.assert_array_equal(vectorize([[query] for query in QUERIES]), result)
    single = vectorize(QUERIES[0])
    assert single.ndim == result.ndim - 1
    again = TextVectorization.from_config(vectorize.get_config())
    np.testing.assert_array_equal(again(QUERIES), result)


def fitted(texts: list[str], **arguments: Any) -> TextVectorization:
    vectorize = TextVectorization(**arguments)
    vectorize.adapt(texts)
    return vectorize


def test_only_ascii_is_lower_cased_and_split_as_in_keras() -> None:
    vectorize = fitted(["ÉTÉ a\u00a0b\vc don't"])
    assert set(vectorize.get_vocabulary(include_special_tokens=False)) == {"ÉtÉ", "a\u00a0b", "c", "dont"}


def test_ties_fall_back_to_the_spelling_from_the_end() -> None:
    assert fitted(["b a c c"]).get_vocabulary() == ["", "[UNK]", "c", "b", "a"]


@pytest.mark.parametrize("container", ["strings", "bytes", "tensors"])
def test_callables_return_texts_in_any_container(container: str) -> None:
    def packed(texts: Any) -> Any:
        if container == "strings":
            return list(texts)
        return np.array([text.encode("utf-8") for text in texts], object)

    def standardize(texts: Any) -> Any:
        lower = packed(np.char.lower(texts))
        return Tensor(lower) if container == "tensors" else lower

    def split(text: str) -> Any:
        parts = packed(text.split("|"))
        return Tensor(parts) if container == "tensors" else parts

    vectorize = fitted(["Dé|Y", "y|Z|z"], standardize=standardize, split=split)
    assert vectorize.get_vocabulary() == ["", "[UNK]", "z", "y", "dé"]


def test_standardize_returns_texts() -> None:
    with pytest.raises(TypeError, match="standardize must return texts, got int"):
        TextVectorization(standardize=lambda texts: [1, 2]).adapt(["a", "b"])
    with pytest.raises(TypeError, match="got ndarray"):
        TextVectorization(standardize=lambda texts: [np.array(["a", "b"])] * 2).adapt(["a", "b"])


def test_any_callables() -> None:
    vectorize = fitted(
        ["X|Y", "y|z|z"], standardize=lambda texts: np.char.lower(texts), split=lambda text: text.split("|")
    )
    assert vectorize.get_vocabulary() == ["", "[UNK]", "z", "y", "x"]
    assert vectorize(["Z|q"]).tolist() == [[2, 1]]
    broken = TextVectorization(standardize=lambda texts: texts[:1])
    with pytest.raises(ValueError, match="standardize must return one text for each, got 1 for 2"):
        broken.adapt(["a", "b"])


def test_a_text_may_be_one_token() -> None:
    vectorize = fitted(["red", "green", "red"], split=None, standardize=None)
    assert vectorize(["green", "blue"]).tolist() == [3, 1]
    assert vectorize([["red", "blue"], ["green", ""]]).tolist() == [[2, 1], [3, 0]]
    one_hot = fitted(["red", "green", "red"], split=None, standardize=None, output_mode="one_hot")
    assert one_hot([["green"], ["blue"]]).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_ragged() -> None:
    vectorize = fitted(["a b"], ragged=True)
    assert [row.tolist() for row in vectorize(["a b a", ""])] == [[3, 2, 3], []]


def test_adapt_takes_batches_of_any_source() -> None:
    texts = ["a b", "b c", "c c"]
    expected = fitted(texts, output_mode="tf_idf")
    for source in (Dataset.from_tensor_slices(texts).batch(2), iter([texts[:1], texts[1:]]), np.array(texts)):
        vectorize = fitted(source, output_mode="tf_idf")  # type: ignore[arg-type]
        assert vectorize.arguments() == expected.arguments()
    partial = TextVectorization()
    partial.adapt(iter([texts[:1], texts[1:]]), steps=1)
    assert partial.get_vocabulary() == ["", "[UNK]", "b", "a"]
    partial.adapt(["z"], batch_size=1)  # adapting again starts over
    assert partial.get_vocabulary() == ["", "[UNK]", "z"]


def test_a_given_vocabulary(tmp_path: Path) -> None:
    vectorize = TextVectorization(vocabulary=["earth", "fire"])
    assert vectorize.get_vocabulary() == ["", "[UNK]", "earth", "fire"]
    assert TextVectorization(vocabulary=["", "[UNK]", "earth"])(["earth"]).tolist() == [[2]]
    path = tmp_path / "words.txt"
    path.write_text("earth\nfire\n")
    for given in (str(path), path):
        assert TextVectorization(vocabulary=given).get_config()["vocabulary"] == vectorize.get_vocabulary()
    with pytest.raises(ValueError, match="the vocabulary was given: adapt is for a layer made without"):
        vectorize.adapt(["a"])
    weighted = TextVectorization(output_mode="tf_idf", vocabulary=["a", "b"], idf_weights=[1.0, 3.0])
    np.testing.assert_allclose(weighted(["b b q"]), [[2.0, 0, 6]])  # unknown words get the mean
    led = TextVectorization(output_mode="tf_idf", vocabulary=["[UNK]", "a", "b"], idf_weights=[5.0, 1.0, 3.0])
    np.testing.assert_allclose(led(["b b q"]), [[5.0, 0, 6]])


def test_output_shapes() -> None:
    assert TextVectorization(output_sequence_length=4).compute_output_shape((None, 1)) == (None, 4)
    assert fitted(["a b"], output_mode="count").compute_output_shape((7, 1)) == (7, 3)
    assert fitted(["a b"], output_mode="one_hot").compute_output_shape((7, 1)) == (7, None, 3)
    assert TextVectorization(split=None).compute_output_shape((7, 2)) == (7, 2)


def test_bytes_are_decoded() -> None:
    assert fitted(["é"])(["é".encode()]).tolist() == [[2]]
    assert fitted(["é"], encoding="latin-1")(["é".encode("latin-1")]).tolist() == [[2]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"standardize": "upper"}, "standardize must be one of .* got 'upper'"),
        ({"split": "commas"}, "split must be one of whitespace, character, None or a callable, got 'commas'"),
        ({"output_mode": "float"}, "output_mode must be one of"),
        ({"max_tokens": 1}, "max_tokens must be greater than 1"),
        ({"pad_to_max_tokens": True}, "pad_to_max_tokens=True needs max_tokens"),
        ({"output_sequence_length": 3, "output_mode": "count"}, "output_sequence_length must be None"),
        ({"ngrams": 0}, "ngrams must be None, an integer of at least 1"),
        ({"sparse": True, "output_mode": "count"}, "sparse must be False"),
        ({"ragged": True, "output_mode": "count"}, "ragged=True needs output_mode 'int'"),
        ({"idf_weights": [1.0]}, "idf_weights need output_mode 'tf_idf'"),
        ({"vocabulary": []}, "vocabulary must hold at least one token"),
        ({"vocabulary": ["a", "a"]}, "vocabulary holds 'a' more than once"),
        ({"vocabulary": ["a", ""]}, "vocabulary may hold the empty padding token only as its first"),
        ({"vocabulary": ["a", "b"], "max_tokens": 3}, "vocabulary must have at most max_tokens=3, got 4"),
        ({"vocabulary": ["a"], "output_mode": "tf_idf"}, "idf_weights must be given with output_mode 'tf_idf'"),
        ({"vocabulary": ["a"], "output_mode": "tf_idf", "idf_weights": [1, 2]}, "idf_weights must have shape"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextVectorization(**arguments)


def test_wrong_inputs() -> None:
    with pytest.raises(RuntimeError, match="the vocabulary is not known yet"):
        TextVectorization(output_mode="count")(["a"])
    with pytest.raises(ValueError, match=r"inputs must be one text, \(B,\) or \(B, 1\) texts, got shape \(1, 2\)"):
        fitted(["a"])([["a", "b"]])
    with pytest.raises(TypeError, match="inputs must hold strings, got 3"):
        fitted(["a"])([3])
    with pytest.raises(TypeError, match="data must be texts or an iterable"):
        fitted("abc")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps is for an iterable of batches"):
        TextVectorization().adapt(["a"], steps=1)
