"""Language models: what they learn, that probabilities multiply up, that runs repeat and files keep everything."""

from __future__ import annotations

import json
import signal
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import ops
from recurra.callbacks import LambdaCallback
from recurra.generation import Sampler, Stepper
from recurra.generation import generate as token_generate
from recurra.generation.compiled import compile_model
from recurra.layers import LAYER_OF_CELL
from recurra.tasks import LanguageModel
from recurra.tasks.vocabulary import START, UNKNOWN

VERSE = "Ring a ring of roses,\na pocket full of posies,\nashes, ashes,\nwe all fall down.\n\n"


@pytest.fixture(scope="module")
def verse() -> LanguageModel:
    """A small model that has learned a verse by heart."""
    model = LanguageModel(units=48, embedding=12, dropout=0.0, seed=3)
    model.fit(VERSE * 30, epochs=14, window=40, batch_size=6, learning_rate=0.02, patience=14, verbose=0)
    return model


@pytest.fixture(scope="module")
def words() -> LanguageModel:
    model = LanguageModel("word", cell="gru", units=17, layers=2, embedding=9, vocabulary_size=15, seed=4)
    model.fit(VERSE * 6, epochs=2, window=13, batch_size=3, verbose=0)
    return model


def small(**options: Any) -> LanguageModel:
    return LanguageModel(**{"units": 11, "embedding": 5, "seed": 7, **options})


def fit(model: LanguageModel, **options: Any) -> Any:
    return model.fit(VERSE * 8, **{"epochs": 2, "window": 16, "batch_size": 4, "verbose": 0, **options})


def test_it_learns_a_verse_by_heart(verse: LanguageModel) -> None:
    assert verse.generate("Ring a ring", length=60, temperature=0) == (VERSE * 2)[11:71]
    assert verse.perplexity(VERSE).perplexity < 1.3
    assert verse.trained["val_loss"] < 0.2 and not verse.trained["interrupted"]


def test_chain_rule(words: LanguageModel, verse: LanguageModel) -> None:
    """Each log probability is that of the token after stepping through all tokens before it."""
    for model, text in ((words, VERSE + " strange"), (verse, "ashes of posies,\nfall" * 3)):
        ids = model.vocabulary.encode(text)  # type: ignore[union-attr]
        stepper = Stepper(model.model)
        state, last, expected = stepper.initial_state(1), START, []
        for token in ids:
            scores, state = stepper.step(np.array([last], np.int32), state)
            expected.append(float(np.asarray(ops.log_softmax(scores))[0, token]))
            last = token
        found = model.log_probabilities(text)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4)
        report = model.perplexity(text)
        assert report.loss == pytest.approx(-np.mean(expected), rel=1e-4)
        assert report.perplexity == pytest.approx(np.exp(report.loss))
        assert report.bits_per_character == pytest.approx(-np.sum(expected) / np.log(2) / len(text), rel=1e-4)
        assert (report.tokens, report.characters) == (len(ids), len(text))
        assert report.unknown == np.count_nonzero(ids == UNKNOWN)


def test_a_distribution_over_next_tokens_sums_to_one(verse: LanguageModel) -> None:
    """exp(log p) over all one-token continuations: start and unknown hold what is missing."""
    tokens = [chr(c) for c in sorted({ord(c) for c in VERSE})]
    total = sum(np.exp(verse.log_probabilities("ashe" + token)[-1]) for token in tokens)
    assert 0.98 < total <= 1.0 + 1e-5


def test_long_texts_go_window_by_window_with_the_state_carried(verse: LanguageModel) -> None:
    text = VERSE * 14  # two windows and a bit
    found = verse.log_probabilities(text)
    assert len(found) == len(text) > 2 * 512
    np.testing.assert_allclose(found[:100], verse.log_probabilities(text[:100]), rtol=1e-5, atol=1e-5)
    seen: list[int] = []
    verse.log_probabilities(text, progress=seen.append)
    assert sum(seen) == len(text)


def test_streams_are_texts_of_their_own(verse: LanguageModel) -> None:
    text = VERSE[:47]
    expected = np.concatenate([verse.log_probabilities(part) for part in (text[:16], text[16:32], text[32:])])
    np.testing.assert_allclose(verse.log_probabilities(text, streams=3), expected, rtol=1e-5, atol=1e-5)
    assert len(verse.log_probabilities("ash", streams=10)) == 3


