#include <cstdint>
#include <vector>

#include "check.hpp"
#include "recurra/nn/random.hpp"

namespace {

/// The generator once more, one block at a time, from the paper's description.
struct Block {
  std::uint32_t w[4];
};
Block philox(std::uint64_t seed, std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3) {
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = 0xD2511F53ull * c0, b = 0xCD9E8D57ull * c2;
    const std::uint32_t n0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ k0, n1 = static_cast<std::uint32_t>(b);
    const std::uint32_t n2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ k1, n3 = static_cast<std::uint32_t>(a);
    c0 = n0, c1 = n1, c2 = n2, c3 = n3;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace

TEST(philox_gives_the_published_words) {
  // Known answers of Random123's kat_vectors for philox4x32-10: counter and key of zeros, then of the digits of pi.
  std::uint32_t words[4][1] = {};
  recurra::detail::philox(0, words);
  CHECK_EQUAL(words[0][0], 0x6627e8d5u);
  CHECK_EQUAL(words[1][0], 0xe169c58du);
  CHECK_EQUAL(words[2][0], 0xbc57ac4cu);
  CHECK_EQUAL(words[3][0], 0x9b00dbd8u);
  std::uint32_t digits[4][1] = {{0x243f6a88u}, {0x85a308d3u}, {0x13198a2eu}, {0x03707344u}};
  recurra::detail::philox(0x299f31d0a4093822u, digits);
  CHECK_EQUAL(digits[0][0], 0xd16cfe09u);
  CHECK_EQUAL(digits[1][0], 0x94fdccebu);
  CHECK_EQUAL(digits[2][0], 0x5001e420u);
  CHECK_EQUAL(digits[3][0], 0x24126ea1u);
}

TEST(uniforms_follow_the_documented_layout) {
  const recurra::RandomKey key{0x0123456789abcdefu, 0xfedcba9876543210u};
  const recurra::Index rows = 3, cols = 71;  // not a multiple of any chunk
  std::vector<float> single(rows * cols);
  std::vector<double> dbl(rows * cols);
  recurra::random_uniform(key, rows, cols, single.data());
  recurra::random_uniform(key, rows, cols, dbl.data());
  const auto low = static_cast<std::uint32_t>(key.stream), high = static_cast<std::uint32_t>(key.stream >> 32);
  for (recurra::Index r = 0; r < rows; ++r)
    for (recurra::Index c = 0; c < cols; ++c) {
      const auto row = static_cast<std::uint32_t>(r);
      const Block f = philox(key.seed, static_cast<std::uint32_t>(c / 4), row, low, high);
      CHECK_EQUAL(single[r * cols + c], static_cast<float>((f.w[c % 4] >> 8) * 0x1p-24));
      const Block d = philox(key.seed, static_cast<std::uint32_t>(c / 2), row, low, high);
      const double top = d.w[2 * (c % 2)] >> 5, rest = d.w[2 * (c % 2) + 1] >> 6;
      CHECK_EQUAL(dbl[r * cols + c], (top * 0x1p26 + rest) * 0x1p-53);
      if (c == 0) CHECK_EQUAL(recurra::uniform_of_row(key, row), dbl[r * cols]);
    }
}

TEST(rows_and_columns_do_not_depend_on_the_size_asked_for) {
  const recurra::RandomKey key{7, 9};
  std::vector<float> small(2 * 5), large(40 * 300);
  recurra::random_uniform(key, 2, 5, small.data());
  recurra::random_uniform(key, 40, 300, large.data());
  for (int r = 0; r < 2; ++r)
    for (int c = 0; c < 5; ++c) CHECK_EQUAL(small[r * 5 + c], large[r * 300 + c]);
}

TEST(threads_change_no_bit_of_random_numbers) {
  const recurra::RandomKey key{3, 1};
  const recurra::Index rows = 257, cols = 333;
  std::vector<float> one(rows * cols), three(rows * cols);
  recurra::max_threads() = 1;
  recurra::random_normal(key, rows, cols, one.data());
  recurra::max_threads() = 3;
  recurra::random_normal(key, rows, cols, three.data());
  recurra::max_threads() = 1;
  CHECK(one == three);
}

TEST(normals_have_the_moments_of_a_normal) {
  const recurra::Index rows = 500, cols = 401;
  std::vector<double> z(rows * cols);
  recurra::random_normal({11, 13}, rows, cols, z.data());
  double sum[5] = {};
  for (const double value : z)
    for (int k = 1; k <= 4; ++k) sum[k] += std::pow(value, k);
  const double n = static_cast<double>(z.size());
  CHECK_CLOSE(sum[1] / n, 0, 0.01);
  CHECK_CLOSE(sum[2] / n, 1, 0.015);
  CHECK_CLOSE(sum[3] / n, 0, 0.03);
  CHECK_CLOSE(sum[4] / n, 3, 0.03);
}

TEST(dropout_keeps_the_same_places_in_both_types) {
  const recurra::RandomKey key{5, 2};
  const recurra::Index rows = 64, cols = 517;
  std::vector<float> single(rows * cols), uniform(rows * cols);
  std::vector<double> dbl(rows * cols);
  const double rate = 0.3;
  recurra::random_uniform(key, rows, cols, uniform.data());
  recurra::dropout_mask(key, rows, cols, rate, single.data());
  recurra::dropout_mask(key, rows, cols, rate, dbl.data());
  recurra::Index kept = 0;
  for (std::size_t i = 0; i < single.size(); ++i) {
    const bool keep = static_cast<double>(uniform[i]) >= rate;
    kept += keep;
    CHECK_EQUAL(single[i], keep ? static_cast<float>(1 / (1 - rate)) : 0.0f);
    CHECK_EQUAL(dbl[i], keep ? 1 / (1 - rate) : 0.0);
  }
  CHECK_CLOSE(static_cast<double>(kept) / static_cast<double>(single.size()), 0.7, 0.01);
}
