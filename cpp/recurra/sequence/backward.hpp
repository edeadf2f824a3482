// Backward over a sequence, written once for every cell.
//
// In: the cache of a training call; dy (B, steps, H), (B, H) unless return_sequences, or null; dh, dc (B, H), of the
// final states, or null. Out, every element overwritten: SequenceGradients (cache.hpp). Overwrites the cache's z and
// may be called once for a cache.
//
// The result does not depend on the number of threads.
//
// Strategy. In the loop over steps only dL/dh = dz U^T is computed, and the cell's backward runs on its sums while they
// are in the cache; dz replaces the activated gates. After the loop, over all rows at once: the weights' gradients
// (weight_gradients.hpp) and dL/dx = dz W^T, over tokens instead of rows with a token table.
#pragma once
#include "recurra/linalg/row_moments.hpp"
#include "recurra/linalg/tile_small_batch.hpp"
#include "recurra/sequence/schedule.hpp"
#include "recurra/sequence/transposed_weights.hpp"
#include "recurra/sequence/upstream_gradients.hpp"
#include "recurra/sequence/weight_gradients.hpp"

namespace recurra {

template <class T>
class SequenceBackward {
  using Layout = SequenceLayout<T>;
  using Transposed = TransposedWeights<T>;
  static constexpr Index W = Layout::W;
  static constexpr Index full = Panels<T>::full;

 public:
  static void run(SequenceCache<T>& cache, StridedRows<T> dy, const T* dh, const T* dc,
                  const SequenceGradients<T>& out) {
    SequenceBackward self(cache, dy, dh, dc, out);
    self.schedule_.run([&](const Worker& worker) { self.work(worker); });
    self.steps_.interrupts().throw_if_stopped();
  }

 private:
  SequenceBackward(SequenceCache<T>& cache, StridedRows<T> dy, const T* dh, const T* dc,
                   const SequenceGradients<T>& out)
      : call_(cache.call),
        cell_(cache.cell->declaration),
        functions_(cache.cell->block_functions(cache.call)),
        cache_(cache),
        L_(cache.layout),
        plan_(cache.plan),
        tokens_(cache.tokens),
        out_(out),
        schedule_(make_schedule(L_, plan_)),
        steps_(schedule_, plan_, L_.units.count, 1),
        upstream_(call_, plan_, L_.units.padded, dy, dh, dc),
        weights_(cache, schedule_.threads, out.dx && !tokens_ ? cell_.gates * L_.H * L_.I : 0) {
    const auto takes = [&](int stage) { return [this, stage](int c) { return cell_.column[c].takes_operand(stage); }; };
    const Index panel_stride = plan_.rows() * L_.z_stride;
    recurrent_.init(call_, L_, L_.units, column_sets(call_.recurrent_mask_count > 1, takes(0)), true, panel_stride);
    later_stages_.resize(size_t(cell_.stages) - 1);
    for (int stage = 1; stage < cell_.stages; ++stage)
      later_stages_[size_t(stage) - 1].init(call_, L_, L_.units, column_sets(false, takes(stage)), true, panel_stride);
    dunit_parameters_.resize(call_.B * cell_.unit_parameters * L_.units.padded);
    std::fill_n(dunit_parameters_.data(), dunit_parameters_.size(), T(0));
    if (cell_.row_statistics) {
      normalized_gradients_.resize(L_.units.count * call_.B * L_.z_stride);
      gradient_means_.resize(call_.B * cell_.columns);
    }
    if (out_.dx) {
      const auto takes_x = [this](int c) { return cell_.column[c].kernel >= 0; };
      kernel_.init(call_, L_, Panels<T>(call_.I), column_sets(call_.input_mask_count > 1, takes_x), false,
                   dx_rows() * L_.z_stride);
      if (call_.mask && !tokens_) std::memset(out_.dx, 0, size_t(call_.B * call_.steps * call_.I) * sizeof(T));
    }
    weights_in_l2_ = stays_in_l2(recurrent_.bytes());
    const int threads = schedule_.threads;
    dx_blocks_ = WorkStealingRange(threads, (dx_rows() + dx_block_rows() - 1) / dx_block_rows());
    scratch_per_worker_ = std::max((1 + cell_.gates) * block_rows * full, weights_.scratch());
    scratch_.resize(threads * scratch_per_worker_);
  }

