"""The table of TensorFlow's inner modules that programs import from: where each name lives here.

Paths are relative to ``tensorflow``; an entry lists its names, separated by spaces, by the module that holds them.
"""

from __future__ import annotations

_TF = "recurra.compat.tf"

PATHS: dict[str, dict[str, str]] = {
    "python": {},
    "python.client": {},
    "python.client.device_lib": {f"{_TF}.config": "list_local_devices"},
    "python.framework": {},
    "python.framework.ops": {_TF: "Tensor convert_to_tensor name_scope", f"{_TF}.compat.v1": "reset_default_graph"},
    "python.framework.dtypes": {f"{_TF}.dtypes": "DType as_dtype bool float16 float32 float64 int32 int64 string"},
    "python.framework.tensor_shape": {_TF: "TensorShape"},
    "python.ops": {},
    "python.ops.array_ops": {
        _TF: "concat expand_dims gather ones ones_like reshape shape squeeze stack tile transpose unstack where zeros "
        "zeros_like"
    },
    "python.ops.math_ops": {
        _TF: "add argmax cast exp matmul maximum minimum multiply reduce_max reduce_mean reduce_min reduce_sum sigmoid "
        "sqrt square tanh tensordot"
    },
    "python.ops.nn_ops": {f"{_TF}.nn": "dropout log_softmax relu softmax"},
    "python.platform": {},
    "python.platform.gfile": {f"{_TF}.io.gfile": "GFile exists glob listdir makedirs"},
    "python.util": {f"{_TF}:nest": "nest"},
}


def homes(path: str) -> dict[str, str]:
    """Each name of an inner module, with the module that holds it."""
    return {name: home for home, names in PATHS[path].items() for name in names.split()}
