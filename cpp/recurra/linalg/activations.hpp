// The activations of the kernels on one vector, and their derivatives from the output.
//
//   name           y                        dy/dx from y
//   tanh           tanh(x)                  1 - y^2
//   sigmoid        1 / (1 + exp(-x))        y (1 - y)
//   relu           max(x, 0)                y > 0
//   hard_sigmoid   clip(x/6 + 0.5, 0, 1)    1/6 where 0 < y < 1 (Keras 3's slope)
//   linear         x                        1
#pragma once
#include "recurra/linalg/simd.hpp"

namespace recurra {

enum class Activation { tanh, sigmoid, relu, hard_sigmoid, linear };

template <class T, Activation A>
RECURRA_INLINE Packet<T> apply(const Packet<T>& x) {
  if constexpr (A == Activation::tanh) {
    return tanh<T>(x);
  } else if constexpr (A == Activation::sigmoid) {
    return sigmoid<T>(x);
  } else if constexpr (A == Activation::relu) {
    return max(x, set1<T>(0));
  } else if constexpr (A == Activation::hard_sigmoid) {
    return max(min(fma(x, set1<T>(T(1) / T(6)), set1<T>(T(0.5))), set1<T>(1)), set1<T>(0));
  } else {
    return x;
  }
}

/// dy * (dy/dx), from the output y.
template <class T, Activation A>
RECURRA_INLINE Packet<T> apply_gradient(const Packet<T>& y, const Packet<T>& dy) {
  if constexpr (A == Activation::tanh) {
    return fma(negate(mul(y, y)), dy, dy);
  } else if constexpr (A == Activation::sigmoid) {
    return mul(dy, fma(negate(y), y, y));
  } else if constexpr (A == Activation::relu) {
    return mul(dy, less<T>(set1<T>(0), y));
  } else if constexpr (A == Activation::hard_sigmoid) {
    const auto inside = mul(less<T>(set1<T>(0), y), less<T>(y, set1<T>(1)));
    return mul(dy, mul(inside, set1<T>(T(1) / T(6))));
  } else {
    return dy;
  }
}

/// Two activations, inlined. `main` is for candidates and states (Keras's activation), `gate` for gates
/// (recurrent_activation).
template <Activation Main, Activation Gate>
struct InlinedActivations {
  template <class T>
  RECURRA_INLINE Packet<T> main(const Packet<T>& x) const {
    return apply<T, Main>(x);
  }
  template <class T>
  RECURRA_INLINE Packet<T> gate(const Packet<T>& x) const {
    return apply<T, Gate>(x);
  }
  template <class T>
  RECURRA_INLINE Packet<T> main_gradient(const Packet<T>& y, const Packet<T>& dy) const {
    return apply_gradient<T, Main>(y, dy);
  }
  template <class T>
  RECURRA_INLINE Packet<T> gate_gradient(const Packet<T>& y, const Packet<T>& dy) const {
    return apply_gradient<T, Gate>(y, dy);
  }
};

/// Any two activations, chosen at run time.
struct AnyActivations {
  Activation main_kind, gate_kind;

  template <class T>
  static RECURRA_NOINLINE Packet<T> forward(Activation kind, const Packet<T>& x) {
    switch (kind) {
      case Activation::tanh: return apply<T, Activation::tanh>(x);
      case Activation::sigmoid: return apply<T, Activation::sigmoid>(x);
      case Activation::relu: return apply<T, Activation::relu>(x);
      case Activation::hard_sigmoid: return apply<T, Activation::hard_sigmoid>(x);
      case Activation::linear: break;
    }
    return x;
  }
  template <class T>
  static RECURRA_NOINLINE Packet<T> gradient(Activation kind, const Packet<T>& y, const Packet<T>& dy) {
    switch (kind) {
      case Activation::tanh: return apply_gradient<T, Activation::tanh>(y, dy);
      case Activation::sigmoid: return apply_gradient<T, Activation::sigmoid>(y, dy);
      case Activation::relu: return apply_gradient<T, Activation::relu>(y, dy);
      case Activation::hard_sigmoid: return apply_gradient<T, Activation::hard_sigmoid>(y, dy);
      case Activation::linear: break;
    }
    return dy;
  }
  template <class T>
  Packet<T> main(const Packet<T>& x) const {
    return forward<T>(main_kind, x);
  }
  template <class T>
  Packet<T> gate(const Packet<T>& x) const {
    return forward<T>(gate_kind, x);
  }
  template <class T>
  Packet<T> main_gradient(const Packet<T>& y, const Packet<T>& dy) const {
    return gradient<T>(main_kind, y, dy);
  }
  template <class T>
  Packet<T> gate_gradient(const Packet<T>& y, const Packet<T>& dy) const {
    return gradient<T>(gate_kind, y, dy);
  }
};

}  // namespace recurra
