// What the forward loop reads and writes: buffers, their addresses by step, row and panel, and how they are set up.
//
//   operand rows        all cached in training with one section; else a ring buffer of chunk + 1 steps
//   pre-activations z   all cached in training; else of one chunk of steps, or scratch of one block for each worker
//   carry, reset        by packed row in training; else one row for each position
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "recurra/linalg/tile_small_batch.hpp"
#include "recurra/sequence/cache.hpp"
#include "recurra/sequence/packed_weights.hpp"
#include "recurra/sequence/schedule.hpp"

namespace recurra {

template <class Cell, class T>
class ForwardState {
 protected:
  using Layout = SequenceLayout<Cell, T>;
  static constexpr int C = Layout::C;
  static constexpr Index W = Layout::W;
  static constexpr Index block_rows = 48;  // rows whose pre-activations are computed and used before the next ones

  ForwardState(const SequenceCall<T>& call, T* y, T* h, T* c)
      : call_(call),
        cache_(new_cache(call)),
        L_(cache_->layout),
        plan_(cache_->plan),
        tokens_(cache_->tokens),
        y_(y),
        h_(h),
        c_(c) {}

  static std::unique_ptr<SequenceCache<Cell, T>> new_cache(const SequenceCall<T>& call) {
    auto cache = std::make_unique<SequenceCache<Cell, T>>();
    cache->call = call;
    // Groups of rows are for workers that run whole steps, with all the weights in their own core's L2.
    const Index weights = (call.I + 1 + call.H) * Cell::gates * call.H * Index(sizeof(T));
    cache->plan = Plan(call.B, call.steps, call.mask, call.reverse, call.training && stays_in_l2(weights));
    const Panels<T> units(call.H);
    cache->tokens = TokenTable<T>(call, cache->plan, Layout::z_stride_of(units), units.count);
    const bool per_gate = std::max(call.input_mask_count, call.recurrent_mask_count) > 1;
    cache->layout = Layout(cache->tokens ? 0 : call.I, call.H, per_gate);
    return cache;
  }

  void prepare() {
    schedule_ = make_schedule<Cell, T>(L_, plan_);
    weights_in_l2_ = stays_in_l2(weights_->bytes());
    const Index P = L_.units.count, Hp = L_.units.padded, B = call_.B;
    const Index per_step = std::max<Index>(1, plan_.steps() ? plan_.live(0) : 1);
    const Index least = call_.training ? 2 : 4;  // cached operands come from memory: few at a time
    chunk_ = std::max<Index>(1, std::min(plan_.steps(), std::max<Index>(least, 192 / per_step)));
    steps_.emplace(schedule_, plan_, L_.units.count, chunk_);
    projects_chunks_ = chunk_ > 1 && !tokens_ && L_.I > 0 && (per_step <= 4 || chunks_pay(per_step));
    const bool keep = call_.training;
    if (!keep || L_.sections > 1) ring_.resize((chunk_ + 1) * B * L_.operand_stride);
    if (keep) cache_->operands.resize(plan_.rows() * L_.cached_stride);
    const Index z_rows =
        std::max(block_rows, std::min(max_small_batch, per_step) * P);  // of one panel, or of all panels
    scratch_z_ =
        !(keep || projects_chunks_ || Cell::reset_before);  // a worker uses one block's pre-activations at once
    z_rows_ = keep ? plan_.rows() : scratch_z_ ? z_rows : chunk_ * B;
    cache_->z.resize((scratch_z_ ? Index(schedule_.threads) : P) * z_rows_ * L_.z_stride);
    if constexpr (Cell::has_carry) {
      cache_->carry.resize((keep ? plan_.rows() : B) * Hp);
      cache_->carry0.resize(B * Hp);
    }
    if constexpr (Cell::reset_before) cache_->reset.resize((keep ? plan_.rows() : B) * Hp);
    if (ring_.size()) {
      ring_rows_.resize(size_t(plan_.steps()) + 1);
      for (Index s = 0; s <= plan_.steps(); ++s)
        ring_rows_[size_t(s)] = ring_.data() + s % (chunk_ + 1) * B * L_.operand_stride;
    }
    for (Index i = 0; i < B; ++i) initial_state(i);
  }

  /// Whether computing the input's products for a chunk of steps at once pays: W is read once a chunk and not once a
  /// step, but the pre-activations go to L2 or beyond and back. For a few rows it always pays.
  bool chunks_pay(Index rows) const {
    if (weights_in_l2_) return false;
    const Index weights = L_.I * Cell::gates * L_.units.padded * (chunk_ - 1) / chunk_;
    return weights > 5 * 2 * rows * Cell::gates * L_.units.padded;
  }

  /// The states of position i before the first step; the final states too where the row has no step.
  void initial_state(Index i) {
    const Index b = plan_.batch_row(i), H = L_.H, Hp = L_.units.padded;
    const T* from_h = call_.h0 ? call_.h0 + b * H : nullptr;
    if constexpr (Cell::has_carry) {
      const T* from = !Cell::has_memory ? from_h : call_.c0 ? call_.c0 + b * H : nullptr;
      T* to = cache_->carry0.data() + i * Hp;
      for (Index j = 0; j < Hp; ++j) to[j] = from && j < H ? from[j] : T(0);
    }
    if (plan_.length(i) == 0) {
      for (Index j = 0; j < H; ++j) h_[b * H + j] = from_h ? from_h[j] : T(0);
      if (c_)
        for (Index j = 0; j < H; ++j) c_[b * H + j] = call_.c0 ? call_.c0[b * H + j] : T(0);
      return;
    }
    const std::vector<T> zeros(from_h ? 0 : size_t(H));
    write_h(0, i, from_h ? from_h : zeros.data(), 0, H);
  }

  // --- addresses
  // ------------------------------------------------------------------------------------------------------
  T* operand(Index s, Index i) const {
    if (ring_rows_.empty()) return cached_operand(s, i);
    return ring_rows_[size_t(s)] + i * L_.operand_stride;
  }
  T* cached_operand(Index s, Index i) const { return cache_->operands.data() + plan_.row(s, i) * L_.cached_stride; }
  /// The row of carry and reset.
  Index state_row(Index s, Index i) const { return call_.training ? plan_.row(s, i) : i; }
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
  std::unique_ptr<SequenceCache<Cell, T>> cache_;
  const Layout& L_;
  const Plan& plan_;
  TokenTable<T>& tokens_;
  T *y_, *h_, *c_;
  Schedule schedule_;
  std::optional<ScheduledSteps> steps_;
  std::shared_ptr<const PackedWeights<Cell, T>> weights_;
  Index chunk_ = 1, z_rows_ = 0;  // steps of a chunk; rows of z in a panel
  bool projects_chunks_ = false, scratch_z_ = true, weights_in_l2_ = false;
  Buffer<T> ring_;  // operand rows of chunk_ + 1 steps; empty where all are in the cache
  std::vector<T*> ring_rows_;  // the first row of each step in ring_
};

}  // namespace recurra
