// out (M, N) = op(A) op(B) + bias, by the tile: for Dense, attention, projections and their gradients.
//
// Each element is one chain: bias, then a[0] b[0], a[1] b[1], ... So a row's result depends neither on M nor on the
// number of threads. B is packed panel by panel, in blocks of k that keep a panel in L1; sums of a block go on where
// those of the block before ended.
#pragma once
#include "team.hpp"
#include "tile.hpp"
#include "workspace.hpp"

namespace recurra {

template <class T>
struct Gemm {
  Index M, N, K;
  const T* a;      // (M, K), or (K, M) when trans_a
  bool trans_a;
  const T* b;      // (K, N), or (N, K) when trans_b
  bool trans_b;
  const T* bias;   // (N,) or null
  T* out;          // (M, N), overwritten; must not overlap the operands

  void run() const {
    if (M <= 0 || N <= 0) return;
    const double work = 2.0 * double(M) * double(N) * double(K);
    const int threads = work < 2e6 ? 1 : max_threads().load();  // below some 20 us a second thread costs more
    const Panels<T> panels(N);
    const bool by_panel = panels.count >= threads && panels.count * Panels<T>::full >= M;
    Buffer<T> scratch(Index(threads) * per_thread());
    Team::shared().run(threads, [&](const Member& me) {
      const FlushDenormals flush;
      const auto [p0, p1] = by_panel ? me.part(panels.count) : Range{0, panels.count};
      const auto [r0, r1] = by_panel ? Range{0, M} : me.part(M);
      for (Index p = p0; p < p1; p += group())
        some_panels(panels, p, std::min(p1, p + group()), r0, r1, scratch.data() + me.id * per_thread());
    });
  }

 private:
  static constexpr Index depth = 256;  // k of one block: 256 * full panel = 16 KB of float32 on AVX2
  static constexpr Index packed_bytes = 192 << 10;  // a part of L2
  static constexpr Index height = 12;  // rows that meet all packed panels before the next ones: long stretches of `out`
  /// Panels packed together: a row of B, and of the result, is then read or written for some lines or pages on end,
  /// which is what the processor fetches ahead.
  Index group() const {
    return std::clamp<Index>(packed_bytes / Index(sizeof(T)) / (deepest() * Panels<T>::full), 8, 64);
  }
  Index deepest() const { return std::clamp<Index>(K, 1, depth); }

  Index per_thread() const { return (group() * deepest() + height) * Panels<T>::full + lanes<T>; }

  void some_panels(const Panels<T>& panels, Index p0, Index p1, Index r0, Index r1, T* packed) const {
    T* z = packed + group() * deepest() * Panels<T>::full;
    // The sums of k so far live in `out` between blocks of k.
    for (Index k0 = 0; k0 == 0 || k0 < K; k0 += depth) {
      const Index k = std::min(depth, K - k0);
      pack(panels, p0, p1, k0, k, packed);
      for (Index r = r0; r < r1; r += height)
        for (Index p = p0; p < p1; ++p)
          product_block(panels, p, r, std::min(height, r1 - r), k0, k, packed + (p - p0) * k * Panels<T>::full, z);
    }
  }

  void pack(const Panels<T>& panels, Index p0, Index p1, Index k0, Index k, T* packed) const {
    constexpr Index together = 16;  // rows of B: few enough for the translation buffer, whatever their distance
    for (Index n = 0; n < k; n += trans_b ? k : together)
      for (Index p = p0; p < p1; ++p) {
        const Index first = panels.first(p), used = panels.used(p), width = panels.width(p);
        T* to = packed + (p - p0) * k * Panels<T>::full;
        if (trans_b) pack_columns(b + first * K + k0, K, k, used, width, to);
        else pack_rows(b + (k0 + n) * N + first, N, std::min(together, k - n), used, width, to + n * width);
      }
  }

  void product_block(const Panels<T>& panels, Index p, Index r, Index rows, Index k0, Index k, const T* packed,
                     T* z) const {
    const Index first = panels.first(p), used = panels.used(p), width = panels.width(p), vectors = panels.vectors(p);
    const bool start = k0 == 0, whole = used == width;
    T* const result = out + r * N + first;
    T* const sums = whole ? result : z;  // a panel that is not full has its sums elsewhere
    const Index row = whole ? N : width;
    if (start && bias) {
      for (Index i = 0; i < rows; ++i) std::copy_n(bias + first, used, sums + i * row);
    } else if (!start && !whole) {
      for (Index i = 0; i < rows; ++i) std::copy_n(result + i * N, used, z + i * width);
    }
    const Segment all{0, k};
    if (trans_a) product<T, true>(rows, a + k0 * M + r, M, &all, 1, packed, vectors, sums, row, !start || bias);
    else product<T, false>(rows, a + r * K + k0, K, &all, 1, packed, vectors, sums, row, !start || bias);
    if (!whole)
      for (Index i = 0; i < rows; ++i) std::copy_n(z + i * width, used, result + i * N);
  }
};

}  // namespace recurra
