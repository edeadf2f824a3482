"""Makes keras_text.json: what Keras's text utilities give on small inputs.

    pip install keras tensorflow-cpu keras-preprocessing
    KERAS_BACKEND=tensorflow python -m tests.golden.make_keras_text

The Tokenizer, skip-grams and time series come from Keras 3's legacy modules, TextVectorization from keras.layers (which
needs TensorFlow), the old pickles from keras-preprocessing, whose classes Keras 2 used.
"""

from __future__ import annotations

import base64
import json
import pickle
import random
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras.src.datasets import imdb
from keras.src.legacy.preprocessing import sequence, text
from keras_preprocessing.text import Tokenizer as OldTokenizer

TEXTS = [
    "The cat sat on the mat; the cat's whiskers twitched!",
    "Dogs, cats & birds:\tall (mostly) friends.\nNo?",
    "",
    "É um café\u00a0bom - naïve <unk> résumé\r\nthe END",
    "the the dog a_b c--d [x] 日本 ß İ",
]
TOKENS = ["The", "new york", "Cat!", ""]
QUERIES = ["The unseen cat sat", ["The", "NEW YORK", "zebra"], "", "dogs & <unk> the end"]
SEQUENCES = [[1, 2, 2, 5], [], [0, 3, 99], [4]]
TOKENIZERS = [
    {},
    {"num_words": 4},
    {"num_words": 4, "oov_token": "<unk>"},
    {"oov_token": "the"},
    {"lower": False, "filters": ",;"},
    {"char_level": True, "num_words": 9, "oov_token": "#"},
    {"split": "--", "filters": "!?"},
    {"filters": "", "split": "a"},
]
VECTORIZATIONS = [
    {},
    {"max_tokens": 8, "output_sequence_length": 5},
    {"standardize": None, "split": "character"},
    {"standardize": "lower", "ngrams": 2},
    {"standardize": "strip_punctuation", "ngrams": [1, 3], "output_mode": "count"},
    {"output_mode": "multi_hot", "max_tokens": 30, "pad_to_max_tokens": True},
    {"output_mode": "tf_idf"},
]


def tokenizer_case(arguments: dict) -> dict:
    tokenizer = text.Tokenizer(**arguments)
    tokenizer.fit_on_texts([*TEXTS, TOKENS])
    tokenizer.fit_on_texts(TEXTS[:1])
    case = {
        "arguments": arguments,
        "word_counts": list(tokenizer.word_counts.items()),
        "word_docs": sorted(tokenizer.word_docs.items()),
        "word_index": list(tokenizer.word_index.items()),
        "index_docs": sorted(tokenizer.index_docs.items()),
        "document_count": tokenizer.document_count,
        "sequences": tokenizer.texts_to_sequences(QUERIES),
        "texts": tokenizer.sequences_to_texts(SEQUENCES),
        "json": tokenizer.to_json(),
    }
    for mode in ("binary", "count", "freq", "tfidf"):
        case[mode] = tokenizer.sequences_to_matrix(SEQUENCES, mode).tolist()
    return case


def pickles() -> dict:
    result = {}
    for name, kind in (("keras 3", text.Tokenizer), ("keras_preprocessing", OldTokenizer)):
        tokenizer = kind(num_words=9, oov_token="<unk>")
        tokenizer.fit_on_texts(TEXTS)
        for protocol in (0, 2, 4):
            result[f"{name}, protocol {protocol}"] = base64.b64encode(pickle.dumps(tokenizer, protocol)).decode()
    return result


def padding_cases() -> list:
    ragged, nested = [[1, 2, 3], [], [4.9], [5, 6, 7, 8]], [[[1, 2]], [[3, 4], [5, 6], [7, 8]]]
    cases = []
    for values in (ragged, nested):
        for arguments in (
            {},
            {"maxlen": 2},
            {"maxlen": 6, "padding": "post", "value": -1},
            {"maxlen": 2, "truncating": "post", "dtype": "float64", "value": 0.5},
        ):
            cases.append([values, arguments, keras.utils.pad_sequences(values, **arguments).tolist()])
    return cases