def test_same_seed_same_training_and_text() -> None:
    first, again, other = small(), small(), small(seed=8)
    runs = [fit(model).history for model in (first, again, other)]
    assert runs[0] == runs[1] != runs[2]
    assert first.generate("Ring", length=50, seed=1) == again.generate("Ring", length=50, seed=1)
    assert first.generate("Ring", length=50, seed=1) != first.generate("Ring", length=50, seed=2)


@pytest.mark.parametrize(("cell", "layers"), [(cell, 2 if cell == "lstm" else 1) for cell in LAYER_OF_CELL])
def test_cells_and_layers(cell: str, layers: int) -> None:
    model = small(cell=cell, layers=layers)
    history = fit(model, epochs=3, learning_rate=0.01).history
    assert history["loss"][-1] < history["loss"][0]
    names = [type(layer).__name__ for layer in model.model.layers]
    assert names.count(LAYER_OF_CELL[cell]) == layers
    assert Stepper(model.model).compiled() is not None
    by_steps = Sampler(0.8, seed=3, banned=(START, UNKNOWN))
    prompt = np.concatenate([[START], model.vocabulary.encode("Ring")])  # type: ignore[union-attr]
    expected = token_generate(Stepper(model.model, compiled=False), prompt, length=40, sampler=by_steps)
    assert model.generate("Ring", length=40, seed=3) == model.vocabulary.decode(expected)  # type: ignore[union-attr]
    assert "".join(model.stream("Ring", length=40, seed=3)) == model.generate("Ring", length=40, seed=3)
    model.quantize("int8")
    assert Stepper(model.model).compiled() is not None
    assert len(model.generate("Ring", length=20)) == 20


def test_streaming_prompts_and_beam(verse: LanguageModel) -> None:
    pieces = verse.stream("ashes, ashes,\nwe all", temperature=0)
    assert "".join(next(pieces) for _ in range(11)) == " fall down."
    best = verse.beam("ashes, ashes,\nwe all", length=11, width=3)
    assert best[0] == " fall down." and len(best) == 3
    assert len(verse.generate(length=0)) == 0


def test_words_keep_the_form_of_the_text(words: LanguageModel) -> None:
    known = set(words.vocabulary._ids)  # type: ignore[union-attr]
    assert len(words.vocabulary) == 15 and {",", "\n"} <= known  # type: ignore[arg-type]
    pieces = list(words.stream("Ring a completely new", length=30, seed=5))
    assert len(pieces) == 30 and set(pieces) <= known


def test_going_on_from_what_was_learned() -> None:
    model = small()
    first = fit(model).history["loss"]
    vocabulary = model.vocabulary
    second = fit(model).history["loss"]
    assert second[0] < first[0] and model.vocabulary is vocabulary


def test_on_epoch_may_generate_with_the_weights_so_far() -> None:
    seen: list[tuple[int, str, float]] = []
    model = small()
    fit(model, on_epoch=lambda live, epoch, logs: seen.append((epoch, live.generate(length=7), logs["val_loss"])))
    assert [epoch for epoch, _, _ in seen] == [1, 2] and all(len(text) == 7 for _, text, _ in seen)
    with pytest.raises(ValueError, match="must be trained first"):
        fit(small(), on_epoch=lambda live, epoch, logs: small().generate())


def test_without_validation() -> None:
    model = small()
    history = fit(model, validation=0.0).history
    assert "val_loss" not in history and "val_loss" not in model.trained and model.trained["best_epoch"] == 2


def test_ctrl_c_keeps_the_weights_after_the_batch(capfd: pytest.CaptureFixture[str]) -> None:
    model, batches = small(), []

    def interrupt(batch: int, logs: Any) -> None:
        batches.append(batch)
        if len(batches) == 3:
            signal.raise_signal(signal.SIGINT)

    history = fit(model, epochs=5, callbacks=[LambdaCallback(on_train_batch_end=interrupt)])
    assert len(batches) == 3 and history.interrupted == (0, 3)
    assert model.trained["interrupted"] and model.trained["epochs"] == 0
    assert "interrupted" in capfd.readouterr().err
    untrained = small()
    fit(untrained, epochs=1, learning_rate=1e-9)
    assert model.perplexity(VERSE).loss < untrained.perplexity(VERSE).loss


