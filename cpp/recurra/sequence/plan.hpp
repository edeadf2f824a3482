// Masks turned into a plan: which rows run at which step.
//
// A masked step changes nothing, so it is left out. Each row's valid steps are packed together, rows are sorted by how
// many they have (most first, stable), and step s runs the first live(s) positions. Padding, holes and fully masked
// rows cost nothing. Without masked steps all rows run at every step in the batch's order. Rows of unequal lengths can
// also be listed without padding (row_layout.hpp); there is no mask then.
//
//   position i           a row of the batch in sorted order: batch_row(i)
//   packed row           row(s, i), one for each position and step it runs; source(s, i) is its row of x
//   group                some neighbouring positions
//
// Packed rows are ordered by step, then position; with groups, by group first.
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "recurra/sequence/row_layout.hpp"
#include "recurra/support/compiler.hpp"
#include "recurra/support/layout.hpp"

namespace recurra {

class Plan {
 public:
  Plan() = default;
  /// mask: (B, T), non-zero = use the step, or null. reverse: steps go from T-1 down to 0. grouped: in groups where
  /// there are enough rows. T: of a listed layout the longest length.
  Plan(Index B, Index T, const std::uint8_t* mask, bool reverse, bool grouped = false, const RowLayout& layout = {})
      : B_(B), T_(T), reverse_(reverse), layout_(layout), order_(size_t(B)), length_(size_t(B), T) {
    std::iota(order_.begin(), order_.end(), Index{0});
    if (mask)
      sort_rows(
          [&](Index b) { return std::count_if(mask + b * T, mask + (b + 1) * T, [](auto m) { return m != 0; }); });
    if (layout.listed()) sort_rows([&](Index b) { return layout.length(b); });
    steps_ = B ? length_[0] : 0;
    live_.assign(size_t(steps_) + 1, 0);
    Index n = B;
    for (Index s = 0; s < steps_; ++s) {
      while (n > 0 && length_[size_t(n) - 1] <= s) --n;
      live_[size_t(s)] = n;
      rows_ += n;
    }
    cut_ = split(grouped ? wanted_groups() : 1);
    place();
    if (rows_ < B * T || layout.listed()) find_sources(mask);
  }

  Index batch() const { return B_; }
  Index steps() const { return steps_; }
  Index rows() const { return rows_; }  // packed rows
  bool nearly_full() const { return 10 * rows_ >= 9 * B_ * steps_; }  // rows have about the same length
  Index live(Index s) const { return live_[size_t(s)]; }  // live(steps()) is 0
  Index row(Index s, Index i) const { return place_[size_t(group_[size_t(i)] * (steps_ + 1) + s)] + i; }
  Index groups() const { return Index(cut_.size()) - 1; }
  /// The positions, and the packed rows, of group g.
  Range positions(Index g) const { return {cut_[size_t(g)], cut_[size_t(g) + 1]}; }
  Range rows(Index g) const { return {begin(g, 0), begin(g, steps_)}; }
  /// The row of x that position i takes at step s.
  Index source(Index s, Index i) const {
    if (source_.empty()) return layout_.row(i, reverse_ ? T_ - 1 - s : s, B_, T_);
    return source_[size_t(row(s, i))];
  }
  /// run(i, source(s, i)) for some positions, in order.
  template <class Run>
  RECURRA_INLINE void each_source(Index s, Index i0, Index i1, Run&& run) const {
    if (!source_.empty()) {
      for (Index i = i0; i < i1; ++i) run(i, source_[size_t(row(s, i))]);
      return;
    }
    const Index distance = layout_.distance(T_);
    Index at = layout_.row(i0, reverse_ ? T_ - 1 - s : s, B_, T_);
    for (Index i = i0; i < i1; ++i, at += distance) run(i, at);
  }
  /// run(row, s, i) for a range of packed rows, in order.
  template <class Run>
  void each(Range rows, Run&& run) const {
    Index row = rows.first;
    for (Index g = 0; row < rows.last; ++g) {
      const Index end = begin(g, steps_);
      if (row >= end) continue;
      const auto first = place_.begin() + g * (steps_ + 1);
      Index s = std::upper_bound(first, first + steps_ + 1, row - cut_[size_t(g)]) - first - 1;
      for (; row < std::min(rows.last, end); ++s)
        for (const Index last = std::min(rows.last, begin(g, s + 1)); row < last; ++row)
          run(row, s, cut_[size_t(g)] + row - begin(g, s));
    }
  }
  Index batch_row(Index i) const { return order_[size_t(i)]; }  // position -> b
  Index length(Index i) const { return length_[size_t(i)]; }  // valid steps of position i

