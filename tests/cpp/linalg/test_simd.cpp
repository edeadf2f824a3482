// The elementary functions against long double, over the whole range where they matter, in units of the last place.
#include "recurra/linalg/simd.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"

namespace {

using recurra::lanes;
using recurra::Packet;

template <class T>
double ulps(T got, long double expected) {
  const T nearest = static_cast<T>(expected);
  const T next = std::nextafter(std::fabs(nearest), std::numeric_limits<T>::infinity());
  return std::fabs(static_cast<double>((static_cast<long double>(got) - expected) / (next - std::fabs(nearest))));
}

template <class T, class Function, class Exact>
double worst(double from, double to, Function function, Exact exact) {
  constexpr int steps = 400000;
  double result = 0;
  std::vector<T> x(lanes<T>), y(lanes<T>);
  for (int i = 0; i < steps; i += lanes<T>) {
    for (int j = 0; j < lanes<T>; ++j) x[j] = static_cast<T>(from + (to - from) * (i + j) / steps);
    recurra::store(y.data(), function(recurra::load(x.data())));
    for (int j = 0; j < lanes<T>; ++j) result = std::fmax(result, ulps(y[j], exact(static_cast<long double>(x[j]))));
  }
  return result;
}

long double exact_sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }

template <class T>
void check(double exp_range, double exp_bound, double sigmoid_bound, double tanh_bound) {
  const auto e = [](Packet<T> v) { return recurra::exp<T>(v); };
  const auto s = [](Packet<T> v) { return recurra::sigmoid<T>(v); };
  const auto t = [](Packet<T> v) { return recurra::tanh<T>(v); };
  const auto exact_exp = [](long double x) { return std::exp(x); };
  const auto exact_tanh = [](long double x) { return std::tanh(x); };
  CHECK(worst<T>(-exp_range, exp_range, e, exact_exp) <= exp_bound);
  CHECK(worst<T>(-30, 30, s, exact_sigmoid) <= sigmoid_bound);
  CHECK(worst<T>(-10, 10, t, exact_tanh) <= tanh_bound);
  CHECK(worst<T>(-1e-3, 1e-3, t, exact_tanh) <= tanh_bound);
}

template <class T>
void check_ends() {
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  T out[64];
  const auto at = [&](auto function, T x) {
    recurra::store(out, function(recurra::set1<T>(x)));
    return out[0];
  };
  const auto s = [](Packet<T> v) { return recurra::sigmoid<T>(v); };
  const auto t = [](Packet<T> v) { return recurra::tanh<T>(v); };
  CHECK_EQUAL(at(s, infinity), T(1));
  CHECK_CLOSE(at(s, -infinity), 0, 1e-35);
  CHECK_CLOSE(at(t, infinity), 1, 1e-7);
  CHECK_CLOSE(at(t, -infinity), -1, 1e-7);
  CHECK_EQUAL(at(t, T(0)), T(0));
  CHECK_EQUAL(at(s, T(0)), T(0.5));
  CHECK(std::isnan(at(s, nan)));
  CHECK(std::isnan(at(t, nan)));
}

}  // namespace

TEST(float_functions_are_within_their_bounds) { check<float>(87, 3, 4, 8); }
TEST(double_functions_are_within_their_bounds) { check<double>(700, 3, 4, 4); }
TEST(functions_at_infinity_zero_and_nan) {
  check_ends<float>();
  check_ends<double>();
}
TEST(parts_of_vectors_leave_the_rest_alone) {
  for (int n = 1; n <= lanes<float>; ++n) {
    std::vector<float> from(64, 7), to(64, -1);
    recurra::store_partial(to.data(), recurra::load_partial(from.data(), n), n);
    for (int i = 0; i < 64; ++i) CHECK_EQUAL(to[i], i < n ? 7.0f : -1.0f);
  }
}
