// A layer's weights, packed for the forward loop: for each panel of units and each column the rows of the kernel, the
// bias, the rows of the recurrent kernel, in the order in which they are read. A folded last vector (memory_layout.hpp)
// is stored a second time, and so is the rest of its panel.
//
// 8-bit weights are packed for products of their own; the bias and a projection stay float.
//
// Packed once a call in training, and kept between calls in inference (packed_weights_cache.hpp).
#pragma once
#include <memory>

#include "recurra/linalg/int8_matrix.hpp"
#include "recurra/sequence/call.hpp"
#include "recurra/sequence/memory_layout.hpp"
#include "recurra/support/workspace.hpp"
#include "recurra/threads/parallel_for.hpp"

namespace recurra {

template <class T>
class PackedWeights {
 public:
  PackedWeights(const CellDeclaration& cell, const SequenceCall<T>& call)
      : cell_(cell), I_(call.I), H_(call.H), P_(call.P()), units_(call.H) {
    if (call.quantized()) {
      pack_int8(call);
      if (cell_.projects) pack_projection(call);
      return;
    }
    const int C = cell_.columns;
    for (int c = 0; c < C; ++c)
      rows_[c + 1] = rows_[c] + kernel_rows(c) + 1 + (cell_.column[c].takes_operand(0) ? P_ : 0);
    for (int c = 0; c < C; ++c) {
      const Column& column = cell_.column[c];
      later_rows_[c + 1] = later_rows_[c] + (column.recurrent >= 0 && column.stage > 0 ? H_ : 0);
    }
    data_.resize(rows() * units_.padded);
    parallel_for(units_.count, (1 << 16) / panel_stride() + 1, [&](Index p0, Index p1) {
      for (Index p = p0; p < p1; ++p) pack(call, p);
    });
    fold();
    if (cell_.projects) pack_projection(call);
  }

  /// Column c of panel p: kernel_rows(c) rows of the kernel, the bias, P rows of the recurrent kernel if the column
  /// takes h.
  const T* column(Index p, int c) const { return at(p, rows_[c]); }
  /// Elements from one full panel to the next.
  Index panel_stride() const { return rows() * Panels<T>::full; }
  Index kernel_rows(int c) const { return cell_.column[c].kernel_rows(I_); }
  /// The recurrent kernel of a column whose stage comes after 0, H rows.
  const T* later_stage(Index p, int c) const { return at(p, rows_[cell_.columns] + later_rows_[c]); }
  /// Panel q of the projection kernel's columns, H rows.
  const T* projection(Index q) const { return projection_.data() + Panels<T>(P_).first(q) * H_; }
  /// The folded last vector: (I + 1 + P, folded_vectors() * W), columns side by side, zeros where a column does not
  /// take a row. Null without folding.
  const T* folded() const { return folded_.data(); }
  /// As column(), for the last panel without its folded vector.
  const T* without_folded(int c) const { return rest_.data() + rows_[c] * rest_width(); }
  /// Whether the matrices are 8-bit integers. Then, of what is above, there is only the projection kernel.
  bool quantized() const { return kernel_ != nullptr; }
  const Int8Matrix<T>& int8_kernel() const { return *kernel_; }
  /// Null where no column has a recurrent part.
  const Int8Matrix<T>* int8_recurrent_kernel() const { return recurrent_kernel_.get(); }
  /// The bias of column c, of 8-bit weights; (width of the panel,).
  const T* bias(Index p, int c) const { return biases_.data() + c * units_.padded + units_.first(p); }
  Index bytes() const {
    Index all = (data_.size() + projection_.size()) * Index(sizeof(T));
    if (kernel_) all += kernel_->bytes();
    if (recurrent_kernel_) all += recurrent_kernel_->bytes();
    return all;
  }
  bool fits(const CellDeclaration& cell, const SequenceCall<T>& call) const {
    return &cell_ == &cell && I_ == call.I && H_ == call.H && P_ == call.P() && quantized() == call.quantized();
  }

