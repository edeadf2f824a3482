# Next-word model on n-grams of lines, in the style of Keras 2.2 scripts.
import numpy as np
from keras.preprocessing.sequence import pad_sequences
from keras.layers import Embedding, LSTM, Dense, Dropout
from keras.preprocessing.text import Tokenizer
from keras.callbacks import EarlyStopping
from keras.models import Sequential
from keras.optimizers import Adam
import keras.utils as ku
from tensorflow import set_random_seed
from numpy.random import seed

set_random_seed(2)
seed(1)

data = """the cat sat on the mat
the dog sat on the log
a bird flew over the house
a fish swam under the boat
the cat ate a small fish"""

tokenizer = Tokenizer()


def dataset_preparation(data):
    corpus = data.lower().split("\n")
    tokenizer.fit_on_texts(corpus)
    total_words = len(tokenizer.word_index) + 1
    input_sequences = []
    for line in corpus:
        token_list = tokenizer.texts_to_sequences([line])[0]
        for i in range(1, len(token_list)):
            input_sequences.append(token_list[: i + 1])
    max_sequence_len = max(len(x) for x in input_sequences)
    input_sequences = np.array(pad_sequences(input_sequences, maxlen=max_sequence_len, padding="pre"))
    predictors, label = input_sequences[:, :-1], input_sequences[:, -1]
    label = ku.to_categorical(label, num_classes=total_words)
    return predictors, label, max_sequence_len, total_words


def create_model(predictors, label, max_sequence_len, total_words):
    model = Sequential()
    model.add(Embedding(total_words, 10, input_length=max_sequence_len - 1))
    model.add(LSTM(32, return_sequences=True))
    model.add(Dropout(0.1))
    model.add(LSTM(24))
    model.add(Dense(total_words, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=Adam(lr=0.01), metrics=["accuracy"])
    earlystop = EarlyStopping(monitor="loss", min_delta=0, patience=5, verbose=0, mode="auto")
    history = model.fit(predictors, label, epochs=60, verbose=0, callbacks=[earlystop])
    print(model.summary())
    return model, history


def generate_text(seed_text, next_words, max_sequence_len):
    for _ in range(next_words):
        token_list = tokenizer.texts_to_sequences([seed_text])[0]
        token_list = pad_sequences([token_list], maxlen=max_sequence_len - 1, padding="pre")
        predicted = model.predict_classes(token_list, verbose=0)
        output_word = ""
        for word, index in tokenizer.word_index.items():
            if index == predicted:
                output_word = word
                break
        seed_text += " " + output_word
    return seed_text


predictors, label, max_sequence_len, total_words = dataset_preparation(data)
model, history = create_model(predictors, label, max_sequence_len, total_words)
print(generate_text("the dog", 4, max_sequence_len))
assert history.history["loss"][-1] < 1.5 < history.history["loss"][0]
assert generate_text("a bird", 4, max_sequence_len).startswith("a bird")
