// The gradients of the weights after the backward time loop, over all rows at once: [x | 1 | h]^T dz. With a token table,
// what belongs to x is summed over tokens instead. See sequence.hpp for the layout.
#pragma once
#include "sequence_edges.hpp"

namespace recurra {

template <class Cell, class T>
class WeightGradients {
  using Layout = SequenceLayout<Cell, T>;
  static constexpr int C = Layout::C;
  static constexpr Index W = Layout::W;
  static constexpr Index full = Panels<T>::full;
  static constexpr Index depth_rows = 192;  // most rows summed in one pass

 public:
  WeightGradients(SequenceCache<Cell, T>& cache, int threads)
      : call_(cache.call), cache_(cache), L_(cache.layout), plan_(cache.plan), tokens_(cache.tokens) {
    sums_at_.resize(size_t(pairs()));
    Index size = 0;
    for (Index p = 0; p < L_.units.count; ++p)
      for (int c = 0; c < C; ++c) {
        sums_at_[size_t(p * C + c)] = size;
        size += rows_of(c) * L_.units.width(p);
      }
    sums_.resize(size);
    // Each group of pairs reads all the operands, so there are few of them.
    groups_ = Sharing(threads, threads == 1 ? 1 : std::clamp<Index>(pairs() / 16, threads, 4 * threads));
  }

  /// Elements of scratch that a member needs.
  Index scratch() const { return depth_rows * (full + (L_.sections > 1 ? L_.kept_row : 0)); }

  /// This member's groups of pairs. A barrier has to come before write().
  void sum(const Member& me, T* scratch) {
    const Index groups = groups_.items();
    groups_.each(me, 0, [&](Index g) { sum_pairs(pairs() * g / groups, pairs() * (g + 1) / groups, scratch); });
  }

  /// From sums by panel to Keras's arrays, this member's panels.
  void write(const Member& me, const SequenceGradients<T>& out) const {
    const Index H = L_.H, I = call_.I, GH = Cell::gates * H;
    const auto [p0, p1] = me.part(L_.units.count);
    for (Index p = p0; p < p1; ++p)
      for (int c = 0; c < C; ++c) {
        const Column column = Cell::columns[c];
        const Index width = L_.units.width(p), first = L_.units.first(p);
        const size_t bytes = size_t(L_.units.used(p)) * sizeof(T);
        const T* from = sums(p, c);
        if (column.kernel >= 0)
          for (Index k = 0; k < I; ++k, from += width)
            std::memcpy(out.dkernel + k * GH + column.kernel * H + first, from, bytes);
        if (out.dbias) {
          if (!Cell::two_biases) std::memcpy(out.dbias + column.gate() * H + first, from, bytes);
          if (Cell::two_biases && column.kernel >= 0) std::memcpy(out.dbias + column.kernel * H + first, from, bytes);
          if (Cell::two_biases && column.recurrent >= 0)
            std::memcpy(out.dbias + GH + column.recurrent * H + first, from, bytes);
        }
        from += width;
        const int recurrent = Cell::reset_before && c == 2 ? 2 : column.recurrent;
        if (recurrent >= 0)
          for (Index k = 0; k < H; ++k, from += width)
            std::memcpy(out.drecurrent_kernel + k * GH + recurrent * H + first, from, bytes);
      }
  }

 private:
  Index kernel_rows(int c) const { return Cell::columns[c].kernel_rows(call_.I); }
  Index pairs() const { return L_.units.count * C; }  // of a panel and a column
  T* sums(Index p, int c) { return sums_.data() + sums_at_[size_t(p * C + c)]; }
  const T* sums(Index p, int c) const { return sums_.data() + sums_at_[size_t(p * C + c)]; }
  /// Rows of the sums of column c: the kernel's, the bias, the recurrent kernel's.
  Index rows_of(int c) const {
    const bool recurrent = Cell::columns[c].recurrent >= 0 || (Cell::reset_before && c == 2);
    return kernel_rows(c) + 1 + (recurrent ? L_.H : 0);
  }

  struct Pair {
    Index panel;
    int column;
  };
  /// Panels in turn, so that a panel's rows of z are read once; with masks columns in turn, for the masked rows' sake.
  Pair pair(Index n) const {
    if (L_.sections > 1) return {n % L_.units.count, int(n / L_.units.count)};
    return {n / C, int(n % C)};
  }

