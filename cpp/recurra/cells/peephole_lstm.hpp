// LSTM with peephole connections, in the equations of Keras's experimental PeepholeLSTMCell (after Gers, Schraudolph
// and Schmidhuber 2002): i and f see c before the step, o sees c after it, through weights p of each unit.
//   i = s(zi + pi c), f = s(zf + pf c), g = a(zg), c' = f c + i g, o = s(zo + po c'), h' = o a(c')
// c is carried. Unit parameters: pi, pf, po. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct PeepholeLstm : CellDefaults {
  static constexpr const char* name = "peephole_lstm";
  static constexpr int gates = 4;
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::none, ColumnActivation::none,
                                                            ColumnActivation::main, ColumnActivation::none};
  static constexpr Carry carry = Carry::c;
  static constexpr int unit_parameters = 3;
  static constexpr const char* unit_parameters_name = "peepholes";

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& c, const Packet<T>* p, const A& act) {
    z[0] = act.template gate<T>(fma(p[0], c, z[0]));
    z[1] = act.template gate<T>(fma(p[1], c, z[1]));
    c = fma(z[1], c, mul(z[0], z[2]));
    z[3] = act.template gate<T>(fma(p[2], c, z[3]));
    return mul(z[3], act.template main<T>(c));
  }

  /// c_before, c_after: c before and after the step; dc: dL/dc_after in, dL/dc_before out.
  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& c_before, const Packet<T>& c_after,
                                      const Packet<T>& dh, Packet<T>& dc, const Packet<T>* p, Packet<T>* dp,
                                      const A& act) {
    const Packet<T> i = z[0], f = z[1], g = z[2], o = z[3];
    const Packet<T> y = act.template main<T>(c_after);
    z[3] = act.template gate_gradient<T>(o, mul(dh, y));
    const Packet<T> d = fma(z[3], p[2], add(dc, act.template main_gradient<T>(y, mul(dh, o))));
    z[0] = act.template gate_gradient<T>(i, mul(d, g));
    z[1] = act.template gate_gradient<T>(f, mul(d, c_before));
    z[2] = act.template main_gradient<T>(g, mul(d, i));
    dc = fma(z[0], p[0], fma(z[1], p[1], mul(d, f)));
    dp[0] = mul(z[0], c_before);
    dp[1] = mul(z[1], c_before);
    dp[2] = mul(z[3], c_after);
  }
};

}  // namespace recurra
