// The gradients of the weights after the backward time loop, over all rows at once: [x | 1 | h]^T dz. With a token table,
// what belongs to x is summed over tokens instead. See sequence.hpp for the layout.
//
// Where rows are in groups (plan.hpp), each has sums of its own, which are added up at the end in the order of the groups:
// a member's rows are then read by no other core, which would have to give them back before the next call's forward.
#pragma once
#include "recurra/sequence/edges.hpp"

namespace recurra {

template <class Cell, class T>
class WeightGradients {
  using Layout = SequenceLayout<Cell, T>;
  static constexpr int C = Layout::C;
  static constexpr Index W = Layout::W;
  static constexpr Index full = Panels<T>::full;
  static constexpr Index depth_rows = 192;  // most rows summed in one pass
  static constexpr Index least_cut = 24;  // operand elements that pay for packing dz once more

 public:
  /// shared_after: multiply-adds for each row of dz that the members share behind sum(), where they even out.
  WeightGradients(SequenceCache<Cell, T>& cache, int threads, Index shared_after)
      : call_(cache.call), cache_(cache), L_(cache.layout), plan_(cache.plan), tokens_(cache.tokens) {
    Index& size = part_size_;
    const bool folds = side_by_side();
    for (Index n = 0; n < L_.units.count * C; ++n) {
      // Panels in turn, so that a panel's rows of z are read once; with masks columns in turn, for the masked rows' sake.
      const Index p = L_.sections > 1 ? n % L_.units.count : n / C;
      const int c = L_.sections > 1 ? int(n / L_.units.count) : from_both_ends(int(n % C));
      if (folds && p == L_.units.count - 1) {
        if (c > 0) continue;
        // Of nearly equal width: 13 vectors are 3 3 3 4, not 4 4 4 1, which two members could not share evenly.
        const Index row = folded_width(), vectors = row / W, count = (row + full - 1) / full;
        for (Index k = 0; k < count; ++k) {
          const Index begin = vectors * k / count * W, end = vectors * (k + 1) / count * W;
          blocks_.push_back({p, 0, C, begin, end - begin, row, size + begin});
        }
        size += (call_.I + 1 + L_.H) * row;
      } else {
        const Index width = L_.units.width(p);
        blocks_.push_back({p, c, 1, 0, width, width, size});
        size += rows_of(c) * width;
      }
    }
    sums_.resize(size * plan_.groups());
    if (plan_.rows() == 0) std::fill_n(sums_.data(), size, T(0));
    share(threads, shared_after);
    if (L_.sections > 1) lay_out_masks();
  }

  /// Elements of scratch that a member needs.
  Index scratch() const {
    const Index beside = L_.sections > 1 ? L_.kept_row : side_by_side() ? folded_width() : 0;
    return depth_rows * (full + beside) + C * full;  // vectors reach beyond the last row
  }

  /// This member's groups of blocks. A barrier has to come before write().
  void sum(const Member& me, T* scratch) {
    shared_.each(me, 0, [&](Index item) {
      const Index part = item / cuts_ / groups();
      const size_t g = size_t(item / cuts_ % groups());
      if (part < plan_.groups()) sum_rows(part, ends_[g], ends_[g + 1], item % cuts_, scratch);
      else sum_tokens(ends_[g], ends_[g + 1], item % cuts_, scratch);
    });
  }

  /// From sums to Keras's arrays, this member's blocks.
  void write(const Member& me, const SequenceGradients<T>& out) {
    const Range mine = me.part(blocks());
    for (Index n = mine.first; n < mine.last; ++n) {
      const Block& block = blocks_[size_t(n)];
      if (block.first > 0) continue;  // written with the first of those side by side
      add_parts(block);
      const T* from = sums_.data() + block.sums;
      if (block.columns == 1) write_column(block.column, block, from, out);
      else
        for (int c = 0; c < C; ++c)
          write_column(c, block, from + c * L_.units.used(block.panel) + unused_rows(c) * block.row, out);
    }
  }

