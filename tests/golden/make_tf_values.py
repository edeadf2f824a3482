"""Writes tf_values.json with the TensorFlow that is installed: ``python -m tests.golden.make_tf_values``."""

from __future__ import annotations

import json

import tensorflow as tf

from tests.golden.tf_cases import EXPRESSIONS, GOLDEN, described, space_of

if __name__ == "__main__":
    space = space_of(tf)
    values = {line: described(eval(line, space)) for line in EXPRESSIONS}
    lines = [f"{json.dumps(line)}: {json.dumps(value)}" for line, value in values.items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(values)} values by TensorFlow {tf.__version__}")
