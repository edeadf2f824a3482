// What stands around the time loops: what forward keeps for backward, outputs at masked steps, and the gradients that
// arrive from outside.
#pragma once
#include "recurra/sequence/token_table.hpp"

namespace recurra {

/// What forward keeps for backward.
template <class Cell, class T>
struct SequenceCache {
  SequenceCall<T> call;
  SequenceLayout<Cell, T> layout;
  Plan plan;
  TokenTable<T> tokens;
  Buffer<T> operands;  // [packed row][kept_row]
  Buffer<T> z;  // [panel][packed row][column][unit]
  Buffer<T> carry;  // [packed row][units.padded]: c of LSTM, h of GRU, after the step
  Buffer<T> carry0;  // [position][units.padded]: before the first step
  Buffer<T> reset;  // [packed row][units.padded]: r h, for the product of GruResetBefore
};

/// Results; every element is written. dx: (B, steps, I), or (tokens, I) with a token table, or null;
/// dh0, dc0: (B, H), dc0 null but for LSTM.
template <class T>
struct SequenceGradients {
  T *dx, *dh0, *dc0, *dkernel, *drecurrent_kernel, *dbias;  // dbias: shape of bias, or null
};

/// Rows of H elements, evenly apart: y[:, :, :H] has such, and dy where it is a part of something wider.
template <class T>
struct StepRows {
  const T* data = nullptr;
  Index row = 0;
  explicit operator bool() const { return data != nullptr; }
  const T* at(Index n) const { return data + n * row; }
};

/// Fill the outputs of masked steps, or take the last output when sequences are not returned. The valid steps' rows of y
/// and the final states h are there already.
template <class T>
void finish_outputs(const SequenceCall<T>& call, T* y, const T* h) {
  const Index H = call.H, steps = call.steps, y_step = call.y_step();
  const size_t bytes = size_t(H) * sizeof(T);
  if (!call.mask && call.return_sequences) return;
  for (Index b = 0; b < call.B; ++b) {
    const std::uint8_t* mask = call.mask ? call.mask + b * steps : nullptr;
    const T* previous = nullptr;
    bool masked = false;
    for (Index n = 0; n < steps; ++n) {
      const Index t = call.reverse ? steps - 1 - n : n;
      masked = mask && !mask[t];
      T* row = call.return_sequences ? y + (b * steps + t) * y_step : nullptr;
      if (!masked) previous = row ? row : h + b * H;
      else if (row && previous && !call.zero_output_for_mask) std::memcpy(row, previous, bytes);
      else if (row) std::memset(row, 0, bytes);
    }
    if (call.return_sequences) continue;
    if (previous && !(masked && call.zero_output_for_mask)) std::memcpy(y + b * y_step, previous, bytes);
    else std::memset(y + b * y_step, 0, bytes);
  }
}

/// Gradients that arrive at steps (dy) and at each row's last state (start, carry), in the order of the plan.
template <class T>
struct ArrivingGradients {
  Buffer<T> start, carry;   // [position][row_size]: of h and of the carried state
  StepRows<T> dy;  // (B, steps, H), or null; a repeated output has handed its gradient to the step that made it

  /// dy: (B, steps, H), (B, H) unless return_sequences, or null; dh, dc: (B, H) or null.
  ArrivingGradients(const SequenceCall<T>& call, const Plan& plan, Index row_size, StepRows<T> dy_in, const T* dh,
                    const T* dc)
      : start(call.B * row_size), carry(call.B * row_size) {
    const Index H = call.H;
    for (Index i = 0; i < call.B; ++i) {
      const Index b = plan.original(i);
      T* to = start.data() + i * row_size;
      T* carried = carry.data() + i * row_size;
      for (Index j = 0; j < row_size; ++j) {
        to[j] = dh && j < H ? dh[b * H + j] : T(0);
        carried[j] = dc && j < H ? dc[b * H + j] : T(0);
      }
      if (!dy_in || call.return_sequences || plan.length(i) == 0) continue;
      const Index last = b * call.steps + (call.reverse ? 0 : call.steps - 1);
      if (call.zero_output_for_mask && call.mask && !call.mask[last]) continue;
      for (Index j = 0; j < H; ++j) to[j] += dy_in.at(b)[j];
    }
    if (!dy_in || !call.return_sequences) return;
    dy = dy_in;
    if (call.mask && !call.zero_output_for_mask) collect_repeats(call);
  }

 private:
  void collect_repeats(const SequenceCall<T>& call) {
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
