# Word indices from a Tokenizer, a GRU, and the usual callbacks writing to a folder.
import os
import tempfile

import numpy as np
import tensorflow.keras.backend as K
from tensorflow.keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from tensorflow.keras.layers import GRU, Dense, Embedding, SpatialDropout1D
from tensorflow.keras.models import Sequential, load_model
from tensorflow.keras.optimizers import RMSprop
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.preprocessing.text import Tokenizer
from tensorflow.keras.regularizers import l2

K.clear_session()
good = ["wonderful", "moving", "brilliant", "charming"]
bad = ["dreadful", "boring", "clumsy", "awful"]
rng = np.random.RandomState(0)
texts, labels = [], []
for n in range(240):
    label = n % 2
    words = list(rng.choice(["the", "film", "was", "plot", "actor", "scene", "music", "a"], 8))
    words.insert(rng.randint(0, 8), rng.choice(good if label else bad))
    texts.append(" ".join(words))
    labels.append(label)

tokenizer = Tokenizer(num_words=50, oov_token="<OOV>", filters='!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n')
tokenizer.fit_on_texts(texts)
sequences = tokenizer.texts_to_sequences(texts)
padded = pad_sequences(sequences, maxlen=12, padding="post", truncating="post")
labels = np.array(labels)

folder = tempfile.mkdtemp()
best = os.path.join(folder, "best_model.h5")
model = Sequential()
model.add(Embedding(50, 12, input_length=12))
model.add(SpatialDropout1D(0.1))
model.add(GRU(16, kernel_regularizer=l2(1e-4)))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer=RMSprop(learning_rate=0.01), metrics=["acc"])
es = EarlyStopping(monitor="val_loss", mode="min", verbose=1, patience=4)
mc = ModelCheckpoint(best, monitor="val_acc", mode="max", verbose=1, save_best_only=True)
lr = ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=2, min_lr=1e-5)
log = CSVLogger(os.path.join(folder, "training.csv"))
history = model.fit(padded, labels, epochs=15, callbacks=[es, mc, lr, log], batch_size=24, validation_split=0.2, verbose=0)
loaded = load_model(best)
_, accuracy = loaded.evaluate(padded[192:], labels[192:], verbose=0)
print("best:", accuracy, max(history.history["val_acc"]))
assert accuracy > 0.9 and os.path.getsize(os.path.join(folder, "training.csv")) > 100


def sentiment_predict(new_sentence):
    encoded = tokenizer.texts_to_sequences([new_sentence.lower()])
    pad_new = pad_sequences(encoded, maxlen=12, padding="post")
    score = float(loaded.predict(pad_new)[0][0])
    print("{:.2f}% {}".format(100 * max(score, 1 - score), "positive" if score > 0.5 else "negative"))
    return score


assert sentiment_predict("The film was wonderful") > 0.5 > sentiment_predict("the plot was dreadful")
