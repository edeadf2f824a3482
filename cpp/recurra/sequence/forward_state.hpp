// What the forward loop reads and writes: buffers, their addresses by step, row and panel, and how they are set up.
//
//   operand rows        all cached in training with one section; else a ring buffer of chunk + 1 steps
//   pre-activations z   all cached in training; else of one chunk of steps, or scratch of one block for each worker
//   carry, operands of later stages, h before its projection: by packed row in training; else one row for each position
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "recurra/linalg/copy_padded.hpp"
#include "recurra/linalg/row_moments.hpp"
#include "recurra/linalg/tile_small_batch.hpp"
#include "recurra/sequence/cache.hpp"
#include "recurra/sequence/packed_weights.hpp"
#include "recurra/sequence/schedule.hpp"

namespace recurra {

template <class T>
class ForwardState {
 protected:
  using Layout = SequenceLayout<T>;
  static constexpr Index W = Layout::W;

  ForwardState(const CellFunctions<T>& cell, const SequenceCall<T>& call, T* y, T* h, T* c)
      : call_(call),
        cell_(cell.declaration),
        functions_(cell.block_functions(call)),
        cache_(new_cache(cell, call)),
        L_(cache_->layout),
        plan_(cache_->plan),
        tokens_(cache_->tokens),
        y_(y),
        h_(h),
        c_(c) {}

  static std::unique_ptr<SequenceCache<T>> new_cache(const CellFunctions<T>& functions, const SequenceCall<T>& call) {
    const CellDeclaration& cell = functions.declaration;
    auto cache = std::make_unique<SequenceCache<T>>();
    cache->cell = &functions;
    cache->call = call;
    // Groups of rows are for workers that run whole steps, with all the weights in their own core's L2.
    const Index weights = (call.I + 1 + call.P()) * cell.gates * call.H * Index(sizeof(T));
    cache->plan = Plan(call.B, call.steps, call.mask, call.reverse, call.training && stays_in_l2(weights), call.layout);
    const Panels<T> units(call.H);
    cache->tokens = TokenTable<T>(call, cache->plan, Layout::z_stride_of(cell, units), units.count);
    const bool per_gate = std::max(call.input_mask_count, call.recurrent_mask_count) > 1;
    cache->layout = Layout(cell, cache->tokens ? 0 : call.I, call.H, call.P(), per_gate);
    return cache;
  }

  void prepare() {
    schedule_ = make_schedule(L_, plan_, weights_->quantized() ? 1.0 : double(sizeof(T)));
    weights_in_l2_ = stays_in_l2(weights_->bytes());
    const Index P = L_.units.count, Hp = L_.units.padded, B = call_.B;
    const Index per_step = std::max<Index>(1, plan_.steps() ? plan_.live(0) : 1);
    const Index least = call_.training ? 2 : 4;  // cached operands come from memory: few at a time
    chunk_ = std::max<Index>(1, std::min(plan_.steps(), std::max<Index>(least, 192 / per_step)));
    steps_.emplace(schedule_, plan_, L_.units.count, chunk_);
    projects_chunks_ = chunk_ > 1 && !tokens_ && call_.I > 0 && (per_step <= 4 || chunks_pay(per_step));
    const bool keep = call_.training;
    if (!keep || L_.sections > 1) ring_.resize((chunk_ + 1) * B * L_.operand_stride);
    if (keep) cache_->operands.resize(plan_.rows() * L_.cached_stride);
    const Index z_rows =
        std::max(block_rows, std::min(max_small_batch, per_step) * P);  // of one panel, or of all panels
    scratch_z_ = !(keep || projects_chunks_ || cell_.stages > 1 ||
                   cell_.row_statistics);  // a worker uses one block's pre-activations at once
    z_rows_ = keep ? plan_.rows() : scratch_z_ ? z_rows : chunk_ * B;
    cache_->z.resize((scratch_z_ ? Index(schedule_.threads) : P) * z_rows_ * L_.z_stride);
    const Index state_rows = keep ? plan_.rows() : B;
    if (cell_.has_carry()) {
      cache_->carry.resize(state_rows * Hp);
      cache_->carry0.resize(B * Hp);
    }
    if (carry_zoneout()) cache_->carry_before_zoneout.resize(state_rows * Hp);
    if (keeps_h()) previous_h_.resize(B * L_.h_units.padded);
    if (cell_.projects) cache_->unprojected.resize(state_rows * Hp);
    stage_size_ = state_rows * Hp;
    cache_->stage_operands.resize((cell_.stages - 1) * stage_size_);
    if (cell_.row_statistics) {
      moments_.resize(B * cell_.columns);
      if (keep) cache_->norm_scale.resize(plan_.rows() * cell_.columns);
    }
    if (cell_.unit_parameters) {
      cache_->unit_parameters.resize(cell_.unit_parameters * Hp);
      for (Index p = 0; p < cell_.unit_parameters; ++p)
        for (Index j = 0; j < Hp; ++j)
          cache_->unit_parameters[p * Hp + j] = j < L_.H ? call_.unit_parameters[p * L_.H + j] : T(0);
    }
    if (ring_.size()) {
      ring_rows_.resize(size_t(plan_.steps()) + 1);
      for (Index s = 0; s <= plan_.steps(); ++s)
        ring_rows_[size_t(s)] = ring_.data() + s % (chunk_ + 1) * B * L_.operand_stride;
    }
    const std::vector<T> zeros(size_t(L_.P), T(0));
    for (Index i = 0; i < B; ++i) initial_state(i, zeros.data());
  }

