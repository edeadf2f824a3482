// out (M, N) = a (M, K) times a packed matrix of 8-bit weights, + bias, on the thread pool: for Dense.
#pragma once
#include "recurra/linalg/int8_matrix.hpp"
#include "recurra/threads/parallel_for.hpp"

namespace recurra {

/// a: row-major; bias: (N,) or null; out: overwritten. Rows are quantized first, then threads divide blocks of rows and
/// panels of columns.
template <class T>
void int8_product(const Int8Matrix<T>& weights, Index M, const T* a, const T* bias, T* out) {
  const Panels<T>& columns = weights.units();
  const Index K = weights.depth(), N = columns.columns, block = Int8Matrix<T>::most_rows;
  if (M <= 0 || N <= 0) return;
  QuantizedRows<T> rows;
  rows.resize(M, K);
  parallel_for(M, (1 << 16) / std::max<Index>(1, K) + 1, [&](Index m0, Index m1) {
    for (Index m = m0; m < m1; ++m) rows.quantize(m, a + m * K);
  });
  Buffer<T> padded_bias(bias ? columns.padded : 0);
  for (Index j = 0; j < padded_bias.size(); ++j) padded_bias[j] = j < N ? bias[j] : T(0);
  const Index blocks = (M + block - 1) / block, items = blocks * columns.count;
  const Index work = std::min(M, block) * Panels<T>::full * std::max<Index>(1, K);  // of an item
  parallel_for(items, (Index{1} << 21) / work + 1, [&](Index first, Index last) {
    alignas(64) T z[Int8Matrix<T>::most_rows * Panels<T>::full];
    for (Index item = first; item < last; ++item) {
      const Index m0 = item / columns.count * block, count = std::min(block, M - m0), p = item % columns.count;
      const Index used = columns.used(p), width = columns.width(p), at = columns.first(p);
      const bool whole = used == width;
      T* const to = out + m0 * N + at;
      weights.multiply(rows, m0, count, p, 0, whole ? to : z, whole ? N : width, false, nullptr,
                       bias ? padded_bias.data() + at : nullptr);
      if (!whole)
        for (Index i = 0; i < count; ++i) std::copy_n(z + i * width, used, to + i * N);
    }
  });
}

}  // namespace recurra
