// The one inner loop: a block of rows times a panel of packed weights, sums kept in registers.
//
//   z[r, 0:NV*W] (+)= sum over k of a[r, k] * panel[k, 0:NV*W]        W = lanes<T>, r < MR
//
// The panel is contiguous: NV vectors for each k. `a` is addressed as a[r * row + k * step]: (row = lda, step = 1) reads
// rows, (row = 1, step = lda) reads columns of a row-major array. k may run over several segments of `a`; the panel goes
// on through them. The sum is one chain of fused multiply-adds over ascending k for each element, whatever MR and NV
// are, so a row's result does not depend on the rows beside it.
#pragma once
#include <algorithm>

#include "recurra/linalg/simd.hpp"
#include "recurra/linalg/tile_avx2.hpp"

namespace recurra {

struct Segment {
  Index offset;  // into each row of a
  Index length;  // in k
};

/// Vectors of a full panel, and the most rows a tile takes with n vectors: sums + panel vectors + 1 fit the registers.
inline constexpr int panel_vectors = vector_registers == 32 ? 4 : 2;
constexpr int max_rows(int vectors) {
  return vector_registers == 32 ? (vectors == 4   ? 6
                                   : vectors == 3 ? 8
                                   : vectors == 2 ? 12
                                                  : 14)
                                : (vectors == 2 ? 6 : 12);
}

/// What the tiles of a product bring to L2 while they compute, part after part: memory that is used next, and that the
/// processor would not fetch by itself in time, since it is read or written in another order than that of its addresses.
class Ahead {
 public:
  /// A part for now, before the others: the weights of the next product.
  void first(const void* from, Index bytes) { parts_[0] = {static_cast<const char*>(from), bytes}; }
  /// One more part, of three at most.
  void add(const void* from, Index bytes) { parts_[count_++] = {static_cast<const char*>(from), bytes}; }
  /// Where the next `bytes` begin, or null when there is nothing left.
  const char* take(Index bytes) {
    for (int n = 0; n < count_; ++n) {
      Part& part = parts_[n];
      if (part.bytes <= 0) continue;
      const char* from = part.from;
      part.bytes -= bytes;
      if (part.bytes > 0) part.from += bytes;
      return from;
    }
    return nullptr;
  }

