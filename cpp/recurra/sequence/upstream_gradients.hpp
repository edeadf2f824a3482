// The gradients of the loss with respect to a layer's outputs, in the order in which the backward loop needs them.
#pragma once
#include <cstring>

#include "recurra/sequence/call.hpp"
#include "recurra/sequence/plan.hpp"
#include "recurra/support/workspace.hpp"

namespace recurra {

/// Rows of H elements at an even distance: y[:, :, :H], or dy where it is a slice of a wider array.
template <class T>
struct StridedRows {
  const T* data = nullptr;
  Index stride = 0;
  explicit operator bool() const { return data != nullptr; }
  const T* at(Index n) const { return data + n * stride; }
};

template <class T>
struct UpstreamGradients {
  Buffer<T> dh, dcarry;  // [position][state_stride]: of the state after each row's last step; the loop updates dcarry
  StridedRows<T> dy;  // (B, steps, H), or null. A repeated output's gradient is added to that of the step it repeats

  /// dy: (B, steps, H), (B, H) unless return_sequences, or null; dh, dc: (B, H), of the final states, or null.
  UpstreamGradients(const SequenceCall<T>& call, const Plan& plan, Index state_stride, StridedRows<T> dy_in,
                    const T* dh_in, const T* dc_in)
      : dh(call.B * state_stride), dcarry(call.B * state_stride) {
    const Index H = call.H;
    for (Index i = 0; i < call.B; ++i) {
      const Index b = plan.batch_row(i);
      T* to = dh.data() + i * state_stride;
      T* carried = dcarry.data() + i * state_stride;
      for (Index j = 0; j < state_stride; ++j) {
        to[j] = dh_in && j < H ? dh_in[b * H + j] : T(0);
        carried[j] = dc_in && j < H ? dc_in[b * H + j] : T(0);
      }
      if (!dy_in || call.return_sequences || plan.length(i) == 0) continue;
      const Index last = b * call.steps + (call.reverse ? 0 : call.steps - 1);
      if (call.zero_output_for_mask && call.mask && !call.mask[last]) continue;
      for (Index j = 0; j < H; ++j) to[j] += dy_in.at(b)[j];
    }
    if (!dy_in || !call.return_sequences) return;
    dy = dy_in;
    if (call.mask && !call.zero_output_for_mask) sum_repeats(call);
  }

 private:
  void sum_repeats(const SequenceCall<T>& call) {
    const Index H = call.H, steps = call.steps;
    sums_.resize(call.B * steps * H);
    for (Index b = 0; b < call.B; ++b) {
      T* sum = nullptr;
      for (Index n = 0; n < steps; ++n) {
        const Index row = b * steps + (call.reverse ? steps - 1 - n : n);
        const T* from = dy.at(row);
        if (call.mask[row]) {
          sum = sums_.data() + row * H;
          std::memcpy(sum, from, size_t(H) * sizeof(T));
        } else if (sum) {
          for (Index j = 0; j < H; ++j) sum[j] += from[j];
        }
      }
    }
    dy = {sums_.data(), H};
  }
  Buffer<T> sums_;
};

}  // namespace recurra
