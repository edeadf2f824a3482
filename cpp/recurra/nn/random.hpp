// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, SC 2011).
//
// A number is a function of (seed, stream, row, column) alone: not of the other rows, the number of threads, or earlier
// draws. One block of four 32-bit words w0..w3 has
//
//   key      seed low 32 bits, seed high 32 bits
//   counter  column block, row, stream low 32 bits, stream high 32 bits
//
//   uniform float32   4 columns a block, one word each:   (w >> 8) * 2^-24
//   uniform float64   2 columns a block, two words each:  ((w0 >> 5) * 2^26 + (w1 >> 6)) * 2^-53
//   normal            Box and Muller on each pair u, v of neighbouring uniforms of a block:
//                     r = sqrt(-2 log(1 - u)), the first is r cos(2 pi v), the second r sin(2 pi v)
//   dropout           not dropped where the float32 uniform is at least `rate`, compared without rounding `rate`; so
//                     float32 and float64 masks of one key drop the same elements
//
// Uniforms and masks are the same bits on every machine; normals agree to rounding.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "recurra/linalg/simd.hpp"
#include "recurra/threads/parallel_for.hpp"

namespace recurra {

struct RandomKey {
  std::uint64_t seed = 0, stream = 0;
};

namespace detail {

/// Ten rounds on `width` blocks: word j of block b is words[j][b], counter in, random words out. Not inlined, and 32
/// blocks wide, so that compilers vectorise the loops and do not unroll them into scalars.
template <int width>
RECURRA_NOINLINE void philox(std::uint64_t seed, std::uint32_t (&words)[4][width]) {
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int b = 0; b < width; ++b) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * words[0][b], p1 = std::uint64_t{0xCD9E8D57} * words[2][b];
      words[0][b] = static_cast<std::uint32_t>(p1 >> 32) ^ words[1][b] ^ k0;
      words[2][b] = static_cast<std::uint32_t>(p0 >> 32) ^ words[3][b] ^ k1;
      words[1][b] = static_cast<std::uint32_t>(p1);
      words[3][b] = static_cast<std::uint32_t>(p0);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

inline constexpr int philox_width = 32;
inline constexpr int philox_words = 4 * philox_width;

/// Fill out (rows, cols): convert(words, to) turns philox_words words into `per_block` columns for each block of four.
template <int per_block, class T, class Convert>
void random_array(const RandomKey& key, Index rows, Index cols, T* out, Convert convert) {
  const Index blocks = (cols + per_block - 1) / per_block;  // of a row
  const auto fill = [&](Index first, Index last) {
    std::uint32_t lanes_of_words[4][philox_width], words[philox_words];
    T values[philox_width * per_block];
    Index row = first / blocks, block = first % blocks;
    for (Index at = first; at < last; at += philox_width) {
      const bool contiguous = block + philox_width <= cols / per_block && at + philox_width <= last;  // in one row
      Index r = row, b = block;
      for (int lane = 0; lane < philox_width; ++lane) {
        lanes_of_words[0][lane] = static_cast<std::uint32_t>(contiguous ? block + lane : b);
        lanes_of_words[1][lane] = static_cast<std::uint32_t>(r);
        lanes_of_words[2][lane] = static_cast<std::uint32_t>(key.stream);
        lanes_of_words[3][lane] = static_cast<std::uint32_t>(key.stream >> 32);
        if (!contiguous && ++b == blocks) b = 0, ++r;
      }
      philox(key.seed, lanes_of_words);
      for (int lane = 0; lane < philox_width; ++lane)
        for (int j = 0; j < 4; ++j) words[4 * lane + j] = lanes_of_words[j][lane];
      if (contiguous) {
        convert(words, out + row * cols + block * per_block);
        block += philox_width;
        if (block == blocks) block = 0, ++row;
        continue;
      }
      convert(words, values);
      for (int lane = 0; lane < philox_width && at + lane < last; ++lane) {
        T* to = out + row * cols + block * per_block;
        const T* from = values + lane * per_block;
        const Index n = cols - block * per_block;
        if (n >= per_block) std::memcpy(to, from, per_block * sizeof(T));
        else std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
        if (++block == blocks) block = 0, ++row;
      }
    }
  };
  parallel_for(rows * blocks, 4096, fill, philox_width);
}

RECURRA_INLINE float uniform24(std::uint32_t word) {  // through int: signed conversions are vector instructions
  return static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24f;
}
RECURRA_INLINE double uniform53(std::uint32_t high, std::uint32_t low) {
  return (static_cast<double>(static_cast<std::int32_t>(high >> 5)) * 0x1p26 +
          static_cast<double>(static_cast<std::int32_t>(low >> 6))) *
         0x1p-53;
}

template <class T>
inline constexpr int block_columns = sizeof(T) == 4 ? 4 : 2;

template <class T>
void uniforms(const std::uint32_t* words, T* to) {
  if constexpr (sizeof(T) == 4) {
    for (int i = 0; i < philox_words; ++i) to[i] = uniform24(words[i]);
  } else {
    for (int i = 0; i < philox_words / 2; ++i) to[i] = uniform53(words[2 * i], words[2 * i + 1]);
  }
}

}  // namespace detail

/// One float64 uniform in [0, 1): column 0 of `row`.
inline double uniform_of_row(const RandomKey& key, std::uint32_t row) {
  std::uint32_t words[4][1] = {
      {0}, {row}, {static_cast<std::uint32_t>(key.stream)}, {static_cast<std::uint32_t>(key.stream >> 32)}};
  detail::philox(key.seed, words);
  return detail::uniform53(words[0][0], words[1][0]);
}

/// out (rows, cols): uniform in [0, 1). Overwrites.
template <class T>
void random_uniform(const RandomKey& key, Index rows, Index cols, T* out) {
  detail::random_array<detail::block_columns<T>>(key, rows, cols, out, detail::uniforms<T>);
}

/// out (rows, cols): normal with mean 0 and deviation 1. Overwrites.
template <class T>
void random_normal(const RandomKey& key, Index rows, Index cols, T* out) {
  constexpr int per_block = detail::block_columns<T>;
  detail::random_array<per_block>(key, rows, cols, out, [](const std::uint32_t* words, T* to) {
    detail::uniforms<T>(words, to);
    for (int i = 0; i < detail::philox_width * per_block; i += 2) {
      const T radius = std::sqrt(T(-2) * std::log(T(1) - to[i]));  // 1 - u is exact
      const T angle = T(6.283185307179586476925) * to[i + 1];
      to[i] = radius * std::cos(angle);
      to[i + 1] = radius * std::sin(angle);
    }
  });
}

/// out (rows, cols): 1 / (1 - rate) with probability 1 - rate, else 0; 0 <= rate < 1. Overwrites.
template <class T>
void dropout_mask(const RandomKey& key, Index rows, Index cols, double rate, T* out) {
  // (w >> 8) * 2^-24 >= rate is the same as (w >> 8) >= ceil(rate * 2^24), and the product is exact.
  const auto least = static_cast<std::int32_t>(std::ceil(rate * 0x1p24));
  const T scale = static_cast<T>(1 / (1 - rate));
  detail::random_array<4>(key, rows, cols, out, [least, scale](const std::uint32_t* words, T* to) {
    for (int i = 0; i < detail::philox_words; ++i)
      to[i] = static_cast<T>(static_cast<int>(static_cast<std::int32_t>(words[i] >> 8) >= least)) * scale;
  });
}

}  // namespace recurra
