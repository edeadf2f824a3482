"""Mutated files for every reader, each loaded in a child with little memory and time: ``python -m bench.fuzz``."""
