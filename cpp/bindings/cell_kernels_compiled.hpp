// The definitions behind cell_kernels.hpp, for the source files that compile them.
#pragma once
#include <stdexcept>

#include "cell_kernels.hpp"

namespace recurra::bindings {

template <class Cell, class T>
CellCache<Cell, T> CellKernels<Cell, T>::forward(const SequenceCall<T>& call, PackedWeightsCache* weights_cache, T* y,
                                                 T* h, T* c) {
  CellCache<Cell, T> cache;
  const bool again = weights_cache && weights_cache->requested_before();
  if (is_small(call) && !again) {
    cache.small = SmallSequence<Cell, T>::forward(call, y, h, c);
    return cache;
  }
  auto weights = weights_cache ? weights_cache->get<Cell>(call) : nullptr;
  if (weights_cache && !weights)
    throw std::invalid_argument(
        "packed_weights must belong to this layer alone: it holds the weights of another cell, dtype or size");
  cache.sequence = SequenceForward<Cell, T>::run(call, y, h, c, std::move(weights));
  return cache;
}

template <class Cell, class T>
void CellKernels<Cell, T>::backward(CellCache<Cell, T>& cache, StridedRows<T> dy, const T* dh, const T* dc,
                                    const SequenceGradients<T>& gradients) {
  if (cache.small) SmallSequence<Cell, T>::backward(*cache.small, dy, dh, dc, gradients);
  else SequenceBackward<Cell, T>::run(*cache.sequence, dy, dh, dc, gradients);
}

}  // namespace recurra::bindings