  /// Whether computing the input's products for a chunk of steps at once pays: W is read once a chunk and not once a
  /// step, but the pre-activations go to L2 or beyond and back. For a few rows it always pays.
  bool chunks_pay(Index rows) const {
    if (weights_in_l2_) return false;
    const Index weights = L_.I * cell_.gates * L_.units.padded * (chunk_ - 1) / chunk_;
    return weights > 5 * 2 * rows * cell_.gates * L_.units.padded;
  }

  /// The states of position i before the first step; the final states too where the row has no step. zeros: P of them.
  void initial_state(Index i, const T* zeros) {
    const Index b = plan_.batch_row(i), H = L_.H, P = L_.P, Hp = L_.units.padded;
    const T* from_h = call_.h0 ? call_.h0 + b * P : nullptr;
    if (cell_.has_carry()) {
      const T* from = cell_.carry == Carry::h ? from_h : call_.c0 ? call_.c0 + b * H : nullptr;
      copy_padded(from, H, Hp, cache_->carry0.data() + i * Hp);
    }
    if (keeps_h()) copy_padded(from_h, P, L_.h_units.padded, previous_h_.data() + i * L_.h_units.padded);
    if (plan_.length(i) == 0) {
      copy_padded(from_h, P, P, h_ + b * P);
      if (c_) copy_padded(call_.c0 ? call_.c0 + b * H : nullptr, H, H, c_ + b * H);
      return;
    }
    write_h(0, i, from_h ? from_h : zeros, 0, P);
  }

  ScheduledSteps& steps() { return *steps_; }  // NOLINT(bugprone-unchecked-optional-access): made by prepare()
  /// The zoneout of the carry.
  const Zoneout<T>& carry_zoneout() const { return cell_.carry == Carry::h ? call_.zoneout_h : call_.zoneout_c; }
  /// Whether h before a step is needed, with no carry that holds it.
  bool keeps_h() const { return call_.zoneout_h && cell_.carry != Carry::h; }

