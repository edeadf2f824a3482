// Forward over a sequence, written once for every cell.
//
// In: a SequenceCall (call.hpp). Out, every element overwritten: y (B, steps, P), or (B, P) unless return_sequences,
// its rows y_stride() apart; h (B, P) and, where the cell carries c, c (B, H), the final states. In training also a
// cache for backward.
//
// A row's result depends neither on the other rows nor on the number of threads.
//
// Strategy. At each step, for a block of rows and a panel of units, one product gives all pre-activations of the block
// (forward_products.hpp), and the cell runs on them while they are in the cache (forward_pointwise.hpp). Threads divide
// rows or units (schedule.hpp). Buffers: forward_state.hpp; their layout: memory_layout.hpp.
#pragma once
#include "recurra/sequence/forward_int8.hpp"
#include "recurra/sequence/outputs.hpp"

namespace recurra {

template <class T>
class SequenceForward : private ForwardInt8<T> {
  using Products = ForwardInt8<T>;
  using Products::block_z, Products::copy_token, Products::operand, Products::stage_operand,
      Products::step_column_count_, Products::step_columns_, Products::step_weights;
  using Products::cache_, Products::call_, Products::cell_, Products::L_, Products::plan_, Products::tokens_,
      Products::weights_;
  using Products::chunk_, Products::projects_chunks_, Products::schedule_, Products::y_;
  using Products::Products;
  using Products::scratch_z_, Products::z_rows_;

 public:
  /// c: null unless the cell has it. weights: packed before, or null. Returns the cache when call.training, else null.
  static std::unique_ptr<SequenceCache<T>> run(const CellFunctions<T>& cell, const SequenceCall<T>& call, T* y, T* h,
                                               T* c, std::shared_ptr<const PackedWeights<T>> weights = nullptr) {
    SequenceForward self(cell, call, y, h, c);
    self.weights_ = weights ? std::move(weights) : std::make_shared<const PackedWeights<T>>(cell.declaration, call);
    self.prepare();
    self.prepare_int8();
    self.list_step_columns();
    self.schedule_.run(bool(self.tokens_), [&](const Worker& worker) { self.loop(worker); });
    self.steps().interrupts().throw_if_stopped();
    finish_outputs(call, y, h);
    return call.training ? std::move(self.cache_) : nullptr;
  }

 private:
  void loop(const Worker& worker) {
    const FlushDenormals flush;
    if (tokens_) this->project_tokens(worker);
    this->steps().each(worker, [&](StepContext& context, Range steps) { run_steps(context, steps, worker.id); });
  }

  /// Steps [steps.first, steps.last) of the context's rows, chunk by chunk.
  void run_steps(StepContext& context, Range steps, int worker) {
    const auto [r0, r1] = context.rows;
    for (Index s0 = steps.first; s0 < steps.last; s0 += chunk_) {
      const Index s1 = std::min(s0 + chunk_, steps.last);
      const Range rows = context.range(plan_.live(s0));
      for (Index i = std::max(r0, rows.first); i < std::min(r1, rows.last); ++i) {
        this->write_inputs(s0, s1, i);
        this->quantize_inputs(s0, s1, i);
      }
      context.barrier();
      if (projects_chunks_) {
        context.each_panel([&](Index p) { this->project_chunk(s0, s1, r0, r1, p); });
        context.barrier();
      }
      for (Index s = s0; s < s1; ++s) {
        const Index last = std::min(r1, plan_.live(s));
        if (last <= r0) break;  // the number of live rows never grows
        if (context.interrupted_before(s)) return;
        for (int stage = 0; stage < cell_.stages; ++stage) {
          this->quantize_operands(stage, s, r0, last, worker);
          if (last - r0 <= max_small_batch && !weights_->quantized())
            small_batch_step(stage, s, r0, last, context, worker);
          else context.each_panel([&](Index p) { step(stage, s, r0, last, p, worker); });
          context.barrier();
        }
        if (cell_.row_statistics) normalized_step(s, r0, last, context);
        if (cell_.projects) projection_step(s, r0, last, context);
      }
    }
  }

