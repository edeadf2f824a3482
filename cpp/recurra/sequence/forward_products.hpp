// The matrix products of the forward loop: pre-activations of a block of rows and a panel of units from operands and
// packed weights. The cell is applied behind each of them (forward_pointwise.hpp).
//
// Whatever the path, an element is the chain of support/layout.hpp. A product may be cut in k: the part for x may be
// computed for a chunk of steps (project_chunk) or for each distinct token (project_tokens), and the step continues it.
#pragma once
#include "recurra/sequence/forward_pointwise.hpp"

namespace recurra {

template <class T>
class ForwardProducts : protected ForwardPointwise<T> {
 protected:
  using Pointwise = ForwardPointwise<T>;
  using Pointwise::call_, Pointwise::cell_, Pointwise::cache_, Pointwise::L_, Pointwise::plan_, Pointwise::tokens_,
      Pointwise::y_;
  using Pointwise::chunk_, Pointwise::projects_chunks_, Pointwise::schedule_, Pointwise::weights_,
      Pointwise::weights_in_l2_;
  using Pointwise::operand, Pointwise::stage_operand, Pointwise::state_row, Pointwise::z_at;
  using Pointwise::Pointwise, Pointwise::W;

  // --- before the steps
  // -----------------------------------------------------------------------------------------------
  /// The input's products of every token.
  void project_tokens(const Worker& worker) {
    const auto [u0, u1] = worker.range(tokens_.count());
    const Segment all{0, call_.I};
    for (Index p = 0; p < L_.units.count; ++p)
      for (int c = 0; c < cell_.columns; ++c)
        if (cell_.column[c].kernel >= 0)
          product<T>(u1 - u0, tokens_.embeddings() + u0 * call_.I, call_.I, &all, 1, weights_->column(p, c),
                     L_.units.vectors(p), tokens_.z(p, u0) + c * L_.units.width(p), L_.z_stride, false);
    worker.barrier();
  }
  void copy_token(Index s, Index i, Index p, T* z) {
    copy(tokens_.z_of_row(p, plan_.row(s, i)), cell_.columns * L_.units.width(p), z);
  }

  /// The input's products of steps [s0, s1) at once, so that W is read once for all of them.
  void project_chunk(Index s0, Index s1, Index r0, Index r1, Index p) {
    for (int c = 0; c < cell_.columns; ++c) {
      const Segment segment = chunk_segment(c);
      if (segment.length == 0) continue;
      const T* next = next_weights(p, c, [&](Index q, int d) { return weights_->column(q, d); });
      for (Index s = s0; s < s1;) {
        T *from = operand(s, r0), *to = z_at(s, r0, p);
        Index rows = 0;  // of as many steps as are contiguous
        for (; s < s1 && operand(s, r0) == from + rows * L_.operand_stride && z_at(s, r0, p) == to + rows * L_.z_stride;
             ++s)
          rows += std::max<Index>(0, std::min(r1, plan_.live(s)) - r0);
        PrefetchList prefetches;
        prefetches.set_first(next, segment.length * L_.units.width(p) * Index(sizeof(T)));
        product<T>(rows, from, L_.operand_stride, &segment, 1, weights_->column(p, c), L_.units.vectors(p),
                   to + c * L_.units.width(p), L_.z_stride, false, &prefetches);
      }
    }
  }

  // --- in a step
  // ------------------------------------------------------------------------------------------------------
  /// Pre-activations of rows [i0, i1) and panel p. z: [row][column][unit], overwritten; continued after project_chunk.
  void columns(Index s, Index i0, Index i1, Index p, T* z) {
    if (tokens_) {
      const Index next = s + 1 < plan_.steps() ? std::min(i1, plan_.live(s + 1)) : 0;
      for (Index i = i0; i < i1; ++i) {
        copy_token(s, i, p, z + (i - i0) * L_.z_stride);
        if (i < next) prefetch(tokens_.z_of_row(p, plan_.row(s + 1, i)), cell_.columns * L_.units.width(p));
      }
    }
    const auto folds = [&](Index q) {
      return weights_->folded() && q == L_.units.count - 1 && L_.sections == 1 && !projects_chunks_;
    };
    if (folds(p)) folded_vector(s, i0, i1, z);
    const Index vectors = L_.units.vectors(p) - folds(p);
    if (vectors == 0) return;
    PrefetchList prefetches = first_writes(s, i0, i1, p, z);
    for (int c = 0; c < cell_.columns; ++c) {
      const Segment segment = step_segment(c);
      if (segment.length == 0) continue;
      if (!weights_in_l2_)
        prefetches.set_first(next_weights(p, c, [&](Index q, int d) { return step_weights(q, d, folds(q)); }),
                             segment.length * L_.units.width(p) * Index(sizeof(T)));
      product<T>(i1 - i0, operand(s, i0), L_.operand_stride, &segment, 1, step_weights(p, c, folds(p)), vectors,
                 z + c * L_.units.width(p), L_.z_stride, step_continues(c), &prefetches);
    }
  }

