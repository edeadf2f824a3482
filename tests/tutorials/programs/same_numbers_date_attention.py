# Dates in words to dates in numbers: shared layers attend to the source at each step of an unrolled decoder.
import random

import numpy as np
from tensorflow.keras.layers import LSTM, Bidirectional, Concatenate, Dense, Dot, Input, RepeatVector, Softmax
from tensorflow.keras.models import Model
from tensorflow.keras.optimizers import Adam
from tensorflow.keras.utils import to_categorical

random.seed(1)
months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def load_date():
    d, n = random.randint(1, 28), random.randint(1, 12)
    return random.choice(["{d} {m}", "{m} {d}"]).format(d=d, m=months[n - 1]), f"{n:02d}-{d:02d}"


dataset = [load_date() for _ in range(60)]
human_vocab = {c: i for i, c in enumerate(sorted(set("".join(h for h, _ in dataset))) + ["<unk>", "<pad>"])}
inv_machine = dict(enumerate(sorted("0123456789-")))
machine_vocab = {v: k for k, v in inv_machine.items()}
Tx, Ty = 7, 5


def string_to_int(string, length, vocab):
    rep = [vocab.get(c, vocab["<unk>"]) for c in string[:length]]
    return rep + [vocab["<pad>"]] * (length - len(rep))


X = np.array([string_to_int(h, Tx, human_vocab) for h, _ in dataset])
Xoh = np.array(list(map(lambda x: to_categorical(x, num_classes=len(human_vocab)), X)))
Yoh = np.array([to_categorical([machine_vocab[c] for c in t], num_classes=len(machine_vocab)) for _, t in dataset])
n_a, n_s = 6, 9
repeator = RepeatVector(Tx)
concatenator = Concatenate(axis=-1)
densor1 = Dense(10, activation="tanh")
densor2 = Dense(1, activation="relu")
activator = Softmax(axis=1, name="attention_weights")
dotor = Dot(axes=1)
post_activation_LSTM_cell = LSTM(n_s, return_state=True)
output_layer = Dense(len(machine_vocab), activation="softmax")


def one_step_attention(a, s_prev):
    concat = concatenator([a, repeator(s_prev)])
    alphas = activator(densor2(densor1(concat)))
    return dotor([alphas, a])


source = Input(shape=(Tx, len(human_vocab)))
s0, c0 = Input(shape=(n_s,), name="s0"), Input(shape=(n_s,), name="c0")
s, c, outputs = s0, c0, []
a = Bidirectional(LSTM(units=n_a, return_sequences=True))(source)
for t in range(Ty):
    context = one_step_attention(a, s)
    s, _, c = post_activation_LSTM_cell(context, initial_state=[s, c])
    outputs.append(output_layer(s))
model = Model(inputs=[source, s0, c0], outputs=outputs)
rng = np.random.RandomState(0)
model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
opt = Adam(learning_rate=0.01, beta_1=0.9, beta_2=0.999, weight_decay=0.01)
model.compile(loss="categorical_crossentropy", optimizer=opt, metrics=["accuracy"] * Ty)
zeros = np.zeros((len(X), n_s))
targets = list(Yoh.swapaxes(0, 1))
h = model.fit([Xoh, zeros, zeros], targets, epochs=6, batch_size=25, verbose=0, shuffle=False)
for loss in h.history["loss"]:
    print("loss", loss)
prediction = np.argmax(model.predict([Xoh[:1], zeros[:1], zeros[:1]], verbose=0), axis=-1)
assert len("".join(inv_machine[int(i)] for i in prediction.ravel())) == Ty
assert h.history["loss"][-1] < h.history["loss"][0] - 1
