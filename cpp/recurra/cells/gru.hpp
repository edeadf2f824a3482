// GRU: z = s(zz), r = s(zr), h' = z h + (1 - z) n.
//   reset after the product (Gru):         n = a(nx + r (h Un + bn))
//   reset before it (GruResetBefore):      n = a(nx + (r h) Un)
// h is carried as well, since z mixes it outside the product and without recurrent dropout. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct Gru {
  static constexpr const char* name = "gru";
  static constexpr int gates = 3;
  // z, r, recurrent part of n, input part of n.
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {-1, 2}, {2, -1}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::gate, ColumnActivation::gate,
                                                            ColumnActivation::none, ColumnActivation::none};
  static constexpr bool two_biases = true;
  static constexpr bool has_carry = true;
  static constexpr bool has_memory = false;
  static constexpr bool reset_before = false;

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& h, const A& act) {
    z[3] = act.template main<T>(fma(z[1], z[2], z[3]));
    h = fma(z[0], sub(h, z[3]), z[3]);
    return h;
  }

  /// dh_carried: in, dL/dh_after outside the product; out, the same for dL/dh_before.
  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& h_before, const Packet<T>&, const Packet<T>& dh,
                                      Packet<T>& dh_carried, const A& act) {
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

struct GruResetBefore {
  static constexpr const char* name = "gru";
  static constexpr int gates = 3;
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {2, -1}};  // (r h) Un is added to n in a second product
  static constexpr ColumnActivation column_activations[] = {
      ColumnActivation::none, ColumnActivation::none, ColumnActivation::none};  // reset() applies those of the gates
  static constexpr bool two_biases = false;
  static constexpr bool has_carry = true;
  static constexpr bool has_memory = false;
  static constexpr bool reset_before = true;

  /// Between the products: the gates; returns r h for the second product. h: times recurrent dropout.
  template <class T, class A>
  RECURRA_INLINE static Packet<T> reset(Packet<T>* z, const Packet<T>& h, const A& act) {
    z[0] = act.template gate<T>(z[0]);
    z[1] = act.template gate<T>(z[1]);
    return mul(z[1], h);
  }
  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& h, const A& act) {
    z[2] = act.template main<T>(z[2]);
    h = fma(z[0], sub(h, z[2]), z[2]);
    return h;
  }

  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& h_before, const Packet<T>&, const Packet<T>& dh,
                                      Packet<T>& dh_carried, const A& act) {
    const Packet<T> u = z[0], n = z[2];
    const Packet<T> d = add(dh, dh_carried);
    z[0] = act.template gate_gradient<T>(u, mul(d, sub(h_before, n)));
    z[2] = act.template main_gradient<T>(n, sub(d, mul(d, u)));
    dh_carried = mul(d, u);
  }
  /// d: dL/d(r h), from the second product. Returns dL/d(h times recurrent dropout) through it.
  template <class T, class A>
  RECURRA_INLINE static Packet<T> reset_backward(Packet<T>* z, const Packet<T>& h, const Packet<T>& d, const A& act) {
    const Packet<T> r = z[1];
    z[1] = act.template gate_gradient<T>(r, mul(d, h));
    return mul(d, r);
  }
};

}  // namespace recurra
