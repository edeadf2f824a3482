// One forward call of a recurrent layer over a sequence: its inputs and options.
//
//   B batch   T steps   I input features   H units   P size of h   G gates   V vocabulary        (support/layout.hpp)
//
// Arrays are row-major. Inputs may share memory with one another, outputs with nothing. Training keeps the pointers
// until backward is done.
#pragma once
#include <cstdint>

#include "recurra/linalg/activations.hpp"
#include "recurra/sequence/row_layout.hpp"
#include "recurra/support/layout.hpp"

namespace recurra {

/// Zoneout of a state: each unit keeps a share of its value before the step and takes the rest of its new value.
template <class T>
struct Zoneout {
  const T* shares = nullptr;  // (B, steps, size of the state), or null: `share` for all
  T share = T(0);
  explicit operator bool() const { return shares || share != T(0); }
  /// The shares of a vector of units, `first` and on, of which `left` are there. row: b * steps + t. size: of the
  /// state.
  RECURRA_INLINE Packet<T> load_share(Index row, Index size, Index first, Index left) const {
    return shares ? load_partial(shares + row * size + first, left) : set1<T>(share);
  }
};

/// A matrix of 8-bit integers with a scale for each column: weight = value / scale (linalg/int8_matrix.hpp).
template <class T>
struct Int8Weights {
  const std::int8_t* values = nullptr;
  const T* scales = nullptr;
};

template <class T>
struct SequenceCall {
  Index B = 0, steps = 0, I = 0, H = 0;
  RowLayout layout;  // of x and y; where not batch-major there are no mask and no ids, and y holds every step
  Index projected = 0;  // P of a cell that projects h; else 0
  Index P() const { return projected ? projected : H; }
  const T* x = nullptr;  // (B, steps, I); null when ids are given
  const std::int32_t* ids = nullptr;  // (B, steps), each in [0, V): the input is row ids[b, t] of embeddings
  const T* embeddings = nullptr;  // (V, I)
  const T* h0 = nullptr;  // (B, P), or null for zeros
  const T* c0 = nullptr;  // (B, H), or null for zeros; of cells that carry c
  const T* kernel = nullptr;  // (I, G*H)
  const T* recurrent_kernel = nullptr;  // (P, G*H); null where no column has a recurrent part
  Int8Weights<T> int8_kernel, int8_recurrent_kernel;  // in place of the two before; then no training and no dropout
  bool quantized() const { return int8_kernel.scales != nullptr; }
  const T* bias = nullptr;  // (G*H,), (2, G*H) where the cell has two, or null
  const T* projection_kernel = nullptr;  // (H, P), of a cell that projects h
  const T* unit_parameters = nullptr;  // (parameters, H)
  const std::uint8_t* mask = nullptr;  // (B, steps), non-zero = use the step; or null
  const T* input_dropout = nullptr;  // (input_mask_count, B, I)
  Index input_mask_count = 0;  // 0 no dropout, 1 one mask for all gates, G one for each gate
  const T* recurrent_dropout = nullptr;  // (recurrent_mask_count, B, P)
  Index recurrent_mask_count = 0;
  Zoneout<T> zoneout_h, zoneout_c;
  bool has_zoneout() const { return zoneout_h || zoneout_c; }
  Index given_y_stride = 0;  // elements from one row of y to the next; 0: P
  Index y_stride() const { return given_y_stride ? given_y_stride : P(); }
  /// Dropout masks of gate g for row b: (I,) and (P,); null without dropout.
  const T* input_mask(Index g, Index b) const { return mask_of(input_dropout, input_mask_count, g, b, I); }
  const T* recurrent_mask(Index g, Index b) const {
    return mask_of(recurrent_dropout, recurrent_mask_count, g, b, P());
  }

  Activation activation = Activation::tanh, recurrent_activation = Activation::sigmoid;
  AnyActivations activations() const { return {activation, recurrent_activation}; }
  bool reverse = false, return_sequences = true, zero_output_for_mask = false, training = false;

 private:
  const T* mask_of(const T* masks, Index count, Index g, Index b, Index size) const {
    return count ? masks + ((count > 1 ? g : 0) * B + b) * size : nullptr;
  }
};

}  // namespace recurra