  /// sums(p, c) = operand rows, transposed, times dz of column c of panel p, for some of the pairs (p, c).
  void sum_pairs(Index first_pair, Index last_pair, T* scratch) {
    if (plan_.rows() == 0)
      for (Index n = first_pair; n < last_pair; ++n) {
        const auto [p, c] = pair(n);
        std::fill_n(sums(p, c), rows_of(c) * L_.units.width(p), T(0));
      }
    T* masked = scratch + depth_rows * full;
    over_rows(
        first_pair, last_pair, plan_.rows(), L_.kept_row,
        [&](Index p, Index row) { return cache_.z.data() + (p * plan_.rows() + row) * Layout::z_row; }, scratch,
        [&](Index p, int c, bool first_of_column, Index m0, Index m, Index n, Index parts) {
          const Index width = L_.units.width(p), vectors = L_.units.vectors(p);
          const Segment all{0, m}, part = L_.part(c);
          T* to = sums(p, c) + (tokens_ ? kernel_rows(c) * width : 0);
          const Index k0 = part.length * n / parts, k1 = part.length * (n + 1) / parts;
          const T* operands = cache_.operands.data() + m0 * L_.kept_row + part.offset + k0;
          if (L_.sections > 1) {
            if (first_of_column) mask_operands(c, {m0, m0 + m}, {part.offset + k0, part.offset + k1}, masked);
            operands = masked;
          }
          product<T, true>(k1 - k0, operands, L_.kept_row, &all, 1, scratch, vectors, to + k0 * width, width, m0 > 0);
          if (Cell::reset_before && c == 2 && n == 0)
            product<T, true>(L_.H, cache_.reset.data() + m0 * L_.units.padded, L_.units.padded, &all, 1, scratch,
                             vectors, to + part.length * width, width, m0 > 0);
        });
    if (!tokens_) return;
    over_rows(
        first_pair, last_pair, tokens_.count(), call_.I, [&](Index p, Index u) { return tokens_.z(p, u); }, scratch,
        [&](Index p, int c, bool, Index m0, Index m, Index n, Index parts) {
          const Segment all{0, m};
          const Index rows = kernel_rows(c), width = L_.units.width(p);
          const Index k0 = rows * n / parts, k1 = rows * (n + 1) / parts;
          product<T, true>(k1 - k0, tokens_.embeddings() + m0 * call_.I + k0, call_.I, &all, 1, scratch,
                           L_.units.vectors(p), sums(p, c) + k0 * width, width, m0 > 0);
        });
  }
  /// Elements `part` of [x | 1 | h] of some packed rows, with the masks of column c's gate.
  void mask_operands(int c, Range rows, Range part, T* to) const {
    const Index I = L_.I, gate = Cell::columns[c].gate();
    const Index x_end = std::min(part.last, I), h_begin = std::max(part.first, I + 1);
    plan_.each(rows, [&](Index row, Index, Index i) {
      const Index b = plan_.original(i);
      const T* from = cache_.operands.data() + row * L_.kept_row;
      const T *input = call_.input_mask(gate, b), *recurrent = call_.recurrent_mask(gate, b);
      if (part.first < x_end)
        copy_masked(from + part.first, input ? input + part.first : nullptr, x_end - part.first, to);
      if (part.first <= I && I < part.last) to[I - part.first] = T(1);
      if (h_begin < part.last)
        copy_masked(from + h_begin, recurrent ? recurrent + h_begin - I - 1 : nullptr, part.last - h_begin,
                    to + h_begin - part.first);
      to += L_.kept_row;
    });
  }
  /// run(p, c, first_of_column, m0, m, n, parts) with rows [m0, m0 + m) of column c of dz of panel p packed, for all rows
  /// in turn, of which each has an operand of `operand_row` elements, and for part n of `parts` of the operand: that part
  /// of some rows stays in L2 while all the pairs use it. first_of_column: the pair before was of another column.
  template <class Rows, class Run>
  void over_rows(Index first_pair, Index last_pair, Index rows, Index operand_row, Rows&& dz_at, T* packed_dz,
                 Run&& run) {
    const Index parts = 1 + depth_rows * operand_row * Index(sizeof(T)) / (l2_bytes() * 3 / 4);
    for (Index m0 = 0; m0 < rows; m0 += depth_rows) {
      const Index m = std::min(depth_rows, rows - m0);
      for (Index n = 0; n < parts; ++n)
        for (Index k = first_pair; k < last_pair; ++k) {
          const auto [p, c] = pair(k);
          const Index width = L_.units.width(p);
          const T* from = dz_at(p, m0) + c * width;
          for (Index r = 0; r < m; ++r)
            for (Index v = 0; v < width; v += W) store(packed_dz + r * width + v, load(from + r * Layout::z_row + v));
          run(p, c, k == first_pair || pair(k - 1).column != c, m0, m, n, parts);
        }
    }
  }

  const SequenceCall<T>& call_;
  SequenceCache<Cell, T>& cache_;
  const Layout& L_;
  const Plan& plan_;
  TokenTable<T>& tokens_;
  Buffer<T> sums_;
  std::vector<Index> sums_at_;
  Sharing groups_;
};

}  // namespace recurra