  /// One stage of a step of rows [r0, r1) and panel p.
  void step(int stage, Index s, Index r0, Index r1, Index p, int worker) {
    const Index blocks = (r1 - r0 + block_rows - 1) / block_rows;
    for (Index n = 0; n < blocks; ++n) {
      const Index i0 = r0 + (r1 - r0) * n / blocks, i1 = r0 + (r1 - r0) * (n + 1) / blocks;
      T* z = block_z(s, i0, p, worker);
      if (is_last(stage) && y_ && call_.return_sequences && !cell_.projects) this->prefetch_y(s, i0, i1, p);
      if (stage == 0) this->columns(s, i0, i1, p, z, worker);
      else this->stage_columns(stage, s, i0, i1, p, z, worker);
      after_products(stage, s, i0, i1, p, z);
    }
  }
  /// The new states of rows [r0, r1) from their pre-activations, which are normalised first.
  void normalized_step(Index s, Index r0, Index r1, StepContext& context) {
    const Range rows = context.range(r1 - r0);
    for (Index i = r0 + rows.first; i < r0 + rows.last; ++i) this->row_statistics(s, i);
    context.barrier();
    context.each_panel([&](Index p) {
      const Index blocks = (r1 - r0 + block_rows - 1) / block_rows;
      for (Index n = 0; n < blocks; ++n) {
        const Index i0 = r0 + (r1 - r0) * n / blocks, i1 = r0 + (r1 - r0) * (n + 1) / blocks;
        T* z = this->z_at(s, i0, p);
        this->normalize_rows(i0, i1, p, z);
        this->pointwise(s, i0, i1, p, z);
      }
    });
    context.barrier();
  }
  /// The new h of rows [r0, r1), projected.
  void projection_step(Index s, Index r0, Index r1, StepContext& context) {
    const Index blocks = (r1 - r0 + block_rows - 1) / block_rows;
    const auto [first, last] = context.range(L_.h_units.count * blocks);
    for (Index item = first; item < last; ++item) {
      const Index n = item % blocks;
      this->project(s, r0 + (r1 - r0) * n / blocks, r0 + (r1 - r0) * (n + 1) / blocks, item / blocks);
    }
    context.barrier();
  }
  bool is_last(int stage) const { return stage + 1 == cell_.stages; }
  /// The next stage's operand, or the new states.
  void after_products(int stage, Index s, Index i0, Index i1, Index p, T* z) {
    if (cell_.row_statistics) return;  // normalized_step() follows when all panels are there
    if (is_last(stage)) this->pointwise(s, i0, i1, p, z);
    else this->stage_pointwise(stage + 1, s, i0, i1, p, z);
  }

  /// step() for at most max_small_batch rows and all the panels of this worker: several panels a product, and the
  /// columns in alternating order, so that the weights which a step used last, still in a cache, are the next step's
  /// first.
  void small_batch_step(int stage, Index s, Index i0, Index i1, const StepContext& context, int worker) {
    const Index p0 = context.range(L_.units.count).first, p1 = context.range(L_.units.count).last, rows = i1 - i0;
    const Index full_panels = std::min(p1, L_.units.full_count()) - p0;
    const Index z_panel_stride = (scratch_z_ ? rows : z_rows_) * L_.z_stride;
    T* z = block_z(s, i0, p0, worker);
    const auto column = [&](int c, const T* a, Index lda, Segment segment, auto&& weights, bool accumulate) {
      if (full_panels > 0)
        small_batch_product(rows, a, lda, &segment, 1, weights(p0), weights_->panel_stride(), full_panels,
                            z + c * Panels<T>::full, L_.z_stride, z_panel_stride, accumulate);
      for (Index p = p0 + std::max<Index>(0, full_panels); p < p1; ++p)
        product<T>(rows, a, lda, &segment, 1, weights(p), L_.units.vectors(p),
                   z + (p - p0) * z_panel_stride + c * L_.units.width(p), L_.z_stride, accumulate);
    };
    if (stage > 0) {
      for (int c = 0; c < cell_.columns; ++c)
        if (cell_.column[c].takes_operand(stage))
          column(
              c, stage_operand(stage, s, i0), L_.units.padded, {0, L_.H},
              [&](Index p) { return weights_->later_stage(p, c); }, true);
    } else {
      if (tokens_)
        for (Index p = p0; p < p1; ++p)
          for (Index i = i0; i < i1; ++i) copy_token(s, i, p, z + (p - p0) * z_panel_stride + (i - i0) * L_.z_stride);
      const T* const from = operand(s, i0);
      for (int n = 0; n < step_column_count_; ++n) {
        const auto& each = step_columns_[s % 2 ? step_column_count_ - 1 - n : n];
        column(
            each.index, from, L_.operand_stride, each.segment, [&](Index p) { return step_weights(p, each); },
            each.continues);
      }
    }
    for (Index p = p0; p < p1; ++p, z += z_panel_stride) after_products(stage, s, i0, i1, p, z);
  }
};

}  // namespace recurra
