"""``keras.optimizers.legacy`` of late Keras 2: the same optimizers as in ``recurra.optimizers``."""

from recurra.optimizers.adagrad import Adadelta, Adagrad
from recurra.optimizers.adam import Adam, Adamax, Nadam
from recurra.optimizers.rmsprop import RMSprop
from recurra.optimizers.sgd import SGD

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "Adamax", "Nadam", "RMSprop"]
