"""Damaged and hostile files: one clear error, no code run, nothing written, no weights touched, never a crash."""

from __future__ import annotations

import io
import json
import os
import random
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers as L
from recurra.models import Model, Sequential
from recurra.saving import FileFormatError, load_model

FLIPS = 80


def small() -> Any:
    model = Sequential([L.Input((5, 4)), L.LSTM(3), L.Dense(2)])
    model.compile("adam", loss="mse")
    return model


def members(model: Any) -> dict[str, bytes]:
    buffer = io.BytesIO()
    from recurra.saving import save_model

    save_model(model, buffer)
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path: Path, content: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def with_config(path: Path, change: Any, model: Any = None) -> Path:
    content = members(model or small())
    config = json.loads(content["config.json"])
    changed = change(config)
    content["config.json"] = json.dumps(config if changed is None else changed).encode()
    return pack(path, content)


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_cut_off_files(tmp_path: Path, name: str) -> None:
    model, path = small(), tmp_path / name
    (model.save_weights if "weights" in name else model.save)(path)
    whole = path.read_bytes()
    before = model.get_weights()
    for length in sorted({0, 1, 3, 8, 100, 512, 2048, *range(0, len(whole), len(whole) // 20)} - {len(whole)}):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError) as caught:
            model.load_weights(path)
        assert name in str(caught.value)
        if "weights" not in name:
            with pytest.raises(FileFormatError):
                load_model(path)
    for expected, found in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_flipped_bytes(tmp_path: Path, name: str) -> None:
    """Whatever byte is wrong, the file is read or refused with one kind of error."""
    model, path = small(), tmp_path / name
    (model.save_weights if "weights" in name else model.save)(path)
    whole, chance = path.read_bytes(), random.Random(5)
    refused = 0
    for _ in range(FLIPS):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 1, 2, 8, 40])):
            place = chance.randrange(len(damaged)) if chance.random() < 0.5 else chance.randrange(4096)
            damaged[place] = chance.choice([0, 255, chance.randrange(256), damaged[place] ^ 1 << chance.randrange(8)])
        path.write_bytes(damaged)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if "weights" in name:
                    model.load_weights(path)
                else:
                    load_model(path)
        except FileFormatError as error:
            refused += 1
            assert name in str(error)
    assert refused > FLIPS // 10


def test_a_flipped_weight_in_an_archive_is_noticed(tmp_path: Path) -> None:
    model, path = small(), tmp_path / "a.keras"
    model.save(path)
    data = bytearray(path.read_bytes())
    place = data.find(model.get_weights()[0].tobytes())
    assert place > 0
    data[place + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="CRC"):
        load_model(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"import os\n", b"\x80\x04." * 50])
def test_files_of_other_kinds(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.keras"):
        load_model(path)
    with pytest.raises(FileFormatError, match=r"a\.keras"):
        small().load_weights(path)


# --- archives ---------------------------------------------------------------------------------------------------------


def test_missing_and_doubled_members(tmp_path: Path) -> None:
    content = members(small())
    for name in content:
        path = pack(tmp_path / "a.keras", {key: data for key, data in content.items() if key != name})
        with pytest.raises(FileFormatError, match=f"must hold {name} once, it holds it 0 times"):
            load_model(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in [*content.items(), ("config.json", b"{}")]:
                archive.writestr(name, data)
    with pytest.raises(FileFormatError, match="2 times"):
        load_model(path)


def test_zip_bombs(tmp_path: Path) -> None:
    content = members(small())
    for name in content:
        bomb = {**content, name: b" " * (1 << 23)}
        path = pack(tmp_path / "a.keras", bomb, zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < 1 << 16
        with pytest.raises(FileFormatError, match=rf"{name} claims 8388608 bytes, stored in \d+: refused"):
            load_model(path)


def test_compressed_archives_are_fine(tmp_path: Path) -> None:
    model = small()
    path = pack(tmp_path / "a.keras", members(model), zipfile.ZIP_DEFLATED)
    for expected, found in zip(model.get_weights(), load_model(path).get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)


def test_paths_in_archives_lead_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    evil = {"../escaped": b"x", "/tmp/recurra_escaped": b"x", "assets/../../escaped": b"x", "a\\..\\..\\escaped": b"x"}
    load_model(pack(folder / "a.keras", {**members(small()), **evil}))
    assert os.listdir(tmp_path) == ["inner"]
    assert os.listdir(folder) == ["a.keras"]


# --- configurations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [[], {}, 3, None, {"class_name": 3, "config": {}}, {"class_name": "Dense", "config": {"units": 2}},
     {"class_name": "Sequential", "config": None}, {"class_name": "Sequential", "config": {"layers": 3}},
     {"class_name": "Functional", "config": {"layers": [], "input_layers": [], "output_layers": []}},
     {"class_name": "Functional", "config": {"layers": [{}], "input_layers": 3, "output_layers": "x"}}],
)  # fmt: skip
def test_configurations_of_nothing(tmp_path: Path, config: Any) -> None:
    content = {**members(small()), "config.json": json.dumps(config).encode()}
    with pytest.raises(FileFormatError, match=r"a\.keras"):
        load_model(pack(tmp_path / "a.keras", content))


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"", b"{" * 5, b"9" * 10_000])
def test_configurations_that_are_no_json(tmp_path: Path, text: bytes) -> None:
    for name in ("config.json", "metadata.json"):
        with pytest.raises(FileFormatError, match=r"a\.keras"):
            load_model(pack(tmp_path / "a.keras", {**members(small()), name: text}))


