# Sequences of unequal length, written as TFRecord files and read back into a GRU.
import os
import tempfile

import numpy as np
import tensorflow as tf

tf.random.set_seed(2)
rng = np.random.default_rng(2)
folder = tempfile.mkdtemp()


def int64_feature(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def bytes_feature(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def write(path, n):
    with tf.io.TFRecordWriter(path, options=tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for number in range(n):
            ids = rng.integers(1, 9, rng.integers(4, 12))
            features = tf.train.Features(
                feature={
                    "ids": int64_feature(ids),
                    "label": int64_feature([int((ids == 3).any())]),
                    "name": bytes_feature(f"row {number}".encode()),
                }
            )
            writer.write(tf.train.Example(features=features).SerializeToString())


paths = [os.path.join(folder, f"part-{part}.tfrecord") for part in range(2)]
for path in paths:
    write(path, 300)

description = {
    "ids": tf.io.VarLenFeature(tf.int64),
    "label": tf.io.FixedLenFeature([], tf.int64),
    "name": tf.io.FixedLenFeature([], tf.string, default_value=""),
}


def parse(record):
    example = tf.io.parse_single_example(record, description)
    return tf.sparse.to_dense(example["ids"]), tf.cast(example["label"], tf.float32)


AUTOTUNE = tf.data.experimental.AUTOTUNE
records = tf.data.TFRecordDataset(paths, compression_type="GZIP", num_parallel_reads=AUTOTUNE)
print(tf.io.parse_single_example(next(iter(records)), description)["name"].numpy())
dataset = records.map(parse, num_parallel_calls=AUTOTUNE).cache().shuffle(600)
dataset = dataset.padded_batch(32, padded_shapes=([None], [])).prefetch(AUTOTUNE)

model = tf.keras.Sequential(
    [
        tf.keras.layers.Embedding(9, 8, mask_zero=True),
        tf.keras.layers.GRU(16),
        tf.keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=tf.keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(dataset, epochs=6, verbose=0)
print(f"accuracy {history.history['accuracy'][-1]:.3f}")
assert history.history["accuracy"][-1] > 0.95