def test_a_failing_training_leaves_the_model_as_it_was() -> None:
    model = small()
    fit(model)
    text = model.generate(length=30, seed=1)

    def fail(batch: int, logs: Any) -> None:
        raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        fit(model, callbacks=[LambdaCallback(on_train_batch_end=fail)])
    assert model.generate(length=30, seed=1) == text


def test_files_keep_everything(words: LanguageModel, tmp_path: Path) -> None:
    path = tmp_path / "words.rlm"
    words.save(path)
    again = LanguageModel.load(path)
    assert again.get_config() == words.get_config() and again.trained == words.trained
    assert again.generate("Ring a", length=40, seed=9) == words.generate("Ring a", length=40, seed=9)
    assert again.perplexity(VERSE) == words.perplexity(VERSE)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["words.rlm"]
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["model.keras", "recurra.json", "vocabulary.json"]
        assert json.loads(archive.read("recurra.json"))["task"] == "language_model"
    fit(again)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "syllable"}, "level must be 'char', 'word' or 'subword', got 'syllable'"),
        ({"cell": "rnn"}, "cell must be one of lstm, gru, simple_rnn, .*, projection_lstm, got 'rnn'"),
        ({"units": 0}, "units must be an int >= 1, got 0"),
        ({"layers": 1.5}, "layers must be an int >= 1, got 1.5"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"vocabulary_size": 2}, "vocabulary_size must be an int >= 3"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LanguageModel(**options)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "text must hold something to learn, got an empty text"),
        (" \n", {}, "only white space"),
        ("abc", {}, "text is too short: 3 characters, a share of 0.1 of which is held out: give more text, or another"),
        ("a", {"validation": 0.0}, "text is too short: 1 characters: two are the least to learn from"),
        (VERSE, {"validation": 1.0}, r"validation must be in \[0, 1\)"),
        (VERSE, {"epochs": 0}, "epochs must be an int >= 1, got 0"),
        (VERSE, {"window": -2}, "window must be an int >= 1, got -2"),
        (VERSE, {"learning_rate": 0.0}, "learning_rate must be a finite number > 0, got 0.0"),
    ],
)
def test_bad_fits(text: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().fit(text, **{"verbose": 0, **options})


def test_a_list_of_texts_is_refused() -> None:
    with pytest.raises(TypeError, match="text must be a str, got list"):
        small().fit([VERSE])  # type: ignore[arg-type]


def test_divergence_is_an_error() -> None:
    said = r"the loss is (nan|inf) at batch \d+ of epoch 1, and training ends: .* layer '.*'.*; lower learning_rate"
    with pytest.raises(ValueError, match=said):
        fit(small(cell="simple_rnn"), learning_rate=1e38)


def test_divergence_in_a_later_epoch_keeps_the_best_one(capsys: pytest.CaptureFixture[str]) -> None:
    lm = small()

    def spoil(live: LanguageModel, epoch: int, logs: dict[str, float]) -> None:
        if epoch == 2:
            layer = live.model.layers[-1]
            layer.set_weights([np.full(weight.shape, np.nan) for weight in layer.get_weights()])

    fit(lm, epochs=5, on_epoch=spoil, averaging=0.0, verbose=1)
    assert "at batch 0 of epoch 3, and training ends: the weights" in capsys.readouterr().err
    assert lm.trained["best_epoch"] in (1, 2) and np.isfinite(lm.perplexity("a").loss)


def test_use_before_training_and_bad_prompts(verse: LanguageModel) -> None:
    for use in (lambda m: m.generate(), lambda m: m.perplexity("a"), lambda m: m.save("x")):
        with pytest.raises(ValueError, match="must be trained first"):
            use(small())
    with pytest.raises(ValueError, match="prompt must be made of characters of the training text, got 'Q', '!'"):
        verse.generate("aQ!")
    with pytest.raises(ValueError, match="text must not be empty"):
        verse.perplexity("")


def test_log_prob_is_the_sum(verse: LanguageModel) -> None:
    assert verse.log_prob("ashes, ashes,") == pytest.approx(float(verse.log_probabilities("ashes, ashes,").sum()))
    assert verse.log_prob("ashes, ashes,") > verse.log_prob("sehsa, sehsa,")


def test_next_words_of_characters_are_the_ends_of_words(verse: LanguageModel) -> None:
    found = verse.next_words("Ring a ring of ro", count=3)
    assert found[0][0] == "ses" and 0.5 < found[0][1] <= 1
    assert verse.next_words("Ring a ring of ", count=3)[0][0] == "roses"
    assert all(word.isalnum() for word, _ in found)
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)


