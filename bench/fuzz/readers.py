"""The readers under test: for each a good file to start from, and what loading gives, to be compared."""

from __future__ import annotations

import importlib.util
import io
import json
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.fuzz import helpers


class Reader(NamedTuple):
    """ending : of the file's name
    good : a file that is read without an error
    load : reads the file at a path, and returns its content as nested lists, arrays and plain values
    checked : whether any change of content is noticed, so that what loads at all must be what was saved
    state : the content of what files are read into, which a file that is refused leaves as it was; None where each
        load makes its object anew
    start : called first in each process that loads files; what it returns tells the CPU seconds of helpers that the
        process does not wait for
    """

    ending: str
    good: bytes
    load: Callable[[str], Any]
    checked: bool
    state: Callable[[], Any] | None = None
    start: Callable[[], Callable[[], float]] | None = None


def _model() -> Any:
    from recurra import layers as L
    from recurra.models import Sequential

    vectorize = L.TextVectorization(vocabulary=["one", "two"], output_sequence_length=4)
    stack: list[Any] = [L.Input((1,), dtype="string"), vectorize, L.Embedding(4, 3, mask_zero=True),
                        L.Bidirectional(L.GRU(2)), L.BatchNormalization(), L.Dropout(0.2),
                        L.Dense(2, kernel_regularizer="l2")]  # fmt: skip
    model = Sequential(stack)
    model.compile("adam", "mse", metrics=["mae", "auc"])
    model.train_on_batch(np.array([["one two"], ["two"]], object), np.eye(2, dtype="float32"))
    return model


def _state(model: Any) -> Any:
    variables = [*model.weights, *(model.optimizer.variables if model.compiled else [])]
    return [model.to_json(), *(np.array(variable.value) for variable in variables)]


