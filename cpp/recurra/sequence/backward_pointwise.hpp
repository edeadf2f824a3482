// The cell's backward on blocks of rows and a panel of units, of a step: dz from dL/dh, through the normalisation of
// its columns and the operands of later stages.
#pragma once
#include "recurra/sequence/backward_products.hpp"

namespace recurra {

template <class T>
class BackwardPointwise : protected BackwardProducts<T> {
 protected:
  using Products = BackwardProducts<T>;
  using Products::cache_, Products::call_, Products::cell_, Products::functions_, Products::L_, Products::out_,
      Products::plan_, Products::upstream_;
  using Products::dunit_parameters_, Products::gradient_means_, Products::normalized_gradients_, Products::z_at;
  using Products::Products, Products::full, Products::W;

  /// One vector of dL/dh after zoneout, of position i: returns dL/dh before it, and keeps the rest for the step before.
  Packet<T> through_zoneout(Index s, Index i, Index first, const Packet<T>& d) {
    T* kept = this->kept_gradients_.data() + i * L_.h_units.padded + first;
    const Packet<T> all = add(d, load(kept));
    const Packet<T> share = call_.zoneout_h.load_share(plan_.source(s, i), L_.P, first, L_.P - first);
    store(kept, mul(share, all));
    return mul(sub(set1<T>(1), share), all);
  }

  /// d: overwritten where there is zoneout.
  void pointwise(Index s, Index i0, Index i1, Index q, T* d) {
    const Index first = L_.units.first(q), Hp = L_.units.padded, row = plan_.row(s, i0);
    BackwardBlock<T> block;
    block.rows = i1 - i0, block.padded = Hp;
    block.z = z_at(q, row), block.z_stride = L_.z_stride;
    block.dz = cell_.row_statistics ? normalized_gradient(q, i0) : z_at(q, row);
    block.carry_before = block.carry_after = nullptr;
    if (cell_.has_carry()) {
      block.carry_before =
          (s ? cache_.carry.data() + plan_.row(s - 1, i0) * Hp : cache_.carry0.data() + i0 * Hp) + first;
      block.carry_after = (carry_zoneout() ? cache_.carry_before_zoneout : cache_.carry).data() + row * Hp + first;
    }
    block.unit_parameters = nullptr;
    block.dunit_parameters = nullptr;
    if (const Index P = cell_.unit_parameters) {
      block.unit_parameters = cache_.unit_parameters.data() + first;
      block.dunit_parameters = dunit_parameters_.data() + i0 * P * Hp + first;
    }
    block.dh = d;
    if (upstream_.dy && !cell_.projects)
      plan_.each_source(s, i0, i1, [&](Index i, Index at) { block.dy[i - i0] = upstream_.dy.at(at) + first; });
    else std::fill_n(block.dy, block.rows, nullptr);
    block.units = L_.H - first;
    block.dcarry = upstream_.dcarry.data() + i0 * Hp + first;
    block.activations = call_.activations();
    if (!call_.has_zoneout()) return functions_.backward[L_.units.vectors(q) - 1](block);
    alignas(64) T kept[block_rows * Panels<T>::full];
    enter_zoneout(s, i0, q, block, d, kept);
    functions_.backward[L_.units.vectors(q) - 1](block);
    if (!carry_zoneout()) return;
    const Index width = L_.units.width(q);
    for (Index i = 0; i < block.rows; ++i)
      for (Index j = 0; j < width; j += W) {
        T* to = block.dcarry + i * Hp + j;
        store(to, add(load(to), load(kept + i * width + j)));
      }
  }
  const Zoneout<T>& carry_zoneout() const { return cell_.carry == Carry::h ? call_.zoneout_h : call_.zoneout_c; }

  /// The gradients of a block's new states, d and block.dcarry, before zoneout. kept: those of the carry before the
  /// step, which are to be added to block.dcarry afterwards.
  void enter_zoneout(Index s, Index i0, Index q, BackwardBlock<T>& block, T* d, T* kept) {
    const Index first = L_.units.first(q), width = L_.units.width(q), Hp = L_.units.padded;
    const Zoneout<T>& zoneout = carry_zoneout();
    const Packet<T> one = set1<T>(1);
    for (Index i = 0; i < block.rows; ++i)
      for (Index j = 0; j < width; j += W) {
        T *dh = d + i * width + j, *dcarry = block.dcarry + i * Hp + j;
        Packet<T> share = set1<T>(0);
        if (zoneout) share = zoneout.load_share(plan_.source(s, i0 + i), L_.H, first + j, block.units - j);
        if (block.dy[i]) store(dh, add(load(dh), load_partial(block.dy[i] + j, block.units - j)));
        if (zoneout && cell_.carry == Carry::h) {
          const Packet<T> all = add(load(dh), load(dcarry));
          store(kept + i * width + j, mul(share, all));
          store(dh, mul(sub(one, share), all));
          store(dcarry, set1<T>(0));
        } else {
          if (call_.zoneout_h && !cell_.projects) store(dh, through_zoneout(s, i0 + i, first + j, load(dh)));
          if (!zoneout) continue;
          store(kept + i * width + j, mul(share, load(dcarry)));
          store(dcarry, mul(sub(one, share), load(dcarry)));
        }
      }
    for (Index i = 0; i < block.rows; ++i) block.dy[i] = nullptr;
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

  void stage_pointwise(int stage, Index s, Index i0, Index i1, Index q, const T* d) {
    const Index first = L_.units.first(q), row = plan_.row(s, i0), Hp = L_.units.padded;
    StageBackwardBlock<T> block;
    block.stage = stage, block.rows = i1 - i0, block.padded = Hp;
    block.z = z_at(q, row), block.z_stride = L_.z_stride;
    block.h = cache_.operands.data() + row * L_.cached_stride + L_.I + 1 + first, block.h_stride = L_.cached_stride;
    block.units = L_.H - first;
    for (Index i = i0; i < i1; ++i) {
      const T* mask = call_.recurrent_mask(cell_.stage_gate(stage), plan_.batch_row(i));
      block.dropout[i - i0] = mask ? mask + first : nullptr;
    }
    block.h_lacks_dropout = L_.sections > 1;
    block.d = d, block.dcarry = upstream_.dcarry.data() + i0 * Hp + first;
    block.activations = call_.activations();
    functions_.stage_operand_backward[L_.units.vectors(q) - 1](block);
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
};

}  // namespace recurra
