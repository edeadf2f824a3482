"""Training: the loop of ``fit``, ``evaluate`` and ``predict``, one step of it, and the batches that it takes."""
