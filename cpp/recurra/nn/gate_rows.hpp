// Weights whose gates follow each other in rows, (G*H, I), as PyTorch and ONNX store them, to and from columns
// (I, G*H); and a checksum by which a change of weights is noticed.
#pragma once
#include <cstdint>
#include <cstring>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "recurra/linalg/simd.hpp"
#include "recurra/support/layout.hpp"
#include "recurra/threads/parallel_for.hpp"

namespace recurra {

/// The values in 64 bytes: the side of the tiles that are transposed at once.
template <class T>
inline constexpr Index transposed_tile = Index(64 / sizeof(T));

/// to (columns, rows) = from (rows, columns) transposed, at most a tile; both row-major with these strides, and apart.
/// A whole tile goes through a buffer: strides of a power of two put all of its rows in one set of the cache, which
/// therefore must be read and written whole, one after the other.
template <class T>
inline void transpose_tile(const T* from, Index from_stride, Index rows, Index columns, T* to, Index to_stride) {
  constexpr Index L = lanes<T>, side = transposed_tile<T>;
  if (rows < side || columns < side) {
    for (Index j = 0; j < columns; ++j)
      for (Index i = 0; i < rows; ++i) to[j * to_stride + i] = from[i * from_stride + j];
    return;
  }
  alignas(64) T buffer[side * side];
  for (Index i = 0; i < side; i += L)
    for (Index j = 0; j < side; j += L) {
      Packet<T> square[L];
      RECURRA_UNROLL for (Index k = 0; k < L; ++k) square[k] = load(from + (i + k) * from_stride + j);
      transpose<T>(square);
      RECURRA_UNROLL for (Index k = 0; k < L; ++k) store(buffer + (j + k) * side + i, square[k]);
    }
  for (Index j = 0; j < side; ++j) std::memcpy(to + j * to_stride, buffer + j * side, sizeof(T) * side);
}

/// Each of some gates of H rows transposed: gate order[g] of the input becomes the g-th H columns. in (G*H, N), out
/// (N, G*H), row-major and apart.
template <class T>
void gate_rows_to_columns(const T* in, Index H, Index N, const int* order, int gates, T* out) {
  constexpr Index side = transposed_tile<T>;
  parallel_for(
      N, (1 << 18) / (gates * H + 1) + 1,
      [&](Index n0, Index n1) {
        for (Index n = n0; n < n1; n += side)
          for (int g = 0; g < gates; ++g)
            for (Index m = 0; m < H; m += side)
              transpose_tile(in + (order[g] * H + m) * N + n, N, std::min(side, H - m), std::min(side, n1 - n),
                             out + n * gates * H + g * H + m, gates * H);
      },
      side);
}
/// The way back: in (N, G*H), out (G*H, N).
template <class T>
void columns_to_gate_rows(const T* in, Index H, Index N, const int* order, int gates, T* out) {
  constexpr Index side = transposed_tile<T>;
  parallel_for(
      H, (1 << 18) / (gates * N + 1) + 1,
      [&](Index h0, Index h1) {
        for (int g = 0; g < gates; ++g)
          for (Index h = h0; h < h1; h += side)
            for (Index n = 0; n < N; n += side)
              transpose_tile(in + n * gates * H + g * H + h, gates * H, std::min(side, N - n), std::min(side, h1 - h),
                             out + (order[g] * H + h) * N + n, N);
      },
      side);
}

/// Eight words of a sum, and the keys of the next eight words of the data.
struct ChecksumLanes {
  static constexpr std::size_t words = 8, block = words * sizeof(std::uint64_t);
  static constexpr std::uint64_t odd = 0x9E3779B97F4A7C15u;
  std::uint64_t sum[words], key[words];

  /// Add whole blocks. The results are those of the loop on words.
  void add(const char* at, std::size_t blocks) {
#ifdef __AVX2__
    const auto load = [](const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); };
    const auto store = [](void* to, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); };
    const __m256i step = _mm256_set1_epi64x((long long)odd);
    __m256i sum0 = load(sum), sum1 = load(sum + 4), key0 = load(key), key1 = load(key + 4);
    for (; blocks > 0; --blocks, at += block) {
      const __m256i word0 = load(at), word1 = load(at + block / 2);
      const __m256i mixed0 = _mm256_xor_si256(word0, key0), mixed1 = _mm256_xor_si256(word1, key1);
      sum0 = _mm256_add_epi64(sum0, word0), sum1 = _mm256_add_epi64(sum1, word1);
      sum0 = _mm256_add_epi64(sum0, _mm256_mul_epu32(mixed0, _mm256_srli_epi64(mixed0, 32)));
      sum1 = _mm256_add_epi64(sum1, _mm256_mul_epu32(mixed1, _mm256_srli_epi64(mixed1, 32)));
      key0 = _mm256_add_epi64(key0, step), key1 = _mm256_add_epi64(key1, step);
    }
    store(sum, sum0), store(sum + 4, sum1), store(key, key0), store(key + 4, key1);
#else
    std::uint64_t s[words], k[words];  // copies, which stay in registers
    std::memcpy(s, sum, block), std::memcpy(k, key, block);
    for (; blocks > 0; --blocks, at += block) {
      std::uint64_t word[words];
      std::memcpy(word, at, block);
      for (std::size_t i = 0; i < words; ++i) {
        const std::uint64_t mixed = word[i] ^ k[i];
        s[i] += word[i] + (mixed & 0xFFFFFFFFu) * (mixed >> 32);
        k[i] += odd;
      }
    }
    std::memcpy(sum, s, block), std::memcpy(key, k, block);
#endif
  }
};

/// A number that differs, but for one case in about 2^64, when any of the bytes do. `seed`: the number of the bytes
/// before. Each word is added, and so is the product of its halves under a key that depends on the word's place.
inline std::uint64_t checksum(const void* data, std::size_t bytes, std::uint64_t seed) {
  constexpr std::size_t words = ChecksumLanes::words, block = ChecksumLanes::block;
  ChecksumLanes lanes;
  for (std::size_t k = 0; k < words; ++k) lanes.sum[k] = seed, lanes.key[k] = seed + (k + 1) * 0xC2B2AE3D27D4EB4Fu;
  const char* at = static_cast<const char*>(data);
  const std::size_t rest = bytes % block;
  lanes.add(at, bytes / block);
  std::uint64_t result = bytes;
  for (const std::uint64_t sum : lanes.sum) result = (result ^ sum ^ (sum >> 31)) * ChecksumLanes::odd + (result >> 29);
  result ^= result >> 32;
  if (rest == 0) return result;
  char last[block] = {};
  std::memcpy(last, at + (bytes - rest), rest);
  return checksum(last, block, result);
}

}  // namespace recurra
