"""Layers and cells that a user would write, for recurra and for Keras alike."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def own_layers(layers: Any, ops: Any, saving: Any) -> SimpleNamespace:
    """The classes, on top of a package's `layers` and `ops`, and registered in its `saving`."""

    class DecayCell(layers.Layer):  # type: ignore[misc]
        """One state: ``s = tanh(x W + s * decay)``; the output is its square root's stand-in, ``s * gate``."""

        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.state_size = units

        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
            self.decay = self.add_weight(shape=(self.units,), name="decay")
            self.built = True

        def call(self, inputs: Any, states: Any) -> Any:
            state = ops.tanh(ops.matmul(inputs, self.kernel) + states[0] * self.decay)
            return state * ops.sigmoid(self.decay), [state]

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    class TwoStatesCell(layers.Layer):  # type: ignore[misc]
        """Two states of different sizes."""

        def __init__(self, units: int, memory: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.memory = units, memory
            self.state_size = [units, memory]
            self.output_size = units

        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
            self.reading = self.add_weight(shape=(self.memory, self.units), name="reading")
            self.writing = self.add_weight(shape=(self.units, self.memory), name="writing")
            self.built = True

        def call(self, inputs: Any, states: Any) -> Any:
            h, m = states
            h = ops.tanh(ops.matmul(inputs, self.kernel) + 0.5 * h + ops.matmul(m, self.reading))
            m = 0.5 * m + ops.sum(ops.expand_dims(h, -1) * ops.expand_dims(self.writing, 0), axis=1)
            return h, [h, m]

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units, "memory": self.memory}

    class Penalized(layers.Layer):  # type: ignore[misc]
        """A learned scale, and a loss added in the call."""

        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight(shape=(input_shape[-1],), name="scale")
            self.built = True

        def call(self, inputs: Any) -> Any:
            self.add_loss(0.1 * ops.mean(ops.square(inputs)))
            return inputs * self.scale

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    classes = {"DecayCell": DecayCell, "TwoStatesCell": TwoStatesCell, "Penalized": Penalized}
    if "DropoutRNNCell" in getattr(layers, "__all__", ()):

        class DroppingCell(DecayCell, layers.DropoutRNNCell):  # type: ignore[misc]
            """A cell with the masks of DropoutRNNCell."""

            def __init__(self, units: int, dropout: float, recurrent_dropout: float, seed: int, **kwargs: Any) -> None:
                super().__init__(units, **kwargs)
                self.dropout, self.recurrent_dropout, self.seed = dropout, recurrent_dropout, seed
                from recurra.random import SeedGenerator

                self.seed_generator = SeedGenerator(seed)

            def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
                if training:
                    inputs = inputs * self.get_dropout_mask(inputs)
                    states = [states[0] * self.get_recurrent_dropout_mask(states[0])]
                return super().call(inputs, states)

            def get_config(self) -> dict[str, Any]:
                own = {"dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout, "seed": self.seed}
                return {**super().get_config(), **own}

        classes["DroppingCell"] = DroppingCell
    return SimpleNamespace(**{name: saving.register_keras_serializable("own")(one) for name, one in classes.items()})
