"""A recurrent policy of reinforcement learning before and after `accelerate`: ``python -m bench.python.recurrent_ppo``.

Needs ``pip install sb3-contrib``. Trains sb3-contrib's RecurrentPPO on CartPole without velocities, its own example's
settings, with PyTorch's modules and with accelerated ones, and prints the steps a second and the mean reward of each.

The policy calls its LSTM one step at a time wherever an episode ends within a batch; accelerated, it makes one call.
"""

from __future__ import annotations

import argparse
import time
from typing import Any


def environment() -> Any:
    import gymnasium
    import numpy as np

    class NoVelocity(gymnasium.ObservationWrapper):  # type: ignore[type-arg,misc]
        def __init__(self, env: Any) -> None:
            super().__init__(env)
            high = env.observation_space.high[[0, 2]]
            self.observation_space = gymnasium.spaces.Box(-high, high, dtype=np.float32)

        def observation(self, observation: Any) -> Any:
            return observation[[0, 2]]

    return NoVelocity(gymnasium.make("CartPole-v1"))


def train(steps: int, accelerated: bool, threads: int) -> tuple[float, float]:
    """Environment steps a second, and the mean reward of the last hundred episodes."""
    import torch
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.env_util import make_vec_env

    import recurra
    from recurra.torch import accelerate

    torch.set_num_threads(threads)
    recurra.set_num_threads(threads)
    model = RecurrentPPO(
        "MlpLstmPolicy", make_vec_env(environment, n_envs=8), n_steps=128, batch_size=256, n_epochs=10, gamma=0.98,
        gae_lambda=0.95, learning_rate=3e-4, seed=0, device="cpu",
        policy_kwargs={"ortho_init": False, "lstm_hidden_size": 64, "enable_critic_lstm": True},
    )  # fmt: skip
    if accelerated:
        accelerate(model.policy, report=False)
    start = time.perf_counter()
    model.learn(total_timesteps=steps)
    seconds = time.perf_counter() - start
    rewards = [episode["r"] for episode in model.ep_info_buffer]
    return steps / seconds, sum(rewards) / max(1, len(rewards))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    base = 0.0
    for label, accelerated in (("torch", False), ("accelerate", True)):
        rate, reward = train(options.steps, accelerated, options.threads)
        base = base or rate
        print(f"{label:12} {rate:8.0f} steps/s  {rate / base:5.2f}x  mean reward {reward:6.1f}", flush=True)


if __name__ == "__main__":
    main()
