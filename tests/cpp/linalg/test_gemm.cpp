// The tile through Gemm, against sums in long double, for all operand layouts and awkward sizes.
#include "recurra/linalg/gemm.hpp"

#include <vector>

#include "check.hpp"

namespace {

using recurra::Gemm;
using recurra::Index;

template <class T>
std::vector<T> run(Index M, Index N, Index K, const std::vector<T>& a, bool trans_a, const std::vector<T>& b,
                   bool trans_b, const T* bias) {
  std::vector<T> out(M * N, T(-77));
  Gemm<T>{M, N, K, a.data(), trans_a, b.data(), trans_b, bias, out.data()}.run();
  return out;
}

template <class T>
void check(Index M, Index N, Index K) {
  recurra_test::Numbers numbers(unsigned(M * 10007 + N * 101 + K));
  const auto a = numbers.list<T>(size_t(M * K)), b = numbers.list<T>(size_t(K * N)), bias = numbers.list<T>(size_t(N));
  for (int layout = 0; layout < 8; ++layout) {
    const bool ta = layout & 1, tb = layout & 2, with_bias = layout & 4;
    const auto out = run(M, N, K, a, ta, b, tb, with_bias ? bias.data() : nullptr);
    for (Index m = 0; m < M; ++m)
      for (Index n = 0; n < N; ++n) {
        long double sum = with_bias ? bias[n] : 0;
        for (Index k = 0; k < K; ++k)
          sum += static_cast<long double>(ta ? a[k * M + m] : a[m * K + k]) * (tb ? b[n * K + k] : b[k * N + n]);
        CHECK_CLOSE(out[m * N + n], static_cast<double>(sum), (sizeof(T) == 4 ? 1e-6 : 1e-14) * double(K + 1));
      }
  }
}

}  // namespace

TEST(products_equal_their_sums) {
  const Index sizes[][3] = {{1, 1, 1},   {2, 17, 3},    {7, 16, 300},    {13, 33, 31},
                            {97, 5, 12}, {50, 70, 513}, {101, 150, 300}, {3, 4, 0}};
  for (const auto& s : sizes) {
    check<float>(s[0], s[1], s[2]);
    check<double>(s[0], s[1], s[2]);
  }
}

TEST(the_order_of_sums_depends_on_no_path) {
  // Rows of few, of a batch, of many; B as it is, packed, or transposed and swapped with A: one chain all the same.
  for (const Index M : {Index{1}, Index{2}, Index{3}, Index{10}, Index{128}})
    for (const Index N : {Index{7}, Index{100}, Index{1500}}) {
      const Index K = 523;
      recurra_test::Numbers numbers(unsigned(M * 31 + N));
      const auto a = numbers.list<float>(size_t(M * K)), b = numbers.list<float>(size_t(K * N));
      const auto bias = numbers.list<float>(size_t(N));
      std::vector<float> a_transposed(a.size()), b_transposed(b.size()), expected(size_t(M * N));
      for (Index k = 0; k < K; ++k) {
        for (Index m = 0; m < M; ++m) a_transposed[size_t(k * M + m)] = a[size_t(m * K + k)];
        for (Index n = 0; n < N; ++n) b_transposed[size_t(n * K + k)] = b[size_t(k * N + n)];
      }
      for (const bool with_bias : {false, true}) {
        const float* const start = with_bias ? bias.data() : nullptr;
        for (const int threads : {1, 2, 3}) {
          recurra::max_threads() = threads;
          const auto first = run(M, N, K, a, false, b, false, start);
          if (threads == 1) expected = first;
          CHECK(first == expected);
          CHECK(run(M, N, K, a, false, b_transposed, true, start) == expected);
          CHECK(run(M, N, K, a_transposed, true, b, false, start) == expected);
          CHECK(run(M, N, K, a_transposed, true, b_transposed, true, start) == expected);
        }
      }
    }
  recurra::max_threads() = 1;
}

TEST(a_row_does_not_depend_on_the_others_nor_on_threads) {
  const Index M = 101, N = 203, K = 77;
  recurra_test::Numbers numbers(5);
  const auto a = numbers.list<float>(M * K), b = numbers.list<float>(K * N), bias = numbers.list<float>(N);
  const auto whole = run(M, N, K, a, false, b, false, bias.data());
  for (Index m : {Index{0}, Index{42}, M - 1}) {
    const std::vector<float> row(a.begin() + m * K, a.begin() + (m + 1) * K);
    const auto single = run(Index{1}, N, K, row, false, b, false, bias.data());
    for (Index n = 0; n < N; ++n) CHECK_EQUAL(single[n], whole[m * N + n]);
  }
  for (int threads : {2, 3, 5}) {
    recurra::max_threads() = threads;
    CHECK(run(M, N, K, a, false, b, false, bias.data()) == whole);
  }
  recurra::max_threads() = 1;
}
