// The gradients of the weights, after the backward loop, over all rows at once: [x | 1 | h]^T dz. With a token table,
// the rows of x are summed over tokens instead.
//
// In: operand rows and dz of a SequenceCache. Out: dkernel, drecurrent_kernel, dbias, overwritten. Of those that are
// null the products are left out, which changes no bit of the others: each element is a sum of its own.
//
// The work is cut into blocks: the product of all operand rows, transposed, with one column of dz of one panel. Some
// blocks of even work are one task. Where rows are in groups (plan.hpp), each group has sums of its own, added at the
// end in the order of the groups: a group's rows are then read by the core that computed them. Blocks and groups depend
// on the shape alone, so the number of threads changes no bit.
#pragma once
#include <vector>

#include "recurra/sequence/cache.hpp"
#include "recurra/support/machine.hpp"
#include "recurra/threads/work_stealing_range.hpp"

namespace recurra {

template <class T>
class WeightGradients {
  using Layout = SequenceLayout<T>;
  static constexpr Index W = Layout::W;
  static constexpr Index full = Panels<T>::full;
  static constexpr Index depth_rows = 192;  // most rows of one product
  static constexpr Index least_cut = 24;  // operand elements that pay for packing dz a second time

 public:
  /// out: which gradients are wanted. work_after: multiply-adds for each row of dz that follow sum() without a barrier
  /// and can balance it.
  WeightGradients(SequenceCache<T>& cache, const SequenceGradients<T>& out, int threads, Index work_after)
      : call_(cache.call),
        cell_(cache.cell->declaration),
        C(cell_.columns),
        cache_(cache),
        L_(cache.layout),
        plan_(cache.plan),
        tokens_(cache.tokens),
        wants_kernel_(out.dkernel),
        wants_recurrent_(out.drecurrent_kernel) {
    if (!wants_kernel_ && !wants_recurrent_ && !out.dbias) return;
    Index& size = group_size_;
    const bool folds = folds_last_panel();
    for (Index n = 0; n < L_.units.count * C; ++n) {
      // Panel by panel, so that a panel's z is read once; with masks column by column, so that rows are masked once.
      const Index p = L_.sections > 1 ? n % L_.units.count : n / C;
      const int c = L_.sections > 1 ? int(n / L_.units.count) : from_both_ends(int(n % C));
      if (folds && p == L_.units.count - 1) {
        if (c > 0) continue;
        // Even widths: 13 vectors are 3 3 3 4, not 4 4 4 1, which two workers could not make_tasks evenly.
        const Index row = folded_width(), vectors = row / W, count = (row + full - 1) / full;
        for (Index k = 0; k < count; ++k) {
          const Index begin = vectors * k / count * W, end = vectors * (k + 1) / count * W;
          blocks_.push_back({p, 0, C, begin, end - begin, row, size + begin});
        }
        size += all_rows() * row;
      } else {
        const Index width = L_.units.width(p);
        blocks_.push_back({p, c, 1, 0, width, width, size});
        size += rows_of(c) * width;
      }
    }
    sums_.resize(size * plan_.groups());
    if (plan_.rows() == 0) std::fill_n(sums_.data(), size, T(0));
    make_tasks(threads, work_after);
    if (L_.sections > 1) build_masks();
  }

  /// Elements of scratch that a worker needs.
  Index scratch() const {
    const Index extra = L_.sections > 1 ? L_.cached_stride : folds_last_panel() ? folded_width() : 0;
    return depth_rows * (full + extra) + C * full;  // vectors reach beyond the last row
  }

  /// This worker's tasks. A barrier must follow before write().
  void sum(const Worker& worker, T* scratch, InterruptPoll& interrupts) {
    if (blocks_.empty()) return;
    const auto stops = [&] { return interrupts.stops_piece(worker.id); };
    queue_.each(worker, 0, [&](Index item) {
      const Index group = item / cuts_ / tasks();
      const size_t task = size_t(item / cuts_ % tasks());
      if (group < plan_.groups()) sum_rows(group, task_ends_[task], task_ends_[task + 1], item % cuts_, scratch, stops);
      else sum_tokens(task_ends_[task], task_ends_[task + 1], item % cuts_, scratch, stops);
    });
  }

