// The gradient of a projection kernel, after the backward loop: h before its projection, transposed, times dL/dh after
// it, over all rows at once.
//
// The work is cut into slices of the H rows of the result. Every element is one chain over the packed rows, ascending,
// whatever the number of threads.
#pragma once
#include "recurra/sequence/cache.hpp"
#include "recurra/support/machine.hpp"
#include "recurra/threads/work_stealing_range.hpp"

namespace recurra {

template <class T>
class ProjectionGradient {
  static constexpr Index depth_rows = 192;  // most rows of one product

 public:
  ProjectionGradient(const SequenceCache<T>& cache, bool wanted, int threads) : cache_(cache), L_(cache.layout) {
    if (!wanted) return;
    // As wide as all its operands of one product fit half of L2, and two for each thread.
    const Index most = std::max<Index>(1, l2_bytes() / 2 / (depth_rows * Index(sizeof(T))));
    const Index slices = std::max<Index>(2 * threads, (L_.H + most - 1) / most);
    slice_ = std::max<Index>(48, (L_.H + slices - 1) / slices);
    sums_.resize(L_.H * L_.h_units.padded);
    queue_ = WorkStealingRange(threads, (L_.H + slice_ - 1) / slice_);
  }

  /// This worker's slices. dh: [packed row][h_units.padded]. out: (H, P), overwritten.
  void sum(const Worker& worker, const T* dh, T* scratch, T* out) {
    queue_.each(worker, 0, [&](Index n) {
      const Index first = n * slice_, last = std::min(L_.H, first + slice_);
      sum_slice({first, last}, dh, scratch);
      for (Index q = 0; q < L_.h_units.count; ++q)
        for (Index k = first; k < last; ++k) copy(sums(q, k), L_.h_units.used(q), out + k * L_.P + L_.h_units.first(q));
    });
  }

  /// Elements of scratch that a worker needs.
  static Index scratch() { return depth_rows * Panels<T>::full; }

 private:
  T* sums(Index q, Index k) { return sums_.data() + L_.h_units.first(q) * L_.H + k * L_.h_units.width(q); }
  void sum_slice(Range k, const T* dh, T* scratch) {
    const Index rows = cache_.plan.rows(), Hp = L_.units.padded, Pp = L_.h_units.padded;
    if (rows == 0)
      for (Index q = 0; q < L_.h_units.count; ++q) std::fill(sums(q, k.first), sums(q, k.last), T(0));
    for (Index m0 = 0; m0 < rows; m0 += depth_rows) {
      const Segment all{0, std::min(depth_rows, rows - m0)};
      for (Index q = 0; q < L_.h_units.count; ++q) {
        const Index width = L_.h_units.width(q);
        for (Index m = 0; m < all.length; ++m)
          copy(dh + (m0 + m) * Pp + L_.h_units.first(q), width, scratch + m * width);
        PrefetchList prefetches;
        product<T, true>(k.count(), cache_.unprojected.data() + m0 * Hp + k.first, Hp, &all, 1, scratch,
                         L_.h_units.vectors(q), sums(q, k.first), width, m0 > 0, &prefetches);
      }
    }
  }

  const SequenceCache<T>& cache_;
  const SequenceLayout<T>& L_;
  Index slice_ = 1;
  Buffer<T> sums_;  // [panel][H][width]
  WorkStealingRange queue_;
};

}  // namespace recurra
