// LSTM with layer normalisation of the summed inputs (Ba, Kiros and Hinton 2016, equation 4), each gate by itself, with
// scale a and shift b of each unit. N(z) = (z - mean) / sqrt(variance + epsilon) over the units of a row.
//   i = s(ai N(zi) + bi), f, o likewise, g = a(ag N(zg) + bg), c' = f c + i g, h' = o a(c')
// There is no bias beside the shift. c is carried. Unit parameters: ai, af, ag, ao, bi, bf, bg, bo. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct LayerNormLstm : CellDefaults {
  static constexpr const char* name = "layer_norm_lstm";
  static constexpr int gates = 4;
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::none, ColumnActivation::none,
                                                            ColumnActivation::none, ColumnActivation::none};
  static constexpr int biases = 0;
  static constexpr Carry carry = Carry::c;
  static constexpr int unit_parameters = 8;
  static constexpr const char* unit_parameters_name = "scale_and_shift";
  static constexpr bool row_statistics = true;

  template <class T, class A>
  RECURRA_INLINE static void gates_of(const Packet<T>* z, const Packet<T>* u, Packet<T>* gate, const A& act) {
    RECURRA_UNROLL for (int k = 0; k < 4; ++k) {
      const Packet<T> x = fma(u[k], z[k], u[4 + k]);
      gate[k] = k == 2 ? act.template main<T>(x) : act.template gate<T>(x);
    }
  }

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& c, const Packet<T>* u, const A& act) {
    Packet<T> gate[4];
    gates_of<T>(z, u, gate, act);
    c = fma(gate[1], c, mul(gate[0], gate[2]));
    return mul(gate[3], act.template main<T>(c));
  }

  /// c_before, c_after: c before and after the step; dc: dL/dc_after in, dL/dc_before out.
  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& c_before, const Packet<T>& c_after,
                                      const Packet<T>& dh, Packet<T>& dc, const Packet<T>* u, Packet<T>* du,
                                      const A& act) {
    Packet<T> gate[4];
    gates_of<T>(z, u, gate, act);  // cheaper to recompute than to store
    const Packet<T> i = gate[0], f = gate[1], g = gate[2], o = gate[3];
    const Packet<T> y = act.template main<T>(c_after);
    const Packet<T> d = add(dc, act.template main_gradient<T>(y, mul(dh, o)));
    du[4] = act.template gate_gradient<T>(i, mul(d, g));
    du[5] = act.template gate_gradient<T>(f, mul(d, c_before));
    du[6] = act.template main_gradient<T>(g, mul(d, i));
    du[7] = act.template gate_gradient<T>(o, mul(dh, y));
    dc = mul(d, f);
    RECURRA_UNROLL for (int k = 0; k < 4; ++k) {
      du[k] = mul(du[4 + k], z[k]);
      z[k] = mul(du[4 + k], u[k]);
    }
  }
};

}  // namespace recurra
