"""PyTorch's weights, there and back."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers
from recurra.saving import FileFormatError, pytorch
from tests.golden import GOLDEN

NUMBERS = GOLDEN / "pytorch_state_dicts.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    with np.load(NUMBERS) as data:
        return dict(data)


def state_of(golden: dict[str, Any], case: str) -> dict[str, Any]:
    start = f"{case}/state/"
    return {key.removeprefix(start): value for key, value in golden.items() if key.startswith(start)}


def stack(case: str) -> list[Any]:
    def both(layer: Any) -> Any:
        return layers.Bidirectional(layer, merge_mode="concat")

    if case == "LSTM":
        return [layers.LSTM(5, return_sequences=True)]
    if case == "LSTM_deep":
        return [both(layers.LSTM(2, return_sequences=True)) for _ in range(2)]
    if case == "GRU":
        return [layers.GRU(3, return_sequences=True)]
    if case == "GRU_both":
        return [both(layers.GRU(3, use_bias=False, return_sequences=True))]
    if case == "ProjectionLSTM":
        return [layers.ProjectionLSTM(5, projection_units=2, return_sequences=True) for _ in range(2)]
    if case == "ProjectionLSTM_both":
        return [both(layers.ProjectionLSTM(7, projection_units=3, use_bias=False, return_sequences=True))]
    return [layers.SimpleRNN(4, return_sequences=True) for _ in range(2)]


def run(stacked: list[Any], x: Any) -> Any:
    for layer in stacked:
        x = layer(x)
    return np.asarray(x)


CASES = ["LSTM", "LSTM_deep", "GRU", "GRU_both", "SimpleRNN", "ProjectionLSTM", "ProjectionLSTM_both"]


@pytest.mark.parametrize("case", CASES)
def test_layers_compute_what_the_modules_did(golden: dict[str, Any], case: str) -> None:
    stacked, x, state = stack(case), golden[f"{case}/x"], state_of(golden, case)
    run(stacked, x)
    pytorch.from_state_dict(stacked, {f"rnn.{key}": value for key, value in state.items()}, prefix="rnn.")
    np.testing.assert_allclose(run(stacked, x), golden[f"{case}/y"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_back_again(golden: dict[str, Any], case: str) -> None:
    stacked, x, state = stack(case), golden[f"{case}/x"], state_of(golden, case)
    run(stacked, x)
    pytorch.from_state_dict(stacked, state)
    back = pytorch.to_state_dict(stacked)
    assert sorted(back) == sorted(state)
    for name, value in state.items():
        if not name.startswith("bias") or case.startswith("GRU"):
            np.testing.assert_array_equal(back[name], value)
        elif name.startswith("bias_ih"):
            total = value + state[name.replace("_ih", "_hh")]
            np.testing.assert_array_equal(back[name], total)
        else:
            assert not back[name].any()


def test_cells_without_layer_numbers(rng: np.random.Generator) -> None:
    state = {"weight_ih": rng.normal(size=(6, 4)), "weight_hh": rng.normal(size=(6, 2))}
    ((weights,),) = pytorch.read_state_dict(state, "GRU")
    assert [array.shape for array in weights] == [(4, 6), (2, 6)]
    np.testing.assert_array_equal(weights[0][:, :2], state["weight_ih"][2:4].T)  # z is PyTorch's second gate
    np.testing.assert_array_equal(weights[1][:, 2:4], state["weight_hh"][:2].T)  # r its first
    np.testing.assert_array_equal(weights[1][:, 4:], state["weight_hh"][4:].T)


def test_plain_layers(rng: np.random.Generator) -> None:
    dense = layers.Dense(3)
    dense(np.zeros((1, 2), "float32"))
    state = {"fc.weight": rng.normal(size=(3, 2)).astype("f4"), "fc.bias": rng.normal(size=3).astype("f4")}
    pytorch.from_state_dict(dense, state, "fc.")
    np.testing.assert_array_equal(dense.get_weights()[0], state["fc.weight"].T)
    back = pytorch.to_state_dict(dense, "fc.")
    assert list(back) == list(state)
    for name, value in state.items():
        np.testing.assert_array_equal(back[name], value)
    with pytest.raises(ValueError, match=r"must hold out\.weight for dense"):
        pytorch.from_state_dict(dense, state, "out.")
    table = layers.Embedding(5, 2)
    table(np.zeros((1, 2), "int32"))
    pytorch.from_state_dict(table, {"weight": np.arange(10.0).reshape(5, 2)})
    np.testing.assert_array_equal(pytorch.to_state_dict(table)["weight"], np.arange(10.0).reshape(5, 2))


def test_plain_layers_take_all_or_nothing() -> None:
    state = {"weight": np.ones((3, 2), "f4"), "bias": np.ones(3, "f4")}
    for layer in (layers.Dense(3), layers.Embedding(5, 2), layers.LayerNormalization()):
        for run in (pytorch.to_state_dict, lambda one: pytorch.from_state_dict(one, state)):
            with pytest.raises(ValueError, match=f"{layer.name} has no weights yet"):
                run(layer)
    dense, norm = layers.Dense(3, use_bias=False), layers.LayerNormalization(center=False)
    dense.build((None, 2)), norm.build((None, 3))
    for layer, given in ((dense, state), (norm, {"weight": np.ones(3, "f4"), "bias": np.ones(3, "f4")})):
        before = layer.get_weights()
        with pytest.raises(ValueError, match=f"state_dict holds bias, and {layer.name} has no weight for it"):
            pytorch.from_state_dict(layer, given)
        np.testing.assert_array_equal(layer.get_weights()[0], before[0])


def test_tensors_as_modules_hold_them() -> None:
    torch = pytest.importorskip("torch")
    module, linear = torch.nn.LSTM(3, 4, bidirectional=True), torch.nn.Linear(3, 2)
    layer, dense = layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.Dense(2)
    layer.build((None, None, 3)), dense.build((None, 3))
    x = torch.randn(2, 6, 3)
    for dtype, atol in ((torch.float32, 1e-6), (torch.bfloat16, 1e-6), (torch.float16, 1e-6)):
        module, linear = module.to(dtype), linear.to(dtype)
        pytorch.from_state_dict(layer, dict(module.named_parameters()))
        pytorch.from_state_dict(dense, dict(linear.named_parameters()))
        with torch.no_grad():
            y, _ = module.float()(x.transpose(0, 1))
            np.testing.assert_allclose(layer(x.numpy()), y.transpose(0, 1).numpy(), atol=atol)
            np.testing.assert_allclose(dense(x.numpy()), linear.float()(x).numpy(), atol=atol)
    for one, run in ((module, layer), (linear, dense)):
        with pytest.raises(TypeError, match=r"must be a mapping from names to arrays, got .*: give its state_dict\(\)"):
            pytorch.from_state_dict(run, one)


def test_errors(golden: dict[str, Any]) -> None:
    state = state_of(golden, "LSTM")
    with pytest.raises(ValueError, match='cell must be "LSTM", "GRU", "SimpleRNN" or "ProjectionLSTM", got \'lstm\''):
        pytorch.read_state_dict(state, "lstm")
    with pytest.raises(ValueError, match=r"weight_hh must have shape \(3\*H, H\), got \(20, 5\)"):
        pytorch.read_state_dict(state, "GRU")
    with pytest.raises(ValueError, match=r"state_dict must hold encoder\.weight_ih_l0"):
        pytorch.read_state_dict(state, "LSTM", "encoder.")
    reparametrized = {key.replace("weight_hh_l0", "weight_hh_l0_orig"): value for key, value in state.items()}
    with pytest.raises(ValueError, match=r"lacks weight_ih or weight_hh of layer 0: pruning, .*prune\.remove"):
        pytorch.read_state_dict(reparametrized, "LSTM")
    with pytest.raises(ValueError, match="proj_size"):
        pytorch.read_state_dict({**state, "weight_hr_l0": np.zeros((2, 5))}, "LSTM")
    with pytest.raises(ValueError, match="'ProjectionLSTM' and with no other, got 'ProjectionLSTM' without it"):
        pytorch.read_state_dict(state, "ProjectionLSTM")
    with pytest.raises(ValueError, match=r"weight_hh must have shape \(4\*H, P\) = \(20, 2\), got \(20, 5\)"):
        pytorch.read_state_dict({**state, "weight_hr_l0": np.zeros((2, 5))}, "ProjectionLSTM")
    with pytest.raises(ValueError, match=r"projection_kernel must have shape \(H, P\) = \(5, 3\), got \(5, 2\)"):
        pytorch.to_pytorch("ProjectionLSTM", np.zeros((2, 20)), np.zeros((3, 20)), None, np.zeros((5, 2)))
    with pytest.raises(ValueError, match="together"):
        pytorch.from_pytorch("LSTM", state["weight_ih_l0"], state["weight_hh_l0"], state["bias_ih_l0"])
    with pytest.raises(ValueError, match="reset_after=True"):
        pytorch.to_pytorch("GRU", np.zeros((2, 9)), np.zeros((3, 9)), np.zeros(9))
    with pytest.raises(ValueError, match=r"kernel must have shape \(I, 4\*H\) = \(2, 12\), got \(2, 8\)"):
        pytorch.to_pytorch("LSTM", np.zeros((2, 8)), np.zeros((3, 12)))
    layer = layers.LSTM(4)
    with pytest.raises(ValueError, match="has no weights yet"):
        pytorch.to_state_dict(layer)
    layer(np.zeros((1, 2, 3), "float32"))
    before = layer.get_weights()
    with pytest.raises(ValueError, match="must have weights of shapes"):
        pytorch.from_state_dict(layer, state)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(ValueError, match="no counterpart"):
        pytorch.to_state_dict([layers.Dropout(0.5)])


def test_pt_files(tmp_path: Path, golden: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    state = state_of(golden, "GRU")
    tensors = {key: torch.from_numpy(value) for key, value in state.items()}
    torch.save({"state_dict": tensors, "epoch": 3}, tmp_path / "a.pt")
    found = pytorch.read_pt(tmp_path / "a.pt")
    assert list(found) == list(state)
    np.testing.assert_array_equal(found["weight_hh_l0"], state["weight_hh_l0"])

    class Evil:
        def __reduce__(self) -> Any:
            return (os_touch, (str(tmp_path / "executed"),))

    torch.save({"state_dict": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(FileFormatError, match=r"evil\.pt is damaged, or holds more than tensors"):
        pytorch.read_pt(tmp_path / "evil.pt")
    assert not (tmp_path / "executed").exists()
    torch.save({"net": tensors, "epoch": 3}, tmp_path / "other.pt")
    with pytest.raises(FileFormatError, match=r"other\.pt must hold a state dict, .* got only the keys 'net', 'epoch'"):
        pytorch.read_pt(tmp_path / "other.pt")
    torch.save(torch.nn.Linear(2, 3), tmp_path / "whole.pt")
    with pytest.raises(FileFormatError, match=r"whole\.pt is damaged, or .*save model\.state_dict\(\), not the model"):
        pytorch.read_pt(tmp_path / "whole.pt")


def os_touch(path: str) -> None:
    Path(path).touch()


def test_a_layer_of_ones_own_may_be_called_dense_or_lstm() -> None:
    def call(self: Any, inputs: Any) -> Any:
        return inputs

    for name in ("Dense", "Embedding", "LayerNormalization", "LSTM", "Bidirectional"):
        with pytest.raises(ValueError, match="has no counterpart"):
            pytorch.to_state_dict(type(name, (layers.Layer,), {"call": call})())


def test_a_subclass_is_written_as_its_base() -> None:
    layer = type("Mine", (layers.LSTM,), {})(3)
    layer(np.zeros((1, 2, 4), "float32"))
    assert sorted(pytorch.to_state_dict(layer)) == ["bias_hh_l0", "bias_ih_l0", "weight_hh_l0", "weight_ih_l0"]


def test_a_pt_file_that_stands_for_more_than_it_may(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "large.pt"
    torch.save({"w": torch.zeros(1, dtype=torch.float16).expand(40_000, 40_000)}, path)
    with pytest.raises(FileFormatError, match=r"large.pt: what its tensors stand for claims 6400000000 bytes"):
        pytorch.read_pt(path)
    torch.save({"w": torch.zeros(2, 3).expand(1000, 2, 3)}, path)
    assert pytorch.read_pt(path)["w"].shape == (1000, 2, 3)
    torch.save({"w": torch.zeros(1).expand(5000, 5000)}, path)
    assert pytorch.read_pt(path, max_size=10**8)["w"].shape == (5000, 5000)


def test_a_pt_archive_that_inflates(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/data.pkl", bytes(1 << 28))
    with pytest.raises(FileFormatError, match=r"bomb.pt: m/data.pkl claims 268435456 bytes"):
        pytorch.read_pt(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02}q\x00.", b"\x80\x02K\x05."])
def test_other_files_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("torch")
    (tmp_path / "other.pt").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"other.pt"):
        pytorch.read_pt(tmp_path / "other.pt")


def test_what_is_no_layer_is_refused() -> None:
    layer = layers.LSTM(4)
    layer.build((None, 5, 3))
    found = pytorch.to_state_dict(layer)
    with pytest.raises(TypeError, match="layers must be a layer or a list of layers, got dict"):
        pytorch.from_state_dict(found, layer)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="layers must be a layer or a list of layers, got int"):
        pytorch.to_state_dict([layer, 3])
