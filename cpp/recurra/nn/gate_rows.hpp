// Weights whose gates follow each other in rows, (G*H, I), as PyTorch and ONNX store them, to and from columns
// (I, G*H); and a checksum by which a change of weights is noticed.
#pragma once
#include <cstdint>
#include <cstring>

#include "recurra/support/layout.hpp"
#include "recurra/threads/parallel_for.hpp"

namespace recurra {

/// Each of some gates of H rows transposed: gate order[g] of the input becomes the g-th H columns. in (G*H, N), out
/// (N, G*H), row-major and apart.
template <class T>
void gate_rows_to_columns(const T* in, Index H, Index N, const int* order, int gates, T* out) {
  constexpr Index tile = Index(64 / sizeof(T));
  parallel_for(
      N, (1 << 18) / (gates * H + 1) + 1,
      [&](Index n0, Index n1) {
        for (int g = 0; g < gates; ++g)
          for (Index m0 = 0; m0 < H; m0 += tile)
            for (Index n = n0; n < n1; n += tile) {
              const Index rows = std::min(tile, H - m0), columns = std::min(tile, n1 - n);
              const T* from = in + (order[g] * H + m0) * N + n;
              T* to = out + n * gates * H + g * H + m0;
              for (Index j = 0; j < columns; ++j)
                for (Index i = 0; i < rows; ++i) to[j * gates * H + i] = from[i * N + j];
            }
      },
      tile);
}
/// The way back: in (N, G*H), out (G*H, N).
template <class T>
void columns_to_gate_rows(const T* in, Index H, Index N, const int* order, int gates, T* out) {
  constexpr Index tile = Index(64 / sizeof(T));
  parallel_for(
      H, (1 << 18) / (gates * N + 1) + 1,
      [&](Index h0, Index h1) {
        for (int g = 0; g < gates; ++g)
          for (Index n = 0; n < N; n += tile)
            for (Index h = h0; h < h1; h += tile) {
              const Index rows = std::min(tile, N - n), columns = std::min(tile, h1 - h);
              const T* from = in + n * gates * H + g * H + h;
              T* to = out + (order[g] * H + h) * N + n;
              for (Index j = 0; j < columns; ++j)
                for (Index i = 0; i < rows; ++i) to[j * N + i] = from[i * gates * H + j];
            }
      },
      tile);
}

/// A number that differs, but for one case in about 2^64, when any of the bytes do. `seed`: the number of the bytes
/// before. Each word is added, and so is the product of its halves under a key that depends on the word's place.
inline std::uint64_t checksum(const void* data, std::size_t bytes, std::uint64_t seed) {
  constexpr std::size_t words = 8, block = words * sizeof(std::uint64_t);
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15u;
  std::uint64_t sum[words], key[words];
  for (std::size_t k = 0; k < words; ++k) sum[k] = seed, key[k] = seed + (k + 1) * 0xC2B2AE3D27D4EB4Fu;
  const char* at = static_cast<const char*>(data);
  for (std::size_t n = bytes / block; n > 0; --n, at += block) {
    std::uint64_t word[words];
    std::memcpy(word, at, block);
    for (std::size_t k = 0; k < words; ++k) {
      const std::uint64_t mixed = word[k] ^ key[k];
      sum[k] += word[k] + (mixed & 0xFFFFFFFFu) * (mixed >> 32);
      key[k] += odd;
    }
  }
  std::uint64_t result = bytes;
  for (std::size_t k = 0; k < words; ++k) result = (result ^ sum[k] ^ (sum[k] >> 31)) * odd + (result >> 29);
  result ^= result >> 32;
  if (bytes % block == 0) return result;
  char last[block] = {};  // a loop apart would cost the one above its registers
  std::memcpy(last, at, bytes % block);
  return checksum(last, block, result);
}

}  // namespace recurra
