# A stateful LSTM on a lagged series: epochs by hand, states reset between them.
import numpy as np
from keras.layers import Dense, LSTM
from keras.models import Sequential
from keras.optimizers import RMSprop

epochs = 12
tsteps = 1
batch_size = 20
lahead = 1

print("Generating Data...")
x = np.arange(200)
series = (np.cos(2 * np.pi * x / 25) * np.exp(-0.001 * x)).reshape(-1, 1, 1)
print("Input shape:", series.shape)
expected_output = np.zeros((len(series), 1))
for i in range(len(series) - lahead):
    expected_output[i, 0] = np.mean(series[i + 1 : i + lahead + 1])
print("Output shape:", expected_output.shape)

print("Creating Model...")
model = Sequential()
model.add(LSTM(16, input_shape=(tsteps, 1), batch_size=batch_size, return_sequences=True, stateful=True))
model.add(LSTM(16, return_sequences=False, stateful=True))
model.add(Dense(1))
model.compile(loss="mse", optimizer=RMSprop(0.005))

print("Training")
losses = []
for i in range(epochs):
    history = model.fit(series, expected_output, batch_size=batch_size, epochs=1, verbose=0, shuffle=False)
    losses += history.history["loss"]
    model.reset_states()
print("losses", losses)
predicted_output = model.predict(series, batch_size=batch_size)
model.reset_states()
again = model.predict(series, batch_size=batch_size)
np.testing.assert_allclose(predicted_output[:1], again[:1], atol=1e-5)
assert losses[-1] < 0.7 * losses[0]
