#include <cstdint>
#include <vector>

#include "check.hpp"
#include "recurra/nn/grad_norm.hpp"
#include "recurra/nn/optimizers.hpp"
#include "recurra/nn/sparse_optimizers.hpp"

namespace {

using recurra::Index;

/// A few parameters of different sizes and what optimizers keep for them.
template <class T>
struct Model {
  std::vector<std::vector<T>> w, dw, m, v, extra;
  std::vector<T> scale;

  explicit Model(const std::vector<std::size_t>& sizes) {
    recurra_test::Numbers numbers(42);
    for (const std::size_t n : sizes) {
      w.push_back(numbers.list<T>(n));
      dw.push_back(numbers.list<T>(n));
      m.push_back(numbers.list<T>(n, 0.1));
      v.push_back(numbers.list<T>(n));
      for (T& value : v.back()) value = value * value + T(0.01);
      extra.push_back(v.back());
      for (T& value : extra.back()) value *= T(0.5);
      scale.push_back(static_cast<T>(0.5 + 0.25 * static_cast<double>(scale.size())));
    }
  }
  std::vector<recurra::Parameter<T>> parameters(bool with_m, bool with_extra) {
    std::vector<recurra::Parameter<T>> list;
    for (std::size_t k = 0; k < w.size(); ++k)
      list.push_back({w[k].data(), dw[k].data(), static_cast<Index>(w[k].size()), scale[k],
                      with_m ? m[k].data() : nullptr, v[k].data(), with_extra ? extra[k].data() : nullptr});
    return list;
  }
};

const std::vector<std::size_t> sizes = {1, 7, 64, 1000, 100003};
constexpr double clip = 0.4, lr = 0.05, weight_decay = 0.1;

double clipped(double g) { return std::fmin(std::fmax(g, -clip), clip); }

template <class T>
constexpr double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-15;

template <class T>
void check_sgd(bool with_momentum, bool nesterov) {
  Model<T> before(sizes), after(sizes);
  recurra::sgd_update(after.parameters(with_momentum, false), {lr, 0.9, nesterov, weight_decay, clip});
  for (std::size_t k = 0; k < sizes.size(); ++k)
    for (std::size_t j = 0; j < sizes[k]; ++j) {
      const double g = clipped(double(before.dw[k][j]) * double(before.scale[k]));
      double w = before.w[k][j] - lr * weight_decay * before.w[k][j];
      const double m = 0.9 * before.m[k][j] - lr * g;
      w += with_momentum ? (nesterov ? 0.9 * m - lr * g : m) : -lr * g;
      CHECK_CLOSE(after.w[k][j], w, tolerance<T>);
      CHECK_CLOSE(after.m[k][j], with_momentum ? m : double(before.m[k][j]), tolerance<T>);
    }
}

template <class T>
void check_rmsprop(bool with_momentum, bool centered) {
  Model<T> before(sizes), after(sizes);
  recurra::rmsprop_update(after.parameters(with_momentum, centered), {lr, 0.8, 0.7, 1e-2, weight_decay, clip});
  for (std::size_t k = 0; k < sizes.size(); ++k)
    for (std::size_t j = 0; j < sizes[k]; ++j) {
      const double g = clipped(double(before.dw[k][j]) * double(before.scale[k]));
      const double v = 0.8 * before.v[k][j] + 0.2 * g * g, mean = 0.8 * before.extra[k][j] + 0.2 * g;
      double d = lr * g / std::sqrt((centered ? v - mean * mean : v) + 1e-2);
      if (with_momentum) d += 0.7 * before.m[k][j];
      if (!(centered && v - mean * mean + 1e-2 <= 1e-3)) {  // the start values need not be those of a real run
        CHECK_CLOSE(after.w[k][j], before.w[k][j] * (1 - lr * weight_decay) - d, 10 * tolerance<T>);
        if (with_momentum) CHECK_CLOSE(after.m[k][j], d, 10 * tolerance<T>);
      }
      CHECK_CLOSE(after.v[k][j], v, tolerance<T>);
      CHECK_CLOSE(after.extra[k][j], centered ? mean : double(before.extra[k][j]), tolerance<T>);
    }
}

template <class T>
void check_adam(bool amsgrad) {
  Model<T> before(sizes), after(sizes);
  recurra::adam_update(after.parameters(true, amsgrad), {lr, 0.8, 0.95, 1e-3, 3, weight_decay, clip});
  const double alpha = lr * std::sqrt(1 - std::pow(0.95, 3)) / (1 - std::pow(0.8, 3));
  for (std::size_t k = 0; k < sizes.size(); ++k)
    for (std::size_t j = 0; j < sizes[k]; ++j) {
      const double g = clipped(double(before.dw[k][j]) * double(before.scale[k]));
      const double m = 0.8 * before.m[k][j] + 0.2 * g, v = 0.95 * before.v[k][j] + 0.05 * g * g;
      const double top = amsgrad ? std::fmax(v, before.extra[k][j]) : v;
      CHECK_CLOSE(after.w[k][j], before.w[k][j] * (1 - lr * weight_decay) - alpha * m / (std::sqrt(top) + 1e-3),
                  tolerance<T>);
      CHECK_CLOSE(after.m[k][j], m, tolerance<T>);
      CHECK_CLOSE(after.v[k][j], v, tolerance<T>);
      if (amsgrad) CHECK_CLOSE(after.extra[k][j], top, tolerance<T>);
    }
}

}  // namespace

