// minGRU (Feng et al. 2024, "Were RNNs All We Needed?"): gate and candidate from x alone.
//   z = s(zz), n = a(zn), h' = (1 - z) h + z n
// h is carried. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct MinGru : CellDefaults {
  static constexpr const char* name = "min_gru";
  static constexpr int gates = 2;
  static constexpr Column columns[] = {{0, -1}, {1, -1}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::gate, ColumnActivation::main};
  static constexpr Carry carry = Carry::h;
  static constexpr Activation usual_activation = Activation::linear;

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& h, const Packet<T>*, const A&) {
    h = fma(z[0], sub(z[1], h), h);
    return h;
  }

  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& h_before, const Packet<T>&, const Packet<T>& dh,
                                      Packet<T>& dh_carried, const Packet<T>*, Packet<T>*, const A& act) {
    const Packet<T> u = z[0], n = z[1], d = add(dh, dh_carried);
    z[0] = act.template gate_gradient<T>(u, mul(d, sub(n, h_before)));
    z[1] = act.template main_gradient<T>(n, mul(d, u));
    dh_carried = sub(d, mul(d, u));
  }
};

}  // namespace recurra
