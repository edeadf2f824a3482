// The kernels of one cell, declared for recurrent.hpp. Compiled in lstm_kernels.cpp, gru_kernels.cpp, ... which do not
// include pybind11: either alone takes a compiler long.
#pragma once
#include "recurra/sequence/backward.hpp"
#include "recurra/sequence/forward.hpp"
#include "recurra/sequence/packed_weights_cache.hpp"
#include "recurra/sequence/small.hpp"
#include "tiles.hpp"

namespace recurra::bindings {

/// What forward caches for backward: one of the two, or neither when not training.
template <class Cell, class T>
struct CellCache {
  std::unique_ptr<SequenceCache<Cell, T>> sequence;
  std::unique_ptr<SmallSequenceCache<Cell, T>> small;
  explicit operator bool() const { return sequence || small; }
  /// The distinct tokens, where the input's gradient has one row for each; else null.
  TokenTable<T>* tokens() const { return sequence && sequence->tokens ? &sequence->tokens : nullptr; }
};

template <class Cell, class T>
struct CellKernels {
  /// weights_cache: where the packed weights stay from call to call, or null. Throws where it holds another layer's.
  static CellCache<Cell, T> forward(const SequenceCall<T>& call, PackedWeightsCache* weights_cache, T* y, T* h, T* c);
  static void backward(CellCache<Cell, T>& cache, StridedRows<T> dy, const T* dh, const T* dc,
                       const SequenceGradients<T>& gradients);
};

}  // namespace recurra::bindings
