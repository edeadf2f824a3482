// SIMD vectors of this build's instruction set and elementary functions on them. The only file that names Eigen's
// internal packets.
//
//   Packet<T>, lanes<T>          the widest vector that the flags allow, and how many T it holds
//   load, store, load_partial, store_partial, set1
//   fma, add, sub, mul, div, min, max, negate, less, reduce_add, transpose
//   copy, copy_masked            short rows
//   exp, sigmoid, tanh           polynomials, within 3, 4 and 8 units in the last place in float32 and 3, 4 and 4 in
//                                float64 (held by tests/cpp/linalg/test_simd.cpp)
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <cstring>

#include "recurra/support/compiler.hpp"
#include "recurra/support/layout.hpp"

namespace recurra {

namespace ei = Eigen::internal;

template <class T>
using Packet = typename ei::packet_traits<T>::type;

template <class T>
inline constexpr int lanes = ei::unpacket_traits<Packet<T>>::size;

/// Vector registers of the target; a tile must fit in them.
#if defined(EIGEN_VECTORIZE_AVX512) || defined(__aarch64__) || defined(_M_ARM64)
inline constexpr int vector_registers = 32;
#else
inline constexpr int vector_registers = 16;
#endif

template <class T>
RECURRA_INLINE Packet<T> load(const T* p) {
  return ei::ploadu<Packet<T>>(p);
}
template <class T>
RECURRA_INLINE void store(T* p, const Packet<T>& v) {
  ei::pstoreu<T>(p, v);
}
template <class T>
RECURRA_INLINE Packet<T> set1(T v) {
  return ei::pset1<Packet<T>>(v);
}
namespace detail {
/// p[0:n], 0 < n < lanes, then zeros.
template <class T>
RECURRA_INLINE Packet<T> load_first(const T* p, Index n) {
#if defined(EIGEN_VECTORIZE_AVX512)
  if constexpr (sizeof(T) == 4) return _mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
  else return _mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), p);
#elif defined(EIGEN_VECTORIZE_AVX)
  static constexpr std::int32_t set[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  const std::int32_t* from = set + 8 - n * Index(sizeof(T) / 4);
  const __m256i wanted = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  if constexpr (sizeof(T) == 4) return _mm256_maskload_ps(p, wanted);
  else return _mm256_maskload_pd(p, wanted);
#else
  alignas(64) T buffer[lanes<T>] = {};
  std::memcpy(buffer, p, static_cast<size_t>(n) * sizeof(T));
  return load<T>(buffer);
#endif
}
}  // namespace detail
/// p[0:n] for 0 < n < lanes, then zeros; a whole vector for n >= lanes.
template <class T>
RECURRA_INLINE Packet<T> load_partial(const T* p, Index n) {
  return n >= lanes<T> ? load(p) : detail::load_first(p, n);
}
template <class T>
RECURRA_NOINLINE void store_first(T* p, Packet<T> v, Index n) {
  alignas(64) T buffer[lanes<T>];
  store<T>(buffer, v);
  std::memcpy(p, buffer, static_cast<size_t>(n) * sizeof(T));
}
/// p[0:n] = v[0:n] for 0 < n < lanes; the whole vector for n >= lanes.
template <class T>
RECURRA_INLINE void store_partial(T* p, const Packet<T>& v, Index n) {
  if (n >= lanes<T>) return store(p, v);
  store_first<T>(p, v, n);
}

template <class P>
RECURRA_INLINE P fma(const P& a, const P& b, const P& c) {  // a * b + c
  return ei::pmadd(a, b, c);
}
template <class P>
RECURRA_INLINE P add(const P& a, const P& b) {
  return ei::padd(a, b);
}
template <class P>
RECURRA_INLINE P sub(const P& a, const P& b) {
  return ei::psub(a, b);
}
template <class P>
RECURRA_INLINE P mul(const P& a, const P& b) {
  return ei::pmul(a, b);
}

/// to[0:n] = from[0:n], for short rows, where calling memcpy costs more than the copy. Must not overlap.
template <class T>
RECURRA_INLINE void copy(const T* from, Index n, T* to) {
  constexpr Index W = lanes<T>;
  Index j = 0;
  for (; j + W <= n; j += W) store(to + j, load(from + j));
  if (j == n) return;
  if (n > W) store(to + n - W, load(from + n - W));
  else std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
}

/// to[0:n] = from[0:n] * mask[0:n], or a copy where mask is null.
template <class T>
RECURRA_INLINE void copy_masked(const T* from, const T* mask, Index n, T* to) {
  if (!mask) return copy(from, n, to);
  constexpr Index W = lanes<T>;
  Index j = 0;
  for (; j + W <= n; j += W) store(to + j, mul(load(from + j), load(mask + j)));
  for (; j < n; ++j) to[j] = from[j] * mask[j];
}

/// share a + (1 - share) b: a for a share of 1, b for 0.
template <class T>
RECURRA_INLINE Packet<T> mix(const Packet<T>& share, const Packet<T>& a, const Packet<T>& b) {
  return fma(share, a, mul(sub(set1<T>(1), share), b));
}

