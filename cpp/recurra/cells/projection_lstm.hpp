// LSTM with a projection of h (Sak, Senior and Beaufays 2014): m is what an LSTM calls h', and h' = m Wp. In a step as
// lstm.hpp; h, the input of the recurrent kernel and the output, has fewer units than c. See cell.hpp.
#pragma once
#include "recurra/cells/lstm.hpp"

namespace recurra {

struct ProjectionLstm : CellDefaults {
  static constexpr const char* name = "projection_lstm";
  static constexpr int gates = 4;
  static constexpr Column columns[] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::gate, ColumnActivation::gate,
                                                            ColumnActivation::main, ColumnActivation::gate};
  static constexpr Carry carry = Carry::c;
  static constexpr bool projects = true;

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& c, const Packet<T>* u, const A& act) {
    return Lstm::forward<T>(z, c, u, act);
  }
  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& c_before, const Packet<T>& c_after,
                                      const Packet<T>& dm, Packet<T>& dc, const Packet<T>* u, Packet<T>* du,
                                      const A& act) {
    Lstm::backward<T>(z, c_before, c_after, dm, dc, u, du, act);
  }
};

}  // namespace recurra
