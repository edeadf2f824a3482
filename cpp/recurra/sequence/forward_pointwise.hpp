// The cell on the pre-activations of a block of rows and a panel of units: activations, new states, and their way to y,
// to the next step's operands and to the final states.
//
// Stores to memory outside the caches come last, in a pass of their own (pointwise.hpp has the others).
#pragma once
#include "recurra/sequence/forward_state.hpp"

namespace recurra {

template <class T>
class ForwardPointwise : protected ForwardState<T> {
 protected:
  using State = ForwardState<T>;
  using State::call_, State::cell_, State::functions_, State::cache_, State::L_, State::plan_, State::y_, State::h_,
      State::c_;
  using State::moments_, State::operand, State::stage_operand, State::state_row, State::weights_, State::write_h;
  using State::State, State::W;

  /// The moments of a row's columns, over all panels.
  void row_statistics(Index s, Index i) {
    const Index full = Panels<T>::full;
    for (int c = 0; c < cell_.columns; ++c) {
      const Moments<T> moments = row_moments<T>(L_.H, [&](Index j) {
        const Index p = j / full;
        return this->z_at(s, i, p) + c * L_.units.width(p) + j - p * full;
      });
      moments_[i * cell_.columns + c] = moments;
      if (call_.training) cache_->norm_scale[plan_.row(s, i) * cell_.columns + c] = moments.scale;
    }
  }
  void normalize_rows(Index i0, Index i1, Index p, T* z) {
    const Index width = L_.units.width(p);
    for (Index i = i0; i < i1; ++i, z += L_.z_stride)
      for (int c = 0; c < cell_.columns; ++c) {
        const Moments<T> moments = moments_[i * cell_.columns + c];
        for (T* at = z + c * width; at < z + (c + 1) * width; at += W) store(at, normalize<T>(load(at), moments));
      }
  }

  void pointwise(Index s, Index i0, Index i1, Index p, T* z) {
    const Index first = L_.units.first(p), Hp = L_.units.padded, vectors = L_.units.vectors(p);
    alignas(64) T h[block_rows * Panels<T>::full];
    T* carry = nullptr;
    ForwardBlock<T> block{i1 - i0, Hp, z, L_.z_stride, nullptr, nullptr, nullptr, h, call_.activations()};
    if (cell_.has_carry()) {
      block.carry_before =
          (s == 0 ? cache_->carry0.data() + i0 * Hp : cache_->carry.data() + state_row(s - 1, i0) * Hp) + first;
      carry = block.carry_after = cache_->carry.data() + state_row(s, i0) * Hp + first;
      if (this->carry_zoneout())
        block.carry_after = cache_->carry_before_zoneout.data() + state_row(s, i0) * Hp + first;
    }
    if (cell_.unit_parameters) block.unit_parameters = cache_->unit_parameters.data() + first;
    functions_.forward[vectors - 1](block);
    if (call_.has_zoneout()) zoneout(s, i0, p, block, carry);
    if (cell_.projects) return store_unprojected(s, i0, i1, p, h, carry);
    with_vectors(vectors, [&](auto count) { store_states<decltype(count)::value>(s, i0, i1, L_.units, p, h, carry); });
  }

  /// h of rows [i0, i1), panel q of its P units, where the cell projects it.
  void project(Index s, Index i0, Index i1, Index q) {
    const Index Hp = L_.units.padded, vectors = L_.h_units.vectors(q), width = vectors * W;
    const Segment all{0, L_.H};
    alignas(64) T h[block_rows * Panels<T>::full];
    product<T>(i1 - i0, unprojected(s, i0), Hp, &all, 1, weights_->projection(q), vectors, h, width, false);
    if (this->keeps_h()) zoneout_h(s, i0, i1, L_.h_units, q, h);
    with_vectors(vectors,
                 [&](auto count) { store_states<decltype(count)::value>(s, i0, i1, L_.h_units, q, h, nullptr); });
  }

  /// The operand of a stage after 0.
  void stage_pointwise(int stage, Index s, Index i0, Index i1, Index p, T* z) {
    const Index first = L_.units.first(p);
    const Index section = L_.sections > 1 ? cell_.stage_gate(stage) * L_.section : 0;
    functions_.stage_operand[L_.units.vectors(p) - 1](
        {stage, i1 - i0, L_.units.padded, z, L_.z_stride, operand(s, i0) + section + L_.I + 1 + first,
         L_.operand_stride, L_.H - first, stage_operand(stage, s, i0) + first, call_.activations()});
  }

