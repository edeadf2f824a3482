// The buffers of the backward loop and its matrix products: dL/dh = dz U^T in a step, and dL/dx = dz W^T after the
// loop.
//
// d of a block is [panel][row][unit].
#pragma once
#include "recurra/linalg/row_moments.hpp"
#include "recurra/linalg/tile_small_batch.hpp"
#include "recurra/sequence/projection_gradient.hpp"
#include "recurra/sequence/schedule.hpp"
#include "recurra/sequence/transposed_weights.hpp"
#include "recurra/sequence/upstream_gradients.hpp"
#include "recurra/sequence/weight_gradients.hpp"

namespace recurra {

template <class T>
class BackwardProducts {
 protected:
  using Layout = SequenceLayout<T>;
  using Transposed = TransposedWeights<T>;
  static constexpr Index W = Layout::W;
  static constexpr Index full = Panels<T>::full;

  BackwardProducts(SequenceCache<T>& cache, StridedRows<T> dy, const T* dh, const T* dc,
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
        upstream_(call_, plan_, L_.h_units.padded, L_.units.padded, dy, dh, dc),
        projection_gradient_(cache, out.dprojection_kernel, schedule_.threads),
        weights_(cache, out, schedule_.threads, out.dx && !tokens_ ? cell_.gates * L_.H * L_.I : 0) {
    const auto takes = [&](int stage) { return [this, stage](int c) { return cell_.column[c].takes_operand(stage); }; };
    const Index panel_stride = plan_.rows() * L_.z_stride;
    recurrent_.init(call_, L_, L_.h_units, column_sets(call_.recurrent_mask_count > 1, takes(0)), true, panel_stride);
    later_stages_.resize(size_t(cell_.stages) - 1);
    for (int stage = 1; stage < cell_.stages; ++stage)
      later_stages_[size_t(stage) - 1].init(call_, L_, L_.units, column_sets(false, takes(stage)), true, panel_stride);
    if (cell_.projects) {
      projection_.resize(L_.P * L_.units.padded);
      projected_gradients_.resize(plan_.rows() * L_.h_units.padded);
    }
    dunit_parameters_.resize(call_.B * cell_.unit_parameters * L_.units.padded);
    std::fill_n(dunit_parameters_.data(), dunit_parameters_.size(), T(0));
    if (call_.zoneout_h && cell_.carry != Carry::h) {
      kept_gradients_.resize(call_.B * L_.h_units.padded);
      std::fill_n(kept_gradients_.data(), kept_gradients_.size(), T(0));
    }
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
    scratch_per_worker_ =
        std::max({(1 + cell_.gates) * block_rows * full, weights_.scratch(), ProjectionGradient<T>::scratch()});
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

  /// run(i0, i1) for rows [r0, r1) in blocks of at most `most`, even to one row.
  template <class Run>
  static void blocks(Index r0, Index r1, Index most, Run&& run) {
    const Index n = (r1 - r0 + most - 1) / most;
    for (Index k = 0; k < n; ++k) run(r0 + (r1 - r0) * k / n, r0 + (r1 - r0) * (k + 1) / n);
  }

  T* z_at(Index p, Index row) { return cache_.z.data() + (p * plan_.rows() + row) * L_.z_stride; }

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
          if (set == 0 && !cell_.projects)
            prefetches = cached_step(s - 1, some, panels.first);  // one product is too short to fetch all
          multiply(recurrent_, set, s, some, panels, block, to, prefetches);
        },
        [&](Range some, auto&& f) {
          for (Index i = some.first; i < some.last; ++i) f(i, plan_.batch_row(i));
        },
        d);
    for (Index q = panels.first; q < panels.last; ++q, d += block * full)
      for (Index i = ran.last; i < rows.last; ++i)
        copy(upstream_.dh.data() + i * L_.h_units.padded + L_.h_units.first(q), L_.h_units.width(q),
             d + (i - rows.first) * L_.h_units.width(q));
  }

  /// dL/dh of step s and row i, of h after its projection.
  T* projected_gradient(Index s, Index i) { return projected_gradients_.data() + plan_.row(s, i) * L_.h_units.padded; }
  /// Pack this worker's panels of the transposed projection kernel. A barrier must follow.
  void pack_projection(const Worker& worker) {
    const auto [q0, q1] = worker.range(L_.units.count);
    for (Index q = q0; q < q1; ++q)
      pack_columns(call_.projection_kernel + L_.units.first(q) * L_.P, L_.P, L_.P, L_.units.used(q), L_.units.width(q),
                   projection_.data() + L_.units.first(q) * L_.P);
  }
  /// d = dL/dh of a step before the projection, of a block of units.
  void unprojected_gradient(Index s, Range rows, Range panels, T* d) {
    const Segment all{0, L_.P};
    for (Index q = panels.first; q < panels.last; ++q, d += rows.count() * full) {
      PrefetchList prefetches = cached_step(s, rows, q);
      product<T>(rows.count(), projected_gradient(s, rows.first), L_.h_units.padded, &all, 1,
                 projection_.data() + L_.units.first(q) * L_.P, L_.units.vectors(q), d, L_.units.width(q), false,
                 &prefetches);
    }
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

  // --- after the loop
  // -------------------------------------------------------------------------------------------------------
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
  ProjectionGradient<T> projection_gradient_;
  WeightGradients<T> weights_;
  Buffer<T> scratch_;
  Transposed recurrent_, kernel_;  // for dh; for dx
  std::vector<Transposed> later_stages_;  // for the gradients of their operands
  Buffer<T> normalized_gradients_;  // [panel][position][column][unit], of one step
  Buffer<GradientMeans<T>> gradient_means_;  // [position][column]
  Buffer<T> projection_;  // [panel of units][P][unit]: the projection kernel, transposed
  Buffer<T> projected_gradients_;  // [packed row][h_units.padded]: dL/dh after the projection
  Buffer<T> kept_gradients_;  // [position][h_units.padded]: of h through its zoneout; empty where a carry holds h
  Buffer<T> dunit_parameters_;  // [position][parameter][units.padded]
  WorkStealingRange dx_blocks_;
  Index scratch_per_worker_ = 0;
  bool weights_in_l2_ = false;
};

}  // namespace recurra
