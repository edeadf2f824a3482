from __future__ import annotations

import base64
import collections
import contextlib
import copyreg
import json
import os
import pickle
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.limits import FileFormatError
from recurra.preprocessing.text import Tokenizer, tokenizer_from_json, tokenizer_from_pickle
from tests.support.keras_text import golden

texts = st.lists(st.text(st.sampled_from("aAbB é日,\n\ud83d")), max_size=5)


@given(first=texts, more=texts, oov=st.sampled_from([None, "<oov>"]), characters=st.booleans())
def test_json_goes_there_and_back_and_on(first: list[str], more: list[str], oov: str | None, characters: bool) -> None:
    tokenizer = Tokenizer(num_words=5, oov_token=oov, char_level=characters)
    tokenizer.fit_on_texts(first)
    again = tokenizer_from_json(tokenizer.to_json())
    assert again.get_config() == tokenizer.get_config()
    for one in (tokenizer, again):
        one.fit_on_texts(more)
    assert again.get_config() == tokenizer.get_config()
    assert again.texts_to_sequences(more) == tokenizer.texts_to_sequences(more)


@pytest.mark.parametrize("case", golden()["tokenizers"], ids=lambda case: str(case["arguments"]))
def test_keras_s_json_can_go_on_fitting(case: dict[str, Any]) -> None:
    tokenizer = tokenizer_from_json(case["json"])
    assert tokenizer.texts_to_sequences(golden()["queries"]) == case["sequences"]
    assert type(tokenizer.word_counts) is collections.OrderedDict
    before = dict(tokenizer.word_counts)
    tokenizer.fit_on_texts([["surely new"]])
    assert tokenizer.word_counts == {**before, "surely new": 1}
    assert tokenizer.word_docs["surely new"] == 1


def test_an_analyzer_is_given_anew() -> None:
    tokenizer = Tokenizer(analyzer=str.split)
    tokenizer.fit_on_texts(["A, b"])
    again = tokenizer_from_json(tokenizer.to_json(), analyzer=str.split)
    assert again.texts_to_sequences(["A, b"]) == [[1, 2]]


def test_json_s_arguments_reach_dumps() -> None:
    assert Tokenizer().to_json(indent=1).startswith('{\n "class_name": "Tokenizer"')


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "Expecting value"),
        ("[1]", "list indices"),
        ("{}", "has no 'config'"),
        ('{"config": {"word_docs": "{}"}}', "has no 'word_counts'"),
        (None, "must be str"),
        ("[" * 100_000, "nested more than 500 levels"),
    ],
)
def test_other_json_is_refused(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"json_string must be what Tokenizer.to_json gives: .*{message}"):
        tokenizer_from_json(value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("word_counts", '{"a": "many"}', "expected a count"),
        ("word_index", "[1]", "not the state of a Tokenizer"),
        ("index_word", '{"x": "a"}', "invalid literal"),
        ("num_words", -4, "num_words must be"),
        ("split", "", "split must be"),
        ("filters", 3, "filters is 3"),
        ("surprise", 1, "a Tokenizer has no surprise"),
    ],
)
def test_json_of_another_shape_is_refused(name: str, value: Any, message: str) -> None:
    content = json.loads(Tokenizer().to_json())
    content["config"][name] = value
    with pytest.raises(ValueError, match=message):
        tokenizer_from_json(json.dumps(content))


@pytest.mark.parametrize("name", golden()["pickles"])
def test_pickles_of_keras_are_read(name: str, tmp_path: Path) -> None:
    data = base64.b64decode(golden()["pickles"][name])
    tokenizer = tokenizer_from_pickle(data)
    expected = Tokenizer(num_words=9, oov_token="<unk>")
    expected.fit_on_texts(golden()["texts"])
    unordered: dict[str, Any] = {"word_docs": 0, "index_docs": 0}  # Keras counts documents in the order of a set
    assert tokenizer.get_config() | unordered == expected.get_config() | unordered
    assert tokenizer.word_docs == expected.word_docs and tokenizer.index_docs == expected.index_docs
    path = tmp_path / "tokenizer.pickle"
    path.write_bytes(data)
    again = tokenizer_from_pickle(path)
    again.fit_on_texts(["one more"])
    assert again.word_counts["more"] == 1 and again.document_count == expected.document_count + 1


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_our_own_are_read(protocol: int) -> None:
    tokenizer = Tokenizer(oov_token="?")
    tokenizer.fit_on_texts(["to be or not to be", "é"])
    again = tokenizer_from_pickle(pickle.dumps(tokenizer, protocol), analyzer=str.split)
    assert again.get_config() == tokenizer.get_config()
    assert again.analyzer is str.split


