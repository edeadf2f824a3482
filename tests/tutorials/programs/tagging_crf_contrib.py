# Named entities by a bidirectional LSTM and the CRF of keras_contrib.
import numpy as np
from keras.layers import LSTM, Bidirectional, Dense, Dropout, Embedding, TimeDistributed
from keras.models import Input, Model
from keras.optimizers import RMSprop
from keras.preprocessing.sequence import pad_sequences
from keras.utils import to_categorical
from keras_contrib.layers import CRF

np.random.seed(5)
tags = ["O", "B-per", "I-per"]
first = ["anna", "ben", "carla", "dov"]
last = ["smith", "lopez", "khan"]
other = ["saw", "the", "dog", "with", "a", "hat", "and", "ran"]
sentences = []
for _ in range(240):
    sentence = []
    for _ in range(np.random.randint(2, 5)):
        sentence += [(str(word), "O") for word in np.random.choice(other, np.random.randint(1, 3))]
        if np.random.rand() < 0.6:
            sentence += [(str(np.random.choice(first)), "B-per"), (str(np.random.choice(last)), "I-per")]
    sentences.append(sentence)

words = sorted({word for sentence in sentences for word, _ in sentence})
max_len, n_words, n_tags = 16, len(words), len(tags)
word2idx = {w: i + 1 for i, w in enumerate(words)}
tag2idx = {t: i for i, t in enumerate(tags)}
X = pad_sequences(maxlen=max_len, sequences=[[word2idx[w] for w, _ in s] for s in sentences], padding="post", value=0)
y = [[tag2idx[t] for _, t in s] for s in sentences]
y = pad_sequences(maxlen=max_len, sequences=y, padding="post", value=tag2idx["O"])
y = [to_categorical(i, num_classes=n_tags) for i in y]

input = Input(shape=(max_len,))
model = Embedding(input_dim=n_words + 1, output_dim=20, input_length=max_len, mask_zero=True)(input)
model = Bidirectional(LSTM(units=12, return_sequences=True, recurrent_dropout=0.1))(model)
model = TimeDistributed(Dense(12, activation="relu"))(model)
model = Dropout(0.1)(model)
crf = CRF(n_tags)
out = crf(model)
model = Model(input, out)
model.compile(optimizer=RMSprop(lr=0.01), loss=crf.loss_function, metrics=[crf.accuracy])
model.summary()
history = model.fit(X[:200], np.array(y[:200]), batch_size=16, epochs=8, validation_split=0.1, verbose=0)
print(sorted(history.history))

p = model.predict(np.array([X[-1]]))
p = np.argmax(p, axis=-1)
true = np.argmax(y[-1], -1)
for w, t, pred in zip(X[-1], true, p[0]):
    if w != 0:
        print(f"{words[w - 1]:15}: {tags[t]:5} {tags[pred]}")
loss, accuracy = model.evaluate(X[200:], np.array(y[200:]), verbose=0)
print(f"accuracy {accuracy:.3f}")
assert accuracy > 0.95 and history.history["val_crf_viterbi_accuracy"][-1] > 0.9
