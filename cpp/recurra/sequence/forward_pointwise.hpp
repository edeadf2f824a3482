// The cell on the pre-activations of a block of rows and a panel of units: activations, new states, and their way to y,
// to the next step's operands and to the final states.
//
// In three passes over the rows of a block. A unit's chain from its gates to h is long, but rows are independent: short
// loops keep many rows' chains in flight, and stores to memory outside the caches come last.
#pragma once
#include "recurra/sequence/forward_state.hpp"

namespace recurra {

template <class Cell, class T>
class ForwardPointwise : protected ForwardState<Cell, T> {
 protected:
  using State = ForwardState<Cell, T>;
  using State::call_, State::cache_, State::L_, State::plan_, State::y_, State::h_, State::c_;
  using State::operand, State::state_row, State::write_h;
  using State::State, State::C, State::W, State::block_rows;

  void pointwise(Index s, Index i0, Index i1, Index p, T* z) {
    with_activations(call_, Cell::gates > 1, [&](const auto& act) {
      with_vectors(L_.units.vectors(p),
                   [&](auto vectors) { pointwise<decltype(vectors)::value>(s, i0, i1, p, z, act); });
    });
  }

  /// GruResetBefore, between its two products: the gates, and r h.
  void reset_pointwise(Index s, Index i0, Index i1, Index p, T* z) {
    with_activations(call_, true, [&](const auto& act) { reset_pointwise(s, i0, i1, p, z, act); });
  }

 private:
  template <int V, class A>
  RECURRA_NOINLINE void pointwise(Index s, Index i0, Index i1, Index p, T* z, const A& act) {
    constexpr Index width = V * W;
    const Index first = L_.units.first(p), Hp = L_.units.padded;
    alignas(64) T h[block_rows * width];
    const T* carry_in = nullptr;
    T* carry_out = nullptr;
    if constexpr (Cell::has_carry) {
      carry_in = (s == 0 ? cache_->carry0.data() + i0 * Hp : cache_->carry.data() + state_row(s - 1, i0) * Hp) + first;
      carry_out = cache_->carry.data() + state_row(s, i0) * Hp + first;
    }
    activate_columns<V>(z, i1 - i0, act);
    new_states<V>(z, i1 - i0, carry_in, carry_out, h, act);
    store_states<V>(s, i0, i1, p, h, carry_out);
  }

  template <int V, class A>
  void activate_columns(T* z, Index rows, const A& act) const {
    RECURRA_UNROLL for (int c = 0; c < C; ++c) {
      if (Cell::column_activations[c] == ColumnActivation::none) continue;
      T* at = z + c * V * W;
      for (Index i = 0; i < rows; ++i, at += L_.z_stride)
        RECURRA_UNROLL for (int n = 0; n < V; ++n)
            store(at + n * W, apply_column_activation<Cell, T>(c, load(at + n * W), act));
    }
  }

  /// h: (rows, V * W), overwritten.
  template <int V, class A>
  void new_states(T* z, Index rows, const T* carry_in, T* carry_out, T* h, const A& act) const {
    constexpr Index width = V * W;
    const Index Hp = L_.units.padded;
    for (Index i = 0; i < rows; ++i) RECURRA_UNROLL for (int n = 0; n < V; ++n) {
        T* at = z + i * L_.z_stride + n * W;
        Packet<T> v[C], carry = set1<T>(0);
        RECURRA_UNROLL for (int c = 0; c < C; ++c) v[c] = load(at + c * width);
        if constexpr (Cell::has_carry) carry = load(carry_in + i * Hp + n * W);
        store(h + i * width + n * W, Cell::template forward<T>(v, carry, act));
        RECURRA_UNROLL for (int c = 0; c < C; ++c) if (Cell::column_activations[c] == ColumnActivation::none)
            store(at + c * width, v[c]);
        if constexpr (Cell::has_carry) store(carry_out + i * Hp + n * W, carry);
      }
  }

  /// h to y, and to the next step's operand or, where a row ends, to the final states.
  template <int V>
  void store_states(Index s, Index i0, Index i1, Index p, const T* h, const T* carry) const {
    const Index first = L_.units.first(p), used = L_.units.used(p), H = L_.H;
    const Index next = s + 1 < plan_.steps() ? plan_.live(s + 1) : 0;  // rows before it have a next step
    if (y_ && call_.return_sequences) {
      for (Index i = i0; i < i1; ++i)
        store_row<V>(y_ + plan_.source(s, i) * call_.y_stride() + first, h + (i - i0) * V * W, used);
    }
    const bool plain = L_.sections == 1 && !call_.recurrent_mask_count;
    T* to = operand(s + 1, i0) + L_.I + 1 + first;
    for (Index i = i0; i < std::min(i1, next); ++i, to += L_.operand_stride) {
      const T* from = h + (i - i0) * V * W;
      if (plain) store_row<V>(to, from, V * W);  // padding goes into the row's slack
      else write_h(s + 1, i, from, first, used);
    }
    for (Index i = std::max(i0, next); i < i1; ++i) {
      const Index at = plan_.batch_row(i) * H + first;
      store_row<V>(h_ + at, h + (i - i0) * V * W, used);
      if (c_) store_row<V>(c_ + at, carry + (i - i0) * L_.units.padded, used);
    }
  }
  template <int V>
  static RECURRA_INLINE void store_row(T* to, const T* from, Index used) {
    if (used < V * W) return copy(from, used, to);
    RECURRA_UNROLL for (int n = 0; n < V; ++n) store(to + n * W, load(from + n * W));
  }

  template <class A>
  void reset_pointwise(Index s, Index i0, Index i1, Index p, T* z, const A& act) {
    const Index first = L_.units.first(p), width = L_.units.width(p);
    const Index h_offset = (L_.sections > 1 ? 2 : 0) * L_.section + L_.I + 1;
    for (Index i = i0; i < i1; ++i, z += L_.z_stride) {
      const T* h = operand(s, i) + h_offset;
      T* out = cache_->reset.data() + state_row(s, i) * L_.units.padded;
      for (Index j = 0; j < width; j += W) {
        Packet<T> v[2] = {load(z + j), load(z + width + j)};
        const Packet<T> rh = Cell::template reset<T>(v, load_partial(h + first + j, L_.H - first - j), act);
        store(z + j, v[0]);
        store(z + width + j, v[1]);
        store(out + first + j, rh);
      }
    }
  }
};

}  // namespace recurra