TEST(sgd_equals_its_equations) {
  for (const bool momentum : {false, true})
    for (const bool nesterov : {false, true}) {
      check_sgd<float>(momentum, nesterov);
      check_sgd<double>(momentum, nesterov);
    }
}

TEST(rmsprop_equals_its_equations) {
  for (const bool momentum : {false, true})
    for (const bool centered : {false, true}) {
      check_rmsprop<float>(momentum, centered);
      check_rmsprop<double>(momentum, centered);
    }
}

TEST(adam_equals_its_equations) {
  for (const bool amsgrad : {false, true}) {
    check_adam<float>(amsgrad);
    check_adam<double>(amsgrad);
  }
}

TEST(threads_change_no_bit_of_an_update) {
  Model<float> one(sizes), three(sizes);
  for (int step = 1; step <= 3; ++step) {
    recurra::max_threads() = 1;
    recurra::adam_update(one.parameters(true, true), {lr, 0.9, 0.999, 1e-7, step, weight_decay, clip});
    recurra::max_threads() = 3;
    recurra::adam_update(three.parameters(true, true), {lr, 0.9, 0.999, 1e-7, step, weight_decay, clip});
  }
  recurra::max_threads() = 1;
  CHECK(one.w == three.w);
  CHECK(one.m == three.m);
  CHECK(one.v == three.v);
}

TEST(the_norm_is_exact_and_independent_of_threads) {
  Model<float> model(sizes);
  std::vector<recurra::Numbers<float>> arrays;
  long double sum = 0;
  for (const auto& dw : model.dw) {
    arrays.push_back({dw.data(), static_cast<Index>(dw.size())});
    for (const float g : dw) sum += static_cast<long double>(g) * g;
  }
  recurra::max_threads() = 1;
  const double one = recurra::grad_norm(arrays);
  recurra::max_threads() = 3;
  CHECK_EQUAL(recurra::grad_norm(arrays), one);
  recurra::max_threads() = 1;
  CHECK_CLOSE(one, static_cast<double>(std::sqrt(sum)), 1e-14);
  CHECK_EQUAL(recurra::grad_norm<double>({}), 0.0);
}

