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
// (weight_gradients.hpp) and dL/dx = dz W^T, over tokens instead of rows with a token table. Buffers and products:
// backward_products.hpp; the cell: backward_pointwise.hpp.
#pragma once
#include "recurra/sequence/backward_pointwise.hpp"

namespace recurra {

template <class T>
class SequenceBackward : private BackwardPointwise<T> {
  using Pointwise = BackwardPointwise<T>;
  using Pointwise::blocks, Pointwise::multiply, Pointwise::state_gradient;
  using Pointwise::call_, Pointwise::cell_, Pointwise::L_, Pointwise::out_, Pointwise::plan_, Pointwise::tokens_;
  using Pointwise::full, Pointwise::Pointwise, Pointwise::W;
  using Pointwise::kernel_, Pointwise::later_stages_, Pointwise::recurrent_, Pointwise::schedule_, Pointwise::scratch_,
      Pointwise::scratch_per_worker_, Pointwise::steps_, Pointwise::upstream_, Pointwise::weights_;
  using typename Pointwise::Transposed;

 public:
  static void run(SequenceCache<T>& cache, StridedRows<T> dy, const T* dh, const T* dc,
                  const SequenceGradients<T>& out) {
    SequenceBackward self(cache, dy, dh, dc, out);
    self.schedule_.run(true, [&](const Worker& worker) { self.work(worker); });
    self.steps_.interrupts().throw_if_stopped();
  }

 private:
  void work(const Worker& worker) {
    const FlushDenormals flush;
    T* scratch = scratch_.data() + worker.id * scratch_per_worker_;
    if (plan_.steps() > 1 || out_.dh0) recurrent_.pack(L_, worker);
    for (Transposed& weights : later_stages_) weights.pack(L_, worker);
    if (out_.dx) kernel_.pack(L_, worker);
    if (cell_.projects) this->pack_projection(worker);
    worker.barrier();
    steps_.each(worker, [&](StepContext& context, Range steps) { run_steps(context, steps, scratch); });
    worker.barrier();
    if (tokens_ && (out_.dkernel || out_.dx)) {
      const Index u0 = tokens_.first_of(worker.id, worker.count), u1 = tokens_.first_of(worker.id + 1, worker.count);
      for (Index p = 0; p < L_.units.count; ++p)
        tokens_.sum_rows(p, u0, u1, this->z_at(p, 0), cell_.columns * L_.units.width(p));
      worker.barrier();
    }
    weights_.sum(worker, scratch, steps_.interrupts());
    if (out_.dprojection_kernel)
      this->projection_gradient_.sum(worker, this->projected_gradients_.data(), scratch, out_.dprojection_kernel);
    if (out_.dx) this->input_gradient(worker, scratch);
    worker.barrier();
    weights_.write(worker, out_);
    if (out_.dunit_parameters) this->write_unit_parameters(worker);
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
    // The same for the units of h, where the cell projects it.
    const auto each_projected_block = [&](Index last, auto&& run) {
      const Index first = context.rows.first, count = (std::max(last, first) - first + block_rows - 1) / block_rows;
      const auto [n0, n1] = context.range(L_.h_units.count * count);
      for (Index n = n0; n < n1; ++n) {
        const Index k = n % count, q = n / count;
        run(Range{first + (last - first) * k / count, first + (last - first) * (k + 1) / count}, Range{q, q + 1});
      }
    };
    for (Index n = steps.first; n < steps.last; ++n) {
      if (context.interrupted_before(n)) return;
      const Index s = context.steps - 1 - n, last = std::min(context.rows.last, plan_.live(s));
      if (cell_.projects) {
        each_projected_block(last, [&](Range rows, Range panels) { projection_step(s, rows, panels, scratch); });
        context.barrier();
      }
      each_block(last, [&](Range rows, Range panels) { step(s, rows, panels, scratch); });
      context.barrier();
      if (cell_.row_statistics) this->normalize_step(s, context.rows.first, last, context);
      for (int stage = cell_.stages - 1; stage > 0; --stage) {
        each_block(last, [&](Range rows, Range panels) { stage_step(stage, s, rows, panels, scratch); });
        context.barrier();
      }
    }
    if (steps.last < context.steps) return;
    const auto initial_h = [&](Range rows, Range panels) { initial_state(rows, panels, scratch); };
    if (!out_.dh0) return;
    if (cell_.projects) each_projected_block(context.rows.last, initial_h);
    else each_block(context.rows.last, initial_h);
    if (out_.dc0) each_block(context.rows.last, [&](Range rows, Range panels) { initial_c(rows, panels); });
  }