  /// Copy the sums of this worker's blocks to Keras's arrays.
  void write(const Worker& worker, const SequenceGradients<T>& out) {
    const Range my_blocks = worker.range(blocks());
    for (Index n = my_blocks.first; n < my_blocks.last; ++n) {
      const Block& block = blocks_[size_t(n)];
      if (block.first > 0) continue;  // written with the first block of the folded panel
      add_groups(block);
      const T* from = sums_.data() + block.sums;
      if (block.columns == 1) write_column(block.column, block, from, out);
      else
        for (int c = 0; c < C; ++c)
          write_column(c, block, from + c * L_.units.used(block.panel) + unused_rows(c) * block.stride, out);
    }
  }

 private:
  /// The product of all operand rows, transposed, with one column of dz of one panel. Or, of a folded last panel, with
  /// some vectors of its columns side by side without padding: these take all of [x | 1 | h], though not every column
  /// needs it.
  struct Block {
    Index panel;
    int column, columns;
    Index first;  // where the block begins in the folded columns
    Index width;
    Index stride;  // elements from one row of the sums to the next
    Index sums;  // offset of the sums
  };
  /// Elements of the last panel's columns, folded.
  Index folded_width() const { return (C * L_.units.used(L_.units.count - 1) + W - 1) / W * W; }
  bool folds_last_panel() const {
    if (cell_.stages > 1 || L_.sections > 1 || L_.units.count == 0) return false;
    Index apart = 0;
    for (int c = 0; c < C; ++c) apart += rows_of(c) * L_.units.width(L_.units.count - 1);
    return folded_width() * all_rows() < apart;
  }
  Index blocks() const { return Index(blocks_.size()); }
  /// 0, C-1, 1, C-2, ...: two workers share four columns, of which the first ones may have more operands than the last
  /// ones.
  int from_both_ends(int n) const { return n % 2 ? C - 1 - n / 2 : n / 2; }

  /// Multiply-adds of a block for each row of dz.
  Index work(const Block& block) const {
    return (segment_of(block).length + (later_stage(block.column) ? L_.H : 0)) * block.width;
  }
  /// Blocks into tasks of even work. A task reads all operands of a group of rows, so there are few. Where the largest
  /// would still keep a worker busy too long, each block is a task and its operand is cut.
  void make_tasks(int threads, Index work_after) {
    Index all = 0, largest = 0, done = 0, size = 0, task = 0;
    for (const Block& block : blocks_) all += work(block);
    const Index groups = plan_.groups();
    const Index least = groups % threads ? threads : std::max<Index>(1, threads / groups);
    const Index wanted = threads == 1 ? 1 : std::clamp<Index>(blocks() / 16, least, 4 * threads);
    task_ends_.assign(1, 0);
    for (Index n = 0; n < blocks(); ++n) {
      const Index own = work(blocks_[size_t(n)]), middle = (2 * done + own) * wanted / (2 * all);
      if (n > 0 && middle > task) {
        task_ends_.push_back(n);
        size = 0;
      }
      task = middle;
      done += own;
      size += own;
      largest = std::max(largest, size);
    }
    task_ends_.push_back(blocks());
    if (10 * largest * threads > 11 * groups * (all + work_after))
      cuts_ = std::clamp<Index>(L_.section / least_cut, 1, threads);
    if (cuts_ > 1) {
      task_ends_.resize(1);
      for (Index n = 0; n < blocks(); ++n) task_ends_.push_back(n + 1);
    }
    queue_ = WorkStealingRange(threads, (groups + (tokens_ && wants_kernel_ ? 1 : 0)) * tasks() * cuts_);
  }
  Index tasks() const { return Index(task_ends_.size()) - 1; }
  // Of [x | 1 | h] the bias's 1 is always taken, x and h where their gradients are wanted.
  Index kernel_rows(int c) const { return wants_kernel_ ? cell_.column[c].kernel_rows(call_.I) : 0; }
  bool recurs(int c) const { return wants_recurrent_ && cell_.column[c].recurrent >= 0; }
  /// The stage of a column with a recurrent part that comes after stage 0; else 0.
  int later_stage(int c) const { return recurs(c) ? cell_.column[c].stage : 0; }
  /// Rows of the sums of column c: the kernel's, the bias, the recurrent kernel's.
  Index rows_of(int c) const { return kernel_rows(c) + 1 + (recurs(c) ? L_.P : 0); }
  /// Rows of the sums of folded columns, which have all of them.
  Index all_rows() const { return (wants_kernel_ ? call_.I : 0) + 1 + (wants_recurrent_ ? L_.P : 0); }
  /// Rows of folded columns before the first that column c takes.
  Index unused_rows(int c) const { return (wants_kernel_ ? call_.I : 0) - kernel_rows(c); }
  /// What a block multiplies in stage 0, within [x | 1 | h].
  Segment segment_of(const Block& block) const {
    const Segment own = block.columns > 1 ? Segment{0, L_.section} : L_.column_segment(block.column);
    const Index begin = std::max(own.offset, wants_kernel_ ? 0 : L_.I);
    return {begin, std::min(own.offset + own.length, wants_recurrent_ ? L_.section : L_.I + 1) - begin};
  }

