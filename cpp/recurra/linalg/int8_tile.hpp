// The inner loop of products of 8-bit integers: a block of rows times a packed panel of weights, exact sums in int32.
//
//   sums[r, 0:NV*L] = start[0:NV*L] + sum over k of a[r, k] * panel[k, 0:NV*L]        L int32 lanes of a vector, r < MR
//
// a       values in [-127, 127], stored as the instruction wants them: see Int8Kernel. Rows lda bytes apart, each
//         a whole number of blocks of k
// panel   [block of k][column][k in the block], int8 in [-127, 127]
// start   int32, where the sums begin
// sums    rows `stride` elements apart, overwritten
//
// The sums are exact for up to max_int8_depth k, so all instructions, orders and tile heights give the same bits.
//
// Two ways. vpdpbusd (AVX-512 VNNI and AVX-VNNI, found when the program runs) multiplies unsigned by signed bytes, four
// k at a time: a is stored as a + 128, and `start` takes 128 times the sum of the weights away. Elsewhere both sides
// are widened to int16 and multiplied in pairs (pmaddwd), which cannot overflow; vpmaddubsw, which multiplies bytes,
// would saturate.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "recurra/linalg/panels.hpp"
#include "recurra/linalg/prefetch.hpp"
#include "recurra/linalg/simd.hpp"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#if defined(__GNUC__)
#include <cpuid.h>
#endif
#endif

namespace recurra {

/// int32 lanes of a vector.
inline constexpr int int32_lanes = lanes<float>;
/// The most k of a product: 127 * 127 * k stays below 2^31.
inline constexpr Index max_int8_depth = Index{1} << 17;

using Int8Tile = void (*)(const std::uint8_t* a, Index lda, Index k_blocks, const std::int8_t* panel,
                          const std::int32_t* start, std::int32_t* sums, Index stride);

inline constexpr int max_int8_rows = 12;

/// The tiles of one instruction, and how it wants its operands.
struct Int8Kernel {
  const char* name;
  int k_block;  // k that are multiplied at once
  bool unsigned_rows;  // a is stored as uint8, a + 128; else as int16
  int rows[panel_vectors];  // the most rows of a tile of 1, 2, ... vectors
  Int8Tile tile[panel_vectors][max_int8_rows];  // [vectors - 1][rows - 1]

