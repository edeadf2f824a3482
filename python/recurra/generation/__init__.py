"""Text and other token sequences from a trained model: samplers, streaming, beam search.

    >>> from recurra.generation import Sampler, generate
    >>> Sampler(temperature=0.8, top_k=20, seed=1)
    Sampler(temperature=0.8, top_k=20, top_p=1.0, seed=1)

`model` is anything that predicts the next token of a sequence: a :class:`StepModel`, or a recurrent ``Sequential`` of
``Embedding → LSTM/GRU/SimpleRNN … → Dense``, which :class:`Stepper` takes through one token at a time with the state
carried, so that a token costs the same wherever in the text it stands. Where the kernels know all of its layers, many
tokens are made in one call of them.
"""

from recurra.generation.beam import Beam, beam_search
from recurra.generation.sampling import Sampler
from recurra.generation.stepping import StepModel, Stepper, as_step_model
from recurra.generation.streaming import generate, stream

__all__ = ["Beam", "Sampler", "StepModel", "Stepper", "as_step_model", "beam_search", "generate", "stream"]
