// Panels: how the columns of a weight matrix are cut and packed for the tile.
//
// A full panel has panel_vectors vectors of columns; the last one may be narrower, its last vector padded with zeros. A
// packed panel is contiguous, [k][width].
#pragma once
#include <algorithm>
#include <type_traits>

#include "recurra/linalg/simd.hpp"

namespace recurra {

/// Vectors of a full panel.
inline constexpr int panel_vectors = vector_registers == 32 ? 4 : 2;

/// How n columns are cut into panels.
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
  Index used(Index p) const { return std::min(full, columns - p * full); }  // without padding
  Index vectors(Index p) const { return width(p) / W; }
  Index in_last_vector() const { return columns - (padded - W); }
  Index full_count() const { return columns / full; }  // panels without padding; they come first
};

/// run(std::integral_constant<int, vectors>) for the vectors of a panel.
template <class Run>
RECURRA_INLINE void with_vectors(Index vectors, Run&& run) {
  if constexpr (panel_vectors == 4) {
    if (vectors == 4) return run(std::integral_constant<int, 4>{});
    if (vectors == 3) return run(std::integral_constant<int, 3>{});
  }
  if (vectors == 2) return run(std::integral_constant<int, 2>{});
  run(std::integral_constant<int, 1>{});
}

/// The rows of a panel from one matrix to another: to[k * to_stride, 0:used] = from[k * from_stride, 0:used] for k < K.
template <class T>
void copy_panel(const T* from, Index from_stride, Index K, Index used, T* to, Index to_stride) {
  constexpr Index W = lanes<T>;
  if (used < Panels<T>::full) {
    for (Index k = 0; k < K; ++k, from += from_stride, to += to_stride) copy(from, used, to);
    return;
  }
  for (Index k = 0; k < K; ++k, from += from_stride, to += to_stride)
    RECURRA_UNROLL for (int n = 0; n < panel_vectors; ++n) store(to + n * W, load(from + n * W));
}

/// out[k, 0:width] = b[k * stride, 0:used], then zeros, for k < K. b: the panel's first column of a (K, stride) matrix.
template <class T>
void pack_rows(const T* b, Index stride, Index K, Index used, Index width, T* out) {
  if (used == Panels<T>::full) return copy_panel(b, stride, K, used, out, width);
  for (Index k = 0; k < K; ++k, b += stride, out += width) {
    for (Index j = 0; j < used; ++j) out[j] = b[j];
    for (Index j = used; j < width; ++j) out[j] = T(0);
  }
}

/// out[k, j] = b[j * stride + k]: the same from the transposed matrix.
template <class T>
void pack_columns(const T* b, Index stride, Index K, Index used, Index width, T* out) {
  constexpr Index W = lanes<T>;
  Index j = 0;
  for (; j + W <= used; j += W, b += W * stride) {
    Index k = 0;
    for (; k + W <= K; k += W) {
      Packet<T> square[W];
      RECURRA_UNROLL for (int r = 0; r < int(W); ++r) square[r] = load(b + r * stride + k);
      transpose<T>(square);
      RECURRA_UNROLL for (int r = 0; r < int(W); ++r) store(out + (k + r) * width + j, square[r]);
    }
    for (; k < K; ++k)
      for (Index r = 0; r < W; ++r) out[k * width + j + r] = b[r * stride + k];
  }
  for (; j < width; ++j, b += stride)
    for (Index k = 0; k < K; ++k) out[k * width + j] = j < used ? b[k] : T(0);
}

}  // namespace recurra
