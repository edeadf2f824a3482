// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, SC 2011).
//
// A number is a function of (seed, stream, row, column) and of nothing else: not of the other rows, the number of
// threads, or what was drawn before. One block of four 32-bit words w0..w3 has
//
//   key      seed low 32 bits, seed high 32 bits
//   counter  column block, row, stream low 32 bits, stream high 32 bits
//
//   uniform float32   4 columns a block, one word each:   (w >> 8) * 2^-24
//   uniform float64   2 columns a block, two words each:  ((w0 >> 5) * 2^26 + (w1 >> 6)) * 2^-53
//   normal            Box and Muller on each two uniforms u, v of a block that stand side by side:
//                     r = sqrt(-2 log(1 - u)), the first is r cos(2 pi v), the second r sin(2 pi v)
//   dropout           kept where the float32 uniform is at least `rate`, compared without rounding `rate`; so float32
//                     and float64 masks of one key keep the same places
//
// Uniforms and masks are the same bits on every machine; normals agree to rounding.
#pragma once
#include <cmath>
#include <cstdint>

#include "parallel.hpp"
#include "simd.hpp"

namespace recurra {

struct RandomKey {
  std::uint64_t seed = 0, stream = 0;
};

/// The words of `blocks` consecutive column blocks of one row, word j of block b at words[j][b].
template <int blocks>
RECURRA_INLINE void philox_blocks(const RandomKey& key, std::uint32_t row, std::uint32_t first_block,
                                  std::uint32_t (&words)[4][blocks]) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key.seed), k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int b = 0; b < blocks; ++b) {
    words[0][b] = first_block + static_cast<std::uint32_t>(b);
    words[1][b] = row;
    words[2][b] = static_cast<std::uint32_t>(key.stream);
    words[3][b] = static_cast<std::uint32_t>(key.stream >> 32);
  }
  for (int round = 0; round < 10; ++round) {
    for (int b = 0; b < blocks; ++b) {
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

namespace detail {

inline constexpr int philox_width = 16;  // column blocks made together: wide enough for any vector unit

/// Word j of each of these blocks at words[j].
using Words = std::uint32_t[4][philox_width];
/// Column j of each of these blocks at columns[j].
template <class T, int per_block>
using Columns = T[per_block][philox_width];

template <class T>
inline constexpr int block_columns = sizeof(T) == 4 ? 4 : 2;

/// Fill one row: convert(words, columns) makes the columns of all blocks, of which each has `per_block`.
template <int per_block, class T, class Convert>
RECURRA_INLINE void random_row(const RandomKey& key, Index row, Index cols, T* out, Convert convert) {
  constexpr Index chunk = Index{philox_width} * per_block;
  Words words;
  Columns<T, per_block> columns;
  for (Index col = 0; col < cols; col += chunk) {
    philox_blocks(key, static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(col / per_block), words);
    convert(words, columns);
    if (cols - col >= chunk) {
      T* to = out + col;
      for (int b = 0; b < philox_width; ++b)
        for (int j = 0; j < per_block; ++j) to[b * per_block + j] = columns[j][b];
    } else {
      for (Index i = 0; col + i < cols; ++i) out[col + i] = columns[i % per_block][i / per_block];
    }
  }
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
RECURRA_INLINE void uniforms(const Words& words, Columns<T, block_columns<T>>& columns) {
  for (int j = 0; j < block_columns<T>; ++j)
    for (int b = 0; b < philox_width; ++b) {
      if constexpr (sizeof(T) == 4)
        columns[j][b] = uniform24(words[j][b]);
      else
        columns[j][b] = uniform53(words[2 * j][b], words[2 * j + 1][b]);
    }
}

inline Index rows_worth_a_thread(Index cols) { return 16384 / (cols + 1) + 1; }

}  // namespace detail

/// One float64 uniform in [0, 1): column 0 of `row`.
inline double uniform_of_row(const RandomKey& key, std::uint32_t row) {
  std::uint32_t words[4][1];
  philox_blocks(key, row, 0, words);
  return detail::uniform53(words[0][0], words[1][0]);
}

/// out (rows, cols): uniform in [0, 1). Overwrites.
template <class T>
void random_uniform(const RandomKey& key, Index rows, Index cols, T* out) {
  constexpr int per_block = detail::block_columns<T>;
  parallel_for(rows, detail::rows_worth_a_thread(cols), [&](Index first, Index last) {
    for (Index row = first; row < last; ++row)
      detail::random_row<per_block>(key, row, cols, out + row * cols,
                                    [](const detail::Words& words, detail::Columns<T, per_block>& columns) {
                                      detail::uniforms<T>(words, columns);
                                    });
  });
}

/// out (rows, cols): normal with mean 0 and deviation 1. Overwrites.
template <class T>
void random_normal(const RandomKey& key, Index rows, Index cols, T* out) {
  constexpr int per_block = detail::block_columns<T>;
  const auto convert = [](const detail::Words& words, detail::Columns<T, per_block>& columns) {
    detail::uniforms<T>(words, columns);
    for (int j = 0; j < per_block; j += 2)
      for (int b = 0; b < detail::philox_width; ++b) {
        const T radius = std::sqrt(T(-2) * std::log(T(1) - columns[j][b]));  // 1 - u is exact
        const T angle = T(6.283185307179586476925) * columns[j + 1][b];
        columns[j][b] = radius * std::cos(angle);
        columns[j + 1][b] = radius * std::sin(angle);
      }
  };
  parallel_for(rows, detail::rows_worth_a_thread(4 * cols), [&](Index first, Index last) {
    for (Index row = first; row < last; ++row) detail::random_row<per_block>(key, row, cols, out + row * cols, convert);
  });
}

/// out (rows, cols): 1 / (1 - rate) with probability 1 - rate, else 0; 0 <= rate < 1. Overwrites.
template <class T>
void dropout_mask(const RandomKey& key, Index rows, Index cols, double rate, T* out) {
  // (w >> 8) * 2^-24 >= rate is the same as (w >> 8) >= ceil(rate * 2^24), and the product is exact.
  const auto least = static_cast<std::int32_t>(std::ceil(rate * 0x1p24));
  const T kept = static_cast<T>(1 / (1 - rate));
  const auto convert = [least, kept](const detail::Words& words, detail::Columns<T, 4>& columns) {
    for (int j = 0; j < 4; ++j)
      for (int b = 0; b < detail::philox_width; ++b)
        columns[j][b] = static_cast<std::int32_t>(words[j][b] >> 8) >= least ? kept : T(0);
  };
  parallel_for(rows, detail::rows_worth_a_thread(cols), [&](Index first, Index last) {
    for (Index row = first; row < last; ++row) detail::random_row<4>(key, row, cols, out + row * cols, convert);
  });
}

}  // namespace recurra