 private:
  /// The new states of a block after zoneout: the carry, from block.carry_after; h, in place (after its projection).
  void zoneout(Index s, Index i0, Index p, const ForwardBlock<T>& block, T* carry) {
    const Index first = L_.units.first(p), width = L_.units.width(p), Hp = L_.units.padded;
    if (const Zoneout<T>& zoneout = this->carry_zoneout())
      for (Index i = 0; i < block.rows; ++i)
        for (Index j = 0; j < width; j += W) {
          const Packet<T> share = zoneout.load_share(plan_.source(s, i0 + i), L_.H, first + j, L_.H - first - j);
          const Index at = i * Hp + j;
          const Packet<T> now = mix<T>(share, load(block.carry_before + at), load(block.carry_after + at));
          store(carry + at, now);
          if (cell_.carry == Carry::h) store(block.h + i * width + j, now);
        }
    if (this->keeps_h() && !cell_.projects) zoneout_h(s, i0, i0 + block.rows, L_.units, p, block.h);
  }
  void zoneout_h(Index s, Index i0, Index i1, const Panels<T>& units, Index p, T* h) {
    const Index first = units.first(p), width = units.width(p);
    for (Index i = i0; i < i1; ++i, h += width)
      for (Index j = 0; j < width; j += W) {
        T* before = this->previous_h_.data() + i * units.padded + first + j;
        const Packet<T> share = call_.zoneout_h.load_share(plan_.source(s, i), L_.P, first + j, L_.P - first - j);
        const Packet<T> now = mix<T>(share, load(before), load(h + j));
        store(before, now);
        store(h + j, now);
      }
  }
  /// Rows before it have a step after s.
  Index with_next_step(Index s) const { return s + 1 < plan_.steps() ? plan_.live(s + 1) : 0; }
  T* unprojected(Index s, Index i) const { return cache_->unprojected.data() + state_row(s, i) * L_.units.padded; }
  /// h to where project() reads it, and the carry to the final states where a row ends.
  void store_unprojected(Index s, Index i0, Index i1, Index p, const T* h, const T* carry) const {
    const Index first = L_.units.first(p), used = L_.units.used(p), width = L_.units.width(p), Hp = L_.units.padded;
    const Index next = with_next_step(s);
    for (Index i = i0; i < i1; ++i, h += width, carry += Hp) {
      copy(h, width, unprojected(s, i) + first);
      if (i >= next) copy(carry, used, c_ + plan_.batch_row(i) * L_.H + first);
    }
  }
  /// h, a panel of some `units`, to y, and to the next step's operand or, where a row ends, to the final states. carry:
  /// to the final states too, or null.
  template <int V>
  RECURRA_INLINE void store_states(Index s, Index i0, Index i1, const Panels<T>& units, Index p, const T* h,
                                   const T* carry) const {
    const Index first = units.first(p), used = units.used(p), next = with_next_step(s);
    if (y_ && call_.return_sequences) {
      const T* from = h;
      plan_.each_source(s, i0, i1, [&, to = y_ + first, stride = call_.y_stride()](Index, Index source) {
        store_row<V>(to + source * stride, from, used);
        from += V * W;
      });
    }
    const T* from = h;
    const Index last = std::min(i1, next);
    if (L_.sections == 1 && !call_.recurrent_mask_count) {
      T* to = operand(s + 1, i0) + L_.I + 1 + first;
      for (Index i = i0; i < last; ++i, from += V * W, to += L_.operand_stride)
        store_row<V>(to, from, V * W);  // padding goes into the row's slack
    } else {
      for (Index i = i0; i < last; ++i, from += V * W) write_h(s + 1, i, from, first, used);
    }
    for (Index i = std::max(i0, next); i < i1; ++i) {
      const Index at = plan_.batch_row(i) * units.columns + first;
      store_row<V>(h_ + at, h + (i - i0) * V * W, used);
      if (c_ && carry) store_row<V>(c_ + at, carry + (i - i0) * L_.units.padded, used);
    }
  }
  template <int V>
  static RECURRA_INLINE void store_row(T* to, const T* from, Index used) {
    if (used < V * W) return copy(from, used, to);
    RECURRA_UNROLL for (int n = 0; n < V; ++n) store(to + n * W, load(from + n * W));
  }
};

}  // namespace recurra
