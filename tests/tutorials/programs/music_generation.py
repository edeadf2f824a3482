# Notes of a melody: windows of a data set, three outputs by name, a loss of the program's own.
import numpy as np
import tensorflow as tf

seed = 42
tf.random.set_seed(seed)
np.random.seed(seed)
key_order = ["pitch", "step", "duration"]
all_notes = np.stack([np.random.randint(40, 90, 400), np.random.rand(400), np.random.rand(400)], axis=1)
train_notes = np.stack([all_notes[:, i] for i in range(3)], axis=1)
notes_ds = tf.data.Dataset.from_tensor_slices(train_notes)
print(notes_ds.element_spec)


def create_sequences(dataset: tf.data.Dataset, seq_length: int, vocab_size=128) -> tf.data.Dataset:
    """Returns TF Dataset of sequence and label examples."""
    seq_length = seq_length + 1
    windows = dataset.window(seq_length, shift=1, stride=1, drop_remainder=True)
    flatten = lambda x: x.batch(seq_length, drop_remainder=True)
    sequences = windows.flat_map(flatten)

    def scale_pitch(x):
        x = x / [vocab_size, 1.0, 1.0]
        return x

    def split_labels(sequences):
        inputs = sequences[:-1]
        labels_dense = sequences[-1]
        labels = {key: labels_dense[i] for i, key in enumerate(key_order)}
        return scale_pitch(inputs), labels

    return sequences.map(split_labels, num_parallel_calls=tf.data.AUTOTUNE)


seq_length = 25
vocab_size = 128
seq_ds = create_sequences(notes_ds, seq_length, vocab_size)
print(seq_ds.element_spec)
for seq, target in seq_ds.take(1):
    print("sequence shape:", seq.shape)
    print("sequence elements (first 10):", seq[0:10])
    print()
    print("target:", target)
batch_size = 64
buffer_size = len(all_notes) - seq_length
train_ds = (
    seq_ds.shuffle(buffer_size).batch(batch_size, drop_remainder=True).cache().prefetch(tf.data.experimental.AUTOTUNE)
)
print(train_ds.element_spec)


def mse_with_positive_pressure(y_true: tf.Tensor, y_pred: tf.Tensor):
    mse = (y_true - y_pred) ** 2
    positive_pressure = 10 * tf.maximum(-y_pred, 0.0)
    return tf.reduce_mean(mse + positive_pressure)


input_shape = (seq_length, 3)
learning_rate = 0.005
inputs = tf.keras.Input(input_shape)
x = tf.keras.layers.LSTM(128)(inputs)
outputs = {
    "pitch": tf.keras.layers.Dense(128, name="pitch")(x),
    "step": tf.keras.layers.Dense(1, name="step")(x),
    "duration": tf.keras.layers.Dense(1, name="duration")(x),
}
model = tf.keras.Model(inputs, outputs)
loss = {
    "pitch": tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "step": mse_with_positive_pressure,
    "duration": mse_with_positive_pressure,
}
optimizer = tf.keras.optimizers.Adam(learning_rate=learning_rate)
model.compile(loss=loss, optimizer=optimizer)
model.summary()
losses = model.evaluate(train_ds, return_dict=True)
print(losses)
model.compile(loss=loss, loss_weights={"pitch": 0.05, "step": 1.0, "duration": 1.0}, optimizer=optimizer)
print(model.evaluate(train_ds, return_dict=True))
callbacks = [
    tf.keras.callbacks.ModelCheckpoint(filepath="./training_checkpoints/ckpt_{epoch}", save_weights_only=True),
    tf.keras.callbacks.EarlyStopping(monitor="loss", patience=5, verbose=1, restore_best_weights=True),
]
history = model.fit(train_ds, epochs=8, callbacks=callbacks)


def predict_next_note(notes: np.ndarray, model: tf.keras.Model, temperature: float = 1.0) -> tuple:
    assert temperature > 0
    inputs = tf.expand_dims(notes, 0)
    predictions = model.predict(inputs)
    pitch_logits = predictions["pitch"]
    step = predictions["step"]
    duration = predictions["duration"]
    pitch_logits /= temperature
    pitch = tf.random.categorical(pitch_logits, num_samples=1)
    pitch = tf.squeeze(pitch, axis=-1)
    duration = tf.squeeze(duration, axis=-1)
    step = tf.squeeze(step, axis=-1)
    step = tf.maximum(0, step)
    duration = tf.maximum(0, duration)
    return int(pitch), float(step), float(duration)


temperature = 2.0
sample_notes = np.stack([all_notes[:, i] for i in range(3)], axis=1)
input_notes = sample_notes[:seq_length] / np.array([vocab_size, 1, 1])
generated_notes = []
prev_start = 0
for _ in range(5):
    pitch, step, duration = predict_next_note(input_notes, model, temperature)
    start = prev_start + step
    end = start + duration
    input_note = (pitch, step, duration)
    generated_notes.append((*input_note, start, end))
    input_notes = np.delete(input_notes, 0, axis=0)
    input_notes = np.append(input_notes, np.expand_dims(input_note, 0), axis=0)
    prev_start = start
print(generated_notes)

assert history.history["loss"][-1] < history.history["loss"][0] and len(generated_notes) == 5
assert all(isinstance(note[0], int) and note[1] >= 0 for note in generated_notes)