 private:
  Index rows() const { return rows_[cell_.columns] + later_rows_[cell_.columns]; }
  T* at(Index p, Index row) const {
    return const_cast<T*>(data_.data()) + units_.first(p) * rows() + row * units_.width(p);
  }
  void pack(const SequenceCall<T>& call, Index p) {
    const Index first = units_.first(p), used = units_.used(p), width = units_.width(p), GH = cell_.gates * H_;
    const auto pack_recurrent = [&](const Column& column, T* out) {
      const Index rows = column.stage == 0 ? P_ : H_;
      pack_rows(call.recurrent_kernel + column.recurrent * H_ + first, GH, rows, used, width, out);
    };
    for (int c = 0; c < cell_.columns; ++c) {
      const Column& column = cell_.column[c];
      T* out = at(p, rows_[c]);
      if (column.kernel >= 0) pack_rows(call.kernel + column.kernel * H_ + first, GH, I_, used, width, out);
      out += kernel_rows(c) * width;
      pack_bias(call, column, {first, first + used}, width, out);
      out += width;
      if (column.takes_operand(0)) pack_recurrent(column, out);
      else if (column.recurrent >= 0) pack_recurrent(column, at(p, rows_[cell_.columns] + later_rows_[c]));
    }
  }
  void pack_int8(const SequenceCall<T>& call) {
    kernel_ = std::make_unique<Int8Matrix<T>>(call.int8_kernel.values, call.int8_kernel.scales, I_, cell_.gates, H_);
    if (call.int8_recurrent_kernel.scales)
      recurrent_kernel_ = std::make_unique<Int8Matrix<T>>(call.int8_recurrent_kernel.values,
                                                          call.int8_recurrent_kernel.scales, P_, cell_.gates, H_);
    biases_.resize(cell_.columns * units_.padded);
    for (int c = 0; c < cell_.columns; ++c)
      pack_bias(call, cell_.column[c], {0, H_}, units_.padded, biases_.data() + c * units_.padded);
  }
  void fold() {
    const Index width = folded_vectors(cell_, units_) * lanes<T>, p = units_.count - 1;
    if (width == 0) return;
    const Index rest = rest_width(), used = units_.in_last_vector();
    rest_.resize(rows() * rest);
    for (Index k = 0; k < rows(); ++k) std::copy_n(at(p, k), rest, rest_.data() + k * rest);
    folded_.resize((I_ + 1 + P_) * width);
    std::fill_n(folded_.data(), folded_.size(), T(0));
    for (int c = 0; c < cell_.columns; ++c) {
      const T* from = column(p, c) + rest;
      const Index first = I_ - kernel_rows(c), last = cell_.column[c].takes_operand(0) ? I_ + 1 + P_ : I_ + 1;
      for (Index k = first; k < last; ++k, from += units_.width(p))
        std::copy_n(from, used, folded_.data() + k * width + c * used);
    }
  }
  void pack_projection(const SequenceCall<T>& call) {
    const Panels<T> columns(P_);
    projection_.resize(columns.padded * H_);
    for (Index q = 0; q < columns.count; ++q)
      pack_rows(call.projection_kernel + columns.first(q), P_, H_, columns.used(q), columns.width(q),
                projection_.data() + columns.first(q) * H_);
  }
  Index rest_width() const { return units_.width(units_.count - 1) - lanes<T>; }
  /// A column's bias of some units, zeros behind; zeros without a bias.
  void pack_bias(const SequenceCall<T>& call, const Column& column, Range units, Index width, T* out) const {
    std::fill_n(out, width, T(0));
    if (!call.bias) return;
    const T* const from = call.bias + units.first;
    if (cell_.biases == 1) return void(std::copy_n(from + column.gate() * H_, units.count(), out));
    const auto add = [&](Index row) {
      for (Index j = 0; j < units.count(); ++j) out[j] += from[row * H_ + j];
    };
    if (column.kernel >= 0) add(column.kernel);
    if (column.recurrent >= 0) add(cell_.gates + column.recurrent);
  }

  const CellDeclaration& cell_;
  Index I_, H_, P_;
  Panels<T> units_;
  Index rows_[max_columns + 1] = {};  // sum over the columns before
  Index later_rows_[max_columns + 1] = {};  // the same of the stages after 0, which follow all columns
  Buffer<T> data_, folded_, rest_, projection_;
  std::unique_ptr<const Int8Matrix<T>> kernel_, recurrent_kernel_;
  Buffer<T> biases_;
};

}  // namespace recurra
