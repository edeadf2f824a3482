// Axes, shapes of weights, and the order of every sum. Stated here once; everything else refers to it.
//
//   B batch   T time   I input features   H units   G gates   V vocabulary
//   P size of h: H, or less where it is projected
//
//   kernel             (I, G*H)   gates side by side
//   recurrent kernel   (P, G*H)
//   bias               (G*H,), or (2, G*H): of the kernel's and of the recurrent kernel's products
//   projection kernel  (H, P)
//
// The order of the gates is in cells/list.hpp.
//
// H units are cut into panels of a few vectors (linalg/panels.hpp). All pre-activations of a panel's units lie side by
// side, so that a cell runs on one panel by itself. Every pre-activation is one chain of fused multiply-adds in this
// order, whichever path computes it:
//
//   x[0] W[0] + ... + x[I-1] W[I-1] + 1 * bias + h[0] U[0] + ... + h[P-1] U[P-1]
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
