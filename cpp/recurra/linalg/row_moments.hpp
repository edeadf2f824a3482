// Mean and variance of a row, and normalisation with them, forward and backward: what layer normalisation needs.
//
// A row of n values is read a vector at a time: at(j) is the address of the values from j on, j a multiple of the
// lanes. A sum adds whole vectors, j ascending, then the lanes; so its bits depend on n alone, wherever the vectors
// lie.
#pragma once
#include <cmath>

#include "recurra/linalg/simd.hpp"

namespace recurra {

/// Added to the variance (the default of Keras's LayerNormalization).
inline constexpr double norm_epsilon = 1e-3;

template <class T>
struct Moments {
  T mean, scale;  // scale: 1 / sqrt(variance + epsilon)
};

namespace detail {
/// f(value, mask) for each vector: mask is 1 for values of the row, 0 behind its end.
template <class T, class F>
RECURRA_INLINE void each_vector(Index n, F&& f) {
  constexpr Index W = lanes<T>;
  Index j = 0;
  for (; j + W <= n; j += W) f(j, W, set1<T>(1));
  if (j == n) return;
  alignas(64) T ones[W] = {};
  for (Index k = 0; k < n - j; ++k) ones[k] = T(1);
  f(j, n - j, load(ones));
}
}  // namespace detail

template <class T, class At>
Moments<T> row_moments(Index n, At&& at) {
  Packet<T> sum = set1<T>(0);
  detail::each_vector<T>(n,
                         [&](Index j, Index count, const Packet<T>&) { sum = add(sum, load_partial(at(j), count)); });
  const T mean = reduce_add(sum) / T(n);
  Packet<T> squares = set1<T>(0);
  detail::each_vector<T>(n, [&](Index j, Index count, const Packet<T>& mask) {
    const Packet<T> d = mul(sub(load_partial(at(j), count), set1<T>(mean)), mask);
    squares = fma(d, d, squares);
  });
  return {mean, T(1) / std::sqrt(reduce_add(squares) / T(n) + T(norm_epsilon))};
}

template <class T>
RECURRA_INLINE Packet<T> normalize(const Packet<T>& z, const Moments<T>& row) {
  return mul(sub(z, set1<T>(row.mean)), set1<T>(row.scale));
}

/// Means over a row of the gradient and of its product with the normalised values.
template <class T>
struct GradientMeans {
  T gradient, product;
};

template <class T, class At, class AtGradient>
GradientMeans<T> gradient_means(Index n, At&& normalized, AtGradient&& gradient) {
  Packet<T> sum = set1<T>(0), products = set1<T>(0);
  detail::each_vector<T>(n, [&](Index j, Index count, const Packet<T>&) {
    const Packet<T> d = load_partial(gradient(j), count);
    sum = add(sum, d);
    products = fma(d, load_partial(normalized(j), count), products);
  });
  return {reduce_add(sum) / T(n), reduce_add(products) / T(n)};
}

/// dL/dz from dL/d(normalised z). scale: of the row's moments.
template <class T>
RECURRA_INLINE Packet<T> normalize_backward(const Packet<T>& normalized, const Packet<T>& d, T scale,
                                            const GradientMeans<T>& means) {
  const Packet<T> centred = sub(d, set1<T>(means.gradient));
  return mul(fma(negate(normalized), set1<T>(means.product), centred), set1<T>(scale));
}

}  // namespace recurra