 private:
  struct Part {
    const char* from = nullptr;
    Index bytes = 0;
  };
  Part parts_[4];
  int count_ = 1;
};

/// Bytes that a tile brings with each k: a quarter of the panel, or a line.
template <class T>
constexpr Index bytes_ahead(Index vectors) {
  const Index quarter = vectors * lanes<T> * Index(sizeof(T)) / 4;
  return quarter < 32 ? quarter : 64;
}

/// sum += the products of all segments. Fetched meanwhile: with Coming, what lies at `coming`; with Several, the rows' next
/// segment, for the reason that tile_avx2.hpp gives.
template <class T, int MR, int NV, bool Columns, bool Coming, bool Several>
RECURRA_INLINE void add_products(const T* a, Index lda, const Segment* segments, Index n_segments, const T* panel,
                                 const char* coming, Packet<T> (&sum)[MR][NV]) {
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
      if constexpr (Coming) {
        RECURRA_PREFETCH_L2(coming);
        coming += bytes_ahead<T>(NV);
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
                                    T* z, Index ldz, bool accumulate, const char* coming) {
  constexpr int W = lanes<T>;
  Packet<T> sum[MR][NV];
  if (accumulate) {
    RECURRA_UNROLL for (int r = 0; r < MR; ++r) RECURRA_UNROLL for (int v = 0; v < NV; ++v) sum[r][v] =
        load(z + r * ldz + v * W);
  } else {
    RECURRA_UNROLL for (int r = 0; r < MR; ++r) RECURRA_UNROLL for (int v = 0; v < NV; ++v) sum[r][v] = set1<T>(0);
  }
  // Where a k has few multiply-adds, asking each time costs more than it brings (0.9-0.99 at 512 units with this tile on
  // AVX2); many rows of one vector leave no address free.
  constexpr bool comes = bytes_ahead<T>(NV) >= 64, several = !Columns && NV > 1;
  if (several && n_segments > 1)
    add_products<T, MR, NV, Columns, comes, several>(a, lda, segments, n_segments, panel, coming, sum);
  else add_products<T, MR, NV, Columns, comes, false>(a, lda, segments, n_segments, panel, coming, sum);
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

/// The same product for any number of rows, cut into blocks that differ by one row at most: 32 rows are 6 6 5 5 5 5,
/// not 6 6 6 6 6 2, since a tile of two rows cannot keep the multipliers busy.
/// ahead: what tiles may fetch meanwhile; by default what lies behind the panel.
template <class T, bool Columns = false>
void product(Index rows, const T* a, Index lda, const Segment* segments, Index n_segments, const T* panel,
             Index vectors, T* z, Index ldz, bool accumulate, Ahead* ahead = nullptr) {
  if (rows <= 0) return;
  const Index most = max_rows(int(vectors));
  const Index blocks = (rows + most - 1) / most;
  const Index small = rows / blocks, larger = rows % blocks;  // the first `larger` blocks have small + 1 rows
  const Index row = Columns ? 1 : lda;
  Index r = 0, depth = 0;
  for (Index n = 0; n < n_segments; ++n) depth += segments[n].length;
  const Index panel_size = depth * vectors * lanes<T>;
  Ahead behind;
  if (!ahead) {
    if (!Columns)
      behind.first(panel + panel_size, panel_size * Index(sizeof(T)));  // columns meet a panel again at once
    ahead = &behind;
  }
  const auto sweep = [&](Index height, Index count) {
    if (count == 0) return;
    const Tile<T> kernel = pick_tile<T, Columns>(height, vectors);
    for (Index i = 0; i < count; ++i, r += height) {
      const char* coming = ahead->take(depth * bytes_ahead<T>(vectors));
      if (!coming) coming = reinterpret_cast<const char*>(panel);  // it is here: a panel further would drive it out
      kernel(a + r * row, lda, segments, n_segments, panel, z + r * ldz, ldz, accumulate, coming);
    }
  };
  sweep(small + 1, larger);
  sweep(small, blocks - larger);
}

/// So few rows meet several panels at once: a chain of sums waits for its last multiplication, and the multipliers are
/// busy only with eight chains or more.
inline constexpr Index few_rows = 3;

/// MR rows times NC panels at once. Each element is the same chain as in portable_tile. panel_step, z_step: elements from
/// one panel, and its sums, to the next.
template <class T, int MR, int NC>
RECURRA_NOINLINE void tile_few_rows(const T* a, Index lda, const Segment* segments, Index n_segments, const T* panel,
                                    Index panel_step, T* z, Index ldz, Index z_step, bool accumulate) {
  constexpr int W = lanes<T>, NV = panel_vectors;
  Packet<T> sum[NC][NV][MR];
  RECURRA_UNROLL for (int c = 0; c < NC; ++c) RECURRA_UNROLL for (int v = 0; v < NV; ++v)
      RECURRA_UNROLL for (int r = 0; r < MR; ++r) sum[c][v][r] =
          accumulate ? load(z + c * z_step + r * ldz + v * W) : set1<T>(0);
  for (Index s = 0; s < n_segments; ++s) {
    const T* p = a + segments[s].offset;
    for (Index k = 0; k < segments[s].length; ++k, ++p, panel += NV * W) {
      Packet<T> value[MR];
      RECURRA_UNROLL for (int r = 0; r < MR; ++r) value[r] = set1<T>(p[r * lda]);
      RECURRA_UNROLL for (int c = 0; c < NC; ++c) RECURRA_UNROLL for (int v = 0; v < NV; ++v) {
        const Packet<T> weights = load(panel + c * panel_step + v * W);
        RECURRA_UNROLL for (int r = 0; r < MR; ++r) sum[c][v][r] = fma(value[r], weights, sum[c][v][r]);
      }
    }
  }
  RECURRA_UNROLL for (int c = 0; c < NC; ++c) RECURRA_UNROLL for (int v = 0; v < NV; ++v)
      RECURRA_UNROLL for (int r = 0; r < MR; ++r) store(z + c * z_step + r * ldz + v * W, sum[c][v][r]);
}

/// The same for up to few_rows rows and any number of full panels.
template <class T>
void product_few_rows(Index rows, const T* a, Index lda, const Segment* segments, Index n_segments, const T* panel,
                      Index panel_step, Index count, T* z, Index ldz, Index z_step, bool accumulate) {
  const auto run = [&](auto tile, Index n) {
    tile(a, lda, segments, n_segments, panel, panel_step, z, ldz, z_step, accumulate);
    panel += n * panel_step;
    z += n * z_step;
    count -= n;
  };
  if (rows == 1) {
    constexpr int at_once = panel_vectors == 2 ? 4 : 3;  // sums + one value fit the registers; panels come from memory
    while (count >= at_once) run(tile_few_rows<T, 1, at_once>, at_once);
    if (count == 3) run(tile_few_rows<T, 1, 3>, 3);
    if (count == 2) run(tile_few_rows<T, 1, 2>, 2);
    if (count == 1) run(tile_few_rows<T, 1, 1>, 1);
  } else {
    while (count >= 2) rows == 2 ? run(tile_few_rows<T, 2, 2>, 2) : run(tile_few_rows<T, 3, 2>, 2);
    if (count == 1) rows == 2 ? run(tile_few_rows<T, 2, 1>, 1) : run(tile_few_rows<T, 3, 1>, 1);
  }
}

/// How N columns are cut into panels: full ones of panel_vectors vectors, and a narrower last one.
template <class T>
struct Panels {
  static constexpr Index W = lanes<T>;
  static constexpr Index full = W * panel_vectors;
  Index columns = 0;
  Index count = 0;
  Index padded = 0;  // columns with the last vector filled up

  Panels() = default;
  explicit Panels(Index n) : columns(n), count((n + full - 1) / full), padded((n + W - 1) / W * W) {}
  Index first(Index p) const { return p * full; }
  Index width(Index p) const { return std::min(full, padded - p * full); }  // with padding
  Index used(Index p) const { return std::min(full, columns - p * full); }  // without
  Index vectors(Index p) const { return width(p) / W; }
  Index in_last_vector() const { return columns - (padded - W); }
  Index full_count() const { return columns / full; }  // the panels behind these are narrower
};

/// run(std::integral_constant<int, vectors>) for the vectors of a panel, as a constant.
template <class Run>
RECURRA_INLINE void with_vectors(Index vectors, Run&& run) {
  if constexpr (panel_vectors == 4) {
    if (vectors == 4) return run(std::integral_constant<int, 4>{});
    if (vectors == 3) return run(std::integral_constant<int, 3>{});
  }
  if (vectors == 2) return run(std::integral_constant<int, 2>{});
  run(std::integral_constant<int, 1>{});
}

/// out[k, 0:width] = b[k * step, first : first + used], zeros behind; b points at the panel's first column.
template <class T>
void pack_rows(const T* b, Index step, Index K, Index used, Index width, T* out) {
  if (used == Panels<T>::full) {
    for (Index k = 0; k < K; ++k, b += step, out += Panels<T>::full) std::memcpy(out, b, Panels<T>::full * sizeof(T));
    return;
  }
  for (Index k = 0; k < K; ++k, b += step, out += width) {
    for (Index j = 0; j < used; ++j) out[j] = b[j];
    for (Index j = used; j < width; ++j) out[j] = T(0);
  }
}

/// out[k, j] = b[j * step + k]: the same from an operand that is stored transposed.
template <class T>
void pack_columns(const T* b, Index step, Index K, Index used, Index width, T* out) {
  constexpr Index W = lanes<T>;
  Index j = 0;
  for (; j + W <= used; j += W, b += W * step) {
    Index k = 0;
    for (; k + W <= K; k += W) {
      Packet<T> square[W];
      RECURRA_UNROLL for (int r = 0; r < int(W); ++r) square[r] = load(b + r * step + k);
      transpose<T>(square);
      RECURRA_UNROLL for (int r = 0; r < int(W); ++r) store(out + (k + r) * width + j, square[r]);
    }
    for (; k < K; ++k)
      for (Index r = 0; r < W; ++r) out[k * width + j + r] = b[r * step + k];
  }
  for (; j < width; ++j, b += step)
    for (Index k = 0; k < K; ++k) out[k * width + j] = j < used ? b[k] : T(0);
}

}  // namespace recurra