template <class P>
RECURRA_INLINE P div(const P& a, const P& b) {
  return ei::pdiv(a, b);
}
/// As std::min and std::max: NaN where the *first* operand is NaN.
template <class P>
RECURRA_INLINE P min(const P& a, const P& b) {
  return ei::pmin(a, b);
}
template <class P>
RECURRA_INLINE P max(const P& a, const P& b) {
  return ei::pmax(a, b);
}
template <class P>
RECURRA_INLINE P negate(const P& a) {
  return ei::pnegate(a);
}
/// The sum of the lanes.
template <class P>
RECURRA_INLINE auto reduce_add(const P& a) {
  return ei::predux(a);
}
/// Transpose a square of lanes<T> vectors, in place.
template <class T>
RECURRA_INLINE void transpose(Packet<T>* rows) {
  ei::PacketBlock<Packet<T>, lanes<T>> square;
  RECURRA_UNROLL for (int i = 0; i < lanes<T>; ++i) square.packet[i] = rows[i];
  ei::ptranspose(square);
  RECURRA_UNROLL for (int i = 0; i < lanes<T>; ++i) rows[i] = square.packet[i];
}
/// 1 where a < b, else 0.
template <class T>
RECURRA_INLINE Packet<T> less(const Packet<T>& a, const Packet<T>& b) {
  return ei::pand(ei::pcmp_lt(a, b), set1<T>(1));
}

template <class T>
RECURRA_INLINE Packet<T> exp(const Packet<T>& x);

/// exp(x) = 2^n * exp(r), n = round(x / ln 2), |r| <= ln(2)/2; a Taylor polynomial with its coefficients adjusted to
/// that interval. Adding and taking away 1.5 * 2^23 rounds to the nearest integer and leaves n in the low bits.
template <>
RECURRA_INLINE Packet<float> exp<float>(const Packet<float>& value) {
  using P = Packet<float>;
  using PI = typename ei::unpacket_traits<P>::integer_packet;
  const P x = max(min(value, set1(88.02f)), set1(-87.33f));
  const P magic = set1(12582912.0f);
  const P shifted = fma(x, set1(1.44269504088896341f), magic);
  const P n = sub(shifted, magic);
  P r = fma(n, set1(-0.693145751953125f), x);
  r = fma(n, set1(-1.42860682030941723212e-6f), r);
  P p = set1(1.3888949086377719e-3f);
  p = fma(p, r, set1(8.3333345098472580e-3f));
  p = fma(p, r, set1(4.1666667233139475e-2f));
  p = fma(p, r, set1(1.6666666641831399e-1f));
  p = fma(p, r, set1(5.0000000000000000e-1f));
  p = fma(p, r, set1(1.0f));
  p = fma(p, r, set1(1.0f));
  const PI exponent = ei::plogical_shift_left<23>(ei::preinterpret<PI>(shifted));
  return ei::preinterpret<P>(ei::padd(ei::preinterpret<PI>(p), exponent));
}

template <>
RECURRA_INLINE Packet<double> exp<double>(const Packet<double>& value) {
  return ei::pexp(max(min(value, set1(709.0)), set1(-708.0)));
}

/// 1 / (1 + exp(-x))
template <class T>
RECURRA_INLINE Packet<T> sigmoid(const Packet<T>& x) {
  const auto one = set1<T>(1);
  return div(one, add(one, exp<T>(ei::pnegate(x))));
}

template <class T>
RECURRA_INLINE Packet<T> tanh(const Packet<T>& x);

/// An odd rational function of degree 13/6 on |x| <= 7.9; beyond, tanh is 1 to the last bit (Eigen's ptanh).
template <>
RECURRA_INLINE Packet<float> tanh<float>(const Packet<float>& x) {
  return ei::ptanh(x);
}

/// Near zero x + x^3 P(x^2)/Q(x^2) (Cody and Waite's coefficients), elsewhere sign(x) (1 - 2 / (exp(2|x|) + 1)).
template <>
RECURRA_INLINE Packet<double> tanh<double>(const Packet<double>& x) {
  using P = Packet<double>;
  const P one = set1(1.0);
  const P z = mul(x, x);
  P p = set1(-9.64399179425052238628e-1);
  p = fma(p, z, set1(-9.92877231001918586564e1));
  p = fma(p, z, set1(-1.61468768441708447952e3));
  P q = add(z, set1(1.12811678491632931402e2));
  q = fma(q, z, set1(2.23548839060100448583e3));
  q = fma(q, z, set1(4.84406305325125486048e3));
  const P small = fma(mul(x, z), div(p, q), x);
  const P a = ei::pabs(x);
  const P large = sub(one, div(set1(2.0), add(one, exp<double>(add(a, a)))));
  const P negative = ei::pcmp_lt(x, set1(0.0));
  const P signed_large = ei::pselect(negative, ei::pnegate(large), large);
  return ei::pselect(ei::pcmp_lt(a, set1(0.625)), small, signed_large);
}

}  // namespace recurra
