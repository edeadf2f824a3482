// GRU, the reset gate applied after the recurrent product:
//   z = s(zz), r = s(zr), n = a(nx + r (h Un + bn)), h' = z h + (1 - z) n.
// h is carried as well, since z mixes it outside the product and without recurrent dropout. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct Gru : CellDefaults {
  static constexpr const char* name = "gru";
  static constexpr int gates = 3;
  // z, r, recurrent part of n, input part of n.
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {-1, 2}, {2, -1}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::gate, ColumnActivation::gate,
                                                            ColumnActivation::none, ColumnActivation::none};
  static constexpr int biases = 2;
  static constexpr Carry carry = Carry::h;

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& h, const Packet<T>*, const A& act) {
    z[3] = act.template main<T>(fma(z[1], z[2], z[3]));
    h = fma(z[0], sub(h, z[3]), z[3]);
    return h;
  }

  /// dh_carried: in, dL/dh_after outside the product; out, the same for dL/dh_before.
  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& h_before, const Packet<T>&, const Packet<T>& dh,
                                      Packet<T>& dh_carried, const Packet<T>*, Packet<T>*, const A& act) {
    const Packet<T> u = z[0], r = z[1], nh = z[2], n = z[3];
    const Packet<T> d = add(dh, dh_carried);
    const Packet<T> dn = act.template main_gradient<T>(n, sub(d, mul(d, u)));
    z[0] = act.template gate_gradient<T>(u, mul(d, sub(h_before, n)));
    z[1] = act.template gate_gradient<T>(r, mul(dn, nh));
    z[2] = mul(dn, r);
    z[3] = dn;
    dh_carried = mul(d, u);
  }
};

}  // namespace recurra
