# Parts of speech: words and tags to ids, a bidirectional LSTM, one softmax a step, padding not counted.
import numpy as np
from keras import backend as K
from keras.layers import Activation, Bidirectional, Dense, Embedding, InputLayer, LSTM, TimeDistributed
from keras.models import Sequential
from keras.optimizers import Adam
from keras.preprocessing.sequence import pad_sequences

rng = np.random.RandomState(2)
lexicon = {"DET": ["the", "a", "every"], "NOUN": ["dog", "river", "idea", "house"], "VERB": ["sees", "likes", "builds"], "ADJ": ["old", "green"]}
patterns = [["DET", "NOUN", "VERB", "DET", "ADJ", "NOUN"], ["DET", "ADJ", "NOUN", "VERB"], ["NOUN", "VERB", "DET", "NOUN"]]
sentences, sentence_tags = [], []
for _ in range(120):
    tags = patterns[rng.randint(len(patterns))]
    sentence_tags.append(np.array(tags))
    sentences.append(np.array([lexicon[tag][rng.randint(len(lexicon[tag]))] for tag in tags]))

words = set(w for s in sentences for w in s)
word2index = {w: i + 2 for i, w in enumerate(sorted(words))}
word2index["-PAD-"], word2index["-OOV-"] = 0, 1
tag2index = {t: i + 1 for i, t in enumerate(sorted(lexicon))}
tag2index["-PAD-"] = 0
X = [[word2index.get(w, 1) for w in s] for s in sentences]
Y = [[tag2index[t] for t in s] for s in sentence_tags]
MAX_LENGTH = len(max(X, key=len))
X = pad_sequences(X, maxlen=MAX_LENGTH, padding="post")
Y = pad_sequences(Y, maxlen=MAX_LENGTH, padding="post")


def to_categorical(sequences, categories):
    cat_sequences = []
    for s in sequences:
        cats = []
        for item in s:
            cats.append(np.zeros(categories))
            cats[-1][item] = 1.0
        cat_sequences.append(cats)
    return np.array(cat_sequences)


def ignore_class_accuracy(to_ignore=0):
    def ignore_accuracy(y_true, y_pred):
        y_true_class = K.argmax(y_true, axis=-1)
        y_pred_class = K.argmax(y_pred, axis=-1)
        ignore_mask = K.cast(K.not_equal(y_pred_class, to_ignore), "int32")
        matches = K.cast(K.equal(y_true_class, y_pred_class), "int32") * ignore_mask
        accuracy = K.sum(matches) / K.maximum(K.sum(ignore_mask), 1)
        return accuracy

    return ignore_accuracy


model = Sequential()
model.add(InputLayer(input_shape=(MAX_LENGTH,)))
model.add(Embedding(len(word2index), 16))
model.add(Bidirectional(LSTM(16, return_sequences=True)))
model.add(TimeDistributed(Dense(len(tag2index))))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer=Adam(0.01), metrics=["accuracy", ignore_class_accuracy(0)])
model.summary()
history = model.fit(X, to_categorical(Y, len(tag2index)), batch_size=16, epochs=12, validation_split=0.2, verbose=0)
print({key: values[-1] for key, values in history.history.items()})
predictions = model.predict(X[:2])
index2tag = {i: t for t, i in tag2index.items()}
print([[index2tag[k] for k in row] for row in predictions.argmax(-1)])
assert history.history["val_ignore_accuracy"][-1] > 0.95
