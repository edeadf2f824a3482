"""What a training step of the Translator costs with and without input feeding: ``python -m bench.tasks.decoder_steps``.

Without input feeding all steps of the decoder run in one call of the kernels; with it they are a loop in Python. How
much of a step that loop costs is bounded from above by the time of the same step at sizes of 1 to 4, where the kernels
have next to nothing to do and all that is left is the way to them. Times are those of the processor, on one thread.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import recurra
from recurra.losses import SparseCategoricalCrossentropy
from recurra.optimizers import Adam
from recurra.tasks.encoder_decoder import EncoderDecoder, Form


def seconds(form: Form, vocabulary: int, rows: int, source: int, target: int, repeats: int) -> float:
    """The median of a step's processor time."""
    rng = np.random.default_rng(1)
    model = EncoderDecoder(vocabulary, vocabulary, form).graph()
    model.compile(Adam(1e-3, global_clipnorm=1.0), SparseCategoricalCrossentropy(from_logits=True))
    inputs = {
        "source": rng.integers(1, vocabulary, (rows, source)).astype(np.int32),
        "target": rng.integers(1, vocabulary, (rows, target)).astype(np.int32),
    }
    wanted = rng.integers(1, vocabulary, (rows, target)).astype(np.int32)
    times = []
    for _ in range(repeats + 2):
        begun = time.process_time()
        model.train_on_batch(inputs, wanted)
        times.append(time.process_time() - begun)
    return float(np.median(times[2:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--vocabulary", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=64, help="pairs in a batch")
    parser.add_argument("--source", type=int, default=8, help="source tokens")
    parser.add_argument("--target", type=int, default=10, help="target tokens")
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    recurra.set_num_threads(1)
    print("attention, input feeding: ms a step, of these Python at most")
    for attention, fed in (
        (None, False), ("dot", False), ("bilinear", False), ("additive", False),
        ("dot", True), ("bilinear", True), ("additive", True),
    ):  # fmt: skip
        form = Form("lstm", given.units, 1, 256, attention, fed, 0.3)
        whole = seconds(form, given.vocabulary, given.rows, given.source, given.target, given.repeats)
        tiny = form._replace(units=4, embedding=1)
        python = seconds(tiny, 4, 1, given.source, given.target, 3 * given.repeats)
        print(f"{attention}, {fed}: {whole * 1e3:.1f} ms, {python * 1e3:.1f} ms = {python / whole:.1%}", flush=True)


if __name__ == "__main__":
    main()
