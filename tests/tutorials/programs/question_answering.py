# Stories and questions: one LSTM over the merged encodings, in the style of the bAbI examples.
from __future__ import print_function

from functools import reduce
import re

import numpy as np
from keras import layers
from keras.layers.embeddings import Embedding
from keras.layers import recurrent
from keras.models import Model
from keras.optimizers import Adam
from keras.preprocessing.sequence import pad_sequences


def tokenize(sent):
    return [x.strip() for x in re.split(r"(\W+)", sent) if x.strip()]


rng = np.random.RandomState(4)
names, places = ["Mary", "John", "Sandra"], ["kitchen", "garden", "office"]


def make(count):
    data = []
    for _ in range(count):
        where = {}
        story = []
        for _ in range(3):
            who, place = rng.choice(names), rng.choice(places)
            where[who] = place
            story += tokenize("{} went to the {} .".format(who, place))
        who = rng.choice(sorted(where))
        data.append((story, tokenize("Where is {} ?".format(who)), where[who]))
    return data


train, test = make(240), make(60)
vocab = sorted(reduce(lambda x, y: x | y, (set(story + q + [answer]) for story, q, answer in train + test)))
vocab_size = len(vocab) + 1
word_idx = dict((c, i + 1) for i, c in enumerate(vocab))
story_maxlen = max(map(len, (x for x, _, _ in train + test)))
query_maxlen = max(map(len, (x for _, x, _ in train + test)))


def vectorize_stories(data):
    xs = pad_sequences([[word_idx[w] for w in story] for story, _, _ in data], maxlen=story_maxlen)
    xqs = pad_sequences([[word_idx[w] for w in query] for _, query, _ in data], maxlen=query_maxlen)
    y = np.zeros((len(data), vocab_size))
    for row, (_, _, answer) in enumerate(data):
        y[row, word_idx[answer]] = 1
    return xs, xqs, y


x, xq, y = vectorize_stories(train)
tx, txq, ty = vectorize_stories(test)
RNN = recurrent.LSTM
EMBED_HIDDEN_SIZE = 20
sentence = layers.Input(shape=(story_maxlen,), dtype="int32")
encoded_sentence = Embedding(vocab_size, EMBED_HIDDEN_SIZE)(sentence)
encoded_sentence = layers.Dropout(0.1)(encoded_sentence)
question = layers.Input(shape=(query_maxlen,), dtype="int32")
encoded_question = Embedding(vocab_size, EMBED_HIDDEN_SIZE)(question)
encoded_question = RNN(EMBED_HIDDEN_SIZE)(encoded_question)
encoded_question = layers.RepeatVector(story_maxlen)(encoded_question)
merged = layers.add([encoded_sentence, encoded_question])
merged = RNN(32)(merged)
merged = layers.Dropout(0.1)(merged)
preds = layers.Dense(vocab_size, activation="softmax")(merged)
model = Model([sentence, question], preds)
model.compile(optimizer=Adam(lr=0.01), loss="categorical_crossentropy", metrics=["accuracy"])
print("Training")
history = model.fit([x, xq], y, batch_size=16, epochs=15, validation_split=0.05, verbose=0)
print("Evaluation")
loss, acc = model.evaluate([tx, txq], ty, batch_size=32, verbose=0)
print("Test loss / test accuracy = {:.4f} / {:.4f}".format(loss, acc))
assert acc > 0.4 and history.history["loss"][-1] < history.history["loss"][0]
