"""Kill trainings at random moments, start them again, and compare the final weights with those of runs left alone.

    python -m bench.python.kills --kills 40 --seed 1

Each job trains in a child process, which gets SIGKILL at a random moment (within a write of a checkpoint as well: most
jobs write one after every batch or two), and is started again until it ends, killed up to three times on its way. Bits
are compared: weights, optimizer state and history. The exit code is 1 where any differs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from recurra import callbacks as c
from recurra import data, optimizers
from recurra.layers import GRU, LSTM, BatchNormalization, Bidirectional, Dense, Dropout, Embedding, Input
from recurra.models import Sequential
from recurra.tasks import LanguageModel, TrainingCheckpoint
from recurra.utils import set_random_seed

RNG = np.random.default_rng(5)
IDS = RNG.integers(0, 200, (90, 7))
CLASSES = RNG.integers(0, 3, 90)
SERIES, NEXT = RNG.normal(size=(48, 5, 2)).astype("float32"), RNG.normal(size=(48, 1)).astype("float32")
Job = Callable[[Path, int], tuple[Any, Any]]


def classifier(optimizer: Any, layer: Any) -> Any:
    model = Sequential([Embedding(200, 6), layer, BatchNormalization(), Dropout(0.3), Dense(3, activation="softmax")])
    model.build((None, 7))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def words_adam(folder: Path, epochs: int) -> tuple[Any, Any]:
    """Adam with sparse embeddings, dropout of all kinds, and callbacks that count."""
    model = classifier(optimizers.Adam(0.01), LSTM(5, dropout=0.2, recurrent_dropout=0.2))
    calls = [
        c.BackupAndRestore(folder / "backup", save_freq=1),
        c.EarlyStopping("val_loss", patience=epochs, restore_best_weights=True),
        c.ReduceLROnPlateau("loss", patience=1, min_delta=0.05),
        c.ModelCheckpoint(folder / "best.keras", save_best_only=True),
        c.CSVLogger(folder / "log.csv"),
    ]
    given = {"epochs": epochs, "batch_size": 8, "validation_split": 0.2}
    return model, model.fit(IDS, CLASSES, verbose=0, callbacks=calls, **given)


def words_rmsprop(folder: Path, epochs: int) -> tuple[Any, Any]:
    """RMSprop with a step count for each row of the table, from a shuffled Dataset."""
    model = classifier(optimizers.RMSprop(0.01), Bidirectional(GRU(4)))
    batches = data.Dataset.from_tensor_slices((IDS, CLASSES)).shuffle(90, seed=3).batch(9)
    calls = [c.BackupAndRestore(folder / "backup", save_freq=2), c.LearningRateScheduler(lambda e, rate: rate * 0.95)]
    return model, model.fit(batches, epochs=epochs, verbose=0, callbacks=calls)


def stateful_momentum(folder: Path, epochs: int) -> tuple[Any, Any]:
    """States carried from batch to batch, SGD with momentum, checkpoints by the clock."""
    model = Sequential([Input((5, 2), batch_size=6), LSTM(6, stateful=True), Dense(1)])
    model.compile(optimizers.SGD(0.05, momentum=0.9), "mse", metrics=["mae"])
    calls = [c.BackupAndRestore(folder / "backup", save_minutes=1e-4)]
    return model, model.fit(
        SERIES, NEXT, epochs=2 * epochs, batch_size=6, shuffle=False, verbose=0, callbacks=calls
    )  # fmt: skip


class Shuffled:
    """Batches in an order that numpy's global generator draws at the end of each epoch."""

    def __init__(self) -> None:
        self.order = np.arange(len(IDS))
        self.on_epoch_end()

    def __len__(self) -> int:
        return 9

    def __getitem__(self, index: int) -> Any:
        rows = self.order[index * 10 : (index + 1) * 10]
        return IDS[rows], CLASSES[rows]

    def on_epoch_end(self) -> None:
        np.random.shuffle(self.order)


def sequence_average(folder: Path, epochs: int) -> tuple[Any, Any]:
    """A Sequence that shuffles itself, Nadam, a moving average of the weights."""
    model = classifier(optimizers.Nadam(0.01, use_ema=True), GRU(5, dropout=0.1))
    calls = [c.BackupAndRestore(folder / "backup", save_freq=1), c.SwapEMAWeights(swap_on_epoch=True)]
    return model, model.fit(Shuffled(), epochs=epochs, verbose=0, callbacks=calls)