  Index value_bytes() const { return unsigned_rows ? 1 : 2; }
  Index k_blocks(Index k) const { return (k + k_block - 1) / k_block; }
  /// Bytes of a stored row of k values.
  Index row_bytes(Index k) const { return k_blocks(k) * k_block * value_bytes(); }
};

namespace detail {

/// A vector of int16 pairs times pairs, summed to int32: pmaddwd on vectors of this build, plain code elsewhere.
struct Pairs {
#if defined(EIGEN_VECTORIZE_AVX512) && defined(__AVX512BW__)
  using V = __m512i;
  static RECURRA_INLINE V zero() { return _mm512_setzero_si512(); }
  static RECURRA_INLINE V load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static RECURRA_INLINE void store(std::int32_t* p, V v) { _mm512_storeu_si512(p, v); }
  static RECURRA_INLINE V widen(const std::int8_t* p) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static RECURRA_INLINE V repeat(std::int32_t pair) { return _mm512_set1_epi32(pair); }
  static RECURRA_INLINE V add_products(V sum, V a, V b) { return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b)); }
  static RECURRA_INLINE V add(V a, V b) { return _mm512_add_epi32(a, b); }
#elif defined(__AVX2__) && !defined(EIGEN_VECTORIZE_AVX512)
  using V = __m256i;
  static RECURRA_INLINE V zero() { return _mm256_setzero_si256(); }
  static RECURRA_INLINE V load(const std::int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static RECURRA_INLINE void store(std::int32_t* p, V v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static RECURRA_INLINE V widen(const std::int8_t* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static RECURRA_INLINE V repeat(std::int32_t pair) { return _mm256_set1_epi32(pair); }
  static RECURRA_INLINE V add_products(V sum, V a, V b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }
  static RECURRA_INLINE V add(V a, V b) { return _mm256_add_epi32(a, b); }
#elif defined(__SSE4_1__) && !defined(__AVX__)
  using V = __m128i;
  static RECURRA_INLINE V zero() { return _mm_setzero_si128(); }
  static RECURRA_INLINE V load(const std::int32_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  static RECURRA_INLINE void store(std::int32_t* p, V v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v); }
  static RECURRA_INLINE V widen(const std::int8_t* p) {
    return _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  static RECURRA_INLINE V repeat(std::int32_t pair) { return _mm_set1_epi32(pair); }
  static RECURRA_INLINE V add_products(V sum, V a, V b) { return _mm_add_epi32(sum, _mm_madd_epi16(a, b)); }
  static RECURRA_INLINE V add(V a, V b) { return _mm_add_epi32(a, b); }
#else
  struct V {
    std::int32_t lane[int32_lanes];  // two int16 in the operands of a product
  };
  static RECURRA_INLINE V zero() { return V{}; }
  static RECURRA_INLINE V load(const std::int32_t* p) {
    V v;
    std::memcpy(v.lane, p, sizeof v.lane);
    return v;
  }
  static RECURRA_INLINE void store(std::int32_t* p, const V& v) { std::memcpy(p, v.lane, sizeof v.lane); }
  static RECURRA_INLINE V widen(const std::int8_t* p) {
    V v;
    for (int n = 0; n < int32_lanes; ++n) v.lane[n] = pack(p[2 * n], p[2 * n + 1]);
    return v;
  }
  static RECURRA_INLINE V repeat(std::int32_t pair) {
    V v;
    for (int n = 0; n < int32_lanes; ++n) v.lane[n] = pair;
    return v;
  }
  static RECURRA_INLINE V add_products(V sum, const V& a, const V& b) {
    for (int n = 0; n < int32_lanes; ++n) {
      std::int16_t x[2], y[2];
      std::memcpy(x, &a.lane[n], 4);
      std::memcpy(y, &b.lane[n], 4);
      sum.lane[n] += std::int32_t(x[0]) * y[0] + std::int32_t(x[1]) * y[1];
    }
    return sum;
  }
  static RECURRA_INLINE V add(V a, const V& b) {
    for (int n = 0; n < int32_lanes; ++n) a.lane[n] += b.lane[n];
    return a;
  }
  static RECURRA_INLINE std::int32_t pack(std::int16_t first, std::int16_t second) {
    const std::int16_t both[2] = {first, second};
    std::int32_t pair;
    std::memcpy(&pair, both, 4);
    return pair;
  }
#endif
};

/// Four bytes of a row.
RECURRA_INLINE std::int32_t four_bytes(const std::uint8_t* p) {
  std::int32_t value;
  std::memcpy(&value, p, 4);
  return value;
}

// The body of a tile, for any vector type. Where one row's sums are few, `sets` of them take the blocks of k in turn,
// so that more of them are in flight. A macro: a function with a target attribute cannot inline one without, and
// templates on vector types with attributes lose them.
#define RECURRA_INT8_TILE(V, zero, load_sums, store_sums, add, block_bytes, load_weights, repeat, add_products)   \
  constexpr int sets = MR * NV <= 2 ? 4 : MR * NV <= 4 ? 2 : 1;                                                   \
  constexpr Index width = NV * (block_bytes);                                                                     \
  V sum[sets][MR][NV];                                                                                            \
  RECURRA_UNROLL for (int r = 0; r < MR; ++r) RECURRA_UNROLL for (int v = 0; v < NV; ++v) {                       \
    sum[0][r][v] = load_sums(start + v * int32_lanes);                                                            \
    RECURRA_UNROLL for (int s = 1; s < sets; ++s) sum[s][r][v] = zero();                                          \
  }                                                                                                               \
  Index k = 0;                                                                                                    \
  for (; k + sets <= k_blocks; k += sets) {                                                                       \
    RECURRA_UNROLL for (int s = 0; s < sets; ++s) {                                                               \
      V weights[NV];                                                                                              \
      if (MR <= 4) {                                                                                              \
        RECURRA_UNROLL for (int line = 0; line < int(width); line += 64) RECURRA_PREFETCH(panel + 2048 + line);   \
      }                                                                                                           \
      RECURRA_UNROLL for (int v = 0; v < NV; ++v) weights[v] = load_weights(panel + v * (block_bytes));           \
      RECURRA_UNROLL for (int r = 0; r < MR; ++r) {                                                               \
        const V value = repeat(four_bytes(a + r * lda));                                                          \
        RECURRA_UNROLL for (int v = 0; v < NV; ++v) sum[s][r][v] = add_products(sum[s][r][v], value, weights[v]); \
      }                                                                                                           \
      a += 4;                                                                                                     \
      panel += width;                                                                                             \
    }                                                                                                             \
  }                                                                                                               \
  for (; k < k_blocks; ++k) {                                                                                     \
    RECURRA_UNROLL for (int r = 0; r < MR; ++r) {                                                                 \
      const V value = repeat(four_bytes(a + r * lda));                                                            \
      RECURRA_UNROLL for (int v = 0; v < NV; ++v) sum[0][r][v] =                                                  \
          add_products(sum[0][r][v], value, load_weights(panel + v * (block_bytes)));                             \
    }                                                                                                             \
    a += 4;                                                                                                       \
    panel += width;                                                                                               \
  }                                                                                                               \
  RECURRA_UNROLL for (int r = 0; r < MR; ++r) RECURRA_UNROLL for (int v = 0; v < NV; ++v) {                       \
    RECURRA_UNROLL for (int s = 1; s < sets; ++s) sum[0][r][v] = add(sum[0][r][v], sum[s][r][v]);                 \
    store_sums(sums + r * stride + v * int32_lanes, sum[0][r][v]);                                                \
  }

template <int MR, int NV>
RECURRA_NOINLINE void int8_tile_pairs(const std::uint8_t* a, Index lda, Index k_blocks, const std::int8_t* panel,
                                      const std::int32_t* start, std::int32_t* sums, Index stride){
    RECURRA_INT8_TILE(Pairs::V, Pairs::zero, Pairs::load, Pairs::store, Pairs::add, 2 * int32_lanes, Pairs::widen,
                      Pairs::repeat, Pairs::add_products)}
#if defined(__x86_64__) && (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 11))
#if defined(EIGEN_VECTORIZE_AVX512)
#define RECURRA_INT8_VNNI "avx512_vnni"
template <int MR, int NV>
__attribute__((noinline, target("avx512vnni"))) void int8_tile_vnni(const std::uint8_t* a, Index lda, Index k_blocks,
                                                                    const std::int8_t* panel, const std::int32_t* start,
                                                                    std::int32_t* sums, Index stride) {
#define RECURRA_STORE(p, v) _mm512_storeu_si512(p, v)
  RECURRA_INT8_TILE(__m512i, _mm512_setzero_si512, _mm512_loadu_si512, RECURRA_STORE, _mm512_add_epi32, 64,
                    _mm512_loadu_si512, _mm512_set1_epi32, _mm512_dpbusd_epi32)
#undef RECURRA_STORE
}
inline bool has_int8_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 11 & 1);
}
#elif defined(__AVX2__)
#define RECURRA_INT8_VNNI "avx_vnni"
template <int MR, int NV>
__attribute__((noinline, target("avxvnni"))) void int8_tile_vnni(const std::uint8_t* a, Index lda, Index k_blocks,
                                                                 const std::int8_t* panel, const std::int32_t* start,
                                                                 std::int32_t* sums, Index stride) {
#define RECURRA_LOAD(p) _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))
#define RECURRA_STORE(p, v) _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v)
  RECURRA_INT8_TILE(__m256i, _mm256_setzero_si256, RECURRA_LOAD, RECURRA_STORE, _mm256_add_epi32, 32, RECURRA_LOAD,
                    _mm256_set1_epi32, _mm256_dpbusd_avx_epi32)
#undef RECURRA_LOAD
#undef RECURRA_STORE
}
inline bool has_int8_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#endif
#endif
#undef RECURRA_INT8_TILE

template <int NV, int... R>
void list_pairs(Int8Kernel& kernel, std::integer_sequence<int, R...>) {
  ((kernel.tile[NV - 1][R] = &int8_tile_pairs<R + 1, NV>), ...);
  kernel.rows[NV - 1] = int(sizeof...(R));
}
template <int... V>
Int8Kernel pairs_kernel(std::integer_sequence<int, V...>) {
  Int8Kernel kernel{"pairs", 2, false, {}, {}};
  // Sums, weights, a value and a product fit the registers.
  constexpr int most[] = {12, vector_registers == 32 ? 12 : 5, 8, 6};
  (list_pairs<V + 1>(kernel, std::make_integer_sequence<int, (V == 0 && vector_registers == 16 ? 8 : most[V])>{}), ...);
  return kernel;
}

#if defined(RECURRA_INT8_VNNI)
template <int NV, int... R>
void list_vnni(Int8Kernel& kernel, std::integer_sequence<int, R...>) {
  ((kernel.tile[NV - 1][R] = &int8_tile_vnni<R + 1, NV>), ...);
  kernel.rows[NV - 1] = int(sizeof...(R));
}
template <int... V>
Int8Kernel vnni_kernel(std::integer_sequence<int, V...>) {
  Int8Kernel kernel{RECURRA_INT8_VNNI, 4, true, {}, {}};
  constexpr int most[] = {12, vector_registers == 32 ? 12 : 6, 8, 6};
  (list_vnni<V + 1>(kernel, std::make_integer_sequence<int, most[V]>{}), ...);
  return kernel;
}
#endif

}  // namespace detail

/// All kernels that this processor can run, the best first; the last one runs everywhere. Only for Unit = void.
template <class Unit = void>
struct Int8Kernels {
  static const Int8Kernel& pairs() {
    static const Int8Kernel kernel = detail::pairs_kernel(std::make_integer_sequence<int, panel_vectors>{});
    return kernel;
  }
  /// The one with vpdpbusd, or null where this build or processor has none.
  static const Int8Kernel* vnni() {
#if defined(RECURRA_INT8_VNNI)
    static const Int8Kernel kernel = detail::vnni_kernel(std::make_integer_sequence<int, panel_vectors>{});
    return detail::has_int8_vnni() ? &kernel : nullptr;
#else
    return nullptr;
#endif
  }
  /// The one in use. The environment variable RECURRA_VNNI=0 keeps to the instructions that the variant is built for.
  static const Int8Kernel& best() {
    static const Int8Kernel& kernel = [&]() -> const Int8Kernel& {
      const char* set = std::getenv("RECURRA_VNNI");  // NOLINT(concurrency-mt-unsafe): read once
      const bool allowed = !(set && std::strcmp(set, "0") == 0);
      return allowed && vnni() ? *vnni() : pairs();
    }();
    return kernel;
  }
};

}  // namespace recurra
