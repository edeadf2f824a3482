// Every height and width of the 8-bit tiles, of each instruction that this processor has, against sums in 64 bits.
#include "recurra/linalg/int8_tile.hpp"

#include <vector>

#include "check.hpp"

namespace {

using recurra::Index;
using recurra::Int8Kernel;

void check_tile(const Int8Kernel& kernel, int vectors, int rows, Index K, bool extreme) {
  recurra_test::Numbers numbers(unsigned(vectors * 1000 + rows * 50 + int(K)));
  const auto value = [&] { return extreme ? (numbers.next() < 0 ? -127 : 127) : int(127 * numbers.next()); };
  const Index width = vectors * recurra::int32_lanes, k_blocks = kernel.k_blocks(K), stride = width + 3;
  const Index lda = kernel.row_bytes(K) + 4;
  std::vector<int> a(size_t(rows * K)), w(size_t(K * width));
  for (int& one : a) one = value();
  for (int& one : w) one = value();
  std::vector<std::uint8_t> stored(size_t(rows * lda) + 1, 77);
  std::vector<std::int8_t> panel(size_t(k_blocks * kernel.k_block * width) + 1, 0);
  std::vector<std::int32_t> start(static_cast<size_t>(width)), sums(size_t(rows * stride), -5);
  for (Index r = 0; r < rows; ++r)
    for (Index k = 0; k < K; ++k) {
      const int one = a[size_t(r * K + k)];
      if (kernel.unsigned_rows) stored[size_t(r * lda + k)] = std::uint8_t(one + 128);
      else {
        const auto wide = std::int16_t(one);
        std::memcpy(&stored[size_t(r * lda + 2 * k)], &wide, 2);
      }
    }
  for (Index j = 0; j < width; ++j) {
    start[size_t(j)] = 1000 * std::int32_t(j);
    for (Index k = 0; k < K; ++k) {
      const int one = w[size_t(k * width + j)];
      panel[size_t((k / kernel.k_block * width + j) * kernel.k_block + k % kernel.k_block)] = std::int8_t(one);
      if (kernel.unsigned_rows) start[size_t(j)] -= 128 * one;
    }
  }
  kernel.tile[vectors - 1][rows - 1](stored.data(), lda, k_blocks, panel.data(), start.data(), sums.data(), stride);
  for (Index r = 0; r < rows; ++r)
    for (Index j = 0; j < stride; ++j) {
      std::int64_t expected = j < width ? 1000 * j : -5;
      for (Index k = 0; j < width && k < K; ++k)
        expected += std::int64_t(a[size_t(r * K + k)]) * w[size_t(k * width + j)];
      CHECK_EQUAL(std::int64_t(sums[size_t(r * stride + j)]), expected);
    }
}

}  // namespace

TEST(int8_tiles) {
  const Int8Kernel* const kernels[] = {&recurra::Int8Kernels<>::pairs(), recurra::Int8Kernels<>::vnni()};
  for (const Int8Kernel* kernel : kernels) {
    if (!kernel) continue;
    for (int vectors = 1; vectors <= recurra::panel_vectors; ++vectors)
      for (int rows = 1; rows <= kernel->rows[vectors - 1]; ++rows)
        for (const Index K : {Index{0}, Index{1}, Index{2}, Index{3}, Index{7}, Index{16}, Index{33}, Index{1027}})
          for (const bool extreme : {false, true}) check_tile(*kernel, vectors, rows, K, extreme);
  }
}
