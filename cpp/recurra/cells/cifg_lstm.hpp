// LSTM with coupled input and forget gates (CIFG; Greff et al. 2017, "LSTM: A Search Space Odyssey"): f = 1 - i.
//   i = s(zi), g = a(zg), o = s(zo), c' = (1 - i) c + i g, h' = o a(c')
// c is carried. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct CifgLstm : CellDefaults {
  static constexpr const char* name = "cifg_lstm";
  static constexpr int gates = 3;
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {2, 2}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::gate, ColumnActivation::main,
                                                            ColumnActivation::gate};
  static constexpr Carry carry = Carry::c;

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& c, const Packet<T>*, const A& act) {
    c = fma(z[0], sub(z[1], c), c);
    return mul(z[2], act.template main<T>(c));
  }

  /// c_before, c_after: c before and after the step; dc: dL/dc_after in, dL/dc_before out.
  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& c_before, const Packet<T>& c_after,
                                      const Packet<T>& dh, Packet<T>& dc, const Packet<T>*, Packet<T>*, const A& act) {
    const Packet<T> i = z[0], g = z[1], o = z[2];
    const Packet<T> y = act.template main<T>(c_after);
    const Packet<T> d = add(dc, act.template main_gradient<T>(y, mul(dh, o)));
    z[0] = act.template gate_gradient<T>(i, mul(d, sub(g, c_before)));
    z[1] = act.template main_gradient<T>(g, mul(d, i));
    z[2] = act.template gate_gradient<T>(o, mul(dh, y));
    dc = sub(d, mul(d, i));
  }
};

}  // namespace recurra