  void write_column(int c, const Block& block, const T* from, const SequenceGradients<T>& out) const {
    const Index H = L_.H, I = call_.I, GH = cell_.gates * H, first = L_.units.first(block.panel);
    const Column& column = cell_.column[c];
    const Index used = L_.units.used(block.panel);
    if (wants_kernel_ && column.kernel >= 0) {
      copy_panel(from, block.stride, I, used, out.dkernel + column.kernel * H + first, GH);
      from += I * block.stride;
    }
    if (out.dbias) {
      const bool two = cell_.biases == 2;
      if (!two) copy(from, used, out.dbias + column.gate() * H + first);
      if (two && column.kernel >= 0) copy(from, used, out.dbias + column.kernel * H + first);
      if (two && column.recurrent >= 0) copy(from, used, out.dbias + GH + column.recurrent * H + first);
    }
    from += block.stride;
    if (recurs(c)) copy_panel(from, block.stride, L_.P, used, out.drecurrent_kernel + column.recurrent * H + first, GH);
  }

  /// One of the slices of a cut of `count` operand elements.
  Range operand_range(Index count, Index cut, Index slice, Index slices) const {
    const Index at = cut * slices + slice, all = cuts_ * slices;
    return {count * at / all, count * (at + 1) / all};
  }

  /// Add the sums of all groups of rows to those of the first.
  void add_groups(const Block& block) {
    if (plan_.groups() == 1) return;
    const Index rows = block.columns > 1 ? all_rows() : rows_of(block.column);
    const Index first = tokens_ ? kernel_rows_of(block) : 0;  // the rows of x are summed over tokens
    for (Index j = block.sums + first * block.stride; j < block.sums + rows * block.stride; j += W) {
      Packet<T> sum = load(sums_.data() + j);
      for (Index group = 1; group < plan_.groups(); ++group)
        sum = add(sum, load(sums_.data() + group * group_size_ + j));
      store(sums_.data() + j, sum);
    }
  }