  /// The columns that `takes` picks: each by itself, or all in one set; no set where there are none.
  template <class Takes>
  std::vector<std::vector<int>> column_sets(bool each_by_itself, Takes&& takes) const {
    std::vector<std::vector<int>> sets;
    for (int c = 0; c < cell_.columns; ++c) {
      if (!takes(c)) continue;
      if (sets.empty() || each_by_itself) sets.emplace_back();
      sets.back().push_back(c);
    }
    return sets;
  }

  // --- the loop
  // -------------------------------------------------------------------------------------------------------
  void work(const Worker& worker) {
    const FlushDenormals flush;
    T* scratch = scratch_.data() + worker.id * scratch_per_worker_;
    recurrent_.pack(L_, worker);
    for (Transposed& weights : later_stages_) weights.pack(L_, worker);
    if (out_.dx) kernel_.pack(L_, worker);
    worker.barrier();
    steps_.each(worker, [&](StepContext& context, Range steps) { run_steps(context, steps, scratch); });
    worker.barrier();
    if (tokens_) {
      const Index u0 = tokens_.first_of(worker.id, worker.count), u1 = tokens_.first_of(worker.id + 1, worker.count);
      for (Index p = 0; p < L_.units.count; ++p)
        tokens_.sum_rows(p, u0, u1, z_at(p, 0), cell_.columns * L_.units.width(p));
      worker.barrier();
    }
    weights_.sum(worker, scratch, steps_.interrupts());
    if (out_.dx) input_gradient(worker, scratch);
    worker.barrier();
    weights_.write(worker, out_);
    if (out_.dunit_parameters) write_unit_parameters(worker);
  }

  /// `steps` counts from the end: 0 is the context's last step.
  void run_steps(StepContext& context, Range steps, T* scratch) {
    // run(rows, panels) for the rows before `last`, in blocks: many rows and one panel, or a small batch and some
    // panels.
    const auto each_block = [&](Index last, auto&& run) {
      const Index first = context.rows.first, rows = last - first;
      if (rows > 0 && rows <= max_small_batch) {
        const auto [q0, q1] = context.range(L_.units.count);
        const Index panels = block_rows / rows;
        for (Index q = q0; q < q1; q += panels) run(Range{first, last}, Range{q, std::min(q1, q + panels)});
      } else if (rows > 0) {
        context.each_panel([&](Index q) {
          blocks(first, last, block_rows, [&](Index i0, Index i1) { run(Range{i0, i1}, Range{q, q + 1}); });
        });
      }
    };
    for (Index n = steps.first; n < steps.last; ++n) {
      if (context.interrupted_before(n)) return;
      const Index s = context.steps - 1 - n, last = std::min(context.rows.last, plan_.live(s));
      each_block(last, [&](Range rows, Range panels) { step(s, rows, panels, scratch); });
      context.barrier();
      if (cell_.row_statistics) normalize_step(s, context.rows.first, last, context);
      for (int stage = cell_.stages - 1; stage > 0; --stage) {
        each_block(last, [&](Range rows, Range panels) { stage_step(stage, s, rows, panels, scratch); });
        context.barrier();
      }
    }
    if (steps.last == context.steps)
      each_block(context.rows.last, [&](Range rows, Range panels) { initial_states(rows, panels, scratch); });
  }

  /// run(i0, i1) for rows [r0, r1) in blocks of at most `most`, even to one row.
  template <class Run>
  static void blocks(Index r0, Index r1, Index most, Run&& run) {
    const Index n = (r1 - r0 + most - 1) / most;
    for (Index k = 0; k < n; ++k) run(r0 + (r1 - r0) * k / n, r0 + (r1 - r0) * (k + 1) / n);
  }

  T* z_at(Index p, Index row) { return cache_.z.data() + (p * plan_.rows() + row) * L_.z_stride; }

