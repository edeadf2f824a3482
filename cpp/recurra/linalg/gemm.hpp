// out (M, N) = op(A) op(B) + bias, by the tile: for Dense, attention, projections and their gradients.
//
// Each element is one chain: bias, then a[0] b[0], a[1] b[1], ... So a row's result depends neither on M nor on the
// number of threads. B is packed panel by panel, in blocks of k that keep a panel in L1; sums of a block go on where
// those of the block before ended. Few rows meet B unpacked; where that is less work, the rows of A are packed instead.
#pragma once
#include "recurra/linalg/tile.hpp"
#include "recurra/support/workspace.hpp"
#include "recurra/threads/thread_pool.hpp"

namespace recurra {

template <class T>
struct Gemm {
  Index M, N, K;
  const T* a;  // (M, K), or (K, M) when trans_a
  bool trans_a;
  const T* b;  // (K, N), or (N, K) when trans_b
  bool trans_b;
  const T* bias;  // (N,) or null
  T* out;  // (M, N), overwritten; must not overlap the operands

  void run() const {
    if (M <= 0 || N <= 0) return;
    const double work = 2.0 * double(M) * double(N) * double(K);
    const int threads = work < 2e6 ? 1 : max_threads().load();  // below some 20 us a second thread costs more
    if (!trans_b && M <= few_rows) run_unpacked(threads);
    else if (trans_b && !trans_a && N <= most_swapped && 12 * cost(N, M, threads) < 11 * cost(M, N, threads))
      run_swapped(threads);
    else run_straight(threads);
  }

 private:
  static constexpr Index depth = 256;  // k of one block: 256 * full panel = 16 KB of float32 on AVX2
  static constexpr Index packed_bytes = 192 << 10;  // a part of L2
  static constexpr Index height = 12;  // rows that meet all packed panels before the next ones: long stretches of `out`
  static constexpr Index most_swapped = 512;  // columns of sums that a thread keeps
  static constexpr int rows_at_once = 8;  // of B, for each load and store of sums
  static constexpr Index rows_of_packing = 12;  // what transposing a column costs, in rows of products

  static bool by_panel(Index rows, Index columns, int threads) {
    const Panels<T> panels(columns);
    return panels.count >= threads && panels.count * Panels<T>::full >= rows;
  }
  /// Of the thread that has most to do, with op(B) transposed as it is packed: columns in whole vectors times rows.
  static Index cost(Index rows, Index columns, int threads) {
    const Panels<T> panels(columns);
    if (!by_panel(rows, columns, threads)) return panels.padded * ((rows + threads - 1) / threads + rows_of_packing);
    const Index most = (panels.count + threads - 1) / threads;
    return std::min(panels.padded, most * Panels<T>::full) * (rows + rows_of_packing);
  }

  /// work(panels of `columns`, first and last panel, first and last row, scratch) on all threads.
  template <class Work>
  static void spread(Index rows, Index columns, int threads, Index scratch_each, Work&& work) {
    const bool panelwise = by_panel(rows, columns, threads);
    const Panels<T> panels(columns);
    Buffer<T> scratch(Index(threads) * scratch_each);
    Team::shared().run(threads, [&](const Member& me) {
      const FlushDenormals flush;
      const Range mine = panelwise ? me.part(panels.count) : Range{0, panels.count};
      work(panels, mine, panelwise ? Range{0, rows} : me.part(rows), scratch.data() + me.id * scratch_each);
    });
  }