 private:
  /// A product: all operand rows, transposed, with a column of dz of some panel. Or with columns of the last panel side by
  /// side, without padding between: these meet [x | 1 | h] whole, though not each takes all of it.
  struct Block {
    Index panel;
    int column, columns;
    Index first;  // of the columns side by side: where this block begins
    Index width;
    Index row;  // elements from one row of the sums to the next
    Index sums;  // where they begin
  };
  /// Elements of the last panel's columns side by side.
  Index folded_width() const { return (C * L_.units.used(L_.units.count - 1) + W - 1) / W * W; }
  bool side_by_side() const {
    if (Cell::reset_before || L_.sections > 1 || L_.units.count == 0) return false;
    Index apart = 0;
    for (int c = 0; c < C; ++c) apart += rows_of(c) * L_.units.width(L_.units.count - 1);
    return folded_width() * (call_.I + 1 + L_.H) < apart;
  }
  Index blocks() const { return Index(blocks_.size()); }
  /// 0, C-1, 1, C-2 ...: GRU's first columns have more operands than its last ones, and two members share the four.
  static int from_both_ends(int n) { return n % 2 ? C - 1 - n / 2 : n / 2; }

  /// Multiply-adds of a block for each row of dz.
  Index work(const Block& block) const {
    const Index operands = block.columns > 1 ? L_.section : L_.part(block.column).length;
    return (operands + (Cell::reset_before && block.column == 2 ? L_.H : 0)) * block.width;
  }
  /// Blocks into groups of even work. Each group reads all operands of a part of the rows, so there are few; where one
  /// would still be too much for a member, each block's operand is cut instead.
  void share(int threads, Index shared_after) {
    Index all = 0, largest = 0, done = 0, size = 0, group = 0;
    for (const Block& block : blocks_) all += work(block);
    const Index parts = plan_.groups();
    const Index least = parts % threads ? threads : std::max<Index>(1, threads / parts);
    const Index wanted = threads == 1 ? 1 : std::clamp<Index>(blocks() / 16, least, 4 * threads);
    ends_.assign(1, 0);
    for (Index n = 0; n < blocks(); ++n) {
      const Index own = work(blocks_[size_t(n)]), middle = (2 * done + own) * wanted / (2 * all);
      if (n > 0 && middle > group) {
        ends_.push_back(n);
        size = 0;
      }
      group = middle;
      done += own;
      size += own;
      largest = std::max(largest, size);
    }
    ends_.push_back(blocks());
    if (10 * largest * threads > 11 * parts * (all + shared_after))
      cuts_ = std::clamp<Index>(L_.section / least_cut, 1, threads);
    if (cuts_ > 1) {
      ends_.resize(1);
      for (Index n = 0; n < blocks(); ++n) ends_.push_back(n + 1);
    }
    shared_ = Sharing(threads, (parts + (tokens_ ? 1 : 0)) * groups() * cuts_);
  }
  Index groups() const { return Index(ends_.size()) - 1; }
  Index kernel_rows(int c) const { return Cell::columns[c].kernel_rows(call_.I); }
  /// Rows of the sums of column c: the kernel's, the bias, the recurrent kernel's.
  Index rows_of(int c) const {
    const bool recurrent = Cell::columns[c].recurrent >= 0 || (Cell::reset_before && c == 2);
    return kernel_rows(c) + 1 + (recurrent ? L_.H : 0);
  }

  /// Rows of [x | 1 | h] before those that column c takes.
  Index unused_rows(int c) const { return call_.I - kernel_rows(c); }

  void write_column(int c, const Block& block, const T* from, const SequenceGradients<T>& out) const {
    const Index H = L_.H, I = call_.I, GH = Cell::gates * H, first = L_.units.first(block.panel);
    const Column column = Cell::columns[c];
    const size_t bytes = size_t(L_.units.used(block.panel)) * sizeof(T);
    if (column.kernel >= 0)
      for (Index k = 0; k < I; ++k, from += block.row)
        std::memcpy(out.dkernel + k * GH + column.kernel * H + first, from, bytes);
    if (out.dbias) {
      if (!Cell::two_biases) std::memcpy(out.dbias + column.gate() * H + first, from, bytes);
      if (Cell::two_biases && column.kernel >= 0) std::memcpy(out.dbias + column.kernel * H + first, from, bytes);
      if (Cell::two_biases && column.recurrent >= 0)
        std::memcpy(out.dbias + GH + column.recurrent * H + first, from, bytes);
    }
    from += block.row;
    const int recurrent = Cell::reset_before && c == 2 ? 2 : column.recurrent;
    if (recurrent >= 0)
      for (Index k = 0; k < H; ++k, from += block.row)
        std::memcpy(out.drecurrent_kernel + k * GH + recurrent * H + first, from, bytes);
  }

  /// Part n of `parts` of a cut's part of `count` operand elements.
  Range piece(Index count, Index cut, Index n, Index parts) const {
    const Index at = cut * parts + n, all = cuts_ * parts;
    return {count * at / all, count * (at + 1) / all};
  }