  /// The products of a stage after 0, added to its columns.
  void stage_columns(int stage, Index s, Index i0, Index i1, Index p, T* z) {
    const Index width = L_.units.width(p);
    const Segment all{0, L_.H};
    for (int c = 0; c < cell_.columns; ++c) {
      if (!cell_.column[c].takes_operand(stage)) continue;
      PrefetchList prefetches;
      prefetches.set_first(weights_->later_stage(panel_after(p), c), L_.H * width * Index(sizeof(T)));
      product<T>(i1 - i0, stage_operand(stage, s, i0), L_.units.padded, &all, 1, weights_->later_stage(p, c),
                 L_.units.vectors(p), z + c * width, L_.z_stride, true, &prefetches);
    }
  }

  /// What project_chunk computes of column c.
  Segment chunk_segment(int c) const {
    Segment all = L_.operand_segment(c);
    const Column& column = cell_.column[c];
    if (column.kernel < 0) return {all.offset, 0};
    if (column.takes_operand(0)) all.length = L_.I;
    return all;
  }
  /// What a step computes of column c.
  Segment step_segment(int c) const {
    Segment segment = L_.operand_segment(c);
    const Index done = projects_chunks_ ? chunk_segment(c).length : 0;
    return {segment.offset + done, segment.length - done};
  }
  /// The weights of step_segment. folds: of the panel without its folded vector.
  const T* step_weights(Index p, int c, bool folds = false) const {
    const Index done = tokens_ ? weights_->kernel_rows(c) : projects_chunks_ ? chunk_segment(c).length : 0;
    if (folds) return weights_->without_folded(c) + done * (L_.units.width(p) - W);
    return weights_->column(p, c) + done * L_.units.width(p);
  }
  /// Whether z holds the part for x already.
  bool step_continues(int c) const { return (projects_chunks_ || tokens_) && cell_.column[c].kernel >= 0; }

  /// Rows of y are far apart, and too many to prefetch during one product: the next step's go to L2.
  void prefetch_y(Index s, Index i0, Index i1, Index p) const {
    const Index next = s + 1 < plan_.steps() ? plan_.live(s + 1) : 0, first = L_.units.first(p),
                used = L_.units.used(p);
    for (Index i = i0; i < i1; ++i) {
      prefetch(y_ + plan_.source(s, i) * call_.y_stride() + first, used);
      if (i < next && weights_in_l2_) prefetch_l2(y_ + plan_.source(s + 1, i) * call_.y_stride() + first, used);
    }
  }

 private:
  /// The last vector of all columns in one product (folded_vectors); the sums are then moved to the columns in z.
  void folded_vector(Index s, Index i0, Index i1, T* z) {
    const Index used = L_.units.in_last_vector(), vectors = folded_vectors(cell_, L_.units), width = vectors * W;
    const Index rows = i1 - i0, panel_width = L_.units.width(L_.units.count - 1);
    z += panel_width - W;
    alignas(64) T sums[block_rows * panel_vectors * W] = {};
    const auto add = [&](Segment segment, Index weights_row, bool accumulate) {
      product<T>(rows, operand(s, i0), L_.operand_stride, &segment, 1, weights_->folded() + weights_row * width,
                 vectors, sums, width, accumulate);
    };
    // A column that does not take x starts behind it, as in the other paths: zero times infinity is not zero.
    const bool all_take_x = cell_.kernel_columns() == cell_.columns;
    const Index h_rows = cell_.operand_columns(0) ? L_.P : 0;
    if (!tokens_ && all_take_x) {
      add({0, L_.I + 1 + h_rows}, 0, false);
    } else {
      if (!tokens_) add({0, L_.I}, 0, false);
      for (int c = 0; c < cell_.columns; ++c)
        for (Index i = 0; i < rows; ++i) {
          T* to = sums + i * width + c * used;
          if (cell_.column[c].kernel < 0) std::fill_n(to, used, T(0));
          else if (tokens_) std::copy_n(z + i * L_.z_stride + c * panel_width, used, to);
        }
      add({L_.I, 1 + h_rows}, call_.I, true);
    }
    for (Index i = 0; i < rows; ++i)
      for (int c = 0; c < cell_.columns; ++c)
        store(z + i * L_.z_stride + c * panel_width, load_partial(sums + i * width + c * used, used));
  }

  /// The memory that a block's step writes for the first time: cached for backward, and in no processor cache yet.
  PrefetchList first_writes(Index s, Index i0, Index i1, Index p, const T* z) const {
    PrefetchList prefetches;
    if (!call_.training) return prefetches;
    const Index rows = i1 - i0, Hp = L_.units.padded;
    prefetches.add(z, rows * L_.z_stride * Index(sizeof(T)));
    if (cell_.has_carry() && L_.units.count == 1)
      prefetches.add(cache_->carry.data() + state_row(s, i0) * Hp, rows * Hp * Index(sizeof(T)));
    // write_inputs() writes a chunk of steps at once.
    if (p == 0 && schedule_.by_rows && s + chunk_ < plan_.steps())
      prefetches.add(operand(s + chunk_, i0), rows * L_.operand_stride * Index(sizeof(T)));
    return prefetches;
  }
  /// weights(q, d) of the product after column c of panel p.
  template <class Weights>
  const T* next_weights(Index p, int c, Weights&& weights) const {
    if (c + 1 < cell_.columns) return weights(p, c + 1);
    return weights(panel_after(p), 0);
  }
  Index panel_after(Index p) const { return p + 1 < L_.units.count ? p + 1 : 0; }
};

}  // namespace recurra