  /// Cut the positions into `count` ranges of about as many packed rows each; range k is [cut[k], cut[k+1]).
  std::vector<Index> split(int count) const {
    std::vector<Index> cut{0};
    Index done = 0;
    for (Index i = 0; i < B_; ++i) {
      done += length_[size_t(i)];
      while (Index(cut.size()) < count && done * count >= rows_ * Index(cut.size())) cut.push_back(i + 1);
    }
    while (Index(cut.size()) <= count) cut.push_back(B_);
    cut.back() = B_;
    return cut;
  }

 private:
  /// steps_of(b): the valid steps of a row.
  template <class StepsOf>
  void sort_rows(StepsOf&& steps_of) {
    std::vector<Index> valid(size_t(B_), 0);
    for (Index b = 0; b < B_; ++b) valid[size_t(b)] = steps_of(b);
    std::stable_sort(order_.begin(), order_.end(),
                     [&](Index p, Index q) { return valid[size_t(p)] > valid[size_t(q)]; });
    for (Index i = 0; i < B_; ++i) length_[size_t(i)] = valid[size_t(batch_row(i))];
  }
  /// Enough for two threads to balance their work, each group with rows for a few tiles. Depends on the shape alone,
  /// not on the number of threads, because sums over rows are taken group by group.
  int wanted_groups() const {
    constexpr Index tile = 6, least_rows = 192;
    if (rows_ < 4 * least_rows || B_ < 2 * 2 * tile) return 1;
    if (!nearly_full()) return 2;  // one of a few long rows, one of many short ones
    return B_ < 4 * 2 * tile ? 3 : 4;
  }
  Index begin(Index g, Index s) const { return place_[size_t(g * (steps_ + 1) + s)] + cut_[size_t(g)]; }
  void place() {
    group_.resize(size_t(B_));
    place_.resize(size_t(groups() * (steps_ + 1)));
    Index next = 0;
    for (Index g = 0; g < groups(); ++g) {
      const Range own = positions(g);
      std::fill(group_.begin() + own.first, group_.begin() + own.last, g);
      for (Index s = 0; s <= steps_; ++s) {
        place_[size_t(g * (steps_ + 1) + s)] = next - own.first;
        next += std::clamp(live(s), own.first, own.last) - own.first;
      }
    }
  }
  void find_sources(const std::uint8_t* mask) {
    source_.resize(size_t(rows_));
    for (Index i = 0; i < B_; ++i) {
      const Index b = batch_row(i), steps = mask ? T_ : length(i);
      Index s = 0;
      for (Index n = 0; n < steps && s < length(i); ++n) {
        const Index t = reverse_ ? steps - 1 - n : n;
        if (!mask || mask[b * T_ + t]) source_[size_t(row(s++, i))] = layout_.row(b, t, B_, T_);
      }
    }
  }

  Index B_ = 0, T_ = 0, steps_ = 0, rows_ = 0;
  bool reverse_ = false;
  RowLayout layout_;
  std::vector<Index> order_, length_, live_;
  std::vector<Index> cut_{0}, group_;  // bounds of the groups; group of each position
  std::vector<Index> place_;  // for each group and step: packed row minus position
  std::vector<Index> source_;  // for each packed row; empty where nothing is masked
};

}  // namespace recurra