  /// A few rows of B at a time, where they are, times all of A: B is read once, from end to end.
  void run_unpacked(int threads) const {
    constexpr Index W = lanes<T>, together = 4096 / Index(sizeof(T));  // columns; sums and rows of B stay in L1
    const Index vectors = (N + W - 1) / W;
    Team::shared().run(threads, [&](const Member& me) {
      const FlushDenormals flush;
      const Range mine = me.part(vectors);
      const Index end = std::min(mine.last * W, N);
      for (Index first = mine.first * W; first < end; first += together) {
        const Index columns = std::min(together, end - first);
        for (Index m = 0; m < M; ++m) {
          if (bias) std::copy_n(bias + first, columns, out + m * N + first);
          else std::fill_n(out + m * N + first, columns, T(0));
        }
        Index k = 0;
        for (; k + rows_at_once <= K; k += rows_at_once)
          for (Index m = 0; m < M; ++m) add_rows<rows_at_once>(m, k, first, columns);
        for (; k < K; ++k)
          for (Index m = 0; m < M; ++m) add_rows<1>(m, k, first, columns);
      }
    });
  }

  /// out[m, columns] += a[m, k : k + R] b[k : k + R, columns].
  template <int R>
  RECURRA_NOINLINE void add_rows(Index m, Index k, Index first, Index columns) const {
    constexpr Index W = lanes<T>;
    const T* rows = b + k * N + first;
    T* const sums = out + m * N + first;
    Packet<T> value[R];
    RECURRA_UNROLL for (int n = 0; n < R; ++n) value[n] = set1<T>(trans_a ? a[(k + n) * M + m] : a[m * K + k + n]);
    Index j = 0;
    for (; j + W <= columns; j += W) {
      Packet<T> sum = load(sums + j);
      RECURRA_UNROLL for (int n = 0; n < R; ++n) sum = fma(value[n], load(rows + n * N + j), sum);
      store(sums + j, sum);
    }
    if (j == columns) return;
    Packet<T> sum = load_part(sums + j, columns - j);
    RECURRA_UNROLL for (int n = 0; n < R; ++n) sum = fma(value[n], load_part(rows + n * N + j, columns - j), sum);
    store_part(sums + j, sum, columns - j);
  }

  void run_straight(int threads) const {
    spread(M, N, threads, (group() * deepest() + height) * Panels<T>::full + lanes<T>,
           [&](const Panels<T>& panels, Range mine, Range rows, T* scratch) {
             for (Index p = mine.first; p < mine.last; p += group())
               some_panels(panels, p, std::min(mine.last, p + group()), rows.first, rows.last, scratch);
           });
  }

  /// out^T = B A^T, for B stored as (N, K): its rows are read where they are, and those of A packed. Worth it where A is
  /// smaller, or fills its panels better. An element's chain is the same.
  void run_swapped(int threads) const {
    constexpr Index full = Panels<T>::full;
    spread(N, M, threads, (deepest() + N) * full + lanes<T>,
           [&](const Panels<T>& panels, Range mine, Range rows, T* packed) {
             T* const sums = packed + deepest() * full;
             for (Index p = mine.first; p < mine.last; ++p) {
               const Index first = panels.first(p), used = panels.used(p), width = panels.width(p);
               if (bias)
                 for (Index j = rows.first; j < rows.last; ++j)
                   std::fill_n(sums + (j - rows.first) * width, width, bias[j]);
               for (Index k0 = 0; k0 == 0 || k0 < K; k0 += depth) {
                 const Segment all{0, std::min(depth, K - k0)};
                 pack_columns(a + first * K + k0, K, all.length, used, width, packed);
                 product<T, false>(rows.last - rows.first, b + rows.first * K + k0, K, &all, 1, packed,
                                   panels.vectors(p), sums, width, k0 > 0 || bias);
               }
               for (Index i = 0; i < used; ++i)
                 for (Index j = rows.first; j < rows.last; ++j)
                   out[(first + i) * N + j] = sums[(j - rows.first) * width + i];
             }
           });
  }

  /// Panels packed together: a row of B, and of the result, is then read or written for some lines or pages on end,
  /// which is what the processor fetches ahead.
  Index group() const {
    return std::clamp<Index>(packed_bytes / Index(sizeof(T)) / (deepest() * Panels<T>::full), 8, 64);
  }
  Index deepest() const { return std::clamp<Index>(K, 1, depth); }

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
