// The product of tile.hpp for one to three rows. A chain of sums waits for each multiply-add to finish, and the
// multipliers are busy only with eight chains or more: so few rows are multiplied by several panels at once.
#pragma once
#include "recurra/linalg/panels.hpp"
#include "recurra/linalg/tile.hpp"

namespace recurra {

/// Most rows for these functions.
inline constexpr Index max_small_batch = 3;

/// MR rows times NC full panels. Each element is the same chain as in portable_tile. panel_stride, z_panel_stride:
/// elements from one panel, and its sums, to the next.
template <class T, int MR, int NC>
RECURRA_NOINLINE void small_batch_tile(const T* a, Index lda, const Segment* segments, Index n_segments, const T* panel,
                                       Index panel_stride, T* z, Index ldz, Index z_panel_stride, bool accumulate) {
  constexpr int W = lanes<T>, NV = panel_vectors;
  Packet<T> sum[NC][NV][MR];
  RECURRA_UNROLL for (int c = 0; c < NC; ++c) RECURRA_UNROLL for (int v = 0; v < NV; ++v)
      RECURRA_UNROLL for (int r = 0; r < MR; ++r) sum[c][v][r] =
          accumulate ? load(z + c * z_panel_stride + r * ldz + v * W) : set1<T>(0);
  for (Index s = 0; s < n_segments; ++s) {
    const T* p = a + segments[s].offset;
    for (Index k = 0; k < segments[s].length; ++k, ++p, panel += NV * W) {
      Packet<T> value[MR];
      RECURRA_UNROLL for (int r = 0; r < MR; ++r) value[r] = set1<T>(p[r * lda]);
      RECURRA_UNROLL for (int c = 0; c < NC; ++c) RECURRA_UNROLL for (int v = 0; v < NV; ++v) {
        const Packet<T> weights = load(panel + c * panel_stride + v * W);
        RECURRA_UNROLL for (int r = 0; r < MR; ++r) sum[c][v][r] = fma(value[r], weights, sum[c][v][r]);
      }
    }
  }
  RECURRA_UNROLL for (int c = 0; c < NC; ++c) RECURRA_UNROLL for (int v = 0; v < NV; ++v)
      RECURRA_UNROLL for (int r = 0; r < MR; ++r) store(z + c * z_panel_stride + r * ldz + v * W, sum[c][v][r]);
}

/// The same for 1 to max_small_batch rows and `count` full panels.
template <class T>
void small_batch_product(Index rows, const T* a, Index lda, const Segment* segments, Index n_segments, const T* panel,
                         Index panel_stride, Index count, T* z, Index ldz, Index z_panel_stride, bool accumulate) {
  const auto run = [&](auto tile, Index n) {
    tile(a, lda, segments, n_segments, panel, panel_stride, z, ldz, z_panel_stride, accumulate);
    panel += n * panel_stride;
    z += n * z_panel_stride;
    count -= n;
  };
  if (rows == 1) {
    constexpr int at_once = panel_vectors == 2 ? 4 : 3;  // sums and one value fit the registers
    while (count >= at_once) run(small_batch_tile<T, 1, at_once>, at_once);
    if (count == 3) run(small_batch_tile<T, 1, 3>, 3);
    if (count == 2) run(small_batch_tile<T, 1, 2>, 2);
    if (count == 1) run(small_batch_tile<T, 1, 1>, 1);
  } else {
    while (count >= 2) rows == 2 ? run(small_batch_tile<T, 2, 2>, 2) : run(small_batch_tile<T, 3, 2>, 2);
    if (count == 1) rows == 2 ? run(small_batch_tile<T, 2, 1>, 1) : run(small_batch_tile<T, 3, 1>, 1);
  }
}

}  // namespace recurra
