// One step of each optimizer, in place, in one pass over a list of parameters. (Row-sparse gradients:
// sparse_optimizers.hpp.)
//
// In all of them the gradient is g = clamp(scale * dw, -clip, clip), clip = 0 for none, and weight decay comes first:
// w -= decay * w with decay = lr * weight_decay. Elements are independent, so the number of threads changes no bit.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "recurra/support/compiler.hpp"
#include "recurra/threads/parallel_for.hpp"

namespace recurra {

/// One parameter and its optimizer state. All pointers hold `size` numbers; none may overlap another.
template <class T>
struct Parameter {
  T* w = nullptr;         // the weights, changed
  const T* dw = nullptr;  // their gradient
  Index size = 0;
  T scale = T(1);      // of the gradient
  T* m = nullptr;      // sgd, rmsprop: the momentum, or null; adam: the running mean of g
  T* v = nullptr;      // rmsprop, adam: the running mean of g^2
  T* extra = nullptr;  // rmsprop: the running mean of g when centered, or null; adam: the greatest v so far, or null
};

namespace detail {

/// The constants of a step, rounded to T once. The loops below copy them into a local and take __restrict arrays:
/// without either, compilers do not see that a store changes neither, and do not vectorise.
template <class T>
struct StepConstants {
  T lr, decay, clip;  // clip: infinity for none
  StepConstants(double lr_, double weight_decay, double clip_)
      : lr(static_cast<T>(lr_)),
        decay(static_cast<T>(lr_ * weight_decay)),
        clip(clip_ > 0 ? static_cast<T>(clip_) : std::numeric_limits<T>::infinity()) {}

  T gradient(T dw, T scale) const {
    const T g = dw * scale;
    return g < -clip ? -clip : (g > clip ? clip : g);  // NaN stays NaN
  }
  T decayed(T w) const { return w - decay * w; }
};

/// Call update(parameter, first, n) on ranges that cover all elements of all parameters, on all threads.
template <class T, class Update>
void for_all_elements(const std::vector<Parameter<T>>& parameters, Update update) {
  Index total = 0;
  for (const auto& parameter : parameters) total += parameter.size;
  parallel_for(
      total, 32768,
      [&](Index first, Index last) {
        Index at = 0;
        for (const auto& parameter : parameters) {
          const Index from = std::max(first - at, Index{0}), to = std::min(last - at, parameter.size);
          if (from < to) update(parameter, from, to - from);
          at += parameter.size;
        }
      },
      64);
}

}  // namespace detail

struct SgdRule {
  double lr, momentum;
  bool nesterov;
  double weight_decay, clip;
};

namespace detail {

template <class T>
struct SgdStep : StepConstants<T> {
  T mu;
  explicit SgdStep(const SgdRule& rule)
      : StepConstants<T>(rule.lr, rule.weight_decay, rule.clip), mu(static_cast<T>(rule.momentum)) {}

