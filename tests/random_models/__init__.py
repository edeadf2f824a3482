"""Random whole models: made from one integer, trained for two steps, compared across all kernels and with Keras.

    python -m tests.random_models --models 20000 --first-seed 0

generator.py draws a description (spec.py) of a model, its data and its training; run.py trains what a description
says; workers.py does so in processes that run one variant of the kernels each; compare.py says what differs; shrink.py
makes a failing description small; keras_peer.py asks Keras the same.
"""
