// Axes, gate order, shapes of weights, and the order of every sum. Stated here once; everything else refers to it.
//
//   B batch   T time   I input features   H units   G gates   V vocabulary
//
//   cell         G   gate order (Keras's)   kernel    recurrent_kernel   bias
//   LSTM         4   i  f  g  o             (I, 4H)   (H, 4H)            (4H,)
//   GRU          3   z  r  n                (I, 3H)   (H, 3H)            (2, 3H): input, recurrent; (3H,): reset before
//   SimpleRNN    1   -                      (I,  H)   (H,  H)            (H,)
//
// Keras calls g "c" and n "h"; the order is the same, and here c and h are the states.
//
// H units are cut into panels of a few vectors (linalg/panels.hpp). All pre-activations of a panel's units lie side by
// side, so that a cell runs on one panel by itself. Every pre-activation is one chain of fused multiply-adds in this
// order, whichever path computes it:
//
//   x[0] W[0] + ... + x[I-1] W[I-1] + 1 * bias + h[0] U[0] + ... + h[H-1] U[H-1]
//
// The bias is the weight of an input that is always 1, so that its gradient is a row of the weights' gradient.
#pragma once
#include <cstddef>

namespace recurra {

using Index = std::ptrdiff_t;

/// The items [first, last).
struct Range {
  Index first, last;
  Index count() const { return last - first; }
};

}  // namespace recurra