  /// dL/dh after the projection. panels: of h_units.
  void projection_step(Index s, Range rows, Range panels, T* d) {
    state_gradient(s + 1, rows, panels, d);
    for (Index q = panels.first; q < panels.last; ++q, d += rows.count() * full)
      for (Index i = rows.first; i < rows.last; ++i) {
        const Index first = L_.h_units.first(q), width = L_.h_units.width(q), left = L_.P - first;
        const T *from = d + (i - rows.first) * width, *dy = nullptr;
        if (upstream_.dy) dy = upstream_.dy.at(plan_.source(s, i)) + first;
        T* to = this->projected_gradient(s, i) + first;
        for (Index j = 0; j < width; j += W) {
          Packet<T> dh = load(from + j);
          if (dy) dh = add(dh, load_partial(dy + j, left - j));
          if (call_.zoneout_h) dh = this->through_zoneout(s, i, first + j, dh);
          store(to + j, dh);
        }
      }
  }

  void step(Index s, Range rows, Range panels, T* d) {
    if (upstream_.dy && !cell_.projects) {  // rows of dy are far apart, and too many to prefetch during one product
      const Index first = L_.units.first(panels.first), used = L_.units.used(panels.first);
      for (Index i = rows.first; i < rows.last; ++i) {
        prefetch(upstream_.dy.at(plan_.source(s, i)) + first, used);
        if (s > 0) prefetch_l2(upstream_.dy.at(plan_.source(s - 1, i)) + first, used);
      }
    }
    if (cell_.projects) this->unprojected_gradient(s, rows, panels, d);
    else state_gradient(s + 1, rows, panels, d);
    for (Index q = panels.first; q < panels.last; ++q, d += rows.count() * full)
      this->pointwise(s, rows.first, rows.last, q, d);
  }

  /// The gradient through the operand of a stage after 0.
  void stage_step(int stage, Index s, Range rows, Range panels, T* d) {
    PrefetchList prefetches;
    multiply(later_stages_[size_t(stage) - 1], 0, s, rows, panels, rows.count(), d, prefetches);
    for (Index q = panels.first; q < panels.last; ++q, d += rows.count() * full)
      this->stage_pointwise(stage, s, rows.first, rows.last, q, d);
  }

  /// dh0. panels: of h_units.
  void initial_state(Range rows, Range panels, T* d) {
    state_gradient(0, rows, panels, d);
    for (Index q = panels.first; q < panels.last; ++q)
      for (Index i = rows.first; i < rows.last; ++i, d += L_.h_units.width(q)) {
        const Index at = plan_.batch_row(i) * L_.P + L_.h_units.first(q);
        const T* more = nullptr;  // what reaches h beside the products
        if (cell_.carry == Carry::h) more = upstream_.dcarry.data() + i * L_.units.padded + L_.h_units.first(q);
        else if (call_.zoneout_h) more = this->kept_gradients_.data() + i * L_.h_units.padded + L_.h_units.first(q);
        const Index used = L_.h_units.used(q);
        if (more)
          for (Index j = 0; j < used; ++j) out_.dh0[at + j] = d[j] + more[j];
        else copy(d, used, out_.dh0 + at);
      }
  }
  void initial_c(Range rows, Range panels) {
    for (Index q = panels.first; q < panels.last; ++q)
      for (Index i = rows.first; i < rows.last; ++i)
        copy(upstream_.dcarry.data() + i * L_.units.padded + L_.units.first(q), L_.units.used(q),
             out_.dc0 + plan_.batch_row(i) * L_.H + L_.units.first(q));
  }
};

}  // namespace recurra