  // Below, d of a block is [panel][row][unit].

  /// to = dz of step s, columns of one set, times its transposed weights. block: rows from one panel of `to` to the
  /// next.
  void multiply(Transposed& t, size_t set, Index s, Range rows, Range panels, Index block, T* to,
                PrefetchList& prefetches) {
    const auto& columns = t.sets[set];
    const T* dz = cache_.z.data() + plan_.row(s, rows.first) * L_.z_stride;
    const Segment* segments = columns.segments.data();
    const Index n_segments = Index(columns.segments.size());
    const Index small_batch_panels =
        rows.count() <= max_small_batch ? std::min(panels.last, t.out.full_count()) - panels.first : 0;
    if (small_batch_panels > 0) {
      small_batch_product(rows.count(), dz, L_.z_stride, segments, n_segments, t.at(set, panels.first),
                          columns.depth * full, small_batch_panels, to, full, block * full, false);
      panels.first += small_batch_panels;
      to += small_batch_panels * block * full;
    }
    for (; panels.first < panels.last; ++panels.first) {
      const T* weights = t.at(set, panels.first);
      const Index size = columns.depth * t.out.width(panels.first);
      if (!weights_in_l2_) prefetches.set_first(weights + size, size * Index(sizeof(T)));
      product<T>(rows.count(), dz, L_.z_stride, segments, n_segments, weights, t.out.vectors(panels.first), to,
                 t.out.width(panels.first), false, &prefetches);
    }
  }

  /// d = sum over the column sets of product times dropout mask. run(set, rows, to) computes one product;
  /// each_row(rows, f) calls f(i, b) for each row i and its row b of the batch. With several sets a few rows at a time,
  /// since each set reads other parts of the same cache lines.
  template <class Run, class EachRow>
  void sum_sets(const Transposed& t, Range rows, Range panels, Index block, Run&& run, EachRow&& each_row, T* d) const {
    const bool masked = t.recurrent ? call_.recurrent_mask_count : call_.input_mask_count;
    const Index sets = Index(t.sets.size());
    if (sets == 0) return std::fill_n(d, panels.count() * block * full, T(0)), void();
    const Index rows_at_once = sets > 1 ? max_rows(int(t.out.vectors(panels.first))) : block_rows;
    blocks(rows.first, rows.last, rows_at_once, [&](Index i0, Index i1) {
      const Index begin = (i0 - rows.first) * t.out.width(panels.first);
      T* products = sets > 1 ? d + block_rows * full : d + begin;
      for (Index set = 0; set < sets; ++set) run(size_t(set), Range{i0, i1}, products + set * block_rows * full);
      if (!masked) return;
      each_row(Range{i0, i1}, [&](Index i, Index b) {
        const T* masks[max_columns];
        for (Index set = 0; set < sets; ++set) {
          const int gate = t.sets[size_t(set)].gate;
          masks[set] = t.recurrent ? call_.recurrent_mask(gate, b) : call_.input_mask(gate, b);
        }
        for (Index q = panels.first; q < panels.last; ++q) {
          const Index first = t.out.first(q), width = t.out.width(q), used = t.out.used(q);
          const Index at = (q - panels.first) * block * full + (i - i0) * width;
          const auto add_up = [&](Index j, auto&& load_mask) {
            Packet<T> value = mul(load(products + at + j), load_mask(masks[0] + first + j));
            for (Index set = 1; set < sets; ++set)
              value = fma(load(products + set * block_rows * full + at + j), load_mask(masks[set] + first + j), value);
            store(d + begin + at + j, value);
          };
          Index j = 0;
          for (; j + W <= used; j += W) add_up(j, [](const T* from) { return load(from); });
          if (j < used) add_up(j, [&](const T* from) { return load_partial(from, used - j); });
        }
      });
    });
  }

