// Forward and backward of a small call: a few rows and steps, for which packing the weights would cost more than it
// saves. The weights are read in place, at the bandwidth of the cache or memory that holds them
// (linalg/row_stream.hpp).
//
// Arguments, results and bits of forward are those of forward.hpp and backward.hpp: the chains of sums are the same.
#pragma once
#include "recurra/sequence/small_backward.hpp"
#include "recurra/sequence/small_forward.hpp"

namespace recurra {

/// Whether a call is small: the weights are read about as often as packing would touch them.
template <class T>
bool is_small(const SequenceCall<T>& call) {
  const bool per_gate = call.input_mask_count > 1 || call.recurrent_mask_count > 1;
  return !call.quantized() && !per_gate && call.B <= 4 && call.steps * call.B <= 8;
}

}  // namespace recurra
