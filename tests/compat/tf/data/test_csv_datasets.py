"""Datasets of CSV files; the values are those of TensorFlow 2.21."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.compat import tf

TEXT = """sex,age,fare,big,f64,name,alone,survived
male,22.0,7.25,3000000000,1e300,"Braund, Mr. ""O""\",n,0
female,38,71.5,4,1,x,y,1
female,,7,5,2.5,,n,1
male,35,8.5,6,3,añb,y,0
male,1,1,1,1,e,y,1
"""
make = tf.data.experimental.make_csv_dataset


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "a.csv").write_text(TEXT, "utf-8")
    return str(tmp_path / "a.csv")


def test_types_defaults_and_labels(path: str) -> None:
    batches = list(make(path, batch_size=2, label_name="survived", num_epochs=1, shuffle=False))
    features, label = batches[0]
    assert {name: (one.dtype.name, one.numpy().tolist()) for name, one in features.items()} == {
        "sex": ("object", [b"male", b"female"]),
        "age": ("float32", [22.0, 38.0]),
        "fare": ("float32", [7.25, 71.5]),
        "big": ("int64", [3000000000, 4]),
        "f64": ("float64", [1e300, 1.0]),
        "name": ("object", [b'Braund, Mr. "O"', b"x"]),
        "alone": ("object", [b"n", b"y"]),
    }
    assert (label.dtype.name, label.numpy().tolist()) == ("int32", [0, 1])
    assert batches[1][0]["age"].numpy().tolist() == [0.0, 35.0] and batches[1][0]["name"][0].numpy() == b""
    assert [len(one[1]) for one in batches] == [2, 2, 1]


def test_without_end_in_full_batches(path: str) -> None:
    ages = [one["age"].numpy().tolist() for one in make(path, 3, shuffle=False).take(4)]
    assert ages == [[22, 38, 0], [35, 1, 22], [38, 0, 35], [1, 22, 38]]
    two = list(make(path, 3, num_epochs=2, shuffle=False))
    assert [len(one["age"]) for one in two] == [3, 3, 3, 1]


def test_shuffled(path: str) -> None:
    def ages(seed: int | None) -> list[float]:
        return [age for one in make(path, 2, num_epochs=1, shuffle_seed=seed) for age in one["age"].numpy().tolist()]

    assert sorted(ages(None)) == [0, 1, 22, 35, 38]
    assert ages(3) == ages(3) and len({tuple(ages(seed)) for seed in range(9)}) > 3


def test_columns_chosen_and_named(path: str, tmp_path: Path) -> None:
    features, label = next(
        iter(make([path], 2, select_columns=["age", "survived", 0], label_name="age", shuffle=False))
    )
    assert list(features) == ["sex", "survived"] and label.numpy().tolist() == [22.0, 38.0]
    (tmp_path / "b.csv").write_text("1;?\n2;x\n")
    (tmp_path / "c.csv").write_text("3;y\n")
    found = make(
        str(tmp_path / "[bc].csv"), 9, ["n", "t"], [tf.float64, "none"], field_delim=";", na_value="?", header=False,
        num_epochs=1, shuffle=False,
    )  # fmt: skip
    (batch,) = found
    assert batch["n"].dtype.name == "float64" and batch["n"].numpy().tolist() == [1, 2, 3]
    assert batch["t"].numpy().tolist() == [b"none", b"x", b"y"]


@pytest.mark.parametrize(("kind", "pack"), [("GZIP", gzip.compress), ("ZLIB", zlib.compress)])
def test_compressed(kind: str, pack: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(pack(TEXT.encode()))
    (batch,) = make(str(tmp_path / "a"), 9, num_epochs=1, shuffle=False, compression_type=kind)
    assert batch["big"].numpy().tolist() == [3000000000, 4, 5, 6, 1]


def test_records(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("a,b\n1,x\n2,y\n")
    path = str(tmp_path / "b.csv")
    found = tf.data.experimental.CsvDataset(path, [tf.float32, ""], header=True)
    assert [(a.numpy().item(), b.numpy()) for a, b in found] == [(1.0, b"x"), (2.0, b"y")]
    found = tf.data.experimental.CsvDataset([path, path], [tf.string], header=True, select_cols=[1])
    assert [one[0].numpy() for one in found] == [b"x", b"y"] * 2


def test_a_model_learns_from_batches_of_columns(path: str) -> None:
    inputs = {name: recurra.Input((1,), name=name) for name in ("age", "fare")}
    joined = recurra.layers.concatenate(list(inputs.values()))
    model = recurra.Model(inputs, recurra.layers.Dense(1, activation="sigmoid")(joined))
    model.compile("adam", "binary_crossentropy")
    columns = ["age", "fare", "survived"]
    data = make(path, 2, select_columns=columns, label_name="survived", num_epochs=1)
    assert len(model.fit(data, epochs=2, verbose=0).history["loss"]) == 2


def test_errors(path: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\nx,3\n4\n5,6\n")
    bad = str(tmp_path / "bad.csv")
    with pytest.raises(ValueError, match=r"no file matches '.*none"):
        make(str(tmp_path / "none*"), 2)
    with pytest.raises(ValueError, match="column_names must be given where header=False"):
        make(path, 2, header=False)
    with pytest.raises(ValueError, match=r"label_name must be one of the columns .* got 'nix'"):
        make(path, 2, label_name="nix")
    with pytest.raises(ValueError, match="one for each of 8 columns, got 1"):
        make(path, 2, column_defaults=[0])
    with pytest.raises(ValueError, match=r"names of columns must differ, got \['a', 'a'\]"):
        make(bad, 2, column_names=["a", "a"])
    with pytest.raises(ValueError, match=r"all files must have the columns .*bad.csv has others"):
        make([path, bad], 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must have 2 fields, got 1: \['4'\]"):
        make(bad, 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="field 0 must be a valid int32, got 'x'"):
        make(bad, 2, column_defaults=[0, 0])
    (batch,) = make(bad, 9, column_defaults=[0, 0], ignore_errors=True, num_epochs=1, shuffle=False)
    assert batch["a"].numpy().tolist() == [1, 5]
    with pytest.raises(ValueError, match="exclude_cols must be None"):
        tf.data.experimental.CsvDataset(bad, [0], exclude_cols=[1])
