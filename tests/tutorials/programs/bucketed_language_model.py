# Sentences of unequal length: a lookup table, ragged tensors, buckets by length, perplexity with a mask.
import numpy as np
import tensorflow as tf

tf.keras.utils.set_random_seed(6)
sentences = ["the cat sleeps", "the dog sees the cat", "a bird sings", "the bird sees a dog and a cat", "a dog sleeps"] * 12
words = tf.strings.split(tf.constant(sentences))
print(words.shape, words[0].numpy(), words.row_lengths().numpy()[:5])
vocabulary = sorted(set(" ".join(sentences).split()))
init = tf.lookup.KeyValueTensorInitializer(keys=tf.constant(vocabulary), values=tf.range(2, len(vocabulary) + 2, dtype=tf.int64))
table = tf.lookup.StaticVocabularyTable(init, num_oov_buckets=1)
print("size", table.size().numpy(), "unknown", table.lookup(tf.constant(["fox"])).numpy())


def encode(text):
    ids = table.lookup(tf.strings.split(tf.strings.lower(text)))
    return tf.concat([tf.constant([1], dtype=tf.int64), ids], axis=0)


dataset = tf.data.Dataset.from_tensor_slices(sentences).map(encode, num_parallel_calls=tf.data.AUTOTUNE)
dataset = dataset.shuffle(60, seed=1).map(lambda ids: (ids[:-1], ids[1:]))
dataset = dataset.apply(tf.data.experimental.bucket_by_sequence_length(lambda x, y: tf.shape(x)[0], [4, 6], [8, 8, 8]))
shapes = set(tuple(x.shape) for x, y in dataset)
print(shapes)
padded = tf.data.Dataset.from_generator(lambda: ([1, 2, 3][:n] for n in (1, 3, 2)), output_signature=tf.TensorSpec(shape=(None,), dtype=tf.int32))
for batch in padded.padded_batch(3, padded_shapes=(None,), padding_values=-1):
    print(batch.numpy())
ragged = tf.data.Dataset.from_tensor_slices(tf.ragged.constant([[1, 2], [3], [4, 5, 6]])).batch(2)
print([r.to_tensor().numpy().tolist() for r in ragged])

inputs = tf.keras.Input(shape=(None,), dtype=tf.int64)
x = tf.keras.layers.Embedding(len(vocabulary) + 3, 12)(inputs)
x = tf.keras.layers.GRU(24, return_sequences=True)(x)
outputs = tf.keras.layers.Dense(len(vocabulary) + 3)(x)
model = tf.keras.Model(inputs, outputs)


def masked_loss(y_true, y_pred):
    loss = tf.keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
    mask = tf.cast(y_true != 0, loss.dtype)
    return tf.reduce_sum(loss * mask) / tf.reduce_sum(mask)


def perplexity(y_true, y_pred):
    return tf.exp(masked_loss(y_true, y_pred))


model.compile(optimizer=tf.keras.optimizers.Adam(0.01), loss=masked_loss, metrics=[perplexity])
history = model.fit(dataset, epochs=12, verbose=0)
print("perplexity", history.history["perplexity"][0], "->", history.history["perplexity"][-1])
assert history.history["perplexity"][-1] < 0.6 * history.history["perplexity"][0]
assert len(shapes) > 1
