// Products with a weight matrix of 8-bit integers, one scale for each column. Activations are quantized as they come,
// one scale for each row:
//
//   s = 127 / (max |x| + 1e-7)      q = round(x s), to even      r = 1 / s
//   z[j] = r m[j] sum over k of q[k] w[k, j]                     m[j] = 1 / (the column's scale), w int8 in [-127, 127]
//
// The sums are exact integers (int8_tile.hpp) and the rest is elementwise, so a row's result depends neither on the
// other rows nor on threads, tiles or instructions. A row that holds NaN or an infinity gives NaN in every column.
// These are the formulas of Keras's int8 layers.
#pragma once
#include <cmath>
#include <limits>

#include "recurra/linalg/int8_tile.hpp"
#include "recurra/support/workspace.hpp"

namespace recurra {

/// Rows of quantized activations, in the kernel's form.
template <class T>
class QuantizedRows {
 public:
  QuantizedRows() = default;
  void resize(Index rows, Index k) {
    k_ = k;
    row_bytes_ = Int8Kernels<>::best().row_bytes(k);
    stride_ = ((row_bytes_ + 63) / 64 | 1) * 64;  // an odd number of cache lines, see memory_layout.hpp
    values_.resize(std::max<Index>(1, rows * stride_));
    factors_.resize(std::max<Index>(1, rows));
  }
  const std::uint8_t* row(Index i) const { return values_.data() + i * stride_; }
  Index stride() const { return stride_; }
  /// r of row i.
  T factor(Index i) const { return factors_[i]; }
  Index k() const { return k_; }

  /// Row i = x[0:k].
  void quantize(Index i, const T* x) {
    const T largest = largest_magnitude(x);
    std::uint8_t* out = values_.data() + i * stride_;
    if (!(largest <= std::numeric_limits<T>::max())) {
      std::memset(out, 0, size_t(row_bytes_));
      factors_[i] = std::numeric_limits<T>::quiet_NaN();
      return;
    }
    const T scale = T(127) / (largest + T(1e-7));
    factors_[i] = T(1) / scale;
    if (Int8Kernels<>::best().unsigned_rows) round<std::uint8_t, 128>(x, scale, out);
    else round<std::int16_t, 0>(x, scale, reinterpret_cast<std::int16_t*>(out));
  }

 private:
  /// max |x[k]|, or NaN where one of them is NaN or infinite.
  T largest_magnitude(const T* x) const {
    constexpr Index W = lanes<T>;
    constexpr int chains = 4;  // more than one hides the latency
    Packet<T> most[chains], bad[chains];
    RECURRA_UNROLL for (int n = 0; n < chains; ++n) most[n] = bad[n] = set1<T>(0);
    const auto see = [&](int n, const Packet<T>& v) {
      most[n] = max(most[n], max(v, negate(v)));
      bad[n] = fma(v, set1<T>(0), bad[n]);
    };
    Index j = 0;
    for (; j + chains * W <= k_; j += chains * W)
      RECURRA_UNROLL for (int n = 0; n < chains; ++n) see(n, load(x + j + n * W));
    for (; j < k_; j += W) see(0, load_partial(x + j, k_ - j));
    RECURRA_UNROLL for (int n = 1; n < chains; ++n) {
      most[0] = max(most[0], most[n]);
      bad[0] = add(bad[0], bad[n]);
    }
    alignas(64) T each[W];
    store<T>(each, most[0]);
    T largest = 0;
    for (const T value : each) largest = std::max(largest, value);
    return reduce_add(bad[0]) == T(0) ? largest : std::numeric_limits<T>::quiet_NaN();
  }
  /// Adding 1.5 * 2^23 (2^52) rounds to even, and leaves the integer in the low bits.
  template <class Value, int offset>
  void round(const T* x, T scale, Value* out) const {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr T magic = sizeof(T) == 4 ? T(12582912.0) : T(6755399441055744.0);
    for (Index k = 0; k < k_; ++k) {
      const T shifted = x[k] * scale + magic;
      Bits bits;
      std::memcpy(&bits, &shifted, sizeof bits);
      out[k] = Value(bits + Bits(offset));
    }
    for (Index k = k_; k < row_bytes_ / Index(sizeof(Value)); ++k) out[k] = 0;  // the weights are zero there
  }

  Index k_ = 0, row_bytes_ = 0, stride_ = 0;
  Buffer<std::uint8_t> values_;
  Buffer<T> factors_;
};

/// T(sums[0:lanes]).
template <class T>
RECURRA_INLINE Packet<T> load_sums(const std::int32_t* sums) {
  if constexpr (sizeof(T) == 4) {
    using Integers = typename ei::unpacket_traits<Packet<T>>::integer_packet;
    return ei::pcast<Integers, Packet<T>>(ei::ploadu<Integers>(sums));
  } else {
    alignas(64) T values[lanes<T>];
    for (int n = 0; n < lanes<T>; ++n) values[n] = T(sums[n]);
    return load<T>(values);
  }
}

/// A matrix (K, G * H) of int8, its gates cut into panels of H units as the float loops have them.
template <class T>
class Int8Matrix {
 public:
  static constexpr Index most_rows = 48;  // of one product

