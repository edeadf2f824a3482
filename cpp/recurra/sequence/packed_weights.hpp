// A layer's weights in the order in which the forward loop reads them: for each panel of units and each column the rows
// of the kernel, the bias, the rows of the recurrent kernel. A last vector of few units is there a second time, folded,
// and so is the rest of its panel, without it.
// Made for each call in training; kept from call to call where the caller knows that the weights stay the same.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <typeinfo>

#include "recurra/sequence/call.hpp"
#include "recurra/threads/parallel_for.hpp"

namespace recurra {

template <class Cell, class T>
class PackedWeights {
  static constexpr int C = column_count<Cell>;

 public:
  explicit PackedWeights(const SequenceCall<T>& call) : I_(call.I), H_(call.H), units_(call.H) {
    for (int c = 0; c < C; ++c)
      rows_[c + 1] = rows_[c] + kernel_rows(c) + 1 + (Cell::columns[c].recurrent >= 0 ? H_ : 0);
    data_.resize(rows() * units_.padded);
    parallel_for(units_.count, (1 << 16) / panel_step() + 1, [&](Index p0, Index p1) {
      for (Index p = p0; p < p1; ++p) pack(call, p);
    });
    fold();
  }

  /// Weights of column c for panel p: kernel_rows(c) rows, the bias, H rows where h takes part.
  const T* column(Index p, int c) const { return at(p, rows_[c]); }
  /// Elements from one full panel to the next.
  Index panel_step() const { return rows() * Panels<T>::full; }
  Index kernel_rows(int c) const { return Cell::columns[c].kernel_rows(I_); }
  /// GruResetBefore: the recurrent kernel of the second product, H rows.
  const T* second(Index p) const { return at(p, rows_[C]); }
  /// The last vector with its columns side by side in folded_vectors() vectors, in each of the rows of [x | 1 | h]; zeros
  /// where a column does not take a row. Null where columns have vectors of their own.
  const T* folded() const { return folded_.data(); }
  /// Where there is folded(): as column(), for the last panel without its last vector.
  const T* beside_folded(int c) const { return beside_.data() + rows_[c] * width_beside(); }
  Index bytes() const { return data_.size() * Index(sizeof(T)); }
  bool fits(const SequenceCall<T>& call) const { return I_ == call.I && H_ == call.H; }

 private:
  Index rows() const { return rows_[C] + (Cell::reset_before ? H_ : 0); }
  T* at(Index p, Index row) const {
    return const_cast<T*>(data_.data()) + units_.first(p) * rows() + row * units_.width(p);
  }
  void pack(const SequenceCall<T>& call, Index p) {
    const Index first = units_.first(p), used = units_.used(p), width = units_.width(p), GH = Cell::gates * H_;
    for (int c = 0; c < C; ++c) {
      const Column column = Cell::columns[c];
      T* out = at(p, rows_[c]);
      if (column.kernel >= 0) pack_rows(call.kernel + column.kernel * H_ + first, GH, I_, used, width, out);
      out += kernel_rows(c) * width;
      for (Index j = 0; j < width; ++j) out[j] = j < used ? bias(call, column, first + j) : T(0);
      out += width;
      if (column.recurrent >= 0)
        pack_rows(call.recurrent_kernel + column.recurrent * H_ + first, GH, H_, used, width, out);
    }
    if constexpr (Cell::reset_before)
      pack_rows(call.recurrent_kernel + 2 * H_ + first, GH, H_, used, width, at(p, rows_[C]));
  }
  void fold() {
    const Index width = folded_vectors<Cell>(units_) * lanes<T>, p = units_.count - 1;
    if (width == 0) return;
    const Index beside = width_beside(), used = units_.in_last_vector();
    beside_.resize(rows() * beside);
    for (Index k = 0; k < rows(); ++k) std::copy_n(at(p, k), beside, beside_.data() + k * beside);
    folded_.resize((I_ + 1 + H_) * width);
    std::fill_n(folded_.data(), folded_.size(), T(0));
    for (int c = 0; c < C; ++c) {
      const T* from = column(p, c) + beside;
      const Index first = I_ - kernel_rows(c), last = Cell::columns[c].recurrent >= 0 ? I_ + 1 + H_ : I_ + 1;
      for (Index k = first; k < last; ++k, from += units_.width(p))
        std::copy_n(from, used, folded_.data() + k * width + c * used);
    }
  }
  Index width_beside() const { return units_.width(units_.count - 1) - lanes<T>; }
  T bias(const SequenceCall<T>& call, Column column, Index unit) const {
    if (!call.bias) return T(0);
    if constexpr (Cell::two_biases) {
      T sum = T(0);
      if (column.kernel >= 0) sum += call.bias[column.kernel * H_ + unit];
      if (column.recurrent >= 0) sum += call.bias[(3 + column.recurrent) * H_ + unit];
      return sum;
    } else {
      return call.bias[column.gate() * H_ + unit];
    }
  }

  Index I_, H_;
  Panels<T> units_;
  Index rows_[C + 1] = {};  // of the columns before
  Buffer<T> data_, folded_, beside_;
};

/// A place for the packed weights of some layer, filled by the first call that needs them.
class KeptWeights {
 public:
  /// Whether it was asked for this before. A call of few tokens packs nothing the first time: the weights may change
  /// before the next.
  bool asked_again() { return asked_.exchange(true); }
  /// Null when what is kept belongs to another cell, dtype or size.
  template <class Cell, class T>
  std::shared_ptr<const PackedWeights<Cell, T>> get(const SequenceCall<T>& call) {
    using Packed = PackedWeights<Cell, T>;
    std::lock_guard<std::mutex> lock(mutex_);
    if (!weights_) {
      weights_ = std::make_shared<Packed>(call);
      type_ = &typeid(Packed);
    }
    if (*type_ != typeid(Packed)) return nullptr;
    auto found = std::static_pointer_cast<const Packed>(weights_);
    return found->fits(call) ? found : nullptr;
  }

 private:
  std::atomic<bool> asked_{false};
  std::mutex mutex_;
  std::shared_ptr<void> weights_;
  const std::type_info* type_ = nullptr;
};

}  // namespace recurra