  /// The sums of all parts, to those of the first.
  void add_parts(const Block& block) {
    const Index rows = block.columns > 1 ? call_.I + 1 + L_.H : rows_of(block.column);
    const Index first = tokens_ ? kernel_rows_of(block) : 0;  // what belongs to x is whole then
    for (Index j = block.sums + first * block.row; j < block.sums + rows * block.row; j += W) {
      Packet<T> sum = load(sums_.data() + j);
      for (Index part = 1; part < plan_.groups(); ++part) sum = add(sum, load(sums_.data() + part * part_size_ + j));
      store(sums_.data() + j, sum);
    }
  }

  /// Some blocks' sums over a part of the rows.
  void sum_rows(Index part_of_rows, Index first_block, Index last_block, Index cut, T* scratch) {
    T* masked = scratch + depth_rows * full;
    T* sums = sums_.data() + part_of_rows * part_size_;
    const Range rows = plan_.rows(part_of_rows);
    over_rows(
        first_block, last_block, rows, cache_.operands.data(), L_.kept_row,
        [&](Index p, Index row) { return cache_.z.data() + (p * plan_.rows() + row) * L_.z_row; }, scratch,
        [&](const Block& block, bool first_of_column, Index m0, Index m, Index n, Index parts, Ahead& ahead) {
          const bool goes_on = m0 > rows.first;
          const Index row = block.row, vectors = block.width / W;
          const int c = block.column;
          const Segment all{0, m}, part = block.columns > 1 ? Segment{0, L_.section} : L_.part(c);
          T* to = sums + block.sums + (tokens_ ? kernel_rows_of(block) * block.row : 0);
          const auto [k0, k1] = piece(part.length, cut, n, parts);
          const T* operands = cache_.operands.data() + m0 * L_.kept_row + part.offset + k0;
          if (L_.sections > 1) {
            if (first_of_column) mask_operands(c, {m0, m0 + m}, {part.offset + k0, part.offset + k1}, masked);
            operands = masked;
          }
          product<T, true>(k1 - k0, operands, L_.kept_row, &all, 1, scratch, vectors, to + k0 * row, row, goes_on,
                           &ahead);
          if (Cell::reset_before && c == 2 && n == 0) {
            const auto [r0, r1] = piece(L_.H, cut, 0, 1);
            product<T, true>(r1 - r0, cache_.reset.data() + m0 * L_.units.padded + r0, L_.units.padded, &all, 1,
                             scratch, vectors, to + (part.length + r0) * row, row, goes_on, &ahead);
          }
        });
  }
  /// Some blocks' rows of x, over all tokens.
  void sum_tokens(Index first_block, Index last_block, Index cut, T* scratch) {
    over_rows(
        first_block, last_block, {0, tokens_.count()}, tokens_.embeddings(), call_.I,
        [&](Index p, Index u) { return tokens_.z(p, u); }, scratch,
        [&](const Block& block, bool, Index m0, Index m, Index n, Index parts, Ahead& ahead) {
          const Segment all{0, m};
          const auto [k0, k1] = piece(kernel_rows_of(block), cut, n, parts);
          product<T, true>(k1 - k0, tokens_.embeddings() + m0 * call_.I + k0, call_.I, &all, 1, scratch,
                           block.width / W, sums_.data() + block.sums + k0 * block.row, block.row, m0 > 0, &ahead);
        });
  }
  Index kernel_rows_of(const Block& block) const { return block.columns > 1 ? call_.I : kernel_rows(block.column); }
  /// What [x | 1 | h] of each position is multiplied by for each gate, where gates have masks of their own.
  void lay_out_masks() {
    masks_.resize(call_.B * Cell::gates * L_.kept_row);
    std::fill_n(masks_.data(), masks_.size(), T(1));
    for (Index i = 0; i < call_.B; ++i)
      for (Index gate = 0; gate < Cell::gates; ++gate) {
        const Index b = plan_.original(i);
        T* to = masks_.data() + (i * Cell::gates + gate) * L_.kept_row;
        if (const T* input = call_.input_mask(gate, b)) copy(input, L_.I, to);
        if (const T* recurrent = call_.recurrent_mask(gate, b)) copy(recurrent, L_.H, to + L_.I + 1);
      }
  }
  /// Elements `part` of [x | 1 | h] of some packed rows, with the masks of column c's gate.
  void mask_operands(int c, Range rows, Range part, T* to) const {
    const T* masks = masks_.data() + Cell::columns[c].gate() * L_.kept_row + part.first;
    plan_.each(rows, [&](Index row, Index, Index i) {
      const T* from = cache_.operands.data() + row * L_.kept_row + part.first;
      const T* mask = masks + i * Cell::gates * L_.kept_row;
      for (Index j = 0; j < part.count(); j += W) store(to + j, mul(load(from + j), load(mask + j)));
      to += L_.kept_row;
    });
  }
  /// run(block, first_of_column, m0, m, n, parts, ahead) with rows [m0, m0 + m) of a block's columns of dz packed, for all
  /// rows in turn, of which each has an operand of `operand_row` elements, and for part n of `parts` of the operand: that
  /// part of some rows stays in L2 while all the blocks use it. first_of_column: the block before was of another column.
  template <class Rows, class Run>
  void over_rows(Index first_block, Index last_block, Range rows, const T* operands, Index operand_row, Rows&& dz_at,
                 T* packed_dz, Run&& run) {
    const Index parts = 1 + depth_rows * operand_row * Index(sizeof(T)) / (l2_bytes() * 3 / 4);
    const Index last_panel = blocks_[size_t(last_block - 1)].panel, bytes = depth_rows * Index(sizeof(T));
    // What comes after a panel: the next one, or the first one of the rows from m1 on, and these rows' operands.
    const auto after = [&, first_panel = blocks_[size_t(first_block)].panel](Index m0, Index panel, Index m1) {
      Ahead ahead;
      if (panel < last_panel) {
        ahead.add(dz_at(panel + 1, m0), bytes * L_.z_row);
      } else if (m1 < rows.last) {
        ahead.add(dz_at(first_panel, m1), bytes * L_.z_row);
        if (bytes * operand_row <= l2_bytes() / 4) ahead.add(operands + m1 * operand_row, bytes * operand_row);
      }
      return ahead;
    };
    for (Index m0 = rows.first; m0 < rows.last; m0 += depth_rows) {
      const Index m = std::min(depth_rows, rows.last - m0);
      for (Index n = 0; n < parts; ++n) {
        int column = -1;
        Index panel = -1;
        Ahead ahead;
        for (Index k = first_block; k < last_block; ++k) {
          const Block& block = blocks_[size_t(k)];
          const bool panels_in_turn = L_.sections == 1 || L_.units.count == 1;
          if (block.panel != panel && panels_in_turn) ahead = after(m0, block.panel, n + 1 == parts ? m0 + m : m0);
          panel = block.panel;
          pack(block, dz_at(block.panel, m0), m, packed_dz, k == first_block || block.first == 0);
          run(block, block.column != column, m0, m, n, parts, ahead);
          column = block.column;
        }
      }
    }
  }