  /// d = dL/dh before step s: dz U^T of step s for rows that ran it, the upstream gradient for the others.
  void state_gradient(Index s, Range rows, Range panels, T* d) {
    const Index live = s < plan_.steps() ? plan_.live(s) : 0, block = rows.count();
    PrefetchList prefetches;
    const Range ran{rows.first, std::clamp(live, rows.first, rows.last)};
    sum_sets(
        recurrent_, ran, panels, block,
        [&](size_t set, Range some, T* to) {
          if (set == 0) prefetches = cached_step(s - 1, some, panels.first);  // one product is too short to fetch all
          multiply(recurrent_, set, s, some, panels, block, to, prefetches);
        },
        [&](Range some, auto&& f) {
          for (Index i = some.first; i < some.last; ++i) f(i, plan_.batch_row(i));
        },
        d);
    for (Index q = panels.first; q < panels.last; ++q, d += block * full)
      for (Index i = ran.last; i < rows.last; ++i)
        copy(upstream_.dh.data() + i * L_.units.padded + L_.units.first(q), L_.units.width(q),
             d + (i - rows.first) * L_.units.width(q));
  }

  /// What forward cached of step s, for the rows of a block and a panel.
  PrefetchList cached_step(Index s, Range rows, Index q) {
    PrefetchList prefetches;
    if (s < 0) return prefetches;
    const Index Hp = L_.units.padded;
    prefetches.add(z_at(q, plan_.row(s, rows.first)), rows.count() * L_.z_stride * Index(sizeof(T)));
    if (cell_.has_carry() && L_.units.count == 1 && s > 0)
      prefetches.add(cache_.carry.data() + plan_.row(s - 1, rows.first) * Hp, rows.count() * Hp * Index(sizeof(T)));
    return prefetches;
  }

  void step(Index s, Range rows, Range panels, T* d) {
    if (upstream_.dy) {  // rows of dy are far apart, and too many to prefetch during one product
      const Index first = L_.units.first(panels.first), used = L_.units.used(panels.first);
      for (Index i = rows.first; i < rows.last; ++i) {
        prefetch(upstream_.dy.at(plan_.source(s, i)) + first, used);
        if (s > 0) prefetch_l2(upstream_.dy.at(plan_.source(s - 1, i)) + first, used);
      }
    }
    state_gradient(s + 1, rows, panels, d);
    for (Index q = panels.first; q < panels.last; ++q, d += rows.count() * full)
      pointwise(s, rows.first, rows.last, q, d);
  }

  void pointwise(Index s, Index i0, Index i1, Index q, const T* d) {
    const Index first = L_.units.first(q), Hp = L_.units.padded, row = plan_.row(s, i0);
    BackwardBlock<T> block;
    block.rows = i1 - i0, block.padded = Hp;
    block.z = z_at(q, row), block.z_stride = L_.z_stride;
    block.dz = cell_.row_statistics ? normalized_gradient(q, i0) : z_at(q, row);
    block.carry_before = block.carry_after = nullptr;
    if (cell_.has_carry()) {
      block.carry_before =
          (s ? cache_.carry.data() + plan_.row(s - 1, i0) * Hp : cache_.carry0.data() + i0 * Hp) + first;
      block.carry_after = cache_.carry.data() + row * Hp + first;
    }
    block.unit_parameters = nullptr;
    block.dunit_parameters = nullptr;
    if (const Index P = cell_.unit_parameters) {
      block.unit_parameters = cache_.unit_parameters.data() + first;
      block.dunit_parameters = dunit_parameters_.data() + i0 * P * Hp + first;
    }
    block.dh = d;
    for (Index i = i0; i < i1; ++i)
      block.dy[i - i0] = upstream_.dy ? upstream_.dy.at(plan_.source(s, i)) + first : nullptr;
    block.units = L_.H - first;
    block.dcarry = upstream_.dcarry.data() + i0 * Hp + first;
    block.activations = call_.activations();
    functions_.backward[L_.units.vectors(q) - 1](block);
  }

  /// dL/d(normalised z) of one step, in the layout of z.
  T* normalized_gradient(Index q, Index i) { return normalized_gradients_.data() + (q * call_.B + i) * L_.z_stride; }

