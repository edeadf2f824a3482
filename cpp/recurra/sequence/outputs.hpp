// The outputs at masked steps.
#pragma once
#include <cstring>

#include "recurra/sequence/call.hpp"

namespace recurra {

/// Fill y at masked steps, or with the last output unless return_sequences. In: y (B, steps, P) with the rows of
/// unmasked steps written, or y (B, P); h (B, P) final states. y's rows are y_stride() apart.
template <class T>
void finish_outputs(const SequenceCall<T>& call, T* y, const T* h) {
  const Index P = call.P(), steps = call.steps, y_stride = call.y_stride();
  const size_t bytes = size_t(P) * sizeof(T);
  if (!call.mask && call.return_sequences) return;
  for (Index b = 0; b < call.B; ++b) {
    const std::uint8_t* mask = call.mask ? call.mask + b * steps : nullptr;
    const T* previous = nullptr;
    bool masked = false;
    for (Index n = 0; n < steps; ++n) {
      const Index t = call.reverse ? steps - 1 - n : n;
      masked = mask && !mask[t];
      T* row = call.return_sequences ? y + (b * steps + t) * y_stride : nullptr;
      if (!masked) previous = row ? row : h + b * P;
      else if (row && previous && !call.zero_output_for_mask) std::memcpy(row, previous, bytes);
      else if (row) std::memset(row, 0, bytes);
    }
    if (call.return_sequences) continue;
    if (previous && !(masked && call.zero_output_for_mask)) std::memcpy(y + b * y_stride, previous, bytes);
    else std::memset(y + b * y_stride, 0, bytes);
  }
}

}  // namespace recurra
