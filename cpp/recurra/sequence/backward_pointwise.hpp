// The cell's backward on blocks of rows and a panel of units, of a step: dz from dL/dh, through the normalisation of its
// columns and the operands of later stages.
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
      block.dy[i - i0] = upstream_.dy && !cell_.projects ? upstream_.dy.at(plan_.source(s, i)) + first : nullptr;
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