  // --- addresses
  // ------------------------------------------------------------------------------------------------------
  T* operand(Index s, Index i) const {
    if (ring_rows_.empty()) return cached_operand(s, i);
    return ring_rows_[size_t(s)] + i * L_.operand_stride;
  }
  T* cached_operand(Index s, Index i) const { return cache_->operands.data() + plan_.row(s, i) * L_.cached_stride; }
  /// The row of the carry and of later stages' operands.
  Index state_row(Index s, Index i) const { return call_.training ? plan_.row(s, i) : i; }
  /// The operand of a stage after 0, of step s and row i.
  T* stage_operand(int stage, Index s, Index i) const {
    return cache_->stage_operands.data() + (stage - 1) * stage_size_ + state_row(s, i) * L_.units.padded;
  }
  /// The pre-activations of step s, row i, panel p (not where scratch_z_).
  T* z_at(Index s, Index i, Index p) const {
    const Index row = call_.training ? plan_.row(s, i) : s % chunk_ * call_.B + i;
    return cache_->z.data() + (p * z_rows_ + row) * L_.z_stride;
  }
  /// The same, or the worker's scratch.
  T* block_z(Index s, Index i, Index p, int worker) const {
    return scratch_z_ ? cache_->z.data() + worker * z_rows_ * L_.z_stride : z_at(s, i, p);
  }

  // --- operand rows
  // ---------------------------------------------------------------------------------------------------
  /// Copy the inputs, and the 1s, of a row's steps [s0, s1) to its operands. They are consecutive in x.
  void write_inputs(Index s0, Index s1, Index i) const {
    const Index I = L_.I, length = plan_.length(i), last = std::min(s1, length);
    const bool plain = L_.sections == 1 && !call_.input_mask_count && call_.x;
    for (Index s = s0; s < last; ++s) {
      const Index source = plan_.source(s, i);
      // The hardware hardly prefetches many rows in alternation, or backwards. (Large weights need all of L2.)
      const Index coming = s + chunk_;
      if (call_.x && coming < length && (weights_in_l2_ || call_.reverse))
        prefetch_l2(call_.x + plan_.source(coming, i) * I, I);
      if (plain) {
        write_input(call_.x + source * I, nullptr, operand(s, i));
        continue;
      }
      const T* from = call_.ids ? call_.embeddings + Index(call_.ids[source]) * I : call_.x + source * I;
      for (Index g = 0; g < L_.sections; ++g)
        write_input(from, call_.input_mask(g, plan_.batch_row(i)), operand(s, i) + g * L_.section);
      if (caches_unmasked()) write_input(from, nullptr, cached_operand(s, i));
    }
  }
  RECURRA_INLINE void write_input(const T* from, const T* mask, T* to) const {
    copy_masked(from, mask, L_.I, to);
    to[L_.I] = T(1);
  }
  /// Copy h[0:used], units `first` and on of row i, to the operand of step s.
  void write_h(Index s, Index i, const T* h, Index first, Index used) const {
    const Index b = plan_.batch_row(i), begin = L_.I + 1 + first;
    T* to = operand(s, i) + begin;
    for (Index g = 0; g < L_.sections; ++g, to += L_.section) {
      const T* drop = call_.recurrent_mask(g, b);
      copy_masked(h, drop ? drop + first : nullptr, used, to);
    }
    if (caches_unmasked()) copy(h, used, cached_operand(s, i) + begin);
  }
  bool caches_unmasked() const { return call_.training && L_.sections > 1; }

  const SequenceCall<T> call_;
  const CellDeclaration& cell_;
  const BlockFunctions<T>& functions_;
  std::unique_ptr<SequenceCache<T>> cache_;
  const Layout& L_;
  const Plan& plan_;
  TokenTable<T>& tokens_;
  T *y_, *h_, *c_;
  Schedule schedule_;
  std::optional<ScheduledSteps> steps_;
  std::shared_ptr<const PackedWeights<T>> weights_;
  Index chunk_ = 1, z_rows_ = 0;  // steps of a chunk; rows of z in a panel
  Index stage_size_ = 0;  // elements of the operands of one stage after 0
  bool projects_chunks_ = false, scratch_z_ = true, weights_in_l2_ = false;
  Buffer<Moments<T>> moments_;  // [position][column], of one step, where columns are normalised
  Buffer<T> previous_h_;  // [position][h_units.padded]: h before the step, where keeps_h()
  Buffer<T> ring_;  // operand rows of chunk_ + 1 steps; empty where all are in the cache
  std::vector<T*> ring_rows_;  // the first row of each step in ring_
};

}  // namespace recurra