def _file(name: str, write: Callable[[str], Any]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(str(path))
        return path.read_bytes()


def _load_model(path: str) -> Any:
    from recurra.saving import load_model

    return _state(load_model(path))


def _tokenizer() -> Any:
    from recurra.preprocessing.text import Tokenizer

    tokenizer = Tokenizer(num_words=9, oov_token="<oov>")
    tokenizer.fit_on_texts(["one fish two fish", "red fish"])
    return tokenizer


def _from_json(path: str) -> Any:
    from recurra.preprocessing.text import tokenizer_from_json
    from recurra.saving.file_errors import reading

    with reading(path, "a tokenizer"):
        return tokenizer_from_json(Path(path).read_text("utf-8")).get_config()


def _from_pickle(path: str) -> Any:
    from recurra.preprocessing.text import tokenizer_from_pickle

    return tokenizer_from_pickle(path).get_config()


def _npz(path: str) -> Any:
    from recurra.datasets.npz import read_npz

    return [[name, array.tolist()] for name, array in sorted(read_npz(path).items())]


def _ragged(path: str) -> None:
    rows = np.empty(3, object)
    rows[:] = [[1, 2], [], [300, 70000]]
    with open(path, "wb") as file:
        np.savez_compressed(file, x=rows, y=np.arange(6.0).reshape(2, 3))


def _language_model() -> Any:
    from recurra.tasks import LanguageModel

    model = LanguageModel(units=3, embedding=2, seed=1)
    model.fit("a small text, " * 9, epochs=1, window=7, batch_size=2, verbose=0)
    return model


def _classifier() -> Any:
    from recurra.tasks import SentimentClassifier

    model = SentimentClassifier(units=3, embedding=2, seed=1)
    model.fit(["good fun", "a bad film"] * 6, ["pos", "neg"] * 6, epochs=1, batch_size=4, validation=0, verbose=0)
    return model


def _load_lm(path: str) -> Any:
    from recurra.tasks import LanguageModel

    model = LanguageModel.load(path)
    return [json.dumps(model.get_config(), sort_keys=True), *model.model.get_weights()]


def _load_sc(path: str) -> Any:
    from recurra.tasks import SentimentClassifier

    model = SentimentClassifier.load(path)
    return [json.dumps([model.get_config(), model.labels], sort_keys=True), *model.model.get_weights()]


def _tagger() -> Any:
    from recurra.tasks import SequenceTagger

    model = SequenceTagger(units=3, embedding=2, seed=1)
    words, labels = [["Ada", "met", "Bob"], ["a", "cat"]] * 3, [["B", "O", "B"], ["O", "O"]] * 3
    model.fit(words, labels, epochs=1, batch_size=4, validation=0, verbose=0)
    return model


def _translator() -> Any:
    from recurra.tasks import Translator

    model = Translator(units=4, embedding=2, dropout=0, seed=1)
    model.fit(["one two", "two one", "one"], ["1 2", "2 1", "1"], validation=0, epochs=1, batch_size=2, verbose=0)
    return model


def _chat_bot() -> Any:
    from recurra.tasks import ChatBot

    model = ChatBot(units=4, embedding=2, seed=1)
    model.fit(["Hello there", "Who are you?"], ["Hi!", "A network."], epochs=1, batch_size=1, verbose=0)
    return model


def _task_content(found: Any, *more: Any) -> Any:
    return [json.dumps([found.get_config(), *more], sort_keys=True), *found.model.get_weights()]


def _load_tagger(path: str) -> Any:
    from recurra.tasks import SequenceTagger

    found = SequenceTagger.load(path)
    found.predict([["Ada", "left"], ["x"]])  # what loads can be used
    return _task_content(found, found.labels)


def _load_translator(path: str) -> Any:
    from recurra.tasks import Translator

    found = Translator.load(path)
    content = _task_content(found, found.vocabulary_json())
    found.trained["longest"] = min(found.trained["longest"], 3)
    found.translate(["two three", "?"])
    return content


def _load_chat_bot(path: str) -> Any:
    from recurra.tasks import ChatBot

    found = ChatBot.load(path)
    content = _task_content(found.translator, found.get_config(), found.translator.vocabulary_json())
    found.translator.trained["longest"] = min(found.trained["longest"], 3)
    found.replies(["hello THERE", "?"])
    return content


def _quantized(path: str) -> None:
    from recurra.layers import GRU, Dense, Embedding
    from recurra.models import Sequential

    model = Sequential([Embedding(5, 4), GRU(3), Dense(2)])
    model.build((None, 6))
    model.quantize("int8")
    model.save(path)


def _load_quantized(path: str) -> Any:
    from recurra.saving import load_model

    model = load_model(path)
    return [model.to_json(), *(np.array(variable.value) for variable in model.weights)]


def _packed(plain: bytes) -> bytes:
    """An HDF5 file with the same arrays compressed, which the helper process reads."""
    import h5py

    result = io.BytesIO()
    with h5py.File(io.BytesIO(plain)) as old, h5py.File(result, "w") as new:

        def copy(name: str, item: Any) -> None:
            if isinstance(item, h5py.Group):
                new.require_group(name).attrs.update(item.attrs)
            else:
                whole = item[()]
                options = {"compression": "gzip", "chunks": True} if whole.size > 1 else {}
                new.create_dataset(name, data=whole, **options).attrs.update(item.attrs)

        new.attrs.update(old.attrs)  # the checksum of all names
        old.visititems(copy)
    return result.getvalue()


def _write_pt(path: str, archive: bool) -> None:
    import torch

    torch.manual_seed(1)
    module = torch.nn.GRU(3, 2, bidirectional=True)
    state = {**module.state_dict(), "half": torch.ones(2, 3, dtype=torch.float16), "tied": module.weight_hh_l0}
    torch.save({"state_dict": state, "epoch": 3}, path, _use_new_zipfile_serialization=archive)


def _pt(path: str) -> Any:
    from recurra.saving.pytorch import read_pt

    return [[name, array] for name, array in sorted(read_pt(path).items())]


def _keras() -> Reader:
    return Reader(".keras", _file("m.keras", _model().save), _load_model, True)


def _h5() -> Reader:
    return Reader(".h5", _file("m.h5", _model().save), _load_model, True)


def _small_model() -> Any:
    """One of few weights: the process that reads packed files takes its time for each."""
    from recurra import layers as L
    from recurra.models import Sequential

    model = Sequential([L.Input((4,)), L.Embedding(5, 3), L.GRU(2), L.Dense(2)])
    model.compile("adam", "mse")
    model.train_on_batch(np.array([[1, 2, 3, 4], [4, 3, 0, 0]]), np.eye(2, dtype="float32"))
    return model


def _weights(packed: bool = False) -> Reader:
    model = _small_model() if packed else _model()

    def load_weights(path: str) -> Any:
        model.load_weights(path)
        return _state(model)

    good = _file("m.weights.h5", model.save_weights)
    if not packed:
        return Reader(".weights.h5", good, load_weights, True, lambda: _state(model))
    return Reader(".weights.h5", _packed(good), load_weights, True, lambda: _state(model), helpers.start)


def _rlm() -> Reader:
    return Reader(".rlm", _file("m.rlm", _language_model().save), _load_lm, True)


def _rsc() -> Reader:
    return Reader(".rsc", _file("m.rsc", _classifier().save), _load_sc, True)


def _json() -> Reader:
    def write(path: str) -> None:
        Path(path).write_text(_tokenizer().to_json(), "utf-8")

    return Reader(".json", _file("m.json", write), _from_json, False)


_MAKERS: dict[str, Callable[[], Reader]] = {
    "keras": _keras,
    "h5": _h5,
    "weights": _weights,
    "packed": lambda: _weights(packed=True),
    "rlm": _rlm,
    "rsc": _rsc,
    "rst": lambda: Reader(".rst", _file("m.rst", _tagger().save), _load_tagger, True),
    "rtr": lambda: Reader(".rtr", _file("m.rtr", _translator().save), _load_translator, True),
    "rct": lambda: Reader(".rct", _file("m.rct", _chat_bot().save), _load_chat_bot, True),
    "int8": lambda: Reader(".keras", _file("m.keras", _quantized), _load_quantized, True),
    "npz": lambda: Reader(".npz", _file("m.npz", _ragged), _npz, True),
    # Keras's formats of tokenizers hold no checksum: another word is not noticed
    "json": _json,
    "pickle": lambda: Reader(".pickle", pickle.dumps(_tokenizer(), 2), _from_pickle, False),
}
if importlib.util.find_spec("torch") is not None:
    _MAKERS |= {
        "pt": lambda: Reader(".pt", _file("m.pt", lambda path: _write_pt(path, True)), _pt, False),
        "old_pt": lambda: Reader(".pt", _file("m.pt", lambda path: _write_pt(path, False)), _pt, False),
    }
#: all readers; those of PyTorch's files where PyTorch is installed
NAMES = tuple(_MAKERS)


def reader(name: str) -> Reader:
    """The reader of that name."""
    if name not in _MAKERS:
        raise ValueError(f"there is no reader {name!r}: expected one of {', '.join(NAMES)}")
    return _MAKERS[name]()


def readers(names: Iterable[str] | None = None) -> Iterator[tuple[str, Reader]]:
    """Readers by name, all by default, each made when its turn comes."""
    for name in names or NAMES:
        yield name, reader(name)
