// Softmax over rows of V numbers: y = exp(x - max) / sum(exp(x - max)).
//
// A row's result depends on that row alone: sums run over the lanes of a few vectors in a fixed order. Nothing depends
// on the number of threads.
#pragma once
#include <cmath>
#include <limits>

#include "recurra/linalg/simd.hpp"
#include "recurra/threads/parallel_for.hpp"

namespace recurra {

namespace detail {

/// exp(x), and exactly 0 where exp() would clamp: a logit of -inf has weight 0.
template <class T>
RECURRA_INLINE Packet<T> exp_or_zero(const Packet<T>& x) {
  constexpr T lowest = sizeof(T) == 4 ? T(-87.33) : T(-708.0);
  return mul(exp<T>(x), less<T>(set1<T>(lowest), x));
}

/// The sum of a packet's lanes in a fixed order: halves added to halves.
template <class T>
RECURRA_INLINE T sum_lanes(const Packet<T>& v) {
  alignas(64) T values[lanes<T>];
  store<T>(values, v);
  for (int half = lanes<T> / 2; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) values[j] += values[j + half];
  return values[0];
}

template <class T>
RECURRA_INLINE T max_of_row(const T* x, Index V) {
  constexpr Index L = lanes<T>;
  if (V < L) {
    T top = x[0];
    for (Index j = 1; j < V; ++j) top = x[j] > top ? x[j] : top;
    return top;
  }
  Packet<T> best = load(x), best2 = best;
  Index j = L;
  for (; j + 2 * L <= V; j += 2 * L) {
    best = max(load(x + j), best);
    best2 = max(load(x + j + L), best2);
  }
  for (; j + L <= V; j += L) best = max(load(x + j), best);
  best = max(best, max(best2, load(x + V - L)));  // the last vector may overlap
  alignas(64) T values[L];
  store<T>(values, best);
  T top = values[0];
  for (int k = 1; k < L; ++k) top = values[k] > top ? values[k] : top;
  return top;
}

/// sum(f(x, j)) over a row, f maps the packet at j; four running sums. Missing lanes of the tail are -inf.
template <class T, class F>
RECURRA_INLINE T sum_of_row(const T* x, Index V, F f) {
  constexpr Index L = lanes<T>;
  const Packet<T> zero = set1<T>(0);
  Packet<T> s0 = zero, s1 = zero, s2 = zero, s3 = zero;
  Index j = 0;
  for (; j + 4 * L <= V; j += 4 * L) {
    s0 = add(s0, f(load(x + j), j));
    s1 = add(s1, f(load(x + j + L), j + L));
    s2 = add(s2, f(load(x + j + 2 * L), j + 2 * L));
    s3 = add(s3, f(load(x + j + 3 * L), j + 3 * L));
  }
  for (; j + L <= V; j += L) s0 = add(s0, f(load(x + j), j));
  if (j < V) {
    alignas(64) T tail[L];
    for (Index k = 0; k < L; ++k) tail[k] = j + k < V ? x[j + k] : -std::numeric_limits<T>::infinity();
    s1 = add(s1, f(load<T>(tail), j));
  }
  return sum_lanes<T>(add(add(s0, s1), add(s2, s3)));
}

/// Rows that are worth a thread.
inline Index softmax_grain(Index V) { return 16384 / (V + 1) + 1; }

}  // namespace detail

/// x (M, V) in, V >= 1; y (M, V) out, overwritten, may be x.
template <class T>
void softmax_forward(const T* x, Index M, Index V, T* y) {
  constexpr Index L = lanes<T>;
  parallel_for(M, detail::softmax_grain(V), [&](Index first, Index last) {
    for (Index m = first; m < last; ++m) {
      const T* from = x + m * V;
      T* to = y + m * V;
      const Packet<T> top = set1<T>(detail::max_of_row(from, V));
      const T total = detail::sum_of_row(from, V, [&](const Packet<T>& v, Index j) {
        const Packet<T> e = detail::exp_or_zero<T>(sub(v, top));
        store_partial<T>(to + j, e, V - j < L ? V - j : L);
        return e;
      });
      const Packet<T> scale = set1<T>(T(1) / total);
      Index j = 0;
      for (; j + L <= V; j += L) store<T>(to + j, mul(load(to + j), scale));
      for (; j < V; ++j) to[j] *= T(1) / total;
    }
  });
}

/// dx = y (dy - sum(y dy)).  y, dy (M, V) in; dx (M, V) out, overwritten, may be dy.
template <class T>
void softmax_backward(const T* y, const T* dy, Index M, Index V, T* dx) {
  constexpr Index L = lanes<T>;
  parallel_for(M, detail::softmax_grain(V), [&](Index first, Index last) {
    for (Index m = first; m < last; ++m) {
      const T *p = y + m * V, *dp = dy + m * V;
      T* to = dx + m * V;
      Packet<T> s0 = set1<T>(0), s1 = s0;
      Index j = 0;
      for (; j + 2 * L <= V; j += 2 * L) {
        s0 = fma(load(p + j), load(dp + j), s0);
        s1 = fma(load(p + j + L), load(dp + j + L), s1);
      }
      for (; j < V; j += L) s0 = fma(load_partial(p + j, V - j), load_partial(dp + j, V - j), s0);
      const T dot = detail::sum_lanes<T>(add(s0, s1));
      const Packet<T> shift = set1<T>(dot);
      for (j = 0; j + L <= V; j += L) store<T>(to + j, mul(load(p + j), sub(load(dp + j), shift)));
      for (; j < V; ++j) to[j] = p[j] * (dp[j] - dot);
    }
  });
}

}  // namespace recurra
