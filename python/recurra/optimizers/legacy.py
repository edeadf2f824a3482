"""``keras.optimizers.legacy`` of late Keras 2: the same optimizers as in ``recurra.optimizers``."""

from recurra.training.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, Nadam, RMSprop

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "Adamax", "Nadam", "RMSprop"]
