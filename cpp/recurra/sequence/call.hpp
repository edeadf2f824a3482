// A recurrent layer over a sequence, written once for every cell: what goes in, how it is laid out, what is kept.
// sequence_forward.hpp and sequence_backward.hpp hold the two time loops.
//
// Operand rows. At step s, row i multiplies the weights with [x | 1 | h] (layout.hpp), so exactly that is stored, one
// operand row for each packed row (plan.hpp). The step before writes h straight into place; after the loop the same rows
// are the left operand of the weights' gradient. Recurrent and input dropout are applied as the row is written. When
// gates have masks of their own, the row holds one section for each gate and lives for a few steps only; for the weights'
// gradient the row is kept as it was before the masks. Where the input's products are made once for each token
// (token_table.hpp), the row is [1 | h].
//
// Pre-activations (the "stash" when training). z[panel][packed row][column][unit in panel]: forward leaves the activated
// gates there, backward overwrites them with dL/dz, and the long products after the loop read them in place.
#pragma once
#include <memory>

#include "recurra/cells/cell.hpp"
#include "recurra/linalg/tile.hpp"
#include "recurra/sequence/plan.hpp"
#include "recurra/support/workspace.hpp"

namespace recurra {

/// One call. Pointers are row-major and may not overlap, except among inputs; T is the scalar.
template <class T>
struct SequenceCall {
  Index B = 0, steps = 0, I = 0, H = 0;
  const T* x = nullptr;  // (B, steps, I); null when ids are given
  const std::int32_t* ids = nullptr;  // (B, steps), each in [0, V): row ids[b,t] of embeddings is the input
  const T* embeddings = nullptr;  // (V, I)
  const T* h0 = nullptr;  // (B, H) or null: zeros
  const T* c0 = nullptr;  // (B, H) or null: zeros; LSTM only
  const T* kernel = nullptr;  // (I, G*H)
  const T* recurrent_kernel = nullptr;  // (H, G*H)
  const T* bias = nullptr;  // (G*H,), (2, 3H) for Gru, or null
  const std::uint8_t* mask = nullptr;  // (B, steps) or null
  const T* input_dropout = nullptr;  // (input_groups, B, I)
  Index input_groups = 0;  // 0 none, 1 shared by all gates, G one for each gate
  const T* recurrent_dropout = nullptr;  // (recurrent_groups, B, H)
  Index recurrent_groups = 0;
  Index y_row = 0;  // elements from one row of y to the next; 0: H
  Index y_step() const { return y_row ? y_row : H; }
  /// Dropout masks of gate g for row b: (I,) and (H,); null without dropout.
  const T* input_mask(Index g, Index b) const { return mask_of(input_dropout, input_groups, g, b, I); }
  const T* recurrent_mask(Index g, Index b) const { return mask_of(recurrent_dropout, recurrent_groups, g, b, H); }

  Activation activation = Activation::tanh, recurrent_activation = Activation::sigmoid;
  bool reverse = false, return_sequences = true, zero_output_for_mask = false, training = false;

 private:
  const T* mask_of(const T* masks, Index groups, Index g, Index b, Index size) const {
    return groups ? masks + ((groups > 1 ? g : 0) * B + b) * size : nullptr;
  }
};

/// Where the last vector has few units, all their columns fit in fewer vectors than there are columns, unit beside unit:
/// how many vectors, or 0. LSTM of 50 units: 48, and two that take one vector of eight (or sixteen) instead of four.
template <class Cell, class T>
Index folded_vectors(const Panels<T>& units) {
  constexpr Index C = column_count<Cell>;
  if (units.count == 0) return 0;
  const Index last = units.vectors(units.count - 1);
  if (panel_vectors == 2 && last == 2) return 0;  // with few registers the tile of the one that is left is slower
  const Index vectors = (C * units.in_last_vector() + lanes<T> - 1) / lanes<T>;
  const Index most = last == 1 ? C - 1 : C / 2;  // beside others, one vector less is no gain
  return vectors <= std::min<Index>(most, panel_vectors) ? vectors : 0;
}

/// Sizes and addresses that follow from a call.
template <class Cell, class T>
struct SequenceLayout {
  static constexpr int C = column_count<Cell>;
  static constexpr Index W = lanes<T>;

  Index I = 0, H = 0;
  Panels<T> units;
  Index sections = 1;  // 1, or G when a gate has dropout masks of its own
  Index section = 0;  // elements of [x | 1 | h]
  Index operand_row = 0;  // elements from one operand row to the next
  Index z_row = 0;  // elements from one row of z to the next, in every panel
  Index kept_row = 0;  // elements from one row kept for backward to the next; operand_row where there is one section

  SequenceLayout() = default;
  SequenceLayout(Index inputs, Index hidden, bool per_gate) : I(inputs), H(hidden), units(hidden) {
    sections = per_gate ? Cell::gates : 1;
    section = I + 1 + H;
    z_row = z_row_of(units);
    operand_row = row_of(sections);
    kept_row = row_of(1);
  }
  /// All columns of the widest panel.
  static Index z_row_of(const Panels<T>& units) { return C * std::min(units.padded, Panels<T>::full); }
  /// The part of [x | 1 | h] that column c multiplies.
  Segment part(int c) const {
    const Column column = Cell::columns[c];
    const Index begin = column.kernel >= 0 ? 0 : I;
    const Index end = column.recurrent >= 0 ? section : I + 1;
    return {begin, end - begin};
  }
  /// Where that part is in an operand row.
  Segment operand(int c) const {
    Segment segment = part(c);
    if (sections > 1) segment.offset += Cell::columns[c].gate() * section;
    return segment;
  }
  /// Recurrent columns stand first and together; how many there are.
  static constexpr int recurrent_columns() {
    int n = 0;
    for (const Column& column : Cell::columns) n += column.recurrent >= 0;
    return n;
  }
  /// How many columns take x.
  static constexpr int kernel_columns() {
    int n = 0;
    for (const Column& column : Cell::columns) n += column.kernel >= 0;
    return n;
  }

 private:
  Index row_of(Index n) const {
    constexpr Index line = Index(64 / sizeof(T));
    const Index lines = (n * section + W + line - 1) / line;
    return (lines | 1) * line;  // an odd number of cache lines: rows do not compete for the same sets
  }
};

/// One run over rows, with the pointwise pass of a cell inlined for the usual activations and general for the others.
template <class T, class Run>
void with_activations(const SequenceCall<T>& call, bool has_gates, Run&& run) {
  if (call.activation == Activation::tanh && (!has_gates || call.recurrent_activation == Activation::sigmoid))
    run(StandardActivations{});
  else run(AnyActivations{call.activation, call.recurrent_activation});
}

}  // namespace recurra
