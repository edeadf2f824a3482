// A single step that starts from zeros: h U is zero, and so is the gradient of U. Training on such calls (forecasts
// from one step) runs the loops with a declaration of the cell whose columns do not take h.
//
// The bits are those of the full loops but for the sign of zeros: a chain of sums that ends in h U with h = 0 adds
// zeros. Where U is not finite they would add NaN, so such a call is left to the full loops.
#pragma once
#include <cmath>
#include <limits>

#include "recurra/sequence/cache.hpp"

namespace recurra {

/// Whether all columns can do without h: of one stage, each with a bias that is its own.
inline bool columns_are_alike(const CellDeclaration& cell) {
  if (cell.stages > 1 || cell.projects || cell.row_statistics || cell.biases != 1) return false;
  for (int c = 0; c < cell.columns; ++c)
    if (cell.column[c].recurrent < 0 || cell.column[c].kernel != cell.column[c].recurrent) return false;
  return true;
}

template <class T>
bool all_finite(const T* from, Index count) {
  int others = 0;
  for (Index i = 0; i < count; ++i) others |= !(std::abs(from[i]) <= std::numeric_limits<T>::max());
  return !others;
}

/// Whether the call, in training, is one step from h = 0.
template <class T>
bool recurrence_is_zero(const CellDeclaration& cell, const SequenceCall<T>& call) {
  const bool plain = call.training && call.steps == 1 && !call.h0 && call.bias && call.x && !call.mask &&
                     !call.layout.listed() && !call.input_mask_count && !call.recurrent_mask_count &&
                     !call.has_zoneout();
  return plain && columns_are_alike(cell) && all_finite(call.recurrent_kernel, call.H * cell.gates * call.H);
}

/// The cell without the columns' part of h.
template <class T>
CellFunctions<T> without_recurrence(const CellFunctions<T>& cell) {
  CellFunctions<T> result = cell;
  for (int c = 0; c < result.declaration.columns; ++c) result.declaration.column[c].recurrent = -1;
  return result;
}

/// drecurrent_kernel (H, G*H) of a call without recurrence, whose dbias is (G*H,): zeros, and NaN where dz holds what is
/// not finite.
template <class T>
void write_zero_gradient(Index H, Index GH, const T* dbias, T* drecurrent_kernel) {
  for (Index j = 0; j < GH; ++j)
    drecurrent_kernel[j] = std::isfinite(dbias[j]) ? T(0) : std::numeric_limits<T>::quiet_NaN();
  for (Index k = 1; k < H; ++k) std::copy_n(drecurrent_kernel, GH, drecurrent_kernel + k * GH);
}

}  // namespace recurra
