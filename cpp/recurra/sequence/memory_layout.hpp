// Where the operands and pre-activations of a call lie in memory, for any cell.
//
// Operand rows. At step s, row i multiplies the weights by [x | 1 | h] (support/layout.hpp). So exactly that is stored,
// one operand row for each packed row (plan.hpp). The step before writes h straight into it; after the loop the rows
// are the left operand of the weights' gradient. Input and recurrent dropout are applied as the row is written. Where
// gates have dropout masks of their own, a row holds one section [x | 1 | h] for each gate and lives for a few steps
// only; for the weights' gradient the row is stored a second time without masks. Where the input's products are made
// once for each token (token_table.hpp), the row is [1 | h].
//
// Pre-activations z[panel][packed row][column][unit in panel]. Forward leaves the activated gates there, backward
// overwrites them with dL/dz, and the products after the loop read them in place.
#pragma once
#include "recurra/cells/cell.hpp"
#include "recurra/linalg/panels.hpp"
#include "recurra/linalg/tile.hpp"

namespace recurra {

/// Folding: where the last vector of a panel holds few units, all their columns, unit beside unit, fit fewer vectors
/// than there are columns. Returns how many vectors, or 0 where folding does not pay. 50 units of 4 columns: 48, and 2
/// whose four columns take one vector of eight (or sixteen) instead of four.
template <class T>
Index folded_vectors(const CellDeclaration& cell, const Panels<T>& units) {
  const Index C = cell.columns;
  if (units.count == 0) return 0;
  const Index last = units.vectors(units.count - 1);
  if (panel_vectors == 2 && last == 2) return 0;  // with 16 registers the tile of the remaining vector is slower
  const Index vectors = (C * units.in_last_vector() + lanes<T> - 1) / lanes<T>;
  const Index most = last == 1 ? C - 1 : C / 2;  // beside other vectors, one vector less is no gain
  return vectors <= std::min<Index>(most, panel_vectors) ? vectors : 0;
}

/// Sizes and strides that follow from a call.
template <class T>
struct SequenceLayout {
  static constexpr Index W = lanes<T>;

  const CellDeclaration* cell = nullptr;
  Index I = 0, H = 0, P = 0;
  Panels<T> units, h_units;  // of H; of P, the size of h
  Index sections = 1;  // of an operand row: 1, or G where gates have dropout masks of their own
  Index section = 0;  // elements of [x | 1 | h]
  Index operand_stride = 0;  // elements from one operand row to the next
  Index z_stride = 0;  // elements from one row of z to the next, in every panel
  Index cached_stride = 0;  // elements from one operand row cached for backward to the next; these have one section

  SequenceLayout() = default;
  SequenceLayout(const CellDeclaration& declaration, Index inputs, Index hidden, Index h_size, bool per_gate)
      : cell(&declaration), I(inputs), H(hidden), P(h_size), units(hidden), h_units(h_size) {
    sections = per_gate ? cell->gates : 1;
    section = I + 1 + P;
    z_stride = z_stride_of(*cell, units);
    operand_stride = stride_of(sections);
    cached_stride = stride_of(1);
  }
  /// All columns of the widest panel.
  static Index z_stride_of(const CellDeclaration& cell, const Panels<T>& units) {
    return cell.columns * std::min(units.padded, Panels<T>::full);
  }
  /// What column c multiplies in stage 0, within [x | 1 | h].
  Segment column_segment(int c) const {
    const Column& column = cell->column[c];
    const Index begin = column.kernel >= 0 ? 0 : I;
    const Index end = column.takes_operand(0) ? section : I + 1;
    return {begin, end - begin};
  }
  /// The same within an operand row.
  Segment operand_segment(int c) const {
    Segment segment = column_segment(c);
    if (sections > 1) segment.offset += cell->column[c].gate() * section;
    return segment;
  }

 private:
  Index stride_of(Index n) const {
    constexpr Index line = Index(64 / sizeof(T));
    const Index lines = (n * section + W + line - 1) / line;
    return (lines | 1) * line;  // an odd number of cache lines: neighbouring rows fall into different cache sets
  }
};

}  // namespace recurra
