# Sequences rebuilt from one vector, and the next ones predicted from it: a composite LSTM autoencoder.
from numpy import array
from keras.models import Model, Sequential
from keras.layers import Input, LSTM, Dense, RepeatVector, TimeDistributed
from keras.utils import plot_model

seq_in = array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
n_in = len(seq_in)
seq_in = seq_in.reshape((1, n_in, 1))
seq_out = seq_in[:, 1:, :]
n_out = n_in - 1
visible = Input(shape=(n_in, 1))
encoder = LSTM(40, activation="relu")(visible)
decoder1 = RepeatVector(n_in)(encoder)
decoder1 = LSTM(40, activation="relu", return_sequences=True)(decoder1)
decoder1 = TimeDistributed(Dense(1))(decoder1)
decoder2 = RepeatVector(n_out)(encoder)
decoder2 = LSTM(40, activation="relu", return_sequences=True)(decoder2)
decoder2 = TimeDistributed(Dense(1))(decoder2)
model = Model(inputs=visible, outputs=[decoder1, decoder2])
model.compile(optimizer="adam", loss="mse")
model.fit(seq_in, [seq_in, seq_out], epochs=150, verbose=0)
yhat = model.predict(seq_in, verbose=0)
print([part.round(2).ravel().tolist() for part in yhat])
assert abs(yhat[0] - seq_in).mean() < 0.1 and yhat[1].shape == (1, 8, 1)

alone = Sequential()
alone.add(LSTM(30, activation="relu", input_shape=(n_in, 1)))
alone.add(RepeatVector(n_in))
alone.add(LSTM(30, activation="relu", return_sequences=True))
alone.add(TimeDistributed(Dense(1)))
alone.compile(optimizer="adam", loss="mse")
alone.fit(seq_in, seq_in, epochs=100, verbose=0)
encoder_only = Model(inputs=alone.inputs, outputs=alone.layers[0].output)
features = encoder_only.predict(seq_in, verbose=0)
print(features.shape)
assert features.shape == (1, 30)
