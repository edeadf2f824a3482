// The gradients of the loss with respect to a layer's outputs, in the order in which the backward loop needs them.
#pragma once
#include <cstring>

#include "recurra/linalg/copy_padded.hpp"
#include "recurra/sequence/call.hpp"
#include "recurra/sequence/plan.hpp"
#include "recurra/support/workspace.hpp"

namespace recurra {

/// Rows of P elements at an even distance: y[:, :, :P], or dy where it is a slice of a wider array.
template <class T>
struct StridedRows {
  const T* data = nullptr;
  Index stride = 0;
  explicit operator bool() const { return data != nullptr; }
  const T* at(Index n) const { return data + n * stride; }
};

template <class T>
struct UpstreamGradients {
  // Of the state after each row's last step: [position][h_stride]; [position][carry_stride], which the loop updates.
  Buffer<T> dh, dcarry;
  StridedRows<T> dy;  // (B, steps, P), or null. A repeated output's gradient is added to that of the step it repeats

  /// dy: (B, steps, P), (B, P) unless return_sequences, or null; dh, dc: (B, P), (B, H), of the final states, or null.
  UpstreamGradients(const SequenceCall<T>& call, const Plan& plan, Index h_stride, Index carry_stride,
                    StridedRows<T> dy_in, const T* dh_in, const T* dc_in)
      : dh(call.B * h_stride), dcarry(call.B * carry_stride) {
    const Index H = call.H, P = call.P();
    for (Index i = 0; i < call.B; ++i) {
      const Index b = plan.batch_row(i);
      T* to = dh.data() + i * h_stride;
      T* carried = dcarry.data() + i * carry_stride;
      copy_padded(dh_in ? dh_in + b * P : nullptr, P, h_stride, to);
      copy_padded(dc_in ? dc_in + b * H : nullptr, H, carry_stride, carried);
      if (!dy_in || call.return_sequences || plan.length(i) == 0) continue;
      const Index last = b * call.steps + (call.reverse ? 0 : call.steps - 1);
      if (call.zero_output_for_mask && call.mask && !call.mask[last]) continue;
      for (Index j = 0; j < P; ++j) to[j] += dy_in.at(b)[j];
    }
    if (!dy_in || !call.return_sequences) return;
    dy = dy_in;
    if (call.mask && !call.zero_output_for_mask) sum_repeats(call);
  }

 private:
  void sum_repeats(const SequenceCall<T>& call) {
    const Index P = call.P(), steps = call.steps;
    sums_.resize(call.B * steps * P);
    for (Index b = 0; b < call.B; ++b) {
      T* sum = nullptr;
      for (Index n = 0; n < steps; ++n) {
        const Index row = b * steps + (call.reverse ? steps - 1 - n : n);
        const T* from = dy.at(row);
        if (call.mask[row]) {
          sum = sums_.data() + row * P;
          std::memcpy(sum, from, size_t(P) * sizeof(T));
        } else if (sum) {
          for (Index j = 0; j < P; ++j) sum[j] += from[j];
        }
      }
    }
    dy = {sums_.data(), P};
  }
  Buffer<T> sums_;
};

}  // namespace recurra