class Calls:
    """Pickled as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def with_state(**changes: Any) -> bytes:
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["a b a"])
    tokenizer.__dict__.update(changes)
    return pickle.dumps(tokenizer, 2)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Calls(os.mkdir, "made by a pickle")),
        with_state(word_counts=Calls(os.mkdir, "made by a pickle")),
        with_state(analyzer=os.mkdir),
        with_state(analyzer="str.split"),
        with_state(oov_token=Calls(eval, "__import__('os').mkdir('made by a pickle')")),
        with_state(word_index={"a": Calls(getattr, "a", "upper")}),
        with_state(word_index={"a": 1.5}),
        with_state(index_word={"1": ["a"]}),
        with_state(word_counts=[1, 2]),
        with_state(document_count=None),
        with_state(lower="yes"),
        b"cposix\nsystem\n(S'mkdir made'\ntR.",
        b"\x80\x02c__builtin__\neval\n(U\x011tR.",
        b"\x80\x02ccollections\ndefaultdict\nc__builtin__\nint\n\x85R.",  # a container, but no Tokenizer
        b"\x80\x02}q\x00.",
        b"\x80\x02Pid\n.",  # an object from outside
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR.",
        b"ccopy_reg\n_reconstructor\n}(S'x'\nS'y'\nub.",  # tries to change a function
        b"\x80\x02ckeras.preprocessing.text\nTokenizer\n}(U\x01aU\x01bub.",  # tries to change a class
        b"\x80\x02ckeras.preprocessing.text\nTokenizer\nN}(U\x01aU\x01bu\x86b.",
        b"\x80\x02ctensorflow.keras.layers\nLambda\n.",
        b"\x80\x02ckeras.preprocessing.text\nTokenizer\n)\x81.",  # made, but without attributes
        b"",
        b"\x80\x04",
        b"not a pickle",
        b"\x80\x02]q\x00" + b"(" * 50,
    ],
)
def test_hostile_pickles_raise_and_do_nothing(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pickle.UnpicklingError):
        tokenizer_from_pickle(data)
    assert not list(tmp_path.iterdir())


def test_registered_extension_codes_are_refused() -> None:
    copyreg.add_extension("os", "mkdir", 240)
    try:
        with pytest.raises(pickle.UnpicklingError, match="extension codes"):
            tokenizer_from_pickle(b"\x80\x02\x82\xf0U\x01x\x85R.")
    finally:
        copyreg.remove_extension("os", "mkdir", 240)


@given(data=st.binary(max_size=60), at=st.integers(0, 400), value=st.integers(0, 255))
def test_no_bytes_do_anything_but_raise_or_load(data: bytes, at: int, value: int) -> None:
    whole = bytearray(with_state())
    whole[at % len(whole)] = value
    for attempt in (data, bytes(whole), bytes(whole[:at])):
        with contextlib.suppress(pickle.UnpicklingError):
            tokenizer_from_pickle(attempt)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tokenizer_from_pickle(tmp_path / "none.pickle")


def _state(**state: Any) -> bytes:
    """A pickle of a Tokenizer with this state, whatever it is."""
    return b"\x80\x02ckeras.preprocessing.text\nTokenizer\n)\x81" + pickle.dumps(state, 2)[2:-1] + b"b."


_NESTED: Any = ()
for _ in range(60):
    _NESTED = (_NESTED, _NESTED)
_MANY = [(index * ((1 << 61) - 1)) for index in range(50_000)]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80\x02Nr" + struct.pack("<I", 1 << 27) + b".", id="memo index"),
        pytest.param(b"\x80\x02Nq\xff." + b"Nr" + struct.pack("<I", 1 << 31), id="memo index behind the end"),
        pytest.param(pickle.dumps({1: _NESTED}, 2)[:-1] + b"h\x00)\x85u.", id="damaged"),
        pytest.param(b"\x80\x02}" + pickle.dumps(_NESTED, 2)[2:-1] + b"K\x01s.", id="a key whose hash takes for ever"),
        pytest.param(
            b"\x80\x02ccollections\nOrderedDict\n](" + pickle.dumps([_NESTED, 1], 2)[2:-1] + b"e\x85R.", id="pairs"
        ),
        pytest.param(_state(num_words=_NESTED), id="an argument whose text is endless"),
        pytest.param(_state(word_counts=_NESTED), id="a table that is none"),
        pytest.param(_state(word_index={"a": _NESTED}), id="a count whose text is endless"),
        pytest.param(_state(filters=[_NESTED]), id="filters whose text is endless"),
        pytest.param(_state(index_word={number: "w" for number in _MANY[1:100]}), id="numbers that collide"),
        pytest.param(b"\x80\x04\x8f.", id="a set"),
        pytest.param(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"abc.", id="bytes that are not there"),
    ],
)
def test_pickles_that_ask_for_memory_or_time_are_refused(data: bytes) -> None:
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(pickle.UnpicklingError) as caught:
            tokenizer_from_pickle(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
    assert isinstance(caught.value, FileFormatError) and len(str(caught.value)) < 1000
    assert time.perf_counter() - start < 10


def test_json_numbers_that_collide_are_refused() -> None:
    """As keys of a dictionary they would take a time that grows with the square of their count."""
    config = json.loads(Tokenizer().to_json())
    config["config"]["index_word"] = json.dumps({str(number): "w" for number in _MANY})
    with pytest.raises(FileFormatError, match="expected the number of a word, got"):
        tokenizer_from_json(json.dumps(config))


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    with pytest.raises(FileFormatError, match="is a pipe, a socket or a device"):
        tokenizer_from_pickle(tmp_path / "p")
