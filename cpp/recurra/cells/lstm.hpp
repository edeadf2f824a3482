// LSTM: i = s(zi), f = s(zf), g = a(zg), o = s(zo), c' = f c + i g, h' = o a(c').
// c is carried. s: recurrent_activation, a: activation. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct Lstm : CellDefaults {
  static constexpr const char* name = "lstm";
  static constexpr int gates = 4;
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::gate, ColumnActivation::gate,
                                                            ColumnActivation::main, ColumnActivation::gate};
  static constexpr Carry carry = Carry::c;

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& c, const Packet<T>*, const A& act) {
    c = fma(z[1], c, mul(z[0], z[2]));
    return mul(z[3], act.template main<T>(c));
  }

  /// c_before, c_after: c before and after the step; dc: dL/dc_after in, dL/dc_before out.
  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& c_before, const Packet<T>& c_after,
                                      const Packet<T>& dh, Packet<T>& dc, const Packet<T>*, Packet<T>*, const A& act) {
    const Packet<T> i = z[0], f = z[1], g = z[2], o = z[3];
    const Packet<T> y = act.template main<T>(c_after);  // cheaper to recompute than to store
    const Packet<T> d = add(dc, act.template main_gradient<T>(y, mul(dh, o)));
    z[0] = act.template gate_gradient<T>(i, mul(d, g));
    z[1] = act.template gate_gradient<T>(f, mul(d, c_before));
    z[2] = act.template main_gradient<T>(g, mul(d, i));
    z[3] = act.template gate_gradient<T>(o, mul(dh, y));
    dc = mul(d, f);
  }
};

}  // namespace recurra
