# tf.data of texts, TextVectorization as the first layer, BinaryCrossentropy from logits.
import re
import string

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, losses

tf.random.set_seed(4)
good = ["great", "superb", "lovely"]
bad = ["poor", "weak", "bland"]
rng = np.random.default_rng(1)
texts, labels = [], []
for k in range(160):
    label = int(rng.integers(0, 2))
    words = list(rng.choice(["movie", "was", "the", "a", "plot<br />", "cast,"], 6)) + [str(rng.choice(good if label else bad))]
    rng.shuffle(words)
    texts.append(" ".join(words).capitalize() + "!")
    labels.append(label)

raw_train_ds = tf.data.Dataset.from_tensor_slices((texts[:128], labels[:128])).shuffle(128, seed=1).batch(16)
raw_test_ds = tf.data.Dataset.from_tensor_slices((texts[128:], labels[128:])).batch(16)
for example, label in raw_train_ds.take(1):
    print("texts: ", example.numpy()[:3])
    print("labels: ", label.numpy()[:3])


def custom_standardization(input_data):
    lowercase = tf.strings.lower(input_data)
    stripped_html = tf.strings.regex_replace(lowercase, "<br />", " ")
    return tf.strings.regex_replace(stripped_html, "[%s]" % re.escape(string.punctuation), "")


vectorize_layer = layers.TextVectorization(
    standardize=custom_standardization, max_tokens=100, output_mode="int", output_sequence_length=10
)
train_text = raw_train_ds.map(lambda x, y: x)
vectorize_layer.adapt(train_text)


def vectorize_text(text, label):
    text = tf.expand_dims(text, -1)
    return vectorize_layer(text), label


text_batch, label_batch = next(iter(raw_train_ds))
first_review, first_label = text_batch[0], label_batch[0]
print("Review", first_review)
print("Vectorized review", vectorize_text(first_review, first_label))
print("3 --->", vectorize_layer.get_vocabulary()[3])
assert sorted(vectorize_layer.get_vocabulary()[2:]) == sorted({"movie", "was", "the", "a", "plot", "cast", *good, *bad})

AUTOTUNE = tf.data.AUTOTUNE
train_ds = raw_train_ds.map(vectorize_text).cache().prefetch(buffer_size=AUTOTUNE)
test_ds = raw_test_ds.map(vectorize_text, num_parallel_calls=AUTOTUNE).cache().prefetch(buffer_size=AUTOTUNE)
model = tf.keras.Sequential([
    layers.Embedding(len(vectorize_layer.get_vocabulary()), 16, mask_zero=True),
    layers.Bidirectional(layers.LSTM(12)),
    layers.Dense(8, activation="relu"),
    layers.Dense(1),
])
model.compile(loss=losses.BinaryCrossentropy(from_logits=True), optimizer=tf.keras.optimizers.Adam(1e-2), metrics=["accuracy"])
history = model.fit(train_ds, validation_data=test_ds, epochs=6, verbose=0)
test_loss, test_acc = model.evaluate(test_ds, verbose=0)
print("Test Loss:", test_loss, "Test Accuracy:", test_acc)
assert test_acc > 0.9
export_model = tf.keras.Sequential([vectorize_layer, model, layers.Activation("sigmoid")])
export_model.compile(loss=losses.BinaryCrossentropy(from_logits=False), optimizer="adam", metrics=["accuracy"])
examples = tf.constant(["The movie was great!", "The movie was poor."])
found = export_model.predict(examples)
print(found)
assert found[0, 0] > 0.5 > found[1, 0]
