"""Training steps without a tape: a model's step is recorded at the first batch of a shape and replayed for the next.

The first batch of each shape takes the ordinary step, in which the layers are called under a ``GradientTape`` and
everything is checked. If the model's layers have steps that can be recorded, later batches of that shape run a
list of steps forwards, the loss, the list backwards and the optimizer: the same kernels on the same arrays in the same
order, so the same bits, without what a call of a layer costs in Python.

:mod:`.layers`
    steps of single layers: dense and recurrent ones on arrays, any other run of layers under a tape of its own
:mod:`.bidirectional`
    the step of a Bidirectional layer
:mod:`.chain`
    a model as a list of such steps, or None
:mod:`.joins`
    steps of calls that read or put out several values
:mod:`.states`
    steps of recurrent layers that are given or put out states
:mod:`.branches`
    any other model of layers as such steps: with several inputs or outputs, branches, layers called more than once
:mod:`.head`
    from the last step's outputs to the loss and back
:mod:`.recording`
    the whole, for batches of one shape
:mod:`.kept`
    the recordings of a model, and when they may be replayed
"""
