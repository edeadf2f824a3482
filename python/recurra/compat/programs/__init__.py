"""Programs and notebooks written for TensorFlow or Keras: what of them is here, and running them as they stand.

sources.py reads scripts and notebooks, names.py finds what a dotted name stands for, check.py walks a program's syntax
tree, report.py says what was found, run.py runs a program as Python would, figures.py is matplotlib's backend for
notebooks.
"""
