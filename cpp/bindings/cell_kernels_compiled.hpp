// The definitions behind cell_kernels.hpp, for the source files that compile them.
#pragma once
#include <stdexcept>

#include "cell_kernels.hpp"

namespace recurra::bindings {

template <class Cell, class T>
CellCache<Cell, T> CellKernels<Cell, T>::forward(const SequenceCall<T>& call, KeptWeights* kept, T* y, T* h, T* c) {
  CellCache<Cell, T> cache;
  const bool again = kept && kept->asked_again();
  if (is_small(call) && !again) {
    cache.small = SequenceSmall<Cell, T>::forward(call, y, h, c);
    return cache;
  }
  auto weights = kept ? kept->get<Cell>(call) : nullptr;
  if (kept && !weights)
    throw std::invalid_argument("kept_weights must be of this layer alone: another's cell, dtype or sizes are in it");
  cache.sequence = SequenceForward<Cell, T>::run(call, y, h, c, std::move(weights));
  return cache;
}

template <class Cell, class T>
void CellKernels<Cell, T>::backward(CellCache<Cell, T>& cache, StepRows<T> dy, const T* dh, const T* dc,
                                    const SequenceGradients<T>& gradients) {
  if (cache.small) SequenceSmall<Cell, T>::backward(*cache.small, dy, dh, dc, gradients);
  else SequenceBackward<Cell, T>::run(*cache.sequence, dy, dh, dc, gradients);
}

}  // namespace recurra::bindings