  RECURRA_NOINLINE void plain(Index n, T scale, T* __restrict w, const T* __restrict dw) const {
    const SgdStep c = *this;
    for (Index j = 0; j < n; ++j) w[j] = c.decayed(w[j]) - c.lr * c.gradient(dw[j], scale);
  }
  RECURRA_NOINLINE void with_momentum(Index n, T scale, T* __restrict w, const T* __restrict dw,
                                      T* __restrict m) const {
    const SgdStep c = *this;
    for (Index j = 0; j < n; ++j) {
      const T next = c.mu * m[j] - c.lr * c.gradient(dw[j], scale);
      m[j] = next;
      w[j] = c.decayed(w[j]) + next;
    }
  }
  RECURRA_NOINLINE void nesterov(Index n, T scale, T* __restrict w, const T* __restrict dw, T* __restrict m) const {
    const SgdStep c = *this;
    for (Index j = 0; j < n; ++j) {
      const T step = c.lr * c.gradient(dw[j], scale), next = c.mu * m[j] - step;
      m[j] = next;
      w[j] = c.decayed(w[j]) + (c.mu * next - step);
    }
  }
};

}  // namespace detail

/// m = momentum m - lr g;  w += m, with nesterov w += momentum m - lr g.  Without m: w -= lr g.
template <class T>
void sgd_update(const std::vector<Parameter<T>>& parameters, const SgdRule& rule) {
  const detail::SgdStep<T> step(rule);
  detail::for_all_elements(parameters, [&](const Parameter<T>& p, Index at, Index n) {
    if (!p.m) step.plain(n, p.scale, p.w + at, p.dw + at);
    else if (rule.nesterov) step.nesterov(n, p.scale, p.w + at, p.dw + at, p.m + at);
    else step.with_momentum(n, p.scale, p.w + at, p.dw + at, p.m + at);
  });
}

struct RmspropRule {
  double lr, rho, momentum, epsilon, weight_decay, clip;
};

namespace detail {

template <class T>
struct RmspropStep : StepConstants<T> {
  T rho, rest, mu, epsilon;
  explicit RmspropStep(const RmspropRule& rule)
      : StepConstants<T>(rule.lr, rule.weight_decay, rule.clip),
        rho(static_cast<T>(rule.rho)),
        rest(static_cast<T>(1 - rule.rho)),
        mu(static_cast<T>(rule.momentum)),
        epsilon(static_cast<T>(rule.epsilon)) {}

  T mean(T before, T now) const { return rho * before + rest * now; }
  T divided(T g, T variance) const { return this->lr * g / std::sqrt(variance + epsilon); }

  RECURRA_NOINLINE void plain(Index n, T scale, T* __restrict w, const T* __restrict dw, T* __restrict v) const {
    const RmspropStep c = *this;
    for (Index j = 0; j < n; ++j) {
      const T g = c.gradient(dw[j], scale), square = c.mean(v[j], g * g);
      v[j] = square;
      w[j] = c.decayed(w[j]) - c.divided(g, square);
    }
  }
  RECURRA_NOINLINE void with_momentum(Index n, T scale, T* __restrict w, const T* __restrict dw, T* __restrict v,
                                      T* __restrict m) const {
    const RmspropStep c = *this;
    for (Index j = 0; j < n; ++j) {
      const T g = c.gradient(dw[j], scale), square = c.mean(v[j], g * g);
      const T next = c.mu * m[j] + c.divided(g, square);
      v[j] = square;
      m[j] = next;
      w[j] = c.decayed(w[j]) - next;
    }
  }
  RECURRA_NOINLINE void centered(Index n, T scale, T* __restrict w, const T* __restrict dw, T* __restrict v,
                                 T* __restrict means) const {
    const RmspropStep c = *this;
    for (Index j = 0; j < n; ++j) {
      const T g = c.gradient(dw[j], scale), square = c.mean(v[j], g * g), middle = c.mean(means[j], g);
      v[j] = square;
      means[j] = middle;
      w[j] = c.decayed(w[j]) - c.divided(g, square - middle * middle);
    }
  }
  RECURRA_NOINLINE void centered_with_momentum(Index n, T scale, T* __restrict w, const T* __restrict dw,
                                               T* __restrict v, T* __restrict means, T* __restrict m) const {
    const RmspropStep c = *this;
    for (Index j = 0; j < n; ++j) {
      const T g = c.gradient(dw[j], scale), square = c.mean(v[j], g * g), middle = c.mean(means[j], g);
      const T next = c.mu * m[j] + c.divided(g, square - middle * middle);
      v[j] = square;
      means[j] = middle;
      m[j] = next;
      w[j] = c.decayed(w[j]) - next;
    }
  }
};

}  // namespace detail

/// v = rho v + (1 - rho) g^2;  d = lr g / sqrt(v + epsilon), centered v - mean^2 + epsilon;  w -= d.
/// With m: m = momentum m + d;  w -= m.
template <class T>
void rmsprop_update(const std::vector<Parameter<T>>& parameters, const RmspropRule& rule) {
  const detail::RmspropStep<T> step(rule);
  detail::for_all_elements(parameters, [&](const Parameter<T>& p, Index at, Index n) {
    T *w = p.w + at, *v = p.v + at;
    const T* dw = p.dw + at;
    if (p.extra && p.m) step.centered_with_momentum(n, p.scale, w, dw, v, p.extra + at, p.m + at);
    else if (p.extra) step.centered(n, p.scale, w, dw, v, p.extra + at);
    else if (p.m) step.with_momentum(n, p.scale, w, dw, v, p.m + at);
    else step.plain(n, p.scale, w, dw, v);
  });
}

struct AdamRule {
  double lr, beta1, beta2, epsilon;
  std::int64_t step;  // from 1
  double weight_decay, clip;
};

namespace detail {

template <class T>
struct AdamStep : StepConstants<T> {
  T beta1, rest1, beta2, rest2, alpha, epsilon;
  explicit AdamStep(const AdamRule& rule)
      : StepConstants<T>(rule.lr, rule.weight_decay, rule.clip),
        beta1(static_cast<T>(rule.beta1)),
        rest1(static_cast<T>(1 - rule.beta1)),
        beta2(static_cast<T>(rule.beta2)),
        rest2(static_cast<T>(1 - rule.beta2)),
        epsilon(static_cast<T>(rule.epsilon)) {
    const double step = static_cast<double>(rule.step);
    alpha = static_cast<T>(rule.lr * std::sqrt(1 - std::pow(rule.beta2, step)) / (1 - std::pow(rule.beta1, step)));
  }

