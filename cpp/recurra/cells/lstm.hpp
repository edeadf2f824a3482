// LSTM: i = s(zi), f = s(zf), g = a(zg), o = s(zo), c' = f c + i g, h' = o a(c').
//
// A cell is its columns (which parts of the weights each pre-activation takes), the activation that each column passes
// through alone, its pointwise forward from there and its pointwise backward. z holds one vector of each column; forward
// leaves in z what backward needs, backward leaves dL/dz in z.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct Lstm {
  static constexpr const char* name = "lstm";
  static constexpr int gates = 4;
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}};
  static constexpr Alone alone[] = {Alone::gate, Alone::gate, Alone::main, Alone::gate};
  static constexpr bool two_biases = false;
  static constexpr bool has_carry = true;  // a state beside the operand's h: c
  static constexpr bool has_memory = true;  // and it is one of the layer's states
  static constexpr bool reset_before = false;  // one product a step

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& c, const A& act) {
    c = fma(z[1], c, mul(z[0], z[2]));
    return mul(z[3], act.template main<T>(c));
  }

  /// c_before, c_after: the carried state around the step; dc: dL/dc_after in, dL/dc_before out.
  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& c_before, const Packet<T>& c_after,
                                      const Packet<T>& dh, Packet<T>& dc, const A& act) {
    const Packet<T> i = z[0], f = z[1], g = z[2], o = z[3];
    const Packet<T> y = act.template main<T>(c_after);  // cheaper to compute again than to store
    const Packet<T> d = add(dc, act.template main_gradient<T>(y, mul(dh, o)));
    z[0] = act.template gate_gradient<T>(i, mul(d, g));
    z[1] = act.template gate_gradient<T>(f, mul(d, c_before));
    z[2] = act.template main_gradient<T>(g, mul(d, i));
    z[3] = act.template gate_gradient<T>(o, mul(dh, y));
    dc = mul(d, f);
  }
};

}  // namespace recurra
