"""sb3-contrib's recurrent policies: one call with `resets` in place of a loop over the steps of a batch."""

from __future__ import annotations

import sys
from typing import Any

from torch import Tensor, nn

from recurra.torch import modules

States = tuple[Tensor, Tensor]


def _policy_class() -> Any:
    """sb3-contrib's base of recurrent policies, or None where nobody has imported it."""
    return getattr(sys.modules.get("sb3_contrib.common.recurrent.policies"), "RecurrentActorCriticPolicy", None)


def _in_one_call(features: Tensor, lstm_states: States, episode_starts: Tensor, lstm: Any) -> tuple[Tensor, States]:
    """What the policy's own method gives.

    features : (B * T, I), all steps of a sequence together
    lstm_states : h and c, (L, B, H)
    episode_starts : (B * T,), not 0 where the states become zeros before the step
    returns : the outputs (B * T, H), and the final states
    """
    rows = lstm_states[0].shape[1]
    x = features.reshape((rows, -1, lstm.input_size)).transpose(0, 1)
    resets = episode_starts.reshape((rows, -1)).transpose(0, 1) != 0
    y, states = lstm(x, lstm_states, resets=resets) if resets.any() else lstm(x, lstm_states)
    return y.transpose(0, 1).flatten(0, 1), states


def replace_loop(module: nn.Module) -> bool:
    """Give a policy of that class the call; returns whether it is one, with its own loop and LSTMs on the kernels."""
    base = _policy_class()
    if base is None or not isinstance(module, base) or "_process_sequence" in vars(module):
        return False
    lstms: Any = [getattr(module, name, None) for name in ("lstm_actor", "lstm_critic")]
    ours = all(lstm is None or (isinstance(lstm, modules.LSTM) and not lstm.batch_first) for lstm in lstms)
    if not ours or type(module)._process_sequence is not base._process_sequence:
        return False
    module._process_sequence = _in_one_call
    return True


def restore_loop(module: nn.Module) -> bool:
    """Undo :func:`replace_loop`; returns whether there was something to undo."""
    if vars(module).get("_process_sequence") is not _in_one_call:
        return False
    del module._process_sequence
    return True
