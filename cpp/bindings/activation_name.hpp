/// The kernels' activations by name.
#pragma once
#include "recurra/linalg/activations.hpp"

#include "arrays.hpp"

namespace recurra::bindings {

inline Activation activation_named(py::handle object, const char* argument) {
  const std::string text = to_string(object, argument);
  if (text == "tanh") return Activation::tanh;
  if (text == "sigmoid") return Activation::sigmoid;
  if (text == "relu") return Activation::relu;
  if (text == "hard_sigmoid") return Activation::hard_sigmoid;
  if (text == "linear") return Activation::linear;
  throw py::value_error(std::string(argument) +
                        " must be 'tanh', 'sigmoid', 'relu', 'hard_sigmoid' or 'linear', got '" + text + "'");
}

}  // namespace recurra::bindings
