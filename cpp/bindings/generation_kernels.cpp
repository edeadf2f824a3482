#include "generation_kernels.hpp"

namespace recurra::bindings {

template <class T>
Generated GenerationKernels<T>::generate(Network<T>& network, GenerateCall<T>& call) {
  return recurra::generate(network, call);
}

template <class T>
std::vector<BeamResult> GenerationKernels<T>::beam_search(Network<T>& network, const std::int32_t* prompt, Index N,
                                                          const std::vector<LayerState<const T>>& states,
                                                          const BeamRule& rule, const std::function<void()>& poll) {
  return BeamSearch<T>::run(network, prompt, N, states, rule, poll);
}

template struct GenerationKernels<float>;
template struct GenerationKernels<double>;

}  // namespace recurra::bindings