  /// Some blocks' sums over a group of rows.
  template <class Stops>
  void sum_rows(Index group, Index first_block, Index last_block, Index cut, T* scratch, Stops&& stops) {
    T* masked = scratch + depth_rows * full;
    T* sums = sums_.data() + group * group_size_;
    const Range rows = plan_.rows(group);
    over_rows(
        first_block, last_block, rows, stops, cache_.operands.data(), L_.cached_stride,
        [&](Index p, Index row) { return cache_.z.data() + (p * plan_.rows() + row) * L_.z_stride; }, scratch,
        [&](const Block& block, bool first_of_column, Index m0, Index m, Index slice, Index slices,
            PrefetchList& prefetches) {
          const bool accumulate = m0 > rows.first;
          const Index row = block.stride, vectors = block.width / W;
          const int c = block.column;
          const Segment all{0, m}, segment = segment_of(block);
          T* to = sums + block.sums + (tokens_ ? kernel_rows_of(block) * block.stride : 0);
          const auto [k0, k1] = operand_range(segment.length, cut, slice, slices);
          const T* operands = cache_.operands.data() + m0 * L_.cached_stride + segment.offset + k0;
          if (L_.sections > 1) {
            if (first_of_column) mask_operands(c, {m0, m0 + m}, {segment.offset + k0, segment.offset + k1}, masked);
            operands = masked;
          }
          product<T, true>(k1 - k0, operands, L_.cached_stride, &all, 1, scratch, vectors, to + k0 * row, row,
                           accumulate, &prefetches);
          if (const int stage = later_stage(c); stage > 0 && slice == 0) {
            const auto [r0, r1] = operand_range(L_.H, cut, 0, 1);
            const Index stage_row = (stage - 1) * plan_.rows() + m0;
            product<T, true>(r1 - r0, cache_.stage_operands.data() + stage_row * L_.units.padded + r0, L_.units.padded,
                             &all, 1, scratch, vectors, to + (segment.length + r0) * row, row, accumulate, &prefetches);
          }
        });
  }
  /// Some blocks' rows of x, summed over all tokens.
  template <class Stops>
  void sum_tokens(Index first_block, Index last_block, Index cut, T* scratch, Stops&& stops) {
    over_rows(
        first_block, last_block, {0, tokens_.count()}, stops, tokens_.embeddings(), call_.I,
        [&](Index p, Index u) { return tokens_.z(p, u); }, scratch,
        [&](const Block& block, bool, Index m0, Index m, Index slice, Index slices, PrefetchList& prefetches) {
          const Segment all{0, m};
          const auto [k0, k1] = operand_range(kernel_rows_of(block), cut, slice, slices);
          product<T, true>(k1 - k0, tokens_.embeddings() + m0 * call_.I + k0, call_.I, &all, 1, scratch,
                           block.width / W, sums_.data() + block.sums + k0 * block.stride, block.stride, m0 > 0,
                           &prefetches);
        });
  }
  Index kernel_rows_of(const Block& block) const {
    return block.columns == 1 ? kernel_rows(block.column) : wants_kernel_ ? call_.I : 0;
  }
  /// The dropout masks of [x | 1 | h], for each position and gate, where gates have masks of their own.
  void build_masks() {
    masks_.resize(call_.B * cell_.gates * L_.cached_stride);
    std::fill_n(masks_.data(), masks_.size(), T(1));
    for (Index i = 0; i < call_.B; ++i)
      for (Index gate = 0; gate < cell_.gates; ++gate) {
        const Index b = plan_.batch_row(i);
        T* to = masks_.data() + (i * cell_.gates + gate) * L_.cached_stride;
        if (const T* input = call_.input_mask(gate, b)) copy(input, L_.I, to);
        if (const T* recurrent = call_.recurrent_mask(gate, b)) copy(recurrent, L_.P, to + L_.I + 1);
      }
  }
  /// to = elements `range` of [x | 1 | h] of some packed rows times the masks of column c's gate.
  void mask_operands(int c, Range rows, Range range, T* to) const {
    const T* masks = masks_.data() + cell_.column[c].gate() * L_.cached_stride + range.first;
    plan_.each(rows, [&](Index row, Index, Index i) {
      const T* from = cache_.operands.data() + row * L_.cached_stride + range.first;
      const T* mask = masks + i * cell_.gates * L_.cached_stride;
      for (Index j = 0; j < range.count(); j += W) store(to + j, mul(load(from + j), load(mask + j)));
      to += L_.cached_stride;
    });
  }
  /// For all `rows`, at most depth_rows at a time: pack a block's columns of rows [m0, m0 + m) of dz, then
  /// run(block, first_of_column, m0, m, slice, slices, prefetches). Operand rows have operand_stride elements and are
  /// taken in slices that stay in L2 while all the blocks use them. first_of_column: the block before was of another
  /// column. Ends early when stops().
  template <class Stops, class Rows, class Run>
  void over_rows(Index first_block, Index last_block, Range rows, Stops&& stops, const T* operands,
                 Index operand_stride, Rows&& dz_at, T* packed_dz, Run&& run) {
    const Index slices = 1 + depth_rows * operand_stride * Index(sizeof(T)) / (l2_bytes() * 3 / 4);
    const Index last_panel = blocks_[size_t(last_block - 1)].panel, bytes = depth_rows * Index(sizeof(T));
    // What follows a panel: the next one, or the first one of the rows from m1 on and these rows' operands.
    const auto after = [&, first_panel = blocks_[size_t(first_block)].panel](Index m0, Index panel, Index m1) {
      PrefetchList prefetches;
      if (panel < last_panel) {
        prefetches.add(dz_at(panel + 1, m0), bytes * L_.z_stride);
      } else if (m1 < rows.last) {
        prefetches.add(dz_at(first_panel, m1), bytes * L_.z_stride);
        if (bytes * operand_stride <= l2_bytes() / 4)
          prefetches.add(operands + m1 * operand_stride, bytes * operand_stride);
      }
      return prefetches;
    };
    for (Index m0 = rows.first; m0 < rows.last; m0 += depth_rows) {
      if (stops()) return;
      const Index m = std::min(depth_rows, rows.last - m0);
      for (Index slice = 0; slice < slices; ++slice) {
        int column = -1;
        Index panel = -1;
        PrefetchList prefetches;
        for (Index k = first_block; k < last_block; ++k) {
          const Block& block = blocks_[size_t(k)];
          const bool panel_by_panel = L_.sections == 1 || L_.units.count == 1;
          if (block.panel != panel && panel_by_panel)
            prefetches = after(m0, block.panel, slice + 1 == slices ? m0 + m : m0);
          panel = block.panel;
          pack(block, dz_at(block.panel, m0), m, packed_dz, k == first_block || block.first == 0);
          run(block, block.column != column, m0, m, slice, slices, prefetches);
          column = block.column;
        }
      }
    }
  }