  /// values (K, G * H), each row `gates * units` long; scales (G * H,): weight = value / scale. K <= max_int8_depth.
  Int8Matrix(const std::int8_t* values, const T* scales, Index K, Index gates, Index units)
      : kernel_(Int8Kernels<>::best()), K_(K), gates_(gates), units_(units) {
    const Index columns = gates_ * padded_sums();
    values_.resize(std::max<Index>(1, kernel_.k_blocks(K) * kernel_.k_block * columns));
    start_.resize(std::max<Index>(1, columns));
    multipliers_.resize(std::max<Index>(1, columns));
    parallel_panels([&](Index p) {
      for (Index g = 0; g < gates_; ++g) pack(values, scales, p, g);
    });
  }

  Index bytes() const { return values_.size(); }
  Index depth() const { return K_; }
  const Panels<T>& units() const { return units_; }
  bool fits(Index K, Index gates, Index units) const { return K_ == K && gates_ == gates && units_.columns == units; }

  /// z[i, 0:width] (+)= r m q w of gate g and panel p, for `count` rows of a from `first` on. before, after: (width,)
  /// added to z before and after that, or null. accumulate: whether z holds numbers to be continued.
  void multiply(const QuantizedRows<T>& a, Index first, Index count, Index p, Index g, T* z, Index ldz, bool accumulate,
                const T* before = nullptr, const T* after = nullptr) const {
    alignas(64) std::int32_t sums[most_rows * panel_vectors * int32_lanes];
    const Index width = sum_width(p);
    const int vectors = int(width / int32_lanes), most = kernel_.rows[vectors - 1];
    const std::int8_t* panel = values_.data() + offset(p, g) * kernel_.k_blocks(K_) * kernel_.k_block;
    const std::int32_t* start = start_.data() + offset(p, g);
    for (Index i0 = 0; i0 < count; i0 += most_rows) {
      const Index rows = std::min(most_rows, count - i0), blocks = (rows + most - 1) / most;
      for (Index n = 0; n < blocks; ++n) {
        const Index r0 = rows * n / blocks, r1 = rows * (n + 1) / blocks;
        kernel_.tile[vectors - 1][r1 - r0 - 1](a.row(first + i0 + r0), a.stride(), kernel_.k_blocks(K_), panel, start,
                                               sums + r0 * width, width);
      }
      scale(a, first + i0, rows, sums, width, units_.width(p), multipliers_.data() + offset(p, g), z + i0 * ldz, ldz,
            accumulate, before, after);
    }
  }

 private:
  static RECURRA_NOINLINE void scale(const QuantizedRows<T>& a, Index first, Index rows, const std::int32_t* sums,
                                     Index sum_stride, Index width, const T* multipliers, T* z, Index ldz,
                                     bool accumulate, const T* before, const T* after) {
    constexpr Index W = lanes<T>;
    for (Index i = 0; i < rows; ++i, sums += sum_stride, z += ldz) {
      const Packet<T> factor = set1<T>(a.factor(first + i));
      for (Index j = 0; j < width; j += W) {
        Packet<T> base = accumulate ? load(z + j) : set1<T>(0);
        if (before) base = add(base, load(before + j));
        base = fma(load_sums<T>(sums + j), mul(factor, load(multipliers + j)), base);
        if (after) base = add(base, load(after + j));
        store(z + j, base);
      }
    }
  }

  /// Columns of a panel's sums: whole vectors of int32.
  Index sum_width(Index p) const { return (units_.width(p) + int32_lanes - 1) / int32_lanes * int32_lanes; }
  Index padded_sums() const {
    return units_.count ? (units_.count - 1) * sum_width(0) + sum_width(units_.count - 1) : 0;
  }
  /// The first column of gate g and panel p.
  Index offset(Index p, Index g) const { return gates_ * p * (p ? sum_width(0) : 0) + g * sum_width(p); }

  template <class Work>
  void parallel_panels(Work&& work) const {
    parallel_for(units_.count, (1 << 18) / (gates_ * std::max<Index>(1, K_) * Panels<T>::full) + 1,
                 [&](Index p0, Index p1) {
                   for (Index p = p0; p < p1; ++p) work(p);
                 });
  }
  void pack(const std::int8_t* values, const T* scales, Index p, Index g) {
    const Index used = units_.used(p), width = sum_width(p), k_block = kernel_.k_block, row = gates_ * units_.columns;
    const Index column = g * units_.columns + units_.first(p);
    std::int8_t* out = values_.data() + offset(p, g) * kernel_.k_blocks(K_) * k_block;
    std::int32_t* sums = start_.data() + offset(p, g);
    T* multipliers = multipliers_.data() + offset(p, g);
    std::fill_n(sums, width, 0);
    for (Index j = 0; j < width; ++j) multipliers[j] = j < used ? T(1) / scales[column + j] : T(0);
    for (Index k0 = 0; k0 < K_; k0 += k_block, out += width * k_block) {
      std::memset(out, 0, size_t(width * k_block));
      for (Index n = 0; n < std::min(k_block, K_ - k0); ++n) {
        const std::int8_t* from = values + (k0 + n) * row + column;
        for (Index j = 0; j < used; ++j) {
          out[j * k_block + n] = from[j];
          sums[j] -= 128 * std::int32_t(from[j]);
        }
      }
    }
    if (!kernel_.unsigned_rows) std::fill_n(sums, width, 0);
  }

  const Int8Kernel& kernel_;
  Index K_, gates_;
  Panels<T> units_;
  Buffer<std::int8_t> values_;
  Buffer<std::int32_t> start_;
  Buffer<T> multipliers_;
};

}  // namespace recurra
