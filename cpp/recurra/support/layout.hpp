// Axes, gate order, and the shapes of weights. Stated here once; everything else refers to it.
//
//   B batch   T time   I input features   H units   G gates   V vocabulary
//
//   cell         G   gate order (Keras's)   kernel    recurrent_kernel   bias
//   LSTM         4   i  f  g  o             (I, 4H)   (H, 4H)            (4H,)
//   GRU          3   z  r  n                (I, 3H)   (H, 3H)            (2, 3H): input, recurrent; (3H,) when r acts before U
//   SimpleRNN    1   -                      (I,  H)   (H,  H)            (H,)
//
// Keras calls g "c" and n "h"; the order is the same, and c and h stay free for the states.
//
// Inside, H units are cut into panels of a few vectors (tile.hpp). All the pre-activation columns of a panel's units
// lie side by side, so that a cell works on one panel without reaching elsewhere. Every pre-activation is one chain of
// fused multiply-adds in this order, whichever path computes it:
//
//   x[0] W[0] + ... + x[I-1] W[I-1] + 1 * bias + h[0] U[0] + ... + h[H-1] U[H-1]
//
// The bias is the weight of an input that is always 1, placed between x and h, so that its gradient, too, is a row of
// the weights' gradient and needs no code of its own.
#pragma once
#include <cstddef>

namespace recurra {

using Index = std::ptrdiff_t;

/// Items [first, last).
struct Range {
  Index first, last;
  Index count() const { return last - first; }
};

}  // namespace recurra
