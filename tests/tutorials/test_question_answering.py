"""Questions about short stories: an end-to-end memory network, and two encoders that are added."""

from __future__ import annotations

import re

import numpy as np

import recurra
from recurra.layers import (
    LSTM,
    Activation,
    Dense,
    Dot,
    Dropout,
    Embedding,
    Input,
    Permute,
    RepeatVector,
    add,
    concatenate,
    dot,
)
from recurra.models import Model, Sequential, load_model
from recurra.preprocessing.sequence import pad_sequences

PEOPLE, PLACES = ["Mary", "John", "Sandra"], ["kitchen", "garden", "office"]


def tokenize(sentence):
    return [x.strip() for x in re.split(r"(\W+)", sentence) if x and x.strip()]


def get_stories(n, rng):
    """Two people go somewhere; where is one of them?"""
    stories = []
    for _ in range(n):
        who = rng.permutation(PEOPLE)[:2]
        where = rng.choice(PLACES, 2)
        asked = rng.integers(0, 2)
        story = " ".join(f"{person} went to the {place}." for person, place in zip(who, where, strict=True))
        stories.append((tokenize(story), tokenize(f"Where is {who[asked]}?"), where[asked]))
    return stories


def vectorize_stories(data, word_idx, story_maxlen, query_maxlen):
    inputs, queries, answers = [], [], []
    for story, query, answer in data:
        inputs.append([word_idx[w] for w in story])
        queries.append([word_idx[w] for w in query])
        answers.append(word_idx[answer])
    return pad_sequences(inputs, maxlen=story_maxlen), pad_sequences(queries, maxlen=query_maxlen), np.array(answers)


def prepared():
    recurra.utils.set_random_seed(31)
    stories = get_stories(500, np.random.default_rng(31))
    vocab = sorted({word for story, q, answer in stories for word in [*story, *q, answer]})
    word_idx = {c: i + 1 for i, c in enumerate(vocab)}
    story_maxlen = max(len(x) for x, _, _ in stories)
    query_maxlen = max(len(x) for _, x, _ in stories)
    return len(vocab) + 1, story_maxlen, query_maxlen, vectorize_stories(stories, word_idx, story_maxlen, query_maxlen)


def test_memory_network(tmp_path):
    vocab_size, story_maxlen, query_maxlen, (stories, queries, answers) = prepared()
    assert (story_maxlen, query_maxlen) == (12, 4)
    input_sequence, question = Input((story_maxlen,)), Input((query_maxlen,))

    input_encoder_m = Sequential()
    input_encoder_m.add(Embedding(input_dim=vocab_size, output_dim=24))
    input_encoder_m.add(Dropout(0.1))
    input_encoder_c = Sequential()
    input_encoder_c.add(Embedding(input_dim=vocab_size, output_dim=query_maxlen))
    input_encoder_c.add(Dropout(0.1))
    question_encoder = Sequential()
    question_encoder.add(Embedding(input_dim=vocab_size, output_dim=24, input_length=query_maxlen))
    question_encoder.add(Dropout(0.1))

    input_encoded_m = input_encoder_m(input_sequence)
    input_encoded_c = input_encoder_c(input_sequence)
    question_encoded = question_encoder(question)
    match = dot([input_encoded_m, question_encoded], axes=(2, 2))
    match = Activation("softmax")(match)
    response = add([match, input_encoded_c])
    response = Permute((2, 1))(response)
    answer = concatenate([response, question_encoded])
    answer = LSTM(24)(answer)
    answer = Dropout(0.1)(answer)
    answer = Dense(vocab_size)(answer)
    answer = Activation("softmax")(answer)
    model = Model([input_sequence, question], answer)
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.01
    history = model.fit([stories, queries], answers, batch_size=25, epochs=12, verbose=0)
    assert history.history["accuracy"][-1] > 0.4  # one place in three is chance
    assert history.history["loss"][-1] < 1.1  # ln 3

    memory = Model([input_sequence, question], match).predict([stories[:3], queries[:3]], verbose=0)
    assert memory.shape == (3, 12, 4)
    np.testing.assert_allclose(memory.sum(-1), 1, rtol=1e-5)

    model.save(tmp_path / "memory.h5")
    same = load_model(tmp_path / "memory.h5")
    np.testing.assert_array_equal(
        same.predict([stories, queries], verbose=0), model.predict([stories, queries], verbose=0)
    )


def test_softmax_over_memories():
    """One vector for the question, a weight for each word of the story, and the sum that they give."""
    vocab_size, story_maxlen, query_maxlen, (stories, queries, answers) = prepared()
    story, question = Input((story_maxlen,)), Input((query_maxlen,))
    memories = LSTM(24, return_sequences=True)(Embedding(vocab_size, 16)(story))
    asked = LSTM(24)(Embedding(vocab_size, 16)(question))
    weights = Activation("softmax")(Dot(axes=(2, 1))([memories, asked]))
    recalled = Dot(axes=(1, 1))([weights, memories])
    outputs = Dense(vocab_size, activation="softmax")(concatenate([recalled, asked]))
    model = Model([story, question], outputs)
    model.compile(recurra.optimizers.Adam(0.015), "sparse_categorical_crossentropy", metrics=["acc"])
    history = model.fit([stories[:450], queries[:450]], answers[:450], batch_size=10, epochs=9, verbose=0)
    assert history.history["acc"][-1] > 0.55  # one place in three is chance, one of the two in the story is 0.66
    _, acc = model.evaluate([stories[450:], queries[450:]], answers[450:], verbose=0)
    assert acc > 0.45
    attended = Model([story, question], weights).predict([stories, queries], verbose=0)
    assert attended.shape == (500, story_maxlen)


def test_the_question_is_put_to_each_word():
    vocab_size, story_maxlen, query_maxlen, (stories, queries, answers) = prepared()
    sentence = Input(shape=(story_maxlen,), dtype="int32")
    encoded_sentence = Embedding(vocab_size, 16)(sentence)
    question = Input(shape=(query_maxlen,), dtype="int32")
    encoded_question = Embedding(vocab_size, 16)(question)
    encoded_question = LSTM(16)(encoded_question)
    encoded_question = RepeatVector(story_maxlen)(encoded_question)
    merged = add([encoded_sentence, encoded_question])
    merged = LSTM(24)(merged)
    preds = Dense(vocab_size, activation="softmax")(merged)
    model = Model([sentence, question], preds)
    model.compile(optimizer=recurra.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    before, _ = model.evaluate([stories, queries], answers, verbose=0)
    assert abs(before - np.log(vocab_size)) < 0.2
    history = model.fit([stories, queries], answers, batch_size=25, epochs=6, validation_split=0.05, verbose=0)
    assert history.history["loss"][-1] < 1.2  # ln 3: it is one of three places
    assert history.history["val_loss"][-1] < 1.25