  RECURRA_NOINLINE void plain(Index n, T scale, T* __restrict w, const T* __restrict dw, T* __restrict m,
                              T* __restrict v) const {
    const AdamStep c = *this;
    for (Index j = 0; j < n; ++j) c.move(w[j], c.gradient(dw[j], scale), m[j], v[j]);
  }
  RECURRA_NOINLINE void amsgrad(Index n, T scale, T* __restrict w, const T* __restrict dw, T* __restrict m,
                                T* __restrict v, T* __restrict greatest) const {
    const AdamStep c = *this;
    for (Index j = 0; j < n; ++j) c.move(w[j], c.gradient(dw[j], scale), m[j], v[j], greatest[j]);
  }
  /// The same for gradients of zero, without reading them.
  RECURRA_NOINLINE void plain_without_gradient(Index n, T* __restrict w, T* __restrict m, T* __restrict v) const {
    const AdamStep c = *this;
    for (Index j = 0; j < n; ++j) c.move(w[j], T(0), m[j], v[j]);
  }
  RECURRA_NOINLINE void amsgrad_without_gradient(Index n, T* __restrict w, T* __restrict m, T* __restrict v,
                                                 T* __restrict greatest) const {
    const AdamStep c = *this;
    for (Index j = 0; j < n; ++j) c.move(w[j], T(0), m[j], v[j], greatest[j]);
  }

 private:
  RECURRA_INLINE void average(T g, T& m, T& v) const {
    m = beta1 * m + rest1 * g;
    v = beta2 * v + rest2 * (g * g);
  }
  RECURRA_INLINE void move(T& w, T g, T& m, T& v) const {
    average(g, m, v);
    w = this->decayed(w) - alpha * m / (std::sqrt(v) + epsilon);
  }
  RECURRA_INLINE void move(T& w, T g, T& m, T& v, T& greatest) const {
    average(g, m, v);
    greatest = v > greatest ? v : greatest;
    w = this->decayed(w) - alpha * m / (std::sqrt(greatest) + epsilon);
  }
};

}  // namespace detail

/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  w -= alpha m / (sqrt(v) + epsilon) with
/// alpha = lr sqrt(1 - beta2^step) / (1 - beta1^step). With extra (amsgrad), extra = max(extra, v) is under the root.
template <class T>
void adam_update(const std::vector<Parameter<T>>& parameters, const AdamRule& rule) {
  const detail::AdamStep<T> step(rule);
  detail::for_all_elements(parameters, [&](const Parameter<T>& p, Index at, Index n) {
    if (p.extra) step.amsgrad(n, p.scale, p.w + at, p.dw + at, p.m + at, p.v + at, p.extra + at);
    else step.plain(n, p.scale, p.w + at, p.dw + at, p.m + at, p.v + at);
  });
}

}  // namespace recurra
