"""Sequences of ids: padding, skip-grams, windows of a time series. Keras's ``preprocessing.sequence``."""

from recurra.preprocessing.padding import pad_sequences
from recurra.preprocessing.skipgram import make_sampling_table, skipgrams
from recurra.preprocessing.timeseries import TimeseriesGenerator

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]
