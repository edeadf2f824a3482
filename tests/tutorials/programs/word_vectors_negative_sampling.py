# Word vectors by skip-grams and negative sampling: pairs of words, a sampler of other words, two embeddings.
import io
import re
import string

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

SEED = 42
AUTOTUNE = tf.data.AUTOTUNE
num_ns = 4

sentence = "The old boat rocked on the calm lake"
tokens = list(sentence.lower().split())
vocab, index = {}, 1
vocab["<pad>"] = 0
for token in tokens:
    if token not in vocab:
        vocab[token] = index
        index += 1
inverse_vocab = {index: token for token, index in vocab.items()}
example_sequence = [vocab[word] for word in tokens]
positive_skip_grams, _ = tf.keras.preprocessing.sequence.skipgrams(
    example_sequence, vocabulary_size=len(vocab), window_size=2, negative_samples=0, seed=SEED
)
assert len(positive_skip_grams) == 26
target_word, context_word = positive_skip_grams[0]
context_class = tf.reshape(tf.constant(context_word, dtype="int64"), (1, 1))
negative_sampling_candidates, _, _ = tf.random.log_uniform_candidate_sampler(
    true_classes=context_class,
    num_true=1,
    num_sampled=num_ns,
    unique=True,
    range_max=len(vocab),
    seed=SEED,
    name="negative_sampling",
)
print([inverse_vocab[index.numpy()] for index in negative_sampling_candidates])

rng = np.random.default_rng(0)
themes = [[f"{kind}{i}" for i in range(8)] for kind in ("sea", "farm", "town")]
with open("corpus.txt", "w") as corpus:
    for number in range(150):
        words = rng.choice(themes[number % 3], size=9)
        corpus.write(" ".join(words).capitalize() + (".\n", "!\n\n")[number % 2])

text_ds = tf.data.TextLineDataset("corpus.txt").filter(lambda x: tf.cast(tf.strings.length(x), bool))


def custom_standardization(input_data):
    lowercase = tf.strings.lower(input_data)
    return tf.strings.regex_replace(lowercase, "[%s]" % re.escape(string.punctuation), "")


vocab_size = 32
vectorize_layer = layers.TextVectorization(
    standardize=custom_standardization, max_tokens=vocab_size, output_mode="int", output_sequence_length=10
)
vectorize_layer.adapt(text_ds.batch(1024))
inverse_vocab = vectorize_layer.get_vocabulary()
text_vector_ds = text_ds.batch(1024).prefetch(AUTOTUNE).map(vectorize_layer).unbatch()
sequences = list(text_vector_ds.as_numpy_iterator())
assert len(sequences) == 150 and sequences[0].shape == (10,) and sequences[0][-1] == 0


def generate_training_data(sequences, window_size, num_ns, vocab_size, seed):
    targets, contexts, labels = [], [], []
    sampling_table = tf.keras.preprocessing.sequence.make_sampling_table(vocab_size, sampling_factor=0.05)
    for sequence in sequences:
        positive_skip_grams, _ = tf.keras.preprocessing.sequence.skipgrams(
            sequence,
            vocabulary_size=vocab_size,
            sampling_table=sampling_table,
            window_size=window_size,
            negative_samples=0,
        )
        for target_word, context_word in positive_skip_grams:
            context_class = tf.expand_dims(tf.constant([context_word], dtype="int64"), 1)
            negative_sampling_candidates, _, _ = tf.random.log_uniform_candidate_sampler(
                true_classes=context_class,
                num_true=1,
                num_sampled=num_ns,
                unique=True,
                range_max=vocab_size,
                seed=seed,
                name="negative_sampling",
            )
            context = tf.concat([tf.squeeze(context_class, 1), negative_sampling_candidates], 0)
            label = tf.constant([1] + [0] * num_ns, dtype="int64")
            targets.append(target_word)
            contexts.append(context)
            labels.append(label)
    return targets, contexts, labels


targets, contexts, labels = generate_training_data(sequences, 2, num_ns, vocab_size, SEED)
targets, contexts, labels = np.array(targets), np.array(contexts), np.array(labels)
print(targets.shape, contexts.shape, labels.shape)
assert contexts.shape == labels.shape == (len(targets), 5) and contexts.dtype == "int64"
assert len(np.unique(contexts[:, 1])) > 10  # each call draws anew, with one seed too

dataset = tf.data.Dataset.from_tensor_slices(((targets, contexts), labels))
dataset = dataset.shuffle(10000).batch(64, drop_remainder=True)
dataset = dataset.cache().prefetch(buffer_size=AUTOTUNE)


class Word2Vec(tf.keras.Model):
    def __init__(self, vocab_size, embedding_dim):
        super().__init__()
        self.target_embedding = layers.Embedding(vocab_size, embedding_dim, name="w2v_embedding")
        self.context_embedding = layers.Embedding(vocab_size, embedding_dim)

    def call(self, pair):
        target, context = pair
        if len(target.shape) == 2:
            target = tf.squeeze(target, axis=1)
        word_emb = self.target_embedding(target)
        context_emb = self.context_embedding(context)
        dots = tf.einsum("be,bce->bc", word_emb, context_emb)
        return dots


word2vec = Word2Vec(vocab_size, 16)
word2vec.compile(
    optimizer=tf.keras.optimizers.Adam(0.02),
    loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = word2vec.fit(dataset, epochs=15, verbose=2)
word2vec.summary()
assert history.history["loss"][-1] < history.history["loss"][0] - 0.2

weights = word2vec.get_layer("w2v_embedding").get_weights()[0]
out_v = io.open("vectors.tsv", "w", encoding="utf-8")
out_m = io.open("metadata.tsv", "w", encoding="utf-8")
for index, word in enumerate(inverse_vocab):
    if index == 0:
        continue
    out_v.write("\t".join([str(x) for x in weights[index]]) + "\n")
    out_m.write(word + "\n")
out_v.close()
out_m.close()
vectors = np.loadtxt("vectors.tsv", delimiter="\t")[1:]
theme = np.array([line.strip("0123456789\n") for line in open("metadata.tsv")][1:])
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
alike = vectors @ vectors.T
same = theme[:, None] == theme
near, far = alike[same & ~np.eye(len(theme), dtype=bool)].mean(), alike[~same].mean()
print(f"cosine within a theme {near:.2f}, between themes {far:.2f}")
assert near > far + 0.4
