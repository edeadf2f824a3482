// Sampling: one id from each row of logits, the greatest or drawn with weight exp(logit / temperature).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "recurra/linalg/simd.hpp"
#include "recurra/nn/random.hpp"

namespace recurra {

struct SamplingRule {
  double temperature = 1;  // 0: the greatest logit, the lowest id on ties
  Index top_k = 0;         // only the k greatest may be drawn, lower ids first on ties; 0: all
  std::uint64_t seed = 0, step = 0;
};

/// Whether a row can be drawn from: no NaN, no +inf, and at least one finite logit.
template <class T>
bool can_be_sampled(const T* x, Index V) {
  T top = x[0];
  bool nan = false;
  for (Index v = 0; v < V; ++v) {
    nan |= x[v] != x[v];
    top = x[v] > top ? x[v] : top;
  }
  return !nan && std::isfinite(top);
}

/// Draws from rows that can_be_sampled, one after another, with the same scratch.
///
/// By inversion: the first id whose cumulative weight exceeds u times the total; weights in float64, u the float64
/// uniform of (seed, stream = step, row).
template <class T>
class Sampler {
 public:
  explicit Sampler(const SamplingRule& rule) : rule_(rule) {}
  void set_step(std::uint64_t step) { rule_.step = step; }

  /// x (V,) in, V >= 1.
  std::int32_t draw(const T* x, Index V, Index row) {
    const T* greatest = std::max_element(x, x + V);
    if (rule_.temperature == 0) return static_cast<std::int32_t>(greatest - x);
    weigh(x, V, static_cast<double>(*greatest));
    if (rule_.top_k > 0 && rule_.top_k < V) drop_all_but_top(x, V);
    double total = 0;
    for (Index v = 0; v < V; ++v) weights_[static_cast<size_t>(v)] = total += weights_[static_cast<size_t>(v)];
    const double goal = uniform_of_row({rule_.seed, rule_.step}, static_cast<std::uint32_t>(row)) * total;
    const auto end = weights_.begin() + V;
    const auto drawn = std::upper_bound(weights_.begin(), end, goal);
    return static_cast<std::int32_t>((drawn == end ? greatest - x : drawn - weights_.begin()));
  }

 private:
  void weigh(const T* x, Index V, double top) {
    constexpr Index L = lanes<double>;
    const Index padded = (V + L - 1) / L * L;
    weights_.resize(static_cast<size_t>(padded));
    for (Index v = 0; v < V; ++v)
      weights_[static_cast<size_t>(v)] = (static_cast<double>(x[v]) - top) / rule_.temperature;
    std::fill(weights_.begin() + V, weights_.end(), 0.0);
    for (Index v = 0; v < padded; v += L) {
      const Packet<double> e = load(weights_.data() + v);
      store<double>(weights_.data() + v, mul(exp<double>(e), less<double>(set1(-708.0), e)));
    }
  }

  void drop_all_but_top(const T* x, Index V) {
    order_.assign(x, x + V);
    const auto kth = order_.begin() + rule_.top_k - 1;
    std::nth_element(order_.begin(), kth, order_.end(), std::greater<T>());
    const T least = *kth;
    Index ties = rule_.top_k - std::count_if(x, x + V, [&](T value) { return value > least; });
    for (Index v = 0; v < V; ++v)
      if (!(x[v] > least || (x[v] == least && ties-- > 0))) weights_[static_cast<size_t>(v)] = 0;
  }

  SamplingRule rule_;
  std::vector<double> weights_;
  std::vector<T> order_;
};

/// logits (B, V) in, V >= 1, every row one that can_be_sampled; ids (B,) out, overwritten.
template <class T>
void sample(const T* logits, Index B, Index V, const SamplingRule& rule, std::int32_t* ids) {
  Sampler<T> sampler(rule);
  for (Index b = 0; b < B; ++b) ids[b] = sampler.draw(logits + b * V, V, b);
}

}  // namespace recurra