  /// dz of rows [r0, r1) from the gradients of their normalised columns.
  void normalize_step(Index s, Index r0, Index r1, StepContext& context) {
    const int C = cell_.columns;
    const Range rows = r0 < r1 ? context.range(r1 - r0) : Range{0, 0};
    for (Index i = r0 + rows.first; i < r0 + rows.last; ++i)
      for (int c = 0; c < C; ++c) {
        const auto at = [&](Index j, auto&& row) { return row(j / full) + c * L_.units.width(j / full) + j % full; };
        gradient_means_[i * C + c] = gradient_means<T>(
            L_.H, [&](Index j) { return at(j, [&](Index q) { return z_at(q, plan_.row(s, i)); }); },
            [&](Index j) { return at(j, [&](Index q) { return normalized_gradient(q, i); }); });
      }
    context.barrier();
    if (r0 < r1)
      context.each_panel([&](Index q) {
        const Index width = L_.units.width(q);
        for (Index i = r0; i < r1; ++i)
          for (int c = 0; c < C; ++c) {
            T* z = z_at(q, plan_.row(s, i)) + c * width;
            const T* d = normalized_gradient(q, i) + c * width;
            const T scale = cache_.norm_scale[plan_.row(s, i) * C + c];
            for (Index j = 0; j < width; j += W)
              store(z + j, normalize_backward<T>(load(z + j), load(d + j), scale, gradient_means_[i * C + c]));
          }
      });
    context.barrier();
  }

  /// The gradient through the operand of a stage after 0.
  void stage_step(int stage, Index s, Range rows, Range panels, T* d) {
    PrefetchList prefetches;
    multiply(later_stages_[size_t(stage) - 1], 0, s, rows, panels, rows.count(), d, prefetches);
    for (Index q = panels.first; q < panels.last; ++q, d += rows.count() * full)
      stage_pointwise(stage, s, rows.first, rows.last, q, d);
  }

  void stage_pointwise(int stage, Index s, Index i0, Index i1, Index q, const T* d) {
    const Index first = L_.units.first(q), width = L_.units.width(q);
    for (Index i = i0; i < i1; ++i, d += width) {
      const Index row = plan_.row(s, i);
      const T* drop = call_.recurrent_mask(cell_.stage_gate(stage), plan_.batch_row(i));
      if (drop) drop += first;
      functions_.stage_operand_backward({stage, z_at(q, row), width, L_.H - first,
                                         cache_.operands.data() + row * L_.cached_stride + L_.I + 1 + first,
                                         L_.sections > 1 ? drop : nullptr, drop, d,
                                         upstream_.dcarry.data() + i * L_.units.padded + first, call_.activations()});
    }
  }

  void initial_states(Range rows, Range panels, T* d) {
    state_gradient(0, rows, panels, d);
    const Index H = L_.H;
    for (Index q = panels.first; q < panels.last; ++q)
      for (Index i = rows.first; i < rows.last; ++i, d += L_.units.width(q)) {
        const Index at = plan_.batch_row(i) * H + L_.units.first(q);
        const T* carried = upstream_.dcarry.data() + i * L_.units.padded + L_.units.first(q);
        for (Index j = 0; j < L_.units.used(q); ++j) {
          out_.dh0[at + j] = d[j] + (cell_.carry == Carry::h ? carried[j] : T(0));
          if (out_.dc0) out_.dc0[at + j] = carried[j];
        }
      }
  }

