"""PyTorch's files of state dicts, read by PyTorch's restricted unpickler and within limits."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from typing import Any

from recurra.autograd import Array
from recurra.limits import FileFormatError, allowing, check_regular, check_unpacked


def read_pt(path: str | os.PathLike[str], *, max_size: int | None = None) -> dict[str, Array]:
    """The arrays of a ``.pt`` or ``.pth`` file that holds a state dict, by name.

    Needs PyTorch, whose restricted unpickler is used: nothing in the file is executed. A checkpoint with the state
    dict under the key "state_dict" or "model" is understood.

    max_size : the most bytes that the file may unpack to; None for 64 MiB, or 20 times its size where that is more
    raises : ImportError without PyTorch; FileFormatError where the file holds something else
    """
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise ImportError("reading .pt files needs PyTorch: pip install 'recurra[torch]'") from None
    if not os.path.isfile(path):
        check_regular(path)
        raise FileNotFoundError(f"{path}: there is no such file")
    check_regular(path)
    with allowing(max_size):
        try:
            _check_archive(path)
            return _arrays(torch, torch.load(path, map_location="cpu", weights_only=True), path)
        except FileFormatError:
            raise
        except Exception as error:  # torch raises whatever its unpickler and zip reader meet
            said = " ".join(str(error).split())[:200]
            what = f"{type(error).__name__}: {said}"
            if isinstance(error, pickle.UnpicklingError):  # torch advises to run the code in the file
                what = "save model.state_dict(), not the model itself"
            raise FileFormatError(f"{path} is damaged, or holds more than tensors ({what})") from None


def _check_archive(path: str | os.PathLike[str]) -> None:
    """Refuse an archive whose members say that they unpack to more than they may. Older files are no archives."""
    if not zipfile.is_zipfile(path):
        return
    stored, claimed = os.path.getsize(path), 0
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            claimed += info.file_size
            check_unpacked(info.file_size, min(info.compress_size, stored), f"{path}: {info.filename}")
            check_unpacked(claimed, stored, str(path))


def _arrays(torch: Any, state: Any, path: str | os.PathLike[str]) -> dict[str, Array]:
    """The tensors of a loaded state dict, which may share memory, or repeat it, to a limit."""
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
            break
    if not isinstance(state, Mapping):
        raise FileFormatError(f"{path} must hold a state dict, got a {type(state).__name__}")
    if not any(isinstance(value, torch.Tensor) for value in state.values()):
        keys = ", ".join(map(repr, list(state)[:6]))
        raise FileFormatError(
            f"{path} must hold a state dict, at the top or under 'state_dict', 'model_state_dict' or 'model', got "
            f"{f'only the keys {keys}' if keys else 'an empty one'}: save model.state_dict()"
        )
    result, claimed = {}, 0
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            claimed += value.numel() * max(4, value.element_size())
            check_unpacked(claimed, os.path.getsize(path), f"{path}: what its tensors stand for")
            value = value.detach().cpu()
            result[str(name)] = (value.float() if value.dtype in (torch.float16, torch.bfloat16) else value).numpy()
    return result
