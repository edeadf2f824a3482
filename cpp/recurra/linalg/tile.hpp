// The inner loop of every matrix product: a block of rows times a packed panel of weights, sums in registers.
//
//   z[r, 0:NV*W] (+)= sum over k of a[r, k] * panel[k, 0:NV*W]        W = lanes<T>, r < MR
//
// a      (rows, lda); with Columns (K, lda), whose columns are then the rows of the product. May not overlap z
// k      runs over segments of `a`, one after another; the panel continues through them
// panel  contiguous, NV vectors for each k (panels.hpp)
// z      (rows, ldz), in and out when `accumulate`, else overwritten
//
// An element's sum is one chain of fused multiply-adds over ascending k, whatever MR and NV are: a row's result does
// not depend on the other rows.
#pragma once
#include <algorithm>
#include <utility>

#include "recurra/linalg/panels.hpp"
#include "recurra/linalg/prefetch.hpp"
#include "recurra/linalg/simd.hpp"
#include "recurra/linalg/tile_avx2.hpp"

namespace recurra {

struct Segment {
  Index offset;  // into each row of a
  Index length;  // in k
};

/// The most rows of a tile of n vectors: sums, panel vectors and one value fit the registers.
constexpr int max_rows(int vectors) {
  return vector_registers == 32 ? (vectors == 4   ? 6
                                   : vectors == 3 ? 8
                                   : vectors == 2 ? 12
                                                  : 14)
                                : (vectors == 2 ? 6 : 12);
}

/// Bytes that a tile prefetches with each k: a quarter of the panel's, or a line.
template <class T>
constexpr Index prefetch_bytes(Index vectors) {
  const Index quarter = vectors * lanes<T> * Index(sizeof(T)) / 4;
  return quarter < 32 ? quarter : 64;
}

/// sum += the products of all segments. Prefetches, with Listed, from address `prefetch_at` on; with Several, the next
/// segment of the rows (see tile_avx2.hpp).
template <class T, int MR, int NV, bool Columns, bool Listed, bool Several>
RECURRA_INLINE void add_products(const T* a, Index lda, const Segment* segments, Index n_segments, const T* panel,
                                 const char* prefetch_at, Packet<T> (&sum)[MR][NV]) {
  constexpr int W = lanes<T>;
  const Index row = Columns ? 1 : lda;
  const Index step = Columns ? lda : 1;
  for (Index s = 0; s < n_segments; ++s) {
    const T* p = a + segments[s].offset;
    [[maybe_unused]] const T* next = a + segments[s + 1 < n_segments ? s + 1 : s].offset;
    for (Index k = segments[s].length; k > 0; --k) {
      if constexpr (Several) {
        RECURRA_PREFETCH(next);
        next += MR;
      }
      if constexpr (Listed) {
        RECURRA_PREFETCH_L2(prefetch_at);
        prefetch_at += prefetch_bytes<T>(NV);
      }
      Packet<T> b[NV];
      RECURRA_UNROLL for (int v = 0; v < NV; ++v) b[v] = load(panel + v * W);
      RECURRA_UNROLL for (int r = 0; r < MR; ++r) {
        const Packet<T> value = set1<T>(p[r * row]);
        RECURRA_UNROLL for (int v = 0; v < NV; ++v) sum[r][v] = fma(value, b[v], sum[r][v]);
      }
      p += step;
      panel += NV * W;
    }
  }
}

template <class T, int MR, int NV, bool Columns>
RECURRA_NOINLINE void portable_tile(const T* a, Index lda, const Segment* segments, Index n_segments, const T* panel,
                                    T* z, Index ldz, bool accumulate, const char* prefetch_at) {
  constexpr int W = lanes<T>;
  Packet<T> sum[MR][NV];
  if (accumulate) {
    RECURRA_UNROLL for (int r = 0; r < MR; ++r) RECURRA_UNROLL for (int v = 0; v < NV; ++v) sum[r][v] =
        load(z + r * ldz + v * W);
  } else {
    RECURRA_UNROLL for (int r = 0; r < MR; ++r) RECURRA_UNROLL for (int v = 0; v < NV; ++v) sum[r][v] = set1<T>(0);
  }
  // Where a k has few multiply-adds, a prefetch with each costs more than it gains (0.9-0.99 of the speed at 512 units
  // with this tile on AVX2); many rows of one vector leave no register free for the next segment's address.
  constexpr bool listed = prefetch_bytes<T>(NV) >= 64, several = !Columns && NV > 1;
  if (several && n_segments > 1)
    add_products<T, MR, NV, Columns, listed, several>(a, lda, segments, n_segments, panel, prefetch_at, sum);
  else add_products<T, MR, NV, Columns, listed, false>(a, lda, segments, n_segments, panel, prefetch_at, sum);
  RECURRA_UNROLL for (int r = 0; r < MR; ++r) RECURRA_UNROLL for (int v = 0; v < NV; ++v)
      store(z + r * ldz + v * W, sum[r][v]);
}

template <class T>
using Tile = void (*)(const T*, Index, const Segment*, Index, const T*, T*, Index, bool, const char*);

template <class T, int MR, int NV, bool Columns>
constexpr Tile<T> tile_of() {
#if defined(RECURRA_TILE_AVX2)
  if constexpr (NV == 2 && MR >= 4 && MR <= 6) return &tile_avx2<T, MR, Columns, Segment>;
#endif
  return &portable_tile<T, MR, NV, Columns>;
}

template <class T, int NV, bool Columns, size_t... R>
Tile<T> pick_tile(Index rows, std::index_sequence<R...>) {
  static constexpr Tile<T> table[] = {tile_of<T, int(R) + 1, NV, Columns>()...};
  return table[rows - 1];
}

/// The tile for `rows` <= max_rows(vectors) rows.
template <class T, bool Columns>
Tile<T> pick_tile(Index rows, Index vectors) {
  if constexpr (panel_vectors == 4) {
    if (vectors == 4) return pick_tile<T, 4, Columns>(rows, std::make_index_sequence<size_t(max_rows(4))>{});
    if (vectors == 3) return pick_tile<T, 3, Columns>(rows, std::make_index_sequence<size_t(max_rows(3))>{});
  }
  if (vectors == 2) return pick_tile<T, 2, Columns>(rows, std::make_index_sequence<size_t(max_rows(2))>{});
  return pick_tile<T, 1, Columns>(rows, std::make_index_sequence<size_t(max_rows(1))>{});
}

/// The product for any number of rows, cut into blocks that differ by one row at most: 32 rows are 6 6 5 5 5 5, not
/// 6 6 6 6 6 2, since a tile of two rows cannot keep the multipliers busy. prefetches: what the tiles prefetch; by
/// default the memory behind the panel.
template <class T, bool Columns = false>
void product(Index rows, const T* a, Index lda, const Segment* segments, Index n_segments, const T* panel,
             Index vectors, T* z, Index ldz, bool accumulate, PrefetchList* prefetches = nullptr) {
  if (rows <= 0) return;
  const Index most = max_rows(int(vectors));
  const Index blocks = (rows + most - 1) / most;
  const Index small = rows / blocks, larger = rows % blocks;  // the first `larger` blocks have small + 1 rows
  const Index row = Columns ? 1 : lda;
  Index r = 0, depth = 0;
  for (Index n = 0; n < n_segments; ++n) depth += segments[n].length;
  const Index panel_size = depth * vectors * lanes<T>;
  PrefetchList next_panel;
  if (!prefetches) {
    if (!Columns)  // products by columns use the same panel again
      next_panel.set_first(panel + panel_size, panel_size * Index(sizeof(T)));
    prefetches = &next_panel;
  }
  const auto sweep = [&](Index height, Index count) {
    if (count == 0) return;
    const Tile<T> kernel = pick_tile<T, Columns>(height, vectors);
    for (Index i = 0; i < count; ++i, r += height) {
      const char* prefetch_at = prefetches->take(depth * prefetch_bytes<T>(vectors));
      if (!prefetch_at) prefetch_at = reinterpret_cast<const char*>(panel);  // in cache already: evicts nothing
      kernel(a + r * row, lda, segments, n_segments, panel, z + r * ldz, ldz, accumulate, prefetch_at);
    }
  };
  sweep(small + 1, larger);
  sweep(small, blocks - larger);
}

}  // namespace recurra
