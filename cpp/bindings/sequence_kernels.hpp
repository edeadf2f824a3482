// Forward and backward over a sequence, declared for recurrent.cpp; the same for all cells. Compiled in
// sequence_float32_kernels.cpp and sequence_float64_kernels.cpp, which do not include pybind11: either alone takes a
// compiler long. The functions of each cell are compiled by ../cmake/cell_functions.cpp.in.
#pragma once
#include "recurra/sequence/backward.hpp"
#include "recurra/sequence/forward.hpp"
#include "recurra/sequence/packed_weights_cache.hpp"
#include "recurra/sequence/small.hpp"
#include "recurra/sequence/zero_recurrence.hpp"
#include "tiles.hpp"

namespace recurra::bindings {

/// What forward caches for backward: one of the two, or neither when not training.
template <class T>
struct RecurrentCache {
  std::unique_ptr<SequenceCache<T>> sequence;
  std::unique_ptr<SmallSequenceCache<T>> small;
  std::unique_ptr<CellFunctions<T>>
      without_recurrence;  // the cell that ran in `sequence`, where that is not the call's
  explicit operator bool() const { return sequence || small; }
  /// The distinct tokens, where the input's gradient has one row for each; else null.
  TokenTable<T>* tokens() const { return sequence && sequence->tokens ? &sequence->tokens : nullptr; }
};

template <class T>
struct SequenceKernels {
  /// weights_cache: where the packed weights stay from call to call, or null. Throws where it holds another layer's.
  static RecurrentCache<T> forward(const CellFunctions<T>& cell, const SequenceCall<T>& call,
                                   PackedWeightsCache* weights_cache, T* y, T* h, T* c);
  static void backward(const CellFunctions<T>& cell, RecurrentCache<T>& cache, StridedRows<T> dy, const T* dh,
                       const T* dc, const SequenceGradients<T>& gradients);
};

}  // namespace recurra::bindings
