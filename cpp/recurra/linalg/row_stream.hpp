// Matrix-vector products with unpacked row-major weights: each row of the weights is read once, in memory order, at the
// bandwidth of the cache or memory that holds it. For little work, where packing would cost more than it saves.
#pragma once
#include <type_traits>

#include "recurra/linalg/simd.hpp"

namespace recurra {

/// f(k, N) for k in [first, last), N at a time (a compile-time constant), then one by one.
template <int N, class F>
RECURRA_INLINE void in_blocks(Index first, Index last, F&& f) {
  for (; first + N <= last; first += N) f(first, std::integral_constant<int, N>{});
  for (; first < last; ++first) f(first, std::integral_constant<int, 1>{});
}

/// f(j, size) for j in [0, n), a vector at a time; size is a constant except for the last, partial vector.
template <class T, class F>
RECURRA_INLINE void in_vectors(Index n, F&& f) {
  constexpr Index W = lanes<T>;
  Index j = 0;
  for (; j + W <= n; j += W) f(j, std::integral_constant<Index, W>{});
  if (j < n) f(j, n - j);
}

/// z[j] += sum over k < K of a[k] * weights[k, j], j < n, one chain over ascending k for each j. stride: elements from
/// one row of weights to the next. Six rows at a time: rows at a distance that is a power of two share one set of the
/// L1 cache, whose eight ways z and the prefetched rows need too.
template <class T>
void stream_rows(const T* a, Index K, const T* weights, Index stride, Index n, T* z) {
  in_blocks<6>(0, K, [&](Index k, auto count) {
    constexpr int N = decltype(count)::value;
    Packet<T> value[N];
    const T* from[N];
    for (int i = 0; i < N; ++i) {
      value[i] = set1<T>(a[k + i]);
      from[i] = weights + (k + i) * stride;
    }
    in_vectors<T>(n, [&](Index j, auto size) {
      Packet<T> sum = load_partial(z + j, size);
      RECURRA_UNROLL for (int i = 0; i < N; ++i) sum = fma(value[i], load_partial(from[i] + j, size), sum);
      store_partial(z + j, sum, size);
    });
  });
}

/// out[k] = sum over j < n of weights[k, j] * z[j], k0 <= k < k1. Overwrites.
template <class T>
void dot_rows(const T* weights, Index stride, Index k0, Index k1, const T* z, Index n, T* out) {
  constexpr Index W = lanes<T>;
  in_blocks<4>(k0, k1, [&](Index k, auto count) {
    constexpr int N = decltype(count)::value;
    const T* from = weights + k * stride;
    Packet<T> sum[N][2];
    RECURRA_UNROLL for (int i = 0; i < N; ++i) sum[i][0] = sum[i][1] = set1<T>(0);
    Index j = 0;
    for (; j + 2 * W <= n; j += 2 * W) {
      const Packet<T> value[2] = {load(z + j), load(z + j + W)};
      RECURRA_UNROLL for (int i = 0; i < N; ++i) {
        sum[i][0] = fma(load(from + i * stride + j), value[0], sum[i][0]);
        sum[i][1] = fma(load(from + i * stride + j + W), value[1], sum[i][1]);
      }
    }
    in_vectors<T>(n - j, [&](Index m, auto size) {
      const Packet<T> value = load_partial(z + j + m, size);
      RECURRA_UNROLL for (int i = 0; i < N; ++i) sum[i][0] =
          fma(load_partial(from + i * stride + j + m, size), value, sum[i][0]);
    });
    RECURRA_UNROLL for (int i = 0; i < N; ++i) out[k + i] = reduce_add(add(sum[i][0], sum[i][1]));
  });
}

/// out[k, j] = sum over r < rows of a[r, k] * z[r, j], k0 <= k < k1, j < n. Overwrites. stride: of out.
template <class T>
void outer_rows(const T* a, Index a_stride, const T* z, Index z_stride, Index rows, Index k0, Index k1, Index n, T* out,
                Index stride) {
  in_blocks<4>(k0, k1, [&](Index k, auto count) {
    constexpr int N = decltype(count)::value;
    in_vectors<T>(n, [&](Index j, auto size) {
      Packet<T> sum[N];
      RECURRA_UNROLL for (int i = 0; i < N; ++i) sum[i] = set1<T>(0);
      for (Index r = 0; r < rows; ++r) {
        const Packet<T> value = load_partial(z + r * z_stride + j, size);
        RECURRA_UNROLL for (int i = 0; i < N; ++i) sum[i] = fma(set1<T>(a[r * a_stride + k + i]), value, sum[i]);
      }
      RECURRA_UNROLL for (int i = 0; i < N; ++i) store_partial(out + (k + i) * stride + j, sum[i], size);
    });
  });
}

}  // namespace recurra