  /// A block's columns of some rows of dz, from `dz` to `to`. What stands side by side is put together behind `to` with the
  /// first of its blocks that the member comes to: a copy straight after it would wait for each of its short stores.
  void pack(const Block& block, const T* dz, Index rows, T* to, bool first) const {
    const Index width = L_.units.width(block.panel), used = L_.units.used(block.panel);
    const T* from = dz + block.column * width;
    Index row = L_.z_row;
    if (block.columns > 1) {
      T* together = block.row == block.width ? to : to + depth_rows * full;
      if (first)
        for (Index r = 0; r < rows; ++r, dz += L_.z_row)
          for (int c = 0; c < C; ++c)  // ascending: what a vector has beside its units is written over
            for (Index v = 0; v < width; v += W)
              store(together + r * block.row + c * used + v, load(dz + c * width + v));
      if (together == to) return;
      from = together + block.first;
      row = block.row;
    }
    for (Index r = 0; r < rows; ++r, from += row, to += block.width)
      for (Index v = 0; v < block.width; v += W) store(to + v, load(from + v));
  }

  const SequenceCall<T>& call_;
  SequenceCache<Cell, T>& cache_;
  const Layout& L_;
  const Plan& plan_;
  TokenTable<T>& tokens_;
  Index part_size_ = 0;  // elements of a part's sums
  Buffer<T> sums_;
  Buffer<T> masks_;  // [position][gate][kept_row]
  std::vector<Block> blocks_;
  std::vector<Index> ends_;  // of the groups, the first one's beginning before them
  Index cuts_ = 1;  // of each block's operand
  Sharing shared_;
};

}  // namespace recurra
