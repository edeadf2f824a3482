# Daily passengers: linear, recurrent and causal convolution models on tf.data windows; a slash ends the model's name.
import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(42)
day = np.arange(420)
rail = 0.5 + 0.2 * np.sin(day * 2 * np.pi / 7) + 0.02 * np.random.randn(420)
bus = 0.6 + 0.2 * np.cos(day * 2 * np.pi / 7) + 0.02 * np.random.randn(420)
rail_train, rail_valid = rail[:300], rail[300:]
seq_length = 28


def to_windows(dataset, length):
    dataset = dataset.window(length, shift=1, drop_remainder=True)
    return dataset.flat_map(lambda window_ds: window_ds.batch(length))


dataset = to_windows(tf.data.Dataset.range(6), 4).map(lambda window: (window[:-1], window[-1]))
print(list(dataset.batch(2)))
train_ds = tf.keras.utils.timeseries_dataset_from_array(
    rail_train, targets=rail_train[seq_length:], sequence_length=seq_length, batch_size=32, shuffle=True, seed=42
)
valid_ds = tf.keras.utils.timeseries_dataset_from_array(
    rail_valid, targets=rail_valid[seq_length:], sequence_length=seq_length, batch_size=32
)


def fit_and_evaluate(model, train_set, valid_set, learning_rate, epochs=25):
    early_stopping_cb = tf.keras.callbacks.EarlyStopping(monitor="val_mae", patience=50, restore_best_weights=True)
    opt = tf.keras.optimizers.SGD(learning_rate=learning_rate, momentum=0.9)
    model.compile(loss=tf.keras.losses.Huber(), optimizer=opt, metrics=["mae"])
    model.fit(train_set, validation_data=valid_set, epochs=epochs, callbacks=[early_stopping_cb], verbose=0)
    valid_loss, valid_mae = model.evaluate(valid_set, verbose=0)
    return valid_mae


# the windows are (batch, 28): recurrent layers get a last axis of one
univar_model = tf.keras.Sequential(
    [
        tf.keras.layers.SimpleRNN(32, input_shape=[None, 1]),
        tf.keras.layers.Dense(1),
    ]
)
mae = fit_and_evaluate(univar_model, train_ds, valid_ds, learning_rate=0.05)
print(f"one step ahead: {mae:.3f}")
assert mae < 0.08

X = rail_valid[np.newaxis, :seq_length, np.newaxis]
for step_ahead in range(14):
    y_pred_one = univar_model.predict(X, verbose=0)
    X = np.concatenate([X, y_pred_one.reshape(1, 1, 1)], axis=1)
assert X.shape == (1, seq_length + 14, 1)

mulvar = np.stack([bus, rail, np.arange(420) % 7 == 0], axis=1)


def to_seq2seq_dataset(series, seq_length=56, ahead=14, batch_size=32, shuffle=False, seed=None):
    ds = to_windows(tf.data.Dataset.from_tensor_slices(series), ahead + 1)
    ds = to_windows(ds, seq_length).map(lambda S: (S[:, 0], S[:, 1:, 1]))
    if shuffle:
        ds = ds.shuffle(8 * batch_size, seed=seed)
    return ds.batch(batch_size)


seq2seq_train = to_seq2seq_dataset(mulvar[:300], shuffle=True, seed=42)
seq2seq_valid = to_seq2seq_dataset(mulvar[300:])


class LNSimpleRNNCell(tf.keras.layers.Layer):
    def __init__(self, units, activation="tanh", **kwargs):
        super().__init__(**kwargs)
        self.state_size = units
        self.output_size = units
        self.simple_rnn_cell = tf.keras.layers.SimpleRNNCell(units, activation=None)
        self.layer_norm = tf.keras.layers.LayerNormalization()
        self.activation = tf.keras.activations.get(activation)

    def call(self, inputs, states):
        outputs, new_states = self.simple_rnn_cell(inputs, states)
        norm_outputs = self.activation(self.layer_norm(outputs))
        return norm_outputs, [norm_outputs]


custom_ln_model = tf.keras.Sequential(
    [
        tf.keras.layers.RNN(LNSimpleRNNCell(16), return_sequences=True, input_shape=[None, 3]),
        tf.keras.layers.Dense(14),
    ]
)
mae = fit_and_evaluate(custom_ln_model, seq2seq_train, seq2seq_valid, learning_rate=0.1, epochs=4)
print(f"fourteen steps ahead: {mae:.3f}")
assert mae < 0.2


class GatedActivationUnit(tf.keras.layers.Layer):
    def __init__(self, activation="tanh", **kwargs):
        super().__init__(**kwargs)
        self.activation = tf.keras.activations.get(activation)

    def call(self, inputs):
        n_filters = inputs.shape[-1] // 2
        linear_output = self.activation(inputs[..., :n_filters])
        gate = tf.keras.activations.sigmoid(inputs[..., n_filters:])
        return self.activation(linear_output) * gate


def wavenet_residual_block(inputs, n_filters, dilation_rate):
    z = tf.keras.layers.Conv1D(2 * n_filters, kernel_size=2, padding="causal", dilation_rate=dilation_rate)(inputs)
    z = GatedActivationUnit()(z)
    z = tf.keras.layers.Conv1D(n_filters, kernel_size=1)(z)
    return tf.keras.layers.Add()([z, inputs]), z


inputs = tf.keras.layers.Input(shape=[None, 3])
z = tf.keras.layers.Conv1D(16, kernel_size=2, padding="causal")(inputs)
skip_to_last = []
for dilation_rate in [2**i for i in range(3)]:
    z, skip = wavenet_residual_block(z, 16, dilation_rate)
    skip_to_last.append(skip)
z = tf.keras.activations.relu(tf.keras.layers.Add()(skip_to_last))
z = tf.keras.layers.Conv1D(16, kernel_size=1, activation="relu")(z)
Y_preds = tf.keras.layers.Conv1D(14, kernel_size=1)(z)
full_wavenet_model = tf.keras.Model(inputs=[inputs], outputs=[Y_preds])
mae = fit_and_evaluate(full_wavenet_model, seq2seq_train, seq2seq_valid, learning_rate=0.1, epochs=2)
full_wavenet_model.save("my_wavenet/")
loaded = tf.keras.models.load_model("my_wavenet/", custom_objects={"GatedActivationUnit": GatedActivationUnit})
assert np.allclose(loaded.predict(seq2seq_valid, verbose=0), full_wavenet_model.predict(seq2seq_valid, verbose=0))
