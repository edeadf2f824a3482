# Rising and falling tones in WAV files, told apart by an LSTM over the frames of their spectrograms.
import os
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, models

tf.random.set_seed(4)
np.random.seed(4)
folder = tempfile.mkdtemp()
RATE = 4000

for label in ("down", "up"):
    os.makedirs(os.path.join(folder, label))
    for number in range(40):
        start, end = np.random.uniform(200, 500), np.random.uniform(900, 1400)
        if label == "down":
            start, end = end, start
        frequency = np.linspace(start, end, RATE // 2)
        wave = np.sin(2 * np.pi * np.cumsum(frequency) / RATE) + 0.1 * np.random.randn(RATE // 2)
        encoded = tf.audio.encode_wav((0.5 * wave[:, None]).astype("float32"), RATE)
        tf.io.write_file(os.path.join(folder, label, f"{number}.wav"), encoded)

commands = np.array(sorted(tf.io.gfile.listdir(folder)))
filenames = tf.random.shuffle(tf.io.gfile.glob(folder + "/*/*"))


def get_waveform_and_label(file_path):
    audio, _ = tf.audio.decode_wav(tf.io.read_file(file_path), desired_channels=1)
    parts = tf.strings.split(file_path, os.path.sep)
    return tf.squeeze(audio, axis=-1), tf.argmax(parts[-2] == commands)


def get_log_mel(waveform, label):
    stft = tf.signal.stft(waveform, frame_length=128, frame_step=64)
    spectrogram = tf.abs(stft)
    mel = tf.signal.linear_to_mel_weight_matrix(16, spectrogram.shape[-1], RATE, 100.0, 1800.0)
    log_mel = tf.math.log(tf.tensordot(spectrogram, mel, 1) + 1e-6)
    return log_mel, label


files = tf.data.Dataset.from_tensor_slices(filenames)
dataset = files.map(get_waveform_and_label, num_parallel_calls=tf.data.AUTOTUNE)
dataset = dataset.map(get_log_mel, num_parallel_calls=tf.data.AUTOTUNE).cache()
train, test = dataset.take(60).batch(10), dataset.skip(60).batch(10)
for frames, _ in train.take(1):
    input_shape = frames.shape[1:]
print("Input shape:", input_shape)

model = models.Sequential(
    [
        layers.Input(shape=input_shape),
        layers.BatchNormalization(),
        layers.LSTM(16),
        layers.Dense(len(commands)),
    ]
)
model.compile(
    optimizer=tf.keras.optimizers.Adam(0.01),
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(train, epochs=12, verbose=0)
loss, accuracy = model.evaluate(test, verbose=0)
print(f"test accuracy {accuracy:.2f}")
assert accuracy >= 0.9