def skipgram_cases() -> list:
    ids = [3, 0, 1, 7, 2, 2, 8, 5]
    cases = []
    for arguments in (
        {"seed": 11},
        {"window_size": 2, "negative_samples": 0.0, "shuffle": False},
        {"window_size": 1, "negative_samples": 2.5, "categorical": True, "seed": 3},
        {"negative_samples": 0.5, "sampling_table": sequence.make_sampling_table(10, 1e-2).tolist()},
    ):
        random.seed(5)
        cases.append([ids, 10, arguments, sequence.skipgrams(ids, 10, **arguments)])
    return cases


def timeseries_cases() -> list:
    series = np.arange(34).reshape(17, 2)
    cases = []
    for arguments in (
        {"length": 4},
        {"length": 5, "sampling_rate": 2, "stride": 3, "batch_size": 2, "reverse": True},
        {"length": 3, "start_index": 2, "end_index": 12, "batch_size": 4, "shuffle": True},
    ):
        np.random.seed(4)
        batches = sequence.TimeseriesGenerator(series, series[:, 0], **arguments)
        cases.append([arguments, [[x.tolist(), y.tolist()] for x, y in (batches[i] for i in range(len(batches)))]])
    return cases


def vectorization_cases() -> list:
    cases = []
    for arguments in VECTORIZATIONS:
        given = dict(arguments)
        if isinstance(given.get("ngrams"), list):
            given["ngrams"] = tuple(given["ngrams"])
        layer = keras.layers.TextVectorization(**given)
        layer.adapt(TEXTS)
        queries = [query for query in QUERIES if isinstance(query, str)]
        cases.append([arguments, layer.get_vocabulary(), np.asarray(layer(queries)).tolist()])
    return cases


def imdb_cases() -> dict:
    draw = random.Random(6)
    lists = {}
    for part, size in (("train", 7), ("test", 5)):
        lists[f"x_{part}"] = [[draw.randint(1, 40) for _ in range(draw.randint(1, 9))] for _ in range(size)]
        lists[f"y_{part}"] = [draw.randint(0, 1) for _ in range(size)]
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "imdb.npz")
        arrays = {}
        for name, values in lists.items():
            arrays[name] = np.array(values) if name[0] == "y" else np.empty(len(values), object)
            if name[0] == "x":
                arrays[name][:] = values
        np.savez(path, **arrays)
        imdb.get_file = lambda **_: str(path)
        for arguments in (
            {},
            {"num_words": 20, "skip_top": 5},
            {"num_words": 20, "oov_char": None, "seed": 1},
            {"maxlen": 6, "start_char": None},
            {"start_char": None, "index_from": 0, "num_words": 30},
        ):
            parts = imdb.load_data(**arguments)
            cases.append([arguments, [[[list(row) for row in x], list(map(int, y))] for x, y in parts]])
    return {"lists": lists, "cases": cases}


def main() -> None:
    golden = {
        "texts": TEXTS,
        "tokens": TOKENS,
        "queries": QUERIES,
        "sequences": SEQUENCES,
        "tokenizers": [tokenizer_case(arguments) for arguments in TOKENIZERS],
        "pickles": pickles(),
        "words": [text.text_to_word_sequence(value) for value in TEXTS],
        "hashes": [text.hashing_trick(value, 50, "md5") for value in TEXTS],
        "padding": padding_cases(),
        "sampling_table": sequence.make_sampling_table(12, 1e-4).tolist(),
        "skipgrams": skipgram_cases(),
        "timeseries": timeseries_cases(),
        "vectorizations": vectorization_cases(),
        "imdb": imdb_cases(),
    }
    path = Path(__file__).with_name("keras_text.json")
    path.write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="ascii")
    print(f"{path.name}: {path.stat().st_size} bytes, keras {keras.__version__}")


if __name__ == "__main__":
    main()
