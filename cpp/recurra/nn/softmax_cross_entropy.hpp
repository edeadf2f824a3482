// Softmax and cross-entropy fused: the loss of M rows of V logits against one label each. Neither probabilities nor
// one-hot labels are stored.
//
//   lse = max + log(sum(exp(x - max)))      loss = lse - x[label]      dx = dloss (exp(x - lse) - [v == label])
//
// Of large logits lse has few digits behind the point. The loss does not go through it, and the probabilities of such
// rows are divided by their sum.
#pragma once
#include <cmath>
#include <cstdint>

#include "recurra/nn/softmax.hpp"

namespace recurra {

namespace detail {

/// Up to here the rounding of lse changes a probability by some ten units in its last place.
inline constexpr int largest_lse = 64;

}  // namespace detail

/// logits (M, V) in, V >= 1; labels (M,) in, each in [0, V); loss, lse (M,) out, overwritten.
template <class T>
void softmax_cross_entropy_forward(const T* logits, const std::int32_t* labels, Index M, Index V, T* loss, T* lse) {
  parallel_for(M, detail::softmax_grain(V), [&](Index first, Index last) {
    for (Index m = first; m < last; ++m) {
      const T* x = logits + m * V;
      const T top = detail::max_of_row(x, V);
      const Packet<T> shift = set1<T>(top);
      const T total =
          detail::sum_of_row(x, V, [&](const Packet<T>& v, Index) { return detail::exp_or_zero<T>(sub(v, shift)); });
      const T log_total = std::log(total);
      lse[m] = top + log_total;
      loss[m] = (top - x[labels[m]]) + log_total;  // not lse - x: small losses keep their digits
    }
  });
}

/// lse (M,) in: as forward gave it; dloss (M,) in; dlogits (M, V) out, overwritten, may be logits.
template <class T>
void softmax_cross_entropy_backward(const T* logits, const std::int32_t* labels, const T* lse, const T* dloss, Index M,
                                    Index V, T* dlogits) {
  constexpr Index L = lanes<T>;
  parallel_for(M, detail::softmax_grain(V), [&](Index first, Index last) {
    for (Index m = first; m < last; ++m) {
      const T* x = logits + m * V;
      T* to = dlogits + m * V;
      const Packet<T> shift = set1<T>(lse[m]);
      const auto share = [&](const Packet<T>& v, Index) { return detail::exp_or_zero<T>(sub(v, shift)); };
      T factor = dloss[m];
      if (std::abs(lse[m]) > T(detail::largest_lse)) factor /= detail::sum_of_row(x, V, share);
      const Packet<T> scale = set1<T>(factor);
      for (Index j = 0; j < V; j += L) {
        const Index n = V - j < L ? V - j : L;
        store_partial<T>(to + j, mul(share(load_partial(x + j, n), j), scale), n);
      }
      to[labels[m]] -= dloss[m];
    }
  });
}

}  // namespace recurra
