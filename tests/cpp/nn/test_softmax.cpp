#include <cstdint>
#include <limits>
#include <vector>

#include "check.hpp"
#include "recurra/nn/softmax_cross_entropy.hpp"

namespace {

template <class T>
constexpr double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;

/// exp(x - max) / sum, in long double.
template <class T>
std::vector<long double> softmax(const T* x, recurra::Index V) {
  long double top = x[0], total = 0;
  for (recurra::Index v = 0; v < V; ++v) top = std::max(top, static_cast<long double>(x[v]));
  std::vector<long double> p;
  for (recurra::Index v = 0; v < V; ++v) total += p.emplace_back(std::exp(x[v] - top));
  for (auto& value : p) value /= total;
  return p;
}

template <class T>
void check_softmax(recurra::Index M, recurra::Index V) {
  recurra_test::Numbers numbers(static_cast<unsigned>(M * 1000 + V));
  const auto x = numbers.list<T>(M * V, 20), dy = numbers.list<T>(M * V);
  std::vector<T> y(M * V), dx(M * V);
  recurra::softmax_forward(x.data(), M, V, y.data());
  recurra::softmax_backward(y.data(), dy.data(), M, V, dx.data());
  for (recurra::Index m = 0; m < M; ++m) {
    const auto p = softmax(x.data() + m * V, V);
    long double along = 0;
    for (recurra::Index v = 0; v < V; ++v) along += p[v] * dy[m * V + v];
    for (recurra::Index v = 0; v < V; ++v) {
      CHECK_CLOSE(y[m * V + v], static_cast<double>(p[v]), tolerance<T>);
      CHECK_CLOSE(dx[m * V + v], static_cast<double>(p[v] * (dy[m * V + v] - along)), tolerance<T>);
    }
  }
}

template <class T>
void check_cross_entropy(recurra::Index M, recurra::Index V) {
  recurra_test::Numbers numbers(static_cast<unsigned>(M * 777 + V));
  const auto x = numbers.list<T>(M * V, 10), dloss = numbers.list<T>(M);
  std::vector<std::int32_t> labels(M);
  for (recurra::Index m = 0; m < M; ++m) labels[m] = static_cast<std::int32_t>((m * 31 + 5) % V);
  std::vector<T> loss(M), lse(M), dx(M * V);
  recurra::softmax_cross_entropy_forward(x.data(), labels.data(), M, V, loss.data(), lse.data());
  recurra::softmax_cross_entropy_backward(x.data(), labels.data(), lse.data(), dloss.data(), M, V, dx.data());
  for (recurra::Index m = 0; m < M; ++m) {
    const auto p = softmax(x.data() + m * V, V);
    CHECK_CLOSE(loss[m], static_cast<double>(-std::log(p[labels[m]])), tolerance<T>);
    for (recurra::Index v = 0; v < V; ++v)
      CHECK_CLOSE(dx[m * V + v], static_cast<double>(dloss[m] * (p[v] - (v == labels[m]))), 4 * tolerance<T>);
  }
}

}  // namespace

TEST(softmax_equals_its_definition) {
  for (const recurra::Index V : {1, 2, 7, 8, 9, 16, 31, 33, 64, 100, 257}) {
    check_softmax<float>(3, V);
    check_softmax<double>(5, V);
  }
}

TEST(softmax_cross_entropy_equals_its_definition) {
  for (const recurra::Index V : {1, 2, 7, 8, 15, 17, 32, 65, 129, 1000}) {
    check_cross_entropy<float>(4, V);
    check_cross_entropy<double>(3, V);
  }
}

TEST(softmax_in_place_and_with_threads_gives_the_same_bits) {
  const recurra::Index M = 211, V = 389;
  recurra_test::Numbers numbers(1);
  const auto x = numbers.list<float>(M * V, 9);
  std::vector<float> one(M * V), in_place = x;
  recurra::max_threads() = 1;
  recurra::softmax_forward(x.data(), M, V, one.data());
  recurra::max_threads() = 3;
  recurra::softmax_forward(in_place.data(), M, V, in_place.data());
  recurra::max_threads() = 1;
  CHECK(one == in_place);
  std::vector<float> row(V);
  recurra::softmax_forward(x.data() + 17 * V, 1, V, row.data());
  CHECK(std::vector<float>(one.begin() + 17 * V, one.begin() + 18 * V) == row);
}

TEST(a_logit_of_minus_infinity_has_no_weight_and_nan_spreads) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {1, -inf, 2, -inf, 0.5f, 1, 1, 1, 1, -inf};
  std::vector<float> y(10);
  recurra::softmax_forward(x.data(), 1, 10, y.data());
  CHECK_EQUAL(y[1], 0.0f);
  CHECK_EQUAL(y[9], 0.0f);
  CHECK(y[0] > 0);
  for (int at = 0; at < 10; ++at) {
    std::vector<float> bad = x;
    bad[at] = nan;
    recurra::softmax_forward(bad.data(), 1, 10, y.data());
    for (const float value : y) CHECK(value != value);
    std::int32_t label = 2;
    float loss, lse;
    recurra::softmax_cross_entropy_forward(bad.data(), &label, 1, 10, &loss, &lse);
    CHECK(loss != loss);
  }
}

TEST(a_sure_prediction_has_a_small_exact_loss) {
  const std::vector<double> x = {40, 0};
  const std::int32_t label = 0;
  double loss, lse;
  recurra::softmax_cross_entropy_forward(x.data(), &label, 1, 2, &loss, &lse);
  CHECK(loss >= 0 && loss < 1e-15);
}
