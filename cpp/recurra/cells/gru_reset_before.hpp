// GRU, the reset gate applied to h before the recurrent product:
//   z = s(zz), r = s(zr), n = a(nx + (r h) Un), h' = z h + (1 - z) n.
// r h is the operand of a second stage. h is carried as well, since z mixes it without recurrent dropout. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct GruResetBefore : CellDefaults {
  static constexpr const char* name = "gru_reset_before";
  static constexpr int gates = 3;
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {2, 2, 1}};
  static constexpr ColumnActivation column_activations[] = {
      ColumnActivation::none, ColumnActivation::none, ColumnActivation::none};  // stage_operand applies the gates'
  static constexpr Carry carry = Carry::h;

  template <class T, class A>
  RECURRA_INLINE static Packet<T> stage_operand(int, Packet<T>* z, const Packet<T>& h, const A& act) {
    z[0] = act.template gate<T>(z[0]);
    z[1] = act.template gate<T>(z[1]);
    return mul(z[1], h);
  }
  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& h, const Packet<T>*, const A& act) {
    z[2] = act.template main<T>(z[2]);
    h = fma(z[0], sub(h, z[2]), z[2]);
    return h;
  }

  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& h_before, const Packet<T>&, const Packet<T>& dh,
                                      Packet<T>& dh_carried, const Packet<T>*, Packet<T>*, const A& act) {
    const Packet<T> u = z[0], n = z[2];
    const Packet<T> d = add(dh, dh_carried);
    z[0] = act.template gate_gradient<T>(u, mul(d, sub(h_before, n)));
    z[2] = act.template main_gradient<T>(n, sub(d, mul(d, u)));
    dh_carried = mul(d, u);
  }
  template <class T, class A>
  RECURRA_INLINE static Packet<T> stage_operand_backward(int, Packet<T>* z, const Packet<T>& h, const Packet<T>& d,
                                                         const A& act) {
    const Packet<T> r = z[1];
    z[1] = act.template gate_gradient<T>(r, mul(d, h));
    return mul(d, r);
  }
};

}  // namespace recurra
