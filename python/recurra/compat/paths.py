"""The table of old module paths: in which public module of recurra each name lives.

Paths are relative to a root, so that "layers.core" stands for ``recurra.layers.core`` as for ``keras.layers.core``. An
entry lists its names, separated by spaces, by the module that holds them; ``module:name`` holds one under another name.
A path that others begin with is a package.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

PATHS: dict[str, dict[str, str]] = {
    # Keras 2
    "backend.tensorflow_backend": {
        "recurra.config": "epsilon floatx image_data_format set_epsilon set_floatx",
        "recurra.utils": "clear_session",
        "recurra.compat.backend": "abs all any arange argmax argmin batch_dot batch_flatten batch_get_value "
        "batch_set_value bias_add binary_crossentropy cast cast_to_floatx "
        "categorical_crossentropy clip concatenate constant conv1d conv2d cos count_params "
        "ctc_batch_cost ctc_decode cumsum dot dropout dtype elu equal eval exp expand_dims eye "
        "flatten foldl foldr function gather get_session get_uid get_value greater "
        "greater_equal hard_sigmoid identity in_test_phase in_top_k in_train_phase int_shape "
        "is_sparse l2_normalize learning_phase less less_equal log logsumexp "
        "manual_variable_initialization map_fn max maximum mean min minimum "
        "moving_average_update name_scope ndim not_equal one_hot ones ones_like "
        "permute_dimensions pool2d pow print_tensor prod random_bernoulli random_binomial "
        "random_normal random_uniform relu repeat repeat_elements reshape reverse rnn round "
        "set_learning_phase set_session set_value shape sigmoid sign sin slice softmax "
        "softplus softsign sparse_categorical_crossentropy spatial_2d_padding sqrt square "
        "squeeze stack std stop_gradient sum switch tanh temporal_padding tile transpose "
        "truncated_normal update update_add update_sub var variable zeros zeros_like",
        "recurra.compat.backend_more": "_get_available_gpus",
    },
    "engine": {"recurra.layers": "Input InputSpec Layer", "recurra.models": "Model"},
    "engine.base_layer": {"recurra.layers": "InputSpec Layer"},
    "engine.input_layer": {"recurra.layers": "Input InputLayer"},
    "engine.input_spec": {"recurra.layers": "InputSpec"},
    "engine.network": {"recurra.models:Model": "Network"},
    "engine.sequential": {"recurra.models": "Sequential"},
    "engine.topology": {
        "recurra.layers": "Input InputLayer InputSpec Layer",
        "recurra.models:Model": "Container Network",
    },
    "engine.training": {"recurra.models": "Model", "recurra.compat.keras1": "slice_X"},
    "initializations": {
        "recurra.initializers": "get glorot_normal glorot_uniform he_normal he_uniform identity lecun_uniform "
        "orthogonal",
        "recurra.initializers:Ones": "one",
        "recurra.initializers:RandomNormal": "normal",
        "recurra.initializers:RandomUniform": "uniform",
        "recurra.initializers:Zeros": "zero",
    },
    "layers.advanced_activations": {"recurra.layers": "ELU LeakyReLU PReLU ReLU Softmax"},
    "layers.convolutional": {
        "recurra.layers:Conv2DTranspose": "Deconvolution2D",
        "recurra.layers:Conv1D": "AtrousConvolution1D",
        "recurra.layers": "AveragePooling1D AveragePooling2D Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D "
        "Conv3DTranspose Convolution1D Convolution2D Convolution3D Cropping1D Cropping2D Cropping3D "
        "DepthwiseConv1D "
        "DepthwiseConv2D MaxPooling1D MaxPooling2D SeparableConv1D SeparableConv2D UpSampling1D UpSampling2D "
        "ZeroPadding1D ZeroPadding2D ZeroPadding3D",
    },
    "layers.convolutional_recurrent": {"recurra.layers": "ConvLSTM1D ConvLSTM2D ConvLSTM3D"},
    "layers.core": {
        "recurra.layers": "Activation Dense Dropout Flatten Lambda Masking Merge Permute RepeatVector Reshape "
        "SpatialDropout1D SpatialDropout2D SpatialDropout3D TimeDistributedDense"
    },
    "layers.embeddings": {"recurra.layers": "Embedding"},
    "experimental": {
        "recurra.layers": "PeepholeLSTMCell",
        "recurra.optimizers.schedules": "CosineDecay CosineDecayRestarts",
    },
    "layers.experimental": {
        "recurra.layers": "EinsumDense",
        "recurra.layers:BatchNormalization": "SyncBatchNormalization",
    },
    "layers.experimental.preprocessing": {
        "recurra.layers": "CategoryEncoding CenterCrop Discretization Hashing IntegerLookup Normalization Rescaling "
        "Resizing StringLookup TextVectorization"
    },
    "layers.local": {"recurra.layers": "LocallyConnected1D"},
    "layers.merge": {
        "recurra.layers": "Add Average Concatenate Dot Maximum Minimum Multiply Subtract "
        "add average concatenate dot maximum minimum multiply subtract"
    },
    "layers.noise": {"recurra.layers": "AlphaDropout GaussianDropout GaussianNoise"},
    "layers.pooling": {
        "recurra.layers": "AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D "
        "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAvgPool1D GlobalMaxPool1D GlobalMaxPooling1D "
        "GlobalMaxPooling2D MaxPool1D MaxPool2D MaxPooling1D MaxPooling2D MaxPooling3D"
    },
    "layers.wrappers": {"recurra.layers": "Bidirectional TimeDistributed Wrapper"},
    "mixed_precision": {
        "recurra.config": "DTypePolicy Policy dtype_policy global_policy set_dtype_policy set_global_policy",
        "recurra.optimizers": "LossScaleOptimizer",
    },
    "mixed_precision.experimental": {
        "recurra.config": "Policy global_policy set_policy",
        "recurra.optimizers": "LossScaleOptimizer",
    },
    "objectives": {
        "recurra.losses": "KLD MAE MAPE MSE MSLE binary_crossentropy categorical_crossentropy categorical_hinge "
        "cosine_similarity deserialize get hinge kullback_leibler_divergence logcosh mae mape "
        "mean_absolute_error mean_absolute_percentage_error mean_squared_error "
        "mean_squared_logarithmic_error mse msle poisson serialize sparse_categorical_crossentropy "
        "squared_hinge"
    },
    "optimizers.adadelta_v2": {"recurra.optimizers": "Adadelta"},
    "optimizers.adagrad_v2": {"recurra.optimizers": "Adagrad"},
    "optimizers.adam_v2": {"recurra.optimizers": "Adam"},
    "optimizers.adamax_v2": {"recurra.optimizers": "Adamax"},
    "optimizers.gradient_descent_v2": {"recurra.optimizers": "SGD"},
    "optimizers.nadam_v2": {"recurra.optimizers": "Nadam"},
    "optimizers.rmsprop_v2": {"recurra.optimizers": "RMSprop"},
    "optimizers.legacy": {"recurra.optimizers": "SGD Adadelta Adagrad Adam Adamax Nadam RMSprop"},
    **{
        f"{root}.{module}": {"recurra.optimizers": name}
        for root in ("optimizer_v2", "optimizers.optimizer_v2")
        for module, name in (
            ("adadelta", "Adadelta"),
            ("adagrad", "Adagrad"),
            ("adam", "Adam"),
            ("adamax", "Adamax"),
            ("gradient_descent", "SGD"),
            ("nadam", "Nadam"),
            ("rmsprop", "RMSprop"),
        )
    },
    "optimizer_v2": {},
    "optimizer_v2.learning_rate_schedule": {
        "recurra.optimizers.schedules": "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay "
        "LearningRateSchedule PiecewiseConstantDecay PolynomialDecay"
    },
    "optimizers.optimizer_v2": {},
    "utils.data_utils": {"recurra.utils": "Sequence get_file"},
    "utils.generic_utils": {
        "recurra.utils": "CustomObjectScope Progbar custom_object_scope deserialize_keras_object get_custom_objects "
        "serialize_keras_object",
        "recurra.compat.older_names": "has_arg",
    },
    "utils.io_utils": {"recurra.compat.hdf5_matrix": "HDF5Matrix"},
    "utils.layer_utils": {"recurra.compat.older_names": "print_summary"},
    "utils.multi_gpu_utils": {"recurra.compat.older_names": "multi_gpu_model"},
    "utils.np_utils": {"recurra.utils": "normalize to_categorical"},
    "utils.training_utils": {"recurra.compat.older_names": "multi_gpu_model"},
    "utils.vis_utils": {"recurra.utils": "plot_model", "recurra.compat.model_dot": "model_to_dot"},
    "utils.visualize_util": {"recurra.utils:plot_model": "plot", "recurra.compat.model_dot": "model_to_dot"},
    # TensorFlow
    "data.experimental": {
        "recurra.data": "AUTOTUNE INFINITE_CARDINALITY UNKNOWN_CARDINALITY",
        "recurra.compat.calls": "cardinality",
    },
    "train": {"recurra.saving": "latest_checkpoint"},
}

#: modules that were functions in Keras 1
CALLED = {"layers.merge": "recurra.compat.keras1:merge"}


def at(home: str, name: str) -> Any:
    """What ``module`` or ``module:other`` holds under `name` or under the other one; ``module:`` is the module."""
    place, colon, other = home.partition(":")
    found = import_module(place)
    return getattr(found, other or name) if other or not colon else found


def homes(path: str) -> dict[str, str]:
    """Each name of an old module, with the module that holds it."""
    return {name: home for home, names in PATHS[path].items() for name in names.split()}


def is_package(path: str) -> bool:
    """Whether other paths of the table begin with this one."""
    return any(other.startswith(f"{path}.") for other in PATHS)
