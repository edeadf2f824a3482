// GRU, the reset gate applied after the recurrent product, with layer normalisation of the summed inputs (Ba, Kiros and
// Hinton 2016, equation 4): of each gate, and of the candidate's two parts by themselves, with scale a and shift b of
// each unit. N(z) = (z - mean) / sqrt(variance + epsilon) over the units of a row.
//   z = s(az N(zz) + bz), r = s(ar N(zr) + br), n = a(ax N(nx) + bx + r (ah N(nh) + bh)), h' = z h + (1 - z) n
// nh = h Un, nx = x Wn. There is no bias beside the shift. h is carried. Unit parameters: az, ar, ah, ax, bz, br, bh,
// bx. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct LayerNormGru : CellDefaults {
  static constexpr const char* name = "layer_norm_gru";
  static constexpr int gates = 3;
  // z, r, recurrent part of n, input part of n.
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {-1, 2}, {2, -1}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::none, ColumnActivation::none,
                                                            ColumnActivation::none, ColumnActivation::none};
  static constexpr int biases = 0;
  static constexpr Carry carry = Carry::h;
  static constexpr int unit_parameters = 8;
  static constexpr const char* unit_parameters_name = "scale_and_shift";
  static constexpr bool row_statistics = true;

  /// z, r, the recurrent part of n behind its norm, n.
  template <class T, class A>
  RECURRA_INLINE static void gates_of(const Packet<T>* z, const Packet<T>* u, Packet<T>* gate, const A& act) {
    gate[0] = act.template gate<T>(fma(u[0], z[0], u[4]));
    gate[1] = act.template gate<T>(fma(u[1], z[1], u[5]));
    gate[2] = fma(u[2], z[2], u[6]);
    gate[3] = act.template main<T>(fma(gate[1], gate[2], fma(u[3], z[3], u[7])));
  }

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& h, const Packet<T>* u, const A& act) {
    Packet<T> gate[4];
    gates_of<T>(z, u, gate, act);
    h = fma(gate[0], sub(h, gate[3]), gate[3]);
    return h;
  }

  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& h_before, const Packet<T>&, const Packet<T>& dh,
                                      Packet<T>& dh_carried, const Packet<T>* u, Packet<T>* du, const A& act) {
    Packet<T> gate[4];
    gates_of<T>(z, u, gate, act);  // cheaper to recompute than to store
    const Packet<T> update = gate[0], r = gate[1], n = gate[3], d = add(dh, dh_carried);
    du[7] = act.template main_gradient<T>(n, sub(d, mul(d, update)));
    du[6] = mul(du[7], r);
    du[5] = act.template gate_gradient<T>(r, mul(du[7], gate[2]));
    du[4] = act.template gate_gradient<T>(update, mul(d, sub(h_before, n)));
    dh_carried = mul(d, update);
    RECURRA_UNROLL for (int k = 0; k < 4; ++k) {
      du[k] = mul(du[4 + k], z[k]);
      z[k] = mul(du[4 + k], u[k]);
    }
  }
};

}  // namespace recurra