def test_configurations_that_ask_for_more_than_the_file_holds(tmp_path: Path) -> None:
    def bigger(config: Any) -> None:
        config["config"]["layers"][1]["config"]["units"] = 10**9

    with pytest.raises(FileFormatError, match=r"needs weight 'kernel' of shape \(4, 4000000000\), more numbers than"):
        load_model(with_config(tmp_path / "a.keras", bigger))


def test_configurations_that_ask_for_huge_arrays(tmp_path: Path) -> None:
    x = L.Input((4,))
    model = Model(x, L.Dense(2)(x * 2.0 + 1.0))

    def bigger(config: Any) -> None:
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, 2**31]

    with pytest.raises(FileFormatError, match="no file is trusted that far"):
        load_model(with_config(tmp_path / "a.keras", bigger, model))


def test_constants_in_calls(tmp_path: Path) -> None:
    """An operand may be an array of numbers, and nothing else."""
    x = L.Input((4,))
    model = Model(x, L.Dense(2)(x * 2.0))
    rows = np.ones((2, 4), "float32")
    for operand, said in (
        ({"class_name": "__numpy__", "config": {"value": [1.0, 2.0, 3.0, 4.0], "dtype": "float32"}}, ""),
        ({"class_name": "__tensor__", "config": {"value": [1.0, 2.0, 3.0, 4.0], "dtype": "float32"}}, ""),
        (
            {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "V1000000000"}},
            "must be an array of numbers",
        ),
        ({"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "O"}}, "must be an array of numbers"),
        ({"class_name": "__lambda__", "config": {"value": "4wEA"}}, "never executed"),
        ({"module": "os", "class_name": "function", "config": "system", "registered_name": "x"}, "'system' is unknown"),
        (
            {"module": "keras.models", "class_name": "load_model", "config": {"filepath": "x"}},
            "has no class 'load_model'",
        ),
    ):

        def change(config: Any, operand: Any = operand) -> None:
            config["config"]["layers"][1]["inbound_nodes"][0]["args"][1] = operand

        path = with_config(tmp_path / "a.keras", change, model)
        if said:
            with pytest.raises(FileFormatError, match=said):
                load_model(path)
        else:
            scaled = rows * np.array([1, 2, 3, 4], "float32")
            expected = np.asarray(model(scaled / 2.0))
            np.testing.assert_allclose(np.asarray(load_model(path)(rows)), expected, rtol=1e-6)


def test_weights_of_other_shapes_name_the_layer(tmp_path: Path) -> None:
    def other(config: Any) -> None:
        config["config"]["layers"][2]["config"]["units"] = 3

    with pytest.raises(FileFormatError, match=r"dense\w* \(Dense\): kernel must have shape \(3, 3\), got \(3, 2\)"):
        load_model(with_config(tmp_path / "a.keras", other))


def test_unknown_layers_and_arguments_are_named(tmp_path: Path) -> None:
    def unknown(config: Any) -> None:
        config["config"]["layers"][1]["class_name"] = "RandomBrightness"

    with pytest.raises(FileFormatError, match=r"RandomBrightness 'lstm\w*' is not supported: recurra has no class"):
        load_model(with_config(tmp_path / "a.keras", unknown))

    def quantized(config: Any) -> None:
        config["config"]["layers"][2]["config"]["quantization_config"] = {"bits": 8}

    with pytest.raises(FileFormatError, match=r"Dense 'dense\w*': Dense: quantization_config is not supported"):
        load_model(with_config(tmp_path / "a.keras", quantized))

    def policy(**inner: Any) -> Any:
        def change(config: Any) -> None:
            entry = {"module": "keras.dtype_policies", "class_name": "QuantizedDTypePolicy", "config": inner}
            config["config"]["layers"][2]["config"]["dtype"] = entry

        return change

    for inner, said in (
        ({"mode": "int4", "source_name": "float32"}, "quantization 'int4' is not supported, only 'int8' is"),
        ({"mode": "int8", "source_name": "complex64"}, "dtype 'complex64' is not supported"),
        ({"mode": "int8"}, "dtype None is not supported"),
        ({}, "quantization None is not supported"),
    ):
        with pytest.raises(FileFormatError, match=rf"Dense 'dense\w*'.*{said}"):
            load_model(with_config(tmp_path / "a.keras", policy(**inner)))
    with pytest.raises(FileFormatError, match=r"dense\w* \(Dense\) has 3 weights, the file holds 2 arrays"):
        load_model(with_config(tmp_path / "a.keras", policy(mode="int8", source_name="float32")))

    def weights_only(config: Any) -> None:
        usual = {"weight_quantizer": None, "activation_quantizer": None}
        entry = {"module": "keras.quantizers", "class_name": "Int8QuantizationConfig", "config": usual}
        config["config"]["layers"][2]["config"]["quantization_config"] = entry

    with pytest.raises(FileFormatError, match=r"Dense 'dense\w*'.*no class 'Int8QuantizationConfig'"):
        load_model(with_config(tmp_path / "a.keras", weights_only))

    def half(config: Any) -> None:
        config["config"]["layers"][2]["config"]["dtype"]["config"]["name"] = "int8"

    with pytest.raises(FileFormatError, match=r"Dense 'dense\w*': dtype 'int8' is not supported"):
        load_model(with_config(tmp_path / "a.keras", half))

    def wrong(config: Any) -> None:
        config["config"]["layers"][2]["config"]["units"] = -1

    with pytest.raises(FileFormatError, match=r"Dense 'dense\w*': units must be a positive integer, got -1"):
        load_model(with_config(tmp_path / "a.keras", wrong))


# --- code -------------------------------------------------------------------------------------------------------------

ran: list[str] = []


def harmless(x: Any) -> Any:
    ran.append("harmless")
    return x * 2.0


@pytest.mark.parametrize(
    "function",
    [
        {"class_name": "__lambda__", "config": {"value": {"code": "4wEA", "defaults": None, "closure": None}}},
        ["4wEAAAA=\n", None, None],
        {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"},
        {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "eval"},
        {"module": "numpy", "class_name": "function", "config": "save", "registered_name": "save"},
        "os.system",
        {"class_name": "LSTM", "config": {"units": 3}},
        None,
    ],
)
def test_functions_come_from_the_caller_alone(tmp_path: Path, function: Any) -> None:
    model = Sequential([L.Input((5, 4)), L.Lambda(harmless, name="mine"), L.Dense(2)])

    def change(config: Any) -> None:
        config["config"]["layers"][1]["config"]["function"] = function

    path = with_config(tmp_path / "a.keras", change, model)
    with pytest.raises(FileFormatError, match="Lambda 'mine' holds a function of its author, and no code"):
        load_model(path)
    x = np.ones((1, 5, 4), "float32")
    again = load_model(path, custom_objects={"mine": harmless})
    np.testing.assert_array_equal(again(x), model(x))
    with pytest.raises(ValueError, match="safe_mode must be True"):
        load_model(path, safe_mode=False)


@pytest.mark.parametrize("module", ["os", "subprocess", "recurra.saving", "keras.utils", "builtins", "recurra.cli"])
@pytest.mark.parametrize("name", ["system", "Popen", "get_file", "eval", "load_model", "_Popen", "__import__"])
def test_modules_named_in_files_are_not_imported(tmp_path: Path, module: str, name: str) -> None:
    def change(config: Any) -> None:
        layer = config["config"]["layers"][1]
        layer["module"], layer["class_name"], layer["registered_name"] = module, name, name

    with pytest.raises(FileFormatError, match=f"recurra has no class '{name}'"):
        load_model(with_config(tmp_path / "a.keras", change))


def test_nested_places_for_functions(tmp_path: Path) -> None:
    evil = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    code = {"class_name": "__lambda__", "config": {"value": ["4wEA", None, None]}}
    for function, said in ((evil, "the function 'system' is unknown"), (code, "is never executed")):
        for key in ("activation", "kernel_initializer", "kernel_regularizer", "kernel_constraint"):

            def change(config: Any, key: str = key, function: Any = function) -> None:
                config["config"]["layers"][2]["config"][key] = function

            with pytest.raises(FileFormatError, match=said):
                load_model(with_config(tmp_path / "a.keras", change))

        def compile_change(config: Any, function: Any = function) -> None:
            config["compile_config"]["loss"] = function

        path = with_config(tmp_path / "a.keras", compile_change)
        with pytest.raises(FileFormatError, match=rf"a\.keras: what .*{said}.*compile=False loads the model alone"):
            load_model(path)
        assert not load_model(path, compile=False).compiled
