// IndRNN (Li et al. 2018, "Independently Recurrent Neural Network"): h' = a(z + u h), z from x alone, u a weight of
// each unit. h is carried. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct IndRnn : CellDefaults {
  static constexpr const char* name = "indrnn";
  static constexpr int gates = 1;
  static constexpr Column columns[] = {{0, -1}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::none};
  static constexpr Carry carry = Carry::h;
  static constexpr int unit_parameters = 1;
  static constexpr const char* unit_parameters_name = "recurrent_weights";
  static constexpr bool has_recurrent_activation = false;
  static constexpr Activation usual_activation = Activation::relu;

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& h, const Packet<T>* u, const A& act) {
    h = z[0] = act.template main<T>(fma(u[0], h, z[0]));
    return h;
  }

  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& h_before, const Packet<T>&, const Packet<T>& dh,
                                      Packet<T>& dh_carried, const Packet<T>* u, Packet<T>* du, const A& act) {
    z[0] = act.template main_gradient<T>(z[0], add(dh, dh_carried));
    dh_carried = mul(z[0], u[0]);
    du[0] = mul(z[0], h_before);
  }
};

}  // namespace recurra
