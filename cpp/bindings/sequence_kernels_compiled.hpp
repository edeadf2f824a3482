// The definitions behind sequence_kernels.hpp, for the source files that compile them.
#pragma once
#include <stdexcept>
#include <vector>

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
  if (!weights_cache && recurrence_is_zero(cell.declaration, call)) {
    cache.without_recurrence = std::make_unique<CellFunctions<T>>(without_recurrence(cell));
    cache.sequence = SequenceForward<T>::run(*cache.without_recurrence, call, y, h, c);
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
void SequenceKernels<T>::backward(const CellFunctions<T>& cell, RecurrentCache<T>& cache, StridedRows<T> dy,
                                  const T* dh, const T* dc, const SequenceGradients<T>& gradients) {
  if (cache.small) return SmallBackward<T>::run(*cache.small, dy, dh, dc, gradients);
  if (gradients.dh0) cache.sequence->cell = &cell, cache.sequence->layout.cell = &cell.declaration;
  const bool writes_zeros = cache.without_recurrence && !gradients.dh0 && gradients.drecurrent_kernel;
  if (!writes_zeros) return SequenceBackward<T>::run(*cache.sequence, dy, dh, dc, gradients);
  const Index H = cache.sequence->call.H, GH = cell.declaration.gates * H;
  SequenceGradients<T> own = gradients;
  std::vector<T> dbias(gradients.dbias ? 0 : size_t(GH));
  if (!own.dbias) own.dbias = dbias.data();
  own.drecurrent_kernel = nullptr;
  SequenceBackward<T>::run(*cache.sequence, dy, dh, dc, own);
  write_zero_gradient(H, GH, own.dbias, gradients.drecurrent_kernel);
}

}  // namespace recurra::bindings
