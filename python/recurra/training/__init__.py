"""Training: losses, metrics, optimizers, callbacks and the loop that joins them.

The front doors with Keras's import paths are ``recurra.losses``, ``recurra.metrics``, ``recurra.optimizers`` and
``recurra.callbacks``.
"""
