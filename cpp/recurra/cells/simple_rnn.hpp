// SimpleRNN: h' = a(z). Nothing is carried. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct SimpleRnn : CellDefaults {
  static constexpr const char* name = "simple_rnn";
  static constexpr int gates = 1;
  static constexpr Column columns[] = {{0, 0}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::main};
  static constexpr bool has_recurrent_activation = false;

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>&, const Packet<T>*, const A&) {
    return z[0];
  }
  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>&, const Packet<T>&, const Packet<T>& dh, Packet<T>&,
                                      const Packet<T>*, Packet<T>*, const A& act) {
    z[0] = act.template main_gradient<T>(z[0], dh);
  }
};

}  // namespace recurra