TEST(rows_of_rmsprop_catch_up_with_the_dense_update) {
  const Index V = 40, I = 9, steps = 12;
  recurra_test::Numbers numbers(6);
  auto w = numbers.list<double>(V * I), dense_w = w;
  std::vector<double> v(V * I, 0.25), dense_v = v;
  std::vector<std::int64_t> last_step(V, 0);
  for (std::int64_t step = 1; step <= steps; ++step) {
    std::vector<std::int32_t> ids;
    for (std::int32_t id = 0; id < V; ++id)
      if ((id * 7 + step * 3) % 5 == 0) ids.push_back(id);
    const auto U = static_cast<Index>(ids.size());
    const auto rows = numbers.list<double>(U * I);
    std::vector<double> dense(V * I, 0);
    for (Index u = 0; u < U; ++u)
      for (Index j = 0; j < I; ++j) dense[ids[u] * I + j] = rows[u * I + j];
    recurra::rmsprop_update_rows<double>(w.data(), {ids.data(), rows.data(), U, I, 0.9}, v.data(), last_step.data(),
                                         step, lr, 0.9, 1e-7, clip);
    recurra::rmsprop_update<double>({{dense_w.data(), dense.data(), V * I, 0.9, nullptr, dense_v.data(), nullptr}},
                                    {lr, 0.9, 0, 1e-7, 0, clip});
    for (Index u = 0; u < U; ++u) CHECK_EQUAL(last_step[ids[u]], step);
    for (Index j = 0; j < V * I; ++j) CHECK_CLOSE(w[j], dense_w[j], 1e-13);
  }
}

TEST(rows_of_adam_give_the_bits_of_the_dense_update) {
  const Index V = 5003, I = 9;  // enough for three threads
  recurra_test::Numbers numbers(7);
  std::vector<std::int32_t> ids;
  for (std::int32_t id = 1; id < V; ++id)
    if (id % 7 == 3 || (id > 2000 && id < 2010) || id == V - 1) ids.push_back(id);
  const auto U = static_cast<Index>(ids.size());
  const auto rows = numbers.list<float>(U * I);
  std::vector<float> dense(V * I, 0);
  for (Index u = 0; u < U; ++u) std::copy_n(&rows[u * I], I, &dense[ids[u] * I]);
  for (const bool amsgrad : {false, true})
    for (const double decay : {0.0, 0.01}) {
      auto w = numbers.list<float>(V * I), m = numbers.list<float>(V * I), dense_w = w, dense_m = m;
      std::vector<float> v(V * I, 0.25f), greatest(V * I, 0.24999f), dense_v = v, dense_greatest = greatest;
      const recurra::AdamRule rule{lr, 0.9, 0.999, 1e-7, 3, decay, clip};
      recurra::adam_update<float>({{dense_w.data(), dense.data(), V * I, 0.9f, dense_m.data(), dense_v.data(),
                                    amsgrad ? dense_greatest.data() : nullptr}},
                                  rule);
      recurra::max_threads() = 3;
      recurra::adam_update_rows<float>(w.data(), V, {ids.data(), rows.data(), U, I, 0.9f}, m.data(), v.data(),
                                       amsgrad ? greatest.data() : nullptr, rule);
      recurra::max_threads() = 1;
      CHECK(w == dense_w && m == dense_m && v == dense_v && greatest == dense_greatest);
    }
}

TEST(rows_of_sgd_and_adagrad_follow_their_equations) {
  const Index V = 11, I = 5;
  recurra_test::Numbers numbers(8);
  const auto w = numbers.list<float>(V * I);
  const std::vector<std::int32_t> ids = {0, 4, 10};
  const auto rows = numbers.list<float>(3 * I);
  const recurra::RowGradient<float> gradient{ids.data(), rows.data(), 3, I, 0.75f};
  auto sgd = w, adagrad = w;
  std::vector<float> acc(V * I, 0.1f);
  recurra::sgd_update_rows(sgd.data(), gradient, lr, clip);
  recurra::adagrad_update_rows(adagrad.data(), gradient, acc.data(), lr, 1e-7, clip);
  auto expected_sgd = std::vector<double>(w.begin(), w.end()), expected_adagrad = expected_sgd;
  for (Index u = 0; u < 3; ++u)
    for (Index j = 0; j < I; ++j) {
      const double g = clipped(0.75 * rows[u * I + j]);
      expected_sgd[ids[u] * I + j] -= lr * g;
      expected_adagrad[ids[u] * I + j] -= lr * g / std::sqrt(0.1 + g * g + 1e-7);
      CHECK_CLOSE(acc[ids[u] * I + j], 0.1 + g * g, 1e-6);
    }
  for (Index j = 0; j < V * I; ++j) {
    CHECK_CLOSE(sgd[j], expected_sgd[j], 1e-6);
    CHECK_CLOSE(adagrad[j], expected_adagrad[j], 1e-6);
  }
}
