// One step of each optimizer, in place and in one pass: over a list of parameters, or over some rows of a table.
//
// In all of them the gradient is g = clamp(scale * dw, -clip, clip), and weight decay comes first: w -= decay * w with
// decay = lr * weight_decay. Elements do not depend on one another, so threads change no bit.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "parallel.hpp"

namespace recurra {

/// One parameter and what its optimizer keeps for it; all pointers hold `size` numbers and none overlaps another.
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

/// What the update of one element needs beside its arrays, rounded to T once.
template <class T>
struct Common {
  T lr, decay, clip;  // clip: infinity for none
  Common(double lr_, double weight_decay, double clip_)
      : lr(static_cast<T>(lr_)),
        decay(static_cast<T>(lr_ * weight_decay)),
        clip(clip_ > 0 ? static_cast<T>(clip_) : std::numeric_limits<T>::infinity()) {}

  T gradient(T dw, T scale) const {
    const T g = dw * scale;
    return g < -clip ? -clip : (g > clip ? clip : g);  // NaN stays NaN
  }
};

namespace detail {

/// Call update(parameter, first, last) on pieces that together cover all elements of all parameters, on all threads.
template <class T, class Update>
void over_elements(const std::vector<Parameter<T>>& parameters, Update update) {
  Index total = 0;
  for (const auto& parameter : parameters) total += parameter.size;
  parallel_for(
      total, 32768,
      [&](Index first, Index last) {
        Index at = 0;
        for (const auto& parameter : parameters) {
          const Index from = std::max(first - at, Index{0}), to = std::min(last - at, parameter.size);
          if (from < to) update(parameter, from, to);
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

/// m = momentum m - lr g;  w += m, with nesterov w += momentum m - lr g.  Without m: w -= lr g.
template <class T>
void sgd_update(const std::vector<Parameter<T>>& parameters, const SgdRule& rule) {
  const Common<T> common(rule.lr, rule.weight_decay, rule.clip);
  const T mu = static_cast<T>(rule.momentum);
  detail::over_elements(parameters, [&, common](const Parameter<T>& p, Index first, Index last) {
    T* __restrict w = p.w;
    T* __restrict m = p.m;
    const T* __restrict dw = p.dw;
    const T scale = p.scale;
    if (!m) {
      for (Index j = first; j < last; ++j)
        w[j] = (w[j] - common.decay * w[j]) - common.lr * common.gradient(dw[j], scale);
    } else if (!rule.nesterov) {
      for (Index j = first; j < last; ++j) {
        m[j] = mu * m[j] - common.lr * common.gradient(dw[j], scale);
        w[j] = (w[j] - common.decay * w[j]) + m[j];
      }
    } else {
      for (Index j = first; j < last; ++j) {
        const T step = common.lr * common.gradient(dw[j], scale);
        m[j] = mu * m[j] - step;
        w[j] = (w[j] - common.decay * w[j]) + (mu * m[j] - step);
      }
    }
  });
}

struct RmspropRule {
  double lr, rho, momentum, epsilon, weight_decay, clip;
};

/// v = rho v + (1 - rho) g^2;  d = lr g / sqrt(v + epsilon), centered v - mean^2 + epsilon;  w -= d.
/// With m: m = momentum m + d;  w -= m.
template <class T>
void rmsprop_update(const std::vector<Parameter<T>>& parameters, const RmspropRule& rule) {
  const Common<T> common(rule.lr, rule.weight_decay, rule.clip);
  const T rho = static_cast<T>(rule.rho), rest = static_cast<T>(1 - rule.rho);
  const T mu = static_cast<T>(rule.momentum), epsilon = static_cast<T>(rule.epsilon);
  detail::over_elements(parameters, [&, common](const Parameter<T>& p, Index first, Index last) {
    T* __restrict w = p.w;
    T* __restrict v = p.v;
    const T* __restrict dw = p.dw;
    const T scale = p.scale;
    const auto plain = [&](Index j, T g) {
      v[j] = rho * v[j] + rest * (g * g);
      return common.lr * g / std::sqrt(v[j] + epsilon);
    };
    if (!p.m && !p.extra) {
      for (Index j = first; j < last; ++j) {
        const T d = plain(j, common.gradient(dw[j], scale));
        w[j] = (w[j] - common.decay * w[j]) - d;
      }
    } else if (!p.extra) {
      T* __restrict m = p.m;
      for (Index j = first; j < last; ++j) {
        m[j] = mu * m[j] + plain(j, common.gradient(dw[j], scale));
        w[j] = (w[j] - common.decay * w[j]) - m[j];
      }
    } else {
      T* __restrict mean = p.extra;
      T* __restrict m = p.m;
      for (Index j = first; j < last; ++j) {
        const T g = common.gradient(dw[j], scale);
        v[j] = rho * v[j] + rest * (g * g);
        mean[j] = rho * mean[j] + rest * g;
        T d = common.lr * g / std::sqrt((v[j] - mean[j] * mean[j]) + epsilon);
        if (m) d = m[j] = mu * m[j] + d;
        w[j] = (w[j] - common.decay * w[j]) - d;
      }
    }
  });
}

struct AdamRule {
  double lr, beta1, beta2, epsilon;
  std::int64_t step;  // from 1
  double weight_decay, clip;
};

/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  w -= alpha m / (sqrt(v) + epsilon) with
/// alpha = lr sqrt(1 - beta2^step) / (1 - beta1^step). With extra (amsgrad), extra = max(extra, v) is under the root.
template <class T>
void adam_update(const std::vector<Parameter<T>>& parameters, const AdamRule& rule) {
  const Common<T> common(rule.lr, rule.weight_decay, rule.clip);
  const double step = static_cast<double>(rule.step);
  const T alpha =
      static_cast<T>(rule.lr * std::sqrt(1 - std::pow(rule.beta2, step)) / (1 - std::pow(rule.beta1, step)));
  const T beta1 = static_cast<T>(rule.beta1), rest1 = static_cast<T>(1 - rule.beta1);
  const T beta2 = static_cast<T>(rule.beta2), rest2 = static_cast<T>(1 - rule.beta2);
  const T epsilon = static_cast<T>(rule.epsilon);
  detail::over_elements(parameters, [&, common](const Parameter<T>& p, Index first, Index last) {
    T* __restrict w = p.w;
    T* __restrict m = p.m;
    T* __restrict v = p.v;
    const T* __restrict dw = p.dw;
    const T scale = p.scale;
    if (!p.extra) {
      for (Index j = first; j < last; ++j) {
        const T g = common.gradient(dw[j], scale);
        m[j] = beta1 * m[j] + rest1 * g;
        v[j] = beta2 * v[j] + rest2 * (g * g);
        w[j] = (w[j] - common.decay * w[j]) - alpha * m[j] / (std::sqrt(v[j]) + epsilon);
      }
    } else {
      T* __restrict greatest = p.extra;
      for (Index j = first; j < last; ++j) {
        const T g = common.gradient(dw[j], scale);
        m[j] = beta1 * m[j] + rest1 * g;
        v[j] = beta2 * v[j] + rest2 * (g * g);
        greatest[j] = v[j] > greatest[j] ? v[j] : greatest[j];
        w[j] = (w[j] - common.decay * w[j]) - alpha * m[j] / (std::sqrt(greatest[j]) + epsilon);
      }
    }
  });
}

// --- rows of a table ------------------------------------------------------------------------------------------------

/// The gradient of a table (V, I) of which U rows were used: ids (U,) in [0, V) and distinct, rows (U, I).
template <class T>
struct RowGradient {
  const std::int32_t* ids;
  const T* rows;
  Index U, I;
  T scale;
};

namespace detail {

/// Call update(id, row of the gradient) for each row, on all threads.
template <class T, class Update>
void over_rows(const RowGradient<T>& gradient, Update update) {
  parallel_for(gradient.U, 16384 / (gradient.I + 1) + 1, [&](Index first, Index last) {
    for (Index u = first; u < last; ++u) update(Index{gradient.ids[u]}, gradient.rows + u * gradient.I);
  });
}

}  // namespace detail

/// w -= lr g on the rows of `gradient`.  w (V, I) changed.
template <class T>
void sgd_update_rows(T* w, const RowGradient<T>& gradient, double lr, double clip) {
  const Common<T> common(lr, 0, clip);
  detail::over_rows(gradient, [&](Index id, const T* dw) {
    T* row = w + id * gradient.I;
    for (Index j = 0; j < gradient.I; ++j) row[j] -= common.lr * common.gradient(dw[j], gradient.scale);
  });
}

/// As rmsprop_update without momentum, exact on the rows of `gradient`: a row that was not used would only have
/// decayed, so v is first multiplied by rho^(step - 1 - last_step). w, v (V, I) and last_step (V,) changed.
template <class T>
void rmsprop_update_rows(T* w, const RowGradient<T>& gradient, T* v, std::int64_t* last_step, std::int64_t step,
                         double lr, double rho, double epsilon, double clip) {
  const Common<T> common(lr, 0, clip);
  const T keep = static_cast<T>(rho), rest = static_cast<T>(1 - rho), eps = static_cast<T>(epsilon);
  detail::over_rows(gradient, [&](Index id, const T* dw) {
    T* row = w + id * gradient.I;
    T* square = v + id * gradient.I;
    const T missed = static_cast<T>(std::pow(rho, static_cast<double>(step - 1 - last_step[id])));
    last_step[id] = step;
    for (Index j = 0; j < gradient.I; ++j) {
      const T g = common.gradient(dw[j], gradient.scale);
      square[j] = keep * (square[j] * missed) + rest * (g * g);
      row[j] -= common.lr * g / std::sqrt(square[j] + eps);
    }
  });
}

/// acc += g^2;  w -= lr g / sqrt(acc + epsilon), on the rows of `gradient`.  w, acc (V, I) changed.
template <class T>
void adagrad_update_rows(T* w, const RowGradient<T>& gradient, T* acc, double lr, double epsilon, double clip) {
  const Common<T> common(lr, 0, clip);
  const T eps = static_cast<T>(epsilon);
  detail::over_rows(gradient, [&](Index id, const T* dw) {
    T* row = w + id * gradient.I;
    T* sum = acc + id * gradient.I;
    for (Index j = 0; j < gradient.I; ++j) {
      const T g = common.gradient(dw[j], gradient.scale);
      sum[j] += g * g;
      row[j] -= common.lr * g / std::sqrt(sum[j] + eps);
    }
  });
}

}  // namespace recurra