def test_next_words_of_words_are_its_next_tokens(words: LanguageModel) -> None:
    found = words.next_words("Ring a", count=5)
    assert len(found) == 5 and len(dict(found)) == 5
    alone = [(word, p) for word, p in found if len(words.log_probabilities("Ring a" + word)) == 3]  # not "aashes"
    assert alone
    for word, probability in alone:
        assert probability == pytest.approx(np.exp(words.log_probabilities("Ring a" + word)[-1]), rel=1e-3)
    with pytest.raises(ValueError, match="count must be"):
        words.next_words("Ring a", count=0)


def test_the_baseline_counts_the_training_text(verse: LanguageModel, words: LanguageModel) -> None:
    assert verse.baseline(VERSE, VERSE * 30).perplexity < 1.3
    for model in (verse, words):
        far, near = model.baseline(VERSE, VERSE[::-1]), model.baseline(VERSE, VERSE * 3)
        assert near.perplexity < far.perplexity
        assert near.tokens == model.perplexity(VERSE).tokens and near.unknown == model.perplexity(VERSE).unknown
    assert verse.baseline(VERSE, VERSE, order=1).perplexity > verse.baseline(VERSE, VERSE, order=3).perplexity


def test_averaging_keeps_the_moving_average() -> None:
    """A momentum that hardly forgets keeps the first weights, none the last ones; validation sees what is kept."""
    first = small()
    fit(first, epochs=1, learning_rate=1e-9)
    kept = {}
    for averaging in (0.0, 0.6, 0.999999):
        model = small()
        history = fit(model, epochs=2, learning_rate=0.02, averaging=averaging, patience=9)
        kept[averaging] = model.model.get_weights()
        assert model.trained["val_loss"] == pytest.approx(min(history.history["val_loss"]))
        if averaging == 0.999999:
            losses = history.history["val_loss"]
            assert losses[0] == pytest.approx(losses[1], rel=1e-3)
            assert history.history["loss"][1] < 0.95 * history.history["loss"][0]  # training itself goes on
    for start, same in zip(first.model.get_weights(), kept[0.999999], strict=True):
        np.testing.assert_allclose(start, same, atol=0.021)  # the average begins after Adam's first step, of 0.02
    assert any(np.abs(a - b).max() > 0.1 for a, b in zip(kept[0.0], kept[0.999999], strict=True))
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(kept[0.0], kept[0.6], strict=True))
    with pytest.raises(ValueError, match=r"averaging must be in \[0, 1\), got 1.0"):
        fit(small(), averaging=1.0)


def test_dropouts_and_a_projection(tmp_path: Path) -> None:
    from recurra import layers

    model = small(dropout=0.3, locked_dropout=True, recurrent_dropout=0.2, projection=4, layers=2)
    fit(model)
    kinds = [type(layer) for layer in model.model.layers if not isinstance(layer, layers.InputLayer)]
    recurrent = [layers.LSTM, layers.SpatialDropout1D]
    assert kinds == [layers.Embedding, *recurrent, *recurrent, layers.Dense, layers.Dense]
    assert model.model.layers[-2].kernel.shape == (11, 4) and model.model.layers[-2].bias is None
    assert {layer.cell.recurrent_dropout for layer in model.model.layers if isinstance(layer, layers.LSTM)} == {0.2}
    assert compile_model(model.model) is not None
    model.save(tmp_path / "model.rlm")
    again = LanguageModel.load(tmp_path / "model.rlm")
    assert again.get_config() == model.get_config()
    assert again.generate("Ring", length=30, seed=1) == model.generate("Ring", length=30, seed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recurrent_dropout": 1.0}, r"recurrent_dropout must be in \[0, 1\), got 1.0"),
        (
            {"recurrent_dropout": 0.1, "cell": "min_gru"},
            "recurrent_dropout must be 0: the cell min_gru has no recurrent",
        ),
        ({"projection": 0}, "projection must be an int >= 1, got 0"),
    ],
)
def test_bad_dropouts_and_projections(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LanguageModel(**options)
