// Matrix products on the thread pool: out (M, N) = op(A) op(B) + bias, for Dense, attention, projections, and their
// gradients.
//
// An element is one chain: bias, then a[0] b[0], a[1] b[1], ... So a row's result depends neither on M nor on the
// number of threads.
//
// B is packed panel by panel, in blocks of k for which a panel stays in L1; a block continues the sums of the one
// before. Up to three rows are multiplied by B unpacked. For op(B) = B^T, where A is smaller or fills its panels
// better, A is packed and out^T = B A^T is computed.
#pragma once
#include "recurra/linalg/tile.hpp"
#include "recurra/linalg/tile_small_batch.hpp"
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
  T* out;  // (M, N), overwritten, or added to; may not overlap the operands
  bool adds = false;  // whether the chains go on from what is in `out`; bias is null then

  void run() const {
    if (M <= 0 || N <= 0) return;
    const double work = 2.0 * double(M) * double(N) * double(K);
    const int threads = work < 2e6 ? 1 : max_threads().load();  // below some 20 us a second thread costs more
    if (!trans_b && M <= max_small_batch) run_unpacked(threads);
    else if (trans_b && !trans_a && !adds && N <= max_swapped_columns &&
             12 * cost(N, M, threads) < 11 * cost(M, N, threads))
      run_packed_a(threads);
    else run_packed_b(threads);
  }

 private:
  static constexpr Index depth = 256;  // k of one block: 256 * full panel = 16 KB of float32 on AVX2
  static constexpr Index packed_bytes = 192 << 10;  // of L2, for packed panels
  static constexpr Index height = 12;  // rows multiplied by all packed panels before the next rows: long runs of `out`
  static constexpr Index max_swapped_columns = 512;  // columns of sums that a thread holds
  static constexpr int rows_at_once = 8;  // of B, for each load and store of sums
  static constexpr Index packing_rows = 12;  // what transposing a column costs, in rows of products

  static bool by_panel(Index rows, Index columns, int threads) {
    const Panels<T> panels(columns);
    return panels.count >= threads && panels.count * Panels<T>::full >= rows;
  }
  /// Work of the busiest thread where the packed operand is transposed: columns in whole vectors times rows.
  static Index cost(Index rows, Index columns, int threads) {
    const Panels<T> panels(columns);
    if (!by_panel(rows, columns, threads)) return panels.padded * ((rows + threads - 1) / threads + packing_rows);
    const Index most = (panels.count + threads - 1) / threads;
    return std::min(panels.padded, most * Panels<T>::full) * (rows + packing_rows);
  }

  /// work(panels of `columns`, panels of this thread, rows of this thread, scratch) on all threads.
  template <class Work>
  static void on_workers(Index rows, Index columns, int threads, Index scratch_per_thread, Work&& work) {
    const bool panelwise = by_panel(rows, columns, threads);
    const Panels<T> panels(columns);
    Buffer<T> scratch(Index(threads) * scratch_per_thread);
    ThreadPool::shared().run_independent(threads, [&](const Worker& worker) {
      const FlushDenormals flush;
      const Range my_panels = panelwise ? worker.range(panels.count) : Range{0, panels.count};
      work(panels, my_panels, panelwise ? Range{0, rows} : worker.range(rows),
           scratch.data() + worker.id * scratch_per_thread);
    });
  }

  /// All of A times a few rows of B at a time, unpacked: B is read once, in memory order.
  void run_unpacked(int threads) const {
    constexpr Index W = lanes<T>, column_block = 4096 / Index(sizeof(T));  // sums and rows of B stay in L1
    const Index vectors = (N + W - 1) / W;
    ThreadPool::shared().run_independent(threads, [&](const Worker& worker) {
      const FlushDenormals flush;
      const Range my_vectors = worker.range(vectors);
      const Index end = std::min(my_vectors.last * W, N);
      for (Index first = my_vectors.first * W; first < end; first += column_block) {
        const Index columns = std::min(column_block, end - first);
        for (Index m = 0; m < M && !adds; ++m) {
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
    Packet<T> sum = load_partial(sums + j, columns - j);
    RECURRA_UNROLL for (int n = 0; n < R; ++n) sum = fma(value[n], load_partial(rows + n * N + j, columns - j), sum);
    store_partial(sums + j, sum, columns - j);
  }

  void run_packed_b(int threads) const {
    on_workers(M, N, threads, (panels_at_a_time() * deepest() + height) * Panels<T>::full + lanes<T>,
               [&](const Panels<T>& panels, Range my_panels, Range rows, T* scratch) {
                 for (Index p = my_panels.first; p < my_panels.last; p += panels_at_a_time())
                   multiply_panels(panels, p, std::min(my_panels.last, p + panels_at_a_time()), rows.first, rows.last,
                                   scratch);
               });
  }

  /// out^T = B A^T, for B stored as (N, K): its rows are read in place, and A is packed. An element's chain is the
  /// same.
  void run_packed_a(int threads) const {
    constexpr Index full = Panels<T>::full;
    on_workers(N, M, threads, (deepest() + N) * full + lanes<T>,
               [&](const Panels<T>& panels, Range my_panels, Range rows, T* packed) {
                 T* const sums = packed + deepest() * full;
                 for (Index p = my_panels.first; p < my_panels.last; ++p) {
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

  /// Panels packed at a time: rows of B and of the result are then read and written over several lines or pages in a
  /// row, which the hardware prefetches.
  Index panels_at_a_time() const {
    return std::clamp<Index>(packed_bytes / Index(sizeof(T)) / (deepest() * Panels<T>::full), 8, 64);
  }
  Index deepest() const { return std::clamp<Index>(K, 1, depth); }

  void multiply_panels(const Panels<T>& panels, Index p0, Index p1, Index r0, Index r1, T* packed) const {
    T* z = packed + panels_at_a_time() * deepest() * Panels<T>::full;
    // Between blocks of k the sums are in `out`.
    for (Index k0 = 0; k0 == 0 || k0 < K; k0 += depth) {
      const Index k = std::min(depth, K - k0);
      pack(panels, p0, p1, k0, k, packed);
      for (Index r = r0; r < r1; r += height)
        for (Index p = p0; p < p1; ++p)
          product_block(panels, p, r, std::min(height, r1 - r), k0, k, packed + (p - p0) * k * Panels<T>::full, z);
    }
  }

  void pack(const Panels<T>& panels, Index p0, Index p1, Index k0, Index k, T* packed) const {
    constexpr Index row_block = 16;  // of B: few enough for the TLB, whatever the distance of rows
    for (Index n = 0; n < k; n += trans_b ? k : row_block)
      for (Index p = p0; p < p1; ++p) {
        const Index first = panels.first(p), used = panels.used(p), width = panels.width(p);
        T* to = packed + (p - p0) * k * Panels<T>::full;
        if (trans_b) pack_columns(b + first * K + k0, K, k, used, width, to);
        else pack_rows(b + (k0 + n) * N + first, N, std::min(row_block, k - n), used, width, to + n * width);
      }
  }

  void product_block(const Panels<T>& panels, Index p, Index r, Index rows, Index k0, Index k, const T* packed,
                     T* z) const {
    const Index first = panels.first(p), used = panels.used(p), width = panels.width(p), vectors = panels.vectors(p);
    const bool start = k0 == 0 && !adds, whole = used == width;
    T* const result = out + r * N + first;
    T* const sums = whole ? result : z;  // a padded panel has its sums in scratch
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
