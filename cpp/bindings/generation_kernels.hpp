// Generation, declared for generation.cpp and compiled in generation_kernels.cpp, which does not include pybind11.
#pragma once
#include "recurra/generation/beam.hpp"
#include "recurra/generation/generate.hpp"
#include "tiles.hpp"

namespace recurra::bindings {

template <class T>
struct GenerationKernels {
  static Generated generate(Network<T>& network, GenerateCall<T>& call);
  static std::vector<BeamResult> beam_search(Network<T>& network, const std::int32_t* prompt, Index N,
                                             const std::vector<LayerState<const T>>& states, const BeamRule& rule,
                                             const std::function<void()>& poll);
};

}  // namespace recurra::bindings
