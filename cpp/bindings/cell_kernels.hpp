// What recurrent.hpp calls of the kernels of one cell. Only declared here: compiled in lstm_kernels.cpp, gru_kernels.cpp
// and simple_rnn_kernels.cpp, which know no pybind11, since either alone is a heavy load for a compiler.
#pragma once
#include "recurra/sequence/backward.hpp"
#include "recurra/sequence/forward.hpp"
#include "recurra/sequence/small.hpp"
#include "tiles.hpp"

namespace recurra::bindings {

/// What forward leaves for backward: one of the two, or neither when not training.
template <class Cell, class T>
struct CellCache {
  std::unique_ptr<SequenceCache<Cell, T>> sequence;
  std::unique_ptr<SmallCache<Cell, T>> small;
  explicit operator bool() const { return sequence || small; }
  /// The distinct tokens, when the input's gradient comes as one row for each; else null.
  TokenTable<T>* tokens() const { return sequence && sequence->tokens ? &sequence->tokens : nullptr; }
};

template <class Cell, class T>
struct CellKernels {
  /// kept: where the packed weights stay from call to call, or null. Throws when it holds another layer's.
  static CellCache<Cell, T> forward(const SequenceCall<T>& call, KeptWeights* kept, T* y, T* h, T* c);
  static void backward(CellCache<Cell, T>& cache, StepRows<T> dy, const T* dh, const T* dc,
                       const SequenceGradients<T>& gradients);
};

}  // namespace recurra::bindings