  /// Pack a block's columns of some rows of dz. Folded columns are put together once, behind `to`, with the first of
  /// their blocks: copying each block right after would wait for every one of the short stores.
  void pack(const Block& block, const T* dz, Index rows, T* to, bool first) const {
    const Index width = L_.units.width(block.panel), used = L_.units.used(block.panel);
    const T* from = dz + block.column * width;
    Index row = L_.z_stride;
    if (block.columns > 1) {
      T* folded = block.stride == block.width ? to : to + depth_rows * full;
      if (first)
        for (Index r = 0; r < rows; ++r, dz += L_.z_stride)
          for (int c = 0; c < C; ++c)  // ascending: a vector's padding is overwritten by the next column
            for (Index v = 0; v < width; v += W)
              store(folded + r * block.stride + c * used + v, load(dz + c * width + v));
      if (folded == to) return;
      from = folded + block.first;
      row = block.stride;
    }
    for (Index r = 0; r < rows; ++r, from += row, to += block.width)
      for (Index v = 0; v < block.width; v += W) store(to + v, load(from + v));
  }

  const SequenceCall<T>& call_;
  const CellDeclaration& cell_;
  const int C;
  SequenceCache<T>& cache_;
  const Layout& L_;
  const Plan& plan_;
  TokenTable<T>& tokens_;
  const bool wants_kernel_, wants_recurrent_;
  Index group_size_ = 0;  // elements of the sums of one group of rows
  Buffer<T> sums_;
  Buffer<T> masks_;  // [position][gate][cached_stride]
  std::vector<Block> blocks_;
  std::vector<Index> task_ends_;  // task n is blocks [task_ends_[n], task_ends_[n+1])
  Index cuts_ = 1;  // of each block's operand
  WorkStealingRange queue_;
};

}  // namespace recurra