  // --- after the loop
  // -------------------------------------------------------------------------------------------------
  /// dx = dz W^T, this worker's blocks of rows.
  void input_gradient(const Worker& worker, T* d) {
    const Index I = call_.I;
    T* dz = tokens_ ? tokens_.z(0, 0) : cache_.z.data();
    const auto block = [&](Index r0, Index r1, Index q) {
      const Index first = kernel_.out.first(q), width = kernel_.out.width(q), used = kernel_.out.used(q);
      const auto run = [&](size_t set, Range rows, T* to) {
        const auto& columns = kernel_.sets[set];
        const T* weights = kernel_.at(set, q);
        PrefetchList prefetches;
        if (kernel_.out.count > 1)
          prefetches.set_first(weights + columns.depth * width, columns.depth * width * Index(sizeof(T)));
        if (q == 0 && L_.units.count == 1)  // the next rows; with several panels the tile prefetches a row's segments
          prefetches.add(dz + r1 * L_.z_stride, (r1 - r0) * L_.z_stride * Index(sizeof(T)));
        product<T>(rows.count(), dz + rows.first * L_.z_stride, L_.z_stride, columns.segments.data(),
                   Index(columns.segments.size()), weights, kernel_.out.vectors(q), to, width, false, &prefetches);
      };
      // f(r, to) for the rows of dx. They are far apart, so they are prefetched before the product.
      const auto each_row = [&](auto&& f) {
        if (tokens_)
          for (Index r = r0; r < r1; ++r) f(r, out_.dx + r * I + first);
        else plan_.each({r0, r1}, [&](Index r, Index s, Index i) { f(r, out_.dx + plan_.source(s, i) * I + first); });
      };
      each_row([&](Index, const T* to) { prefetch(to, used); });
      sum_sets(
          kernel_, {r0, r1}, {q, q + 1}, r1 - r0, run,
          [&](Range rows, auto&& f) { plan_.each(rows, [&](Index r, Index, Index i) { f(r, plan_.batch_row(i)); }); },
          d);
      each_row([&](Index r, T* to) { copy(d + (r - r0) * width, used, to); });
    };
    dx_blocks_.each(worker, 0, [&](Index n) {
      if (steps_.interrupts().stops_piece(worker.id)) return;
      const Index first = n * dx_block_rows(), last = std::min(dx_rows(), first + dx_block_rows());
      for (Index q = 0; q < kernel_.out.count; ++q)
        blocks(first, last, block_rows, [&](Index r0, Index r1) { block(r0, r1, q); });
    });
  }
  /// The sums over the positions, ascending, of what the loop has summed over each one's steps.
  void write_unit_parameters(const Worker& worker) {
    const Index P = cell_.unit_parameters, Hp = L_.units.padded;
    const auto [u0, u1] = worker.range(L_.H);
    for (Index p = 0; p < P; ++p) {
      T* to = out_.dunit_parameters + p * L_.H;
      std::fill(to + u0, to + u1, T(0));
      for (Index i = 0; i < call_.B; ++i)
        for (Index j = u0; j < u1; ++j) to[j] += dunit_parameters_[(i * P + p) * Hp + j];
    }
  }
  Index dx_rows() const { return tokens_ ? tokens_.count() : plan_.rows(); }
  /// Rows of dz that are multiplied by all panels before the next rows: half of L2, and several such blocks a worker.
  Index dx_block_rows() const {
    const Index row_bytes = L_.units.count * L_.z_stride * Index(sizeof(T));
    const Index most = schedule_.threads > 1 ? dx_rows() / (8 * schedule_.threads) : dx_rows();
    return std::max(block_rows, std::min(most, l2_bytes() / 2 / row_bytes));
  }

  const SequenceCall<T> call_;
  const CellDeclaration& cell_;
  const BlockFunctions<T>& functions_;
  SequenceCache<T>& cache_;
  const Layout& L_;
  const Plan& plan_;
  TokenTable<T>& tokens_;
  const SequenceGradients<T> out_;
  const Schedule schedule_;
  ScheduledSteps steps_;
  UpstreamGradients<T> upstream_;
  WeightGradients<T> weights_;
  Buffer<T> scratch_;
  Transposed recurrent_, kernel_;  // for dh; for dx
  std::vector<Transposed> later_stages_;  // for the gradients of their operands
  Buffer<T> normalized_gradients_;  // [panel][position][column][unit], of one step
  Buffer<GradientMeans<T>> gradient_means_;  // [position][column]
  Buffer<T> dunit_parameters_;  // [position][parameter][units.padded]
  WorkStealingRange dx_blocks_;
  Index scratch_per_worker_ = 0;
  bool weights_in_l2_ = false;
};

}  // namespace recurra