def endless() -> Iterator[Any]:
    rng = np.random.default_rng(8)
    while True:
        rows = rng.integers(0, len(IDS), 8)
        yield IDS[rows], CLASSES[rows]


def generator_accumulation(folder: Path, epochs: int) -> tuple[Any, Any]:
    """A generator without end, gradients summed over three batches."""
    model = classifier(optimizers.Adam(0.01, gradient_accumulation_steps=3), LSTM(5))
    calls = [c.BackupAndRestore(folder / "backup", save_freq=2)]
    return model, model.fit(endless(), steps_per_epoch=10, epochs=epochs, verbose=0, callbacks=calls)


def language_model(folder: Path, epochs: int) -> tuple[Any, Any]:
    """The task behind ``recurra lm train --resume``."""
    text = "".join("abcdefg ,.\n"[i] for i in np.random.default_rng(1).integers(0, 11, 900))
    checkpoint = TrainingCheckpoint(folder / "m.rlm.checkpoint", minutes=1e-4, resume=True)
    task = LanguageModel(units=6, embedding=4, seed=3)
    given = {"epochs": epochs, "batch_size": 3, "window": 9, "patience": epochs}
    history = task.fit(text, verbose=0, checkpoint=checkpoint, **given)
    checkpoint.clear()
    return task.model, history


JOBS: dict[str, Job] = {
    job.__name__: job
    for job in (words_adam, words_rmsprop, stateful_momentum, sequence_average, generator_accumulation, language_model)
}


def digest(model: Any, history: Any) -> str:
    """A checksum of all that must not differ."""
    found = hashlib.sha256()
    optimizer = model.optimizer
    for array in [*model.get_weights(), *([] if optimizer is None else optimizer.get_weights())]:
        found.update(np.ascontiguousarray(array).tobytes())
    found.update(repr(history.history).encode())
    return found.hexdigest()


def start(job: Job, folder: Path, epochs: int) -> int:
    """A child process that runs `job` in `folder` and writes the digest to ``result``; returns its id."""
    child = os.fork()
    if child:
        return child
    try:
        set_random_seed(2)
        text = digest(*job(folder, epochs))
        (folder / "result.tmp").write_text(text)
        os.replace(folder / "result.tmp", folder / "result")
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
    os._exit(1)


def finish(child: int) -> None:
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise RuntimeError(f"a training ended with exit code {status}")


def killed(child: int, seconds: float) -> bool:
    """Whether the child was still there to be killed after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.0005)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=40, help="how many in all")
    parser.add_argument("--epochs", type=int, default=12, help="of each job")
    parser.add_argument("--seed", type=int, default=None, help="of the moments")
    parser.add_argument("--jobs", nargs="*", choices=JOBS, default=list(JOBS))
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)
    expected, seconds = {}, {}
    kills = runs = different = torn = 0
    with tempfile.TemporaryDirectory(prefix="recurra-kills-") as name:
        for job in options.jobs:
            folder = Path(name) / job
            folder.mkdir()
            begun = time.monotonic()
            finish(start(JOBS[job], folder, options.epochs))
            expected[job], seconds[job] = (folder / "result").read_text(), time.monotonic() - begun
        while kills < options.kills:
            job = options.jobs[runs % len(options.jobs)]
            runs += 1
            folder = Path(name) / f"run-{runs}"
            folder.mkdir()
            times = 0
            for _ in range(rng.randint(1, 3)):
                if not killed(start(JOBS[job], folder, options.epochs), rng.uniform(0.02, seconds[job])):
                    break
                times += 1
                torn += bool(list(folder.rglob("*.tmp")))
            if not (folder / "result").exists():
                finish(start(JOBS[job], folder, options.epochs))
            same = (folder / "result").read_text() == expected[job]
            different += not same
            kills += times
            left = sorted(str(path.relative_to(folder)) for path in folder.rglob(".checkpoint-*"))
            print(f"{job}: killed {times} times, {'the same bits' if same else 'DIFFERENT'}{left or ''}", flush=True)
            different += bool(left)
    print(f"{kills} kills, {torn} of them within a write, {runs} runs, {different} that differ")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())
