// The definitions behind sequence_kernels.hpp, for the source files that compile them.
#pragma once
#include <stdexcept>

#include "sequence_kernels.hpp"

namespace recurra::bindings {

template <class T>
RecurrentCache<T> SequenceKernels<T>::forward(const CellFunctions<T>& cell, const SequenceCall<T>& call,
                                              PackedWeightsCache* weights_cache, T* y, T* h, T* c) {
  RecurrentCache<T> cache;
  const bool again = weights_cache && weights_cache->requested_before();
  if (is_small(call) && !again) {
    cache.small = SmallForward<T>::run(cell, call, y, h, c);
    return cache;
  }
  auto weights = weights_cache ? weights_cache->get(cell.declaration, call) : nullptr;
  if (weights_cache && !weights)
    throw std::invalid_argument(
        "packed_weights must belong to this layer alone: it holds the weights of another cell, dtype or size");
  cache.sequence = SequenceForward<T>::run(cell, call, y, h, c, std::move(weights));
  return cache;
}

template <class T>
void SequenceKernels<T>::backward(RecurrentCache<T>& cache, StridedRows<T> dy, const T* dh, const T* dc,
                                  const SequenceGradients<T>& gradients) {
  if (cache.small) SmallBackward<T>::run(*cache.small, dy, dh, dc, gradients);
  else SequenceBackward<T>::run(*cache.sequence, dy, dh, dc, gradients);
}

}  // namespace recurra::bindings
