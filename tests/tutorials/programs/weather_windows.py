# Windows over a table with timeseries_dataset_from_array; models compared in a loop; subclassed feedback model.
import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(2)
hours = np.arange(600)
data = np.stack([np.sin(hours / 12), np.cos(hours / 12), np.sin(hours / 40)], axis=1).astype(np.float32)
n = len(data)
train_df, val_df = data[: int(n * 0.7)], data[int(n * 0.7) :]
train_mean, train_std = train_df.mean(axis=0), train_df.std(axis=0)
train_df, val_df = (train_df - train_mean) / train_std, (val_df - train_mean) / train_std


class WindowGenerator:
    def __init__(self, input_width, label_width, shift):
        self.input_width, self.label_width, self.shift = input_width, label_width, shift
        self.total_window_size = input_width + shift
        self.input_slice = slice(0, input_width)
        self.labels_slice = slice(self.total_window_size - self.label_width, None)

    def split_window(self, features):
        inputs = features[:, self.input_slice, :]
        labels = features[:, self.labels_slice, :]
        labels = tf.stack([labels[:, :, 0], labels[:, :, 2]], axis=-1)
        inputs.set_shape([None, self.input_width, None])
        labels.set_shape([None, self.label_width, None])
        return inputs, labels

    def make_dataset(self, data):
        data = np.array(data, dtype=np.float32)
        ds = tf.keras.utils.timeseries_dataset_from_array(
            data=data, targets=None, sequence_length=self.total_window_size, sequence_stride=1, shuffle=True, batch_size=32
        )
        return ds.map(self.split_window)


window = WindowGenerator(input_width=12, label_width=12, shift=1)
train, val = window.make_dataset(train_df), window.make_dataset(val_df)
example_inputs, example_labels = next(iter(train))
print(f"Inputs shape (batch, time, features): {example_inputs.shape}")
assert example_inputs.numpy().shape == (32, 12, 3) and example_labels.numpy().shape == (32, 12, 2)
print(train.element_spec)


class ResidualWrapper(tf.keras.Model):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def call(self, inputs, *args, **kwargs):
        delta = self.model(inputs, *args, **kwargs)
        return tf.gather(inputs, [0, 2], axis=-1) + delta


def compile_and_fit(model, patience=2):
    early_stopping = tf.keras.callbacks.EarlyStopping(monitor="val_loss", patience=patience, mode="min")
    model.compile(loss=tf.keras.losses.MeanSquaredError(), optimizer=tf.keras.optimizers.Adam(), metrics=[tf.keras.metrics.MeanAbsoluteError()])
    return model.fit(train, epochs=4, validation_data=val, callbacks=[early_stopping], verbose=0)


performance = {}
models = {
    "LSTM": tf.keras.models.Sequential([tf.keras.layers.LSTM(16, return_sequences=True), tf.keras.layers.Dense(units=2)]),
    "Residual": ResidualWrapper(tf.keras.Sequential([tf.keras.layers.LSTM(16, return_sequences=True), tf.keras.layers.Dense(2, kernel_initializer=tf.initializers.zeros())])),
}
for name, model in models.items():
    history = compile_and_fit(model)
    performance[name] = model.evaluate(val, verbose=0, return_dict=True)
    print(name, performance[name])
assert performance["Residual"]["mean_absolute_error"] < 0.2


class FeedBack(tf.keras.Model):
    def __init__(self, units, out_steps):
        super().__init__()
        self.out_steps = out_steps
        self.lstm_cell = tf.keras.layers.LSTMCell(units)
        self.lstm_rnn = tf.keras.layers.RNN(self.lstm_cell, return_state=True)
        self.dense = tf.keras.layers.Dense(3)

    def warmup(self, inputs):
        x, *state = self.lstm_rnn(inputs)
        return self.dense(x), state

    def call(self, inputs, training=None):
        predictions = []
        prediction, state = self.warmup(inputs)
        predictions.append(prediction)
        for _ in range(1, self.out_steps):
            x, state = self.lstm_cell(prediction, states=state, training=training)
            prediction = self.dense(x)
            predictions.append(prediction)
        predictions = tf.stack(predictions)
        return tf.transpose(predictions, [1, 0, 2])


feedback = FeedBack(16, 5)
prediction, state = feedback.warmup(example_inputs)
print(prediction.shape, feedback(example_inputs).shape)
targets = train_df[17:300].copy()
x = np.stack([train_df[k : k + 12] for k in range(200)])
y = np.stack([train_df[k + 12 : k + 17] for k in range(200)])
feedback.compile(loss="mse", optimizer="adam")
losses = feedback.fit(x, y, epochs=4, verbose=0).history["loss"]
assert losses[-1] < losses[0]
