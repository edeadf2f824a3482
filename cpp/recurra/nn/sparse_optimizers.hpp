// One step of an optimizer for a table (an embedding) with a row-sparse gradient. Equal to the dense step of
// optimizers.hpp; rows without gradient are not read where the dense step would not move them.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>

#include "recurra/linalg/prefetch.hpp"
#include "recurra/nn/optimizers.hpp"

namespace recurra {

/// The gradient of a table (V, I): ids (U,) in [0, V), ascending and distinct, and their rows (U, I); all other rows
/// are 0.
template <class T>
struct RowGradient {
  const std::int32_t* ids;
  const T* rows;
  Index U, I;
  T scale;
};

namespace detail {

/// Call update(id, row of the gradient) for each row, on all threads. tables: arrays (V, I) that update() changes,
/// prefetched.
template <class T, class Update>
void for_each_row(const RowGradient<T>& gradient, std::initializer_list<const T*> tables, Update update) {
  parallel_for(gradient.U, 16384 / (gradient.I + 1) + 1, [&](Index first, Index last) {
    for (Index u = first; u < last; ++u) {
      if (u + prefetch_distance < last && gradient.I > 0)
        for (const T* table : tables)
          prefetch(table + Index{gradient.ids[u + prefetch_distance]} * gradient.I, gradient.I);
      update(Index{gradient.ids[u]}, gradient.rows + u * gradient.I);
    }
  });
}

template <class T>
struct RowStep : StepConstants<T> {
  T rho, rest, epsilon;
  RowStep(double lr, double rho_, double epsilon_, double clip)
      : StepConstants<T>(lr, 0, clip),
        rho(static_cast<T>(rho_)),
        rest(static_cast<T>(1 - rho_)),
        epsilon(static_cast<T>(epsilon_)) {}

  RECURRA_NOINLINE void sgd(Index n, T scale, T* __restrict w, const T* __restrict dw) const {
    const RowStep c = *this;
    for (Index j = 0; j < n; ++j) w[j] -= c.lr * c.gradient(dw[j], scale);
  }
  RECURRA_NOINLINE void rmsprop(Index n, T scale, T missed, T* __restrict w, const T* __restrict dw,
                                T* __restrict v) const {
    const RowStep c = *this;
    for (Index j = 0; j < n; ++j) {
      const T g = c.gradient(dw[j], scale), square = c.rho * (v[j] * missed) + c.rest * (g * g);
      v[j] = square;
      w[j] -= c.lr * g / std::sqrt(square + c.epsilon);
    }
  }
  RECURRA_NOINLINE void adagrad(Index n, T scale, T* __restrict w, const T* __restrict dw, T* __restrict acc) const {
    const RowStep c = *this;
    for (Index j = 0; j < n; ++j) {
      const T g = c.gradient(dw[j], scale), sum = acc[j] + g * g;
      acc[j] = sum;
      w[j] -= c.lr * g / std::sqrt(sum + c.epsilon);
    }
  }
};

}  // namespace detail

/// w -= lr g on the rows of `gradient`.  w (V, I) changed.
template <class T>
void sgd_update_rows(T* w, const RowGradient<T>& gradient, double lr, double clip) {
  const detail::RowStep<T> step(lr, 0, 0, clip);
  const Index I = gradient.I;
  detail::for_each_row(gradient, {w}, [&](Index id, const T* dw) { step.sgd(I, gradient.scale, w + id * I, dw); });
}

/// As rmsprop_update without momentum. In the steps that a row missed the dense step only decays its v, so v is first
/// multiplied by rho^(step_number - 1 - last_step). w, v (V, I) and last_step (V,) changed.
template <class T>
void rmsprop_update_rows(T* w, const RowGradient<T>& gradient, T* v, std::int64_t* last_step, std::int64_t step_number,
                         double lr, double rho, double epsilon, double clip) {
  const detail::RowStep<T> step(lr, rho, epsilon, clip);
  const Index I = gradient.I;
  detail::for_each_row(gradient, {w, v}, [&](Index id, const T* dw) {
    const std::int64_t missed = step_number - 1 - last_step[id];
    const T decay = missed == 0 ? T(1) : static_cast<T>(std::pow(rho, static_cast<double>(missed)));
    last_step[id] = step_number;
    step.rmsprop(I, gradient.scale, decay, w + id * I, dw, v + id * I);
  });
}

/// As adam_update, for the whole table: rows that `gradient` does not have move as with a gradient of zero.
/// w, m, v and, unless null, greatest (amsgrad) (V, I) changed.
template <class T>
void adam_update_rows(T* w, Index V, const RowGradient<T>& gradient, T* m, T* v, T* greatest, const AdamRule& rule) {
  const detail::AdamStep<T> step(rule);
  const Index I = gradient.I;
  const auto without_gradient = [&](Index from, Index to) {
    const Index at = from * I, n = (to - from) * I;
    if (n == 0) return;
    if (greatest) step.amsgrad_without_gradient(n, w + at, m + at, v + at, greatest + at);
    else step.plain_without_gradient(n, w + at, m + at, v + at);
  };
  parallel_for(V, 32768 / (I + 1) + 1, [&](Index first, Index last) {
    const std::int32_t* id = std::lower_bound(gradient.ids, gradient.ids + gradient.U, first);
    for (; id < gradient.ids + gradient.U && *id < last; first = *id++ + 1) {
      const Index at = *id * I;
      const T* dw = gradient.rows + (id - gradient.ids) * I;
      without_gradient(first, *id);
      if (greatest) step.amsgrad(I, gradient.scale, w + at, dw, m + at, v + at, greatest + at);
      else step.plain(I, gradient.scale, w + at, dw, m + at, v + at);
    }
    without_gradient(first, last);
  });
}

/// acc += g^2;  w -= lr g / sqrt(acc + epsilon), on the rows of `gradient`.  w, acc (V, I) changed.
template <class T>
void adagrad_update_rows(T* w, const RowGradient<T>& gradient, T* acc, double lr, double epsilon, double clip) {
  const detail::RowStep<T> step(lr, 0, epsilon, clip);
  const Index I = gradient.I;
  detail::for_each_row(gradient, {w, acc},
                       [&](Index id, const T* dw) { step.adagrad(I, gradient.scale, w + id * I, dw, acc + id * I); });
}

}  // namespace recurra
