"""Older spellings, at the border: nothing here is imported before it is asked for.

paths.py is the table of Keras 2's module paths, finder.py makes modules from it when the import system finds no other,
backend.py holds the functions of Keras 2's ``keras.backend``, calls.py the calls that models and datasets had.
"""
